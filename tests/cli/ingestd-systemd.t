#!/usr/bin/env bash
# ccm-ingestd as systemd runs it: sockets that are handed over, what it reports,
# the watchdog.
# shellcheck disable=SC2016 # programs in single quotes are Perl
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/ingestd.sh
. "$ROOT/tests/ingestd.sh"

: >told
start perl -MSocket -e '
	socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
	bind($s, pack_sockaddr_un($ARGV[0])) or die "bind: $!";
	$| = 1;
	print "listening\n";
	while (defined recv($s, my $message, 65536, 0)) { print "$message\n" }' notify >told
until_true 10 grep -q listening told

# activate PID_OFFSET COMMAND...: with a listening socket as descriptor 3, whose
# address goes to the file address; LISTEN_PID is wrong by the offset
activate() {
	exec perl -MSocket -MPOSIX=dup2 -e '
		$^F = 10; # no descriptor is closed by exec
		my $offset = shift;
		socket(my $s, AF_INET, SOCK_STREAM, 0) or die;
		bind($s, pack_sockaddr_in(0, INADDR_LOOPBACK)) or die;
		listen($s, 16) or die;
		open my $out, ">", "address" or die;
		print $out "127.0.0.1:", (unpack_sockaddr_in(getsockname $s))[0], "\n";
		close $out;
		dup2(fileno $s, 3) or die;
		$ENV{LISTEN_FDS} = 1;
		$ENV{LISTEN_PID} = $$ + $offset;
		exec @ARGV' "$@"
}
export NOTIFY_SOCKET=$WORK/notify WATCHDOG_USEC=200000
start activate 0 ccm-ingestd -l 127.0.0.1:1 -s spool 2>ingestd.err
ingestd=$pid
until_true 20 grep -q READY=1 told
ok $? 'it reports when it is ready'
is "$(sed -n 's/.*listening on //p' ingestd.err)" "$(<address)" 'a socket that is handed over takes the place of -l'
at=$(<address) url=http://$at
post shop "{\"metrics\":[$metric]}"
is "$code" 202 '... and is served'
dogs() { [ "$(grep -c WATCHDOG=1 told)" -gt 5 ]; }
until_true 10 dogs
ok $? 'the watchdog hears of it in half of its time'
kill -STOP "$ingestd"
sleep 0.5
before=$(grep -c WATCHDOG=1 told)
sleep 0.5
is "$(grep -c WATCHDOG=1 told)" "$before" '... as long as its loop runs'
kill -CONT "$ingestd"
stop_ingestd
until_true 10 grep -q STOPPING=1 told
is "$status $(grep -c STOPPING=1 told)" '0 1' 'it reports its end'
unset WATCHDOG_USEC NOTIFY_SOCKET
start activate 1 ccm-ingestd -l 127.0.0.1:0 -s spool 2>ingestd.err
ingestd=$pid
until_true 20 grep -q listening ingestd.err
is "$(grep -c "listening on $(<address)" ingestd.err)" 0 'a socket for another process is not taken'
stop_ingestd

#!/usr/bin/env bash
# What ccm-ship tells systemd: that it is there, what waits for Kafka and why,
# that it is about to end.
# shellcheck disable=SC2016 # programs in single quotes are for another shell
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
unset NOTIFY_SOCKET

# listen NAME: a socket such as systemd's; each datagram is a line of the file
# told.
listen() {
	: >told
	start perl -MSocket -e '
		my $name = $ARGV[0];
		$name =~ s/^@/\0/;
		socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
		bind($s, pack_sockaddr_un($name)) or die "bind: $!";
		$| = 1;
		print "listening\n";
		while (defined recv($s, my $message, 65536, 0)) { print "$message\n" }
	' "$1" >told
	until_true 10 grep -q listening told
	export NOTIFY_SOCKET=$1
}
told() { grep -q -- "$1" told; }
last_status() { grep ^STATUS= told | tail -n 1; }
last_is() { [ "$(last_status)" = "STATUS=$1" ]; }
told_times() { [ "$(grep -c -- "$1" told)" -ge "$2" ]; }

# put NAME TEXT: a file for the spool
put() { printf '%b' "$2" >spool/.writing && mv spool/.writing "spool/$1"; }

# prog TEXT: what ccm-ship runs from now on
prog() {
	printf '#!/bin/bash\n%s\n' "$1" >prog.new && chmod +x prog.new && mv prog.new prog
}

mkdir spool
for name in "$WORK/socket" "@ccm-test-$$"; do
	kind=path
	[[ $name != @* ]] || kind='abstract name'
	listen "$name"
	prog 'env >prog.env; cat >>sent'
	rm -f sent
	start ccm-ship spool ./prog 2>err
	ship=$pid
	until_true 10 last_is idle
	ok $? "an idle ccm-ship says so to a socket with a $kind"
	is "$(sed -n 2p told)" READY=1 '... after it has said that it is there'
	put 1 'x\n'
	until_true 10 test -s sent
	until_true 10 told '^STATUS=sending: 1 file (2 bytes)$'
	ok $? 'what is being sent is told'
	until_true 10 last_is idle
	ok $? '... and when it is sent'
	is "$(grep -c NOTIFY_SOCKET prog.env)" 0 'the program does not get the socket'
	kill "$ship"
	wait "$ship"
	until_true 10 last_is stopped
	ok $? 'its end is told'
	is "$(grep -e STOPPING=1 -e STATUS=stopped told | paste -sd' ')" \
		'STOPPING=1 STATUS=stopped' '... before it comes'
done

# ---- Kafka is away

prog 'echo "no broker answered" >&"$CCM_SHIP_REASON"; exit 75'
put 1 'x\n'
put 2 'yz\n'
start ccm-ship spool ./prog 2>err
ship=$pid
until_true 10 told '^STATUS=waiting: 2 files (5 bytes), next try at [0-9:]*Z; ./prog exited with status 75: no broker answered$'
ok $? 'while it fails, what waits and the reason that the program gives are told'
until_true 30 told_times '^STATUS=waiting' 3
ok $? '... at each try'
is "$(<err)" \
	'ccm-ship: WARN: ./prog exited with status 75: no broker answered; 2 files (5 bytes) kept in spool' \
	'... and the log once'
kill -0 "$ship"
ok $? 'it stays'
is "$(jq -r .last_error spool/.status)" './prog exited with status 75: no broker answered' \
	'.status has the reason too'
prog 'printf "two\ttabs and \001 \377 caf\303\251\n" >&"$CCM_SHIP_REASON"; exit 75'
until_true 30 told 'status 75: two'
is "$(last_status | grep -o 'two.*')" 'two tabs and   ? café' \
	'a reason of any bytes is told as one line of UTF-8'
prog 'cat >>sent; until [ -e go ]; do sleep 0.1; done &
	echo "one broker is away" >&"$CCM_SHIP_REASON"; wait'
until_true 60 told '^STATUS=sending: 2 files (5 bytes); one broker is away$'
ok $? 'what a running program waits for is told while it does'
touch go
until_true 30 last_is idle
ok $? 'it recovers by itself, and the reason is gone'
is "$(jq -r .last_error spool/.status)" null '... from .status as well'
kill "$ship"
wait "$ship"

prog 'echo "a record is too large" >&"$CCM_SHIP_REASON"; exit 65'
put 3 'x\n'
run ccm-ship -1 spool ./prog
is "$(<err)" 'ccm-ship: ERROR: 3: ./prog exited with status 65: a record is too large; set aside as spool/bad/3' \
	'the reason is told where a file is set aside'

# ---- sockets that are none

prog 'cat >>sent'
for name in relative @ "/$(printf '%0200d' 0)"; do
	put 4 'x\n'
	NOTIFY_SOCKET=$name run ccm-ship -1 spool ./prog
	like "$status:$(<err)" '^0:ccm-ship: WARN: NOTIFY_SOCKET is' \
		"NOTIFY_SOCKET=${name:0:20} is told, and sending goes on"
done
put 4 'x\n'
NOTIFY_SOCKET=$WORK/absent run ccm-ship -1 spool ./prog
is "$status:$(<err)" '0:' 'a socket that has gone stops nothing'

# ---- what ccm-produce says there

export KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1
unset NOTIFY_SOCKET
put 5 '{"fields":{"value":1},"name":"m","tags":{},"timestamp":1756900800000}\n'
run timeout 60 ccm-ship -1 spool ccm-produce topic
like "$status:$(<err)" \
	'^75:ccm-ship: WARN: ccm-produce exited with status 75: no broker answered: .*; nothing was sent; 1 file .* kept in spool$' \
	'where Kafka is away, ccm-ship tells why, in one line'
is "$(wc -l <err)" 1 '... and ccm-produce does not tell it again'

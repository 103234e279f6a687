#!/usr/bin/env bash
# ccm-ingestd: clients that are slow, greedy or malicious. Each gets the right
# status as problem+json, or is cut off; others are not held up by it.
# shellcheck disable=SC2016 # programs in single quotes are Perl
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/ingestd.sh
. "$ROOT/tests/ingestd.sh"

san=$(grep -c -a __asan_init "$B/bin/ccm-ingestd") # there it takes more memory
export CCM_HEAD_SECONDS=2 CCM_BODY_SECONDS=3 CCM_IDLE_SECONDS=4 CCM_MAX_CONNECTIONS=300
start_ingestd
target='/api/v2/app/shop/metrics HTTP/1.1\r\nHost: localhost\r\n'
json='Content-Type: application/json\r\n'
body="{\"metrics\":[$metric]}"

# ask NAME STATUS BYTES [OPTION]...: the bytes (for printf %b) get an answer with
# that status, as problem+json, and then the end of the connection
ask() {
	printf '%b' "$3" | raw "${@:4}" >answer
	is "$(sed -n 's/^HTTP.1.1 \([0-9]*\).*/\1/p' answer | tail -n 1) $(grep -c problem+json answer) $(sed -n '$s/ .*//p' answer)" \
		"$2 1 end" "$1 is $2"
}

# ---- what a proxy could read in another way; all forms are in the unit test

ask 'Content-Length twice' 400 "POST ${target}${json}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"
ask 'Content-Length and Transfer-Encoding' 400 "POST ${target}${json}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
ask 'a bare LF' 400 'GET /livez HTTP/1.1\nHost: localhost\n\n'
ask 'a folded header' 400 'GET /livez HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n'
ask 'a NUL in a header' 400 'GET /livez HTTP/1.1\r\nHost: localhost\r\nA: b\0c\r\n\r\n'
ask 'a blank before a colon' 400 'GET /livez HTTP/1.1\r\nHost : localhost\r\n\r\n'
ask 'a size of a chunk that is none' 400 "POST ${target}${json}Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n"
ask 'chunked on HTTP/1.0' 400 "POST /api/v2/app/shop/metrics HTTP/1.0\r\n${json}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
ask 'a missing Host' 400 'GET /livez HTTP/1.1\r\n\r\n'
ask 'a second Host' 400 'GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n'
ask 'HTTP/2' 505 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
ask 'TLS' 400 '\x16\x03\x01\x02\x00\x01\x00\x01\xfc'
ask 'a large head' 431 "GET /livez HTTP/1.1\r\nHost: localhost\r\nA: $(printf 'x%.0s' {1..33000})\r\n\r\n"
ask 'a long target' 414 "GET /$(printf 'x%.0s' {1..33000}) HTTP/1.1\r\n"
ask 'a body that is announced as 1 GiB' 413 "POST ${target}${json}Content-Length: 1073741824\r\n\r\n"
ask 'a request behind one that is refused' 400 "POST ${target}${json}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
is "$(grep -c ^HTTP answer)" 1 '... and is not answered: nobody knows where it begins'
ask 'a request that is cut short' 400 "POST ${target}${json}Content-Length: 300\r\n\r\n{" -h

# ---- answers in order

printf 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n%.0s' {1..50} >pipelined
printf 'POST /api/v2/app/shop/metrics HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' "${#body}" "$body" >>pipelined
printf 'GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >>pipelined
raw <pipelined >answer
is "$(sed -n 's/^HTTP.1.1 \([0-9]*\).*/\1/p' answer | uniq -c | tr -s ' ' | paste -sd,) $(tail -n 1 answer | cut -d' ' -f1)" \
	' 50 200, 1 202, 1 404 end' 'pipelined requests are answered in their order, and Connection: close ends them'
raw -h <pipelined >answer
is "$(grep -c ^HTTP answer)" 52 '... also where the client has closed its end'
printf 'GET /livez HTTP/1.0\r\n\r\n' | raw >answer
is "$(grep -c -e '^HTTP/1.1 200' -e '^end after 0 s' answer)" 2 'HTTP/1.0 is answered, and the connection ends'
raw -d 0.01 <<<$'GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r' >answer
is "$(grep -c '^HTTP/1.1 200' answer)" 1 'a request may come byte by byte, if not too slowly'

# ---- slow ones

# seconds: how long the connection of the file answer was open
seconds() { sed -n '$s/.* after \([0-9]*\) s/\1/p' answer; }
printf 'GET /livez HTTP/1.1\r\nHost: localhost\r\nA: %0100d' 0 | raw -d 0.1 >answer
is "$(head -n 1 answer | tr -d '\r') $(($(seconds) >= 2 && $(seconds) < 10))" 'HTTP/1.1 408 Request Timeout 1' \
	'a head that comes a byte at a time has CCM_HEAD_SECONDS'
printf 'POST %b%bContent-Length: 100\r\n\r\n%0100d' "$target" "$json" 0 >slow
{ head -c 110 slow; sleep 0.3; tail -c +111 slow | head -c 20; } | raw >answer
is "$(head -n 1 answer | tr -d '\r') $(($(seconds) >= 3 && $(seconds) < 10))" 'HTTP/1.1 408 Request Timeout 1' \
	'a body has CCM_BODY_SECONDS'
raw </dev/null >answer
is "$(wc -l <answer) $(($(seconds) >= 4 && $(seconds) < 10))" '1 1' 'a connection without a request has CCM_IDLE_SECONDS'

# ---- greedy ones

# attack COUNT: that many connections whose head never comes to an end, and
# connect again when they are cut off
attack() {
	exec perl -MIO::Socket::INET -e '
		my ($count, $at) = @ARGV;
		my (@open, %seen);
		$| = 1;
		$SIG{PIPE} = "IGNORE";
		while (1) {
			for my $i (0 .. $count - 1) {
				$open[$i] = IO::Socket::INET->new(PeerAddr => $at) unless defined $open[$i] && syswrite $open[$i], "x";
				syswrite $open[$i], "GET /livez HTTP/1.1\r\nA: " if $open[$i] && !$seen{$open[$i]}++;
			}
			print "round\n";
			select undef, undef, undef, 0.1;
		}' "$@"
}
start attack 400 "$at" >rounds
attack=$pid
until_true 20 test -s rounds
failed=0
for _ in {1..50}; do
	post shop "$body" --max-time 5
	[ "$code" = 202 ] || failed=$((failed + 1))
done
is "$failed" 0 'with all connections taken by unfinished requests, others are answered'
get /prometheus-metrics
is "$(($(sed -n 's/^ccm_ingestd_refused_total{reason="evicted"} //p' out) > 0)) $(($(sed -n 's/^ccm_ingestd_connections //p' out) <= 301))" \
	'1 1' '... in the place of those that waited longest'
kill -0 "$attack"
ok $? '... while the attack goes on'
kill "$attack"

perl -e 'print qq({"metrics":[),
	join(",", map { qq({"name":"m","value":1,"timestamp":1,"profileId":"p","tags":{"id":"$_"}}) } 1 .. 10000), "]}"' |
	gzip >labels.gz
for _ in {1..20}; do post shop @labels.gz -H 'Content-Encoding: gzip'; done
head -c 8000000 /dev/zero | gzip >bomb
for _ in {1..20}; do
	post shop @bomb -H 'Content-Encoding: gzip' &
	jobs+=("$!")
done
wait "${jobs[@]}"
rss=$(awk '/VmHWM/ { print $2 }' "/proc/$ingestd/status")
is "$((rss < 200000 || rss < 1000000 * san))" 1 "memory stays bounded: $rss KiB at most"
stop_ingestd
is "$status" 0 'it ends as usual'

CCM_MAX_CONNECTIONS_PER_ADDRESS=5 start_ingestd
start attack 20 "$at" >rounds
until_true 20 test -s rounds
get /livez --interface 127.0.0.2
is "$code" 200 'CCM_MAX_CONNECTIONS_PER_ADDRESS: another address is answered'
get /livez
is "$code $(header retry-after)" '429 10' '... the one that has too many is not'
kill "$pid"
answers() { get /livez && [ "$code" = 200 ]; }
until_true 10 answers
ok $? '... until it has fewer'
stop_ingestd

# ---- a reader that does not read

start_ingestd -c fifo
for i in {1..200}; do printf '{"name":"m%d","value":1,"timestamp":1,"profileId":"p","tags":{"t":"%01000d"},"app_id":"a","received":%s}\n' "$i" 0 "$(date +%s%3N)"; done >lines
cat lines >fifo
long() { get '/api/v2/app/a/metrics?limit=1000' && [ "$(wc -c <out)" -gt 200000 ]; }
until_true 10 long
start perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(PeerAddr => $ARGV[0]);
	setsockopt $s, SOL_SOCKET, SO_RCVBUF, 4096;
	syswrite $s, "GET /api/v2/app/a/metrics?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n" x 200;
	print "sent\n"; close STDOUT; sleep 60' "$at" >rounds
until_true 10 test -s rounds
post shop "$body"
is "$code" 202 'a client that does not read its answers holds up nobody'
start=$SECONDS
stop_ingestd
is "$status $((SECONDS - start < 15))" '0 1' '... nor the end of the daemon'

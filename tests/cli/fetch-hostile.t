#!/usr/bin/env bash
# ccm-fetch against a server that answers wrongly: nothing runs without end, and
# each message says what was wrong.
# shellcheck disable=SC2016,SC2119,SC2120 # Perl in quotes; optional arguments
. "$(dirname "$0")/../tap.sh"

export CONFLUENT_METRICS_API_KEY=KEY CONFLUENT_METRICS_API_SECRET=s3cret-api \
	CONFLUENT_METRICS_REQUESTS_PER_MINUTE=100000 GLOBAL_LOG_LEVEL=DEBUG
M=io.confluent.kafka.server/request_bytes
GOOD='{"data":[{"timestamp":"2025-09-02T00:00:00Z","value":1}]}'

# answers CODE: from now on the API answers so; see raw-server.pl
answers() {
	: >url
	start "$ROOT/tests/raw-server.pl" "$1" log >url
	until_true 10 [ -s url ]
	CONFLUENT_METRICS_HOST=$(<url)
	export CONFLUENT_METRICS_HOST
	rm -f log
}
query() { # to the files out, err, stats; the time that it took to $took, in ms
	local began=${EPOCHREALTIME/./}
	run ccm-fetch query -s stats -m $M -r kafka.id=lkc-1 -i 2025-09-02T00:00:00Z/PT1H "$@"
	took=$(((${EPOCHREALTIME/./} - began) / 1000))
}
stat_of() { jq -c ".$1" stats; }
# first_then_good CODE: only the first answer is wrong
first_then_good() { answers "if (\$n == 1) { $1 } json('$GOOD')"; }
# late FROM TO: did the first attempt end then? Up to 0.5 s is the backoff.
between() { echo $((took >= $1 && took <= $2)); }

# ---- silence -----------------------------------------------------------------

for at in "head(200)" "put('HTTP/1.1 200')" "1" "head(200); put('{\"data\":[')"; do
	first_then_good "$at; pause(60)"
	CONFLUENT_METRICS_TIMEOUT=2 query
	is "$status $(wc -l <out) $(between 2000 3500) $(grep -c 'the server was silent for 2 s' err)" "0 1 1 1" \
		"silence after $at ends a request within a second of CONFLUENT_METRICS_TIMEOUT"
done
first_then_good 'pause(1.2); head(200); pause(1.2); put("{\"data\":"); pause(1.2); put("[]}"); exit'
CONFLUENT_METRICS_TIMEOUT=2 query
is "$status $(stat_of requests)" "0 1" "a server that is slow, but not silent, is waited for"

# A listener that accepts nobody: its queue is full.
start perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1) or die;
	my @c = map { IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $s->sockport, Blocking => 0) } 1 .. 4;
	$| = 1; print $s->sockport, "\n"; sleep 1000' >port
until_true 10 [ -s port ]
began=${EPOCHREALTIME/./}
CONFLUENT_METRICS_HOST=http://127.0.0.1:$(<port) CONFLUENT_METRICS_TIMEOUT=1 run timeout 20 ccm-fetch query -m $M -r kafka.id=lkc-1
took=$(((${EPOCHREALTIME/./} - began) / 1000))
is "$status $(between 5000 14000)" "75 1" "a connection that is not made: five attempts of CONFLUENT_METRICS_TIMEOUT each ($took ms)"

# ---- answers without an end --------------------------------------------------

limited() { # NAME CODE MESSAGE: ended by the limit for one request
	first_then_good "$2"
	CONFLUENT_METRICS_REQUEST_TIMEOUT=2 query
	is "$status $(wc -l <out) $(between 2000 3500) $(grep -c "$3" err)" "0 1 1 1" "$1 is ended by CONFLUENT_METRICS_REQUEST_TIMEOUT"
}
limited "a byte each 0.7 s" 'head(200); put("{\"data\":["); drip(" ", 0.7)' 'the answer was not whole after 2 s'
limited "a header line each 0.5 s" 'put("HTTP/1.1 200 x\r\n"); drip("A: b\r\n", 0.5)' 'the answer was not whole after 2 s'
limited "a 503 of a byte each 0.5 s" 'head(503); drip("x", 0.5)' 'the answer was not whole after 2 s'

at_once() { # NAME CODE MESSAGE: ended by its size
	first_then_good "$2"
	query
	is "$status $(wc -l <out) $((took < 5000)) $(grep -c "$3" err)" "0 1 1 1" "$1 is ended, and its message says so"
}
at_once "endless white space in data" 'head(200); put("{\"data\":["); forever(" ")' 'over 1 MiB of white space'
at_once "endless white space before an answer" 'head(200); forever(" ")' 'too much beside "data"'
at_once "an element without an end" 'head(200); put("{\"data\":[{\"a\":\""); forever("x")' 'is over 16 MiB'
at_once "an endless error body" 'head(503); forever("no ")' 'HTTP 503'
at_once "an endless line in the header" 'put("HTTP/1.1 200 x\r\nA: "); forever("x")' 'the header of the answer is too long'
at_once "a header of endless lines" 'put("HTTP/1.1 200 x\r\n"); forever("A: b\r\n")' 'the header of the answer is too long'
at_once "a page token with a NUL" 'json("{\"data\":[],\"meta\":{\"pagination\":{\"next_page_token\":\"a\\u0000b\"}}}"); exit' 'the page token has a NUL in it'

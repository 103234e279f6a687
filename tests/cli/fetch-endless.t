#!/usr/bin/env bash
# ccm-fetch and an API that never ends: each query has limits, and what stands
# behind it is requested all the same.
# shellcheck disable=SC2119,SC2120 # its options are optional
. "$(dirname "$0")/../simulators.sh"

M=io.confluent.kafka.server
stat_of() { jq -c ".$1" stats; }
# fetch [VARIABLE=VALUE...]: two metrics, of which the first never ends
fetch() {
	rm -f owed
	forget_requests
	run env TMPDIR="$WORK/tmp" "$@" ccm-fetch query -e owed -s stats -i PT1H/2025-09-02T01:00:00Z \
		-m $M/request_bytes -m $M/response_bytes -r kafka.id=lkc-0001,lkc-0002 -g resource.kafka.id
}
# never_ends FAULT: the answer to the query of the first metric
never_ends() {
	no_faults
	fault '{"path":"query","match":"request_bytes","times":-1,"fault":'"$1"'}'
}
# ends NAME MESSAGE REQUESTS [VARIABLE=VALUE...]: the first is owed, and says
# why; the second is answered, after so many requests at most
ends() {
	local name=$1 message=$2 requests=$3
	shift 3
	fetch "$@"
	is "$status $(wc -l <out) $(jq -r '.aggregations[].metric' owed) $(grep -c "$message" err) $(($(stat_of requests) <= requests))" \
		"0 2 $M/request_bytes 1 1" "$name ($(stat_of requests) requests)"
}

mkdir tmp
start_cloud
point='{\"timestamp\":\"2025-09-02T00:00:00Z\",\"resource.kafka.id\":\"lkc-0001\",\"value\":1}'
page() { printf '{"status":200,"body":"{\\"data\\":[%s],\\"meta\\":{\\"pagination\\":{\\"next_page_token\\":\\"%s\\"}}}"}' "$1" "$2"; }

# ---- pages -------------------------------------------------------------------

never_ends "$(page "$point" TOKEN)"
ends "the same page token again ends the query" "the same page token again" 3
like "$(cat err)" "WARN: $M/request_bytes: .*; owed" "... which is owed"
run ccm-fetch query -s stats -i PT1H/2025-09-02T01:00:00Z -m $M/request_bytes -r kafka.id=lkc-0001 -g resource.kafka.id
is "$status $(wc -c <out) $(grep -c 'ERROR.*same page token' err)" "75 0 1" "... or fails without -e: exit 75, and nothing half"
never_ends '"empty_pages"'
ends "ever-new page tokens with empty pages end the query" "11 empty pages in a row" 12
ends "a query has a limit of pages" "over 4 pages (CONFLUENT_METRICS_QUERY_PAGES)" 5 CONFLUENT_METRICS_QUERY_PAGES=4
never_ends "$(page "$point" 'A\\u0000B')"
fetch
is "$status $(wc -l <out) $(wc -l <owed) $(cloud GET log | grep -c page_token)" "0 2 1 0" "a page token with a NUL is refused, and not cut"

# ---- bytes -------------------------------------------------------------------

never_ends '{"endless":",'"$point"'","body":"{\"data\":['"$point"'"}'
ends "an endless \"data\" ends the query" "over 20000000 bytes (CONFLUENT_METRICS_QUERY_BYTES)" 2 CONFLUENT_METRICS_QUERY_BYTES=20000000
never_ends '{"endless":"                                                                ","body":"{\"data\":["}'
ends "endless white space ends the query" "over 1 MiB of white space; gave up" 6
never_ends '{"endless":"upstream connect error ","status":503}'
fetch
is "$status $(wc -l <out) $(grep -c 'upstream connect error' err) $(stat_of requests)" "0 2 2 6" "an endless error answer is no more than an error"
is "$(find tmp -type f | wc -l)" 0 "no temporary file is left"

# ---- time --------------------------------------------------------------------

never_ends '{"endless":" ","body":"{\"data\":[","pause":300}'
before=$EPOCHSECONDS
ends "a byte each third of a second ends the query" "no whole answer in 2 s (CONFLUENT_METRICS_QUERY_SECONDS)" 2 CONFLUENT_METRICS_QUERY_SECONDS=2
is "$((EPOCHSECONDS - before <= 6))" 1 "... in that time"

for setting in SECONDS PAGES BYTES; do
	fetch CONFLUENT_METRICS_QUERY_$setting=0
	is "$status $(grep -c "CONFLUENT_METRICS_QUERY_$setting" err)" "78 1" "CONFLUENT_METRICS_QUERY_$setting=0 is refused"
done

#!/usr/bin/env bash
# ccm-fetch and the limit on requests, which takes its minute.
# shellcheck disable=SC2119 # its options are optional
. "$(dirname "$0")/../simulators.sh"

M=io.confluent.kafka.server
query() { ccm-fetch query -s stats -i 2025-09-02T00:00:00Z/PT1H "$@"; }
requests() { cloud GET log | grep -c .; }

start_cloud -r 3 -R 3
run query -l 1 -m $M/request_bytes -r kafka.id=lkc-0001,lkc-0002 -g principal_id
is "$status $(wc -l <out) $(jq -c '[.requests, .throttled]' stats)" "0 8 [8,0]" \
	"a limit that the API says is used up is waited for, and provokes no 429"
rm -rf "$CCM_RATE_DIR"

start_cloud
export CONFLUENT_METRICS_REQUESTS_PER_MINUTE=5
(query -l 1 -m $M/request_bytes -r kafka.id=lkc-0001,lkc-0002 -g principal_id >one 2>/dev/null) &
sleep 3
is "$(requests)" 5 "told 5 a minute, it sends five and waits"
SECONDS=0
timeout 2 ccm-fetch descriptors resources >/dev/null 2>&1
is "$? $(requests)" "124 5" "... and another run on the machine waits too"
wait $!
is "$(wc -l <one) $((SECONDS >= 55))" "8 1" "... until the minute is over; then all is there"
is "$(cloud GET log | jq -s 'map(.time) | [range(0; length - 5) as $i | .[$i + 5] - .[$i]] | min >= 60000')" true "in no 60 seconds were there more than five"
export CONFLUENT_METRICS_REQUESTS_PER_MINUTE=100000
like "$(head -1 "$CCM_RATE_DIR"/*)" '^[0-9]{13}$' "the file of the rate is text, a time a line"
is "$(stat -c %a "$CCM_RATE_DIR"/*)" 660 "... which a group can share"
rm -rf "$CCM_RATE_DIR"
mkdir elsewhere
touch elsewhere/file
CCM_RATE_DIR=elsewhere/file run query -m $M/request_bytes -r kafka.id=lkc-0001
is "$status" 73 "CCM_RATE_DIR that is no directory: exit 73"

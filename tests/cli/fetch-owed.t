#!/usr/bin/env bash
# ccm-fetch: what is answered, owed, or refused for good, and what the summary
# says of it.
# shellcheck disable=SC2119,SC2120 # its options are optional
. "$(dirname "$0")/../simulators.sh"

M=io.confluent.kafka.server
stat_of() { jq -c ".$1" stats; }
ids() { seq -s, -f "lkc-%04.0f" "$1" "$2"; } # FROM TO
# fetch [ARGUMENT...]: three metrics of four clusters, with -e
fetch() {
	rm -f owed
	forget_requests
	run ccm-fetch query -e owed -s stats -i PT1H/2025-09-02T01:00:00Z "$@" \
		-m $M/request_bytes -m $M/response_bytes -m $M/retained_bytes \
		-r kafka.id="$(ids 1 4)" -g resource.kafka.id
}
# for_second FAULT: for the query of the second metric, for ever
for_second() {
	no_faults
	fault '{"path":"query","match":"response_bytes","times":-1,"fault":'"$1"'}'
}

start_cloud -c 4

# ---- the summary -------------------------------------------------------------

fetch
is "$status $(jq -c 'del(.seconds, .clock_ahead_seconds)' stats)" \
	'0 {"bodies":3,"answered":3,"nodata":0,"owed":0,"refused":0,"points":12,"unreadable":0,"requests":3,"retries":0,"throttled":0,"api_time":'"$(date -d "$CCM_NOW" +%s)"'000,"reachable":null,"statuses":[],"unauthorised":false,"refused_resources":[],"silent_resources":[],"refused_queries":[]}' \
	"the summary of a run in which all is answered"
cloud POST date '{"ahead":18000}'
fetch
is "$(stat_of api_time)" "$(($(date -d "$CCM_NOW" +%s) + 18000))000" "api_time is the API's Date"
cloud POST date '{"ahead":null}'
fetch
is "$(stat_of api_time)" null "... and null without one"
cloud POST date '{"ahead":0}'

# ---- 401 and 407 -------------------------------------------------------------

for code in 401 407; do
	for_second '{"status":'$code'}'
	fetch
	is "$status $(wc -l <out) $(wc -l <owed) $(jq -c '[.answered, .owed, .reachable, .statuses, .unauthorised]' stats)" \
		"77 $(wc -l <out) $((3 - $(stat_of answered))) [$(stat_of answered),$((3 - $(stat_of answered))),false,[77],true]" \
		"$code in the middle of an hour: the rest is owed, exit 77"
	is "$(($(stat_of requests) <= 3)) $(grep -c "HTTP $code" err)" "1 1" "... nothing else is requested, and it is reported once"
	run ccm-fetch query -s stats <owed
	no_faults
done
run ccm-fetch query <owed
is "$status $(grep -c response_bytes out)" "0 4" "... and what is owed can be sent as it is"

# ---- no answer at all --------------------------------------------------------

# The status, its body, and the exit status without -e.
while read -r code body alone; do
	for_second "{\"status\":$code,\"body\":\"$body\"}"
	fetch
	is "$status $(wc -l <out) $(wc -l <owed) $(stat_of requests) $(stat_of retries)" "0 8 1 3 0" "$code $body is no answer: owed at once"
	run ccm-fetch query -i PT1H/2025-09-02T01:00:00Z -m $M/response_bytes -r kafka.id=lkc-0001
	is "$status" "$alone" "... and without -e exit $alone"
done <<-'END'
	400 <html>Proxy</html> 69
	403 <html>Proxy</html> 69
	413 <html>Proxy</html> 69
	413 {\"errors\":[{\"detail\":\"large\"}]} 69
	405 {\"errors\":[{\"detail\":\"POST?\"}]} 69
	409 {\"errors\":[{\"detail\":\"busy\"}]} 75
	204 no 75
END
for_second '{"status":403,"body":"<html>\u0007Blocked   by\npolicy</html>'"$(printf '%0200d' 0)"'"}'
fetch
is "$(grep -o 'HTTP 403.*' err)" "HTTP 403, but not from the Metrics API: <html> Blocked by policy</html>$(printf '%069d' 0); owed: it is queried again in a later run" \
	"an answer that is not the API's is shown, a hundred printable characters of it"
for_second '{"status":503,"body":"upstream connect error","headers":{}}'
GLOBAL_LOG_LEVEL=DEBUG fetch
is "$(grep -c 'HTTP 503, but not from the Metrics API: upstream connect error' err)" 6 \
	"... at DEBUG for each attempt, and at the end"

# ---- refused for good --------------------------------------------------------

for_second '{"status":400}'
fetch
is "$status $(wc -l <out) $(test -s owed; echo $?) $(stat_of refused_queries)" \
	"69 8 1 [{\"metric\":\"$M/response_bytes\",\"status\":400,\"detail\":\"Simulated fault\"}]" \
	"the API's own 400 for a query is refused for good, with metric and detail"
is "$(jq -c '[.answered, .refused, .owed, .reachable, .statuses]' stats)" '[2,1,0,null,[69]]' "... the others are answered"
no_faults
refuse_ids lkc-0003
fetch
is "$status $(wc -l <out) $(jq -c '[.answered, .refused, .owed, .statuses]' stats)" "77 9 [3,3,0,[77]]" "a cluster that is refused is never owed"
is "$(stat_of 'refused_resources|map([.label,.id,.status])')" '[["resource.kafka.id","lkc-0003",403]]' "... and in the summary"
like "$(grep ERROR err)" "ERROR: $M/[a-z_]*: resource.kafka.id lkc-0003: refused .*HTTP 403: .*" "... reported with metric and detail"
refuse_ids

# ---- is the API there? -------------------------------------------------------

no_faults
fault '{"times":-1,"fault":"html"}'
fetch
is "$status $(wc -l <owed) $(jq -c '[.owed, .reachable]' stats) $(cloud GET log | grep -c descriptors)" "0 3 [3,false] 1" \
	"a page that is not the API's to all requests: owed, and not reachable"
no_faults
fault '{"path":"query","times":-1,"fault":{"status":503,"headers":{}}}'
fetch
is "$(jq -c '[.owed, .reachable, .requests]' stats)" '[3,true,16]' "queries that fail, and descriptors that do not: reachable"
no_faults
fault '{"path":"query","times":-1,"fault":{"status":503,"headers":{}}}' '{"path":"descriptors","times":-1,"fault":{"status":401}}'
fetch
is "$status $(jq -c '[.owed, .reachable, .unauthorised]' stats)" '77 [3,false,true]' "... or refused with 401: not reachable, exit 77"
no_faults
rm -f owed
CONFLUENT_METRICS_HOST=http://127.0.0.1:1 run ccm-fetch query -e owed -s stats \
	-m $M/request_bytes -m $M/response_bytes -m $M/retained_bytes -r kafka.id=lkc-0001
is "$status $(jq -c '[.owed, .reachable, .api_time]' stats)" '0 [3,false,null]' "nobody listens: not reachable"

# ---- elements that cannot be read --------------------------------------------

good='{\"timestamp\":\"2025-09-02T00:00:00Z\",\"resource.kafka.id\":\"lkc-0001\",\"value\":1}'
bad='{\"timestamp\":\"2025-09-02T00:00:00Z\",\"resource.kafka.id\":\"lkc-0002\",\"value\":1e400}'
printf '%s\n' '{"aggregations":[{"metric":"'$M'/request_bytes"}],"filter":{"op":"OR","filters":[{"field":"resource.kafka.id","op":"EQ","value":"lkc-0001"},{"field":"resource.kafka.id","op":"EQ","value":"lkc-0002"}]},"granularity":"PT1H","group_by":["resource.kafka.id"],"intervals":["PT1H/2025-09-02T01:00:00Z"],"limit":1000}' >body
fault '{"path":"query","times":2,"fault":{"status":200,"body":"{\"data\":['"$good,$bad"']}"}}'
run ccm-fetch query -r rejects -s stats <body
is "$status $(wc -l <out) $(cat rejects) $(jq -c '[.answered, .points, .unreadable, .statuses]' stats)" \
	"65 1 ${bad//\\/} [1,1,1,[65]]" "an element that cannot be read costs itself only, and is kept"
is "$(grep -c 'ERROR.*1e400' err) $(stat_of requests)" "1 1" "... it is shown, and the query is not repeated"
run ccm-fetch query -s stats <body
is "$status $(wc -l <out) $(stat_of unreadable)" "65 1 1" "... and the same without -r"

# ---- points that the query does not name -------------------------------------

no_faults
other='{\"timestamp\":\"2025-09-02T00:00:00Z\",\"resource.kafka.id\":\"lkc-9999\",\"value\":1}'
early='{\"timestamp\":\"2025-09-01T23:00:00Z\",\"resource.kafka.id\":\"lkc-0001\",\"value\":1}'
fault '{"path":"query","fault":{"status":200,"body":"{\"data\":['"$other,$good,$other"']}"}}'
run ccm-fetch query <body
is "$status $(wc -l <out) $(grep -c 'WARN.*: 2 points .*lkc-9999' err) $(grep -c 'does not name' err)" "0 3 1 1" \
	"points of a cluster that the query does not name are passed on, and reported once"
fault '{"path":"query","fault":{"status":200,"body":"{\"data\":['"$good,$early"']}"}}'
run ccm-fetch query <body
is "$status $(wc -l <out) $(grep -c 'WARN.*: 1 point of .*2025-09-01T23:00:00Z' err)" "0 2 1" "... and so are those of another hour"

# ---- usage -------------------------------------------------------------------

run ccm-fetch query -l 2 <body
is "$status $(wc -l <err)" "64 1" "-l with bodies from standard input is refused"
run ccm-fetch query -r nope -m $M/request_bytes
is "$status $(wc -l <err)" "64 1" "-r FILE with -m is refused"
run ccm-fetch query -e owed -s stats </dev/null
is "$status $(jq -c '[.bodies, .requests, .reachable]' stats)" "0 [0,0,null]" "an empty list of bodies is fine"

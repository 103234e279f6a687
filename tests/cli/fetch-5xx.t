#!/usr/bin/env bash
# ccm-fetch and a resource on which the API fails (500, 504, a timeout): the
# others are answered all the same, and an API that is down is left alone.
# shellcheck disable=SC2119,SC2120 # its options are optional
. "$(dirname "$0")/../simulators.sh"

M=io.confluent.kafka.server
cost=(-m "$M/request_bytes" -m "$M/response_bytes" -m "$M/retained_bytes")
stat_of() { jq -c ".$1" stats; }
requests() { cloud GET log | grep -c .; }
ids() { seq -s, -f "lkc-%04.0f" "$1" "$2"; } # FROM TO
# fetch [ARGUMENT...]: three metrics of twenty clusters, or as told
fetch() {
	[ $# -gt 0 ] || set -- "${cost[@]}" -r kafka.id="$(ids 1 20)" -g resource.kafka.id
	rm -f owed
	forget_requests
	run ccm-fetch query -e owed -s stats -i PT1H/2025-09-02T01:00:00Z "$@"
}
fails() { # FAULT [MATCH...]: for ever
	local fault=$1
	shift
	fault '{"path":"query","match":'"$(jq -nc '$ARGS.positional' --args "$@")"',"times":-1,"fault":'"$fault"'}'
}
owed_ids() { jq -r '.filter | (.filters // [.])[].value' owed | sort | uniq -c | awk '{printf "%s%s*%d", s, $2, $1; s = " "}'; }

start_cloud -c 200

# ---- one cluster of twenty ---------------------------------------------------

fails '{"status":500}' lkc-0013
fetch
is "$status $(wc -l <out) $(owed_ids)" "0 57 lkc-0013*3" \
	"a cluster that gets 500 is owed, and the others are answered, for each metric"
# Each query fails five times; then one is split (10 at most), the probe is for
# nothing to have been answered, and two are asked without the cluster.
is "$(($(stat_of requests) <= 15 + 1 + 10 + 4))" 1 "... at the cost of 2 log2(20) + 2 requests at most ($(stat_of requests) in all)"
is "$(cloud GET log | grep -c descriptors)" 1 "... once descriptors/metrics has shown that the API answers others"
no_faults
fails '{"status":504}' lkc-0013 response_bytes
fetch
is "$(wc -l <out) $(owed_ids) $(($(stat_of requests) <= 2 + 5 + 10))" "59 lkc-0013*1 1" \
	"a cluster that fails for one metric costs no other metric's values ($(stat_of requests) requests)"
# Five attempts take 7.5 s at most.
fault '{"path":"query","match":"retained_bytes","fault":{"slow":9000}}'
fetch
is "$(wc -l <out) $(owed_ids) $(cloud GET log | grep -c descriptors)" "59 lkc-0013*1 0" \
	"where another query is answered after the failure, that is the sign"
run ccm-fetch query -s stats -i PT1H/2025-09-02T01:00:00Z -m $M/response_bytes -r kafka.id="$(ids 1 20)" -g resource.kafka.id
is "$status $(wc -l <out) $(grep -c 'ERROR.*lkc-0013' err)" "75 19 1" "without -e it is an error that names the cluster: exit 75"

no_faults
fails '{"status":500}' lkc-0002
fails '{"status":500}' lkc-0019
fetch -m $M/request_bytes -r kafka.id="$(ids 1 20)" -g resource.kafka.id
is "$status $(wc -l <out) $(owed_ids)" "0 18 lkc-0002*1 lkc-0019*1" "two such clusters are found"

# ---- the rest of the run -----------------------------------------------------

no_faults
fails '{"status":500}' lkc-0013
export CCM_RUN=run-1
fetch -k memory "${cost[@]}" -r kafka.id="$(ids 1 20)" -g resource.kafka.id
fetch -k memory "${cost[@]}" -r kafka.id="$(ids 1 20)" -g resource.kafka.id
is "$status $(wc -l <out) $(owed_ids) $(stat_of requests)" "0 57 lkc-0013*3 6" \
	"the next hour of the run asks it apart, once: six requests for three metrics"
no_faults
CCM_RUN=run-2 fetch -k memory "${cost[@]}" -r kafka.id="$(ids 1 20)" -g resource.kafka.id
is "$status $(wc -l <out) $(stat_of requests)" "0 60 3" "... and the next run asks all together again"
unset CCM_RUN

# ---- a timeout ---------------------------------------------------------------

fails '{"stall":60}' lkc-0003 request_bytes
CONFLUENT_METRICS_TIMEOUT=1 fetch "${cost[@]}" -r kafka.id="$(ids 1 4)" -g resource.kafka.id
is "$status $(wc -l <out) $(owed_ids)" "0 11 lkc-0003*1" "a cluster of which no answer comes in time costs itself only"

# ---- an API that is down is not split ----------------------------------------

no_faults
fault '{"times":-1,"fault":{"status":500}}'
fetch
is "$status $(wc -l <out) $(wc -l <owed) $(stat_of requests)" "0 0 3 16" "all requests get 500: five each and one probe, and no query is split"
is "$(jq -c '[.answered, .owed, .reachable]' stats)" '[0,3,true]' "... which is the API's own 500: it is there"
no_faults
fault '{"times":-1,"fault":{"status":500,"body":"<html>Bad day</html>"}}'
fetch
is "$status $(stat_of requests) $(jq -c '[.answered, .owed, .reachable]' stats) $(grep -c 'Bad day' err)" "0 16 [0,3,false] 7" \
	"... or somebody else's: the API is not to be reached"
no_faults
fails '{"status":429,"headers":{}}' lkc-0013 request_bytes
fails '{"status":502}' lkc-0013 response_bytes
fails '{"status":503}' lkc-0013 retained_bytes
fetch "${cost[@]}" -m $M/received_bytes -r kafka.id="$(ids 1 20)" -g resource.kafka.id
is "$status $(wc -l <out) $(stat_of requests) $(wc -l <owed)" "0 20 16 3" "429, 502 and 503 are never split"

no_faults
fault '{"path":"query","times":-1,"percent":30,"seed":7,"fault":{"status":503}}'
metrics=()
for m in request_bytes response_bytes retained_bytes received_bytes sent_bytes received_records sent_records active_connection_count; do
	metrics+=(-m "$M/$m")
done
for ((i = total = owing = 0; i < 4; i++)); do
	fetch "${metrics[@]}" -r kafka.id="$(ids 1 200)" -g resource.kafka.id
	((total += $(stat_of requests), owing += $(stat_of owed)))
done
is "$((total * 10 <= 32 * 17)) $((owing <= 2))" "1 1" "30 % random 503 with 200 clusters: at most 1.7 requests a query ($total for 32)"

# ---- points that do not name their cluster -----------------------------------

no_faults
fails '{"status":500}' lkc-0002
printf '%s\n' '{"aggregations":[{"metric":"'$M'/request_bytes"}],"filter":{"op":"OR","filters":[{"field":"resource.kafka.id","op":"EQ","value":"lkc-0001"},{"field":"resource.kafka.id","op":"EQ","value":"lkc-0002"}]},"granularity":"PT1H","group_by":["metric.type"],"intervals":["PT1H/2025-09-02T01:00:00Z"],"limit":1000}' >body
run ccm-fetch query -e owed -s stats <body
is "$status $(wc -l <out)" "0 0" "a sum over clusters is owed whole"
diff body owed >"diff"
ok $? "... as it was"

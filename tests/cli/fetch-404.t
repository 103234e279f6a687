#!/usr/bin/env bash
# ccm-fetch and resources without data (404): found once, remembered, and never
# taken for what they are not.
# shellcheck disable=SC2119,SC2120 # its options are optional
. "$(dirname "$0")/../simulators.sh"

M=io.confluent.kafka.server
cost=(-m "$M/request_bytes" -m "$M/response_bytes" -m "$M/retained_bytes")
stat_of() { jq -c ".$1" stats; }
requests() { cloud GET log | grep -c .; }
ids() { seq -s, -f "lkc-%04.0f" "$1" "$2"; } # FROM TO

# hour NN [ARGUMENT...]: that hour of twenty clusters, or as told
hour() {
	local h=$1
	shift
	[ $# -gt 0 ] || set -- "${cost[@]}" -r kafka.id="$(ids 1 20)" -g resource.kafka.id
	CCM_NOW=2025-09-02T$h:05:00Z run ccm-fetch query -k memory -e owed -s stats \
		-i "PT1H/2025-09-02T$h:00:00Z" "$@"
}

start_cloud -c 20 -x 404 -n 2025-09-02T23:05:00Z

# ---- four clusters of twenty without data ------------------------------------

for four in "0003 0008 0013 0018" "0001 0006 0011 0016" "0005 0010 0015 0020" "0017 0018 0019 0020"; do
	rm -f memory
	# shellcheck disable=SC2046,SC2086 # four of them
	refuse_ids $(printf 'lkc-%s ' $four)
	hour 01
	is "$status $(wc -l <out) $(($(stat_of requests) <= 44)) $(stat_of answered) $(stat_of nodata)" "0 48 1 3 0" \
		"clusters $four of 20 are empty: at most 44 requests for three metrics ($(stat_of requests))"
	hour 02
	is "$status $(wc -l <out) $(stat_of requests)" "0 48 15" "... and 3 + 12 in the next hour"
	hour 03
	is "$status $(stat_of requests) $(stat_of 'silent_resources|map(.id[4:])|join(" ")')" "0 15 \"$four\"" "... and in the one after; they are named"
done
is "$(grep -c ERROR err)" 0 "none of it is an error"

refuse_ids lkc-0017 lkc-0019 lkc-0020
hour 04
is "$status $(wc -l <out) $(stat_of requests) $(jq -r .suspect memory | sort | uniq -c | awk '{print $1}' | sort -u)" "0 51 15 3" \
	"a suspect that has data again is answered, and is a suspect no more"
hour 05
is "$status $(wc -l <out) $(stat_of requests)" "0 51 12" "... and goes with the others from then on"
refuse_ids
hour 06
hour 07
is "$status $(wc -l <out) $(stat_of requests) $(wc -l <memory)" "0 60 3 0" "when all have data, it is one request a metric"

# ---- some metrics only -------------------------------------------------------

rm -f memory
fault '{"path":"query","match":["lkc-0007","request_bytes"],"times":-1,"fault":{"status":404}}'
hour 08
is "$status $(wc -l <out) $(jq -r '"\(.suspect) \(.id)"' memory)" "0 59 $M/request_bytes lkc-0007" \
	"a cluster without one metric is a suspect for that one alone"
hour 09
is "$status $(wc -l <out) $(stat_of requests)" "0 59 4" "... and costs one request more"
no_faults

# ---- what is remembered, and for how long ------------------------------------

rm -f memory
refuse_ids lkc-0002
for day in 01 02 03; do
	for h in 01 13; do
		CCM_NOW=2025-09-${day}T$h:05:00Z run ccm-fetch query -k memory -s stats "${cost[@]}" \
			-r kafka.id="$(ids 1 20)" -g resource.kafka.id -i "PT1H/2025-09-${day}T$h:00:00Z"
		echo "$status $(stat_of requests) $(grep -c ERROR err)"
	done
done >days
is "$(tail -n +2 days | sort -u)" "0 6 0" "an idle cluster costs one request a metric for three days, and no ERROR"
CCM_NOW=2025-09-05T13:06:00Z run ccm-fetch query -k memory -s stats "${cost[@]}" \
	-r kafka.id="$(ids 1 20)" -g resource.kafka.id -i PT1H/2025-09-02T13:00:00Z
is "$(($(stat_of requests) > 6))" 1 "a suspect is forgotten after a day ($(stat_of requests) requests)"
rm memory
hour 12
printf '%s\n' garbage '{"suspect":1}' '{"refused":403,"label":"a","id":"b"}' '[]' >>memory
hour 13
is "$status $(stat_of requests) $(grep -c 'WARN.*memory: 4 of 7 lines' err) $(wc -l <memory)" "0 6 1 3" \
	"garbage in the file is reported once and dropped; the rest of it counts"
rm memory
mkdir memory
hour 13
is "$status $(wc -l <out) $(grep -c 'WARN.*memory' err)" "0 57 2" "a file that cannot be used costs requests only"
rmdir memory
mkfifo memory
hour 13
is "$status $(wc -l <out)" "0 57" "a FIFO is not waited for"
rm memory

# ---- nothing but 404 ---------------------------------------------------------

refuse_ids lkc-0001 lkc-0002 lkc-0003
all=("${cost[@]}" -r kafka.id="$(ids 1 3)" -g resource.kafka.id)
hour 14 "${all[@]}"
is "$status $(jq -c '[.answered, .nodata, .owed, .reachable, .statuses]' stats)" "0 [0,3,0,true,[]]" \
	"all clusters are idle: no data, once descriptors/metrics has answered"
is "$(cloud GET log | tail -1 | jq -r '.url | split("?")[0]') $(cloud GET log | grep -c descriptors)" \
	"/v2/metrics/cloud/descriptors/metrics 1" "... which is requested once"
is "$(stat_of api_time)" "$(date -d 2025-09-02T23:05:00Z +%s)000" "... and gives the time, too"
hour 15 "${all[@]}"
is "$status $(stat_of requests)" 0\ 10 "... and the next hour takes one request for each, and that one"
fault '{"path":"descriptors","times":-1,"fault":{"status":404}}'
hour 15 "${all[@]}"
is "$status $(jq -c '[.answered, .nodata, .reachable, .statuses]' stats) $(grep -c 'ERROR.*check CONFLUENT_METRICS_HOST' err)" "75 [0,3,false,[75]] 1" \
	"a path where nothing is but 404 is no answer: exit 75"
no_faults
run ccm-fetch query -s stats -m $M/request_bytes -r kafka.id=lkc-0001 -i PT1H/2025-09-02T02:00:00Z
is "$status $(jq -c '[.nodata, .owed, .reachable]' stats)" "0 [1,0,true]" "a single cluster without data is no error"
fault '{"path":"query","fault":"html404"}'
hour 15 -m $M/request_bytes -r kafka.id=lkc-0004
is "$status $(jq -c '[.nodata, .owed, .reachable]' stats) $(grep -c 'Sign in' err)" "0 [0,1,true] 1" \
	"a 404 that is not the API's is owed, and shows what it said"

# ---- a refusal costs its search once a run -----------------------------------

rm -f memory owed
start_cloud -c 20 -n 2025-09-02T23:05:00Z
refuse_ids lkc-0009
export CCM_RUN=run-1
hour 01
first=$(stat_of requests)
hour 02
is "$status $(stat_of requests) $(wc -l <out) $((first > 6)) $(grep -c ERROR err)" "77 3 57 1 0" \
	"an id that is refused costs its search once a run ($first requests, then 3)"
is "$(stat_of 'refused_resources[0]|[.id,.status,(.detail|length > 0)]') $(jq -c '[.refused, .statuses]' stats)" \
	'["lkc-0009",403,true] [3,[77]]' "... and is in the summary of each call"
CCM_RUN=run-2 hour 03
is "$status $(stat_of requests) $(grep -c 'ERROR.*lkc-0009' err)" "77 $first 1" "... and is tried again in the next run"
unset CCM_RUN
hour 04
is "$(stat_of requests)" "$first" "... and so it is without CCM_RUN"

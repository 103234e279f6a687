#!/usr/bin/env bash
# ccm-fetch export: the minute and the 80 requests an hour of each resource,
# across runs, and what query leaves of the minute's requests.
# shellcheck disable=SC2119 # options are optional
. "$(dirname "$0")/../simulators.sh"

export_() { run ccm-fetch export -s stats -m io.confluent.kafka.server/partition_count "$@"; }
requests() { cloud GET log | grep -c /export; }
samples() { grep -c '^[^#]' out; }
stats() { jq -c "$1" stats; }
# now HH:MM:SS
now() {
	export CCM_NOW=2025-09-02T$1Z
	cloud POST now "{\"now\":\"$CCM_NOW\"}" >/dev/null
	forget_requests
}
anew() {
	rm -rf "$CCM_RATE_DIR"
	no_faults
	now 01:05:00
}

start_cloud -H 0

# ---- the minute

anew
export_ -r kafka.id=lkc-0001
now 01:05:30
export_ -r kafka.id=lkc-0001,lkc-0002
is "$status $(requests) $(grep -o 'lkc-000.' out | tr '\n' ' ')" "75 1 lkc-0002 " \
	"a resource that was answered less than 50 s ago is held back; the others go on"
is "$(grep -c . err) $(<err)" "1 ccm-fetch: WARN: 1 resource held back until 2025-09-02T01:05:51Z, such as resource.kafka.id lkc-0001: answered less than 50 s ago" \
	"... and one line says until when"
is "$(stats '.held_resources[0].id')" '"lkc-0001"' "... and the summary"
now 01:05:55
export_ -r kafka.id=lkc-0001
is "$status $(requests)" "0 1" "... and then it is requested again"
now 01:07:00
export_ -r kafka.id=lkc-0001 -r kafka.id=lkc-0002
is "$status $(requests) $(samples)" "0 1 2" "a run a minute is what is allowed"
now 01:08:00
fault '{"path":"export","times":4,"fault":{"status":503}}'
export_ -r kafka.id=lkc-0001
is "$status $(requests)" "0 5" "retries within a run are not held back by it"
now 01:09:00
fault '{"path":"export","times":5,"fault":{"status":503}}'
export_ -r kafka.id=lkc-0001
now 01:09:05
export_ -r kafka.id=lkc-0001
is "$status $(requests)" "0 1" "a run that got no answer holds back no other"
export CONFLUENT_METRICS_API_KEY=OTHER
export_ -r kafka.id=lkc-0001
export CONFLUENT_METRICS_API_KEY=KEY
is "$status $(requests)" "77 2" "another key is another principal, with limits of its own"
now 01:04:00
export_ -r kafka.id=lkc-0001
is "$status $(requests)" "0 1" "a clock that was set back stops nothing: times in the future are dropped"
now 01:06:00
for file in "$CCM_RATE_DIR"/*.export.KEY; do printf '{"label":1}\nx\n' >>"$file"; done
export_ -r kafka.id=lkc-0001
like "$status $(<err)" '^0 .*WARN: .*export.KEY: garbage in it counts for nothing' "garbage in the file stops nothing"
is "$(stat -c %a "$CCM_RATE_DIR"/*.export.KEY)" 660 "the file is one that a group can share"

# ---- the hour

anew
for ((i = 0; i < 35; i++)); do
	printf -v time '01:%02d:%02d' $((5 + i * 55 / 60)) $((i * 55 % 60))
	now "$time"
	fault '{"path":"export","fault":{"status":503}}'
	export_ -r kafka.id=lkc-0001
	[ "$status" = 0 ] || break
done
is "$i $(requests)" "35 2" "35 runs of two requests each are 70"
now 01:38:00
fault '{"path":"export","fault":{"status":503}}'
export_ -r kafka.id=lkc-0001 -r kafka.id=lkc-0002
is "$status $(requests) $(grep -o 'kafka_id="lkc-000.' out)" '75 2 kafka_id="lkc-0002' \
	"the last ten of an hour are not for retries; another resource has its own"
like "$(<err)" 'WARN: resource.kafka.id lkc-0001: HTTP 503: .*; no retry' "... which is reported"
for ((i = 0; i < 9; i++)); do
	printf -v time '01:%02d:00' $((40 + i))
	now "$time"
	export_ -r kafka.id=lkc-0001
	[ "$status" = 0 ] || break
done
is "$i" 9 "... but for runs"
now 01:50:00
export_ -r kafka.id=lkc-0001 -r kafka.id=lkc-0003
is "$status $(requests) $(samples)" "75 1 1" "with 80 requests in an hour a resource is held back; the others go on"
like "$(<err)" 'held back until 2025-09-02T02:05:0.Z.*lkc-0001: their requests of this hour are used up' "... until the first of them is an hour old"
now 02:05:30
export_ -r kafka.id=lkc-0001
is "$status $(requests)" "0 1" "... and then requested"

# ---- what the API says

kill "$cloud_pid"
start_cloud -H 3
anew
for minute in 05 06 07; do
	now "01:$minute:00"
	export_ -r kafka.id=lkc-0001
done
rm -rf "$CCM_RATE_DIR" # another machine has used them up
now 01:08:00
export_ -r kafka.id=lkc-0001 -r kafka.id=lkc-0002
is "$status $(requests) $(grep -o 'kafka_id="lkc-000.' out)" '75 2 kafka_id="lkc-0002' \
	"a 429 that names a resource holds that one back; the others are requested again"
like "$(<err)" 'held back until 2025-09-02T02:05:0.Z.* lkc-0001: the API has answered 429' "... for as long as the API says"
is "$(stats .throttled)" 1 "... and is counted"
now 01:09:00
export_ -r kafka.id=lkc-0001 -r kafka.id=lkc-0002
is "$status $(requests) $(samples)" "75 1 1" "the next run does not try"
kill "$cloud_pid"
start_cloud
anew
fault '{"path":"export","fault":{"retry_after":600}}'
export_ -r kafka.id=lkc-0001
is "$status $(requests)" "75 1" "a long Retry-After is not slept through"
now 01:06:00
export_ -r kafka.id=lkc-0001
is "$status $(requests)" "75 0" "... nor ignored by the next run"
now 01:15:30
export_ -r kafka.id=lkc-0001
is "$status $(requests)" "0 1" "... until it is over"
kill "$cloud_pid"

# ---- other runs

start_cloud
anew
export CONFLUENT_METRICS_REQUESTS_PER_MINUTE=6
export_ -r kafka.id=lkc-0001
# sent: how many requests a query of eight pages sends before it has to wait
sent() {
	forget_requests
	timeout 2 ccm-fetch query -l 1 -m io.confluent.kafka.server/request_bytes \
		-r kafka.id=lkc-0001,lkc-0002 -g principal_id >/dev/null 2>&1
	cloud GET log | grep -c /query
}
is "$(sent)" 4 "query leaves as many requests of a minute as the last export took"
now 01:06:00
export_ -r kafka.id=lkc-0001
is "$status $(requests)" "0 1" "... so that the export finds one"
anew
export_ -r kafka.id=lkc-0001
is "$(CCM_EXPORT_RESERVE=3 sent)" 2 "CCM_EXPORT_RESERVE says how many"
anew
is "$(CCM_EXPORT_RESERVE=3 sent)" 6 "where there is no export, query takes them all"

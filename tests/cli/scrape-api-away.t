#!/bin/bash
# ccm-scrape while the API is away, and while it stays (-l).
# shellcheck source=tests/simulators.sh
. "$(dirname "$0")/../simulators.sh"

start_kafka -b 1
start_cloud -c 3

# staying DIRECTORY [NAME=VALUE]...: a ccm-scrape -l; $pid
staying() {
	local directory=$1
	shift
	start env STATE_DIRECTORY="$WORK/$directory" "$@" GLOBAL_LOG_LEVEL=DEBUG \
		ccm-scrape -l -S 2>"$directory.err"
}

# has COUNT TEXT FILE
has() { [ "$(grep -c -e "$2" "$3")" -eq "$1" ]; }

was_asked() { [ -n "$(cloud GET log)" ]; }

# ---- -l: this one sees its minute come five seconds after its start

at 02
echo "$CONFLUENT_METRICS_CLUSTER_ID_LIST" >list
echo "$CONFLUENT_METRICS_API_SECRET" >secret
staying staying CCM_NOW=2025-09-02T02:04:55Z \
	CONFLUENT_METRICS_API_SECRET= CONFLUENT_METRICS_API_SECRET_FILE=secret \
	CONFLUENT_METRICS_CLUSTER_ID_LIST= CONFLUENT_METRICS_CLUSTER_ID_LIST_FILE=list
staying=$pid

# ---- the API is down for three hours

expect 00 01 02
until_true 20 test -d staying/hours/2025-09-02T01Z
at 01
port=${CONFLUENT_METRICS_HOST##*:}
kill "$cloud_pid"
wait "$cloud_pid"
run ccm-scrape
is "$status" 75 "the API is down: status 75"
is "$(hours)" '' "... the hour is not done"
is "$(<"$STATE_DIRECTORY/status/first")" 2025-09-02T00Z "... but wanted from now on"
is "$(find "$STATE_DIRECTORY/work" -mindepth 1)" '' "... nothing is left behind"
CCM_NOW=2025-09-02T02:05:00Z
run ccm-scrape
is "$status" 75 "an hour later: status 75"
is "$(grep 'the API did not answer' err | cut -d: -f3)" ' hour 2025-09-02T00Z' "... the oldest hour is tried, once: no other, where nothing of the API answers"
CCM_NOW=2025-09-02T03:05:00Z
run ccm-scrape
is "$status" 75 "another hour later: status 75"
is "$(grep 'the API did not answer' err | cut -d: -f3)" ' hour 2025-09-02T00Z' \
	"... the same: one hour is tried"
: >cloud.url
start_cloud -c 3 -p "$port"
run ccm-scrape
is "$status" 0 "the API is back: status 0"
is "$(asked | cut -d ' ' -f 1 | uniq | paste -sd ' ')" \
	'2025-09-02T00Z 2025-09-02T01Z 2025-09-02T02Z' "... the hours are backfilled, oldest first"
as_wanted "... and every value is on the topic, once"

# ---- the one that stayed

is "$(cd staying/hours && ls)" '2025-09-02T00Z
2025-09-02T01Z' "-l: runs at once, and again when its minute comes"
kill -0 "$staying"
ok $? "... and stays"
begin=${EPOCHREALTIME/./}
kill "$staying"
wait "$staying"
is "$?" 0 "... until SIGTERM: status 0"
(((${EPOCHREALTIME/./} - begin) < 1000000))
ok $? "... at once"

staying failing CCM_NOW=2025-09-02T02:04:57Z CONFLUENT_METRICS_API_SECRET=wrong
until_true 20 has 2 'the run ended with 77' failing.err
ok $? "-l: a run that fails ends nothing"
kill "$pid"
wait "$pid"
is "$?" 0 "... and SIGTERM is as good as ever"

forget_requests
fault '{"times":-1,"fault":{"stall":60}}'
staying stalled
until_true 10 was_asked
begin=${EPOCHREALTIME/./}
kill "$pid"
wait "$pid"
is "$?" 75 "-l: SIGTERM in the middle of a run: status 75"
(((${EPOCHREALTIME/./} - begin) < 2000000))
ok $? "... at once"
is "$(find stalled/work stalled/hours stalled/spool -mindepth 1)" '' "... and nothing half is left"

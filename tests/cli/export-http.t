#!/usr/bin/env bash
# ccm-export to http targets: DataKit and the like, which may be away, slow, or
# refuse what they get.
# shellcheck disable=SC2119 # options are optional
. "$(dirname "$0")/../simulators.sh"
# shellcheck source=tests/http.sh
. "$ROOT/tests/http.sh"
# shellcheck disable=SC2034 # http.sh
authorization='' content_type=''

now() {
	export CCM_NOW=2025-09-02T$1Z
	cloud POST now "{\"now\":\"$CCM_NOW\"}" >/dev/null
}
# start_peer FILE [OPTION...]: its URL goes to FILE
start_peer() {
	start "$SIM/sim-metrics" "${@:2}" >"$1"
	until_true 10 test -s "$1"
}
# peer FILE METHOD PATH: the answer's body
peer() {
	url=$(<"$1")
	http "$2" "$3"
	[ -z "$body" ] || printf '%s\n' "$body"
}
lines() { peer "$1" GET /sim/lines; }
queue() { find "$STATE_DIRECTORY/export" -path "*$1*" -type f ! -name '.*' ! -path '*/bad/*' | wc -l; }

start_cloud
export CONFLUENT_METRICS_CLUSTER_ID_LIST=lkc-0001 CONFLUENT_METRICS_COMPUTE_POOL_ID_LIST=lfcp-0001 \
	CONFLUENT_METRICS_CONNECTOR_ID_LIST=lcc-0001
start_peer datakit -t tkn_1
start_peer influx -t s3cret
datakit="$(<datakit)/v1/write/metric?token=tkn_1"
influx=$(<influx)
export CCM_EXPORT_TO="http:$datakit $influx/api/v2/write?org=o&bucket=b" CCM_EXPORT_TOKEN_2=s3cret

# ---- what they get

now 01:05:00
run ccm-export -n
is "$status $(lines datakit)" "0 " "-n stores nothing"
like "$(<out)" 'confluent,kafka_id=lkc-0001,topic=topic-0001 kafka_server_received_bytes=' "... and shows what DataKit would take"
rm -rf "$CCM_RATE_DIR"
run ccm-export
is "$status $(<err)" "0 " "a run sends to DataKit and InfluxDB"
lines datakit | sort >got
ccm-normalize -I prometheus -k <"$STATE_DIRECTORY/export/last.prom" | ccm-linefmt -M confluent | sort >wanted
cmp -s wanted got
ok $? "... all samples, as line protocol"
lines influx | sort | cmp -s - wanted
ok $? "... both of them"
# The names of DataKit's own integration.
for field in active_connection_count consumer_lag_offsets partition_count received_bytes received_records \
	request_bytes request_count response_bytes rest_produce_request_bytes retained_bytes sent_bytes \
	sent_records successful_authentication_count; do
	grep -q "^confluent,kafka_id=lkc-0001[^ ]* kafka_server_$field=[0-9.e+]* 1756774800000000000\$" got || echo "$field"
done >missing
is "$(<missing)" "" "DataKit's 13 metrics have the measurement, the tags and the fields of its integration"
is "$(grep -o ' kafka_connect_sent_records=\| flink_num_records_in=' got | sort -u | tr -d '\n')" \
	" flink_num_records_in= kafka_connect_sent_records=" "... and those of connectors and Flink the same form"
count=$(wc -l <got)
rm -rf "$CCM_RATE_DIR"
run ccm-export
is "$status $(lines datakit | wc -l)" "0 $count" "what has not changed is not sent again"
! grep -rq 'tkn_1\|s3cret' "$STATE_DIRECTORY" err
ok $? "no secret is in the state or a message"

# ---- one of them fails

peer datakit POST '/sim/fault?status=503&times=1000'
for minute in 06 07 08; do
	now "01:$minute:00"
	run ccm-export
done
is "$status $(queue api_v2) $(queue v1_write) $(($(lines influx | wc -l) > count))" "75 0 3 1" "while DataKit is away its bodies wait, and InfluxDB has its own"
like "$(<err)" 'ccm-ship: WARN: ccm-post exited with status 75: http.*/v1/write/metric: HTTP 503' "... with the reason"
peer datakit POST '/sim/fault?status=503&times=0'
now 01:09:00
run ccm-export
is "$status $(queue v1_write)" "0 0" "they are sent when it is back"
lines datakit | sort | cmp -s - <(lines influx | sort)
ok $? "... all of them, and none twice"
is "$(lines datakit | grep partition_count | cut -d ' ' -f 3 | tr '\n' ' ')" \
	"1756774800000000000 1756774860000000000 1756774920000000000 1756774980000000000 1756775040000000000 " "... oldest first"
peer datakit POST '/sim/fault?status=400&times=2'
now 01:10:00
run ccm-export
is "$status $(find "$STATE_DIRECTORY/export" -path '*v1_write*/bad/*' -type f | wc -l)" "65 1" "a body that is refused is set aside"
now 01:11:00
peer datakit POST '/sim/fault?status=400&times=0'
run ccm-export
is "$status" 0 "... and stops none behind it"
peer datakit POST '/sim/fault?status=403&times=1'
now 01:12:00
run ccm-export
is "$status $(queue v1_write)" "75 1" "a refused token keeps the body"

# ---- the queue

export CCM_EXPORT_TO="${datakit%\?*}" CCM_EXPORT_QUEUE_BYTES=20000
unset CCM_EXPORT_TOKEN_2
for minute in 13 14 15 16; do
	now "01:$minute:00"
	run ccm-export
done
bytes=$(cat "$STATE_DIRECTORY"/export/*v1_write_metric/[0-9]* | wc -c)
is "$status $((bytes <= 20000 || $(queue v1_write_metric) == 1))" "75 1" "a queue has a bound"
like "$(<err)" 'has more than 20000 bytes: [0-9]+ files? dropped' "... what is dropped is reported"
is "$(jq '.dropped | add > 0' "$STATE_DIRECTORY/export/totals.json")" true "... and counted"

# ---- kill

export CCM_EXPORT_TO="$influx/api/v2/write?org=o&bucket=b" CCM_EXPORT_TOKEN_1=s3cret CCM_EXPORT_QUEUE_BYTES=1000000000
lines influx | sort -u >wanted
hit=0 duration=400000
for ((i = 20; i < 20 + ${KILLS:-10}; i++)); do
	printf -v CCM_NOW '2025-09-02T%02d:%02d:00Z' $((2 + i / 60)) $((i % 60))
	now "${CCM_NOW:11:8}"
	# Made of the simulator itself.
	ccm-fetch export -r kafka.id=lkc-0001 -r compute_pool.id=lfcp-0001 -r connector.id=lcc-0001 2>err |
		ccm-normalize -I prometheus -k | ccm-linefmt -M confluent >>wanted
	rm -rf "$CCM_RATE_DIR"
	setsid ccm-export >/dev/null 2>&1 &
	sid=$!
	started+=("$sid")
	at_random_moment "$sid"
	kill -9 -- "-$sid" 2>/dev/null
	wait "$sid" 2>/dev/null
done
rm -rf "$CCM_RATE_DIR"
run ccm-export
is "$status $(queue api_v2)" "0 0" "after kills at any moment, a run delivers what is queued"
lines influx | sort -u >got
is "$(sort -u wanted | comm -13 - got | wc -l) $(find "$STATE_DIRECTORY/export" -path '*api_v2*/bad/*' | wc -l)" "0 0" \
	"... and no body was half"
tail -n 1 wanted | grep -qxFf - got
ok $? "... the last minute is there"

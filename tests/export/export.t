#!/usr/bin/env bash
# ccm-export to a real InfluxDB and a real VictoriaMetrics: a query there returns
# the API's values. One is away for a while, and has all of them in the end.
# shellcheck disable=SC2119 # options are optional
. "$(dirname "$0")/../simulators.sh"
# shellcheck source=tests/export/peers.sh
. "$ROOT/tests/export/peers.sh"

now() {
	export CCM_NOW=2025-09-02T$1Z
	cloud POST now "{\"now\":\"$CCM_NOW\"}" >/dev/null
}

start_cloud
export CONFLUENT_METRICS_COMPUTE_POOL_ID_LIST=lfcp-0001 CONFLUENT_METRICS_CONNECTOR_ID_LIST=lcc-0001 \
	CONFLUENT_METRICS_KSQL_ID_LIST=lksqlc-0001 CONFLUENT_METRICS_SCHEMA_REGISTRY_ID_LIST=lsrc-0001
start_influxdb
start_victoria_metrics
vm_pid=$pid
export CCM_EXPORT_TO="http:$influxdb/write?db=metrics http:$victoria/write"
for minute in 05 06 07 08; do
	now "01:$minute:00"
	if [ "$minute" = 06 ]; then
		kill "$vm_pid"
		wait "$vm_pid"
	fi
	[ "$minute" != 08 ] || { start victoria-metrics -httpListenAddr="${victoria#http://}" \
		-storageDataPath="$WORK/vm" -retentionPeriod=100y -memory.allowedBytes=100MB >vm.log 2>&1
		until_true 30 answers "$victoria/health"; }
	run ccm-export
	echo "$status" >>statuses
	ccm-normalize -I prometheus -k <"$STATE_DIRECTORY/export/last.prom" >>records
done
is "$(paste -sd ' ' statuses)" "0 75 75 0" "while VictoriaMetrics is away, runs exit 75"

# Each sample as a line: NAME, its tags sorted, value, time. VictoriaMetrics
# keeps ten digits of a fraction or more.
rounded() { awk -F '\t' -v OFS='\t' '$3 != int($3) { $3 = sprintf("%.9g", $3) } 1' | sort; }
jq -r '[.name, (.tags | to_entries | sort_by(.key) | map("\(.key)=\(.value)") | join(",")),
	.fields.value, .timestamp] | @tsv' records | rounded >wanted
all_there() {
	curl -s "$victoria/internal/force_flush" >/dev/null
	exported '{__name__=~"confluent_.*"}' | jq -r '.metric.__name__ as $name
		| (.metric | del(.__name__) | to_entries | sort_by(.key) | map("\(.key)=\(.value)") | join(",")) as $tags
		| [.values, .timestamps] | transpose[] | [$name, $tags] + . | @tsv' | rounded >got
	[ "$(wc -l <got)" -eq "$(wc -l <wanted)" ]
}
until_true 30 all_there
diff wanted got >"diff"
ok $? "VictoriaMetrics has each of $(wc -l <wanted) samples of four minutes, each once, with the API's value"
rm -f "diff"

# InfluxDB: what a field of a cluster comes to.
fields=$(influx 'SHOW FIELD KEYS' | jq -r '.[0]')
is "$(sort <<<"$fields")" "$(jq -r '.name | sub("^confluent_"; "")' records | sort -u)" "InfluxDB has each field"
while read -r field; do
	curl -s -G "$influxdb/query" --data-urlencode db=metrics --data-urlencode \
		"q=SELECT count($field), sum($field) FROM confluent WHERE kafka_id != '' GROUP BY kafka_id" |
		jq -c --arg f "$field" '.results[0].series[]? | [$f, .tags.kafka_id] + .values[0][1:]'
done < <(grep '^kafka_server' <<<"$fields") | sort >got
jq -s -c 'map(select(.tags.kafka_id)) | group_by([.name, .tags.kafka_id])[]
	| [(.[0].name | sub("^confluent_"; "")), .[0].tags.kafka_id, length, (map(.fields.value) | add)]' records | sort >wanted
# Sums of fractions depend on the order.
grep -v load_percent got >got.exact
grep -v load_percent wanted | diff - got.exact >"diff"
ok $? "... and a query returns the API's values"
is "$(influx 'SELECT count(flink_num_records_in) FROM confluent')" "[0,$(grep -c flink_num_records_in records)]" "... those of Flink too"

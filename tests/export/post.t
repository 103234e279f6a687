#!/usr/bin/env bash
# ccm-post and the real InfluxDB and VictoriaMetrics: what was sent is what a
# query there returns.
# shellcheck source=tests/export/peers.sh
. "$(dirname "$0")/peers.sh"

line='confluent,kafka_id=lkc-1,topic=a\ b\,c kafka_server_received_bytes=10.5 1756900800000000000'

start_influxdb
run ccm-post "$influxdb/write?db=metrics" <<<"$line"
is "$status $(<err)" "0 " "InfluxDB takes a point"
is "$(influx 'SELECT kafka_server_received_bytes, topic FROM confluent')" \
	'[1756900800000,10.5,"a b,c"]' "... and has its value, tag and time"
run ccm-post "$influxdb/write?db=metrics" <<<"$line"
is "$(influx 'SELECT count(kafka_server_received_bytes) FROM confluent')" '[0,1]' "a body that is sent twice is stored once"
run ccm-post "$influxdb/write?db=metrics" <<<'confluent,kafka_id=lkc-1 kafka_server_received_bytes=10i 1756900860000000000'
is "$status" 65 "an integer where floats are is refused"
like "$(<err)" 'HTTP 400: .*field type conflict' "... with InfluxDB's reason"
run ccm-post "$influxdb/write?db=none" <<<"$line"
like "$status $(<err)" '^65 .*HTTP 404: .*database not found' "a database that does not exist is refused"
for ((i = 1; i <= 20000; i++)); do
	echo "confluent,kafka_id=lkc-$i kafka_server_partition_count=$i 1756900800000000000"
done >body
run ccm-post "$influxdb/write?db=metrics" <body
is "$status $(influx 'SELECT count(kafka_server_partition_count), sum(kafka_server_partition_count) FROM confluent')" \
	"0 [0,20000,200010000]" "20,000 points go in one body"

start_victoria_metrics
run ccm-post "$victoria/write" <<<"$line"
is "$status $(<err)" "0 " "VictoriaMetrics takes a point"
has_series() { [ -n "$(exported 'confluent_kafka_server_received_bytes')" ]; }
until_true 20 has_series
is "$(exported confluent_kafka_server_received_bytes | jq -c '[.metric.topic, .values, .timestamps]')" \
	'["a b,c",[10.5],[1756900800000]]' "... and names its series by measurement and field"

#!/usr/bin/env bash
# GET /export of the simulated Metrics API: what the tests of the exporter rely
# on. It is as strict as the API's description.
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/http.sh
. "$ROOT/tests/http.sh"

# start_cloud [OPTION...]: its URL is in $url, the clock stands at 13:10:41
start_cloud() {
	rm -f cloud.url
	start "$SIM/sim-cloud" -r 0 -n 2025-09-03T13:10:41Z "$@" >cloud.url
	until_true 10 test -s cloud.url
	url=$(<cloud.url)
}

# scrape ARGUMENTS: the answer is in $code, $headers and $body (http.sh)
scrape() { http GET "/v2/metrics/cloud/export?$1"; }
samples() { grep -c '^[^#]' <<<"$body"; }
families() { grep -c '^# TYPE' <<<"$body"; }
detail() { jq -r '.errors[0] | .status + " " + .detail' <<<"$body"; }

start_cloud
scrape resource.kafka.id=lkc-0001
like "$code $headers" '^200 .*Content-Type: text/plain;version=0.0.4' \
	'without an Accept header the answer is Prometheus text'
is "$(sed -n '1,3p' <<<"$body" | cut -d ' ' -f 1-3)" \
	$'# HELP confluent_kafka_server_received_bytes\n# TYPE confluent_kafka_server_received_bytes\nconfluent_kafka_server_received_bytes{kafka_id="lkc-0001",topic="topic-0001",} 1072360.0 1756904700000' \
	'a family has HELP, TYPE and samples of a whole minute, five minutes ago'
is "$(grep '^# TYPE' <<<"$body" | cut -d ' ' -f 4 | sort -u)" gauge 'every family is a gauge'
is "$(grep -c partition= <<<"$body") $(grep -c tableflow <<<"$body")" '0 0' \
	'partitions, and metrics that are not known to be exported, are not there'
minute=$(grep -F 'received_bytes{kafka_id="lkc-0001",topic="topic-0003"' <<<"$body" | cut -d ' ' -f 2)
http POST /v2/metrics/cloud/query '{"aggregations":[{"metric":"io.confluent.kafka.server/received_bytes"}],
	"filter":{"op":"AND","filters":[{"field":"resource.kafka.id","op":"EQ","value":"lkc-0001"},
		{"field":"metric.topic","op":"EQ","value":"topic-0003"}]},
	"granularity":"PT1M","intervals":["2025-09-03T13:05:00Z/PT1M"]}'
is "$(jq '.data[0].value' <<<"$body")" "${minute%.0}" 'a sample is what a query for its minute gives'
scrape 'resource.kafka.id=lkc-0001&resource.kafka.id=lkc-0002&resource.connector.id=lcc-0001&resource.ksql.id=lksqlc-0001&resource.schema_registry.id=lsrc-0001&resource.compute_pool.id=lfcp-0002'
is "$(grep -o '{[a-z_]*="[a-z]*-000.' <<<"$body" | sort -u | tr '\n' ' ')" \
	'{compute_pool_id="lfcp-0002 {connector_id="lcc-0001 {kafka_id="lkc-0001 {kafka_id="lkc-0002 {ksql_id="lksqlc-0001 {schema_registry_id="lsrc-0001 ' \
	'several resources of all types go in one request'
like "$body" 'flink_num_records_in\{compute_pool_id="lfcp-0002",flink_statement_uid="uid-0001",flink_statement_name="statement-0001",\} ' \
	'a statement comes with its pool, and may lack a label'
like "$body" 'watermark_milliseconds\{[^}]*\} -9.223372036854776E18 ' 'no watermark is the smallest integer'
like "$body" 'task_stored_bytes\{[^}]*\} 1\.[0-9]+E12 ' 'a large value has an exponent as Java writes it'
promtool check metrics <<<"$body" 2>&1 | grep -v 'error while\|camelCase\|no help' >out
! grep -q 'parsing error' out
ok $? 'promtool reads it'
scrape 'resource.kafka.id=lkc-0001&metric=io.confluent.kafka.server/partition_count'
is "$(families) $(samples)" '1 1' 'metric= picks families'
curl -s -u SIMKEY:SIMSECRET -H 'Accept: application/openmetrics-text;version=1.0.0' -D headers \
	--compressed "$url/v2/metrics/cloud/export?resource.kafka.id=lkc-0001" >out
like "$(<headers)" 'openmetrics-text;version=1.0.0.*Content-Encoding: gzip' 'OpenMetrics, and gzip, are there for who accepts them'
is "$(sed -n '1,2p;$p' out)" $'# TYPE confluent_kafka_server_received_bytes gauge\n# UNIT confluent_kafka_server_received_bytes bytes\n# EOF' \
	'... with UNIT and the end mark'
like "$(<out)" '\} 1072360.0 1756904700.000' '... and timestamps in seconds'

# ---- refusals

scrape resource.kafka.id=lkc-9999
is "$(detail)" '403 Unauthorized for the following resources: lkc-9999' 'a foreign resource is 403, and named'
scrape 'resource.kafka.id=lkc-0001&resource.kafka.id='
like "$(detail)" '^403 ' 'an empty id makes the whole request a 403'
scrape ''
like "$(detail)" '^403 ' 'so does none'
scrape 'resource.kafka.id=lkc-0001&metric=x'
is "$(detail)" '400 Unknown metric: x' 'an unknown metric is 400'
scrape 'resource.flink_statement.name=x'
like "$(detail)" '^400 Unknown query parameter' '... and so is an unknown parameter'
http POST /v2/metrics/cloud/export
is "$code" 405 'it takes GET only'
http POST /sim/refuse '{"ids":["lkc-0002"]}'
http POST /sim/export '{"access":"unnamed"}'
scrape 'resource.kafka.id=lkc-0001&resource.kafka.id=lkc-0002'
is "$code $(grep -c lkc-0002 <<<"$body")" '403 0' 'a 403 may name no id'
http POST /sim/export '{"access":"reported"}'
scrape 'resource.kafka.id=lkc-0001&resource.kafka.id=lkc-0002'
is "$code $(grep '^confluent_scrape' <<<"$body")" '200 confluent_scrape_resource_access_error{resource_type="resource.kafka.id",resource_id="lkc-0001",} 0.0
confluent_scrape_resource_access_error{resource_type="resource.kafka.id",resource_id="lkc-0002",} 1.0' \
	'... or come as a family'
is "$(grep -c '^[^#].*kafka_id="lkc-0002"' <<<"$body")" 0 '... without a sample of that resource'

# ---- failed metrics, the cap, the limit

http POST /sim/export '{"access":"named","failed":["io.confluent.kafka.server/sent_bytes"]}'
scrape resource.kafka.id=lkc-0001
is "$code" 500 'a metric that fails is an error'
scrape 'resource.kafka.id=lkc-0001&ignore_failed_metrics=true'
is "$code $(grep '^export_status.*[^0].0$' <<<"$body")" \
	'200 export_status{export_status="error",metric="io.confluent.kafka.server/sent_bytes",resource="kafka",} 1.0' \
	'... but with ignore_failed_metrics it is reported'
is "$(grep -c '^confluent_kafka_server_sent_bytes' <<<"$body")" 0 '... and missing'
http POST /sim/export '{"failed":[],"samples_max":7}'
scrape 'resource.kafka.id=lkc-0001&resource.kafka.id=lkc-0003&metric=io.confluent.kafka.server/received_bytes'
is "$code $(samples)" '200 7' 'what is over the cap is cut off without a word'
http POST /sim/export '{"cap":1}'
is "$code" 400 'what /sim/export does not know is refused'

start_cloud -H 3
for _ in 1 2 3; do scrape 'resource.kafka.id=lkc-0001'; done
is "$code" 200 'with -H the hour has so many requests'
scrape 'resource.kafka.id=lkc-0001&resource.kafka.id=lkc-0002'
is "$(detail)" '429 Too many requests have been made for the following resources: kafka.id:lkc-0001. Please see the documentation for current rate limits.' \
	'... one more is 429, which names the resource'
scrape resource.kafka.id=lkc-0002
is "$code" 200 '... and others are answered'
like "$headers" 'rateLimit-limit: 3' '... with the limit of the resource in the headers'
http POST /sim/now '{"now":"2025-09-03T14:10:42Z"}'
scrape resource.kafka.id=lkc-0001
is "$code" 200 '... until an hour has passed'

#!/bin/bash
# ccm-scrape, from the API to the topic: what is asked, what arrives, what is
# left for the next run.
# shellcheck source=tests/simulators.sh
. "$(dirname "$0")/../simulators.sh"

start_kafka -b 1 -t confluent-metrics -t -X
start_cloud -c 3

# ---- an hour

run ccm-scrape
is "$status" 0 "the first run: status 0"
is "$(hours)" 2025-09-02T00Z "it does the last complete hour, and no other"
is "$(asked | sort)" '2025-09-02T00Z request_bytes
2025-09-02T00Z response_bytes
2025-09-02T00Z retained_bytes' "a request for each metric, whatever the clusters"
ccm-scrape -n -f 2025-09-02T00 | grep -v '^#' | ccm-fetch query 2>/dev/null |
	ccm-normalize | sort >wanted
is "$(wc -l <wanted)" 39 "three clusters: 12 principals twice, 15 topics"
as_wanted "every value is on the topic, once"
is "$(spool)" '' "the spool is empty"
is "$(last_run 'del(.time, .started, .totals.since)')" '{"exit":0,"hours":["2025-09-02T00Z"],"requests":3,"throttled":0,"refused_resources":[],"records":39,"rejected":0,"owed_bodies":0,"hours_lost":0,"hours_undone":0,"minute":5,"ships":true,"last_hour":"2025-09-02T00Z","totals":{"runs":1,"hours":1,"requests":3,"throttled":0,"records":39,"rejected":0}}' \
	"status/last-run.json"
like "$(<err)" 'ccm-hours: hour 2025-09-02T00Z: 39 records, 3 requests, [0-9.]+ s' \
	"a line for the hour"
like "$(<err)" 'ccm-produce: 39 records to confluent-metrics in [0-9.]+ s, of 2025-09-02T00Z.001.ndjson'$ \
	"... a line for the topic"
is "$(wc -l <err)" 2 "... and no other"
is "$(find "$STATE_DIRECTORY" -perm /077 ! -type l)" '' \
	"nothing in the state directory is readable by others"
forget_requests
run ccm-scrape
is "$status" 0 "with nothing to do: status 0"
is "$(asked)" '' "... nothing is asked"
is "$(<err)" '' "... nothing is said"

# ---- hours that were missed

forget_topic
expect 01 02 03
run ccm-scrape
is "$status" 0 "three hours were missed: status 0"
is "$(asked | cut -d ' ' -f 1 | uniq)" '2025-09-02T01Z
2025-09-02T02Z
2025-09-02T03Z' "they are backfilled, the oldest first"
as_wanted "... all of their values, once"
like "$(<err)" '3 hours to be done, the oldest is 2025-09-02T01Z' "... and that is said"

# ---- metrics and queries

cat >own.json <<'END'
{"resource":"kafka.id","queries":[
 {"metric":"io.confluent.kafka.server/partition_count"},
 {"metric":"io.confluent.kafka.server/partition_cuont"}]}
END
forget_topic
at 05
forget_requests
CCM_QUERIES=own.json run ccm-scrape
is "$status" 69 "a metric that the API does not know: status 69"
is "$(grep -c 'ERROR: io.confluent.kafka.server/partition_cuont: .*Unknown metric' err)" 1 \
	"... one error names it, with what the API says"
like "$(asked)" 'partition_cuont' "... it is queried all the same"
is "$(on_topic | jq -r .name | uniq -c | tr -s ' ')" ' 3 confluent_kafka_server_partition_count' \
	"... and the other metric arrives"
cloud GET log | grep -c descriptors >n
is "$(<n)" 0 "... and no request goes to the metrics' names: ccm-check checks those"

forget_topic
at 06
export CONFLUENT_METRICS_COMPUTE_POOL_ID_LIST=lfcp-0001,lfcp-0002
export CONFLUENT_METRICS_CONNECTOR_ID_LIST=lcc-0001
export CONFLUENT_METRICS_KSQL_ID_LIST=lksqlc-0001
export CONFLUENT_METRICS_SCHEMA_REGISTRY_ID_LIST=lsrc-0001
CCM_QUERIES=kafka-cost,kafka-throughput,kafka-lag,flink-pool,flink-statement,connect,ksql,schema-registry \
	run ccm-scrape
is "$status" 0 "all presets: status 0"
is "$(grep -c WARN err)" 0 "... without a warning"
on_topic >got
is "$(jq -r .name got | sort -u | wc -l)" 26 "... and all of their 26 metrics have values"
is "$(jq -r '[.name, (.tags | keys_unsorted[])] | join(" ")' got | sort -u | grep -E 'flink.*num_records_in|lag|task_stored|cfu_limit|throughput|received_bytes')" \
	'confluent_flink_compute_pool_utilization_cfu_limit compute_pool_id
confluent_flink_num_records_in compute_pool_id flink_statement_name
confluent_kafka_connect_received_bytes connector_id
confluent_kafka_ksql_task_stored_bytes ksql_id query_id task_id
confluent_kafka_server_consumer_lag_offsets cluster_id consumer_group_id topic
confluent_kafka_server_received_bytes cluster_id topic' "... with their tags"
is "$(uniq -d got | wc -l)" 0 "... none twice"

# ---- -f, -S, -n

forget_topic
expect 06
mv wanted one
cat one one | sort >wanted
at 08
ccm-scrape 2>/dev/null
forget_topic
run ccm-scrape -f 2025-09-02T06
is "$status" 0 "-f: status 0"
is "$(hours | grep T06)" '2025-09-02T06Z
2025-09-02T06Z.2' "... a done hour is done again, as another directory"
ccm-scrape -f 2025-09-02T06:00:00Z 2>/dev/null
as_wanted "... and all of its values are sent each time"
run ccm-scrape -f 2025-09-01T12
is "$status" 0 "-f of an hour from before all: status 0"
like "$(hours | head -1)" '2025-09-01T12Z$' "... it is done"

forget_topic
expect 08 09
run ccm-scrape -S
is "$status" 0 "-S: status 0"
is "$(spool)" '2025-09-02T08Z.001.ndjson
2025-09-02T09Z.001.ndjson' "... the records are in the spool, an hour a file"
sort "$STATE_DIRECTORY"/spool/*.ndjson | diff - wanted >"diff"
ok $? "... all of them"
is "$(find "$STATE_DIRECTORY" -perm /077 ! -type l)" '' "... readable by nobody else"
KAFKA_ACKS=nonsense run ccm-scrape -S
is "$status" 0 "... and Kafka's settings are nobody's business"
ccm-scrape -S -f 2025-09-02T09 2>/dev/null
rm -r "$STATE_DIRECTORY"/hours/2025-09-02T09Z*
ccm-scrape -S 2>/dev/null
is "$(spool | grep -c T09)" 3 "a file that waits in the spool is never replaced"
rm "$STATE_DIRECTORY"/spool/2025-09-02T09Z.00[23].ndjson
METRICS_TOPIC='a b' run ccm-send -1 "$STATE_DIRECTORY/spool"
is "$status:$(grep -c METRICS_TOPIC err)" 78:1 "ccm-send refuses a topic that Kafka cannot have"
run ccm-send -1
is "$status" 64 "... and no spool: status 64"
run ccm-send -1 "$STATE_DIRECTORY/spool"
is "$status" 0 "ccm-send sends what -S has left"
as_wanted "... and all is on the topic, once"
forget_topic
mkdir -- -spool
head -n 3 wanted >./-spool/1
METRICS_TOPIC=-X run ccm-send -1 -- -spool
is "$status" 0 "topic and spool may begin with a hyphen"
sync_topic
is "$(grep -v '^#' topic.log | cut -f 1 | uniq -c | tr -s ' ')" ' 3 -X' "... and the records are on that topic"
forget_topic

at 11
forget_requests
find "$STATE_DIRECTORY" "$CCM_RATE_DIR" -printf '%p %T@ %s\n' | sort >before
run ccm-scrape -n
is "$status" 0 "-n: status 0"
is "$(grep '^# hour' out)" '# hour 2025-09-02T10Z' "... shows the hour to be done"
find "$STATE_DIRECTORY" "$CCM_RATE_DIR" -printf '%p %T@ %s\n' | sort | diff before - >"diff"
ok $? "... leaves the state directory as it was"
is "$(cloud GET log)" '' "... and asks nothing"
grep -v '^#' out | ccm-fetch query 2>err | ccm-normalize | sort >points
expect 10
diff wanted points >"diff"
ok $? "... what it prints is what ccm-fetch takes"

# ---- for the cost-control aggregator

forget_topic
at 12
CCM_RECORDS=cost-control CONFLUENT_METRICS_CLUSTER_ID_LIST=lkc-0001 run ccm-scrape -f 2025-09-02T11
is "$(on_topic | grep -c '"timestamp":1756810800}$')" 13 "cost-control: timestamps are seconds"
like "$(on_topic | grep '"sa-0001"' | grep request_bytes)" \
	'^\{"fields":\{"value":[0-9]+\},"name":"confluent_kafka_server_request_bytes","tags":\{"cluster_id":"lkc-0001","principal_id":"sa-0001"\},"timestamp":1756810800\}$' \
	"... and the tag is principal_id"

# ---- what can no longer be backfilled

CCM_NOW=2025-09-03T06:05:00Z
cloud POST now "{\"now\":\"$CCM_NOW\"}" >/dev/null
CCM_BACKFILL_HOURS=3 run ccm-scrape
is "$status" 0 "CCM_BACKFILL_HOURS=3: status 0"
is "$(hours)" '2025-09-03T03Z
2025-09-03T04Z
2025-09-03T05Z' "... the last three hours are done, older ones forgotten"
is "$(grep ERROR err)" 'ccm-hours: ERROR: hours lost: 16, from 2025-09-02T10Z to 2025-09-03T02Z, were never fetched and are older than CCM_BACKFILL_HOURS=3' \
	"... and those that were never done are told"
is "$(<"$STATE_DIRECTORY/status/hours_lost")" 16 "... counted"
is "$(last_run .hours_lost)" 16 "... and in the status"
run ccm-scrape
is "$(<err)" '' "... once"
CCM_NOW=2025-09-03T07:05:00Z
fault '{"match":"retained_bytes","times":5,"fault":{"status":503}}'
cloud POST now "{\"now\":\"$CCM_NOW\"}" >/dev/null
CCM_BACKFILL_HOURS=1 ccm-scrape 2>/dev/null
CCM_NOW=2025-09-03T08:05:00Z
cloud POST now "{\"now\":\"$CCM_NOW\"}" >/dev/null
CCM_BACKFILL_HOURS=1 run ccm-scrape
is "$status" 0 "an hour that owed something has become too old: status 0"
like "$(grep ERROR err)" 'hour lost in part: some queries of 2025-09-03T06Z were never answered' "... told"
is "$(<"$STATE_DIRECTORY/status/hours_lost")" 17 "... and counted"

# ---- many clusters

rm -rf "$STATE_DIRECTORY"
start_cloud -c 1000 -P 4 -T 5
printf -v CONFLUENT_METRICS_CLUSTER_ID_LIST 'lkc-%04d,' {1..1000}
run ccm-scrape -S
is "$status" 0 "1,000 clusters: status 0"
is "$(cat "$STATE_DIRECTORY"/spool/* | wc -l)" 13000 "... with all of their values"
(($(last_run .requests) <= 3 * 12))
ok $? "... in at most 12 requests a metric ($(last_run .requests) for three)"

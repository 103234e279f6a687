#!/bin/bash
# ccm-scrape's configuration: what it takes, what it refuses, and what -n shows.
# Nothing here asks anybody anything.
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/man.sh
. "$ROOT/tests/man.sh"

export XDG_STATE_HOME=$WORK/xdg CCM_RATE_DIR=$WORK/rate
base=(
	CONFLUENT_METRICS_API_KEY=KEY
	CONFLUENT_METRICS_API_SECRET=s3cret-api
	CONFLUENT_METRICS_CLUSTER_ID_LIST=lkc-1
	CONFLUENT_METRICS_HOST=http://127.0.0.1:1
	KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1
	CCM_NOW=2025-09-02T01:05:00Z
)

# scrape [NAME=VALUE]... [-OPTION...]: over the base; NAME= takes one away
scrape() {
	local set=()
	while [[ ${1-} = *=* ]]; do
		set+=("$1")
		shift
	done
	run env "${base[@]}" "${set[@]}" ccm-scrape "$@"
}

# refused TEXT NAME [NAME=VALUE]...: status 78, TEXT told, nothing done
refused() {
	local text=$1 name=$2
	shift 2
	scrape "$@"
	[[ $status = 78 && $(<err) = *"$text"* && ! -s out && ! -e xdg/ccm/since ]]
	ok $? "$name"
}

# shows LINE NAME [NAME=VALUE]...: a line of -n
shows() {
	local line=$1 name=$2
	shift 2
	scrape "$@" -n
	[ "$status" -eq 0 ] && grep -qxF -e "$line" out
	ok $? "$name"
}

bodies() { grep -v '^#' out; }

# ---- options

run ccm-scrape -h
is "$status" 0 "-h: status 0"
like "$(<out)" '^usage: ccm-scrape .*-f HOUR' "-h shows the usage"
run ccm-scrape -V
like "$(<out)" '^ccm-scrape [0-9.]+$' "-V tells the version"
run ccm-scrape -x
is "$status" 64 "an unknown option: status 64"
run ccm-scrape -f
is "$status" 64 "-f without an hour: status 64"
run ccm-scrape now
is "$status:$(<err)" '64:ccm-scrape: ERROR: unexpected argument "now"; -h shows the usage' \
	"an argument: status 64"
for option in -h -V; do
	GLOBAL_LOG_LEVEL=bogus STATE_DIRECTORY=/a:/b CCM_NOW=x run ccm-scrape $option
	is "$status:$(<err)" 0: "$option works whatever the environment says"
done
run ccm-scrape -l -f 2025-09-02T00
is "$status" 64 "-l with -f: status 64"
run ccm-scrape -l -n
is "$status" 64 "-l with -n: status 64"
like "$(<err)" 'cannot be combined' "... and why"
for hour in 2025-09-02 2025-13-02T00 2025-02-29T00 2025-09-02T24 2025-09-02T00:30 x; do
	scrape -f "$hour"
	[[ $status = 64 && $(<err) = *"$hour"* ]]
	ok $? "-f $hour is no hour: status 64"
done
scrape -f 2025-09-02T01
is "$status" 64 "-f of an hour that is not complete: status 64"
scrape -f 2027-01-01T00
is "$status" 64 "-f of the future: status 64"
for hour in 2025-09-01T23 2025-09-01T23Z 2025-09-01T23:00Z 2025-09-01T23:00:00Z; do
	scrape -n -f "$hour"
	is "$(grep '^# hour' out)" '# hour 2025-09-01T23Z' "-f $hour"
done

# ---- -n

scrape -n
is "$status" 0 "-n: status 0"
is "$(<err)" '' "-n: nothing on stderr"
is "$(sed -n 's/^# hour //p' out)" 2025-09-02T00Z \
	"-n: a new state begins with the last complete hour alone"
is "$(bodies | wc -l)" 3 "-n: a request body for each metric"
is "$(bodies | head -1)" '{"aggregations":[{"metric":"io.confluent.kafka.server/request_bytes"}],"filter":{"field":"resource.kafka.id","op":"EQ","value":"lkc-1"},"granularity":"PT1H","group_by":["resource.kafka.id","metric.principal_id"],"intervals":["2025-09-02T00:00:00Z/PT1H"],"limit":1000}' \
	"-n: a body for one resource, to the byte"
! [ -e xdg ] && ! [ -e rate ]
ok $? "-n: nothing is written anywhere"
scrape CONFLUENT_METRICS_CLUSTER_ID_LIST=lkc-1,lkc-2 -n
is "$(bodies | jq -c .filter | uniq)" '{"op":"OR","filters":[{"field":"resource.kafka.id","op":"EQ","value":"lkc-1"},{"field":"resource.kafka.id","op":"EQ","value":"lkc-2"}]}' \
	"several resources go into one query, OR-ed"
scrape KAFKA_SASL_PASSWORD=s3cret-kafka KAFKA_SASL_MECHANISM=PLAIN \
	KAFKA_SASL_USERNAME=user KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT \
	https_proxy=http://user:s3cret-proxy@127.0.0.1:9 -n
is "$status" 0 "-n with secrets: status 0"
! grep -q s3cret out err
ok $? "-n masks every secret"
like "$(<out)" '# CONFLUENT_METRICS_API_SECRET=\*+'$'\n' "-n says that the secret is there"
like "$(<out)" '# sasl.password=\*+'$'\n' "-n shows Kafka's properties"
scrape GLOBAL_LOG_LEVEL=DEBUG KAFKA_ACKS=nonsense -n
is "$(bodies | wc -l)" 3 "-n goes on where Kafka's settings are bad"
is "$status" 78 "... with status 78"
like "$(<err)" KAFKA_ACKS "... and says why"

# ---- credentials

refused 'no credentials' "no credentials" \
	CONFLUENT_METRICS_API_KEY= CONFLUENT_METRICS_API_SECRET=
refused CONFLUENT_METRICS_API_SECRET "a key without its secret" \
	CONFLUENT_METRICS_API_SECRET=
refused CONFLUENT_METRICS_API_KEY "a secret without its key" \
	CONFLUENT_METRICS_API_KEY=
refused CONFLUENT_METRICS_TOKEN "a key and a token" CONFLUENT_METRICS_TOKEN=t
shows '# CONFLUENT_METRICS_TOKEN=********' "CONFLUENT_METRICS_TOKEN alone will do" \
	CONFLUENT_METRICS_API_KEY= CONFLUENT_METRICS_API_SECRET= CONFLUENT_METRICS_TOKEN=t
echo from-file >file
shows '# CONFLUENT_METRICS_API_KEY=from-file' "CONFLUENT_METRICS_API_KEY_FILE" \
	CONFLUENT_METRICS_API_KEY= CONFLUENT_METRICS_API_KEY_FILE=file
shows '# CONFLUENT_METRICS_API_SECRET=********' "CONFLUENT_METRICS_API_SECRET_FILE" \
	CONFLUENT_METRICS_API_SECRET= CONFLUENT_METRICS_API_SECRET_FILE=file
shows '# CONFLUENT_METRICS_TOKEN=********' "CONFLUENT_METRICS_TOKEN_FILE" \
	CONFLUENT_METRICS_API_KEY= CONFLUENT_METRICS_API_SECRET= CONFLUENT_METRICS_TOKEN_FILE=file
for name in API_KEY API_SECRET; do
	refused CONFLUENT_METRICS_${name}_FILE "both CONFLUENT_METRICS_$name and _FILE" \
		CONFLUENT_METRICS_${name}_FILE=file
	refused CONFLUENT_METRICS_${name}_FILE "CONFLUENT_METRICS_${name}_FILE is absent" \
		CONFLUENT_METRICS_$name= CONFLUENT_METRICS_${name}_FILE=absent
done

# ---- lists

while read -r list preset resource; do
	name=CONFLUENT_METRICS_${list}_ID_LIST
	refused "$name is empty; the preset $preset" "$name is required by $preset" \
		"$name=" CCM_QUERIES="$preset"
	refused "$name is empty; the preset $preset" "$name with nothing but commas" \
		"$name= , ,," CCM_QUERIES="$preset"
	shows "# $name=a-1,b-2,c-3" \
		"$name: blanks, empty items and repetitions are harmless" \
		"$name= a-1 ,,b-2,"$'\n\tc-3\n'",a-1," CCM_QUERIES="$preset"
	is "$(bodies | jq -r '.group_by[0]' | uniq)" "resource.$resource" \
		"$preset is grouped by its resource"
	printf ' x-1\r\nx-2\r\n\n' >file
	shows "# $name=x-1,x-2" "${name}_FILE, an id a line" \
		"$name=" "${name}_FILE=file" CCM_QUERIES="$preset"
	refused "${name}" "both $name and _FILE" \
		"$name=a" "${name}_FILE=file" CCM_QUERIES="$preset"
	# shellcheck disable=SC2016 # as it stands in a template
	for id in 'a b' 'lkc-1;lkc-2' "'lkc-1'" '"lkc-1"' '${CLUSTER_ID}'; do
		refused "$name" "$name: $id is not an id" "$name=$id" CCM_QUERIES="$preset"
	done
done <<'END'
CLUSTER kafka-cost kafka.id
CLUSTER kafka-throughput kafka.id
CLUSTER kafka-lag kafka.id
COMPUTE_POOL flink-pool compute_pool.id
COMPUTE_POOL flink-statement compute_pool.id
CONNECTOR connect connector.id
KSQL ksql ksql.id
SCHEMA_REGISTRY schema-registry schema_registry.id
END
shows '# CONFLUENT_METRICS_COMPUTE_POOL_ID_LIST=lfcp-1' \
	"a list that no chosen preset uses is not required" \
	CCM_QUERIES=flink-pool CONFLUENT_METRICS_COMPUTE_POOL_ID_LIST=lfcp-1 \
	CONFLUENT_METRICS_CLUSTER_ID_LIST=
printf -v many 'lkc-%d,' {1..5000}
scrape CONFLUENT_METRICS_CLUSTER_ID_LIST="$many" -n
is "$(bodies | jq '.filter.filters | length' | tr '\n' ' ')" \
	'2000 2000 1000 2000 2000 1000 2000 2000 1000 ' \
	"5000 resources are asked for in three parts"

# ---- presets

while read -r preset granularity labels metrics; do
	scrape CCM_QUERIES="$preset" CONFLUENT_METRICS_COMPUTE_POOL_ID_LIST=x \
		CONFLUENT_METRICS_CONNECTOR_ID_LIST=x CONFLUENT_METRICS_KSQL_ID_LIST=x \
		CONFLUENT_METRICS_SCHEMA_REGISTRY_ID_LIST=x -n
	is "$(bodies | jq -r '.aggregations[0].metric | sub("^io.confluent.(kafka.[a-z_]+|flink)/"; "")' | tr '\n' ' ')" \
		"$metrics " "$preset: its metrics"
	is "$(bodies | jq -r .granularity | uniq)" "$granularity" "$preset: granularity"
	[ "$labels" = - ] && labels=''
	is "$(bodies | jq -r '.group_by[1:][]' | sort -u | paste -sd,)" "$labels" \
		"$preset: labels"
done <<'END'
kafka-cost PT1H metric.principal_id,metric.topic request_bytes response_bytes retained_bytes
kafka-throughput PT1M metric.topic received_bytes sent_bytes received_records sent_records
kafka-lag PT1H metric.consumer_group_id,metric.topic consumer_lag_offsets
flink-pool PT1M - compute_pool_utilization/current_cfus compute_pool_utilization/cfu_minutes_consumed compute_pool_utilization/cfu_limit
flink-statement PT1M resource.flink_statement.name num_records_in num_records_out pending_records
connect PT1H - sent_bytes sent_records received_bytes received_records dead_letter_queue_records
ksql PT1H metric.query_id,metric.task_id streaming_unit_count storage_utilization query_saturation task_stored_bytes
schema-registry PT1H - schema_count request_count schema_operations_count
END
scrape CCM_QUERIES=' kafka-lag , kafka-cost,kafka-lag,' -n
is "$(bodies | wc -l)" 4 "CCM_QUERIES: several presets, one named twice"
refused 'no preset is called "kafka-costs"; there are connect flink-pool' \
	"an unknown preset; the known ones are told" CCM_QUERIES=kafka-costs
refused 'CCM_QUERIES' "CCM_QUERIES with nothing but a comma" CCM_QUERIES=,
refused 'cannot read the preset ./own.json' "a preset file that is absent" \
	CCM_QUERIES=own.json
cat >own.json <<'END'
{"resource":"kafka.id","queries":[
 {"metric":"io.confluent.kafka.server/sent_bytes","group_by":["metric.topic","metric.partition"],"granularity":"PT5M"},
 {"metric":"io.confluent.kafka.server/partition_count"}]}
END
for path in own.json ./own.json "$WORK/own.json"; do
	scrape CCM_QUERIES="$path" -n
	is "$(bodies | jq -c '[.granularity, .group_by]' | paste -sd' ')" \
		'["PT5M",["resource.kafka.id","metric.topic","metric.partition"]] ["PT1H",["resource.kafka.id"]]' \
		"a preset of one's own: ${path/#$WORK/\$PWD}"
done
cp own.json 'my own.json'
scrape CCM_QUERIES='my own.json,own.json' -n
is "$(bodies | wc -l)" 2 "a query that two presets have is asked once"
echo '{"resource":"kafka.id","queries":[}' >bad.json
refused './bad.json:1:' "a preset that is not JSON; the place is told" CCM_QUERIES=bad.json
while IFS='|' read -r text json; do
	printf '%s\n' "$json" >bad.json
	refused "./bad.json: $text" "a preset is refused: $text" CCM_QUERIES=bad.json
done <<'END'
is not an object|[]
"resource" is null; it takes "kafka.id"|{"queries":[{"metric":"m"}]}
"resource" is "kafka"; it takes "kafka.id"|{"resource":"kafka","queries":[{"metric":"m"}]}
"resource" is ["kafka.id"]; it takes|{"resource":["kafka.id"],"queries":[{"metric":"m"}]}
"queries" is not an array with a query in it|{"resource":"kafka.id","queries":[]}
"queries" is not an array with a query in it|{"resource":"kafka.id","queries":{"metric":"m"}}
query 1: is not an object|{"resource":"kafka.id","queries":["m"]}
query 2: "metric" is not the name of a metric|{"resource":"kafka.id","queries":[{"metric":"m"},{}]}
query 1: "group_by" is not an array of labels|{"resource":"kafka.id","queries":[{"metric":"m","group_by":"metric.topic"}]}
query 1: "group_by" has "topic"; a label begins with|{"resource":"kafka.id","queries":[{"metric":"m","group_by":["topic"]}]}
query 1: "granularity" is "PT4H"; it takes "PT1M"|{"resource":"kafka.id","queries":[{"metric":"m","granularity":"PT4H"}]}
query 1: unknown key "granularty"|{"resource":"kafka.id","queries":[{"metric":"m","granularty":"PT1M"}]}
unknown key "filter"|{"resource":"kafka.id","filter":{},"queries":[{"metric":"m"}]}
"description" is not a string|{"description":1,"resource":"kafka.id","queries":[{"metric":"m"}]}
END

# ---- numbers, time, the rest

for minute in 5 05 08 09 10 59; do
	scrape MINUTE_TO_SCRAPE_AT="$minute" CCM_NOW="2025-09-02T02:59:00Z" -n
	is "$(sed -n 's/^# MINUTE_TO_SCRAPE_AT=//p;s/^# hour //p' out | paste -sd' ')" \
		"$((10#$minute)) 2025-09-02T01Z" "MINUTE_TO_SCRAPE_AT=$minute"
done
for minute in 4 60 0 -5 5.5 x 0x10 ' 7' 100; do
	refused 'MINUTE_TO_SCRAPE_AT' "MINUTE_TO_SCRAPE_AT=$minute is refused" \
		MINUTE_TO_SCRAPE_AT="$minute"
done
shows '# MINUTE_TO_SCRAPE_AT=5' "MINUTE_TO_SCRAPE_AT is 5 by default"
scrape MINUTE_TO_SCRAPE_AT=30 CCM_NOW=2025-09-02T02:29:00Z -n
is "$(grep '^# hour' out)" '# hour 2025-09-02T00Z' \
	"before its minute an hour is not complete"
shows '# CCM_BACKFILL_HOURS=168' "CCM_BACKFILL_HOURS is 168 by default"
shows '# CCM_BACKFILL_HOURS=24' "CCM_BACKFILL_HOURS" CCM_BACKFILL_HOURS=24
for hours in 0 169 x -1; do
	refused CCM_BACKFILL_HOURS "CCM_BACKFILL_HOURS=$hours is refused" \
		CCM_BACKFILL_HOURS="$hours"
done
while read -r now hour; do
	shows "# hour $hour" "CCM_NOW=$now" CCM_NOW="$now"
done <<'END'
2025-09-02T03:05:00+02:00 2025-09-02T00Z
2025-09-01T20:35:30-0430 2025-09-02T00Z
2025-09-02T01:05Z 2025-09-02T00Z
2025-09-02T01:05:00.123Z 2025-09-02T00Z
2024-03-01T00:05:00Z 2024-02-29T23Z
2026-01-01T00:05:00Z 2025-12-31T23Z
2000-03-01T00:05:00Z 2000-02-29T23Z
END
for now in 2025-09-02T01:05:00 2025-09-02 yesterday 2025-02-30T01:05:00Z \
	2025-09-02T25:05:00Z 1756775100; do
	refused CCM_NOW "CCM_NOW=$now is refused" CCM_NOW="$now"
done
refused CCM_RECORDS "CCM_RECORDS=csv is refused" CCM_RECORDS=csv
shows '# CCM_RECORDS=cost-control' "CCM_RECORDS" CCM_RECORDS=cost-control
shows '# METRICS_TOPIC=confluent-metrics' "METRICS_TOPIC has a default"
shows '# METRICS_TOPIC=t.1_x-Y' "METRICS_TOPIC" METRICS_TOPIC=t.1_x-Y
for topic in 'a b' .. a/b; do
	refused METRICS_TOPIC "METRICS_TOPIC=$topic is refused" METRICS_TOPIC="$topic"
done
refused GLOBAL_LOG_LEVEL "GLOBAL_LOG_LEVEL=LOUD is refused" GLOBAL_LOG_LEVEL=LOUD
for level in CRITICAL FATAL ERROR WARN WARNING INFO DEBUG; do
	shows "# GLOBAL_LOG_LEVEL=$level" "GLOBAL_LOG_LEVEL=$level" GLOBAL_LOG_LEVEL=$level
done
shows "# STATE_DIRECTORY=$WORK/xdg/ccm" "the state directory is in XDG_STATE_HOME"
shows '# STATE_DIRECTORY=/home/u/.local/state/ccm' "... or in HOME" \
	XDG_STATE_HOME= HOME=/home/u
shows '# STATE_DIRECTORY=/var/lib/ccm' "... or what STATE_DIRECTORY says" \
	STATE_DIRECTORY=/var/lib/ccm
refused STATE_DIRECTORY "no state directory at all" XDG_STATE_HOME= HOME=

# ---- what the other programs take is refused before anything is asked

refused CONFLUENT_METRICS_HOST "a host that is not https" \
	CONFLUENT_METRICS_HOST=http://metrics.example
refused CONFLUENT_METRICS_CAFILE "a CA file that is absent" \
	CONFLUENT_METRICS_CAFILE=absent
refused CONFLUENT_METRICS_REQUESTS_PER_MINUTE "a rate that is no number" \
	CONFLUENT_METRICS_REQUESTS_PER_MINUTE=many
refused KAFKA_ACKS "a Kafka setting that is refused" KAFKA_ACKS=maybe
refused KAFKA_SETTINGS "KAFKA_SETTINGS that are not JSON" KAFKA_SETTINGS='{'
refused security_protocl "a key of KAFKA_SETTINGS that nobody knows" \
	KAFKA_SETTINGS='{"security_protocl":"SSL"}'
for name in CONFLUENT_METRICS_REQUESTS_PER_MINUTE CONFLUENT_METRICS_HOST \
	CONFLUENT_METRICS_REQUEST_TIMEOUT CONFLUENT_METRICS_QUERY_SECONDS \
	CONFLUENT_METRICS_QUERY_PAGES CONFLUENT_METRICS_TIMEOUT CCM_RATE_DIR CCM_KAFKA_TRANSACTIONAL_ID; do
	shows "# $name=7" "-n shows $name" $name=7
done
scrape CONFLUENT_METRICS_CAFILE=7 -n
is "$status:$(grep -c '^# CONFLUENT_METRICS_CAFILE=7$' out)" 78:1 \
	"-n shows CONFLUENT_METRICS_CAFILE, also one that it refuses"

# ---- -n refuses what a run refuses

while IFS='|' read -r text setting; do
	for option in -n -S; do
		scrape "$(printf '%b' "$setting")" $option
		[[ $status = 78 && $(<err) = *"ccm-scrape: ERROR: $text"* ]]
		ok $? "$option refuses $setting"
	done
done <<'END'
CONFLUENT_METRICS_API_KEY|CONFLUENT_METRICS_API_KEY=a:b
CONFLUENT_METRICS_API_KEY|CONFLUENT_METRICS_API_KEY="KEY"
CONFLUENT_METRICS_API_KEY|CONFLUENT_METRICS_API_KEY=\0357\0273\0277KEY
CONFLUENT_METRICS_API_KEY|CONFLUENT_METRICS_API_KEY=${KEY}
CONFLUENT_METRICS_API_SECRET has|CONFLUENT_METRICS_API_SECRET=x\ny
CONFLUENT_METRICS_API_SECRET|CONFLUENT_METRICS_API_SECRET='x'
CONFLUENT_METRICS_TIMEOUT|CONFLUENT_METRICS_TIMEOUT=x
CONFLUENT_METRICS_REQUESTS_PER_MINUTE|CONFLUENT_METRICS_REQUESTS_PER_MINUTE=5e1
CONFLUENT_METRICS_HOST|CONFLUENT_METRICS_HOST=http://metrics.example
CONFLUENT_METRICS_HOST|CONFLUENT_METRICS_HOST=file:///etc/passwd
CCM_NOW|CCM_NOW=2025-09-02T01:05:00+99:99
STATE_DIRECTORY|STATE_DIRECTORY=/a:/b
CONFLUENT_METRICS_CLUSTER_ID_LIST|CONFLUENT_METRICS_CLUSTER_ID_LIST=lkc-1;lkc-2
END
scrape CONFLUENT_METRICS_API_SECRET=$'s3cret\n' -n
[[ $status = 78 && $(<err) = *'CONFLUENT_METRICS_API_SECRET has'*newline* ]]
ok $? "-n refuses a secret with a newline at its end"
grep -q s3cret out err
is $? 1 "... and does not show it"
scrape CONFLUENT_METRICS_TIMEOUT=x -n
is "$(bodies | wc -l)" 3 "... and prints the plan all the same"
scrape KAFKA_ACKS=nonsense -S -n
is "$status" 0 "with -S, -n does not look at Kafka's settings"
like "$(<out)" '^[^a]*CONFLUENT' "... and prints none of them"
! grep -q '# acks' out
ok $? "... such as acks"

# ---- a run that is refused leaves word

rm -rf xdg
mkdir -p xdg/ccm
scrape CCM_RECORDS=csv CONFLUENT_METRICS_TIMEOUT=x
is "$status:$(jq -c '[.exit, .last_error.message]' xdg/ccm/status/last-run.json)" \
	'78:[78,"CCM_RECORDS is \"csv\"; it takes cost-control, or nothing"]' \
	"a run that is refused for its settings records the first problem"
rm -rf xdg

# ---- all errors at once

scrape CONFLUENT_METRICS_API_SECRET= CONFLUENT_METRICS_CLUSTER_ID_LIST= \
	MINUTE_TO_SCRAPE_AT=4 CCM_BACKFILL_HOURS=0 CCM_NOW=now CCM_RECORDS=x \
	METRICS_TOPIC=.. KAFKA_ACKS=maybe GLOBAL_LOG_LEVEL=bogus
is "$status" 78 "nine errors: status 78"
is "$(grep -oE '(GLOBAL_LOG_LEVEL|API_SECRET|CLUSTER_ID_LIST|MINUTE_TO_SCRAPE_AT|CCM_BACKFILL_HOURS|CCM_NOW|CCM_RECORDS|METRICS_TOPIC|KAFKA_ACKS) ?(is|:)' err | wc -l)" \
	9 "each is reported"
is "$(grep -c '^ccm-scrape: ERROR: ' err)" 9 "... in an ERROR line"
is "$(wc -l <err)" 9 "... and nothing else is"

# ---- an empty plan

mkdir -p xdg/ccm/{work,hours/2025-09-02T00Z,spool,cache,status}
echo 2025-09-02T00Z >xdg/ccm/since
scrape -n
is "$status" 0 "-n with nothing due: status 0"
is "$(grep -v '^# ' out)" '' "... and no line but of settings"
plan=$(examples ccm-scrape | sed -n 's/\(^ccm-scrape -n | .*ccm-fetch query\).*/\1/p')
run env "${base[@]}" bash -o pipefail -c "$plan"
is "$status:$(<out):$(<err)" 0:: "... the manual's \"$plan\" ends with 0 then"
begin=${EPOCHREALTIME/./}
scrape -S
took=$((${EPOCHREALTIME/./} - begin))
is "$status:$(<err)" 0: "a run with nothing to do: status 0, no message"
mkdir shim
printf '#!/bin/sh\ntouch %s/jq-was-run\n' "$WORK" >shim/jq
chmod +x shim/jq
PATH=$WORK/shim:$PATH scrape -S
[ ! -e jq-was-run ]
ok $? "... does not start jq (it took $took us)"
scrape CONFLUENT_METRICS_API_SECRET= -S
is "$status" 78 "... and refuses wrong settings all the same"

# ---- the manual page's first example

examples ccm-scrape | head -n 4 | cut -f 1 >example
run env -i PATH="$PATH" HOME="$WORK" bash example
is "$(<out)" '# hour 2025-09-02T00Z' "the manual's first example"

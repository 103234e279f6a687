#!/usr/bin/env bash
# The two simulators: what the other tests rely on. Above all, that the Metrics
# API refuses what the real one would, so that a test that passes against it
# means something.
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/http.sh
. "$ROOT/tests/http.sh"

# start_cloud [OPTION...]: its URL is in $url, the clock stands at 13:10
start_cloud() {
	rm -f cloud.url
	start "$SIM/sim-cloud" -n 2025-09-03T13:10:00Z "$@" >cloud.url
	until_true 10 test -s cloud.url
	url=$(<cloud.url)
}

# Bodies are given as what differs from a good one, in jq.
good='{
	"aggregations": [{"metric": "io.confluent.kafka.server/received_bytes"}],
	"filter": {"field": "resource.kafka.id", "op": "EQ", "value": "lkc-0001"},
	"granularity": "PT1H",
	"group_by": ["metric.topic"],
	"intervals": ["PT1H/2025-09-03T13:00:00Z"],
	"limit": 1000
}'
made() { jq -c "$1" <<<"$good"; }

# query JQ [ARGUMENTS]
query() { http POST "/v2/metrics/cloud/query${2-}" "$(made "$1")"; }

# refused NAME JQ REGEX: 400, with a detail that matches
refused() {
	query "$2"
	like "$code $(jq -r '.errors[0] | .status + " " + .detail' <<<"$body")" \
		"^400 400 .*$3" "$1 is refused"
}

# accepted NAME JQ
accepted() {
	query "$2"
	is "$code" 200 "$1 is accepted"
}

# data JQ: of the last answer
data() { jq -c "[.data[] | $1]" <<<"$body"; }

fault() { http POST /sim/faults "[$1]"; }
log() {
	http GET /sim/log
	jq -sc "$1" <<<"$body"
}

# ---- an answer ----------------------------------------------------------

start_cloud -r 0
query .
is "$code" 200 'a good query is answered'
first=$body
is "$(data '."metric.topic"')" \
	'["topic-0001","topic-0002","topic-0003","topic-0004","topic-0005"]' \
	'groups come sorted by their labels'
is "$(data .timestamp | jq -c unique)" '["2025-09-03T12:00:00Z"]' \
	'a bucket has the timestamp of its start'
is "$(jq -c keys <<<"$body")" '["data"]' 'without a next page there is no meta'
like "$headers" 'Content-Type: application/json' 'an answer is JSON'
[[ $headers != *rateLimit* ]]
ok $? 'with -r 0 there is no rate limit'
query .
is "$body" "$first" 'the same question has the same answer'

hour=$(data .value | jq add)
query '.granularity = "PT1M"'
is "$(data .value | jq -c '[length, add]')" "[300,$hour]" \
	'the minutes of an hour add up to it'
query 'del(.group_by, .limit)'
is "$(data .value)" "[$hour]" 'the topics of a cluster add up to it'
query '.group_by = ["metric.partition", "metric.topic"]'
is "$(data .value | jq -c '[length, add]')" "[10,$hour]" \
	'the partitions of a cluster add up to it'
query '.intervals = ["2025-09-03T12:00:00Z/PT20M", "2025-09-03T12:20:00Z/PT40M"]'
is "$body" "$first" 'adjacent intervals are as good as one'
query '.intervals += ["2025-09-03T12:10:00Z/PT1M"]'
is "$body" "$first" 'a minute in two intervals counts once'
query '.intervals = ["2025-09-03T12:40:00Z/2025-09-03T13:00:00Z"]'
is "$(data .timestamp | jq -c unique) $(($(data .value | jq add) < hour))" \
	'["2025-09-03T12:00:00Z"] 1' \
	'an interval that opens in an hour has that hour, in part'
query '.intervals = ["now|h/now+1h|h"]'
part=$(data .value | jq add)
query '.intervals = ["now|h/PT10M"] | .granularity = "PT1M"'
is "$(data .value | jq -c '[length, add]')" "[50,$part]" \
	'minutes that are not over have no data'
query '.intervals = ["now+1h/now+2h"]'
is "$code $body" '200 {"data":[]}' 'there are no data of the future'
query '.intervals = ["2025-08-27T12:00:00Z/P1D"] | .group_by = ["metric.topic"]'
is "$(data .timestamp | jq -r 'min')" 2025-08-27T13:00:00Z \
	'data are kept for seven days'
query '.format = "GROUPED"'
is "$(jq -c '[.data[] | ."metric.topic" as $t | .points[] | {timestamp, $t, value}]' <<<"$body")" \
	"$(jq -c '[.data[] | {timestamp, t: ."metric.topic", value}]' <<<"$first")" \
	'GROUPED says the same as FLAT'
query '.granularity = "ALL"'
is "$(data .value)" "$(data .value | jq -c 'sort | reverse')" \
	'with ALL the groups come by their values, the largest first'
query '.granularity = "ALL" | .order_by = [{metric: .aggregations[0].metric, order: "ASCENDING"}]'
is "$(data .value)" "$(data .value | jq -c sort)" '... or the smallest'
query '.aggregations[0].metric = "io.confluent.kafka.server/response_bytes"
	| .group_by = ["metric.zone_alignment"]'
is "$(data keys)" '[["timestamp","value"],["metric.zone_alignment","timestamp","value"],["metric.zone_alignment","timestamp","value"]]' \
	'a point that lacks a label has no such key'
query '.filter = {op: "OR", filters: [.filter, (.filter | .value = "lkc-0002")]}
	| .group_by = ["resource.kafka.id", "metric.topic"]'
is "$(data 'select(."resource.kafka.id" == "lkc-0001") | .value')" \
	"$(jq -c '[.data[].value]' <<<"$first")" \
	'a cluster has the same values in a query for two'
query '.filter = {op: "AND", filters: [.filter,
	{op: "NOT", filter: {field: "metric.topic", op: "EQ", value: "topic-0001"}},
	{field: "metric.topic", op: "GTE", value: "topic-0001"},
	{field: "metric.partition", op: "EQ", value: 1},
	{op: "OR", filters: [{field: "metric.topic", op: "GT", value: "topic-0004"},
		{field: "metric.topic", op: "EQ", value: "topic-0001"}]}]}'
is "$(data '."metric.topic"')" '["topic-0005"]' 'filters do what they say'
query '.aggregations[0].metric = "io.confluent.kafka.server/retained_bytes" | .granularity = "PT1M"'
like "$(grep -o '"value":[^}]*' <<<"$body" | tail -1)" '[0-9]\.0$' \
	'an integral gauge is written N.0'
query '.aggregations[0].metric = "io.confluent.kafka.ksql/task_stored_bytes"
	| .filter = {field: "resource.ksql.id", op: "EQ", value: "lksqlc-0001"}
	| .group_by = ["metric.query_id"]'
like "$body" '"value":[0-9.]+E[0-9]+' 'a large double has an exponent'
query '.aggregations[0].metric = "io.confluent.flink/current_input_watermark_milliseconds"
	| .filter = {field: "resource.compute_pool.id", op: "EQ", value: "lfcp-0001"}
	| .group_by = ["resource.flink_statement.name", "metric.table_name"]'
like "$body" '"value":-9223372036854776000}' \
	'a watermark that there is not is the smallest integer, rounded'

# ---- what is refused ----------------------------------------------------

refused 'an unknown member' '.limits = 1' limits
refused 'a missing interval' 'del(.intervals)' intervals
refused 'an empty list of intervals' '.intervals = []' intervals
refused 'an interval that is no string' '.intervals = [1]' intervals
refused 'a missing aggregation' 'del(.aggregations)' aggregations
refused 'no aggregation' '.aggregations = []' 'exactly one'
refused 'a second aggregation' '.aggregations += .aggregations' 'exactly one'
refused 'an aggregation without metric' '.aggregations = [{}]' metric
refused 'an unknown member of an aggregation' '.aggregations[0].label = "x"' label
refused 'an unknown metric' '.aggregations[0].metric = "io.confluent/x"' 'Unknown metric'
refused 'an unknown agg' '.aggregations[0].agg = "AVG"' agg
refused 'SUM of a metric that goes by MAX' '.aggregations = [{agg: "SUM",
	metric: "io.confluent.kafka.server/cluster_load_percent"}]' 'SUM is not supported'
refused 'a missing granularity' 'del(.granularity)' granularity
refused 'an unknown granularity' '.granularity = "PT2M"' granularity
refused 'PT1M over six hours and a minute' \
	'.granularity = "PT1M" | .intervals = ["now-361m/now"]' granularity
accepted 'PT1M over six hours' '.granularity = "PT1M" | .intervals = ["now-6h/now"]'
refused 'PT5M over 25 hours' '.granularity = "PT5M" | .intervals = ["now-25h/now"]' granularity
refused 'PT15M over five days' '.granularity = "PT15M" | .intervals = ["P5D/now"]' granularity
refused 'PT30M over eight days' '.granularity = "PT30M" | .intervals = ["P8D/now"]' granularity
accepted 'PT1H over a year' '.intervals = ["2025-01-01T00:00:00.000+05:30/P365D"]'
for interval in 2025-09-03 now 'now/' 2025-09-03T12:00:00/PT1H \
	2025-09-03T12:00:00Z/2025-09-03T12:00:00Z 2025-09-03T12:00:00Z/PT \
	2025-02-30T12:00:00Z/PT1H 2025-09-03T12:00:00Z/P1M now-1x/now \
	2025-09-03T12:00:00Z/2025-09-03T11:00:00Z 2025-09-03t12:00:00z/PT1H \
	PT1H/PT2H '2025-09-03T12:00:00Z/PT1H ' now-1h/now/now; do
	refused "the interval \"$interval\"" ".intervals = [\"$interval\"]" intervals
done
refused 'a label of another metric' '.group_by = ["metric.principal_id"]' 'not a label'
refused 'a label of another resource' '.group_by = ["resource.connector.id"]' 'not a label'
refused 'a label without its prefix' '.group_by = ["topic"]' 'not a label'
refused 'group_by that is no list' '.group_by = "metric.topic"' group_by
accepted 'a limit without group_by, as the guides have it,' 'del(.group_by)'
refused 'a limit of 0' '.limit = 0' limit
refused 'a limit over 1000' '.limit = 1001' limit
refused 'a limit that is no integer' '.limit = 1.5' limit
refused 'a limit that is a string' '.limit = "5"' limit
refused 'GROUPED without group_by' 'del(.group_by, .limit) | .format = "GROUPED"' group_by
refused 'an unknown format' '.format = "flat"' format
refused 'order_by with PT1H' '.order_by = [{metric: .aggregations[0].metric}]' ALL
refused 'a second order_by' '.granularity = "ALL"
	| .order_by = [{metric: .aggregations[0].metric}, {metric: .aggregations[0].metric}]' 'at most one'
refused 'an unknown filter op' '.filter.op = "NE"' op
refused 'a filter without field' 'del(.filter.field)' field
refused 'a filter without value' 'del(.filter.value)' value
refused 'a filter by a fraction' '.filter.value = 1.5' value
refused 'an unknown member of a filter' '.filter.filters = []' filters
refused 'a filter by an unknown label' '.filter.field = "resource.kafka.name"' 'not a label'
refused 'AND of nothing' '.filter = {op: "AND", filters: []}' filters
refused 'NOT of a list' '.filter = {op: "NOT", filter: [.filter]}' filter
refused 'null for a string' '.format = null' format

# bodies that are no JSON at all
for text in '' '{' "$(made .)}" '[]' '{"limit":1,"limit":1}' \
	"$(made .)"$'\xff' '{"limit":01}' $'{"limit":\v1}'; do
	http POST /v2/metrics/cloud/query "$text"
	like "$code $body" '^400 .*"status":"400"' "refused: ${text:0:1}...${text: -9}"
done

# ---- who asks, and how --------------------------------------------------

is "$(query 'del(.filter)'; jq -r '.errors[0].detail' <<<"$body")" \
	'Query must filter by at least one of your authorized resources' \
	'a query without resources is refused'
query '.filter = {field: "metric.topic", op: "EQ", value: "topic-0001"}'
is "$code" 403 'a filter by a metric label alone is not enough'
query '.filter = {op: "NOT", filter: .filter}'
is "$code" 403 'nor is NOT of a resource'
query '.filter = {op: "OR", filters: [.filter, {field: "metric.topic", op: "EQ", value: "topic-0001"}]}'
is "$code" 403 'nor an OR that lets other resources pass'
query '.filter.value = "lkc-9999"'
is "$code" 403 'an unknown resource is refused'
http POST /sim/refuse '{"ids":["lkc-0001"]}'
query .
is "$code" 403 'a resource that was made foreign is refused'
http POST /sim/refuse '{"ids":[]}'
query .
is "$code" 200 '... and allowed again'

authorization=
query .
is "$code $body" '401 {"errors":[{"status":"401","detail":"Invalid credentials"}]}' \
	'nobody gets in without credentials'
authorization='Basic U0lNS0VZOlNJTVNFQ1JFVAA='
query .
is "$code" 401 'nor with wrong ones'
authorization='Bearer x'
query .
is "$code" 401 'nor with a token where there is none'
authorization='basic U0lNS0VZOlNJTVNFQ1JFVA=='
query .
is "$code" 200 'the scheme is known in any case'
content_type=
query .
is "$code" 415 'a body has to have a Content-Type'
content_type=text/plain
query .
is "$code" 415 '... of JSON'
content_type='application/json; charset=utf-8'
query .
is "$code" 200 '... with parameters or without'
query . '?limit=5'
is "$code" 400 'an unknown query parameter is refused'
http GET /v2/metrics/cloud/query
is "$code $(grep -c '^Allow: POST' <<<"$headers")" '405 1' 'GET /query is not allowed'
http GET /v2/metrics/health-plus/descriptors/metrics
like "$code $body" '^404 .*"errors"' 'another data set is not there'
http GET /
is "$code $body" '404 404 page not found' 'what is no path of the API is nobody'\''s'

# ---- pages --------------------------------------------------------------

# token: of the last answer, encoded for a URL
token() { jq -r '.meta.pagination.next_page_token | @uri' <<<"$body"; }

query '.limit = 2'
is "$(jq -c '[(.data | length), .meta.pagination.page_size]' <<<"$body")" '[2,2]' \
	'a page has as many groups as the limit says'
page=$(token) pages=$body
query '.limit = 2' "?page_token=$page"
pages+=$body
query '.limit = 2' "?page_token=$(token)"
is "$(jq -c 'has("meta")' <<<"$body")" false 'the last page has no token'
is "$(jq -sc '[.[].data[]]' <<<"$pages$body")" "$(jq -c .data <<<"$first")" \
	'the pages together are the whole'
query '.limit = 2' "?page_token=$page"
is "$code" 200 'a page can be asked for again'
query '.limit = 3' "?page_token=$page"
like "$code $body" '^400.*another request' 'a page token of another body is refused'
http POST /v2/metrics/cloud/attributes \
	"$(made '{metric: .aggregations[0].metric, group_by, filter, limit: 2}')"
is "$(data '."metric.topic"')" '["topic-0001","topic-0002"]' \
	'/attributes tells the values of a label'
attributes=$(token)
is "$(jq -c .meta.pagination.page_size <<<"$body")" 2 '... and always has a meta'
query '.limit = 2' "?page_token=$attributes"
is "$code" 400 'a page token of another endpoint is refused'
like "$page" %2B 'a page token has to be encoded in a URL'
query '.limit = 2' "?page_token=$(printf '%b' "${page//%/\\x}")"
is "$code" 400 '... and is refused where it was not'
for text in x '' "${page%???????}"; do
	query '.limit = 2' "?page_token=$text"
	is "$code" 400 "the page token \"$text\" is refused"
done
query 'del(.group_by, .limit)' "?page_token=$page"
is "$code" 400 'a page token without group_by is refused'

http GET /v2/metrics/cloud/descriptors/metrics
is "$(jq -c '[(.data | length), .links, .meta.pagination.total_size > 100]' <<<"$body")" \
	'[100,null,true]' 'the metrics take more than one page'
names=$(data .name)
http GET "/v2/metrics/cloud/descriptors/metrics?page_token=$(token)"
names=$(jq -c ". + $(data .name) | unique" <<<"$names")
is "$(jq length <<<"$names")" "$(jq .meta.pagination.total_size <<<"$body")" \
	'... of which each has its own'
presets=$(find "$ROOT/pipelines/queries" -name '*.json' -exec \
	grep -oh '"io\.confluent[^"]*"' {} + | sort -u | jq -sc .)
is "$(jq -c "$presets - ." <<<"$names")" '[]' 'every metric of the presets is there'
http GET '/v2/metrics/cloud/descriptors/metrics?resource_type=connector&page_size=1000'
is "$(data '.resources[]' | jq -c unique)" '["connector"]' 'metrics can be listed by resource'
for parameter in page_size=0 page_size=1001 resource_type=x pagesize=1; do
	http GET "/v2/metrics/cloud/descriptors/metrics?$parameter"
	is "$code" 400 "$parameter is refused"
done
http GET /v2/metrics/cloud/descriptors/resources
is "$(data 'select(.type == "kafka") | .labels[].key')" '["kafka.id"]' \
	'resources are listed, with their labels'

# ---- misbehaviour -------------------------------------------------------

# length: what the Content-Length of the last answer promises
length() { sed -n 's/^Content-Length: //p' <<<"$headers"; }

http DELETE /sim/log
fault '{"path":"query","after":1,"times":2,"fault":{"status":503,"body":"no","headers":{"Retry-After":"7"}}}'
is "$code" 204 'a rule is taken'
codes=
for _ in 1 2 3 4; do
	query .
	codes+="$code "
done
is "$codes" '200 503 503 200 ' 'a fault is skipped first, and ends'
fault '{"match":"lkc-0002","fault":{"status":500}}'
query .
codes=$code
query '.filter.value = "lkc-0002"'
is "$codes $code" '200 500' 'a fault can be for some bodies'
like "$body" '^\{"errors":\[\{"status":"500"' '... and has the error document of the API'
fault '{"fault":"cut"}'
query .
is "$code $((${#body} * 2 / $(length)))" '200 1' 'a body can be cut'
fault '{"fault":"truncated_json"}'
query .
is "$code ${#body}" "200 $(length)" 'a document can be cut within a whole body'
! jq . <<<"$body" >out 2>&1
ok $? '... and is no JSON then'
fault '{"fault":"reset"}'
query . 2>/dev/null
is "$code$body" '' 'a connection can be reset'
fault '{"fault":{"stall":1}}'
before=$SECONDS
query .
is "$code$body" '' 'an answer can stay away'
is "$((SECONDS > before))" 1 '... for as long as was told'
fault '{"fault":{"stall":1,"headers":true}}'
query .
is "$code $((${#body} < $(length)))" '200 1' '... or begin and stop'
fault '{"fault":{"slow":100}}'
query .
is "$body" "$first" 'an answer can be slow'
for page_fault in html:200 html404:404; do
	fault "{\"fault\":\"${page_fault%:*}\"}"
	query .
	like "$code $headers" "^${page_fault#*:} .*text/html" "a page can come: ${page_fault%:*}"
done
fault '{"fault":{"retry_after":30}}'
query .
like "$code $headers" '^429 .*Retry-After: 30' 'a client can be told to wait'
fault '{"fault":{"redirect":"http://127.0.0.1:1/x","status":301}}'
query .
like "$code $headers" '^301 .*Location: http://127.0.0.1:1/x' '... or to go elsewhere'
fault '{"fault":"token_expired"}'
query '.limit = 2'
codes=$code
query '.limit = 2' "?page_token=$(token)"
like "$codes $code $body" '^200 400 .*expired' 'a page token can be made to expire'
fault '{"times":-1,"fault":"html"}'
http DELETE /sim/faults
query .
is "$body" "$first" 'all faults can be forgotten'
for rule in '{}' '{"fault":"x"}' '{"fault":"status"}' '{"fault":{"slow":true}}' \
	'{"fault":"cut","paths":"x"}' '{"fault":"cut","percent":101}' \
	'{"fault":"cut","match":[1]}' '{"fault":{"endless":""}}'; do
	fault "$rule"
	is "$code" 400 "the rule $rule is refused"
done
is "$(log '[.[] | [.status, .fault]] | .[1:3], .[8:12]')" \
	$'[[503,"status"],[503,"status"]]\n[[0,"reset"],[0,"stall"],[200,"stall"],[200,"slow"]]' \
	'the log tells what was done to a request'
is "$(log '.[0] | [.method, .url, .auth, .credentials, .points, .user_agent, (.body | fromjson.limit)]')" \
	'["POST","/v2/metrics/cloud/query",true,true,5,"http.sh",1000]' \
	'... and what it was'
http DELETE /sim/log
is "$(log length)" 0 'the log can be emptied'

fault '{"match":["lkc-0001","retained_bytes"],"fault":{"status":504}}'
query .
codes=$code
query '.aggregations[0].metric = "io.confluent.kafka.server/retained_bytes"'
is "$codes $code" '200 504' 'a fault can be for one resource of one metric'
for _ in 1 2; do
	http DELETE /sim/faults
	fault '{"times":-1,"percent":30,"seed":7,"fault":{"status":503}}'
	codes=
	for _ in {1..20}; do
		query .
		codes+="$code "
	done
	echo "$codes"
done >chances
is "$(sort -u chances | wc -l) $(($(head -1 chances | grep -o 503 | wc -l) > 1))" '1 1' \
	'a fault can come by chance, which falls the same way each time'
http DELETE /sim/faults
fault '{"times":2,"fault":"empty_pages"}'
query .
codes=$(token)
query .
is "$code $(data .) $([ "$codes" != "$(token)" ] && [ -n "$codes" ] && echo new)" '200 [] new' \
	'pages can be empty, with ever-new tokens'
fault '{"fault":{"endless":"ab","status":503,"body":"begin "}}'
endless=$(
	exec 3<>"/dev/tcp/127.0.0.1/${url##*:}"
	printf 'POST /v2/metrics/cloud/query HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n' >&3
	head -c 100000 <&3 | tr -d '\r\n0-9A-F'
)
like "$endless" 'begin (ab){2000}' 'an answer can be endless'
http POST /sim/date '{"ahead":3600}'
query .
like "$headers" 'Date: Wed, 03 Sep 2025 14:10:00 GMT' "the Date can be before the clock"
http POST /sim/date '{"ahead":null}'
query .
[[ $headers != *Date:* ]]
ok $? '... or missing'
http POST /sim/date '{"ahead":"x"}'
is "$code" 400 '... and nothing else'
http POST /sim/date '{"ahead":0}'
http DELETE /sim/log
http POST /sim/now '{"now":"2025-09-03T12:30:00Z"}'
query '.granularity = "PT1M"'
is "$(data .timestamp | jq -r max)" 2025-09-03T12:29:00Z 'the clock can be set'
cloud=$pid
kill "$cloud"
wait "$cloud"
is $? 0 'SIGTERM ends it with 0'

# ---- settings -----------------------------------------------------------

for mode in 403:403 400:400 404:404 drop:200; do
	start_cloud -x "${mode%:*}" -b TOKEN
	authorization='Bearer TOKEN'
	query '.filter = {op: "OR", filters: [.filter, (.filter | .value = "lkc-9999")]}'
	like "$code $body" "^${mode#*:} .*$([ "$code" = 200 ] || echo '"errors"')" \
		"with -x ${mode%:*} an OR with an unknown resource is ${mode#*:}"
	[ "${mode%:*}" != drop ] || is "$body" "$first" '... without it'
done

cat >table.json <<'END'
[{"metric":"io.confluent.kafka.server/retained_bytes","resource.kafka.id":"lkc-cl23j",
  "metric.topic":"test-topic","timestamp":"2025-09-03T12:00:00Z","value":721},
 {"metric":"io.confluent.kafka.server/retained_bytes","resource.kafka.id":"lkc-cl23j",
  "metric.topic":"other","timestamp":"2025-09-03T11:59:00Z","value":1.50e1}]
END
authorization='Basic SzpT'
start_cloud -w table.json -L 300 -e 0 -r 61 -R 2 -k K:S -d -N
query '.aggregations[0].metric = "io.confluent.kafka.server/retained_bytes"
	| .filter.value = "lkc-cl23j" | .intervals = ["now-2h/now"]'
is "$body" '{"data":[{"timestamp":"2025-09-03T11:00:00Z","metric.topic":"other","value":1.50e1},{"timestamp":"2025-09-03T12:00:00Z","metric.topic":"test-topic","value":721}]}' \
	'with -w the values are those of a table, as they are written there'
is "$(grep -ci '^ratelimit-limit: ' <<<"$headers")" 2 'each answer has two sets of rateLimit headers'
query '.granularity = "PT1M" | .intervals = ["now|h/now"] | .limit = 1'
is "$(data .timestamp)" '["2025-09-03T13:04:00Z","2025-09-03T13:03:00Z","2025-09-03T13:02:00Z","2025-09-03T13:01:00Z","2025-09-03T13:00:00Z"]' \
	'with -L data come late, with -d the newest first'
next=$(token)
sleep 0.002
query '.granularity = "PT1M" | .intervals = ["now|h/now"] | .limit = 1' "?page_token=$next"
like "$code $body" '^400 .*expired' 'with -e a page token expires'
query '.aggregations[0].metric = "io.confluent.kafka.server/request_bytes" | .group_by = ["metric.principal_id"]'
like "$body" '"metric.principal_id":"u-0004","metric.principal_name":"' \
	'with -N there is a label that nobody asked for'

authorization='Basic U0lNS0VZOlNJTVNFQ1JFVA=='
start_cloud
for ((i = 1; i <= 60; i++)); do http GET /v2/metrics/cloud/descriptors/resources; done
is "$code" 200 'the 60th request of a minute is answered'
like "${headers//$'\n'/ }" 'rateLimit-limit: 60 rateLimit-remaining: 0 rateLimit-reset: [1-6][0-9]? ' \
	'... and says that no other will be'
query .
is "$code $(grep -c '^rateLimit-' <<<"$headers")" '429 6' \
	'the 61st gets 429, with two sets of rateLimit headers'
fault '{"fault":"html"}'
is "$code" 204 '... but the control commands are free'
start_cloud -r 1 -R 10
query .
query .
is "$code" 429 'with -r and -R the limit is another'
let_in() {
	query .
	[ "$code" = 200 ]
}
until_true 20 let_in
ok $? '... and ends with its window'

start_cloud -l -c 10000
query '.filter.value = "lkc-10000"'
is "$code $(jq ".data | length" <<<"$body")" "200 5" 'there can be ten thousand clusters'
query '.filter.value = "lkc-10001"'
is "$code" 403 '... and no others'
is "$(log '[.[] | [.status, .body]]')" '[[200,null],[403,null]]' \
	'with -l the log has no bodies'

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
	-subj /CN=localhost -keyout key.pem -out certificate.pem 2>err
start_cloud -C certificate.pem -K key.pem
like "$url" '^https://' 'with a certificate it is https'
printf 'GET / HTTP/1.0\r\n\r\n' |
	openssl s_client -quiet -connect "${url#*://}" -verify_return_error \
		-CAfile certificate.pem >out 2>err
like "$(<out)" '404 page not found' '... and answers by TLS'

# ---- Kafka --------------------------------------------------------------

start "$SIM/sim-kafka" -b 2 -t records:4 -c control -r records.log >brokers 2>kafka.err
until_true 10 test -s brokers
brokers=$(<brokers)
like "$brokers" '^127\.0\.0\.1:[0-9]+,127\.0\.0\.1:[0-9]+$' 'two brokers tell their addresses'

# kafka COMMAND: until it is in force
kafka() {
	: >kafka.err
	echo "$*" >control
	until_true 20 grep -q 'ok: \|bad command: ' kafka.err
	grep -q 'ok: ' kafka.err
}
# synced: until all that was produced is in the file
synced() {
	kafka sync "now-$tests" && until_true 20 grep -q "^#now-$tests" records.log
}
produce() { kcat -P -b "$brokers" -t records -K $'\t' "$@" 2>err; }
reachable() { timeout 5 kcat -q -L -m 1 -b "$brokers"; }
records() { grep -v '^#' records.log; }

produce <<<$'key\tvalue'
until_true 5 test -s records.log
like "$(<records.log)" $'^records\t[0-3]\t0\tkey\tvalue$' 'a record is written as it comes'
kafka down all
! reachable >out 2>&1
ok $? 'with all brokers down there is no way in'
kafka up all
reachable >out 2>&1
is "$? $(grep -c 'broker [12] at' out)" '0 2' 'brokers that went down come back on their port'

seq 50000 | sed 's/.*/&\t&/' >input
{
	head -20000 input
	kafka down 1 >/dev/null
	tail -n +20001 input
	kafka up 1 >/dev/null
} | produce -E -X enable.idempotence=true
is $? 0 'a producer sits out a broker that went away and came back'
synced
ok $? 'sync tells when all records are in the file'
records | cut -f 5 | sort -n | cmp -s - <(echo value; seq 50000)
ok $? '... where each is once'
! grep -q '^#LOST' records.log
ok $? '... and none was lost'

: >records.log
produce -X transactional.id=x -m 10 <<<$'a\tin a transaction'
is $? 0 'a transaction is committed'
synced
is "$(records | cut -f 5)" 'in a transaction' '... and its records are there'

kafka push-errors Produce MSG_SIZE_TOO_LARGE 1
produce <<<$'a\tb'
like "$? $(<err)" 'too large' 'an error can be put on a request'
kafka push-errors Produce NOT_LEADER_FOR_PARTITION 1
produce <<<$'a\tb'
is $? 0 '... or one that is tried again'
kafka topic-error records TOPIC_AUTHORIZATION_FAILED
reachable | grep -q 'records.*authorization'
ok $? 'an error can be put on a topic'
kafka topic-error records none
kafka rtt all 300
before=$(date +%s%N)
reachable >out
is "$((($(date +%s%N) - before) / 1000000 >= 300))" 1 'answers can be slow'
kafka rtt all 0
kafka leader records 0 2
reachable >out
like "$(<out)" 'partition 0, leader 2,' 'a partition can be led by another'
! kafka fall over
ok $? 'a command that is none is told'
kafka_pid=$pid
kill "$kafka_pid"
wait "$kafka_pid"
is $? 0 'SIGTERM ends it with 0'

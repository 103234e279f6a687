#!/usr/bin/env bash
# ccm-fetch export: what is requested, what of it is written, and what an
# answer that is not one costs.
# shellcheck disable=SC2119 # options are optional
. "$(dirname "$0")/../simulators.sh"

# export ARGUMENTS...: with the summary in stats
export_() { run ccm-fetch export -s stats "$@"; }
stats() { jq -c "$1" stats; }
urls() { cloud GET log | jq -r 'select(.url | test("/export")) | .url'; }
requests() { urls | grep -c .; }
one_request() { [ "$(requests)" -eq 1 ]; }
# anew [ID...]: no state, no log, no faults; these ids are refused
anew() {
	rm -rf "$CCM_RATE_DIR"
	forget_requests
	no_faults
	refuse_ids "$@"
	cloud POST export '{"access":"named","failed":[],"samples_max":30000,"everything":false}' >/dev/null
}
# samples LABEL: the ids that have samples
samples() { grep -o "^[^#].*$1=\"[^\"]*" out | sed 's/.*="//' | sort -u | tr '\n' ' '; }

start_cloud
all=(-r "kafka.id=lkc-0001,lkc-0002,lkc-0003" -r "connector.id=lcc-0001,lcc-0002" -r ksql.id=lksqlc-0001
	-r schema_registry.id=lsrc-0001 -r compute_pool.id=lfcp-0001)

# ---- what is requested and written

export_ "${all[@]}"
is "$status $(<err)" "0 " "resources of all types are exported"
is "$(requests)" 1 "... in one request"
address=${CONFLUENT_METRICS_HOST#http://}
curl -s -u KEY:s3cret-api "http://$address$(urls)" >served
cmp -s out served
ok $? "... whose answer is written as it was served"
is "$(stats '[.bodies,.answered,.requests,.points,.newest_samples]')" \
	"[1,1,1,$(grep -c '^[^#]' out),{\"resource.kafka.id\":1756774800000,\"resource.connector.id\":1756774800000,\"resource.ksql.id\":1756774800000,\"resource.schema_registry.id\":1756774800000,\"resource.compute_pool.id\":1756774800000}]" \
	"... and counted, with the time of the newest sample of each type"
anew
export_ -r kafka.id=lkc-0001,,lkc-0002, -r kafka.id=lkc-0001 -m io.confluent.kafka.server/sent_bytes \
	-m io.confluent.kafka.server/partition_count -S
is "$status $(urls)" "0 /v2/metrics/cloud/export?resource.kafka.id=lkc-0001&resource.kafka.id=lkc-0002&metric=io.confluent.kafka.server%2Fsent_bytes&metric=io.confluent.kafka.server%2Fpartition_count&ignore_failed_metrics=true" \
	"an empty id and a repeated one are not sent; -m and -S are"
is "$(grep -c '^# TYPE' out)" 3 "... and the answer has these families"
for empty in kafka.id= 'kafka.id=,' 'kafka.id= ' kafka.id; do
	export_ -r "$empty"
	is "$status $(requests)" "64 1" "-r \"$empty\" is refused before anything is sent"
done
export_
is "$status" 64 "so is no -r at all"
anew
export_ -o -r kafka.id=lkc-0001
is "$status $(tail -n 1 out)" "0 # EOF" "with -o it is OpenMetrics"
like "$(<out)" ' 1756774800\.000' "... with times in seconds"
is "$(stats '.newest_samples["resource.kafka.id"]')" 1756774800000 "... which are read as such"
export GLOBAL_LOG_LEVEL=DEBUG
anew
export_ -r kafka.id=lkc-0001
unset GLOBAL_LOG_LEVEL
! grep -q s3cret err
ok $? "no secret is logged"

# ---- many

kill "$cloud_pid"
start_cloud -c 400
ids=$(seq -f lkc-%04g -s , 400)
anew
export_ -r "kafka.id=$ids" -r connector.id=lcc-0001
is "$status $(requests) $(urls | awk 'length > m { m = length } END { print m + length("http://127.0.0.1:12345") <= 4000 }')" \
	"0 3 1" "401 resources go in URLs of at most 4,000 bytes"
is "$(grep -o '^confluent_kafka_server_partition_count{kafka_id="[^"]*' out | sed 's/.*"//' | paste -sd , -)" "$ids" \
	"... each once, in their order"
anew
fault '{"path":"export","match":"lkc-0001","fault":{"slow":700}}'
export_ -r "kafka.id=$ids" -m io.confluent.kafka.server/partition_count
is "$(grep -o 'kafka_id="[^"]*' out | head -1)" 'kafka_id="lkc-0001' "... also where the first answer comes last"
kill "$cloud_pid"

# The cap is a number of the API's; here 8 topics of 5,000 each make it real.
start_cloud -c 8 -T 5000 -a 1 -g 1
anew
ids=$(seq -f lkc-%04g -s , 8)
export_ -r "kafka.id=$ids" -r compute_pool.id=lfcp-0001 -m io.confluent.kafka.server/retained_bytes \
	-m io.confluent.flink/num_records_in
is "$status $(requests) $(grep -c ^confluent_kafka_server_retained out) $(grep -c ^confluent_flink out)" "0 3 40000 9" \
	"a family that has 30,000 samples is requested again in two parts: nothing is cut off"
is "$(stats '[.points,.cut_families]')" "[40009,[]]" "... and counts once"
at 01:06
forget_requests
export_ -r "kafka.id=$ids" -m io.confluent.kafka.server/retained_bytes
is "$status $(requests) $(grep -c ^confluent out)" "0 2 40000" "the next run knows how much goes together"
kill "$cloud_pid"
start_cloud -c 2 -T 31000 -a 1 -g 1
anew
export_ -r kafka.id=lkc-0001 -m io.confluent.kafka.server/retained_bytes
is "$status $(requests) $(grep -c ^confluent out) $(stats .cut_families)" \
	'0 1 30000 ["confluent_kafka_server_retained_bytes"]' "a cluster that has more by itself is written as far as the API goes"
like "$(<err)" 'WARN: confluent_kafka_server_retained_bytes: the API answers 30000 samples at most' "... and that is reported"
kill "$cloud_pid"

# ---- refused

start_cloud -c 16
ids=$(seq -f lkc-%04g -s , 16)
at 01:05
anew lkc-0003 lkc-0009
export_ -r "kafka.id=$ids"
is "$status $(requests) $(samples kafka_id)" \
	"77 2 $(seq -f lkc-%04g -s ' ' 16 | sed 's/lkc-0003 //; s/lkc-0009 //') " \
	"ids that a 403 names are left out, and the others requested again"
like "$(<err)" 'ERROR: resource.kafka.id lkc-0003: refused for API key KEY: HTTP 403: Unauthorized' "... each is reported"
is "$(stats '[.refused_resources[].id]')" '["lkc-0003","lkc-0009"]' "... and in the summary"
at 01:06
forget_requests
export_ -r "kafka.id=$ids"
is "$status $(requests) $(urls | grep -c 0003) $(stats '.refused_resources | length')" "77 1 0 2" \
	"the next runs leave them out, and say so"
like "$(<err)" 'WARN: 2 resources left out, refused .*lkc-0003: HTTP 403' "... in one line"
at 01:21
forget_requests
refuse_ids lkc-0003
export_ -r "kafka.id=$ids"
is "$status $(requests) $(urls | grep -c '0001.*0003') $(samples kafka_id | wc -w)" "77 3 0 15" \
	"after a quarter of an hour they are requested again, apart; one that is allowed by then comes"
at 01:22
forget_requests
export_ -r "kafka.id=$ids"
is "$(requests) $(samples kafka_id | wc -w)" "1 15" "... and goes with the others from then on"
anew lkc-0011
cloud POST export '{"access":"unnamed"}' >/dev/null
export_ -r "kafka.id=$ids"
is "$status $(samples kafka_id | wc -w) $(stats '[.refused_resources[].id]') $(($(requests) <= 2 * 4 + 2))" \
	'77 15 ["lkc-0011"] 1' "a 403 that names none is searched by halves"
anew lkc-0011
cloud POST export '{"access":"reported"}' >/dev/null
export_ -r "kafka.id=$ids"
is "$status $(samples kafka_id | wc -w) $(requests) $(stats '[.refused_resources[].id]')" '77 15 1 ["lkc-0011"]' \
	"confluent_scrape_resource_access_error is a refused id"
grep -q '^confluent_scrape_resource_access_error{.*lkc-0011",} 1.0' out
ok $? "... and stays in the text"
anew
export_ -r "kafka.id=$ids" -m io.confluent.x/y
is "$status $(wc -c <out) $(($(requests) < 12))" "69 0 1" "a metric that does not exist is no resource's fault"
like "$(<err)" 'whatever the resource: HTTP 400: Unknown metric' "... and is reported so"
anew
CONFLUENT_METRICS_API_SECRET=wrong export_ -r "kafka.id=$ids"
is "$status $(requests) $(wc -c <out)" "77 1 0" "after a 401 nothing else is requested"
anew
cloud POST export '{"failed":["io.confluent.kafka.server/sent_bytes"]}' >/dev/null
export_ -S -r kafka.id=lkc-0001
is "$status $(stats .failed_metrics)" '0 ["io.confluent.kafka.server/sent_bytes"]' "with -S a metric that fails is missing, and named"
like "$(<err)" 'WARN: the API could not export 1 metric: io.confluent.kafka.server/sent_bytes' "... in a warning"
anew
export_ -r kafka.id=lkc-0001 -r compute_pool.id=lfcp-0001 -m io.confluent.flink/num_records_in
is "$status $(stats '[.silent_resources[].id]')" '0 ["lkc-0001"]' "a resource without a sample is reported"

# ---- what fails for now

for kind in '{"status":503}' '"reset"' '"cut"' '"truncated_json"' '"html"' \
	'{"status":200,"body":"{}","headers":{"Content-Type":"application/json"}}' '{"status":429}'; do
	anew
	fault "{\"path\":\"export\",\"times\":2,\"fault\":$kind}"
	export_ -r kafka.id=lkc-0001
	is "$status $(requests) $(stats .retries) $(grep -c '^confluent_kafka_server_partition_count' out)" "0 3 2 1" \
		"twice $kind: tried again, written once"
done
anew
export CONFLUENT_METRICS_TIMEOUT=1
fault '{"path":"export","fault":{"stall":1,"headers":true}}'
export_ -o -r kafka.id=lkc-0001
is "$status $(requests) $(tail -n 1 out)" "0 2 # EOF" "an answer that stops in the middle is requested again"
unset CONFLUENT_METRICS_TIMEOUT
anew
fault '{"path":"export","times":-1,"match":"lkc-0001","fault":{"status":503}}'
export_ -r kafka.id=lkc-0001
is "$status $(requests) $(wc -c <out)" "75 5 0" "five attempts, then 75 and nothing of it"
like "$(<err)" 'ERROR: resource.kafka.id lkc-0001: HTTP 503.*gave up after 5 attempts' "... with the reason"
anew
fault '{"path":"export","fault":"html404"}'
export_ -r kafka.id=lkc-0001
is "$status $(requests)" "69 1" "a page of a proxy is no answer, and stays so"
anew
printf 'confluent_a{kafka_id="lkc-0001"} x\nconfluent_a{kafka_id="lkc-0001"} 1\n' >bad
fault "{\"path\":\"export\",\"fault\":{\"status\":200,\"body\":$(jq -Rs . bad),\"headers\":{\"Content-Type\":\"text/plain\"}}}"
export_ -r kafka.id=lkc-0001
is "$status $(stats .unreadable)" "65 1" "a line that cannot be read is reported"
cmp -s out bad
ok $? "... and stays in the text"
anew
CONFLUENT_METRICS_QUERY_BYTES=2000 export_ -r kafka.id=lkc-0001
is "$status $(wc -c <out)" "75 0" "an answer that is too long ends"
anew
ccm-fetch export -r kafka.id=lkc-0001 >/dev/full 2>err
is $? 74 "a full disk at standard output is 74"
anew
fault '{"path":"export","times":-1,"fault":{"slow":3000}}'
ccm-fetch export -r kafka.id=lkc-0001 >out 2>err &
pid=$!
until_true 10 one_request
kill -9 "$pid"
wait "$pid" 2>/dev/null
is "$(wc -c <out)" 0 "killed in the middle, it has written nothing"
no_faults
export_ -r kafka.id=lkc-0001
is "$status" 0 "... and stops no other run"

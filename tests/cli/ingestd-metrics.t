#!/usr/bin/env bash
# ccm-ingestd: what comes back from Kafka, as Prometheus, the app and its health
# check see it.
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/ingestd.sh
. "$ROOT/tests/ingestd.sh"

# consumed [JQ FILTER]: a line as the consumer writes it, changed by the filter
consumed() {
	jq -cn --argjson m "$metric" --arg now "$(date +%s%3N)" \
		"{app_id: \"shop\"} + \$m + {received: (\$now | tonumber), partition: 0, offset: 1} | ${1:-.}"
}
figure() { get /prometheus-metrics --compressed && sed -n "s/^$1 //p" out; }
is_figure() { [ "$(figure "$1")" = "$2" ]; }
# Pages are kept for a second, and what is in the FIFO is read before long.
is_soon() {
	until_true 20 is_figure "$1" "$2"
	is "$(figure "$1")" "$2" "$3"
}
client() { get /prometheus-metrics && grep client_metric_ out; }
# has TEXT: the client metrics are these
has() { [ "$(client)" = "$1" ]; }
becomes() {
	until_true 20 has "$1"
	is "$(client)" "$1" "$2"
}

# ---- the documents' example

start_ingestd -c fifo
cat >example.py <<'END'
import time
import requests

# Single metric example
metric = {
    "name": "cpu_usage",
    "value": 75.5,
    "timestamp": int(time.time() * 1000),
    "tags": {
        "host": "server1",
        "environment": "production"
    },
    "profileId": "profile123"
}

# Submit metric batch
metrics_batch = {
    "metrics": [metric]
}

# Send metrics to the API
response = requests.post(
    'http://localhost:5000/api/v2/app/your-app-id/metrics',
    json=metrics_batch
)
print(f"Response status: {response.status_code}")
END
if /usr/bin/python3 -c 'import requests' 2>/dev/null; then
	sed -i "s/localhost:5000/$at/" example.py
	run /usr/bin/python3 example.py
	is "$(<out)" 'Response status: 202' "the documents' example, by Python's requests, is accepted"
	spooled >fifo # what Kafka does, for this test
	is_soon kafka_metrics_consumed_total 1 '... comes back'
	is "$(grep -A2 -e client_metric -e '# HELP kafka_metrics_consumed' out | grep -v ^-- | awk '!seen[$0]++' | grep -e client_ -e consumed)" \
		'# HELP client_metric_cpu_usage Client metric: cpu_usage
# TYPE client_metric_cpu_usage gauge
client_metric_cpu_usage{host="server1",environment="production"} 75.5
# HELP kafka_metrics_consumed_total Total metrics consumed from Kafka
# TYPE kafka_metrics_consumed_total counter
kafka_metrics_consumed_total 1' '... and is shown as they print it'
	get /api/v2/app/your-app-id/metrics
	is "$(jq -c '.metrics[0] | del(.timestamp)' out)" \
		'{"name":"cpu_usage","value":75.5,"tags":{"host":"server1","environment":"production"},"profileId":"profile123"}' \
		'... and is among the last metrics of its app'
else
	skip "the documents' example, by Python's requests, is accepted" 'python3-requests is not installed'
fi
stop_ingestd
rm -rf spool

# ---- series

[ "$(stat -c '%F %a' fifo)" = 'fifo 620' ]
ok $? 'the FIFO is for its group to write'
start_ingestd -c fifo
is "$(get /prometheus-metrics && header content-type)" 'text/plain; version=0.0.4; charset=utf-8' 'the page has the type of the text format'
consumed '.value = 1' >fifo
becomes '# HELP client_metric_cpu_usage Client metric: cpu_usage
# TYPE client_metric_cpu_usage gauge
client_metric_cpu_usage{host="server1",environment="production"} 1' 'the labels are the tags, in their order'
{
	consumed '.timestamp += 5 | .value = 2'
	consumed '.timestamp += 4 | .value = 3'
	consumed '.timestamp += 5 | .value = 4 | .tags = {environment: "production", host: "server1"}'
	consumed '.timestamp += 1 | .value = 5'
} >fifo
becomes '# HELP client_metric_cpu_usage Client metric: cpu_usage
# TYPE client_metric_cpu_usage gauge
client_metric_cpu_usage{host="server1",environment="production"} 4' 'the greatest timestamp wins, of equal ones the later; tags in another order are the same series'
{
	consumed '.timestamp = .received + 3600000 | .value = 6'
	consumed '.timestamp = .received + 1000 | .value = 7'
} >fifo
becomes '# HELP client_metric_cpu_usage Client metric: cpu_usage
# TYPE client_metric_cpu_usage gauge
client_metric_cpu_usage{host="server1",environment="production"} 7' 'a clock an hour ahead does not hold a series'
consumed '.name = "1 é-ü/x" | .tags = {"a.b": "1", "a-b": "2", "__c": "q\"\\\n", "app_id": "mine", "": "e"} | .value = 1e300' >fifo
consumed '.name = "1 é-ü/x" | .tags = {"a.b": "1", "a-b": "2", "__c": "q\"\\\n", "app_id": "mine"} | .value = 1e300' >fifo
until_true 20 eval 'client | grep -q x'
is "$(client | grep '_x{')" 'client_metric__1_____x{a_b="1;2",_c="q\"\\\n",exported_app_id="mine"} 1e300' \
	'names are made valid, labels that become one are joined, our own label is not taken'
is_soon ccm_ingestd_bad_lines_total 1 'a line that is no metric (a tag without a name) is counted'
if command -v promtool >/dev/null; then
	promtool check metrics <out >promtool.out 2>&1
	is "$(grep -v -e 'no help text' -e 'use base unit' promtool.out)" '' 'promtool has nothing to say about the page'
else
	skip 'promtool has nothing to say about the page' 'prometheus is not installed'
fi
is "$(client | grep -c app_id=)" 1 'with one app, series have no app_id'
consumed '.app_id = "other"' >fifo
until_true 20 eval 'client | grep -q "{app_id=\"other\",host"'
is "$(client | grep -c '{app_id="shop",')" 2 'a second app puts the label on all of them'
is "$(grep -c 'WARN: a second app is known' ingestd.err)" 1 '... with one warning'
stop_ingestd
start_ingestd -c fifo
consumed >fifo
until_true 20 eval 'client | grep -q cpu_usage.app_id=.shop'
ok $? '... also after a restart, when only one app is known yet'
stop_ingestd

CCM_APP_LABEL=0 CCM_PROFILE_LABEL=1 CCM_MAX_SERIES=3 CCM_SERIES_TTL=3 start_ingestd -c fifo
for i in 1 2 3 4 5; do consumed ".tags = {} | .name = \"n$i\" | .value = $i" >fifo; done
until_true 10 is_figure ccm_ingestd_series 3
is "$(client | grep -v '#' | sort | paste -sd' ')" \
	'client_metric_n1{profile_id="profile123"} 1 client_metric_n2{profile_id="profile123"} 2 client_metric_n3{profile_id="profile123"} 3' \
	'CCM_MAX_SERIES holds, CCM_PROFILE_LABEL adds a label, CCM_APP_LABEL=0 none'
is "$(sed -n 's/^ccm_ingestd_refused_total{reason="series_limit"} //p' out)" 2 '... the others are counted'
is_soon ccm_ingestd_series 0 'series expire CCM_SERIES_TTL after their last metric'
consumed '.received -= 3600000' >fifo
is_soon kafka_metrics_consumed_total 6 'an old metric that is replayed is counted'
is "$(client)" '' '... and not shown'
stop_ingestd

# ---- the consumer

rm spool/.two-apps
start_ingestd -c fifo
get /api/v2/app/shop/health
is "$(jq -c .consumer.state out)" '"down"' 'a consumer that has written nothing is down'
{
	echo '{"control":"assigned","state":"reading","partitions":[0,1],"lag":12}'
	consumed '.name = "p0" | .tags = {}'
	consumed '.name = "p1" | .tags = {} | .partition = 1'
} >fifo
is_soon kafka_consumer_status 1 'its control lines are its sign of life'
is "$(grep -c '^kafka_consumer_lag 12$' out) $(grep -c '^client_metric_p' out)" '1 2' '... and say how far behind it is'
is "$(sed -n 's/^kafka_metrics_consumed_total //p' out)" 2 '... and are no metrics'
get /api/v2/app/shop/health
is "$(jq -c .consumer out)" '{"state":"up","detail":"reading","partitions":[0,1],"lag":12,"consumed":2}' 'health shows all that'
echo '{"control":"revoked","state":"reading","partitions":[1],"lag":0}' >fifo
is_soon ccm_ingestd_series 1 'the series of a revoked partition go at once'
is "$(grep ^client_metric_ out | cut -d' ' -f1)" client_metric_p1 '... and the others stay'
echo '{"control":"status","state":"away","partitions":[1],"lag":0}' >fifo
is_soon kafka_consumer_status 0 'a consumer that no broker answers is down'
printf '{"app_id":"shop","name":"ha' >fifo
consumed '.name = "next"' >fifo
consumed '.name = "after"' >fifo
until_true 20 eval 'client | grep -q after'
is "$(figure ccm_ingestd_bad_lines_total) $(client | grep -c next)" '1 0' 'half a line of a writer that died is one bad line with the one behind it'
head -c 3000000 /dev/zero | tr '\0' x >fifo
echo >fifo
consumed '.name = "long"' >fifo
until_true 20 eval 'client | grep -q long'
is_soon ccm_ingestd_bad_lines_total 2 'a line over 1 MiB is one bad line'
get '/api/v2/app/shop/metrics?limit=2'
is "$(jq -c '[.app_id, .metrics[].name]' out)" '["shop","long","after"]' 'GET metrics has the last ones, the newest first'
for limit in 0 1001 x ''; do
	get "/api/v2/app/shop/metrics?limit=$limit"
	is "$code" 400 "limit=$limit is refused"
done
get /api/v2/app/nobody/metrics
is "$code $(jq -c .metrics out)" '200 []' 'an app that was not seen has an empty list'

# ---- the producer

get /api/v2/app/shop/health
is "$code $(header content-type) $(jq -rc '.status, .producer' out | paste -sd' ')" \
	'200 application/health+json warn {"state":"down","detail":"no ccm-ship runs on the spool"}' 'without a shipper health is a warning'
start ccm-ship spool sh -c 'cat >>sent; exit 0' 2>ship.err
ship=$pid
post shop "{\"metrics\":[$metric]}"
is_soon kafka_producer_status 1 'a shipper that runs is up'
until_true 10 test -s sent
ok $? '... and what was accepted goes on its way'
is_soon kafka_metrics_sent_total 1 '... and is counted'
kill "$ship" && wait "$ship"
start ccm-ship spool sh -c 'exit 65' 2>ship.err
ship=$pid
post shop "{\"metrics\":[$metric,$metric]}"
is_soon kafka_metrics_failed_total 2 'lines that are set aside are counted as failed'
is "$(sed -n 's/^kafka_metrics_sent_total //p' out)" 1 '... by another shipper, which goes on from what was counted'
kill "$ship" && wait "$ship"
start ccm-ship spool sh -c 'exit 75' 2>ship.err
ship=$pid
post shop "{\"metrics\":[$metric]}"
until_true 20 jq -e .last_error spool/.status
is_soon kafka_producer_status 0 'one that fails is down'
get /api/v2/app/shop/health
is "$code $(jq -rc '.status, .producer.detail' out | paste -sd' ')" '200 warn sh exited with status 75' '... with its last error'
kill "$ship" && wait "$ship"
stop_ingestd
CCM_HEALTH_KAFKA_SECONDS=1 start_ingestd -c fifo
fails() { get /api/v2/app/shop/health && [ "$code" = 503 ]; }
until_true 20 fails
is "$code $(jq -r .status out)" '503 fail' 'CCM_HEALTH_KAFKA_SECONDS makes it a failure'
get /readyz
is "$code" 200 '... of health, not of readiness'
stop_ingestd
touch file
run ccm-ingestd -l 127.0.0.1:0 -s spool -c file
is "$status $(<err)" '73 ccm-ingestd: ERROR: file is not a FIFO' 'a file in the place of the FIFO is refused'

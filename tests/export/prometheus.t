#!/usr/bin/env bash
# A real Prometheus scrapes the simulated /export, as Confluent's own scrape
# configuration has it: what the exporter's tests rely on is what Prometheus takes.
# shellcheck disable=SC2119 # options are optional
. "$(dirname "$0")/../simulators.sh"
# shellcheck source=tests/export/peers.sh
. "$ROOT/tests/export/peers.sh"

start_cloud -H 0
unset CCM_NOW
cloud POST now '{"now":null}' >/dev/null
port=$(free_port)
cat >prometheus.yml <<END
scrape_configs:
  - job_name: Confluent Cloud
    scrape_interval: 1s
    scrape_timeout: 1s
    honor_timestamps: true
    static_configs:
      - targets: ["${CONFLUENT_METRICS_HOST#http://}"]
    basic_auth: {username: KEY, password: s3cret-api}
    metrics_path: /v2/metrics/cloud/export
    params:
      "resource.kafka.id": [lkc-0001, lkc-0002]
      "resource.compute_pool.id": [lfcp-0001]
END
start prometheus --config.file=prometheus.yml --storage.tsdb.path="$WORK/tsdb" \
	--web.listen-address="127.0.0.1:$port" --log.level=error >prometheus.log 2>&1
# ask QUERY: its series, as {LABELS, VALUE}
ask() {
	curl -s -G "http://127.0.0.1:$port/api/v1/query" --data-urlencode "query=$1" | jq -c '.data.result[]'
}
scraped() { [ "$(ask 'up{job="Confluent Cloud"}' | jq -r '.value[1]')" = 1 ]; }
until_true 60 scraped
ok $? "Prometheus takes the simulated export (OpenMetrics, gzip)"
is "$(cloud GET log | jq -s -c 'map(.status) | unique')" '[200]' "... which answers each scrape"
is "$(ask 'confluent_kafka_server_partition_count')" '' \
	"samples five minutes old are empty at \"now\": why alerts take last_over_time"
run ccm-fetch export -r kafka.id=lkc-0001,lkc-0002 -r compute_pool.id=lfcp-0001
ccm-promfmt -I prometheus <out | grep '^confluent' | sed 's/ [0-9]*$//' | sort >wanted
time=$(grep -m 1 '^confluent' out | sed 's/.* //')
at_minute() {
	curl -s -G "http://127.0.0.1:$port/api/v1/query" --data-urlencode "time=$((time / 1000))" \
		--data-urlencode 'query={__name__=~"confluent_.*"}[1s]' >answer
	[ "$(jq '.data.result | length' answer)" -ge "$(wc -l <wanted)" ]
}
until_true 90 at_minute
# As ccm-promfmt writes it: labels sorted, values in one way.
jq -r '.data.result[] | .values[-1][1] as $value | .metric.__name__ as $name
	| (.metric | del(.__name__, .job, .instance)
		| to_entries | sort_by(.key) | map("\(.key)=\(.value | tojson)") | join(",")) as $labels
	| "\($name){\($labels)} \($value)"' answer | sort >got
# A number as the double that it is.
numbers() { perl -pe 's/ (\S+)$/sprintf(" %.17g", $1)/e' "$1" | sort; }
diff <(numbers wanted) <(numbers got) >"diff"
ok $? "... and its TSDB has the API's $(wc -l <wanted) values, labels and times"

#!/usr/bin/env bash
# make demo-export: the newest samples of a simulated Confluent Cloud, by way of
# ccm-export and ccm-serve, in a real Prometheus with the rules that ccm installs.
set -euo pipefail
# shellcheck source=tests/demo-lib.sh
. "$(dirname "$0")/demo-lib.sh"

start cloud "$B/sim/sim-cloud" -k DEMOKEY:demo-secret -c 2 -P 4 -T 8

export CONFLUENT_METRICS_HOST STATE_DIRECTORY=$work/state
CONFLUENT_METRICS_HOST=$(<"$work/cloud")
export CONFLUENT_METRICS_API_KEY=DEMOKEY CONFLUENT_METRICS_API_SECRET=demo-secret
export CONFLUENT_METRICS_CLUSTER_ID_LIST=lkc-0001,lkc-0002
export CONFLUENT_METRICS_COMPUTE_POOL_ID_LIST=lfcp-0001
export CCM_EXPORT_TO=serve:$work/confluent.metrics

# soon COMMAND...: until it succeeds, for 30 s at most
soon() {
	local i
	for ((i = 0; i < 300; i++)); do
		if "$@" >/dev/null 2>&1; then return; fi
		sleep 0.1
	done
	echo "it took too long: $*" >&2
	cat "$work"/*.log >&2
	exit 1
}
free_port() {
	perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(
		LocalAddr => "127.0.0.1", Listen => 1)->sockport'
}

say "The settings (a simulated Metrics API: two clusters, a Flink pool)"
env | grep -E '^(CONFLUENT_METRICS|CCM_EXPORT)_' | sed 's/demo-secret/********/' | sort

say "\$ ccm-export -l &"
ccm-export -l 2>"$work/export.log" &
pids+=($!)
soon [ -s "$work/confluent.metrics" ]

served=127.0.0.1:$(free_port)
say "\$ ccm-serve -l $served confluent.metrics &"
ccm-serve -l "$served" "$work/confluent.metrics" 2>"$work/serve.log" &
pids+=($!)
soon curl --fail --silent "http://$served/metrics" -o "$work/served"
grep -m 3 '^confluent_kafka_server_received_bytes' "$work/served"

prometheus=127.0.0.1:$(free_port)
cat >"$work/prometheus.yml" <<END
global: {evaluation_interval: 1s}
rule_files: ["$PWD/pipelines/dashboards/*.rules.yml"]
scrape_configs:
- job_name: confluent-cloud
  scrape_interval: 1s
  honor_timestamps: true
  static_configs: [{targets: ["$served"]}]
END
say "\$ prometheus --config.file=prometheus.yml &    # http://$prometheus"
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" \
	--web.listen-address="$prometheus" --log.level=error >"$work/prometheus.log" 2>&1 &
pids+=($!)

# ask QUERY: what Prometheus answers
ask() {
	curl --fail --silent -G "http://$prometheus/api/v1/query" --data-urlencode "query=$1"
}
top='topk(5, sum by (kafka_id, topic) (last_over_time(confluent_kafka_server_received_bytes[10m])))'
has_top() { ask "$top" | jq -e '.data.result | length == 5'; }
soon has_top
say "The top topics: bytes received in the newest minute"
ask "$top" | jq -r '.data.result[] | [.metric.kafka_id, .metric.topic, .value[1]] | @tsv' |
	awk -F '\t' '{ printf "%-10s %-12s %14s\n", $1, $2, $3 }'

say "Alerts (by the rules in pipelines/dashboards)"
curl --fail --silent "http://$prometheus/api/v1/rules?type=alert" |
	jq -r '[.data.groups[].rules[]] | (map(select(.state != "inactive") |
		"\(.state): \(.name): \(.alerts[0].annotations.summary)") | unique[]),
		"\(length) rules, \(map(select(.state == "firing")) | length) firing"'

say "Summary"
samples=$(grep -c '^confluent' "$work/served")
series=$(curl --fail --silent -G "http://$prometheus/api/v1/series" \
	--data-urlencode 'match[]={__name__=~"confluent_.+"}' | jq '.data | length')
echo "$samples samples served, $series series in Prometheus"
[ "$series" = "$samples" ] || {
	echo "Prometheus does not have what is served" >&2
	exit 1
}

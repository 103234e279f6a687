#!/usr/bin/env bash
# make demo: an hour of metrics of a simulated Confluent Cloud on a simulated
# Kafka topic, by way of ccm-scrape, as a user would run it.
set -euo pipefail
# shellcheck source=tests/demo-lib.sh
. "$(dirname "$0")/demo-lib.sh"

start cloud "$B/sim/sim-cloud" -k DEMOKEY:demo-secret -c 3 -P 4 -T 5
start kafka "$B/sim/sim-kafka" -t confluent-metrics

export CONFLUENT_METRICS_HOST KAFKA_BOOTSTRAP_SERVERS
CONFLUENT_METRICS_HOST=$(<"$work/cloud")
KAFKA_BOOTSTRAP_SERVERS=$(<"$work/kafka")
export CONFLUENT_METRICS_API_KEY=DEMOKEY CONFLUENT_METRICS_API_SECRET=demo-secret
export CONFLUENT_METRICS_CLUSTER_ID_LIST=lkc-0001,lkc-0002,lkc-0003
export STATE_DIRECTORY=$work/state

say "The settings (a simulated Metrics API, a simulated Kafka, three clusters)"
env | grep -E '^(CONFLUENT_METRICS|KAFKA)_' | sed 's/demo-secret/********/' | sort

say "\$ ccm-scrape"
began=$EPOCHREALTIME
ccm-scrape
took=$(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')

say "\$ ccm-consume -e confluent-metrics demo | head -3"
ccm-consume -e confluent-metrics demo >"$work/records" 2>"$work/consume.log" || {
	cat "$work/consume.log" >&2
	exit 1
}
head -n 3 "$work/records"

say "The same as a table (the first 20 of $(wc -l <"$work/records"))"
jq -r '[(.timestamp / 1000 | todate), .tags.cluster_id,
	(.name | sub("confluent_kafka_server_"; "")),
	(.tags.topic // .tags.principal), .fields.value] | @tsv' "$work/records" |
	sort | head -n 20 |
	awk -F '\t' 'BEGIN {
		format = "%-21s %-9s %-15s %-11s %14s\n"
		printf format, "hour", "cluster", "metric", "topic/princ.", "bytes"
	} { printf format, $1, $2, $3, $4, $5 }'

say "Summary"
jq -r --arg took "$took" --argjson consumed "$(wc -l <"$work/records")" \
	'"\(.requests) requests for \(.records) values in \($took) s; " +
	"\($consumed) records read back from the topic"' \
	"$STATE_DIRECTORY/status/last-run.json"
jq -e --argjson consumed "$(wc -l <"$work/records")" \
	'.records > 0 and .records == $consumed' \
	"$STATE_DIRECTORY/status/last-run.json" >/dev/null || {
	echo "the records on the topic are not those that were scraped" >&2
	exit 1
}

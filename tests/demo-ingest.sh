#!/usr/bin/env bash
# make demo-ingest: metrics that an application POSTs, to a simulated Kafka as Avro
# with a simulated schema registry, and back for Prometheus, by way of ccm-ingest.
set -euo pipefail
# shellcheck source=tests/demo-lib.sh
. "$(dirname "$0")/demo-lib.sh"

start kafka "$B/sim/sim-kafka" -t client-metrics:4
start registry "$B/sim/sim-registry"

export KAFKA_BOOTSTRAP_SERVERS SCHEMA_REGISTRY_URL STATE_DIRECTORY=$work/state
KAFKA_BOOTSTRAP_SERVERS=$(<"$work/kafka")
SCHEMA_REGISTRY_URL=$(<"$work/registry")
to=(--silent --show-error --unix-socket "$work/socket")

# soon COMMAND...: until it succeeds, for 20 s at most
soon() {
	local i
	for ((i = 0; i < 400; i++)); do
		if "$@" >/dev/null 2>&1; then return; fi
		sleep 0.05
	done
	echo "it took too long: $*" >&2
	cat "$work/ingest.log" >&2
	exit 1
}
shown() { curl "${to[@]}" http://localhost/prometheus-metrics >"$work/shown"; }
all_shown() { shown && [ "$(grep -c '^client_metric_' "$work/shown")" = 3 ]; }

say "The settings (a simulated Kafka, a simulated schema registry)"
env | grep -E '^(KAFKA|SCHEMA_REGISTRY)_' | sort

say "\$ ccm-ingest"
ccm-ingest -l "$work/socket" 2>"$work/ingest.log" &
pids=("$!" "${pids[@]}")
soon curl --fail "${to[@]}" http://localhost/readyz

now=$(date +%s%3N)
for metric in '"cpu_usage","value":75.5' '"memory_usage","value":62' '"disk_usage","value":0.31'; do
	body="{\"metrics\":[{\"name\":$metric,\"timestamp\":$now,\"tags\":{\"host\":\"server1\"},\"profileId\":\"profile123\"}]}"
	say "POST /api/v2/app/shop/metrics $body"
	curl "${to[@]}" -H 'Content-Type: application/json' -d "$body" \
		http://localhost/api/v2/app/shop/metrics
done

soon all_shown
say "What came back from Kafka: GET /prometheus-metrics"
grep -E '^(client_metric|kafka_)' "$work/shown"

say "The log"
cat "$work/ingest.log"

#!/usr/bin/env bash
# make bench: speed and memory, each figure beside the peer that it names, all in
# one run on the same input. A figure that has a goal says whether it is reached;
# the exit status does not depend on it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
B=${B:-build}
[[ $B = /* ]] || B=$here/../../$B
export PATH="$B/bin:$PATH" LC_ALL=C.UTF-8 TZ=UTC
POINTS=${POINTS:-500000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# measure COMMAND...: how long it takes, in seconds, in $seconds
measure() {
	local start=$EPOCHREALTIME
	"$@" >/dev/null
	seconds=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
}

# median COMMAND...: the same, the median of five runs after one to warm up
median() {
	"$@" >/dev/null
	for _ in 1 2 3 4 5; do
		measure "$@"
		echo "$seconds"
	done >"times"
	seconds=$(sort -n times | sed -n 3p)
}

# row WHAT SECONDS SECONDS-OF-JQ [GOAL]: the goal is a multiple of jq's speed
row() {
	awk -v what="$1" -v s="$2" -v n="$POINTS" -v jq="$3" -v goal="${4-}" 'BEGIN {
		printf "%-28s %8.3f s %12.0f lines/s %8.0f times jq", what, s, n / s, jq / s
		if (goal != "")
			printf "   goal %d: %s", goal, (jq / s >= goal ? "reached" : "MISSED")
		print "" }'
}

# beside_kcat PROGRAM SECONDS: the goal is that it is no slower than kcat
beside_kcat() {
	awk -v what="$1" -v s="$2" -v n="$POINTS" -v kcat="$kcat_seconds" 'BEGIN {
		printf "%-28s %8.3f s %12.0f lines/s %8.1f times kcat   goal 1: %s\n",
			what, s, n / s, kcat / s, (s <= kcat ? "reached" : "MISSED") }'
}

perl "$here/points.pl" "$POINTS" >points
printf '%s points, %s bytes; median of five (jq and Python: one run)\n\n' \
	"$POINTS" "$(stat -c %s points)"

measure jq -c -f "$here/normalize.jq" points
jq_seconds=$seconds
row "jq, points to records" "$seconds" "$jq_seconds"
measure python3 -c '
import json, sys
from datetime import datetime
for line in sys.stdin:
    p = json.loads(line)
    t = {}
    for k, v in p.items():
        if k == "resource.kafka.id": t["cluster_id"] = v
        elif k == "metric.principal_id": t["principal"] = v
        elif k not in ("metric", "timestamp", "value"):
            t[k.split(".", 1)[1].replace(".", "_")] = v
    print(json.dumps({"fields": {"value": p["value"]},
        "name": p["metric"][3:].replace(".", "_").replace("/", "_"), "tags": t,
        "timestamp": int(datetime.fromisoformat(p["timestamp"].replace("Z", "+00:00")).timestamp()) * 1000},
        separators=(",", ":")))' <points
row "Python's json, the same" "$seconds" "$jq_seconds"
median bash -c 'exec ccm-normalize <points'
row "ccm-normalize" "$seconds" "$jq_seconds" 200
normalize_seconds=$seconds

ccm-normalize <points >records
measure jq -rR -f "$here/key.jq" records
jq_seconds=$seconds
row "jq, records to keyed lines" "$seconds" "$jq_seconds"
median bash -c 'exec ccm-key <records'
row "ccm-key" "$seconds" "$jq_seconds" 50
key_seconds=$seconds

jq -c -f "$here/normalize.jq" <(head -1000 points) >jq.records
cmp -s jq.records <(head -1000 points | ccm-normalize) &&
	jq -rR -f "$here/key.jq" <(head -1000 records) | cmp -s - <(head -1000 records | ccm-key) ||
	echo "jq and ccm do not agree"

# kcat alone, at its fastest: lines with their keys, a broker that keeps nothing.
servers=()
trap 'kill "${servers[@]}"; rm -rf "$work"' EXIT
"$B/sim/sim-kafka" -b 1 >brokers &
servers+=($!)
until [ -s brokers ]; do sleep 0.05; done
ccm-key <records >keyed
echo
send() { kcat -P -E -b "$(<brokers)" -t confluent-metrics -K $'\t' <keyed; }
median send
kcat_seconds=$seconds
awk -v s="$kcat_seconds" -v n="$POINTS" 'BEGIN {
	printf "%-28s %8.3f s %12.0f lines/s\n", "kcat -P, simulated broker", s, n / s }'
beside_kcat ccm-normalize "$normalize_seconds"
beside_kcat ccm-key "$key_seconds"

echo
for i in 1 2 3 4 5; do cat points; done >many.points
for i in 1 2 3 4 5; do cat records; done >many.records
for program in ccm-normalize ccm-key; do
	[ $program = ccm-key ] && input=many.records || input=many.points
	/usr/bin/time -f %M -o rss $program <"$input" >/dev/null
	printf '%-28s %8d KiB resident over %d MB of input\n' $program \
		"$(cat rss)" "$(($(stat -c %s "$input") / 1000000))"
done

# The text side of the exporter, beside Python's official client.
perl "$here/export.pl" 1000000 >answer
bytes=$(stat -c %s answer)
printf '\nAn export of 1,000,000 samples, %s bytes\n' "$bytes"
head -100000 answer >answer.head
measure /usr/bin/python3 -c '
import sys
from prometheus_client.parser import text_fd_to_metric_families
for family in text_fd_to_metric_families(sys.stdin):
    pass' <answer.head
parser_rate=$(awk -v s="$seconds" -v b="$(stat -c %s answer.head)" 'BEGIN { print b / 1e6 / s }')
printf '%-28s %8.1f MB/s (a tenth of it)\n' "prometheus_client.parser" "$parser_rate"
median bash -c 'exec ccm-normalize -I prometheus -k <answer'
awk -v s="$seconds" -v b="$bytes" -v peer="$parser_rate" 'BEGIN {
	rate = b / 1e6 / s
	printf "%-28s %8.1f MB/s %8.0f times the parser   goal 200 MB/s: %s\n",
		"ccm-normalize -I prometheus", rate, rate / peer, (rate >= 200 ? "reached" : "MISSED") }'

measure /usr/bin/python3 -c '
from prometheus_client import CollectorRegistry, Gauge, generate_latest
import time
registry = CollectorRegistry()
gauge = Gauge("confluent_kafka_server_received_bytes", "h", ["kafka_id", "topic"], registry=registry)
for i in range(100000):
    gauge.labels("lkc-%05d" % (i // 500), "orders.v1.topic-%d" % (i % 500)).set(i)
start = time.monotonic()
generate_latest(registry)
print(time.monotonic() - start, file=open("generate", "w"))'
latest=$(awk '{ print $1 * 10 }' generate)
printf '%-28s %8.3f s for 1,000,000 series (ten times that of 100,000)\n' \
	"generate_latest" "$latest"
ccm-normalize -I prometheus -k <answer >records
for format in records prometheus; do
	input=records
	[ $format = records ] || input=answer
	median bash -c "exec ccm-promfmt -I $format <$input"
	/usr/bin/time -f %M -o rss ccm-promfmt -I $format <$input >/dev/null
	awk -v what="ccm-promfmt -I $format" -v s="$seconds" -v peer="$latest" -v kib="$(<rss)" 'BEGIN {
		printf "%-28s %8.3f s %8.1f times generate_latest   goal 1.5 s: %s; %d bytes a series   goal 400: %s\n",
			what, s, peer / s, (s <= 1.5 ? "reached" : "MISSED"),
			kib * 1024 / 1e6, (kib * 1024 / 1e6 <= 400 ? "reached" : "MISSED") }'
done
median bash -c 'exec ccm-linefmt -M confluent <records'
awk -v s="$seconds" 'BEGIN { printf "%-28s %8.3f s %12.0f lines/s\n", "ccm-linefmt", s, 1e6 / s }'

# 100,000 series over HTTP, as Prometheus scrapes them.
head -100000 answer | ccm-promfmt -I prometheus >served
ccm-serve -l 127.0.0.1:0 served 2>serve.log &
servers+=($!)
until grep -q 'listening on' serve.log; do sleep 0.05; done
url=http://$(sed -n 's/.*listening on //p' serve.log)/metrics
scrape() { curl -s -o /dev/null -H 'Accept-Encoding: gzip' -w '%{time_total}\n' "$url"; }
first=$(scrape)
for _ in {1..21}; do scrape; done | sort -n | sed -n 11p >scraped
awk -v first="$first" -v s="$(<scraped)" 'BEGIN {
	printf "%-28s %8.1f ms for 100,000 series, packed; %.0f ms the first time   goal 5 ms: %s\n",
		"ccm-serve", s * 1000, first * 1000, (s < 0.005 ? "reached" : "MISSED") }'

# A page of six hours by the minute of 1,000 groups, from the simulated API.
"$B/sim/sim-cloud" -k K:S -r 0 -c 250 -n 2025-09-02T01:05:00Z >cloud.url &
servers+=($!)
until [ -s cloud.url ]; do sleep 0.05; done
CONFLUENT_METRICS_HOST=$(<cloud.url)
export CONFLUENT_METRICS_HOST CONFLUENT_METRICS_REQUESTS_PER_MINUTE=100000 \
	CCM_RATE_DIR=$work/rate CONFLUENT_METRICS_API_KEY=K \
	CONFLUENT_METRICS_API_SECRET=S
/usr/bin/time -f '%M %e' -o rss ccm-fetch query \
	-m io.confluent.kafka.server/request_bytes -g metric.principal_id -G PT1M \
	-r kafka.id="$(seq -s, -f 'lkc-%04.0f' 250)" \
	-i 2025-09-01T19:00:00Z/PT6H >page
read -r kib seconds <rss
printf '%-28s %8d KiB resident for a page of %d points, %s s\n' ccm-fetch \
	"$kib" "$(wc -l <page)" "$seconds"

# A run of ccm-scrape that has nothing to do.
export CONFLUENT_METRICS_API_KEY=K CONFLUENT_METRICS_API_SECRET=S \
	CONFLUENT_METRICS_CLUSTER_ID_LIST=lkc-1 \
	KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1 GLOBAL_LOG_LEVEL=ERROR \
	STATE_DIRECTORY=$work/state CCM_NOW=2025-09-09T00:10:00Z
mkdir -p state/hours
hour=$(date -u -d '2025-09-08T23:00Z' +%s)
for i in {0..167}; do mkdir "state/hours/$(date -u -d "@$((hour - i * 3600))" +%Y-%m-%dT%HZ)"; done
date -u -d "@$((hour - 167 * 3600))" +%Y-%m-%dT%HZ >state/since
median ccm-scrape
awk -v s="$seconds" 'BEGIN {
	printf "\n%-28s %8.0f ms with nothing to do (168 hours done)   goal under 40: %s\n",
		"ccm-scrape", s * 1000, (s < 0.040 ? "reached" : "MISSED") }'

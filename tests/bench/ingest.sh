#!/usr/bin/env bash
# ccm-ingestd: durable requests a second, beside a loop that parses nothing.
# BENCH_SECONDS is how long each figure is measured.
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh" >/dev/null
# shellcheck source=tests/ingestd.sh
. "$ROOT/tests/ingestd.sh"
skip_all=1 # no plan
seconds=${BENCH_SECONDS:-5}

# measure URL CONNECTIONS: "REQUESTS P99 MAX ERRORS"
measure() {
	wrk -t 1 -c "$2" -d "$seconds" --latency -s "$ROOT/tests/bench/post.lua" "$1" |
		awk '$1 == "Latency" && NF == 5 && $2 != "Distribution" { max = $4 }
			$1 == "99%" { p99 = $2 } $1 == "Requests/sec:" { requests = $2 }
			/Non-2xx|Socket errors/ { errors = errors " " $0 }
			END { printf "%.0f %s %s%s\n", requests, p99, max, errors }'
}

CCM_SPOOL_MAX=100G start_ingestd
start "$B/bench/bare-loop" bare.file >bare
until_true 10 test -s bare
path=/api/v2/app/shop/metrics
printf '%12s  %34s  %34s  %s\n' connections 'ccm-ingestd: requests/s p99 longest' 'bare loop' 'of it'
for connections in 32 64 128 256 512 1000; do
	read -r ours ours_rest < <(measure "$url$path" "$connections")
	read -r bare bare_rest < <(measure "http://$(<bare)$path" "$connections")
	rm -f spool/*.ndjson
	printf '%12d  %34s  %34s  %3d %%\n' "$connections" "$ours $ours_rest" "$bare $bare_rest" \
		"$((ours * 100 / bare))"
done
read -r batches rest < <(METRICS=1000 measure "$url$path" 32)
echo "batches of 1,000, 32 connections: $((batches * 1000)) metrics/s ($rest)"
rm -f spool/*.ndjson
stop_ingestd

#!/usr/bin/env bash
# Part of make bench: how fast records reach a Kafka on this machine, beside the
# kcat that ccm-produce runs. One broker, one topic of four partitions for each
# run; the ways take turns, so that a machine that slows down does so for all.
# After each run all of the records have to be on the topic.
unset CCM_TEST_BOOTSTRAP
BROKER_FAST=1
# shellcheck source=tests/kafka/broker.sh
. "$(dirname "$0")/../kafka/broker.sh"
skip_all='no plan is printed'

RECORDS=${RECORDS:-1000000}
ROUNDS=${ROUNDS:-5}
# Python takes its time.
PYTHON_RECORDS=$((RECORDS / 10))

start_brokers 1
records 1 "$RECORDS" >input
ccm-key <input >keyed

# What ccm-produce gives to kcat, for the others
mapfile -t settings < <(ccm-produce -n)
kcat_settings=()
for setting in "${settings[@]}"; do kcat_settings+=(-X "$setting"); done

# ---- the ways: from files to $topic -----------------------------------------

bare() {
	kcat -P -E "${kcat_settings[@]}" -t "$topic" -K $'\t' <keyed
}

loud() {
	kcat -P -E "${kcat_settings[@]}" -t "$topic" -K $'\t' -v -v <keyed 2>said
}

ccm() {
	GLOBAL_LOG_LEVEL=ERROR ccm-produce "$topic" <input
}

python() {
	head -n "$PYTHON_RECORDS" keyed | client send "$topic"
}

# ---- measuring --------------------------------------------------------------

runs=0

# measure WAY RECORDS: how long it takes, in seconds, is appended to WAY.times
measure() {
	local begin end there
	# The room of a topic that is deleted is free at once.
	make_topic "bench-$((++runs))" 4 file.delete.delay.ms=100
	begin=$EPOCHREALTIME
	"$1" || echo "# $1 ended with status $?"
	end=$EPOCHREALTIME
	there=$(client count "$topic")
	[ "$there" = "$2" ] || {
		echo "$1: $there of $2 records are on the topic; there is no figure"
		exit 1
	}
	awk -v a="$begin" -v b="$end" 'BEGIN { print b - a }' >>"$1.times"
	client delete "$topic"
}

# seconds WAY: the median
seconds() {
	sort -n "$1.times" | sed -n "$((($(wc -l <"$1.times") + 1) / 2))p"
}

# row WHAT WAY RECORDS
row() {
	awk -v what="$1" -v s="$(seconds "$2")" -v n="$3" \
		-v peer="$(seconds loud)" -v peer_n="$RECORDS" 'BEGIN {
		printf "%-28s %8.3f s %12.0f records/s %8.2f times kcat -v -v\n",
			what, s, n / s, n / s / (peer_n / peer) }'
}

# The first send of all meets a JVM that has compiled nothing, and a broker that
# has no coordinator of transactions yet.
measure bare "$RECORDS" 2>/dev/null
rm bare.times
for ((round = 1; round <= ROUNDS; round++)); do
	for way in bare loud ccm; do measure "$way" "$RECORDS"; done
done
measure python "$PYTHON_RECORDS"

printf '%s records, %s bytes with their keys; one broker on this machine; median of %s\n\n' \
	"$RECORDS" "$(stat -c %s keyed)" "$ROUNDS"
row "kcat -P" bare "$RECORDS"
row "kcat -P -v -v, to a file" loud "$RECORDS"
row "ccm-produce (keys them too)" ccm "$RECORDS"
row "kafka-python, $((PYTHON_RECORDS / 1000))k, one run" python "$PYTHON_RECORDS"

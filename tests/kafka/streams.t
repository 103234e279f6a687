#!/usr/bin/env bash
# What a consumer with time windows makes of the topic: Kafka Streams sums each
# key's values by the hour (HourlySums.java), from ccm-scrape at a (simulated)
# API to the windows.
# shellcheck disable=SC2154,SC2034 # status is tap.sh's; what is set is read there
# shellcheck source=tests/kafka/broker.sh
. "$(dirname "$0")/broker.sh"
# shellcheck source=tests/simulators.sh
. "$ROOT/tests/simulators.sh"

start_brokers 1
start_cloud -c 3

# windows: what the windows are to be, of the records on standard input: a line
# KEY, start of the hour, SUM for each
windows() {
	ccm-key | jq -Rnr '
		[inputs | split("\t")
			| {key: .[0]} + (.[1] | fromjson)
			| {key, value: .fields.value,
			   hour: (.timestamp / 3600000 | floor * 3600 | todate)}]
		| group_by([.key, .hour])[]
		| [.[0].key, .[0].hour, (map(.value) | add)] | @tsv' |
		awk -F '\t' '{ printf "%s\t%s\t%.3f\n", $1, $2, $3 }' |
		sort
}

# streams GRACE_HOURS: what Kafka Streams makes of all that is on the topic; its
# windows in the file GRACE_HOURS.windows, what it dropped in GRACE_HOURS.dropped
streams() {
	java_run HourlySums "$plaintext" "$METRICS_TOPIC" "$1" \
		"$(client count "$METRICS_TOPIC")" >"$1.out" 2>"$1.err" ||
		tail -n 20 "$1.err" | sed 's/^/# java: /'
	sed '$d' "$1.out" | sort >"$1.windows"
	tail -n 1 "$1.out" | cut -f 2 >"$1.dropped"
}

# same_windows FILE FILE NAME
same_windows() {
	diff "$1" "$2" >"diff"
	ok $? "$3"
	: >"diff"
}

# ---- backfill ---------------------------------------------------------------

make_topic backfill 3
export METRICS_TOPIC=$topic

expect 00
windows <wanted >all
run ccm-scrape
is "$status" 0 'an hour is on the topic'
expect 01 02 03 04 05 06
windows <wanted >>all
sort -o all all
run ccm-scrape
is "$status $(grep -c 'hour 2025-09-02T0[1-6]Z: 39 records' err)" '0 6' \
	'six hours that were missed are backfilled in one run'
streams 0
same_windows all 0.windows \
	'Kafka Streams, windows without grace: each value is in the hour that it is of'
is "$(cut -f 2 0.windows | sort -u | wc -l) $(<0.dropped)" '7 0' \
	'... seven hours, and no record is dropped'

# ---- an hour that is late ---------------------------------------------------

make_topic late 3
METRICS_TOPIC=$topic
rm -rf "$STATE_DIRECTORY"
expect 07
cp wanted early
run ccm-scrape
expect 08
cp wanted late
expect 09 10
cat wanted >>early
fault '{"path":"query","match":"T08:00:00","times":-1,"fault":{"status":503}}'
run ccm-scrape
is "$status" 75 'the API does not answer for an hour: status 75'
no_faults
run ccm-scrape
is "$status" 0 '... it comes after two newer ones'
streams 0 &
without=$!
streams 168
wait "$without"
cat early late | windows >all
windows <early >in_time
same_windows all 168.windows \
	'windows with a grace period of seven days: the late hour is in its window'
is "$(<168.dropped)" 0 '... and no record is dropped'
same_windows in_time 0.windows \
	'windows without grace: the late hour is not there, the others are'
is "$(<0.dropped)" "$(wc -l <late)" \
	'... its records are what Streams counts in dropped-records-total'

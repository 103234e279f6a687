#!/usr/bin/env bash
# The time of a record on the topic: its own, as kafka-python and the Java
# consumer read it; and what becomes of a record that a topic does not keep.
# shellcheck disable=SC2154,SC2034 # status is tap.sh's; broker_settings is read there
# shellcheck disable=SC2238 # diff is a file
# shellcheck source=tests/kafka/broker.sh
. "$(dirname "$0")/broker.sh"

# What is over its retention is deleted at once.
broker_settings=$'log.initial.task.delay.ms=100\nlog.retention.check.interval.ms=500'
start_brokers 1
: >diff

# points N: that many of the Metrics API, one of each of the last N seconds
points() {
	jq -cn --argjson n "$1" --argjson now "$EPOCHSECONDS" 'range($n)
		| {metric: "io.confluent.kafka.server/request_bytes",
		   "resource.kafka.id": "lkc-1", "metric.principal_id": "sa-\(. % 100)",
		   timestamp: ($now - . | todate), value: .}'
}

# record AGE_DAYS VALUE [TOPIC]: so old
record() {
	printf '{"fields":{"value":%d},"name":"aged","tags":{"topic":"%s"},"timestamp":%d}\n' \
		"$2" "${3-aged}" $(((EPOCHSECONDS - $1 * 86400) * 1000))
}

# timed: the records on standard input as "client.py times" has to show them
timed() {
	jq -Rr '. as $record | fromjson.timestamp
		| "CreateTime:\(if . < 100000000000 then . * 1000 else . end)\t\($record)"' |
		sort
}

# produces STATUS NAME [NAME=VALUE...]: ccm-produce of the file input to $topic
produces() {
	run env "${@:3}" ccm-produce "$topic" <input
	is "$status" "$1" "$2"
}

# warnings: how many lines of err are warnings, and how many are errors
warnings() { echo "$(grep -c 'WARN: ' err) $(grep -c 'ERROR: ' err)"; }

# same FILE FILE NAME
same() {
	diff "$1" "$2" | cut -c 1-300 >"diff"
	ok $((PIPESTATUS[0])) "$3"
	: >"diff"
}

# on_topic_once NAME: the topic has the records of the file wanted with their own
# times, none twice and no other
on_topic_once() {
	client times "$topic" | sort >got
	same wanted got "$1"
}

# ---- a record's own time ----------------------------------------------------

points 2000 >hour
make_topic ms 4
ccm-normalize <hour >input
timed <input | tee ms.wanted >wanted
is "$(wc -l <wanted)" 2000 '2,000 records in milliseconds'
produces 0 '... are sent'
is "$(warnings)" '0 0' '... with no warning'
on_topic_once '... and have their own times for kafka-python'

make_topic seconds 4
ccm-normalize -s -t principal_id=principal_id <hour >input
timed <input | tee seconds.wanted >wanted
is "$(head -n 1 input | jq '.timestamp < 100000000000')" true \
	'the records for cost-control are in seconds'
produces 0 '... they are sent'
on_topic_once '... and their times are milliseconds on the topic'
cut -f 1 ms.wanted | sort >one
cut -f 1 got | sort >other
same one other '... the same as those of the others'

make_topic own 1
sed 's/,"timestamp":[0-9]*}/}/' input | head -n 3 >own
for timestamp in 0 -1756900800000 null '"today"' 1756900800000.5 1e12; do
	printf '{"fields":{"value":1},"name":"own","tags":{},"timestamp":%s}\n' \
		"$timestamp"
done >>own
cp own input
begin=${EPOCHREALTIME/./}
produces 0 'records without a time, or with none that is one, are sent'
end=${EPOCHREALTIME/./}
client times "$topic" | sort >own.wanted
awk -F '[:\t]' -v a=$((begin / 1000)) -v b=$((end / 1000)) \
	'$1 != "CreateTime" || $2 < a || $2 > b' own.wanted >"diff"
ok $(($(wc -l <"diff"))) '... with the time at which Kafka got them'
: >"diff"
cut -f 2 own.wanted >got
sort own >wanted
same wanted got '... all of them'

java_run org.apache.kafka.tools.consumer.ConsoleConsumer \
	--bootstrap-server "$plaintext" --include "$prefix-(ms|seconds|own)" \
	--from-beginning --max-messages 4009 --timeout-ms 30000 \
	--property print.timestamp=true 2>java.err | sort >got
sort ms.wanted seconds.wanted own.wanted >wanted
same wanted got 'the Java consumer reads the same times of all'

# ---- a topic with times of its own ------------------------------------------

make_topic append 2 message.timestamp.type=LogAppendTime
points 500 | ccm-normalize >input
produces 0 'a topic with message.timestamp.type=LogAppendTime takes the records'
is "$(warnings) $(grep -c 'WARN: .*LogAppendTime' err)" '1 0 1' \
	'... with one warning that says so'
is "$(client times "$topic" | cut -d : -f 1 | sort -u)" LogAppendTime \
	'... since it has its own times'
client times "$topic" | cut -f 2 | sort >got
sort input >wanted
same wanted got '... and all of them'

# ---- old records ------------------------------------------------------------

gone() { [ "$(client count "$topic")" = 0 ]; }

make_topic short 1 retention.ms=3600000
record 5 1 >input
produces 0 'a record that is older than retention.ms is taken'
is "$(warnings)" '0 0' '... and at five days there is no warning'
{ record 0 1 && record 7 2 && record 8 3; } >input
produces 0 'so are records of a week'
like "$(warnings) $(grep WARN err)" '^1 0 .* 8 days old.*retention\.ms' \
	'... with one warning, of the oldest'
make_topic week 1 retention.ms=3600000
record 7 1 >input
produces 0 '... also alone'
until_true 30 gone
ok $? '... and the broker deletes what is older than retention.ms'

# ---- records that the broker refuses for good -------------------------------

# refuses NAME SETTING: the records of the file bad stand in the middle and at the
# end of those of the file good; a topic with that setting does not take them
refuses() {
	local rejects=$WORK/rejects half
	half=$(($(wc -l <good) / 2))
	{
		head -n $half good
		head -n 1 bad
		tail -n +$((half + 1)) good
		tail -n +2 bad
	} >input
	make_topic "$1-kept" 2 "$2"
	rm -f "$rejects"
	produces 0 "$1: with CCM_SHIP_REJECTS the status is 0" \
		CCM_SHIP_REJECTS="$rejects"
	sort bad >wanted
	sort "$rejects" >got
	same wanted got '... the refused records, and no others, are in that file as they came'
	like "$(grep -c 'ERROR: ' err) $(grep 'ERROR: ' err)" \
		"^1 .*refuses $(wc -l <bad) of $(wc -l <input) records for good: .*$rejects" \
		'... one error says how many, why and where'
	timed <good >wanted
	on_topic_once '... and every other record is on the topic, once, with its own time'
	make_topic "$1-reported" 2 "$2"
	produces 65 '... without it the status is 65'
	like "$(grep -c 'ERROR: ' err) $(grep 'ERROR: ' err)" \
		"^1 .*refuses $(wc -l <bad) of $(wc -l <input) records for good: " \
		'... with one error'
	on_topic_once '... and the others are there, once'
}

# several requests of each partition
points 20000 | ccm-normalize >good
{ record 2 1 && record 3 2 && record 4 3; } >bad
refuses old message.timestamp.before.max.ms=86400000
{
	record 0 1 "$(head -c 30000 /dev/zero | tr '\0' x)"
	record 0 2 "$(head -c 40000 /dev/zero | tr '\0' y)"
} >bad
head -n 3000 good >less && mv less good
# each batch is larger than this topic takes, whatever is in it
refuses large max.message.bytes=20000

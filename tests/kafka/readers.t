#!/usr/bin/env bash
# What ccm-produce has sent, as it is read by clients that are not librdkafka:
# kafka-python, and Java's console consumer. Good for any Kafka.
# shellcheck disable=SC2154,SC2238 # status is tap.sh's, diff is a file
# shellcheck disable=SC2094,SC2119 # so it is here; no argument is meant
# shellcheck source=tests/kafka/broker.sh
. "$(dirname "$0")/broker.sh"

use_brokers
: >diff

# The Java clients would want a file of their own for anything but this.
java=1
case ${KAFKA_SECURITY_PROTOCOL-} in
'' | PLAINTEXT | plaintext) ;;
*) java= ;;
esac

# java_ok NAME: the files diff and java.err tell why it is not
java_ok() {
	if [ -z "$java" ]; then
		skip "$1" "Java's clients are run without KAFKA_SECURITY_PROTOCOL only"
		return
	fi
	[ ! -s diff ] || head -c 400 java.err | sed 's/^/# java: /'
	ok "$(wc -c <diff)" "$1"
	: >diff
}

# java_read ISOLATION TOPICS N: the first N records of the topics whose names
# match, as client.py shows them
java_read() {
	[ -n "$java" ] || return 0
	java_run org.apache.kafka.tools.consumer.ConsoleConsumer \
		--bootstrap-server "$KAFKA_BOOTSTRAP_SERVERS" --include "$2" \
		--from-beginning --isolation-level "$1" --max-messages "$3" \
		--timeout-ms 60000 --property print.partition=true \
		--property print.headers=true --property print.key=true 2>java.err |
		sed 's/^Partition:\([0-9]*\)\tNO_HEADERS\t/\1\t0\t/'
}

# places: of what client.py shows, which key is in which partition
places() {
	cut -f 1,3 | sort -u
}

# compare FILE FILE NAME: what must not differ
compare() {
	cmp "$1" "$2" >/dev/null 2>&1 || diff -a "$1" "$2" | cut -c 1-300 >diff
	ok "$(wc -c <diff)" "$3"
	: >diff
}

# ---- what is sent -----------------------------------------------------------

# line LENGTH: a record whose line is that long; its key is nearly so
line() {
	local begin='{"fields":{"value":1},"name":"long","tags":{"topic":"' \
		end='"},"timestamp":1}'
	printf '%s' "$begin"
	head -c $(($1 - ${#begin} - ${#end})) /dev/zero | tr '\0' x
	printf '%s\n' "$end"
}

{
	# 600 keys, five values each
	awk 'BEGIN {
		split("request_bytes response_bytes retained_bytes received_bytes sent_bytes", metric, " ")
		split("topic principal principal_id", tag, " ")
		for (i = 0; i < 3000; i++)
			printf "{\"fields\":{\"value\":%d},\"name\":\"confluent_kafka_server_%s\",\"tags\":{\"cluster_id\":\"lkc-a1b2c3\",\"%s\":\"%s-%d\"},\"timestamp\":%.0f}\n",
				i, metric[i % 5 + 1], tag[i % 3 + 1],
				tag[i % 3 + 1], i % 200, 1756900800000 + i
	}'
	while read -r value name tags; do
		printf '{"fields":{"value":%s},"name":"%s","tags":%s,"timestamp":1756900800000}\n' \
			"$value" "$name" "$tags"
	done <<'END'
9223372036854775807 most {"topic":"int64"}
-9223372036854775808 least {"topic":"int64"}
-0.1e-300 fraction {"topic":"double"}
1 no_tags {}
2 no_tags {}
1 first_tag_counts {"cluster_id":"lkc-1","region":"eu"}
1 grüße {"topic":"日本-🎉"}
1 escaped {"topic":"gr\u00fc\u00dfe-\ud83c\udf89"}
1 quoted {"topic":"say \"no\" \\ 'yes' \\\\"}
1 tab {"topic":"a\tb"}
1 controls {"principal":"\u0000\r\n\u001f\u007f"}
1 empty {"topic":""}
1 null {"topic":"null"}
1 colons {"topic":":a:b::"}
1 blanks {"topic":"  a  b  "}
1 looks {"topic":"%s %k \\n \\x41 ${HOME} `id` \\N NO_HEADERS"}
END
	# Blanks between, a member more: a line is not written anew.
	printf '%s\n' ' { "timestamp" : 5 , "unit":"1", "tags":{ "topic" : "spaced" }, "name":"spaced","fields":{"value":0.10} } '
	line 600
	line 5000
	line 100000
	# the longest that is legal
	line 1048576
} >input
ccm-key <input >keyed
sort keyed >wanted
cut -f 1 keyed | sort -u >keys
is "$(wc -l <keys) $(wc -l <wanted) $(wc -l <input)" '620 3021 3021' \
	'3,021 records with 620 keys are to be sent'

# A key and a value of 1 MiB each
make_topic records 6 max.message.bytes=3000000
records=$topic
run ccm-produce "$records" <input
like "$status $(tail -n 1 err)" '^0 ccm-produce: 3021 records to ' 'they are sent'

# ---- as others read it ------------------------------------------------------

ccm-consume -e "$records" "$prefix-readers" >consumed 2>consume.err &
consuming=$!
client read "$records" | sort >python
java_read read_uncommitted "$records" 3021 | sort >java

cut -f 3- python | sort >got
compare wanted got \
	'kafka-python reads every key and record to the byte, and none twice'
is "$(cut -f 2 python | sort -u)" 0 'none has a header'
[ -z "$java" ] || cmp python java >/dev/null 2>&1 ||
	diff -a python java | cut -c 1-300 >diff
java_ok 'the Java consumer reads the same, from the same partitions'
wait "$consuming"
is "$? $(<consume.err)" '0 ' 'ccm-consume ends at the end of the topic'
sort input >lines
sort consumed >got
compare lines got '... and gives the lines back that ccm-produce was given'

# ---- partitions -------------------------------------------------------------

places <python >ours
is "$(wc -l <ours)" 620 'what has one key is in one partition'
is "$(cut -f 1 ours | sort -u | tr '\n' ' ')" '0 1 2 3 4 5 ' \
	'and the keys are spread over all partitions'
sed 's/$/\tx/' keys >to_place
make_topic python 6 max.message.bytes=3000000
KAFKA_MAX_REQUEST_SIZE=3000000 client send "$topic" <to_place
client read "$topic" | places >theirs
compare ours theirs "it is the partition where kafka-python's producer puts the key"
if [ -n "$java" ]; then
	make_topic java 6 max.message.bytes=3000000
	java_run kafka.tools.ConsoleProducer \
		--bootstrap-server "$KAFKA_BOOTSTRAP_SERVERS" --topic "$topic" \
		--property parse.key=true --producer-property max.request.size=3000000 \
		<to_place >java.err 2>&1
	client read "$topic" | places >theirs
	diff -a ours theirs | cut -c 1-300 >diff
fi
java_ok "... and where the Java producer puts it"

# ---- compression ------------------------------------------------------------

codecs=(gzip snappy lz4 zstd)
# per_codec: records that name the one by which they are sent
per_codec() {
	records 1 500 | sed "s/confluent_kafka_server/$1/"
}

for codec in "${codecs[@]}"; do
	make_topic "$codec" 1
	per_codec "$codec" >"$codec.input"
	KAFKA_COMPRESSION_TYPE=$codec run ccm-produce "$topic" <"$codec.input"
	is "$status" 0 "$codec: sent"
	ccm-key <"$codec.input" | sort >"$codec.wanted"
done
# The broker's own tool tells how the batches lie on its disk.
if [ -z "$test_bootstrap" ]; then
	for codec in "${codecs[@]}"; do
		echo "$WORK/broker-1/data/$prefix-$codec-0/00000000000000000000.log"
	done | paste -sd, >logs
	java_run kafka.tools.DumpLogSegments --files "$(<logs)" 2>java.err |
		sed -n "s/^Dumping .*$prefix-\([a-z0-9]*\)-0.*/\1/p
			s/.*compresscodec: \([a-z0-9]*\) .*/\1/p" |
		uniq | paste -sd ' ' >lying
	is "$(<lying)" 'gzip snappy lz4 zstd' \
		'the batches lie on the disk as they were asked for'
fi
java_read read_uncommitted "$prefix-(gzip|snappy|lz4|zstd)" 2000 | cut -f 3- |
	sort >java
for codec in "${codecs[@]}"; do
	[ -z "$java" ] || grep -a "^${codec}_" java | diff -a "$codec.wanted" - >diff
	java_ok "$codec: the Java consumer reads it"
	if "$BROKER_DIR/venv/bin/python" -c \
		"import sys, kafka.codec as c; sys.exit(not c.has_$codec())"; then
		on_topic "$prefix-$codec" >got
		compare "$codec.wanted" got "$codec: kafka-python reads it"
	else
		skip "$codec: kafka-python reads it" "it has no library for $codec here"
	fi
done

# ---- transactions -----------------------------------------------------------

some_on() { (($(client count "$1") > 0)); }

make_topic transaction 3
records 1 2000 >input
ccm-key <input | sort >wanted
mkfifo feed
CCM_KAFKA_TRANSACTIONAL_ID=$prefix ccm-produce "$topic" <feed 2>sent.err &
sending=$!
exec {feed}>feed
head -n 1000 input >&"$feed"
until_true 30 some_on "$topic"
ok $? 'half of a transaction has come to the broker'
KAFKA_ISOLATION_LEVEL=read_committed run ccm-consume -e "$topic" "$prefix-half"
is "$status $(wc -c <out) $(<err)" '0 0 ' \
	'... and ccm-consume with KAFKA_ISOLATION_LEVEL=read_committed sees none of it'
tail -n 1000 input >&"$feed"
exec {feed}>&-
wait "$sending"
like "$? $(tail -n 1 sent.err)" '^0 ccm-produce: 2000 records to ' \
	'with the other half it is committed'
on_topic "$topic" >got
compare wanted got '... and kafka-python sees all of it, once'
java_read read_committed "$topic" 2000 | cut -f 3- | sort >java
[ -z "$java" ] || diff -a wanted java | head -n 20 >diff
java_ok '... and so does the Java consumer'

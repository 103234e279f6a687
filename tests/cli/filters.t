#!/usr/bin/env bash
# ccm-normalize, ccm-key and ccm-json: lines in, lines out, bad lines.
# shellcheck disable=SC2089,SC2090 # JSON in variables
. "$(dirname "$0")/../tap.sh"

point='{"metric":"io.confluent.kafka.server/retained_bytes","resource.kafka.id":"lkc-cl23j","metric.topic":"test-topic","timestamp":"2025-09-03T12:00:00Z","value":721}'
record='{"fields":{"value":721},"name":"confluent_kafka_server_retained_bytes","tags":{"cluster_id":"lkc-cl23j","topic":"test-topic"},"timestamp":1756900800000}'
metric='{"name":"cpu_usage","value":75.5,"timestamp":1756900800000,"tags":{"host":"server1"},"profileId":"profile123"}'

# gives PROGRAM... : what the program makes of standard input, on one line each
normalized() { ccm-normalize "$@" 2>err; }

is "$(normalized <<<"$point")" "$record" "the sample document's point becomes its record"
is "$(normalized <<<'{"metric":"a.b/c.d","timestamp":"2025-09-03T17:30:00.25+05:30","value":-1.50,"resource.compute_pool.id":"lfcp-1","metric.x.y":"z","region":"eu"}')" \
	'{"fields":{"value":-1.5},"name":"a_b_c_d","tags":{"compute_pool_id":"lfcp-1","x_y":"z","region":"eu"},"timestamp":1756900800250}' \
	"names, labels, offsets and fractions follow the record format"
is "$(normalized <<<'{"metric":"m","metric.topic":"t","metric.principal_id":"sa-1","resource.kafka.id":"lkc-1","principal_name":"a \"b\" \u00e9","timestamp":"2025-09-03T12:00:00Z","value":1}')" \
	'{"fields":{"value":1},"name":"m","tags":{"cluster_id":"lkc-1","topic":"t","principal":"sa-1","principal_name":"a \"b\" é"},"timestamp":1756900800000}' \
	"the resource comes first, then the labels in their order, one that no query grouped by too"
is "$(normalized <<<'{"metric":"m","timestamp":"2025-09-03T12:00:00Z","value":1}')" \
	'{"fields":{"value":1},"name":"m","tags":{},"timestamp":1756900800000}' "a point without labels has no tags"
is "$(for v in 12 12.0 1.2E1 844.1 -9223372036854776000 123456789012345678901234567890; do
	normalized <<<'{"metric":"m","timestamp":"2025-09-03T12:00:00Z","value":'$v'}' | jq -r tostring | sed 's/.*"value":\([^}]*\)}.*/\1/' >/dev/null
	normalized <<<'{"metric":"m","timestamp":"2025-09-03T12:00:00Z","value":'$v'}' | sed 's/.*"value":\([^}]*\)}.*/\1/'; done | tr '\n' ' ')" \
	"12 12 12 844.1 -9223372036854776000 123456789012345678901234567890 " "an integer keeps its digits, and 12, 12.0 and 1.2E1 are one"
is "$(normalized -s -t principal_id=principal_id -a env=prod <<<'{"metric":"m","resource.kafka.id":"lkc-1","metric.principal_id":"u-1","timestamp":"2025-09-03T12:00:00.9Z","value":1}')" \
	'{"fields":{"value":1},"name":"m","tags":{"cluster_id":"lkc-1","principal_id":"u-1","env":"prod"},"timestamp":1756900800}' \
	"-s, -t and -a: seconds, a renamed tag, an added one"
is "$(normalized -t metric.topic=t -a cluster_id=other -a 'q="' <<<"$point" | jq -c .tags)" \
	'{"cluster_id":"lkc-cl23j","t":"test-topic","q":"\""}' \
	"-t takes the label with its prefix too, and a point's own tag wins over -a"

# The API may add properties of any type at any level.
run ccm-normalize <<'POINTS'
{"metric":"m","sample_count":60,"resource.kafka.id":"lkc-1","timestamp":"2025-09-03T12:00:00Z","value":1}
{"metric":"m","sample_count":61,"partial":true,"resource.kafka.id":"lkc-1","bounds":[0,{"a":1}],"more":{"metric":"x"},"timestamp":"2025-09-03T12:00:00Z","value":2,"none":null}
POINTS
is "$status $(jq -c '[.fields.value, .tags]' out)" '0 [1,{"cluster_id":"lkc-1"}]
[2,{"cluster_id":"lkc-1"}]' "a property that is a number, true, an array or an object never costs the value"
is "$(sort err)" 'ccm-normalize: WARN: property "bounds" is not a string; leaving it out of the records
ccm-normalize: WARN: property "more" is not a string; leaving it out of the records
ccm-normalize: WARN: property "partial" is not a string; leaving it out of the records
ccm-normalize: WARN: property "sample_count" is not a string; leaving it out of the records' "... each is reported once a run, by its name"
long=$(printf 'é%.0s' {1..200})
run ccm-normalize <<<'{"metric":"m","a\nb":1,"x'"$long"'":2,"timestamp":"2025-09-03T12:00:00Z","value":1}'
is "$status $(wc -l <out) $(cat err)" '0 1 ccm-normalize: WARN: property "a\x0ab" is not a string; leaving it out of the records
ccm-normalize: WARN: property "x'"${long:0:49}"'" is not a string; leaving it out of the records' \
	"... a newline in its name does not break the line, and a long name is cut at a character"
for i in {1..1000}; do
	echo '{"metric":"m","new_'"$i"'":1,"timestamp":"2025-09-03T12:00:00Z","value":1}'
done >in
run ccm-normalize <in
is "$status $(wc -l <out) $(wc -l <err) $(tail -n 1 err)" \
	"0 1000 101 ccm-normalize: WARN: further properties that are left out are not reported" \
	"... of a thousand such properties a hundred are reported, and no value is lost"

# ---- bad lines ---------------------------------------------------------------

good_then() { printf '%s\n' "$point"; cat; printf '%s\n' "$point"; }
bad_line() { # NAME MESSAGE, the line on standard input
	good_then >in
	run ccm-normalize <in
	is "$status $(grep -c . out) $(cat err)" "65 2 ccm-normalize: stdin:2: $2" "$1: reported, the rest is processed, exit 65"
}
t='"timestamp":"2025-09-03T12:00:00Z"'
bad_line "no JSON" 'not JSON: a value was expected at column 1' <<<'hello'
bad_line "an empty line" 'not JSON: unexpected end at column 1' <<<''
bad_line "no object" 'not an object' <<<'[1]'
bad_line "a value that is a string" '"value" is not a number' <<<'{"metric":"m",'$t',"value":"1"}'
bad_line "a value that is null" '"value" is not a number' <<<'{"metric":"m",'$t',"value":null}'
bad_line "no value" '"value" is missing' <<<'{"metric":"m",'$t'}'
bad_line "no metric" '"metric" is missing' <<<'{'$t',"value":1}'
bad_line "no timestamp" '"timestamp" is missing' <<<'{"metric":"m","value":1}'
bad_line "a timestamp that is not one" '"timestamp" is "yesterday", not an ISO 8601 time' <<<'{"metric":"m","timestamp":"yesterday","value":1}'
bad_line "two members called metric" 'not JSON: duplicate key at column 15' <<<'{"metric":"m","metric":"n",'$t',"value":1}'
bad_line "two labels for one tag" 'labels "kafka_id" and "resource.kafka.id" both become tag "cluster_id"' <<<'{"metric":"m","kafka_id":"a","resource.kafka.id":"b",'$t',"value":1}'
bad_line "a duplicate key" 'not JSON: duplicate key at column 27' <<<'{"metric":"m","value":1 , "value":2,'$t'}'
bad_line "NaN" 'not JSON: invalid literal at column 25' < <(printf '%s\n' '{"metric":"m","value": nan,'$t'}')
bad_line "1e999" 'not JSON: number out of range at column 23' <<<'{"metric":"m","value":1e999,'$t'}'
bad_line "a NUL byte" 'not JSON: NUL byte at column 13' < <(printf '{"metric":"m\0",%s,"value":1}\n' "$t")
bad_line "invalid UTF-8" 'not JSON: invalid UTF-8 at column 13' < <(printf '{"metric":"m\xff",%s,"value":1}\n' "$t")
bad_line "a control character" 'not JSON: control character in a string at column 13' < <(printf '{"metric":"m\x01",%s,"value":1}\n' "$t")
bad_line "nesting over 64" 'not JSON: nesting deeper than 64 at column 69' < <(printf '{"x":%s\n' "$(printf '[%.0s' {1..70})")
bad_line "an unfinished object" 'not JSON: unexpected end at column 6' <<<'{"a":'
bad_line "a line over 1 MiB" 'line over 1048576 bytes' < <(head -c 2000000 /dev/zero | tr '\0' 'x'; echo)

run ccm-normalize < <(printf '%s' '{"a":')
is "$status $(cat err)" "65 ccm-normalize: stdin:1: not JSON: unexpected end at column 6" "a last line that is cut is a bad line"
run ccm-normalize < <(printf '%s' "$point")
is "$status $(cat out)" "0 $record" "a last line may lack its newline"
run ccm-normalize </dev/null
is "$status $(wc -c <out)" "0 0" "an empty input is no error"

{ echo bad; head -c 1500000 /dev/zero | tr '\0' 'y'; echo; printf 'x\0y\n'; } >wanted
echo before >rejected
good_then <wanted >in
run ccm-normalize -r rejected <in
is "$status $(grep -c . out)" "0 2" "-r: bad lines do not fail the run"
cmp -s rejected <(echo before; cat wanted)
ok $? "-r: each is appended as it came, a long one and a NUL too"
is "$(cut -d: -f1-3 err | head -3)" "ccm-normalize: stdin:2
ccm-normalize: stdin:3
ccm-normalize: stdin:4" "-r: each is reported all the same"
run ccm-normalize -r /nonexistent/file <<<bad
is "$status" 73 "-r: a file that cannot be opened is refused at once"
run ccm-normalize -r /dev/full <<<bad
is "$status" 74 "-r: a bad line that cannot be kept stops the run"

line=$(printf '{"metric":"m",%s,"value":1,"metric.x":"%s"}' "$t" "$(head -c 1048400 /dev/zero | tr '\0' 'z')")
run ccm-normalize <<<"$line"
is "$status $(wc -l <out)" "0 1" "a line of almost 1 MiB is a line"

# ---- output ------------------------------------------------------------------

for p in ccm-normalize ccm-key; do
	[ $p = ccm-key ] && in=$record || in=$point
	$p <<<"$in" >/dev/full 2>err
	is "$? $(cat err)" "74 $p: ERROR: cannot write to standard output: No space left on device" "$p: a full disk is reported, exit 74"
	set +o pipefail
	yes "$in" | $p 2>err | head -1 >out
	is "${PIPESTATUS[1]} $(wc -l <out)" "141 1" "$p: a reader that leaves ends it quietly"
	set -o pipefail
	mkfifo fifo
	start bash -c "exec $p <fifo >out"
	exec 7>fifo
	printf '%s\n' "$in" >&7
	until_true 5 grep -q value out
	ok $? "$p: what was read is written when the input pauses"
	exec 7>&-
	wait "$pid"
	rm fifo
done
run ccm-normalize <"$WORK"
is "$status" 74 "an input that cannot be read is reported, exit 74"

# ---- ccm-key -----------------------------------------------------------------

key() { ccm-key "$@" 2>err | cut -f1; }
tagged() { printf '{"name":"n","tags":{%s}}\n' "$1"; }
is "$(ccm-key <<<"$record")" "confluent_kafka_server_retained_bytes:test-topic	$record" "the key is NAME:TOPIC, and the record follows as it came"
is "$(tagged '"cluster_id":"c","principal":"p"' | key)" n:p "without a topic the principal"
is "$(tagged '"cluster_id":"c","principal_id":"p"' | key)" n:p "or principal_id"
is "$(tagged '"principal":"p","topic":"t"' | key)" n:t "the topic goes first, wherever it stands"
is "$(tagged '"cluster_id":"c","x":"y"' | key)" n:c "else the first tag"
is "$(tagged '' | key)" n "else the name alone"
is "$(tagged '"cluster_id":"c","x":"y","topic":"t"' | key -t nope -t x)" n:y "-t names other tags"
is "$(key <<<"$metric")" cpu_usage:server1 "a client metric has a key too"
is "$(key -f profileId <<<"$metric")" profile123 "-f takes a top-level field"
is "$(tagged '"a":"b"' | key -f profileId)" n:b "-f: where the field is missing, the rule for all"
is "$(tagged '"topic":"a\tb\n\u0000\"\\\u00e9"' | key)" 'n:a\tb\n\u0000"\é' "a control character in a key stays an escape"
is "$(printf '{"name":"n",\t"tags":{"topic":"t"}}\r\n' | ccm-key | od -c | head -2 | tr -d ' \n')" \
	"$(printf 'n:t\t{"name":"n",\t"tags":{"topic":"t"}}\r\n' | od -c | head -2 | tr -d ' \n')" "tabs and carriage returns of the record stay as they came"
for bad in '{"tags":{}}' '{"name":7}' '{"name":""}' '{"name":"n","tags":[]}' '{"name":"n","tags":{"a":1}}' '{"name":"n","value":"1"}' '{"name":"n","fields":{"value":null}}' '{"name":"n","name":"m"}' x; do
	run ccm-key <<<"$bad"
	is "$status $(wc -l <out)" "65 0" "bad for ccm-key: $bad"
done
# frame RECORD: "TS LEN KEY RECORD" of ccm-key -F, blanks for tabs
frame() { ccm-key -F <<<"$1" | tr '\t' ' '; }
line='{"name":"n","tags":{"topic":"t"},"timestamp":1756900800123}'
is "$(frame "$line")" "1756900800123 $((3 + ${#line})) n:t $line" "-F: a frame has the record's time and the bytes of key and record"
for timestamp in 1756900800 17569008 1; do
	line="{\"name\":\"n\",\"timestamp\":$timestamp}"
	is "$(frame "$line" | cut -d ' ' -f 1)" "${timestamp}000" "-F: $timestamp is seconds"
done
for timestamp in 0 -5 1.5 1e3 '"1756900800123"' null '[1]' '{"a":[1]}' 99999999999999999999; do
	line="{\"name\":\"n\",\"timestamp\":$timestamp,\"value\":1}"
	is "$(frame "$line")" "0 $((1 + ${#line})) n $line" "-F: $timestamp is no time, and Kafka's own counts"
done
line='{"name":"grüße"}'
is "$(frame "$line")" "0 25 grüße $line" "-F: the length is that of bytes"
is "$(CCM_DELIMS=abcABC frame "$line")" "0 25 grüßeabc${line}ABC" "-F: CCM_DELIMS has both delimiters"
for delims in '' abc; do
	CCM_DELIMS=$delims run ccm-key -F <<<"$line"
	is "$status" 78 "-F: \"$delims\" are no delimiters"
done
is "$(ccm-key -F -f timestamp <<<'{"name":"n","timestamp":7}' | cut -f 1,3)" $'7000\t7' "-F -f timestamp takes it for both"

# ---- ccm-json ----------------------------------------------------------------

is "$(printf ' {"a" : [1.0, "x y"],\n"b":1e2}\n' | ccm-json)" '{"a":[1.0,"x y"],"b":1e2}' "ccm-json writes a document on one line, its numbers as they came"
run ccm-json -n SETTINGS < <(printf '{"a":1,\n "a":2}')
is "$status $(cat err) $(cat out)" "65 ccm-json: SETTINGS:2:2: duplicate key " "ccm-json says where a document is bad"
run ccm-json <<<'{} {}'
is "$status" 65 "ccm-json takes one document"

# ---- usage -------------------------------------------------------------------

for p in ccm-normalize ccm-key ccm-json; do
	like "$($p -h)" "^usage: $p" "$p -h prints the usage"
	like "$($p -V)" "^$p [0-9]" "$p -V prints the version"
	run $p -Z </dev/null
	is "$status $(cat err)" "64 $p: ERROR: unknown option -Z; -h shows the usage" "$p: an unknown option"
	run $p argument </dev/null
	is "$status" 64 "$p: an unexpected argument"
	GLOBAL_LOG_LEVEL=LOUD run $p </dev/null
	is "$status" 78 "$p: GLOBAL_LOG_LEVEL takes what it takes"
done
for a in -t "-t x" "-t =x" "-t x=" "-a x" "-a =x" "-I xml" "-t a=b -t a=c"; do
	# shellcheck disable=SC2086 # split on purpose
	run ccm-normalize $a </dev/null
	is "$status" 64 "ccm-normalize $a is refused"
done
run ccm-normalize -a $'x=\xff' </dev/null
is "$status" 64 "a tag that is not UTF-8 is refused"
GLOBAL_LOG_LEVEL=CRITICAL run ccm-normalize -r rejected <<<bad
is "$status $(cat err)" "0 " "warnings are silent at CRITICAL"
ccm-normalize 2>journal <<<bad
exec 8>>journal
JOURNAL_STREAM=$(stat -c %d:%i journal) ccm-normalize 2>&8 <<<bad
exec 8>&-
is "$(tail -1 journal)" "<3>ccm-normalize: stdin:1: not JSON: a value was expected at column 1" "in the journal a line has its priority"

#!/usr/bin/env bash
# ccm-avro with the simulated registry: lines to frames, messages to lines.
# shellcheck disable=SC2154,SC2238,SC2094,SC2001 # status is tap.sh's, diff is a file
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/registry.sh
. "$ROOT/tests/registry.sh"

export CCM_DELIMS=0123456789abcdefFEDCBA9876543210
messages=$ROOT/tests/messages.pl
schema=$B/share/ccm/schemas/metric.avsc

line='{"app_id":"shop","name":"cpu_usage","value":75.5,"timestamp":1756900800000,"tags":{"host":"server1","environment":"production"},"profileId":"profile123","received":1756900800123}'
cat >spool <<END
$line
{"app_id":"a.b-c_d~e","name":"grüße","value":-0.1,"timestamp":-1,"tags":{},"profileId":"","received":1}
{"app_id":"shop","name":"a:b","value":12,"timestamp":1756900800000,"tags":{"a\"\\\\\n\u0000":"\u0001\t"},"profileId":"p","received":1756900800123}
{"app_id":"shop","name":"big","value":1.7976931348623157e308,"timestamp":9223372036854775807,"tags":{},"profileId":"p","received":1756900800123}
END

# back FILE: what the lines of FILE come back as, without where they were
back() {
	sed -E 's/,"partition":3,"offset":[0-9]+\}$/}/' "$1"
}

# ---- the command line --------------------------------------------------------

run ccm-avro -h
like "$status $(cat out)" '^0 usage: ccm-avro encode' '-h prints the usage'
run ccm-avro -V
is "$status $(cat out)" "0 ccm-avro $(ccm-key -V | cut -d' ' -f2)" '-V prints the version'
for arguments in '' 'code' 'encode extra' 'encode -s' 'loop -u x' 'decode -S x'; do
	# shellcheck disable=SC2086 # words are meant
	run ccm-avro $arguments </dev/null
	is "$status" 64 "'ccm-avro $arguments' is a usage error"
done
run ccm-avro encode </dev/null
is "$status $(cat err)" '78 ccm-avro: ERROR: SCHEMA_REGISTRY_URL is not set; it takes one such as https://registry.example:8081' \
	'no registry is status 78'
run ccm-avro encode -u http://registry.example:8081 </dev/null
like "$status $(cat err)" '^78 .*plain http would show the credentials.*SCHEMA_REGISTRY_INSECURE=1' \
	'plain http to another machine is refused'
run ccm-avro encode -u ftp://127.0.0.1 </dev/null
is "$status" 78 'so is a URL that is none of http'
run ccm-avro encode -u http://u:s3cret@127.0.0.1 </dev/null
like "$status $(cat err)" '^78 .*-u has a user name or a password' 'and one with a password'
is "$(grep -c s3cret err)" 0 '... which is not shown'
cmp "$schema" "$ROOT/pipelines/schemas/metric.avsc"
ok $? 'the schema is installed'
printf '{"type":"record"' >cut.avsc
printf '{"type":"record","name":"M","fields":[{"name":"name","type":"string"}]}' >other.avsc
run ccm-avro decode -u http://127.0.0.1:1 -s cut.avsc </dev/null
like "$status $(cat err)" '^78 .*cut.avsc: not JSON' 'a schema that is no JSON is status 78'
run ccm-avro decode -u http://127.0.0.1:1 -s other.avsc </dev/null
like "$status $(cat err)" "^78 .*other.avsc: a client metric's schema is expected" 'so is one of something else'
run ccm-avro decode -u http://127.0.0.1:1 -s none.avsc </dev/null
like "$status $(cat err)" '^78 .*cannot read none.avsc: No such file' 'or none'

# ---- loop --------------------------------------------------------------------

run ccm-avro loop <spool
back out | diff spool - >diff
is "$? $status $(cat err)" '0 0 ' 'loop: what is encoded and decoded is as it was'
{
	printf '%s\n' "$line" '{"app_id":"shop"' "${line/75.5/\"75.5\"}" "${line/\"profileId\":\"profile123\",/}" \
		"${line/1756900800000/1.5}" "${line/server1\"/1\",\"x\":1}" "${line/shop/s p}" "${line/\"name\"/\"unit\":1,\"name\"}" \
		"${line/75.5/1e999}" "${line/1756900800123/-1}" "${line/cpu_usage/}" "${line/profile123/$(printf '\xff')}"
	head -c 1100000 /dev/zero | tr '\0' x
	echo
	printf '%s' "${line/75.5/1.755E2}"
} >bad
run ccm-avro loop <bad
is "$status $(cat out)" "65 $line
${line/75.5/175.5}" 'bad lines stop nothing, and are status 65'
is "$(sed 's/ at column.*//' err)" 'ccm-avro: stdin:2: not JSON: unexpected end
ccm-avro: stdin:3: "value" is not a number
ccm-avro: stdin:4: "profileId" is missing
ccm-avro: stdin:5: "timestamp" is not an integer of 64 bits
ccm-avro: stdin:6: "tags" has a value that is not a string
ccm-avro: stdin:7: "app_id" is not an application'\''s id
ccm-avro: stdin:8: a client metric has no "unit"
ccm-avro: stdin:9: not JSON: number out of range
ccm-avro: stdin:10: "received" is negative
ccm-avro: stdin:11: "name" is empty
ccm-avro: stdin:12: not JSON: invalid UTF-8
ccm-avro: stdin:13: line over 1048576 bytes' '... each by its number and its fault'
run ccm-avro loop -r rejected <bad
is "$status $(wc -l <rejected) $(head -n 1 rejected)" '0 12 {"app_id":"shop"' '-r keeps them, and the status is 0'
CCM_SHIP_REJECTS=rejected.too run ccm-avro loop <bad
is "$status $(cmp rejected rejected.too)" '0 ' '... so does CCM_SHIP_REJECTS'
run ccm-avro loop -r /nowhere/file <bad
is "$status" 73 '... a file that cannot be made is status 73'
ccm-avro loop <spool >/dev/full 2>err
is $? 74 'a full disk is status 74'
(sleep 5 | { head -n 1 spool; cat; } | ccm-avro loop >piecemeal) &
until_true 4 [ -s piecemeal ]
ok $? 'output is flushed when input pauses'

# ---- encode ------------------------------------------------------------------

start_registry -i 258
run ccm-avro encode <spool
is "$status $(cat err)" "0 ccm-avro: registered the schema in subject client-metrics-value with $SCHEMA_REGISTRY_URL: id 258" \
	'encode registers the schema where the registry lacks it'
is "$(asked)" 'POST /subjects/client-metrics-value 404
POST /subjects/client-metrics-value/versions 200' '... having looked it up'
cp out frames
run "$messages" <frames
cp out arrived
is "$status $(grep -aoE '^3|3	[0-3]	[0-9]+	[0-9]+	[0-9]+$' arrived | grep -c '	')" '0 4' 'each line is a frame, time and length first'
head -n 1 spool | ccm-avro encode | od -An -tx1 -v | tr -d ' \n' >hex
# By hand: 0, 258, "cpu_usage", 75.5, 1756900800000, 2 tags, the end, "profile123".
is "$(cat hex)" "$(printf '%s' $'1756900800123\t92\tshop:cpu_usage0123456789abcdef' | od -An -tx1 -v | tr -d ' \n')$(
	)0000000102$(
	)12$(printf cpu_usage | od -An -tx1 | tr -d ' \n')0000000000e05240$(
	)80d895f7a166$(
	)04$(
	)08$(printf host | od -An -tx1 | tr -d ' \n')0e$(printf server1 | od -An -tx1 | tr -d ' \n')$(
	)16$(printf environment | od -An -tx1 | tr -d ' \n')14$(printf production | od -An -tx1 | tr -d ' \n')$(
	)0014$(printf profile123 | od -An -tx1 | tr -d ' \n')$(
	)$(printf 'FEDCBA9876543210' | od -An -tx1 | tr -d ' \n')" 'a frame is as the formats say, to the byte'
is "$(asked | sort -u)" 'POST /subjects/client-metrics-value 200' 'the next run finds the schema'
METRICS_INGEST_TOPIC=other run ccm-avro encode </dev/null
is "$status $(asked | head -n 1)" '0 POST /subjects/other-value 404' 'the subject follows METRICS_INGEST_TOPIC'
run ccm-avro encode -S 'a b%c' </dev/null
is "$status $(asked | head -n 1)" '0 POST /subjects/a b%c 404' '... or -S'
SCHEMA_REGISTRY_AUTO_REGISTER=0 run ccm-avro encode -S fourth <spool
like "$status $(cat err)" '^78 .*does not have the schema in subject fourth, and SCHEMA_REGISTRY_AUTO_REGISTER is 0; register it there' \
	'without leave to register, a schema that is missing is status 78'
is "$(cat out)" '' '... and nothing is written'
env -u CCM_DELIMS ccm-avro encode <<<"$line" | head -c 32 >plain
is "$(cat plain)" $'1756900800123\t92\tshop:cpu_usage\t' 'without CCM_DELIMS, a tab ends the key'
CCM_DELIMS=abc run ccm-avro encode </dev/null
is "$status" 78 'delimiters that are not two of one length are status 78'
run ccm-avro encode <bad
is "$status $("$messages" <out | grep -ac cpu_usage)" '65 2' 'bad lines are status 65, the others are written'

# ---- decode ------------------------------------------------------------------

asked >/dev/null
run ccm-avro decode <arrived
is "$status $(cat err)" '0 ' 'decode takes what encode has written'
back out | diff spool - >diff
ok $? '... and gives back the lines as they were'
: >diff
is "$(head -n 1 out)" "${line%\}},\"partition\":3,\"offset\":0}" '... with partition and offset'
is "$(asked)" 'GET /schemas/ids/258 200' 'the schema of an id is fetched once'

# message HEX [KEY]: a message with these bytes, as ccm-consume gives it; each has
# an offset of its own
offset=0
message() {
	local bytes
	bytes=$(sed 's/../\\x&/g' <<<"${1// /}")
	printf '1\t%d\t1756900800123\t%d\t%d\n%s' $((offset++)) "$((${2+${#2}} + 0))" \
		"$((${#bytes} / 4))" "${2-}"
	printf '%b' "$bytes"
}
head='00 00000102' name='06 637075' value='0000000000e05240' time='02' profile='02 70'
good="$head $name $value $time 00 $profile"
message "$good" shop:cpu >one
run ccm-avro decode <one
is "$status $(cat out)" '0 {"app_id":"shop","name":"cpu","value":75.5,"timestamp":1,"tags":{},"profileId":"p","received":1756900800123,"partition":1,"offset":0}' \
	'a message that was made by hand is decoded'
for key in cpu:host1 cpu : shop/1:cpu; do
	message "$good" $key >one
	run ccm-avro decode <one
	like "$status $(cat out)" '^0 \{"name":"cpu"' "a message with the key $key has no application"
done
{
	printf '%s\n' '{"control":"status","partitions":[1]}'
	message "$good" shop:cpu
	printf '%s\n' '{"control":"revoked","partitions":[]}'
} >controls
run ccm-avro decode <controls
is "$status $(cut -c 1-19 out)" '0 {"control":"status"
{"app_id":"shop","n
{"control":"revoked' 'control lines stay in their place'

# A pipe that nobody reads, and a FIFO whose reader has gone, as the daemon may.
exec 9> >(exit 0)
wait $!
run sh -c 'exec ccm-avro decode <arrived >&9'
is "$status" 141 'a pipe that nobody reads ends it by SIGPIPE'
exec 9>&-
mkfifo consumed
exec 8<>consumed 9>consumed 8>&-
run sh -c 'exec ccm-avro decode <arrived >&9'
is "$status $(cat err)" '75 ccm-avro: ERROR: cannot write to standard output: Broken pipe' \
	'a FIFO that nobody reads is status 75'
exec 9>&-

hostile=0
# refuses HEX PROBLEM: of three messages the second is refused
: >hostile.in
: >wanted
refuses() {
	message "$1" shop:cpu >>hostile.in
	echo "ccm-avro: partition 1, offset $((hostile++)): $2" >>wanted
}
offset=0
wire="not in Confluent's wire format: it begins with a zero and a schema's id"
refuses '' "$wire"
refuses '00 0000' "$wire"
refuses '01 00000102 00' "$wire"
refuses "00 00000001 $name" "the schema registry $SCHEMA_REGISTRY_URL has no schema with id 1"
refuses "00 ffffffff $name" "the schema registry $SCHEMA_REGISTRY_URL has no schema with id 4294967295"
refuses "$head" 'it ends within a number'
refuses "$head 80949dfc0e" 'a length is more than what is left of it'
refuses "$head 01" 'a length is negative'
refuses "$head 02 ff" 'a string is not UTF-8'
refuses "$head $name $value" 'it ends within a number'
cp hostile.in hostile.first
refuses "$head $name 000000000000f07f $time 00 $profile" 'its value is not a finite number'
run ccm-avro decode <hostile.first
head -n 10 wanted | diff - err >diff
is "$? $status $(cat out)" '0 65 ' 'what is no metric is reported by its place, and is status 65'
cp hostile.in both
message "$good" shop:cpu >>both
for ((i = 0; i < 100; i++)); do message 00 shop:cpu; done >>both
run ccm-avro decode <both
is "$status $(wc -l <out) $(tail -n 1 err)" '65 1 ccm-avro: WARN: 101 more bad messages, 111 in all' \
	'... ten a minute by themselves, and what follows is passed over no less'
for hex in "$head $name 000000000000f07f $time 00 $profile|its value is not a finite number" \
	"$head $name $value ffffffffffffffffff02|a number has more than 64 bits" \
	"$head $name $value $time fffffffffffffffff001 $profile|a length is more than what is left of it|a block's size" \
	"$head $name $value $time 01 80949dfc0e|a block's size is not within what is left of it" \
	"$head $name $value $time 80a0c1a0040461|a length is more than what is left of it" \
	"$head $name $value $time 00 $profile 00|bytes are left behind the metric"; do
	message "${hex%%|*}" shop:cpu >one
	run ccm-avro decode <one
	like "$status $(cat err)" "^65 .*(${hex#*|})" "refused: ${hex#*|}"
done
printf '0\t0\t1\t-1\t-1\n' >tombstone
run ccm-avro decode <tombstone
like "$status $(cat err)" '^65 .*: it has no value' 'so is a message without a value'
{
	printf '0\t0\t1\t-1\t1100000\n'
	head -c 1100000 /dev/zero
	message "$good" shop:cpu
} >long
run ccm-avro decode <long
is "$status $(wc -l <out) $(cat err)" '65 1 ccm-avro: partition 0, offset 0: it has over 1048576 bytes' \
	'... and one that is too long, behind which the next is read'
message "$good" shop:cpu >one
cuts=0
for ((i = 1; i < $(wc -c <one); i++)); do
	head -c $i one | ccm-avro decode >/dev/null 2>cut.err || ((++cuts))
done
is "$cuts" $(($(wc -c <one) - 1)) 'wherever its input is cut, that is status 65'
for text in hello '0	0' '0	x	1	1	1
' '0	0	1	-2	0
' '-1	0	1	0	0
' "$(head -c 300 /dev/zero | tr '\0' 1)"; do
	printf '%s\n' "$text" >alien
	run ccm-avro decode <alien
	like "$status $(tail -n 1 err)" '^65 .*not what ccm-consume gives' "input that is something else is status 65: ${text:0:9}"
done
ccm-avro decode <arrived >/dev/full 2>err
is $? 74 'a full disk is status 74'

# ---- evolution ---------------------------------------------------------------

# other ID SCHEMA: the registry has it
other() { registry POST schemas "[{\"id\":$1,\"schema\":$(jq -n --arg s "$2" '$s')}]"; }
# evolved ID HEX: the line that a message by that schema becomes, or the problem
evolved() {
	offset=0
	message "00 $(printf %08x "$1") $2" shop:cpu >one
	ccm-avro decode -s "${3-$schema}" <one 2>&1 | sed 's/,"received".*//'
}
record='{"type":"record","name":"Metric","namespace":"com.metrics.collection","fields":['
f_name='{"name":"name","type":"string"}' f_value='{"name":"value","type":"double"}'
f_time='{"name":"timestamp","type":"long"}' f_tags='{"name":"tags","type":{"type":"map","values":"string"}}'
f_profile='{"name":"profileId","type":"string"}'
wanted='{"app_id":"shop","name":"cpu","value":75.5,"timestamp":1,"tags":{},"profileId":"p"'
other 301 "$record$f_name,{\"name\":\"unit\",\"type\":[\"null\",\"string\"]},$f_value,$f_time,$f_tags,$f_profile]}"
is "$(evolved 301 "$name 02 0273 $value $time 00 $profile")" "$wanted" 'a field that the writer has added is passed over'
other 302 "$record$f_name,$f_value,$f_time,$f_profile]}"
is "$(evolved 302 "$name $value $time $profile")" "$wanted" 'one that it lacks gets our default'
other 303 "$record$f_name,$f_value,$f_time,$f_tags]}"
like "$(evolved 303 "$name $value $time 00")" 'schema 303 cannot be used: it lacks the field "profileId", which has no default' \
	'... or the message is refused, where there is none'
other 304 "$record$f_profile,$f_tags,$f_time,$f_value,$f_name]}"
is "$(evolved 304 "$profile 00 $time $value $name")" "$wanted" 'fields may be in another order'
other 305 "$record{\"name\":\"name\",\"type\":\"bytes\"},{\"name\":\"value\",\"type\":\"float\"},{\"name\":\"timestamp\",\"type\":\"int\"},$f_tags,$f_profile]}"
is "$(evolved 305 "$name 00009742 $time 00 $profile")" "$wanted" 'types are promoted'
other 306 "$record$f_name,{\"name\":\"reading\",\"type\":\"double\"},$f_time,$f_tags,$f_profile]}"
like "$(evolved 306 "$name $value $time 00 $profile")" 'it lacks the field "value"' 'a renamed field is missing'
jq '.fields[1].aliases = ["reading"]' "$schema" >alias.avsc
is "$(evolved 306 "$name $value $time 00 $profile" alias.avsc)" "$wanted" '... but where our schema has an alias'
registry POST schemas '[{"id":307,"schema":"x","schemaType":"PROTOBUF"},{"id":308,"schema":"{}","references":[{"name":"a"}]},{"id":309,"schema":"{}"}]'
like "$(evolved 307 "$name")" 'has a schema of the type PROTOBUF at id 307' 'a schema of another kind is named'
like "$(evolved 308 "$name")" 'refers to others' 'so is one with references'
like "$(evolved 309 "$name")" 'schema 309 cannot be used: not an Avro schema' 'and one that is none'
asked >/dev/null

# ---- a registry that is away, refuses, or is none ----------------------------

# answers RULE STATUS PATTERN NAME: of encode
answers() {
	registry_fault "$1"
	run ccm-avro encode <spool
	like "$status $(cat err)" "^$2 ccm-avro: ERROR: the schema registry $SCHEMA_REGISTRY_URL $3" "$4: status $2"
	[ ! -s out ] || ok 1 '... and nothing is written'
}
answers '{"status":401,"code":401,"message":"Unauthorized","times":3}' 77 \
	'refuses the credentials for the schema \(status 401, error 401: Unauthorized\)' '401'
answers '{"status":403,"code":40301,"message":"no","times":3}' 77 'refuses the credentials' '403'
answers '{"status":404,"code":40401},{"status":409,"code":409,"message":"incompatible"}' 78 \
	'refuses the schema in subject client-metrics-value \(status 409, error 409: incompatible\)' '409 of a registration'
answers '{"status":404,"code":40403},{"status":422,"code":42201,"message":"invalid"}' 78 \
	'refuses the schema in subject client-metrics-value \(status 422' '422'
answers '{"status":500,"code":50001,"times":3}' 75 'cannot answer for the schema now \(status 500' '500, three times'
answers '{"status":429,"code":42901,"times":3}' 75 'cannot answer for the schema now \(status 429' '429'
answers '{"status":200,"body":"<html>hello</html>","times":3}' 75 'answers 200 with what is no registry' 'a page'
answers '{"status":200,"body":"{\"id\":\"7\"}","times":3}' 75 'answers 200 with what is no registry' 'an id that is no number'
answers '{"status":200,"body":"{\"id\":2147483648}","times":3}' 75 'answers 200 with' 'an id of more than four bytes'
answers '{"status":404,"body":"<html>not found</html>","times":3}' 75 'does not answer as one; check SCHEMA_REGISTRY_URL and its path' \
	"somebody else's 404"
answers '{"status":404,"code":404,"message":"HTTP 404 Not Found"}' 75 'does not answer as one; check SCHEMA_REGISTRY_URL and its path \(status 404, error 404' 'a route that is not there'
answers '{"cut":true,"times":3}' 75 'does not answer: Empty reply from server' 'a connection that is cut'
registry_fault '{"status":500,"times":2}'
run ccm-avro encode <spool
is "$status" 0 'what passes within three tries is no failure'
SCHEMA_REGISTRY_TIMEOUT=1 answers '{"delay":1500,"times":3}' 75 'does not answer: .*timed out' 'one that is slow'
registry DELETE faults
SCHEMA_REGISTRY_URL=$SCHEMA_REGISTRY_URL/apis run ccm-avro encode <spool
like "$status $(cat err)" '^75 .*/apis does not answer as one; check .* its path \(status 404, error 404: HTTP 404 Not Found\)' \
	'a wrong path is named'
registry_fault '{"status":503,"times":3}'
run ccm-avro decode <arrived
like "$status $(cat out)$(cat err)" '^75 ccm-avro: ERROR: the schema registry .* cannot answer for schemas/ids/258 now' \
	'decode without the registry is status 75'
registry DELETE faults
kill "$registry_pid" && until_true 5 sh -c "! kill -0 $registry_pid"
run ccm-avro encode <spool
like "$status $(cat err)" '^75 .*does not answer: Failed to connect to 127.0.0.1' 'a registry that is away is status 75'
exec {reason}>reason
CCM_SHIP_REASON=$reason run ccm-avro encode <spool
like "$(cat reason),$(cat err)" '^the schema registry .* does not answer: .*,$' '... which the shipper is told'
exec {reason}>&-

# ---- credentials, paths, TLS -------------------------------------------------

start_registry -k user:pass:word -t s3cret-token -P /apis/ccompat/v7
run ccm-avro encode <spool
is "$status" 77 'no credentials are refused'
SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO=user:pass:word run ccm-avro encode <spool
is "$status $(asked | tail -n 1)" '0 POST /apis/ccompat/v7/subjects/client-metrics-value/versions 200' \
	'Basic credentials, and a URL with a path'
SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO=user:wrong run ccm-avro encode <spool
is "$status" 77 '... wrong ones are refused'
echo s3cret-token >token
SCHEMA_REGISTRY_BEARER_TOKEN_FILE=token run ccm-avro encode <spool
is "$status $(cat err)" '0 ' 'a token, of a file'
SCHEMA_REGISTRY_BEARER_TOKEN=x SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO=u:p run ccm-avro encode </dev/null
is "$status $(cat err)" '78 ccm-avro: ERROR: SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO and SCHEMA_REGISTRY_BEARER_TOKEN are both given; remove one' \
	'both are refused'
SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO=s3cret run ccm-avro encode </dev/null
is "$status $(grep -c s3cret err)" '78 0' 'so is a user without a password, which is not shown'
SCHEMA_REGISTRY_URL=$SCHEMA_REGISTRY_URL/ SCHEMA_REGISTRY_BEARER_TOKEN=s3cret-token run ccm-avro encode </dev/null
is "$status" 0 'a slash behind the URL does not matter'

openssl req -x509 -newkey rsa:2048 -nodes -keyout tls.key -out tls.crt -days 2 \
	-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2>/dev/null
start_registry -C tls.crt -K tls.key
run ccm-avro encode <spool
like "$status $(cat err)" '^78 .*cannot be used: .*; check SCHEMA_REGISTRY_URL and SCHEMA_REGISTRY_CAFILE' \
	'a certificate that nobody vouches for is status 78'
SCHEMA_REGISTRY_CAFILE=tls.crt run ccm-avro encode <spool
is "$status" 0 '... unless it is given'
SCHEMA_REGISTRY_CAFILE=none.crt run ccm-avro encode <spool
is "$status" 78 'a CA file that is not there is status 78'

# ---- somebody else's Avro ----------------------------------------------------

fact='fastavro reads what encode writes, and writes what decode reads'
if python3 -c 'import fastavro' 2>/dev/null; then
	python3 "$ROOT/tests/fastavro-check.py" "$schema" <arrived >fast 2>err
	is "$? $(cat fast)" '0 4 messages' "$fact"
else
	skip "$fact" 'no fastavro'
fi

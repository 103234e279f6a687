#!/usr/bin/env bash
# Client metrics to the simulated cluster as Avro, and back: ccm-ship, ccm-produce
# with ccm-avro encode, ccm-consume with ccm-avro decode, as in production.
# shellcheck disable=SC2154,SC2238,SC2094 # status is tap.sh's, diff is a file
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/registry.sh
. "$ROOT/tests/registry.sh"
# shellcheck source=tests/consumers.sh
. "$ROOT/tests/consumers.sh"

control() {
	echo "$*" >control
	until_true 5 grep -qxF "sim-kafka: ok: $*" cluster.err || return 1
	: >cluster.err
}

start "$SIM/sim-kafka" -b 1 -t client-metrics:4 -c control -r topic.log \
	>brokers 2>>cluster.err
until_true 5 [ -s brokers ]
KAFKA_BOOTSTRAP_SERVERS=$(<brokers)
export KAFKA_BOOTSTRAP_SERVERS KAFKA_SESSION_TIMEOUT_MS=6000
start_registry

# lines FROM TO: client metrics of two applications, all bytes that JSON can carry
# in their tags, those that kcat divides lines by among them
now=${EPOCHSECONDS}000
lines() {
	perl -e 'my ($from, $to, $now) = @ARGV; for my $i ($from .. $to) {
		my $odd = join "", map { sprintf "\\u%04x", ($i * 7 + $_) % 256 } 0 .. 40;
		printf qq({"app_id":"app%d","name":"metric_%d","value":%d.5,"timestamp":%d,)
			. qq("tags":{"odd":"%s","host":"h%d"},"profileId":"p","received":%d}\n),
			$i % 2, $i % 50, $i, $now - $i, $odd, $i, $now + $i }' "$1" "$2" "$now"
}
# come N: so many metrics have come back
come() { [ "$(grep -c '^{"app_id' back.out)" = "$1" ]; }
# none_in DIR: it is empty
none_in() { [ -z "$(ls "$1")" ]; }
# reads_again: a control line behind the first $away lines says so
reads_again() { tail -n +$((away + 1)) back.out | grep -q '"state":"reading"'; }
# same FILE...: the lines without where they were, in one spelling, sorted
same() { jq -cS 'select(.name) | del(.partition, .offset)' "$@" | sort; }

# ---- there and back -----------------------------------------------------------

consume back -w 3600 client-metrics ccm-ingest ccm-avro decode
back=$pid
lines 1 5000 >batch
mkdir spool
cp batch spool/1.ndjson
run ccm-ship -1 spool ccm-produce client-metrics ccm-avro encode
is "$status $(ls spool)" '0 ' 'a file of the spool is sent'
until_true 20 come 5000
same batch >wanted
same back.out | diff wanted - >diff
ok $? 'each metric comes back once, to the byte'
: >diff
is "$(jq -r 'select(.name) | "\(.app_id):\(.name) \(.partition)"' back.out | sort -u | wc -l)" 50 \
	'the values of one application and name are in one partition'
is "$(jq -r 'select(.name) | "\(.partition) \(.offset)"' back.out | sort -u | wc -l)" 5000 \
	'partition and offset are of each message'
like "$(grep -m 1 assigned back.out)" '^\{"control":"assigned","state":"reading","partitions":\[0,1,2,3\],"lag":0\}$' \
	'control lines are among them'

# ---- the registry is away ------------------------------------------------------

kill "$registry_pid"
until_true 5 sh -c "! kill -0 $registry_pid"
lines 5001 5010 >spool/2.ndjson
start ccm-ship spool ccm-produce client-metrics ccm-avro encode 2>ship.err
ship=$pid
until_true 20 grep -q waiting spool/.status
like "$(jq -r .last_error spool/.status)" "^ccm-produce exited with status 75: .*/ccm-avro exited with status 75: the schema registry $SCHEMA_REGISTRY_URL does not answer: " \
	'without the registry the spool waits, and its status says why'
port=${SCHEMA_REGISTRY_URL##*:}
start_registry -p "${port%%/*}"
until_true 40 none_in spool
is "$(ls spool)" '' '... and is sent when it is back'
until_true 20 come 5010
is "$(grep -c '^{"app_id' back.out)" 5010 '... once'
kill "$ship"
wait "$ship"

# ---- lines that are none -------------------------------------------------------

{
	lines 5011 5012
	echo '{"app_id":"shop","name":"x"}'
	lines 5013 5014
} >spool/3.ndjson
run ccm-ship -1 spool ccm-produce client-metrics ccm-avro encode
is "$status $(ls spool) $(cat spool/bad/*)" '65 bad {"app_id":"shop","name":"x"}' \
	'a bad line is kept in bad/, alone'
until_true 20 come 5014
is "$(grep -c '^{"app_id' back.out)" 5014 '... and the others are sent'

# ---- metrics that Kafka refuses ------------------------------------------------

# All in one batch, and then one of them alone.
rm -r spool/bad
for i in 5020 5070 5120 5170; do lines $i $i; done >spool/1.ndjson
same spool/1.ndjson >wanted
control push-errors Produce MSG_SIZE_TOO_LARGE 2
KAFKA_LINGER_MS=1000 run ccm-ship -1 spool ccm-produce client-metrics ccm-avro encode
is "$status $(ls spool) $(ls spool/bad)" '65 bad 1.ndjson.rejected' \
	'a metric that Kafka refuses for good is kept in bad/'
awk '/^\.Sh/ { on = /EXAMPLES/ } on && /rejected/ { print; getline; print }' "$ROOT/tools/ccm-avro.1" |
	sed 's/^\$ //' >recover
run bash -o pipefail -c "$(<recover)"
is "$status $(wc -l <refused.ndjson) $(same refused.ndjson | comm -13 wanted - | wc -l)" '0 1 0' \
	'... and is a line of the spool again, by the command of the manual page'
mv refused.ndjson spool/
run ccm-ship -1 spool ccm-produce client-metrics ccm-avro encode
is "$status" 0 '... that can be sent'
all_back() { same back.out | comm -13 - wanted | grep -q . && return 1 || return 0; }
until_true 20 all_back
ok $? '... and comes back, as the others have'

# ---- messages of others --------------------------------------------------------

printf 'hello\tworld\n' | kcat -P -b "$KAFKA_BOOTSTRAP_SERVERS" -t client-metrics -K '\t'
lines 5015 5015 >spool/4.ndjson
run ccm-ship -1 spool ccm-produce client-metrics ccm-avro encode
until_true 20 come 5019
is "$(grep -c '^{"app_id' back.out)" 5019 'a message that is no Avro stops nothing'
like "$(grep ERROR back.err; grep 'ccm-avro' back.err)" "ccm-avro: partition [0-3], offset [0-9]+: not in Confluent's wire format" \
	'... and is reported by its place'

# ---- Kafka is away -------------------------------------------------------------

control down all
until_true 30 grep -q '"state":"away"' back.out
ok $? 'where no broker answers, a control line says so'
control up all
away=$(wc -l <back.out)
until_true 30 reads_again
ok $? '... and that one answers again'
kill -TERM "$back"
ended back
is "$status $(tail -n 1 back.err)" '0 ccm-consume: stopped' \
	'SIGTERM ends the consumer with status 0, whatever was bad'
consume again -w 3600 client-metrics ccm-ingest ccm-avro decode
again=$pid
until_true 20 grep -q assigned again.out
kill -TERM "$again"
ended again
is "$(tail -n 1 again.out | cut -c 1-21)" '{"control":"revoked",' 'the last line says that nothing is read any more'

# ---- the reader of the FIFO goes -----------------------------------------------

mkfifo consumed
exec 8<>consumed
# to_fifo NAME ARGUMENT...: as consume, to the FIFO
to_fifo() {
	(
		ccm-consume "${@:2}" 2>"$1.err" >consumed 8>&- </dev/null
		echo $? >"$1.status"
	) 8>&- &
	started+=($!)
	until_true 20 grep -q 'reading partitions' "$1.err"
}
to_fifo decoded client-metrics g-decoded ccm-avro decode
to_fifo plain client-metrics g-plain
exec 8>&-
ended decoded
is "$status" 75 'a consumer whose daemon has gone is status 75'
ended plain
like "$status $(tail -n 1 plain.err)" '^75 ccm-consume: ERROR: nobody reads the FIFO on standard output' \
	'... without a program of its own, too'

# ---- the examples of the manual page -------------------------------------------

awk '/^\.Sh/ { on = /EXAMPLES/ } on && sub(/^\$ /, "")' "$ROOT/tools/ccm-avro.1" >examples
sed -i '/rejected/d; /^mv /d' examples # these were run above
is "$(wc -l <examples)" 3 'the manual page has examples'
while read -r command; do
	rm -rf spool && mkdir spool && cp batch spool/1.ndjson
	run bash -o pipefail -c "$command" </dev/null
	wanted=
	[[ $command != *'-c 1 '* ]] || wanted='.*"app_id":"app[01]".*"partition"'
	[[ $command != *' loop' ]] || wanted='.*"name":"metric_1".*"received":[0-9]+}'
	like "$status $(cat out)" "^0 $wanted" "example: $command"
done <examples

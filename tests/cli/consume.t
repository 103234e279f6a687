#!/usr/bin/env bash
# ccm-consume against the simulated cluster.
# shellcheck disable=SC2154,SC2238 # status is tap.sh's, diff is a file
# shellcheck disable=SC2094 # no pipe reads what it writes
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/consumers.sh
. "$ROOT/tests/consumers.sh"

mkdir tmp
export TMPDIR=$WORK/tmp

# records FROM TO: records with the values FROM to TO.
records() {
	seq "$1" "$2" | sed 's/.*/{"fields":{"value":&},"name":"metric",\
"tags":{"cluster_id":"lkc-1","topic":"topic-&"},"timestamp":1756900800000}/' |
		paste -sd '' | sed 's/}{/}\n{/g'
}

control() {
	echo "$*" >control
	until_true 5 grep -qxF "sim-kafka: ok: $*" cluster.err || return 1
	: >cluster.err
}

start "$SIM/sim-kafka" -b 3 -t metrics:4 -t empty:1 -t late:1 -t pipe:1 \
	-t confluent-metrics:1 \
	-c control >brokers 2>>cluster.err
until_true 5 [ -s brokers ] || {
	ok 1 'the simulated cluster starts'
	exit 1
}
brokers=$(cat brokers)
export KAFKA_BOOTSTRAP_SERVERS=$brokers
IFS=, read -ra broker <<<"$brokers"

sorted_is() { sort "$1" | cmp - "$2"; }

records 1 500 | sort >first
records 501 1000 | sort >second
sort first second >both

# ---- what takes long begins here, and is looked at below ---------------------

KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1 consume unreachable -e metrics g-unreachable
KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1 consume patient metrics g-patient
patient=$pid

run ccm-produce metrics <first
is "$status" 0 'records are there to read'
records 1 3000 >many
run ccm-produce pipe <many
run ccm-produce confluent-metrics <first

export KAFKA_SESSION_TIMEOUT_MS=6000
consume end -e metrics g-end
consume three -c 3 metrics g-three
KAFKA_SASL_PASSWORD=s3cret GLOBAL_LOG_LEVEL=DEBUG consume long metrics g-long
long=$pid
control topic-error late UNKNOWN_TOPIC_OR_PART
consume missing -e late g-missing
consume waiting late g-waiting
waiting=$pid
# A kcat that reads for a while before its password is withdrawn.
mkdir fake
cat >fake/kcat <<'END'
#!/bin/sh
case " $* " in
*' -b '*)
	exit 1
	;;
*' -L '*)
	echo '  topic "metrics" with 1 partitions:'
	exit
	;;
esac
sleep 1
echo '%3|1.2|FAIL|rdkafka#consumer-1| [thrd:b:9092/1]: b:9092/1: SASL authentication error: Authentication failed: revoked (after 5ms in state AUTH_REQ)' >&2
exec sleep 60
END
chmod +x fake/kcat
PATH=$WORK/fake:$PATH consume revoked metrics g-revoked
# One that is given other partitions while it looks for the end.
mkdir moving
cat >moving/kcat <<'END'
#!/bin/sh
case " $* " in
*' -L '*)
	echo '  topic "metrics" with 1 partitions:'
	exit
	;;
esac
for what in "assigned: $FIRST" 'revoked: metrics [0], metrics [1]' 'assigned: metrics [1]'; do
	echo "% Group g rebalanced (memberid rdkafka-1): $what" >&2
done
exec sleep 60
END
chmod +x moving/kcat
FIRST='metrics [0], metrics [1]' PATH=$WORK/moving:$PATH consume moving -e metrics g
FIRST='' PATH=$WORK/moving:$PATH consume idle -e metrics g
# One whose topic gets partitions: it asks a broker that has not heard of it in the
# middle of the rebalance, and leaves it at that. Behind the third number it does
# as it should.
mkdir growing
cat >growing/kcat <<'END'
#!/bin/sh
case " $* " in
*' -L '*)
	echo '  topic "metrics" with 1 partitions:'
	exit
	;;
esac
assigned() { echo "% Group g rebalanced (memberid rdkafka-1): $*" >&2; }
counted() { echo "%5|1.2|PARTCNT|rdkafka#consumer-1| [thrd:main]: Topic metrics partition count changed from $1 to $2" >&2; }
if [ -e growing/once ]; then
	assigned assigned: metrics [0], metrics [1]
	counted 2 3
	assigned revoked: metrics [0], metrics [1]
	assigned assigned: metrics [0], metrics [1], metrics [2]
else
	touch growing/once
	assigned assigned: metrics [0]
	counted 1 2
	assigned revoked: metrics [0]
	counted 2 1
	assigned assigned: metrics [0]
	counted 1 2
fi
exec sleep 60
END
chmod +x growing/kcat
PATH=$WORK/growing:$PATH consume growing metrics g
growing=$pid

# closed NAME ARGUMENT...: as consume, to a reader that goes after two lines.
closed() {
	local name=$1
	shift
	(
		ccm-consume "$@" 2>"$name.err" </dev/null
		echo $? >"$name.status"
	) > >(head -n 2 >"$name.out") &
	started+=($!)
}
awk '/^\.Sh/ { on = /EXAMPLES/ } /^\.Ed/ { exit } on && show
	/^\.Bd/ { show = on }' "$ROOT/tools/ccm-consume.1" | sed 's/^\$ //' >example
(
	bash example >example.out 2>example.err
	echo $? >example.status
) &
closed head -c 3000 pipe g-pipe
trap '' PIPE
closed ignored -c 3000 pipe g-ignored
trap - PIPE

# ---- the command line -------------------------------------------------------

run ccm-consume -h
like "$status $(cat out)" '^0 usage: ccm-consume \[-e\] \[-c N\] TOPIC GROUP' '-h prints the usage'
run ccm-consume -V
is "$status $(cat out)" "0 ccm-consume $(ccm-key -V | cut -d' ' -f2)" '-V prints the version'
for arguments in '' metrics 'metrics g x' '-c 0 metrics g' '-c x metrics g' \
	'-c' '-x metrics g' 'a/b g' '. g'; do
	# shellcheck disable=SC2086 # words are meant
	run ccm-consume $arguments
	is "$status" 64 "'ccm-consume $arguments' is a usage error"
done
run ccm-consume metrics ''
is "$status" 64 'so is an empty group'
KAFKA_MAX_POLL_RECORDS=1 run ccm-consume metrics g
is "$status" 78 'a setting that is refused is status 78'
KAFKA_SETTINGS='{"no.such.property":1}' run ccm-consume -e metrics g
like "$status $(cat err)" '^78 .*no.such.property' 'so is one that kcat does not know'
KAFKA_SESSION_TIMEOUT_MS=400000 \
	run ccm-consume metrics g
like "$status $(cat err)" '^78 .*session.timeout.ms' 'so are settings that contradict each other'

KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT KAFKA_SASL_MECHANISM=PLAIN \
	KAFKA_SASL_USERNAME=me KAFKA_SASL_PASSWORD=s3cret run ccm-consume metrics g
like "$status $(cat err)" '^78 .*the broker does not take this KAFKA_SASL_MECHANISM' \
	'so is a mechanism that the broker does not have'

# ---- reading to an end ------------------------------------------------------

ended end
is "$status" 0 '-e ends at the end of the topic'
sort end.out | diff - first >diff
ok $? 'and has written every record once, as it was'
is "$(cat end.err)" '' 'and nothing else'
ended three
is "$status $(wc -l <three.out)" '0 3' '-c 3 ends after three records'
is "$(sort three.out | comm -23 - first)" '' 'which are whole'

ended moving
like "$status $(cat moving.err)" '^75 ccm-consume: ERROR: partitions went to another member of group g' \
	'-e ends with status 75 where partitions are dealt out anew, of which kcat loses count'
until_true 20 grep -q 'partitions 0-2' growing.err
like "$(cat growing.err)" 'WARN: topic metrics has 2 partitions now, and the group has not shared them out; kcat is started again
.*partitions 0-1 .*
.*partitions 0-2 ' \
	'partitions that librdkafka has left aside are read from a new kcat'
ended idle
like "$status $(cat idle.err)" '^75 ccm-consume: ERROR: other members of group g read all of metrics' \
	'and where there is none for it'

ended missing
like "$status $(cat missing.err)" '^69 .*topic late does not exist' \
	'-e on a topic that is not there is status 69'
until_true 10 grep -q 'trying on' waiting.err
like "$(cat waiting.err)" 'WARN: topic late does not exist.*; trying on' \
	'without -e it is waited for'
control topic-error late none
run ccm-produce late <first

ended head
is "$(wc -l <head.out) $(cat head.status head.err)" '2 141' 'a closed stdout ends it by SIGPIPE'
ended ignored
like "$(cat ignored.status ignored.err)" '^74.*cannot write to standard output' \
	'where that signal is ignored, with status 74'

# ---- on and on --------------------------------------------------------------

until_true 15 has_lines long.out 500
kcat=$(kcat_of "$long")
cat "/proc/$long/cmdline" "/proc/$kcat/cmdline" >cmdlines
is "$(grep -acF s3cret cmdlines)$(grep -acF s3cret "/proc/$kcat/environ")" 00 \
	'the password is in no command line and not in the environment of kcat'
is "$(ls tmp)" '' 'no file of it has a name while it runs'
control down 2
until_true 10 grep -q 'no answer from broker' long.err
control up 2
until_true 15 grep -q 'answers again' long.err
is "$(grep -cE "WARN: no answer from broker ${broker[1]} .*trying on" long.err)$(
	grep -c "broker ${broker[1]} answers again" long.err)" 11 \
	'a broker that goes and comes back is one line each'
run ccm-produce metrics <second
consume again -e metrics g-end
until_true 15 has_lines long.out 1000
sort long.out | diff - both >diff
ok $? 'and nothing is missed or read twice'
: >diff
kill -KILL "$kcat"
until_true 20 grep -q 'is started again' long.err
like "$(cat long.err)" 'WARN: kcat has ended \(status 137\); it is started again' \
	'kcat is started again when it was killed'
until_true 15 kcat_of "$long"
kcat=$(kcat_of "$long")
kill -TERM "$long"
ended long
is "$status" 0 'SIGTERM ends it with status 0'
is "$(gone "$kcat" 2>/dev/null && echo gone)" gone 'and kcat with it'
is "$(grep -m 1 '^ccm-consume: group' long.err)" \
	'ccm-consume: group g-long: reading partitions 0-3 of metrics' \
	'what partitions it was given is told in a line'
is "$(grep -c s3cret long.err)" 0 'DEBUG shows no password'

until_true 20 has_lines waiting.out 500
sort waiting.out | diff - first >diff
ok $? 'the topic that was waited for is read'
: >diff
kill -TERM "$waiting"
ended waiting

ended again
sort again.out | diff - second >diff
ok $? 'a group goes on where it was'

ended unreachable
like "$status $(cat unreachable.err)" '^75 .*no broker has answered: .*Connection refused' \
	'-e with no broker is status 75'
until_true 10 grep -q 'trying on' patient.err
like "$(cat patient.err)" 'WARN: no broker has answered: .*; trying on' \
	'without it a warning, and another try'
kill -TERM "$patient"
ended patient
is "$status" 0 'until SIGTERM'
is "$(ls tmp)" '' 'no file is left'
ended example
is "$(sort -k 3n example.out | tail -n 1)" $'metric\ttopic-500\t500' \
	'the example of the manual page does what it says'
ended revoked
like "$status $(cat revoked.err)" '^77 .*WARN: no answer from broker b:9092 .*the broker refuses these credentials: .*revoked' \
	'a password that is withdrawn ends it with status 77'
kill -TERM "$growing"
ended growing
is "$status $(grep -c WARN growing.err)" '0 1' \
	'a rebalance that follows by itself is no reason for another'

#!/usr/bin/env bash
# ccm-consume against the simulated cluster.
# shellcheck disable=SC2154,SC2238 # status is tap.sh's, diff is a file
# shellcheck disable=SC2094,SC2016 # no pipe reads what it writes, perl has a $ too
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/man.sh
. "$ROOT/tests/man.sh"
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
	-t confluent-metrics:1 -t long:1 \
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
# Moments that the simulated cluster does not know: kcat itself is simulated
# (tests/sim/sim-kcat.c), and reports what a file says.
mkdir scripted
ln -s "$SIM/sim-kcat" scripted/kcat
# scripted NAME ARGUMENT...: as consume; kcat follows the script NAME, and when it
# asks a broker NAME.broker
scripted() {
	[ ! -e "$1.broker" ] || export SIM_KCAT_BROKER=$1.broker
	SIM_KCAT_CONSUME=$1 PATH=$WORK/scripted:$PATH consume "$@"
	unset SIM_KCAT_BROKER
}
refused='event log 3 FAIL b:9092/1: SASL authentication error: Authentication failed: revoked (after 5ms in state AUTH_REQ)'

# A password that is withdrawn, and a broker that refuses it once only, as one
# does that has not read its users yet.
printf '%s\n' 'event assigned 0 - 0' "$refused" 'sleep 4000' "$refused" >revoked
printf '%s\n' "$refused" 'exit 1' >revoked.broker
scripted revoked metrics g
head -n 2 revoked >forgetful
printf '%s\n' 'rename forgetful.later forgetful.broker' "$refused" 'exit 1' >forgetful.broker
printf '%s\n' 'metadata 1' 'rename forgetful.broker answered' >forgetful.later
scripted forgetful metrics g
forgetful=$pid
# A connection that was closed because it was idle.
cat >idle <<-'END'
	event assigned 0 - 0
	event log 3 FAIL b:9092/1: Disconnected (after 600000ms in state UP)
	sleep 1000
	write a record
END
scripted idle metrics g
idle=$pid
# Partitions that are shared out anew while it looks for the end, or none at all.
cat >moving <<-'END'
	event assigned 0 - 0 1
	event revoked 0 - 0 1
	event assigned 0 - 1
END
scripted moving -e metrics g
cat >cooperative <<-'END'
	event assigned 1 - 0 1
	event revoked 1 - 0
	event assigned 1 -
END
scripted cooperative -e metrics g
echo 'event assigned 0 -' >none
scripted none -e metrics g
# The same without -e.
cat >sharing <<-'END'
	event assigned 1 - 0 1 2 7
	event assigned 1 - 5 6
	event revoked 1 - 1
	event assigned 1 -
	event revoked 1 - 0 2 5 6 7
	event assigned 1 -
	write a record
END
scripted sharing metrics g
sharing=$pid
# One whose topic gets partitions: it asks a broker that has not heard of it in
# the middle of the rebalance, and leaves it at that. Behind the third number it
# does as it should.
cat >growing <<-'END'
	rename growing.later growing
	event assigned 0 - 0
	event log 5 PARTCNT Topic metrics partition count changed from 1 to 2
	event revoked 0 - 0
	event log 5 PARTCNT Topic metrics partition count changed from 2 to 1
	event assigned 0 - 0
	event log 5 PARTCNT Topic metrics partition count changed from 1 to 2
END
cat >growing.later <<-'END'
	event assigned 0 - 0 1
	event log 5 PARTCNT Topic metrics partition count changed from 2 to 3
	event revoked 0 - 0 1
	event assigned 0 - 0 1 2
END
scripted growing metrics g
growing=$pid
# What ends kcat, and is not to be waited for.
cat >lacking <<-'END'
	event error 30 GROUP_AUTHORIZATION_FAILED Consumer error: FindCoordinator response error: Group authorization failed
	exit 1
END
scripted lacking metrics g
cat >conflict <<-'END'
	event create 0 - max.poll.interval.ms must be >= session.timeout.ms
	exit 1
END
scripted conflict metrics g
printf '%s\n' 'event output 28 -' 'exit 74' >full
scripted full metrics g
# A time whose offsets nobody finds; records that were deleted; kcat's own words.
cat >times <<-'END'
	rename times.later times
	event since -185 _TIMED_OUT Local: Timed out
	event log 4 OFFSET metrics [0]: offset reset (at offset 40) to BEGINNING: Broker: Offset out of range
	event assigned 0 - 0
	say % ERROR: Topic metrics [0] error: Broker: Unknown topic or partition
	exit 1
END
echo 'event assigned 0 - 0' >times.later
scripted times -w 60 metrics g
times=$pid
# PROG: half a record at the end of one kcat, and another kcat; one that needs a
# while to end, and one that does not end; a kcat that does not end either.
frames=$ROOT/tests/frames.pl
printf '%s\n' 'rename torn.later torn' 'frame one' 'half two' 'kill 9' >torn
printf '%s\n' 'frame three' >torn.later
scripted torn metrics g "$frames"
torn=$pid
echo 'frame one' >slow
scripted slow metrics g sh -c 'cat >/dev/null; sleep 1; echo done'
slow=$pid
# PROG that has found bad records, and one that has failed, when they are stopped;
# and one that is restarted with its kcat.
cp slow complaining
cp slow failing
declare -A stopped
scripted complaining metrics g sh -c 'cat >/dev/null; exit 65'
stopped[complaining]=$pid
scripted failing metrics g sh -c 'cat >/dev/null; exit 74'
stopped[failing]=$pid
cat >added <<-'END'
	rename added.later added
	event assigned 0 - 0
	event log 5 PARTCNT Topic metrics partition count changed from 1 to 2
END
echo 'event assigned 0 - 0 1' >added.later
scripted added metrics g sh -c 'cat >/dev/null; exit 65'
added=$pid
scripted stubborn metrics g perl -e '$SIG{TERM} = "IGNORE"; $| = 1; print "there\n"; sleep 1 while 1'
stubborn=$pid
printf '%s\n' 'write a record' 'deaf' >deaf
scripted deaf metrics g
deaf=$pid

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
examples ccm-consume | head -n 1 | cut -f 1 >example
(
	bash example >example.out 2>example.err
	echo $? >example.status
) &
closed head -c 3000 pipe g-pipe
closed through pipe g-through
trap '' PIPE
closed ignored -c 3000 pipe g-ignored
trap - PIPE
ccm-consume metrics g-full >/dev/full 2>full-on.err &
started+=($!)
full_on=$!

# PROG with the simulated cluster
consume frames -e metrics g-frames "$frames"
consume keyed metrics g-keyed "$frames" -k
keyed=$pid
consume some -c 3 metrics g-some "$frames"
consume option -c 1 -- metrics g-option perl -e 'print "@ARGV\n"; print map "$_\n", grep /KAFKA|s3cret/, %ENV' -- -c -e
KAFKA_SASL_PASSWORD=s3cret consume environment -c 1 metrics g-environment env
consume early metrics g-early head -c 1
consume bad -e metrics g-bad sh -c 'cat >/dev/null; exit 65'
consume broken metrics g-broken sh -c 'kill -USR1 $$'
closed prog metrics g-prog "$frames"
consume lasting metrics g-lasting "$frames"
lasting=$pid

# ---- the command line -------------------------------------------------------

run ccm-consume -h
like "$status $(cat out)" '^0 usage: ccm-consume \[-e\] \[-c N\] \[-w SECONDS\] TOPIC GROUP \[PROG' '-h prints the usage'
run ccm-consume -V
is "$status $(cat out)" "0 ccm-consume $(ccm-key -V | cut -d' ' -f2)" '-V prints the version'
for arguments in '' metrics '-c 0 metrics g' '-c x metrics g' '-c' \
	'-w -1 metrics g' '-w 1m metrics g' '-w 9999999999 metrics g' \
	'-x metrics g' 'a/b g' '. g' '-e a/b g cat'; do
	# shellcheck disable=SC2086 # words are meant
	run ccm-consume $arguments
	is "$status" 64 "'ccm-consume $arguments' is a usage error"
done
run ccm-consume metrics ''
is "$status" 64 'so is an empty group'
run ccm-consume metrics g no-such-program
like "$status $(cat err)" '^78 .*cannot run no-such-program' 'a PROG that is not there is status 78'
run sh -c 'ccm-consume metrics g >&-'
like "$status $(cat err)" '^74 .*standard output is closed' 'so is no standard output 74'
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

# One of 100 KB, which stdio alone would write in pieces of its own size.
{
	head -c 100000 /dev/zero | tr '\0' x
	echo
} | sed 's/.*/{"fields":{"value":1},"name":"&","tags":{},"timestamp":1756900800000}/' >long
run ccm-produce long <long
run env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=write -o writes ccm-consume -e long g-whole
is "$status $(cmp out long) $(grep -cE 'write\(1, .* = [0-9]{6}$' writes)" '0  1' \
	'a line leaves kcat in one write'

ended missing
like "$status $(cat missing.err)" '^69 .*topic late does not exist' \
	'-e on a topic that is not there is status 69'
until_true 20 grep -q 'still trying' waiting.err
like "$(cat waiting.err)" 'WARN: topic late does not exist.*; still trying' \
	'without -e it is waited for'
control topic-error late none
run ccm-produce late <first

ended head
is "$(wc -l <head.out) $(cat head.status head.err)" '2 141' 'a closed stdout ends it by SIGPIPE'
ended through
is "$(wc -l <through.out) $(grep -vc 'reading partitions' through.err) $(cat through.status)" '2 0 141' \
	'also one that reads on and on'
ended ignored
like "$(cat ignored.status ignored.err)" '^74.*cannot write to standard output' \
	'where that signal is ignored, with status 74'
until_true 20 gone "$full_on"
wait "$full_on"
like "$? $(cat full-on.err)" '^74 .*cannot write to standard output: No space left' \
	'so does a disk that is full'

# ---- PROG -------------------------------------------------------------------

ended frames
is "$status $(sed 's/^<\(.*\)>$/\1/' frames.out | sort | cmp - first) $(cat frames.err)" '0  ' \
	'PROG gets each record once, behind its length, and writes to our stdout'
until_true 15 grep -q '"control":"status".*"partitions":\[0,1,2,3\],"lag":0}' keyed.out
ok $? 'its control lines say every 5 seconds what is read, and how much waits'
like "$(grep -m 1 assigned keyed.out)" '^\{"control":"assigned","state":"reading","partitions":\[0,1,2,3\],"lag":0\}$' \
	'... and at once what it was given'
grep -v control keyed.out | sed -nE 's/^[0-3] [0-9]+ 1756900800000 <metric:topic-[0-9]+> <(.*)>$/\1/p' |
	sort | cmp - first
ok $? 'each record comes with partition, offset, time and key'
is "$(grep -v control keyed.out | cut -d ' ' -f 1,2 | sort -u | wc -l)" 500 '... its own ones'
kill -TERM "$keyed"
ended keyed
like "$(tail -n 1 keyed.out)" '"control":"revoked",.*"partitions":\[\]' \
	'... and a control line says that they are given back'
ended some
is "$status $(wc -l <some.out) $(cat some.err)" '0 3 ' '-c 3 gives it three'
ended option
is "$status $(cat option.out)" '0 -c -e' 'options behind PROG are its own'
ended environment
is "$status $(grep -cE 'KAFKA|s3cret|CCM_COMPANION|LD_PRELOAD' environment.out)" '0 0' \
	'it has none of the settings for Kafka in its environment'
ended early
like "$status $(tail -n 1 early.err)" '^75 .*ERROR: head exited with status 0' \
	'a PROG that ends before the topic does is status 75'
ended bad
like "$status $(cat bad.err)" '^65 .*ERROR: sh exited with status 65' \
	'one that fails is told, and its status is ours'
ended broken
like "$status $(tail -n 1 broken.err)" '^75 .*ERROR: sh was ended by signal 10' \
	'so is one that was killed, with status 75'
ended prog
is "$(wc -l <prog.out) $(cat prog.status)" '2 141' \
	'a stdout that nobody reads ends us by SIGPIPE as well'
until_true 15 has_lines lasting.out 500
kill -TERM "$lasting"
ended lasting
is "$status $(tail -n 1 lasting.err)" '0 ccm-consume: stopped' 'SIGTERM ends both, with status 0'
until_true 20 grep -q three torn.out
kill -TERM "$torn"
ended torn
is "$status $(paste -sd ' ' torn.out) $(grep -c 'half a record' torn.err)" '0 <one> <three> 1' \
	'half a record of a kcat that was killed is never followed by another one'
is "$(grep -c 'signal 9.*restarting it' torn.err) $(grep -c ERROR torn.err)" '1 0' \
	'and what PROG says of that is not the last word'
until_true 10 kcat_of "$slow"
kill -TERM "$slow"
ended slow
is "$status $(cat slow.out)" '0 done' 'on SIGTERM, PROG gets the time to deal with what it has'
for name in complaining failing; do
	until_true 10 kcat_of "${stopped[$name]}"
	kill -TERM "${stopped[$name]}"
	ended $name
done
is "$(cat complaining.status failing.status | paste -sd ' ')" '0 74' \
	'... that it has found bad records is no failure then, but that it cannot write'
until_true 30 grep -q 'reading partitions 0-1' added.err
ok $? 'nor does it end us where kcat is restarted'
kill -TERM "$added"
ended added
is "$status" 0 '... and stopped'

# ---- what kcat reports ------------------------------------------------------

ended revoked
like "$status $(tail -n 1 revoked.err)" '^77 .*ERROR: the broker refuses these credentials: .*revoked' \
	'a password that is withdrawn ends it with status 77'
until_true 20 [ -e answered ]
sleep 0.5
is "$(kill -0 "$forgetful" && grep -cE 'WARN|ERROR' forgetful.err)" 0 \
	'a broker that refuses it once, and then answers, does not'
kill -TERM "$forgetful"
ended forgetful
until_true 10 has_lines idle.out 1
is "$(grep -c WARN idle.err)" 0 'a connection that was closed is no warning while the broker answers'
kill -TERM "$idle"
ended idle
for name in moving cooperative; do
	ended $name
	like "$status $(cat $name.err)" '^75 ccm-consume: ERROR: partitions of metrics moved between members of group g;' \
		"-e ends with status 75 where partitions are shared out anew ($name), as kcat loses count"
done
ended none
like "$status $(cat none.err)" '^75 ccm-consume: ERROR: other members of group g read all partitions of metrics' \
	'and where there is none for it'
until_true 10 has_lines sharing.out 1
is "$(sed 's/ccm-consume: group g: //' sharing.err)" 'reading partitions 0-2, 7 of metrics
reading partitions 0-2, 5-7 of metrics
reading partitions 0, 2, 5-7 of metrics
waiting, other members read all partitions of metrics' \
	'without -e, each change is a line'
kill -TERM "$sharing"
ended sharing
until_true 30 grep -q 'partitions 0-2' growing.err
like "$(cat growing.err)" 'WARN: topic metrics has 2 partitions now, and the group has not shared them out; restarting kcat
.*partitions 0-1 .*
.*partitions 0-2 ' \
	'partitions that librdkafka has left aside are read by a new kcat'
ended lacking
like "$status $(cat lacking.err)" '^77 .*this user lacks a right: .*Group authorization failed; grant Read' \
	'a right that is missing is status 77'
ended conflict
like "$status $(cat conflict.err)" '^78 .*max.poll.interval.ms' 'settings that make no consumer are 78'
ended full
like "$status $(cat full.err)" '^74 .*cannot write to standard output: No space left on device' \
	'an output that takes no more is 74'
until_true 20 grep -q 'reading' times.err
until_true 20 [ "$(grep -c reading times.err)" -ge 2 ]
is "$(grep WARN times.err)" 'ccm-consume: WARN: cannot look up where the last 60 seconds begin: Local: Timed out; starting where the group stands
ccm-consume: WARN: metrics [0]: offset reset (at offset 40) to BEGINNING: Broker: Offset out of range
ccm-consume: WARN: kcat has ended (Topic metrics [0] error: Broker: Unknown topic or partition); restarting it' \
	'times that are not known, records that were deleted and the end of kcat are a line each'
kill -TERM "$times"
ended times

# ---- on and on --------------------------------------------------------------

until_true 15 has_lines long.out 500
kcat=$(kcat_of "$long")
cat "/proc/$long/cmdline" "/proc/$kcat/cmdline" >cmdlines
is "$(grep -acF s3cret cmdlines)" 0 'the password is in no command line'
if [ "$(id -u)" = 0 ]; then
	is "$(grep -acF s3cret "/proc/$kcat/environ")" 0 \
		'nor in the environment of kcat'
else
	skip 'nor in the environment of kcat' 'not root'
fi
is "$(ls tmp)" '' 'no file of it has a name while it runs'
control down 2
until_true 20 grep -q 'no answer from broker' long.err
control up 2
until_true 20 grep -q 'answers again' long.err
is "$(grep -cE "WARN: no answer from broker ${broker[1]} \(.*\); still trying" long.err)$(
	grep -c "broker ${broker[1]} answers again" long.err)" 11 \
	'a broker that goes and comes back is one line each'
run ccm-produce metrics <second
consume again -e metrics g-end
until_true 15 has_lines long.out 1000
sort long.out | diff - both >diff
ok $? 'and nothing is missed or read twice'
: >diff
kill -KILL "$kcat"
until_true 20 grep -q 'restarting it' long.err
like "$(cat long.err)" 'WARN: kcat has ended \(signal 9, Killed\); restarting it' \
	'kcat is started again when it was killed'
until_true 15 kcat_of "$long"
kcat=$(kcat_of "$long")
kill -TERM "$long"
ended long
is "$status" 0 'SIGTERM ends it with status 0'
is "$(gone "$kcat" 2>/dev/null && echo gone)" gone 'and kcat with it'
is "$(grep -m 1 '^ccm-consume: group' long.err)" \
	'ccm-consume: group g-long: reading partitions 0-3 of metrics' \
	'what partitions it was given is a line'
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
: >diff
run ccm-consume -e -w 3600 metrics g-window
is "$status $(wc -l <out)" '0 1000' \
	'with -w, a group that is new begins at the start where the broker knows no times'

for signal in INT HUP; do
	consume by-$signal metrics g-$signal
	until_true 15 kcat_of "$pid"
	until_true 15 grep -q reading by-$signal.err
	kcat=$(kcat_of "$pid")
	kill -$signal "$pid"
	ended by-$signal
	is "$status $(gone "$kcat" && echo gone)" '0 gone' "SIG$signal ends it, too"
done
consume killed metrics g-killed "$frames"
killed=$pid
until_true 15 has_lines killed.out 500
kcat=$(kcat_of "$killed")
prog=$(pgrep -P "$killed" -f frames.pl)
kill -KILL "$killed"
until_true 10 gone "$kcat" && until_true 10 gone "$prog"
ok $? 'where it is killed itself, neither kcat nor PROG stays'

ended unreachable
like "$status $(cat unreachable.err)" '^75 .*no broker answered: .*Connection refused' \
	'-e with no broker is status 75'
until_true 10 grep -q 'still trying' patient.err
like "$(cat patient.err)" 'WARN: no broker answered: .*; still trying' \
	'without it a warning, and another try'
kill -TERM "$patient"
ended patient
is "$status" 0 'until SIGTERM'
is "$(ls tmp)" '' 'no file is left'
ended example
is "$(sort -k 3n example.out | tail -n 1)" $'metric\ttopic-500\t500' \
	'the example of the manual page does what it says'
kill -TERM "$growing"
ended growing
is "$status $(grep -c WARN growing.err)" '0 1' \
	'a rebalance that follows by itself is no reason for another'
until_true 10 has_lines deaf.out 1
kill -TERM "$deaf"
ended deaf
is "$status" 0 'a kcat that does not end is killed'
until_true 10 has_lines stubborn.out 1
kill -TERM "$stubborn"
ended stubborn
is "$status $(grep -c 'it gets SIG' stubborn.err)" '0 2' 'so is PROG, which is two warnings'

# ---- secrets ----------------------------------------------------------------

# No other process of its user reads it, or its kcat, and neither leaves a core
# file. Root sees whose their files in /proc are.
fact='neither ccm-consume nor its kcat can be read by others of its user, or leaves a core file'
if [ "$(id -u)" = 0 ]; then
	chmod 755 .
	ulimit -c unlimited 2>/dev/null
	as_nobody true # copies the programs
	PATH=$WORK/programs/bin:$PATH setpriv --reuid=65534 --regid=65534 \
		--clear-groups ccm-consume metrics g-nobody >nobody.out 2>nobody.err &
	pid=$!
	started+=("$pid")
	until_true 20 has_lines nobody.out 1
	kcat=$(kcat_of "$pid")
	is "$(stat -c %U /proc/{"$pid","$kcat"}/{environ,mem} | uniq) $(
		cat /proc/{"$pid","$kcat"}/limits | grep -c '^Max core file size *0 *0 ')" 'root 2' "$fact"
	kill "$pid"
else
	skip "$fact" 'not root'
fi

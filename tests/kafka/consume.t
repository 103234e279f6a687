#!/usr/bin/env bash
# ccm-consume against a real Kafka: every record, and on it goes after whatever
# has happened to the brokers, to the group, to its kcat or to itself.
#
# With CCM_TEST_BOOTSTRAP the brokers are somebody's, and are not stopped.
# shellcheck disable=SC2154,SC2238 # status is tap.sh's, diff is a file
# shellcheck disable=SC2094 # no pipe reads what it writes
# shellcheck source=tests/kafka/broker.sh
. "$(dirname "$0")/broker.sh"
# shellcheck source=tests/consumers.sh
. "$ROOT/tests/consumers.sh"

if [ -n "$test_bootstrap" ]; then use_brokers; else start_brokers 3; fi
# A member that does not come back is missed after ten seconds, one that is slow
# is not.
export KAFKA_SESSION_TIMEOUT_MS=10000 KAFKA_HEARTBEAT_INTERVAL_MS=1000

says() { [ "$(grep -cE "$2" "$1.err")" -ge "${3:-1}" ]; }

# on TOPIC: the values that are there, sorted
on() {
	client read "$1" | cut -f 4- | sort
}

# account WANTED FILE...: what of the sorted file WANTED is not in the others is
# counted in $lost, what they have that is not in it in $other, what they have
# more than once in $twice.
account() {
	local wanted=$1
	shift
	sort "$@" >all
	uniq all >got
	comm -23 "$wanted" got >missing
	lost=$(wc -l <missing)
	other=$(comm -13 "$wanted" got | tee diff | wc -l)
	twice=$(($(wc -l <all) - $(wc -l <got)))
}

# committed_is TOPIC GROUP: the group's offsets are the partitions' ends
committed_is() {
	client committed "$2" "$1" | sed 's/None/0/' >committed
	client read "$1" | cut -f 1 | sort -n | uniq -c |
		awk 'NR == FNR { ends[$2] = $1; next } { print $1, ends[$1] + 0 }' \
			- committed | cmp -s - committed
}

# known_to_all TOPIC: each of our brokers has it
known_to_all() {
	local address
	[ -z "$test_bootstrap" ] || return 0
	for address in ${plaintext//,/ }; do
		describe "$address" "$1" | grep -q '^    partition 0, leader [1-9]' || return
	done
}

# ---- records, and where a group stands ---------------------------------------

make_topic whole 4
whole=$topic
records 1 3000 | ccm-produce "$whole" 2>err
records 1 3000 | sort >wanted

run ccm-consume -e "$whole" g-whole
cp out whole.out
account wanted whole.out
is "$status $lost $other $twice $(cat err)" '0 0 0 0 ' \
	'-e writes every record of the topic once, byte for byte, and nothing else'
committed_is "$whole" g-whole
ok $? 'the group stands at what was written'
run ccm-consume -e "$whole" g-whole
is "$status $(wc -l <out)" '0 0' 'and has nothing more to read'

KAFKA_PARTITION_ASSIGNMENT_STRATEGY=cooperative-sticky \
	run ccm-consume -e "$whole" g-sticky
is "$status $(wc -l <out) $(cat err)" '0 3000 ' \
	'-e ends where partitions are assigned cooperatively, too'

run ccm-consume -c 100 "$whole" g-part
is "$status $(wc -l <out)" '0 100' '-c 100 writes a hundred records'
cp out part.out
run ccm-consume -c 1000 "$whole" g-part
cat out >>part.out
run ccm-consume -e "$whole" g-part
cat out >>part.out
account wanted part.out
is "$lost $other $twice" '0 0 0' \
	'whoever goes on in that group gets the others, exactly'

make_topic empty 2
empty=$topic
run timeout 20 ccm-consume -e "$empty" g-empty
is "$status $(cat out err)" '0 ' 'an empty topic has been read at once'

make_topic odd 1
client values "$topic" <<'VALUES'
"two\nlines"
"a NUL \u0000 here"
""
null
"\u00ff\u00fe no UTF-8 "
VALUES
printf 'two\nlines\na NUL \0 here\n\n\n\xff\xfe no UTF-8 \n' >odd
run ccm-consume -e "$topic" g-odd
cmp -s out odd
ok $? 'bytes are written as they are; no value is an empty line'

# A new group, with and without a say in where it begins.
KAFKA_AUTO_OFFSET_RESET=latest run timeout 20 ccm-consume -e "$whole" g-latest
is "$status $(wc -l <out)" '0 0' 'with auto_offset_reset=latest a new group begins at the end'

# Records that retention has deleted before they were read.
make_topic purged 1
purged=$topic
records 1 100 | ccm-produce "$purged" 2>/dev/null
run ccm-consume -c 40 "$purged" g-purged
client purge "$purged"
records 101 200 | ccm-produce "$purged" 2>/dev/null
run ccm-consume -e "$purged" g-purged
is "$status $(wc -l <out)" '0 100' 'records that were deleted are passed over'
like "$(cat err)" "^ccm-consume: WARN: $purged \[0\]: offset reset \(at offset 40.*Offset out of range$" \
	'with one line that says which'

# ---- other members, restarts, deaths -----------------------------------------
#
# A topic on which records keep coming, for groups with different fates.

make_topic live 6
live=$topic
# A broker that has not heard of it ends kcat, which is a warning.
until_true 20 known_to_all "$live"
stream() {
	local n=1
	until [ -e stop ]; do
		records "$n" $((n + 19))
		((n += 20))
		sleep 0.1
	done | ccm-key | client send "$live" >/dev/null 2>&1
}
start stream
stream=$pid

consume steady "$live" g-steady
steady=$pid
consume first "$live" g-members
first=$pid
consume term "$live" g-term
term=$pid
consume kill "$live" g-kill
killed=$pid
make_topic growing 1
growing=$topic
KAFKA_METADATA_MAX_AGE_MS=1000 consume growing "$growing" g-growing
growing_pid=$pid
make_topic reborn 2
reborn=$topic
records 1 50 | ccm-produce "$reborn" 2>/dev/null
KAFKA_METADATA_MAX_AGE_MS=1000 GLOBAL_LOG_LEVEL=DEBUG consume reborn "$reborn" g-reborn
reborn_pid=$pid

until_true 30 says first 'reading partitions'
is "$(cat first.err)" "ccm-consume: group g-members: reading partitions 0-5 of $live" \
	'the only member of a group reads all partitions, and says so in a line'
consume second "$live" g-members
second=$pid
until_true 30 says second 'reading partitions'
until_true 30 says first 'reading partitions' 2
is "$(grep -hc 'reading partitions' first.err second.err | paste -sd ' ')" '2 1' \
	'when a second one joins, each has one line about its partitions'
is "$(sed -n 's/.*reading partitions \(.*\) of .*/\1/p' first.err second.err |
	tail -n 2 | sort | paste -sd ' ')" '0-2 3-5' 'which are half of them'
until_true 20 has_lines second.out 50

# Meanwhile: ends of kcat, and of ccm-consume itself.
until_true 30 has_lines term.out 100
for ((stops = 1; stops < 4; stops++)); do
	kill -TERM "$term"
	ended term
	[ "$status" -eq 0 ] || break
	lines=$(wc -l <term.out)
	consume term "$live" g-term
	term=$pid
	until_true 30 has_lines term.out $((lines + 100))
done
kill -TERM "$term"
ended term
is "$status" 0 'SIGTERM in the middle ends it with status 0'

until_true 30 has_lines kill.out 100
kill -KILL "$(kcat_of "$killed")"
until_true 30 says kill 'restarting it'
like "$(cat kill.err)" 'WARN: kcat has ended \(signal 9, Killed\); restarting it' \
	'a kcat that was killed is started again, which is a line'
until_true 30 says kill 'reading partitions' 2
lines=$(wc -l <kill.out)
until_true 30 has_lines kill.out $((lines + 100))
kcat=$(kcat_of "$killed")
kill -KILL "$killed"
ended kill
until_true 20 gone "$kcat"
ok $? 'where ccm-consume itself was killed, its kcat does not stay'
consume kill "$live" g-kill
killed=$pid

timeout 60 ccm-consume "$live" g-head 2>head.err </dev/null | head -n 100 >head.out
is "${PIPESTATUS[0]} $(wc -l <head.out) $(grep -vc 'reading partitions' head.err)" \
	'141 100 0' 'a reader that has enough ends it'

kill -TERM "$second"
ended second
is "$status" 0 'a member leaves by SIGTERM'
until_true 20 says first 'reading partitions 0-5' 2
ok $? 'and the one that stays has a line about all partitions'
consume third "$live" g-members
third=$pid
until_true 30 says third 'reading partitions'
until_true 20 has_lines third.out 50
kill -KILL "$third" "$(kcat_of "$third")"
until_true 30 says first 'reading partitions 0-5' 3
ok $? 'so when one is killed, as soon as it is missed'
is "$(grep -vc 'reading partitions' first.err) $(wc -l <first.err)" '0 5' \
	'there was one line for each of these, and no other'

client partitions "$growing" 3
client delete "$reborn"
for ((round = 0; round < 5; round++)); do
	records $((round * 100 + 1)) $((round * 100 + 100)) |
		ccm-produce "$growing" 2>/dev/null
done
until_true 30 says growing 'reading partitions 0-2'
until_true 30 has_lines growing.out 500
on "$growing" >wanted
account wanted growing.out
is "$lost $other $twice" '0 0 0' 'partitions that a topic gets are read, too'
kill -TERM "$growing_pid"

# ---- brokers that go and come back --------------------------------------------

if [ -n "$test_bootstrap" ]; then
	skip 'brokers that go and come back' 'these are not ours'
else
	# address NUMBER
	IFS=, read -ra addresses <<<"$plaintext"

	# coordinator GROUP: the number of the broker
	coordinator() {
		local hash=0 i c
		for ((i = 0; i < ${#1}; i++)); do
			printf -v c %d "'${1:i:1}"
			((hash = (31 * hash + c) & 0xffffffff))
		done
		((hash < 1 << 31)) || ((hash = (1 << 32) - hash))
		leader __consumer_offsets $((hash % 4))
	}

	# goes NUMBER SIGNAL NAME: it ends, and comes back when that was told
	goes() {
		local address=${addresses[$1 - 1]} lines
		lines=$(wc -l <steady.out)
		grep -v 'reading partitions' steady.err >before
		end_broker "$1" "$2"
		until_true 20 says steady "WARN: no answer from broker $address .*still trying$" ||
			echo "# no line about $address"
		until_true 30 has_lines steady.out $((lines + 300))
		ok $? "$3: reading goes on"
		start_broker "$1"
		until_true 60 brokers_are 3
		until_true 60 says steady "broker $address answers again$" ||
			echo "# no second line about $address"
		grep -v 'reading partitions' steady.err | diff before - |
			sed -n 's/^> ccm-consume: //p' | cut -c 1-60 >lines
		is "$(sed 's/ (.*//' lines)" "WARN: no answer from broker $address
broker $address answers again" 'one line that it is gone, one that it is back'
		: >steady.err
	}

	goes "$(coordinator g-steady)" TERM 'the broker that coordinates the group is restarted'
	goes "$(coordinator g-steady)" KILL 'the one that does it now is killed'

	for i in 1 2 3; do end_broker $i; done
	until_true 30 says steady 'WARN: no answer from broker' 3
	for i in 1 2 3; do start_broker $i; done
	until_true 60 brokers_are 3
	until_true 60 says steady 'answers again' 3
	lines=$(wc -l <steady.out)
	until_true 60 has_lines steady.out $((lines + 100))
	ok $? 'all brokers are killed and started again: reading goes on'
	is "$(grep -c 'WARN: no answer' steady.err) $(grep -c 'answers again' steady.err)" \
		'3 3' 'a line for each of them when it is gone, and when it is back'
	grep -vE 'no answer|answers again|reading partitions|restarting it' steady.err
	[ $? -eq 1 ] && has_lines steady.err 6 && ! has_lines steady.err 16
	ok $? 'and few others'
fi

# ---- what became of the records -------------------------------------------------

until_true 30 says reborn 'kcat has ended'
client create "$reborn" 2
until_true 20 known_to_all "$reborn" || echo "# not all brokers know the topic"
records 51 100 | ccm-produce "$reborn" 2>err
is "$?" 0 'a topic that is deleted and made anew is written to'
until_true 40 has_lines reborn.out 100 || tail -n 40 reborn.err | sed 's/^/# /'
records 1 100 | sort >wanted
account wanted reborn.out
is "$lost $other $twice" '0 0 0' '... and read on'
is "$(grep -c 'restarting it' reborn.err)" 1 'which is one line of warning'
kill -TERM "$reborn_pid"

touch stop
until_true 60 gone "$stream"
on "$live" >wanted
echo "# $(wc -l <wanted) records were sent meanwhile"

# all_but NUMBER FILE...
all_but() {
	[ "$(sort -u "${@:2}" | wc -l)" -ge $(($(wc -l <wanted) - $1)) ]
}
until_true 40 all_but 0 steady.out
until_true 10 all_but 0 kill.out
until_true 10 all_but 0 first.out second.out third.out

account wanted steady.out
is "$lost $other" '0 0' 'whatever happened to the brokers, nothing is missing'
echo "# $twice more than once"

account wanted first.out second.out third.out
is "$lost $other" '0 0' \
	'nor among the members of a group, one of which SIGTERM ended, and SIGKILL another'
echo "# $twice more than once"
account wanted kill.out
is "$lost $other" '0 0' 'nor where kcat or ccm-consume was killed, nor is a line torn'
# What it had read since it had committed last, twice: 5 s of 200 a second.
[ "$twice" -le 2400 ]
ok $? 'and what is there more than once was read since the last commit'
echo "# $twice more than once"

run ccm-consume -e "$live" g-term
account wanted term.out out
is "$lost $other $twice" '0 0 0' \
	"what SIGTERM has ended, $stops times, goes on where it was: nothing missing, nothing twice"

run ccm-consume -e "$live" g-head
account wanted head.out out
# The pipe's 64 KiB, and the record for which there was no room.
is "$other $(($(wc -c <missing) <= 65536 + 4096))" '0 1' \
	'after its reader has died, what stood in the pipe is missing, and no more'
echo "# $lost missing ($(wc -c <missing) bytes), $twice more than once"

kill -TERM "$steady" "$first" "$killed"
for name in steady first kill; do ended $name; done
committed_is "$live" g-steady
ok $? 'at the end its group stands where the topic ends'
is "$(ls tmp)" '' 'no file is left'

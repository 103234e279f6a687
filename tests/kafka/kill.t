#!/usr/bin/env bash
# A stray signal to kcat, ccm-produce or ccm-ship, KILLS times (20) at a random
# moment of a send: no file disappears from the spool whose records are not all
# on the topic. RANDOM_SEED repeats the moments.
# shellcheck disable=SC2154,SC2238 # status is tap.sh's, diff is a file
# shellcheck source=tests/kafka/broker.sh
. "$(dirname "$0")/broker.sh"
# shellcheck source=tests/moments.sh
. "$ROOT/tests/moments.sh"
use_brokers

seed=${RANDOM_SEED:-$((EPOCHSECONDS % 32768))}
RANDOM=$seed
echo "# RANDOM_SEED=$seed"

# fill_spool: two files, with values that were not there before
next=1
fill_spool() {
	local name
	for name in a b; do
		records $next $((next + 4999)) >"spool/$name.ndjson"
		((next += 5000))
		ccm-key <"spool/$name.ndjson" >>sent
	done
}

programs=(kcat ccm-produce ccm-ship)

# one_moment: a spool is sent, a file at a time, and one process of that gets a
# signal; then what is left is sent
one_moment() {
	local sid signal try
	fill_spool
	setsid ccm-ship -b 1 -1 spool ccm-produce "$topic" 2>>interrupted.err &
	sid=$!
	at_random_moment $sid "${programs[@]}"
	if ((${#members[@]} > 0)); then
		signal=TERM
		((RANDOM % 2)) || signal=KILL
		kill -s $signal "${members[RANDOM % ${#members[@]}]}" 2>/dev/null
	fi
	wait $sid 2>/dev/null
	for ((try = 0; try < 5; try++)); do
		ccm-ship -1 spool ccm-produce "$topic" 2>>rest.err && break
	done
	until_true 30 none_in_session $sid "${programs[@]}" || ((++lingering))
	[ -z "$(find spool -type f ! -name '.*')" ] || ((++unsent))
}

mkdir spool
make_topic kill-0 4
fill_spool
begin=${EPOCHREALTIME/./}
run ccm-ship -b 1 -1 spool ccm-produce "$topic"
duration=$((${EPOCHREALTIME/./} - begin))
is "$status" 0 'a send that nobody disturbs goes through'

times=${KILLS:-20}
hit=0 unsent=0 lingering=0
for ((done = 0; done < times; )); do
	: >sent
	make_topic "kill-$((done + 1))" 4
	for ((i = 0; i < 20 && done < times; i++, done++)); do one_moment; done
	sort sent >wanted
	holds "$topic" wanted "moments up to $done: what left the spool is on the topic"
done
is "$unsent unsent, $lingering lingering" "0 unsent, 0 lingering" \
	'the next runs send what is left, and no process stays'
((hit * 2 >= times))
ok $? "$hit of $times signals found a process"

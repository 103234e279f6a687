#!/usr/bin/env bash
# A stray signal to kcat, ccm-produce or ccm-ship, KILLS times (20) at a random
# moment of a send: no file disappears from the spool whose records are not all
# on the topic. RANDOM_SEED repeats the moments.
# shellcheck disable=SC2154,SC2238 # status is tap.sh's, diff is a file
# shellcheck source=tests/kafka/broker.sh
. "$(dirname "$0")/broker.sh"
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

# in_session SID: of its processes, those of the three programs, in $members
in_session() {
	local stat pid name rest field
	members=()
	for stat in /proc/[0-9]*/stat; do
		{ read -r pid name rest <"$stat"; } 2>/dev/null || continue
		read -ra field <<<"$rest"
		# behind the name: state, parent, process group, session
		case ${field[0]}$name${field[3]} in
		Z*) ;;
		?"(kcat)$1" | ?"(ccm-produce)$1" | ?"(ccm-ship)$1") members+=("$pid") ;;
		esac
	done
}

none_in_session() {
	in_session "$1"
	((${#members[@]} == 0))
}

# one_moment: a spool is sent, a file at a time, and one process of that gets a
# signal; then what is left is sent
one_moment() {
	local sid moment signal try
	fill_spool
	setsid ccm-ship -b 1 -1 spool ccm-produce "$topic" 2>>interrupted.err &
	sid=$!
	moment=$(((RANDOM * 32768 + RANDOM) % duration))
	printf -v moment '%d.%06d' $((moment / 1000000)) $((moment % 1000000))
	sleep "$moment"
	in_session $sid
	if ((${#members[@]} > 0)); then
		((++hit))
		signal=TERM
		((RANDOM % 2)) || signal=KILL
		kill -s $signal "${members[RANDOM % ${#members[@]}]}" 2>/dev/null
		((duration += duration / 20))
	else
		# It was over. The first send, before any moment, is a slow one.
		((duration -= duration / 4))
	fi
	wait $sid 2>/dev/null
	for ((try = 0; try < 5; try++)); do
		ccm-ship -1 spool ccm-produce "$topic" 2>>rest.err && break
	done
	until_true 30 none_in_session $sid || ((++lingering))
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

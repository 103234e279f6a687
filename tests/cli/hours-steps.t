#!/usr/bin/env bash
# ccm-hours is stopped before and after each of its file operations, each of
# them fails, and the power goes after each: no value is lost, and none is
# handed over twice.
#
# tests/hours-steps/hours-steps.c runs ccm-hours once for each operation and
# says what it checks. STEPS_OUT=DIR keeps its output there.
. "$(dirname "$0")/../tap.sh"

STEPS=$B/tests/hours-steps
export CCM_NOW=2025-09-02T12:30:00Z

# ASan wants to be loaded first.
preload=$(ldd "$B/bin/ccm-hours" | awk '$1 ~ /^lib[at]san/ { print $3 }')
preload=${preload:+$preload:}$STEPS/steps.so

# record PART HOUR: as tests/hours-steps/hour.c makes it
record() {
	printf '{"fields":{"value":1},"name":"%s","tags":{"hour":"%s:00:00Z"},"timestamp":%s000}\n' \
		"$1" "$2" "$(date -u -d "$2:00:00Z" +%s)"
}

body() {
	printf '{"part":"%s","hour":"%s:00:00Z"}\n' "$1" "$2"
}

# done_hour DIR HOUR: one that owes nothing
done_hour() {
	mkdir -p "$1/hours/$2Z"
	echo '{"bodies":2,"answered":2}' >"$1/hours/$2Z/stats.json"
}

# The window is 6 hours (-b 6): 06 to 11.

# Hours of every kind, after which a run exits 0.
make_quiet() {
	mkdir -p quiet/{work,hours,spool,status,rejected,cache}
	echo 2025-09-02T07Z >quiet/since
	# 04 and 05 have left the window, and are removed.
	done_hour quiet 2025-09-02T04
	done_hour quiet 2025-09-02T05
	# 07 owes a body; 08 is done; 09 to 11 are undone.
	done_hour quiet 2025-09-02T07
	body c 2025-09-02T07 >quiet/hours/2025-09-02T07Z/owed.ndjson
	done_hour quiet 2025-09-02T08
}

# The same, and what a run has to recover: the work of a killed run, an hour
# that was committed and not handed over, and no `since`.
make_hard() {
	local hours=hard/hours
	mkdir -p hard/{work/2025-09-02T11Z.killed,hours,spool,status}
	record x 2025-09-02T11 >hard/work/2025-09-02T11Z.killed/records.ndjson
	# 04 owes a body and has left the window; 05 was never done. Both are lost.
	done_hour hard 2025-09-02T04
	body c 2025-09-02T04 >$hours/2025-09-02T04Z/owed.ndjson
	echo 3 >hard/status/hours_lost
	# 06 has two rounds. The second one still owes, and is not handed over.
	done_hour hard 2025-09-02T06
	body c 2025-09-02T06 >$hours/2025-09-02T06Z/owed.ndjson
	record a 2025-09-02T06 >hard/spool/2025-09-02T06Z.001.ndjson
	cp -r $hours/2025-09-02T06Z{,.2}
	record b 2025-09-02T06 >$hours/2025-09-02T06Z.2/records.ndjson
	echo "r of 2025-09-02T06:00:00Z" >$hours/2025-09-02T06Z.2/rejected.ndjson
	body d 2025-09-02T06 >>$hours/2025-09-02T06Z.2/owed.ndjson
	# 07 to 11 are undone; 09 will owe, and 10 has a rejected value.
}

# A first run finds nothing.
make_empty() {
	mkdir empty
}

# undisturbed TEMPLATE [ARG]...: what is in the spool when a run exits 0
undisturbed() {
	local tries=0
	cp -r "$1" plain
	until ccm-hours -b 6 plain "$STEPS/hour" "${@:2}" 2>>err.plain; do
		[ "$((tries++))" -lt 5 ] || break
	done
	cat plain/spool/* | jq -r '.name + " " + .tags.hour[11:13]' | sort |
		paste -sd,
	rm -rf plain
}

# steps MODE TEMPLATE NAME [ARG]...
steps() {
	"$STEPS/hours-steps" -p "$preload" "$1" "$2" "$WORK/$1.$2" \
		ccm-hours -b 6 DIR "$STEPS/hour" "${@:4}" >out 2>err
	ok $? "$3 ($(tail -n 1 out))"
	[ -z "${STEPS_OUT-}" ] || cp out "$STEPS_OUT/$2.$1"
	grep 'twice$' out | sed 's/^/# /'
	rm -rf "$WORK/${1:?}.$2"
}

# all_steps TEMPLATE WHAT [ARG]...
all_steps() {
	local args=("${@:3}")
	steps before "$1" "$2: SIGKILL before each operation" "${args[@]}"
	steps after "$1" "$2: SIGKILL after each operation" "${args[@]}"
	steps term "$1" "$2: SIGTERM before each operation" "${args[@]}"
	steps EIO "$1" "$2: each operation fails with EIO" "${args[@]}"
	steps ENOSPC "$1" "$2: each operation fails with ENOSPC" "${args[@]}"
	steps full "$1" "$2: the disk is full from each operation on" "${args[@]}"
	steps power "$1" "$2: power loss after each operation" "${args[@]}"
	steps names "$1" "$2: power loss, unsynced files are empty" "${args[@]}"
	steps torn "$1" "$2: power loss, unsynced files are cut" "${args[@]}"
}

make_quiet
make_hard
make_empty

is "$(undisturbed quiet)" \
	"a 09,a 10,a 11,b 09,b 10,b 11,c 07" \
	"undisturbed runs hand over what is undone and owed"
is "$(undisturbed hard all)" \
	"a 06,a 07,a 08,a 09,a 10,a 11,b 06,b 07,b 08,b 09,b 10,b 11,c 06,c 09,e 06,e 09" \
	"undisturbed runs recover what a killed run left"

all_steps empty "a first run"
all_steps quiet "undone, owing and old hours"
all_steps hard "recovery, lost hours, rejected values" all

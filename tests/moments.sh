# shellcheck shell=bash
# Random moments of a run, for tests that kill. RANDOM seeded anew repeats them.
# shellcheck disable=SC2034 # hit is the test's

# in_session SID [NAME...]: the pids of those that are alive, of these programs
# only where some are named, in $members
in_session() {
	local file line name stat
	members=()
	for file in /proc/[0-9]*/stat; do
		{ read -r line <"$file"; } 2>/dev/null || continue
		# behind the name: state, parent, process group, session
		read -ra stat <<<"${line##*) }"
		[[ ${stat[3]} = "$1" && ${stat[0]} != Z ]] || continue
		name=${line#*\(}
		name=${name%)*}
		[[ $# -eq 1 || " ${*:2} " = *" $name "* ]] || continue
		members+=("${line%% *}")
	done
}

none_in_session() {
	in_session "$@"
	((${#members[@]} == 0))
}

# at_random_moment SID [NAME...]: sleeps for a part of $duration, microseconds,
# and looks who is in that session then: $members. $duration is what a run takes
# undisturbed; it follows that, since most moments are to be within a run. Those
# that were are counted in $hit.
at_random_moment() {
	local moment=$(((RANDOM * 32768 + RANDOM) % duration))
	printf -v moment '%d.%06d' $((moment / 1000000)) $((moment % 1000000))
	sleep "$moment"
	in_session "$@"
	if ((${#members[@]} > 0)); then
		((hit += 1, duration += duration / 20))
	else
		((duration -= duration / 4))
	fi
}

# shellcheck shell=bash
# ccm-consume in the background, for a test. Needs tap.sh.
# shellcheck disable=SC2034 # pid and status are the test's

# consume NAME ARGUMENT...: in the background, stdout to NAME.out and stderr
# to NAME.err, appended to what is there, status to NAME.status; its pid in $pid
consume() {
	local name=$1
	shift
	rm -f "$name.status" "$name.pid"
	(
		ccm-consume "$@" >>"$name.out" 2>>"$name.err" </dev/null &
		echo $! >"$name.pid"
		wait $! 2>/dev/null
		echo $? >"$name.status"
	) &
	started+=($!)
	until_true 10 [ -s "$name.pid" ]
	pid=$(cat "$name.pid")
	started+=("$pid")
}

# ended NAME: its status in $status
ended() {
	until_true 30 [ -s "$1.status" ]
	status=$(cat "$1.status")
}

# kcat_of PID: the pid of its kcat that reads
kcat_of() {
	local child children
	read -ra children 2>/dev/null <"/proc/$1/task/$1/children"
	for child in "${children[@]}"; do
		tr '\0' ' ' <"/proc/$child/cmdline" 2>/dev/null |
			grep -q '^kcat .* -E ' && echo "$child" && return
	done
	return 1
}

gone() { ! kill -0 "$1" 2>/dev/null; }
has_lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }

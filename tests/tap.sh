# shellcheck shell=bash
# The little that a command-line test needs, in the Test Anything Protocol.
#
# A test script sources this file, states facts with the functions below and
# ends; the plan is printed at exit. It runs in an empty directory of its own,
# with the programs under test first in PATH, and leaves no process behind:
# what it starts with `start` is ended by its pid.

# Two files that a test sources may both want this one.
if declare -F skip_all_because >/dev/null; then return; fi

set -uo pipefail

# In a PID namespace that has no /proc of its own, what a test looks up there by
# pid is another process. Root mounts a private one.
read -r pid_in_proc _ </proc/self/stat
if [ "$pid_in_proc" != "$$" ] && [ -z "${OWN_PROC:-}" ] && [ "$(id -u)" = 0 ]; then
	OWN_PROC=1 exec unshare --mount --propagation unchanged \
		sh -c 'mount --make-private /proc && mount -t proc proc /proc
		exec "$@"' sh "$BASH" "$0" "$@"
fi

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
B=${B:-build}
[[ $B = /* ]] || B=$ROOT/$B
export PATH="$B/bin:$PATH" LC_ALL=C.UTF-8 TZ=UTC
export PATH="$B/sim:$PATH"
export SIM=$B/sim
unset "${!CONFLUENT_@}" "${!KAFKA_@}" "${!CCM_@}" "${!SCHEMA_REGISTRY_@}" METRICS_TOPIC \
	METRICS_INGEST_TOPIC FLASK_ENV \
	MINUTE_TO_SCRAPE_AT GLOBAL_LOG_LEVEL JOURNAL_STREAM STATE_DIRECTORY
unset http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY

WORK=$(mktemp -d "${TMPDIR:-/tmp}/ccm-test.XXXXXX")
cd "$WORK" || exit 1
export HOME=$WORK CCM_RATE_DIR=$WORK/rate
tests=0
started=()

# of_this_test PID: where a process has ended, another one may have its number.
of_this_test() {
	[ "/proc/$1/cwd" -ef "$WORK" ] || grep -qsx "PPid:	$$" "/proc/$1/status"
}

finish() {
	local pid
	local tries=0
	for pid in "${started[@]}"; do
		! of_this_test "$pid" || kill "$pid" 2>/dev/null
	done
	for pid in "${started[@]}"; do
		# What does not end by itself is a failure, but not one to wait for.
		while of_this_test "$pid" && kill -0 "$pid" 2>/dev/null; do
			if ((++tries > 100)); then
				ok 1 "process $pid ends on SIGTERM"
				kill -9 "$pid"
				break
			fi
			sleep 0.1
		done
		wait "$pid" 2>/dev/null
	done
	cd / && rm -rf "$WORK"
	[ -n "${skip_all:-}" ] || echo "1..$tests"
}
trap finish EXIT

# skip_all_because REASON: before any fact; the whole file is skipped, by name.
skip_all_because() {
	skip_all=1
	echo "1..0 # SKIP $1"
	exit 0
}

# ok STATUS NAME: a fact that holds where STATUS is 0; otherwise the files
# out, err and diff of the working directory are shown.
ok() {
	tests=$((tests + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tests - ${2//#/\\#}"
	else
		echo "not ok $tests - ${2//#/\\#}"
		local f
		for f in out err diff; do
			[ -s "$f" ] && head -c 800 "$f" |
				awk -v f="$f" '{ print "# " f ": " $0 }'
		done
	fi
}

# skip NAME REASON: a fact that cannot be looked at here
skip() {
	tests=$((tests + 1))
	echo "ok $tests - ${1//#/\\#} # SKIP $2"
}

# is GOT WANTED NAME
is() {
	local status=0
	if [ "$1" != "$2" ]; then
		status=1
		printf '#    got: %s\n# wanted: %s\n' "${1//$'\n'/$'\n#         '}" \
			"${2//$'\n'/$'\n#         '}"
	fi
	ok "$status" "$3"
}

# like TEXT REGEX NAME
like() {
	local status=0
	if ! [[ $1 =~ $2 ]]; then
		status=1
		printf '#       got: %s\n# not match: %s\n' "${1//$'\n'/$'\n#            '}" "$2"
	fi
	ok "$status" "$3"
}

# run COMMAND...: stdout to the file out, stderr to err, status to $status.
run() {
	"$@" >out 2>err
	status=$?
}

# as_nobody COMMAND...: as a user who owns nothing, for root. The checkout may be
# out of that user's sight, so the programs are a copy.
as_nobody() {
	if [ ! -d "$WORK/programs" ]; then
		mkdir -p "$WORK/programs/lib"
		cp -r "$B/bin" "$B/share" "$WORK/programs"
		cp -r "$B/lib/ccm" "$WORK/programs/lib"
		chmod -R a+rX "$WORK/programs"
	fi
	PATH=$WORK/programs/bin:$PATH setpriv --reuid=65534 --regid=65534 \
		--clear-groups "$@"
}

# until_true SECONDS COMMAND...: waits until COMMAND succeeds; 1 if it did not.
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# start COMMAND...: runs it in the background; its pid is in $pid and it is
# ended when the test ends.
start() {
	"$@" &
	pid=$!
	started+=("$pid")
}

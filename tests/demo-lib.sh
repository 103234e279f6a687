# shellcheck shell=bash
# What the demonstrations share: the programs in PATH, a directory for what they
# leave ($work), and the simulators, which end with them.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
B=${B:-build}
[[ $B = /* ]] || B=$PWD/$B
export PATH="$B/bin:$PATH" LC_ALL=C.UTF-8 TZ=UTC
unset "${!CONFLUENT_@}" "${!KAFKA_@}" "${!CCM_@}" \
	"${!SCHEMA_REGISTRY_@}" METRICS_TOPIC METRICS_INGEST_TOPIC STATE_DIRECTORY FLASK_ENV

work=$(mktemp -d "${TMPDIR:-/tmp}/ccm-demo.XXXXXX")
pids=()
clean_up() {
	local pid
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || :; done
	for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || :; done
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

# start FILE COMMAND...: a simulator; waits for the address that it writes
start() {
	local file=$work/$1 i
	shift
	"$@" >"$file" 2>>"$work/simulators.log" &
	pids+=($!)
	for ((i = 0; i < 200; i++)); do
		[ ! -s "$file" ] || return 0
		sleep 0.05
	done
	echo "$1 does not start" >&2
	exit 1
}

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

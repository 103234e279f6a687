# shellcheck shell=bash
# The simulated schema registry, for a test. Needs tap.sh.
# shellcheck source=tests/http.sh
. "$ROOT/tests/http.sh"

# start_registry [OPTION...]: SCHEMA_REGISTRY_URL is its URL; its pid in
# $registry_pid
start_registry() {
	: >registry.url
	start "$SIM/sim-registry" "$@" >registry.url
	# shellcheck disable=SC2154,SC2034 # tap.sh's, and the caller's
	registry_pid=$pid
	until_true 10 [ -s registry.url ] || echo "# sim-registry does not start"
	SCHEMA_REGISTRY_URL=$(<registry.url)
	export SCHEMA_REGISTRY_URL
}

# registry METHOD WHAT [BODY]: steers it; the answer's body is written
registry() {
	local url authorization='' content_type='' code body
	url=$(grep -o 'http://[^/]*' registry.url)
	http "$1" "/sim/$2" "${3-}"
	[ "$code" = 200 ] || echo "# sim-registry does not obey: $1 $2: $code" >&2
	printf '%s' "$body"
}

# registry_fault RULE...: JSON objects
registry_fault() {
	local IFS=,
	registry DELETE faults
	registry POST faults "[$*]"
}

# asked: the requests since the last time, a line each. They are forgotten before
# they are written: who reads them may want the first one only.
asked() {
	local lines
	lines=$(registry GET log)
	registry DELETE log
	printf '%s\n' "$lines"
}

# shellcheck shell=bash
# What the tests of ccm-ingestd share. They source tap.sh before.
# shellcheck disable=SC2034,SC2154,SC2120 # variables are the test's, or tap.sh's

unset NOTIFY_SOCKET WATCHDOG_USEC LISTEN_PID LISTEN_FDS
# One that a test machine has, whatever its disk.
export CCM_SPOOL_FREE_MIN=1K

metric='{"name":"cpu_usage","value":75.5,"timestamp":1756900800000,"tags":{"host":"server1","environment":"production"},"profileId":"profile123"}'

# start_ingestd [ARG]...: on a free port, with the spool spool/ and what the
# environment says; its pid is in $ingestd, its address in $at, its URL in $url.
start_ingestd() {
	: >ingestd.err
	start ccm-ingestd -l 127.0.0.1:0 -s spool "$@" 2>ingestd.err
	ingestd=$pid
	until_true 20 grep -q 'listening on 127' ingestd.err || cat ingestd.err >&2
	at=$(sed -n 's/.*listening on \(127.*\)/\1/p' ingestd.err)
	url=http://$at
}

# stop_ingestd [SIGNAL]: and waits for its end; its exit status is in $status
stop_ingestd() {
	kill -"${1:-TERM}" "$ingestd"
	wait "$ingestd" 2>/dev/null
	status=$?
}

# post APP BODY [CURL OPTION]...: BODY may be @FILE. The answer's head is in the
# file head, its body in out, its status in $code.
content_type=application/json
post() {
	code=$(curl -sS -o out -D head -w '%{http_code}' -H "Content-Type: $content_type" \
		--data-binary "$2" "${@:3}" "$url/api/v2/app/$1/metrics" 2>err)
}

# get PATH [CURL OPTION]...: the same
get() {
	code=$(curl -sS -o out -D head -w '%{http_code}' "${@:2}" "$url$1" 2>err)
}

# header NAME: its value in the file head
header() { sed -n "s/^$1: \(.*\)\r$/\1/Ip" head; }

# spooled: the lines of the spool, those of files that are open too. A file may
# be renamed meanwhile, so those are listed first, and all is read again then.
spooled() {
	local open whole
	shopt -s nullglob
	while :; do
		open=(spool/.*.open)
		whole=(spool/*.ndjson)
		((${#open[@]} + ${#whole[@]} > 0)) || break
		cat "${whole[@]}" "${open[@]}" >"$WORK/spooled" 2>/dev/null || continue
		cat "$WORK/spooled"
		break
	done
	shopt -u nullglob
}
handed_over() { [ -z "$(find spool -name '.*.open')" ] && [ -n "$(find spool -name '*.ndjson')" ]; }

# raw [OPTION]...: the bytes of stdin to the daemon, and what comes back
raw() { "$ROOT/tests/raw-client.pl" "$@" "$at"; }

#!/usr/bin/env bash
# The EXAMPLES of the manual pages do what they say. Those of ccm-ship,
# ccm-produce, ccm-consume and ccm-scrape are in the tests of these.
. "$(dirname "$0")/../simulators.sh"

# examples PAGE: each command on a line of its own, a tab, and what the page
# says that it writes, with "\n" for newlines.
examples() {
	awk '/^\.Sh/ { inside = $2 == "EXAMPLES" }
		!inside { next }
		/^\.Bd/ { text = 1; next }
		/^\.Ed/ { if (command != "") print command "\t" output
			text = 0; command = output = ""; more = 0; next }
		!text { next }
		{ gsub(/\\e/, "\\"); line = $0 }
		more { command = command " " line }
		!more && /^\$ / { if (command != "") print command "\t" output
			command = substr(line, 3); output = "" }
		!more && !/^\$ / { output = output line "\\n" }
		{ more = command ~ /[\\|]$/ && (more || /^\$ /)
			sub(/\\$/, "", command) }' "$ROOT/tools/$1.1"
}

start_cloud
export KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1
unset CCM_NOW # the API's own clock stands still, "now" is its
cloud POST now '{"now":null}' >/dev/null
point='{"metric":"m","resource.kafka.id":"lkc-1","timestamp":"2025-09-02T00:00:00Z","value":1}'
printf '%s\nbad\n' "$point" >points.ndjson
echo 'm{a="b",} 1 1756900800000' | tee export.1 >export.2
printf '%s\n' "$point" | ccm-normalize >records.ndjson

for page in ccm-fetch ccm-hours ccm-normalize ccm-key ccm-promfmt ccm-linefmt ccm-json ccm-env; do
	count=0
	while IFS=$'\t' read -r command output; do
		count=$((count + 1))
		# The simulated clusters have longer names.
		command=${command//lkc-1,lkc-2/lkc-0001,lkc-0002}
		command=${command//kafka.id=lkc-1/kafka.id=lkc-0001}
		run bash -o pipefail -c "$command" </dev/null
		expected=0
		[[ $command != *'-s -t principal_id'* && $command != *'"acks":1'* ]] || expected=65
		is "$status" "$expected" "$page: $command"
		[ -z "$output" ] || is "$(cat out err)" "$(printf '%b' "$output")" "... writes what the page says"
	done < <(examples $page)
	ok $((count == 0)) "$page has examples"
done

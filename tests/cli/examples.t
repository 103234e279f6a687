#!/usr/bin/env bash
# The EXAMPLES of the manual pages do what they say. Those of ccm-ship,
# ccm-produce, ccm-consume and ccm-scrape are in the tests of these. Of the others,
# what needs an instance of systemd is left out.
. "$(dirname "$0")/../simulators.sh"

# shellcheck source=tests/man.sh
. "$ROOT/tests/man.sh"

start_cloud
start_kafka -b 1
unset CCM_NOW # the API's own clock stands still, "now" is its
cloud POST now '{"now":null}' >/dev/null
point='{"metric":"m","resource.kafka.id":"lkc-1","timestamp":"2025-09-02T00:00:00Z","value":1}'
printf '%s\nbad\n' "$point" >points.ndjson
echo 'm{a="b",} 1 1756900800000' | tee export.1 >export.2
printf '%s\n' "$point" | ccm-normalize >records.ndjson

for page in ccm-fetch ccm-hours ccm-normalize ccm-key ccm-promfmt ccm-linefmt ccm-json ccm-env ccm-check ccm-send ccm-status; do
	count=0
	while IFS=$'\t' read -r command output; do
		[[ $command != *' prod' ]] || continue
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

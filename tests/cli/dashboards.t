#!/usr/bin/env bash
# The dashboards in a real Prometheus: every query finds its series, and totals
# are the API's, whatever the scrape interval is, with timestamps and without.
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

dashboards=("$ROOT"/pipelines/dashboards/*.json)
for file in "${dashboards[@]}"; do
	name=${file##*/}
	name=${name%.json}
	jq -n -L "$ROOT/pipelines/dashboards" --arg name "$name" \
		-f "$ROOT/pipelines/dashboards/dashboards.jq" | diff - "$file" >"diff"
	ok $? "$name is what dashboards.jq says (make dashboards)"
done
jq -r '.uid' "${dashboards[@]}" | sort | uniq -d >out
is "$(<out)" '' 'each dashboard has an id of its own'
is "$(jq -r '.uid as $uid | .panels[] | select(.type != "row") | "\($uid) \(.title)"' "${dashboards[@]}" | sort | uniq -d)" \
	'' '... and each panel on it a title of its own'
is "$(jq -r '.panels[] | select(.type != "row" and .description == "") | .title' "${dashboards[@]}")" \
	'' 'each panel has a description'
is "$(jq -r '.panels[].targets[]?.expr' "${dashboards[@]}" |
	grep -E '\<(instance|job)\>|(rate|increase)\([^)]*confluent_')" '' \
	'no query names an instance or a job, or takes the rate of a delta'

# prometheus_with VARIANT: one that has these samples; its address is in $url.
prometheus_with() {
	/usr/bin/python3 "$ROOT/tests/dashboards/samples.py" "$1" >samples &&
		promtool tsdb create-blocks-from openmetrics samples "data-$1" >out 2>err || return
	: >"log-$1"
	start prometheus --config.file=/dev/null --storage.tsdb.path="data-$1" \
		--storage.tsdb.retention.time=100y --web.listen-address=127.0.0.1:0 2>>"log-$1"
	until_true 60 grep -q 'Server is ready' "log-$1" || return
	url=http://$(grep -oP 'Listening on" address=\K\S+' "log-$1")
}

for variant in timestamps 15 30 60; do
	prometheus_with "$variant"
	ok $? "Prometheus has an hour of samples: $variant"
	run env PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 \
		"$ROOT/tests/dashboards/queries.py" "$url" "$variant" "${dashboards[@]}"
	ok "$status" "... and answers all queries"
	mv out facts
	: >err
	while read -r wrong fact; do
		ok "$wrong" "$variant: $fact"
	done <facts
	kill "$pid"
	wait "$pid"
done

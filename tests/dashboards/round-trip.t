#!/usr/bin/env bash
# The dashboards, through Grafana's own SDK and back.
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

round_trip() { "$ROOT/$SDK_DIR/venv/bin/python" "$ROOT/tests/dashboards/round-trip.py" "$1" >out 2>err; }

for file in "$ROOT"/pipelines/dashboards/*.json; do
	round_trip "$file"
	ok $? "${file##*/} is unchanged by a round trip"
done

# It can fail: a misspelled key, at any depth, is lost.
for change in '.refesh = "1m"' '.panels[0].tilte = ""' '.panels[0].options.colourMode = "value"' \
	'.panels[0].targets[0].expression = "up"' '.templating.list[1].mutli = true' \
	'.panels[7].fieldConfig.defaults.custom.fillOpactiy = 1'; do
	jq "$change" "$ROOT/pipelines/dashboards/confluent-kafka.json" >changed.json
	round_trip changed.json
	is $? 1 "it finds $change"
done

#!/usr/bin/env bash
# ccm-metrics(7) describes each metric that the dashboards and the rules use, each
# that the API is known to have, and each of ccm's own.
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

page=$ROOT/tools/ccm-metrics.7
# section REGEX: the names in the items of these sections, sorted
section() {
	awk -v wanted="$1" '/^\.S[sh]/ { in_it = $0 ~ wanted } in_it && /^\.It Ic/ { print $3 }' "$page" | sort
}
section 'Kafka clusters|Connectors|ksqlDB|Schema Registry|Flink' >verified
section Unverified >unverified
section 'About a scrape|exporter|agent' >own
sort verified unverified own >described
is "$(uniq -d described)" '' "it has $(wc -l <described) metrics, each once"

# names FILE...: of metrics that PromQL selects; names of recorded series and of
# labels have no such prefix, or a colon.
names() {
	grep -ohP '(?<![\w:])(confluent_(kafka|flink|scrape)|ccm|export_status)\w*(?![\w:.])' "$@" |
		grep -vx 'ccm\|ccm_instance' | sort -u
}
jq -r '.panels[].targets[]?.expr' "$ROOT"/pipelines/dashboards/*.json >queries
grep -v '^ *\(#\|action\|summary\|description\)' "$ROOT"/pipelines/dashboards/*.rules.yml >rules
names queries rules >used
is "$(comm -13 described used)" '' "... all of the $(wc -l <used) that dashboards and rules use among them"
is "$(grep -v '^ *#' "$ROOT/pipelines/dashboards/confluent.rules.yml" | names | comm -12 - unverified)" '' \
	'no unverified one is in confluent.rules.yml'
for file in "$ROOT"/pipelines/dashboards/*.json; do
	# The panels before the row of that name, which is the last one.
	jq -r '.panels | map(.title | startswith("Unverified")) | index(true) // length' "$file" >row
	jq -r --argjson row "$(<row)" '.panels[:$row][].targets[]?.expr' "$file" >main
	is "$(names main | comm -12 - unverified)" '' "nor on ${file##*/}, above the row of these"
done

# What the simulated API has is what is known of the real one. Of Tableflow and
# Kafka Streams there are names only.
tr -d '\n' <"$ROOT/tests/sim/sim-cloud/catalogue.c" | sed 's/"[[:space:]]*"//g' |
	grep -oP '\{"io\.\Kconfluent\.[^"]*' | grep -v 'tableflow\|kafka\.streams' |
	tr ./ __ | sort -u >api
ok $(($(wc -l <api) < 90)) "the API is known to have $(wc -l <api) metrics"
sort verified unverified | diff - api >"diff"
ok $? '... and the page has these, and no others'

grep -oP 'family\("\K\w+' "$ROOT/pipelines/status-show.jq" | sort >agent
is "$(comm -23 agent described)" '' "it has all of ccm-status -p"
is "$(section agent | comm -3 - agent)" '' '... and no others'

figures=$ROOT/pipelines/export-figures.jq
if [ -e "$figures" ]; then
	grep -oP 'metric\("\K\w+' "$figures" | sort >exporter
	is "$(section exporter | comm -3 - exporter)" '' '... and those of ccm-export, and no others'
else
	skip '... and those of ccm-export, and no others' 'no ccm-export in this tree'
fi

# DataKit's page has 13.
section DataKit >datakit
is "$(wc -l <datakit)" 13 "it has the 13 metrics of DataKit's page"
is "$(sed 's/^/confluent_/' datakit | comm -23 - verified)" '' '... by the names that they have there'

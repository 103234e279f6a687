#!/usr/bin/env bash
# The examples for Prometheus and DataKit are read by what they are for.
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

examples=$ROOT/pipelines/examples
# The rules are where the package has them.
for file in "$examples"/prometheus-*.yml; do
	sed "s|/usr/share/ccm/|$B/share/ccm/|" "$file" >config.yml
	run promtool check config config.yml
	ok "$status" "promtool loads ${file##*/}"
	like "$(<out)" "$B/share/ccm/dashboards/confluent.rules.yml.*SUCCESS: [0-9]+ rules found" \
		'... with the rules'
done

cat >toml.py <<'PYTHON'
import json, sys, tomllib
print(json.dumps(tomllib.load(open(sys.argv[1], "rb"))))
PYTHON
for file in "$examples"/confluent_cloud*.conf; do
	run /usr/bin/python3 toml.py "$file"
	ok "$status" "${file##*/} is TOML"
	is "$(jq -c '.inputs.prom[] | [.source, .interval, (.urls | length)]' out)" \
		'["confluent_cloud","60s",1]' '... with a source, an interval and a URL of the input'
	cp out "${file##*/}.json"
done
# As the API knows them, and as ccm-fetch sends them.
jq -r '.inputs.prom[0].urls[0]' confluent_cloud.conf.json >url
/usr/bin/python3 -c 'import sys, yaml; print("\n".join(
	yaml.safe_load(open(sys.argv[1]))["scrape_configs"][0]["params"]))' \
	"$examples/prometheus-direct.yml" | sort >params
is "$(sed 's/.*?//' url | tr '&' '\n' | sed 's/=.*//' | sort)" "$(<params)" \
	'DataKit and Prometheus ask the API for the same types of resources'
is "$(<params)" 'resource.compute_pool.id
resource.connector.id
resource.kafka.id
resource.ksql.id
resource.schema_registry.id' '... each that ccm has a list of ids for'
is "$(jq -r '.inputs.prom[0].http_headers.Authorization | ltrimstr("Basic ") | @base64d' confluent_cloud.conf.json)" \
	KEY:SECRET "DataKit's header is what Basic authentication asks for"

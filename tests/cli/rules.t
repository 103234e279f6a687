#!/usr/bin/env bash
# The Prometheus rules, with promtool: each alert fires and resolves, whatever the
# scrape interval is, with the API's timestamps and without.
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

rules=("$ROOT"/pipelines/dashboards/*.rules.yml "$ROOT"/pipelines/examples/*.rules.yml)
for file in "${rules[@]}"; do
	run promtool check rules "$file"
	ok "$status" "promtool reads ${file##*/}"
done

# The texts of the rules, a line each: ALERT, a tab, KEY, a tab, TEXT.
/usr/bin/python3 - "${rules[@]}" >texts <<-'PYTHON'
	import sys, yaml
	for path in sys.argv[1:]:
	    for group in yaml.safe_load(open(path))["groups"]:
	        for rule in group["rules"]:
	            for key, text in rule.get("annotations", {}).items():
	                print(rule["alert"], key, text, sep="\t")
PYTHON
grep -hoP 'alert: \K\w+' "${rules[@]}" | sort >alerts
is "$(uniq -d alerts)" '' "each of the $(wc -l <alerts) alerts has a name of its own"
for key in summary action; do
	is "$(awk -F'\t' -v key="$key" '$2 == key && $3 != "" { print $1 }' texts | sort | comm -13 - alerts)" \
		'' "each alert has: $key"
done
is "$(grep -oP 'alert: \K\w+' "$ROOT"/pipelines/dashboards/*unverified* | sort |
	comm -13 <(awk -F'\t' '$2 == "description" && $3 ~ /^Guess: / { print $1 }' texts | sort) -)" \
	'' '... and one on an unverified metric says what was guessed'

mkdir variants
run "$ROOT/tests/rules/variants.py" variants "$ROOT"/tests/rules/*.yml
ok "$status" 'the tests of the rules, as other scrapes store the samples'
sort -u out >seen
for variant in scrape-15 scrape-30 scrape-60 late-5 late-6; do
	is "$(sed -n "s/^$variant //p" seen | comm -13 - alerts)" '' \
		"each alert has a test that it fires and resolves: $variant"
done
# The labels that an alert's texts name are labels that it has when it fires.
while IFS=$'\t' read -r alert _ text; do
	# shellcheck disable=SC2016 # of a template
	grep -oP '\$labels\.\K\w+' <<<"$text" | sed "s/^/label $alert /"
done <texts | sort -u | comm -23 - seen >unknown
is "$(<unknown)" '' 'no text of an alert names a label that it has not'

# Each of them is a process that takes seconds: two at a time.
# shellcheck disable=SC2016 # for the shell that xargs starts
find variants -name '*.json' -print0 | sort -z |
	xargs -0 -n 1 -P 2 sh -c 'promtool test rules "$1" >"$1.out" 2>&1
		echo $? >"$1.status"' sh
for file in variants/*.json; do
	cp "$file.out" out
	name=${file##*/}
	name=${name%.json}
	ok "$(<"$file.status")" "${name%.*}, ${name##*.}"
done

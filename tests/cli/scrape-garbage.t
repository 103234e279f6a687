#!/usr/bin/env bash
# ccm-scrape with garbage in its state directory: it is reported, costs at most
# what it held, and is never run.
# shellcheck disable=SC2016 # the garbage is text
# shellcheck source=tests/simulators.sh
. "$(dirname "$0")/../simulators.sh"

start_kafka -b 1
start_cloud -c 3
ccm-scrape 2>err
is "$(hours)" 2025-09-02T00Z "there is a state"

# A program that tells whether it was run
mkdir evil
printf '#!/bin/sh\ntouch %s/was-run\n' "$WORK" >evil/id
chmod +x evil/id
PATH=$WORK/evil:$PATH

hour=1
while IFS='|' read -r file content; do
	forget_topic
	printf -v hour %02d $((10#$hour))
	expect "$hour"
	printf %b "$content" >"$STATE_DIRECTORY/$file"
	run ccm-scrape
	is "$status" 0 "$file holds \"$content\": status 0"
	as_wanted "... the hour is done"
	[ ! -e was-run ]
	ok $? "... and nothing was run"
	hour=$((10#$hour + 1))
done <<'END'
status/hours_lost|PATH[$(id)]\n
status/hours_lost|
status/hours_lost|\0377\0000x
since|
since|yesterday\n
since|$(id)
status/last-run.json|{"totals":
status/last-run.json|PATH[$(id)]
END
like "$(last_run .exit)" 0 "... and the report is good again"

# ---- a bad line among what is owed

forget_topic
printf -v hour %02d $((10#$hour))
printf -v next %02d $((10#$hour + 1))
expect "$hour" "$next"
at "$next"
fault '{"match":"retained_bytes","times":-1,"fault":{"status":503}}'
ccm-scrape 2>err
no_faults
sed -i '1i {"garbage' "$STATE_DIRECTORY/hours/2025-09-02T${hour}Z/owed.ndjson"
at "$(printf %02d $((10#$next + 1)))"
run ccm-scrape
is "$status" 65 "a bad line among what an hour owes: status 65"
as_wanted "... the good line and the next hour are on the topic, once"
is "$(last_run .owed_bodies)" 0 "... nothing is owed any more"
is "$(head -n 1 "$STATE_DIRECTORY/hours/2025-09-02T${hour}Z/owed.ndjson.bad")" '{"garbage' \
	"... and the bad line is kept"
run ccm-scrape
is "$status" 0 "... the next run: status 0"

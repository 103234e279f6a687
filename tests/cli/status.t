#!/usr/bin/env bash
# ccm-status: what runs leave, and what is made of it.
# shellcheck source=tests/simulators.sh
. "$(dirname "$0")/../simulators.sh"

# ---- invented instances

# instance NAME LAST_HOUR [JQ]: one that has done hours up to that one of the
# day, and ran five minutes after it; JQ changes the report.
instance() {
	local dir=lib/$1 hour
	mkdir -p "$dir"/{hours,spool/bad,status,work}
	for ((hour = $2 > 3 ? $2 - 3 : 0; hour <= $2; hour++)); do
		mkdir "$dir/hours/$(printf 2025-09-02T%02dZ "$hour")"
	done
	jq -n -c --arg time "$(printf 2025-09-02T%02d:05:09Z $(($2 + 1)))" '
		{time: $time, exit: 0, hours: ["H"], requests: 12, throttled: 0,
		refused_resources: [], records: 390, rejected: 0, owed_bodies: 0,
		hours_lost: 0, hours_undone: 0, minute: 5, ships: true,
		started: ($time | sub("09Z"; "00Z")),
		totals: {since: "2025-08-01T00:05:00Z", runs: 700, hours: 701,
			requests: 8400, throttled: 3, records: 273000, rejected: 1}}
		| '"${3-.}" >"$dir/status/last-run.json"
	echo '{"state":"idle","since":"2025-09-02T12:00:00Z","backlog":{"files":0,"bytes":0},"bad":0,"sent":{"files":1,"bytes":1}}' \
		>"$dir/spool/.status"
}

# report OPTION...: of these instances, at 14:30
report() { CCM_NOW=2025-09-02T14:30:00Z run ccm-status -d lib "$@"; }
# of NAME JQ: of what -j says of one
of() { jq -c --arg name "$1" "select(.instance == \$name) | $2" out; }
metric() { grep "^$1{" out; }

instance good 13
report -j
is "$status" 0 "-j: status 0"
is "$(of good '[.status, .problems, .last_hour_published, .age_seconds]')" \
	'["ok",[],"2025-09-02T13Z",1800]' "an instance that is well: the hour that ended half an hour ago is published"
is "$(of good '.last_run | [.requests, .throttled, .records, .rejected, .seconds, .age_seconds]')" \
	'[12,0,390,0,9,1491]' "... what its last run did"
is "$(of good '.totals.requests, .hours_lost')" $'8400\n0' "... and all of them"
is "$(of good .next_run)" '"2025-09-02T15:05:00Z"' "... the next run is at its minute"
is "$(of good 'keys_unsorted | join(" ")')" \
	'"instance directory status problems last_hour_published age_seconds last_run totals hours_undone hours_lost owed_bodies rejected_files clock_skew_seconds spool export last_error next_run"' \
	"... the keys are these"
report
is "$status" 0 "the table: status 0"
like "$(<out)" $'^INSTANCE +PUBLISHED +AGE .*\ngood +09-02 13Z +30m +12 +0 +0 +390 .* 15:05$' "the table: a line for it"
report -c
is "$status" 0 "-c: status 0"
is "$(<out)" "CCM OK - 1 instance, the last hour published ended 30m ago | 'good_age'=1800s;9000;21600;0 'good_spool'=0;;;0 'good_lost'=0c;;;0" \
	"-c: one line, with performance data"

# ---- the exporter

# exports NAME DIRECTORY JQ: what ccm-export has left, a minute ago, in JQ's way
exports() {
	instance "$1" 13
	mkdir -p "$2/export/kafka/bad"
	jq -n -c "{runs: 9, last_run: (now - 60 | floor), last_success: (now - 60 | floor), last_status: 0,
		requests: 9, throttled: 1, samples: 90, stale: 0, refused: 0, held: 0,
		newest: {\"resource.kafka.id\": ((now - 360 | floor) * 1000)}, dropped: {kafka: 2}} | $3" \
		>"$2/export/totals.json"
}
problems() { of "$1" '[.problems[].code]'; }
exports exporting lib/exporting .
exports apart lib-export/apart .
exports idle lib/idle '.last_run -= 600'
exports old lib/old '.newest = {"resource.kafka.id": ((now - 3000 | floor) * 1000)} | .refused = 2'
exports wrong lib/wrong '.last_status = 78'
exports full lib/full .
echo x >lib/full/export/kafka/000001
touch -d '20 minutes ago' lib/full/export/kafka/000001
echo x >lib/full/export/kafka/bad/000000
report -j
is "$(of good .export)" null "an instance that does not export has no exporter"
is "$(of exporting '[.status, .export.exit, .export.requests, .export.dropped_files, .export.queue.files]')" \
	'["ok",0,9,2,0]' "one that does: what it did"
is "$(of exporting '.export.newest_sample_age_seconds | . >= 360 and . < 400')" true "... how old its newest sample is"
is "$(of apart .export.samples)" 90 "... also where systemd has it apart"
is "$(problems idle) $(problems old) $(problems wrong) $(problems full)" \
	'["no-export"] ["export","export-refused"] ["export"] ["export-queue","export-bad"]' "what is wrong with it shows"
is "$(of wrong .status)" '"critical"' "... wrong settings are critical"
rm -rf lib/{exporting,apart,idle,old,wrong,full} lib-export

# ---- published is what Kafka has acknowledged

instance away 13 '.ships = false'
head -c 5000 /dev/zero >lib/away/spool/2025-09-02T12Z.001.ndjson
echo x >lib/away/spool/2025-09-02T13Z.001.ndjson
echo x >lib/away/spool/.hidden
touch -d '3 hours ago' lib/away/spool/2025-09-02T12Z.001.ndjson
echo '{"state":"waiting","since":"2025-09-02T12:00:00Z","last_error":"no broker answered","last_error_since":"2025-09-02T12:10:00Z"}' \
	>lib/away/spool/.status
start flock -F lib/away/spool/.lock sleep 1000
instance late 13
mkdir lib/late/hours/2025-09-02T11Z.2
echo x >lib/late/spool/2025-09-02T11Z.002.ndjson
instance between 13
echo x >lib/between/hours/2025-09-02T13Z/records.ndjson
instance first 0
echo x >lib/first/spool/2025-09-02T00Z.001.ndjson
instance dead 13 '.ships = false'
echo x >lib/dead/spool/2025-09-02T13Z.001.ndjson
: >lib/dead/spool/.lock
until_true 10 grep -q ":$(stat -c %i lib/away/spool/.lock) " /proc/locks
report -j
is "$(of away '[.last_hour_published, .age_seconds]')" '["2025-09-02T11Z",9000]' \
	"an hour whose file waits in the spool is not published, nor is one behind it"
is "$(of away '.spool | [.files, .bytes, .oldest_hour, .age_seconds >= 10800, .state]')" \
	'[2,5002,"2025-09-02T12Z",true,"waiting"]' "... the backlog is told, and its age"
is "$(of away .last_error)" '{"time":"2025-09-02T12:10:00Z","from":"ccm-ship","message":"no broker answered"}' \
	"... and the reason"
like "$(of away '[.problems[].message] | join("; ")')" 'ended 2h30 ago.*2 files \(4.8K\) for Kafka, the oldest 3h00 old: no broker answered' \
	"... as what is wrong"
is "$(of late .last_hour_published)" '"2025-09-02T10Z"' "a late part of an older hour that waits counts too"
is "$(of between .last_hour_published)" '"2025-09-02T12Z"' "an hour on its way to the spool is not published"
is "$(of first '[.last_hour_published, .age_seconds, .status]')" '[null,52200,"critical"]' \
	"where nothing was ever published, its age is that of the hour before the first"
is "$(of first '.problems[0].message')" '"no hour published yet; the oldest that waits for Kafka, 2025-09-02T00Z, began 14h30 ago"' \
	"... and it says so"
like "$(of dead '.problems[].message')" 'no ccm-ship is at work' "a spool that nobody empties is reported"
is "$(of dead '[.spool.shipper, .spool.state, .problems[].code]')" '["absent","idle","spool"]' "... by a code, too"
is "$(of away '.spool.shipper')" '"running"' "... and so is the shipper that is there"
report -c good away
is "$status" 1 "-c: an age of 9000 s is a warning: status 1"
like "$(<out)" '^CCM WARNING - away: the last hour published is 2025-09-02T11Z.*; away: .*no broker answered \| ' "... which says what is wrong"
report -c -C 9000 good away
is "$status" 2 "-C 9000: it is critical: status 2"
report -c -w 1800 good
is "$status" 1 "-w 1800: half an hour is a warning"
report -c -w 9000 first
is "$status" 2 "-c: an age of 21600 s and more is critical: status 2"
rm -rf lib/{away,late,between,first,dead}

# ---- what is wrong

# wrong STATUS REGEX NAME JQ: an instance whose last run says so
wrong() {
	rm -rf lib/bad
	instance bad 13 "$4"
	report -c bad
	like "$status $(<out)" "^$1 CCM [A-Z]+ - bad: .*$2" "$3"
}
wrong 1 'the API refuses lkc-1, lkc-2' "refused ids are named" \
	'.exit = 77 | .refused_resources = ["lkc-1","lkc-2"]'
wrong 1 'still owes an answer: 2' "owed queries" '.exit = 75 | .owed_bodies = 2'
wrong 1 'not done yet: 3' "undone hours" '.exit = 75 | .hours_undone = 3'
wrong 1 'lost to CCM_BACKFILL_HOURS 2h30 ago' "hours that were lost today" \
	'.hours_lost = 5 | .last_lost = "2025-09-02T12:00:00Z"'
wrong 2 'ended with 78: the key is missing' "a run that the configuration stopped is critical" \
	'.exit = 78 | .last_error = {time, message: "the key is missing"}'
wrong 1 'ended with 69' "any other exit status" '.exit = 69'
wrong 3 'lacks its time' "a report without what it should have" 'del(.time)'
instance old 9
report -c old
like "$status $(<out)" '^1 .*there was no run for 4h24' "no run for longer than -w"
rm -rf lib/old lib/bad
instance bad 13 '.hours_lost = 5 | .last_lost = "2025-08-02T12:00:00Z"
	| .last_error = {time: "2025-08-02T12:00:00Z", message: "hours lost: 5"}'
report
is "$status $(grep -c WARNING out)" '0 0' "hours that were lost a month ago are no problem"
like "$(<out)" 'note  last error at 2025-08-02T12:00:00Z: hours lost: 5' "... but the last error is still told"
echo x >lib/bad/spool/bad/2025-09-02T13Z.001.ndjson
report -c bad
like "$status $(<out)" '^1 .*in spool/bad: 1' "files in bad/"
jq -c '.last_error = {time, message: ("long " * 60 + "\u001b[31m|")} | .exit = 75' \
	lib/good/status/last-run.json >lib/bad/status/last-run.json
report
is "$(awk 'length > 100' out)" '' "the table fits 100 columns, whatever the message"
report -c
is "$(wc -l <out) $(tr -cd '|' <out | wc -c)" '1 1' "-c: one line with one bar, whatever the message"
! grep -q $'\e' out
ok $? "no control character of a message reaches the terminal"
rm -rf lib/bad

# The hours' exit status does not say that a value is no record for longer than
# that value is there.
instance bad 13 '.exit = 65 | .rejected = 4'
mkdir lib/bad/rejected
echo 'no record' >lib/bad/rejected/2025-09-02T13Z.1.ndjson
echo 'no record' >lib/bad/rejected/2025-09-02T12Z.1.ndjson
report -c bad
like "$status $(<out)" '^1 CCM WARNING - bad: values that are not records, in rejected/: 2 files; move or remove' \
	"bad lines: files in rejected/ are a warning, with their number"
report -j bad
is "$(of bad '[.rejected_files, .problems[].code]')" '[2,"rejected"]' "... and a code for programs"
report -p
is "$(metric ccm_rejected_files)" 'ccm_rejected_files{ccm_instance="bad"} 2
ccm_rejected_files{ccm_instance="good"} 0' "... and a metric"
mv lib/bad/rejected lib/bad/seen
report -c bad
is "$status" 0 "... until somebody moves them away"
rm -rf lib/bad

# ---- a state that stopped

critical() {
	report -c bad
	like "$status $(<out)" "^2 CCM CRITICAL - bad: .*$1" "$2"
	rm -rf lib/bad
}
instance bad 13 '.clock_skew_seconds = 18000'
report -p bad
is "$(metric ccm_clock_skew_seconds)" 'ccm_clock_skew_seconds{ccm_instance="bad"} 18000' \
	"a clock that differs from the API's is a metric"
report -j bad
is "$(of bad '[.clock_skew_seconds, .problems[].code]')" '[18000,"clock"]' "... a field, a code"
critical "clock differed from the API's by 5h00" "... and critical"
instance bad 13 '.clock_skew_seconds = -18000'
critical "clock differed from the API's by 5h00" "... in either direction"
instance bad 13
mkdir lib/bad/hours/2026-09-02T13Z
critical 'the newest hour done, 2026-09-02T13Z, is in the future' "an hour in the future is critical"
instance bad 13 '.last_hour = "2026-09-02T13Z"'
critical 'the newest hour done, 2026-09-02T13Z, is in the future' "... where last-run.json alone has it, too"
instance bad 13 '.time = "2026-09-02T14:05:09Z"'
critical 'the last run was at 2026-09-02T14:05:09Z, which is in the future' "a run in the future is critical"
instance bad 13
rmdir lib/bad/hours/2025-09-02T1[23]Z
critical 'runs do nothing: the newest hour done is 2025-09-02T11Z' \
	"runs for which no hour is due though hours pass are critical"
instance bad 13 '.exit = 75 | .hours_undone = 2'
rmdir lib/bad/hours/2025-09-02T1[23]Z
report -j bad
is "$(of bad '[.problems[].code]')" '["age","undone"]' "... unless they are undone"
rm -rf lib/bad/hours/*
jq -c '.hours_undone = 0' lib/bad/status/last-run.json >lib/bad/new && mv lib/bad/new lib/bad/status/last-run.json
critical 'runs do nothing: no hour is done and none is due' "runs that have never done an hour, and have none due"
instance bad 13 '.totals.since = "2025-09-02T07:05:00Z" | .hours_undone = 7 | .exit = 75'
rm -rf lib/bad/hours/*
critical 'no hour published yet; the first run was 7h25 ago' "runs that fail from the first one on"
instance bad 13
mv lib/bad/hours/2025-09-02T13Z lib/bad/hours/2025-09-02T12Z.2
jq -c '.started = "2025-09-02T14:08:00Z"' lib/bad/status/last-run.json >lib/bad/new &&
	mv lib/bad/new lib/bad/status/last-run.json
report -j bad
is "$(of bad '[.problems[].code]')" '[]' "a clock that is off by some minutes is no stopped state"
rm -rf lib/bad
instance bad 6 '.time = "2025-09-02T14:05:09Z" | .hours_undone = 7'
report -j bad
is "$(of bad '[.problems[] | [.severity, .code]]')" '[["warning","age"],["warning","undone"]]' \
	"hours without any value are waited for: no critical age before six hours more"
rm -rf lib/bad

# ---- files that are not whole

instance torn 13
echo '{"time":"2025-09-02T13:05' >lib/torn/status/last-run.json
instance other 13
instance pipe 13
rm lib/pipe/spool/.status && mkfifo lib/pipe/spool/.status
mkdir lib/new
instance odd 13
printf '{"time":5,"exit":"x","refused_resources":"lkc","totals":[],"last_error":1}' >lib/odd/status/last-run.json
echo '[]' >lib/odd/spool/.status
touch "lib/odd/spool/a	tab" "lib/odd/spool/not an hour"
report -j
is "$status" 74 "a file that cannot be read: status 74"
is "$(jq -s 'length' out)" 6 "... every instance is told"
is "$(of good .status)$(of other .status)" '"ok""ok"' "... the others as ever"
is "$(of torn '[.status, .last_run, .last_hour_published]')" '["unknown",null,"2025-09-02T13Z"]' \
	"a truncated file: what the others tell is told"
like "$(of torn '.problems[].message')" 'lib/torn/status/last-run.json is not whole' "... and which one it is"
like "$(of pipe '.problems[].message')" 'cannot read lib/pipe/spool/.status' "a pipe in place of a file does not hold it up"
is "$(of new '[.status, .problems[].message]')" '["unknown","no run has left a report yet"]' "an instance that has not run yet"
is "$(of odd '[.status, .spool.files, .last_hour_published]')" '["unknown",2,"2025-09-02T13Z"]' \
	"a report of other types, and names that are no hours"
report good torn
is "$status" 65 "a file that is not whole: status 65"
report
like "$(<out)" 'torn +09-02 13Z .*'$'\n''  UNKNOWN  lib/torn' "the table has a line for it all the same"
report -p
is "$(metric ccm_last_hour_published_timestamp_seconds | wc -l)" 5 "-p has what is known of each"
is "$(metric ccm_requests_total | wc -l)" 3 "... and leaves out what is not"
report -c torn
is "$status" 3 "-c: status 3"
report -c absent
like "$status $(<out)" '^3 CCM UNKNOWN - absent: there is no directory' "-c: an instance that there is not"
report -j absent good
is "$status $(of good .status)" '74 "ok"' "-j: an instance that there is not, and one that there is"
if [ "$(id -u)" = 0 ]; then
	chmod 755 "$WORK" lib lib/*
	chmod 700 lib/torn lib/other/status
	CCM_NOW=2025-09-02T14:30:00Z run as_nobody ccm-status -d lib -j good torn other
	is "$status $(of good .status)" '74 "ok"' "directories that are for others: status 74, the rest is told"
	like "$(of torn '.problems[].message')" 'cannot read lib/torn' "... and which they are"
	is "$(of torn '.spool.files')" null "... of which nothing is made up"
	like "$(of other '[.last_hour_published, .problems[0].message]')" 'T13Z","cannot read lib/other/status' "... or a part"
else
	skip "directories that are for others" "needs root"
fi
rm -rf lib/{torn,other,pipe,new,odd}

# garbage JQ-OR-TEXT NAME: last-run.json is that; the table, JSON and Prometheus
# come all the same.
garbage() {
	local view
	instance odd 13
	if [[ $1 = .* ]]; then
		jq -c "$1" lib/good/status/last-run.json >lib/odd/status/last-run.json
	else
		printf %b "$1" >lib/odd/status/last-run.json
	fi
	for view in '' -j -p; do
		# shellcheck disable=SC2086 # no view is no argument
		report $view
		if [ "$status" -gt 65 ] || [ -s err ] || ! grep -q odd out; then break; fi
		view+=' is well'
	done
	is "$view" '-p is well' "last-run.json with $2 breaks nothing"
	rm -rf lib/odd
}
garbage '.hours_undone = "x" | .owed_bodies = -5 | .minute = 1e300 | .clock_skew_seconds = []' "values of other types"
garbage '.last_lost = {} | .last_hour = 5 | .ships = "no" | .hours = [1] | .refused_resources = [null]' "more of them"
garbage '.last_hour = "9999-99-99T99Z" | .last_lost = "0000-00-00T00:00:00Z" | .totals.since = "x"' "times that are none"
garbage '{"time":"2025-09-02T14:05:09Z","exit":NaN,"requests":1e400,"clock_skew_seconds":1e999}' "numbers that are none"
garbage '\377\376{"time":"\200"}' "bytes that are no UTF-8"
garbage "$(printf '[%.0s' {1..5000})" "brackets 5000 deep"
garbage '{"time":"2025-09-02T14:05:09Z","exit":0}{"exit":1}' "two documents"
instance odd 13
mkdir lib/odd/hours/9999-99-99T99Z lib/odd/hours/2025-09-02T13Zx $'lib/odd/hours/new\nline'
: >lib/odd/hours/2025-09-02T13Z/records.ndjson
report -j odd
is "$status $(of odd '[.status, .last_hour_published]')" '0 ["ok","2025-09-02T13Z"]' \
	"other names in hours/ count for nothing, nor do records that are empty"
rm -rf lib/odd

# ---- Prometheus

instance "quo\"te\\" 13
report -p
is "$status" 0 "-p: status 0"
is "$(grep -F 'ccm_requests_total{' out)" 'ccm_requests_total{ccm_instance="good"} 8400
ccm_requests_total{ccm_instance="quo\"te\\"} 8400' "-p: a sample an instance, labels escaped"
is "$(metric ccm_last_hour_published_timestamp_seconds | head -1)" \
	'ccm_last_hour_published_timestamp_seconds{ccm_instance="good"} 1756821600' "... the last hour by its end"
is "$(grep '^# HELP' out | cut -d ' ' -f 3)" "$(grep -v '^#' out | sed 's/{.*//' | uniq)" "... each family with its HELP, its samples together"
is "$(grep '^# TYPE' out | grep _total | grep -vc ' counter$')" 0 "... what is called _total is a counter"
if command -v promtool >/dev/null; then
	promtool check metrics <out >lint 2>&1
	is "$? $(<lint)" '0 ' "promtool check metrics has nothing to say"
else
	skip "promtool check metrics has nothing to say" "promtool is not installed"
fi
rm -rf lib/quo*

# ---- systemd's timers

mkdir fake
cat >fake/systemctl <<'END'
#!/bin/sh
for unit; do case $unit in
ccm-scrape@good.timer) printf 'Id=%s\nLoadState=loaded\nActiveState=active\nNextElapseUSecRealtime=@1756825620\n\n' "$unit" ;;
ccm-scrape@never.timer) printf 'Id=%s\nLoadState=loaded\nActiveState=active\nNextElapseUSecRealtime=@18446744073709551615\n\n' "$unit" ;;
ccm-scrape@off.timer) printf 'Id=%s\nLoadState=loaded\nActiveState=inactive\nNextElapseUSecRealtime=\n\n' "$unit" ;;
*.timer) printf 'Id=%s\nLoadState=not-found\nActiveState=inactive\nNextElapseUSecRealtime=\n\n' "$unit" ;;
esac; done | sed '$d'
END
chmod +x fake/systemctl
instance off 13
instance other 13
instance never 13
PATH=$WORK/fake:$PATH report -j
is "$(of good .next_run) $(of other .next_run)" '"2025-09-02T15:07:00Z" "2025-09-02T15:05:00Z"' \
	"the next run is systemd's where it has a timer, and else by the minute"
is "$(of never .next_run)" null "... and none where systemd's never comes"
like "$(of off '[.next_run, .problems[].message]')" '^\[null,"its timer is not active"' "a timer that is not active is told"
instance idle 10
report -j
is "$(of idle .next_run)" null "there is no next run where there was none for hours, and no timer"
rm -rf lib/{off,other,idle,never}

# ---- which instances

report -j good
is "$(jq -r .instance out)" good "an instance is chosen by its name"
for n in {1..40}; do instance "instance-number-$n" 13; done
report
is "$(wc -l <out) $(awk 'length > 100' out)" '42 ' "forty instances: a line each, of at most 100 columns"
rm -rf lib/instance-*
CCM_NOW=2025-09-02T14:30:00Z run ccm-status -d lib/good -j
is "$(jq -r .instance out)" good "-d may name the state directory of one instance"
STATE_DIRECTORY=$WORK/lib/good CCM_NOW=2025-09-02T14:30:00Z run ccm-status -j
is "$status $(jq -r .instance out)" '0 good' "without -d it is STATE_DIRECTORY's"
mkdir empty
run ccm-status -d empty
is "$status" 78 "no instance: status 78"
run ccm-status -c -d empty
like "$status $(<out)" '^3 CCM UNKNOWN - no instance' "... or 3, with -c"
run ccm-status -d absent
is "$status" 78 "no such directory: status 78"
report ../lib
is "$status" 64 "a path is no instance: status 64"
for options in -x -jp '-w x' '-w 10 -C 5' -d; do
	# shellcheck disable=SC2086 # options are words
	run ccm-status $options
	is "$status" 64 "$options: status 64"
done
run ccm-status -x -c
like "$status $(<out)" '^3 CCM UNKNOWN - unknown option -x' "with -c, a mistake in the options is status 3, on stdout"
for option in -h -V; do
	GLOBAL_LOG_LEVEL=bogus run ccm-status $option
	is "$status $(<err)" '0 ' "$option works whatever GLOBAL_LOG_LEVEL says"
done
GLOBAL_LOG_LEVEL=bogus report -c
like "$status $(<out)" '^3 CCM UNKNOWN - .*GLOBAL_LOG_LEVEL is "bogus"' "... other things do not"
CCM_NOW=2025-09-02T25:00:00Z run ccm-status -d lib -c
like "$status $(<out)" '^3 CCM UNKNOWN - .*CCM_NOW is "2025-09-02T25:00:00Z"' "CCM_NOW has to be a time"
run ccm-status -h
is "$status" 0 "-h: status 0"
run ccm-status -V
like "$status $(<out)" '^0 ccm-status [0-9.]+$' "-V tells the version"

# ---- what real runs leave

start_kafka -b 1
start_cloud -c 3
ccm-scrape 2>err
run ccm-status -j
is "$(jq -c '[.status, .last_hour_published, .last_run.requests, .last_run.records, .totals.runs, .last_error]' out)" \
	'["ok","2025-09-02T00Z",3,39,1,null]' "a run: all is well"
at 02
refuse_ids lkc-0002
ccm-scrape 2>err
run ccm-status -j
is "$(jq -c '[.status, .last_run.exit, .last_run.refused_resources, .totals.records]' out)" \
	'["warning",77,["lkc-0002"],65]' "a cluster is refused: it is named, and the totals grow"
like "$(jq -r .last_error.message out)" 'lkc-0002: refused for API key KEY: HTTP 403' "... the last error says why"
ccm-scrape 2>err
run ccm-status -j
is "$(jq -c '[.last_run.refused_resources, .last_run.requests, .totals.runs]' out)" '[["lkc-0002"],0,3]' \
	"... and a run that has nothing to ask does not forget it"
refuse_ids
at 03
fault '{"match":"retained_bytes","times":5,"fault":{"status":429}}'
ccm-scrape 2>err
run ccm-status -j
is "$(jq -c '[.last_run.throttled, .totals.throttled, .owed_bodies, .last_run.refused_resources]' out)" \
	'[5,5,1,[]]' "429s are counted, and what is owed"
like "$(jq -r .last_error.message out)" 'HTTP 429.*owed' "... the last error says why"
ccm-scrape 2>err
at 04
CONFLUENT_METRICS_API_SECRET='' ccm-scrape 2>err
run ccm-status -c
like "$status $(<out)" '^2 .*ended with 78: CONFLUENT_METRICS_API_SECRET is not set' \
	"a configuration that is wrong is critical, and says what is"
kafka down all
at 04
ccm-scrape 2>err
run ccm-status -j
is "$(jq -c '[.last_hour_published, .spool.files, .spool.oldest_hour]' out)" '["2025-09-02T02Z",1,"2025-09-02T03Z"]' \
	"Kafka is away: the hour is not published"
like "$(jq -r '.problems[].message' out)" '1 file .* for Kafka.*no broker answered' "... the reason is told"
kafka up all
ccm-scrape 2>err
run ccm-status -j
is "$(jq -c '[.status, .last_hour_published, .spool.files]' out)" '["ok","2025-09-02T03Z",0]' "Kafka is back: all is well"
echo '{"broken' >"$STATE_DIRECTORY/status/last-run.json"
at 05
ccm-scrape 2>err
run ccm-status -j
is "$(jq -c '[.status, .totals.runs, .last_run.records]' out)" '["ok",1,39]' "a broken report is replaced, and its totals begin anew"

# While runs write, nothing that is seen is half.
for ((n = 6; n < 12; n++)); do
	at "$(printf %02d "$n")"
	ccm-scrape 2>err &
	running=$!
	while kill -0 $running 2>/dev/null; do
		ccm-status -j >>seen 2>&1 || echo "status $?" >>seen
	done
	wait $running
done
is "$(grep -c '^{' seen) $(jq -R 'fromjson? | .problems[] | select(.severity == "unknown")' seen)" "$(wc -l <seen) " \
	"while runs write, every look at it is whole ($(wc -l <seen) of them)"

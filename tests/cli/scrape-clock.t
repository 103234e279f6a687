#!/usr/bin/env bash
# ccm-scrape on a machine whose clock is wrong: the API's time decides, and no
# hour is lost.
# shellcheck source=tests/simulators.sh
. "$(dirname "$0")/../simulators.sh"

start_kafka -b 1
start_cloud -c 3
ccm-scrape 2>err
is "$(hours)" 2025-09-02T00Z "there is a state"

# local_clock TIME: our clock alone
local_clock() { export CCM_NOW=$1; }

# recovers NAME HOUR...: with the right clock, the next run does all that is
# left; since HOUR every value is on the topic, once
recovers() {
	local name=$1
	shift
	at "$(printf %02d $((10#${!#} + 1)))"
	run ccm-scrape
	is "$status" 0 "$name: with the right clock again, status 0"
	is "$(last_run '[.clock_skew_seconds, .hours_lost, .hours_undone]')" '[null,0,0]' \
		"... no hour is lost"
	as_wanted "... and every value is on the topic, once"
	forget_topic
}

# ---- five hours ahead

forget_topic
expect 01 02 03 04 05 06
at 02
local_clock 2025-09-02T07:05:00Z
run ccm-scrape
is "$status" 75 "five hours ahead: status 75"
is "$(hours | paste -sd ' ')" '2025-09-02T00Z 2025-09-02T01Z' \
	"... the hours that are over by the API's time are done, and no others"
like "$(<err)" 'ERROR: .*clock' "... the clock is an error"
like "$(last_run .clock_skew_seconds)" "^(18000|1799[0-9])\$" "... and in the status, in seconds"
run ccm-scrape
is "$status" 75 "... also in the next run"
like "$(ccm-status -d "$STATE_DIRECTORY" -c)" CRITICAL "... ccm-status calls it critical"
recovers "five hours ahead" 01 02 03 04 05 06

# ---- a year ahead

expect 07 08
at 08
before=$(<"$STATE_DIRECTORY/since")
local_clock 2026-09-02T08:05:00Z
run ccm-scrape
is "$status" 75 "a year ahead: status 75"
is "$(<"$STATE_DIRECTORY/since")" "$before" "... what is wanted stays"
is "$(hours | tail -n 1)" 2025-09-02T07Z "... the last hour by the API's time is done"
recovers "a year ahead" 07 08

# ---- behind

expect 09 10 11
at 12
local_clock 2025-09-02T10:05:00Z
run ccm-scrape
is "$status" 75 "two hours behind: status 75"
is "$(hours | tail -n 1)" 2025-09-02T09Z "... what is over by both clocks is done"
# They tick on a busy machine, between the two looks.
like "$(last_run .clock_skew_seconds)" "^-7(200|19[0-9])\$" "... the difference is in the status"
recovers "two hours behind" 09 10 11

# ---- a first run with a wrong clock

fresh
at 12
expect 11
local_clock 2027-01-01T00:05:00Z
run ccm-scrape
is "$status" 75 "a first run, years ahead: status 75"
at 12
run ccm-scrape
is "$status" 0 "... the next one, with the right clock: status 0"
as_wanted "... has every value of the last hour"

# ---- an API whose answers have no date

forget_topic
expect 12
cloud POST date '{"ahead":null}' >/dev/null
run ccm-scrape
is "$status" 0 "answers without a Date: status 0"
is "$(grep -c 'WARN: .*no valid Date' err)" 1 "... one warning"
as_wanted "... every value is there"

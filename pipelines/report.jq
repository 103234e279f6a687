# report.jq - what a run of ccm-scrape leaves in status/last-run.json.
#
# Input, with -R -s: the file that the run before has left, empty or broken
# where there is none. Of that, totals and what was last seen are carried on.
#
# Arguments:
#	--argjson run OBJECT	what this run did (write_report); a run that its
#			configuration has stopped has time, started and exit
#	--argjson lost N	hours that it had to give up
#	--argjson refused_anew BOOL	its refused_resources replace the older
#			ones; they are added to those where it asked about
#			nothing but what hours owe
#	--arg error TEXT	its last error, or nothing
#
# Output, with -c: the new report.

def object: if type == "object" then . else {} end;
def count: if type == "number" and . >= 0 then floor else 0 end;
def ids: if type == "array" then map(strings) else [] end;

# What a run does, when it does nothing.
def nothing: {hours: [], requests: 0, throttled: 0, refused_resources: [],
	records: 0, rejected: 0};
# What is so until a run finds otherwise.
def carried: {owed_bodies, hours_lost, hours_undone, minute, ships};

# (In an array, since the "try" of jq 1.6 catches what comes behind it as well.)
([try fromjson catch null][0] | object) as $before
| ($before.totals | object) as $totals
| ($run | {time, exit}) + nothing + ($before | carried) + $run
| .refused_resources |= (. + if $refused_anew then [] else
	$before.refused_resources | ids end | unique)
| .totals = {
	since: ($totals.since | if type == "string" then . else $run.started end),
	runs: (1 + ($totals.runs | count)),
	hours: ((.hours | length) + ($totals.hours | count)),
	requests: (.requests + ($totals.requests | count)),
	throttled: (.throttled + ($totals.throttled | count)),
	records: (.records + ($totals.records | count)),
	rejected: (.rejected + ($totals.rejected | count))
  }
| .last_lost = (if $lost > 0 then .time else $before.last_lost end)
| .last_error = (if $error != "" then {time, message: $error}
	else $before.last_error end)
| with_entries(select(.value != null))

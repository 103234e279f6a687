# status.jq - from the facts that ccm-status has collected to what they mean.
#
# Input, with -R -n: a line a fact, tabs between its columns; what follows
# "instance" is about that instance. A FILE is "SIZE MTIME NAME".
#	timer NAME EPOCH	systemd starts its next run then
#	stopped NAME		systemd has a timer for it that is not active
#	instance NAME DIRECTORY
#	hour FILE		a directory of hours/, in any order
#	committed FILE		HOUR/records.ndjson: its records are not in spool/ yet
#	waiting FILE		a file in spool/
#	bad FILE		a file in spool/bad/
#	rejected FILE		a file in rejected/
#	run PATH TEXT		status/last-run.json
#	ship PATH TEXT		spool/.status
#	export PATH TEXT	export/totals.json
#	queued FILE		a file in the queue of one of the exporter's targets
#	aside FILE		a file in its bad/
#	shipper running|absent	whether a ccm-ship is at work
#	unreadable MESSAGE
#
# Arguments:
#	--argjson now EPOCH	the clock of runs (CCM_NOW stands in for it)
#	--argjson clock EPOCH	the clock of files
#	--argjson warning SECONDS --argjson critical SECONDS
#
# Output, with -c: a line an instance, as ccm-status(1) describes it (JSON).

include "status-values";

# ---- values -----------------------------------------------------------------

# A "try" is kept in an array: without, that of jq 1.6 catches what comes behind
# it as well.
def parsed: [try fromjson catch null][0];
def number: if type == "number" then . else null end;
# A count is a number that is no less than 0 (jq reads NaN, which is).
def count: if type == "number" and . >= 0 then floor else null end;
def minute: if type == "number" and . >= 0 and . < 60 then floor else null end;
def text: if type == "string" then . else null end;
def list: if type == "array" then . else [] end;
def object: if type == "object" then . else {} end;
def one_of(choices): . as $v | if choices | index([$v]) then $v else null end;

# ---- from facts to an instance ----------------------------------------------

# "SIZE MTIME NAME"
def file: split(" ")
	| {size: (.[0] | tonumber), mtime: (.[1] | tonumber | floor), name: (.[2:] | join(" "))};

# A JSON document among the facts: {NAME: {...}}, or what is wrong with it.
def document($name; $path; $text):
	$text | parsed
	| if type == "object" then {($name): .}
	  else {invalid: "\($path) is not whole, or not JSON"} end;

def add($f):
	if $f[0] == "hour" then .hours += [$f[1] | file.name]
	elif $f[0] == "committed" then .committed += [$f[1] | file.name | split("/")[0]]
	elif $f[0] == "waiting" then .waiting += [$f[1] | file]
	elif $f[0] == "bad" then .bad += 1
	elif $f[0] == "rejected" then .rejected += 1
	elif $f[0] == "queued" then .queued += [$f[1] | file]
	elif $f[0] == "aside" then .aside += 1
	elif $f[0] == "run" or $f[0] == "ship" or $f[0] == "export" then
		document($f[0]; $f[1]; $f[2:] | join(" ")) as $d
		| if $d.invalid then .invalid += [$d.invalid] else . + $d end
	elif $f[0] == "shipper" then .shipper = $f[1]
	elif $f[0] == "unreadable" then .unreadable += [$f[1]]
	else . end;

def facts:
	reduce (inputs | split("\t")) as $f ({timers: {}, stopped: {}, all: []};
		if $f[0] == "timer" then .timers[$f[1]] = ($f[2] | tonumber)
		elif $f[0] == "stopped" then .stopped[$f[1]] = true
		elif $f[0] == "instance" then
			.all += [{name: $f[1], directory: $f[2], hours: [], committed: [],
				waiting: [], bad: 0, rejected: 0, invalid: [], unreadable: [],
				queued: [], aside: 0}]
		else .all[-1] |= add($f) end)
	| . as $found
	| .all[]
	| .next = $found.timers[.name]
	| .timer_stopped = ($found.stopped[.name] // false);

# The next minute of an hour at which ccm-scrape is to run, if it does run.
def next_by_minute:
	(.run.time | text | if . then epoch else null end) as $ran
	| (.run.minute | minute) as $minute
	| if $ran == null or $minute == null or $now - $ran > 7500 then null
	  else ($now - $now % 3600 + $minute * 60)
		| if . <= $now then . + 3600 else . end
	  end;

def last_error:
	[(.run.last_error | object | select(.message | text)
		| {time: (.time | text), from: "ccm-scrape", message}),
	 (.ship | object | select(.last_error | text)
		| {time: (.last_error_since | text), from: "ccm-ship", message: .last_error})]
	| sort_by(.time // "") | last
	| if . then .message |= printable else . end;

# The newest hour that is done and has nothing on its way to Kafka, nor has an
# hour before it; and its age, that is the time since its end. Where no hour was
# published, the age is counted from the begin of the oldest hour that waits, or
# from the first run where no hour is done at all.
def published:
	([(.committed[], .waiting[].name) | hour_epoch | values] | min) as $oldest
	| ([.hours[] | hour_epoch | values | select($oldest == null or . < $oldest)] | max) as $hour
	| ((.run | object).totals | object | .since | text
		| if . then epoch else null end) as $first_run
	| (if $hour != null then $hour + 3600
	   elif $oldest != null then $oldest
	   elif .hours == [] and .unreadable == [] then $first_run
	   else null end) as $from
	| {hour: $hour, waits: $oldest,
	   age: (if $from == null then null else [$now - $from, 0] | max end)};

# What ccm-export has done; null where it never ran. Its clock is that of files.
def exported:
	def age: number | if . == null then null else [$clock - ., 0] | max end;
	(.queued | map(.mtime) | min) as $since
	| (.queued | {files: length, bytes: (map(.size) | add // 0),
		age_seconds: (if $since == null then null else [$clock - $since, 0] | max end)}) as $queue
	| .aside as $aside
	| if .export == null then null else .export | {
		last_run_age_seconds: (.last_run | age),
		last_success_age_seconds: (.last_success | age),
		exit: (.last_status | count),
		newest_sample_age_seconds: ([.newest | object | .[] | number | values] | max
			| if . == null then null else . / 1000 | floor | age end),
		requests: (.requests | count),
		throttled: (.throttled | count),
		samples: (.samples | count),
		stale: (.stale | count),
		refused: (.refused | count),
		held: (.held | count),
		dropped_files: ([.dropped | object | .[] | number | values] | add // 0),
		queue: ($queue + {bad_files: $aside})
	  } end;

def described:
	. as $i
	| published as $published
	| (.run | object) as $run
	| (.ship | object) as $ship
	| ($run.time | text | if . then epoch else null end) as $ran
	| ($run.started | text | if . then epoch else null end) as $started
	| ([.waiting[].mtime] | min) as $waits_since
	| {
		instance: .name,
		directory,
		last_hour_published: ($published.hour | hour_name),
		age_seconds: $published.age,
		last_run: (if .run == null then null else {
			time: ($run.time | text),
			age_seconds: (if $ran == null then null else [$now - $ran, 0] | max end),
			seconds: (if $ran == null or $started == null then null
				else [$ran - $started, 0] | max end),
			exit: ($run.exit | count),
			hours: ($run.hours | list | map(strings)),
			requests: ($run.requests | count),
			throttled: ($run.throttled | count),
			refused_resources: ($run.refused_resources | list | map(strings)),
			records: ($run.records | count),
			rejected: ($run.rejected | count)
		} end),
		totals: (if .run == null then null else $run.totals | object
			| {since: (.since | text), runs: (.runs | count),
			   hours: (.hours | count), requests: (.requests | count),
			   throttled: (.throttled | count), records: (.records | count),
			   rejected: (.rejected | count)} end),
		hours_undone: ($run.hours_undone | count),
		hours_lost: ($run.hours_lost | count),
		owed_bodies: ($run.owed_bodies | count),
		rejected_files: .rejected,
		clock_skew_seconds: (if .run == null then null
			else $run.clock_skew_seconds | number // 0 end),
		spool: {
			files: (.waiting | length),
			bytes: ([.waiting[].size] | add // 0),
			oldest_hour: ([.waiting[].name | hour_epoch | values] | min | hour_name),
			age_seconds: (if $waits_since == null then null
				else [$clock - $waits_since, 0] | max end),
			bad_files: .bad,
			shipper: (.shipper // null),
			state: ($ship.state | one_of(["idle", "sending", "waiting", "stopped"])),
			error: ($ship.last_error | text),
			next_try: ($ship.next_try | text)
		},
		export: exported,
		last_error: last_error,
		next_run: ((if .timer_stopped then null
			else .next // next_by_minute end) | iso)
	  }
	# What cannot be read is unknown, not 0.
	| if $i.unreadable != [] then
		.rejected_files = (if .rejected_files == 0 then null else .rejected_files end)
		| .spool |= map_values(if . == 0 then null else . end)
	  else . end
	| .facts = ($i | {invalid, unreadable, timer_stopped, ran: $ran, started: $started,
		ships: $run.ships, minute: ($run.minute | minute),
		last_lost: ($run.last_lost | text), waits: $published.waits,
		newest: ([.hours[] | hour_epoch | values] | max),
		last_hour: ($run.last_hour | text | if . then hour_epoch else null end)});

# ---- what is wrong ----------------------------------------------------------

# For what describes an instance. A program looks at the code, a reader at the
# message.
def problem($severity; $code; $message):
	{severity: $severity, code: $code, message: ($message | printable)};

def file_problems:
	(.facts.unreadable[] | problem("unknown"; "unreadable"; .)),
	(.facts.invalid[] | problem("unknown"; "invalid"; .));

# An hour without any value is done only six hours after its end, since the
# API's data can be late. Such a run exits 0 and leaves the hour undone.
def patience:
	if .last_run.exit == 0 and (.hours_undone // 0) > 0 then 21600 else 0 end;

def age_problem:
	select(.age_seconds != null and .age_seconds >= $warning)
	| (.age_seconds | duration) as $age
	| problem(if .age_seconds >= $critical + patience then "critical" else "warning" end;
		"age";
		if .last_hour_published then
			"the last hour published is \(.last_hour_published), which ended \($age) ago"
		elif .facts.waits then
			"no hour published yet; the oldest that waits for Kafka,"
			+ " \(.facts.waits | hour_name), began \($age) ago"
		else "no hour published yet; the first run was \($age) ago" end);

# Where no hour will ever be due, every run exits 0 and does nothing. A clock
# may be off by five minutes, and a run may be ten minutes late to see an hour.
def stopped_problems:
	.facts as $f
	| ([$f.newest, $f.last_hour | values] | max) as $hour
	| (if .clock_skew_seconds == null or .clock_skew_seconds == 0 then empty else
		problem("critical"; "clock"; "in the last run this machine's clock differed from"
			+ " the API's by \(.clock_skew_seconds | fabs | duration); set the clock") end),
	  (if $f.ran == null or $f.ran <= $now + 300 then empty else
		problem("critical"; "clock"; "the last run was at \(.last_run.time), which is in"
			+ " the future; check the clock") end),
	  (if $hour != null and $hour + 3600 > $now + 300 then
		problem("critical"; "stopped"; "the newest hour done, \($hour | hour_name), is in"
			+ " the future: no hour is due before that; check the clock, then remove"
			+ " that hour from hours/")
	   elif .hours_undone != 0 or .last_run.exit == 78 or $f.unreadable != [] then empty
	   elif $f.newest == null then
		problem("critical"; "stopped"; "runs do nothing: no hour is done and none is due")
	   elif ($f.started // $f.ran // 0) >= $f.newest + 7200 + ($f.minute // 5) * 60 + 600 then
		problem("critical"; "stopped"; "runs do nothing: the newest hour done is"
			+ " \($f.newest | hour_name), and no later hour is due")
	   else empty end);

# Does something else that is shown here explain the exit status of a run?
def explained:
	.last_run.exit == 0
	# Bad values are kept in rejected/ until somebody removes them.
	or .last_run.exit == 65 and (.last_run.rejected // 0) > 0
	or .last_run.exit != 78 and .last_run.exit != 70
		and (.spool.files // 0) + (.owed_bodies // 0) + (.hours_undone // 0)
			+ (.spool.bad_files // 0) + (.last_run.refused_resources | length) > 0;

def run_problems:
	.last_run as $run
	| (if .last_error.from == "ccm-scrape" and .last_error.time == $run.time
	   then ": " + .last_error.message else "" end) as $why
	| if $run == null then
		if .facts.invalid + .facts.unreadable == [] then
			problem("unknown"; "never-run"; "no run has left a report yet") else empty end
	  elif ($run.time == null or $run.exit == null) then
		problem("unknown"; "incomplete"; "last-run.json lacks its time or exit status")
	  else
		(if $run.age_seconds >= $warning then
			problem("warning"; "no-run"; "there was no run for \($run.age_seconds | duration)")
		 else empty end),
		(if explained and ($why == "" or $run.exit == 0 or $run.exit == 65) then empty
		 else problem(if $run.exit == 78 or $run.exit == 70 then "critical" else "warning" end;
			"exit"; "the last run ended with \($run.exit)\($why)") end),
		(if $run.refused_resources == [] then empty else
			problem("warning"; "refused"; "the API refuses "
				+ ($run.refused_resources | join(", "))) end)
	  end;

def hour_problems:
	(if (.hours_undone // 0) == 0 then empty else
		problem("warning"; "undone"; "hours that are not done yet: \(.hours_undone)") end),
	(if (.owed_bodies // 0) == 0 then empty else
		problem("warning"; "owed"; "queries that the API still owes an answer: \(.owed_bodies)") end),
	(.facts.last_lost | values | epoch | values
		| select($now - . < 86400)
		| problem("warning"; "lost";
			"hours were lost to CCM_BACKFILL_HOURS \($now - . | duration) ago")),
	(if (.rejected_files // 0) == 0 then empty else
		problem("warning"; "rejected"; "values that are not records, in rejected/:"
			+ " \(plural(.rejected_files; "file")); move or remove to acknowledge") end);

def spool_problems:
	.spool as $spool
	| (if ($spool.files // 0) == 0 then empty else
		("\(plural($spool.files; "file")) (\($spool.bytes | bytes)) for Kafka, the oldest "
			+ "\($spool.age_seconds | duration) old") as $what
		| if $spool.shipper == "absent" and .facts.ships == false then
			problem("warning"; "spool"; "no ccm-ship is at work on \($what)")
		  elif $spool.error != null then problem("warning"; "spool"; "\($what): \($spool.error)")
		  # A program that waits for Kafka by itself does not say so.
		  elif $spool.age_seconds >= 600 then problem("warning"; "spool"; $what)
		  else empty end end),
	  (if ($spool.bad_files // 0) == 0 then empty else
		problem("warning"; "bad";
			"files with records that Kafka refuses, in spool/bad: \($spool.bad_files)") end);

# It runs each minute. Its samples are five minutes old when they are new.
def export_problems:
	.export | values
	| (if .last_run_age_seconds == null or .last_run_age_seconds < 300 then empty else
		problem("warning"; "no-export"; "ccm-export has not run for"
			+ " \(.last_run_age_seconds | duration)") end),
	  (if .exit == 78 or .exit == 70 then
		problem("critical"; "export"; "the last run of ccm-export ended with \(.exit)")
	   elif .newest_sample_age_seconds != null and .newest_sample_age_seconds >= 1200 then
		problem("warning"; "export"; "the newest sample of ccm-export is"
			+ " \(.newest_sample_age_seconds | duration) old")
	   elif .newest_sample_age_seconds == null then
		problem("warning"; "export"; "ccm-export has got no sample yet")
	   else empty end),
	  (if (.refused // 0) == 0 then empty else
		problem("warning"; "export-refused";
			"the API refuses \(plural(.refused; "resource")) to ccm-export") end),
	  (if .queue.files == 0 or .queue.age_seconds < 600 then empty else
		problem("warning"; "export-queue"; "\(plural(.queue.files; "file"))"
			+ " (\(.queue.bytes | bytes)) for the exporter's targets, the oldest"
			+ " \(.queue.age_seconds | duration) old") end),
	  (if .queue.bad_files == 0 then empty else
		problem("warning"; "export-bad"; "files that a target of the exporter"
			+ " refuses, in bad/: \(.queue.bad_files)") end);

def problems:
	[file_problems, age_problem, stopped_problems, run_problems, hour_problems,
	 spool_problems, export_problems,
	 (select(.facts.timer_stopped) | problem("warning"; "timer"; "its timer is not active"))];

facts
| described
| .problems = problems
| .status = ([.problems[].severity] | worst)
| {instance, directory, status, problems, last_hour_published, age_seconds,
   last_run, totals, hours_undone, hours_lost, owed_bodies, rejected_files,
   clock_skew_seconds, spool, export, last_error, next_run}

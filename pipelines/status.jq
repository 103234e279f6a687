# status.jq - from what ccm-status has found to what it shows.
#
# Input, with -R -n: a line a fact, tabs between its columns; what follows
# "instance" is of that instance.
#	timer NAME EPOCH	systemd starts it next then
#	stopped NAME		systemd has a timer for it that is not active
#	instance NAME DIRECTORY
#	hour NAME		a directory of hours/, oldest first or not
#	committed NAME		... whose records are not in the spool yet
#	waiting SIZE MTIME FILE	a file in the spool
#	bad SIZE MTIME FILE	a file in spool/bad/
#	run PATH TEXT		status/last-run.json
#	ship PATH TEXT		spool/.status
#	shipper | no_shipper	a ccm-ship is at work, or none is
#	unreadable MESSAGE
#
# Arguments:
#	--arg view table|json|prometheus|check
#	--argjson now EPOCH	the clock of runs (CCM_NOW stands in for it)
#	--argjson clock EPOCH	the clock of files
#	--argjson warning SECONDS --argjson critical SECONDS
#	--argjson colour BOOL
#
# Output, with -r: a line with the exit status, then what is to be shown.

# ---- values -----------------------------------------------------------------

# A "try" is kept in an array: without, that of jq 1.6 catches what comes behind
# it as well.
def parsed: [try fromjson catch null][0];
def number: if type == "number" then . else null end;
def text: if type == "string" then . else null end;
def list: if type == "array" then . else [] end;
def object: if type == "object" then . else {} end;

# "2025-09-02T14:05:00Z" -> seconds; null where it is no time
def epoch: [try fromdate catch null][0];
def iso: if . == null then null else todate end;
# "2025-09-02T14Z.2" -> its begin
def hour_epoch: capture("^(?<h>\\d{4}-\\d\\d-\\d\\dT\\d\\d)Z") // null
	| if . == null then null else "\(.h):00:00Z" | epoch end;
def hour_name: if . == null then null else todate | .[:13] + "Z" end;

def plural($n; $word): "\($n) \($word)" + if $n == 1 then "" else "s" end;

def two: tostring | if length < 2 then "0" + . else . end;
def duration:
	if . < 0 then "0s"
	elif . < 120 then "\(floor)s"
	elif . < 7200 then "\(. / 60 | floor)m"
	elif . < 172800 then "\(. / 3600 | floor)h\(. % 3600 / 60 | floor | two)"
	else "\(. / 86400 | floor)d\(. % 86400 / 3600 | floor | two)h" end;

def bytes:
	if . < 1024 then "\(.)"
	elif . < 1048576 then "\(. / 102.4 | floor | . / 10)K"
	elif . < 1073741824 then "\(. / 104857.6 | floor | . / 10)M"
	else "\(. / 107374182.4 | floor | . / 10)G" end;

# What comes from files and others is shown on a terminal.
def printable: gsub("[\\x00-\\x1f\\x7f-\\x9f]"; "?");

# ---- from facts to an instance ----------------------------------------------

# A document of JSON with the facts: {name: {...}}, or another fact.
def document($key; $path; $text):
	$text | parsed
	| if type == "object" then {($key): .}
	  else {invalid: "\($path) is not whole, or no JSON"} end;

def facts:
	reduce (inputs | split("\t")) as $f ({timers: {}, stopped: {}, all: []};
		if $f[0] == "timer" then .timers[$f[1]] = ($f[2] | tonumber)
		elif $f[0] == "stopped" then .stopped[$f[1]] = true
		elif $f[0] == "instance" then
			.all += [{name: $f[1], directory: $f[2], hours: [], committed: [],
				waiting: [], bad: 0, faults: []}]
		else .all[-1] |= (
			if $f[0] == "hour" then .hours += [$f[1]]
			elif $f[0] == "committed" then .committed += [$f[1]]
			elif $f[0] == "waiting" then .waiting += [{size: ($f[1] | tonumber),
				mtime: ($f[2] | split(" ")[0] | tonumber | floor),
				name: ($f[2] | split(" ")[1:] | join(" "))}]
			elif $f[0] == "bad" then .bad += 1
			elif $f[0] == "run" or $f[0] == "ship" then
				document($f[0]; $f[1]; $f[2:] | join(" ")) as $d
				| if $d.invalid then .faults += [$d.invalid] | .invalid = true
				  else . + $d end
			elif $f[0] == "shipper" then .at_work = true
			elif $f[0] == "no_shipper" then .at_work = false
			elif $f[0] == "unreadable" then .faults += [$f[1]] | .unreadable = true
			else . end)
		end)
	| . as $found
	| .all[]
	| .next = $found.timers[.name]
	| .timer_stopped = ($found.stopped[.name] // false);

# The next minute of an hour at which ccm-scrape is to run, if it does run.
def next_by_minute:
	(.run.time | text | if . then epoch else null end) as $ran
	| (.run.minute | number) as $minute
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

def described:
	. as $i
	| ([(.committed[], .waiting[].name) | hour_epoch | values] | min) as $oldest
	| ([.hours[] | hour_epoch | values | select($oldest == null or . < $oldest)]
		| max) as $published
	# Its end; of an instance that has published nothing, that of the hour
	# before the first that waits.
	| ($published // (if $oldest == null then null else $oldest - 3600 end)) as $behind
	| (.run | object) as $run
	| (.ship | object) as $ship
	| ($run.time | text | if . then epoch else null end) as $ran
	| ($run.started | text | if . then epoch else null end) as $started
	| ([.waiting[].mtime] | min) as $waits_since
	| {
		instance: .name,
		directory,
		last_hour_published: ($published | hour_name),
		age_seconds: (if $behind == null then null
			else [$now - $behind - 3600, 0] | max end),
		last_run: (if .run == null then null else {
			time: ($run.time | text),
			age_seconds: (if $ran == null then null else [$now - $ran, 0] | max end),
			seconds: (if $ran == null or $started == null then null
				else $ran - $started end),
			exit: ($run.exit | number),
			hours: ($run.hours | list),
			requests: ($run.requests | number),
			throttled: ($run.throttled | number),
			refused_resources: ($run.refused_resources | list | map(strings)),
			records: ($run.records | number),
			rejected: ($run.rejected | number)
		} end),
		totals: (if .run == null then null else $run.totals | object
			| {since: (.since | text), runs: (.runs | number),
			   hours: (.hours | number), requests: (.requests | number),
			   throttled: (.throttled | number), records: (.records | number),
			   rejected: (.rejected | number)} end),
		hours_undone: ($run.hours_undone | number),
		hours_lost: ($run.hours_lost | number),
		owed_bodies: ($run.owed_bodies | number),
		spool: {
			files: (.waiting | length),
			bytes: ([.waiting[].size] | add // 0),
			oldest_hour: ([.waiting[].name | hour_epoch | values] | min | hour_name),
			age_seconds: (if $waits_since == null then null
				else [$clock - $waits_since, 0] | max end),
			bad_files: .bad,
			state: (if .at_work == false then "nobody ships"
				else $ship.state | text end),
			error: ($ship.last_error | text),
			next_try: ($ship.next_try | text)
		},
		last_error: last_error,
		next_run: ((if .timer_stopped then null
			else .next // next_by_minute end) | iso)
	  }
	# What is known of an instance that cannot be read is nothing.
	| if $i.unreadable then .spool |= map_values(
		if . == 0 then null else . end) else . end
	| .facts = ($i | {faults, invalid, unreadable, timer_stopped, run, ship,
		at_work, hours: (.hours | length)});

# ---- what is wrong ----------------------------------------------------------

# {severity, message}, for what describes an instance.
def problem($severity; $message): {severity: $severity, message: ($message | printable)};

def age_problem:
	(.last_hour_published // "none" | "the last hour published is \(.)") as $hour
	| select(.age_seconds != null and .age_seconds >= $warning)
	| problem(if .age_seconds >= $critical then "critical" else "warning" end;
		"\($hour), which ended \(.age_seconds | duration) ago");

def run_problems:
	.last_run as $run
	| (if .last_error.from == "ccm-scrape" and .last_error.time == $run.time
	   then ": " + .last_error.message else "" end) as $why
	| if $run == null then
		if .facts.faults == [] then
			problem("unknown"; "no run has left a report yet") else empty end
	  elif ($run.time == null or $run.exit == null) then
		problem("unknown"; "last-run.json lacks its time or exit status")
	  else
		(if $run.age_seconds >= $warning then
			problem("warning"; "there was no run for \($run.age_seconds | duration)")
		 else empty end),
		(if $run.exit == 78 or $run.exit == 70 then
			problem("critical"; "the last run ended with \($run.exit)\($why)")
		 elif $run.exit == 0 then empty
		 elif $why != "" then
			problem("warning"; "the last run ended with \($run.exit)\($why)")
		 elif .spool.files + (.owed_bodies // 0) + (.hours_undone // 0)
			+ .spool.bad_files + ($run.refused_resources | length) > 0 then empty
		 else problem("warning"; "the last run ended with \($run.exit)") end),
		(if $run.refused_resources == [] then empty else
			problem("warning"; "the API refuses "
				+ ($run.refused_resources | join(", "))) end),
		(if ($run.rejected // 0) == 0 then empty else
			problem("warning"; "values that are no records, in the last run:"
				+ " \($run.rejected) (rejected.ndjson in hours/)") end)
	  end;

def hour_problems:
	(if (.hours_undone // 0) == 0 then empty else
		problem("warning"; "hours that are not done yet: \(.hours_undone)") end),
	(if (.owed_bodies // 0) == 0 then empty else
		problem("warning"; "queries that the API still owes an answer: \(.owed_bodies)") end),
	(.facts.run.last_lost | text | values | epoch | values
		| select($now - . < 86400)
		| problem("warning"; "hours were lost to CCM_BACKFILL_HOURS \($now - . | duration) ago"));

def spool_problems:
	.spool as $spool
	| select(($spool.files // 0) > 0)
	| ("\(plural($spool.files; "file")) (\($spool.bytes | bytes)) for Kafka, the oldest "
		+ "\($spool.age_seconds | duration) old") as $what
	| if $spool.state == "nobody ships" and .facts.run.ships == false then
		problem("warning"; "no ccm-ship is at work on \($what)")
	  elif $spool.error != null then problem("warning"; "\($what): \($spool.error)")
	  # A program that waits for Kafka by itself does not say so.
	  elif $spool.age_seconds >= 600 then problem("warning"; $what)
	  else empty end;

def problems:
	[(.facts.faults[] | problem("unknown"; .)),
	 age_problem, run_problems, hour_problems, spool_problems,
	 (select((.spool.bad_files // 0) > 0) | problem("warning";
		"files with records that Kafka refuses, in spool/bad: \(.spool.bad_files)")),
	 (select(.facts.timer_stopped) | problem("warning"; "its timer is not active"))];

def rank: {ok: 0, warning: 1, unknown: 2, critical: 3}[.];
def worst: max_by(rank) // "ok";

def judged:
	described
	| .problems = problems
	| .status = ([.problems[].severity] | worst);

# 0, or why not all could be told.
def exit_status:
	if any(.[]; .facts.unreadable) then 74
	elif any(.[]; .facts.invalid) then 65
	else 0 end;

# ---- JSON -------------------------------------------------------------------

def as_json:
	{instance, directory, status, problems, last_hour_published, age_seconds,
	 last_run, totals, hours_undone, hours_lost, owed_bodies, spool, last_error,
	 next_run}
	| tojson;

# ---- the table --------------------------------------------------------------

def paint($code): if $colour then "\u001b[\($code)m\(.)\u001b[0m" else . end;
def severity_colour: {warning: "33", unknown: "35", critical: "31", ok: "32"}[.];

def or_dash: if . == null then "-" else tostring end;

def columns: ["INSTANCE", "PUBLISHED", "AGE", "REQ", "429", "REF", "RECORDS",
	"BAD", "OWED", "LOST", "FILES", "BYTES", "WAIT", "ASIDE", "NEXT"];
def cells: [
	.instance,
	(.last_hour_published | if . then .[5:7] + "-" + .[8:10] + " " + .[11:14] else . end),
	(.age_seconds | if . then duration else . end),
	.last_run.requests, .last_run.throttled,
	(if .last_run then .last_run.refused_resources | length else null end),
	.last_run.records, .last_run.rejected,
	.owed_bodies, .hours_lost,
	.spool.files, (.spool.bytes | if . then bytes else . end),
	(.spool.age_seconds | if . then duration else . end),
	.spool.bad_files,
	(.next_run | if . then .[11:16] else . end)
	] | map(or_dash | printable);

def pad($width): " " * ($width - length) + .;
def pad_left($width): . + " " * ($width - length);

def line($widths; $gap):
	. as $cells
	| [range(0; length) as $n | $cells[$n]
		| if $n < 1 then pad_left($widths[$n]) else pad($widths[$n]) end]
	| join($gap);

# Words on lines of at most so many characters.
def wrapped($width):
	reduce (split(" ")[] | select(. != "")) as $word ([""];
		if .[-1] == "" then .[-1] = $word
		elif (.[-1] | length) + 1 + ($word | length) <= $width
		then .[-1] += " " + $word
		else . + [$word] end);

def note($tag; $code):
	wrapped(100 - 4 - ($tag | length)) as $lines
	| "  " + ($tag | paint($code)) + "  " + $lines[0],
	  ($lines[1:][] | " " * (4 + ($tag | length)) + .);

def notes:
	(.problems[] | .severity as $s
		| .message | note($s | ascii_upcase; $s | severity_colour)),
	(.last_error as $e
		| select($e != null and all(.problems[]; .message | contains($e.message) | not))
		| ($e.time | if . then " at \(.)" else "" end) as $at
		| "last error\($at): \($e.message)" | note("note"; "2"));

def as_table:
	map({row: cells, instance: .}) as $rows
	| [columns] + ($rows | map(.row))
	| . as $lines
	| [range(0; columns | length) as $n | [$lines[][$n] | length] | max] as $widths
	| (if ($widths | add) + 2 * ($widths | length - 1) <= 100 then "  " else " " end) as $gap
	| (columns | line($widths; $gap) | paint("1")),
	  ($rows[] | .instance as $i
		| (.row | line($widths; $gap)
			| if $i.status == "ok" then . else paint($i.status | severity_colour) end),
		  ($i | notes));

# ---- Prometheus -------------------------------------------------------------

def label_value: gsub("\\\\"; "\\\\") | gsub("\""; "\\\"") | gsub("\n"; "\\n");

# A family of which some instance has a value. `instance` is a label of
# Prometheus' own.
def family($name; $type; $help; value):
	[.[] | {instance, value: value} | select(.value != null)]
	| select(length > 0)
	| "# HELP \($name) \($help)", "# TYPE \($name) \($type)",
	  (.[] | "\($name){ccm_instance=\"\(.instance | label_value)\"} \(.value)");

def as_prometheus:
	family("ccm_last_hour_published_timestamp_seconds"; "gauge";
		"End of the newest hour that Kafka has acknowledged together with all before it.";
		.last_hour_published | if . then hour_epoch + 3600 else . end),
	family("ccm_last_run_timestamp_seconds"; "gauge";
		"When the last run of ccm-scrape ended.";
		.last_run.time | if . then epoch else . end),
	family("ccm_last_run_duration_seconds"; "gauge";
		"How long the last run took."; .last_run.seconds),
	family("ccm_last_run_exit_status"; "gauge";
		"Exit status of the last run; 0 where all was done."; .last_run.exit),
	family("ccm_next_run_timestamp_seconds"; "gauge";
		"When the next run begins."; .next_run | if . then epoch else . end),
	family("ccm_runs_total"; "counter"; "Runs of ccm-scrape."; .totals.runs),
	family("ccm_scrapes_total"; "counter";
		"Hours, and later parts of hours, that were asked for and answered.";
		.totals.hours),
	family("ccm_requests_total"; "counter";
		"Requests to the Metrics API for values."; .totals.requests),
	family("ccm_requests_throttled_total"; "counter";
		"Requests that the Metrics API answered with 429."; .totals.throttled),
	family("ccm_records_total"; "counter";
		"Records made from the API's values."; .totals.records),
	family("ccm_bad_lines_total"; "counter";
		"Values of the API that are no records."; .totals.rejected),
	family("ccm_scrapes_lost_total"; "counter";
		"Hours that became older than CCM_BACKFILL_HOURS before all of them had come.";
		.hours_lost),
	family("ccm_scrapes_undone"; "gauge";
		"Hours that are complete and were not done when the last run ended.";
		.hours_undone),
	family("ccm_refused_resources"; "gauge";
		"Resources that the API refuses to this key."; if .last_run then
		.last_run.refused_resources | length else null end),
	family("ccm_owed_bodies"; "gauge";
		"Queries that the API could not answer so far."; .owed_bodies),
	family("ccm_spool_files"; "gauge";
		"Files that wait for Kafka."; .spool.files),
	family("ccm_spool_bytes"; "gauge";
		"Size of the files that wait for Kafka."; .spool.bytes),
	family("ccm_spool_oldest_file_age_seconds"; "gauge";
		"How long the oldest of them has waited; 0 where there is none.";
		if .spool.files == null then null else .spool.age_seconds // 0 end),
	family("ccm_spool_bad_files"; "gauge";
		"Files set aside, since Kafka refuses a record in them for good.";
		.spool.bad_files),
	family("ccm_last_error_timestamp_seconds"; "gauge";
		"When the last error was told."; .last_error.time
		| if . then epoch else . end),
	family("ccm_status"; "gauge";
		"0 all is well, 1 warning, 2 critical, 3 unknown, as ccm-status -c says.";
		{ok: 0, warning: 1, critical: 2, unknown: 3}[.status]);

# ---- a monitoring plugin ----------------------------------------------------

def perfdata:
	(.instance | gsub("'"; "''") | gsub("="; "_") | printable) as $name
	| "'\($name)_age'=\(.age_seconds // "U")s;\($warning);\($critical);0",
	  "'\($name)_spool'=\(.spool.files // "U");;;0",
	  "'\($name)_lost'=\(.hours_lost // "U")c;;;0";

def as_check:
	([.[].status] | worst) as $status
	| {ok: 0, warning: 1, critical: 2, unknown: 3}[$status],
	  "CCM \($status | ascii_upcase) - "
	  + (if $status == "ok" then
		([.[].age_seconds | values] | max) as $age
		| plural(length; "instance")
		+ if $age == null then "" else
			", the last hour published ended \($age | duration) ago" end
	     else
		[.[] | .instance as $name | .problems | sort_by(-(.severity | rank))[]
			| "\($name): \(.message)"] | join("; ") | gsub("[|]"; "/")
	     end)
	  + " | " + ([.[] | perfdata] | join(" "));

[facts | judged]
| if $view == "check" then as_check
  else exit_status,
	(if $view == "json" then .[] | as_json
	 elif $view == "prometheus" then as_prometheus
	 else as_table end)
  end

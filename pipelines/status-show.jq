# status-show.jq - what status.jq has found, for a reader or another program.
#
# Input, with -n: a line an instance, as ccm-status(1) describes it (JSON).
#
# Arguments:
#	--arg view table|json|prometheus|check
#	--argjson warning SECONDS --argjson critical SECONDS
#	--argjson colour BOOL
#
# Output, with -r: a line with the exit status, then what is to be shown.

include "status-values";

# 0, or why not all is known.
def exit_status:
	if any(.[].problems[]; .code == "unreadable") then 74
	elif any(.[].problems[]; .code == "invalid") then 65
	else 0 end;

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
		"Exit status of the last run; 0 where everything was done."; .last_run.exit),
	family("ccm_next_run_timestamp_seconds"; "gauge";
		"When the next run begins."; .next_run | if . then epoch else . end),
	family("ccm_runs_total"; "counter"; "Runs of ccm-scrape."; .totals.runs),
	family("ccm_scrapes_total"; "counter";
		"Hours, and later parts of hours, that were queried and answered.";
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
		"Hours that became older than CCM_BACKFILL_HOURS before they were complete.";
		.hours_lost),
	family("ccm_scrapes_undone"; "gauge";
		"Hours that are complete and were not done when the last run ended.";
		.hours_undone),
	family("ccm_refused_resources"; "gauge";
		"Resources that the API refuses to this key."; if .last_run then
		.last_run.refused_resources | length else null end),
	family("ccm_owed_bodies"; "gauge";
		"Queries that the API has not answered yet."; .owed_bodies),
	family("ccm_rejected_files"; "gauge";
		"Files in rejected/, with values of the API that are no records.";
		.rejected_files),
	family("ccm_clock_skew_seconds"; "gauge";
		"How far this clock and the API's differed in the last run; 0 while it is little.";
		.clock_skew_seconds),
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
		"When the last error was reported."; .last_error.time
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

[inputs]
| if $view == "check" then as_check
  else exit_status,
	(if $view == "json" then .[] | tojson
	 elif $view == "prometheus" then as_prometheus
	 else as_table end)
  end

# check.jq - what ccm-check makes of the data of ccm-fetch.
#
# Arguments:
#	--arg what api|metrics|queries|resources
#	--argjson status N		the exit status of ccm-fetch
#	--slurpfile summary FILE	its summary (-s); an empty file where it has none
#	--argjson offset SECONDS	CCM_NOW's distance from the machine's clock
#	--arg type TYPE			resources: "kafka.id"
#	--slurpfile settings FILE	metrics, resources: what ccm-settings writes
#	--rawfile wanted FILE		metrics: what queries.jq writes for "check"
# Input, with -n: for metrics the descriptors of metrics; for queries these, and
# the request bodies of an hour.
#
# Output, with -c -r: for queries the bodies that test the resources of a type;
# else verdicts, a line each with tabs between:
#	ok|WARN|FAIL|-	EXIT-STATUS	WHAT	TEXT

def plural($n; $word): "\($n) \($word)" + if $n == 1 then "" else "s" end;
def verdict($word; $status; $subject; $text):
	[$word, ($status | tostring), $subject, ($text | gsub("[\t\n\r]"; " "))] | join("\t");
def ok($subject; $text): verdict("ok"; 0; $subject; $text);
def warn($subject; $text): verdict("WARN"; 0; $subject; $text);
def fail($status; $subject; $text): verdict("FAIL"; $status; $subject; $text);

def summary: $summary[0] // {};
def requests: plural(summary.requests // 0; "request");

# What to do about a request that failed.
def advice:
	if $status == 75 and (summary.throttled // 0) > 0 then
		"; others use up the limit of this address: wait a minute, or lower"
		+ " CONFLUENT_METRICS_REQUESTS_PER_MINUTE"
	elif $status == 75 then
		"; check the network, CONFLUENT_METRICS_HOST and https_proxy, or try later"
	elif $status == 69 then
		"; check CONFLUENT_METRICS_HOST, CONFLUENT_METRICS_CAFILE and https_proxy"
	elif $status == 77 and (summary.unauthorised | not) then
		"; give the account of the key the role MetricsViewer"
	else "" end;
def failed($subject):
	fail($status; $subject;
		(summary.last_error // "ccm-fetch ended with \($status)") + advice);

# ---- the clock, the key -------------------------------------------------------

def clock:
	(summary | if .clock_ahead_seconds then .clock_ahead_seconds
	 elif .api_time then .api_time / 1000 - now else null end) as $ahead
	| if $ahead == null then verdict("-"; 0; "clock"; "the API has not sent its time")
	  else
		($ahead - $offset | round) as $ahead
		| if $ahead > 60 then "this clock is \($ahead) s behind the API's"
		  elif $ahead < -60 then "this clock is \(-$ahead) s ahead of the API's"
		  else null end
		| if . then fail(78; "clock"; . + "; set it (timedatectl set-ntp true)")
		  else ok("clock"; "within a minute of the API's") end
	  end;

def api:
	clock,
	if $status == 0 then ok("api"; "the API accepts the key (\(requests))")
	else failed("api") end;

# ---- metrics ------------------------------------------------------------------

# The lines of queries.jq: {metric: NAME, preset: NAME, type: TYPE}. Presets of
# ccm's own are those without a path.
def wanted:
	reduce ($wanted | split("\n")[] | split("\t")) as [$kind, $what, $preset] ({};
		if $kind == "needs" then
			.type = ($settings[0].variables | to_entries[] | select(.value == $what) | .key)
		elif $kind == "metric" then .all += [{metric: $what, preset: $preset, type}]
		else . end)
	| .all // [];

# A key's role can hide all metrics, or those of a type: then nobody knows which
# there are. Whether the resources can be read shows in a query.
def metrics:
	([inputs]) as $described
	| ($described | map({key: .name, value: true}) | from_entries) as $known
	| ([$described[].resources[]?] | unique) as $types
	| wanted
	| map(select($known[.metric] | not)) as $missing
	| [$missing[] | select(.type | rtrimstr(".id") as $t | $types | index([$t]) == null)] as $hidden
	| ($missing - $hidden) as $unknown
	| if $described == [] then
		warn("metrics"; "the API describes no metric to this key; its role may hide them")
	  else
		($hidden | map(.type) | unique[]
			| warn("metrics"; "the API describes no metric of \(.) to this key; its role may hide them")),
		($unknown[]
			| if .preset | test("/") then
				fail(69; "metrics"; "the API does not describe \(.metric) (preset"
					+ " \(.preset)); check its name in the preset")
			  else
				warn("metrics"; "the API does not describe \(.metric) (preset \(.preset))"
					+ " at the moment")
			  end)
	  end,
	  if $missing == [] then ok("metrics"; "the API describes all metrics of the presets")
	  else empty end;

# ---- resources ----------------------------------------------------------------

# Of the type's metrics the first that the API describes, or else the first;
# without the labels that make answers long.
def queries:
	[inputs] as $all
	| ($all | map(select(.name) | {key: .name, value: true}) | from_entries) as $known
	| [$all[] | select(.group_by[0]? == "resource.\($type)")] as $bodies
	| (($bodies | map(select($known[.aggregations[0].metric])))
		+ $bodies)[0].aggregations as $first
	| $bodies[] | select(.aggregations == $first)
	| .group_by = .group_by[:1]
	| .granularity = "PT1H";

def resources:
	$settings[0].lists[$type] as $ids
	| $settings[0].variables[$type] as $variable
	| (summary.refused_resources // []) as $refused
	| (summary.silent_resources // [] | map(.id)) as $silent
	| (($ids | length) - ($refused | length) - ($silent | length)) as $readable
	| ($refused[] | fail($status; $type; "\(.id): HTTP \(.status): \(.detail); give the"
		+ " account of the key the role MetricsViewer there, or remove it from \($variable)")),
	  if $refused == [] and $status != 0 then failed($type)
	  else
		(if $silent == [] then empty else warn($type; "no data in the last hour:"
			+ " \($silent | join(" ")); deleted, idle, or not visible to this key") end),
		(if $readable > 0 then
			ok($type; "\($readable) of \($ids | length) readable (\(requests))")
		 else empty end)
	  end;

if $what == "api" then api
elif $what == "metrics" then metrics
elif $what == "queries" then queries
else resources end

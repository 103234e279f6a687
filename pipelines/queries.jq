# queries.jq - from query presets and lists of resource ids to the request
# bodies of the Metrics API's /query endpoint.
#
# Input, with -n: preset files, read by `inputs`. A preset is
#	{"description": TEXT, "resource": "kafka.id", "queries": [
#	  {"metric": NAME, "group_by": [LABEL...], "granularity": "PT1H"}...]}
# where a description and group_by may be left out, a granularity that is left
# out is PT1H, and a label is written as the API does (metric.topic).
#
# Arguments:
#	--slurpfile settings FILE	what ccm-settings writes; of it, "queries"
#		are the names of the "presets" that are the input
#	--arg what check|bodies	the output
#	--arg hour TIME		bodies: the begin of the hour, 2025-09-02T00:00:00Z
#
# Output of check, with -r: lines of three columns with tabs between them:
#	error	WHAT IS WRONG	PRESET
#	needs	VARIABLE	PRESET		the list that a preset uses
#	metric	METRIC	PRESET
# Output of bodies, with -c: a body a line, presets and queries in the order
# given, none twice, the resources of a type all in one filter.

# A list that is wrong is null, which ccm-settings has reported.
def variables: $settings[0].variables;
def ids($type): $settings[0].lists[$type] // [];

# The hour that is asked for would cut a longer bucket short.
def granularities: ["PT1M", "PT5M", "PT15M", "PT30M", "PT1H"];

# A filter's most resources. A body stays far below the 1 MiB of a line even
# where every id has the API's longest, 255 characters.
def resources_max: 2000;

# What messages call a preset: its name, or the path of a user's own file.
def preset_name:
	input_filename as $path
	| $settings[0] | .queries[.presets | index([$path])];

def choice(values): values | map(tojson) | join(", ");

# An object's keys that are not among `known`.
def unknown_keys(known): keys_unsorted - known | .[] | "unknown key \(tojson)";

def is_name: type == "string" and test("^[!-~]+$");

def query_errors:
	if type != "object" then "is not an object"
	else
		unknown_keys(["metric", "group_by", "granularity"]),
		(if .metric | is_name then empty
		 else "\"metric\" is not the name of a metric" end),
		(if .group_by | type == "null" then empty
		 elif .group_by | type != "array"
		 then "\"group_by\" is not an array of labels"
		 else .group_by[]
			| select(is_name and test("^(metric|resource)\\..") | not)
			| "\"group_by\" has \(tojson); a label begins with "
			  + "\"metric.\" or \"resource.\""
		 end),
		(.granularity | values
			| select(. as $g | granularities | index([$g]) == null)
			| "\"granularity\" is \(tojson); it takes "
			  + choice(granularities))
	end;

def preset_errors:
	if type != "object" then "is not an object"
	else
		unknown_keys(["description", "resource", "queries"]),
		(.description | values | select(type != "string")
			| "\"description\" is not a string"),
		(.resource
			| select(. as $r | variables | keys | index([$r]) == null)
			| "\"resource\" is \(tojson); it takes "
			  + choice(variables | keys_unsorted)),
		(if .queries | type != "array" or length == 0
		 then "\"queries\" is not an array with a query in it"
		 else .queries | to_entries[]
			| "query \(.key + 1): " + (.value | query_errors)
		 end)
	end;

def check:
	preset_name as $name
	| [preset_errors] as $errors
	| if $errors != [] then $errors[] | ["error", "\($name): \(.)", $name]
	  else
		variables[.resource] as $variable
		| ["needs", $variable, $name],
		(select($settings[0].lists[.resource] == [])
			| ["error", "\($variable) is empty; the preset \($name) "
			  + "needs it", $name]),
		(.queries[] | ["metric", .metric, $name])
	  end
	| join("\t");

def filter($field):
	map({field: $field, op: "EQ", value: .})
	| if length == 1 then .[0] else {op: "OR", filters: .} end;

def bodies:
	"resource.\(.resource)" as $resource_label
	| ids(.resource) as $resources
	| .queries[]
	| . as $query
	| range(0; $resources | length; resources_max) as $from
	| {
		aggregations: [{metric: $query.metric}],
		filter: ($resources[$from:$from + resources_max] | filter($resource_label)),
		granularity: ($query.granularity // "PT1H"),
		group_by: ([$resource_label] + (($query.group_by // []) - [$resource_label])),
		intervals: ["\($hour)/PT1H"],
		limit: 1000
	  };

# Without repetitions, in the order of their first coming.
def first_of_each:
	reduce .[] as $body ({seen: {}, all: []};
		($body | tojson) as $key
		| if .seen[$key] then . else .seen[$key] = true | .all += [$body] end)
	| .all;

if $what == "check" then inputs | check
else [inputs | bodies] | first_of_each[] end

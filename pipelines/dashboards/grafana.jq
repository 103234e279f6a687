# grafana.jq - panels and dashboards of Grafana, for dashboards.jq.
#
# A panel is a title, a unit of Grafana's, queries and a description. A query is
# PromQL or [PromQL, legend]; {{label}} in a legend is the value of a label.
#
# Defaults of Grafana's are written out where its SDK writes them: what the SDK
# reads and writes is then the same, and a misspelled key is found.

def source: {type: "prometheus", uid: "${datasource}"};

# Widths are in 24ths of the dashboard.
def panel($type; $title; $unit; $width; $height; $description):
	{type: $type, title: $title, description: $description, datasource: source,
	 gridPos: {w: $width, h: $height}, repeatDirection: "h", transformations: [],
	 transparent: false,
	 fieldConfig: {defaults: {unit: $unit, min: 0,
		color: {mode: (if $type == "timeseries" then "palette-classic" else "thresholds" end)},
		thresholds: {mode: "absolute", steps: [{color: "green", value: null}]}},
		overrides: []}};

# Orange from the one value, and red from the other; dashed lines in a graph.
# Without these, Grafana's default is red from 80.
def warns_from($orange; $red):
	.fieldConfig.defaults.thresholds.steps +=
		[{color: "orange", value: $orange}, {color: "red", value: $red}]
	| if .type == "timeseries"
	  then .fieldConfig.defaults.custom.thresholdsStyle = {mode: "dashed"} else . end;

# Words for the values 0, 1, 2, ...
def in_words($words):
	.fieldConfig.defaults.mappings = [{type: "value", options: ([$words | to_entries[]
		| {key: (.key | tostring), value: {text: .value}}] | from_entries)}];

def targets(queries; $how):
	[queries] as $all | [range(0; $all | length) as $n
		| ($all[$n] | if type == "array" then . else [., "__auto"] end) as [$expr, $legend]
		| {refId: "ABCDEFGH"[$n:$n + 1], datasource: source, expr: $expr,
		   legendFormat: $legend, editorMode: "code"} + $how];

# The newest value in large letters.
def number($title; $unit; $query; $description):
	panel("stat"; $title; $unit; 4; 4; $description)
	+ {targets: targets($query; {instant: true, range: false}),
	   options: {colorMode: "value", graphMode: "none", justifyMode: "auto",
		textMode: "auto", orientation: "auto",
		reduceOptions: {calcs: ["lastNotNull"], fields: "", values: false}}};

# Over time. A point stands for a minute at least, as a sample does.
def graph($title; $unit; queries; $description):
	panel("timeseries"; $title; $unit; 12; 8; $description)
	+ {interval: "1m", targets: targets(queries; {instant: false, range: true}),
	   options: {legend: {displayMode: "table", placement: "bottom",
		showLegend: true, calcs: ["lastNotNull", "max"]},
		tooltip: {mode: "multi", sort: "desc"}}}
	| .fieldConfig.defaults.custom = {drawStyle: "line", lineWidth: 1,
		fillOpacity: 10, showPoints: "auto", spanNulls: false};

# Bars, the longest first.
def bars($title; $unit; $query; $description):
	panel("bargauge"; $title; $unit; 12; 8; $description)
	+ {targets: targets($query; {instant: true, range: false}),
	   options: {displayMode: "basic", orientation: "horizontal",
		showUnfilled: true, valueMode: "color", minVizHeight: 10, minVizWidth: 0,
		reduceOptions: {calcs: ["lastNotNull"], fields: "", values: false}}};

# A row for each series, a column for each label.
def table($title; $unit; $query; $description):
	panel("table"; $title; $unit; 12; 8; $description)
	+ {targets: targets($query; {instant: true, range: false, format: "table"}),
	   options: {showHeader: true, sortBy: [{displayName: "Value", desc: true}],
		cellHeight: "sm", frameIndex: 0, showTypeIcons: false,
		footer: {show: false, reducer: [], countRows: false}},
	   transformations: [{id: "organize", options: {excludeByName: {Time: true}}}]};

def row($title): {type: "row", title: $title, collapsed: false, panels: [],
	gridPos: {w: 24, h: 1}};

# Panels get their places from left to right, and their ids.
def placed:
	reduce .[] as $panel ({x: 0, y: 0, h: 0, all: []};
		if .x + $panel.gridPos.w > 24 then .y += .h | .x = 0 | .h = 0 else . end
		| .all += [{id: (.all | length + 1)} + $panel
			| .gridPos += {x: 0, y: 0}]
		| .all[-1].gridPos.x = .x | .all[-1].gridPos.y = .y
		| .x += $panel.gridPos.w
		| .h = ([.h, $panel.gridPos.h] | max))
	| .all;

def variable_defaults: {id: "00000000-0000-0000-0000-000000000000", hide: 0,
	skipUrlSync: false, auto: false, auto_min: "10s", auto_count: 30};

# A variable with the values of a label, all of them to begin with. ".*" matches
# series that lack the label too.
def variable($name; $shown; $metric):
	variable_defaults
	+ {name: $name, label: $shown, type: "query", datasource: source,
	 query: {query: "label_values(\($metric), \($name))", refId: $name},
	 refresh: 2, sort: 1, multi: true, includeAll: true, allValue: ".*",
	 current: {selected: true, text: ["All"], value: ["$__all"]}};

def dashboard($uid; $title; $description; variables; panels):
	{uid: $uid, title: $title, description: $description, tags: ["ccm"],
	 timezone: "", editable: true, schemaVersion: 38, refresh: "1m",
	 style: "dark", graphTooltip: 1, fiscalYearStartMonth: 0, annotations: {},
	 time: {from: "now-6h", to: "now"},
	 links: [{title: "Confluent Cloud", type: "dashboards", tags: ["ccm"],
		asDropdown: true, includeVars: false, keepTime: true,
		targetBlank: false, icon: "external link", tooltip: "", url: ""}],
	 templating: {list: ([variable_defaults + {name: "datasource",
		label: "Data source", type: "datasource", query: "prometheus",
		multi: false, includeAll: false}] + [variables])},
	 panels: ([panels] | placed)};

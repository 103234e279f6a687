# The exporter's own figures.
#
# Input: none. $totals is an array with the totals so far or nothing, $fetch one
# with the summary of ccm-fetch, $filter one with the counts of
# ccm-export-filter, $drops one with those of ccm-spool, each with "target".
#
#	totals: the totals after a run, a line of JSON, with $now and $status
#	dropped: those totals with $drops added
#	text: $totals as Prometheus text

def short_type: sub("^resource\\."; "") | sub("\\..*"; "");

def metric($name; $type; $help; samples):
	"# HELP \($name) \($help)", "# TYPE \($name) \($type)",
	(samples | "\($name)\(.labels // "") \(.value)");

($totals[0] // {}) as $before
| ($fetch[0] // {}) as $run
| ($filter[0] // {}) as $seen
| if $what == "totals" then {
		runs: (($before.runs // 0) + 1),
		last_run: $now,
		last_status: $status,
		last_success: (if ($run.points // 0) > 0 then $now else $before.last_success end),
		requests: (($before.requests // 0) + ($run.requests // 0)),
		throttled: (($before.throttled // 0) + ($run.throttled // 0)),
		samples: (($before.samples // 0) + ($run.points // 0)),
		stale: (($before.stale // 0) + ($seen.stale // 0)),
		refused: ($run.refused_resources // [] | length),
		held: ($run.held_resources // [] | length),
		silent: ($run.silent_resources // [] | length),
		failed: ($run.failed_metrics // [] | length),
		cut: ($run.cut_families // [] | length),
		newest: (($before.newest // {}) + ($run.newest_samples // {}
			| with_entries(select(.value != null)))),
		dropped: ($before.dropped // {}),
		delivered: ($before.delivered // {})
	}
	elif $what == "dropped" then
		reduce $drops[] as $d ($before;
			.dropped[$d.target] = ((.dropped[$d.target] // 0) + $d.dropped_files)
			| if $d.status == 0 then .delivered[$d.target] = $now else . end)
	else
		metric("ccm_export_newest_sample_timestamp_seconds"; "gauge";
			"The time of the newest sample that the API has exported.";
			$before.newest // {} | to_entries[]
			| {labels: "{resource_type=\"\(.key | short_type)\"}", value: (.value / 1000)}),
		metric("ccm_export_last_success_timestamp_seconds"; "gauge";
			"The end of the last run that got a sample.";
			$before.last_success | values | {value: .}),
		metric("ccm_export_last_run_timestamp_seconds"; "gauge";
			"The end of the last run.";
			$before.last_run | values | {value: .}),
		metric("ccm_export_last_run_status"; "gauge";
			"The exit status of ccm-fetch in the last run.";
			$before.last_status | values | {value: .}),
		metric("ccm_export_requests_total"; "counter";
			"Requests to the API."; {value: ($before.requests // 0)}),
		metric("ccm_export_throttled_total"; "counter";
			"Requests that were answered with 429."; {value: ($before.throttled // 0)}),
		metric("ccm_export_samples_total"; "counter";
			"Samples that the API has exported."; {value: ($before.samples // 0)}),
		metric("ccm_export_stale_samples_total"; "counter";
			"Samples older than CCM_EXPORT_MAX_AGE, which were dropped.";
			{value: ($before.stale // 0)}),
		metric("ccm_export_resources"; "gauge";
			"Resources of the last run that were refused, held back by a limit, or without a sample.";
			("refused", "held", "silent") as $state
			| {labels: "{state=\"\($state)\"}", value: ($before[$state] // 0)}),
		metric("ccm_export_failed_metrics"; "gauge";
			"Metrics that the API could not export in the last run.";
			{value: ($before.failed // 0)}),
		metric("ccm_export_cut_families"; "gauge";
			"Families that the API cut off at 30,000 samples in the last run.";
			{value: ($before.cut // 0)}),
		metric("ccm_export_dropped_files_total"; "counter";
			"Files that were dropped as the queue of a target was full.";
			$before.dropped // {} | to_entries[]
			| {labels: "{target=\(.key | tojson)}", value}),
		metric("ccm_export_delivered_timestamp_seconds"; "gauge";
			"The last time that all of a target's queue was delivered.";
			$before.delivered // {} | to_entries[]
			| {labels: "{target=\(.key | tojson)}", value})
	end

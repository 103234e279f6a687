# dashboards.jq - what is on the dashboards. `make dashboards` writes them.
#
# Arguments: --arg name, the name of its file. Output: that dashboard.
#
# The queries are right for samples with the API's timestamps and without, and
# for scrape intervals of up to a minute:
#
# - A counter of the API is the delta of one minute: a rate is its average over
#   $__interval, divided by 60. No rate() and no increase().
# - The newest sample is five to seven minutes old where it keeps the API's
#   timestamp: a single number looks back ten minutes (last_over_time), a graph
#   does not, so that a gap stays a gap.
# - Without timestamps, a scrape each 15 s stores a minute's delta four times. A
#   total is the sum over minutes of the average in each. A series that is there
#   in some minutes only counts with these.

include "grafana";

# The values of a metric in a minute or more that a point of a graph stands for.
def over_interval: "avg_over_time(\(.)[$__interval])";
def newest: "last_over_time(\(.)[10m])";
# A minute is taken without its first millisecond, and an hour without its first
# second: a range has both its ends.
def in_last_hour: "sum_over_time(avg_over_time(\(.)[59999ms])[3599s:1m] offset 6m)";
def sum_by($labels): "sum by (\($labels)) (\(.))";
def max_by($labels): "max by (\($labels)) (\(.))";
def a_second: "\(.) / 60";
# What was most over the whole range stays; its series do not change on the way.
def top_ten($labels; $selector):
	"\(.) and on (\($labels)) topk(10, sum by (\($labels)) (sum_over_time(\($selector)[$__range] @ end())))";

def last_hour_note: "The hour that ended six minutes before the end of the range: what is newer may not have arrived yet.";

# Over time, a second: of each of $labels, the ten that were most.
def top_rates($title; $unit; $selector; $labels; $description):
	graph($title; $unit;
		[$selector | over_interval | sum_by($labels) | a_second | top_ten($labels; $selector),
		 ($labels | split(", ") | map("{{\(.)}}") | join(" "))];
		$description);
# In the last hour: of each of $labels, the ten that were most.
def top_totals($title; $unit; $selector; $labels; $description):
	bars($title; $unit;
		["sort_desc(topk(10, \($selector | in_last_hour | sum_by($labels))))",
		 ($labels | split(", ") | map("{{\(.)}}") | join(" "))];
		"\($description) \(last_hour_note)");

def unverified_row:
	row("Unverified: ccm knows these names and labels from hearsay; what your API does not have stays empty");

# ---- Kafka ------------------------------------------------------------------

def kafka($metric): "confluent_kafka_server_\($metric){kafka_id=~\"$kafka_id\"}";
def by_topic($metric): "confluent_kafka_server_\($metric){kafka_id=~\"$kafka_id\", topic=~\"$topic\"}";
def by_principal($metric): "confluent_kafka_server_\($metric){kafka_id=~\"$kafka_id\", principal_id=~\"$principal_id\"}";

def kafka_dashboard: dashboard("ccm-kafka"; "Confluent Cloud: Kafka";
	"Clusters, topics, principals and consumer groups.";
	(variable("kafka_id"; "Cluster"; "confluent_kafka_server_partition_count"),
	 variable("topic"; "Topic"; kafka("retained_bytes")),
	 variable("principal_id"; "Principal"; kafka("request_bytes")));
	(number("Clusters"; "short";
		"count(\(kafka("partition_count") | newest | sum_by("kafka_id")))";
		"Clusters with a sample in the last ten minutes."),
	 number("Bytes in"; "Bps";
		"sum(\(by_topic("received_bytes") | newest))" | a_second;
		"Bytes that producers sent, in the newest minute."),
	 number("Bytes out"; "Bps";
		"sum(\(by_topic("sent_bytes") | newest))" | a_second;
		"Bytes that consumers received, in the newest minute."),
	 number("Retained"; "bytes"; "sum(\(by_topic("retained_bytes") | newest))";
		"Bytes that the clusters keep, before replication."),
	 number("Largest lag"; "short";
		"max(\(by_topic("consumer_lag_offsets") | newest | sum_by("kafka_id, consumer_group_id, topic")))";
		"The largest lag of a consumer group on a topic, in records."),
	 (number("Highest load"; "percentunit";
		"max(\(kafka("cluster_load_percent") | newest))";
		"Of dedicated clusters. Latency grows above 80 %.")
		| warns_from(0.7; 0.8)),

	 row("Throughput"),
	 graph("Bytes in and out"; "Bps";
		([by_topic("received_bytes") | over_interval | sum_by("kafka_id") | a_second, "{{kafka_id}} in"],
		 [by_topic("sent_bytes") | over_interval | sum_by("kafka_id") | a_second, "{{kafka_id}} out"]);
		"Bytes a second, by cluster."),
	 graph("Records in and out"; "short";
		([by_topic("received_records") | over_interval | sum_by("kafka_id") | a_second, "{{kafka_id}} in"],
		 [by_topic("sent_records") | over_interval | sum_by("kafka_id") | a_second, "{{kafka_id}} out"]);
		"Records a second, by cluster."),
	 top_rates("Bytes in by topic"; "Bps";
		by_topic("received_bytes"); "kafka_id, topic";
		"Bytes a second; ten topics."),
	 top_rates("Bytes out by topic"; "Bps";
		by_topic("sent_bytes"); "kafka_id, topic";
		"Bytes a second; ten topics."),
	 top_rates("Records in by topic"; "short";
		by_topic("received_records"); "kafka_id, topic";
		"Records a second; ten topics."),
	 top_rates("Records out by topic"; "short";
		by_topic("sent_records"); "kafka_id, topic";
		"Records a second; ten topics."),
	 graph("Bytes in by the REST API"; "Bps";
		[kafka("rest_produce_request_bytes") | over_interval | sum_by("kafka_id") | a_second, "{{kafka_id}}"];
		"Bytes a second of requests to produce over REST."),

	 row("Top ten in the last hour"),
	 top_totals("Topics by bytes in"; "bytes";
		by_topic("received_bytes"); "kafka_id, topic";
		"Bytes that producers sent."),
	 top_totals("Topics by bytes out"; "bytes";
		by_topic("sent_bytes"); "kafka_id, topic";
		"Bytes that consumers received."),
	 top_totals("Principals by request bytes"; "bytes";
		by_principal("request_bytes"); "kafka_id, principal_id";
		"Bytes of requests: what a principal writes."),
	 top_totals("Principals by response bytes"; "bytes";
		by_principal("response_bytes"); "kafka_id, principal_id";
		"Bytes of responses: what a principal reads."),

	 row("Storage and partitions"),
	 graph("Retained bytes by topic"; "bytes";
		[by_topic("retained_bytes") | over_interval | sum_by("kafka_id, topic")
			| top_ten("kafka_id, topic"; by_topic("retained_bytes")), "{{kafka_id}} {{topic}}"];
		"Ten topics."),
	 table("Retained without traffic"; "bytes";
		"sum by (kafka_id, topic) (\(by_topic("retained_bytes") | newest)) > 0"
		+ " unless sum by (kafka_id, topic) (max_over_time(\(by_topic("received_bytes"))[$__range])) > 0"
		+ " unless sum by (kafka_id, topic) (max_over_time(\(by_topic("sent_bytes"))[$__range])) > 0";
		"Topics that keep bytes, and had none in or out in the range of the dashboard: choose a day or a week before you delete one."),
	 graph("Partitions"; "short";
		[kafka("partition_count") | over_interval | max_by("kafka_id"), "{{kafka_id}}"];
		"By cluster."),
	 (graph("Cluster load"; "percentunit";
		[kafka("cluster_load_percent") | over_interval | max_by("kafka_id"), "{{kafka_id}}"];
		"Of dedicated clusters. Latency grows above 80 %.")
		| warns_from(0.7; 0.8)),

	 row("Requests and principals"),
	 top_rates("Requests by type"; "reqps";
		kafka("request_count"); "kafka_id, type";
		"Requests a second; ten types."),
	 top_rates("Requests by principal"; "reqps";
		by_principal("request_count"); "kafka_id, principal_id";
		"Requests a second; ten principals."),
	 top_rates("Request bytes by type"; "Bps";
		kafka("request_bytes"); "kafka_id, type";
		"Bytes a second; ten types."),
	 top_rates("Request bytes by principal"; "Bps";
		by_principal("request_bytes"); "kafka_id, principal_id";
		"Bytes a second; ten principals."),
	 top_rates("Response bytes by type"; "Bps";
		kafka("response_bytes"); "kafka_id, type";
		"Bytes a second; ten types."),
	 top_rates("Response bytes by principal"; "Bps";
		by_principal("response_bytes"); "kafka_id, principal_id";
		"Bytes a second; ten principals."),
	 graph("Connections by principal"; "short";
		[by_principal("active_connection_count") | over_interval | sum_by("kafka_id, principal_id"), "{{kafka_id}} {{principal_id}}"];
		"Active authenticated connections."),
	 graph("Authentications by principal"; "short";
		[by_principal("successful_authentication_count") | over_interval | sum_by("kafka_id, principal_id") | a_second, "{{kafka_id}} {{principal_id}}"];
		"Successful authentications a second. Many of them with few connections: a client that connects anew for each request."),

	 row("Consumers"),
	 graph("Consumer lag"; "short";
		[by_topic("consumer_lag_offsets") | over_interval | sum_by("kafka_id, consumer_group_id, topic")
			| top_ten("kafka_id, consumer_group_id, topic"; by_topic("consumer_lag_offsets")), "{{consumer_group_id}} {{topic}}"];
		"Records that a group is behind the end of a topic; ten of them."),
	 bars("Largest lags now"; "short";
		["sort_desc(topk(10, \(by_topic("consumer_lag_offsets") | newest | sum_by("kafka_id, consumer_group_id, topic"))))",
		 "{{kafka_id}} {{consumer_group_id}} {{topic}}"];
		"Records that a group is behind the end of a topic."),

	 unverified_row,
	 graph("Hot partitions"; "short";
		([by_topic("hot_partition_ingress") | over_interval | sum_by("kafka_id, topic"), "{{kafka_id}} {{topic}} in"],
		 [by_topic("hot_partition_egress") | over_interval | sum_by("kafka_id, topic"), "{{kafka_id}} {{topic}} out"]);
		"Guess: 1 while a partition of the topic is hot, no series otherwise."),
	 graph("Cluster links: mirror lag"; "short";
		[kafka("cluster_link_mirror_topic_offset_lag") | over_interval | max_by("kafka_id, topic"), "{{kafka_id}} {{topic}}"];
		"Guess: records that a mirror topic is behind its source, the most of its partitions.")));

# ---- connectors, ksqlDB, Schema Registry ------------------------------------

def connect($metric): "confluent_kafka_connect_\($metric){connector_id=~\"$connector_id\"}";
def ksql($metric): "confluent_kafka_ksql_\($metric){ksql_id=~\"$ksql_id\"}";
def schemas: "confluent_kafka_schema_registry_schema_count{schema_registry_id=~\"$schema_registry_id\"}";

def connect_dashboard: dashboard("ccm-connect"; "Confluent Cloud: connectors, ksqlDB, Schema Registry";
	"Connectors, ksqlDB applications and Schema Registries.";
	(variable("connector_id"; "Connector"; "{__name__=~\"confluent_kafka_connect_(sent|received)_records\"}"),
	 variable("ksql_id"; "ksqlDB"; "confluent_kafka_ksql_streaming_unit_count"),
	 variable("schema_registry_id"; "Schema Registry"; "confluent_kafka_schema_registry_schema_count"));
	(number("Source connectors"; "short";
		"count(\(connect("sent_records") | newest))";
		"Connectors with a sample in the last ten minutes."),
	 number("Sink connectors"; "short";
		"count(\(connect("received_records") | newest))";
		"Connectors with a sample in the last ten minutes."),
	 (number("Dead letters in the last hour"; "short";
		"sum(\(connect("dead_letter_queue_records") | in_last_hour))";
		"Records. \(last_hour_note)")
		| warns_from(1; 100)),
	 (number("Highest saturation"; "percentunit";
		"max(\(ksql("query_saturation") | newest))";
		"Of a ksqlDB query: above 80 % it falls behind soon.")
		| warns_from(0.7; 0.8)),
	 (number("Fullest storage"; "percentunit";
		"max(\(ksql("storage_utilization") | newest))";
		"Of a ksqlDB application. Queries stop when it is full.")
		| warns_from(0.7; 0.8)),
	 number("Schemas"; "short";
		"sum(\(schemas | newest))";
		"In all Schema Registries."),

	 row("Connectors"),
	 graph("Records of source connectors"; "short";
		[connect("sent_records") | over_interval | sum_by("connector_id") | a_second, "{{connector_id}}"];
		"Records a second that they sent to Kafka."),
	 graph("Records of sink connectors"; "short";
		[connect("received_records") | over_interval | sum_by("connector_id") | a_second, "{{connector_id}}"];
		"Records a second that they received from Kafka."),
	 graph("Bytes of source connectors"; "Bps";
		[connect("sent_bytes") | over_interval | sum_by("connector_id") | a_second, "{{connector_id}}"];
		"Bytes a second that they sent to Kafka."),
	 graph("Bytes of sink connectors"; "Bps";
		[connect("received_bytes") | over_interval | sum_by("connector_id") | a_second, "{{connector_id}}"];
		"Bytes a second that they received from Kafka."),
	 graph("Dead letters"; "short";
		[connect("dead_letter_queue_records") | over_interval | sum_by("connector_id"), "{{connector_id}}"];
		"Records a minute that a sink put on its dead letter queue. The topic dlq-CONNECTOR has them, with the error in their headers."),
	 top_totals("Dead letters in the last hour by connector"; "short";
		connect("dead_letter_queue_records"); "connector_id";
		"Records."),

	 row("ksqlDB"),
	 (graph("Saturation by query"; "percentunit";
		[ksql("query_saturation") | over_interval | max_by("ksql_id, query_id"), "{{ksql_id}} {{query_id}}"];
		"1 is a query that can do no more.")
		| warns_from(0.7; 0.8)),
	 (graph("Storage in use"; "percentunit";
		[ksql("storage_utilization") | over_interval | max_by("ksql_id"), "{{ksql_id}}"];
		"A part of the application's storage.")
		| warns_from(0.7; 0.8)),
	 graph("Stored bytes by query"; "bytes";
		[ksql("task_stored_bytes") | over_interval | sum_by("ksql_id, query_id"), "{{ksql_id}} {{query_id}}"];
		"Of all tasks of a query."),
	 graph("Streaming units"; "short";
		[ksql("streaming_unit_count") | over_interval | max_by("ksql_id"), "{{ksql_id}}"];
		"CSUs of the application."),

	 row("Schema Registry"),
	 graph("Schemas by Schema Registry"; "short";
		[schemas | over_interval | max_by("schema_registry_id"), "{{schema_registry_id}}"];
		"Registered schemas."),

	 unverified_row,
	 table("Connectors by status"; "none";
		connect("connector_status") | newest | max_by("connector_id, status");
		"Guess: always 1, the state is in the label status."),
	 graph("Restarts of ksqlDB queries"; "short";
		[ksql("query_restarts") | over_interval | sum_by("ksql_id, query_id"), "{{ksql_id}} {{query_id}}"];
		"Guess: a delta of one minute, with the label query_id.")));

# ---- Flink ------------------------------------------------------------------

def flink($metric): "confluent_flink_\($metric){compute_pool_id=~\"$compute_pool_id\"}";
def of_statement($metric): "confluent_flink_\($metric){compute_pool_id=~\"$compute_pool_id\", flink_statement_name=~\"$flink_statement_name\"}";
def statement: "compute_pool_id, flink_statement_name";
def watermark_lag($metric):
	["time() - \("max_over_time(\(of_statement($metric))[$__interval])" | "min by (\(statement)) (\(.) > 0)") / 1000", "{{flink_statement_name}}"];
def watermark_note: "How far the watermark of the slowest table is behind the clock. Where samples have the time of the scrape, five minutes of it are the API's delay. What has no watermark yet is left out.";

def flink_dashboard: dashboard("ccm-flink"; "Confluent Cloud: Flink";
	"Compute pools and their statements.";
	(variable("compute_pool_id"; "Compute pool"; "confluent_flink_compute_pool_utilization_current_cfus"),
	 variable("flink_statement_name"; "Statement"; flink("num_records_in")));
	(number("Compute pools"; "short";
		"count(\(flink("compute_pool_utilization_current_cfus") | newest))";
		"Pools with a sample in the last ten minutes."),
	 number("CFUs in use"; "short";
		"sum(\(flink("compute_pool_utilization_current_cfus") | newest))";
		"In the newest minute."),
	 (number("Fullest pool"; "percentunit";
		"max(\(flink("compute_pool_utilization_current_cfus") | newest | max_by("compute_pool_id")) / \(flink("compute_pool_utilization_cfu_limit") | newest | max_by("compute_pool_id")))";
		"CFUs in use, as a part of the pool's limit.")
		| warns_from(0.7; 0.9)),
	 number("CFU minutes in the last hour"; "short";
		"sum(\(flink("compute_pool_utilization_cfu_minutes_consumed") | in_last_hour))";
		"What is billed. \(last_hour_note)"),
	 number("Statements"; "short";
		"count(\(of_statement("num_records_in") | newest | sum_by(statement)))";
		"Statements with a sample in the last ten minutes."),
	 number("Pending records"; "short";
		"sum(\(of_statement("pending_records") | newest))";
		"Of all statements."),

	 row("Compute pools"),
	 graph("CFUs in use and limit"; "short";
		([flink("compute_pool_utilization_current_cfus") | over_interval | max_by("compute_pool_id"), "{{compute_pool_id}}"],
		 [flink("compute_pool_utilization_cfu_limit") | over_interval | max_by("compute_pool_id"), "{{compute_pool_id}} limit"]);
		"At the limit statements do not scale, and new ones wait."),
	 (graph("CFUs in use, as a part of the limit"; "percentunit";
		["\(flink("compute_pool_utilization_current_cfus") | over_interval | max_by("compute_pool_id")) / \(flink("compute_pool_utilization_cfu_limit") | over_interval | max_by("compute_pool_id"))", "{{compute_pool_id}}"];
		"1 is the limit.")
		| warns_from(0.7; 0.9)),
	 top_totals("CFU minutes in the last hour by pool"; "short";
		flink("compute_pool_utilization_cfu_minutes_consumed"); "compute_pool_id";
		"What is billed."),

	 row("Statements"),
	 graph("Records in by statement"; "short";
		[of_statement("num_records_in") | over_interval | sum_by(statement) | a_second, "{{flink_statement_name}}"];
		"Records a second, of all its tables."),
	 graph("Records out by statement"; "short";
		[of_statement("num_records_out") | over_interval | sum_by(statement) | a_second, "{{flink_statement_name}}"];
		"Records a second, of all its tables."),
	 graph("Pending records by statement"; "short";
		[of_statement("pending_records") | over_interval | sum_by(statement), "{{flink_statement_name}}"];
		"Records in the input tables that it has not read."),
	 graph("Pending records by table"; "short";
		[of_statement("pending_records") | over_interval | sum_by("flink_statement_name, table_name"), "{{flink_statement_name}} {{table_name}}"];
		"Records that the statement has not read."),
	 graph("Input watermark lag"; "s";
		watermark_lag("current_input_watermark_milliseconds"); watermark_note),
	 graph("Output watermark lag"; "s";
		watermark_lag("current_output_watermark_milliseconds"); watermark_note),

	 unverified_row,
	 table("Statements by status"; "none";
		of_statement("statement_status") | newest | max_by("compute_pool_id, flink_statement_name, status");
		"Guess: 1 for the state that the label status names."),
	 graph("Lateness"; "ms";
		[of_statement("max_input_lateness_milliseconds") | over_interval | max_by(statement), "{{flink_statement_name}}"];
		"Guess: how far the latest record is behind the watermark, in milliseconds."),
	 graph("Late records"; "short";
		[of_statement("num_late_records_in") | over_interval | sum_by(statement), "{{flink_statement_name}}"];
		"Guess: a delta of one minute."),
	 graph("Records with errors"; "short";
		[of_statement("num_records_in_errors") | over_interval | sum_by(statement), "{{flink_statement_name}}"];
		"Guess: a delta of one minute."),
	 graph("CFUs by statement"; "short";
		[of_statement("statement_utilization_current_cfus") | over_interval | sum_by(statement), "{{flink_statement_name}}"];
		"Guess: as those of the pool.")));

# ---- ccm itself -------------------------------------------------------------

def agent($metric): "\($metric){ccm_instance=~\"$ccm_instance\"}";
# Of what is stored: the newest timestamp of a plain selector at each minute.
def stored_age($metric; $of):
	"time() - max by (\($of)) (max_over_time(timestamp(\($metric))[15m:1m]))";
def minutes_of_hour($metric; $of):
	["count_over_time((count by (\($of)) (count_over_time(\($metric)[59999ms])))[3599s:1m] offset 6m)", "{{\($of)}}"];

def ccm_dashboard: dashboard("ccm-self"; "ccm: the exporter and the hourly agent";
	"How old the samples are, what the API throttled and refused, and what waits.";
	variable("ccm_instance"; "Instance"; "ccm_status");
	((number("Age of the newest sample"; "s";
		"max(time() - ccm_export_newest_sample_timestamp_seconds)";
		"Of the resource type that is oldest. The API's are five to six minutes old.")
		| warns_from(600; 900)),
	 (number("Last success"; "s";
		"max(time() - ccm_export_last_success_timestamp_seconds)";
		"Seconds since a run of ccm-export got a sample.")
		| warns_from(180; 300)),
	 (number("429s in the last hour"; "short";
		"sum(increase(ccm_export_throttled_total[1h]) or increase(ccm_requests_throttled_total[1h]))";
		"Requests of the exporter and of the agent that the API throttled.")
		| warns_from(1; 10)),
	 (number("Refused ids"; "short";
		"sum(ccm_export_resources{state=\"refused\"} or ccm_refused_resources)";
		"Ids that the API refuses, to the exporter and to the agent.")
		| warns_from(1; 10)),
	 (number("Last hour on Kafka"; "s";
		"max(time() - \(agent("ccm_last_hour_published_timestamp_seconds")))";
		"Time since the end of the last hour that Kafka has acknowledged.")
		| warns_from(7200; 9000)),
	 (number("Status of the agent"; "short";
		"max(\(agent("ccm_status")))";
		"0 is well, 1 warning, 2 critical, 3 unknown.")
		| warns_from(1; 2) | in_words(["ok", "warning", "critical", "unknown"])),

	 row("What Prometheus has"),
	 graph("Age of the newest sample stored"; "s";
		([stored_age("confluent_kafka_server_partition_count"; "kafka_id"), "{{kafka_id}}"],
		 [stored_age("confluent_flink_compute_pool_utilization_current_cfus"; "compute_pool_id"), "{{compute_pool_id}}"]);
		"Of samples with the API's timestamps it is five to seven minutes; of others, the time since the last scrape."),
	 bars("Minutes of the last hour"; "short";
		minutes_of_hour("confluent_kafka_server_partition_count"; "kafka_id");
		"Minutes with a sample of the cluster: 60 are all. \(last_hour_note)"),
	 table("Resources that the API refuses"; "none";
		"max by (resource_type, resource_id) (\("confluent_scrape_resource_access_error" | newest)) > 0";
		"Give the key's account the role MetricsViewer there, or take the id off the list."),
	 table("Metrics that the API cannot export"; "none";
		"max by (metric, resource) (\("export_status{export_status=\"error\"}" | newest)) > 0";
		"The other metrics of the answer are complete."),

	 row("Exporter"),
	 (graph("Age of the newest sample by resource type"; "s";
		["time() - ccm_export_newest_sample_timestamp_seconds", "{{resource_type}}"];
		"The API's are five to six minutes old.")
		| warns_from(600; 900)),
	 graph("Requests and 429s a minute"; "short";
		(["sum(rate(ccm_export_requests_total[5m])) * 60", "requests"],
		 ["sum(rate(ccm_export_throttled_total[5m])) * 60", "429s"]);
		"The API allows 80 an hour for a resource, and 60 a minute for an address."),
	 graph("Samples a minute"; "short";
		(["sum(rate(ccm_export_samples_total[5m])) * 60", "samples"],
		 ["sum(rate(ccm_export_stale_samples_total[5m])) * 60", "too old, dropped"]);
		"A run each minute gets a sample of each series. Those older than CCM_EXPORT_MAX_AGE are dropped."),
	 graph("Resources and metrics without samples"; "short";
		(["sum by (state) (ccm_export_resources)", "{{state}}"],
		 ["sum(ccm_export_failed_metrics)", "metrics that failed"],
		 ["sum(ccm_export_cut_families)", "families cut off"]);
		"Resources that the last run was refused, held back by a limit, or got nothing of; metrics that the API could not export, or cut off at 30,000 samples."),
	 graph("Time since a target had all"; "s";
		["time() - ccm_export_delivered_timestamp_seconds", "{{target}}"];
		"Of http targets and Kafka: since the queue was last empty."),
	 graph("Files dropped in an hour"; "short";
		["increase(ccm_export_dropped_files_total[1h])", "{{target}}"];
		"The queue of the target was full."),
	 graph("Age of the files for the node exporter"; "s";
		["time() - node_textfile_mtime_seconds{file=~\"(.*/)?[^/]*(ccm|confluent)[^/]*[.]prom\"}", "{{file}}"];
		"The values of an old file are stale, though the node exporter goes on showing them."),

	 row("Hourly agent (ccm-status -p)"),
	 (graph("Age of the last hour on Kafka"; "s";
		["time() - \(agent("ccm_last_hour_published_timestamp_seconds"))", "{{ccm_instance}}"];
		"At most an hour and MINUTE_TO_SCRAPE_AT minutes while all is well.")
		| warns_from(7200; 9000)),
	 graph("Requests and 429s in an hour"; "short";
		(["increase(\(agent("ccm_requests_total"))[1h])", "{{ccm_instance}}"],
		 ["increase(\(agent("ccm_requests_throttled_total"))[1h])", "{{ccm_instance}} 429"]);
		"429s: somebody else uses the address."),
	 graph("Records in an hour"; "short";
		["increase(\(agent("ccm_records_total"))[1h])", "{{ccm_instance}}"];
		"Records made from the API's values."),
	 graph("Waiting for Kafka"; "bytes";
		[agent("ccm_spool_bytes"), "{{ccm_instance}}"];
		"Size of the spool."),
	 graph("Longest wait for Kafka"; "s";
		[agent("ccm_spool_oldest_file_age_seconds"), "{{ccm_instance}}"];
		"Age of the oldest file in the spool."),
	 graph("What needs a look"; "short";
		([agent("ccm_refused_resources"), "{{ccm_instance}} refused ids"],
		 [agent("ccm_owed_bodies"), "{{ccm_instance}} queries owed"],
		 [agent("ccm_scrapes_undone"), "{{ccm_instance}} hours undone"],
		 [agent("ccm_scrapes_lost_total"), "{{ccm_instance}} hours lost"],
		 [agent("ccm_spool_bad_files"), "{{ccm_instance}} files in spool/bad"],
		 [agent("ccm_rejected_files"), "{{ccm_instance}} files in rejected"]);
		"ccm-status has the reasons.")));

{
	"confluent-kafka": kafka_dashboard,
	"confluent-connect": connect_dashboard,
	"confluent-flink": flink_dashboard,
	"ccm": ccm_dashboard
}[$name]

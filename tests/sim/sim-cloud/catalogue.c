#include "catalogue.h"

#include <string.h>

static const struct {
	const char *name;
	const char *description;
} labels[LABELS] = {
    [KAFKA_ID] = {"resource.kafka.id", "ID of the Kafka cluster"},
    [CONNECTOR_ID] = {"resource.connector.id", "ID of the connector"},
    [CUSTOM_CONNECTOR_ID] = {"resource.custom_connector.id",
	"ID of the custom connector"},
    [KSQL_ID] = {"resource.ksql.id", "ID of the ksqlDB application"},
    [SCHEMA_REGISTRY_ID] = {"resource.schema_registry.id",
	"ID of the Schema Registry"},
    [COMPUTE_POOL_ID] = {"resource.compute_pool.id",
	"ID of the Flink compute pool"},
    [FLINK_STATEMENT_NAME] = {"resource.flink_statement.name",
	"Name of the Flink statement"},
    [FLINK_STATEMENT_UID] = {"resource.flink_statement.uid",
	"Unique ID of the Flink statement"},
    [TOPIC] = {"metric.topic", "The name of the Kafka topic."},
    [PARTITION] = {"metric.partition", "The number of the partition."},
    [PRINCIPAL_ID] = {"metric.principal_id",
	"The user or service account that made the request."},
    [TYPE] = {"metric.type", "The Kafka protocol request type."},
    [ZONE_ALIGNMENT] = {"metric.zone_alignment",
	"Whether client and broker are in the same zone."},
    [CONSUMER_GROUP_ID] = {"metric.consumer_group_id",
	"The ID of the consumer group."},
    [LINK_NAME] = {"metric.link_name", "The name of the cluster link."},
    [TABLE_NAME] = {"metric.table_name", "The name of the Flink table."},
    [QUERY_ID] = {"metric.query_id", "The ID of the persistent query."},
    [TASK_ID] = {"metric.task_id", "The ID of the task."},
    [STATUS] = {"metric.status", "The state that the value 1 stands for."},
    [FLINK_TASK_ID] = {"metric.flink_task.id", "The ID of the Flink task."},
    [FLINK_OPERATOR_ID] = {"metric.flink_operator.id",
	"The ID of the Flink operator."},
    [FLINK_SPLIT] = {"metric.flink_split", "The split of the source."},
};

const struct resource_descriptor resource_descriptors[RESOURCE_TYPES] = {
    [KAFKA] = {"kafka", "A Kafka cluster", {KAFKA_ID, LABEL_NONE}},
    [CONNECTOR] = {"connector", "A Kafka Connector",
	{CONNECTOR_ID, LABEL_NONE}},
    [CUSTOM_CONNECTOR] = {"custom_connector", "A custom Kafka Connector",
	{CUSTOM_CONNECTOR_ID, LABEL_NONE}},
    [KSQL] = {"ksql", "A ksqlDB application", {KSQL_ID, LABEL_NONE}},
    [SCHEMA_REGISTRY] = {"schema_registry", "A Schema Registry",
	{SCHEMA_REGISTRY_ID, LABEL_NONE}},
    [COMPUTE_POOL] = {"compute_pool", "A Flink compute pool",
	{COMPUTE_POOL_ID, LABEL_NONE}},
    [FLINK_STATEMENT] = {"flink_statement", "A Flink SQL statement",
	{FLINK_STATEMENT_NAME, FLINK_STATEMENT_UID}},
};

const struct metric metrics[] = {
    {"io.confluent.kafka.server/received_bytes", KAFKA, COUNTER_INT64,
	VALUES_BYTES, "By", {TOPIC, PARTITION}, false},
    {"io.confluent.kafka.server/sent_bytes", KAFKA, COUNTER_INT64, VALUES_BYTES,
	"By", {TOPIC, PARTITION}, false},
    {"io.confluent.kafka.server/received_records", KAFKA, COUNTER_INT64,
	VALUES_COUNT, "1", {TOPIC, PARTITION}, false},
    {"io.confluent.kafka.server/sent_records", KAFKA, COUNTER_INT64,
	VALUES_COUNT, "1", {TOPIC, PARTITION}, false},
    {"io.confluent.kafka.server/retained_bytes", KAFKA, GAUGE_INT64,
	VALUES_LEVEL, "By", {TOPIC, PARTITION}, false},
    {"io.confluent.kafka.server/request_bytes", KAFKA, COUNTER_INT64,
	VALUES_BYTES, "By", {TYPE, PRINCIPAL_ID}, false},
    {"io.confluent.kafka.server/response_bytes", KAFKA, COUNTER_INT64,
	VALUES_BYTES, "By", {TYPE, PRINCIPAL_ID, ZONE_ALIGNMENT}, false},
    {"io.confluent.kafka.server/active_connection_count", KAFKA, GAUGE_INT64,
	VALUES_COUNT, "1", {PRINCIPAL_ID}, false},
    {"io.confluent.kafka.server/request_count", KAFKA, COUNTER_INT64,
	VALUES_COUNT, "1", {TYPE, PRINCIPAL_ID}, false},
    {"io.confluent.kafka.server/partition_count", KAFKA, GAUGE_INT64,
	VALUES_COUNT, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.server/successful_authentication_count", KAFKA,
	COUNTER_INT64, VALUES_COUNT, "1", {PRINCIPAL_ID}, false},
    {"io.confluent.kafka.server/consumer_lag_offsets", KAFKA, GAUGE_INT64,
	VALUES_COUNT, "1", {TOPIC, CONSUMER_GROUP_ID}, false},
    {"io.confluent.kafka.server/cluster_load_percent", KAFKA, GAUGE_DOUBLE,
	VALUES_RATIO, "1", {LABEL_NONE}, true},
    {"io.confluent.kafka.server/cluster_load_percent_avg", KAFKA, GAUGE_DOUBLE,
	VALUES_RATIO, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.server/cluster_load_percent_max", KAFKA, GAUGE_DOUBLE,
	VALUES_RATIO, "1", {LABEL_NONE}, true},
    {"io.confluent.kafka.server/hot_partition_ingress", KAFKA, GAUGE_DOUBLE,
	VALUES_HOT, "1", {TOPIC}, true},
    {"io.confluent.kafka.server/hot_partition_egress", KAFKA, GAUGE_DOUBLE,
	VALUES_HOT, "1", {TOPIC}, true},
    {"io.confluent.kafka.server/rest_produce_request_bytes", KAFKA,
	COUNTER_INT64, VALUES_BYTES, "By", {LABEL_NONE}, false},
    {"io.confluent.kafka.server/deprecated_request_count", KAFKA, COUNTER_INT64,
	VALUES_COUNT, "1", {TYPE, PRINCIPAL_ID}, false},
    {"io.confluent.kafka.server/connection_info", KAFKA, GAUGE_INT64,
	VALUES_ONE, "1", {PRINCIPAL_ID}, false},
    {"io.confluent.kafka.server/producer_latency_avg_milliseconds", KAFKA,
	GAUGE_DOUBLE, VALUES_RATIO, "ms", {LABEL_NONE}, false},
    {"io.confluent.kafka.server/dedicated_cku_count", KAFKA, GAUGE_INT64,
	VALUES_ONE, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.server/elastic_cku_count", KAFKA, GAUGE_INT64,
	VALUES_ONE, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.server/max_pending_rebalance_time_milliseconds", KAFKA,
	GAUGE_INT64, VALUES_COUNT, "ms", {LABEL_NONE}, true},
    {"io.confluent.kafka.server/created_acls_count_per_tenant", KAFKA,
	GAUGE_INT64, VALUES_COUNT, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.server/cluster_link_destination_response_bytes", KAFKA,
	COUNTER_INT64, VALUES_BYTES, "By", {LABEL_NONE}, false},
    {"io.confluent.kafka.server/cluster_link_source_response_bytes", KAFKA,
	COUNTER_INT64, VALUES_BYTES, "By", {LABEL_NONE}, false},
    {"io.confluent.kafka.server/cluster_link_count", KAFKA, GAUGE_INT64,
	VALUES_ONE, "1", {LABEL_NONE}, true},
    {"io.confluent.kafka.server/cluster_active_link_count", KAFKA, GAUGE_INT64,
	VALUES_ONE, "1", {LABEL_NONE}, true},
    {"io.confluent.kafka.server/cluster_link_task_count", KAFKA, GAUGE_INT64,
	VALUES_ONE, "1", {LABEL_NONE}, true},
    {"io.confluent.kafka.server/cluster_link_mirror_topic_bytes", KAFKA,
	COUNTER_INT64, VALUES_BYTES, "By", {LINK_NAME, TOPIC}, false},
    {"io.confluent.kafka.server/cluster_link_mirror_topic_count", KAFKA,
	GAUGE_INT64, VALUES_COUNT, "1", {LINK_NAME}, false},
    {"io.confluent.kafka.server/cluster_link_mirror_topic_offset_lag", KAFKA,
	GAUGE_INT64, VALUES_COUNT, "1", {LINK_NAME, TOPIC}, true},
    {"io.confluent.kafka.server/cluster_link_mirror_transition_in_error", KAFKA,
	GAUGE_INT64, VALUES_COUNT, "1", {LINK_NAME}, false},
    {"io.confluent.kafka.connect/sent_records", CONNECTOR, COUNTER_INT64,
	VALUES_COUNT, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.connect/sent_bytes", CONNECTOR, COUNTER_INT64,
	VALUES_BYTES, "By", {LABEL_NONE}, false},
    {"io.confluent.kafka.connect/received_records", CONNECTOR, COUNTER_INT64,
	VALUES_COUNT, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.connect/received_bytes", CONNECTOR, COUNTER_INT64,
	VALUES_BYTES, "By", {LABEL_NONE}, false},
    {"io.confluent.kafka.connect/dead_letter_queue_records", CONNECTOR,
	COUNTER_INT64, VALUES_COUNT, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.connect/connector_status", CONNECTOR, GAUGE_INT64,
	VALUES_ONE, "1", {STATUS}, false},
    {"io.confluent.kafka.connect/connector_task_status", CONNECTOR, GAUGE_INT64,
	VALUES_ONE, "1", {STATUS, TASK_ID}, false},
    {"io.confluent.kafka.connect/connector_task_batch_size_avg", CONNECTOR,
	GAUGE_DOUBLE, VALUES_RATIO, "1", {TASK_ID}, false},
    {"io.confluent.kafka.connect/connector_task_batch_size_max", CONNECTOR,
	GAUGE_INT64, VALUES_COUNT, "1", {TASK_ID}, true},
    {"io.confluent.kafka.connect/records_lag_max", CONNECTOR, GAUGE_INT64,
	VALUES_COUNT, "1", {LABEL_NONE}, true},
    {"io.confluent.kafka.connect/"
     "sql_server_cdc_source_connector_snapshot_running",
	CONNECTOR, GAUGE_INT64, VALUES_ONE, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.connect/"
     "sql_server_cdc_source_connector_snapshot_completed",
	CONNECTOR, GAUGE_INT64, VALUES_ONE, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.connect/"
     "sql_server_cdc_source_connector_schema_history_status",
	CONNECTOR, GAUGE_INT64, VALUES_ONE, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.connect/mysql_cdc_source_connector_snapshot_running",
	CONNECTOR, GAUGE_INT64, VALUES_ONE, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.connect/mysql_cdc_source_connector_snapshot_completed",
	CONNECTOR, GAUGE_INT64, VALUES_ONE, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.connect/"
     "mysql_cdc_source_connector_schema_history_status",
	CONNECTOR, GAUGE_INT64, VALUES_ONE, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.connect/"
     "postgres_cdc_source_connector_snapshot_running",
	CONNECTOR, GAUGE_INT64, VALUES_ONE, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.connect/"
     "postgres_cdc_source_connector_snapshot_completed",
	CONNECTOR, GAUGE_INT64, VALUES_ONE, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.ksql/streaming_unit_count", KSQL, GAUGE_INT64,
	VALUES_COUNT, "1", {LABEL_NONE}, true},
    {"io.confluent.kafka.ksql/query_saturation", KSQL, GAUGE_DOUBLE,
	VALUES_RATIO, "1", {QUERY_ID}, false},
    {"io.confluent.kafka.ksql/storage_utilization", KSQL, GAUGE_DOUBLE,
	VALUES_RATIO, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.ksql/task_stored_bytes", KSQL, GAUGE_DOUBLE,
	VALUES_LARGE, "By", {QUERY_ID, TASK_ID}, false},
    {"io.confluent.kafka.ksql/committed_offset_lag", KSQL, GAUGE_INT64,
	VALUES_COUNT, "1", {QUERY_ID}, false},
    {"io.confluent.kafka.ksql/consumed_total_bytes", KSQL, COUNTER_INT64,
	VALUES_BYTES, "By", {LABEL_NONE}, false},
    {"io.confluent.kafka.ksql/produced_total_bytes", KSQL, COUNTER_INT64,
	VALUES_BYTES, "By", {LABEL_NONE}, false},
    {"io.confluent.kafka.ksql/offsets_processed_total", KSQL, COUNTER_INT64,
	VALUES_COUNT, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.ksql/processing_errors_total", KSQL, COUNTER_INT64,
	VALUES_COUNT, "1", {QUERY_ID}, false},
    {"io.confluent.kafka.ksql/query_restarts", KSQL, COUNTER_INT64,
	VALUES_COUNT, "1", {QUERY_ID}, false},
    {"io.confluent.kafka.schema_registry/schema_count", SCHEMA_REGISTRY,
	GAUGE_INT64, VALUES_COUNT, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.schema_registry/request_count", SCHEMA_REGISTRY,
	COUNTER_INT64, VALUES_COUNT, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.schema_registry/schema_operations_count",
	SCHEMA_REGISTRY, COUNTER_INT64, VALUES_COUNT, "1", {LABEL_NONE}, false},
    {"io.confluent.flink/compute_pool_utilization/current_cfus", COMPUTE_POOL,
	GAUGE_INT64, VALUES_COUNT, "1", {LABEL_NONE}, true},
    {"io.confluent.flink/compute_pool_utilization/cfu_limit", COMPUTE_POOL,
	GAUGE_INT64, VALUES_LEVEL, "1", {LABEL_NONE}, true},
    {"io.confluent.flink/compute_pool_utilization/cfu_minutes_consumed",
	COMPUTE_POOL, COUNTER_DOUBLE, VALUES_RATIO, "1", {LABEL_NONE}, false},
    {"io.confluent.flink/num_records_in", FLINK_STATEMENT, COUNTER_INT64,
	VALUES_COUNT, "1", {TABLE_NAME}, false},
    {"io.confluent.flink/num_records_out", FLINK_STATEMENT, COUNTER_INT64,
	VALUES_COUNT, "1", {TABLE_NAME}, false},
    {"io.confluent.flink/pending_records", FLINK_STATEMENT, GAUGE_INT64,
	VALUES_COUNT, "1", {TABLE_NAME}, false},
    {"io.confluent.flink/current_input_watermark_milliseconds", FLINK_STATEMENT,
	GAUGE_INT64, VALUES_WATERMARK, "ms", {TABLE_NAME}, true},
    {"io.confluent.flink/current_output_watermark_milliseconds",
	FLINK_STATEMENT, GAUGE_INT64, VALUES_WATERMARK, "ms", {TABLE_NAME},
	true},
    {"io.confluent.flink/statement_utilization/current_cfus", FLINK_STATEMENT,
	GAUGE_INT64, VALUES_COUNT, "1", {LABEL_NONE}, true},
    {"io.confluent.flink/statement_utilization/cfu_minutes_consumed",
	FLINK_STATEMENT, COUNTER_DOUBLE, VALUES_RATIO, "1", {LABEL_NONE},
	false},
    {"io.confluent.flink/num_late_records_in", FLINK_STATEMENT, COUNTER_INT64,
	VALUES_COUNT, "1", {TABLE_NAME}, false},
    {"io.confluent.flink/max_input_lateness_milliseconds", FLINK_STATEMENT,
	GAUGE_INT64, VALUES_COUNT, "ms", {LABEL_NONE}, true},
    {"io.confluent.flink/num_records_in_errors", FLINK_STATEMENT, COUNTER_INT64,
	VALUES_COUNT, "1", {TABLE_NAME}, false},
    {"io.confluent.flink/statement_status", FLINK_STATEMENT, GAUGE_INT64,
	VALUES_ONE, "1", {STATUS}, false},
    {"io.confluent.flink/task/num_records_in", FLINK_STATEMENT, COUNTER_INT64,
	VALUES_COUNT, "1", {FLINK_TASK_ID}, false},
    {"io.confluent.flink/task/num_records_out", FLINK_STATEMENT, COUNTER_INT64,
	VALUES_COUNT, "1", {FLINK_TASK_ID}, false},
    {"io.confluent.flink/task/num_bytes_in", FLINK_STATEMENT, COUNTER_INT64,
	VALUES_BYTES, "By", {FLINK_TASK_ID}, false},
    {"io.confluent.flink/task/num_bytes_out", FLINK_STATEMENT, COUNTER_INT64,
	VALUES_BYTES, "By", {FLINK_TASK_ID}, false},
    {"io.confluent.flink/task/busy_time_ms_per_second", FLINK_STATEMENT,
	GAUGE_INT64, VALUES_COUNT, "ms", {FLINK_TASK_ID}, false},
    {"io.confluent.flink/task/idle_time_ms_per_second", FLINK_STATEMENT,
	GAUGE_INT64, VALUES_COUNT, "ms", {FLINK_TASK_ID}, false},
    {"io.confluent.flink/task/backpressure_time_ms_per_second", FLINK_STATEMENT,
	GAUGE_INT64, VALUES_COUNT, "ms", {FLINK_TASK_ID}, false},
    {"io.confluent.flink/operator/state_size_bytes", FLINK_STATEMENT,
	GAUGE_INT64, VALUES_LEVEL, "By", {FLINK_OPERATOR_ID}, false},
    {"io.confluent.flink/operator/current_parallelism", FLINK_STATEMENT,
	GAUGE_INT64, VALUES_ONE, "1", {FLINK_OPERATOR_ID}, false},
    {"io.confluent.flink/operator/max_parallelism", FLINK_STATEMENT,
	GAUGE_INT64, VALUES_ONE, "1", {FLINK_OPERATOR_ID}, false},
    {"io.confluent.flink/operator/num_records_in", FLINK_STATEMENT,
	COUNTER_INT64, VALUES_COUNT, "1", {FLINK_OPERATOR_ID}, false},
    {"io.confluent.flink/operator/current_input_watermark_ms", FLINK_STATEMENT,
	GAUGE_INT64, VALUES_WATERMARK, "ms", {FLINK_OPERATOR_ID}, true},
    {"io.confluent.flink/operator/current_output_watermark_ms", FLINK_STATEMENT,
	GAUGE_INT64, VALUES_WATERMARK, "ms", {FLINK_OPERATOR_ID}, true},
    {"io.confluent.flink/split/current_watermark_ms", FLINK_STATEMENT,
	GAUGE_INT64, VALUES_WATERMARK, "ms", {FLINK_SPLIT}, true},
    {"io.confluent.flink/split/watermark_active_time_ms_per_second",
	FLINK_STATEMENT, GAUGE_INT64, VALUES_COUNT, "ms", {FLINK_SPLIT}, false},
    {"io.confluent.flink/split/watermark_paused_time_ms_per_second",
	FLINK_STATEMENT, GAUGE_INT64, VALUES_COUNT, "ms", {FLINK_SPLIT}, false},
    {"io.confluent.flink/split/watermark_idle_time_ms_per_second",
	FLINK_STATEMENT, GAUGE_INT64, VALUES_COUNT, "ms", {FLINK_SPLIT}, false},
    {"io.confluent.tableflow/snapshots_generated", KAFKA, GAUGE_INT64,
	VALUES_COUNT, "1", {LABEL_NONE}, false},
    {"io.confluent.tableflow/rows_added", KAFKA, GAUGE_INT64, VALUES_COUNT, "1",
	{LABEL_NONE}, false},
    {"io.confluent.tableflow/rows_read", KAFKA, GAUGE_INT64, VALUES_COUNT, "1",
	{LABEL_NONE}, false},
    {"io.confluent.tableflow/bytes_added", KAFKA, GAUGE_INT64, VALUES_COUNT,
	"1", {LABEL_NONE}, false},
    {"io.confluent.tableflow/bytes_read", KAFKA, GAUGE_INT64, VALUES_COUNT, "1",
	{LABEL_NONE}, false},
    {"io.confluent.tableflow/kafka_topic_offset", KAFKA, GAUGE_INT64,
	VALUES_COUNT, "1", {LABEL_NONE}, false},
    {"io.confluent.tableflow/table_offset", KAFKA, GAUGE_INT64, VALUES_COUNT,
	"1", {LABEL_NONE}, false},
    {"io.confluent.tableflow/bytes_processed", KAFKA, GAUGE_INT64, VALUES_COUNT,
	"1", {LABEL_NONE}, false},
    {"io.confluent.tableflow/num_topics", KAFKA, GAUGE_INT64, VALUES_COUNT, "1",
	{LABEL_NONE}, false},
    {"io.confluent.tableflow/storage", KAFKA, GAUGE_INT64, VALUES_COUNT, "1",
	{LABEL_NONE}, false},
    {"io.confluent.tableflow/bytes_compacted", KAFKA, GAUGE_INT64, VALUES_COUNT,
	"1", {LABEL_NONE}, false},
    {"io.confluent.tableflow/files_compacted", KAFKA, GAUGE_INT64, VALUES_COUNT,
	"1", {LABEL_NONE}, false},
    {"io.confluent.tableflow/rows_skipped", KAFKA, GAUGE_INT64, VALUES_COUNT,
	"1", {LABEL_NONE}, false},
    {"io.confluent.tableflow/compactions_pending", KAFKA, GAUGE_INT64,
	VALUES_COUNT, "1", {LABEL_NONE}, false},
    {"io.confluent.tableflow/compaction_duration", KAFKA, GAUGE_INT64,
	VALUES_COUNT, "1", {LABEL_NONE}, false},
    {"io.confluent.tableflow/delta_bytes_added", KAFKA, GAUGE_INT64,
	VALUES_COUNT, "1", {LABEL_NONE}, false},
    {"io.confluent.tableflow/delta_rows_added", KAFKA, GAUGE_INT64,
	VALUES_COUNT, "1", {LABEL_NONE}, false},
    {"io.confluent.tableflow/delta_versions_generated", KAFKA, GAUGE_INT64,
	VALUES_COUNT, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.streams/kafka_streams_client_state", KAFKA,
	GAUGE_DOUBLE, VALUES_RATIO, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.streams/thread_thread_state", KAFKA, GAUGE_DOUBLE,
	VALUES_RATIO, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.streams/recording_level", KAFKA, GAUGE_DOUBLE,
	VALUES_RATIO, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.streams/process_ratio", KAFKA, GAUGE_DOUBLE,
	VALUES_RATIO, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.streams/commit_ratio", KAFKA, GAUGE_DOUBLE,
	VALUES_RATIO, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.streams/punctuate_ratio", KAFKA, GAUGE_DOUBLE,
	VALUES_RATIO, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.streams/poll_ratio", KAFKA, GAUGE_DOUBLE, VALUES_RATIO,
	"1", {LABEL_NONE}, false},
    {"io.confluent.kafka.streams/node_e2e_latency_max", KAFKA, GAUGE_DOUBLE,
	VALUES_RATIO, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.streams/node_e2e_latency_min", KAFKA, GAUGE_DOUBLE,
	VALUES_RATIO, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.streams/size_all_mem_tables_bytes", KAFKA,
	GAUGE_DOUBLE, VALUES_RATIO, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.streams/estimate_num_keys", KAFKA, GAUGE_DOUBLE,
	VALUES_RATIO, "1", {LABEL_NONE}, false},
    {"io.confluent.kafka.streams/block_cache_usage", KAFKA, GAUGE_DOUBLE,
	VALUES_RATIO, "1", {LABEL_NONE}, false},
};

_Static_assert(sizeof(metrics) / sizeof(metrics[0]) <= CATALOGUE_SIZE_MAX,
    "CATALOGUE_SIZE_MAX is too small");
const size_t nmetrics = sizeof(metrics) / sizeof(metrics[0]);

const char *
label_name(enum label label)
{
	return labels[label].name;
}

const char *
label_key(enum label label)
{
	return strchr(labels[label].name, '.') + 1;
}

const char *
label_description(enum label label)
{
	return labels[label].description;
}

enum label
label_find(const char *name)
{
	for (enum label label = LABEL_NONE + 1; label < LABELS; label++)
		if (strcmp(labels[label].name, name) == 0)
			return label;
	return LABEL_NONE;
}

const struct metric *
metric_find(const char *name)
{
	for (size_t i = 0; i < nmetrics; i++)
		if (strcmp(metrics[i].name, name) == 0)
			return &metrics[i];
	return NULL;
}

bool
metric_has_resource(const struct metric *metric, enum resource_type type)
{
	return metric->resource == type ||
	    (metric->resource == FLINK_STATEMENT && type == COMPUTE_POOL);
}

bool
metric_has_label(const struct metric *metric, enum label label)
{
	if (label == LABEL_NONE)
		return false;
	for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
		if (metric->labels[i] == label)
			return true;
	for (enum resource_type type = 0; type < RESOURCE_TYPES; type++)
		if (metric_has_resource(metric, type) &&
		    (resource_descriptors[type].labels[0] == label ||
			resource_descriptors[type].labels[1] == label))
			return true;
	return false;
}

bool
metric_is_exported(const struct metric *metric)
{
	static const char *const exported[] = {
	    "kafka.server/received_bytes",
	    "kafka.server/sent_bytes",
	    "kafka.server/received_records",
	    "kafka.server/sent_records",
	    "kafka.server/retained_bytes",
	    "kafka.server/request_bytes",
	    "kafka.server/response_bytes",
	    "kafka.server/active_connection_count",
	    "kafka.server/request_count",
	    "kafka.server/partition_count",
	    "kafka.server/successful_authentication_count",
	    "kafka.server/consumer_lag_offsets",
	    "kafka.server/cluster_load_percent",
	    "kafka.server/hot_partition_ingress",
	    "kafka.server/hot_partition_egress",
	    "kafka.server/rest_produce_request_bytes",
	    "kafka.connect/sent_records",
	    "kafka.connect/sent_bytes",
	    "kafka.connect/received_records",
	    "kafka.connect/received_bytes",
	    "kafka.connect/dead_letter_queue_records",
	    "kafka.ksql/streaming_unit_count",
	    "kafka.ksql/query_saturation",
	    "kafka.ksql/storage_utilization",
	    "kafka.ksql/task_stored_bytes",
	    "kafka.schema_registry/schema_count",
	    "flink/compute_pool_utilization/current_cfus",
	    "flink/compute_pool_utilization/cfu_limit",
	    "flink/compute_pool_utilization/cfu_minutes_consumed",
	    "flink/num_records_in",
	    "flink/num_records_out",
	    "flink/pending_records",
	    "flink/current_input_watermark_milliseconds",
	    "flink/current_output_watermark_milliseconds",
	};
	const char *name = metric->name + strlen("io.confluent.");

	for (size_t i = 0; i < sizeof(exported) / sizeof(exported[0]); i++)
		if (strcmp(exported[i], name) == 0)
			return true;
	return false;
}

void
metric_describe(const struct metric *metric, struct buf *out)
{
	buf_printf(out,
	    "%s: \"simulated\", of every minute \xe2\x80\x94 aggregated over "
	    "time by its %s.",
	    metric->name,
	    metric->max_only ? "maximum"
		: metric->type == GAUGE_INT64 || metric->type == GAUGE_DOUBLE
		? "average"
		: "sum");
}

const char *
metric_type_name(enum metric_type type)
{
	static const char *const names[] = {[COUNTER_INT64] = "COUNTER_INT64",
	    [COUNTER_DOUBLE] = "COUNTER_DOUBLE",
	    [GAUGE_INT64] = "GAUGE_INT64",
	    [GAUGE_DOUBLE] = "GAUGE_DOUBLE"};

	return names[type];
}

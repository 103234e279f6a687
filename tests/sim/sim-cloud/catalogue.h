/*
 * What the simulated API knows: labels, resource types and metrics, as the
 * descriptors endpoints list them (names and labels after the API's metrics
 * reference; where that leaves a kind or a unit open, one was chosen).
 */
#ifndef SIM_CLOUD_CATALOGUE_H
#define SIM_CLOUD_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

enum label {
	LABEL_NONE,
	/* of resources */
	KAFKA_ID,
	CONNECTOR_ID,
	CUSTOM_CONNECTOR_ID,
	KSQL_ID,
	SCHEMA_REGISTRY_ID,
	COMPUTE_POOL_ID,
	FLINK_STATEMENT_NAME,
	FLINK_STATEMENT_UID,
	/* of metrics */
	TOPIC,
	PARTITION,
	PRINCIPAL_ID,
	TYPE,
	ZONE_ALIGNMENT,
	CONSUMER_GROUP_ID,
	LINK_NAME,
	TABLE_NAME,
	QUERY_ID,
	TASK_ID,
	STATUS,
	FLINK_TASK_ID,
	FLINK_OPERATOR_ID,
	FLINK_SPLIT,
	LABELS
};

enum resource_type {
	KAFKA,
	CONNECTOR,
	CUSTOM_CONNECTOR,
	KSQL,
	SCHEMA_REGISTRY,
	COMPUTE_POOL,
	FLINK_STATEMENT, /* belongs to a compute pool, by whose id it is asked
			  */
	RESOURCE_TYPES
};

struct resource_descriptor {
	const char *type;
	const char *description;
	enum label labels[2]; /* LABEL_NONE behind the last one */
};

enum metric_type { COUNTER_INT64, COUNTER_DOUBLE, GAUGE_INT64, GAUGE_DOUBLE };

/* How the values of a minute come about. */
enum values {
	VALUES_COUNT,     /* 0 to 999 */
	VALUES_BYTES,     /* 0 to 999,999 */
	VALUES_LEVEL,     /* a level of the series, and 0 to 999 */
	VALUES_LARGE,     /* the same near 10^12 */
	VALUES_RATIO,     /* 0 to 1, 53 bits of it */
	VALUES_ONE,       /* always 1 */
	VALUES_HOT,       /* 1 in a quarter of all hours, absent otherwise */
	VALUES_WATERMARK, /* a time in ms, or "none yet": -2^63 */
};

#define METRIC_LABELS_MAX 3

struct metric {
	const char *name;
	enum resource_type resource;
	enum metric_type type;
	enum values values;
	const char *unit;
	enum label labels[METRIC_LABELS_MAX]; /* LABEL_NONE behind the last */
	bool max_only; /* aggregates by MAX; SUM is refused */
};

/* No catalogue is longer. */
#define CATALOGUE_SIZE_MAX 128

extern const struct metric metrics[];
extern const size_t nmetrics;
extern const struct resource_descriptor resource_descriptors[RESOURCE_TYPES];

/* "metric.topic", "resource.kafka.id": a label's name in queries. */
const char *label_name(enum label label);
/* The same as descriptors write it: "topic", "kafka.id". */
const char *label_key(enum label label);
const char *label_description(enum label label);
/* LABEL_NONE where there is none of that name. */
enum label label_find(const char *name);

/* NULL where there is none of that name. */
const struct metric *metric_find(const char *name);
/* True where queries for the metric may use the label. */
bool metric_has_label(const struct metric *metric, enum label label);
/* The types of resource of a metric: one, or a statement and its pool. */
bool metric_has_resource(const struct metric *metric, enum resource_type type);

/* True where the API is known to export it (its reference, section 3). */
bool metric_is_exported(const struct metric *metric);
/* Appends its description, one line. */
void metric_describe(const struct metric *metric, struct buf *out);

const char *metric_type_name(enum metric_type type);

#endif

/*
 * The types of resources that the Metrics API knows, and the environment
 * variable that lists the ids of each.
 */
#ifndef CCM_RESOURCE_TYPES_H
#define CCM_RESOURCE_TYPES_H

struct resource_type {
	const char *type;     /* "kafka.id": the label is "resource.kafka.id" */
	const char *variable; /* "CONFLUENT_METRICS_CLUSTER_ID_LIST" */
};

#define RESOURCE_TYPES 5

extern const struct resource_type resource_types[RESOURCE_TYPES];

#endif

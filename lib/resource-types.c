#include "resource-types.h"

const struct resource_type resource_types[RESOURCE_TYPES] = {
    {"kafka.id", "CONFLUENT_METRICS_CLUSTER_ID_LIST"},
    {"compute_pool.id", "CONFLUENT_METRICS_COMPUTE_POOL_ID_LIST"},
    {"connector.id", "CONFLUENT_METRICS_CONNECTOR_ID_LIST"},
    {"ksql.id", "CONFLUENT_METRICS_KSQL_ID_LIST"},
    {"schema_registry.id", "CONFLUENT_METRICS_SCHEMA_REGISTRY_ID_LIST"},
};

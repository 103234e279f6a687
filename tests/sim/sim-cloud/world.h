/*
 * The world that the simulated API tells of: resources, the series that their
 * metrics have, and a value for each series and minute.
 *
 * Nothing is stored: a value is a hash of the metric's name, the series' labels
 * and the minute, so that the same question has the same answer for ever, and
 * that the values of an hour are the sums (counters) or averages (gauges) of
 * those of its minutes, those of a cluster the sums of those of its topics.
 */
#ifndef SIM_CLOUD_WORLD_H
#define SIM_CLOUD_WORLD_H

#include <stdint.h>

#include "buf.h"
#include "catalogue.h"

#define MINUTE_MS ((int64_t)60000)
#define RETENTION_MS (7 * 24 * 60 * MINUTE_MS)

/* How many of each there are; a resource's are for each of it. */
struct world_size {
	int clusters, principals, topics, partitions, consumer_groups;
	int connectors, ksql_applications, schema_registries;
	int compute_pools, statements;
};

/* A point of the table of -w. */
struct table_row {
	const struct metric *metric;
	char *labels[LABELS]; /* NULL where the point lacks one */
	int64_t time_ms;
	char *text; /* the value as it is written */
	double value;
};

struct strings {
	char **at;
	size_t n;
	/* The same but for NULLs, to look one up among ten thousand; made when
	 * all of them are there. */
	char **sorted;
	size_t nsorted;
};

struct world {
	/* What there is of a label that the table does not name, in order. A
	 * NULL among them: some series lack that label. */
	struct strings values[LABELS];
	/* Ids of resources that only the table names. */
	struct strings table_ids[LABELS];
	struct table_row *rows;
	size_t nrows;
	struct strings refused; /* ids that the key is not authorised for */
};

struct series {
	const struct metric *metric;
	const char *labels[LABELS]; /* NULL where the series lacks one */
	uint64_t seed;
	const struct table_row *row; /* of the table: this point is all */
};

void world_init(struct world *world, const struct world_size *size);
void world_free(struct world *world);

/*
 * Reads a table: a JSON array of points as ccm-fetch writes them,
 * {"metric":...,LABEL:...,"timestamp":...,"value":...}. What is asked of a
 * resource and a metric that occur in it is answered from it alone. Returns
 * false with what is wrong in `problem`.
 */
bool world_read_table(
    struct world *world, const char *text, size_t len, struct buf *problem);

void world_set_refused(struct world *world, const char **ids, size_t n);

/* The label by which a metric's resource is known and its readers authorised.
 */
enum label metric_id_label(const struct metric *metric);
/* True for a label of that kind. */
bool label_authorises(enum label label);

/* True where the resource exists and the key may read it. */
bool world_is_authorised(
    const struct world *world, enum label label, const char *id);

/*
 * Calls `each` for every series that a metric has in the resources that the key
 * may read and that `wanted` does not turn down by their id. The labels'
 * strings live as long as the world.
 */
void world_each_series(const struct world *world, const struct metric *metric,
    bool (*wanted)(void *context, const char *id),
    void (*each)(void *context, const struct series *series), void *context);

/* True where the series has a value at that minute (since the epoch). */
bool series_has_value(const struct series *series, int64_t minute);
int64_t series_integer(const struct series *series, int64_t minute);
double series_value(const struct series *series, int64_t minute);

#endif

/*
 * The series that are shown to Prometheus: the newest value of each client
 * metric that came back from Kafka.
 *
 * A series is what Prometheus takes for one: the valid name, and the labels in
 * any order. So "cpu-usage" and "cpu_usage" are one series, and no scrape has
 * one twice.
 */
#ifndef CCM_INGESTD_SERIES_H
#define CCM_INGESTD_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metric.h"

/* A value's text; a double needs at most 24 bytes. */
#define SERIES_VALUE_SIZE 32
#define FAMILY_BUCKETS ((size_t)16384)

/* All samples of one name. */
struct family {
	char *name; /* "client_metric_cpu_usage" */
	char *help; /* "Client metric: cpu_usage" */
	struct family *next;

	/* private */
	size_t hash;
	struct family *previous, *next_in_bucket;
	struct series *first, *last;
	unsigned references;
};

struct series {
	struct family *family;
	const char *app_id; /* "" where it has none */
	const char *labels; /* host="server1",environment="production" */
	char value[SERIES_VALUE_SIZE];

	/* private */
	int64_t timestamp, received;
	int64_t partition;
	size_t hash, key_len;
	struct series *next_in_bucket, *previous, *next;
	unsigned references;
	char key[]; /* then app_id and labels, with their NULs */
};

struct series_options {
	int64_t ttl_ms; /* 0: for ever */
	size_t max;
	bool with_app;     /* another app's is another series */
	bool with_profile; /* profileId is the label profile_id */
};

struct series_table {
	struct series_options options;
	size_t count;
	uint64_t over_limit; /* metrics that would have been one too many */
	struct family *families;

	/* private */
	struct series **buckets;
	size_t nbuckets;
	struct family *family_buckets[FAMILY_BUCKETS];
	size_t expire_at; /* the bucket to look at next */
	struct buf key, labels;
};

void series_table_init(
    struct series_table *table, const struct series_options *options);
void series_table_free(struct series_table *table);

/*
 * Takes a metric's value where it is the newest of its series (design-ingest:
 * the greatest timestamp, of equal ones the later to come; one over five
 * minutes after `received` counts as `received`).
 */
void series_put(
    struct series_table *table, const struct metric *metric, int64_t now_ms);

/* Drops series whose time is over, of a part of the table; true where it has
 * gone round. */
bool series_expire(struct series_table *table, int64_t now_ms);

/* Drops the series that came from other partitions than these. */
void series_keep_partitions(
    struct series_table *table, const int64_t *partitions, size_t count);

/* A sample as it was at one time. */
struct series_sample {
	struct series *series;
	char value[SERIES_VALUE_SIZE];
};

/* All of them, the samples of a family together; for
 * series_snapshot_free(). */
struct series_sample *series_snapshot(
    const struct series_table *table, size_t *count);
void series_snapshot_free(struct series_sample *samples, size_t count);

#endif

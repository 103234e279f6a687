/*
 * A client metric: what a client POSTs, what the spool holds and what comes
 * back from Kafka (design: "Client metric"; the fields are those of the Avro
 * schema com.metrics.collection.Metric).
 */
#ifndef CCM_INGESTD_METRIC_H
#define CCM_INGESTD_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"

#define METRIC_NAME_MAX 255 /* bytes of a name and of a profileId */
#define METRIC_TAGS_MAX 64
#define METRIC_TAG_NAME_MAX 255
#define METRIC_TAG_VALUE_MAX 1024
#define METRIC_BYTES_MAX ((size_t)64 << 10) /* of its line */
#define METRICS_MAX 10000                   /* of a batch */
/* The year 9999, in milliseconds: later is a mistake in the unit. */
#define METRIC_TIMESTAMP_MAX 253402300799999

enum metric_source {
	METRIC_POSTED,   /* the five fields of the schema, and no other */
	METRIC_SPOOLED,  /* with app_id and received */
	METRIC_CONSUMED, /* app_id, received, partition, offset may be there */
};

struct metric_tag {
	struct json_text name, value;
};

/* The texts point into the JSON that was read. */
struct metric {
	struct json_text name, value, profile_id;
	struct json_text app_id; /* len is 0 where there is none */
	int64_t timestamp;
	int64_t received;  /* -1 where there is none */
	int64_t partition; /* the same */
	struct metric_tag tags[METRIC_TAGS_MAX];
	size_t ntags;
};

/* What is wrong, and where: a JSON Pointer (RFC 6901). */
struct metric_problem {
	struct buf pointer;
	struct buf detail;
	bool too_many; /* over METRICS_MAX */
};

/* True for [A-Za-z0-9._~-]{1,128}. */
bool metric_app_id_is_valid(const char *app_id, size_t len);

/* Reads the metric that stands next. On false, the problem is set. */
bool metric_read(struct json *json, enum metric_source source,
    struct metric *metric, struct metric_problem *problem);

/* The same for a whole line, without its newline; what is behind it has to be
 * as json_start() wants it. */
bool metric_read_line(struct json *json, const char *line, size_t len,
    enum metric_source source, struct metric *metric,
    struct metric_problem *problem);

/* Appends the metric as an object: with app_id first where `app_id` is not
 * NULL, and received last where that is not negative. */
void metric_write(struct buf *out, const struct metric *metric,
    const char *app_id, int64_t received);

/*
 * Reads {"metrics":[...]} and appends a line for each metric. Returns their
 * number, or -1 with the problem set: then nothing is to be kept of `lines`.
 */
long metric_read_batch(struct json *json, const char *body, size_t len,
    const char *app_id, int64_t received, struct buf *lines,
    struct metric_problem *problem);

void metric_problem_free(struct metric_problem *problem);

#endif

/*
 * A client metric: what a client POSTs. As a line of the spool of ccm-ingestd,
 * as one of those that come back from Kafka, and in Avro by our own schema.
 */
#ifndef CCM_AVRO_METRIC_H
#define CCM_AVRO_METRIC_H

#include <stdbool.h>
#include <stdint.h>

#include "binary.h"
#include "buf.h"
#include "json.h"

/* Of any application's; ccm-ingestd takes 64 (design of its HTTP API). */
#define METRIC_TAGS_MAX 1024

struct metric_tag {
	struct text key, value;
};

struct metric {
	struct text name, profile_id;
	double value;
	int64_t timestamp_ms;
	struct metric_tag *tags; /* no two with one key */
	size_t ntags;

	size_t tags_size; /* private */
};

/* Without tags again, as all begins. */
void metric_clear(struct metric *metric);
void metric_free(struct metric *metric);

/* Adds a tag; of several with one key the last counts, in the place of the
 * first. False where there are METRIC_TAGS_MAX. */
bool metric_add_tag(
    struct metric *metric, const struct text *key, const struct text *value);

/* ---- Avro, with the five fields in the order of metric.avsc ------------- */

void metric_encode(struct buf *out, const struct metric *metric);

/* The texts are those of the message. */
bool metric_decode(struct binary *in, struct metric *metric);

/* Reads a map of strings, as `tags` is one. */
bool metric_decode_tags(struct binary *in, struct metric *metric);

/* ---- lines -------------------------------------------------------------- */

/* A line of the spool. */
struct spooled {
	struct text app_id;
	int64_t received_ms;
	struct metric metric;

	/* private */
	struct json json;
	struct buf decoded;
};

#define SPOOLED_INIT                                   \
	{                                              \
		.json = JSON_INIT, .decoded = BUF_INIT \
	}

/*
 * Reads a line; the texts are valid until the next one is read, as long as the
 * line is. False with a problem where it is not exactly what ccm-ingestd
 * writes: a member is missing, is of another type, or is unknown.
 */
bool spooled_read(
    struct spooled *spooled, const char *line, size_t len, struct buf *problem);
void spooled_free(struct spooled *spooled);

/* "[A-Za-z0-9._~-]{1,128}" */
bool app_id_is_valid(const struct text *app_id);

/* Where a line has come from; `app_id` and `partition` may be missing: at NULL,
 * and -1. */
struct arrival {
	struct text app_id;
	int64_t received_ms;
	int32_t partition;
	int64_t offset;
};

/* Appends the line. False with a problem where it would be no line that ccm
 * reads: the value is not finite, or it is over LINE_LENGTH_MAX. */
bool metric_write_line(struct buf *out, const struct metric *metric,
    const struct arrival *arrival, struct buf *problem);

#endif

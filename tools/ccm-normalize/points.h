/*
 * The data points of the Metrics API, as ccm-fetch writes them: a line of JSON
 * each, whose members are its metric, its timestamp, its value, and labels:
 * whatever else there is.
 */
#ifndef CCM_NORMALIZE_POINTS_H
#define CCM_NORMALIZE_POINTS_H

#include "record-writer.h"

struct points {
	struct record_writer *writer;

	/* private */
	struct json json;
	struct json_text metric, timestamp, value; /* of the current line */
	char **left_out; /* names of the properties that were reported */
	size_t nleft_out, left_out_size;
	struct buf decoded;
};

/* A line of a filter (filter.h); the state is a struct points, all zeros but
 * for its writer at first. */
bool points_line(void *state, const char *line, size_t len, struct buf *out,
    struct buf *problem);

void points_free(struct points *points);

#endif

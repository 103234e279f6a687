/*
 * Records and client metrics, the two kinds of line that flow between ccm's
 * programs (both: {"name":...,"tags":{...}}, the value being fields.value of
 * the one and value of the other).
 */
#ifndef CCM_RECORD_H
#define CCM_RECORD_H

#include <stdint.h>

#include "json.h"

/* A lower timestamp is one in seconds: they reach it in the year 5138. */
#define TIMESTAMP_SECONDS_BELOW 100000000000

struct record_tag {
	struct json_text key, value;
};

struct record {
	struct json_text name;
	struct json_text value;     /* a number; len is 0 where there is none */
	struct json_text timestamp; /* the same */
	struct record_tag *tags;
	size_t ntags;
	/* The top-level member that the caller requested, as it is: a string's
	 * text, or a number's; len is 0 and at NULL where there is none. */
	struct json_text extra;

	/* private */
	size_t tags_size;
	struct json json;
};

#define RECORD_INIT                                             \
	{                                                       \
		.tags = NULL, .tags_size = 0, .json = JSON_INIT \
	}

/*
 * Reads a line. `extra` names the top-level member wanted, or is NULL. The
 * texts point into the line. On false, `problem` has what is wrong appended:
 * text that is not JSON, a name that is missing or no string, tags that are no
 * object of strings, a value that is no number.
 *
 * What lies behind the line has to be as json_start() wants it.
 */
bool record_read(struct record *record, const char *line, size_t len,
    const char *extra, struct buf *problem);

/* Its timestamp in milliseconds since the epoch; one below
 * TIMESTAMP_SECONDS_BELOW is in seconds. 0 where there is none, or none that is
 * an integer. */
int64_t record_time_ms(const struct record *record);

void record_free(struct record *record);

#endif

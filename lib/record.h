/*
 * Records and client metrics, the two kinds of line that flow between ccm's
 * programs (both: {"name":...,"tags":{...}}, the value being fields.value of
 * the one and value of the other).
 */
#ifndef CCM_RECORD_H
#define CCM_RECORD_H

#include "json.h"

struct record_tag {
	struct json_text key, value;
};

/*
 * The layout of a line that was read: what stands between its simple values.
 * The lines of a stream hardly differ but in those, so a line is first held
 * against the layouts of those before; only one that fits none is read as JSON.
 */
#define RECORD_LAYOUTS 4
struct record_layout {
	struct buf line;
	struct record_slot {
		size_t literal, literal_len; /* before the value, in `line` */
		bool is_string;
		int role; /* what the value is: see record.c */
	} * slots;
	size_t nslots, slots_size;
	size_t tail; /* where the literal behind the last value begins */
	struct record_tag *tags; /* with their keys */
	size_t ntags;
};

struct record {
	struct json_text name;
	struct json_text value; /* a number; len is 0 where there is none */
	struct record_tag *tags;
	size_t ntags;
	/* A top-level member that the caller asked for, as it is: a string's
	 * text, or a number's; len is 0 and at NULL where there is none. */
	struct json_text extra;

	/* private */
	size_t tags_size;
	struct json json;
	struct record_layout layouts[RECORD_LAYOUTS], *learning;
	size_t nlayouts, newest;
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

void record_free(struct record *record);

#endif

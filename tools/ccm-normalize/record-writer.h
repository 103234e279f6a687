/*
 * Writes records: the names that a metric and its labels have in a record, and
 * its line.
 */
#ifndef CCM_NORMALIZE_RECORD_WRITER_H
#define CCM_NORMALIZE_RECORD_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "json.h"

/* More labels than any metric has; checking all pairs of them stays cheap. */
#define LABELS_MAX 1000

struct span {
	const char *at;
	size_t len;
};

struct pair {
	struct span from, to;
};

struct label {
	struct json_text key, value;
	bool resource;
	size_t tag; /* where the tag's name begins in tag_names ... */
	size_t tag_len;
};

struct record_writer {
	struct pair *renames; /* -t */
	size_t nrenames;
	struct pair *added; /* -a */
	size_t nadded;
	bool keep;    /* -k: labels keep their names */
	bool seconds; /* -s */

	/* private: of the current record */
	struct label labels[LABELS_MAX];
	size_t nlabels;
	struct buf tag_names; /* of its labels, as JSON escapes them */
	struct buf decoded;
};

/* Begins a record. */
void record_writer_start(struct record_writer *writer);

/*
 * Adds a label: a string as the JSON reader hands it out. The tags of a
 * `resource` come first, and so do those of a key with the prefix "resource.".
 * False, with a problem, where there are more than LABELS_MAX.
 */
bool record_writer_label(struct record_writer *writer,
    const struct json_text *key, const struct json_text *value, bool resource,
    struct buf *problem);

/*
 * Appends the record's line. False, with a problem, where two labels became the
 * same tag.
 */
bool record_writer_end(struct record_writer *writer,
    const struct json_text *metric, const struct json_text *value,
    int64_t timestamp_ms, struct buf *out, struct buf *problem);

void record_writer_free(struct record_writer *writer);

#endif

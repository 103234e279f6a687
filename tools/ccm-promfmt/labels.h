/*
 * Labels as they are written: names made valid, sorted by name, values escaped.
 */
#ifndef CCM_PROMFMT_LABELS_H
#define CCM_PROMFMT_LABELS_H

#include <stdbool.h>
#include <stdint.h>

#include "record.h"

struct label {
	const char *name; /* valid; it ends where name_len says */
	size_t name_len;
	const char *original; /* its name in the input */
	size_t original_len;
	const struct json_text *value;
};

struct labels {
	struct buf text;   /* out: `a="b",c="d"` */
	uint32_t original; /* out: 0, or what tells changed names apart */

	/* private */
	struct label *labels;
	size_t size;
	struct buf names;   /* those that are not in the input as they are */
	struct buf decoded; /* a value */
};

/*
 * Writes the labels of a sample to labels->text. The values of labels whose
 * names became equal are joined with ";", in the order of their names in the
 * input.
 */
void labels_write(
    struct labels *labels, const struct record_tag *tags, size_t ntags);

void labels_free(struct labels *labels);

#endif

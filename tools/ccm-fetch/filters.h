/*
 * The filters of request bodies (the API's reference, schema Filter): what they
 * leave of the resource labels, and the OR of resources in them.
 */
#ifndef CCM_FETCH_FILTERS_H
#define CCM_FETCH_FILTERS_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* A resource label and values of it. */
struct label_values {
	char *label;
	char **values; /* sorted, each once */
	size_t nvalues, values_size;
};

struct labels {
	struct label_values *all;
	size_t count, size;
};

/*
 * The resource labels that a filter restricts to certain values, and those: by
 * EQ, by an AND (each of its filters holds) and by an OR (all of its filters
 * restrict the label), however nested. `text` is valid JSON.
 */
void filter_labels(const char *text, size_t len, struct labels *labels);
void labels_free(struct labels *labels);

/* One resource of an OR. */
struct label_value {
	char *label, *value;
};

/* An OR whose filters are {"field":"resource...","op":"EQ","value":"..."}. */
struct resource_or {
	size_t start, end; /* its place in the filter's text */
	struct label_value *members;
	size_t count, size;
};

/*
 * The first one that is the filter itself or stands under ANDs only; false
 * where there is none. To be freed in either case.
 */
bool filter_find_or(const char *text, size_t len, struct resource_or * or);
void resource_or_free(struct resource_or * or);

/* Appends a string with its quotes; and a filter for one resource. */
void write_string(struct buf *out, const char *string);
void write_resource_filter(struct buf *out, const char *label, const char *id);

#endif

/*
 * The flags of `query` and `attributes`, and the request bodies that they
 * stand for.
 */
#ifndef CCM_FETCH_FLAGS_H
#define CCM_FETCH_FLAGS_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

struct selector { /* -r TYPE.LABEL=ID[,ID]... */
	char *label;
	char **ids;
	size_t nids, size;
};

struct flags {
	const char **metrics; /* -m */
	size_t nmetrics;
	struct selector *selectors; /* -r */
	size_t nselectors;
	const char **groups; /* -g */
	size_t ngroups;
	const char *interval;    /* -i, or NULL */
	const char *granularity; /* -G, or NULL */
	long limit;              /* -l */
};

/* Takes one -r; those of one label are put together. False if it is none. */
bool flags_add_selector(struct flags *flags, const char *argument);
void flags_free(struct flags *flags);

/*
 * Appends the body that asks for one metric: several resources OR-ed and
 * grouped by their label. `attributes`: the body of /attributes instead.
 */
void flags_write_body(const struct flags *flags, const char *metric,
    bool attributes, struct buf *out);

#endif

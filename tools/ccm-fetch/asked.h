/*
 * Is a point what the query was for? The API has been seen to answer points of
 * another resource, or of an hour that is in none of the intervals. They are
 * published all the same, and reported.
 */
#ifndef CCM_FETCH_ASKED_H
#define CCM_FETCH_ASKED_H

#include <stdint.h>

#include "body.h"

struct asked {
	uint64_t strangers;  /* points that the query was not for */
	struct buf stranger; /* what the first of them is of */

	/* private */
	struct asked_interval {
		int64_t start_ms, end_ms;
	} * intervals; /* NULL: not known */
	size_t nintervals;
	bool *resources; /* by index: it is in the body */
	size_t nresources;
};

/* Reads from a body what it is for. */
void asked_read(struct asked *asked, const struct body *body,
    const struct resources *resources);

/* Counts the strangers among points, a line each as ccm writes them. */
void asked_check(struct asked *asked, const struct body *body,
    const struct resources *resources, const char *lines, size_t len);

void asked_free(struct asked *asked);

#endif

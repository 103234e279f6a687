/*
 * The answers to queries that were found good: data by groups, page by page.
 */
#ifndef SIM_CLOUD_ANSWER_H
#define SIM_CLOUD_ANSWER_H

#include "buf.h"
#include "query.h"
#include "world.h"

struct answer_options {
	int64_t now_ms;
	int64_t latency_ms;   /* how late a minute's data can be seen */
	bool newest_first;    /* order of the points of a group */
	bool principal_names; /* beside principal ids, as the API does it now */
};

/* What of the groups is answered, and what was. */
struct page {
	size_t offset; /* in: the number of groups before it */
	bool more;     /* out: there are groups behind it */
	size_t points; /* out: data points in it */
};

/* Appends the array that is the member "data" of a response. */
void answer_query(struct buf *out, const struct query *query,
    const struct world *world, const struct answer_options *options,
    struct page *page);
void answer_attributes(struct buf *out, const struct query *query,
    const struct world *world, const struct answer_options *options,
    struct page *page);

/* Appends a double as Java writes it: 12.0, 0.25, 1.5E12, 2.5E-4. */
void write_as_java(struct buf *out, double value);

#endif

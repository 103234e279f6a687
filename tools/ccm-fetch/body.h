/*
 * Request bodies of the API's /query and /attributes: read from a line, and cut
 * in pieces by their resources.
 */
#ifndef CCM_FETCH_BODY_H
#define CCM_FETCH_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "resources.h"

/* A resource label that the filter, of whatever form, leaves one value. */
struct fixed_label {
	char *label;
	char *value;
	size_t resource; /* its index in the run's resources */
};

struct body {
	struct buf text; /* one line of JSON, ready to be sent */
	char *metric;

	/*
	 * Where the filter has an OR of several resources (filter_find_or()):
	 * its place in the text, and what is in it.
	 */
	size_t or_start, or_end;
	size_t *resources; /* indices in the run's resources */
	size_t nresources; /* 0 where there is no such OR */
	/* Are the answer's points grouped by the labels of all of them? */
	bool grouped_by_resource;

	struct fixed_label *fixed;
	size_t nfixed;
};

/*
 * Reads a request body: checks the JSON, that one metric is named, that each
 * interval can be understood and is not too long for the granularity; adds
 * "limit":1000 where there are groups and no limit. Whatever else it says is
 * the API's to judge. On false, `problem` has what is wrong appended. The
 * resources are added to `resources`.
 */
bool body_read(struct body *body, const char *line, size_t len, int64_t now_ms,
    struct resources *resources, struct buf *problem);

/* Writes the body with only some of its resources (indices as above). */
void body_write_piece(const struct body *body,
    const struct resources *resources, const size_t *chosen, size_t nchosen,
    struct buf *out);

void body_free(struct body *body);

#endif

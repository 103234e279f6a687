/*
 * The API's data points, from the elements of an answer to ccm's points.
 *
 * A point is an element's own members behind two that it may lack: the name of
 * the metric, and the resource labels that the filter fixes to one value. The
 * API may add members of any type at any time; they are passed on. The member
 * "metric" is ours: one of the API's is left out, as a line has a key once.
 */
#ifndef CCM_FETCH_POINTS_H
#define CCM_FETCH_POINTS_H

#include "body.h"
#include "json.h"

struct points {
	const struct body *body;     /* what was requested */
	struct resources *resources; /* to be marked where they have points */
	uint64_t count;              /* of points written */

	/* private */
	struct json json;
	struct buf labels;
	struct json_text *keys; /* of the element, but for "points" */
	size_t nkeys, keys_size;
};

/*
 * Appends the point or points of one element, a line each: of the FLAT format
 * the element itself; of the GROUPED format each of its "points" with the
 * group's labels. False where the element is neither; what was appended by then
 * is the caller's to take back.
 */
bool points_write(
    struct points *points, const char *element, size_t len, struct buf *out);

void points_free(struct points *points);

#endif

/*
 * The API's data points, from the elements of an answer to ccm's points.
 */
#ifndef CCM_FETCH_POINTS_H
#define CCM_FETCH_POINTS_H

#include "body.h"
#include "json.h"

struct points {
	const struct body *body;     /* what was asked */
	struct resources *resources; /* to be marked where they have points */
	uint64_t count;              /* of points written */

	/* private */
	struct json json;
	struct buf labels;
};

/*
 * Appends the point or points of one element, a line each: of the FLAT format
 * the element's members behind the metric's name and the labels that the filter
 * fixes; of the GROUPED format the same for each of its "points". False where
 * the element is neither.
 */
bool points_write(
    struct points *points, const char *element, size_t len, struct buf *out);

void points_free(struct points *points);

#endif

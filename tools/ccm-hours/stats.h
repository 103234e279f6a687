/*
 * stats.json: what PROG says it has done for an hour (ccm-fetch query -s).
 */
#ifndef CCM_HOURS_STATS_H
#define CCM_HOURS_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

enum reachable { REACHABLE_UNKNOWN, REACHABLE_NO, REACHABLE_YES };

struct stats {
	/* bodies: with an answer; answered "no data" only; not answered, or in
	 * part; refused for good, or in part */
	int64_t answered, nodata, owed, refused;
	bool counts_points;
	int64_t points; /* 0 where they are not counted */
	int64_t requests, throttled;
	double seconds;
	bool has_api_time;
	int64_t api_time_ms;
	enum reachable reachable; /* whether the API answers at all */
	bool unauthorised;        /* 401 or 407 */
	bool statuses[128];       /* exit statuses that applied */
	char **refused_ids;       /* resources */
	size_t refused_count;
	struct buf last_error;
};

/*
 * Reads the text (terminated). False where it is not an object of JSON with a
 * count "answered", or one of the members above is of another type; `problem`
 * has that appended. stats_free() is needed in either case.
 */
bool stats_parse(
    struct stats *stats, const struct buf *text, struct buf *problem);
void stats_free(struct stats *stats);

#endif

#include "decide.h"

#include <sysexits.h>

bool
decide_reads_stats(int status)
{
	return status == EX_OK || status == EX_DATAERR ||
	    status == EX_UNAVAILABLE || status == EX_NOPERM ||
	    status == EX_TEMPFAIL;
}

/* Something has changed for good: an answer, or the refusal of what was owed.
 */
static bool
has_progress(const struct attempt *attempt, const struct stats *stats)
{
	if (attempt->status == EX_TEMPFAIL)
		return false;
	/* An API that says "not found" to all may be another server. */
	if (stats->answered == 0 && stats->reachable == REACHABLE_NO)
		return false;
	return stats->answered + stats->nodata > 0 ||
	    (attempt->owed && stats->refused > 0);
}

enum decision
decide(const struct attempt *attempt, const struct stats *stats,
    const struct times *times)
{
	if (!has_progress(attempt, stats)) {
		bool refused = attempt->status == EX_UNAVAILABLE ||
		    attempt->status == EX_NOPERM;

		return refused && stats->owed == 0 ? DECIDE_REFUSED
						   : DECIDE_NOT_ANSWERED;
	}
	if (!times_allow(times, attempt->hour))
		return DECIDE_TOO_EARLY;
	if (attempt->owed || attempt->again)
		return DECIDE_COMMIT;
	if (!attempt->forced && attempt->hour < attempt->window)
		return DECIDE_EXPIRED;
	if (stats->counts_points && stats->points == 0 &&
	    attempt->points_before && times_may_be_late(times, attempt->hour))
		return DECIDE_EMPTY;
	return DECIDE_COMMIT;
}

bool
decide_ends_run(const struct stats *stats)
{
	return stats->unauthorised || stats->reachable == REACHABLE_NO;
}

/*
 * What becomes of an hour after a call of PROG.
 */
#ifndef CCM_HOURS_DECIDE_H
#define CCM_HOURS_DECIDE_H

#include <stdbool.h>
#include <time.h>

#include "stats.h"
#include "times.h"

struct attempt {
	time_t hour;
	bool owed;          /* only what the hour owes was queried */
	bool again;         /* it is done already (-f) */
	bool forced;        /* -f */
	bool points_before; /* an hour of the last day had points */
	time_t window;      /* the oldest hour that is wanted */
	int status;         /* PROG's exit status: 0, 65, 69, 75 or 77 */
};

enum decision {
	DECIDE_COMMIT,
	DECIDE_NOT_ANSWERED, /* for now */
	DECIDE_REFUSED,      /* everything, for good */
	DECIDE_TOO_EARLY,    /* by safe time */
	DECIDE_EXPIRED,      /* it has left the window */
	DECIDE_EMPTY         /* no point yet */
};

/* True for an exit status after which stats.json counts; others end the run. */
bool decide_reads_stats(int status);

/* `times` has taken `stats` already. */
enum decision decide(const struct attempt *attempt, const struct stats *stats,
    const struct times *times);

/* True where no other request makes sense in this run. */
bool decide_ends_run(const struct stats *stats);

#endif

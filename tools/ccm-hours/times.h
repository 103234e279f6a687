/*
 * Which hours time allows: the API's time and the local clock.
 *
 * Safe time is the earlier of both. It is known once an answer of the API came
 * in this run. A wrong local clock alone can neither mark an hour done nor
 * forget one.
 */
#ifndef CCM_HOURS_TIMES_H
#define CCM_HOURS_TIMES_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "stats.h"

struct times {
	int minute;           /* an hour is complete so many minutes after it */
	int backfill;         /* hours in the window */
	bool known;           /* safe_ms is */
	int64_t safe_ms;      /* of the newest call of PROG that had one */
	bool skewed;          /* the clocks differ by more than five minutes */
	int64_t skew_seconds; /* local clock - API time */
};

enum times_news {
	TIMES_NONE,  /* no answer, no time */
	TIMES_TAKEN, /* API time */
	TIMES_LOCAL, /* an answer without a Date: the local clock counts */
	TIMES_SKEWED /* TIMES_TAKEN, and this call shows a skew */
};

/* Takes what a call of PROG has shown; the local clock when it ran. */
enum times_news times_take(struct times *times, const struct stats *stats,
    int64_t started_ms, int64_t ended_ms);

/* True where safe time is known and allows that an hour is done. */
bool times_allow(const struct times *times, time_t hour);

/*
 * The last hour that is complete: by the local clock, and where safe time is
 * known, one that it allows too.
 */
time_t times_last(const struct times *times, int64_t local_ms);

/* The oldest hour of the window that ends with the hour `last`. */
time_t times_window(const struct times *times, time_t last);

/*
 * True where an hour without a point may get some yet: safe time is within six
 * hours of its end.
 */
bool times_may_be_late(const struct times *times, time_t hour);

#endif

/*
 * One call of PROG: its work directory, and what becomes of that.
 */
#ifndef CCM_HOURS_WORK_H
#define CCM_HOURS_WORK_H

#include <stdbool.h>
#include <time.h>

#include "run.h"

/* Queries all about an hour. False where the run ends with it. */
bool work_hour(struct run *run, time_t hour);

/* Queries what an hour owes. False as above. */
bool work_owed(struct run *run, time_t hour);

/* Removes what killed runs have left in work/. */
bool work_clear(struct run *run);

#endif

/*
 * The list of what an hour owes: owed.ndjson of its newest directory, a query a
 * line.
 */
#ifndef CCM_HOURS_OWED_H
#define CCM_HOURS_OWED_H

#include <stdbool.h>
#include <stdint.h>

#include "run.h"

/*
 * Opens the list of an hour, or sets *fd to -1: there is none any more. Bad
 * lines are set aside, and are not in it. False after an error, which is
 * reported.
 */
bool owed_open(struct run *run, const struct ledger_hour *hour, int *fd);

/* How many queries an hour owes. */
int64_t owed_count(struct run *run, const struct ledger_hour *hour);

#endif

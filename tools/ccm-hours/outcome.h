/*
 * What a run came to: the exit statuses that applied, and its last error.
 */
#ifndef CCM_HOURS_OUTCOME_H
#define CCM_HOURS_OUTCOME_H

#include <stdbool.h>

#include "buf.h"
#include "statuses.h"

struct outcome {
	struct statuses statuses;
	struct buf last_error; /* empty: there was none */
	bool failed; /* the state directory cannot be written, or a bug */
};

/* Logs an ERROR line, which becomes the last error, and notes its status. */
void outcome_error(struct outcome *outcome, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Makes `message` the last error; somebody else has logged it. */
void outcome_set_error(struct outcome *outcome, const char *message);

#endif

/*
 * The exit statuses (<sysexits.h>) that applied in a run, and which of them the
 * run exits with: the first of 70, 71, 74, 75, 78, 77, 69, 65.
 */
#ifndef CCM_STATUSES_H
#define CCM_STATUSES_H

#include <stdbool.h>

#include "buf.h"

struct statuses {
	bool seen[128];    /* by exit status */
	bool unauthorised; /* 401 or 407: 77 stands above 75 then */
};

/*
 * Notes an exit status; 0 is not noted. Above 128 a shell reports a child that
 * a signal ended: it can be run again, so it counts as EX_TEMPFAIL. 73 (an
 * output that cannot be created) counts as EX_IOERR, 64 as EX_CONFIG: a program
 * that we run was called with what a setting said. Any other that is not in the
 * list above counts as EX_SOFTWARE.
 */
void statuses_add(struct statuses *statuses, int status);

/* The same for what waitpid(2) has stored. */
void statuses_add_wait(struct statuses *statuses, int wait_status);

/* The status to exit with; EX_OK where none was noted. */
int statuses_first(const struct statuses *statuses);

/* Appends those that were noted as an array of JSON, first ones first. */
void statuses_write(const struct statuses *statuses, struct buf *out);

#endif

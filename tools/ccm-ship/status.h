/*
 * .status: what ccm-ship is doing, in one line of JSON for those who look at
 * the spool. ccm-ship(1) describes it. Of an earlier one only the numbers of
 * lines are read back.
 */
#ifndef CCM_SHIP_STATUS_H
#define CCM_SHIP_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "buf.h"
#include "notify.h"
#include "spool.h"

/* All zeros at first, but for the way to systemd. */
struct status {
	struct notify notify;
	uint64_t sent_files, sent_bytes;
	uint64_t sent_lines, set_aside_lines; /* over restarts */
	char *last_error; /* NULL: none since the last success */
	time_t failed_at; /* when that began */
	time_t next_try;  /* 0: the next try waits for nothing */

	/* private */
	const char *state;
	time_t since;
	struct buf written;
	struct buf notified;
	bool failed;
};

/* Takes the numbers of lines from the file that is there, if it has them. */
void status_read_lines(struct status *status, const struct spool *spool);

/*
 * Replaces the file where that changes it: `state` is "idle", "sending",
 * "waiting" or "stopped", and the backlog is what the spool held when it was
 * last listed. Where it cannot be written, that is logged once. systemd gets
 * the same in a line for a person.
 */
void status_write(
    struct status *status, const char *state, const struct spool *spool);

/* Takes a copy of a message, or NULL, as the last error. */
void status_set_error(struct status *status, const char *message);

#endif

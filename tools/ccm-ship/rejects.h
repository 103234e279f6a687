/*
 * CCM_SHIP_REJECTS: a file in bad/ for the records of a batch that PROG cannot
 * deliver, now or later. PROG appends them there and exits 0, so that the batch
 * is over and nothing else of it is sent twice.
 *
 * - A batch is removed only after what PROG has appended is on disk.
 * - After any other end of PROG the file is as it was: the batch is still in
 *   the queue, and its records would come twice.
 * - bad/ is there while PROG runs, and afterwards only where it holds
 * something.
 *
 * The file has the name of the batch's first one and ".rejected" behind it, or
 * that name alone where it ends so. Moved into the spool, it is sent again.
 */
#ifndef CCM_SHIP_REJECTS_H
#define CCM_SHIP_REJECTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "spool.h"

/* All zeros at first. */
struct rejects {
	struct buf name; /* below the spool: bad/NAME.rejected */
	bool offered;
	off_t size;     /* before PROG; -1: there was no file */
	uint64_t added; /* lines, after rejects_keep() */
};

/* Before PROG gets a batch: makes bad/ and sets the variable. Where there can
 * be no such file, the variable is not set, and PROG has to refuse the batch.
 */
void rejects_offer(struct rejects *rejects, const struct spool *spool);

/*
 * After PROG has exited 0: brings what it has appended to disk; *added says
 * whether that is anything. False with a problem where that fails, and the file
 * is as it was: the batch has to stay.
 */
bool rejects_keep(struct rejects *rejects, const struct spool *spool,
    bool *added, struct buf *problem);

/* After any other end of PROG: cuts the file to what it was. */
void rejects_undo(struct rejects *rejects, const struct spool *spool);

#endif

/*
 * The spool of ccm-ingestd: lines that are on disk before anybody is told so.
 *
 * - Lines wait in memory until spool_commit() writes all of them, then syncs
 *   the file once, for as many requests as there are.
 * - The file is .N.open, N of 20 digits and above any N that was ever seen here
 *   or in bad/. At 8 MiB, or 1 s after its first line, it is renamed to
 *   N.ndjson and is ccm-ship's from then on; that rename is synced, too.
 * - A write that fails is taken back to the last commit. A sync that fails has
 *   lost what nobody can tell: that file is cut at its last commit, closed and
 *   never synced again; what follows goes into a new one.
 * - At start, each .N.open that a crash left is cut at the first line that is
 *   not whole and valid, and renamed. A lock keeps a second daemon away.
 */
#ifndef CCM_INGESTD_SPOOL_H
#define CCM_INGESTD_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

struct spool_limits {
	uint64_t bytes_max; /* of all files, bad/ included */
	uint64_t free_min;  /* of the file system */
};

struct spool {
	const char *path;
	struct spool_limits limits;
	struct buf waiting; /* whole lines for the next commit */

	/* As last looked at, what was written since included. */
	uint64_t bytes, files;
	int64_t oldest_ms; /* when the oldest was last written; 0: none */
	uint64_t commits, failures;
	int dir_fd;
	bool is_failing; /* the last commit failed */

	/* private */
	int lock_fd;
	int fd; /* the open file, or -1 */
	uint64_t number;
	uint64_t committed;      /* its bytes that are synced */
	int64_t opened_ms;       /* when its first line came */
	struct spool_scan *scan; /* under way, or NULL */
	uint64_t written;        /* since that began */
	bool is_full;
};

/*
 * Makes the directory where it is not there, locks it, and finishes what a
 * crash left. Exits with EX_CONFIG or EX_CANTCREAT where that is not possible,
 * and with EX_TEMPFAIL where another daemon holds the lock for 10 s.
 */
void spool_open_or_die(struct spool *spool, const char *path);

/* NULL where lines can be taken, else why they cannot: it is full, or the disk
 * is. */
const char *spool_refusal(const struct spool *spool);

/* Writes and syncs what waits, `waiting` is empty then. True: it is on disk, or
 * there was nothing. False: nothing of it is, and the problem says why. */
bool spool_commit(struct spool *spool, int64_t now_ms, struct buf *problem);

/* Milliseconds until the open file is due to be handed over; -1: there is none
 * with lines. */
int spool_due_ms(const struct spool *spool, int64_t now_ms);

/* Hands the open file over to the shipper. */
void spool_hand_over(struct spool *spool);

/*
 * Looks at a part of what the directory holds, so that no look takes long;
 * true where there is more of it to look at.
 */
bool spool_look(struct spool *spool);

/* Hands over, unlocks and closes. */
void spool_close(struct spool *spool);

#endif

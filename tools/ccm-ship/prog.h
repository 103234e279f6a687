/*
 * PROG: the program that a batch is given to.
 */
#ifndef CCM_SHIP_PROG_H
#define CCM_SHIP_PROG_H

#include "buf.h"

struct prog {
	char **argv;        /* PROG [ARG]..., as for execvp(3) */
	long grace_seconds; /* how long it may go on once we have to stop */
	int stop_fd;        /* readable once we have to stop */

	/* Called with each line that PROG gives as its reason, and once when
	 * it has to stop. */
	void (*on_reason)(void *context, const char *line);
	void (*on_stop)(void *context);
	void *context;

	struct buf reason; /* the last such line of the last run */
};

enum prog_result { PROG_SENT, PROG_REFUSED, PROG_FAILED };

/*
 * Runs PROG with `stdin_fd` as its standard input, `names` as CCM_SHIP_FILES,
 * and the number of a pipe that it may write reasons to as CCM_SHIP_REASON,
 * with default signal dispositions, none blocked, in a process group of its
 * own: a ^C is for us alone, and a signal of ours for all of it.
 *
 * Waits until it has ended: with 0 (PROG_SENT), with EX_DATAERR (PROG_REFUSED),
 * or otherwise. Where stop_fd becomes readable meanwhile, it has its grace to
 * end by itself, and its status counts. Then it is sent SIGTERM, five seconds
 * later SIGKILL, and has failed whatever its status: some programs exit 0 on
 * SIGTERM with half of their work undone. What happened is appended to
 * `problem`, but for PROG_SENT; the reason, if PROG gave one, is in `reason`.
 * Exits with EX_OSERR on a kernel without pidfd.
 */
enum prog_result prog_run_or_die(
    struct prog *prog, int stdin_fd, const char *names, struct buf *problem);

#endif

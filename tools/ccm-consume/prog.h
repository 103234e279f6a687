/*
 * PROG: the program that gets the records, on its standard input, and writes to
 * our standard output. There may be none.
 *
 * One is started with each kcat: where a kcat was killed in the middle of a
 * record, what the next one writes must not come behind that.
 */
#ifndef CCM_CONSUME_PROG_H
#define CCM_CONSUME_PROG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"

struct prog {
	char *const *argv; /* PROG [ARG]..., NULL: there is none */

	pid_t pid;       /* 0: none is running */
	int pid_fd;      /* readable when it has ended; -1: none is running */
	int wait_status; /* of waitpid(2), when it has ended */
	bool ended;      /* one was started, and has ended */

	/* private */
	int last_signal; /* that we have sent it */
	int64_t due_ms;  /* when it gets the next one */
};

/*
 * Starts it, with default signal dispositions, none blocked, in a process group
 * of its own: a ^C is for us alone, and a signal of ours for all of it. Returns
 * the descriptor of its standard input, for kcat alone, or -1 with a problem.
 */
int prog_start(struct prog *prog, struct buf *problem);

/* Takes its end, if it has ended. */
void prog_look(struct prog *prog);

/*
 * For one whose input has ended, when we are in a hurry: it has 10 s from the
 * first call, gets SIGTERM then, and SIGKILL 5 s later. Returns the ms until
 * the next call is due.
 */
int prog_hurry(struct prog *prog);

/* True where it did not end by itself. */
bool prog_was_told(const struct prog *prog);

/* Appends "PROG exited with status 65"; it has ended. */
void prog_describe(const struct prog *prog, struct buf *out);

/* What its end means for us: EX_OK, or the status to exit with. */
int prog_status(const struct prog *prog);

#endif

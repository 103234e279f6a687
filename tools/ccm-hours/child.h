/*
 * Programs that a run starts. PROG is in a process group of its own, which ends
 * with us in whatever way we end: a guard, a process that reads a pipe that
 * nobody writes to, leads the group and kills it when our end closes.
 */
#ifndef CCM_HOURS_CHILD_H
#define CCM_HOURS_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "buf.h"

struct children {
	int signal_fd; /* SIGCHLD, and the signals that stop us */
	bool stopped;  /* one of those came */
};

/* Blocks these signals and makes them readable; EX_OSERR where that fails. */
void children_init_or_die(struct children *children);

enum child_kind {
	CHILD_GROUP, /* in a group of its own: SIGTERM, SIGKILL after 5 s */
	CHILD_SEND   /* in ours: SIGTERM, and it takes the time that it needs */
};

struct child {
	enum child_kind kind;
	char **argv;
	int stdin_fd; /* -1: /dev/null */
	int cwd_fd;   /* -1: ours */
};

/*
 * Runs a program until it has ended, and its group with it; stopping ends it.
 * Returns what waitpid(2) has stored, or -1 where it cannot be run: `problem`
 * says why.
 */
int child_run(
    struct children *children, const struct child *child, struct buf *problem);

/* Waits for a process of ours; stopping sends it SIGTERM. */
int child_wait(struct children *children, pid_t pid);

/* Waits until that many ms are over (-1: no limit) or we are stopped: true.
 * Reaps orphans where we are PID 1. */
bool children_pause(struct children *children, int ms);

#endif

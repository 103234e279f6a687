/*
 * Processes of ours: how one is started, how its end reads, the signals that
 * become a descriptor, the standard descriptors.
 */
#ifndef CCM_PROCESS_H
#define CCM_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

#include "buf.h"

/* A descriptor that a process inherits; -1: /dev/null. All others that it gets
 * are those of ours without O_CLOEXEC. */
struct process_fd {
	int fd, as;
};

enum { PROCESS_IN_OUR_GROUP = -1, PROCESS_IN_ITS_GROUP = 0 };

struct process {
	char *const *argv; /* argv[0]: a path, or a name to look for in PATH */
	const char *path;  /* instead of argv[0], or NULL */
	char *const *env;  /* NULL: ours */
	const struct process_fd *fds;
	size_t nfds;
	pid_t group;      /* one of the above, or the number of a group */
	int cwd_fd;       /* its working directory; -1: ours */
	int death_signal; /* that it gets when we end; 0: none */
};

/*
 * Starts it with no signal blocked and none ignored. Returns 0 and sets *pid,
 * or returns the number of an error, and *pid is 0.
 */
int process_start(const struct process *process, pid_t *pid);

/* "NAME exited with status 1", "NAME was ended by signal 9 (Killed)", for a
 * wait_status of waitpid(2). */
void process_describe_end(struct buf *out, const char *name, int wait_status);

/*
 * From here on these signals do nothing but make the returned descriptor, of
 * signalfd(2), readable; it does not block. SIGCHLD is not ignored any more,
 * which would hide the end of a process.
 */
int signals_fd_or_die(const int *signals, size_t count);

/*
 * Ends us (74) where the standard descriptor `needed` is closed (-1: none is
 * needed), and opens the other closed ones as /dev/null, so that no file that
 * is opened later is taken for one of them.
 */
void standard_fds_or_die(int needed);

#endif

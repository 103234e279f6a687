/*
 * One kcat, run with its companion in it (tools/kcat-companion.c): what happens
 * to it comes as events, not as text.
 *
 *	kcat_start(&kcat, &start, &problem)
 *	while (!kcat_wait(&kcat, fds, count, timeout_ms))
 *		... fds[] are the caller's own; on_event() was called meanwhile
 *	kcat.wait_status
 *
 * - Settings go through a pipe that kcat reads as a file: they are on no
 *   command line and on no disk.
 * - It ends when we do, however that is: PR_SET_PDEATHSIG.
 * - A kcat in which the companion does not announce itself is not used.
 */
#ifndef CCM_KCAT_H
#define CCM_KCAT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"
#include "companion.h"
#include "kafka-settings.h"

/* Of descriptors that a caller waits for besides. */
#define KCAT_FDS_MAX 8

struct kcat_start {
	const struct kafka_settings *settings;
	enum companion_mode mode;
	const char *const *argv; /* what follows the settings, ends in NULL */
	int stdin_fd;            /* -1: /dev/null */
	int stdout_fd;           /* -1: /dev/null */
	int rejects_fd; /* COMPANION_PRODUCE: frames of refused records; -1 */
	bool frames;    /* COMPANION_CONSUME: -f writes no lines */
	int64_t since_seconds; /* COMPANION_CONSUME: each partition from the
				  first message not older than that; -1 */
	int end_signal; /* when we end: SIGKILL, or SIGTERM for a consumer */
	/* Called from kcat_start() and kcat_wait(), in the order in which they
	 * came; `event` is NUL-terminated, and gone when this returns. */
	void (*on_event)(void *context, const struct companion_event *event);
	void *context;
};

struct kcat {
	pid_t pid;       /* 0: none is running */
	int wait_status; /* of waitpid(2), when it has ended */
	struct buf said; /* the last "% ERROR" or "% FATAL" line on its stderr,
			    without that, or empty; a C string */

	/* private */
	struct kcat_start start;
	int pid_fd, socket, stderr_fd;
	bool greeted;
	struct buf line; /* of its stderr, begun */
};

/*
 * Starts `kcat -F SETTINGS ARGV...` and waits until its companion has announced
 * itself, for 5 s at most. Returns 0, or EX_CONFIG or EX_OSERR with what is
 * wrong in `problem`; nothing runs then, and nothing is left to free.
 */
int kcat_start(
    struct kcat *kcat, const struct kcat_start *start, struct buf *problem);

/*
 * Waits until it has ended (true; all its events were handed out), one of the
 * caller's descriptors is ready (their revents are set) or the time is over
 * (-1: no limit), and hands out events meanwhile. An event ends the waiting
 * too, so that the caller can look at what it has changed.
 */
bool kcat_wait(
    struct kcat *kcat, struct pollfd *fds, size_t count, int timeout_ms);

/* The answer to COMPANION_READY. */
void kcat_commit(struct kcat *kcat, uint64_t seen);

/* Sends a signal, if one is running. */
void kcat_signal(struct kcat *kcat, int signal);

/* Ends it with SIGKILL, if one is running, and reaps it. */
void kcat_kill(struct kcat *kcat);

void kcat_free(struct kcat *kcat);

/*
 * Gives the settings to librdkafka, which sends nothing and starts nothing.
 * Returns 0, or EX_CONFIG or EX_OSERR with the reason in `problem`. `topic` is
 * any valid name.
 */
int kcat_check(const struct kafka_settings *settings, struct buf *problem);

#endif

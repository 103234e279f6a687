/*
 * One of the programs that ccm-ingest runs: started, and started again when it
 * ends, later and later while it ends at once.
 */
#ifndef CCM_INGEST_COMPONENT_H
#define CCM_INGEST_COMPONENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct component {
	const char *name; /* for messages */
	char *const *argv;
	char **env;      /* nothing else is in its environment */
	int stdout_fd;   /* -1: /dev/null */
	pid_t pid;       /* 0: it does not run */
	int pid_fd;      /* readable when it has ended; -1 */
	int wait_status; /* of its last end */
	int64_t due_ms;  /* when it is to be started, where it does not run */

	/* private */
	int64_t started_ms, delay_ms;
	int64_t kill_ms; /* when it gets SIGKILL; 0: it was not told to end */
};

/* Starts it. Where that fails, that is logged, and it is due later. */
void component_start(struct component *component);

/* Takes its end; true where it has ended since the last call. */
bool component_has_ended(struct component *component);

/* After its end: logs how it has ended, unless it was told to, and when it is
 * due again. */
void component_plan(struct component *component);

/* Sends SIGTERM, if it runs and was not told yet; SIGKILL to all of its process
 * group follows when so much time has passed (component_hurry()). */
void component_stop(struct component *component, int64_t patience_ms);
void component_hurry(struct component *component);
void component_kill(struct component *component);

/* When component_start() or component_hurry() has something to do; INT64_MAX:
 * never. */
int64_t component_due_ms(const struct component *component);

#endif

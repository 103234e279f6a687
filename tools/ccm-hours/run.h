/*
 * A run: what its parts share.
 */
#ifndef CCM_HOURS_RUN_H
#define CCM_HOURS_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "child.h"
#include "dir.h"
#include "hour.h"
#include "ledger.h"
#include "outcome.h"
#include "report.h"
#include "times.h"

struct run {
	/* settings */
	const char *path; /* DIR */
	char **prog;      /* PROG [ARG]..., by its absolute path */
	const char *name; /* PROG, for messages */
	char *send;       /* SEND, or NULL */
	bool forced;      /* -f */
	time_t forced_hour;

	struct ccm_clock clock;
	struct children children;
	struct dir dir;
	struct ledger ledger;
	struct times times;
	struct outcome outcome;
	struct report report;
	bool warned_local; /* that the local clock counts */
	bool answered;     /* the API answered a query in this run */
	bool queried;      /* an hour, not only what hours owe */
	bool looked;       /* for old hours ... */
	time_t forgotten;  /* ... before that one */
	bool reported_skew;
};

/* A run with its lock; the outcome has its statuses. */
void run_hours(struct run *run);

/* Lists what is due; false where it cannot be read or written. */
bool run_list(struct run *run);

/* Records a run that was refused for its settings. */
void run_refused(struct run *run, const char *message);

/* Runs SEND where the spool has files, and notes its status. */
void run_send(struct run *run);

#endif

/*
 * One kcat, from its start to its end: the records of the topic, to standard
 * output or to PROG.
 */
#ifndef CCM_CONSUME_READING_H
#define CCM_CONSUME_READING_H

#include <stdbool.h>
#include <stdint.h>

#include "brokers.h"
#include "kafka-problem.h"
#include "kafka-settings.h"
#include "kcat.h"
#include "outside.h"
#include "partitions.h"
#include "prog.h"

/* What is wanted: the command line. */
struct wanted {
	const char *topic, *group;
	const char *count;     /* -c: so many records; NULL: on and on */
	bool to_end;           /* -e */
	int64_t since_seconds; /* -w; -1: from where the group stands */
};

/* -c or -e: we end by ourselves, and wait for nothing that is away. */
bool wanted_ends(const struct wanted *wanted);

enum reading_state {
	READING,  /* kcat reads */
	LEAVING,  /* kcat got SIGTERM: it leaves its group */
	DRAINING, /* kcat has ended; PROG deals with what is in its pipe */
	ENDED
};

/* Why kcat ends; the first cause counts, unless one of the first two comes. */
enum reading_cause {
	TOLD_TO_STOP, /* by a signal */
	READER_GONE,  /* nobody reads our standard output */
	BY_ITSELF,    /* kcat has ended */
	PROG_ENDED,
	REFUSED,      /* by a broker, for good */
	GROUP_SHARED, /* -e, and the group has other members */
	LEFT_BEHIND   /* partitions that nobody of the group reads */
};

struct reading {
	const struct wanted *wanted;
	const struct kafka_settings *settings;
	const struct outside *outside;
	struct prog prog;
	struct brokers brokers;

	/* private, of one kcat */
	struct kcat kcat;
	enum reading_state state;
	enum reading_cause cause;
	int64_t due_ms;   /* when LEAVING or DRAINING has taken too long */
	bool killed;      /* kcat, by us, with SIGKILL */
	int output_errno; /* of kcat's write, 0: none failed */
	struct kafka_problem refusal; /* that names no broker */
	struct partitions partitions;
	char *told; /* the partitions that are in the log, NULL: none */
};

/*
 * Starts a kcat, and PROG, and waits until both have ended. Returns where they
 * are to be started again, which is in the log; all else exits.
 */
void reading_run_or_die(struct reading *reading);

#endif

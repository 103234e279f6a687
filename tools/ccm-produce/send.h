/*
 * One kcat that sends, from its start to its end.
 */
#ifndef CCM_PRODUCE_SEND_H
#define CCM_PRODUCE_SEND_H

#include <stdbool.h>
#include <stdint.h>

#include "companion.h"
#include "kafka-problem.h"
#include "kafka-settings.h"
#include "kcat.h"
#include "writer.h"

#define SEND_FAILURES_MAX 8

/* What happened to records that were not delivered. */
struct send_failure {
	int code; /* librdkafka's */
	uint64_t count;
	char text[128]; /* the code's */
};

struct send {
	/* Set by the caller. */
	const struct kafka_settings *settings;
	const char *topic;
	int stop_fd;     /* readable when we have to stop */
	int refused_fd;  /* for struct companion_reject; -1 */
	bool one_by_one; /* each record in a request of its own */
	bool transactional;
	struct writer *writer;
	int frames_fd; /* a file of frames instead of what the writer
			  writes; -1 */

	/* What became of it. */
	struct companion_counters counters;
	struct send_failure failures[SEND_FAILURES_MAX];
	size_t nfailures;
	struct kafka_problem problem; /* of the brokers, the one that stands */
	struct buf said;              /* kcat's last words */
	bool finished;   /* kcat exited with 0, behind its last record */
	bool ended;      /* by us, because of a refusal that lasted */
	bool committed;  /* the transaction */
	bool stopped;    /* stop_fd was readable */
	bool kcat_first; /* kcat ended while the writer still ran */
	bool append_time;
	int keep_error;        /* errno: a refused record could not be kept */
	char unknown_call[80]; /* kcat is not one that the companion knows */

	int kcat_status; /* of waitpid(2) */

	/* private */
	struct kcat kcat;
	int write_end;             /* of kcat's standard input; -1 */
	int64_t moved_at, told_at; /* ms */
	bool all_down;             /* they were, once */
	bool told;                 /* what it waits for */
};

/*
 * Sends, and fills in what became of it. Returns EX_OK, or the status of what
 * kept kcat or the writer from being run, with a problem.
 */
int send_run(struct send *send, struct buf *problem);

/* True where each record that was seen is on the topic. */
bool send_is_proved(const struct send *send);

/* "3 x REASON; 1 x REASON": why records were not delivered. */
void send_describe_failures(const struct send *send, struct buf *out);

void send_free(struct send *send);

#endif

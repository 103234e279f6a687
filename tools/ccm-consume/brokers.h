/*
 * The brokers that kcat has trouble with: which of them are away, and which
 * refuse us.
 *
 * What librdkafka reports of a broker ends with its absence, and a broker that
 * hangs up may have found a connection idle. So each that it names is a suspect
 * that we ask ourselves, in a child, while kcat goes on reading: not at every
 * report, and less often where it stays away. That one is gone is a line in the
 * log, that it answers again is another.
 *
 * A refusal (of credentials, of TLS) counts when the broker repeats it, to us,
 * some seconds later: one that is being started may not know its users yet.
 */
#ifndef CCM_CONSUME_BROKERS_H
#define CCM_CONSUME_BROKERS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"
#include "kafka-problem.h"
#include "kafka-settings.h"

/* How many are queried at the same time. */
#define BROKERS_ASKED_MAX 6

/* One that librdkafka has named at least once. */
struct broker {
	char *address; /* "host:port" */
	char *reason;  /* what was last reported of it */
	bool suspect;  /* it is queried next */
	bool lost;     /* it did not answer, which is in the log */
	int64_t lost_ms;
	int64_t refused_ms; /* when it refused us first, 0: it does not */
	int64_t due_ms;     /* when it may be asked next */

	pid_t pid; /* the child that asks it, 0: none */
	int pid_fd, answer_fd;
};

/* All zeros at first, but for settings and topic. */
struct brokers {
	const struct kafka_settings *settings;
	const char *topic;

	/* A refusal that counts: EX_NOPERM or EX_CONFIG, 0: there is none. */
	int refusal_status;
	struct buf refusal; /* a C string */

	/* private */
	struct broker *all;
	size_t count;
	size_t asked; /* by a child, now */
};

/* Takes a problem that names a broker. */
void brokers_suspect(
    struct brokers *brokers, const struct kafka_problem *problem);

/* Puts a descriptor for each child into fds, which has room for
 * BROKERS_ASKED_MAX; returns how many. */
size_t brokers_fds(const struct brokers *brokers, struct pollfd *fds);

/* When brokers_work() has something to do that no descriptor shows, by
 * monotonic_ms(); INT64_MAX: never. */
int64_t brokers_due_ms(const struct brokers *brokers);

/* Takes the answers that have come, and asks those that are due. */
void brokers_work(struct brokers *brokers);

/* Ends the children, by SIGKILL; their brokers are due again at once. */
void brokers_rest(struct brokers *brokers);

#endif

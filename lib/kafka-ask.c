#include "kafka-ask.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "clock.h"
#include "kafka-problem.h"
#include "kcat.h"

/* A refusal may be one broker's of several: it has to last that long. */
#define REFUSED_MS 2000
#define GUESSED_MS 5000
/* A broker makes a topic that it is asked for after it has answered. */
#define TRIES 6
#define BETWEEN_TRIES_MS 1000
/* librdkafka's name for how long a connection may take to be usable. */
#define SETUP_TIMEOUT "socket.connection.setup.timeout.ms"

/* rd_kafka_resp_err_t */
#define UNKNOWN_TOPIC 3
#define LEADER_NOT_AVAILABLE 5
#define TOPIC_AUTHORIZATION_FAILED 29

struct asking {
	const struct kafka_settings *settings;
	struct kafka_problem problem;
	bool answered;
	struct companion_event metadata; /* without its text */
	struct buf reason;               /* of the code, or the topic's */
};

static void
take_event(void *context, const struct companion_event *event)
{
	struct asking *asking = context;

	if (event->kind == COMPANION_METADATA) {
		asking->answered = event->code == 0;
		memcpy(&asking->metadata, event, COMPANION_HEAD);
		asking->reason.len = 0;
		buf_add_string(&asking->reason, event->text);
		buf_terminate(&asking->reason);
	} else
		kafka_problem_read(&asking->problem, asking->settings, event);
}

/* True where the refusal has lasted, which kcat would sit out. */
static bool
refusal_lasts(const struct kafka_problem *problem)
{
	return kafka_problem_refuses(problem) &&
	    monotonic_ms() - problem->since_ms >=
	    (problem->guessed ? GUESSED_MS : REFUSED_MS);
}

/* Until kcat has ended; it has nothing to lose. False where we have to stop.
 */
static bool
run(struct kcat *kcat, struct asking *asking, int patience_ms, int stop_fd)
{
	struct pollfd stop = {.fd = stop_fd, .events = POLLIN};
	/* kcat keeps the time itself, but for a name that nobody resolves. */
	int64_t deadline = monotonic_ms() + patience_ms + 2000;

	while (!kcat_wait(kcat, &stop, 1, 250)) {
		if (stop.revents != 0)
			return false;
		if (refusal_lasts(&asking->problem) ||
		    monotonic_ms() >= deadline) {
			kcat_kill(kcat);
			return true;
		}
	}
	return true;
}

/* Why there was no answer. */
static int
no_answer(const struct kcat *kcat, const struct asking *asking,
    bool ended_by_itself, struct buf *problem)
{
	const struct kafka_problem *found = &asking->problem;

	if (kafka_problem_refuses(found) &&
	    !(found->guessed && ended_by_itself)) {
		buf_add_string(problem, found->message.data);
		return found->status;
	}
	if (found->status == EX_TEMPFAIL && found->explained)
		buf_add_string(problem, found->message.data);
	else
		buf_printf(problem,
		    "no broker answered: %s; check KAFKA_BOOTSTRAP_SERVERS and the network",
		    found->message.len > 0       ? found->message.data
			: kcat->said.len > 0     ? kcat->said.data
			: asking->reason.len > 0 ? asking->reason.data
						 : "no reason is known");
	return EX_TEMPFAIL;
}

/* What the broker says of the topic. */
static int
judge(const struct asking *asking, const char *topic,
    struct kafka_topic *answer, struct buf *problem)
{
	answer->answered = true;
	answer->partitions = (unsigned)asking->metadata.number;
	answer->leaderless = (unsigned)asking->metadata.other;
	switch (asking->metadata.topic_code) {
	case TOPIC_AUTHORIZATION_FAILED:
		buf_printf(problem, "no right to see topic %s: %s", topic,
		    asking->reason.data);
		return EX_NOPERM;
	case UNKNOWN_TOPIC:
		buf_printf(problem,
		    "topic %s does not exist, and the broker does not create it",
		    topic);
		return EX_UNAVAILABLE;
	case 0:
	case LEADER_NOT_AVAILABLE:
		if (answer->partitions > 0)
			return EX_OK;
		buf_printf(problem, "topic %s has no partitions", topic);
		return EX_UNAVAILABLE;
	default:
		buf_printf(problem, "topic %s: %s", topic, asking->reason.data);
		return EX_TEMPFAIL;
	}
}

static int
ask_once(const struct kcat_start *start, struct asking *asking,
    const char *topic, int patience_ms, int stop_fd, struct kafka_topic *answer,
    struct buf *problem)
{
	struct kcat kcat;
	bool ended_by_itself;
	int status;

	asking->answered = answer->answered = false;
	kafka_problem_clear(&asking->problem);
	status = kcat_start(&kcat, start, problem);
	if (status != EX_OK)
		return status;
	if (!run(&kcat, asking, patience_ms, stop_fd))
		status = EX_TEMPFAIL;
	else if (asking->answered)
		status = judge(asking, topic, answer, problem);
	else {
		ended_by_itself = !(WIFSIGNALED(kcat.wait_status) &&
		    WTERMSIG(kcat.wait_status) == SIGKILL);
		status = no_answer(&kcat, asking, ended_by_itself, problem);
	}
	kcat_free(&kcat);
	return status;
}

int
kafka_ask(const struct kafka_settings *settings, const char *topic,
    const char *broker, unsigned patience_seconds, int stop_fd,
    struct kafka_topic *answer, struct buf *problem)
{
	struct asking asking = {.settings = settings};
	char patience[16], setup[80];
	const char *argv[16];
	struct pollfd stop = {.fd = stop_fd, .events = POLLIN};
	const char *own = kafka_setting(settings, SETUP_TIMEOUT);
	struct kcat_start start = {.settings = settings,
	    .mode = COMPANION_ASK,
	    .argv = argv,
	    .stdin_fd = -1,
	    .stdout_fd = -1,
	    .rejects_fd = -1,
	    .since_seconds = -1,
	    .end_signal = SIGKILL,
	    .on_event = take_event,
	    .context = &asking};
	unsigned setup_ms = patience_seconds * 500;
	size_t n = 0;
	int status;

	/* Before we give up, librdkafka has to say where it got stuck. */
	if (setup_ms < 1000)
		setup_ms = 1000;
	snprintf(patience, sizeof(patience), "%u", patience_seconds);
	snprintf(setup, sizeof(setup), SETUP_TIMEOUT "=%u", setup_ms);
	argv[n++] = "-L";
	argv[n++] = "-m";
	argv[n++] = patience;
	argv[n++] = "-t";
	argv[n++] = topic;
	if (own == NULL || strtoul(own, NULL, 10) > setup_ms) {
		argv[n++] = "-X";
		argv[n++] = setup;
	}
	if (broker != NULL) {
		argv[n++] = "-b";
		argv[n++] = broker;
	}
	argv[n] = NULL;
	for (int try = 1;; try++) {
		problem->len = 0;
		status = ask_once(&start, &asking, topic,
		    (int)patience_seconds * 1000, stop_fd, answer, problem);
		if (status != EX_UNAVAILABLE || try == TRIES)
			break;
		poll(&stop, 1, BETWEEN_TRIES_MS);
		if (stop.revents != 0) {
			problem->len = 0;
			status = EX_TEMPFAIL;
			break;
		}
	}
	buf_terminate(problem);
	kafka_problem_free(&asking.problem);
	buf_free(&asking.reason);
	return status;
}

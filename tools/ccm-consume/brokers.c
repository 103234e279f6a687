#include "brokers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "kafka-ask.h"
#include "log.h"

#define PATIENCE_SECONDS 5
/* Between two questions to a broker: while it is missed since less than a
 * minute, as in a restart, and later. */
#define SOON_MS 3000
#define LATER_MS 30000
#define SOON_FOR_MS 60000

/* ---- suspects ----------------------------------------------------------- */

static struct broker *
find_or_add(struct brokers *brokers, const char *address)
{
	struct broker *broker;

	for (size_t i = 0; i < brokers->count; i++)
		if (strcmp(brokers->all[i].address, address) == 0)
			return &brokers->all[i];
	brokers->all =
	    grow_by_one(brokers->all, brokers->count, sizeof(*brokers->all));
	broker = &brokers->all[brokers->count++];
	*broker = (struct broker){.address = xstrdup(address)};
	return broker;
}

/* What is wrong, without the address in front. */
static const char *
reason_of(const struct kafka_problem *problem)
{
	const char *message = problem->message.data;
	size_t len = problem->broker.len;

	if (strncmp(message, problem->broker.data, len) == 0 &&
	    strncmp(message + len, ": ", 2) == 0)
		return message + len + 2;
	return message;
}

void
brokers_suspect(struct brokers *brokers, const struct kafka_problem *problem)
{
	struct broker *broker = find_or_add(brokers, problem->broker.data);

	free(broker->reason);
	broker->reason = xstrdup(reason_of(problem));
	broker->suspect = true;
}

/* ---- asking ------------------------------------------------------------- */

static void ask(const struct brokers *brokers, const char *address, int answer)
    __attribute__((noreturn));

/* The child. Signals that stop us are blocked: we end it. */
static void
ask(const struct brokers *brokers, const char *address, int answer)
{
	struct kafka_topic topic = {.answered = false};
	struct buf problem = BUF_INIT;
	int status = kafka_ask(brokers->settings, brokers->topic, address,
	    PATIENCE_SECONDS, -1, &topic, &problem);

	if (topic.answered)
		_exit(EX_OK);
	/* A pipe takes more than any message has. */
	if (problem.len > 0 && write(answer, problem.data, problem.len) < 0)
		status = EX_OSERR;
	_exit(status);
}

/* Starts a child; where that fails, the next turn tries again. */
static void
start_asking(struct brokers *brokers, struct broker *broker)
{
	pid_t parent = getpid();
	int ends[2];

	broker->due_ms = monotonic_ms() + SOON_MS;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return;
	broker->pid = fork();
	if (broker->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(EX_TEMPFAIL);
		ask(brokers, broker->address, ends[1]);
	}
	close(ends[1]);
	if (broker->pid < 0) {
		broker->pid = 0;
		close(ends[0]);
		return;
	}
	broker->answer_fd = ends[0];
	broker->pid_fd = pidfd_open(broker->pid, 0);
	if (broker->pid_fd < 0)
		die(EX_OSERR, "cannot wait for a child: %s", strerror(errno));
	brokers->asked++;
}

/* Reaps the child; returns the status that it has ended with. */
static int
end_asking(struct brokers *brokers, struct broker *broker, struct buf *problem)
{
	char bytes[4096];
	ssize_t got;
	int ended;

	while (waitpid(broker->pid, &ended, 0) < 0 && errno == EINTR)
		continue;
	while ((got = read(broker->answer_fd, bytes, sizeof(bytes))) > 0)
		buf_add(problem, bytes, (size_t)got);
	buf_terminate(problem);
	close(broker->answer_fd);
	close(broker->pid_fd);
	broker->pid = 0;
	brokers->asked--;
	return WIFEXITED(ended) ? WEXITSTATUS(ended) : EX_OSERR;
}

/* ---- what the answers mean ---------------------------------------------- */

static void
take_presence(struct broker *broker)
{
	if (broker->lost)
		log_info("broker %s answers again", broker->address);
	broker->suspect = broker->lost = false;
	broker->refused_ms = 0;
}

static void
take_absence(struct broker *broker)
{
	int64_t now = monotonic_ms();

	broker->refused_ms = 0;
	if (!broker->lost) {
		log_warn("no answer from broker %s (%s); still trying",
		    broker->address, broker->reason);
		broker->lost = true;
		broker->lost_ms = now;
	}
	broker->due_ms =
	    now + (now - broker->lost_ms < SOON_FOR_MS ? SOON_MS : LATER_MS);
}

static void
take_refusal(struct brokers *brokers, struct broker *broker, int status,
    const struct buf *problem)
{
	int64_t now = monotonic_ms();

	broker->due_ms = now + SOON_MS;
	if (broker->refused_ms == 0) {
		broker->refused_ms = now;
	} else if (now - broker->refused_ms >= SOON_MS) {
		brokers->refusal_status = status;
		brokers->refusal.len = 0;
		buf_add(&brokers->refusal, problem->data, problem->len);
		buf_terminate(&brokers->refusal);
	}
}

static void
take_answer(struct brokers *brokers, struct broker *broker)
{
	struct buf problem = BUF_INIT;
	int status = end_asking(brokers, broker, &problem);

	log_debug("broker %s was asked: status %d, %s", broker->address, status,
	    problem.len > 0 ? problem.data : "it answers");
	switch (status) {
	case EX_OK:
		take_presence(broker);
		break;
	case EX_NOPERM:
	case EX_CONFIG:
		take_refusal(brokers, broker, status, &problem);
		break;
	case EX_OSERR: /* the trouble is ours */
		break;
	default:
		take_absence(broker);
		break;
	}
	buf_free(&problem);
}

/* ---- the turns ---------------------------------------------------------- */

static bool
has_ended(const struct broker *broker)
{
	struct pollfd fd = {.fd = broker->pid_fd, .events = POLLIN};

	return poll(&fd, 1, 0) > 0;
}

void
brokers_work(struct brokers *brokers)
{
	for (size_t i = 0; i < brokers->count; i++) {
		struct broker *broker = &brokers->all[i];

		if (broker->pid != 0 && has_ended(broker))
			take_answer(brokers, broker);
		if (broker->suspect && broker->pid == 0 &&
		    brokers->asked < BROKERS_ASKED_MAX &&
		    monotonic_ms() >= broker->due_ms)
			start_asking(brokers, broker);
	}
}

size_t
brokers_fds(const struct brokers *brokers, struct pollfd *fds)
{
	size_t count = 0;

	for (size_t i = 0; i < brokers->count; i++)
		if (brokers->all[i].pid != 0)
			fds[count++] = (struct pollfd){
			    .fd = brokers->all[i].pid_fd, .events = POLLIN};
	return count;
}

int64_t
brokers_due_ms(const struct brokers *brokers)
{
	int64_t due = INT64_MAX;

	if (brokers->asked == BROKERS_ASKED_MAX)
		return INT64_MAX;
	for (size_t i = 0; i < brokers->count; i++) {
		const struct broker *broker = &brokers->all[i];

		if (broker->suspect && broker->pid == 0 && broker->due_ms < due)
			due = broker->due_ms;
	}
	return due;
}

void
brokers_rest(struct brokers *brokers)
{
	struct buf ignored = BUF_INIT;

	for (size_t i = 0; i < brokers->count; i++) {
		struct broker *broker = &brokers->all[i];

		if (broker->pid == 0)
			continue;
		kill(broker->pid, SIGKILL);
		end_asking(brokers, broker, &ignored);
		broker->due_ms = 0;
	}
	buf_free(&ignored);
}

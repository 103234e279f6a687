#include "reading.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

/* From SIGTERM to SIGKILL for a kcat that cannot leave its group, or is stuck
 * in a write. */
#define LEAVE_MS 5000
/* After that the log says that PROG is waited for. */
#define DRAIN_MS 10000
/* A rebalance follows within moments when a topic has got partitions; but a
 * member that is missed is waited for. */
#define UNSHARED_MS 15000
/* kcat ends at once for a right that it lacks. */
#define REFUSAL_MS 10000
#define NEVER INT64_MAX

bool
wanted_ends(const struct wanted *wanted)
{
	return wanted->to_end || wanted->count != NULL;
}

/* True where somebody or something wants us to end, whatever kcat does. */
static bool
is_called_off(const struct reading *reading)
{
	return reading->state != READING &&
	    (reading->cause == TOLD_TO_STOP || reading->cause == READER_GONE);
}

/* Has kcat leave its group, and notes why. */
static void
leave(struct reading *reading, enum reading_cause cause)
{
	if (reading->state == READING || cause == TOLD_TO_STOP ||
	    cause == READER_GONE)
		reading->cause = cause;
	if (reading->state != READING)
		return;
	reading->state = LEAVING;
	reading->due_ms = monotonic_ms() + LEAVE_MS;
	kcat_signal(&reading->kcat, SIGTERM);
}

/* True where partitions have come that nobody of the group reads: where a
 * broker that had not heard of them was asked meanwhile, librdkafka (2.0.2)
 * takes their number for known. With -c and -e, nothing is told, and nothing
 * waited for. */
static bool
must_share(const struct reading *reading)
{
	return reading->partitions.unshared > 0 && reading->told != NULL;
}

/* ---- what kcat reports -------------------------------------------------- */

/* kcat counts the partitions that it has read to their end (-e), and counts on
 * when it is given others: it would end too early, or never. */
static void
take_partitions(struct reading *reading)
{
	const struct wanted *wanted = reading->wanted;
	const struct partitions *partitions = &reading->partitions;
	struct buf text = BUF_INIT;

	if (wanted->to_end && (partitions->moved || partitions->count == 0))
		leave(reading, GROUP_SHARED);
	partitions_write(partitions, &text);
	if (!wanted_ends(wanted) &&
	    (reading->told == NULL || strcmp(reading->told, text.data) != 0)) {
		if (partitions->count > 0)
			log_info("group %s: reading partitions %s of %s",
			    wanted->group, text.data, wanted->topic);
		else
			log_info(
			    "group %s: waiting, other members read all partitions of %s",
			    wanted->group, wanted->topic);
		free(reading->told);
		reading->told = xstrdup(text.data);
	}
	buf_free(&text);
}

/* What the group has read up to is not there: it was deleted before it was
 * read, or the topic was made again. */
static void
take_log_line(struct reading *reading, const struct companion_event *event)
{
	struct buf text = BUF_INIT;

	if (strcmp(event->name, "PARTCNT") == 0)
		partitions_recount(&reading->partitions, event);
	if (strcmp(event->name, "OFFSET") == 0) {
		kafka_settings_mask(reading->settings, &text, event->text);
		log_warn("%s", buf_terminate(&text));
	}
	buf_free(&text);
}

/* A broker is asked; another refusal is kept for the case that kcat ends. */
static void
take_problem(struct reading *reading, const struct companion_event *event)
{
	struct kafka_problem problem = KAFKA_PROBLEM_INIT;

	if (kafka_problem_read(&problem, reading->settings, event)) {
		if (problem.broker.len > 0) {
			brokers_suspect(&reading->brokers, &problem);
		} else if (kafka_problem_refuses(&problem)) {
			kafka_problem_free(&reading->refusal);
			reading->refusal = problem;
			return;
		}
	}
	kafka_problem_free(&problem);
}

static void
on_event(void *context, const struct companion_event *event)
{
	struct reading *reading = context;

	if (reading->state == READING)
		take_problem(reading, event);
	switch (event->kind) {
	case COMPANION_LOG:
		take_log_line(reading, event);
		break;
	case COMPANION_ASSIGNED:
		partitions_give(&reading->partitions, event);
		take_partitions(reading);
		break;
	case COMPANION_REVOKED:
		partitions_take(&reading->partitions, event);
		if (event->code == 0) {
			free(reading->told);
			reading->told = NULL;
		}
		break;
	case COMPANION_SINCE:
		log_warn("cannot look up where the last %" PRId64
			 " seconds begin: %s; starting where the group stands",
		    reading->wanted->since_seconds, event->text);
		break;
	case COMPANION_OUTPUT:
		reading->output_errno = event->code;
		break;
	default:
		break;
	}
}

/* ---- the loop ----------------------------------------------------------- */

/* The arguments of kcat behind the settings; `argv` has room for them. */
static void
write_arguments(const struct wanted *wanted, bool frames, const char **argv)
{
	*argv++ = "-E"; /* goes on, whatever it was */
	*argv++ = "-f";
	*argv++ = frames ? "%p\\t%o\\t%T\\t%K\\t%S\\n%k%s" : "%s\\n";
	if (wanted->count != NULL) {
		*argv++ = "-c";
		*argv++ = wanted->count;
	}
	if (wanted->to_end)
		*argv++ = "-e";
	*argv++ = "-G";
	*argv++ = wanted->group;
	*argv++ = "--";
	*argv++ = wanted->topic;
	*argv = NULL;
}

static void
start_or_die(struct reading *reading)
{
	bool frames = reading->prog.argv != NULL;
	const char *argv[16];
	struct kcat_start start = {.settings = reading->settings,
	    .mode = COMPANION_CONSUME,
	    .argv = argv,
	    .stdin_fd = -1,
	    .stdout_fd = STDOUT_FILENO,
	    .rejects_fd = -1,
	    .frames = frames,
	    .since_seconds = reading->wanted->since_seconds,
	    .end_signal = SIGTERM,
	    .on_event = on_event,
	    .context = reading};
	struct buf problem = BUF_INIT;
	int status;

	write_arguments(reading->wanted, frames, argv);
	if (frames)
		start.stdout_fd = prog_start(&reading->prog, &problem);
	if (start.stdout_fd < 0)
		die(EX_OSERR, "%s", buf_terminate(&problem));
	status = kcat_start(&reading->kcat, &start, &problem);
	if (status != EX_OK)
		die(status, "%s", buf_terminate(&problem));
	if (frames)
		close(start.stdout_fd);
	buf_free(&problem);
}

static void
kcat_has_ended(struct reading *reading)
{
	if (reading->state == READING)
		reading->cause = BY_ITSELF;
	reading->state = DRAINING;
	reading->due_ms = monotonic_ms() + DRAIN_MS;
	brokers_rest(&reading->brokers);
}

/* When something is due that no descriptor shows. */
static int64_t
next_due_ms(const struct reading *reading)
{
	const struct partitions *partitions = &reading->partitions;
	int64_t due = reading->due_ms;

	if (reading->state == READING) {
		due = brokers_due_ms(&reading->brokers);
		if (must_share(reading) &&
		    partitions->unshared_since_ms + UNSHARED_MS < due)
			due = partitions->unshared_since_ms + UNSHARED_MS;
	}
	return due;
}

/* Until something has happened, or is due. */
static void
await(struct reading *reading)
{
	int64_t due = next_due_ms(reading), left = due - monotonic_ms();
	int timeout_ms = due == NEVER ? -1 : left < 0 ? 0 : (int)left;
	struct pollfd fds[KCAT_FDS_MAX];
	size_t count = 0;

	_Static_assert(KCAT_FDS_MAX >= BROKERS_ASKED_MAX + 2, "room for all");
	if (!is_called_off(reading))
		fds[count++] = (struct pollfd){
		    .fd = reading->outside->fd, .events = POLLIN};
	if (reading->prog.pid != 0)
		fds[count++] = (struct pollfd){
		    .fd = reading->prog.pid_fd, .events = POLLIN};
	if (reading->state == READING)
		count += brokers_fds(&reading->brokers, fds + count);
	if (reading->state == DRAINING)
		poll(fds, (nfds_t)count, timeout_ms);
	else if (kcat_wait(&reading->kcat, fds, count, timeout_ms))
		kcat_has_ended(reading);
}

static void
look_outside(struct reading *reading)
{
	switch (outside_look(reading->outside)) {
	case OUTSIDE_SIGNAL:
		leave(reading, TOLD_TO_STOP);
		break;
	case OUTSIDE_READER_GONE:
		leave(reading, READER_GONE);
		break;
	case OUTSIDE_NOTHING:
		break;
	}
}

static void
look_at_brokers(struct reading *reading)
{
	if (reading->state != READING)
		return;
	brokers_work(&reading->brokers);
	if (reading->brokers.refusal_status != 0)
		leave(reading, REFUSED);
}

static void
look_at_partitions(struct reading *reading)
{
	const struct partitions *partitions = &reading->partitions;

	if (reading->state != READING || !must_share(reading) ||
	    monotonic_ms() - partitions->unshared_since_ms < UNSHARED_MS)
		return;
	log_warn(
	    "topic %s has %lu partitions now, and the group has not shared them out; restarting kcat",
	    reading->wanted->topic, partitions->unshared);
	leave(reading, LEFT_BEHIND);
}

/* What it takes to get from one state to the next. */
static void
look_at_ends(struct reading *reading)
{
	int64_t now = monotonic_ms();

	prog_look(&reading->prog);
	if (reading->state == READING && reading->prog.ended)
		leave(reading, PROG_ENDED);
	if (reading->state == LEAVING && now >= reading->due_ms) {
		kcat_signal(&reading->kcat, SIGKILL);
		reading->killed = true;
		reading->due_ms = NEVER;
	}
	if (reading->state != DRAINING)
		return;
	if (reading->prog.pid == 0) {
		reading->state = ENDED;
	} else if (is_called_off(reading)) {
		reading->due_ms = now + prog_hurry(&reading->prog);
	} else if (now >= reading->due_ms) {
		log_info("kcat has ended; waiting for %s to end",
		    reading->prog.argv[0]);
		reading->due_ms = NEVER;
	}
}

/* ---- what follows ------------------------------------------------------- */

static void
describe_kcat(const struct reading *reading, struct buf *out)
{
	const struct kcat *kcat = &reading->kcat;
	int ended = kcat->wait_status;

	if (WIFSIGNALED(ended))
		buf_printf(out, "signal %d, %s", WTERMSIG(ended),
		    strsignal(WTERMSIG(ended)));
	else if (WEXITSTATUS(ended) != 0 && kcat->said.len > 0)
		buf_add_string(out, kcat->said.data);
	else
		buf_printf(out, "status %d", WEXITSTATUS(ended));
	buf_terminate(out);
}

/* True where a signal of ours has ended kcat, which is no fault of its. */
static bool
kcat_was_told(const struct reading *reading)
{
	int signal = WTERMSIG(reading->kcat.wait_status);

	return (signal == SIGTERM && reading->cause != BY_ITSELF) ||
	    (signal == SIGKILL && reading->killed);
}

/* True where the last that PROG got may be half a record, or kcat has ended for
 * a reason of its own: PROG's status says nothing then. */
static bool
kcat_has_failed(const struct reading *reading)
{
	int ended = reading->kcat.wait_status;

	if (WIFSIGNALED(ended))
		return reading->cause != PROG_ENDED || !kcat_was_told(reading);
	return reading->cause == BY_ITSELF && WEXITSTATUS(ended) != 0 &&
	    reading->output_errno == 0;
}

/* Exits, but where PROG has done what it could. */
static void
judge_prog(const struct reading *reading)
{
	const struct prog *prog = &reading->prog;
	bool was_stopped =
	    is_called_off(reading) || reading->cause == LEFT_BEHIND;
	int status = prog_status(prog);
	struct buf text = BUF_INIT;

	/* Bad records that it has reported are no reason for us to end. */
	if (was_stopped && status == EX_DATAERR)
		status = EX_OK;

	if (WIFSIGNALED(prog->wait_status) &&
	    WTERMSIG(prog->wait_status) == SIGPIPE)
		die_without_reader();
	prog_describe(prog, &text);
	if (status != EX_OK && !prog_was_told(prog))
		die(status, "%s", text.data);
	if (was_stopped) {
		buf_free(&text);
		return;
	}
	if (wanted_ends(reading->wanted))
		exit(status);
	die(EX_TEMPFAIL, "%s, but the topic goes on", text.data);
}

/* kcat has ended by itself. Exits, or returns where it should be started again.
 */
static void
judge_kcat(const struct reading *reading)
{
	const struct kafka_problem *refusal = &reading->refusal;
	struct buf text = BUF_INIT;

	if (kafka_problem_refuses(refusal) &&
	    monotonic_ms() - refusal->since_ms < REFUSAL_MS)
		die(refusal->status, "%s", refusal->message.data);
	if (reading->output_errno == EPIPE)
		die_without_reader();
	if (reading->output_errno != 0)
		die(EX_IOERR, "cannot write to standard output: %s",
		    strerror(reading->output_errno));
	describe_kcat(reading, &text);
	if (wanted_ends(reading->wanted)) {
		if (reading->kcat.wait_status == 0)
			exit(EX_OK);
		die(EX_TEMPFAIL, "kcat has ended: %s", text.data);
	}
	log_warn("kcat has ended (%s); restarting it", text.data);
	buf_free(&text);
}

static void
die_of_shared_group(const struct reading *reading)
{
	const struct wanted *wanted = reading->wanted;

	if (reading->partitions.moved)
		die(EX_TEMPFAIL,
		    "partitions of %s moved between members of group %s; -e needs a group without other members",
		    wanted->topic, wanted->group);
	die(EX_TEMPFAIL,
	    "other members of group %s read all partitions of %s; -e needs a group without other members",
	    wanted->group, wanted->topic);
}

static void
judge_or_die(const struct reading *reading)
{
	if (reading->cause == REFUSED)
		die(reading->brokers.refusal_status, "%s",
		    reading->brokers.refusal.data);
	if (reading->cause == GROUP_SHARED)
		die_of_shared_group(reading);
	if (reading->prog.ended && !kcat_has_failed(reading))
		judge_prog(reading);
	if (reading->cause == READER_GONE)
		die_without_reader();
	if (reading->cause == TOLD_TO_STOP) {
		log_info("stopped");
		exit(EX_OK);
	}
	if (reading->cause != LEFT_BEHIND)
		judge_kcat(reading);
}

/* ---- the whole ---------------------------------------------------------- */

static void
reset(struct reading *reading)
{
	kcat_free(&reading->kcat);
	kafka_problem_free(&reading->refusal);
	partitions_reset(&reading->partitions);
	free(reading->told);
	reading->told = NULL;
	reading->output_errno = 0;
	reading->killed = false;
	reading->state = READING;
}

void
reading_run_or_die(struct reading *reading)
{
	start_or_die(reading);
	while (reading->state != ENDED) {
		await(reading);
		look_outside(reading);
		look_at_brokers(reading);
		look_at_partitions(reading);
		look_at_ends(reading);
	}
	judge_or_die(reading);
	reset(reading);
}

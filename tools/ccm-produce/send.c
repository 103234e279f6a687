#include "send.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "shipper.h"

/* So long nothing was acknowledged: somebody may want to know why, where all
 * brokers are away, or otherwise (an election of leaders takes less). */
#define STALLED_MS 5000
#define STALLED_LONG_MS 30000
/* rd_kafka_resp_err_t */
#define ALL_BROKERS_DOWN (-187)
/* A refusal that has stood so long, with nothing acknowledged, stays. */
#define REFUSED_MS 10000
/* The companion reports as often as five times a second while kcat waits. */
#define SILENT_MS 1000
#define POLL_MS 250
#define PIPE_BYTES (1 << 20)
/* kcat begins and commits a transaction within that time. */
#define TRANSACTION_SECONDS "60"

/* ---- what comes from the companion -------------------------------------- */

static void
take_failure(struct send *send, const struct companion_event *event)
{
	size_t i = 0;

	while (i < send->nfailures && send->failures[i].code != event->code)
		i++;
	if (i == SEND_FAILURES_MAX)
		return;
	if (i == send->nfailures) {
		send->nfailures++;
		send->failures[i].code = event->code;
		snprintf(send->failures[i].text, sizeof(send->failures[i].text),
		    "%.127s", event->text);
	}
	send->failures[i].count = event->number;
}

static uint64_t
settled(const struct companion_counters *counters)
{
	return counters->delivered + counters->failed;
}

/*
 * While kcat waits for input it reports nothing, and while it waits for a
 * broker it reports all the time that nothing has moved.
 */
static void
take_progress(struct send *send, const struct companion_event *event)
{
	const struct companion_counters *now = &event->counters;
	int64_t at = monotonic_ms();

	if (settled(now) != settled(&send->counters)) {
		kafka_problem_clear(&send->problem);
		send->moved_at = at;
	} else if (settled(now) == now->seen || at - send->told_at > SILENT_MS)
		send->moved_at = at;
	send->told_at = at;
}

static void
take_event(void *context, const struct companion_event *event)
{
	struct send *send = context;

	switch (event->kind) {
	case COMPANION_PROGRESS:
		take_progress(send, event);
		break;
	case COMPANION_FAILED:
		take_failure(send, event);
		break;
	case COMPANION_END:
		send->finished = true;
		break;
	case COMPANION_READY:
		/* kcat has seen the end of its input, which the writer's own
		 * end alone makes. */
		if (send->write_end < 0)
			kcat_commit(&send->kcat, event->counters.seen);
		break;
	case COMPANION_COMMITTED:
		send->committed = true;
		break;
	case COMPANION_APPEND_TIME:
		send->append_time = true;
		break;
	case COMPANION_REJECTS:
		send->keep_error = event->code;
		break;
	case COMPANION_UNKNOWN_CALL:
		snprintf(send->unknown_call, sizeof(send->unknown_call),
		    "%.79s", event->text);
		break;
	default:
		if (event->kind == COMPANION_ERROR &&
		    event->code == ALL_BROKERS_DOWN)
			send->all_down = true;
		kafka_problem_read(&send->problem, send->settings, event);
		return;
	}
	send->counters = event->counters;
}

/* ---- starting ----------------------------------------------------------- */

static int
start_kcat(struct send *send, int stdin_fd, struct buf *problem)
{
	const char *argv[24];
	struct kcat_start start = {.settings = send->settings,
	    .mode = COMPANION_PRODUCE,
	    .argv = argv,
	    .stdin_fd = stdin_fd,
	    .stdout_fd = -1,
	    .rejects_fd = send->refused_fd,
	    .since_seconds = -1,
	    .end_signal = SIGKILL,
	    .on_event = take_event,
	    .context = send};
	size_t n = 0;

	argv[n++] = "-P";
	argv[n++] = "-E";
	argv[n++] = "-t";
	argv[n++] = send->topic;
	argv[n++] = "-K";
	argv[n++] = send->writer->key_delimiter;
	argv[n++] = "-D";
	argv[n++] = send->writer->end_delimiter;
	if (send->transactional) {
		argv[n++] = "-m";
		argv[n++] = TRANSACTION_SECONDS;
	}
	if (send->one_by_one) {
		argv[n++] = "-X";
		argv[n++] = "batch.num.messages=1";
	}
	argv[n] = NULL;
	return kcat_start(&send->kcat, &start, problem);
}

/* kcat with what the writer writes, or with a file of frames. */
static int
start(struct send *send, struct buf *problem)
{
	int ends[2] = {send->frames_fd, -1}, status;

	if (send->frames_fd < 0) {
		if (pipe2(ends, O_CLOEXEC) != 0) {
			buf_printf(
			    problem, "cannot make a pipe: %s", strerror(errno));
			return EX_OSERR;
		}
		/* The more is in it, the less they wait for each other. */
		fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
	}
	send->write_end = ends[1];
	/* Nothing is written before its companion has greeted. */
	status = start_kcat(send, ends[0], problem);
	if (status == EX_OK && send->frames_fd < 0 &&
	    !writer_start(send->writer, send->write_end, problem))
		status = EX_OSERR;
	if (send->frames_fd < 0)
		close(ends[0]);
	return status;
}

/* ---- until it is over --------------------------------------------------- */

static void
close_write_end(struct send *send)
{
	if (send->write_end >= 0)
		close(send->write_end);
	send->write_end = -1;
}

/* kcat's input ends only where the writer has written all of it: else what it
 * has written last may be cut, and a transaction would be committed. */
static void
look_at_writer(struct send *send)
{
	writer_reap(send->writer);
	if (writer_is_complete(send->writer))
		close_write_end(send);
	else
		kcat_kill(&send->kcat);
}

/* Reports once what a send waits for, to the shipper or to the log. */
static void
tell_waiting(struct send *send)
{
	struct buf text = BUF_INIT;

	if (send->told)
		return;
	send->told = true;
	if (send->problem.status == 0)
		buf_add_string(&text,
		    "no broker has acknowledged a record for some seconds");
	else
		buf_printf(&text, "%s%s",
		    send->problem.explained ? "" : "no broker answered: ",
		    send->problem.message.data);
	buf_add_string(&text, "; still trying");
	buf_terminate(&text);
	if (!shipper_tell(text.data))
		log_warn("%s", text.data);
	buf_free(&text);
}

static void
look_at_brokers(struct send *send)
{
	int64_t now = monotonic_ms();

	if (now - send->told_at > SILENT_MS ||
	    now - send->moved_at < STALLED_MS)
		return;
	if (kafka_problem_refuses(&send->problem) && !send->problem.guessed) {
		if (now - send->problem.since_ms >= REFUSED_MS) {
			kcat_kill(&send->kcat);
			send->ended = true;
		}
		return;
	}
	if (send->all_down || now - send->moved_at >= STALLED_LONG_MS)
		tell_waiting(send);
}

/* True where kcat has ended. */
static bool
step(struct send *send)
{
	struct pollfd fds[] = {{.fd = send->stop_fd, .events = POLLIN},
	    {.fd = send->writer->pid_fd, .events = POLLIN}};

	if (kcat_wait(&send->kcat, fds, 2, POLL_MS))
		return true;
	if (fds[0].revents != 0) {
		send->stopped = true;
		kcat_kill(&send->kcat);
		return true;
	}
	if (fds[1].revents != 0)
		look_at_writer(send);
	else
		look_at_brokers(send);
	return send->kcat.pid == 0;
}

int
send_run(struct send *send, struct buf *problem)
{
	int status;

	send->moved_at = send->told_at = monotonic_ms();
	status = start(send, problem);
	if (status == EX_OK)
		while (!step(send))
			continue;
	send->kcat_first = send->writer->pid != 0;
	writer_end(send->writer);
	close_write_end(send);
	send->kcat_status = send->kcat.wait_status;
	buf_add(&send->said, send->kcat.said.data, send->kcat.said.len);
	kcat_free(&send->kcat);
	return status;
}

/* ---- what became of it -------------------------------------------------- */

bool
send_is_proved(const struct send *send)
{
	const struct companion_counters *counters = &send->counters;

	return send->finished && WIFEXITED(send->kcat_status) &&
	    WEXITSTATUS(send->kcat_status) == EX_OK && counters->cut == 0 &&
	    counters->delivered == counters->seen &&
	    (send->frames_fd >= 0 || writer_is_complete(send->writer)) &&
	    (!send->transactional || send->committed || counters->seen == 0);
}

void
send_describe_failures(const struct send *send, struct buf *out)
{
	for (size_t i = 0; i < send->nfailures; i++)
		buf_printf(out, "%s%llu x %s", i > 0 ? "; " : "",
		    (unsigned long long)send->failures[i].count,
		    send->failures[i].text);
	buf_terminate(out);
}

void
send_free(struct send *send)
{
	kafka_problem_free(&send->problem);
	buf_free(&send->said);
}

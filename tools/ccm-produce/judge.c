#include "judge.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "plural.h"
#include "process.h"
#include "statuses.h"

static bool
writer_counts(const struct send *send)
{
	return send->frames_fd < 0;
}

bool
only_refused_are_missing(const struct send *send)
{
	const struct companion_counters *counters = &send->counters;

	return counters->failed > 0 && counters->kept == counters->failed &&
	    counters->delivered + counters->failed == counters->seen &&
	    counters->cut == 0 && !send->transactional &&
	    send->keep_error == 0 &&
	    (!writer_counts(send) || writer_is_complete(send->writer));
}

/* The writer ended otherwise than with all written: 0 where it did not. */
static int
judge_writer(const struct send *send, struct buf *why)
{
	const struct writer *writer = send->writer;
	struct statuses statuses = {.unauthorised = false};
	int ended = writer->wait_status;

	if (!writer_counts(send) || writer_is_complete(writer))
		return EX_OK;
	/* Its end follows from kcat's, whichever of them we have seen first. */
	if (send->kcat_first ||
	    (WIFSIGNALED(ended) && WTERMSIG(ended) == SIGPIPE))
		return EX_OK;
	statuses_add_wait(&statuses, ended);
	process_describe_end(why, writer->argv[0], ended);
	if (writer->reason.len > 0)
		buf_printf(why, ": %s", writer->reason.data);
	return statuses_first(&statuses);
}

/* A status that all failures have. */
static bool
a_failure_is(const struct send *send, int status)
{
	for (size_t i = 0; i < send->nfailures; i++)
		if (kafka_delivery_status(send->failures[i].code) == status)
			return true;
	return false;
}

/* Why it is not proved. */
static void
describe(const struct send *send, struct buf *why)
{
	const struct companion_counters *counters = &send->counters;

	buf_printf(why, "delivered %" PRIu64 " of ", counters->delivered);
	if (send->finished && writer_is_complete(send->writer))
		buf_printf(why, "%" PRIu64, counters->seen);
	else
		buf_add_string(why, "an unknown number of");
	buf_printf(why, " records to %s", send->topic);
	if (send->nfailures > 0) {
		buf_add_string(why, ": ");
		send_describe_failures(send, why);
	} else if (send->problem.status != 0)
		buf_printf(why, ": %s", send->problem.message.data);
	else if (send->said.len > 0) {
		buf_add_string(why, ": ");
		buf_add(why, send->said.data, send->said.len);
	} else
		process_describe_end(why, ": kcat", send->kcat_status);
}

static int
judge_failed(const struct send *send, struct buf *why)
{
	if (send->unknown_call[0] != '\0') {
		buf_printf(why,
		    "this kcat cannot be used: it calls librdkafka in a way that ccm does not know (%s); install the package kcat",
		    send->unknown_call);
		return EX_CONFIG;
	}
	if (send->keep_error != 0) {
		buf_printf(why,
		    "cannot keep the records that the broker refuses: %s; ",
		    strerror(send->keep_error));
		describe(send, why);
		return EX_IOERR;
	}
	if (kafka_problem_refuses(&send->problem) && !send->problem.guessed &&
	    (send->ended || send->counters.delivered == 0)) {
		buf_add_string(why, send->problem.message.data);
		return send->problem.status;
	}
	if (send->transactional && a_failure_is(send, EX_DATAERR)) {
		buf_add_string(why,
		    "the broker refuses records for good, and with them the whole transaction: ");
		send_describe_failures(send, why);
		return EX_DATAERR;
	}
	if (a_failure_is(send, EX_NOPERM)) {
		buf_printf(why,
		    "this user lacks the right to write to %s: ", send->topic);
		send_describe_failures(send, why);
		return EX_NOPERM;
	}
	describe(send, why);
	return EX_TEMPFAIL;
}

int
judge(const struct send *send, struct buf *why)
{
	int status = judge_writer(send, why);

	if (status == EX_OK && send->counters.cut > 0) {
		buf_printf(why,
		    "%s has written %" PRIu64
		    " bad frame%s (see ccm-key -F), not sent",
		    send->writer->argv[0], send->counters.cut,
		    plural(send->counters.cut));
		status = EX_SOFTWARE;
	}
	if (status == EX_OK && !send_is_proved(send))
		status = judge_failed(send, why);
	if (status == EX_OK && writer_counts(send) &&
	    WEXITSTATUS(send->writer->wait_status) == EX_DATAERR) {
		buf_printf(why,
		    "bad lines are not sent, see above; the other %" PRIu64
		    " record%s %s sent",
		    send->counters.delivered, plural(send->counters.delivered),
		    send->counters.delivered == 1 ? "is" : "are");
		status = EX_DATAERR;
	}
	if (why->len > 0)
		buf_terminate(why);
	return status;
}

#include "decode.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "arrivals.h"
#include "clock.h"
#include "io.h"
#include "log.h"
#include "metric.h"
#include "shipper.h"
#include "wire.h"

#define OUT_BLOCK ((size_t)64 << 10)
/* A topic full of something else does not fill the log. */
#define BAD_MINUTE_MS 60000
#define BAD_MAX_A_MINUTE 10

struct decoder {
	struct writers *writers;
	struct arrivals arrivals;
	struct metric metric;
	struct buf out, problem;
	int status;   /* so far */
	bool is_fifo; /* what we write to; the daemon reads it */

	uint64_t bad, bad_unsaid; /* messages: all, and not in the log */
	int64_t minute_began_ms;
	unsigned said; /* in this minute */
};

static void
flush_out(void *context)
{
	struct decoder *decoder = context;

	if (!write_all(STDOUT_FILENO, decoder->out.data, decoder->out.len))
		die(errno == EPIPE && decoder->is_fifo ? EX_TEMPFAIL : EX_IOERR,
		    "cannot write to standard output: %s", strerror(errno));
	decoder->out.len = 0;
}

/* ---- bad messages ------------------------------------------------------- */

static void
tell_unsaid(struct decoder *decoder)
{
	if (decoder->bad_unsaid > 0)
		log_warn("%" PRIu64 " more bad messages, %" PRIu64 " in all",
		    decoder->bad_unsaid, decoder->bad);
	decoder->bad_unsaid = 0;
}

static void
report_bad(struct decoder *decoder)
{
	const struct message *message = &decoder->arrivals.message;
	int64_t now = monotonic_ms();

	decoder->status = EX_DATAERR;
	decoder->bad++;
	if (decoder->said == 0 ||
	    now - decoder->minute_began_ms >= BAD_MINUTE_MS) {
		tell_unsaid(decoder);
		decoder->minute_began_ms = now;
		decoder->said = 0;
	}
	if (decoder->said == BAD_MAX_A_MINUTE) {
		decoder->bad_unsaid++;
		return;
	}
	decoder->said++;
	log_plain(LOG_LEVEL_ERROR, "partition %d, offset %" PRId64 ": %s",
	    (int)message->partition, message->offset,
	    buf_terminate(&decoder->problem));
}

/* ---- messages ----------------------------------------------------------- */

/* EX_OK; EX_DATAERR with a problem; or another status with one. */
static int
read_metric(struct decoder *decoder)
{
	const struct message *message = &decoder->arrivals.message;
	const struct writer_schema *schema;
	struct binary in = {.problem = NULL};
	uint32_t id;
	int status;

	if (message->value.at == NULL) {
		buf_add_string(&decoder->problem, "it has no value");
		return EX_DATAERR;
	}
	in.at = message->value.at;
	in.end = in.at + message->value.len;
	if (wire_read_head(&in, &id)) {
		status = writers_find(
		    decoder->writers, id, &schema, &decoder->problem);
		if (status != EX_OK)
			return status;
		if (writer_schema_decode(schema, &in, &decoder->metric) &&
		    in.at != in.end)
			binary_fail(&in, "bytes are left behind the metric");
	}
	if (in.problem == NULL)
		return EX_OK;
	buf_add_string(&decoder->problem, in.problem);
	return EX_DATAERR;
}

/* The same. */
static int
take_message(struct decoder *decoder)
{
	const struct message *message = &decoder->arrivals.message;
	struct arrival arrival = {.received_ms = message->time_ms,
	    .partition = message->partition,
	    .offset = message->offset};
	int status = read_metric(decoder);

	if (status != EX_OK)
		return status;
	if (!wire_read_key(
		&message->key, &decoder->metric.name, &arrival.app_id))
		arrival.app_id.at = NULL;
	return metric_write_line(
		   &decoder->out, &decoder->metric, &arrival, &decoder->problem)
	    ? EX_OK
	    : EX_DATAERR;
}

/* False where nothing can follow. */
static bool
take(struct decoder *decoder, enum arrivals_result result)
{
	int status = EX_OK;

	decoder->problem.len = 0;
	switch (result) {
	case ARRIVALS_MESSAGE:
		status = take_message(decoder);
		break;
	case ARRIVALS_LONG:
		buf_printf(
		    &decoder->problem, "it has over %zu bytes", MESSAGE_MAX);
		status = EX_DATAERR;
		break;
	case ARRIVALS_CONTROL:
		buf_add(&decoder->out, decoder->arrivals.control.at,
		    decoder->arrivals.control.len);
		break;
	case ARRIVALS_CUT:
		log_error("standard input ends within a message");
		decoder->status = EX_DATAERR;
		return false;
	case ARRIVALS_ALIEN:
		log_error("standard input is not what ccm-consume gives to a "
			  "program");
		decoder->status = EX_DATAERR;
		return false;
	case ARRIVALS_ERROR:
		log_error("cannot read standard input: %s", strerror(errno));
		decoder->status = EX_IOERR;
		return false;
	case ARRIVALS_END:
		return false;
	}
	if (status == EX_DATAERR)
		report_bad(decoder);
	else if (status != EX_OK) {
		flush_out(decoder);
		shipper_die(status, "%s", buf_terminate(&decoder->problem));
	}
	return true;
}

int
decode(struct writers *writers)
{
	struct decoder decoder = {.writers = writers,
	    .arrivals = {.fd = STDIN_FILENO, .before_wait = flush_out},
	    .is_fifo = is_named_fifo(STDOUT_FILENO)};

	decoder.arrivals.context = &decoder;
	if (decoder.is_fifo)
		signal(SIGPIPE, SIG_IGN);
	while (take(&decoder, arrivals_next(&decoder.arrivals)))
		if (decoder.out.len >= OUT_BLOCK)
			flush_out(&decoder);
	flush_out(&decoder);
	tell_unsaid(&decoder);
	if (close(STDOUT_FILENO) != 0)
		die(EX_IOERR, "cannot write to standard output: %s",
		    strerror(errno));
	arrivals_free(&decoder.arrivals);
	metric_free(&decoder.metric);
	buf_free(&decoder.out);
	buf_free(&decoder.problem);
	return decoder.status;
}

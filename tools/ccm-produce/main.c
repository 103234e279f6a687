/*
 * ccm-produce - records to a Kafka topic, keyed, and proved to be there.
 *
 *	records -> ccm-key -F (or PROG) -> kcat with its companion -> Kafka
 *
 * Who gives us the records removes them when we exit 0. So:
 *
 * - 0 means that each record has a delivery report without an error, counted in
 *   kcat by its companion (kcat-companion.c), or that the transaction with it
 *   was committed.
 * - A send that is not proved is sent again, and doubles what had gone. So a
 *   broker has to answer for the topic before anything is sent, and then one
 *   kcat (-E, delivery.timeout.ms) waits for a broker that goes away.
 * - What the writer's death cuts off is not sent, and not committed: we keep
 *   the writing end of kcat's input open until the writer has ended well, and
 *   end kcat otherwise.
 * - A broker refuses a whole batch for one record in it. What it has refused is
 *   sent again, record by record; what it refuses then stays refused. It
 *   goes to the file CCM_SHIP_REJECTS, status 0, so that nothing is sent twice.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "env.h"
#include "hour.h"
#include "io.h"
#include "judge.h"
#include "kafka-ask.h"
#include "kafka-settings.h"
#include "log.h"
#include "main.h"
#include "plural.h"
#include "process.h"
#include "refused.h"
#include "send.h"
#include "shipper.h"
#include "writer.h"

#define USAGE                                                                  \
	"usage: ccm-produce TOPIC [PROG [ARG]...] < records\n"                 \
	"       ccm-produce -n\n"                                              \
	"Sends records, one JSON object a line, to a Kafka topic, with the\n"  \
	"keys that ccm-key makes. Exits 0 when all of them are known to be\n"  \
	"there. PROG frames the records instead of ccm-key -F.\n"              \
	"  -n       checks and prints the settings for Kafka; sends nothing\n" \
	"  -h       this help\n"                                               \
	"  -V       the version\n"                                             \
	"KAFKA_SETTINGS or KAFKA_* variables say how to reach Kafka.\n"

#define ASK_SECONDS 10
/* A topic that keeps records for a week, the default, is about to delete it. */
#define OLD_MS ((int64_t)6 * 24 * 3600 * 1000)

struct produce {
	const char *topic;
	const char *rejects; /* the path of CCM_SHIP_REJECTS, or NULL */
	const char *files;   /* CCM_SHIP_FILES, or NULL */
	struct kafka_settings settings;
	struct writer writer;
	bool has_prog; /* that frames the records */
	struct send send;
	int bad_fd;     /* lines that ccm-key has refused; -1 */
	int refused_fd; /* records that a broker has refused */
	int64_t began_ms;
};

/* ---- messages ----------------------------------------------------------- */

/* Which files of a spool they were: ", of NAME", ", of 3 files from A to B". */
static void
describe_files(struct buf *out, const char *files)
{
	const char *last;
	size_t count = 1;

	if (files == NULL || *files == '\0')
		return;
	for (const char *at = files; (at = strchr(at, '\n')) != NULL; at++)
		count++;
	last = strrchr(files, '\n');
	if (last == NULL)
		buf_printf(out, ", of %s", files);
	else
		buf_printf(out, ", of %zu files from %.*s to %s", count,
		    (int)strcspn(files, "\n"), files, last + 1);
}

static void
report_sent(const struct produce *produce, uint64_t count)
{
	struct buf text = BUF_INIT;

	buf_printf(&text, "%" PRIu64 " record%s to %s in %.3f s", count,
	    plural(count), produce->topic,
	    (double)(monotonic_ms() - produce->began_ms) / 1000);
	describe_files(&text, produce->files);
	log_info("%s", buf_terminate(&text));
	buf_free(&text);
}

/* What a consumer may wonder about. */
static void
warn_of_times(const struct produce *produce)
{
	const struct send *send = &produce->send;
	struct ccm_clock clock;
	int64_t age_ms;

	if (send->append_time)
		log_warn(
		    "topic %s has message.timestamp.type=LogAppendTime: the broker replaces each record's time by the time of its arrival",
		    produce->topic);
	/* CCM_NOW is the settings' business, not ours. */
	if (!clock_start(&clock))
		return;
	age_ms = clock_now_ms(&clock) - send->counters.oldest_ms;

	if (send->counters.oldest_ms > 0 && age_ms > OLD_MS)
		log_warn(
		    "the oldest record is %" PRId64
		    " days old; a topic %s with a shorter retention.ms deletes it at the broker's next check",
		    age_ms / (24 * 3600 * 1000), produce->topic);
}

/* ---- what was refused --------------------------------------------------- */

/*
 * Sends the refused records once more, each by itself: the batch of a record
 * that is too large is refused as a whole. What is refused again is then in
 * refused_fd.
 */
static int
send_refused_alone(struct produce *produce, struct buf *why)
{
	struct send *first = &produce->send;
	struct send again = {.settings = first->settings,
	    .topic = first->topic,
	    .stop_fd = first->stop_fd,
	    .refused_fd = refused_file_or_die("refused"),
	    .one_by_one = true,
	    .writer = first->writer,
	    .frames_fd = -1};
	int status;

	log_info("the broker refuses %" PRIu64
		 " records, alone or in their batch; sending each by itself",
	    first->counters.kept);
	again.frames_fd = refused_to_frames(produce->refused_fd,
	    produce->writer.key_delimiter, produce->writer.end_delimiter);
	if (again.frames_fd < 0) {
		buf_printf(
		    why, "cannot make a file in memory: %s", strerror(errno));
		return EX_IOERR;
	}
	status = send_run(&again, why);
	close(again.frames_fd);
	close(produce->refused_fd);
	produce->refused_fd = again.refused_fd;
	if (status == EX_OK && !only_refused_are_missing(&again))
		status = judge(&again, why);
	first->counters.delivered += again.counters.delivered;
	first->counters.failed = again.counters.failed;
	first->nfailures = again.nfailures;
	memcpy(first->failures, again.failures, sizeof(again.failures));
	send_free(&again);
	return status;
}

/* Records that no later try mends: kept where the shipper wants them, or
 * reported by the status. */
static void
finish_with_rejects(struct produce *produce)
{
	struct send *send = &produce->send;
	struct buf reasons = BUF_INIT;
	int lines_fd = produce->bad_fd;
	bool kept;

	send_describe_failures(send, &reasons);
	if (produce->rejects == NULL)
		shipper_die(EX_DATAERR,
		    "the broker refuses %" PRIu64 " of %" PRIu64
		    " records for good: %s; %" PRIu64 " are sent",
		    send->counters.failed, send->counters.seen, reasons.data,
		    send->counters.delivered);
	kept = produce->has_prog
	    ? refused_to_messages(produce->refused_fd, lines_fd)
	    : refused_to_lines(produce->refused_fd, lines_fd);
	if (!kept || !refused_keep(lines_fd, produce->rejects))
		shipper_die(EX_IOERR, "cannot write to %s: %s",
		    produce->rejects, strerror(errno));
	report_sent(produce, send->counters.delivered);
	if (send->counters.failed > 0)
		log_error("the broker refuses %" PRIu64 " of %" PRIu64
			  " records for good: %s; they are kept in %s",
		    send->counters.failed, send->counters.seen, reasons.data,
		    produce->rejects);
	else
		log_error("lines that are not records are kept in %s",
		    produce->rejects);
	buf_free(&reasons);
}

/* ---- all of it ---------------------------------------------------------- */

static void
print_settings_or_die(void)
{
	struct buf text = BUF_INIT;
	struct kafka_settings settings;
	int status = EX_CONFIG;

	if (!kafka_settings_read(&settings, KAFKA_PRODUCER))
		exit(EX_CONFIG);
	status = kcat_check(&settings, &text);
	if (status != EX_OK)
		die(status, "%s", buf_terminate(&text));
	text.len = 0;
	kafka_settings_print(&settings, &text);
	write_or_die(STDOUT_FILENO, "standard output", text.data, text.len);
	kafka_settings_free(&settings);
	buf_free(&text);
}

/* Nothing is sent to a broker that does not answer for the topic. */
static void
ask_or_die(const struct produce *produce)
{
	struct buf problem = BUF_INIT;
	struct kafka_topic topic;
	int status = kafka_ask(&produce->settings, produce->topic, NULL,
	    ASK_SECONDS, produce->send.stop_fd, &topic, &problem);

	if (status != EX_OK)
		shipper_die(status, "%s; nothing was sent",
		    problem.len > 0 ? problem.data : "stopped by a signal");
	buf_free(&problem);
}

static void
init(struct produce *produce, char **argv)
{
	static const int stop[] = {SIGTERM, SIGINT, SIGHUP};

	produce->topic = argv[0];
	produce->files = getenv("CCM_SHIP_FILES");
	produce->rejects = getenv("CCM_SHIP_REJECTS");
	if (produce->rejects != NULL && *produce->rejects == '\0')
		produce->rejects = NULL;
	produce->began_ms = monotonic_ms();
	produce->refused_fd = refused_file_or_die("refused");
	produce->bad_fd =
	    produce->rejects != NULL ? refused_file_or_die("bad lines") : -1;
	produce->has_prog = argv[1] != NULL;
	if (produce->has_prog)
		writer_use_prog(&produce->writer, argv + 1);
	else
		writer_use_key(&produce->writer, produce->bad_fd);
	produce->send = (struct send){.settings = &produce->settings,
	    .topic = produce->topic,
	    .stop_fd = signals_fd_or_die(stop, sizeof(stop) / sizeof(stop[0])),
	    .refused_fd = produce->refused_fd,
	    .transactional =
		kafka_setting(&produce->settings, "transactional.id") != NULL,
	    .writer = &produce->writer,
	    .frames_fd = -1};
}

/* Returns where everything is well. */
static void
run_or_die(struct produce *produce)
{
	struct send *send = &produce->send;
	struct buf why = BUF_INIT;
	int status = send_run(send, &why);

	if (send->stopped)
		die(EX_TEMPFAIL,
		    "stopped by a signal; the records on standard input may not have been sent");
	if (status == EX_OK && only_refused_are_missing(send)) {
		if (send->counters.kept > 1)
			status = send_refused_alone(produce, &why);
	} else if (status == EX_OK)
		status = judge(send, &why);
	if (status != EX_OK) {
		describe_files(&why, produce->files);
		shipper_die(status, "%s", buf_terminate(&why));
	}
	warn_of_times(produce);
	if (send->counters.failed > 0 || !refused_is_empty(produce->bad_fd))
		finish_with_rejects(produce);
	else
		report_sent(produce, send->counters.delivered);
	buf_free(&why);
}

int
main(int argc, char **argv)
{
	static struct produce produce;
	bool wants_settings = false;
	int option;

	protect_secrets();
	opterr = 0;
	while ((option = getopt(argc, argv, "+:nhV")) != -1) {
		switch (option) {
		case 'n':
			wants_settings = true;
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-produce");
		default:
			usage_error_and_exit(option);
		}
	}
	argv += optind;
	log_init("ccm-produce");
	standard_fds_or_die(wants_settings ? STDOUT_FILENO : STDIN_FILENO);
	if (wants_settings) {
		arguments_or_die(argc - optind, argv, "", false);
		print_settings_or_die();
		return EX_OK;
	}
	arguments_or_die(argc - optind, argv, "TOPIC", true);
	check_topic_name_or_die(*argv);
	if (!kafka_settings_read(&produce.settings, KAFKA_PRODUCER))
		return EX_CONFIG;
	init(&produce, argv);
	ask_or_die(&produce);
	run_or_die(&produce);
	send_free(&produce.send);
	writer_free(&produce.writer);
	kafka_settings_free(&produce.settings);
	return EX_OK;
}

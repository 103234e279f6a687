/*
 * ccm-consume - the records of a Kafka topic: lines on standard output, or
 * frames for a program that turns them into what it likes.
 *
 *	Kafka -> kcat -G -> whoever reads our standard output
 *	Kafka -> kcat -G -> PROG -> whoever reads our standard output
 *
 * It is for reading on and on. Where kcat ends it is started again, and goes on
 * from what its group has committed.
 *
 * - kcat itself waits for brokers that are away (-E). What is away is a line in
 *   the log, and that it is back is another: brokers.h.
 * - A record counts as read once it was handed to the pipe. What is in the pipe
 *   when its reader dies is not handed out again.
 * - A line leaves kcat as a whole, and PROG gets a pipe of its own with each
 *   kcat: half a record is never followed by another one.
 * - However we end, kcat leaves its group and commits what it has handed out:
 *   SIGTERM is what it gets, from the kernel if we cannot send it.
 * - What waiting does not mend ends us with a status and a message: a setting,
 *   a password, a right, an output that cannot be written.
 */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "env.h"
#include "kafka-ask.h"
#include "log.h"
#include "main.h"
#include "outside.h"
#include "process.h"
#include "program.h"
#include "reading.h"

#define USAGE                                                                              \
	"usage: ccm-consume [-e] [-c N] [-w SECONDS] TOPIC GROUP [PROG [ARG]...]\n"        \
	"Writes the records of a Kafka topic to standard output, a line each, on and\n"    \
	"on, from where the consumer group GROUP stands. PROG gets them framed instead,\n" \
	"with key, partition, offset and time: see ccm-consume(1).\n"                      \
	"  -c N        stops after N records\n"                                            \
	"  -e          stops at the end of the topic\n"                                    \
	"  -w SECONDS  starts with the records of the last SECONDS seconds\n"              \
	"  -h          this help\n"                                                        \
	"  -V          the version\n"                                                      \
	"KAFKA_SETTINGS or KAFKA_* variables say how to reach Kafka.\n"

#define PATIENCE_SECONDS 10
#define TOPIC_PAUSE_MS 5000
#define DELAY_MS 1000
#define DELAY_MS_MAX 30000
/* A kcat that has run for that long resets the delays. */
#define RAN_MS 60000
/* A hundred years. */
#define WINDOW_SECONDS_MAX 3155760000

/* ---- before kcat reads -------------------------------------------------- */

/* Sleeps, and exits where something outside wants us to. */
static void
sleep_or_exit(const struct outside *outside, int timeout_ms)
{
	outside_wait(outside, timeout_ms);
	switch (outside_look(outside)) {
	case OUTSIDE_SIGNAL:
		log_info("stopped");
		exit(EX_OK);
	case OUTSIDE_READER_GONE:
		die_without_reader();
	case OUTSIDE_NOTHING:
		break;
	}
}

/* Once for each kind of reason: what is behind its first colon (addresses,
 * errors) is never quite the same. */
static void
log_absence(char **told, const char *reason)
{
	size_t len = strcspn(reason, ":");

	if (*told == NULL || strlen(*told) != len ||
	    strncmp(*told, reason, len) != 0)
		log_warn("%s; still trying", reason);
	free(*told);
	*told = xstrndup(reason, len);
}

/* A kcat that does not find its topic ends. */
static void
wait_for_topic(const struct reading *reading)
{
	const struct wanted *wanted = reading->wanted;
	const struct outside *outside = reading->outside;
	struct buf problem = BUF_INIT;
	struct kafka_topic topic;
	char *told = NULL;
	int status;

	while (
	    (status = kafka_ask(reading->settings, wanted->topic, NULL,
		 PATIENCE_SECONDS, outside->fd, &topic, &problem)) != EX_OK) {
		sleep_or_exit(outside, 0);
		if (wanted_ends(wanted) ||
		    (status != EX_UNAVAILABLE && status != EX_TEMPFAIL))
			die(status, "%s", problem.data);
		log_absence(&told, problem.data);
		sleep_or_exit(outside, TOPIC_PAUSE_MS);
		problem.len = 0;
	}
	if (told != NULL)
		log_info("topic %s exists now", wanted->topic);
	free(told);
	buf_free(&problem);
}

/* ---- set-up ------------------------------------------------------------- */

static const char *
count_or_die(const char *text)
{
	size_t len = strlen(text);

	if (text[0] == '0' || len < 1 || len > 18 ||
	    strspn(text, "0123456789") != len)
		die(EX_USAGE, "-c is \"%s\"; it takes a number of records",
		    text);
	return text;
}

static int64_t
seconds_or_die(const char *text)
{
	size_t len = strlen(text);
	bool good = len >= 1 && len <= 10 && strspn(text, "0123456789") == len;
	int64_t seconds = good ? strtoll(text, NULL, 10) : 0;

	if (!good || seconds > WINDOW_SECONDS_MAX)
		die(EX_USAGE, "-w is \"%s\"; it takes a number of seconds",
		    text);
	return seconds;
}

static void
parse_options(int argc, char **argv, struct wanted *wanted)
{
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, "+:c:ew:hV")) != -1) {
		switch (option) {
		case 'c':
			wanted->count = count_or_die(optarg);
			break;
		case 'e':
			wanted->to_end = true;
			break;
		case 'w':
			wanted->since_seconds = seconds_or_die(optarg);
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-consume");
		default:
			usage_error_and_exit(option);
		}
	}
}

static void
take_operands(
    char **operands, int count, struct reading *reading, struct wanted *wanted)
{
	arguments_or_die(count, operands, "TOPIC GROUP", true);
	wanted->topic = operands[0];
	wanted->group = operands[1];
	check_topic_name_or_die(wanted->topic);
	if (wanted->group[0] == '\0')
		die(EX_USAGE, "the name of the group is empty");
	if (count == 2)
		return;
	reading->prog.argv = operands + 2;
	free(program_find_or_die(operands[2]));
}

static void
read_settings_or_die(struct kafka_settings *settings)
{
	struct buf problem = BUF_INIT;
	int status;

	if (!kafka_settings_read(settings, KAFKA_CONSUMER))
		exit(EX_CONFIG);
	status = kcat_check(settings, &problem);
	if (status != EX_OK)
		die(status, "%s", buf_terminate(&problem));
	buf_free(&problem);
}

int
main(int argc, char **argv)
{
	/* Static, so that they end with the process: nothing is freed. */
	static struct kafka_settings settings;
	static struct wanted wanted = {.since_seconds = -1};
	static struct outside outside;
	static struct reading reading = {.wanted = &wanted,
	    .settings = &settings,
	    .outside = &outside,
	    .brokers = {.settings = &settings}};
	int delay_ms = DELAY_MS;
	int64_t began;

	protect_secrets();
	parse_options(argc, argv, &wanted);
	log_init("ccm-consume");
	take_operands(argv + optind, argc - optind, &reading, &wanted);
	/* A kcat that ends by itself soon sees that nobody reads. */
	standard_fds_or_die(STDOUT_FILENO);
	outside_open_or_die(&outside, !wanted_ends(&wanted));
	read_settings_or_die(&settings);
	reading.brokers.topic = wanted.topic;
	for (;;) {
		wait_for_topic(&reading);
		began = monotonic_ms();
		reading_run_or_die(&reading);
		if (monotonic_ms() - began >= RAN_MS)
			delay_ms = DELAY_MS;
		sleep_or_exit(&outside, delay_ms);
		delay_ms =
		    delay_ms * 2 < DELAY_MS_MAX ? delay_ms * 2 : DELAY_MS_MAX;
	}
}

/*
 * ccm-fetch - the client of the Confluent Cloud Metrics API.
 *
 *	ccm-fetch query       data points, a line each
 *	ccm-fetch descriptors what metrics and resources there are
 *	ccm-fetch attributes  what values a label has
 *
 * It stays inside the API's rate limit (rate.c), gets one answer for many
 * resources and finds the one that is refused (query.c), reads pages of any
 *size in little memory (response.c), and writes an answer when it is whole, or
 *owes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "body.h"
#include "config.h"
#include "filter.h"
#include "interval.h"
#include "lines.h"
#include "log.h"
#include "main.h"
#include "query.h"

#define USAGE                                                                  \
	"usage: ccm-fetch query -m METRIC... -r TYPE.LABEL=ID[,ID]...\n"       \
	"                       [-g LABEL]... [-i INTERVAL] [-G "              \
	"GRANULARITY]\n"                                                       \
	"                       [-l LIMIT] [-e FILE] [-s FILE]\n"              \
	"       ccm-fetch query [-e FILE] [-s FILE] < bodies.ndjson\n"         \
	"       ccm-fetch descriptors metrics|resources [-r TYPE] [-s FILE]\n" \
	"       ccm-fetch attributes -m METRIC -g LABEL -r TYPE.LABEL=ID\n"    \
	"                       [-i INTERVAL] [-s FILE]\n"                     \
	"Asks the Confluent Cloud Metrics API; an answer's item a line.\n"     \
	"  -m METRIC       such as io.confluent.kafka.server/received_bytes\n" \
	"  -r TYPE.LABEL=ID[,ID]...  of which resources: "                     \
	"kafka.id=lkc-1,lkc-2\n"                                               \
	"  -g LABEL        group by it: metric.topic\n"                        \
	"  -i INTERVAL     ISO 8601, or now-1h|h/now|h (the default)\n"        \
	"  -G GRANULARITY  PT1M PT5M PT15M PT30M PT1H (the default) PT4H "     \
	"PT6H\n"                                                               \
	"                  PT12H P1D ALL\n"                                    \
	"  -l LIMIT        groups a page, 1 to 1000 (the default)\n"           \
	"  -e FILE         append what could not be answered for now to "      \
	"FILE\n"                                                               \
	"  -s FILE         write a summary to FILE, a line of JSON\n"          \
	"  -h, -V          this help, the version\n"

#define DATASET "/v2/metrics/cloud"

struct options {
	struct flags flags;
	bool takes_selectors; /* is -r TYPE.LABEL=ID, else TYPE? */
	const char *type;     /* descriptors -r */
	const char *owed_path;
	const char *summary_path;
};

static void
need(bool given, const char *what)
{
	if (!given)
		die(EX_USAGE, "%s; -h shows the usage", what);
}

static void
check_flags(const struct flags *flags)
{
	int64_t start_ms, end_ms, now_ms = clock_ms();
	const char *granularity =
	    flags->granularity != NULL ? flags->granularity : "PT1H";
	int64_t longest_ms = granularity_longest_interval_ms(granularity);

	if (longest_ms == 0)
		die(EX_USAGE,
		    "-G takes PT1M, PT5M, PT15M, PT30M, PT1H, PT4H, "
		    "PT6H, PT12H, P1D or ALL, not \"%s\"",
		    granularity);
	if (flags->interval == NULL)
		return;
	if (!interval_parse(flags->interval, strlen(flags->interval), now_ms,
		&start_ms, &end_ms))
		die(EX_USAGE,
		    "-i takes START/END, START/DURATION or DURATION/END, such "
		    "as PT1H/2025-09-02T01:00:00Z or now-1h|h/now|h, not "
		    "\"%s\"",
		    flags->interval);
	if (end_ms - start_ms > longest_ms)
		die(EX_USAGE,
		    "-i %s is too long for -G %s: the API allows %lld hours",
		    flags->interval, granularity,
		    (long long)(longest_ms / 3600000));
}

static long
limit_from(const char *argument)
{
	char *end;
	long limit = strtol(argument, &end, 10);

	if (*argument == '\0' || *end != '\0' || limit < 1 || limit > 1000)
		die(EX_USAGE, "-l takes a number from 1 to 1000, not \"%s\"",
		    argument);
	return limit;
}

/* Reads the options that `accepted` names (getopt's way). */
static void
read_options(
    struct options *options, int argc, char **argv, const char *accepted)
{
	struct flags *flags = &options->flags;
	int option;

	flags->metrics = xmalloc((size_t)argc * sizeof(*flags->metrics));
	flags->groups = xmalloc((size_t)argc * sizeof(*flags->groups));
	flags->limit = 1000;
	optind = 1;
	while ((option = getopt(argc, argv, accepted)) != -1) {
		switch (option) {
		case 'm':
			need(optarg[0] != '\0', "-m takes a metric's name");
			flags->metrics[flags->nmetrics++] = optarg;
			break;
		case 'r':
			if (!options->takes_selectors)
				options->type = optarg;
			else if (!flags_add_selector(flags, optarg))
				die(EX_USAGE,
				    "-r takes TYPE.LABEL=ID[,ID]..., such as "
				    "kafka.id=lkc-1, not \"%s\"",
				    optarg);
			break;
		case 'g':
			need(optarg[0] != '\0', "-g takes a label");
			flags->groups[flags->ngroups++] = optarg;
			break;
		case 'i':
			flags->interval = optarg;
			break;
		case 'G':
			flags->granularity = optarg;
			break;
		case 'l':
			flags->limit = limit_from(optarg);
			break;
		case 'e':
			options->owed_path = optarg;
			break;
		case 's':
			options->summary_path = optarg;
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-fetch");
		default:
			usage_error_and_exit(option);
		}
	}
}

/* ---- what is asked --------------------------------------------------------
 */

static void
add_body(struct run *run, const struct flags *flags, const char *metric,
    bool attributes)
{
	struct buf text = BUF_INIT, problem = BUF_INIT;
	struct body body;

	flags_write_body(flags, metric, attributes, &text);
	if (!body_read(&body, text.data, text.len, clock_ms(), &run->resources,
		&problem))
		die(EX_USAGE, "%s", buf_terminate(&problem));
	run_add(run, attributes ? DATASET "/attributes" : DATASET "/query",
	    &body, !attributes);
	buf_free(&text);
	buf_free(&problem);
}

/* Bodies from standard input. A bad line stops nothing. */
static void
add_lines(struct run *run)
{
	struct lines lines = {.fd = STDIN_FILENO, .buf = BUF_INIT};
	struct buf problem = BUF_INIT;
	enum lines_result result;
	struct body body;
	char *line;
	size_t len;

	while ((result = lines_next(&lines, &line, &len)) == LINES_LINE ||
	    result == LINES_LONG) {
		problem.len = 0;
		if (result == LINES_LONG) {
			buf_printf(
			    &problem, "line over %zu bytes", LINE_LENGTH_MAX);
			while (lines_rest(&lines, &line, &len))
				;
		} else if (body_read(&body, line, len, clock_ms(),
			       &run->resources, &problem)) {
			run_add(run, DATASET "/query", &body, true);
			continue;
		} else {
			body_free(&body);
		}
		log_plain(LOG_LEVEL_ERROR, "stdin:%lu: %s", lines.number,
		    buf_terminate(&problem));
		run->tally.failed[EX_DATAERR] = true;
	}
	if (result == LINES_ERROR)
		die(EX_IOERR, "cannot read standard input: %s",
		    strerror(errno));
	buf_free(&problem);
	lines_free(&lines);
}

static void
plan_query(struct run *run, struct options *options, int argc, char **argv)
{
	struct flags *flags = &options->flags;

	options->takes_selectors = true;
	read_options(options, argc, argv, ":m:r:g:i:G:l:e:s:hV");
	need(optind == argc, "unexpected argument");
	if (flags->nmetrics > 0) {
		check_flags(flags);
		for (size_t i = 0; i < flags->nmetrics; i++)
			add_body(run, flags, flags->metrics[i], false);
	} else {
		need(flags->nselectors == 0 && flags->ngroups == 0 &&
			flags->interval == NULL && flags->granularity == NULL,
		    "-m METRIC is missing (without any of -m, -r, -g, -i, -G "
		    "request bodies are read from standard input)");
		add_lines(run);
	}
}

static void
plan_attributes(struct run *run, struct options *options, int argc, char **argv)
{
	struct flags *flags = &options->flags;

	options->takes_selectors = true;
	read_options(options, argc, argv, ":m:r:g:i:s:hV");
	need(optind == argc, "unexpected argument");
	need(flags->nmetrics == 1, "attributes takes one -m METRIC");
	need(flags->ngroups > 0, "attributes takes -g LABEL");
	need(flags->nselectors > 0, "attributes takes -r TYPE.LABEL=ID");
	check_flags(flags);
	add_body(run, flags, flags->metrics[0], true);
}

static void
plan_descriptors(
    struct run *run, struct options *options, int argc, char **argv)
{
	struct buf path = BUF_INIT;
	const char *what = argc > 1 ? argv[1] : "";
	char *type;

	if (what[0] == '-') /* -h, -V */
		read_options(options, argc, argv, ":hV");
	need(strcmp(what, "metrics") == 0 || strcmp(what, "resources") == 0,
	    "descriptors takes \"metrics\" or \"resources\"");
	read_options(options, argc - 1, argv + 1, ":r:s:hV");
	need(optind == argc - 1, "unexpected argument");
	buf_printf(&path, DATASET "/descriptors/%s?page_size=1000", what);
	if (options->type != NULL) {
		need(strcmp(what, "metrics") == 0,
		    "-r goes with descriptors metrics");
		type = curl_easy_escape(NULL, options->type, 0);
		if (type == NULL)
			die(EX_OSERR, "out of memory");
		buf_printf(&path, "&resource_type=%s", type);
		curl_free(type);
	}
	run_add(run, buf_terminate(&path), NULL, false);
	buf_free(&path);
}

static void
plan(struct run *run, struct options *options, int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (strcmp(command, "query") == 0)
		plan_query(run, options, argc - 1, argv + 1);
	else if (strcmp(command, "descriptors") == 0)
		plan_descriptors(run, options, argc - 1, argv + 1);
	else if (strcmp(command, "attributes") == 0)
		plan_attributes(run, options, argc - 1, argv + 1);
	else if (command[0] == '-')
		read_options(options, argc, argv, ":hV");
	if (run->nqueries == 0 && strcmp(command, "query") != 0)
		die(EX_USAGE,
		    "the first argument is query, descriptors or "
		    "attributes; -h shows the usage");
}

/* ---- the end --------------------------------------------------------------
 */

static void
write_summary(const struct run *run, const char *path, int64_t started_ms)
{
	const struct tally *tally = &run->tally;
	struct buf line = BUF_INIT;
	const char *comma = "";
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0)
		die(EX_CANTCREAT, "cannot create %s: %s", path,
		    strerror(errno));
	buf_printf(&line,
	    "{\"bodies\":%zu,\"answered\":%lu,\"owed\":%lu,\"refused\":%lu,"
	    "\"requests\":%lu,\"retries\":%lu,\"throttled\":%lu,\"points\":%"
	    "llu,"
	    "\"refused_resources\":[",
	    run->nqueries, tally->answered, tally->owed, tally->refused,
	    tally->requests, tally->retries, tally->throttled,
	    (unsigned long long)tally->points);
	for (size_t i = 0; i < run->resources.count; i++) {
		const struct resource *r = &run->resources.all[i];

		if (!r->refused)
			continue;
		buf_printf(&line, "%s\"", comma);
		json_escape(&line, r->id, strlen(r->id));
		buf_add_char(&line, '"');
		comma = ",";
	}
	buf_printf(&line, "],\"seconds\":%.3f",
	    (double)(clock_ms() - started_ms) / 1000);
	if (tally->has_clock)
		buf_printf(&line, ",\"clock_ahead_seconds\":%lld",
		    (long long)tally->ahead_s);
	if (tally->last_error != NULL) {
		buf_add_string(&line, ",\"last_error\":\"");
		json_escape_any(&line, tally->last_error);
		buf_add_char(&line, '"');
	}
	buf_add_string(&line, "}\n");
	write_or_die(fd, path, line.data, line.len);
	if (close(fd) != 0)
		die(EX_IOERR, "cannot write to %s: %s", path, strerror(errno));
	buf_free(&line);
}

static int
exit_status(const struct tally *tally)
{
	/* The first of these that applies is the exit status. */
	static const int order[] = {EX_SOFTWARE, EX_IOERR, EX_TEMPFAIL,
	    EX_CONFIG, EX_NOPERM, EX_UNAVAILABLE, EX_DATAERR};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (tally->failed[order[i]])
			return order[i];
	return EX_OK;
}

static void
close_owed(const struct run *run)
{
	if (run->owed_path != NULL && close(run->owed_fd) != 0)
		die(EX_IOERR, "cannot write to %s: %s", run->owed_path,
		    strerror(errno));
}

int
main(int argc, char **argv)
{
	static struct run run;
	struct options options = {.type = NULL};
	struct config config;
	int64_t started_ms = clock_ms();
	int status;

	log_init("ccm-fetch");
	/* A core file would hold the secret. */
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	srandom((unsigned)getpid() ^ (unsigned)started_ms);
	opterr = 0;
	run.owed_fd = -1;
	run.config = &config;
	plan(&run, &options, argc, argv);
	config_read(&config);
	if (options.owed_path != NULL) {
		run.owed_path = options.owed_path;
		run.owed_fd = open(options.owed_path,
		    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
		if (run.owed_fd < 0)
			die(EX_CANTCREAT, "cannot open %s: %s",
			    options.owed_path, strerror(errno));
	}
	rate_open(&run.rate, config.host, config.requests_per_minute);
	http_open(&run.http, &config);

	run_queries(&run);
	run_report_silent(&run);
	close_owed(&run);
	if (options.summary_path != NULL)
		write_summary(&run, options.summary_path, started_ms);
	log_debug("%lu requests, %llu items, %.1f s", run.tally.requests,
	    (unsigned long long)run.tally.points,
	    (double)(clock_ms() - started_ms) / 1000);
	status = exit_status(&run.tally);

	run_free(&run);
	flags_free(&options.flags);
	http_close(&run.http);
	rate_close(&run.rate);
	config_free(&config);
	return status;
}

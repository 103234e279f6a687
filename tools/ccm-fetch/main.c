/*
 * ccm-fetch - the client of the Confluent Cloud Metrics API.
 *
 *	ccm-fetch query         data points, a line each
 *	ccm-fetch export        the newest samples, as text
 *	ccm-fetch descriptors   what metrics and resources there are
 *	ccm-fetch attributes    what values a label has
 *	ccm-fetch check         are its settings good?
 *
 * It stays inside the API's rate limit (rate.c), gets one answer for many
 * resources and finds the one that is refused (query.c), reads pages of any
 * size in little memory (response.c), and writes an answer when it is whole, or
 * owes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "body.h"
#include "clock.h"
#include "config.h"
#include "env.h"
#include "export.h"
#include "flags.h"
#include "hour.h"
#include "interval.h"
#include "io.h"
#include "lines.h"
#include "log.h"
#include "main.h"
#include "memory.h"
#include "plural.h"
#include "query.h"
#include "summary.h"

#define USAGE                                                                     \
	"usage: ccm-fetch query -m METRIC... -r TYPE.LABEL=ID[,ID]...\n"          \
	"                       [-g LABEL]... [-i INTERVAL] [-G GRANULARITY]\n"   \
	"                       [-l LIMIT] [-e FILE] [-s FILE] [-k FILE]\n"       \
	"       ccm-fetch query [-e FILE] [-s FILE] [-r FILE] [-k FILE]\n"        \
	"                       < bodies.ndjson\n"                                \
	"       ccm-fetch export -r TYPE.LABEL=ID[,ID]... [-m METRIC]...\n"       \
	"                       [-n] [-o] [-S] [-s FILE]\n"                       \
	"       ccm-fetch descriptors metrics|resources [-r TYPE] [-s FILE]\n"    \
	"       ccm-fetch attributes -m METRIC -g LABEL -r TYPE.LABEL=ID\n"       \
	"                       [-i INTERVAL] [-s FILE]\n"                        \
	"       ccm-fetch check\n"                                                \
	"Queries the Confluent Cloud Metrics API; writes a line per item.\n"      \
	"  -m METRIC       such as io.confluent.kafka.server/received_bytes\n"    \
	"  -r TYPE.LABEL=ID[,ID]...  of which resources: kafka.id=lkc-1,lkc-2\n"  \
	"  -g LABEL        group by it: metric.topic\n"                           \
	"  -i INTERVAL     ISO 8601, or now-1h|h/now|h (the default)\n"           \
	"  -G GRANULARITY  PT1M PT5M PT15M PT30M PT1H (the default) PT4H PT6H\n"  \
	"                  PT12H P1D ALL\n"                                       \
	"  -l LIMIT        groups a page, 1 to 1000 (the default)\n"              \
	"  -n              print the URLs of export, and request nothing\n"       \
	"  -o              OpenMetrics instead of Prometheus text\n"              \
	"  -S              export what can be, where metrics fail\n"              \
	"  -e FILE         append what could not be answered for now to FILE\n"   \
	"  -s FILE         write a summary to FILE, a line of JSON\n"             \
	"  -r FILE         append what the API sent and cannot be read to FILE\n" \
	"  -k FILE         keep in FILE what is learned about resources\n"        \
	"  -h              this help\n"                                           \
	"  -V              the version\n"

#define DATASET "/v2/metrics/cloud"

struct options {
	struct flags flags;
	bool takes_selectors; /* is -r TYPE.LABEL=ID, else TYPE? */
	const char *type;     /* descriptors -r */
	const char *owed_path;
	const char *summary_path;
	const char *rejects_path; /* query -r, from bodies */
	const char *memory_path;
	struct export export;
	bool exports; /* the command is export */
};

static void
need(bool given, const char *what)
{
	if (!given)
		die(EX_USAGE, "%s; -h shows the usage", what);
}

static void
need_no_argument(int argc, char **argv)
{
	arguments_or_die(argc - optind, argv + optind, "", false);
}

/* -r takes resources, where it could be a file's name too. */
static void
need_selectors(const struct options *options)
{
	if (options->rejects_path != NULL)
		die(EX_USAGE,
		    "-r is \"%s\"; it takes TYPE.LABEL=ID[,ID]..., such as kafka.id=lkc-1",
		    options->rejects_path);
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
		    "-G is \"%s\"; it takes PT1M, PT5M, PT15M, PT30M, PT1H, PT4H, PT6H, PT12H, P1D or ALL",
		    granularity);
	if (flags->interval == NULL)
		return;
	if (!interval_parse(flags->interval, strlen(flags->interval), now_ms,
		&start_ms, &end_ms))
		die(EX_USAGE,
		    "-i is \"%s\"; it takes START/END, START/DURATION or DURATION/END, such as PT1H/2025-09-02T01:00:00Z or now-1h|h/now|h",
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
		die(EX_USAGE, "-l is \"%s\"; it takes a number from 1 to 1000",
		    argument);
	return limit;
}

/* Reads the options that `accepted` names (getopt's way), and the log level. */
static void
read_options(
    struct options *options, int argc, char **argv, const char *accepted)
{
	struct flags *flags = &options->flags;
	int option;

	flags->metrics = xmalloc((size_t)argc * sizeof(*flags->metrics));
	flags->groups = xmalloc((size_t)argc * sizeof(*flags->groups));
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
				options->rejects_path = optarg;
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
		case 'k':
			options->memory_path = optarg;
			break;
		case 'o':
			options->export.openmetrics = true;
			break;
		case 'n':
			options->export.only_prints = true;
			break;
		case 'S':
			options->export.ignores_failed = true;
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-fetch");
		default:
			usage_error_and_exit(option);
		}
	}
	log_init("ccm-fetch");
}

/* ---- the requests ------------------------------------------------------- */

static void
add_body(
    struct run *run, struct flags flags, const char *metric, bool attributes)
{
	struct buf text = BUF_INIT, problem = BUF_INIT;
	struct body body;

	if (flags.limit == 0)
		flags.limit = 1000;
	flags_write_body(&flags, metric, attributes, &text);
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
		statuses_add(&run->tally.statuses, EX_DATAERR);
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
	read_options(options, argc, argv, ":m:r:g:i:G:l:e:s:k:hV");
	need_no_argument(argc, argv);
	if (flags->nmetrics > 0) {
		need_selectors(options);
		check_flags(flags);
		for (size_t i = 0; i < flags->nmetrics; i++)
			add_body(run, *flags, flags->metrics[i], false);
	} else {
		need(flags->nselectors == 0 && flags->ngroups == 0 &&
			flags->interval == NULL && flags->granularity == NULL &&
			flags->limit == 0,
		    "-m METRIC is missing (without -m, request bodies are read from standard input, and -r TYPE.LABEL=ID, -g, -i, -G and -l do not apply)");
		add_lines(run);
	}
}

static void
plan_export(struct run *run, struct options *options, int argc, char **argv)
{
	options->takes_selectors = true;
	read_options(options, argc, argv, ":m:r:noSs:hV");
	need_no_argument(argc, argv);
	need_selectors(options);
	need(options->flags.nselectors > 0, "export takes -r TYPE.LABEL=ID");
	options->exports = true;
	options->export.flags = &options->flags;
	export_plan(&options->export, run);
}

static void
plan_attributes(struct run *run, struct options *options, int argc, char **argv)
{
	struct flags *flags = &options->flags;

	options->takes_selectors = true;
	read_options(options, argc, argv, ":m:r:g:i:s:hV");
	need_no_argument(argc, argv);
	need_selectors(options);
	need(flags->nmetrics == 1, "attributes takes one -m METRIC");
	need(flags->ngroups > 0, "attributes takes -g LABEL");
	need(flags->nselectors > 0, "attributes takes -r TYPE.LABEL=ID");
	check_flags(flags);
	add_body(run, *flags, flags->metrics[0], true);
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
	need_no_argument(argc - 1, argv + 1);
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
	else if (strcmp(command, "export") == 0)
		plan_export(run, options, argc - 1, argv + 1);
	else if (strcmp(command, "descriptors") == 0)
		plan_descriptors(run, options, argc - 1, argv + 1);
	else if (strcmp(command, "attributes") == 0)
		plan_attributes(run, options, argc - 1, argv + 1);
	else if (command[0] == '-')
		read_options(options, argc, argv, ":hV");
	if (run->nqueries == 0 && strcmp(command, "query") != 0 &&
	    !options->exports)
		die(EX_USAGE,
		    "the first argument has to be query, export, descriptors, attributes or check; -h shows the usage");
}

/* ---- check -------------------------------------------------------------- */

/* Validates every setting, prints what is in force, and sends no request. */
static int
check(int argc, char **argv)
{
	struct options options = {.type = NULL};
	struct buf problem = BUF_INIT;
	struct config config;
	char *directory;
	bool good;

	read_options(&options, argc, argv, ":hV");
	need_no_argument(argc, argv);
	good = config_read(&config);
	directory = shared_directory(&problem);
	if (directory == NULL)
		log_error("%s", buf_terminate(&problem));
	else if (good) {
		config_print(&config);
		if (directory[0] != '\0')
			printf("CCM_RATE_DIR=%s\n", directory);
		if (fflush(stdout) != 0)
			die(EX_IOERR, "cannot write to standard output: %s",
			    strerror(errno));
	}
	good = good && directory != NULL;
	free(directory);
	buf_free(&problem);
	config_free(&config);
	flags_free(&options.flags);
	return good ? EX_OK : EX_CONFIG;
}

/* ---- the end ------------------------------------------------------------ */

/* A file that results are appended to; -1 where there is none. */
static int
open_to_append(const char *path)
{
	int fd = -1;

	if (path != NULL) {
		fd =
		    open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
		if (fd < 0)
			die(EX_CANTCREAT, "cannot open %s: %s", path,
			    strerror(errno));
	}
	return fd;
}

static void
close_or_die(int fd, const char *path)
{
	if (path != NULL && close(fd) != 0)
		die(EX_IOERR, "cannot write to %s: %s", path, strerror(errno));
}

/* The time by which suspects are remembered, and exports are limited. */
static struct ccm_clock
clock_or_die(void)
{
	struct ccm_clock clock;

	if (!clock_start(&clock))
		die(EX_CONFIG,
		    "CCM_NOW is \"%s\"; it takes a time such as 2025-09-02T01:05:00Z",
		    getenv("CCM_NOW"));
	return clock;
}

static void
write_summary(
    const struct run *run, const struct options *options, int64_t started_ms)
{
	struct buf more = BUF_INIT;

	if (options->exports)
		export_summarize(&options->export, &more);
	summary_write(run, options->summary_path, started_ms,
	    options->exports ? options->export.nbatches : run->nqueries, &more);
	buf_free(&more);
}

/* Requests all that was planned. */
static int
fetch(struct run *run, struct options *options, int64_t started_ms)
{
	struct ccm_clock clock = {.offset_ms = 0};
	const char *memory = options->memory_path, *run_id = getenv("CCM_RUN");

	if (run_id != NULL && run_id[0] == '\0')
		run_id = NULL;
	if (memory != NULL || options->exports)
		clock = clock_or_die();
	run->now_ms = clock_now_ms(&clock);
	run->owed_path = options->owed_path;
	run->owed_fd = open_to_append(options->owed_path);
	run->rejects_path = options->rejects_path;
	run->rejects_fd = open_to_append(options->rejects_path);
	if (memory != NULL)
		memory_read(memory, run_id, run->now_ms, &run->resources);
	rate_open(&run->rate, run->config->api.file_name,
	    run->config->requests_per_minute,
	    options->exports ? 0 : run->config->export_reserve);
	http_open(&run->http, run->config);

	if (options->exports)
		export_run(&options->export, &clock);
	else
		run_queries(run);

	http_close(&run->http);
	rate_close(&run->rate);
	run_report_silent(run);
	close_or_die(run->owed_fd, run->owed_path);
	close_or_die(run->rejects_fd, run->rejects_path);
	if (memory != NULL)
		memory_write(memory, run_id, run->now_ms, &run->resources);
	if (options->summary_path != NULL)
		write_summary(run, options, started_ms);
	log_debug("%lu request%s, %llu item%s, %.1f s", run->tally.requests,
	    plural(run->tally.requests), (unsigned long long)run->tally.points,
	    plural(run->tally.points),
	    (double)(clock_ms() - started_ms) / 1000);
	return statuses_first(&run->tally.statuses);
}

int
main(int argc, char **argv)
{
	static struct run run;
	static struct options options;
	struct config config;
	int64_t started_ms = clock_ms();
	int status;

	protect_secrets();
	srandom((unsigned)getpid() ^ (unsigned)started_ms);
	opterr = 0;
	if (argc > 1 && strcmp(argv[1], "check") == 0)
		return check(argc - 1, argv + 1);
	run.config = &config;
	run.tally.api_time_ms = -1;
	plan(&run, &options, argc, argv);
	status = config_read(&config) ? fetch(&run, &options, started_ms)
				      : EX_CONFIG;

	export_free(&options.export);
	run_free(&run);
	flags_free(&options.flags);
	config_free(&config);
	return status;
}

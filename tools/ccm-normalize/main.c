/*
 * ccm-normalize - turns the Metrics API's data points, or the samples of an
 * exposition, into records.
 *
 * A line is validated while it is read, and its record is written straight from
 * the places in the line; nothing of a line is written before its last byte was
 * found to be good.
 */
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "filter.h"
#include "log.h"
#include "main.h"
#include "points.h"
#include "samples.h"

#define USAGE                                                            \
	"usage: ccm-normalize [-I FORMAT] [-t LABEL=TAG]... [-k] [-a "   \
	"TAG=VALUE]...\n"                                                \
	"                     [-s] [-r FILE]\n"                          \
	"Writes each data point of the Metrics API, or each sample of\n" \
	"an exposition, as a record.\n"                                  \
	"  -I FORMAT     what the input is: points (the default),\n"     \
	"                prometheus or openmetrics\n"                    \
	"  -t LABEL=TAG  LABEL becomes TAG\n"                            \
	"  -k            keep the labels' own names\n"                   \
	"  -a TAG=VALUE  add a tag to every record that lacks it\n"      \
	"  -s            timestamps in seconds, not milliseconds\n"      \
	"  -r FILE       append bad lines to FILE and exit 0\n"          \
	"  -h, -V        this help, the version\n"

struct options {
	struct record_writer writer;
	struct points points;
	struct samples samples;
	struct filter filter;
};

static void
choose_format(struct options *options, const char *name)
{
	struct filter *filter = &options->filter;

	filter->line = samples_line;
	filter->state = &options->samples;
	options->samples.reader.format = EXPOSITION_PROMETHEUS;
	if (strcmp(name, "points") == 0) {
		filter->line = points_line;
		filter->state = &options->points;
	} else if (strcmp(name, "openmetrics") == 0) {
		options->samples.reader.format = EXPOSITION_OPENMETRICS;
	} else if (strcmp(name, "prometheus") != 0) {
		die(EX_USAGE,
		    "-I takes points, prometheus or openmetrics, not \"%s\"",
		    name);
	}
}

/* Dies where an argument is not UTF-8, which no JSON could carry. */
static void
check_utf8(char option, const char *argument)
{
	struct buf text = BUF_INIT;
	const char *error;
	size_t offset;

	buf_add_char(&text, '"');
	json_escape(&text, argument, strlen(argument));
	buf_add_char(&text, '"');
	buf_terminate(&text);
	if (!json_validate(text.data, text.len, &error, &offset))
		die(EX_USAGE, "-%c: %s", option, error);
	buf_free(&text);
}

/* Splits LABEL=TAG or TAG=VALUE, and adds it to the pairs. */
static void
add_pair(struct pair *pairs, size_t *npairs, char option, const char *argument)
{
	const char *equals = strchr(argument, '=');
	struct pair *pair = &pairs[*npairs];

	if (equals == NULL || equals == argument ||
	    (option == 't' && equals[1] == '\0'))
		die(EX_USAGE, "-%c takes %s, not \"%s\"", option,
		    option == 't' ? "LABEL=TAG" : "TAG=VALUE", argument);
	check_utf8(option, argument);
	pair->from = (struct span){argument, (size_t)(equals - argument)};
	pair->to = (struct span){equals + 1, strlen(equals + 1)};
	for (size_t i = 0; i < *npairs; i++)
		if (pairs[i].from.len == pair->from.len &&
		    memcmp(pairs[i].from.at, argument, pair->from.len) == 0)
			die(EX_USAGE, "-%c %.*s is given twice", option,
			    (int)pair->from.len, argument);
	(*npairs)++;
}

static void
read_options(struct options *options, int argc, char **argv)
{
	struct record_writer *writer = &options->writer;
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, ":I:t:ka:sr:hV")) != -1) {
		switch (option) {
		case 'I':
			choose_format(options, optarg);
			break;
		case 't':
			add_pair(
			    writer->renames, &writer->nrenames, 't', optarg);
			break;
		case 'k':
			writer->keep = true;
			break;
		case 'a':
			add_pair(writer->added, &writer->nadded, 'a', optarg);
			break;
		case 's':
			writer->seconds = true;
			break;
		case 'r':
			options->filter.reject_path = optarg;
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-normalize");
		default:
			usage_error_and_exit(option);
		}
	}
}

int
main(int argc, char **argv)
{
	static struct options options; /* large */
	int status;

	options.writer.renames =
	    xmalloc((size_t)argc * sizeof(*options.writer.renames));
	options.writer.added =
	    xmalloc((size_t)argc * sizeof(*options.writer.added));
	options.points.writer = options.samples.writer = &options.writer;
	choose_format(&options, "points");
	read_options(&options, argc, argv);
	log_init("ccm-normalize");
	if (optind < argc)
		die(EX_USAGE, "unexpected argument \"%s\"; -h shows the usage",
		    argv[optind]);
	if (!clock_start(&options.samples.clock))
		die(EX_CONFIG,
		    "CCM_NOW is \"%s\"; it takes a time such as "
		    "2025-09-02T01:05:00Z",
		    getenv("CCM_NOW"));

	status = filter_run(&options.filter);

	points_free(&options.points);
	exposition_reader_free(&options.samples.reader);
	record_writer_free(&options.writer);
	return status;
}

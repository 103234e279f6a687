/*
 * ccm-promfmt - turns records, client metrics or expositions into one
 * exposition, as Prometheus wants it: the samples of a family together, each
 * series once, names valid.
 *
 * - A series is what its names are once they are valid, its labels in any
 * order. The newest sample of it is kept; of two of one time, the later one.
 * - Memory grows with the series, not with the samples.
 * - Nothing is written before the input's end. A file (-O) is replaced as a
 *   whole, or stays as it was.
 */
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "exposition-reader.h"
#include "filter.h"
#include "labels.h"
#include "log.h"
#include "main.h"
#include "number.h"
#include "output.h"

#define USAGE                                                               \
	"usage: ccm-promfmt [-I FORMAT] [-o] [-p PREFIX] [-T] [-O FILE] "   \
	"[-r FILE]\n"                                                       \
	"Writes records, client metrics or expositions as one exposition\n" \
	"in the Prometheus text format.\n"                                  \
	"  -I FORMAT  what the input is: records (the default) or\n"        \
	"             prometheus\n"                                         \
	"  -o         write OpenMetrics\n"                                  \
	"  -p PREFIX  put PREFIX before every metric's name\n"              \
	"  -T         write no timestamps\n"                                \
	"  -O FILE    replace FILE instead of writing to stdout\n"          \
	"  -r FILE    append bad lines to FILE and exit 0\n"                \
	"  -h, -V     this help, the version\n"

struct promfmt {
	const char *prefix;
	const char *path; /* -O */
	struct store store;
	struct output output;

	/* of the current line */
	struct record record;
	struct exposition_reader reader;
	struct labels labels;
	struct buf decoded; /* the metric's name */
	struct buf name;    /* the same made valid, with the prefix */
	struct buf value;

	/* the last metric: lines of one come together */
	struct buf last_name; /* as the input has it */
	uint32_t last_family;
	enum suffix last_suffix;
	uint32_t last_original;
};

/* ---- families ------------------------------------------------------------ */

/* The valid name of a metric with its prefix, in promfmt->name. */
static void
make_name(struct promfmt *promfmt, const char *name, size_t len)
{
	struct buf whole = BUF_INIT;

	promfmt->name.len = 0;
	buf_add_string(&whole, promfmt->prefix);
	buf_add(&whole, name, len);
	exposition_metric_name(&promfmt->name, whole.data, whole.len);
	buf_free(&whole);
}

/*
 * "latency_bucket" is of the family "latency" where that is a histogram; but
 * not where samples of it came before that was known.
 */
static bool
find_by_suffix(
    const struct promfmt *promfmt, uint32_t *family, enum suffix *suffix)
{
	const struct store *store = &promfmt->store;
	const struct buf *name = &promfmt->name;
	uint32_t own = store_find(store, name->data, name->len);

	if (own != STORE_NONE && store->families[own].first != STORE_NONE)
		return false;
	for (int i = SUFFIX_BUCKET; i <= SUFFIX_COUNT; i++) {
		size_t len = strlen(suffixes[i]);
		enum metric_type type;

		if (name->len <= len ||
		    memcmp(name->data + name->len - len, suffixes[i], len) != 0)
			continue;
		*family = store_find(store, name->data, name->len - len);
		if (*family == STORE_NONE)
			return false;
		*suffix = (enum suffix)i;
		type = store->families[*family].type;
		return type == METRIC_HISTOGRAM ||
		    (type == METRIC_SUMMARY && i != SUFFIX_BUCKET);
	}
	return false;
}

/* Sets last_family and the others for a sample's name. */
static void
look_up_family(struct promfmt *promfmt, const char *name, size_t len)
{
	promfmt->last_name.len = 0;
	buf_add(&promfmt->last_name, name, len);
	make_name(promfmt, name, len);
	promfmt->last_original = 0;
	if (promfmt->name.len != strlen(promfmt->prefix) + len ||
	    memcmp(promfmt->name.data + promfmt->name.len - len, name, len) !=
		0)
		promfmt->last_original = (uint32_t)store_hash(name, len, 0) | 1;
	if (find_by_suffix(
		promfmt, &promfmt->last_family, &promfmt->last_suffix))
		return;
	promfmt->last_suffix = SUFFIX_NONE;
	promfmt->last_family = store_family(
	    &promfmt->store, promfmt->name.data, promfmt->name.len, name, len);
}

/* ---- lines --------------------------------------------------------------- */

/* A sample of a metric, whose labels and value have been written. */
static void
keep_sample(
    struct promfmt *promfmt, const char *name, size_t len, int64_t timestamp_ms)
{
	const struct buf *last = &promfmt->last_name;

	if (last->len != len || memcmp(last->data, name, len) != 0)
		look_up_family(promfmt, name, len);
	store_sample(&promfmt->store,
	    &(struct store_sample){
		.family = promfmt->last_family,
		.suffix = promfmt->last_suffix,
		.labels = promfmt->labels.text.data,
		.labels_len = promfmt->labels.text.len,
		.value = promfmt->value.data,
		.value_len = promfmt->value.len,
		.timestamp_ms = timestamp_ms,
		.original = promfmt->labels.original ^ promfmt->last_original,
	    });
}

static bool
record_line(void *state, const char *line, size_t len, struct buf *out,
    struct buf *problem)
{
	struct promfmt *promfmt = state;
	struct record *record = &promfmt->record;
	struct buf *name = &promfmt->decoded;
	int64_t time_ms;

	(void)out;
	if (!record_read(record, line, len, NULL, problem))
		return false;
	if (record->value.len == 0) {
		buf_add_string(problem, "\"value\" is missing");
		return false;
	}
	/* A long integer is good JSON, but Prometheus would refuse it all. */
	if (record->value.len > 300 && json_number_overflows(&record->value)) {
		buf_add_string(problem, "\"value\" is out of range");
		return false;
	}
	promfmt->value.len = name->len = 0;
	number_write(&promfmt->value, &record->value);
	json_decode(name, &record->name);
	labels_write(&promfmt->labels, record->tags, record->ntags);
	time_ms = record_time_ms(record);
	keep_sample(promfmt, name->data, name->len,
	    time_ms != 0 ? time_ms : EXPOSITION_NO_TIMESTAMP);
	return true;
}

/* HELP, TYPE and UNIT of a family: the first that comes is kept. */
static void
keep_metadata(struct promfmt *promfmt, enum exposition_line kind)
{
	const struct exposition_reader *reader = &promfmt->reader;
	const struct json_text *name = &reader->name;
	const struct buf *text = &reader->text;
	struct family *family;
	uint32_t number;

	make_name(promfmt, name->at, name->len);
	number = store_family(&promfmt->store, promfmt->name.data,
	    promfmt->name.len, name->at, name->len);
	family = &promfmt->store.families[number];
	if (kind == EXPOSITION_TYPE && !family->typed) {
		family->type = reader->type;
		family->typed = true;
		promfmt->last_name.len = 0; /* to be looked up again */
	} else if (kind == EXPOSITION_HELP && !family->helped &&
	    text->len > 0) {
		free(family->help);
		family->help = xstrndup(text->data, text->len);
		family->helped = true;
	} else if (kind == EXPOSITION_UNIT && family->unit == NULL) {
		family->unit = xstrndup(text->data, text->len);
	}
}

static bool
exposition_line(void *state, const char *line, size_t len, struct buf *out,
    struct buf *problem)
{
	struct promfmt *promfmt = state;
	struct exposition_reader *reader = &promfmt->reader;
	enum exposition_line kind = exposition_read(reader, line, len, problem);

	(void)out;
	switch (kind) {
	case EXPOSITION_BAD:
		return false;
	case EXPOSITION_OTHER:
		break;
	case EXPOSITION_HELP:
	case EXPOSITION_TYPE:
	case EXPOSITION_UNIT:
		keep_metadata(promfmt, kind);
		break;
	case EXPOSITION_SAMPLE:
		promfmt->value.len = 0;
		number_write(&promfmt->value, &reader->value);
		labels_write(&promfmt->labels, reader->labels, reader->nlabels);
		keep_sample(promfmt, reader->name.at, reader->name.len,
		    reader->timestamp_ms);
		break;
	}
	return true;
}

static bool
write_rest(void *state, struct buf *out)
{
	struct promfmt *promfmt = state;

	return output_piece(&promfmt->output, out);
}

/* ---- options ------------------------------------------------------------- */

static void
read_options(
    struct promfmt *promfmt, struct filter *filter, int argc, char **argv)
{
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, ":I:op:TO:r:hV")) != -1) {
		switch (option) {
		case 'I':
			if (strcmp(optarg, "records") == 0)
				filter->line = record_line;
			else if (strcmp(optarg, "prometheus") == 0)
				filter->line = exposition_line;
			else
				die(EX_USAGE,
				    "-I takes records or prometheus, not "
				    "\"%s\"",
				    optarg);
			break;
		case 'o':
			promfmt->output.format = EXPOSITION_OPENMETRICS;
			break;
		case 'p':
			promfmt->prefix = optarg;
			break;
		case 'T':
			promfmt->output.without_timestamps = true;
			break;
		case 'O':
			promfmt->path = optarg;
			filter->rest = NULL;
			break;
		case 'r':
			filter->reject_path = optarg;
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-promfmt");
		default:
			usage_error_and_exit(option);
		}
	}
}

/* The textfile collector of the node exporter reads the files *.prom, and drops
 * a whole file for one timestamp. */
static void
check_path(const struct promfmt *promfmt)
{
	static const char suffix[] = ".prom";
	size_t len;

	if (promfmt->path == NULL || promfmt->output.without_timestamps)
		return;
	len = strlen(promfmt->path);
	if (len >= strlen(suffix) &&
	    strcmp(promfmt->path + len - strlen(suffix), suffix) == 0)
		die(EX_USAGE,
		    "-O %s needs -T: the textfile collector drops a *.prom "
		    "file that has timestamps",
		    promfmt->path);
}

int
main(int argc, char **argv)
{
	struct promfmt promfmt = {
	    .prefix = "",
	    .output = {.store = &promfmt.store},
	    .record = RECORD_INIT,
	    .reader = EXPOSITION_READER_INIT,
	};
	struct filter filter = {
	    .line = record_line, .rest = write_rest, .state = &promfmt};
	int status;

	read_options(&promfmt, &filter, argc, argv);
	log_init("ccm-promfmt");
	if (optind < argc)
		die(EX_USAGE, "unexpected argument \"%s\"; -h shows the usage",
		    argv[optind]);
	check_path(&promfmt);

	status = filter_run(&filter);
	if (promfmt.path != NULL)
		output_file(&promfmt.output, promfmt.path);
	if (promfmt.store.ncollided > 0)
		log_warn("%zu series became equal to others when their names "
			 "were made valid; keeping the newest sample of each",
		    promfmt.store.ncollided);

	store_free(&promfmt.store);
	record_free(&promfmt.record);
	exposition_reader_free(&promfmt.reader);
	labels_free(&promfmt.labels);
	buf_free(&promfmt.decoded);
	buf_free(&promfmt.name);
	buf_free(&promfmt.value);
	buf_free(&promfmt.last_name);
	return status;
}

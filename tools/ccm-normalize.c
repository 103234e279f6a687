/*
 * ccm-normalize - turns the Metrics API's data points into records.
 *
 * A point's members are its metric, its timestamp, its value, and labels:
 * whatever else there is. The line is validated while it is read, and the
 * record is written straight from the places in the line; nothing of a line is
 * written before its last byte was found to be good.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "filter.h"
#include "interval.h"
#include "json.h"
#include "log.h"
#include "main.h"
#include "number.h"

#define USAGE                                                       \
	"usage: ccm-normalize [-I points] [-t LABEL=TAG]... [-a "   \
	"TAG=VALUE]...\n"                                           \
	"                     [-s] [-r FILE] < points\n"            \
	"Writes each data point of the Metrics API as a record.\n"  \
	"  -I FORMAT     what the input is: points (the default)\n" \
	"  -t LABEL=TAG  LABEL becomes TAG\n"                       \
	"  -a TAG=VALUE  add a tag to every record that lacks it\n" \
	"  -s            timestamps in seconds, not milliseconds\n" \
	"  -r FILE       append bad lines to FILE and exit 0\n"     \
	"  -h, -V        this help, the version\n"

/* More labels than any metric has; checking all pairs of them stays cheap. */
#define LABELS_MAX 1000

/* Of the properties that are left out, so many are reported, each by so many
 * bytes of its name: no input makes the memory grow. */
#define PROPERTIES_NAMED 100
#define PROPERTY_SHOWN ((size_t)100)

struct span {
	const char *at;
	size_t len;
};

struct pair {
	struct span from, to;
};

struct label {
	struct json_text key, value;
	bool resource;
	size_t tag; /* where the tag's name begins in tag_names ... */
	size_t tag_len;
};

struct point {
	struct json_text metric, timestamp, value;
	struct label labels[LABELS_MAX];
	size_t nlabels;
};

struct options {
	struct pair *renames; /* -t */
	size_t nrenames;
	struct pair *added; /* -a */
	size_t nadded;
	bool seconds;

	char **left_out; /* names of the properties that were reported */
	size_t nleft_out, left_out_size;

	/* of the current line */
	struct json json;
	struct point point;
	struct buf tag_names; /* of its labels, as JSON escapes them */
	struct buf decoded;
};

static bool
span_is(struct span span, const char *string)
{
	return span.len == strlen(string) &&
	    memcmp(span.at, string, span.len) == 0;
}

static bool
spans_equal(struct span a, struct span b)
{
	return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

static bool
has_prefix(struct span span, const char *prefix)
{
	size_t len = strlen(prefix);

	return span.len > len && memcmp(span.at, prefix, len) == 0;
}

/* A label's name without "metric." or "resource.". */
static struct span
without_prefix(struct span label)
{
	size_t len = 0;

	if (has_prefix(label, "metric."))
		len = strlen("metric.");
	else if (has_prefix(label, "resource."))
		len = strlen("resource.");
	return (struct span){label.at + len, label.len - len};
}

/* Does `wanted`, as -t names it, mean `label`? Either may lack its prefix. */
static bool
names_label(struct span wanted, struct span label)
{
	struct span bare_wanted = without_prefix(wanted);
	struct span bare_label = without_prefix(label);

	if (bare_wanted.len != wanted.len && bare_label.len != label.len)
		return spans_equal(wanted, label);
	return spans_equal(bare_wanted, bare_label);
}

/*
 * Puts a label's tag, by the table of the record format, behind the others in
 * tag_names.
 */
static void
name_tag(struct options *options, struct label *label)
{
	struct buf *names = &options->tag_names;
	struct span key = {label->key.at, label->key.len}, bare;

	if (!label->key.simple) {
		options->decoded.len = 0;
		json_decode(&options->decoded, &label->key);
		key =
		    (struct span){options->decoded.data, options->decoded.len};
	}
	label->resource = has_prefix(key, "resource.");
	label->tag = names->len;
	for (size_t i = 0; i < options->nrenames; i++) {
		struct pair *rename = &options->renames[i];

		if (names_label(rename->from, key)) {
			json_escape(names, rename->to.at, rename->to.len);
			label->tag_len = names->len - label->tag;
			return;
		}
	}
	if (span_is(key, "resource.kafka.id") || span_is(key, "kafka_id")) {
		buf_add_string(names, "cluster_id");
	} else if (span_is(key, "metric.principal_id") ||
	    span_is(key, "principal_id")) {
		buf_add_string(names, "principal");
	} else {
		bare = without_prefix(key);
		if (label->key.simple)
			buf_add(names, bare.at, bare.len);
		else
			json_escape(names, bare.at, bare.len);
		for (size_t i = label->tag; i < names->len; i++)
			if (names->data[i] == '.')
				names->data[i] = '_';
	}
	label->tag_len = names->len - label->tag;
}

static struct span
tag_of(const struct options *options, const struct label *label)
{
	return (struct span){
	    options->tag_names.data + label->tag, label->tag_len};
}

/* "io.confluent.kafka.server/retained_bytes" without "io.", [./] as _. */
static void
write_name(struct options *options, struct buf *out)
{
	const struct json_text *metric = &options->point.metric;
	struct span name = {metric->at, metric->len};
	size_t start = out->len;

	if (!metric->simple) {
		options->decoded.len = 0;
		json_decode(&options->decoded, metric);
		name.at = options->decoded.data;
		name.len = options->decoded.len;
	}
	if (has_prefix(name, "io.")) {
		name.at += strlen("io.");
		name.len -= strlen("io.");
	}
	if (metric->simple)
		buf_add(out, name.at, name.len);
	else
		json_escape(out, name.at, name.len);
	/* An escape holds neither of the two: "/" needs none. */
	for (size_t i = start; i < out->len; i++)
		if (out->data[i] == '.' || out->data[i] == '/')
			out->data[i] = '_';
}

static void
write_tag(struct buf *out, bool first, struct span name)
{
	buf_add_string(out, first ? "\"" : ",\"");
	buf_add(out, name.at, name.len);
	buf_add_string(out, "\":\"");
}

static void
write_tags(struct options *options, struct buf *out)
{
	struct point *point = &options->point;
	bool first = true;

	/* The resource comes first. */
	for (int resource = 1; resource >= 0; resource--) {
		for (size_t i = 0; i < point->nlabels; i++) {
			struct label *label = &point->labels[i];

			if (label->resource != (resource == 1))
				continue;
			write_tag(out, first, tag_of(options, label));
			json_escape_text(out, &label->value);
			buf_add_char(out, '"');
			first = false;
		}
	}
	for (size_t i = 0; i < options->nadded; i++) {
		struct pair *added = &options->added[i];
		bool has = false;

		for (size_t j = 0; j < point->nlabels && !has; j++)
			has = spans_equal(
			    added->from, tag_of(options, &point->labels[j]));
		if (has)
			continue;
		buf_add_string(out, first ? "\"" : ",\"");
		json_escape(out, added->from.at, added->from.len);
		buf_add_string(out, "\":\"");
		json_escape(out, added->to.at, added->to.len);
		buf_add_char(out, '"');
		first = false;
	}
}

static bool
tags_differ(struct options *options, struct buf *problem)
{
	struct point *point = &options->point;

	for (size_t i = 1; i < point->nlabels; i++) {
		for (size_t j = 0; j < i; j++) {
			struct label *a = &point->labels[j];
			struct label *b = &point->labels[i];
			struct span tag = tag_of(options, b);

			if (!spans_equal(tag_of(options, a), tag))
				continue;
			buf_printf(problem,
			    "labels \"%.*s\" and \"%.*s\" both become tag "
			    "\"%.*s\"",
			    (int)a->key.len, a->key.at, (int)b->key.len,
			    b->key.at, (int)tag.len, tag.at);
			return false;
		}
	}
	return true;
}

/* What a message says of a property's name: not more than that, and no half of
 * a character. */
static size_t
shown_length(const struct buf *name)
{
	size_t len = name->len;

	if (len <= PROPERTY_SHOWN)
		return len;
	for (len = PROPERTY_SHOWN; (name->data[len] & 0xc0) == 0x80; len--)
		;
	return len;
}

/* True the first time that this name comes. */
static bool
is_news(struct options *options, const char *name)
{
	for (size_t i = 0; i < options->nleft_out; i++)
		if (strcmp(options->left_out[i], name) == 0)
			return false;
	if (options->nleft_out == PROPERTIES_NAMED)
		return false;
	if (options->nleft_out == options->left_out_size)
		options->left_out = grow_array(options->left_out,
		    &options->left_out_size, sizeof(*options->left_out));
	options->left_out[options->nleft_out++] = xstrdup(name);
	return true;
}

/*
 * A property that is not a string cannot be a tag. The API may add any, and
 * that must not cost the value: it is left out, with one warning a run.
 */
static void
leave_out(struct options *options, const struct json_text *key)
{
	struct buf *name = &options->decoded;

	name->len = 0;
	json_decode(name, key);
	name->len = shown_length(name);
	if (!is_news(options, buf_terminate(name)))
		return;
	log_warn("property \"%s\" is not a string; leaving it out of the "
		 "records",
	    name->data);
	if (options->nleft_out == PROPERTIES_NAMED)
		log_warn("no further property is reported that is left out");
}

static bool
read_label(
    struct options *options, const struct json_text *key, struct buf *problem)
{
	struct point *point = &options->point;
	struct json_text value;
	enum json_type type = json_value(&options->json, &value);
	struct label *label;

	if (type == JSON_NULL || type == JSON_INVALID)
		return true; /* the point lacks it; the reader knows */
	if (type != JSON_STRING) {
		json_skip(&options->json, type);
		if (options->json.error == NULL)
			leave_out(options, key);
		return true;
	}
	if (point->nlabels == LABELS_MAX) {
		buf_printf(problem, "more than %d labels", LABELS_MAX);
		return false;
	}
	label = &point->labels[point->nlabels++];
	label->key = *key;
	label->value = value;
	name_tag(options, label);
	return true;
}

/* A member that has to be of one type; `text` has no place until it was read */
static bool
read_member(struct json *json, const char *name, enum json_type wanted,
    struct json_text *text, struct buf *problem)
{
	enum json_type type = json_value(json, text);

	if (type == wanted)
		return true;
	if (type != JSON_INVALID)
		buf_printf(problem, "\"%s\" is not a %s", name,
		    wanted == JSON_NUMBER ? "number" : "string");
	return type == JSON_INVALID; /* the reader knows */
}

static bool
read_members(struct options *options, struct buf *problem)
{
	struct json *json = &options->json;
	struct point *point = &options->point;
	struct json_text key;
	bool good = true;

	while (good && json_member(json, &key)) {
		if (json_text_is(&key, "metric"))
			good = read_member(json, "metric", JSON_STRING,
			    &point->metric, problem);
		else if (json_text_is(&key, "timestamp"))
			good = read_member(json, "timestamp", JSON_STRING,
			    &point->timestamp, problem);
		else if (json_text_is(&key, "value"))
			good = read_member(
			    json, "value", JSON_NUMBER, &point->value, problem);
		else
			good = read_label(options, &key, problem);
	}
	return good;
}

static bool
read_point(
    struct options *options, const char *line, size_t len, struct buf *problem)
{
	struct json *json = &options->json;
	struct point *point = &options->point;
	struct json_text text;
	enum json_type type;

	point->metric.at = point->timestamp.at = point->value.at = NULL;
	point->nlabels = 0;
	options->tag_names.len = 0;
	json_start(json, line, len);
	type = json_value(json, &text);
	if (type == JSON_OBJECT) {
		if (!read_members(options, problem))
			return false;
	} else if (type != JSON_INVALID) {
		buf_add_string(problem, "not an object");
		return false;
	}
	if (!json_end(json)) {
		buf_printf(problem, "not JSON: %s at column %zu", json->error,
		    json_column(json));
		return false;
	}
	if (point->metric.at == NULL || point->timestamp.at == NULL ||
	    point->value.at == NULL) {
		buf_printf(problem, "\"%s\" is missing",
		    point->metric.at == NULL          ? "metric"
			: point->timestamp.at == NULL ? "timestamp"
						      : "value");
		return false;
	}
	if (point->metric.len == 0) {
		buf_add_string(problem, "\"metric\" is empty");
		return false;
	}
	return tags_differ(options, problem);
}

static int64_t
seconds_from_ms(int64_t ms)
{
	return (ms - (ms % 1000 + 1000) % 1000) / 1000;
}

static bool
normalize_line(void *state, const char *line, size_t len, struct buf *out,
    struct buf *problem)
{
	struct options *options = state;
	struct point *point = &options->point;
	int64_t timestamp_ms;

	if (!read_point(options, line, len, problem))
		return false;
	if (!timestamp_parse(
		point->timestamp.at, point->timestamp.len, &timestamp_ms)) {
		buf_printf(problem,
		    "\"timestamp\" is \"%.*s\", not an ISO 8601 time",
		    (int)(point->timestamp.len < 60 ? point->timestamp.len
						    : 60),
		    point->timestamp.at);
		return false;
	}
	buf_add_string(out, "{\"fields\":{\"value\":");
	number_write(out, &point->value);
	buf_add_string(out, "},\"name\":\"");
	write_name(options, out);
	buf_add_string(out, "\",\"tags\":{");
	write_tags(options, out);
	buf_add_string(out, "},\"timestamp\":");
	number_write_integer(out,
	    options->seconds ? seconds_from_ms(timestamp_ms) : timestamp_ms);
	buf_add_string(out, "}\n");
	return true;
}

/* ---- options ------------------------------------------------------------ */

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
		if (spans_equal(pairs[i].from, pair->from))
			die(EX_USAGE, "-%c %.*s is given twice", option,
			    (int)pair->from.len, argument);
	(*npairs)++;
}

int
main(int argc, char **argv)
{
	static struct options options;
	struct filter filter = {.line = normalize_line, .state = &options};
	int option, status;

	opterr = 0;
	options.renames = xmalloc((size_t)argc * sizeof(*options.renames));
	options.added = xmalloc((size_t)argc * sizeof(*options.added));
	while ((option = getopt(argc, argv, ":I:t:a:sr:hV")) != -1) {
		switch (option) {
		case 'I':
			if (strcmp(optarg, "points") != 0)
				die(EX_USAGE, "-I takes points, not \"%s\"",
				    optarg);
			break;
		case 't':
			add_pair(
			    options.renames, &options.nrenames, 't', optarg);
			break;
		case 'a':
			add_pair(options.added, &options.nadded, 'a', optarg);
			break;
		case 's':
			options.seconds = true;
			break;
		case 'r':
			filter.reject_path = optarg;
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-normalize");
		default:
			usage_error_and_exit(option);
		}
	}
	log_init("ccm-normalize");
	if (optind < argc)
		die(EX_USAGE, "unexpected argument \"%s\"; -h shows the usage",
		    argv[optind]);

	status = filter_run(&filter);

	for (size_t i = 0; i < options.nleft_out; i++)
		free(options.left_out[i]);
	free(options.left_out);
	free(options.renames);
	free(options.added);
	json_free(&options.json);
	buf_free(&options.tag_names);
	buf_free(&options.decoded);
	return status;
}

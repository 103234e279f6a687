/*
 * ccm-linefmt - turns records into line protocol, as InfluxDB, Telegraf,
 * DataKit and VictoriaMetrics take it: a line each.
 *
 * - Every value is a float: a field that was one once refuses an integer.
 * - What the format cannot carry is changed in one way or left out, as the
 *   manual says; what a receiver would refuse, and often a whole body with it,
 *   is a bad line here.
 */
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "filter.h"
#include "log.h"
#include "main.h"
#include "number.h"
#include "record.h"

#define USAGE                                                                 \
	"usage: ccm-linefmt [-M MEASUREMENT] [-r FILE] < records\n"           \
	"Writes each record as a line of line protocol.\n"                    \
	"  -M MEASUREMENT  the measurement; the field is the record's name\n" \
	"                  without MEASUREMENT_ before it. By default the\n"  \
	"                  name is the measurement and the field \"value\"\n" \
	"  -r FILE         append bad lines to FILE and exit 0\n"             \
	"  -h, -V          this help, the version\n"

/* InfluxDB refuses a longer measurement with its tags. */
#define SERIES_LENGTH_MAX ((size_t)65535)

/* Times are 64-bit nanoseconds: until the year 2262. */
#define TIME_MS_MAX 9223372036854

/* The key of a tag as it was written. */
struct key {
	size_t at, len; /* in the output */
};

struct options {
	const char *measurement; /* or NULL */
	struct record record;
	struct key *keys; /* of the current line's tags */
	size_t keys_size;
	struct buf name;
	struct buf decoded;
};

/*
 * Appends `count` backslashes, behind which a special character comes or the
 * end. Receivers differ in whether two of them are one, and some search for the
 * separators with a look at the byte before: no text is the same to all where
 * the last backslash would be next to another escape or to a separator. A blank
 * behind it makes that one an escaped blank to all of them.
 */
static void
add_backslashes(struct buf *out, size_t count, bool at_end)
{
	for (size_t i = 0; i < count; i++)
		buf_add_char(out, '\\');
	if (count % 2 == 1)
		buf_add_char(out, ' ');
	else if (at_end && count > 0)
		buf_add_string(out, "\\ ");
}

/*
 * Appends a name or a tag's value with its escapes. A backslash that is not
 * before a special character is no escape. Newlines cannot be written, and tabs
 * not everywhere: they become "\n" and "\t", as Telegraf does it.
 */
static void
escape(struct buf *out, const char *text, size_t len, const char *special)
{
	size_t backslashes = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '\\') {
			backslashes++;
		} else if (c != '\0' && strchr(special, c) != NULL) {
			add_backslashes(out, backslashes, false);
			backslashes = 0;
			buf_add_char(out, '\\');
			buf_add_char(out, c);
		} else {
			for (; backslashes > 0; backslashes--)
				buf_add_char(out, '\\');
			if (c == '\n' || c == '\r' || c == '\t')
				json_escape(out, &c, 1);
			else
				buf_add_char(out, c);
		}
	}
	add_backslashes(out, backslashes, true);
}

static void
add_measurement(struct buf *out, const char *name, size_t len)
{
	escape(out, name, len, ", ");
}

static void
add_key_or_value(struct buf *out, const char *text, size_t len)
{
	escape(out, text, len, ",= ");
}

static void
add_text(struct options *options, struct buf *out, const struct json_text *text)
{
	struct buf *decoded = &options->decoded;

	decoded->len = 0;
	json_decode(decoded, text);
	add_key_or_value(out, decoded->data, decoded->len);
}

/* Is the last key another one than those before it? */
static bool
is_distinct(const struct key *keys, size_t count, const struct buf *out)
{
	const struct key *last = &keys[count - 1];

	for (size_t i = 0; i + 1 < count; i++)
		if (keys[i].len == last->len &&
		    memcmp(out->data + keys[i].at, out->data + last->at,
			last->len) == 0)
			return false;
	return true;
}

/* A tag without a key or a value is none in the format. */
static bool
add_tags(struct options *options, struct buf *out, struct buf *problem)
{
	const struct record *record = &options->record;
	size_t count = 0;

	for (size_t i = 0; i < record->ntags; i++) {
		const struct record_tag *tag = &record->tags[i];
		struct key *key;

		if (tag->key.len == 0 || tag->value.len == 0)
			continue;
		if (count == options->keys_size)
			options->keys = grow_array(options->keys,
			    &options->keys_size, sizeof(*options->keys));
		key = &options->keys[count++];
		buf_add_char(out, ',');
		key->at = out->len;
		add_text(options, out, &tag->key);
		key->len = out->len - key->at;
		if (!is_distinct(options->keys, count, out)) {
			buf_printf(problem, "two tags become \"%.*s\"",
			    (int)key->len, out->data + key->at);
			return false;
		}
		buf_add_char(out, '=');
		add_text(options, out, &tag->value);
	}
	return true;
}

/* The record's name as a field: "confluent_x_y" with -M confluent is "x_y". */
static void
add_field(const struct options *options, struct buf *out)
{
	const char *name = options->name.data;
	size_t len = options->name.len, skipped;

	if (options->measurement == NULL) {
		buf_add_string(out, "value");
		return;
	}
	skipped = strlen(options->measurement) + 1;
	if (len > skipped && name[skipped - 1] == '_' &&
	    memcmp(name, options->measurement, skipped - 1) == 0) {
		name += skipped;
		len -= skipped;
	}
	add_key_or_value(out, name, len);
}

static bool
check_record(const struct options *options, struct buf *problem)
{
	const struct json_text *value = &options->record.value;

	if (value->len == 0)
		buf_add_string(problem, "\"value\" is missing");
	else if (value->len > 300 && json_number_overflows(value))
		buf_add_string(problem, "\"value\" is out of range");
	else if (record_time_ms(&options->record) > TIME_MS_MAX)
		buf_add_string(problem,
		    "\"timestamp\" is after the year 2262, where line "
		    "protocol ends");
	else if (options->measurement == NULL && options->name.data[0] == '#')
		buf_add_string(problem,
		    "\"name\" begins with \"#\", which makes a comment of a "
		    "line");
	return problem->len == 0;
}

static bool
format_line(void *state, const char *line, size_t len, struct buf *out,
    struct buf *problem)
{
	struct options *options = state;
	struct record *record = &options->record;
	size_t start = out->len;
	int64_t time_ms;

	if (!record_read(record, line, len, NULL, problem))
		return false;
	options->name.len = 0;
	json_decode(&options->name, &record->name);
	if (!check_record(options, problem))
		return false;
	if (options->measurement != NULL)
		add_measurement(
		    out, options->measurement, strlen(options->measurement));
	else
		add_measurement(out, options->name.data, options->name.len);
	if (!add_tags(options, out, problem))
		return false;
	if (out->len - start > SERIES_LENGTH_MAX) {
		buf_printf(problem,
		    "the name and the tags take over %zu bytes, which "
		    "InfluxDB refuses",
		    SERIES_LENGTH_MAX);
		return false;
	}
	buf_add_char(out, ' ');
	add_field(options, out);
	buf_add_char(out, '=');
	number_write(out, &record->value);
	time_ms = record_time_ms(record);
	if (time_ms != 0) {
		buf_add_char(out, ' ');
		number_write_integer(out, time_ms);
		buf_add_string(out, "000000");
	}
	buf_add_char(out, '\n');
	return true;
}

static void
check_measurement(const char *measurement)
{
	if (measurement != NULL &&
	    (*measurement == '\0' || *measurement == '#' ||
		strpbrk(measurement, "\n\r") != NULL))
		die(EX_USAGE, "-M \"%s\" is no measurement", measurement);
}

int
main(int argc, char **argv)
{
	struct options options = {.record = RECORD_INIT};
	struct filter filter = {.line = format_line, .state = &options};
	int option, status;

	opterr = 0;
	while ((option = getopt(argc, argv, ":M:r:hV")) != -1) {
		switch (option) {
		case 'M':
			options.measurement = optarg;
			break;
		case 'r':
			filter.reject_path = optarg;
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-linefmt");
		default:
			usage_error_and_exit(option);
		}
	}
	log_init("ccm-linefmt");
	if (optind < argc)
		die(EX_USAGE, "unexpected argument \"%s\"; -h shows the usage",
		    argv[optind]);
	check_measurement(options.measurement);

	status = filter_run(&filter);

	free(options.keys);
	record_free(&options.record);
	buf_free(&options.name);
	buf_free(&options.decoded);
	return status;
}

/*
 * ccm-key - puts a Kafka key before each record.
 *
 * The key is "NAME:TAG", so that the values of one topic (or principal, or
 * else resource) of a metric go to one partition, in order. A tab ends it, and
 * the record follows as it came; a control character in the key is written as
 * its JSON escape, so that the first tab of a line is always that one.
 *
 * With -F a frame is written instead: time, length, key, record. It says how
 * long it has to be, so that who reads it sees where a writer was killed.
 */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "filter.h"
#include "log.h"
#include "main.h"
#include "number.h"
#include "record.h"

#define USAGE                                                                  \
	"usage: ccm-key [-F] [-t TAG]... [-f FIELD] [-r FILE] < records\n"     \
	"Writes each record (or client metric) as KEY, a tab, the record.\n"   \
	"  -F        before them, each with a tab: the record's time in ms,\n" \
	"            and the bytes of both; delimiters by CCM_DELIMS\n"        \
	"  -t TAG    take TAG for the key, the first given that is there;\n"   \
	"            default: topic, principal, principal_id\n"                \
	"  -f FIELD  the key is the top-level member FIELD, where it is "      \
	"there\n"                                                              \
	"  -r FILE   append bad lines to FILE and exit 0\n"                    \
	"  -h, -V    this help, the version\n"

struct options {
	const char **tags; /* ends with a NULL */
	const char *field; /* or NULL */
	bool frames;
	struct buf key_end, line_end; /* the delimiters of frames */
	struct buf key;
	struct record record;
	struct buf decoded;
};

/* Decoded, but for control characters, which stay escapes. */
static void
add_to_key(
    struct options *options, struct buf *out, const struct json_text *text)
{
	struct buf *decoded = &options->decoded;

	if (text->simple) { /* and so without control characters */
		buf_add(out, text->at, text->len);
		return;
	}
	decoded->len = 0;
	json_decode(decoded, text);
	for (size_t i = 0; i < decoded->len; i++) {
		if ((unsigned char)decoded->data[i] < 0x20)
			json_escape(out, &decoded->data[i], 1);
		else
			buf_add_char(out, decoded->data[i]);
	}
}

static const struct json_text *
choose_tag(const struct record *record, const char **wanted)
{
	for (; *wanted != NULL; wanted++)
		for (size_t i = 0; i < record->ntags; i++)
			if (json_text_is(&record->tags[i].key, *wanted))
				return &record->tags[i].value;
	return record->ntags > 0 ? &record->tags[0].value : NULL;
}

static void
add_key(struct options *options, struct buf *out)
{
	struct record *record = &options->record;
	const struct json_text *tag;

	if (record->extra.at != NULL) {
		add_to_key(options, out, &record->extra);
		return;
	}
	add_to_key(options, out, &record->name);
	tag = choose_tag(record, options->tags);
	if (tag != NULL) {
		buf_add_char(out, ':');
		add_to_key(options, out, tag);
	}
}

static bool
key_line(void *state, const char *line, size_t len, struct buf *out,
    struct buf *problem)
{
	struct options *options = state;

	if (!record_read(&options->record, line, len, options->field, problem))
		return false;
	add_key(options, out);
	buf_add_char(out, '\t');
	buf_add(out, line, len);
	buf_add_char(out, '\n');
	return true;
}

/* ---- frames ------------------------------------------------------------- */

static bool
frame_line(void *state, const char *line, size_t len, struct buf *out,
    struct buf *problem)
{
	struct options *options = state;
	struct buf *key = &options->key;

	if (!record_read(&options->record, line, len, options->field, problem))
		return false;
	key->len = 0;
	add_key(options, key);
	number_write_integer(out, record_time_ms(&options->record));
	buf_add_char(out, '\t');
	number_write_integer(out, (int64_t)(key->len + len));
	buf_add_char(out, '\t');
	buf_add(out, key->data, key->len);
	buf_add(out, options->key_end.data, options->key_end.len);
	buf_add(out, line, len);
	buf_add(out, options->line_end.data, options->line_end.len);
	return true;
}

/* CCM_DELIMS is two delimiters of one length, one behind the other. */
static void
read_delimiters_or_die(struct options *options)
{
	const char *both = getenv("CCM_DELIMS");
	size_t len;

	if (both == NULL) {
		buf_add_char(&options->key_end, '\t');
		buf_add_char(&options->line_end, '\n');
		return;
	}
	len = strlen(both);
	if (len == 0 || len % 2 != 0)
		die(EX_CONFIG,
		    "CCM_DELIMS has %zu bytes; two delimiters of one length "
		    "are expected",
		    len);
	buf_add(&options->key_end, both, len / 2);
	buf_add(&options->line_end, both + len / 2, len / 2);
}

int
main(int argc, char **argv)
{
	static const char *default_tags[] = {
	    "topic", "principal", "principal_id", NULL};
	struct options options = {.record = RECORD_INIT, .decoded = BUF_INIT};
	struct filter filter = {.line = key_line, .state = &options};
	size_t ntags = 0;
	int option, status;

	opterr = 0;
	options.tags = xmalloc((size_t)argc * sizeof(*options.tags));
	while ((option = getopt(argc, argv, ":Ft:f:r:hV")) != -1) {
		switch (option) {
		case 'F':
			options.frames = true;
			break;
		case 't':
			options.tags[ntags++] = optarg;
			break;
		case 'f':
			options.field = optarg;
			break;
		case 'r':
			filter.reject_path = optarg;
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-key");
		default:
			usage_error_and_exit(option);
		}
	}
	log_init("ccm-key");
	if (optind < argc)
		die(EX_USAGE, "unexpected argument \"%s\"; -h shows the usage",
		    argv[optind]);
	options.tags[ntags] = NULL;
	if (ntags == 0) {
		free(options.tags);
		options.tags = default_tags;
	}
	if (options.frames) {
		read_delimiters_or_die(&options);
		filter.line = frame_line;
	}

	status = filter_run(&filter);

	if (ntags > 0)
		free(options.tags);
	record_free(&options.record);
	buf_free(&options.decoded);
	buf_free(&options.key);
	buf_free(&options.key_end);
	buf_free(&options.line_end);
	return status;
}

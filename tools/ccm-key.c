/*
 * ccm-key - puts a Kafka key before each record.
 *
 * The key is "NAME:TAG", so that the values of one topic (or principal, or
 * else resource) of a metric go to one partition, in order. A tab ends it, and
 * the record follows as it came; a control character in the key is written as
 * its JSON escape, so that the first tab of a line is always that one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "filter.h"
#include "io.h"
#include "log.h"
#include "main.h"
#include "record.h"

#define USAGE                                                                \
	"usage: ccm-key [-t TAG]... [-f FIELD] [-r FILE] [-c FILE] < "       \
	"records\n"                                                          \
	"Writes each record (or client metric) as KEY, a tab, the record.\n" \
	"  -t TAG    take TAG for the key, the first given that is there;\n" \
	"            default: topic, principal, principal_id\n"              \
	"  -f FIELD  the key is the top-level member FIELD, where it is "    \
	"there\n"                                                            \
	"  -r FILE   append bad lines to FILE and exit 0\n"                  \
	"  -c FILE   write the number of lines keyed to FILE at the end\n"   \
	"  -h, -V    this help, the version\n"

struct options {
	const char **tags; /* ends with a NULL */
	const char *field; /* or NULL */
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

static bool
key_line(void *state, const char *line, size_t len, struct buf *out,
    struct buf *problem)
{
	struct options *options = state;
	struct record *record = &options->record;
	const struct json_text *tag;

	if (!record_read(record, line, len, options->field, problem))
		return false;
	if (record->extra.at != NULL) {
		add_to_key(options, out, &record->extra);
	} else {
		add_to_key(options, out, &record->name);
		tag = choose_tag(record, options->tags);
		if (tag != NULL) {
			buf_add_char(out, ':');
			add_to_key(options, out, tag);
		}
	}
	buf_add_char(out, '\t');
	buf_add(out, line, len);
	buf_add_char(out, '\n');
	return true;
}

static void
write_count(const char *path, unsigned long count)
{
	struct buf text = BUF_INIT;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0)
		die(EX_CANTCREAT, "cannot create %s: %s", path,
		    strerror(errno));
	buf_printf(&text, "%lu\n", count);
	write_or_die(fd, path, text.data, text.len);
	if (close(fd) != 0)
		die(EX_IOERR, "cannot write to %s: %s", path, strerror(errno));
	buf_free(&text);
}

int
main(int argc, char **argv)
{
	static const char *default_tags[] = {
	    "topic", "principal", "principal_id", NULL};
	struct options options = {.record = RECORD_INIT, .decoded = BUF_INIT};
	struct filter filter = {.line = key_line, .state = &options};
	const char *count_path = NULL;
	size_t ntags = 0;
	int option, status;

	opterr = 0;
	options.tags = xmalloc((size_t)argc * sizeof(*options.tags));
	while ((option = getopt(argc, argv, ":t:f:r:c:hV")) != -1) {
		switch (option) {
		case 't':
			options.tags[ntags++] = optarg;
			break;
		case 'f':
			options.field = optarg;
			break;
		case 'r':
			filter.reject_path = optarg;
			break;
		case 'c':
			count_path = optarg;
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

	status = filter_run(&filter);
	if (count_path != NULL)
		write_count(count_path, filter.written);

	if (ntags > 0)
		free(options.tags);
	record_free(&options.record);
	buf_free(&options.decoded);
	return status;
}

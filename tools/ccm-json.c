/*
 * ccm-json - checks that its input is one JSON document, strictly.
 *
 * jq, which the pipelines are made of, takes duplicate keys (the last wins), a
 * second document and NaN without a word. What a person wrote, settings and
 * query presets, passes through here first. The document is written to
 * standard output on one line, without white space, its numbers and strings as
 * they came; nothing is written of one that is not valid.
 */
#include <errno.h>
#include <sysexits.h>
#include <unistd.h>

#include "io.h"
#include "json.h"
#include "log.h"
#include "main.h"

#define USAGE                                                        \
	"usage: ccm-json [-n NAME] < document\n"                     \
	"Checks one JSON document and writes it on one line.\n"      \
	"  -n NAME  what to call it in a message (default: stdin)\n" \
	"  -h       this help\n"                                     \
	"  -V       the version\n"

#define BLOCK ((size_t)64 << 10)

static void
read_all(struct buf *text)
{
	ssize_t got;

	do {
		buf_reserve(text, BLOCK);
		got = read(STDIN_FILENO, text->data + text->len, BLOCK);
		if (got < 0 && errno != EINTR)
			die(EX_IOERR, "cannot read standard input: %s",
			    strerror(errno));
		if (got > 0)
			text->len += (size_t)got;
	} while (got != 0);
	buf_terminate(text);
}

static void
report(
    const char *name, const struct buf *text, size_t offset, const char *error)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < offset && i < text->len; i++) {
		column++;
		if (text->data[i] == '\n') {
			line++;
			column = 1;
		}
	}
	log_plain(LOG_LEVEL_ERROR, "%s:%zu:%zu: %s", name, line, column, error);
}

int
main(int argc, char **argv)
{
	struct buf text = BUF_INIT, out = BUF_INIT;
	const char *name = "stdin", *error;
	int option, status = EX_OK;
	size_t offset;

	opterr = 0;
	while ((option = getopt(argc, argv, ":n:hV")) != -1) {
		switch (option) {
		case 'n':
			name = optarg;
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-json");
		default:
			usage_error_and_exit(option);
		}
	}
	log_init("ccm-json");
	arguments_or_die(argc - optind, argv + optind, "", false);

	read_all(&text);
	if (json_validate(text.data, text.len, &error, &offset)) {
		json_compact(&out, text.data, text.len);
		buf_add_char(&out, '\n');
		write_or_die(
		    STDOUT_FILENO, "standard output", out.data, out.len);
	} else {
		report(name, &text, offset, error);
		status = EX_DATAERR;
	}
	buf_free(&text);
	buf_free(&out);
	return status;
}

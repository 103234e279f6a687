/*
 * ccm-log - a line of ccm's scripts for the log: the same lines, of the same
 * levels, as the programs write (lib/log.h).
 *
 * Private: it is installed beside the libraries, and run by ccm's own scripts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "lines.h"
#include "log.h"
#include "main.h"

#define USAGE                                                                               \
	"usage: ccm-log NAME [LEVEL [MESSAGE]]\n"                                           \
	"Writes MESSAGE, or each line of standard input, to standard error as a line of\n"  \
	"the program NAME, where GLOBAL_LOG_LEVEL shows that level: ERROR, WARN, INFO or\n" \
	"DEBUG. Without a level it checks GLOBAL_LOG_LEVEL.\n"                              \
	"  -h       this help\n"                                                            \
	"  -V       the version\n"

static void
write_message(enum log_level level, const char *message)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		log_error("%s", message);
		break;
	case LOG_LEVEL_WARN:
		log_warn("%s", message);
		break;
	case LOG_LEVEL_INFO:
		log_info("%s", message);
		break;
	case LOG_LEVEL_DEBUG:
		log_debug("%s", message);
		break;
	}
}

/* A line that is too long for anybody is cut. */
static void
write_lines(enum log_level level)
{
	struct lines lines = {.fd = STDIN_FILENO};
	enum lines_result result;
	char *line;
	size_t len;

	while ((result = lines_next(&lines, &line, &len)) == LINES_LINE ||
	    result == LINES_LONG) {
		char *message = xstrndup(
		    line, len < LINE_LENGTH_MAX ? len : LINE_LENGTH_MAX);

		write_message(level, message);
		free(message);
		while (result == LINES_LONG && lines_rest(&lines, &line, &len))
			;
	}
	if (result == LINES_ERROR)
		die(EX_IOERR, "cannot read standard input: %s",
		    strerror(errno));
	lines_free(&lines);
}

static enum log_level
parse_level(const char *text)
{
	static const char *const names[] = {"ERROR", "WARN", "INFO", "DEBUG"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text, names[i]) == 0)
			return (enum log_level)i;
	die(EX_USAGE, "\"%s\" is not a level; -h shows the usage", text);
}

int
main(int argc, char **argv)
{
	struct buf problem = BUF_INIT;
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, "+:hV")) != -1) {
		switch (option) {
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-log");
		default:
			usage_error_and_exit(option);
		}
	}
	argv += optind;
	argc -= optind;
	if (argc < 1 || argc > 3)
		die(EX_USAGE,
		    "a name, a level and a message are expected; -h shows the usage");
	/* A message is written whatever the level; the name alone checks it. */
	if (!log_start(argv[0], &problem) && argc == 1)
		die(EX_CONFIG, "%s", buf_terminate(&problem));
	buf_free(&problem);
	if (argc == 2)
		write_lines(parse_level(argv[1]));
	else if (argc == 3)
		write_message(parse_level(argv[1]), argv[2]);
	return EX_OK;
}

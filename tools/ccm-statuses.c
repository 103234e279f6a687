/*
 * ccm-statuses - of several exit statuses, the one that a script exits with.
 *
 * Their order is that of lib/statuses.h, for programs and scripts alike.
 * Private: it is installed beside the libraries, and run by ccm's own scripts.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"
#include "main.h"
#include "statuses.h"

#define USAGE                                                                             \
	"usage: ccm-statuses [STATUS]...\n"                                               \
	"Exits with the first that applies of 70, 71, 74, 75, 78, 77, 69 and 65, or 0.\n" \
	"  -h       this help\n"                                                          \
	"  -V       the version\n"

static int
parse_status(const char *text)
{
	char *end;
	long status = strtol(text, &end, 10);

	if (end == text || *end != '\0' || status < 0 || status > 255)
		die(EX_USAGE, "\"%s\" is not an exit status", text);
	return (int)status;
}

int
main(int argc, char **argv)
{
	struct statuses statuses = {.unauthorised = false};
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, "+:hV")) != -1) {
		switch (option) {
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-statuses");
		default:
			usage_error_and_exit(option);
		}
	}
	log_init("ccm-statuses");
	for (argv += optind; *argv != NULL; argv++)
		statuses_add(&statuses, parse_status(*argv));
	return statuses_first(&statuses);
}

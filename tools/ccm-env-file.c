/*
 * ccm-env-file - the variables of an environment file, as systemd gives them to
 * a service: NAME=VALUE, each ended by a NUL byte.
 *
 * For ccm-check, which tries what a unit will do before it does. It is no
 * command for people, and is installed beside the libraries.
 */
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "env-file.h"
#include "filter.h"
#include "log.h"
#include "main.h"

#define USAGE                                                              \
	"usage: ccm-env-file FILE\n"                                       \
	"Writes the variables of an EnvironmentFile= as NAME=VALUE, each " \
	"ended by a NUL byte.\n"                                           \
	"  -h, -V   this help, the version\n"

static void
add(void *context, const char *name, const char *value, unsigned line)
{
	(void)line;
	buf_printf(context, "%s=%s", name, value);
	buf_add_char(context, '\0');
}

int
main(int argc, char **argv)
{
	struct buf out = BUF_INIT;
	const char *problem;
	int option;

	log_init("ccm-env-file");
	opterr = 0;
	while ((option = getopt(argc, argv, ":hV")) != -1) {
		switch (option) {
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-env-file");
		default:
			usage_error_and_exit(option);
		}
	}
	if (argc - optind != 1)
		die(EX_USAGE, "one file is expected; -h shows the usage");
	problem = env_file_read(argv[optind], add, &out);
	if (problem != NULL)
		die(EX_CONFIG, "%s: %s", argv[optind], problem);
	write_or_die(STDOUT_FILENO, "standard output", out.data, out.len);
	buf_free(&out);
	return EX_OK;
}

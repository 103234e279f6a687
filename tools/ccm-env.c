/*
 * ccm-env - start a program with the variables of an environment file.
 *
 * One file serves cron, a container, a shell and the systemd units, because
 * there is one reader: lib/env-file.h, by systemd's rules. A shell that sources
 * the file exports nothing and expands "$"; docker's --env-file keeps quotes.
 *
 * cron's PATH ends before /usr/local/bin. The folder that we are in ourselves
 * is therefore put behind PATH: whoever finds us finds the rest of ccm.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "env-file.h"
#include "env.h"
#include "log.h"
#include "main.h"
#include "program.h"

#define USAGE                                                                    \
	"usage: ccm-env FILE PROG [ARG]...\n"                                    \
	"Runs PROG with the variables of FILE, NAME=VALUE in each line, read\n"  \
	"as systemd reads an EnvironmentFile=. They replace those of the same\n" \
	"name.\n"                                                                \
	"  -h       this help\n"                                                 \
	"  -V       the version\n"

static void
set_or_die(const char *name, const char *value)
{
	if (setenv(name, value, 1) != 0)
		die(EX_OSERR, "cannot set %s: %s", name, strerror(errno));
}

/* An env_file_taker. */
static void
take(void *context, const char *name, const char *value, unsigned line)
{
	(void)context;
	(void)line;
	set_or_die(name, value);
}

/* The folder that we are in, or NULL without /proc. The caller frees it. */
static char *
own_folder(void)
{
	char *path = realpath("/proc/self/exe", NULL);
	char *slash = path != NULL ? strrchr(path, '/') : NULL;

	if (slash != NULL)
		*slash = '\0';
	return path;
}

/* True where one of the folders of a PATH is that one. */
static bool
has_folder(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	for (; path != NULL; path = strchr(path, ':')) {
		path += *path == ':';
		if (strncmp(path, folder, len) == 0 &&
		    (path[len] == ':' || path[len] == '\0'))
			return true;
	}
	return false;
}

static void
extend_path(void)
{
	const char *path = getenv("PATH");
	char *folder = own_folder();
	struct buf extended = BUF_INIT;

	if (path == NULL || *path == '\0')
		path = "/usr/bin:/bin";
	if (folder != NULL && !has_folder(path, folder)) {
		buf_printf(&extended, "%s:%s", path, folder);
		set_or_die("PATH", buf_terminate(&extended));
	}
	buf_free(&extended);
	free(folder);
}

int
main(int argc, char **argv)
{
	const char *problem;
	char *program;
	int option;

	/* The file often holds secrets. */
	protect_secrets();
	opterr = 0;
	while ((option = getopt(argc, argv, "+:hV")) != -1) {
		switch (option) {
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-env");
		default:
			usage_error_and_exit(option);
		}
	}
	log_init("ccm-env");
	argv += optind;
	arguments_or_die(argc - optind, argv, "FILE PROG", true);
	problem = env_file_read(argv[0], take, NULL);
	if (problem != NULL)
		die(EX_CONFIG, "%s: %s", argv[0], problem);
	extend_path();
	program = program_find_or_die(argv[1]);
	execvp(program, argv + 1);
	die(EX_OSERR, "cannot run %s: %s", program, strerror(errno));
}

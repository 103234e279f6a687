#include "main.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"

static void flush_and_exit(void) __attribute__((noreturn));

static void
flush_and_exit(void)
{
	if (fflush(stdout) != 0)
		die(EX_IOERR, "cannot write to standard output: %s",
		    strerror(errno));
	exit(EX_OK);
}

void
print_help_and_exit(const char *usage)
{
	fputs(usage, stdout);
	flush_and_exit();
}

void
print_version_and_exit(const char *program)
{
	printf("%s %s\n", program, CCM_VERSION);
	flush_and_exit();
}

void
usage_error_and_exit(int getopt_result)
{
	if (getopt_result == ':')
		die(EX_USAGE,
		    "option -%c needs an argument; -h shows the usage", optopt);
	die(EX_USAGE, "unknown option -%c; -h shows the usage", optopt);
}

void
arguments_or_die(int count, char **arguments, const char *required, bool more)
{
	int i = 0;

	for (; *required != '\0'; i++) {
		size_t len = strcspn(required, " ");

		if (i == count)
			die(EX_USAGE,
			    "missing argument %.*s; -h shows the usage",
			    (int)len, required);
		required += len + strspn(required + len, " ");
	}
	if (i < count && !more)
		die(EX_USAGE, "unexpected argument \"%s\"; -h shows the usage",
		    arguments[i]);
}

#include "program.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"

static bool
is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    access(path, X_OK) == 0;
}

/* Makes a relative path absolute, for another current directory. */
static char *
absolute(const char *path)
{
	char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
	struct buf out = BUF_INIT;

	if (here != NULL)
		buf_printf(&out, "%s/", here);
	buf_add_string(&out, path);
	free(here);
	return buf_terminate(&out);
}

char *
program_find_or_die(const char *name)
{
	const char *path = strchr(name, '/') != NULL ? "" : getenv("PATH");
	char *copy = xstrdup(path != NULL ? path : "/bin:/usr/bin");
	char *rest = copy, *dir, *found = NULL;
	struct buf file = BUF_INIT;

	while (found == NULL && (dir = strsep(&rest, ":")) != NULL) {
		file.len = 0;
		buf_printf(&file, "%s%s%s", dir, dir[0] ? "/" : "", name);
		if (is_program(file.data))
			found = absolute(file.data);
	}
	if (found == NULL)
		die(EX_CONFIG, "cannot run %s: no such program", name);
	buf_free(&file);
	free(copy);
	return found;
}

char *
program_relative_or_die(const char *relative)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	struct buf path = BUF_INIT;

	if (len < 0)
		die(EX_OSERR, "cannot read /proc/self/exe: %s",
		    strerror(errno));
	self[len] = '\0';
	buf_printf(&path, "%s/%s", dirname(self), relative);
	return buf_terminate(&path);
}

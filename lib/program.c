#include "program.h"

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

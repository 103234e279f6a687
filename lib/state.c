#include "state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *
state_directory(struct buf *problem)
{
	const char *state = getenv("STATE_DIRECTORY");
	const char *xdg = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	struct buf path = BUF_INIT;

	if (state != NULL && strchr(state, ':') != NULL) {
		buf_printf(problem,
		    "STATE_DIRECTORY is \"%s\"; it takes one directory, and no colon in its name",
		    state);
	} else if (state != NULL && state[0] == '/') {
		buf_add_string(&path, state);
	} else if (state != NULL && state[0] != '\0') {
		char *here = getcwd(NULL, 0);

		if (here == NULL)
			buf_printf(problem,
			    "STATE_DIRECTORY is \"%s\", and the current directory is unknown: %s",
			    state, strerror(errno));
		else
			buf_printf(&path, "%s/%s", here, state);
		free(here);
	} else if (xdg != NULL && xdg[0] == '/') {
		buf_printf(&path, "%s/ccm", xdg);
	} else if (home != NULL && home[0] != '\0') {
		buf_printf(&path, "%s/.local/state/ccm", home);
	} else {
		buf_add_string(problem,
		    "STATE_DIRECTORY, XDG_STATE_HOME and HOME are all unset");
	}
	return path.len > 0 ? buf_terminate(&path) : NULL;
}

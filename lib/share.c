#include "share.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"

char *
share_path(const char *name)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	struct buf path = BUF_INIT;

	if (len < 0)
		die(EX_OSERR, "cannot read /proc/self/exe: %s",
		    strerror(errno));
	self[len] = '\0';
	buf_printf(&path, "%s/../share/ccm/%s", dirname(self), name);
	return buf_terminate(&path);
}

#include "io.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"

void
write_or_die(int fd, const char *what, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t written = write(fd, bytes, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			die(EX_IOERR, "cannot write to %s: %s", what,
			    strerror(errno));
		bytes += written;
		len -= (size_t)written;
	}
}

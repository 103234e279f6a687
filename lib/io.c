#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"

bool
write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t written = write(fd, bytes, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		bytes += written;
		len -= (size_t)written;
	}
	return true;
}

void
write_or_die(int fd, const char *what, const char *bytes, size_t len)
{
	if (!write_all(fd, bytes, len))
		die(EX_IOERR, "cannot write to %s: %s", what, strerror(errno));
}

bool
is_named_fifo(int fd)
{
	struct stat st;
	struct statfs fs;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) &&
	    fstatfs(fd, &fs) == 0 && fs.f_type != PIPEFS_MAGIC;
}

bool
read_file(const char *path, size_t most, struct buf *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error;
	size_t start = text->len;
	ssize_t got;

	if (fd < 0)
		return false;
	do {
		got = read(fd, buf_reserve(text, 4096), 4096);
		if (got > 0)
			text->len += (size_t)got;
	} while (
	    got > 0 ? text->len - start <= most : got < 0 && errno == EINTR);
	error = got > 0 ? EFBIG : errno;
	close(fd);
	errno = error;
	return got == 0;
}

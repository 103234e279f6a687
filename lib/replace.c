#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"

static void fail(struct replacement *file, int status)
    __attribute__((noreturn));

static void
fail(struct replacement *file, int status)
{
	int error = errno;

	unlink(file->temporary);
	die(status, "cannot write %s: %s", file->path, strerror(error));
}

static char *
temporary_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	struct buf text = BUF_INIT;

	buf_add(&text, path, (size_t)(name - path));
	buf_add_char(&text, '.');
	buf_add_string(&text, name);
	buf_add_string(&text, ".XXXXXX");
	return buf_terminate(&text);
}

void
replace_begin_or_die(struct replacement *file, const char *path)
{
	struct stat old;

	if (lstat(path, &old) == 0 && !S_ISREG(old.st_mode))
		die(EX_CANTCREAT, "%s is not a regular file; not replacing it",
		    path);
	file->path = path;
	file->temporary = temporary_name(path);
	file->fd = mkostemp(file->temporary, O_CLOEXEC);
	if (file->fd < 0)
		die(EX_CANTCREAT, "cannot create a file beside %s: %s", path,
		    strerror(errno));
}

void
replace_write_or_die(struct replacement *file, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t written = write(file->fd, bytes, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			fail(file, EX_IOERR);
		bytes += written;
		len -= (size_t)written;
	}
}

void
replace_commit_or_die(struct replacement *file)
{
	mode_t mask = umask(0);

	umask(mask);
	if (fchmod(file->fd, 0666 & ~mask) != 0 || fsync(file->fd) != 0 ||
	    close(file->fd) != 0)
		fail(file, EX_IOERR);
	if (rename(file->temporary, file->path) != 0)
		fail(file, EX_CANTCREAT);
	free(file->temporary);
}

#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "io.h"
#include "log.h"

#define BUFFER_MAX ((size_t)256 << 10)
#define NAME "a temporary file (TMPDIR)"

static const char *
directory(void)
{
	const char *tmpdir = getenv("TMPDIR");

	return tmpdir != NULL && tmpdir[0] != '\0' ? tmpdir : "/tmp";
}

static int
open_unlinked(void)
{
	struct buf path = BUF_INIT;
	/* Not every file system has files without a name. */
	int fd = open(directory(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		buf_printf(&path, "%s/ccm-fetch.XXXXXX", directory());
		buf_terminate(&path);
		fd = mkostemp(path.data, O_CLOEXEC);
		if (fd >= 0)
			unlink(path.data);
		buf_free(&path);
	}
	if (fd < 0)
		die(EX_IOERR, "cannot make " NAME " in %s: %s", directory(),
		    strerror(errno));
	return fd;
}

int64_t
store_size(const struct store *store)
{
	return store->in_file + (int64_t)store->buf.len;
}

void
store_spill(struct store *store)
{
	if (store->buf.len < BUFFER_MAX)
		return;
	if (store->fd < 0)
		store->fd = open_unlinked();
	write_or_die(store->fd, NAME, store->buf.data, store->buf.len);
	store->in_file += (int64_t)store->buf.len;
	store->buf.len = 0;
}

void
store_truncate(struct store *store, int64_t size)
{
	if (size >= store->in_file) {
		store->buf.len = (size_t)(size - store->in_file);
		return;
	}
	store->buf.len = 0;
	store->in_file = size;
	if (ftruncate(store->fd, size) != 0 ||
	    lseek(store->fd, size, SEEK_SET) != size)
		die(EX_IOERR, "cannot cut " NAME ": %s", strerror(errno));
}

void
store_flush(struct store *store)
{
	char block[32768];
	int64_t at = 0;

	while (at < store->in_file) {
		ssize_t got = pread(store->fd, block, sizeof(block), at);

		if (got <= 0 && errno == EINTR)
			continue;
		if (got <= 0)
			die(EX_IOERR, "cannot read " NAME ": %s",
			    got < 0 ? strerror(errno) : "it was cut");
		write_or_die(
		    STDOUT_FILENO, "standard output", block, (size_t)got);
		at += got;
	}
	write_or_die(
	    STDOUT_FILENO, "standard output", store->buf.data, store->buf.len);
	store_truncate(store, 0);
}

void
store_free(struct store *store)
{
	if (store->fd >= 0)
		close(store->fd);
	buf_free(&store->buf);
}

#include "refused.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "companion.h"
#include "io.h"
#include "log.h"

#define WRITE_BYTES (1 << 16)

int
refused_file_or_die(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0)
		die(EX_OSERR, "cannot make a file in memory: %s",
		    strerror(errno));
	/* kcat and ccm-key append each their own. */
	fcntl(fd, F_SETFL, O_APPEND);
	return fd;
}

static bool
read_all(int fd, void *bytes, size_t len)
{
	char *at = bytes;
	ssize_t got;

	while (len > 0) {
		got = read(fd, at, len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		len -= (size_t)got;
	}
	return true;
}

/* The next record; its key and then its value are put into `bytes`. */
static bool
next_record(int fd, struct companion_reject *head, struct buf *bytes)
{
	size_t len;

	if (!read_all(fd, head, sizeof(*head)))
		return false;
	len = head->key_len + head->value_len;
	bytes->len = 0;
	if (!read_all(fd, buf_reserve(bytes, len), len))
		return false;
	bytes->len = len;
	return true;
}

/* Writes what is in the buffer, once it is much. */
static bool
flush(int fd, struct buf *text, size_t least)
{
	if (text->len < least)
		return true;
	if (!write_all(fd, text->data, text->len))
		return false;
	text->len = 0;
	return true;
}

int
refused_to_frames(
    int refused_fd, const char *key_delimiter, const char *end_delimiter)
{
	struct companion_reject head;
	struct buf bytes = BUF_INIT, out = BUF_INIT;
	int fd = refused_file_or_die("frames");
	bool good = lseek(refused_fd, 0, SEEK_SET) == 0;

	while (good && next_record(refused_fd, &head, &bytes)) {
		buf_printf(&out, "%lld\t%llu\t", (long long)head.timestamp_ms,
		    (unsigned long long)bytes.len);
		buf_add(&out, bytes.data, head.key_len);
		buf_add_string(&out, key_delimiter);
		buf_add(&out, bytes.data + head.key_len, head.value_len);
		buf_add_string(&out, end_delimiter);
		good = flush(fd, &out, WRITE_BYTES);
	}
	good = good && flush(fd, &out, 1) && lseek(fd, 0, SEEK_SET) == 0;
	buf_free(&bytes);
	buf_free(&out);
	if (good)
		return fd;
	close(fd);
	return -1;
}

bool
refused_to_lines(int refused_fd, int to_fd)
{
	struct companion_reject head;
	struct buf bytes = BUF_INIT, out = BUF_INIT;
	bool good = lseek(refused_fd, 0, SEEK_SET) == 0;

	while (good && next_record(refused_fd, &head, &bytes)) {
		buf_add(&out, bytes.data + head.key_len, head.value_len);
		buf_add_char(&out, '\n');
		good = flush(to_fd, &out, WRITE_BYTES);
	}
	good = good && flush(to_fd, &out, 1);
	buf_free(&bytes);
	buf_free(&out);
	return good;
}

bool
refused_to_messages(int refused_fd, int to_fd)
{
	struct companion_reject head;
	struct buf bytes = BUF_INIT, out = BUF_INIT;
	bool good = lseek(refused_fd, 0, SEEK_SET) == 0;
	unsigned long number = 0;

	while (good && next_record(refused_fd, &head, &bytes)) {
		/* No partition and no offset: they are numbered. */
		buf_printf(&out, "0\t%lu\t%lld\t%llu\t%llu\n", number++,
		    (long long)head.timestamp_ms,
		    (unsigned long long)head.key_len,
		    (unsigned long long)head.value_len);
		buf_add(&out, bytes.data, bytes.len);
		good = flush(to_fd, &out, WRITE_BYTES);
	}
	good = good && flush(to_fd, &out, 1);
	buf_free(&bytes);
	buf_free(&out);
	return good;
}

bool
refused_is_empty(int fd)
{
	struct stat st;

	return fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0;
}

/* The entry of a file in its directory. */
static bool
sync_directory(const char *path)
{
	char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;

	free(copy);
	if (fd >= 0)
		close(fd);
	return good;
}

bool
refused_keep(int from_fd, const char *path)
{
	char bytes[WRITE_BYTES];
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	bool good = fd >= 0 && lseek(from_fd, 0, SEEK_SET) == 0;
	ssize_t got;

	while (good && (got = read(from_fd, bytes, sizeof(bytes))) != 0)
		good = got > 0 && write_all(fd, bytes, (size_t)got);
	good = good && fsync(fd) == 0;
	if (fd >= 0 && close(fd) != 0)
		good = false;
	return good && sync_directory(path);
}

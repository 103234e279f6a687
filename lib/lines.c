#include "lines.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define BLOCK ((size_t)256 << 10)

static bool
would_block(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, 0) == 0;
}

/* Reads a block behind what is there. False at the end, or with errno set. */
static bool
fill(struct lines *lines)
{
	struct buf *buf = &lines->buf;
	ssize_t got;

	errno = 0;
	if (lines->end)
		return false;
	if (lines->at > 0) {
		buf->len -= lines->at;
		memmove(buf->data, buf->data + lines->at, buf->len);
		lines->at = 0;
	}
	buf_reserve(buf, BLOCK);
	if (lines->before_wait != NULL && would_block(lines->fd))
		lines->before_wait(lines->context);
	do
		got = read(lines->fd, buf->data + buf->len, BLOCK);
	while (got < 0 && errno == EINTR);
	if (got <= 0) {
		lines->end = true;
		if (got == 0)
			errno = 0;
	} else {
		buf->len += (size_t)got;
	}
	buf_terminate(buf);
	return got > 0;
}

enum lines_result
lines_next(struct lines *lines, char **line, size_t *len)
{
	size_t searched = 0;

	for (;;) {
		char *start = lines->buf.data + lines->at;
		size_t have = lines->buf.len - lines->at;
		char *newline = NULL;

		if (have > searched)
			newline =
			    memchr(start + searched, '\n', have - searched);
		if (newline != NULL)
			have = (size_t)(newline - start);
		if (have > LINE_LENGTH_MAX) {
			lines->number++;
			*line = start;
			*len =
			    newline != NULL ? have : lines->buf.len - lines->at;
			lines->at += *len;
			return LINES_LONG;
		}
		if (newline != NULL) {
			lines->number++;
			*line = start;
			*len = have;
			lines->at += have + 1;
			return LINES_LINE;
		}
		searched = have;
		if (fill(lines))
			continue;
		if (errno != 0)
			return LINES_ERROR;
		if (have == 0)
			return LINES_END;
		lines->number++;
		*line = lines->buf.data + lines->at;
		*len = have;
		lines->at += have;
		return LINES_LINE;
	}
}

bool
lines_rest(struct lines *lines, char **piece, size_t *len)
{
	size_t have = lines->buf.len - lines->at;
	char *start, *newline;

	if (have == 0) {
		if (!fill(lines))
			return false;
		have = lines->buf.len - lines->at;
	}
	start = lines->buf.data + lines->at;
	newline = memchr(start, '\n', have);
	if (newline == start) {
		lines->at++;
		return false;
	}
	*piece = start;
	*len = newline != NULL ? (size_t)(newline - start) : have;
	lines->at += *len;
	return true;
}

void
lines_free(struct lines *lines)
{
	buf_free(&lines->buf);
}

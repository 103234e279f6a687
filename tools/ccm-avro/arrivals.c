#include "arrivals.h"

#include <errno.h>
#include <unistd.h>

#define READ_BYTES ((size_t)64 << 10)
/* Five numbers. */
#define HEAD_MAX ((size_t)128)

static size_t
available(const struct arrivals *arrivals)
{
	return arrivals->buf.len - arrivals->at;
}

/* Reads more; false at the end or with errno. */
static bool
read_more(struct arrivals *arrivals)
{
	struct buf *buf = &arrivals->buf;
	ssize_t got;

	errno = 0;
	if (arrivals->end)
		return false;
	if (arrivals->at > 0) {
		memmove(
		    buf->data, buf->data + arrivals->at, available(arrivals));
		buf->len -= arrivals->at;
		arrivals->at = 0;
	}
	arrivals->before_wait(arrivals->context);
	do
		got = read(
		    arrivals->fd, buf_reserve(buf, READ_BYTES), READ_BYTES);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		buf->len += (size_t)got;
	else
		arrivals->end = true;
	return got > 0;
}

/* So many bytes are there; false at the end or with errno. */
static bool
need(struct arrivals *arrivals, size_t len)
{
	while (available(arrivals) < len)
		if (!read_more(arrivals))
			return false;
	return true;
}

static bool
pass_over(struct arrivals *arrivals, uint64_t len)
{
	size_t some;

	for (; len > 0; len -= some) {
		if (available(arrivals) == 0 && !read_more(arrivals))
			return false;
		some = available(arrivals);
		if (some > len)
			some = (size_t)len;
		arrivals->at += some;
	}
	return true;
}

/* The bytes of the next line, newline included; 0 at the end, or where it is
 * longer than `most`, which *is_long says. */
static size_t
find_line(struct arrivals *arrivals, size_t most, bool *is_long)
{
	size_t searched = 0;
	char *newline;

	*is_long = false;
	for (;;) {
		const char *from = arrivals->buf.data + arrivals->at + searched;
		size_t left = available(arrivals) - searched;

		newline = left > 0 ? memchr(from, '\n', left) : NULL;
		if (newline != NULL)
			return (size_t)(newline - from) + searched + 1;
		searched += left;
		*is_long = searched >= most;
		if (*is_long || !read_more(arrivals))
			return 0;
	}
}

/* A decimal number and the byte behind it; -1 is a number, other negative ones
 * are not. False where there is none. */
static bool
take_number(const char **at, char behind, int64_t *number)
{
	const char *c = *at;
	int64_t value = 0;

	if (c[0] == '-' && c[1] == '1' && c[2] == behind) {
		*number = -1;
		*at = c + 3;
		return true;
	}
	while (*c >= '0' && *c <= '9' && c - *at < 18)
		value = value * 10 + (*c++ - '0');
	if (c == *at || *c != behind)
		return false;
	*number = value;
	*at = c + 1;
	return true;
}

/* PARTITION TAB OFFSET TAB TIME TAB KEY'S LENGTH TAB VALUE'S LENGTH NEWLINE */
static bool
read_head(const char *at, struct message *message, int64_t *key, int64_t *value)
{
	int64_t partition;

	if (!take_number(&at, '\t', &partition) || partition < 0 ||
	    partition > INT32_MAX ||
	    !take_number(&at, '\t', &message->offset) ||
	    !take_number(&at, '\t', &message->time_ms) ||
	    !take_number(&at, '\t', key) || !take_number(&at, '\n', value))
		return false;
	message->partition = (int32_t)partition;
	return true;
}

/* Key and value are of these lengths, or -1. */
static enum arrivals_result
take_body(struct arrivals *arrivals, int64_t key, int64_t value)
{
	struct message *message = &arrivals->message;
	uint64_t key_len = key > 0 ? (uint64_t)key : 0;
	uint64_t value_len = value > 0 ? (uint64_t)value : 0;
	const char *at;

	message->key = message->value = (struct text){NULL, 0};
	if (key_len + value_len > MESSAGE_MAX)
		return pass_over(arrivals, key_len + value_len) ? ARRIVALS_LONG
								: ARRIVALS_CUT;
	if (!need(arrivals, key_len + value_len))
		return errno != 0 ? ARRIVALS_ERROR : ARRIVALS_CUT;
	at = arrivals->buf.data + arrivals->at;
	if (key >= 0)
		message->key = (struct text){at, key_len};
	if (value >= 0)
		message->value = (struct text){at + key_len, value_len};
	arrivals->at += key_len + value_len;
	return ARRIVALS_MESSAGE;
}

enum arrivals_result
arrivals_next(struct arrivals *arrivals)
{
	bool control, is_long;
	int64_t key, value;
	size_t len;

	if (!need(arrivals, 1))
		return errno != 0 ? ARRIVALS_ERROR : ARRIVALS_END;
	control = arrivals->buf.data[arrivals->at] == '{';
	len = find_line(arrivals, control ? MESSAGE_MAX : HEAD_MAX, &is_long);
	if (len == 0 && !is_long)
		return errno != 0 ? ARRIVALS_ERROR : ARRIVALS_CUT;
	if (is_long)
		return ARRIVALS_ALIEN;
	arrivals->at += len;
	arrivals->control =
	    (struct text){arrivals->buf.data + arrivals->at - len, len};
	if (control)
		return ARRIVALS_CONTROL;
	if (!read_head(arrivals->control.at, &arrivals->message, &key, &value))
		return ARRIVALS_ALIEN;
	return take_body(arrivals, key, value);
}

void
arrivals_free(struct arrivals *arrivals)
{
	buf_free(&arrivals->buf);
}

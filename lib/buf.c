#include "buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "log.h"

void *
xrealloc(void *old, size_t size)
{
	void *new = realloc(old, size > 0 ? size : 1);

	if (new == NULL)
		die(EX_OSERR, "out of memory (%zu bytes)", size);
	return new;
}

void *
xmalloc(size_t size)
{
	return xrealloc(NULL, size);
}

char *
xstrndup(const char *string, size_t len)
{
	char *copy = xmalloc(len + 1);

	memcpy(copy, string, len);
	copy[len] = '\0';
	return copy;
}

char *
xstrdup(const char *string)
{
	return xstrndup(string, strlen(string));
}

char *
buf_reserve(struct buf *buf, size_t more)
{
	size_t capacity = buf->capacity > 0 ? buf->capacity : 256;

	if (buf->data != NULL && buf->capacity - buf->len >= more)
		return buf->data + buf->len;
	if (more > SIZE_MAX / 4 - buf->len)
		die(EX_OSERR, "out of memory (%zu bytes)", more);
	while (capacity - buf->len < more)
		capacity *= 2;
	buf->data = xrealloc(buf->data, capacity + BUF_PAD);
	buf->capacity = capacity;
	return buf->data + buf->len;
}

char *
buf_terminate(struct buf *buf)
{
	memset(buf_reserve(buf, 0), 0, BUF_PAD);
	return buf->data;
}

void
buf_printf(struct buf *buf, const char *format, ...)
{
	va_list ap;
	int len;

	va_start(ap, format);
	len = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (len < 0)
		die(EX_SOFTWARE, "cannot format \"%s\"", format);
	buf_reserve(buf, (size_t)len + 1);
	va_start(ap, format);
	vsnprintf(buf->data + buf->len, (size_t)len + 1, format, ap);
	va_end(ap);
	buf->len += (size_t)len;
}

void
buf_free(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf)BUF_INIT;
}

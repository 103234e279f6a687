#include "buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "log.h"

/* A power of two, so that an array's room is one whenever it has grown. */
#define GROWTH_FIRST ((size_t)16)

void *
xrealloc(void *old, size_t size)
{
	void *new = realloc(old, size > 0 ? size : 1);

	if (new == NULL)
		die(EX_OSERR, "out of memory (%zu bytes)", size);
	return new;
}

void *
xreallocarray(void *old, size_t count, size_t size)
{
	if (size > 0 && count > SIZE_MAX / size)
		die(EX_OSERR, "out of memory (%zu times %zu bytes)", count,
		    size);
	return xrealloc(old, count * size);
}

void *
grow_array(void *old, size_t *count, size_t size)
{
	size_t more = *count > 0 ? *count : GROWTH_FIRST;

	if (more > SIZE_MAX - *count)
		die(EX_OSERR, "out of memory (%zu elements)", *count);
	*count += more;
	return xreallocarray(old, *count, size);
}

void *
grow_by_one(void *old, size_t count, size_t size)
{
	if (count != 0 && (count < GROWTH_FIRST || (count & (count - 1)) != 0))
		return old;
	return grow_array(old, &count, size);
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

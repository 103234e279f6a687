/*
 * A byte buffer that grows. It is never cut short: what does not fit ends the
 * program with EX_OSERR and a message, as no caller could do better.
 *
 * There are always BUF_PAD readable bytes (zeros after buf_terminate()) behind
 * the contents, which is what the JSON reader asks of a text.
 */
#ifndef CCM_BUF_H
#define CCM_BUF_H

#include <stddef.h>
#include <string.h>

#define BUF_PAD 64

struct buf {
	char *data;      /* NULL while nothing was ever put in */
	size_t len;      /* bytes in use */
	size_t capacity; /* bytes allocated, less BUF_PAD */
};

#define BUF_INIT           \
	{                  \
		NULL, 0, 0 \
	}

/* Makes room for `more` bytes behind the contents, and returns where. */
char *buf_reserve(struct buf *buf, size_t more);

/* Writes BUF_PAD zeros behind the contents; returns them as a C string. */
char *buf_terminate(struct buf *buf);

void buf_printf(struct buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Frees the memory; the buffer is empty and may be used again. */
void buf_free(struct buf *buf);

static inline void
buf_add(struct buf *buf, const void *bytes, size_t len)
{
	char *to;

	if (buf->capacity - buf->len >= len && buf->data != NULL)
		to = buf->data + buf->len;
	else
		to = buf_reserve(buf, len);
	if (len > 0)
		memcpy(to, bytes, len);
	buf->len += len;
}

static inline void
buf_add_string(struct buf *buf, const char *string)
{
	buf_add(buf, string, strlen(string));
}

static inline void
buf_add_char(struct buf *buf, char c)
{
	buf_add(buf, &c, 1);
}

/* malloc(3), realloc(3) and strdup(3) that exit with EX_OSERR on failure. */
void *xmalloc(size_t size);
void *xrealloc(void *old, size_t size);
/* For `count` elements of `size` bytes; a product that overflows fails too. */
void *xreallocarray(void *old, size_t count, size_t size);
/* An array with room for at least one more element than *count, twice as large
 * as before; *count becomes the number of elements that it has room for. */
void *grow_array(void *old, size_t *count, size_t size);
/* The same where nobody keeps how many there is room for: it follows from how
 * many there are (16, 32, 64, ...). The array has to have grown by this alone.
 */
void *grow_by_one(void *old, size_t count, size_t size);
char *xstrdup(const char *string);
char *xstrndup(const char *string, size_t len);

#endif

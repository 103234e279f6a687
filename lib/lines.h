/*
 * Lines of a descriptor, read in large blocks into memory that does not grow
 * with the input.
 */
#ifndef CCM_LINES_H
#define CCM_LINES_H

#include <stdbool.h>

#include "buf.h"

/* A longer line is a bad line: 1 MiB, without its newline. */
#define LINE_LENGTH_MAX ((size_t)1 << 20)

enum lines_result {
	LINES_END,
	LINES_LINE, /* a whole line */
	LINES_LONG, /* the first piece of a line that is too long */
	LINES_ERROR /* errno says why */
};

struct lines {
	int fd;
	/* Called before a read(2) that would block: to flush what is ready. */
	void (*before_wait)(void *context);
	void *context;
	unsigned long number; /* of the current line, from 1 */

	/* private */
	struct buf buf;
	size_t at; /* where the next line begins */
	bool end;
};

/*
 * The next line, without its newline; the last one may lack it. The bytes stay
 * until the next call, a newline or a NUL and BUF_PAD readable bytes behind
 * them. After LINES_LONG, lines_rest() hands out the other pieces.
 */
enum lines_result lines_next(struct lines *lines, char **line, size_t *len);

/* The next piece of a line that is too long; false behind its last one. */
bool lines_rest(struct lines *lines, char **piece, size_t *len);

void lines_free(struct lines *lines);

#endif

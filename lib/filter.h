/*
 * What ccm's filters have in common: lines from standard input to standard
 * output in constant memory, output flushed when the input pauses, and bad
 * lines that stop nothing and are never lost.
 */
#ifndef CCM_FILTER_H
#define CCM_FILTER_H

#include <stdbool.h>

#include "buf.h"

struct filter {
	/*
	 * Appends to `out` what becomes of a line, newline included, and
	 * returns true; or appends to `problem` what is wrong with it and
	 * returns false, whatever is in `out` by then. A newline or a NUL and
	 * BUF_PAD readable bytes are behind the line.
	 */
	bool (*line)(void *state, const char *line, size_t len, struct buf *out,
	    struct buf *problem);
	/*
	 * Or NULL: called when the input has ended, again and again until it
	 * returns false: appends to `out` a piece of what is left to write.
	 */
	bool (*rest)(void *state, struct buf *out);
	void *state;
	const char *reject_path; /* -r FILE, or NULL */
	unsigned long written;   /* out: lines that were not bad */
};

/*
 * Runs until the end of the input. A bad line is reported as "stdin:LINE:
 * problem" and, with a reject_path, appended to that file as it came.
 *
 * Returns EX_OK, or EX_DATAERR where a line was bad and there is no file for
 * it. Exits with EX_CANTCREAT where that file cannot be opened, and with
 * EX_IOERR where reading or writing fails.
 */
int filter_run(struct filter *filter);

#endif

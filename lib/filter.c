#include "filter.h"

#include <errno.h>
#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

#include "io.h"
#include "lines.h"
#include "log.h"

#define STDOUT_NAME "standard output"
#define OUT_BLOCK ((size_t)256 << 10)

static void
flush_out(void *context)
{
	struct buf *out = context;

	write_or_die(STDOUT_FILENO, STDOUT_NAME, out->data, out->len);
	out->len = 0;
}

static int
open_reject_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

	if (fd < 0)
		die(EX_CANTCREAT, "cannot open %s for bad lines: %s", path,
		    strerror(errno));
	return fd;
}

static void
report(const struct filter *filter, unsigned long number, const char *problem)
{
	log_plain(
	    filter->reject_path != NULL ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR,
	    "stdin:%lu: %s", number, problem);
}

/* Keeps the line, all its pieces where it is too long, in the reject file. */
static void
reject(struct lines *lines, bool is_long, int fd, const char *path,
    const char *line, size_t len)
{
	char *piece;

	if (fd >= 0)
		write_or_die(fd, path, line, len);
	if (is_long)
		while (lines_rest(lines, &piece, &len))
			if (fd >= 0)
				write_or_die(fd, path, piece, len);
	if (fd >= 0)
		write_or_die(fd, path, "\n", 1);
}

int
filter_run(struct filter *filter)
{
	struct buf out = BUF_INIT, problem = BUF_INIT;
	struct lines lines = {.fd = STDIN_FILENO, .buf = BUF_INIT};
	enum lines_result result;
	bool some_bad = false;
	int reject_fd = -1;
	char *line;
	size_t len;

	lines.before_wait = flush_out;
	lines.context = &out;
	if (filter->reject_path != NULL)
		reject_fd = open_reject_file(filter->reject_path);
	buf_reserve(&out, OUT_BLOCK * 2);
	while ((result = lines_next(&lines, &line, &len)) == LINES_LINE ||
	    result == LINES_LONG) {
		size_t before = out.len;

		problem.len = 0;
		if (result == LINES_LONG) {
			buf_printf(
			    &problem, "line over %zu bytes", LINE_LENGTH_MAX);
		} else if (filter->line(
			       filter->state, line, len, &out, &problem)) {
			filter->written++;
			if (out.len >= OUT_BLOCK)
				flush_out(&out);
			continue;
		}
		out.len = before;
		some_bad = true;
		report(filter, lines.number, buf_terminate(&problem));
		reject(&lines, result == LINES_LONG, reject_fd,
		    filter->reject_path, line, len);
	}
	if (result == LINES_ERROR)
		die(EX_IOERR, "cannot read standard input: %s",
		    strerror(errno));
	while (filter->rest != NULL && filter->rest(filter->state, &out))
		if (out.len >= OUT_BLOCK)
			flush_out(&out);
	flush_out(&out);
	/* A disk that is full may be known only now. */
	if (reject_fd >= 0 && close(reject_fd) != 0)
		die(EX_IOERR, "cannot write to %s: %s", filter->reject_path,
		    strerror(errno));
	if (close(STDOUT_FILENO) != 0)
		die(EX_IOERR, "cannot write to " STDOUT_NAME ": %s",
		    strerror(errno));
	buf_free(&out);
	buf_free(&problem);
	lines_free(&lines);
	return some_bad && filter->reject_path == NULL ? EX_DATAERR : EX_OK;
}

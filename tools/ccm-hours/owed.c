#include "owed.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "json.h"
#include "lines.h"
#include "plural.h"

#define OWED "owed.ndjson"

/* A list is as large as its queries: megabytes for thousands of resources. */
#define OWED_BYTES_MAX ((size_t)1 << 30)

/* Puts the good lines of a list apart from the bad ones. */
static void
sort_lines(const struct buf *text, struct buf *good, struct buf *bad)
{
	const char *at = text->data, *end = at + text->len;
	size_t offset;
	const char *error;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((newline != NULL ? newline : end) - at);
		struct buf line = BUF_INIT;
		struct buf *to;

		buf_add(&line, at, len);
		buf_terminate(&line);
		to = len <= LINE_LENGTH_MAX && line.data[0] == '{' &&
			json_validate(line.data, len, &error, &offset)
		    ? good
		    : bad;
		buf_add(to, at, len);
		buf_add_char(to, '\n');
		buf_free(&line);
		at += len + 1;
	}
}

/* Adds them to those that were set aside before. */
static bool
keep_bad_lines(struct run *run, int at, const struct buf *bad)
{
	struct buf all = BUF_INIT, problem = BUF_INIT;
	enum dir_read result = dir_read(
	    &run->dir, at, OWED ".bad", OWED_BYTES_MAX, &all, &problem);
	bool kept = result != DIR_READ_FAILED;

	if (result == DIR_GARBAGE)
		dir_set_aside(&run->dir, at, OWED ".bad", OWED ".bad",
		    buf_terminate(&problem));
	/* A kill may have come between this and the list's replacement. */
	if (kept &&
	    (all.len < bad->len ||
		memcmp(all.data + all.len - bad->len, bad->data, bad->len) !=
		    0)) {
		buf_add(&all, bad->data, bad->len);
		kept = dir_write(&run->dir, at, OWED ".bad", &all);
	}
	buf_free(&all);
	buf_free(&problem);
	return kept;
}

/*
 * Where a list has bad lines, they are set aside in a file beside it first, and
 * the list is replaced by what is good of it.
 */
static bool
set_lines_aside(struct run *run, const char *label, int at,
    const struct buf *good, const struct buf *bad)
{
	int64_t lines = 0;

	for (size_t i = 0; i < bad->len; i++)
		lines += bad->data[i] == '\n';
	if (!keep_bad_lines(run, at, bad) ||
	    !dir_write(&run->dir, at, OWED, good))
		return false;
	outcome_error(&run->outcome, EX_DATAERR,
	    "%s/hours/%s/" OWED ": %" PRId64 " bad line%s; set aside as " OWED
	    ".bad",
	    run->dir.path, label, lines, plural(lines));
	return true;
}

bool
owed_open(struct run *run, const struct ledger_hour *hour, int *fd)
{
	struct buf text = BUF_INIT, problem = BUF_INIT, good = BUF_INIT,
		   bad = BUF_INIT;
	char name[LEDGER_NAME_SIZE];
	enum dir_read result;
	bool done = true;
	int at;

	*fd = -1;
	ledger_name(hour->hour, hour->round, name);
	at = openat(run->dir.parts[DIR_HOURS], name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (at < 0)
		return dir_fail(&run->dir, name);
	result = dir_read(&run->dir, at, OWED, OWED_BYTES_MAX, &text, &problem);
	if (result == DIR_GARBAGE)
		dir_set_aside(
		    &run->dir, at, OWED, OWED, buf_terminate(&problem));
	done = result != DIR_READ_FAILED;
	if (result == DIR_READ)
		sort_lines(&text, &good, &bad);
	if (bad.len > 0)
		done = set_lines_aside(run, name, at, &good, &bad);
	if (done && good.len > 0) {
		*fd = openat(at, OWED, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		done = *fd >= 0 || dir_fail(&run->dir, name);
	}
	close(at);
	buf_free(&text);
	buf_free(&problem);
	buf_free(&good);
	buf_free(&bad);
	return done;
}

int64_t
owed_count(struct run *run, const struct ledger_hour *hour)
{
	char path[LEDGER_NAME_SIZE + sizeof("/" OWED)];
	int64_t lines;

	ledger_name(hour->hour, hour->round, path);
	strcat(path, "/" OWED);
	lines = dir_count_lines(&run->dir, run->dir.parts[DIR_HOURS], path);
	return lines < 0 ? 0 : lines;
}

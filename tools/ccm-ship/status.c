#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "json.h"
#include "log.h"
#include "plural.h"
#include "ship-status.h"

#define STATUS_TEMPORARY ".status.new"

/* Appends ,"NAME":"STRING"; a byte that is not UTF-8 becomes U+FFFD. */
static void
add_string(struct buf *out, const char *name, const char *string)
{
	buf_printf(out, ",\"%s\":\"", name);
	json_escape_any(out, string);
	buf_add_char(out, '"');
}

/* The same with a time: ISO 8601, in UTC. */
static void
add_time(struct buf *out, const char *name, time_t at)
{
	char text[sizeof("-2147483648-12-31T23:59:60Z")];
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	add_string(out, name, text);
}

static void
add_line(
    struct buf *out, const struct status *status, const struct spool *spool)
{
	buf_printf(out, "{\"state\":\"%s\"", status->state);
	add_time(out, "since", status->since);
	buf_printf(out, ",\"backlog\":{\"files\":%zu,\"bytes\":%ju",
	    spool->count, (uintmax_t)spool->bytes);
	if (spool->count > 0)
		add_string(out, "oldest", spool->files[0].name);
	buf_printf(out, "},\"bad\":%zu,\"sent\":{\"files\":%ju,\"bytes\":%ju}",
	    spool_count_bad(spool), (uintmax_t)status->sent_files,
	    (uintmax_t)status->sent_bytes);
	buf_printf(out, ",\"lines\":{\"sent\":%ju,\"set_aside\":%ju}",
	    (uintmax_t)status->sent_lines, (uintmax_t)status->set_aside_lines);
	if (status->last_error != NULL) {
		add_string(out, "last_error", status->last_error);
		add_time(out, "last_error_since", status->failed_at);
	}
	if (status->next_try != 0)
		add_time(out, "next_try", status->next_try);
	buf_add_string(out, "}\n");
}

void
status_read_lines(struct status *status, const struct spool *spool)
{
	struct ship_status before;

	if (!ship_status_read(spool->dir_fd, &before))
		return;
	status->sent_lines = before.sent_lines;
	status->set_aside_lines = before.set_aside_lines;
	ship_status_free(&before);
}

/* Not synced: after a crash of the machine it is stale in any case. False with
 * errno. */
static bool
replace_file(int dir_fd, const struct buf *line)
{
	int fd = openat(dir_fd, STATUS_TEMPORARY,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	bool written;

	if (fd < 0)
		return false;
	errno = ENOSPC; /* where only a part is written */
	written = write(fd, line->data, line->len) == (ssize_t)line->len;
	return close(fd) == 0 && written &&
	    renameat(dir_fd, STATUS_TEMPORARY, dir_fd, SHIP_STATUS_NAME) == 0;
}

/* "waiting: 2 files (4711 bytes); cat exited with status 75" */
static void
notify_status(struct status *status, const struct spool *spool)
{
	size_t bad = spool_count_bad(spool);
	struct buf line = BUF_INIT;
	char text[16];
	struct tm tm;

	buf_printf(&line, "%s", status->state);
	if (spool->count > 0)
		buf_printf(&line, ": %zu file%s (%ju byte%s)", spool->count,
		    plural(spool->count), (uintmax_t)spool->bytes,
		    plural(spool->bytes));
	if (status->next_try != 0) {
		gmtime_r(&status->next_try, &tm);
		strftime(text, sizeof(text), "%H:%M:%SZ", &tm);
		buf_printf(&line, ", next try at %s", text);
	}
	if (status->last_error != NULL)
		buf_printf(&line, "; %s", status->last_error);
	if (bad > 0)
		buf_printf(&line, "; set aside in bad/: %zu", bad);
	buf_terminate(&line);
	if (status->notified.len == line.len &&
	    memcmp(line.data, status->notified.data, line.len) == 0) {
		buf_free(&line);
		return;
	}
	notify_send(&status->notify, "STATUS", line.data);
	buf_free(&status->notified);
	status->notified = line;
}

void
status_write(
    struct status *status, const char *state, const struct spool *spool)
{
	struct buf line = BUF_INIT;
	bool written;

	if (status->state == NULL || strcmp(status->state, state) != 0)
		status->since = time(NULL);
	status->state = state;
	notify_status(status, spool);
	add_line(&line, status, spool);
	if (line.len == status->written.len &&
	    memcmp(line.data, status->written.data, line.len) == 0) {
		buf_free(&line);
		return;
	}
	written = replace_file(spool->dir_fd, &line);
	if (!written && !status->failed)
		log_warn("cannot write to %s/" SHIP_STATUS_NAME
			 ": %s; going on without it",
		    spool->path, strerror(errno));
	status->failed = !written;
	buf_free(&status->written);
	status->written = line;
}

void
status_set_error(struct status *status, const char *message)
{
	if (message != NULL &&
	    (status->last_error == NULL ||
		strcmp(status->last_error, message) != 0))
		status->failed_at = time(NULL);
	free(status->last_error);
	status->last_error = message != NULL ? xstrdup(message) : NULL;
}

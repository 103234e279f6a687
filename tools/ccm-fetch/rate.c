#include "rate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

/*
 * What the server counts is arrivals: a request that had to connect first
 * arrives later than it was sent, a later one on the same connection does not.
 * The second above the minute is for that.
 */
#define WINDOW_MS 61000

#define NOT_BEFORE_MAX_MS 3600000

/* What the file says. */
struct state {
	int64_t not_before_ms;
	int64_t *sent_ms; /* within the window, oldest first */
	size_t nsent, size;
};

int64_t
clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* mkdir -p */
static bool
make_directory(const char *path)
{
	char *copy = xstrdup(path);
	bool made;

	for (char *c = copy + 1; *c != '\0'; c++) {
		if (*c == '/') {
			*c = '\0';
			mkdir(copy, 0700);
			*c = '/';
		}
	}
	made = mkdir(copy, 0700) == 0 || errno == EEXIST;
	free(copy);
	return made;
}

static char *
state_directory(void)
{
	const char *state = getenv("STATE_DIRECTORY");
	const char *xdg = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	struct buf path = BUF_INIT;

	if (state != NULL && state[0] != '\0')
		buf_printf(&path, "%s", state);
	else if (xdg != NULL && xdg[0] == '/')
		buf_printf(&path, "%s/ccm", xdg);
	else if (home != NULL && home[0] == '/')
		buf_printf(&path, "%s/.local/state/ccm", home);
	else
		return NULL;
	return buf_terminate(&path);
}

static bool
open_in(struct rate *rate, const char *directory, const char *host)
{
	struct buf path = BUF_INIT;

	buf_printf(&path, "%s/%s", directory, host);
	rate->path = buf_terminate(&path);
	rate->fd = open(rate->path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
	if (rate->fd < 0) {
		free(rate->path);
		rate->path = NULL;
		return false;
	}
	/* Instances of one group share it, whatever this one's umask is. */
	(void)!fchmod(rate->fd, 0660);
	return true;
}

void
rate_open(struct rate *rate, const char *host, int limit)
{
	const char *directory = getenv("CCM_RATE_DIR");
	char *state;

	*rate = (struct rate){.fd = -1, .limit = limit};
	if (directory != NULL && directory[0] != '\0') {
		if (!make_directory(directory) ||
		    !open_in(rate, directory, host))
			die(EX_CANTCREAT, "CCM_RATE_DIR: cannot use %s: %s",
			    directory, strerror(errno));
		return;
	}
	if (access("/run/ccm-rate", W_OK) == 0 &&
	    open_in(rate, "/run/ccm-rate", host))
		return;
	state = state_directory();
	if (state != NULL && make_directory(state)) {
		struct buf path = BUF_INIT;

		buf_printf(&path, "%s/rate", state);
		buf_terminate(&path);
		if (make_directory(path.data))
			open_in(rate, path.data, host);
		buf_free(&path);
	}
	free(state);
	if (rate->fd < 0)
		log_warn("cannot write to /run/ccm-rate or to the state "
			 "directory: the request rate is kept for this run "
			 "alone; set CCM_RATE_DIR");
}

void
rate_close(struct rate *rate)
{
	if (rate->fd >= 0)
		close(rate->fd);
	free(rate->path);
	buf_free(&rate->text);
}

static void
add_sent(struct state *state, int64_t when_ms)
{
	if (state->nsent == state->size) {
		state->size = state->size > 0 ? state->size * 2 : 64;
		state->sent_ms = xrealloc(
		    state->sent_ms, state->size * sizeof(*state->sent_ms));
	}
	state->sent_ms[state->nsent++] = when_ms;
}

/*
 * Reads what the file says of the last minute. A time in the future (the clock
 * was set back) counts as now, so that it never blocks for longer than the
 * window, nor does a "not before" block for longer than an hour. What is no
 * number is ignored: the file is a courtesy, not a ledger.
 */
static void
parse(struct state *state, char *text, int64_t now_ms)
{
	char *line, *rest = text;

	*state = (struct state){.not_before_ms = 0};
	while ((line = strsep(&rest, "\n")) != NULL) {
		long long value;

		if (sscanf(line, "not before %lld", &value) == 1) {
			state->not_before_ms = value;
			if (value > now_ms + NOT_BEFORE_MAX_MS)
				state->not_before_ms =
				    now_ms + NOT_BEFORE_MAX_MS;
		} else if (sscanf(line, "%lld", &value) == 1) {
			if (value > now_ms)
				value = now_ms;
			if (value > now_ms - WINDOW_MS)
				add_sent(state, value);
		}
	}
}

static void
lock_and_read(struct rate *rate, struct state *state)
{
	struct buf *text = &rate->text;
	struct stat st;
	ssize_t got;

	if (rate->fd >= 0) {
		while (flock(rate->fd, LOCK_EX) != 0 && errno == EINTR)
			;
		text->len = 0;
		if (fstat(rate->fd, &st) == 0 && st.st_size > 0 &&
		    st.st_size < 1 << 24) {
			buf_reserve(text, (size_t)st.st_size);
			got =
			    pread(rate->fd, text->data, (size_t)st.st_size, 0);
			if (got > 0)
				text->len = (size_t)got;
		}
	}
	parse(state, buf_terminate(text), clock_ms());
}

static void
write_and_unlock(struct rate *rate, struct state *state)
{
	struct buf *text = &rate->text;

	text->len = 0;
	if (state->not_before_ms > 0)
		buf_printf(
		    text, "not before %lld\n", (long long)state->not_before_ms);
	for (size_t i = 0; i < state->nsent; i++)
		buf_printf(text, "%lld\n", (long long)state->sent_ms[i]);
	free(state->sent_ms);
	if (rate->fd < 0)
		return;
	if (pwrite(rate->fd, text->data, text->len, 0) != (ssize_t)text->len ||
	    ftruncate(rate->fd, (off_t)text->len) != 0) {
		/* A full disk must not stop requests, nor let them loose. */
		log_warn("cannot write to %s: %s; the request rate is kept for "
			 "this run alone",
		    rate->path, strerror(errno));
		close(rate->fd);
		rate->fd = -1;
		return;
	}
	flock(rate->fd, LOCK_UN);
}

int64_t
rate_take(struct rate *rate)
{
	int64_t now_ms, wait_ms = 0;
	struct state state;

	lock_and_read(rate, &state);
	now_ms = clock_ms();
	if (state.not_before_ms > now_ms) {
		wait_ms = state.not_before_ms - now_ms;
	} else {
		state.not_before_ms = 0;
		if (state.nsent >= (size_t)rate->limit)
			wait_ms =
			    state.sent_ms[state.nsent - (size_t)rate->limit] +
			    WINDOW_MS - now_ms;
	}
	if (wait_ms <= 0) {
		wait_ms = 0;
		add_sent(&state, now_ms);
	}
	write_and_unlock(rate, &state);
	return wait_ms;
}

void
rate_count(struct rate *rate, long requests)
{
	struct state state;

	if (requests <= 0)
		return;
	lock_and_read(rate, &state);
	for (; requests > 0; requests--)
		add_sent(&state, clock_ms());
	write_and_unlock(rate, &state);
}

void
rate_not_before(struct rate *rate, int64_t when_ms)
{
	struct state state;

	lock_and_read(rate, &state);
	if (when_ms > state.not_before_ms)
		state.not_before_ms = when_ms;
	write_and_unlock(rate, &state);
}

#include "rate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "state.h"

/*
 * What the server counts is arrivals: a request that had to connect first
 * arrives later than it was sent, a later one on the same connection does not.
 * The second above the minute is for that.
 */
#define WINDOW_MS 61000

/* However long a pause the API asks for, a request is sent after this. */
#define NOT_BEFORE_MAX_MS 3600000

/* The lock is held for as long as it takes to write some lines. */
#define LOCK_POLL_MS 20
#define LOCK_QUIET_MS 1000
#define LOCK_WAIT_MS 10000

/* Requests at the highest limit that can be set take a tenth of that. */
#define FILE_SIZE_MAX ((size_t)16 << 20)
#define TIME_DIGITS_MAX 15 /* the year 33658 has 15 */

#define RUN_DIRECTORY "/run/ccm-rate"

/* What the file says. */
struct state {
	int64_t not_before_ms;
	int64_t *sent_ms; /* within the window, oldest first */
	size_t nsent, size;
};

/* ---- the file ----------------------------------------------------------- */

static const char *
given_directory(void)
{
	const char *directory = getenv("CCM_RATE_DIR");

	return directory != NULL && directory[0] != '\0' ? directory : NULL;
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

/* True where `path` is a directory that we may write to, or could be made;
 * errno otherwise. */
static bool
can_use(const char *path)
{
	char *copy = xstrdup(path), *slash;
	struct stat st;
	bool good;

	while (stat(copy, &st) != 0 && errno == ENOENT) {
		slash = strrchr(copy, '/');
		if (slash == NULL)
			strcpy(copy, "."); /* there is a character at least */
		else if (slash == copy)
			slash[1] = '\0';
		else
			*slash = '\0';
	}
	errno = ENOTDIR;
	good = stat(copy, &st) == 0 && S_ISDIR(st.st_mode) &&
	    access(copy, W_OK | X_OK) == 0;
	free(copy);
	return good;
}

/* The directory "rate" of the state directory, or NULL. */
static char *
own_directory(void)
{
	struct buf path = BUF_INIT, problem = BUF_INIT;
	char *state = state_directory(&problem);

	if (state != NULL)
		buf_printf(&path, "%s/rate", state);
	free(state);
	buf_free(&problem);
	return path.len > 0 ? buf_terminate(&path) : NULL;
}

char *
rate_directory(struct buf *problem)
{
	const char *given = given_directory();
	char *own;

	if (given != NULL && !can_use(given)) {
		buf_printf(problem, "CCM_RATE_DIR: cannot use %s: %s", given,
		    strerror(errno));
		return NULL;
	}
	if (given != NULL)
		return xstrdup(given);
	if (access(RUN_DIRECTORY, W_OK) == 0)
		return xstrdup(RUN_DIRECTORY);
	own = own_directory();
	return own != NULL ? own : xstrdup("");
}

/* Why a file that others could have put there is not to be used, or NULL. */
static const char *
distrust(int fd, const char *directory)
{
	struct stat st, dir;

	if (fstat(fd, &st) != 0 || stat(directory, &dir) != 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "not a regular file";
	if (st.st_nlink != 1)
		return "the file has other names (hard links)";
	if (st.st_uid != 0 && st.st_uid != geteuid() &&
	    ((dir.st_mode & S_ISGID) == 0 || dir.st_gid != st.st_gid))
		return "the file belongs to another user, and its directory is not setgid to its group";
	return NULL;
}

/* Opens the file, or makes it; errno where that fails. */
static int
open_or_make(const char *path)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, fd;

	fd = open(path, flags | O_CREAT | O_EXCL, 0660);
	if (fd >= 0) {
		/* Instances of one group share it, whatever our umask is. */
		(void)!fchmod(fd, 0660);
		return fd;
	}
	return errno == EEXIST ? open(path, flags) : -1;
}

static bool
open_in(struct rate *rate, const char *directory)
{
	struct buf path = BUF_INIT;
	const char *why = NULL;
	int fd;

	buf_printf(&path, "%s/%s", directory, rate->host);
	fd = open_or_make(buf_terminate(&path));
	if (fd < 0)
		why = errno == ELOOP ? "a symbolic link" : strerror(errno);
	else
		why = distrust(fd, directory);
	if (why != NULL) {
		log_error(
		    "cannot share the request rate in %s: %s", path.data, why);
		if (fd >= 0)
			close(fd);
		buf_free(&path);
		return false;
	}
	rate->fd = fd;
	rate->path = path.data;
	return true;
}

/* The state directory's own file, where there is no shared one. */
static void
open_own(struct rate *rate)
{
	char *directory = own_directory();

	rate->own = true;
	if (directory == NULL || !make_directory(directory) ||
	    !can_use(directory) || !open_in(rate, directory))
		log_warn(
		    "cannot write to " RUN_DIRECTORY
		    " or to the state directory: the request rate is kept for this run alone; set CCM_RATE_DIR");
	free(directory);
}

void
rate_open(struct rate *rate, const char *host, long limit)
{
	const char *given = given_directory();

	*rate = (struct rate){.fd = -1, .limit = limit, .host = host};
	if (given != NULL && (!make_directory(given) || !can_use(given)))
		die(EX_CANTCREAT, "CCM_RATE_DIR: cannot use %s: %s", given,
		    strerror(errno));
	if (given == NULL && access(RUN_DIRECTORY, W_OK) == 0)
		given = RUN_DIRECTORY;
	if (given == NULL || !open_in(rate, given))
		open_own(rate);
}

static void
close_file(struct rate *rate)
{
	if (rate->fd >= 0)
		close(rate->fd);
	rate->fd = -1;
	free(rate->path);
	rate->path = NULL;
}

void
rate_close(struct rate *rate)
{
	close_file(rate);
	buf_free(&rate->text);
}

/* ---- what it says ------------------------------------------------------- */

static void
add_sent(struct state *state, int64_t when_ms)
{
	if (state->nsent == state->size)
		state->sent_ms = grow_array(
		    state->sent_ms, &state->size, sizeof(*state->sent_ms));
	state->sent_ms[state->nsent++] = when_ms;
}

/* A time as we write it: digits, and nothing else. */
static bool
read_time(const char *text, int64_t *ms)
{
	if (text[0] == '\0' || strlen(text) > TIME_DIGITS_MAX ||
	    text[strspn(text, "0123456789")] != '\0')
		return false;
	*ms = strtoll(text, NULL, 10);
	return true;
}

/*
 * A request in the future (the clock was set back) counts as sent now, so that
 * it never blocks for longer than the window. False where the line is garbage;
 * so is a pause that is longer than any that we note.
 */
static bool
parse_line(struct state *state, const char *line, int64_t now_ms)
{
	static const char not_before[] = "not before ";
	size_t len = sizeof(not_before) - 1;
	int64_t ms;

	if (strncmp(line, not_before, len) == 0) {
		if (!read_time(line + len, &ms) ||
		    ms > now_ms + NOT_BEFORE_MAX_MS)
			return false;
		state->not_before_ms = ms;
		return true;
	}
	if (!read_time(line, &ms))
		return false;
	if (ms > now_ms)
		ms = now_ms;
	if (ms > now_ms - WINDOW_MS)
		add_sent(state, ms);
	return true;
}

/* What is garbage counts for nothing: the file is a courtesy, not a ledger. */
static void
parse(struct state *state, const struct rate *rate, int64_t now_ms)
{
	char *line, *rest = rate->text.data;
	bool good = strlen(rest) == rate->text.len;

	*state = (struct state){.not_before_ms = 0};
	while ((line = strsep(&rest, "\n")) != NULL)
		if (line[0] != '\0')
			good = parse_line(state, line, now_ms) && good;
	if (!good)
		log_warn(
		    "%s: ignoring and removing invalid entries", rate->path);
}

/* ---- its lock ----------------------------------------------------------- */

/* False where another process holds the lock for LOCK_WAIT_MS. */
static bool
lock_file(const struct rate *rate)
{
	int64_t waited_ms = 0;

	while (flock(rate->fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return false;
		if (waited_ms == LOCK_QUIET_MS)
			log_info(
			    "waiting for %s, which another process has locked",
			    rate->path);
		if (waited_ms >= LOCK_WAIT_MS)
			return false;
		poll(NULL, 0, LOCK_POLL_MS);
		waited_ms += LOCK_POLL_MS;
	}
	return true;
}

static void
lock(struct rate *rate)
{
	while (rate->fd >= 0 && !lock_file(rate)) {
		if (rate->own)
			die(EX_TEMPFAIL,
			    "%s: another process has held its lock for %d s; find it with fuser, and end it",
			    rate->path, LOCK_WAIT_MS / 1000);
		log_warn(
		    "%s: another process has held its lock for %d s; this run no longer shares the request rate",
		    rate->path, LOCK_WAIT_MS / 1000);
		close_file(rate);
		open_own(rate);
	}
}

static void
lock_and_read(struct rate *rate, struct state *state)
{
	struct buf *text = &rate->text;
	struct stat st;
	ssize_t got;

	lock(rate);
	if (rate->fd >= 0) {
		text->len = 0;
		if (fstat(rate->fd, &st) == 0 && st.st_size > 0) {
			size_t size = (uintmax_t)st.st_size < FILE_SIZE_MAX
			    ? (size_t)st.st_size
			    : FILE_SIZE_MAX;

			got = pread(rate->fd, buf_reserve(text, size), size, 0);
			if (got > 0)
				text->len = (size_t)got;
		}
	}
	buf_terminate(text);
	parse(state, rate, clock_ms());
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
		log_warn(
		    "cannot write to %s: %s; the request rate is kept for this run alone",
		    rate->path, strerror(errno));
		close_file(rate);
		return;
	}
	flock(rate->fd, LOCK_UN);
}

/* ---- turns -------------------------------------------------------------- */

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
	int64_t latest_ms = clock_ms() + NOT_BEFORE_MAX_MS;
	struct state state;

	if (when_ms > latest_ms)
		when_ms = latest_ms;
	lock_and_read(rate, &state);
	if (when_ms > state.not_before_ms)
		state.not_before_ms = when_ms;
	write_and_unlock(rate, &state);
}

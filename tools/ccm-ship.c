/*
 * ccm-ship - run a program over the files of a spool directory, and remove
 * what it has dealt with.
 *
 * - A writer makes a file under a dot name (or outside) and renames it in: what
 *   we can see is whole. Names sort by age.
 * - A file is unlinked only after PROG exited 0 with that file on its standard
 *   input, and only if it is still the same file with the same content: so a
 *   crash at any point repeats work and never loses it.
 * - A file leaves the queue in one other way: PROG refused it (EX_DATAERR) with
 *   that file alone on its standard input, and then it is kept in bad/.
 * - A PROG that we have signalled proves nothing, whatever its status: some
 *   programs exit 0 on SIGTERM with half of their work undone.
 * - The lock is an open file description that PROG inherits: it is free only
 *   when we, PROG and all that it started are gone. So a send that survives
 *   our own SIGKILL is over before another ccm-ship begins one.
 * - Nothing that decides is kept in memory only: the state of the queue is its
 *   directory. .status is for readers and never read back.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "json.h"
#include "log.h"
#include "main.h"

#define USAGE                                                                  \
	"usage: ccm-ship [-1] [-b BYTES] DIR PROG [ARG]...\n"                  \
	"Runs PROG with the oldest files of DIR on its standard input, and\n"  \
	"removes them when it exits 0; tries again later when it does not.\n"  \
	"  -1        once through, without a second try, then exit\n"          \
	"  -b BYTES  up to that much at a time, as whole files (default 8M)\n" \
	"  -h        this help\n"                                              \
	"  -V        the version\n"

#define LOCK_NAME ".lock"
#define STATUS_NAME ".status"
#define STATUS_TEMPORARY ".status.new"
#define BAD_NAME "bad"

#define BATCH_BYTES_DEFAULT ((uint64_t)8 << 20)
/* Files that are joined are held in memory. */
#define BATCH_BYTES_MAX ((uint64_t)1 << 30)
/* The kernel takes 128 KiB in one environment variable (MAX_ARG_STRLEN). */
#define BATCH_NAMES_MAX ((size_t)64 << 10)
#define COPY_BLOCK ((size_t)64 << 10)

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_LAST_MS 60000
#define GRACE_SECONDS_DEFAULT 60
#define GRACE_SECONDS_MAX 86400
/* From SIGTERM to SIGKILL for a PROG that has used up its grace. */
#define KILL_AFTER_MS 5000
/* inotify may miss what a network file system's other clients do. */
#define RESCAN_MS 60000
#define RESCAN_WITHOUT_INOTIFY_MS 2000
/* How often the backlog is counted while PROG runs or the backoff lasts. */
#define RECOUNT_MS 5000
#define LOCK_POLL_MS 100
#define LOCK_LOOK_MS 1000
#define NEVER INT64_MAX
#define NO_PROG 0

/* What tells that a file is still the one that was sent. */
struct identity {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
};

struct spool_file {
	char *name;
	struct identity identity;
};

struct file_list {
	struct spool_file *files;
	size_t count, capacity;
};

enum state {
	STATE_NONE,
	STATE_IDLE,
	STATE_SENDING,
	STATE_WAITING,
	STATE_STOPPED
};

/* What .status shows. */
struct status {
	enum state state;
	time_t since, next_try;
	size_t files, bad;
	uint64_t bytes;
	char *oldest; /* NULL: none */
	uint64_t sent_files, sent_bytes;
	char *last_error; /* NULL: none since the last success */
	struct buf written;
	bool write_failed;
};

/* A series of failures, from its first to the next success. */
struct series {
	unsigned failures;
	int64_t began_ms;
	char *reason;
};

struct ship {
	const char *dir; /* as the user wrote it */
	char **argv;     /* PROG [ARG]... */
	char *program;   /* PROG, as it was found */
	bool once;
	uint64_t batch_bytes;
	int64_t grace_ms;

	int dir_fd, lock_fd, inotify_fd;
	sigset_t awake; /* the signal mask of ppoll(2) */
	bool changed;   /* inotify has told of a change since the last look */
	int64_t recount_ms; /* .status is not to be counted anew before */
	struct file_list backlog;
	char *alone_until; /* files up to this name are sent one by one */
	bool held;         /* DIR is at its place, and its lock is ours */
	bool set_aside;    /* something is in bad/ that was not before */
	struct series series;
	struct status status;
};

enum outcome {
	OUTCOME_SENT,
	OUTCOME_REFUSED, /* EX_DATAERR */
	OUTCOME_FAILED,  /* to be tried again; why is told */
	OUTCOME_STOPPED, /* PROG was ended by us */
	OUTCOME_VANISHED /* the file is gone before it was sent */
};

static volatile sig_atomic_t stop_signal;

static void
on_signal(int signo)
{
	if (signo != SIGCHLD)
		stop_signal = signo;
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *
plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void
replace_string(char **string, const char *with)
{
	char *copy = with != NULL ? xstrdup(with) : NULL;

	free(*string);
	*string = copy;
}

/* ---- lists of files --------------------------------------------------- */

static struct identity
identity_of(const struct stat *st)
{
	return (struct identity){
	    st->st_dev, st->st_ino, st->st_size, st->st_mtim};
}

static bool
same_identity(const struct identity *a, const struct identity *b)
{
	return a->device == b->device && a->inode == b->inode &&
	    a->size == b->size && a->modified.tv_sec == b->modified.tv_sec &&
	    a->modified.tv_nsec == b->modified.tv_nsec;
}

static void
list_add(struct file_list *list, const char *name, const struct stat *st)
{
	if (list->count == list->capacity) {
		list->capacity = list->capacity > 0 ? list->capacity * 2 : 16;
		list->files = xrealloc(
		    list->files, list->capacity * sizeof(*list->files));
	}
	list->files[list->count++] = (struct spool_file){
	    .name = xstrdup(name), .identity = identity_of(st)};
}

static void
list_free(struct file_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->files[i].name);
	free(list->files);
	*list = (struct file_list){NULL, 0, 0};
}

static uint64_t
list_bytes(const struct file_list *list, size_t count)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += (uint64_t)list->files[i].identity.size;
	return bytes;
}

static int
compare_names(const void *a, const void *b)
{
	const struct spool_file *left = a, *right = b;

	return strcmp(left->name, right->name);
}

/* Adds what an open directory holds of our business; -1 with errno. */
static int
list_entries(DIR *dir, struct file_list *list)
{
	struct dirent *entry;
	struct stat st;

	while (errno = 0, (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (fstatat(dirfd(dir), entry->d_name, &st,
			AT_SYMLINK_NOFOLLOW) != 0) {
			if (errno == ENOENT)
				continue;
			return -1;
		}
		if (S_ISREG(st.st_mode))
			list_add(list, entry->d_name, &st);
	}
	return errno == 0 ? 0 : -1;
}

/*
 * The regular files of a directory whose names do not begin with a dot, in
 * the order of their names. -1 with errno where it cannot be read.
 */
static int
list_files(int at, const char *path, struct file_list *list)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result, error;
	DIR *dir;

	if (fd < 0)
		return -1;
	dir = fdopendir(fd);
	if (dir == NULL) {
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	result = list_entries(dir, list);
	error = errno;
	closedir(dir);
	errno = error;
	if (result == 0 && list->count > 1)
		qsort(list->files, list->count, sizeof(*list->files),
		    compare_names);
	return result;
}

/* ---- .status ------------------------------------------------------------ */

/* The length of the UTF-8 sequence (RFC 3629) that a C string begins with; 0:
 * it begins with none. */
static size_t
utf8_length(const unsigned char *s)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len;
	uint32_t code;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc0 || s[0] > 0xf4)
		return 0;
	len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	code = s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3fu);
	}
	if (code < least[len] || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return len;
}

/* Appends a JSON string; a byte that is not UTF-8 becomes U+FFFD. */
static void
add_json_string(struct buf *out, const char *string)
{
	buf_add_char(out, '"');
	while (*string != '\0') {
		size_t len = utf8_length((const unsigned char *)string);

		if (len == 0) {
			buf_add_string(out, "\\ufffd");
			string++;
			continue;
		}
		json_escape(out, string, len);
		string += len;
	}
	buf_add_char(out, '"');
}

/* ISO 8601, in UTC. */
static void
add_json_time(struct buf *out, time_t at)
{
	char text[sizeof("-2147483648-12-31T23:59:60Z")];
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	add_json_string(out, text);
}

static void
status_line(const struct status *status, struct buf *out)
{
	static const char *const names[] = {
	    "none", "idle", "sending", "waiting", "stopped"};

	buf_printf(out, "{\"state\":\"%s\",\"since\":", names[status->state]);
	add_json_time(out, status->since);
	buf_printf(out, ",\"backlog\":{\"files\":%zu,\"bytes\":%ju",
	    status->files, (uintmax_t)status->bytes);
	if (status->oldest != NULL) {
		buf_add_string(out, ",\"oldest\":");
		add_json_string(out, status->oldest);
	}
	buf_printf(out, "},\"bad\":%zu,\"sent\":{\"files\":%ju,\"bytes\":%ju}",
	    status->bad, (uintmax_t)status->sent_files,
	    (uintmax_t)status->sent_bytes);
	if (status->last_error != NULL) {
		buf_add_string(out, ",\"last_error\":");
		add_json_string(out, status->last_error);
	}
	if (status->state == STATE_WAITING) {
		buf_add_string(out, ",\"next_try\":");
		add_json_time(out, status->next_try);
	}
	buf_add_string(out, "}\n");
}

/* Writes all of it; -1 with errno. */
static int
write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t written = write(fd, bytes, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		bytes += written;
		len -= (size_t)written;
	}
	return 0;
}

/* Not synced: after a crash of the machine it is stale in any case. */
static int
replace_status_file(int dir_fd, const struct buf *line)
{
	int fd = openat(dir_fd, STATUS_TEMPORARY,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	int error;

	if (fd < 0)
		return -1;
	if (write_all(fd, line->data, line->len) == 0 && close(fd) == 0)
		return renameat(dir_fd, STATUS_TEMPORARY, dir_fd, STATUS_NAME);
	error = errno;
	close(fd);
	unlinkat(dir_fd, STATUS_TEMPORARY, 0);
	errno = error;
	return -1;
}

/* Writes .status, where DIR is ours and it would differ from what is there. */
static void
write_status(struct ship *ship)
{
	struct status *status = &ship->status;
	struct buf line = BUF_INIT;

	status_line(status, &line);
	if (!ship->held ||
	    (line.len == status->written.len &&
		memcmp(line.data, status->written.data, line.len) == 0)) {
		buf_free(&line);
		return;
	}
	if (replace_status_file(ship->dir_fd, &line) == 0) {
		buf_free(&status->written);
		status->written = line;
		status->write_failed = false;
		return;
	}
	if (!status->write_failed)
		log_warn("cannot write %s/%s: %s; going on without it",
		    ship->dir, STATUS_NAME, strerror(errno));
	status->write_failed = true;
	status->written.len = 0;
	buf_free(&line);
}

static void
set_state(struct ship *ship, enum state state)
{
	if (ship->status.state != state)
		ship->status.since = time(NULL);
	ship->status.state = state;
	write_status(ship);
}

/* Puts into the status what DIR and bad/ hold. */
static void
count_backlog(struct ship *ship, const struct file_list *list)
{
	struct file_list bad = {NULL, 0, 0};

	ship->status.files = list->count;
	ship->status.bytes = list_bytes(list, list->count);
	replace_string(
	    &ship->status.oldest, list->count > 0 ? list->files[0].name : NULL);
	list_files(ship->dir_fd, BAD_NAME, &bad);
	ship->status.bad = bad.count;
	list_free(&bad);
	ship->recount_ms = now_ms() + RECOUNT_MS;
}

/* For the time in which ship->backlog is in use. */
static void
recount_backlog(struct ship *ship)
{
	struct file_list list = {NULL, 0, 0};

	ship->changed = false;
	if (list_files(ship->dir_fd, ".", &list) == 0) {
		count_backlog(ship, &list);
		write_status(ship);
	}
	list_free(&list);
}

/* ---- waiting ------------------------------------------------------------ */

/*
 * Takes what inotify has to tell. Dot files are mostly our own doing, and so
 * is what is removed; but without .lock the directory is not ours any more.
 */
static void
read_changes(struct ship *ship)
{
	_Alignas(struct inotify_event) char events[4096];
	ssize_t len;

	while ((len = read(ship->inotify_fd, events, sizeof(events))) > 0) {
		for (const char *at = events; at < events + len;) {
			const struct inotify_event *event = (const void *)at;

			if (event->len == 0 ||
			    (event->mask & IN_DELETE
				    ? strcmp(event->name, LOCK_NAME) == 0
				    : event->name[0] != '.'))
				ship->changed = true;
			at += sizeof(*event) + event->len;
		}
	}
}

/*
 * Sleeps until that time, a signal, or a change in DIR that was not yet told.
 * Signals arrive here and nowhere else.
 */
static void
doze(struct ship *ship, int64_t until_ms)
{
	struct pollfd pfd = {
	    .fd = ship->changed ? -1 : ship->inotify_fd, .events = POLLIN};
	int64_t left_ms = until_ms == NEVER ? 0 : until_ms - now_ms();
	struct timespec timeout = {0, 0};

	if (left_ms > 0) {
		timeout.tv_sec = (time_t)(left_ms / 1000);
		timeout.tv_nsec = (long)(left_ms % 1000) * 1000000;
	}
	if (ppoll(&pfd, 1, until_ms == NEVER ? NULL : &timeout, &ship->awake) >
	    0)
		read_changes(ship);
}

static bool
told_to_stop(struct ship *ship)
{
	doze(ship, 0);
	return stop_signal != 0;
}

/*
 * Reaps what has ended: PROG, and orphans, for we may be process 1. True where
 * `pid` was among them (NO_PROG never is).
 */
static bool
reap(pid_t pid, int *wait_status)
{
	bool ended = false;
	pid_t found;
	int status;

	while ((found = waitpid(-1, &status, WNOHANG)) > 0) {
		if (found == pid) {
			*wait_status = status;
			ended = true;
		}
	}
	return ended;
}

/* Until there may be something to do. */
static void
wait_for_files(struct ship *ship)
{
	int64_t until_ms = now_ms() +
	    (ship->inotify_fd >= 0 ? RESCAN_MS : RESCAN_WITHOUT_INOTIFY_MS);

	while (!ship->changed && stop_signal == 0 && now_ms() < until_ms) {
		doze(ship, until_ms);
		reap(NO_PROG, NULL);
	}
}

/*
 * The same while the backlog is in use: changes are not acted upon, but .status
 * is kept up to date.
 */
static void
doze_and_count(struct ship *ship, int64_t until_ms)
{
	if (ship->changed && now_ms() >= ship->recount_ms)
		recount_backlog(ship);
	if (ship->changed && until_ms > ship->recount_ms)
		until_ms = ship->recount_ms;
	doze(ship, until_ms);
}

/*
 * What arrives does not end this wait: the queue is in order, and what stops
 * its oldest file would stop a younger one.
 */
static void
wait_for_next_try(struct ship *ship, int64_t until_ms)
{
	while (stop_signal == 0 && now_ms() < until_ms) {
		doze_and_count(ship, until_ms);
		reap(NO_PROG, NULL);
	}
}

/* ---- PROG --------------------------------------------------------------- */

static void become_prog(struct ship *ship, int stdin_fd, const char *names,
    int error_fd) __attribute__((noreturn));

/* In the child: only what is safe between fork(2) and exec(3) or harmless. */
static void
become_prog(struct ship *ship, int stdin_fd, const char *names, int error_fd)
{
	sigset_t none;
	int error;

	/* A group of its own: a ^C is for us, and we can end all of PROG. */
	setpgid(0, 0);
	for (int signo = 1; signo < NSIG; signo++)
		signal(signo, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(stdin_fd, STDIN_FILENO) == STDIN_FILENO &&
	    setenv("CCM_SHIP_FILES", names, 1) == 0)
		execvp(ship->program, ship->argv);
	error = errno;
	write_all(error_fd, (const char *)&error, sizeof(error));
	_exit(EX_OSERR);
}

/* Starts PROG. Returns its pid, or -1 with errno. */
static pid_t
start_prog(struct ship *ship, int stdin_fd, const char *names)
{
	int pipe_fds[2], error = 0;
	ssize_t len;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return -1;
	pid = fork();
	if (pid == 0)
		become_prog(ship, stdin_fd, names, pipe_fds[1]);
	error = errno;
	close(pipe_fds[1]);
	if (pid > 0) {
		/* All bytes of errno, or the end where exec closed it. */
		len = read(pipe_fds[0], &error, sizeof(error));
		if (len == (ssize_t)sizeof(error)) {
			waitpid(pid, NULL, 0);
			pid = -1;
		}
	}
	close(pipe_fds[0]);
	errno = error;
	return pid;
}

/*
 * Waits until PROG has ended, and returns how. Once told to stop, ends it when
 * its grace is over; *by_us tells that a signal of ours was sent.
 */
static int
wait_for_prog(struct ship *ship, pid_t pid, bool *by_us)
{
	int64_t kill_ms = NEVER;
	bool stopping = false;
	int wait_status = 0;

	*by_us = false;
	while (!reap(pid, &wait_status)) {
		if (stop_signal != 0 && !stopping) {
			stopping = true;
			kill_ms = now_ms() + ship->grace_ms;
			log_info("%s: waiting up to %jd s for %s to end",
			    strsignal(stop_signal),
			    (intmax_t)(ship->grace_ms / 1000), ship->argv[0]);
		}
		if (now_ms() >= kill_ms) {
			kill(-pid, *by_us ? SIGKILL : SIGTERM);
			kill_ms = *by_us ? NEVER : now_ms() + KILL_AFTER_MS;
			*by_us = true;
		}
		doze_and_count(ship, kill_ms);
	}
	return wait_status;
}

static enum outcome
judge(struct ship *ship, int wait_status, bool by_us, struct buf *reason)
{
	if (by_us) {
		buf_printf(reason, "%s was ended, as its grace was over",
		    ship->argv[0]);
		return OUTCOME_STOPPED;
	}
	if (WIFSIGNALED(wait_status)) {
		buf_printf(reason, "%s was ended by signal %d (%s)",
		    ship->argv[0], WTERMSIG(wait_status),
		    strsignal(WTERMSIG(wait_status)));
		return OUTCOME_FAILED;
	}
	if (WEXITSTATUS(wait_status) == EX_OK)
		return OUTCOME_SENT;
	buf_printf(reason, "%s exited with status %d", ship->argv[0],
	    WEXITSTATUS(wait_status));
	return WEXITSTATUS(wait_status) == EX_DATAERR ? OUTCOME_REFUSED
						      : OUTCOME_FAILED;
}

/* ---- a batch ------------------------------------------------------------ */

/* How many files go together: the first of the backlog, at least one. */
static size_t
choose_batch(struct ship *ship)
{
	const struct file_list *list = &ship->backlog;
	size_t count = 0, names = 0;
	uint64_t bytes = 0;

	if (ship->alone_until != NULL) {
		if (strcmp(list->files[0].name, ship->alone_until) <= 0)
			return 1;
		replace_string(&ship->alone_until, NULL);
	}
	while (count < list->count) {
		bytes += (uint64_t)list->files[count].identity.size;
		names += strlen(list->files[count].name) + 1;
		if (count > 0 &&
		    (bytes > ship->batch_bytes || names > BATCH_NAMES_MAX))
			break;
		count++;
	}
	return count;
}

/* Opens a file, and notes which it is: the next look at it is after PROG. */
static int
open_file(struct ship *ship, struct spool_file *file)
{
	int fd =
	    openat(ship->dir_fd, file->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) != 0) {
		close(fd);
		return -1;
	}
	file->identity = identity_of(&st);
	return fd;
}

/* Appends a file, and the newline that it lacks; -1 with errno. */
static int
append_file(struct ship *ship, struct spool_file *file, char *block, int to)
{
	int fd = open_file(ship, file), result = -1, error;
	char last = '\n';
	ssize_t len;

	if (fd < 0)
		return -1;
	while ((len = read(fd, block, COPY_BLOCK)) > 0) {
		if (write_all(to, block, (size_t)len) != 0)
			break;
		last = block[len - 1];
	}
	if (len == 0)
		result = last != '\n' ? write_all(to, "\n", 1) : 0;
	error = errno;
	close(fd);
	errno = error;
	return result;
}

/* The first files of the backlog joined, in memory; -1 with errno. */
static int
join_files(struct ship *ship, size_t count)
{
	int fd = memfd_create("ccm-ship", MFD_CLOEXEC);
	char *block = xmalloc(COPY_BLOCK);
	int result = 0;

	for (size_t i = 0; i < count && fd >= 0 && result == 0; i++)
		result = append_file(ship, &ship->backlog.files[i], block, fd);
	if (fd >= 0 && (result != 0 || lseek(fd, 0, SEEK_SET) != 0)) {
		log_debug("cannot join %zu files: %s", count, strerror(errno));
		close(fd);
		fd = -1;
	}
	free(block);
	return fd;
}

/*
 * What becomes PROG's standard input. Where the files cannot be joined (one
 * of them cannot be read, memory is short), the first goes alone: *count is
 * then 1. -1 with errno where not even that is possible.
 */
static int
open_batch(struct ship *ship, size_t *count)
{
	int fd;

	if (*count > 1) {
		fd = join_files(ship, *count);
		if (fd >= 0)
			return fd;
		*count = 1;
	}
	return open_file(ship, &ship->backlog.files[0]);
}

/* Runs PROG over the first *count files, or over fewer: *count tells. */
static enum outcome
send_batch(struct ship *ship, size_t *count, struct buf *reason)
{
	int fd = open_batch(ship, count), wait_status;
	const struct spool_file *files = ship->backlog.files;
	struct buf names = BUF_INIT;
	bool by_us;
	pid_t pid;

	if (fd < 0) {
		if (errno == ENOENT)
			return OUTCOME_VANISHED;
		buf_printf(reason, "cannot read %s/%s: %s", ship->dir,
		    files[0].name, strerror(errno));
		return OUTCOME_FAILED;
	}
	for (size_t i = 0; i < *count; i++)
		buf_printf(&names, "%s%s", i > 0 ? "\n" : "", files[i].name);
	log_debug("%s and %zu more (%ju bytes) to %s", files[0].name,
	    *count - 1, (uintmax_t)list_bytes(&ship->backlog, *count),
	    ship->argv[0]);
	pid = start_prog(ship, fd, buf_terminate(&names));
	close(fd);
	buf_free(&names);
	if (pid < 0) {
		buf_printf(reason, "cannot run %s: %s", ship->argv[0],
		    strerror(errno));
		return OUTCOME_FAILED;
	}
	wait_status = wait_for_prog(ship, pid, &by_us);
	return judge(ship, wait_status, by_us, reason);
}

/* ---- what becomes of a batch -------------------------------------------- */

/* An error after which going on would do harm; returns `status`. */
static int fatal(struct ship *ship, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int
fatal(struct ship *ship, int status, const char *format, ...)
{
	va_list ap;

	free(ship->status.last_error);
	va_start(ap, format);
	if (vasprintf(&ship->status.last_error, format, ap) < 0)
		ship->status.last_error = NULL;
	va_end(ap);
	if (ship->status.last_error != NULL)
		log_error("%s", ship->status.last_error);
	return status;
}

/* fsync(2) of a directory; some file systems have none, and say EINVAL. */
static int
sync_directory(struct ship *ship, int fd)
{
	if (fsync(fd) != 0 && errno != EINVAL && errno != ENOSYS)
		return fatal(ship, EX_IOERR, "cannot sync %s: %s", ship->dir,
		    strerror(errno));
	return EX_OK;
}

/* 1: it is the file that was opened; 0: it has changed; -1: it is gone. */
static int
still_there(struct ship *ship, const struct spool_file *file)
{
	struct identity identity;
	struct stat st;

	if (fstatat(ship->dir_fd, file->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	identity = identity_of(&st);
	return same_identity(&identity, &file->identity);
}

/*
 * After PROG's success. A file that cannot be removed is fatal, as it would be
 * sent for ever. One that was changed meanwhile may hold what PROG has not
 * seen: it stays, and *changed names it.
 */
static int
remove_sent(struct ship *ship, size_t count, const char **changed)
{
	struct status *status = &ship->status;

	*changed = NULL;
	for (size_t i = 0; i < count; i++) {
		const struct spool_file *file = &ship->backlog.files[i];

		if (still_there(ship, file) == 0) {
			*changed = file->name;
			continue;
		}
		if (unlinkat(ship->dir_fd, file->name, 0) != 0 &&
		    errno != ENOENT)
			return fatal(ship, EX_IOERR,
			    "cannot remove %s/%s, which is sent: %s", ship->dir,
			    file->name, strerror(errno));
		status->sent_files++;
		status->sent_bytes += (uint64_t)file->identity.size;
	}
	return sync_directory(ship, ship->dir_fd);
}

/* A name that bad/ has not yet: NAME, NAME.2, NAME.3 ... (cut to fit). */
static void
choose_bad_name(int bad_fd, const char *name, struct buf *chosen)
{
	char suffix[sizeof(".4294967295")] = "";
	struct stat st;

	for (unsigned n = 2;; n++) {
		size_t len = strlen(name);

		if (len + strlen(suffix) > NAME_MAX)
			len = NAME_MAX - strlen(suffix);
		chosen->len = 0;
		buf_printf(chosen, "%.*s%s", (int)len, name, suffix);
		/* No one else moves files in: the lock is ours. */
		if (fstatat(bad_fd, buf_terminate(chosen), &st,
			AT_SYMLINK_NOFOLLOW) != 0)
			return;
		snprintf(suffix, sizeof(suffix), ".%u", n);
	}
}

/* Moves a file that PROG has refused into bad/; -1 with errno. */
static int
move_aside(
    struct ship *ship, const struct spool_file *file, struct buf *bad_name)
{
	int bad_fd, result, error;

	if (mkdirat(ship->dir_fd, BAD_NAME, 0700) != 0 && errno != EEXIST)
		return -1;
	bad_fd =
	    openat(ship->dir_fd, BAD_NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (bad_fd < 0)
		return -1;
	choose_bad_name(bad_fd, file->name, bad_name);
	result = renameat(ship->dir_fd, file->name, bad_fd, bad_name->data);
	if (result == 0)
		result = fsync(bad_fd);
	error = errno;
	close(bad_fd);
	errno = error;
	return result;
}

static void
fail_once_more(struct ship *ship, const char *reason)
{
	struct series *series = &ship->series;
	bool news = series->failures == 0 || series->reason == NULL ||
	    strcmp(series->reason, reason) != 0;
	struct status *status = &ship->status;

	if (series->failures++ == 0)
		series->began_ms = now_ms();
	replace_string(&series->reason, reason);
	replace_string(&status->last_error, reason);
	if (news)
		log_warn("%s; %zu file%s (%ju bytes) kept in %s", reason,
		    status->files, plural(status->files),
		    (uintmax_t)status->bytes, ship->dir);
	else
		log_debug("%s (failure %u)", reason, series->failures);
}

static void
end_series(struct ship *ship)
{
	struct series *series = &ship->series;

	replace_string(&ship->status.last_error, NULL);
	if (series->failures == 0)
		return;
	log_info("%s works again, after %jd s and %u failure%s", ship->argv[0],
	    (intmax_t)(now_ms() - series->began_ms + 500) / 1000,
	    series->failures, plural(series->failures));
	free(series->reason);
	*series = (struct series){0, 0, NULL};
}

/* After PROG's refusal of one file alone. */
static int
set_aside(struct ship *ship, enum outcome *outcome, struct buf *reason)
{
	const struct spool_file *file = &ship->backlog.files[0];
	struct buf bad_name = BUF_INIT, message = BUF_INIT;
	int status = EX_OK;

	if (still_there(ship, file) != 1) {
		buf_printf(reason, ", and %s/%s changed meanwhile", ship->dir,
		    file->name);
		*outcome = OUTCOME_FAILED;
	} else if (move_aside(ship, file, &bad_name) == 0) {
		ship->set_aside = true;
		end_series(ship);
		buf_printf(&message, "%s: %s; set aside as %s/%s/%s",
		    file->name, buf_terminate(reason), ship->dir, BAD_NAME,
		    bad_name.data);
		log_error("%s", message.data);
		replace_string(&ship->status.last_error, message.data);
		status = sync_directory(ship, ship->dir_fd);
	} else if (errno == ENOSPC || errno == EDQUOT) {
		buf_printf(reason, ", and %s/%s cannot be set aside: %s",
		    ship->dir, file->name, strerror(errno));
		*outcome = OUTCOME_FAILED;
	} else {
		status = fatal(ship, EX_CANTCREAT,
		    "%s: %s; cannot set it aside in %s/%s: %s", file->name,
		    buf_terminate(reason), ship->dir, BAD_NAME,
		    strerror(errno));
	}
	buf_free(&bad_name);
	buf_free(&message);
	return status;
}

/*
 * One turn: runs PROG over the oldest files and does with them what follows
 * from its end. Returns EX_OK, or the status to end with; *outcome tells what
 * was done with them in the end.
 */
static int
take_turn(struct ship *ship, enum outcome *outcome)
{
	size_t count = choose_batch(ship);
	struct buf reason = BUF_INIT;
	const char *changed;
	int status = EX_OK;

	set_state(ship, STATE_SENDING);
	*outcome = send_batch(ship, &count, &reason);
	if (*outcome == OUTCOME_SENT) {
		status = remove_sent(ship, count, &changed);
		if (status == EX_OK && changed != NULL) {
			buf_printf(&reason, "%s/%s changed while it was sent",
			    ship->dir, changed);
			*outcome = OUTCOME_FAILED;
		} else if (status == EX_OK) {
			end_series(ship);
		}
	} else if (*outcome == OUTCOME_REFUSED && count == 1) {
		status = set_aside(ship, outcome, &reason);
	} else if (*outcome == OUTCOME_REFUSED) {
		log_info("%s; its %zu files go one by one",
		    buf_terminate(&reason), count);
		replace_string(
		    &ship->alone_until, ship->backlog.files[count - 1].name);
	}
	if (*outcome == OUTCOME_FAILED)
		fail_once_more(ship, buf_terminate(&reason));
	if (*outcome == OUTCOME_STOPPED)
		log_warn("%s; its %zu file%s kept in %s",
		    buf_terminate(&reason), count, count == 1 ? " is" : "s are",
		    ship->dir);
	buf_free(&reason);
	return status;
}

/* ---- the loop ----------------------------------------------------------- */

static bool
is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* True where .lock is the file that we have open. */
static bool
is_lock_in_place(struct ship *ship)
{
	struct stat ours, there;

	return fstat(ship->lock_fd, &ours) == 0 &&
	    fstatat(ship->dir_fd, LOCK_NAME, &there, AT_SYMLINK_NOFOLLOW) ==
	    0 &&
	    is_same_file(&ours, &there);
}

/* Ends our work where DIR is not at its place any more, or lost its lock. */
static int
check_hold(struct ship *ship)
{
	struct stat ours, there;

	ship->held = false;
	if (fstat(ship->dir_fd, &ours) != 0 || stat(ship->dir, &there) != 0)
		return fatal(ship, EX_IOERR, "%s is gone: %s", ship->dir,
		    strerror(errno));
	if (!is_same_file(&ours, &there))
		return fatal(ship, EX_IOERR,
		    "%s is another directory than it was", ship->dir);
	if (!is_lock_in_place(ship))
		return fatal(ship, EX_IOERR,
		    "%s/%s was removed, which keeps a second ccm-ship away",
		    ship->dir, LOCK_NAME);
	ship->held = true;
	return EX_OK;
}

/* Nothing is lost with an empty file, and PROG has no use for it. */
static int
remove_empty(struct ship *ship)
{
	struct file_list *list = &ship->backlog;
	int status = EX_OK;
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct spool_file *file = &list->files[i];

		if (file->identity.size == 0 && status == EX_OK) {
			if (unlinkat(ship->dir_fd, file->name, 0) == 0 ||
			    errno == ENOENT) {
				log_debug(
				    "%s is empty, and removed", file->name);
				free(file->name);
				continue;
			}
			status = fatal(ship, EX_IOERR,
			    "cannot remove %s/%s, which is empty: %s",
			    ship->dir, file->name, strerror(errno));
		}
		list->files[kept++] = *file;
	}
	list->count = kept;
	return status;
}

/* Finds out what there is to do; EX_OK, or the status to end with. */
static int
take_stock(struct ship *ship)
{
	int status = check_hold(ship);

	if (status != EX_OK)
		return status;
	read_changes(ship);
	ship->changed = false;
	list_free(&ship->backlog);
	if (list_files(ship->dir_fd, ".", &ship->backlog) != 0)
		return fatal(ship, EX_IOERR, "cannot read %s: %s", ship->dir,
		    strerror(errno));
	status = remove_empty(ship);
	count_backlog(ship, &ship->backlog);
	return status;
}

/* 1 s, doubled with each failure up to 60 s, give or take a quarter. */
static int64_t
backoff_ms(unsigned failures)
{
	int64_t ms = BACKOFF_FIRST_MS;

	while (--failures > 0 && ms < BACKOFF_LAST_MS)
		ms *= 2;
	if (ms > BACKOFF_LAST_MS)
		ms = BACKOFF_LAST_MS;
	return ms * (750 + (int64_t)arc4random_uniform(501)) / 1000;
}

static void
back_off(struct ship *ship)
{
	int64_t ms = backoff_ms(ship->series.failures);

	log_debug("next try in %.1f s", (double)ms / 1000);
	ship->status.next_try = time(NULL) + (time_t)((ms + 500) / 1000);
	set_state(ship, STATE_WAITING);
	wait_for_next_try(ship, now_ms() + ms);
}

/* Sends until told to stop or, with -1, until done; returns the exit status. */
static int
run(struct ship *ship)
{
	enum outcome outcome = OUTCOME_SENT;
	int status;

	while ((status = take_stock(ship)) == EX_OK && !told_to_stop(ship)) {
		if (ship->once && outcome == OUTCOME_FAILED)
			break;
		if (ship->backlog.count > 0) {
			status = take_turn(ship, &outcome);
			if (status != EX_OK)
				break;
			if (outcome == OUTCOME_FAILED && !ship->once)
				back_off(ship);
			continue;
		}
		if (ship->once)
			break;
		set_state(ship, STATE_IDLE);
		wait_for_files(ship);
	}
	set_state(ship, STATE_STOPPED);
	if (status != EX_OK || !ship->once)
		return status;
	if (ship->backlog.count > 0)
		return EX_TEMPFAIL;
	return ship->set_aside ? EX_DATAERR : EX_OK;
}

/* ---- set-up ------------------------------------------------------------- */

static uint64_t
batch_bytes_or_die(const char *text)
{
	unsigned long long number;
	uint64_t unit = 1;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (*end == 'K' || *end == 'M')
		unit = *end++ == 'K' ? 1 << 10 : 1 << 20;
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 ||
	    number < 1 || number > BATCH_BYTES_MAX / unit)
		die(EX_USAGE,
		    "-b is \"%s\"; it takes a number from 1 to 1024M, with K "
		    "or M behind it or without",
		    text);
	return number * unit;
}

static int64_t
grace_ms_or_die(void)
{
	const char *text = getenv("CCM_SHIP_GRACE_SECONDS");
	unsigned long seconds;
	char *end;

	if (text == NULL || text[0] == '\0')
		return (int64_t)GRACE_SECONDS_DEFAULT * 1000;
	errno = 0;
	seconds = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 ||
	    seconds > GRACE_SECONDS_MAX)
		die(EX_CONFIG,
		    "CCM_SHIP_GRACE_SECONDS is \"%s\"; it takes a number from "
		    "0 to %d",
		    text, GRACE_SECONDS_MAX);
	return (int64_t)seconds * 1000;
}

/* True where it can be run; otherwise errno says why not. */
static bool
is_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return false;
	if (!S_ISREG(st.st_mode)) {
		errno = EACCES;
		return false;
	}
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

/* Looks where execvp(3) would; a mistake in a unit file should show at once. */
static char *
find_program_or_die(const char *name)
{
	const char *path = getenv("PATH");
	struct buf candidate = BUF_INIT;
	bool found = false;

	if (strchr(name, '/') != NULL) {
		if (!is_program(name))
			die(EX_CONFIG, "cannot run %s: %s", name,
			    strerror(errno));
		return xstrdup(name);
	}
	if (path == NULL)
		path = "/bin:/usr/bin";
	for (;;) {
		size_t len = strcspn(path, ":");

		candidate.len = 0;
		buf_printf(&candidate, "%.*s/%s", len > 0 ? (int)len : 1,
		    len > 0 ? path : ".", name);
		if (is_program(buf_terminate(&candidate)))
			return candidate.data;
		if (access(candidate.data, F_OK) == 0)
			found = true;
		if (path[len] == '\0')
			break;
		path += len + 1;
	}
	die(EX_CONFIG, "cannot run %s: %s", name,
	    found ? strerror(EACCES) : "it is nowhere in PATH");
}

/* What we open must not land on 0, 1 or 2, which PROG is given. */
static void
fill_standard_descriptors(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			_exit(EX_OSERR);
}

/* The signals that end a wait are blocked outside of it. */
static void
catch_signals(struct ship *ship)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGCHLD};
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t caught;

	sigemptyset(&caught);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&caught, signals[i]);
	sigprocmask(SIG_BLOCK, &caught, &ship->awake);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaction(signals[i], &action, NULL);
		sigdelset(&ship->awake, signals[i]);
	}
}

static void
open_directory_or_die(struct ship *ship)
{
	ship->dir_fd = open(ship->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ship->dir_fd < 0)
		die(EX_CONFIG, "cannot open the directory %s: %s", ship->dir,
		    strerror(errno));
	if (faccessat(ship->dir_fd, ".", R_OK | W_OK | X_OK, AT_EACCESS) != 0)
		die(EX_CANTCREAT, "cannot write in %s: %s", ship->dir,
		    strerror(errno));
}

/* Before the first look at DIR, so that nothing falls between. */
static void
watch_directory(struct ship *ship)
{
	ship->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (ship->inotify_fd >= 0 &&
	    inotify_add_watch(ship->inotify_fd, ship->dir,
		IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_MOVE_SELF |
		    IN_DELETE_SELF) >= 0)
		return;
	if (!ship->once)
		log_warn("cannot watch %s: %s; looking every %d s", ship->dir,
		    strerror(errno), RESCAN_WITHOUT_INOTIFY_MS / 1000);
	if (ship->inotify_fd >= 0)
		close(ship->inotify_fd);
	ship->inotify_fd = -1;
}

/* The file holds the pid of who has, or last had, the lock. */
static void
tell_who_has_lock(struct ship *ship)
{
	char text[32] = "";
	long pid;

	if (pread(ship->lock_fd, text, sizeof(text) - 1, 0) < 0)
		text[0] = '\0';
	pid = strtol(text, NULL, 10);
	if (pid <= 0)
		log_info(
		    "another process has the lock on %s; waiting", ship->dir);
	else if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
		log_info(
		    "what ccm-ship %ld started is still at work on %s, though "
		    "itself is gone; waiting",
		    pid, ship->dir);
	else
		log_info(
		    "ccm-ship %ld has the lock on %s; waiting", pid, ship->dir);
}

/* Opens .lock and tries to lock it: 1 locked, 0 not yet. */
static int
try_lock_or_die(struct ship *ship)
{
	/* Not close-on-exec: PROG is to hold it too. */
	if (ship->lock_fd < 0)
		ship->lock_fd = openat(ship->dir_fd, LOCK_NAME,
		    O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (ship->lock_fd < 0)
		die(EX_CANTCREAT, "cannot open %s/%s: %s", ship->dir, LOCK_NAME,
		    strerror(errno));
	if (flock(ship->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			die(EX_IOERR, "cannot lock %s/%s: %s", ship->dir,
			    LOCK_NAME, strerror(errno));
		return 0;
	}
	/* Whoever had it may have removed the file meanwhile. */
	if (is_lock_in_place(ship))
		return 1;
	close(ship->lock_fd);
	ship->lock_fd = -1;
	return 0;
}

static bool
is_spool_empty(struct ship *ship)
{
	struct file_list list = {NULL, 0, 0};
	bool empty =
	    list_files(ship->dir_fd, ".", &list) == 0 && list.count == 0;

	list_free(&list);
	return empty;
}

static void
note_pid(struct ship *ship)
{
	/* For messages only: a disk too full for it matters to no one. */
	if (ftruncate(ship->lock_fd, 0) == 0)
		dprintf(ship->lock_fd, "%jd\n", (intmax_t)getpid());
}

/*
 * Waits for the lock. True: it is ours. False: *status is what to exit with,
 * as a signal came or, with -1, another has done the work.
 */
static bool
take_lock_or_die(struct ship *ship, int *status)
{
	int64_t look_ms = now_ms();
	bool told = false;
	struct stat st;

	while (try_lock_or_die(ship) == 0) {
		if (now_ms() >= look_ms) {
			look_ms = now_ms() + LOCK_LOOK_MS;
			if (stat(ship->dir, &st) != 0)
				die(EX_IOERR, "%s is gone: %s", ship->dir,
				    strerror(errno));
			*status = EX_OK;
			if (ship->once && is_spool_empty(ship))
				return false;
		}
		if (!told && ship->lock_fd >= 0) {
			tell_who_has_lock(ship);
			told = true;
		}
		doze(ship, now_ms() + LOCK_POLL_MS);
		*status = ship->once ? EX_TEMPFAIL : EX_OK;
		if (stop_signal != 0)
			return false;
	}
	note_pid(ship);
	return true;
}

static void
parse_options(int argc, char **argv, struct ship *ship)
{
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, "+:1b:hV")) != -1) {
		switch (option) {
		case '1':
			ship->once = true;
			break;
		case 'b':
			ship->batch_bytes = batch_bytes_or_die(optarg);
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-ship");
		default:
			usage_error_and_exit(option);
		}
	}
	if (argc - optind < 2)
		die(EX_USAGE, "DIR and PROG are needed; -h shows the usage");
	ship->dir = argv[optind];
	ship->argv = argv + optind + 1;
}

static void
release(struct ship *ship)
{
	list_free(&ship->backlog);
	free(ship->program);
	free(ship->alone_until);
	free(ship->series.reason);
	free(ship->status.oldest);
	free(ship->status.last_error);
	buf_free(&ship->status.written);
}

int
main(int argc, char **argv)
{
	struct ship ship = {.batch_bytes = BATCH_BYTES_DEFAULT,
	    .dir_fd = -1,
	    .lock_fd = -1,
	    .inotify_fd = -1};
	int status;

	fill_standard_descriptors();
	log_init("ccm-ship");
	parse_options(argc, argv, &ship);
	ship.grace_ms = grace_ms_or_die();
	ship.program = find_program_or_die(ship.argv[0]);
	open_directory_or_die(&ship);
	catch_signals(&ship);
	if (take_lock_or_die(&ship, &status)) {
		watch_directory(&ship);
		status = run(&ship);
	}
	release(&ship);
	return status;
}

#include "shared-file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"
#include "state.h"

/* The lock is held for as long as it takes to write some lines. */
#define LOCK_POLL_MS 20
#define LOCK_QUIET_MS 1000
#define LOCK_WAIT_MS 10000

/* No run has that much to share. */
#define FILE_SIZE_MAX ((size_t)16 << 20)

#define RUN_DIRECTORY "/run/ccm-rate"

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
shared_directory(struct buf *problem)
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
		return "the file belongs to another user, and its directory is "
		       "not setgid to its group";
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
open_in(struct shared_file *file, const char *directory)
{
	struct buf path = BUF_INIT;
	const char *why = NULL;
	int fd;

	buf_printf(&path, "%s/%s", directory, file->name);
	fd = open_or_make(buf_terminate(&path));
	if (fd < 0)
		why = errno == ELOOP ? "a symbolic link" : strerror(errno);
	else
		why = distrust(fd, directory);
	if (why != NULL) {
		log_error(
		    "cannot share %s in %s: %s", file->what, path.data, why);
		if (fd >= 0)
			close(fd);
		buf_free(&path);
		return false;
	}
	file->fd = fd;
	file->path = path.data;
	return true;
}

/* The state directory's own file, where there is no shared one. */
static void
open_own(struct shared_file *file)
{
	char *directory = own_directory();

	file->own = true;
	if (directory == NULL || !make_directory(directory) ||
	    !can_use(directory) || !open_in(file, directory))
		log_warn("cannot write to " RUN_DIRECTORY " or to the state "
			 "directory: %s is kept for this run alone; set "
			 "CCM_RATE_DIR",
		    file->what);
	free(directory);
}

void
shared_file_open(struct shared_file *file, const char *name, const char *what)
{
	const char *given = given_directory();

	*file = (struct shared_file){.fd = -1, .name = name, .what = what};
	if (given != NULL && (!make_directory(given) || !can_use(given)))
		die(EX_CANTCREAT, "CCM_RATE_DIR: cannot use %s: %s", given,
		    strerror(errno));
	if (given == NULL && access(RUN_DIRECTORY, W_OK) == 0)
		given = RUN_DIRECTORY;
	if (given == NULL || !open_in(file, given))
		open_own(file);
}

static void
close_file(struct shared_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
	free(file->path);
	file->path = NULL;
}

void
shared_file_close(struct shared_file *file)
{
	close_file(file);
	buf_free(&file->text);
}

/* ---- its lock ----------------------------------------------------------- */

/* False where another process holds the lock for LOCK_WAIT_MS. */
static bool
lock_file(const struct shared_file *file)
{
	int64_t waited_ms = 0;

	while (flock(file->fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return false;
		if (waited_ms == LOCK_QUIET_MS)
			log_info("waiting for %s, which another process has "
				 "locked",
			    file->path);
		if (waited_ms >= LOCK_WAIT_MS)
			return false;
		poll(NULL, 0, LOCK_POLL_MS);
		waited_ms += LOCK_POLL_MS;
	}
	return true;
}

static void
lock(struct shared_file *file)
{
	while (file->fd >= 0 && !lock_file(file)) {
		if (file->own)
			die(EX_TEMPFAIL,
			    "%s: another process has held its lock for %d s; "
			    "find it with fuser, and end it",
			    file->path, LOCK_WAIT_MS / 1000);
		log_warn("%s: another process has held its lock for %d s; this "
			 "run no longer shares %s",
		    file->path, LOCK_WAIT_MS / 1000, file->what);
		close_file(file);
		open_own(file);
	}
}

void
shared_file_lock(struct shared_file *file)
{
	struct buf *text = &file->text;
	struct stat st;
	ssize_t got;

	lock(file);
	if (file->fd >= 0) {
		text->len = 0;
		if (fstat(file->fd, &st) == 0 && st.st_size > 0) {
			size_t size = (uintmax_t)st.st_size < FILE_SIZE_MAX
			    ? (size_t)st.st_size
			    : FILE_SIZE_MAX;

			got = pread(file->fd, buf_reserve(text, size), size, 0);
			if (got > 0)
				text->len = (size_t)got;
		}
	}
	buf_terminate(text);
}

void
shared_file_write(struct shared_file *file)
{
	const struct buf *text = &file->text;

	if (file->fd < 0)
		return;
	if (pwrite(file->fd, text->data, text->len, 0) != (ssize_t)text->len ||
	    ftruncate(file->fd, (off_t)text->len) != 0) {
		/* A full disk must not stop requests, nor let them loose. */
		log_warn("cannot write to %s: %s; %s is kept for this run "
			 "alone",
		    file->path, strerror(errno), file->what);
		close_file(file);
		return;
	}
	flock(file->fd, LOCK_UN);
}

#include "dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"

#define LOCK_NAME "lock"
#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

static const char *const part_names[DIR_PARTS] = {[DIR_WORK] = "work",
    [DIR_HOURS] = "hours",
    [DIR_SPOOL] = "spool",
    [DIR_REJECTED] = "rejected",
    [DIR_CACHE] = "cache",
    [DIR_STATUS] = "status"};

/* ---- failures ----------------------------------------------------------- */

static int
status_of(int error)
{
	switch (error) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return EX_OSERR;
	case EISDIR:
	case ENOTDIR:
	case ELOOP:
		return EX_CONFIG;
	default:
		return EX_TEMPFAIL;
	}
}

bool
dir_fail(struct dir *dir, const char *name)
{
	int error = errno;

	if (!dir->outcome->failed)
		outcome_error(dir->outcome, status_of(error),
		    "cannot %s the state directory %s: %s%s%s",
		    dir->read_only ? "read" : "write to", dir->path, name,
		    name[0] != '\0' ? ": " : "", strerror(error));
	dir->outcome->failed = true;
	return false;
}

/* ---- opening ------------------------------------------------------------ */

/* mkdir -p; each new directory's entry is synced in its parent. */
static bool
make_path(struct dir *dir)
{
	char *path = xstrdup(dir->path), *slash = path;
	bool good = true;
	int fd;

	while (good && slash != NULL) {
		slash = strchr(slash + 1, '/');
		if (slash != NULL)
			*slash = '\0';
		if (mkdir(path, 0777) == 0) {
			char *end = strrchr(path, '/');

			if (end != NULL)
				*end = '\0';
			fd = open(end == NULL ? "."
				: end == path ? "/"
					      : path,
			    OPEN_DIRECTORY);
			if (end != NULL)
				*end = '/';
			/* Where we may not read the parent, it is not ours. */
			good = fd < 0 || fsync(fd) == 0;
			if (fd >= 0)
				close(fd);
		} else {
			good = errno == EEXIST;
		}
		if (slash != NULL)
			*slash = '/';
	}
	free(path);
	return good || dir_fail(dir, "");
}

static bool
open_part(struct dir *dir, enum dir_part part)
{
	dir->parts[part] = openat(dir->fd, part_names[part], OPEN_DIRECTORY);
	return dir->parts[part] >= 0 || errno == ENOENT;
}

bool
dir_open(struct dir *dir, const char *path, bool make)
{
	dir->path = path;
	dir->fd = -1;
	dir->lock_fd = -1;
	for (int i = 0; i < DIR_PARTS; i++)
		dir->parts[i] = -1;
	dir->fd = open(path, OPEN_DIRECTORY);
	if (dir->fd < 0 && errno == ENOENT) {
		if (!make)
			return true;
		if (!make_path(dir))
			return false;
		dir->fd = open(path, OPEN_DIRECTORY);
	}
	if (dir->fd < 0)
		return dir_fail(dir, "");
	for (int i = 0; i < DIR_PARTS; i++) {
		if (!open_part(dir, (enum dir_part)i))
			return dir_fail(dir, part_names[i]);
	}
	return true;
}

void
dir_close(struct dir *dir)
{
	for (int i = 0; i < DIR_PARTS; i++) {
		if (dir->parts[i] >= 0)
			close(dir->parts[i]);
		dir->parts[i] = -1;
	}
	if (dir->fd >= 0)
		close(dir->fd);
	dir->fd = -1;
	dir_unlock(dir);
}

bool
dir_prepare(struct dir *dir)
{
	bool made = false;

	for (int i = 0; i < DIR_PARTS; i++) {
		if (dir->parts[i] >= 0)
			continue;
		if (mkdirat(dir->fd, part_names[i], 0777) != 0 ||
		    !open_part(dir, (enum dir_part)i) || dir->parts[i] < 0)
			return dir_fail(dir, part_names[i]);
		made = true;
	}
	return !made || dir_sync_top(dir);
}

/* ---- the lock ----------------------------------------------------------- */

enum dir_lock
dir_lock(struct dir *dir)
{
	char pid[32];
	int fd = openat(dir->fd, LOCK_NAME,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);

	if (fd < 0) {
		dir_fail(dir, LOCK_NAME);
		return DIR_LOCK_FAILED;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		int error = errno;

		close(fd);
		errno = error;
		if (error == EWOULDBLOCK)
			return DIR_BUSY;
		dir_fail(dir, LOCK_NAME);
		return DIR_LOCK_FAILED;
	}
	dir->lock_fd = fd;
	/* For the message of one who waits: an error matters to no one. */
	snprintf(pid, sizeof(pid), "%jd\n", (intmax_t)getpid());
	if (ftruncate(fd, 0) == 0 &&
	    pwrite(fd, pid, strlen(pid), 0) != (ssize_t)strlen(pid))
		log_debug("the lock does not say who holds it");
	return DIR_LOCKED;
}

void
dir_unlock(struct dir *dir)
{
	if (dir->lock_fd >= 0)
		close(dir->lock_fd);
	dir->lock_fd = -1;
}

long
dir_lock_holder(struct dir *dir)
{
	struct buf text = BUF_INIT, problem = BUF_INIT;
	long pid = 0;
	char *end;

	if (dir_read(dir, dir->fd, LOCK_NAME, 31, &text, &problem) ==
	    DIR_READ) {
		pid = strtol(text.data, &end, 10);
		if (end == text.data || *end != '\n' || pid < 1)
			pid = 0;
	}
	buf_free(&text);
	buf_free(&problem);
	return pid;
}

/* ---- what has to last --------------------------------------------------- */

bool
dir_sync(struct dir *dir, int fd, const char *name)
{
	return fsync(fd) == 0 || dir_fail(dir, name);
}

bool
dir_sync_top(struct dir *dir)
{
	if (!dir->synced)
		dir->synced = dir_sync(dir, dir->fd, "");
	return dir->synced;
}

/* The lock is ours, so nobody makes the name between the two calls. */
static int
move_checked(
    struct dir *dir, int from, const char *name, int to, const char *new_name)
{
	if (!dir->checks_names)
		log_info(
		    "the file system of %s has no RENAME_NOREPLACE; looking for the new name before each rename",
		    dir->path);
	dir->checks_names = true;
	if (faccessat(to, new_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return errno == ENOENT ? renameat(from, name, to, new_name) : -1;
}

enum dir_moved
dir_move(
    struct dir *dir, int from, const char *name, int to, const char *new_name)
{
	int moved = -1;

	errno = EINVAL;
	if (!dir->checks_names)
		moved = renameat2(from, name, to, new_name, RENAME_NOREPLACE);
	if (moved != 0 && (errno == EINVAL || errno == ENOSYS))
		moved = move_checked(dir, from, name, to, new_name);
	if (moved == 0)
		return DIR_MOVED;
	if (errno == EEXIST)
		return DIR_EXISTS;
	dir_fail(dir, new_name);
	return DIR_MOVE_FAILED;
}

static bool
write_all(int fd, const struct buf *content)
{
	size_t done = 0;

	while (done < content->len) {
		ssize_t wrote =
		    write(fd, content->data + done, content->len - done);

		if (wrote < 0 && errno != EINTR)
			return false;
		if (wrote > 0)
			done += (size_t)wrote;
	}
	return true;
}

bool
dir_write(struct dir *dir, int at, const char *name, const struct buf *content)
{
	struct buf new_name = BUF_INIT;
	bool good = false;
	int fd, error;

	buf_printf(&new_name, "%s.new", name);
	fd = openat(at, new_name.data,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd >= 0) {
		good = write_all(fd, content) && fsync(fd) == 0;
		error = errno;
		good = close(fd) == 0 && good;
		errno = error;
	}
	good = good && renameat(at, new_name.data, at, name) == 0 &&
	    fsync(at) == 0;
	if (!good) {
		dir_fail(dir, name);
		unlinkat(at, new_name.data, 0); /* it takes space */
	}
	buf_free(&new_name);
	return good;
}

bool
dir_remove(struct dir *dir, int at, const char *name)
{
	return unlinkat(at, name, 0) == 0 || errno == ENOENT ||
	    dir_fail(dir, name);
}

/* ---- removing trees ----------------------------------------------------- */

struct removal {
	struct dir *dir;
	int at;
	bool failed;
};

static void
remove_entry(void *context, const char *name)
{
	struct removal *removal = context;

	if (!dir_remove_tree(removal->dir, removal->at, name))
		removal->failed = true;
}

bool
dir_remove_tree(struct dir *dir, int at, const char *name)
{
	struct removal removal = {dir, -1, false};

	if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
		return true;
	if (errno != EISDIR && errno != EPERM)
		return dir_fail(dir, name);
	removal.at = openat(at, name, OPEN_DIRECTORY | O_NOFOLLOW);
	if (removal.at < 0)
		return dir_fail(dir, name);
	dir_each(dir, removal.at, name, remove_entry, &removal);
	close(removal.at);
	if (removal.failed)
		return false;
	if (unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return true;
	/* What a killed run has left running may still write there. */
	return errno == ENOTEMPTY || errno == EEXIST || dir_fail(dir, name);
}

/* ---- reading ------------------------------------------------------------ */

static enum dir_read
read_whole(struct dir *dir, int fd, const char *name, size_t most,
    struct buf *content, struct buf *problem)
{
	struct stat st;
	ssize_t got;

	if (fstat(fd, &st) != 0) {
		dir_fail(dir, name);
		return DIR_READ_FAILED;
	}
	if (!S_ISREG(st.st_mode)) {
		buf_add_string(problem, "is no regular file");
		return DIR_GARBAGE;
	}
	do {
		got = read(fd, buf_reserve(content, 4096), 4096);
		if (got > 0)
			content->len += (size_t)got;
	} while (
	    (got > 0 && content->len <= most) || (got < 0 && errno == EINTR));
	if (got < 0) {
		dir_fail(dir, name);
		return DIR_READ_FAILED;
	}
	if (content->len > most) {
		buf_printf(problem, "has more than %zu bytes", most);
		return DIR_GARBAGE;
	}
	buf_terminate(content);
	return DIR_READ;
}

enum dir_read
dir_read(struct dir *dir, int at, const char *name, size_t most,
    struct buf *content, struct buf *problem)
{
	int fd = -1;
	enum dir_read result;

	content->len = 0;
	errno = ENOENT;
	if (at >= 0)
		fd = openat(
		    at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return DIR_NONE;
	if (fd < 0 && (errno == ELOOP || errno == ENXIO)) {
		buf_add_string(problem, "is no regular file");
		return DIR_GARBAGE;
	}
	if (fd < 0) {
		dir_fail(dir, name);
		return DIR_READ_FAILED;
	}
	result = read_whole(dir, fd, name, most, content, problem);
	close(fd);
	return result;
}

int64_t
dir_count_lines(struct dir *dir, int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char *block, *next, last = '\n';
	int64_t lines = 0;
	ssize_t got;

	if (fd < 0)
		return errno == ENOENT || dir_fail(dir, name) ? 0 : -1;
	block = xmalloc(1 << 16);
	while ((got = read(fd, block, 1 << 16)) > 0) {
		last = block[got - 1];
		for (char *from = block;
		     (next = memchr(
			  from, '\n', (size_t)(block + got - from))) != NULL;
		     from = next + 1)
			lines++;
	}
	if (got < 0)
		dir_fail(dir, name);
	free(block);
	close(fd);
	return got < 0 ? -1 : lines + (last != '\n' ? 1 : 0);
}

void
dir_set_aside(struct dir *dir, int at, const char *name, const char *label,
    const char *problem)
{
	struct buf to = BUF_INIT;
	enum dir_moved moved;

	if (dir->read_only) {
		log_warn("%s/%s %s", dir->path, label, problem);
		return;
	}
	buf_printf(&to, "%s.bad", name);
	moved = dir_move(dir, at, name, at, to.data);
	for (unsigned n = 2; moved == DIR_EXISTS; n++) {
		to.len = 0;
		buf_printf(&to, "%s.bad.%u", name, n);
		moved = dir_move(dir, at, name, at, to.data);
	}
	if (moved == DIR_MOVED)
		log_warn("%s/%s %s; set aside as %s", dir->path, label, problem,
		    to.data);
	buf_free(&to);
}

bool
dir_each(struct dir *dir, int at, const char *label,
    void (*each)(void *context, const char *name), void *context)
{
	struct dirent *entry;
	DIR *entries;
	int fd;
	bool good;

	if (at < 0)
		return true;
	fd = openat(at, ".", OPEN_DIRECTORY);
	entries = fd >= 0 ? fdopendir(fd) : NULL;
	if (entries == NULL) {
		if (fd >= 0)
			close(fd);
		return dir_fail(dir, label);
	}
	errno = 0;
	while ((entry = readdir(entries)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			each(context, entry->d_name);
		errno = 0;
	}
	good = errno == 0 || dir_fail(dir, label);
	closedir(entries);
	return good;
}

enum dir_kind
dir_kind(struct dir *dir, int at, const char *name, off_t *size)
{
	struct stat st;

	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno == ENOENT)
			return DIR_KIND_NONE;
		dir_fail(dir, name);
		return DIR_KIND_FAILED;
	}
	if (size != NULL)
		*size = st.st_size;
	if (S_ISREG(st.st_mode))
		return DIR_KIND_FILE;
	return S_ISDIR(st.st_mode) ? DIR_KIND_DIRECTORY : DIR_KIND_OTHER;
}

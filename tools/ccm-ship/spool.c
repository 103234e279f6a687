#include "spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"

#define LOCK_NAME ".lock"

/* Their names, of 255 bytes and a separator at most, fit one environment
 * variable (the kernel's MAX_ARG_STRLEN is 128 KiB). */
#define BATCH_FILES_MAX 500

void
spool_open_or_die(struct spool *spool, const char *path)
{
	struct buf lock_path = BUF_INIT;

	*spool = (struct spool){.path = path, .lock_fd = -1};
	spool->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spool->dir_fd < 0 && errno == ENOENT)
		die(EX_CONFIG,
		    "there is no directory %s; ccm-scrape makes its spool in its first run, mkdir makes any other",
		    path);
	if (spool->dir_fd < 0)
		die(EX_CONFIG, "cannot open the directory %s: %s", path,
		    strerror(errno));
	buf_printf(&lock_path, "%s/" LOCK_NAME, path);
	spool->lock_path = lock_path.data;
	spool->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	/* Where there is none, looking now and then has to do. */
	inotify_add_watch(spool->watch_fd, path,
	    IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_MOVE_SELF);
}

/* ---- the lock ----------------------------------------------------------- */

bool
spool_lock_or_die(struct spool *spool, bool tell)
{
	/* Not close-on-exec: PROG is to hold it too. ccm-ingestd, of the same
	 * group, looks whether it is held. */
	int fd = openat(
	    spool->dir_fd, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW, 0640);
	char pid[32] = "";

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
		spool->lock_fd = fd;
		/* For messages only, so an error matters to no one. */
		if (ftruncate(fd, 0) == 0)
			dprintf(fd, "%jd\n", (intmax_t)getpid());
		return true;
	}
	if (fd < 0 || errno != EWOULDBLOCK)
		die(EX_CANTCREAT, "cannot lock %s: %s", spool->lock_path,
		    strerror(errno));
	if (tell && read(fd, pid, sizeof(pid) - 1) >= 0)
		log_info(
		    "ccm-ship %ld, or what it has started, holds the lock on %s; waiting",
		    strtol(pid, NULL, 10), spool->path);
	close(fd);
	return false;
}

/* True where what we have locked is what another would lock. */
static bool
is_lock_in_place(const struct spool *spool)
{
	struct stat ours, there;

	return fstat(spool->lock_fd, &ours) == 0 &&
	    lstat(spool->lock_path, &there) == 0 &&
	    ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/* ---- what there is ------------------------------------------------------ */

static int
has_no_dot(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void
add_file(struct spool *spool, const char *name)
{
	struct spool_file *file = &spool->files[spool->count];
	struct stat st;

	if (fstatat(spool->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode))
		return;
	if (st.st_size == 0) {
		unlinkat(spool->dir_fd, name, 0);
		return;
	}
	file->name = xstrdup(name);
	file->size = (uint64_t)st.st_size;
	spool->bytes += file->size;
	spool->count++;
}

void
spool_list_or_die(struct spool *spool)
{
	struct dirent **entries;
	char events[4096];
	int count;

	while (read(spool->watch_fd, events, sizeof(events)) > 0)
		continue;
	if (spool->lock_fd >= 0 && !is_lock_in_place(spool))
		die(EX_IOERR,
		    "%s was removed or replaced, alone or with its directory",
		    spool->lock_path);
	while (spool->count > 0)
		free(spool->files[--spool->count].name);
	free(spool->files);
	spool->bytes = 0;
	/* alphasort() is strcmp(), as nobody calls setlocale(). */
	count = scandirat(spool->dir_fd, ".", &entries, has_no_dot, alphasort);
	if (count < 0)
		die(EX_IOERR, "cannot read %s: %s", spool->path,
		    strerror(errno));
	spool->files = xmalloc(((size_t)count + 1) * sizeof(*spool->files));
	for (int i = 0; i < count; i++) {
		add_file(spool, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

bool
spool_make_bad(const struct spool *spool)
{
	struct stat st;

	if (mkdirat(spool->dir_fd, BAD_NAME, 0750) == 0)
		return true;
	if (errno != EEXIST || fstatat(spool->dir_fd, BAD_NAME, &st, 0) != 0)
		return false;
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode);
}

void
spool_clear_bad(const struct spool *spool)
{
	unlinkat(spool->dir_fd, BAD_NAME, AT_REMOVEDIR);
}

size_t
spool_count_bad(const struct spool *spool)
{
	struct dirent **entries;
	int count =
	    scandirat(spool->dir_fd, BAD_NAME, &entries, has_no_dot, NULL);

	if (count < 0)
		return 0;
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	return (size_t)count;
}

/* ---- a batch ------------------------------------------------------------ */

size_t
spool_batch(const struct spool *spool, uint64_t bytes_max)
{
	uint64_t bytes = spool->files[0].size;
	size_t count = 1;

	while (count < spool->count && count < BATCH_FILES_MAX) {
		bytes += spool->files[count].size;
		if (bytes > bytes_max)
			break;
		count++;
	}
	return count;
}

static int
open_file(const struct spool *spool, const char *name)
{
	return openat(spool->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

/* Appends a file, and the newline that it lacks; false with errno. */
static bool
append_file(const struct spool *spool, const char *name, int to)
{
	int from = open_file(spool, name);
	ssize_t sent;
	bool good;
	char last;

	if (from < 0)
		return false;
	while ((sent = sendfile(to, from, NULL, (size_t)1 << 20)) > 0)
		continue;
	good = sent == 0 &&
	    pread(to, &last, 1, lseek(to, 0, SEEK_CUR) - 1) == 1 &&
	    (last == '\n' || write(to, "\n", 1) == 1);
	close(from); /* leaves errno as it is */
	return good;
}

int
spool_join(const struct spool *spool, size_t count, struct buf *problem)
{
	const char *name = spool->files[0].name;
	int fd = count == 1 ? open_file(spool, name)
			    : memfd_create("ccm-ship", MFD_CLOEXEC);
	bool good = fd >= 0;

	for (size_t i = 0; i < count && count > 1 && good; i++) {
		name = spool->files[i].name;
		good = append_file(spool, name, fd);
	}
	if (good && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	buf_printf(problem, "cannot read %s/%s: %s", spool->path, name,
	    strerror(errno));
	close(fd);
	return -1;
}

uint64_t
spool_count_lines(const struct spool *spool, const char *name, off_t from)
{
	static char block[64 << 10];
	int fd = openat(spool->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint64_t count = 0;
	char last = '\n';
	ssize_t got;

	while (fd >= 0 && (got = pread(fd, block, sizeof(block), from)) > 0) {
		for (ssize_t i = 0; i < got; i++)
			count += block[i] == '\n';
		last = block[got - 1];
		from += got;
	}
	if (fd >= 0)
		close(fd);
	return count + (last != '\n');
}

void
spool_remove_or_die(const struct spool *spool, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *name = spool->files[i].name;

		if (unlinkat(spool->dir_fd, name, 0) != 0 && errno != ENOENT)
			die(EX_IOERR, "cannot remove %s/%s, which is sent: %s",
			    spool->path, name, strerror(errno));
	}
}

bool
spool_set_aside(const struct spool *spool, struct buf *path)
{
	const char *name = spool->files[0].name;
	struct buf to = BUF_INIT;
	bool moved;

	if (!spool_make_bad(spool))
		return false;
	/* Nobody else moves files in: the lock is ours. */
	buf_printf(&to, BAD_NAME "/%s", name);
	for (unsigned n = 2;
	     faccessat(spool->dir_fd, to.data, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	     n++) {
		to.len = 0;
		buf_printf(&to, BAD_NAME "/%s.%u", name, n);
	}
	moved = renameat(spool->dir_fd, name, spool->dir_fd, to.data) == 0;
	if (moved)
		buf_printf(path, "%s/%s", spool->path, to.data);
	buf_free(&to);
	return moved;
}

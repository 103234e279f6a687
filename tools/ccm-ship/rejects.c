#include "rejects.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

#define VARIABLE "CCM_SHIP_REJECTS"
#define SUFFIX ".rejected"

static bool
ends_in_suffix(const char *name)
{
	size_t len = strlen(name);

	return len > strlen(SUFFIX) &&
	    strcmp(name + len - strlen(SUFFIX), SUFFIX) == 0;
}

/* The file's size, or -1 where there is none. */
static off_t
size_of(const struct rejects *rejects, const struct spool *spool)
{
	struct stat st;

	if (fstatat(spool->dir_fd, rejects->name.data, &st,
		AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	return st.st_size;
}

void
rejects_offer(struct rejects *rejects, const struct spool *spool)
{
	const char *first = spool->files[0].name;
	const char *suffix = ends_in_suffix(first) ? "" : SUFFIX;
	char *directory = realpath(spool->path, NULL);
	struct buf path = BUF_INIT;

	rejects->offered = directory != NULL &&
	    strlen(first) + strlen(suffix) <= NAME_MAX && spool_make_bad(spool);
	unsetenv(VARIABLE);
	if (rejects->offered) {
		rejects->name.len = 0;
		buf_printf(&rejects->name, BAD_NAME "/%s%s", first, suffix);
		rejects->size = size_of(rejects, spool);
		buf_printf(&path, "%s/%s", directory, rejects->name.data);
		setenv(VARIABLE, path.data, 1);
	}
	buf_free(&path);
	free(directory);
}

static bool
sync_at(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;
	int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
	return good;
}

bool
rejects_keep(struct rejects *rejects, const struct spool *spool, bool *added,
    struct buf *problem)
{
	*added = rejects->offered && size_of(rejects, spool) > 0 &&
	    size_of(rejects, spool) > rejects->size;
	rejects->added = 0;
	if (!*added) {
		/* A shell's >> may have made an empty one. */
		rejects_undo(rejects, spool);
		return true;
	}
	rejects->added = spool_count_lines(
	    spool, rejects->name.data, rejects->size > 0 ? rejects->size : 0);
	if (sync_at(spool->dir_fd, rejects->name.data) &&
	    sync_at(spool->dir_fd, BAD_NAME) && fsync(spool->dir_fd) == 0)
		return true;
	buf_printf(problem, "cannot sync %s/%s: %s", spool->path,
	    rejects->name.data, strerror(errno));
	rejects_undo(rejects, spool);
	return false;
}

void
rejects_undo(struct rejects *rejects, const struct spool *spool)
{
	int fd;

	if (!rejects->offered)
		return;
	if (rejects->size < 0) {
		unlinkat(spool->dir_fd, rejects->name.data, 0);
	} else if (size_of(rejects, spool) > rejects->size) {
		fd = openat(spool->dir_fd, rejects->name.data,
		    O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || ftruncate(fd, rejects->size) != 0)
			log_warn("cannot cut %s/%s to what it was: %s",
			    spool->path, rejects->name.data, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	spool_clear_bad(spool);
}

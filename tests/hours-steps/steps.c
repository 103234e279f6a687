/*
 * steps.so - numbers the operations of ccm-hours on the files of one directory,
 * and disturbs one of them (LD_PRELOAD; tests/hours-steps/hours-steps.c).
 *
 *	STEPS_DIR	the directory, absolute and without links
 *	STEPS_MODE	count	(default) nothing is changed
 *			before	SIGKILL before operation STEPS_AT
 *			after	SIGKILL after it
 *			term	SIGTERM before it
 *			fail	it fails with STEPS_ERRNO
 *			full	it and all later ones that take space do
 *	STEPS_AT	1 is the first operation
 *	STEPS_ALL	1: operations that only read are numbered too. Only
 *			failures need this: a kill at a read leaves what a kill
 *			after the last change leaves.
 *	STEPS_REPORT	a file that gets "AT OPERATION PATH" for the operation
 *			that was disturbed, and "COUNT N" at the end of a run
 *	STEPS_DURABLE	a file that gets what each sync makes durable:
 *			"F INODE BYTES", a newline and the bytes of a file, or
 *			"D INODE N" and N lines "INODE f|d NAME"
 *
 * Only a process named ccm-hours counts, and none of its children: LD_PRELOAD
 *is removed from its environment.
 *
 * Nothing is really synced: what the kernel holds outlives a killed process,
 *and a disk would only be slow. An inode that loses a name is held open, so
 *that no other one gets its number in STEPS_DURABLE.
 *
 * Calls inside libc cannot be intercepted. A function that works on files in
 * this way (fopen, nftw, ...) ends the program with a message if it is called
 * for STEPS_DIR.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS 1024
#define WHERE_SIZE (2 * PATH_MAX + 64)

enum mode { COUNT, BEFORE, AFTER, TERM, FAIL, FULL };
static const char *const mode_names[] = {
    "count", "before", "after", "term", "fail", "full"};

/* A full disk refuses only what takes space. */
enum kind { READS, CHANGES, TAKES_SPACE };

static struct {
	pid_t pid; /* 0: this is not ccm-hours, and nothing is done */
	enum mode mode;
	bool all;
	int error;
	unsigned long at, count;
	bool reported;
	const char *dir, *report, *durable;
	bool written[FDS]; /* and not synced since: close(2) may fail */
} steps;

/* ---- set-up ------------------------------------------------------------- */

static void *
next(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (found == NULL)
		abort();
	return found;
}

static unsigned long
number_from(const char *name)
{
	const char *text = getenv(name);

	return text != NULL ? strtoul(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void
begin_counting(void)
{
	const char *mode = getenv("STEPS_MODE");

	steps.dir = getenv("STEPS_DIR");
	steps.report = getenv("STEPS_REPORT");
	steps.durable = getenv("STEPS_DURABLE");
	steps.at = number_from("STEPS_AT");
	steps.all = number_from("STEPS_ALL") != 0;
	steps.error = (int)number_from("STEPS_ERRNO");
	for (size_t i = 0; i < sizeof(mode_names) / sizeof(*mode_names); i++) {
		if (mode != NULL && strcmp(mode, mode_names[i]) == 0)
			steps.mode = (enum mode)i;
	}
	unsetenv("LD_PRELOAD");
	if (steps.dir != NULL &&
	    strcmp(program_invocation_short_name, "ccm-hours") == 0)
		steps.pid = getpid();
}

/* ---- reports ------------------------------------------------------------ */

/* By system calls: the functions of these names are ours. */
static void
append(const char *path, const void *bytes, size_t len)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || syscall(SYS_write, fd, bytes, len) != (long)len)
		abort();
	syscall(SYS_close, fd);
}

__attribute__((format(printf, 1, 2))) static void
report(const char *format, ...)
{
	char line[WHERE_SIZE];
	va_list arguments;
	int len;

	if (steps.report == NULL)
		return;
	va_start(arguments, format);
	len = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	append(steps.report, line, (size_t)len);
}

__attribute__((destructor)) static void
end_counting(void)
{
	if (steps.pid == getpid())
		report("COUNT %lu\n", steps.count);
}

/* ---- where an operation is ---------------------------------------------- */

static bool
path_of(int fd, char path[PATH_MAX])
{
	char link[64];
	ssize_t len;

	if (fd == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/self/cwd");
	else
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
	if (len < 0)
		return false;
	path[len] = '\0';
	return true;
}

/*
 * The absolute path of what an operation is about: a descriptor, or a name
 * below a directory's. False where it is not in STEPS_DIR.
 */
static bool
locate(int fd, const char *name, char path[PATH_MAX])
{
	size_t len = strlen(steps.dir), used = 0;

	if (name == NULL || name[0] != '/') {
		if (!path_of(fd, path))
			return false;
		used = strlen(path);
	}
	if (name != NULL)
		snprintf(path + used, PATH_MAX - used, "%s%s",
		    used > 0 ? "/" : "", name);
	return strncmp(path, steps.dir, len) == 0 &&
	    (path[len] == '/' || path[len] == '\0');
}

static bool
counts(void)
{
	return steps.pid != 0 && steps.pid == getpid();
}

/* ---- steps -------------------------------------------------------------- */

struct step {
	bool counted;
	bool last; /* the run ends behind it */
	int fd;    /* a descriptor that it is about, or -1 */
};

static void
end_here(int signal)
{
	syscall(SYS_kill, steps.pid, signal);
}

/* True where this step is one that fails; errno is set. */
static bool
fails(enum kind kind)
{
	if (steps.mode == FAIL && steps.count != steps.at)
		return false;
	if (steps.mode == FULL &&
	    (steps.count < steps.at || kind != TAKES_SPACE))
		return false;
	errno = steps.error;
	return steps.mode == FAIL || steps.mode == FULL;
}

/*
 * Before an operation: `fd` and `name` are what it is about, either of which
 * may be missing (AT_FDCWD, NULL). False: it fails, with errno.
 */
static bool
begin(struct step *step, enum kind kind, const char *operation, int fd,
    const char *name)
{
	char path[PATH_MAX];
	int error = errno;
	bool here, goes_on;

	*step = (struct step){.fd = name == NULL ? fd : -1};
	if (!counts() || (kind == READS && !steps.all) ||
	    !locate(fd, name, path)) {
		errno = error;
		return true;
	}
	step->counted = true;
	here = ++steps.count == steps.at;
	step->last = here && steps.mode == AFTER;
	errno = error;
	goes_on = !fails(kind);
	error = errno;
	if ((here && steps.mode != COUNT && steps.mode != FULL) ||
	    (!goes_on && !steps.reported)) {
		report("AT %s %s\n", operation,
		    path[strlen(steps.dir)] == '/'
			? path + strlen(steps.dir) + 1
			: ".");
		steps.reported = true;
	}
	if (here && steps.mode == BEFORE)
		end_here(SIGKILL);
	if (here && steps.mode == TERM)
		end_here(SIGTERM);
	errno = error;
	return goes_on;
}

/* After it: returns `result`. */
static long
end(const struct step *step, long result)
{
	int error = errno;

	if (step->last)
		end_here(SIGKILL);
	errno = error;
	return result;
}

static void
set_written(int fd, bool written)
{
	if (fd >= 0 && fd < FDS)
		steps.written[fd] = written;
}

/* The inode of a name that an operation may take away stays allocated. */
static void
hold(int dir, const char *name)
{
	int error = errno;

	if (counts() && steps.durable != NULL)
		syscall(
		    SYS_openat, dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	errno = error;
}

/* Ends the program if it calls such a function for STEPS_DIR. */
static void
refuse(const char *function, const char *name)
{
	char path[PATH_MAX];
	int error = errno;

	if (counts() && locate(AT_FDCWD, name, path)) {
		dprintf(STDERR_FILENO,
		    "steps.so: %s(%s): the operations of this function "
		    "cannot be counted\n",
		    function, name);
		abort();
	}
	errno = error;
}

/* ---- what is durable ---------------------------------------------------- */

struct bytes {
	char *data;
	size_t len, capacity;
};

static char *
room(struct bytes *bytes, size_t more)
{
	if (bytes->len + more > bytes->capacity) {
		bytes->capacity = (bytes->len + more) * 2;
		bytes->data = realloc(bytes->data, bytes->capacity);
		if (bytes->data == NULL)
			abort();
	}
	return bytes->data + bytes->len;
}

static void
add_file(struct bytes *out, int fd, const struct stat *st)
{
	struct bytes content = {NULL, 0, 0};
	long got;

	while ((got = syscall(SYS_pread64, fd, room(&content, 65536), 65536,
		    content.len)) > 0)
		content.len += (size_t)got;
	out->len += (size_t)snprintf(room(out, 64), 64, "F %ju %zu\n",
	    (uintmax_t)st->st_ino, content.len);
	memcpy(room(out, content.len), content.data, content.len);
	out->len += content.len;
	free(content.data);
}

static void
add_directory(struct bytes *out, int fd, const struct stat *st)
{
	char entries[32768]
	    __attribute__((aligned(__alignof__(struct dirent64))));
	struct bytes list = {NULL, 0, 0};
	struct dirent64 *entry;
	unsigned count = 0;
	long got;

	while (
	    (got = syscall(SYS_getdents64, fd, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < got; at += entry->d_reclen) {
			entry = (void *)(entries + at);
			if (strcmp(entry->d_name, ".") == 0 ||
			    strcmp(entry->d_name, "..") == 0)
				continue;
			count++;
			list.len += (size_t)snprintf(room(&list, NAME_MAX + 32),
			    NAME_MAX + 32, "%ju %c %s\n",
			    (uintmax_t)entry->d_ino,
			    entry->d_type == DT_DIR ? 'd' : 'f', entry->d_name);
		}
	}
	out->len += (size_t)snprintf(
	    room(out, 64), 64, "D %ju %u\n", (uintmax_t)st->st_ino, count);
	memcpy(room(out, list.len), list.data, list.len);
	out->len += list.len;
	free(list.data);
}

/* `name` below `dir` is synced; with `deep`, all that is in it too. */
static void
record(struct bytes *out, int dir, const char *name, bool deep)
{
	int fd = (int)syscall(SYS_openat, dir, name, O_RDONLY | O_CLOEXEC, 0);
	struct bytes list = {NULL, 0, 0};
	struct stat st;
	char *line, *rest, *entry;

	if (fd < 0 || fstatat(fd, "", &st, AT_EMPTY_PATH) != 0)
		abort();
	if (S_ISREG(st.st_mode))
		add_file(out, fd, &st);
	if (S_ISDIR(st.st_mode)) {
		add_directory(&list, fd, &st);
		memcpy(room(out, list.len + 1), list.data, list.len);
		out->len += list.len;
		*room(&list, 1) = '\0';
		rest = strchr(list.data, '\n') + 1;
		while (deep && (line = strsep(&rest, "\n")) != NULL &&
		    line[0] != '\0') {
			entry = strchr(strchr(line, ' ') + 1, ' ') + 1;
			record(out, fd, entry, true);
		}
	}
	free(list.data);
	syscall(SYS_close, fd);
}

/* The end of fsync(2) or, with `all`, of syncfs(2). */
static int
synced(const struct step *step, bool all)
{
	struct bytes out = {NULL, 0, 0};
	char link[64];

	set_written(step->fd, false);
	if (step->counted && steps.durable != NULL) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", step->fd);
		record(&out, AT_FDCWD, all ? steps.dir : link, all);
		append(steps.durable, out.data, out.len);
		free(out.data);
	}
	return (int)end(step, 0);
}

/* ---- the operations ----------------------------------------------------- */

static int
open_any(
    const char *operation, int dir, const char *name, int flags, mode_t mode)
{
	bool makes = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
	enum kind kind = makes       ? TAKES_SPACE
	    : (flags & O_TRUNC) != 0 ? CHANGES
				     : READS;
	struct step step;
	int fd;

	if (!begin(&step, kind, operation, dir, name))
		return -1;
	fd = (int)syscall(SYS_openat, dir, name, flags, makes ? mode : 0);
	set_written(fd, false);
	return (int)end(&step, fd);
}

static mode_t
mode_from(int flags, va_list arguments)
{
	return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE
	    ? va_arg(arguments, mode_t)
	    : 0;
}

/* The names that a program may have for it; those with a 2 are FORTIFY's. */
int __open_2(const char *name, int flags);
int __open64_2(const char *name, int flags);
int __openat_2(int dir, const char *name, int flags);
int __openat64_2(int dir, const char *name, int flags);

int
open(const char *name, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = mode_from(flags, arguments);
	va_end(arguments);
	return open_any("open", AT_FDCWD, name, flags, mode);
}

int
open64(const char *name, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = mode_from(flags, arguments);
	va_end(arguments);
	return open_any("open", AT_FDCWD, name, flags, mode);
}

int
openat(int dir, const char *name, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = mode_from(flags, arguments);
	va_end(arguments);
	return open_any("openat", dir, name, flags, mode);
}

int
openat64(int dir, const char *name, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = mode_from(flags, arguments);
	va_end(arguments);
	return open_any("openat", dir, name, flags, mode);
}

int
__open_2(const char *name, int flags)
{
	return open_any("open", AT_FDCWD, name, flags, 0);
}

int
__open64_2(const char *name, int flags)
{
	return open_any("open", AT_FDCWD, name, flags, 0);
}

int
__openat_2(int dir, const char *name, int flags)
{
	return open_any("openat", dir, name, flags, 0);
}

int
__openat64_2(int dir, const char *name, int flags)
{
	return open_any("openat", dir, name, flags, 0);
}

int
creat(const char *name, mode_t mode)
{
	return open_any(
	    "creat", AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* A close that fails has closed the descriptor all the same. */
int
close(int fd)
{
	bool matters = fd >= 0 && fd < FDS && steps.written[fd];
	struct step step = {.fd = fd};
	bool fails_here = matters && !begin(&step, CHANGES, "close", fd, NULL);
	int result;

	set_written(fd, false);
	result = (int)syscall(SYS_close, fd);
	if (fails_here)
		errno = steps.error;
	return fails_here ? -1 : (int)end(&step, result);
}

ssize_t
read(int fd, void *bytes, size_t len)
{
	struct step step;

	return begin(&step, READS, "read", fd, NULL)
	    ? end(&step, syscall(SYS_read, fd, bytes, len))
	    : -1;
}

/* FORTIFY's, which has checked the size. */
ssize_t __read_chk(int fd, void *bytes, size_t len, size_t size);

ssize_t
__read_chk(int fd, void *bytes, size_t len, size_t size)
{
	if (len > size)
		abort();
	return read(fd, bytes, len);
}

ssize_t
pread(int fd, void *bytes, size_t len, off_t offset)
{
	struct step step;

	return begin(&step, READS, "pread", fd, NULL)
	    ? end(&step, syscall(SYS_pread64, fd, bytes, len, offset))
	    : -1;
}

ssize_t
pread64(int fd, void *bytes, size_t len, off64_t offset)
{
	return pread(fd, bytes, len, offset);
}

/* A disk that becomes full takes a part of what is written first. */
static bool
short_of_space(size_t len)
{
	return steps.error == ENOSPC && len > 1;
}

ssize_t
write(int fd, const void *bytes, size_t len)
{
	struct step step;

	if (!begin(&step, TAKES_SPACE, "write", fd, NULL)) {
		if (short_of_space(len))
			syscall(SYS_write, fd, bytes, len / 2);
		errno = steps.error;
		return -1;
	}
	if (step.counted)
		set_written(fd, true);
	return end(&step, syscall(SYS_write, fd, bytes, len));
}

ssize_t
writev(int fd, const struct iovec *parts, int count)
{
	struct step step;

	if (!begin(&step, TAKES_SPACE, "writev", fd, NULL))
		return -1;
	if (step.counted)
		set_written(fd, true);
	return end(&step, syscall(SYS_writev, fd, parts, count));
}

ssize_t
pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
	struct step step;

	if (!begin(&step, TAKES_SPACE, "pwrite", fd, NULL)) {
		if (short_of_space(len))
			syscall(SYS_pwrite64, fd, bytes, len / 2, offset);
		errno = steps.error;
		return -1;
	}
	if (step.counted)
		set_written(fd, true);
	return end(&step, syscall(SYS_pwrite64, fd, bytes, len, offset));
}

ssize_t
pwrite64(int fd, const void *bytes, size_t len, off64_t offset)
{
	return pwrite(fd, bytes, len, offset);
}

ssize_t
copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t len,
    unsigned flags)
{
	struct step step;

	if (!begin(&step, TAKES_SPACE, "copy_file_range", out, NULL))
		return -1;
	if (step.counted)
		set_written(out, true);
	return end(&step,
	    syscall(SYS_copy_file_range, in, in_at, out, out_at, len, flags));
}

ssize_t
sendfile(int out, int in, off_t *at, size_t len)
{
	struct step step;

	if (!begin(&step, TAKES_SPACE, "sendfile", out, NULL))
		return -1;
	if (step.counted)
		set_written(out, true);
	return end(&step, syscall(SYS_sendfile, out, in, at, len));
}

ssize_t
sendfile64(int out, int in, off64_t *at, size_t len)
{
	return sendfile(out, in, at, len);
}

int
fsync(int fd)
{
	struct step step;

	return begin(&step, TAKES_SPACE, "fsync", fd, NULL)
	    ? synced(&step, false)
	    : -1;
}

int
fdatasync(int fd)
{
	struct step step;

	return begin(&step, TAKES_SPACE, "fdatasync", fd, NULL)
	    ? synced(&step, false)
	    : -1;
}

int
syncfs(int fd)
{
	struct step step;

	return begin(&step, TAKES_SPACE, "syncfs", fd, NULL)
	    ? synced(&step, true)
	    : -1;
}

/* Makes nothing durable, as sync_file_range(2) says. */
int
sync_file_range(int fd, off64_t offset, off64_t bytes, unsigned flags)
{
	struct step step;

	(void)offset;
	(void)bytes;
	(void)flags;
	return begin(&step, CHANGES, "sync_file_range", fd, NULL)
	    ? (int)end(&step, 0)
	    : -1;
}

int
renameat2(
    int from, const char *name, int to, const char *new_name, unsigned flags)
{
	struct step step;

	if (!begin(&step, CHANGES, "rename to", to, new_name))
		return -1;
	if (step.counted)
		hold(to, new_name);
	return (int)end(
	    &step, syscall(SYS_renameat2, from, name, to, new_name, flags));
}

int
renameat(int from, const char *name, int to, const char *new_name)
{
	return renameat2(from, name, to, new_name, 0);
}

int
rename(const char *name, const char *new_name)
{
	return renameat2(AT_FDCWD, name, AT_FDCWD, new_name, 0);
}

int
linkat(int from, const char *name, int to, const char *new_name, int flags)
{
	struct step step;

	return begin(&step, TAKES_SPACE, "link", to, new_name)
	    ? (int)end(
		  &step, syscall(SYS_linkat, from, name, to, new_name, flags))
	    : -1;
}

int
link(const char *name, const char *new_name)
{
	return linkat(AT_FDCWD, name, AT_FDCWD, new_name, 0);
}

int
unlinkat(int dir, const char *name, int flags)
{
	struct step step;

	if (!begin(&step, CHANGES, "unlink", dir, name))
		return -1;
	if (step.counted)
		hold(dir, name);
	return (int)end(&step, syscall(SYS_unlinkat, dir, name, flags));
}

int
unlink(const char *name)
{
	return unlinkat(AT_FDCWD, name, 0);
}

int
rmdir(const char *name)
{
	return unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}

int
mkdirat(int dir, const char *name, mode_t mode)
{
	struct step step;

	return begin(&step, TAKES_SPACE, "mkdir", dir, name)
	    ? (int)end(&step, syscall(SYS_mkdirat, dir, name, mode))
	    : -1;
}

int
mkdir(const char *name, mode_t mode)
{
	return mkdirat(AT_FDCWD, name, mode);
}

int
ftruncate(int fd, off_t len)
{
	struct step step;

	if (!begin(&step, CHANGES, "ftruncate", fd, NULL))
		return -1;
	if (step.counted)
		set_written(fd, true);
	return (int)end(&step, syscall(SYS_ftruncate, fd, len));
}

int
ftruncate64(int fd, off64_t len)
{
	return ftruncate(fd, len);
}

int
fchmod(int fd, mode_t mode)
{
	struct step step;

	return begin(&step, CHANGES, "fchmod", fd, NULL)
	    ? (int)end(&step, syscall(SYS_fchmod, fd, mode))
	    : -1;
}

/* ---- operations that only read ------------------------------------------ */

int
fstatat(int dir, const char *restrict name, struct stat *restrict st, int flags)
{
	struct step step;

	return begin(&step, READS, "stat", dir, name[0] != '\0' ? name : NULL)
	    ? (int)end(&step, syscall(SYS_newfstatat, dir, name, st, flags))
	    : -1;
}

int
stat(const char *restrict name, struct stat *restrict st)
{
	return fstatat(AT_FDCWD, name, st, 0);
}

int
lstat(const char *restrict name, struct stat *restrict st)
{
	return fstatat(AT_FDCWD, name, st, AT_SYMLINK_NOFOLLOW);
}

int
fstat(int fd, struct stat *st)
{
	return fstatat(fd, "", st, AT_EMPTY_PATH);
}

int
faccessat(int dir, const char *name, int mode, int flags)
{
	struct step step;

	return begin(&step, READS, "access", dir, name)
	    ? (int)end(&step, syscall(SYS_faccessat2, dir, name, mode, flags))
	    : -1;
}

int
access(const char *name, int mode)
{
	return faccessat(AT_FDCWD, name, mode, 0);
}

DIR *
opendir(const char *name)
{
	int fd = open_any(
	    "opendir", AT_FDCWD, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

	return fd >= 0 ? fdopendir(fd) : NULL;
}

struct dirent *
readdir(DIR *entries)
{
	static struct dirent *(*real)(DIR *);
	struct step step;

	if (real == NULL)
		*(void **)&real = next("readdir");
	return begin(&step, READS, "readdir", dirfd(entries), NULL)
	    ? real(entries)
	    : NULL;
}

struct dirent64 *
readdir64(DIR *entries)
{
	return (void *)readdir(entries);
}

/* ---- what cannot be counted --------------------------------------------- */

FILE *
fopen(const char *restrict name, const char *restrict mode)
{
	static FILE *(*real)(const char *, const char *);

	refuse("fopen", name);
	if (real == NULL)
		*(void **)&real = next("fopen");
	return real(name, mode);
}

FILE *
fopen64(const char *restrict name, const char *restrict mode)
{
	return fopen(name, mode);
}

int
remove(const char *name)
{
	static int (*real)(const char *);

	refuse("remove", name);
	if (real == NULL)
		*(void **)&real = next("remove");
	return real(name);
}

int
nftw(const char *name, __nftw_func_t function, int descriptors, int flags)
{
	static int (*real)(const char *, __nftw_func_t, int, int);

	refuse("nftw", name);
	if (real == NULL)
		*(void **)&real = next("nftw");
	return real(name, function, descriptors, flags);
}

char *
mkdtemp(char *name)
{
	static char *(*real)(char *);

	refuse("mkdtemp", name);
	if (real == NULL)
		*(void **)&real = next("mkdtemp");
	return real(name);
}

int
scandir(const char *restrict name, struct dirent ***restrict list,
    int (*wanted)(const struct dirent *),
    int (*order)(const struct dirent **, const struct dirent **))
{
	static int (*real)(const char *, struct dirent ***,
	    int (*)(const struct dirent *),
	    int (*)(const struct dirent **, const struct dirent **));

	refuse("scandir", name);
	if (real == NULL)
		*(void **)&real = next("scandir");
	return real(name, list, wanted, order);
}

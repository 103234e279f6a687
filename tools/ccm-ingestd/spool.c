#include "spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "lines.h"
#include "log.h"
#include "metric.h"
#include "plural.h"

#define LOCK_NAME ".ingestd.lock"
#define BAD_NAME "bad"
#define LOCK_WAIT_MS 10000
#define LOCK_POLL_US 100000
#define FILE_BYTES ((uint64_t)8 << 20)
#define FILE_AGE_MS 1000
#define DIGITS 20
/* Entries that are looked at in one go: about a millisecond. */
#define ENTRIES_A_LOOK 500

/* ".N.open" and "N.ndjson" */
struct file_name {
	char text[DIGITS + sizeof(".ndjson")];
};

struct spool_scan {
	DIR *dir;
	bool is_bad; /* it is bad/ that is read */
	uint64_t bytes, files, oldest;
	int64_t oldest_ms;
};

/* ---- names -------------------------------------------------------------- */

static struct file_name
open_name(uint64_t number)
{
	struct file_name name;

	snprintf(name.text, sizeof(name.text), ".%020" PRIu64 ".open", number);
	return name;
}

static struct file_name
final_name(uint64_t number)
{
	struct file_name name;

	snprintf(name.text, sizeof(name.text), "%020" PRIu64 ".ndjson", number);
	return name;
}

/* The N of a name; 0 where it is none of ours. ccm-ship may have put a suffix
 * behind that of a file in bad/. */
static uint64_t
number_of(const char *name)
{
	const char *digits = name + (name[0] == '.');

	if (strspn(digits, "0123456789") != DIGITS ||
	    (strcmp(digits + DIGITS, ".open") != 0 &&
		strncmp(digits + DIGITS, ".ndjson", strlen(".ndjson")) != 0))
		return 0;
	return strtoull(digits, NULL, 10);
}

static bool
is_open_name(const char *name)
{
	return name[0] == '.' && number_of(name) != 0;
}

/* ---- the open file ------------------------------------------------------ */

static bool
sync_directory(const struct spool *spool)
{
	return fsync(spool->dir_fd) == 0;
}

/* Makes the next file; false with errno. */
static bool
open_next(struct spool *spool)
{
	struct file_name name = open_name(spool->number + 1);

	spool->fd = openat(spool->dir_fd, name.text,
	    O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
	    0640);
	if (spool->fd < 0)
		return false;
	spool->number++;
	spool->committed = 0;
	/* The name of a file with synced bytes has to be there as well. */
	if (sync_directory(spool))
		return true;
	close(spool->fd);
	spool->fd = -1;
	return false;
}

static void
rename_file(struct spool *spool, uint64_t number)
{
	struct file_name from = open_name(number), to = final_name(number);

	if (renameat2(spool->dir_fd, from.text, spool->dir_fd, to.text,
		RENAME_NOREPLACE) < 0 &&
	    (errno != EINVAL ||
		renameat(spool->dir_fd, from.text, spool->dir_fd, to.text) < 0))
		log_error("%s: cannot rename %s: %s; it is handed over at the "
			  "next start",
		    spool->path, from.text, strerror(errno));
	else if (!sync_directory(spool))
		log_warn("%s: cannot sync the directory: %s", spool->path,
		    strerror(errno));
}

void
spool_hand_over(struct spool *spool)
{
	if (spool->fd < 0)
		return;
	close(spool->fd);
	spool->fd = -1;
	if (spool->committed > 0) {
		rename_file(spool, spool->number);
	} else {
		struct file_name name = open_name(spool->number);

		unlinkat(spool->dir_fd, name.text, 0);
	}
}

int
spool_due_ms(const struct spool *spool, int64_t now_ms)
{
	int64_t left;

	if (spool->fd < 0 || spool->committed == 0)
		return -1;
	left = spool->opened_ms + FILE_AGE_MS - now_ms;
	return left > 0 ? (int)left : 0;
}

/* Back to the last commit. A file that cannot be cut, or whose sync failed, is
 * not written to any more: what it has beyond is cut off at the next start, or
 * was answered with 503. */
static void
take_back(struct spool *spool, bool is_sound)
{
	bool cut = ftruncate(spool->fd, (off_t)spool->committed) == 0;

	if (cut && is_sound)
		return;
	if (cut) {
		spool_hand_over(spool);
		return;
	}
	log_error("%s: cannot cut .%020" PRIu64 ".open at byte %" PRIu64
		  ": %s; it is looked at when the daemon starts again",
	    spool->path, spool->number, spool->committed, strerror(errno));
	close(spool->fd);
	spool->fd = -1;
}

static bool
write_waiting(struct spool *spool, struct buf *problem)
{
	if (spool->fd < 0 && !open_next(spool)) {
		buf_printf(problem, "%s: cannot make a file: %s", spool->path,
		    strerror(errno));
		return false;
	}
	if (!write_all(spool->fd, spool->waiting.data, spool->waiting.len)) {
		buf_printf(problem, "%s: cannot write: %s", spool->path,
		    strerror(errno));
		take_back(spool, true);
		return false;
	}
	if (fdatasync(spool->fd) < 0) {
		buf_printf(problem, "%s: cannot sync: %s", spool->path,
		    strerror(errno));
		take_back(spool, false);
		return false;
	}
	return true;
}

bool
spool_commit(struct spool *spool, int64_t now_ms, struct buf *problem)
{
	size_t len = spool->waiting.len;
	bool written;

	if (len == 0)
		return true;
	written = write_waiting(spool, problem);
	spool->waiting.len = 0;
	spool->is_failing = !written;
	if (!written) {
		spool->failures++;
		return false;
	}
	spool->commits++;
	if (spool->committed == 0) {
		spool->opened_ms = now_ms;
		spool->files++;
	}
	spool->committed += len;
	spool->bytes += len;
	spool->written += len;
	if (spool->committed >= FILE_BYTES)
		spool_hand_over(spool);
	return true;
}

/* ---- how much there is -------------------------------------------------- */

const char *
spool_refusal(const struct spool *spool)
{
	if (spool->bytes + spool->waiting.len > spool->limits.bytes_max)
		return "the spool is full (CCM_SPOOL_MAX)";
	if (spool->is_full)
		return "the disk of the spool is nearly full";
	return NULL;
}

static void
look_at_disk(struct spool *spool)
{
	struct statvfs fs;

	if (fstatvfs(spool->dir_fd, &fs) == 0)
		spool->is_full = (uint64_t)fs.f_bavail * fs.f_frsize <
		    spool->limits.free_min;
}

static DIR *
open_directory(const struct spool *spool, const char *name)
{
	int fd =
	    openat(spool->dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir == NULL && fd >= 0)
		close(fd);
	return dir;
}

static void
begin_look(struct spool *spool)
{
	DIR *dir = open_directory(spool, ".");

	look_at_disk(spool);
	if (dir == NULL)
		return;
	spool->scan = xmalloc(sizeof(*spool->scan));
	*spool->scan = (struct spool_scan){.dir = dir};
	spool->written = 0;
}

static void
add_entry(struct spool_scan *scan, const char *name)
{
	uint64_t number = number_of(name);
	struct stat st;

	if (fstatat(dirfd(scan->dir), name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return;
	scan->bytes += (uint64_t)st.st_size;
	if (scan->is_bad || number == 0 || st.st_size == 0)
		return;
	scan->files++;
	if (scan->oldest == 0 || number < scan->oldest) {
		scan->oldest = number;
		scan->oldest_ms = (int64_t)st.st_mtim.tv_sec * 1000;
	}
}

static void
end_look(struct spool *spool)
{
	struct spool_scan *scan = spool->scan;

	spool->bytes = scan->bytes + spool->written;
	spool->files = scan->files;
	spool->oldest_ms = scan->oldest_ms;
	free(scan);
	spool->scan = NULL;
}

bool
spool_look(struct spool *spool)
{
	struct spool_scan *scan;

	if (spool->scan == NULL)
		begin_look(spool);
	scan = spool->scan;
	if (scan == NULL)
		return false;
	for (int i = 0; i < ENTRIES_A_LOOK; i++) {
		const struct dirent *entry = readdir(scan->dir);

		if (entry != NULL) {
			add_entry(scan, entry->d_name);
			continue;
		}
		closedir(scan->dir);
		scan->dir =
		    scan->is_bad ? NULL : open_directory(spool, BAD_NAME);
		scan->is_bad = true;
		if (scan->dir == NULL) {
			end_look(spool);
			return false;
		}
	}
	return true;
}

/* ---- the start ---------------------------------------------------------- */

static void
lock_or_die(struct spool *spool)
{
	int64_t end = monotonic_ms() + LOCK_WAIT_MS;

	spool->lock_fd = openat(spool->dir_fd, LOCK_NAME,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (spool->lock_fd < 0)
		die(EX_CANTCREAT, "%s: cannot make " LOCK_NAME ": %s",
		    spool->path, strerror(errno));
	while (flock(spool->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			die(EX_OSERR, "%s: cannot lock " LOCK_NAME ": %s",
			    spool->path, strerror(errno));
		if (monotonic_ms() > end)
			die(EX_TEMPFAIL,
			    "%s: another ccm-ingestd has this spool",
			    spool->path);
		usleep(LOCK_POLL_US);
	}
}

/* How many bytes of a file are whole, valid lines. */
static uint64_t
valid_bytes(int fd, struct buf *why)
{
	struct lines lines = {.fd = fd};
	struct json json = JSON_INIT;
	struct metric_problem problem = {.too_many = false};
	struct metric *metric = xmalloc(sizeof(*metric));
	uint64_t valid = 0;
	char *line;
	size_t len;

	for (;;) {
		enum lines_result result = lines_next(&lines, &line, &len);

		if (result == LINES_END)
			break;
		if (result != LINES_LINE) {
			buf_add_string(why, "too long, or unreadable");
			break;
		}
		if (line[len] != '\n') {
			buf_add_string(why, "cut short");
			break;
		}
		if (!metric_read_line(
			&json, line, len, METRIC_SPOOLED, metric, &problem)) {
			buf_printf(why, "not a metric: %s %s",
			    problem.pointer.data, problem.detail.data);
			break;
		}
		valid += len + 1;
	}
	free(metric);
	json_free(&json);
	metric_problem_free(&problem);
	lines_free(&lines);
	return valid;
}

/* A file that a crash left open: what is valid of it goes on its way. */
static void
recover_or_die(struct spool *spool, const char *name)
{
	int fd = openat(spool->dir_fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct buf why = BUF_INIT;
	struct stat st;
	uint64_t valid;

	if (fd < 0 || fstat(fd, &st) < 0)
		die(EX_NOINPUT, "%s/%s: %s", spool->path, name,
		    strerror(errno));
	valid = valid_bytes(fd, &why);
	if (valid < (uint64_t)st.st_size)
		log_warn("%s/%s: cut at byte %" PRIu64 " of %jd, where a line "
			 "is %s; it was not accepted",
		    spool->path, name, valid, (intmax_t)st.st_size,
		    buf_terminate(&why));
	if (ftruncate(fd, (off_t)valid) < 0 || fdatasync(fd) < 0)
		die(EX_IOERR, "%s/%s: cannot cut it: %s", spool->path, name,
		    strerror(errno));
	close(fd);
	if (valid == 0)
		unlinkat(spool->dir_fd, name, 0);
	else
		rename_file(spool, number_of(name));
	log_info("%s/%s: recovered, %" PRIu64 " byte%s", spool->path, name,
	    valid, plural(valid));
	buf_free(&why);
}

/* The largest N in a directory. */
static void
note_numbers(struct spool *spool, const char *directory)
{
	DIR *dir = open_directory(spool, directory);
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		uint64_t number = number_of(entry->d_name);

		if (number > spool->number)
			spool->number = number;
	}
	if (dir != NULL)
		closedir(dir);
}

static void
recover_all_or_die(struct spool *spool)
{
	DIR *dir = open_directory(spool, ".");
	const struct dirent *entry;
	char **names = NULL;
	size_t count = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (!is_open_name(entry->d_name))
			continue;
		names = grow_by_one(names, count, sizeof(*names));
		names[count++] = xstrdup(entry->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	for (size_t i = 0; i < count; i++) {
		recover_or_die(spool, names[i]);
		free(names[i]);
	}
	free(names);
}

static void
make_directory(const char *path)
{
	if (mkdir(path, 0770) < 0 && errno != EEXIST)
		die(EX_CANTCREAT, "%s: cannot make the spool: %s", path,
		    strerror(errno));
}

void
spool_open_or_die(struct spool *spool, const char *path)
{
	struct spool_limits limits = spool->limits;

	*spool = (struct spool){.path = path, .limits = limits, .fd = -1};
	make_directory(path);
	spool->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spool->dir_fd < 0)
		die(EX_CONFIG, "%s: cannot open the spool: %s", path,
		    strerror(errno));
	lock_or_die(spool);
	note_numbers(spool, ".");
	note_numbers(spool, BAD_NAME);
	recover_all_or_die(spool);
	while (spool_look(spool))
		;
}

void
spool_close(struct spool *spool)
{
	spool_hand_over(spool);
	close(spool->lock_fd);
	close(spool->dir_fd);
	buf_free(&spool->waiting);
}

/*
 * hours-steps - runs ccm-hours once for each of its file operations, disturbs
 *it there, and checks what the runs after it make of the state directory.
 *
 *	hours-steps [-j JOBS] -p PRELOAD MODE TEMPLATE WORK COMMAND...
 *
 * TEMPLATE is a state directory. COMMAND, in which the word DIR stands for a
 * copy of TEMPLATE in WORK, is run with PRELOAD (steps.so) loaded into it.
 *First it is run undisturbed until it exits 0; what is in the directory after
 *the first of these runs, and after the last one, is the reference. Then, for n
 *= 1, 2, ... until a run ends before its n-th operation, MODE says what happens
 * at that operation:
 *
 *	before, after	SIGKILL
 *	term		SIGTERM, before it
 *	EIO, ENOSPC	it fails
 *	full		it fails, and all later ones that take space
 *	power		SIGKILL after it, and only what was synced is left: the
 *			bytes of files, the names in directories
 *	names		the same, but all names are left; a file that was not
 *			synced is empty
 *	torn		the same; a file that was not synced has half its bytes
 *
 * After each disturbed run, undisturbed ones follow. The first of them
 *
 * - exits with a status that one of the reference runs had,
 * - leaves a last-run.json,
 * - leaves in the spool each value that the first reference run left there.
 *
 * When one exits 0:
 *
 * - each value is in the spool exactly once, each rejected one in rejected/,
 *   and no other,
 * - the hours in hours/ with their rounds, and since, are those of the
 *   reference; work/ is empty,
 * - the number of lost hours is not smaller. It may be larger: ccm-hours counts
 *   lost hours before it forgets them, so a kill in between counts them again.
 *
 * A value may be in the spool twice in one case: the power loss left both names
 * of a rename, the new one in spool/ (its directory was synced) and the old one
 * in hours/ (its directory was not yet). A file system with a journal does not
 * do that.
 *
 * A run in which an operation failed exits with a status other than 0, and its
 * messages name the error.
 *
 * Each fault is a line on standard output. The last line is "MODE: N points, M
 * runs". The exit status is 1 if there was a fault.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"

/* A run takes milliseconds; ccm-hours waits ten seconds for a lock. */
#define RUN_SECONDS_MAX 30
#define RUNS_MAX 8
#define POINTS_MAX 100000

enum survivors { ALL_SURVIVES, SYNCED_ONLY, NAMES_ONLY, TORN };

struct mode {
	const char *name;
	const char *preloaded; /* STEPS_MODE */
	int error;             /* of the operation that fails */
	bool all;              /* operations that only read, too */
	enum survivors survivors;
};

static const struct mode modes[] = {
    {"before", "before", 0, false, ALL_SURVIVES},
    {"after", "after", 0, false, ALL_SURVIVES},
    {"term", "term", 0, false, ALL_SURVIVES},
    {"EIO", "fail", EIO, true, ALL_SURVIVES},
    {"ENOSPC", "fail", ENOSPC, false, ALL_SURVIVES},
    {"full", "full", ENOSPC, false, ALL_SURVIVES},
    {"power", "after", 0, false, SYNCED_ONLY},
    {"names", "after", 0, false, NAMES_ONLY},
    {"torn", "after", 0, false, TORN},
};

/* What the workers share. */
struct shared {
	atomic_ulong next, end; /* points; `end` is the first that is none */
	atomic_ulong points, runs, twice, lost_twice, failures;
};

/* The reference runs. */
struct undisturbed {
	int statuses[RUNS_MAX];
	unsigned runs;
	struct buf first, last; /* summaries */
	long lost;
};

struct steps {
	const struct mode *mode;
	const char *preload, *template;
	char **command;
	struct shared *shared;
	struct undisturbed undisturbed;
	/* A worker's own. */
	char *work;
	unsigned long point;
	struct buf where; /* the operation */
	bool failed;
};

static void
fatal(const char *what)
{
	fprintf(stderr, "hours-steps: %s: %s\n", what, strerror(errno));
	exit(EX_OSERR);
}

/* ---- files -------------------------------------------------------------- */

__attribute__((format(printf, 1, 2))) static char *
format(const char *text, ...)
{
	va_list arguments;
	char *made;

	va_start(arguments, text);
	if (vasprintf(&made, text, arguments) < 0)
		fatal("vasprintf");
	va_end(arguments);
	return made;
}

/* False where there is no such file. */
static bool
read_file(const char *path, struct buf *content)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	content->len = 0;
	if (fd < 0 && errno != ENOENT)
		fatal(path);
	if (fd < 0)
		return false;
	while ((got = read(fd, buf_reserve(content, 8192), 8192)) > 0)
		content->len += (size_t)got;
	if (got < 0)
		fatal(path);
	close(fd);
	buf_terminate(content);
	return true;
}

static void
write_file(const char *path, const char *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

	if (fd < 0 || (len > 0 && write(fd, bytes, len) != (ssize_t)len))
		fatal(path);
	close(fd);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void
remove_tree(const char *path)
{
	if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 &&
	    errno != ENOENT)
		fatal(path);
}

static int
is_entry(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 &&
	    strcmp(entry->d_name, "..") != 0;
}

/*
 * Calls `each` with the path, the name and the inode of each entry, in order of
 * the names. A directory that is not there has none.
 */
struct entry {
	const char *path, *name;
	uintmax_t inode;
	bool directory;
};

static void
each_entry(const char *path, void (*each)(void *context, struct entry *entry),
    void *context)
{
	struct dirent **list;
	int count = scandir(path, &list, is_entry, alphasort);

	if (count < 0 && errno != ENOENT)
		fatal(path);
	for (int i = 0; i < count; i++) {
		char *below = format("%s/%s", path, list[i]->d_name);
		struct entry entry = {below, list[i]->d_name, list[i]->d_ino,
		    list[i]->d_type == DT_DIR};

		each(context, &entry);
		free(below);
		free(list[i]);
	}
	if (count >= 0)
		free(list);
}

/* ---- what is durable ---------------------------------------------------- */

/*
 * An inode, as it is on the disk: the bytes of a file, or of a directory lines
 * "INODE f|d NAME".
 */
struct inode {
	uintmax_t number;
	struct buf content;
};

struct disk {
	struct inode *inodes;
	size_t count;
};

static struct inode *
disk_find(const struct disk *disk, uintmax_t number)
{
	for (size_t i = 0; i < disk->count; i++) {
		if (disk->inodes[i].number == number)
			return &disk->inodes[i];
	}
	return NULL;
}

static void
disk_put(struct disk *disk, uintmax_t number, const char *bytes, size_t len)
{
	struct inode *inode = disk_find(disk, number);

	if (inode == NULL) {
		disk->inodes = xreallocarray(
		    disk->inodes, disk->count + 1, sizeof(*disk->inodes));
		inode = &disk->inodes[disk->count++];
		*inode = (struct inode){number, BUF_INIT};
	}
	inode->content.len = 0;
	buf_add(&inode->content, bytes, len);
	buf_terminate(&inode->content);
}

static void
disk_free(struct disk *disk)
{
	for (size_t i = 0; i < disk->count; i++)
		buf_free(&disk->inodes[i].content);
	free(disk->inodes);
}

static uintmax_t
inode_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		fatal(path);
	return st.st_ino;
}

struct load {
	struct disk *disk;
	struct buf lines;
};

static void disk_load(struct disk *disk, const char *path);

static void
load_entry(void *context, struct entry *entry)
{
	struct load *load = context;
	struct buf content = BUF_INIT;

	buf_printf(&load->lines, "%ju %c %s\n", entry->inode,
	    entry->directory ? 'd' : 'f', entry->name);
	if (entry->directory) {
		disk_load(load->disk, entry->path);
	} else {
		read_file(entry->path, &content);
		disk_put(load->disk, entry->inode, content.data, content.len);
	}
	buf_free(&content);
}

/* All of a directory is durable. */
static void
disk_load(struct disk *disk, const char *path)
{
	struct load load = {disk, BUF_INIT};

	each_entry(path, load_entry, &load);
	disk_put(disk, inode_of(path), load.lines.data, load.lines.len);
	buf_free(&load.lines);
}

/* What steps.so has recorded. */
static void
disk_replay(struct disk *disk, const char *path)
{
	struct buf log = BUF_INIT;
	char *at, *end, *begin;
	uintmax_t number, count;
	char kind;

	read_file(path, &log);
	for (at = log.data; at != NULL && at < log.data + log.len; at = end) {
		if (sscanf(at, "%c %ju %ju", &kind, &number, &count) != 3)
			fatal(path);
		begin = end = strchr(at, '\n') + 1;
		for (uintmax_t i = 0; kind == 'D' && i < count; i++)
			end = strchr(end, '\n') + 1;
		if (kind == 'F')
			end += count;
		disk_put(disk, number, begin, (size_t)(end - begin));
	}
	buf_free(&log);
}

/* Makes `path` what a directory is when only what was synced is left. */
static void
make_synced(const struct disk *disk, uintmax_t number, const char *path)
{
	const struct inode *inode = disk_find(disk, number), *file;
	char *copy, *rest, *line, *below, kind;
	int name_at;

	if (mkdir(path, 0777) != 0)
		fatal(path);
	if (inode == NULL || inode->content.data == NULL)
		return;
	rest = copy = xstrndup(inode->content.data, inode->content.len);
	while ((line = strsep(&rest, "\n")) != NULL && line[0] != '\0') {
		if (sscanf(line, "%ju %c %n", &number, &kind, &name_at) != 2)
			fatal(line);
		below = format("%s/%s", path, line + name_at);
		file = disk_find(disk, number);
		if (kind == 'd')
			make_synced(disk, number, below);
		else if (file != NULL)
			write_file(
			    below, file->content.data, file->content.len);
		else
			write_file(below, "", 0);
		free(below);
	}
	free(copy);
}

/*
 * Copies a directory. Of a file that is not synced, half of its bytes are
 * copied, or none; without a disk everything is.
 */
struct copy {
	const struct disk *disk;
	bool half;
	const char *to;
};

static void
copy_entry(void *context, struct entry *entry)
{
	const struct copy *copy = context;
	char *to = format("%s/%s", copy->to, entry->name);
	struct copy below = {copy->disk, copy->half, to};
	const struct inode *synced;
	struct buf content = BUF_INIT;

	if (entry->directory) {
		if (mkdir(to, 0777) != 0)
			fatal(to);
		each_entry(entry->path, copy_entry, &below);
	} else {
		read_file(entry->path, &content);
		synced = copy->disk != NULL
		    ? disk_find(copy->disk, entry->inode)
		    : NULL;
		if (synced != NULL)
			write_file(
			    to, synced->content.data, synced->content.len);
		else if (copy->disk != NULL)
			write_file(
			    to, content.data, copy->half ? content.len / 2 : 0);
		else
			write_file(to, content.data, content.len);
	}
	buf_free(&content);
	free(to);
}

static void
copy_tree(const char *from, const char *to, const struct disk *disk, bool half)
{
	struct copy copy = {disk, half, to};

	if (mkdir(to, 0777) != 0)
		fatal(to);
	each_entry(from, copy_entry, &copy);
}

/* ---- what is in a state directory --------------------------------------- */

struct summary {
	const char *label;
	struct buf *lines;
};

static void
add_lines(void *context, struct entry *entry)
{
	const struct summary *summary = context;
	struct buf content = BUF_INIT;
	char *rest, *line;

	if (entry->directory || entry->name[0] == '.')
		return;
	if (!read_file(entry->path, &content) || content.len == 0) {
		buf_free(&content);
		return;
	}
	if (content.data[content.len - 1] != '\n')
		buf_printf(summary->lines, "%s is cut\n", entry->name);
	rest = content.data;
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (line[0] != '\0')
			buf_printf(
			    summary->lines, "%s %s\n", summary->label, line);
	}
	buf_free(&content);
}

static void
add_hour(void *context, struct entry *entry)
{
	const struct summary *summary = context;
	char *records = format("%s/records.ndjson", entry->path);
	struct stat st;

	buf_printf(summary->lines, "hour %.*s\n",
	    (int)strcspn(entry->name, "."), entry->name);
	if (stat(records, &st) == 0 && st.st_size > 0)
		buf_printf(
		    summary->lines, "not handed over: %s\n", entry->name);
	free(records);
}

static void
add_left(void *context, struct entry *entry)
{
	const struct summary *summary = context;

	(void)entry;
	buf_add_string(summary->lines, "work is not empty\n");
}

static void
add_file(const struct summary *summary, const char *dir, const char *name)
{
	char *path = format("%s/%s", dir, name);
	struct entry entry = {path, name, 0, false};

	add_lines((void *)(uintptr_t)summary, &entry);
	free(path);
}

static void
add_each(const char *dir, const char *name, struct summary *summary,
    void (*each)(void *context, struct entry *entry))
{
	char *path = format("%s/%s", dir, name);

	each_entry(path, each, summary);
	free(path);
}

static int
compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts lines. */
static void
sort_lines(struct buf *text)
{
	char *copy = xstrndup(text->data, text->len), *rest = copy, *line;
	char **lines = NULL;
	size_t count = 0;

	while ((line = strsep(&rest, "\n")) != NULL && line[0] != '\0') {
		lines = xreallocarray(lines, count + 1, sizeof(*lines));
		lines[count++] = line;
	}
	if (count > 0)
		qsort(lines, count, sizeof(*lines), compare_lines);
	text->len = 0;
	for (size_t i = 0; i < count; i++)
		buf_printf(text, "%s\n", lines[i]);
	buf_terminate(text);
	free(lines);
	free(copy);
}

/* The rounds of an hour may have other numbers. */
static void
summarise(const char *dir, struct buf *lines)
{
	struct summary values = {"value", lines},
		       rejected = {"rejected", lines}, since = {"since", lines},
		       hours = {"hour", lines}, left = {"work", lines};

	lines->len = 0;
	add_each(dir, "hours", &hours, add_hour);
	add_each(dir, "spool", &values, add_lines);
	add_each(dir, "rejected", &rejected, add_lines);
	add_each(dir, "work", &left, add_left);
	add_file(&since, dir, "since");
	buf_terminate(lines);
	sort_lines(lines);
}

static long
count_lost(const char *dir)
{
	char *path = format("%s/status/hours_lost", dir);
	struct buf text = BUF_INIT;
	long lost = 0;

	if (read_file(path, &text) && text.len > 0)
		lost = strtol(text.data, NULL, 10);
	buf_free(&text);
	free(path);
	return lost;
}

/* What an hour has not handed over. */
static void
add_kept(void *context, struct entry *entry)
{
	const struct summary *summary = context;
	struct summary values = {"value", summary->lines},
		       rejected = {"rejected", summary->lines};

	add_file(&values, entry->path, "records.ndjson");
	add_file(&rejected, entry->path, "rejected.ndjson");
}

/* ---- faults ------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void
wrong(struct steps *steps, const char *text, ...)
{
	struct buf line = BUF_INIT;
	va_list arguments;
	char *what;

	va_start(arguments, text);
	if (vasprintf(&what, text, arguments) < 0)
		fatal("vasprintf");
	va_end(arguments);
	buf_printf(&line, "%s %lu (%s): %s\n", steps->mode->name, steps->point,
	    steps->where.len > 0 ? steps->where.data : "undisturbed", what);
	/* One write, so that the lines of two workers do not mix. */
	if (write(STDOUT_FILENO, line.data, line.len) != (ssize_t)line.len)
		fatal("standard output");
	buf_free(&line);
	free(what);
	steps->failed = true;
}

/*
 * Takes the lines of one list out of another, both sorted, and calls `missing`
 * with those that are not in it.
 */
static void
each_missing(const struct buf *wanted, const struct buf *got,
    void (*missing)(void *context, const char *line), void *context)
{
	char *wanted_copy = xstrndup(wanted->data, wanted->len);
	char *got_copy = xstrndup(got->data, got->len);
	char *wanted_rest = wanted_copy, *got_rest = got_copy;
	char *line, *other = strsep(&got_rest, "\n");

	while ((line = strsep(&wanted_rest, "\n")) != NULL && line[0] != '\0') {
		while (other != NULL && strcmp(other, line) < 0)
			other = strsep(&got_rest, "\n");
		if (other != NULL && strcmp(other, line) == 0)
			other = strsep(&got_rest, "\n");
		else
			missing(context, line);
	}
	free(wanted_copy);
	free(got_copy);
}

struct expectation {
	struct steps *steps;
	const char *what;
};

static void
report_missing(void *context, const char *line)
{
	const struct expectation *expectation = context;

	wrong(expectation->steps, "%s: %s", expectation->what, line);
}

static void
expect_lines(struct steps *steps, const struct buf *wanted,
    const struct buf *got, const char *what)
{
	struct expectation expectation = {steps, what};

	each_missing(wanted, got, report_missing, &expectation);
}

/* Keeps only what a run has handed over. */
static void
keep_values(struct buf *lines)
{
	char *copy = xstrndup(lines->data, lines->len), *rest = copy, *line;

	lines->len = 0;
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (strncmp(line, "value ", 6) == 0 ||
		    strncmp(line, "rejected ", 9) == 0)
			buf_printf(lines, "%s\n", line);
	}
	buf_terminate(lines);
	free(copy);
}

/* ---- runs --------------------------------------------------------------- */

static char *
in_work(const struct steps *steps, const char *name)
{
	return format("%s/%s", steps->work, name);
}

static void
set_path(const struct steps *steps, const char *variable, const char *name)
{
	char *path = in_work(steps, name);

	setenv(variable, path, 1);
	free(path);
}

/* In the child. */
static void
become(const struct steps *steps, const char *dir, bool disturbed)
{
	char *err = in_work(steps, "err"), *number;
	int fd = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	sigset_t none;

	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0 ||
	    dup2(fd, STDOUT_FILENO) < 0)
		fatal(err);
	close(fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setenv("LD_PRELOAD", steps->preload, 1);
	setenv("STEPS_DIR", dir, 1);
	if (disturbed) {
		number = format("%lu", steps->point);
		setenv("STEPS_AT", number, 1);
		setenv("STEPS_MODE", steps->mode->preloaded, 1);
		setenv("STEPS_ALL", steps->mode->all ? "1" : "0", 1);
		number = format("%d", steps->mode->error);
		setenv("STEPS_ERRNO", number, 1);
		set_path(steps, "STEPS_REPORT", "report");
		if (steps->mode->survivors != ALL_SURVIVES)
			set_path(steps, "STEPS_DURABLE", "durable");
	}
	for (char **word = steps->command; *word != NULL; word++) {
		if (strcmp(*word, "DIR") == 0)
			*word = xstrdup(dir);
	}
	execvp(steps->command[0], steps->command);
	fatal(steps->command[0]);
}

/*
 * Runs the command and waits until it, and all that it has started, is gone.
 * Returns what waitpid(2) stores.
 */
static int
run(struct steps *steps, const char *dir, bool disturbed)
{
	time_t deadline = time(NULL) + RUN_SECONDS_MAX;
	const struct timespec wait = {.tv_nsec = 500000000};
	int status = 0, ended;
	sigset_t child;
	pid_t pid, gone;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	pid = fork();
	if (pid < 0)
		fatal("fork");
	if (pid == 0)
		become(steps, dir, disturbed);
	atomic_fetch_add(&steps->shared->runs, 1);
	while ((gone = waitpid(-1, &ended, WNOHANG)) >= 0) {
		if (gone == pid)
			status = ended;
		if (gone == 0)
			sigtimedwait(&child, NULL, &wait);
		if (time(NULL) > deadline) {
			wrong(
			    steps, "still running after %d s", RUN_SECONDS_MAX);
			kill(pid, SIGKILL);
			exit(EX_SOFTWARE);
		}
	}
	return status;
}

static void
report_messages(struct steps *steps)
{
	char *path = in_work(steps, "err");
	struct buf err = BUF_INIT;
	char *rest, *line;

	if (read_file(path, &err) && err.len > 0) {
		rest = err.data;
		while ((line = strsep(&rest, "\n")) != NULL) {
			if (line[0] != '\0')
				wrong(steps, "its message: %s", line);
		}
	}
	buf_free(&err);
	free(path);
}

/* ---- what may be there twice -------------------------------------------- */

static void
add_line(void *context, const char *line)
{
	buf_printf(context, "%s\n", line);
}

/* Values of which a power loss has left both names: in hours/, and in spool/ or
 * rejected/. */
static void
find_split(const char *dir, struct buf *split)
{
	struct buf kept = BUF_INIT, handed_over = BUF_INIT,
		   only_kept = BUF_INIT;
	struct summary summary = {"", &kept};

	add_each(dir, "hours", &summary, add_kept);
	buf_terminate(&kept);
	sort_lines(&kept);
	summarise(dir, &handed_over);
	each_missing(&kept, &handed_over, add_line, &only_kept);
	buf_terminate(&only_kept);
	each_missing(&kept, &only_kept, add_line, split);
	buf_terminate(split);
	buf_free(&kept);
	buf_free(&handed_over);
	buf_free(&only_kept);
}

/* ---- a point ------------------------------------------------------------ */

/* Reads where the run was disturbed; false: it ended before. */
static bool
read_where(struct steps *steps)
{
	char *path = in_work(steps, "report");
	struct buf text = BUF_INIT;
	bool reached;

	reached = read_file(path, &text) && text.len > 0 &&
	    strncmp(text.data, "AT ", 3) == 0;
	steps->where.len = 0;
	if (reached)
		buf_add(
		    &steps->where, text.data + 3, strcspn(text.data + 3, "\n"));
	buf_terminate(&steps->where);
	buf_free(&text);
	free(path);
	return reached;
}

/* ccm-hours ignores a failure to write its pid to the lock: it is for messages
 * only. */
static bool
is_hint(const struct steps *steps)
{
	const char *where = steps->where.data;

	return steps->where.len > 5 &&
	    strcmp(where + steps->where.len - 5, " lock") == 0 &&
	    strncmp(where, "open", 4) != 0;
}

static void
check_failed_run(struct steps *steps, int status)
{
	char *path = in_work(steps, "err");
	struct buf err = BUF_INIT;

	read_file(path, &err);
	if (!WIFEXITED(status))
		wrong(steps, "ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) == 0)
		wrong(steps, "exit status 0");
	if (err.len == 0 ||
	    strstr(err.data, strerror(steps->mode->error)) == NULL)
		wrong(steps, "no message with \"%s\"",
		    strerror(steps->mode->error));
	buf_free(&err);
	free(path);
}

/* The directory that the next run finds. */
static char *
left_over(struct steps *steps, struct disk *disk, const char *dir)
{
	char *durable = in_work(steps, "durable"), *copy;

	if (steps->mode->survivors == ALL_SURVIVES) {
		free(durable);
		return xstrdup(dir);
	}
	disk_replay(disk, durable);
	copy = in_work(steps, "left");
	if (steps->mode->survivors == SYNCED_ONLY)
		make_synced(disk, inode_of(dir), copy);
	else
		copy_tree(dir, copy, disk, steps->mode->survivors == TORN);
	free(durable);
	return copy;
}

static bool
may_exit(const struct steps *steps, int status)
{
	for (unsigned i = 0; i < steps->undisturbed.runs; i++) {
		if (WIFEXITED(status) &&
		    WEXITSTATUS(status) == steps->undisturbed.statuses[i])
			return true;
	}
	return false;
}

static void
check_run(struct steps *steps, const char *dir, int status)
{
	char *path = format("%s/status/last-run.json", dir);
	struct buf report = BUF_INIT;

	if (!may_exit(steps, status)) {
		wrong(
		    steps, "the next run: wait status 0x%x", (unsigned)status);
		report_messages(steps);
	}
	if (!read_file(path, &report) || report.len < 2 ||
	    report.data[report.len - 1] != '\n')
		wrong(steps, "the next run left no last-run.json");
	buf_free(&report);
	free(path);
}

/* All that is in the directory at the end; `split` may be there twice. */
static void
check_end(struct steps *steps, const char *dir, const struct buf *split)
{
	const struct undisturbed *undisturbed = &steps->undisturbed;
	struct buf got = BUF_INIT, most = BUF_INIT;
	long lost = count_lost(dir);

	summarise(dir, &got);
	buf_add(&most, undisturbed->last.data, undisturbed->last.len);
	buf_add(&most, split->data, split->len);
	buf_terminate(&most);
	sort_lines(&most);
	expect_lines(steps, &undisturbed->last, &got, "missing");
	expect_lines(steps, &got, &most, "unexpected");
	if (lost < undisturbed->lost)
		wrong(steps, "%ld hours are counted as lost, not %ld", lost,
		    undisturbed->lost);
	if (got.len > undisturbed->last.len)
		atomic_fetch_add(&steps->shared->twice, 1);
	if (lost > undisturbed->lost)
		atomic_fetch_add(&steps->shared->lost_twice, 1);
	buf_free(&got);
	buf_free(&most);
}

static void
check_next_runs(struct steps *steps, const char *dir)
{
	struct buf got = BUF_INIT, split = BUF_INIT;
	unsigned runs = 0;
	int status;

	find_split(dir, &split);
	do {
		status = run(steps, dir, false);
		check_run(steps, dir, status);
		if (runs++ == 0) {
			summarise(dir, &got);
			expect_lines(steps, &steps->undisturbed.first, &got,
			    "the next run did not hand over");
		}
	} while (status != 0 && runs <= steps->undisturbed.runs);
	if (status != 0)
		wrong(steps, "no run after it exits 0");
	check_end(steps, dir, &split);
	buf_free(&got);
	buf_free(&split);
}

/* Disturbs a run at a point; false: it ended before. */
static bool
visit(struct steps *steps)
{
	struct disk disk = {NULL, 0};
	char *dir = in_work(steps, "dir"), *left;
	int status;
	bool reached;

	remove_tree(steps->work);
	if (mkdir(steps->work, 0777) != 0)
		fatal(steps->work);
	copy_tree(steps->template, dir, NULL, false);
	if (steps->mode->survivors != ALL_SURVIVES)
		disk_load(&disk, dir);
	steps->where.len = 0;
	status = run(steps, dir, true);
	reached = read_where(steps);
	if (reached) {
		if (steps->mode->error != 0 && !is_hint(steps))
			check_failed_run(steps, status);
		left = left_over(steps, &disk, dir);
		check_next_runs(steps, left);
		free(left);
	}
	disk_free(&disk);
	free(dir);
	return reached;
}

/* ---- all of them -------------------------------------------------------- */

static void
work(struct steps *steps, unsigned long worker)
{
	struct shared *shared = steps->shared;
	unsigned long end;

	/* The processes that a killed run leaves become our children. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	steps->work = format("%s/%lu", steps->work, worker);
	for (;;) {
		steps->point = atomic_fetch_add(&shared->next, 1);
		if (steps->point >= atomic_load(&shared->end))
			return;
		steps->failed = false;
		if (visit(steps)) {
			atomic_fetch_add(&shared->points, 1);
			if (steps->failed)
				atomic_fetch_add(&shared->failures, 1);
			continue;
		}
		end = atomic_load(&shared->end);
		while (steps->point < end &&
		    !atomic_compare_exchange_weak(
			&shared->end, &end, steps->point))
			;
	}
}

/* The reference runs. */
static void
run_undisturbed(struct steps *steps)
{
	struct undisturbed *undisturbed = &steps->undisturbed;
	char *base = steps->work, *dir;
	int status;

	steps->work = format("%s/undisturbed", base);
	if (mkdir(steps->work, 0777) != 0)
		fatal(steps->work);
	dir = in_work(steps, "dir");
	copy_tree(steps->template, dir, NULL, false);
	do {
		status = run(steps, dir, false);
		if (!WIFEXITED(status) || undisturbed->runs == RUNS_MAX) {
			wrong(steps, "wait status 0x%x", (unsigned)status);
			report_messages(steps);
			exit(EX_SOFTWARE);
		}
		undisturbed->statuses[undisturbed->runs] = WEXITSTATUS(status);
		if (undisturbed->runs++ == 0)
			summarise(dir, &undisturbed->first);
	} while (status != 0);
	summarise(dir, &undisturbed->last);
	undisturbed->lost = count_lost(dir);
	keep_values(&undisturbed->first);
	free(dir);
	free(steps->work);
	steps->work = base;
}

static const struct mode *
find_mode(const char *name)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		if (strcmp(name, modes[i].name) == 0)
			return &modes[i];
	}
	return NULL;
}

static void
parse_arguments(struct steps *steps, int argc, char *argv[], long *jobs)
{
	int option;

	*jobs = sysconf(_SC_NPROCESSORS_ONLN);
	while ((option = getopt(argc, argv, "+j:p:")) != -1) {
		if (option == 'j')
			*jobs = atol(optarg);
		if (option == 'p')
			steps->preload = optarg;
	}
	if (argc - optind >= 4) {
		steps->mode = find_mode(argv[optind]);
		steps->template = argv[optind + 1];
		steps->work = argv[optind + 2];
		steps->command = argv + optind + 3;
	}
	if (steps->mode == NULL || steps->preload == NULL || *jobs < 1) {
		fprintf(stderr,
		    "usage: hours-steps [-j JOBS] -p PRELOAD MODE TEMPLATE "
		    "WORK COMMAND...\n");
		exit(EX_USAGE);
	}
}

static bool
wait_for_workers(void)
{
	bool good = true;
	int status;

	while (wait(&status) > 0)
		good = good && status == 0;
	return good;
}

int
main(int argc, char *argv[])
{
	struct steps steps = {.where = BUF_INIT};
	struct shared *shared;
	sigset_t child;
	bool good;
	long jobs;

	parse_arguments(&steps, argc, argv, &jobs);
	shared = steps.shared = mmap(NULL, sizeof(*shared),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		fatal("mmap");
	shared->next = 1;
	shared->end = POINTS_MAX;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	if (mkdir(steps.work, 0777) != 0)
		fatal(steps.work);
	run_undisturbed(&steps);
	for (long i = 0; i < jobs; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fatal("fork");
		if (pid == 0) {
			work(&steps, (unsigned long)i);
			exit(0);
		}
	}
	good = wait_for_workers();
	if (shared->twice > 0)
		printf("%s: after %lu points a value is there twice\n",
		    steps.mode->name, shared->twice);
	if (shared->lost_twice > 0)
		printf("%s: after %lu points a lost hour is counted twice\n",
		    steps.mode->name, shared->lost_twice);
	printf("%s: %lu points, %lu runs\n", steps.mode->name, shared->points,
	    shared->runs);
	/* Each point up to the end was reached, and there were some. */
	good = good && shared->points > 0 &&
	    shared->points == shared->end - 1 && shared->failures == 0;
	buf_free(&steps.undisturbed.first);
	buf_free(&steps.undisturbed.last);
	return good ? 0 : 1;
}

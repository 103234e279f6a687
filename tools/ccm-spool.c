/*
 * ccm-spool - put standard input into a spool directory as one file, and keep
 * the spool below a size.
 *
 *	ccm-spool [-b BYTES] DIR
 *
 * The file is written under a dot name, synced, and renamed in: ccm-ship sees
 * it whole or not at all. Its name is the time, so that names sort by age.
 * Empty input makes no file. Then the oldest files are removed until the others
 * have BYTES at most; the newest one always stays. How many were removed is
 * written to standard output, a line of JSON, and to the log.
 *
 * Private: it is installed beside the libraries, and run by ccm-export.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "io.h"
#include "log.h"
#include "main.h"
#include "plural.h"
#include "replace.h"

#define USAGE                                                              \
	"usage: ccm-spool [-b BYTES] DIR\n"                                \
	"Puts standard input into DIR as a file, and removes the oldest\n" \
	"files of DIR while they have more than BYTES.\n"                  \
	"  -h, -V   this help, the version\n"

struct spool_file {
	char *name;
	uint64_t size;
};

struct spool {
	const char *path;
	int fd;
	struct spool_file *files;
	size_t count;
	uint64_t bytes;
};

/* ---- what is there ------------------------------------------------------ */

static int
compare_names(const void *a, const void *b)
{
	const struct spool_file *left = a, *right = b;

	return strcmp(left->name, right->name);
}

/* The files that ccm-ship would send, oldest first. */
static void
list_or_die(struct spool *spool)
{
	DIR *dir = opendir(spool->path);
	struct dirent *entry;
	struct stat st;

	if (dir == NULL)
		die(EX_IOERR, "cannot read %s: %s", spool->path,
		    strerror(errno));
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' ||
		    fstatat(dirfd(dir), entry->d_name, &st,
			AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		spool->files = grow_by_one(
		    spool->files, spool->count, sizeof(*spool->files));
		spool->files[spool->count++] = (struct spool_file){
		    xstrdup(entry->d_name), (uint64_t)st.st_size};
		spool->bytes += (uint64_t)st.st_size;
	}
	spool->fd = dup(dirfd(dir));
	closedir(dir);
	if (spool->count > 0)
		qsort(spool->files, spool->count, sizeof(*spool->files),
		    compare_names);
}

/* ---- one more file ------------------------------------------------------ */

/* A name after all that are there, whatever the clock says. */
static char *
new_path(const struct spool *spool)
{
	int64_t now_ms = clock_ms();
	struct buf path = BUF_INIT;

	if (spool->count > 0) {
		int64_t last =
		    strtoll(spool->files[spool->count - 1].name, NULL, 10);

		if (last >= now_ms && last < INT64_MAX)
			now_ms = last + 1;
	}
	buf_printf(&path, "%s/%015lld", spool->path, (long long)now_ms);
	return buf_terminate(&path);
}

static void
put(struct spool *spool)
{
	char *path = new_path(spool), block[65536];
	struct replacement file;
	uint64_t size = 0;
	ssize_t got;

	while ((got = read(STDIN_FILENO, block, sizeof(block))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			die(EX_IOERR, "cannot read standard input: %s",
			    strerror(errno));
		if (size == 0)
			replace_begin_or_die(&file, path);
		replace_write_or_die(&file, block, (size_t)got);
		size += (uint64_t)got;
	}
	if (size > 0)
		replace_commit_or_die(&file);
	spool->bytes += size;
	free(path);
}

/* ---- the oldest go ------------------------------------------------------ */

static void
drop_oldest(struct spool *spool, uint64_t most)
{
	uint64_t files = 0, bytes = 0;
	struct buf line = BUF_INIT;

	for (size_t i = 0; i < spool->count && spool->bytes - bytes > most;
	     i++) {
		if (unlinkat(spool->fd, spool->files[i].name, 0) != 0 &&
		    errno != ENOENT)
			die(EX_IOERR, "cannot remove %s/%s: %s", spool->path,
			    spool->files[i].name, strerror(errno));
		files++;
		bytes += spool->files[i].size;
	}
	if (files > 0)
		log_error("%s has more than %llu bytes: %llu file%s dropped, "
			  "the oldest",
		    spool->path, (unsigned long long)most,
		    (unsigned long long)files, plural(files));
	buf_printf(&line, "{\"dropped_files\":%llu,\"dropped_bytes\":%llu}\n",
	    (unsigned long long)files, (unsigned long long)bytes);
	write_or_die(STDOUT_FILENO, "standard output", line.data, line.len);
	buf_free(&line);
}

int
main(int argc, char **argv)
{
	unsigned long long most = UINT64_MAX;
	static struct spool spool;
	int option;
	char *end;

	opterr = 0;
	while ((option = getopt(argc, argv, ":b:hV")) != -1) {
		switch (option) {
		case 'b':
			most = strtoull(optarg, &end, 10);
			if (*optarg == '\0' || *end != '\0')
				die(EX_USAGE, "-b takes a number, not \"%s\"",
				    optarg);
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-spool");
		default:
			usage_error_and_exit(option);
		}
	}
	log_init("ccm-export");
	if (argc - optind != 1)
		die(EX_USAGE, "one directory is expected; -h shows the usage");
	spool.path = argv[optind];
	list_or_die(&spool);
	put(&spool);
	drop_oldest(&spool, most);
	return EX_OK;
}

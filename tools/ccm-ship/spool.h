/*
 * The spool: a directory that is a queue. Its regular files wait in the order
 * of their names; dot files, directories and links are not its business.
 *
 * What can only be put right by hand ends the program with a message (_or_die).
 * What may pass by itself is reported: `problem` has what is wrong appended.
 */
#ifndef CCM_SHIP_SPOOL_H
#define CCM_SHIP_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"

/* The directory, in the spool, of what PROG has refused. */
#define BAD_NAME "bad"

struct spool_file {
	char *name;
	uint64_t size;
};

struct spool {
	const char *path;         /* as the user wrote it */
	int dir_fd;               /* the directory, for openat(2) */
	struct spool_file *files; /* oldest first, as last listed */
	size_t count;
	uint64_t bytes; /* of all of them */
	int watch_fd;   /* readable where a file may have come since then */

	/* private */
	char *lock_path;
	int lock_fd;
};

/* Opens the directory and watches it, or exits with EX_CONFIG. */
void spool_open_or_die(struct spool *spool, const char *path);

/*
 * Tries to lock the spool by its file .lock, or exits with EX_CANTCREAT. What
 * is started from then on inherits the lock, so it is free only when all of
 * that is gone too. False where another has it; `tell` logs who.
 */
bool spool_lock_or_die(struct spool *spool, bool tell);

/*
 * Finds out what the spool holds, and removes files that are empty. Exits with
 * EX_IOERR where it cannot be read or, once it is locked, where .lock is not at
 * its place any more: it protects nothing then.
 */
void spool_list_or_die(struct spool *spool);

/* How many of the files go together: at least one, and at most BYTES and what
 * an environment variable can name. */
size_t spool_batch(const struct spool *spool, uint64_t bytes_max);

/*
 * Opens the first `count` files as one: the file itself, or a copy in memory
 * with a newline behind each that lacks its last one. -1 with a problem.
 */
int spool_join(const struct spool *spool, size_t count, struct buf *problem);

/* The lines of a file of the spool, such as bad/NAME, behind a number of bytes;
 * 0 where it cannot be read: these are for figures. */
uint64_t spool_count_lines(
    const struct spool *spool, const char *name, off_t from);

/* Removes the first `count` files, or exits with EX_IOERR. */
void spool_remove_or_die(const struct spool *spool, size_t count);

/* Moves the first file to bad/, and puts its path there behind `path`: NAME, or
 * NAME.2, NAME.3 ... where that is taken. False with errno. */
bool spool_set_aside(const struct spool *spool, struct buf *path);

/* Makes bad/, where it is not there: open to the group, whose the spool may be,
 * but not to others. False with errno. */
bool spool_make_bad(const struct spool *spool);

/* Removes bad/ where it is empty. */
void spool_clear_bad(const struct spool *spool);

/* The number of files in bad/. */
size_t spool_count_bad(const struct spool *spool);

#endif

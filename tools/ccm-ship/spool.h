/*
 * The spool: a directory that is a queue. Its regular files wait in the order
 * of their names; dot files, directories and links are not its business.
 *
 * What can only be put right by hand ends the program with a message: a
 * directory that cannot be read or was taken away (EX_IOERR), a lock that
 * cannot be made (EX_CANTCREAT). What may pass by itself is reported: a
 * `problem` has what is wrong appended.
 */
#ifndef CCM_SHIP_SPOOL_H
#define CCM_SHIP_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

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

	/* private */
	char *lock_path;
	int lock_fd, watch_fd;
};

/* Opens the directory and watches it. Exits with EX_CONFIG where there is none,
 * and with EX_CANTCREAT where it cannot be written. `path` is kept. */
void spool_open_or_die(struct spool *spool, const char *path);
void spool_close(struct spool *spool);

/*
 * Tries to lock the spool, with flock(2) on its file .lock. The descriptor goes
 * to all programs that are started from then on, so that the lock is free only
 * when they are gone too. False where another has it; `tell` logs who.
 */
bool spool_lock_or_die(struct spool *spool, bool tell);

/*
 * Finds out what the spool holds. Empty files are removed: nothing is lost with
 * them. Once the spool is locked, exits with EX_IOERR where .lock is not at its
 * place any more, alone or with the directory: it keeps nobody away then.
 */
void spool_list_or_die(struct spool *spool);

/* Sleeps until a file may have arrived since the spool was last listed, until
 * `stop_fd` is readable, or for some seconds. */
void spool_wait(const struct spool *spool, int stop_fd);

/* How many of the files go together: as many as have up to `bytes_max`, but at
 * least one and at most a number whose names fit an environment variable. */
size_t spool_batch(const struct spool *spool, uint64_t bytes_max);

/*
 * A descriptor to read the first `count` files from: the file itself where it
 * is one, otherwise a copy in memory with a newline behind each file that lacks
 * its last one. -1 with a problem.
 */
int spool_join(const struct spool *spool, size_t count, struct buf *problem);

/* Removes the first `count` files. One that cannot be removed would be sent for
 * ever: EX_IOERR. One that is gone already is none of that. */
void spool_remove_or_die(const struct spool *spool, size_t count);

/* Moves the first file to bad/, and puts its new path behind `path`: NAME, or
 * NAME.2, NAME.3 ... where that is taken. False with errno. */
bool spool_set_aside(const struct spool *spool, struct buf *path);

/* The number of files in bad/. */
size_t spool_count_bad(const struct spool *spool);

#endif

/*
 * The state directory, and the operations on it that have to last.
 *
 *	lock       held by a run
 *	since      the first hour that is wanted
 *	work/      hours in the making: HOUR.UNIQUE/
 *	hours/     hours done: HOUR/, HOUR.2/, ...
 *	spool/     records to be sent: HOUR.ROUND.ndjson
 *	rejected/  values that are not records: HOUR.ROUND.ndjson
 *	cache/     what PROG remembers
 *	status/    last-run.json, hours_lost, first
 *
 * An operation that fails returns false and reports it once, as an error of the
 * run: "cannot write to the state directory DIR: NAME: REASON". Its exit status
 * is 75; 71 where the system lacks a resource, and 78 where something else
 * stands in a name's place.
 */
#ifndef CCM_HOURS_DIR_H
#define CCM_HOURS_DIR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"
#include "outcome.h"

enum dir_part {
	DIR_WORK,
	DIR_HOURS,
	DIR_SPOOL,
	DIR_REJECTED,
	DIR_CACHE,
	DIR_STATUS,
	DIR_PARTS /* how many there are */
};

struct dir {
	const char *path;
	struct outcome *outcome;
	int fd; /* -1: not open */
	int parts[DIR_PARTS];
	int lock_fd;
	bool read_only; /* -n: nothing is changed; set before dir_open() */

	/* private */
	bool checks_names; /* no RENAME_NOREPLACE here */
	bool synced;       /* DIR's own entries are on the disk */
};

/*
 * Opens DIR and what is there of it. DIR may be missing: then `make` decides
 * whether it is made, and without it fd stays -1 and true is returned.
 */
bool dir_open(struct dir *dir, const char *path, bool make);
void dir_close(struct dir *dir);

/* Makes the directories that are missing. */
bool dir_prepare(struct dir *dir);

enum dir_lock { DIR_LOCKED, DIR_BUSY, DIR_LOCK_FAILED };

/* Takes the lock, without waiting. Its descriptor is closed on exec. */
enum dir_lock dir_lock(struct dir *dir);
void dir_unlock(struct dir *dir);

/* The process that holds the lock, or 0: it is not known. */
long dir_lock_holder(struct dir *dir);

/* Reports that an operation on a name failed with errno. Always false. */
bool dir_fail(struct dir *dir, const char *name);

/* Syncs a directory; `name` is for the message. */
bool dir_sync(struct dir *dir, int fd, const char *name);

/* Syncs DIR itself, once in a run. */
bool dir_sync_top(struct dir *dir);

enum dir_moved { DIR_MOVED, DIR_EXISTS, DIR_MOVE_FAILED };

/* Renames, and never replaces: DIR_EXISTS where the new name is in use. */
enum dir_moved dir_move(
    struct dir *dir, int from, const char *name, int to, const char *new_name);

/* Replaces a file whole or not at all, and durably. `at` is its directory. */
bool dir_write(
    struct dir *dir, int at, const char *name, const struct buf *content);

/* Removes a file, if it is there, without a sync. */
bool dir_remove(struct dir *dir, int at, const char *name);

/* Removes a directory and all in it; one that is not there is none. */
bool dir_remove_tree(struct dir *dir, int at, const char *name);

enum dir_read { DIR_READ, DIR_NONE, DIR_GARBAGE, DIR_READ_FAILED };

/*
 * Reads a regular file of at most `most` bytes, and terminates what it has
 * read. Anything else that is there is DIR_GARBAGE, with the reason appended to
 * `problem`. A directory that is not open (-1) has no files.
 */
enum dir_read dir_read(struct dir *dir, int at, const char *name, size_t most,
    struct buf *content, struct buf *problem);

/* Lines of a file, the last one with its newline or without; 0 where there is
 * none, -1 where it cannot be read, which is reported. */
int64_t dir_count_lines(struct dir *dir, int at, const char *name);

/*
 * Garbage in one of our files: logs a WARN line, "DIR/LABEL: PROBLEM; set aside
 * as NAME.bad", and renames it so (NAME.bad.2, ... where that is taken).
 */
void dir_set_aside(struct dir *dir, int at, const char *name, const char *label,
    const char *problem);

/*
 * Calls `each` with the name of each entry but "." and "..", in no order. A
 * directory that is not open (-1) has none.
 */
bool dir_each(struct dir *dir, int at, const char *label,
    void (*each)(void *context, const char *name), void *context);

/*
 * What an entry is; *size, which may be NULL, is that of a file. An error other
 * than ENOENT is reported: what cannot be looked at is not taken for missing.
 */
enum dir_kind {
	DIR_KIND_NONE,
	DIR_KIND_FILE,
	DIR_KIND_DIRECTORY,
	DIR_KIND_OTHER,
	DIR_KIND_FAILED
};
enum dir_kind dir_kind(struct dir *dir, int at, const char *name, off_t *size);

#endif

/*
 * Small files of text that runs on this machine share, in CCM_RATE_DIR: read,
 * changed and written under a lock that is held for that moment.
 *
 * The directory may be shared with other users, who can put anything there: a
 * file is used only if it is a regular file with one link, and root's, ours, or
 * anyone's where the directory is setgid to the file's group. No file that is
 * not ours is changed in mode or truncated before that is known.
 */
#ifndef CCM_FETCH_SHARED_FILE_H
#define CCM_FETCH_SHARED_FILE_H

#include <stdbool.h>

#include "buf.h"

struct shared_file {
	const char *name; /* in the directory */
	const char *what; /* is in it, for messages: "the request rate" */
	char *path;       /* NULL where there is none: this process alone */
	struct buf text;  /* its contents, while it is locked */

	/* private */
	int fd;
	bool own; /* the file is that of the state directory */
};

/*
 * The directory that a run uses: CCM_RATE_DIR; where that is not set
 * /run/ccm-rate, where that is writable, else the directory "rate" of the state
 * directory. The caller's; "" where there is none. NULL and a problem where
 * CCM_RATE_DIR cannot be used. Changes nothing.
 */
char *shared_directory(struct buf *problem);

/*
 * Opens the file there, or where it is not to be trusted the one in the state
 * directory. `name` and `what` are kept by reference. Exits with EX_CANTCREAT
 * where CCM_RATE_DIR cannot be used.
 */
void shared_file_open(
    struct shared_file *file, const char *name, const char *what);
void shared_file_close(struct shared_file *file);

/*
 * Locks the file and reads it into `text`, terminated. Waits up to 10 s for
 * another process that holds the lock, then goes on with the state directory's
 * file, and exits with EX_TEMPFAIL where that is the one.
 */
void shared_file_lock(struct shared_file *file);

/* Writes `text` to the file, and unlocks it. Where that fails, a warning says
 * so, and from then on `text` is for this process alone. */
void shared_file_write(struct shared_file *file);

#endif

/*
 * A file that is replaced as a whole: who reads it sees the old contents or the
 * new ones, whatever happens in between. It is written under another name in
 * the same directory (".NAME.XXXXXX"), synced, and renamed.
 */
#ifndef CCM_REPLACE_H
#define CCM_REPLACE_H

#include <stddef.h>

struct replacement {
	const char *path; /* of the caller, to be kept until the end */

	/* private */
	char *temporary;
	int fd;
};

/*
 * Begins. Exits with EX_CANTCREAT where there can be no file at `path`: its
 * directory is not there or not writable, or something else than a file is
 * there.
 */
void replace_begin_or_die(struct replacement *file, const char *path);

/* Appends. Where the disk is full, removes what was written and exits with
 * EX_IOERR; the old file stays. */
void replace_write_or_die(
    struct replacement *file, const char *bytes, size_t len);

/* Puts the new file in the place of the old one, readable as the umask says; or
 * exits in the same way. */
void replace_commit_or_die(struct replacement *file);

#endif

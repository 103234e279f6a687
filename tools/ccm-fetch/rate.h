/*
 * The client's own limit on requests, kept across processes.
 *
 * The API allows 60 requests a minute for an address, whoever sends them. So
 * the times of the requests of the last minute are in a file that all runs on
 * this machine share (one for each API host), and that is locked for the moment
 * in which one of them takes its turn. The file is text: a line "not before
 * MS", then a line for each request, in milliseconds since the epoch.
 *
 * Its directory may be shared with other users, who can put anything there: a
 * file is used only if it is a regular file with one link, and root's, ours, or
 * anyone's where the directory is setgid to the file's group. No file that is
 * not ours is changed in mode or truncated before that is known.
 */
#ifndef CCM_FETCH_RATE_H
#define CCM_FETCH_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

struct rate {
	int fd; /* -1: this process alone */
	long limit;
	const char *host;
	char *path;
	bool own;        /* the file is that of the state directory */
	struct buf text; /* the file, when there is none */
};

/*
 * The directory that a run uses: CCM_RATE_DIR; where that is not set
 * /run/ccm-rate, where that is writable, else the directory "rate" of the state
 * directory. The caller's; "" where there is none. NULL and a problem where
 * CCM_RATE_DIR cannot be used. Changes nothing.
 */
char *rate_directory(struct buf *problem);

/*
 * Opens the file of `host` (kept by reference) there, or where it is not to be
 * trusted the one in the state directory. Exits with EX_CANTCREAT where
 * CCM_RATE_DIR cannot be used.
 */
void rate_open(struct rate *rate, const char *host, long limit);
void rate_close(struct rate *rate);

/*
 * The following wait up to 10 s for another process that holds the file's lock,
 * then go on with the state directory's file, and exit with EX_TEMPFAIL where
 * that is the one.
 */

/*
 * Takes the turn for one request: 0, and the request may be sent now; or the
 * milliseconds to wait before asking again.
 */
int64_t rate_take(struct rate *rate);

/* Counts requests that went out without a turn: redirects and the like. */
void rate_count(struct rate *rate, long requests);

/* No process on this machine sends before `when_ms`, an hour from now at most.
 */
void rate_not_before(struct rate *rate, int64_t when_ms);

#endif

/*
 * The client's own limit on requests, kept across processes.
 *
 * The API allows 60 requests a minute for an address, whoever sends them. So
 * the times of the requests of the last minute are in a file that all runs on
 * this machine share (one for each API host), and that is locked for the moment
 * in which one of them takes its turn. The file is text: a line "not before
 * MS", then a line for each request, in milliseconds since the epoch.
 */
#ifndef CCM_FETCH_RATE_H
#define CCM_FETCH_RATE_H

#include <stdint.h>

#include "buf.h"

struct rate {
	int fd; /* -1: this process alone */
	int limit;
	char *path;
	struct buf text; /* the file, when there is none */
};

/*
 * Opens the file of `host` in CCM_RATE_DIR; where that is not set in
 * /run/ccm-rate, where that is writable, else in the state directory. Exits
 * with EX_CANTCREAT where the directory that CCM_RATE_DIR names cannot be used.
 */
void rate_open(struct rate *rate, const char *host, int limit);
void rate_close(struct rate *rate);

/* Milliseconds since the epoch. */
int64_t clock_ms(void);

/*
 * Takes the turn for one request: 0, and the request may be sent now; or the
 * milliseconds to wait before asking again.
 */
int64_t rate_take(struct rate *rate);

/* Counts requests that went out without a turn: redirects and the like. */
void rate_count(struct rate *rate, long requests);

/* No process on this machine sends before `when_ms`. */
void rate_not_before(struct rate *rate, int64_t when_ms);

#endif

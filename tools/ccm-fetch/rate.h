/*
 * The client's own limit on requests, kept across processes.
 *
 * The API allows 60 requests a minute for an address, whoever sends them. So
 * the times of the requests of the last minute are in a file that all runs on
 * this machine share (one for each API host), and that is locked for the moment
 * in which one of them takes its turn. The file is text: a line "not before
 * MS", a line "export MS REQUESTS" of the last export run, then a line for each
 * request, in milliseconds since the epoch.
 */
#ifndef CCM_FETCH_RATE_H
#define CCM_FETCH_RATE_H

#include <stdint.h>

#include "shared-file.h"

/* What the last export run took, at most 20. */
#define RATE_RESERVE_AUTO (-1)

struct rate {
	struct shared_file file;
	long limit;
	long reserve; /* of each minute, while an exporter runs here */
};

/*
 * Opens the file of `host` (kept by reference). `reserve` requests of each
 * minute are left to an exporter that ran in the last ten minutes; an exporter
 * itself has 0.
 */
void rate_open(struct rate *rate, const char *host, long limit, long reserve);
void rate_close(struct rate *rate);

/*
 * The following lock the file for a moment (shared-file.h).
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

/* An export run has ended, and took that many requests. */
void rate_note_export(struct rate *rate, unsigned long requests);

#endif

/*
 * The summary of -s: what a run did, as one line of JSON for the programs that
 * started it (ccm-hours, ccm-check). They read this, and never a log line.
 */
#ifndef CCM_FETCH_SUMMARY_H
#define CCM_FETCH_SUMMARY_H

#include "query.h"

/* Writes the file; exits with EX_CANTCREAT or EX_IOERR where it cannot.
 * `bodies` is how many were to be requested; `more` is what is said besides. */
void summary_write(const struct run *run, const char *path, int64_t started_ms,
    size_t bodies, const struct buf *more);

#endif

/*
 * What -k FILE keeps from one call to the next, so that a resource on which
 * queries of several fail costs its search once:
 *
 *	{"suspect":METRIC,"label":...,"id":...,"time":"2025-09-02T01:05:00Z"}
 *		has answered 404 alone; good for a day, for queries to leave it
 *		apart, and for nothing else
 *	{"refused":403,"label":...,"id":...,"detail":...,"run":CCM_RUN}
 *	{"failing":true,"label":...,"id":...,"run":CCM_RUN}
 *		good for the run that is named so, and for no other
 *
 * The file saves requests and decides nothing: one that is lost, or garbage,
 * costs the searches again.
 */
#ifndef CCM_FETCH_MEMORY_H
#define CCM_FETCH_MEMORY_H

#include <stdint.h>

#include "resources.h"

/* Reads the file. What is no such line is reported once, and left out. A file
 * that is missing has nothing in it. `run` may be NULL. */
void memory_read(const char *path, const char *run, int64_t now_ms,
    struct resources *resources);

/* Replaces the file by rename; a failure is reported, and costs requests. */
void memory_write(const char *path, const char *run, int64_t now_ms,
    const struct resources *resources);

#endif

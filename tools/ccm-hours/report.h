/*
 * status/last-run.json: what a run has done, for whoever looks at it. One line
 * of JSON; totals and what was last seen are carried on from the file before.
 */
#ifndef CCM_HOURS_REPORT_H
#define CCM_HOURS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "buf.h"
#include "dir.h"
#include "outcome.h"
#include "stats.h"
#include "times.h"

/* A list of strings. */
struct strings {
	char **items;
	size_t count;
};
void strings_add(struct strings *strings, const char *item);
void strings_free(struct strings *strings);

/* What a run did. */
struct report {
	int64_t started_ms;
	struct strings hours; /* "2025-09-02T00Z.2": the directories made */
	struct strings refused;
	bool refused_again; /* they replace those of the report before */
	int64_t requests, throttled, records, rejected;
	int64_t lost; /* hours, in this run */
};

/* What is so at its end. */
struct report_state {
	int64_t owed_bodies, hours_lost, hours_undone;
	bool ships;
	bool has_last_hour;
	time_t last_hour;
};

/* The report before. */
struct report_before {
	bool published; /* it names an hour that was published */
	/* raw JSON, NULL where it is missing or of another type */
	char *owed_bodies, *hours_lost, *hours_undone, *minute, *ships,
	    *last_hour, *last_lost, *last_error, *since;
	struct strings refused;
	/* totals */
	int64_t runs, hours, requests, throttled, records, rejected;
};

/* Reads it; garbage is set aside, and counts as missing. False where it cannot
 * be read. */
bool report_read_before(struct report_before *before, struct dir *dir);
void report_free_before(struct report_before *before);

void report_take_stats(struct report *report, const struct stats *stats);

/*
 * Writes the report of a run that exits with `status`; `state` is NULL for one
 * that was refused for its settings.
 */
bool report_write(const struct report *report, struct report_before *before,
    const struct report_state *state, const struct times *times, int status,
    int64_t now_ms, struct dir *dir);

#endif

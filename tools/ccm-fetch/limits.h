/*
 * What the API allows of /export, kept across runs: 80 requests an hour for
 * each resource and principal (its reference, "Rate limits"), where one a
 * minute is of use.
 *
 * The file is for one API host and key id, in the directory of the rate file
 * (shared-file.h). It has a line of JSON for each resource:
 *
 *	{"label":"resource.kafka.id","id":"lkc-1",
 *	 "answered":MS,		the last answer; the next run waits a minute
 *	 "held":MS,		the API has said 429: not before
 *	 "refused":MS,"detail":TEXT,	403: when last
 *	 "largest":N,		the samples of its largest family
 *	 "requests":[S,...]}	of the last hour, oldest first
 *
 * Times are since the epoch. One in the future is dropped: a clock that was set
 * back stops nothing. What is garbage counts for nothing.
 */
#ifndef CCM_FETCH_LIMITS_H
#define CCM_FETCH_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "hour.h"
#include "resources.h"
#include "shared-file.h"

/* Of the 80, what no retry takes. */
#define LIMITS_PER_HOUR 80
#define LIMITS_RESERVE 10

/* A resource that was refused is left out for so long. */
#define LIMITS_REFUSED_MS 900000

struct allowance {
	int64_t answered_ms, held_ms, refused_ms; /* 0: never */
	char *detail;                             /* of the refusal */
	uint64_t largest;
	int64_t *requests; /* seconds */
	size_t nrequests, size;
};

struct limits {
	struct shared_file file;
	char *name;
	struct ccm_clock clock;
	struct resources known; /* those of the file */
	struct allowance *all;  /* by their index */
	size_t nall;
};

/* Why a resource is not to be requested now. */
enum hold {
	HOLD_NONE,
	HOLD_MINUTE, /* another run was answered less than 50 s ago */
	HOLD_HOUR,   /* its requests of the hour are used up */
	HOLD_API     /* the API has said so */
};

/* `host` and `key` are part of the file's name. */
void limits_open(struct limits *limits, const char *host, const char *key,
    const struct ccm_clock *clock);
void limits_close(struct limits *limits);

/* At the start of a run: what the file says, for the next two. */
void limits_read(struct limits *limits);
const struct allowance *limits_find(
    struct limits *limits, const struct resource *resource);
/* May the resource be requested, and if not, when? */
enum hold limits_check(
    struct limits *limits, const struct resource *resource, int64_t *until_ms);

/*
 * Counts a request for resources (indices in `resources`), all or none. A retry
 * leaves the last ten of an hour. Those that may not be requested now are put
 * in `held`, which has room for all; returns how many, and when they may.
 */
size_t limits_take(struct limits *limits, const struct resources *resources,
    const size_t *chosen, size_t nchosen, bool is_retry, size_t *held,
    int64_t *until_ms);

/* The answer to a request. `largest` is by index in `resources`. */
void limits_answered(struct limits *limits, const struct resources *resources,
    const size_t *chosen, size_t nchosen, const uint64_t *largest);
/* 429, and 403. */
void limits_held(struct limits *limits, const struct resources *resources,
    const size_t *chosen, size_t nchosen, int64_t until_ms);
void limits_refused(struct limits *limits, const struct resources *resources,
    const size_t *chosen, size_t nchosen, const char *detail);

#endif

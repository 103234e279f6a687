/*
 * What is known of each application: when it was last accepted or refused, and
 * its last metrics that came back from Kafka.
 */
#ifndef CCM_INGESTD_APPS_H
#define CCM_INGESTD_APPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/* Any client may name a new one, so there is an end. */
#define APPS_MAX 1000
#define APP_BUCKETS 1024
#define RECENT_MAX 1000                     /* metrics of an app */
#define RECENT_BYTES_MAX ((size_t)64 << 20) /* of all of them */

struct app {
	char *id;
	uint64_t accepted;   /* metrics */
	uint64_t refused;    /* requests */
	int64_t accepted_ms; /* when last; 0: never */
	int64_t refused_ms;  /* the same */
	struct app *next;

	/* private */
	struct app *next_in_bucket;
	struct recent *newest, *oldest;
	size_t nrecent;
};

struct apps {
	struct app *first;
	size_t count;

	/* private */
	struct app *buckets[APP_BUCKETS];
	struct recent *newest, *oldest;
	size_t bytes;
};

/* The app of that id, new where it is not known; NULL where there are APPS_MAX
 * others. */
struct app *apps_get(struct apps *apps, const char *id);

/* Keeps the text of a metric, a JSON object. */
void apps_add_recent(
    struct apps *apps, struct app *app, const char *text, size_t len);

/* Appends the last metrics of an app, the newest first, with "," between. */
void apps_write_recent(
    const struct apps *apps, const char *id, size_t limit, struct buf *out);

void apps_free(struct apps *apps);

#endif

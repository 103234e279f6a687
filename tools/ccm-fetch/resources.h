/*
 * The resources that a run queries, each once: "resource.kafka.id" "lkc-1", and
 * what it knows about them.
 */
#ifndef CCM_FETCH_RESOURCES_H
#define CCM_FETCH_RESOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A metric for which a resource, queried alone, has answered 404. */
struct suspicion {
	char *metric;
	int64_t time_ms; /* of the last such answer */
};

struct resource {
	char *label, *id;
	bool asked;      /* a body of this run names it */
	bool answered;   /* was in a query that was answered */
	bool has_points; /* has been seen in a point */

	/* 400 or 403, and the API's detail: left out of the rest of the run. */
	long refused;
	char *detail;

	/* What makes queries of several fail: it is queried apart. */
	bool failing; /* 500, 504 or a timeout, in this run */
	struct suspicion *suspicions;
	size_t nsuspicions;
	bool suspected_now; /* one of them is of this run's search */
};

struct resources {
	struct resource *all;
	size_t count;

	/* private: open addressing, index + 1, 0 is free */
	size_t *slots;
	size_t nslots;
};

/* The index of a resource, which is added where it is new. */
size_t resources_add(
    struct resources *resources, const char *label, const char *id);

/* The same for one that may not be there; `count` then. */
size_t resources_find(const struct resources *resources, const char *label,
    const char *id, size_t id_len);

/* Notes a refusal (HTTP status and the API's detail). */
void resource_refuse(
    struct resource *resource, long status, const char *detail);

/* Notes, or takes back, that a resource has answered 404 for a metric. */
void resource_suspect(
    struct resource *resource, const char *metric, int64_t time_ms);
void resource_clear(struct resource *resource, const char *metric);
bool resource_is_suspect(const struct resource *resource, const char *metric);

/* Was it queried in this run, and refused? */
bool resource_is_reported(const struct resource *resource);

/* Was it queried and answered, without one point? */
bool resource_is_silent(const struct resource *resource);

void resources_free(struct resources *resources);

#endif

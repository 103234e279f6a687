/*
 * GET /v2/metrics/cloud/export, as the API's description has it: the newest
 * sample of each series, in the Prometheus text format 0.0.4 or in OpenMetrics,
 * of the minute that began five minutes before the current one.
 *
 * - Only what the API is known to export: no partitions, and no metric that the
 *   reference has not seen exported, unless the test says so.
 * - 30,000 samples of a metric at most; the rest is cut off without a word.
 * - Values as Java writes a double, a comma behind each label of 0.0.4.
 * - 80 requests an hour for each resource, whatever else the answer is.
 */
#ifndef SIM_CLOUD_EXPORT_H
#define SIM_CLOUD_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "catalogue.h"

struct request;
struct reply;
struct sim;

#define EXPORT_REQUESTS_PER_HOUR 80
#define EXPORT_SAMPLES_MAX 30000

/* What becomes of a request with a resource that the key may not read. */
enum access {
	ACCESS_NAMED,   /* 403, the detail names the ids */
	ACCESS_UNNAMED, /* 403, and names none */
	ACCESS_REPORTED /* 200, confluent_scrape_resource_access_error 1 */
};

/* The requests of a resource in the last hour. */
struct export_requests {
	char *resource; /* "kafka.id:lkc-0001" */
	int64_t *at_ms; /* by the simulated clock */
	size_t n;
};

struct export_state {
	long requests_per_hour; /* 0: any number */
	long samples_max;
	enum access access;
	bool everything;                 /* also what is not known to be */
	bool failed[CATALOGUE_SIZE_MAX]; /* by metric: it cannot be read */
	struct export_requests *resources;
	size_t nresources;
};

/* Answers a request to it; authorised it is. */
void export_answer(
    struct sim *sim, const struct request *request, struct reply *reply);

/*
 * POST /sim/export: {"access":"named"|"unnamed"|"reported", "failed":[METRIC],
 * "samples_max":N, "everything":BOOL}; what is not there stays as it is. False
 * where it is none.
 */
bool export_control(struct export_state *state, const char *body, size_t len);

void export_free(struct export_state *state);

#endif

/*
 * An answer of /export, read as it arrives. The text goes to the store as it
 * was served; what is looked at on the way is whose samples it has, whether a
 * family was cut off at the API's cap, and what it says about the scrape itself
 * (the families export_status and confluent_scrape_resource_access_error).
 */
#ifndef CCM_FETCH_SCRAPE_H
#define CCM_FETCH_SCRAPE_H

#include "exposition-reader.h"
#include "resources.h"
#include "store.h"

/* "Return limits" of the API's reference: of one metric and resource type. */
#define SCRAPE_SAMPLES_MAX 30000

struct scrape {
	struct resources *resources; /* of the run */
	struct store *store;
	bool openmetrics;

	/* out */
	const char *error;   /* NULL, or what is wrong with the answer */
	uint64_t samples;    /* without those about the scrape */
	uint64_t unreadable; /* lines */
	struct buf problem;  /* of the first of them */
	uint64_t *largest;   /* by resource: samples of its largest family */
	bool *inaccessible;  /* by resource: confluent_scrape_... is 1 */
	char *cut_family;    /* has as many samples as there may be, or NULL */
	size_t cut_resource; /* one of those whose family it is */
	char **failed;       /* metrics that export_status names */
	size_t nfailed;
	int64_t *newest_ms; /* by resource; 0: none */

	/* private */
	struct exposition_reader reader;
	struct buf line;   /* that has begun */
	struct buf family; /* the last sample's */
	uint64_t in_family;
	uint64_t *counts;    /* of the family, by resource */
	bool ended;          /* "# EOF" */
	const char **labels; /* of the run's resources, each once */
	size_t nlabels;
};

/* Forgets the answer before; the first three members stay. To be called when
 * all resources of the run are known. */
void scrape_start(struct scrape *scrape);

/* Takes the next bytes. False once something is wrong. */
bool scrape_feed(struct scrape *scrape, const char *bytes, size_t len);

/* At the end of the answer, whose Content-Type may be NULL. False where it is
 * cut short, or is no metrics. */
bool scrape_end(struct scrape *scrape, const char *content_type);

void scrape_free(struct scrape *scrape);

#endif

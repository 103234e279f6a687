/*
 * A run of `export`: the newest sample of each series of resources, as the API
 * serves them.
 *
 * Resources go together in a request, as many as a URL of 4,000 bytes takes and
 * as the API's cap of 30,000 samples a family allows by what their last answers
 * had. Such a batch is answered whole, or nothing of it is written; batches are
 * written in the order of the resources.
 *
 *	export.c	the run: batches, and when each is requested
 *	export-answer.c	what becomes of a batch by its answer
 *	scrape.c	the text of an answer
 *	limits.c	what the API allows of it in an hour
 *
 * - What the API blames costs itself only: a resource that a 403 or 429 names
 *   is taken out, and the rest requested again. Where none is named, the batch
 *   is split in halves. A refused resource is left out for 15 minutes, and then
 *   goes apart from the others.
 * - What fails for now is sent again with backoff, as a query is, but a retry
 *   leaves the last ten requests of an hour.
 */
#ifndef CCM_FETCH_EXPORT_H
#define CCM_FETCH_EXPORT_H

#include "flags.h"
#include "limits.h"
#include "query.h"
#include "scrape.h"

struct export;

enum batch_phase { BATCH_READY, BATCH_ACTIVE, BATCH_ENDED };

struct batch {
	struct export *export;
	size_t *resources; /* indices in the run's */
	size_t nresources;
	enum batch_phase phase;
	int attempts;     /* of the request that is due */
	int64_t ready_ms; /* not before */
	char *why;        /* it is sent again, or NULL */
	int64_t bytes;
	struct transfer transfer;
	struct scrape scrape;
	struct store store;
	struct batch *next; /* in the order of output */
};

struct held {
	size_t resource;
	enum hold why;
	int64_t until_ms;
};

struct export
{
	/* in */
	const struct flags *flags; /* its metrics and selectors */
	bool openmetrics;          /* -o */
	bool ignores_failed;       /* -S */
	bool only_prints;          /* -n: the URLs, and requests nothing */

	/* of a run */
	struct run *run;
	struct limits limits;
	struct buf suffix; /* of each URL */
	struct batch *first;
	size_t nbatches;
	char *refused_detail; /* of the first batch with a 400, or NULL */

	/* out */
	struct held *held;
	size_t nheld;
	char **failed_metrics, **cut_families; /* each once */
	size_t nfailed, ncut;
	int64_t *newest_ms; /* by resource; 0: none */
};

/* Takes the resources of the flags into the run's. To be called first. */
void export_plan(struct export *export, struct run *run);

/* Requests everything. Exits with EX_USAGE where the metrics alone are too many
 * for a URL. */
void export_run(struct export *export, const struct ccm_clock *clock);

/* Appends what the summary says besides: ,"NAME":VALUE... */
void export_summarize(const struct export *export, struct buf *out);

void export_free(struct export *export);

/* ---- between export.c and export-answer.c */

/* "resource.kafka.id lkc-1 and 2 others" */
void batch_describe(const struct batch *batch, struct buf *out);
/* Takes those of its resources out that are marked, by position. */
void batch_remove(struct batch *batch, const bool *marked);
/* Takes those out into another batch, which comes behind it. */
void batch_split(struct batch *batch, const bool *marked);
void export_hold(
    struct export *export, size_t resource, enum hold why, int64_t until_ms);
/* Its text may be written, or there is none. */
void batch_end(struct batch *batch);

/* Its request has ended. */
void batch_on_end(struct batch *batch);
/* It cannot be answered for now. */
void batch_give_up(struct batch *batch, int status, const char *why);

#endif

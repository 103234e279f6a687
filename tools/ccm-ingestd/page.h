/*
 * /prometheus-metrics: made from one snapshot, in slices of a few milliseconds
 * between other events, packed as it grows, and kept for a second.
 */
#ifndef CCM_INGESTD_PAGE_H
#define CCM_INGESTD_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gzip.h"
#include "http-server.h"
#include "loop.h"
#include "series.h"

struct page {
	const struct series_table *series;
	/* Whether app_id is put on the series, and what stands behind them. */
	bool (*has_app_label)(void *context);
	void (*add_own)(void *context, struct buf *out);
	void *context;

	/* private */
	struct loop *loop;
	struct loop_task task;
	struct http_body *plain, *packed; /* as last made */
	int64_t made_ms;
	struct build *build; /* under way, or NULL */
	struct http_exchange **waiting;
	size_t nwaiting;
};

/* Set what is public before. */
void page_start(struct page *page, struct loop *loop);

/* Answers now or when the page is made. */
void page_get(struct page *page, struct http_exchange *exchange);

/* Answers all that wait. */
void page_stop(struct page *page);

#endif

/*
 * Queries: what is asked of the API, until it is answered, refused, or owed.
 *
 * A query is a request body (or a URL) whose answer has pages. Its output goes
 * to standard output when all of it is there, and not before: nothing half,
 * nothing twice.
 *
 * - A request that fails for now (429, 5xx, a timeout, a connection that
 *   breaks, an answer that is cut or is not JSON) is sent again, five times in
 *   all, with backoff. Then the query is owed.
 * - A page token that has expired (400) begins the query anew.
 * - A 400 or 403 for several resources cuts the query in halves, depth first,
 *   until the resource is found that is to blame; it is left out of the rest of
 *   the run. While one query is cut, no other is started, and one that failed
 *   meanwhile waits for what is found: so a bad resource costs its search once.
 */
#ifndef CCM_FETCH_QUERY_H
#define CCM_FETCH_QUERY_H

#include "body.h"
#include "config.h"
#include "http.h"
#include "points.h"
#include "rate.h"
#include "response.h"
#include "store.h"

struct run;

/* A part of a body's resources: positions from..to-1 in body.resources. */
struct piece {
	size_t from, to;
};

struct query {
	struct run *run;
	enum { READY, ACTIVE, DONE } state;
	char *path;     /* "/v2/metrics/cloud/query" */
	bool post;      /* with `body`; else a GET */
	bool is_points; /* else the elements are written as they are */
	struct body body;
	char *name; /* for messages: the metric, or the path */

	/* What is still to be asked: a stack of pieces. */
	struct piece *pieces;
	size_t npieces;

	/* The piece on top of it, as it is asked. */
	struct buf request;
	size_t *chosen; /* positions of resources that are not refused */
	size_t nchosen;
	char *page_token;
	int64_t piece_start, page_start; /* in the store */
	uint64_t points_at_piece_start, points_at_page_start;
	int attempts, restarts;
	int64_t ready_ms; /* not before */

	/* While it is cut in pieces. */
	bool splitting;
	bool probing; /* points of pieces would mean something else: dropped */
	bool last;    /* after that: the rest, as a whole */
	char *whole_detail; /* what the API said to the whole */
	size_t *suspects;   /* resources that got the same 400, alone */
	size_t nsuspects;
	bool piece_answered;
	size_t held; /* resources of a piece that failed while another query
		      * was being cut; 0 where none did */
	long held_status;
	char *held_detail;

	bool answered, owed, refused;
	struct transfer transfer;
	struct response response;
	struct points points;
	struct store store;
};

/* What a run did, for its exit status and its summary. */
struct tally {
	unsigned long answered, owed, refused; /* queries */
	unsigned long requests, retries, throttled;
	uint64_t points;
	bool failed[128]; /* by exit status */
	char *last_error; /* what was last told of a query that failed, or
			   * of a resource that was refused; or NULL */
	bool has_clock;   /* the API has said what time it is: */
	int64_t ahead_s;  /* so far its clock is before ours */
};

struct run {
	const struct config *config;
	struct http http;
	struct rate rate;
	struct resources resources;
	struct query *queries;
	size_t nqueries;
	const char *owed_path; /* -e, or NULL */
	int owed_fd;
	struct query *splitter; /* the query that is being cut, or NULL */
	bool heard;             /* the API has answered something */
	bool unauthorised;      /* it answered 401 */
	struct tally tally;
};

/* Adds a query; `body` is taken over. `path` has to stay. NULL body: a GET. */
void run_add(
    struct run *run, const char *path, struct body *body, bool is_points);

/* Asks everything. Afterwards the tally tells. */
void run_queries(struct run *run);

/* Says which resources had no points, once all has been asked. */
void run_report_silent(const struct run *run);

void run_free(struct run *run);

#endif

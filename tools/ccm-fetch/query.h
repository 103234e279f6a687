/*
 * Queries: what is requested of the API, until it is answered, refused, or
 * owed.
 *
 * A query is a request body (or a URL) whose answer has pages. Its output goes
 * to standard output when all of a part is there, and not before: nothing half,
 * nothing twice. The parts of the work:
 *
 *	run.c      which query sends its next request, and when
 *	query.c    one query: its requests, pages and retries
 *	split.c    several resources together get no answer: which one is it?
 *	verdict.c  how a query ends, and what is reported of it
 *	probe.c    does the API answer at all?
 *
 * - A request that fails for now (429, 5xx, a timeout, a connection that
 *   breaks, an answer that is cut or is not JSON) is sent again, five times in
 *   all, with backoff. Then the query is owed.
 * - A page token that has expired (400) restarts the query.
 * - A 400, 403 or 404 for several resources splits the query in halves, depth
 *   first, until the resource is found that gets it alone. One that is refused
 *   is left out of the rest of the run; one without data (404) is a suspect,
 *   which is queried apart from then on.
 * - After five failures with 500, 504 or a timeout the same is done, but only
 *   if the API has answered something else meanwhile: then it is this query
 *   that it cannot answer, and not the API that is down.
 * - While one query is split, no other sends requests, and one that failed
 *   meanwhile waits for what is found: a bad resource costs its search once.
 * - No query goes on for ever: config.h has its limits.
 */
#ifndef CCM_FETCH_QUERY_H
#define CCM_FETCH_QUERY_H

#include "answer.h"
#include "asked.h"
#include "body.h"
#include "config.h"
#include "http.h"
#include "points.h"
#include "rate.h"
#include "response.h"
#include "statuses.h"
#include "store.h"

struct run;

/* Where a query stands. */
enum phase {
	PHASE_READY,   /* its next request may be sent */
	PHASE_ACTIVE,  /* a request is under way */
	PHASE_STALLED, /* waits for a sign that the API answers others */
	PHASE_ENDED
};

/* Whether its resources are being told apart. */
enum search {
	SEARCH_NONE,
	SEARCH_KEEPING,  /* what a piece is answered counts */
	SEARCH_DROPPING, /* points do not name their resource: only what is
			  * refused counts */
	SEARCH_OVER      /* behind SEARCH_DROPPING: the rest, as a whole */
};

/* What has become of one of its resources. One that is refused (in the run's
 * resources) is so whatever is here. */
enum part {
	PART_OPEN,
	PART_ANSWERED, /* 2xx */
	PART_NO_DATA,  /* 404 to it alone */
	PART_OWED
};

/* Positions from..to-1 in body.resources. */
struct piece {
	size_t from, to;
	bool first_half;   /* the piece below it is the second */
	bool surely_fails; /* its other half does not, and both together do */
	bool only_once;    /* one attempt; a part of what the API fails on */
	bool is_apart;     /* a suspect, or known to fail: not a search's */
};

/* Where the output of a query stood. */
struct mark {
	int64_t size; /* of the store */
	uint64_t points;
	size_t unreadable_len; /* of what goes to the rejects */
	uint64_t unreadable, strangers;
	size_t pages, empty_pages;
	int64_t bytes;
};

struct query {
	struct run *run;
	enum phase phase;
	char *path;     /* "/v2/metrics/cloud/query" */
	bool post;      /* with `body`; else a GET */
	bool is_points; /* else the elements are written as they are */
	struct body body;
	char *name; /* for messages: the metric, or the path */

	/* What is still to be requested: a stack of pieces. */
	struct piece *pieces;
	size_t npieces;
	enum part *parts; /* by position */
	bool *set_apart;  /* by position: has a piece of its own */

	/* The piece on top of it, as it is requested. */
	struct buf request;
	size_t *chosen; /* its positions that are open and not refused */
	size_t nchosen;
	char *page_token;
	char **tokens; /* of all its pages so far */
	size_t ntokens;
	struct mark piece_mark, page_mark;
	int attempts, restarts;
	int64_t ready_ms;   /* not before */
	int64_t started_ms; /* the request that is under way */
	int64_t spent_ms;   /* by those before it */

	/* The search. */
	enum search search;
	bool blames_resource; /* 403 or 404: other halves tell */
	char *whole_detail;   /* what the API said to the whole */
	size_t *suspects;     /* resources that got the same 400, alone */
	size_t nsuspects;
	bool piece_answered; /* in this search, one was */
	unsigned budget;     /* requests left to find what fails */
	unsigned found;      /* resources that fail alone */

	/* A piece that failed while another query was split, or that is
	 * stalled: how many resources it had (0: there is none), and why. */
	size_t held;
	char *held_why;
	uint64_t answers_before; /* of the run, when it stalled */

	bool answered, nodata, owed, refused;
	struct transfer transfer;
	struct response response;
	struct points points;
	struct asked asked;
	struct store store;
	struct buf unreadable; /* elements for the rejects, a line each */
	struct mark now; /* its counts; what others count is in their place */
};

/* A query that the API will not answer, whatever the resource. */
struct refused_query {
	char *metric;
	long status;
	char *detail;
};

/* What a run did, for its exit status and its summary. */
struct tally {
	unsigned long answered, nodata, owed, refused; /* queries */
	unsigned long unanswered; /* owed, or failed for now */
	unsigned long requests, retries, throttled;
	uint64_t points, unreadable;
	struct statuses statuses;
	struct refused_query *refused_queries;
	size_t nrefused_queries;
	char *last_error;    /* the last message about a query that failed, or a
			      * resource that was refused; or NULL */
	int64_t api_time_ms; /* the earliest Date of the API's answers; -1:
			      * none had one */
	bool has_clock;      /* the API has said what time it is: */
	int64_t ahead_s;     /* so far its clock is before ours */
};

struct run {
	const struct config *config;
	struct http http;
	struct rate rate;
	struct resources resources;
	struct query *queries;
	size_t nqueries;
	const char *rejects_path; /* -r, or NULL */
	int rejects_fd;
	const char *owed_path; /* -e, or NULL */
	int owed_fd;
	int64_t now_ms;         /* by which suspects are remembered */
	struct query *splitter; /* the query that is being split, or NULL */
	bool heard;             /* something has answered */
	uint64_t answers;       /* so often the API itself */
	bool unauthorised;      /* 401 or 407: no further request */
	bool untrusted; /* no certificate of the server is good, or so */
	enum probe {
		PROBE_NONE,
		PROBE_GOOD, /* 200, and the API's JSON */
		PROBE_JSON, /* another answer of the API */
		PROBE_BAD
	} probe;
	enum { REACHABLE_UNKNOWN, REACHABLE_YES, REACHABLE_NO } reachable;
	struct tally tally;
};

/* run.c */

/* Adds a query; `body` is taken over. NULL body: a GET. */
void run_add(
    struct run *run, const char *path, struct body *body, bool is_points);

/* Requests everything. Afterwards, the tally says what came of it. */
void run_queries(struct run *run);

/* Reports which resources had no points, once all has been requested. */
void run_report_silent(const struct run *run);

void run_free(struct run *run);

#endif

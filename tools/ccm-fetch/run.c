/*
 * A run: which query sends its next request, and when.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "work.h"

#define PARALLEL 3

static void
mark_asked(struct run *run, const struct body *body)
{
	for (size_t i = 0; i < body->nresources; i++)
		run->resources.all[body->resources[i]].asked = true;
	for (size_t i = 0; i < body->nfixed; i++)
		run->resources.all[body->fixed[i].resource].asked = true;
}

void
run_add(struct run *run, const char *path, struct body *body, bool is_points)
{
	struct query *query;
	size_t n;

	run->queries = xreallocarray(
	    run->queries, run->nqueries + 1, sizeof(*run->queries));
	query = &run->queries[run->nqueries++];
	*query = (struct query){.run = run,
	    .phase = PHASE_READY,
	    .path = xstrdup(path),
	    .post = body != NULL,
	    .is_points = is_points,
	    .store = STORE_INIT};
	if (body != NULL)
		query->body = *body;
	query->name =
	    query->body.metric != NULL ? query->body.metric : query->path;
	n = query->body.nresources + 1;
	query->chosen = xreallocarray(NULL, n, sizeof(*query->chosen));
	query->suspects = xreallocarray(NULL, n, sizeof(*query->suspects));
	query->parts = xreallocarray(NULL, n, sizeof(*query->parts));
	query->set_apart = xreallocarray(NULL, n, sizeof(*query->set_apart));
	memset(query->parts, 0, n * sizeof(*query->parts));
	memset(query->set_apart, 0, n * sizeof(*query->set_apart));
	mark_asked(run, &query->body);
	if (is_points)
		asked_read(&query->asked, &query->body, &run->resources);
	piece_push(query, 0, query->body.nresources);
}

/* ---- the schedule ------------------------------------------------------- */

/* Has the API answered another request since the query stalled? */
static bool
may_resume(const struct query *query)
{
	return query->phase == PHASE_STALLED &&
	    query->run->answers > query->answers_before;
}

/* One at a time: what it finds may explain the others. True where one is. */
static bool
resume_stalled(struct run *run)
{
	for (size_t i = 0; i < run->nqueries && run->splitter == NULL; i++) {
		if (!may_resume(&run->queries[i]))
			continue;
		query_resume(&run->queries[i]);
		run->splitter = &run->queries[i];
		return true;
	}
	return false;
}

/* Nothing else is left to do. A query that may still not be resumed is owed. */
static void
settle_stalled(struct run *run)
{
	run_probe(run);
	for (size_t i = 0; i < run->nqueries; i++) {
		struct query *query = &run->queries[i];

		if (query->phase == PHASE_STALLED && !may_resume(query))
			query_give_up(query, EX_TEMPFAIL, query->held_why);
	}
}

static bool
may_start(const struct query *query, int64_t now_ms, int64_t *wait_ms)
{
	const struct run *run = query->run;

	if (query->phase != PHASE_READY ||
	    (run->splitter != NULL && run->splitter != query))
		return false;
	if (query->ready_ms > now_ms) {
		if (query->ready_ms - now_ms < *wait_ms)
			*wait_ms = query->ready_ms - now_ms;
		return false;
	}
	return true;
}

/* Starts what may be started; returns for how long nothing else will. */
static int64_t
start_ready(struct run *run)
{
	/* One scout first: what it finds refused costs the others nothing. */
	size_t active = 0, most = run->heard ? PARALLEL : 1;
	int64_t wait_ms = 1000, now_ms = clock_ms();

	for (size_t i = 0; i < run->nqueries; i++)
		active += run->queries[i].phase == PHASE_ACTIVE;
	for (size_t i = 0; i < run->nqueries && active < most; i++) {
		struct query *query = &run->queries[i];
		int64_t turn_ms;

		if (!may_start(query, now_ms, &wait_ms))
			continue;
		if (!query_prepare(query))
			continue;
		turn_ms = rate_take(&run->rate);
		if (turn_ms > WAIT_MAX_MS) {
			query_give_up(query, EX_TEMPFAIL,
			    "the API wants a pause that is too long for this run");
			continue;
		}
		if (turn_ms > 0)
			return turn_ms < wait_ms ? turn_ms : wait_ms;
		query_start(query);
		active++;
	}
	return wait_ms;
}

static size_t
count_in(const struct run *run, enum phase phase)
{
	size_t count = 0;

	for (size_t i = 0; i < run->nqueries; i++)
		count += run->queries[i].phase == phase;
	return count;
}

/* Is each query that has not ended stalled, without a sign of the API? */
static bool
is_stalled(const struct run *run)
{
	return count_in(run, PHASE_READY) + count_in(run, PHASE_ACTIVE) == 0;
}

/* After a 401 no request is sent; those under way may end. */
static void
give_up_waiting(struct run *run)
{
	for (size_t i = 0; i < run->nqueries; i++) {
		struct query *query = &run->queries[i];

		if (query->phase == PHASE_READY ||
		    query->phase == PHASE_STALLED)
			query_give_up(query, EX_NOPERM, NULL);
	}
}

/* On a terminal, after a second: where the work stands, on one line. */
static void
show_progress(const struct run *run, int64_t started_ms, bool end)
{
	static bool shown;

	if (!isatty(STDERR_FILENO) || clock_ms() - started_ms < 1000)
		return;
	if (!end)
		fprintf(stderr, "\r%zu of %zu queries, %lu requests ",
		    count_in(run, PHASE_ENDED), run->nqueries,
		    run->tally.requests);
	else if (shown)
		fprintf(stderr, "\r%60s\r", "");
	shown = true;
}

static void
work(struct run *run, int64_t wait_ms)
{
	struct query *ended =
	    http_wait(&run->http, (int)(wait_ms > 0 ? wait_ms : 1));
	int64_t now_ms = clock_ms();

	if (ended != NULL)
		query_on_end(ended);
	for (size_t i = 0; i < run->nqueries; i++)
		query_check_limits(&run->queries[i], now_ms);
}

void
run_queries(struct run *run)
{
	int64_t started_ms = clock_ms();

	for (;;) {
		int64_t wait_ms;

		if (run->unauthorised)
			give_up_waiting(run);
		wait_ms = start_ready(run);
		if (resume_stalled(run))
			continue;
		if (count_in(run, PHASE_ENDED) == run->nqueries)
			break;
		if (is_stalled(run))
			settle_stalled(run);
		else
			work(run, wait_ms);
		show_progress(run, started_ms, false);
	}
	if (run->nqueries > 0 && run->queries[0].is_points)
		run_settle_reachable(run);
	show_progress(run, started_ms, true);
}

/* ---- the end ------------------------------------------------------------ */

void
run_report_silent(const struct run *run)
{
	for (size_t i = 0; i < run->resources.count; i++) {
		const struct resource *r = &run->resources.all[i];

		if (resource_is_silent(r))
			log_warn(
			    "%s %s: no data points (deleted, idle, or not visible to API key %s?)",
			    r->label, r->id,
			    config_credential_name(run->config));
	}
}

static void
query_free(struct query *query)
{
	response_free(&query->response);
	points_free(&query->points);
	asked_free(&query->asked);
	store_free(&query->store);
	body_free(&query->body);
	buf_free(&query->request);
	buf_free(&query->unreadable);
	for (size_t i = 0; i < query->ntokens; i++)
		free(query->tokens[i]);
	free(query->tokens);
	free(query->path);
	free(query->pieces);
	free(query->parts);
	free(query->set_apart);
	free(query->chosen);
	free(query->suspects);
	free(query->page_token);
	free(query->whole_detail);
	free(query->held_why);
}

void
run_free(struct run *run)
{
	struct tally *tally = &run->tally;

	for (size_t i = 0; i < run->nqueries; i++)
		query_free(&run->queries[i]);
	free(run->queries);
	for (size_t i = 0; i < tally->nrefused_queries; i++) {
		free(tally->refused_queries[i].metric);
		free(tally->refused_queries[i].detail);
	}
	free(tally->refused_queries);
	free(tally->last_error);
	resources_free(&run->resources);
}

/*
 * Which of several resources is it that the API refuses, has no data of, or
 * fails on? Halves, depth first, on a stack of pieces.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "work.h"

/* So many resources that get the same 400 as the whole, and none that does not:
 * the query is bad, not they. */
#define SUSPECTS_MAX 2

/* So many resources that fail, and none that is answered: the API is down. */
#define HOPELESS 8

static struct piece *
top(const struct query *query)
{
	return &query->pieces[query->npieces - 1];
}

static void
push(struct query *query, struct piece piece)
{
	query->pieces = xreallocarray(
	    query->pieces, query->npieces + 1, sizeof(*query->pieces));
	query->pieces[query->npieces++] = piece;
}

void
piece_push(struct query *query, size_t from, size_t to)
{
	push(query, (struct piece){.from = from, .to = to});
}

/* The last of all to be requested: at the bottom. */
static void
push_apart(struct query *query, size_t position, bool only_once)
{
	push(query, (struct piece){.from = 0});
	memmove(query->pieces + 1, query->pieces,
	    (query->npieces - 1) * sizeof(*query->pieces));
	query->pieces[0] = (struct piece){.from = position,
	    .to = position + 1,
	    .only_once = only_once,
	    .is_apart = true};
	query->set_apart[position] = true;
}

void
piece_pop(struct query *query)
{
	query->npieces--;
	query->request.len = 0;
	query->phase = PHASE_READY;
	if (query->npieces > 0)
		return;
	query_refuse_suspects(query);
	if (query->search == SEARCH_DROPPING) {
		/* Now it is known which to leave out. */
		query->search = SEARCH_OVER;
		piece_push(query, 0, query->body.nresources);
	}
}

/* ---- the request of the piece on top ------------------------------------ */

static void
begin_piece(struct query *query)
{
	free(query->page_token);
	query->page_token = NULL;
	for (size_t i = 0; i < query->ntokens; i++)
		free(query->tokens[i]);
	query->ntokens = 0;
	query->piece_mark = query->page_mark = query_mark(query);
	query->attempts = 0;
}

/* A resource that makes queries of several fail gets a piece of its own. One
 * that this run has found to have no data of another metric may be one. */
static bool
goes_apart(const struct query *query, size_t position)
{
	const struct resource *resource =
	    &query->run->resources.all[query->body.resources[position]];

	return query->is_points && query->body.grouped_by_resource &&
	    (resource->failing || resource->suspected_now ||
		resource_is_suspect(resource, query->name));
}

static bool
is_left(const struct query *query, size_t position)
{
	if (query_skips(query, position))
		return false;
	return query->search == SEARCH_OVER ||
	    query->parts[position] == PART_OPEN;
}

static void
choose(struct query *query)
{
	const struct piece piece = *top(query);
	const struct resource *all = query->run->resources.all;
	bool several = piece.to - piece.from > 1;

	query->nchosen = 0;
	for (size_t i = piece.from; i < piece.to; i++) {
		if (!is_left(query, i) || (several && query->set_apart[i]))
			continue;
		if (several && goes_apart(query, i))
			push_apart(
			    query, i, all[query->body.resources[i]].failing);
		else
			query->chosen[query->nchosen++] = i;
	}
}

/* Is a resource that the filter fixes refused already? */
static bool
fixed_is_refused(const struct query *query)
{
	for (size_t i = 0; i < query->body.nfixed; i++)
		if (query->run->resources.all[query->body.fixed[i].resource]
			.refused != 0)
			return true;
	return false;
}

static void split(struct query *query, const char *detail);

/* A part of what the API fails on is paid for. */
static bool
afford(struct query *query)
{
	if (!top(query)->only_once || top(query)->is_apart)
		return true;
	if (query->budget == 0) {
		query_give_up(query, EX_TEMPFAIL,
		    "the resource on which the API fails was not found with the requests that a search may take");
		return false;
	}
	query->budget--;
	return true;
}

bool
query_prepare(struct query *query)
{
	while (query->request.len == 0) {
		if (query->npieces == 0) {
			query_end(query);
			return false;
		}
		if (fixed_is_refused(query)) {
			query_refused_resource(query);
			return false;
		}
		choose(query);
		begin_piece(query);
		if (query->nchosen == 0 && query->body.nresources > 0) {
			query->held = 0;
			piece_pop(query);
		} else if (query->nchosen > 1 &&
		    (query->held == query->nchosen ||
			top(query)->surely_fails)) {
			/* What was found meanwhile does not explain it. */
			split(query, query->held > 0 ? query->held_why : NULL);
			query->held = 0;
		} else {
			query->held = 0;
			if (!afford(query))
				return false;
			query_write_body(query, query->chosen, query->nchosen,
			    &query->request);
			buf_add_char(&query->request, '\n');
		}
	}
	return true;
}

/* ---- splitting ---------------------------------------------------------- */

static unsigned
search_budget(size_t resources)
{
	return (unsigned)(2 * log2((double)resources)) + 2;
}

static void
begin_search(struct query *query, const char *detail)
{
	query->run->splitter = query;
	if (query->search != SEARCH_NONE)
		return;
	query->search =
	    query->body.grouped_by_resource ? SEARCH_KEEPING : SEARCH_DROPPING;
	query->whole_detail = xstrdup(detail != NULL ? detail : "");
	log_info(
	    "%s: %zu resources together get no answer (%s); splitting the query",
	    query->name, query->nchosen, query->whole_detail);
}

/* Cuts the piece on top in halves, the first of them on top. */
static void
split(struct query *query, const char *detail)
{
	struct piece piece = *top(query);
	size_t middle = query->chosen[query->nchosen / 2];

	begin_search(query, detail);
	query->npieces--;
	query->request.len = 0;
	query->phase = PHASE_READY;
	push(query,
	    (struct piece){
		.from = middle, .to = piece.to, .only_once = piece.only_once});
	push(query,
	    (struct piece){.from = piece.from,
		.to = middle,
		.only_once = piece.only_once,
		.first_half = true});
}

/* The first half is as it should be. Where both together were not, and a
 * resource is the reason (not so for a 400), the other half is not. */
static void
blame_other_half(struct query *query)
{
	const struct piece *piece = top(query);

	if (piece->first_half && query->npieces > 1 &&
	    (piece->only_once || query->blames_resource))
		query->pieces[query->npieces - 2].surely_fails = true;
}

static void
mark_answered(struct query *query, bool has_data)
{
	struct run *run = query->run;
	struct resource *all = run->resources.all;
	bool any_points = store_size(&query->store) > query->piece_mark.size;

	if (has_data)
		query->answered = true;
	else
		query->nodata = true;
	for (size_t i = 0; i < query->nchosen; i++) {
		struct resource *resource =
		    &all[query->body.resources[query->chosen[i]]];

		query->parts[query->chosen[i]] =
		    has_data ? PART_ANSWERED : PART_NO_DATA;
		resource->answered = true;
		/* A point does not say whose it is. */
		if (!query->body.grouped_by_resource && any_points)
			resource->has_points = true;
		if (has_data)
			resource_clear(resource, query->name);
	}
	for (size_t i = 0; i < query->body.nfixed; i++)
		all[query->body.fixed[i].resource].answered = true;
}

/* 404 to one resource alone. */
static void
suspect(struct query *query)
{
	struct resource *resource =
	    &query->run->resources.all[query->body.resources[query->chosen[0]]];

	/* What was found by a search is likely so for the other metrics. */
	if (!top(query)->is_apart)
		resource->suspected_now = true;
	resource_suspect(resource, query->name, query->run->now_ms);
}

void
piece_answered(struct query *query, bool has_data)
{
	if (query->nchosen == 1 && !has_data)
		suspect(query);
	if (query->search == SEARCH_DROPPING && has_data)
		query_cut(query, query->piece_mark);
	else
		mark_answered(query, has_data);
	query->piece_answered = true;
	if (has_data)
		blame_other_half(query);
	query_refuse_suspects(query);
	piece_pop(query);
}

/* ---- refusals ----------------------------------------------------------- */

/* One resource of a search was refused (400, 403). */
static void
refused_in_search(struct query *query, long status, const char *detail)
{
	size_t index = query->body.resources[query->chosen[0]];

	if (status == 400 && !query->piece_answered &&
	    strcmp(detail, query->whole_detail) == 0 &&
	    strstr(detail, query->run->resources.all[index].id) == NULL) {
		query->suspects[query->nsuspects++] = index;
		if (query->nsuspects == SUSPECTS_MAX) {
			query_refuse(query, status, detail);
			return;
		}
	} else {
		query_refuse_resource(query, index, status, detail);
	}
	query_cut(query, query->piece_mark);
	piece_pop(query);
}

/* A 403 speaks of the resource, and not of the query; a 400 does where others
 * were answered. */
static void
refused_alone(struct query *query, long status, const char *detail)
{
	struct buf why = BUF_INIT;

	if (query->search != SEARCH_NONE && query->nchosen == 1) {
		refused_in_search(query, status, detail);
	} else if (query->nchosen == 1 &&
	    (status == 403 ||
		(top(query)->is_apart && query->piece_answered))) {
		query_refuse_resource(query,
		    query->body.resources[query->chosen[0]], status, detail);
		query_cut(query, query->piece_mark);
		piece_pop(query);
	} else if (status == 403 && query->body.nfixed == 1) {
		query_refuse_resource(
		    query, query->body.fixed[0].resource, status, detail);
		query_refused_resource(query);
	} else if (status == 400 || !query->is_points) {
		query_refuse(query, status, detail);
	} else {
		/* It may be allowed tomorrow, and names no resource. */
		buf_printf(&why, "the API refused the query: HTTP %ld: %s",
		    status, detail);
		query_give_up(query, EX_NOPERM, buf_terminate(&why));
	}
	buf_free(&why);
}

static bool
is_of_one_resource(const struct query *query)
{
	return query->nchosen == 1 ||
	    (query->body.nresources == 0 && query->body.nfixed > 0);
}

void
piece_refused(struct query *query, long status, const char *detail)
{
	struct run *run = query->run;

	query->blames_resource = status != 400;
	if (query->nchosen > 1 && query->search != SEARCH_OVER) {
		if (run->splitter == NULL || run->splitter == query) {
			split(query, detail);
			return;
		}
		query->held = query->nchosen;
		free(query->held_why);
		query->held_why = xstrdup(detail);
		query->request.len = 0;
		query->phase = PHASE_READY;
	} else if (status == 404 && query->is_points &&
	    is_of_one_resource(query)) {
		log_debug("%s: no data: HTTP 404: %s", query->name, detail);
		piece_answered(query, false);
	} else if (status == 404 && query->is_points) {
		query_give_up(query, EX_UNAVAILABLE, detail);
	} else {
		refused_alone(query, status, detail);
	}
}

/* ---- what the API fails on ---------------------------------------------- */

/* Waits until it is known whether the API answers anything else. */
static void
stall(struct query *query, const char *why)
{
	struct run *run = query->run;

	log_debug("%s: %s, for %zu resources together", query->name, why,
	    query->nchosen);
	query_cut(query, query->piece_mark);
	query->held = query->nchosen;
	free(query->held_why);
	query->held_why = xstrdup(why);
	query->answers_before = run->answers;
	query->request.len = 0;
	query->phase = PHASE_STALLED;
	/* What is found by others may explain it. */
	if (run->splitter == query)
		run->splitter = NULL;
}

void
query_resume(struct query *query)
{
	query->budget = search_budget(query->held);
	query->found = 0;
	query->piece_answered = false;
	top(query)->only_once = true;
	query->phase = PHASE_READY;
}

/* A part that had its one attempt. */
static void
part_failed(struct query *query, const struct answer *answer, const char *why)
{
	struct resource *resource =
	    &query->run->resources.all[query->body.resources[query->chosen[0]]];

	if (answer->may_split && query->nchosen > 1) {
		split(query, why);
		return;
	}
	query_owe_chosen(query, why);
	if (answer->may_split && !top(query)->is_apart) {
		resource->failing = true;
		query->budget = search_budget(query->body.nresources);
		query->found++;
	}
	piece_pop(query);
	if (query->found >= HOPELESS && !query->piece_answered)
		query_give_up(query, EX_TEMPFAIL,
		    "the API fails on each resource; the search ends");
}

void
piece_failed(struct query *query, const struct answer *answer, const char *why)
{
	if (query->body.nresources > 0 && top(query)->only_once)
		part_failed(query, answer, why);
	else if (answer->may_split && query->nchosen > 1 && query->is_points &&
	    query->body.grouped_by_resource)
		stall(query, why);
	else
		query_give_up(query, answer->status_alone, why);
}

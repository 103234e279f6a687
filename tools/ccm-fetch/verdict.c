/*
 * How a query ends, and what is reported of it: answered, owed, or refused for
 * good, as a whole or some of its resources.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "io.h"
#include "plural.h"
#include "work.h"

/* An error, or a warning: shown, and kept for the summary. */
void
run_report(struct run *run, enum log_level level, const char *format, ...)
{
	char *message;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&message, format, ap) == -1)
		die(EX_OSERR, "out of memory");
	va_end(ap);
	if (level == LOG_LEVEL_ERROR)
		log_error("%s", message);
	else
		log_warn("%s", message);
	free(run->tally.last_error);
	run->tally.last_error = message;
}

/* ---- the end of a query ------------------------------------------------- */

/* Appends to `out` the body for some of the query's resources. */
void
query_write_body(const struct query *query, const size_t *positions,
    size_t count, struct buf *out)
{
	const struct body *body = &query->body;
	size_t *chosen;

	if (count == body->nresources) {
		buf_add(out, body->text.data, body->text.len);
		return;
	}
	chosen = xreallocarray(NULL, count + 1, sizeof(*chosen));
	for (size_t i = 0; i < count; i++)
		chosen[i] = body->resources[positions[i]];
	body_write_piece(body, &query->run->resources, chosen, count, out);
	free(chosen);
}

/* Is a resource refused, or known to have no data? */
bool
query_skips(const struct query *query, size_t position)
{
	size_t resource = query->body.resources[position];

	return query->run->resources.all[resource].refused != 0 ||
	    query->parts[position] == PART_NO_DATA;
}

/* Which resources have no answer. Where their points do not name them, it is
 * all or none. */
static size_t
collect_rest(struct query *query, size_t *positions)
{
	bool all =
	    query->search == SEARCH_DROPPING || query->search == SEARCH_OVER;
	size_t count = 0;

	for (size_t i = 0; i < query->body.nresources; i++)
		if (!query_skips(query, i) &&
		    (all || query->parts[i] != PART_ANSWERED))
			positions[count++] = i;
	return count;
}

/* What has no answer goes to the file of what is owed. */
static void
owe_rest(struct query *query)
{
	struct run *run = query->run;
	struct buf line = BUF_INIT;
	size_t *rest =
	    xreallocarray(NULL, query->body.nresources + 1, sizeof(*rest));
	size_t count = collect_rest(query, rest);

	if (count > 0 || query->body.nresources == 0) {
		query_write_body(query, rest, count, &line);
		buf_add_char(&line, '\n');
		write_or_die(run->owed_fd, run->owed_path, line.data, line.len);
		query->owed = true;
	}
	free(rest);
	buf_free(&line);
}

static void
report_contents(struct query *query)
{
	struct run *run = query->run;

	if (query->asked.strangers > 0)
		run_report(run, LOG_LEVEL_WARN,
		    "%s: %llu point%s of a resource or an hour that the query does not name, such as %s; passed on",
		    query->name, (unsigned long long)query->asked.strangers,
		    plural(query->asked.strangers), query->asked.stranger.data);
	if (query->now.unreadable == 0)
		return;
	run->tally.unreadable += query->now.unreadable;
	statuses_add(&run->tally.statuses, EX_DATAERR);
	run_report(run, LOG_LEVEL_ERROR,
	    "%s: cannot read %llu element%s of the answer, %s: the first is %.100s",
	    query->name, (unsigned long long)query->now.unreadable,
	    plural(query->now.unreadable),
	    run->rejects_path != NULL ? "kept in the file of -r" : "left out",
	    buf_terminate(&query->unreadable));
	if (run->rejects_path != NULL)
		write_or_die(run->rejects_fd, run->rejects_path,
		    query->unreadable.data, query->unreadable.len);
}

/* Whenever it was refused: maybe in another call of this run. */
static void
count_refusal(struct query *query, size_t index)
{
	const struct resource *resource = &query->run->resources.all[index];

	if (resource->refused == 0)
		return;
	query->refused = true;
	statuses_add(&query->run->tally.statuses,
	    resource->refused == 403 ? EX_NOPERM : EX_UNAVAILABLE);
}

static void
count_end(struct query *query)
{
	struct tally *tally = &query->run->tally;

	for (size_t i = 0; i < query->body.nresources; i++)
		count_refusal(query, query->body.resources[i]);
	for (size_t i = 0; i < query->body.nfixed; i++)
		count_refusal(query, query->body.fixed[i].resource);
	tally->answered += query->answered;
	tally->nodata += !query->answered && query->nodata;
	tally->refused += query->refused;
	tally->owed += query->owed;
	tally->points += query->points.count;
}

void
query_end(struct query *query)
{
	struct run *run = query->run;
	bool unanswered = false;

	for (size_t i = 0; i < query->body.nresources; i++)
		unanswered |= query->parts[i] == PART_OWED;
	if (unanswered && run->owed_path != NULL && !query->owed)
		owe_rest(query);
	if (unanswered || query->owed)
		run->tally.unanswered++;
	query->phase = PHASE_ENDED;
	if (run->splitter == query)
		run->splitter = NULL;
	report_contents(query);
	count_end(query);
	store_flush(&query->store);
	store_free(&query->store);
	query->store = (struct store)STORE_INIT;
	transfer_free(&run->http, &query->transfer);
	query->transfer = (struct transfer){.easy = NULL};
}

/* Drops the pages of a piece that is not whole; and all where its points do not
 * say whose they are. */
static void
cut_unfinished(struct query *query)
{
	if (query->search == SEARCH_DROPPING || query->search == SEARCH_OVER) {
		query_cut(query, (struct mark){.size = 0});
		query->answered = false;
	} else if (query->request.len > 0) {
		query_cut(query, query->piece_mark);
	}
}

void
query_give_up(struct query *query, int status, const char *why)
{
	struct run *run = query->run;

	cut_unfinished(query);
	for (size_t i = 0; i < query->body.nresources; i++)
		if (query->parts[i] == PART_OPEN && !query_skips(query, i))
			query->parts[i] = PART_OWED;
	if (run->owed_path != NULL && query->is_points) {
		if (why != NULL)
			run_report(run, LOG_LEVEL_WARN,
			    "%s: %s; owed: it is queried again in a later run",
			    query->name, why);
		owe_rest(query);
	} else {
		if (why != NULL)
			run_report(
			    run, LOG_LEVEL_ERROR, "%s: %s", query->name, why);
		statuses_add(&run->tally.statuses, status);
		if (query->body.nresources == 0)
			run->tally.unanswered++;
	}
	query_end(query);
}

void
query_owe_chosen(struct query *query, const char *why)
{
	struct run *run = query->run;
	bool owed = run->owed_path != NULL;
	const struct resource *first =
	    &run->resources.all[query->body.resources[query->chosen[0]]];

	query_cut(query, query->piece_mark);
	for (size_t i = 0; i < query->nchosen; i++)
		query->parts[query->chosen[i]] = PART_OWED;
	if (!owed)
		statuses_add(&run->tally.statuses, EX_TEMPFAIL);
	if (query->nchosen == 1)
		run_report(run, owed ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR,
		    "%s: %s %s: %s%s", query->name, first->label, first->id,
		    why, owed ? "; owed" : "");
	else
		run_report(run, owed ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR,
		    "%s: %s %s and %zu other%s: %s%s", query->name,
		    first->label, first->id, query->nchosen - 1,
		    plural(query->nchosen - 1), why, owed ? "; owed" : "");
}

/* ---- refused for good --------------------------------------------------- */

void
query_refused_resource(struct query *query)
{
	cut_unfinished(query);
	query->refused = true;
	query_end(query);
}

void
query_refuse(struct query *query, long status, const char *detail)
{
	struct tally *tally = &query->run->tally;
	struct refused_query *refused;

	run_report(query->run, LOG_LEVEL_ERROR,
	    "%s: the API refused the query%s: HTTP %ld: %s", query->name,
	    query->nsuspects > 0 ? ", whatever the resource" : "", status,
	    detail);
	tally->refused_queries = xreallocarray(tally->refused_queries,
	    tally->nrefused_queries + 1, sizeof(*tally->refused_queries));
	refused = &tally->refused_queries[tally->nrefused_queries++];
	*refused = (struct refused_query){
	    xstrdup(query->name), status, xstrdup(detail)};
	statuses_add(
	    &tally->statuses, status == 403 ? EX_NOPERM : EX_UNAVAILABLE);
	query_refused_resource(query);
}

void
query_refuse_resource(
    struct query *query, size_t index, long status, const char *detail)
{
	struct run *run = query->run;
	struct resource *resource = &run->resources.all[index];

	query->refused = true;
	if (resource->refused != 0)
		return;
	resource_refuse(resource, status, detail);
	run_report(run, LOG_LEVEL_ERROR,
	    "%s: %s %s: refused for API key %s: HTTP %ld: %s; left out of this run",
	    query->name, resource->label, resource->id,
	    config_credential_name(run->config), status, detail);
}

/* They are few, and others were answered: it was the resources. */
void
query_refuse_suspects(struct query *query)
{
	for (size_t i = 0; i < query->nsuspects; i++)
		query_refuse_resource(query, query->suspects[i], 400,
		    query->whole_detail != NULL ? query->whole_detail : "");
	query->nsuspects = 0;
}

/* 401, or a proxy's 407: nothing else can be answered in this run. */
void
run_unauthorised(struct run *run, long status, const char *detail)
{
	struct buf why = BUF_INIT;

	buf_printf(&why, "HTTP %ld%s%s", status, detail != NULL ? ": " : "",
	    detail != NULL ? detail : "");
	buf_terminate(&why);
	if (!run->unauthorised && status == 407)
		run_report(run, LOG_LEVEL_ERROR,
		    "the proxy refused the request: %s; check the user and password in https_proxy",
		    why.data);
	else if (!run->unauthorised)
		run_report(run, LOG_LEVEL_ERROR,
		    "the API refused key %s: %s; check CONFLUENT_METRICS_API_KEY and _SECRET (a Cloud API key, not a cluster's), or CONFLUENT_METRICS_TOKEN",
		    config_credential_name(run->config), why.data);
	run->unauthorised = run->tally.statuses.unauthorised = true;
	run->reachable = REACHABLE_NO;
	statuses_add(&run->tally.statuses, EX_NOPERM);
	buf_free(&why);
}

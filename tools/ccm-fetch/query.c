#include "query.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "filter.h"
#include "log.h"

#define ATTEMPTS 5
#define RESTARTS 5
#define BACKOFF_FIRST_MS 500
#define BACKOFF_MAX_MS 30000
#define PARALLEL 3

/* A wait that the API asks for and that is longer is not slept through. */
#define WAIT_MAX_MS 120000

/* So many resources that get the same 400 as the whole, and none that does not:
 * the query is bad, not they. */
#define SUSPECTS_MAX 2

static void
fail_run(struct run *run, int status)
{
	run->tally.failed[status] = true;
}

static void tell(struct run *run, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* An error, or a warning: shown, and kept for the summary. */
static void
tell(struct run *run, enum log_level level, const char *format, ...)
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

/* ---- what becomes of a query ----------------------------------------------
 */

static void
end_query(struct query *query)
{
	struct run *run = query->run;

	query->state = DONE;
	if (run->splitter == query)
		run->splitter = NULL;
	if (query->answered)
		run->tally.answered++;
	else if (query->refused && !query->owed)
		run->tally.refused++;
	if (query->owed)
		run->tally.owed++;
	run->tally.points += query->points.count;
	store_flush(&query->store);
	store_free(&query->store);
	query->store = (struct store)STORE_INIT;
	transfer_free(&run->http, &query->transfer);
	query->transfer = (struct transfer){.easy = NULL};
}

/* Throws away what the query has so far. */
static void
drop_points(struct query *query)
{
	store_truncate(&query->store, 0);
	query->points.count = 0;
	query->answered = false;
}

/* Cuts what came since the page began. */
static void
cut_page(struct query *query)
{
	store_truncate(&query->store, query->page_start);
	query->points.count = query->points_at_page_start;
}

/* Cuts what came since the piece began. */
static void
cut_piece(struct query *query)
{
	store_truncate(&query->store, query->piece_start);
	query->points.count = query->points_at_piece_start;
}

static bool
is_refused(const struct query *query, size_t position)
{
	size_t resource = query->body.resources[position];

	return query->run->resources.all[resource].refused;
}

/* Which resources of the pieces that are left are still to be asked. */
static size_t
collect_rest(const struct query *query, size_t *positions)
{
	size_t count = 0;

	for (size_t p = query->npieces; p-- > 0;)
		for (size_t i = query->pieces[p].from; i < query->pieces[p].to;
		     i++)
			if (!is_refused(query, i))
				positions[count++] = i;
	return count;
}

/* Appends to `out` the body for some of the query's resources. */
static void
write_body(const struct query *query, const size_t *positions, size_t count,
    struct buf *out)
{
	const struct body *body = &query->body;
	size_t *chosen;

	if (count == body->nresources) {
		buf_add(out, body->text.data, body->text.len);
		return;
	}
	chosen = xmalloc(count * sizeof(*chosen));
	for (size_t i = 0; i < count; i++)
		chosen[i] = body->resources[positions[i]];
	body_write_piece(body, &query->run->resources, chosen, count, out);
	free(chosen);
}

/* The rest of the query goes to the file of what is owed. */
static void
owe_rest(struct query *query)
{
	struct run *run = query->run;
	struct buf line = BUF_INIT;
	size_t *rest = xmalloc((query->body.nresources + 1) * sizeof(*rest));
	size_t count;

	if (query->probing) {
		/* The pieces answered so far do not count. */
		drop_points(query);
		query->pieces[0] = (struct piece){0, query->body.nresources};
		query->npieces = 1;
	}
	count = collect_rest(query, rest);
	if (count > 0 || query->body.nresources == 0) {
		write_body(query, rest, count, &line);
		buf_add_char(&line, '\n');
		write_or_die(run->owed_fd, run->owed_path, line.data, line.len);
		query->owed = true;
	}
	free(rest);
	buf_free(&line);
}

/*
 * What is left of the query could not be answered: for now (EX_TEMPFAIL), or by
 * something that is not the API. It is owed, where somebody keeps what is owed.
 */
static void
give_up(struct query *query, int status, const char *why)
{
	struct run *run = query->run;

	cut_piece(query);
	if (run->owed_path != NULL && query->is_points) {
		tell(run, LOG_LEVEL_WARN,
		    "%s: %s; owed: it has to be asked again", query->name, why);
		owe_rest(query);
	} else {
		tell(run, LOG_LEVEL_ERROR, "%s: %s", query->name, why);
		drop_points(query);
		query->refused = true;
		fail_run(run, status);
	}
	end_query(query);
}

/* The API will not answer this query, whenever it is asked. */
static void
refuse_query(struct query *query, int status)
{
	cut_piece(query);
	query->refused = true;
	fail_run(query->run, status);
	end_query(query);
}

static void
refuse_resource(
    struct query *query, size_t index, long status, const char *detail)
{
	struct resource *resource = &query->run->resources.all[index];

	if (resource->refused)
		return;
	resource->refused = true;
	query->refused = true;
	fail_run(query->run, status == 403 ? EX_NOPERM : EX_UNAVAILABLE);
	tell(query->run, LOG_LEVEL_ERROR,
	    "%s %s: refused for API key %s: HTTP %ld: %s; left out of "
	    "this run",
	    resource->label, resource->id,
	    config_credential_name(query->run->config), status, detail);
}

static void
refuse_suspects(struct query *query)
{
	for (size_t i = 0; i < query->nsuspects; i++)
		refuse_resource(query, query->suspects[i], 400,
		    query->whole_detail != NULL ? query->whole_detail : "");
	query->nsuspects = 0;
}

/* ---- pieces ---------------------------------------------------------------
 */

static void
push_piece(struct query *query, size_t from, size_t to)
{
	query->pieces = xrealloc(
	    query->pieces, (query->npieces + 1) * sizeof(*query->pieces));
	query->pieces[query->npieces++] = (struct piece){from, to};
}

static void
begin_piece(struct query *query)
{
	free(query->page_token);
	query->page_token = NULL;
	query->piece_start = query->page_start = store_size(&query->store);
	query->points_at_piece_start = query->points_at_page_start =
	    query->points.count;
	query->attempts = 0;
}

/* The piece on top is dealt with. */
static void
pop_piece(struct query *query)
{
	query->npieces--;
	query->request.len = 0;
	if (query->npieces > 0)
		return;
	refuse_suspects(query);
	if (query->probing) {
		/* Now it is known which are refused; the rest, as a whole. */
		query->probing = false;
		query->last = true;
		push_piece(query, 0, query->body.nresources);
	}
}

/* Cuts the piece on top in halves, the first of them on top. */
static void
split_piece(struct query *query, const char *detail)
{
	struct piece piece = query->pieces[query->npieces - 1];
	size_t middle = query->chosen[query->nchosen / 2];

	if (!query->splitting) {
		query->splitting = true;
		query->run->splitter = query;
		query->whole_detail = xstrdup(detail);
		query->probing = !query->body.grouped_by_resource;
		log_info("%s: refused for %zu resources together; looking for "
			 "the one to blame",
		    query->name, query->nchosen);
	}
	query->npieces--;
	query->request.len = 0;
	push_piece(query, middle, piece.to);
	push_piece(query, piece.from, middle);
}

static void
refuse_everything_left(struct query *query)
{
	if (query->request.len > 0) /* in the middle of a piece */
		cut_piece(query);
	query->refused = true;
	fail_run(query->run, EX_NOPERM);
	end_query(query);
}

/* Is a resource that the filter fixes refused already? */
static bool
fixed_is_refused(const struct query *query)
{
	for (size_t i = 0; i < query->body.nfixed; i++)
		if (query->run->resources.all[query->body.fixed[i].resource]
			.refused)
			return true;
	return false;
}

/*
 * Puts together the request of the piece on top, of the resources that are not
 * refused by now. False where nothing is left to ask; the query has ended then.
 */
static bool
prepare(struct query *query)
{
	while (query->request.len == 0) {
		const struct piece *piece;

		if (query->npieces == 0) {
			end_query(query);
			return false;
		}
		if (fixed_is_refused(query)) {
			refuse_everything_left(query);
			return false;
		}
		piece = &query->pieces[query->npieces - 1];
		query->nchosen = 0;
		for (size_t i = piece->from; i < piece->to; i++)
			if (!is_refused(query, i))
				query->chosen[query->nchosen++] = i;
		begin_piece(query);
		if (query->nchosen == 0 && query->body.nresources > 0) {
			query->refused = true;
			query->held = 0;
			pop_piece(query);
		} else if (query->held > 0 && query->held == query->nchosen) {
			/* What was found meanwhile does not explain it. */
			query->held = 0;
			split_piece(query, query->held_detail);
		} else {
			query->held = 0;
			write_body(query, query->chosen, query->nchosen,
			    &query->request);
			buf_add_char(&query->request, '\n');
		}
	}
	return true;
}

/* ---- answers --------------------------------------------------------------
 */

static bool
on_element(void *context, const char *text, size_t len)
{
	struct query *query = context;
	struct buf *out = &query->store.buf;
	bool good = true;

	if (query->is_points) {
		good = points_write(&query->points, text, len, out);
	} else {
		const char *error;
		size_t offset;

		good = json_validate(text, len, &error, &offset);
		if (good)
			json_compact(out, text, len);
		buf_add_char(out, '\n');
		query->points.count++;
	}
	store_spill(&query->store);
	return good;
}

static bool
on_data(void *context, const char *bytes, size_t len)
{
	struct query *query = context;

	return response_feed(&query->response, bytes, len);
}

/* Between half and all of 500 ms, 1 s, 2 s, ... */
static int64_t
backoff_ms(int attempts)
{
	int64_t longest = BACKOFF_FIRST_MS;

	while (--attempts > 0 && longest < BACKOFF_MAX_MS)
		longest *= 2;
	if (longest > BACKOFF_MAX_MS)
		longest = BACKOFF_MAX_MS;
	return longest / 2 + random() % (longest / 2 + 1);
}

/* Something that may be otherwise in a moment. */
static void
try_again(struct query *query, const char *why)
{
	int64_t delay_ms, asked_ms = query->transfer.wait_ms;
	struct buf end = BUF_INIT;

	cut_page(query);
	query->attempts++;
	delay_ms = backoff_ms(query->attempts);
	if (asked_ms > delay_ms)
		delay_ms = asked_ms;
	if (asked_ms > WAIT_MAX_MS)
		buf_printf(&end,
		    "%s; the API asks to wait for %lld s, which is too long "
		    "for "
		    "this run",
		    why, (long long)(asked_ms / 1000));
	else if (query->attempts == ATTEMPTS)
		buf_printf(
		    &end, "%s; gave up after %d attempts", why, ATTEMPTS);
	if (end.len > 0) {
		give_up(query, EX_TEMPFAIL, buf_terminate(&end));
		buf_free(&end);
		return;
	}
	/* One line is news, and if all fails there is another. */
	(query->attempts == 1 ? log_info : log_debug)(
	    "%s: %s; attempt %d of %d in %.1f s", query->name, why,
	    query->attempts + 1, ATTEMPTS, (double)delay_ms / 1000);
	query->run->tally.retries++;
	query->ready_ms = clock_ms() + delay_ms;
	query->state = READY;
}

static void
mark_answered(struct query *query)
{
	struct resource *all = query->run->resources.all;
	bool any_points = store_size(&query->store) > query->piece_start;

	query->answered = true;
	query->piece_answered = true;
	for (size_t i = 0; i < query->nchosen; i++) {
		struct resource *resource =
		    &all[query->body.resources[query->chosen[i]]];

		resource->answered = true;
		/* A point does not tell whose it is. */
		if (!query->body.grouped_by_resource && any_points)
			resource->has_points = true;
	}
	for (size_t i = 0; i < query->body.nfixed; i++)
		all[query->body.fixed[i].resource].answered = true;
}

/* The piece on top was answered, all its pages. */
static void
piece_done(struct query *query)
{
	if (query->probing)
		cut_piece(query);
	else
		mark_answered(query);
	query->piece_answered = true;
	refuse_suspects(query);
	pop_piece(query);
	query->state = READY;
}

static void
page_done(struct query *query)
{
	char *next_page;

	if (!response_end(&query->response, &next_page)) {
		try_again(query, query->response.error);
		return;
	}
	query->attempts = 0;
	query->page_start = store_size(&query->store);
	query->points_at_page_start = query->points.count;
	free(query->page_token);
	query->page_token = next_page;
	if (next_page != NULL)
		query->state = READY;
	else
		piece_done(query);
}

/* A page behind the first was refused, as it is when its token has expired: all
 * pages of the piece again. */
static void
restart(struct query *query, const char *detail)
{
	if (++query->restarts > RESTARTS) {
		give_up(query, EX_TEMPFAIL,
		    "page tokens expire faster than the pages come");
		return;
	}
	log_info("%s: a later page was refused (%s); begun anew", query->name,
	    detail);
	cut_piece(query);
	query->request.len = 0; /* prepare() begins the piece again */
	query->state = READY;
}

/* One resource alone was refused (400, 403). */
static void
refused_alone(struct query *query, long status, const char *detail)
{
	size_t index;

	if (query->nchosen != 1 || !query->splitting) {
		/* Only a 403 speaks of the resource, and not of the query. */
		if (status == 403 && query->nchosen == 1)
			refuse_resource(query,
			    query->body.resources[query->chosen[0]], status,
			    detail);
		else if (status == 403 && query->body.nfixed == 1)
			refuse_resource(query, query->body.fixed[0].resource,
			    status, detail);
		else
			tell(query->run, LOG_LEVEL_ERROR,
			    "%s: the API refused the query: HTTP %ld: %s",
			    query->name, status, detail);
		refuse_query(query, status == 403 ? EX_NOPERM : EX_UNAVAILABLE);
		return;
	}
	index = query->body.resources[query->chosen[0]];
	if (status == 400 && !query->piece_answered &&
	    strcmp(detail, query->whole_detail) == 0 &&
	    strstr(detail, query->run->resources.all[index].id) == NULL) {
		query->suspects[query->nsuspects++] = index;
		if (query->nsuspects == SUSPECTS_MAX) {
			tell(query->run, LOG_LEVEL_ERROR,
			    "%s: the API refused the query, whatever the "
			    "resource: HTTP 400: %s",
			    query->name, detail);
			refuse_query(query, EX_UNAVAILABLE);
			return;
		}
	} else {
		refuse_resource(query, index, status, detail);
	}
	cut_piece(query);
	pop_piece(query);
	query->state = READY;
}

/* 400, 403, and 404 from the API itself. */
static void
refused(struct query *query, long status, const char *detail)
{
	struct run *run = query->run;

	if (query->page_token != NULL) {
		restart(query, detail);
	} else if (query->nchosen > 1 && !query->last) {
		if (run->splitter != NULL && run->splitter != query) {
			query->held = query->nchosen;
			free(query->held_detail);
			query->held_detail = xstrdup(detail);
			query->request.len = 0;
		} else {
			split_piece(query, detail);
		}
		query->state = READY;
	} else if (status == 404 && query->is_points) {
		log_debug("%s: no data: HTTP 404: %s", query->name, detail);
		piece_done(query);
	} else {
		refused_alone(query, status, detail);
	}
}

static void
unauthorised(struct query *query, const char *detail)
{
	struct run *run = query->run;

	if (!run->unauthorised)
		tell(run, LOG_LEVEL_ERROR,
		    "the API refused key %s: HTTP 401: %s; check "
		    "CONFLUENT_METRICS_API_KEY and _SECRET (a Cloud API "
		    "key, not a cluster's), or CONFLUENT_METRICS_TOKEN",
		    config_credential_name(run->config), detail);
	run->unauthorised = true;
	refuse_query(query, EX_NOPERM);
}

/* Shortens what a proxy or a wrong host answered to what fits in a line. */
static void
describe_foreign_answer(const struct transfer *transfer, struct buf *out)
{
	size_t len = transfer->text.len < 100 ? transfer->text.len : 100;

	buf_printf(
	    out, "HTTP %ld, but not from the Metrics API", transfer->status);
	if (transfer->location != NULL)
		buf_printf(out, " (redirected to %s)", transfer->location);
	if (len > 0)
		buf_printf(out, ": %.*s", (int)len, transfer->text.data);
	buf_terminate(out);
}

static bool
is_transient(long status)
{
	return status == 408 || status == 425 || status == 429 || status >= 500;
}

static void
answered_with_error(struct query *query)
{
	struct transfer *transfer = &query->transfer;
	long status = transfer->status;
	char *details =
	    error_details(transfer->text.len > 0 ? transfer->text.data : "",
		transfer->text.len);
	struct buf why = BUF_INIT;

	if (status == 429)
		query->run->tally.throttled++;
	if (is_transient(status)) {
		buf_printf(&why, "HTTP %ld%s%s", status,
		    details != NULL ? ": " : "",
		    details != NULL ? details : "");
		try_again(query, buf_terminate(&why));
	} else if (status == 401) {
		unauthorised(query, details != NULL ? details : "");
	} else if (status == 400 || status == 403 ||
	    (status == 404 && details != NULL)) {
		refused(query, status, details != NULL ? details : "");
	} else if (details != NULL) {
		tell(query->run, LOG_LEVEL_ERROR,
		    "%s: the API refused the query: HTTP %ld: %s", query->name,
		    status, details);
		refuse_query(query, EX_UNAVAILABLE);
	} else {
		describe_foreign_answer(transfer, &why);
		give_up(query, EX_UNAVAILABLE, why.data);
	}
	free(details);
	buf_free(&why);
}

/* Trust, redirects that must not be followed: nothing that a retry mends. */
static bool
is_permanent(CURLcode result)
{
	switch (result) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_TOO_MANY_REDIRECTS:
		return true;
	default:
		return false;
	}
}

static void
on_end(struct query *query)
{
	struct run *run = query->run;
	struct transfer *transfer = &query->transfer;

	run->heard = true;
	if (transfer->sent > 1) {
		rate_count(&run->rate, transfer->sent - 1);
		run->tally.requests += (unsigned long)transfer->sent - 1;
	}
	if (transfer->has_date) {
		run->tally.has_clock = true;
		run->tally.ahead_s = transfer->ahead_s;
	}
	if (transfer->wait_ms >= 0)
		rate_not_before(&run->rate, clock_ms() + transfer->wait_ms);
	if (transfer->result == CURLE_OK && transfer->status == 200) {
		page_done(query);
	} else if (transfer->result == CURLE_OK) {
		answered_with_error(query);
	} else if (query->response.error != NULL) {
		try_again(query, query->response.error);
	} else if (is_permanent(transfer->result)) {
		give_up(query, EX_UNAVAILABLE, transfer->message);
	} else {
		try_again(query, transfer->message);
	}
}

/* ---- the run --------------------------------------------------------------
 */

void
run_add(struct run *run, const char *path, struct body *body, bool is_points)
{
	struct query *query;

	run->queries =
	    xrealloc(run->queries, (run->nqueries + 1) * sizeof(*run->queries));
	query = &run->queries[run->nqueries++];
	*query = (struct query){.run = run,
	    .state = READY,
	    .path = xstrdup(path),
	    .post = body != NULL,
	    .is_points = is_points,
	    .store = STORE_INIT};
	if (body != NULL)
		query->body = *body;
	query->name =
	    query->body.metric != NULL ? query->body.metric : query->path;
	query->chosen =
	    xmalloc((query->body.nresources + 1) * sizeof(*query->chosen));
	query->suspects =
	    xmalloc((query->body.nresources + 1) * sizeof(*query->suspects));
	push_piece(query, 0, query->body.nresources);
}

static void
start(struct query *query)
{
	struct run *run = query->run;
	struct buf url = BUF_INIT;

	buf_printf(&url, "%s%s", run->config->base_url, query->path);
	if (query->page_token != NULL) {
		char *escaped = curl_easy_escape(NULL, query->page_token, 0);

		if (escaped == NULL)
			die(EX_OSERR, "out of memory");
		buf_printf(&url, "%cpage_token=%s",
		    strchr(query->path, '?') != NULL ? '&' : '?', escaped);
		curl_free(escaped);
	}
	buf_terminate(&url);
	query->points.body = &query->body;
	query->points.resources = &run->resources;
	query->response.element = on_element;
	query->response.context = query;
	response_start(&query->response);
	query->transfer.data = on_data;
	query->transfer.context = query;
	run->tally.requests++;
	log_debug("%s: request: %s", query->name, url.data);
	http_start(&run->http, &query->transfer, query, url.data,
	    query->post ? query->request.data : NULL, query->request.len);
	query->state = ACTIVE;
	buf_free(&url);
}

static bool
may_start(const struct query *query, int64_t now_ms, int64_t *wait_ms)
{
	const struct run *run = query->run;

	if (query->state != READY ||
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
		active += run->queries[i].state == ACTIVE;
	for (size_t i = 0; i < run->nqueries && active < most; i++) {
		struct query *query = &run->queries[i];
		int64_t turn_ms;

		if (!may_start(query, now_ms, &wait_ms))
			continue;
		if (run->unauthorised) {
			refuse_everything_left(query);
			continue;
		}
		if (!prepare(query))
			continue;
		turn_ms = rate_take(&run->rate);
		if (turn_ms > WAIT_MAX_MS) {
			give_up(query, EX_TEMPFAIL,
			    "the API has asked for a pause that is too long "
			    "for "
			    "this run");
			continue;
		}
		if (turn_ms > 0)
			return turn_ms < wait_ms ? turn_ms : wait_ms;
		start(query);
		active++;
	}
	return wait_ms;
}

static bool
is_over(const struct run *run)
{
	for (size_t i = 0; i < run->nqueries; i++)
		if (run->queries[i].state != DONE)
			return false;
	return true;
}

/* On a terminal, after a second: where the work stands, on one line. */
static void
show_progress(const struct run *run, int64_t started_ms, bool end)
{
	static bool shown;
	unsigned long done = 0;

	if (!isatty(STDERR_FILENO) || clock_ms() - started_ms < 1000)
		return;
	for (size_t i = 0; i < run->nqueries; i++)
		done += run->queries[i].state == DONE;
	if (!end)
		fprintf(stderr, "\r%lu of %zu queries, %lu requests ", done,
		    run->nqueries, run->tally.requests);
	else if (shown)
		fprintf(stderr, "\r%60s\r", "");
	shown = true;
}

void
run_queries(struct run *run)
{
	int64_t started_ms = clock_ms();

	for (;;) {
		int64_t wait_ms = start_ready(run);
		struct query *ended;

		if (is_over(run))
			break;
		ended = http_wait(&run->http, (int)(wait_ms > 0 ? wait_ms : 1));
		if (ended != NULL)
			on_end(ended);
		show_progress(run, started_ms, false);
	}
	show_progress(run, started_ms, true);
}

void
run_report_silent(const struct run *run)
{
	for (size_t i = 0; i < run->resources.count; i++) {
		const struct resource *r = &run->resources.all[i];

		if (r->answered && !r->has_points && !r->refused)
			log_warn("%s %s: no data points (deleted, idle, or not "
				 "visible to API key %s?)",
			    r->label, r->id,
			    config_credential_name(run->config));
	}
}

void
run_free(struct run *run)
{
	for (size_t i = 0; i < run->nqueries; i++) {
		struct query *query = &run->queries[i];

		transfer_free(&run->http, &query->transfer);
		response_free(&query->response);
		points_free(&query->points);
		store_free(&query->store);
		body_free(&query->body);
		buf_free(&query->request);
		free(query->path);
		free(query->pieces);
		free(query->chosen);
		free(query->suspects);
		free(query->page_token);
		free(query->whole_detail);
		free(query->held_detail);
	}
	free(run->queries);
	free(run->tally.last_error);
	resources_free(&run->resources);
}

/*
 * One query: its requests, the pages of their answers, and retries.
 */
#include "query.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "clock.h"
#include "json.h"
#include "plural.h"
#include "work.h"

#define RESTARTS 5
#define BACKOFF_FIRST_MS 500
#define BACKOFF_MAX_MS 30000

/* Between the pages of one answer, the API has sent none. */
#define EMPTY_PAGES_MAX 10

/* ---- output ------------------------------------------------------------- */

struct mark
query_mark(const struct query *query)
{
	struct mark mark = query->now;

	mark.size = store_size(&query->store);
	mark.points = query->points.count;
	mark.unreadable_len = query->unreadable.len;
	mark.strangers = query->asked.strangers;
	return mark;
}

void
query_cut(struct query *query, struct mark mark)
{
	store_truncate(&query->store, mark.size);
	query->points.count = mark.points;
	query->unreadable.len = mark.unreadable_len;
	query->asked.strangers = mark.strangers;
	query->now = mark;
}

/* An element of another command's answer, as it is. */
static bool
write_element(struct query *query, const char *text, size_t len)
{
	const char *error;
	size_t offset;

	if (!json_validate(text, len, &error, &offset))
		return false;
	json_compact(&query->store.buf, text, len);
	buf_add_char(&query->store.buf, '\n');
	query->points.count++;
	return true;
}

/* One that cannot be read costs itself only. A line each is kept. */
static void
keep_unreadable(struct query *query, const char *text, size_t len)
{
	struct buf *out = &query->unreadable;

	buf_add(out, text, len);
	for (size_t i = out->len - len; i < out->len; i++)
		if (out->data[i] == '\n' || out->data[i] == '\r')
			out->data[i] = ' ';
	buf_add_char(out, '\n');
	query->now.unreadable++;
}

static bool
on_element(void *context, const char *text, size_t len)
{
	struct query *query = context;
	struct buf *out = &query->store.buf;
	uint64_t count = query->points.count;
	size_t start = out->len;

	if (!query->is_points)
		return write_element(query, text, len);
	if (points_write(&query->points, text, len, out)) {
		asked_check(&query->asked, &query->body, &query->run->resources,
		    out->data + start, out->len - start);
	} else {
		out->len = start;
		query->points.count = count;
		keep_unreadable(query, text, len);
	}
	store_spill(&query->store);
	return true;
}

static bool
on_data(void *context, const char *bytes, size_t len)
{
	struct query *query = context;

	query->now.bytes += (int64_t)len;
	return query->now.bytes <= query->run->config->query_bytes &&
	    response_feed(&query->response, bytes, len);
}

/* ---- requests ----------------------------------------------------------- */

void
query_start(struct query *query)
{
	struct run *run = query->run;
	struct buf url = BUF_INIT;

	buf_printf(&url, "%s%s", run->config->api.base, query->path);
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
	query->started_ms = clock_ms();
	run->tally.requests++;
	log_debug("%s: request: %s", query->name, url.data);
	http_start(&run->http, &query->transfer, query, url.data,
	    query->post ? query->request.data : NULL, query->request.len);
	query->phase = PHASE_ACTIVE;
	buf_free(&url);
}

int64_t
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
try_again(struct query *query, const struct answer *answer, const char *why)
{
	int64_t delay_ms, asked_ms = query->transfer.wait_ms;
	bool only_once =
	    query->npieces > 0 && query->pieces[query->npieces - 1].only_once;
	struct buf end = BUF_INIT;

	query_cut(query, query->page_mark);
	query->attempts++;
	delay_ms = backoff_ms(query->attempts);
	if (asked_ms > delay_ms)
		delay_ms = asked_ms;
	if (asked_ms > WAIT_MAX_MS)
		buf_printf(&end,
		    "%s; the API wants a pause of %lld s, which is too long for this run",
		    why, (long long)(asked_ms / 1000));
	else if (only_once)
		buf_add_string(&end, why);
	else if (query->attempts == ATTEMPTS)
		buf_printf(
		    &end, "%s; gave up after %d attempts", why, ATTEMPTS);
	if (end.len > 0) {
		log_debug("%s: %s", query->name, why);
		piece_failed(query, answer, buf_terminate(&end));
		buf_free(&end);
		return;
	}
	/* One line is news, and if all fails there is another. */
	(query->attempts == 1 ? log_info : log_debug)(
	    "%s: %s; attempt %d of %d in %.1f s", query->name, why,
	    query->attempts + 1, ATTEMPTS, (double)delay_ms / 1000);
	query->run->tally.retries++;
	query->ready_ms = clock_ms() + delay_ms;
	query->phase = PHASE_READY;
}

/* ---- limits ------------------------------------------------------------- */

/* Nothing that another attempt mends. */
static void
stop(struct query *query, const char *why)
{
	query_give_up(query, EX_TEMPFAIL, why);
}

static void
stop_at_bytes(struct query *query)
{
	struct buf why = BUF_INIT;

	buf_printf(&why,
	    "the answer is over %ld bytes (CONFLUENT_METRICS_QUERY_BYTES)",
	    query->run->config->query_bytes);
	stop(query, buf_terminate(&why));
	buf_free(&why);
}

void
query_check_limits(struct query *query, int64_t now_ms)
{
	const struct config *config = query->run->config;
	struct buf why = BUF_INIT;

	if (query->phase != PHASE_ACTIVE ||
	    query->spent_ms + now_ms - query->started_ms <=
		(int64_t)config->query_seconds * 1000)
		return;
	buf_printf(&why,
	    "no whole answer in %ld s (CONFLUENT_METRICS_QUERY_SECONDS)",
	    config->query_seconds);
	stop(query, buf_terminate(&why));
	buf_free(&why);
}

static bool
was_seen(const struct query *query, const char *token)
{
	for (size_t i = 0; i < query->ntokens; i++)
		if (strcmp(query->tokens[i], token) == 0)
			return true;
	return false;
}

/* Does the API go on with pages for ever? The query has ended then. */
static bool
stop_at_pages(struct query *query, const char *next_page)
{
	struct buf why = BUF_INIT;

	if (was_seen(query, next_page))
		buf_add_string(
		    &why, "the API answered the same page token again");
	else if (query->now.empty_pages > EMPTY_PAGES_MAX)
		buf_printf(&why, "the API answered %d empty pages in a row",
		    EMPTY_PAGES_MAX + 1);
	else if (query->now.pages >= (size_t)query->run->config->query_pages)
		buf_printf(&why,
		    "the answer has over %ld page%s (CONFLUENT_METRICS_QUERY_PAGES)",
		    query->run->config->query_pages,
		    plural(query->run->config->query_pages));
	else
		return false;
	stop(query, buf_terminate(&why));
	buf_free(&why);
	return true;
}

/* ---- answers ------------------------------------------------------------ */

void
run_note_answer(struct run *run, const struct transfer *transfer)
{
	run->heard = true;
	if (transfer->sent > 1) {
		rate_count(&run->rate, transfer->sent - 1);
		run->tally.requests += (unsigned long)transfer->sent - 1;
	}
	if (transfer->status == 429)
		run->tally.throttled++;
	if (transfer->date_ms >= 0) {
		run->tally.has_clock = true;
		run->tally.ahead_s = (transfer->date_ms - clock_ms()) / 1000;
	}
}

void
run_note_pause(struct run *run, const struct transfer *transfer)
{
	if (transfer->wait_ms >= 0)
		rate_not_before(&run->rate, clock_ms() + transfer->wait_ms);
}

void
run_note_date(struct run *run, const struct transfer *transfer)
{
	int64_t ms = transfer->date_ms;

	if (ms >= 0 &&
	    (run->tally.api_time_ms < 0 || ms < run->tally.api_time_ms))
		run->tally.api_time_ms = ms;
}

static void
describe_bad_page(const struct query *query, struct buf *why)
{
	const struct buf *text = &query->response.skeleton;

	buf_add_string(why, query->response.error);
	if (text->len > 0 && !query->response.data_seen) {
		buf_add_string(why, ": ");
		add_printable(why, text->data, text->len, 100);
	}
	buf_terminate(why);
}

static void
bad_page(struct query *query, const struct answer *answer)
{
	struct buf why = BUF_INIT;

	describe_bad_page(query, &why);
	try_again(query, answer, why.data);
	buf_free(&why);
}

static void
page_done(struct query *query, const struct answer *answer)
{
	bool empty = query->points.count == query->page_mark.points &&
	    query->now.unreadable == query->page_mark.unreadable;
	char *next_page;

	if (!response_end(&query->response, &next_page)) {
		bad_page(query, answer);
		return;
	}
	query->run->answers++;
	run_note_date(query->run, &query->transfer);
	query->attempts = 0;
	query->now.pages++;
	query->now.empty_pages = empty ? query->now.empty_pages + 1 : 0;
	if (next_page == NULL) {
		piece_answered(query, true);
		return;
	}
	if (stop_at_pages(query, next_page)) {
		free(next_page);
		return;
	}
	query->page_mark = query_mark(query);
	query->tokens = xreallocarray(
	    query->tokens, query->ntokens + 1, sizeof(*query->tokens));
	query->tokens[query->ntokens++] = xstrdup(next_page);
	free(query->page_token);
	query->page_token = next_page;
	query->phase = PHASE_READY;
}

/* A page behind the first was refused, as it is when its token has expired: all
 * pages of the piece again. */
static void
restart(struct query *query, const char *detail)
{
	if (++query->restarts > RESTARTS) {
		query_give_up(query, EX_TEMPFAIL,
		    "page tokens expire faster than the pages come");
		return;
	}
	log_info("%s: a later page was refused (%s); restarting the query",
	    query->name, detail);
	query_cut(query, query->piece_mark);
	query->request.len = 0; /* query_prepare() begins the piece again */
	query->phase = PHASE_READY;
}

static void
page_refused(struct query *query, const struct answer *answer)
{
	query->run->answers++;
	if (query->page_token != NULL)
		restart(query, answer->detail);
	else
		piece_refused(query, answer->status, answer->detail);
}

static void
no_page(struct query *query, const struct answer *answer)
{
	struct buf why = BUF_INIT;

	if (query->response.error != NULL)
		describe_bad_page(query, &why);
	else
		answer_describe(answer, &query->transfer, &why);
	if (answer->verdict == VERDICT_RETRY)
		try_again(query, answer, why.data);
	else
		query_give_up(query, answer->status_alone, why.data);
	if (answer->status == 0 && answer->verdict == VERDICT_NONE)
		query->run->untrusted = true;
	buf_free(&why);
}

void
query_on_end(struct query *query)
{
	struct run *run = query->run;
	struct answer answer = answer_read(&query->transfer);

	query->spent_ms += clock_ms() - query->started_ms;
	run_note_answer(run, &query->transfer);
	run_note_pause(run, &query->transfer);
	if (query->now.bytes > run->config->query_bytes) {
		stop_at_bytes(query);
	} else if (answer.verdict == VERDICT_PAGE) {
		page_done(query, &answer);
	} else if (answer.verdict == VERDICT_UNAUTHORISED) {
		run_unauthorised(run, answer.status, answer.detail);
		query_give_up(query, EX_NOPERM, NULL);
	} else if (answer.verdict == VERDICT_REFUSED ||
	    answer.verdict == VERDICT_NO_DATA) {
		page_refused(query, &answer);
	} else {
		no_page(query, &answer);
	}
	answer_free(&answer);
}

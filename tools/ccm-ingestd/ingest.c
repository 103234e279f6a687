#include "ingest.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "clock.h"
#include "log.h"

/* Lines in memory: beyond, a commit does not wait for the end of the round. */
#define WAITING_MAX ((size_t)4 << 20)
#define LOOK_MS 1000
#define QUIET_MS 60000
#define LOOK_ON_MS 20

struct waiting {
	struct http_exchange *exchange;
	struct app *app; /* or NULL */
	long count;      /* of metrics */
	bool has_key;    /* an idempotency key */
	uint64_t key;    /* its sequence number */
};

static void
refuse(struct http_exchange *exchange, const char *why)
{
	http_add_header(exchange, "Retry-After", "5");
	http_respond_problem(exchange, 503, why, NULL);
}

/* ---- the group commit --------------------------------------------------- */

static void
answer_accepted(
    const struct ingest *ingest, struct http_exchange *exchange, int64_t count)
{
	char body[64];
	int len = snprintf(body, sizeof(body),
	    "{\"status\":\"accepted\",\"accepted\":%jd}\n", (intmax_t)count);

	http_respond(exchange,
	    &(struct http_answer){.status = ingest->accept_status,
		.type = "application/json",
		.body = body,
		.len = (size_t)len});
}

/* What was committed is noted of apps and keys. */
static void
note_commit(struct ingest *ingest, bool committed)
{
	struct buf problem = BUF_INIT;

	for (size_t i = 0; i < ingest->nwaiting; i++) {
		const struct waiting *waiting = &ingest->waiting[i];

		if (waiting->has_key && !committed)
			keys_forget(&ingest->keys, waiting->key);
		if (!committed)
			continue;
		if (waiting->has_key)
			keys_done(&ingest->keys, waiting->key, waiting->count);
		ingest->accepted += (uint64_t)waiting->count;
		if (waiting->app == NULL)
			continue;
		waiting->app->accepted += (uint64_t)waiting->count;
		waiting->app->accepted_ms = clock_ms();
	}
	if (keys_commit(&ingest->keys, &problem))
		ingest->keys_failing = false;
	else if (!ingest->keys_failing) {
		log_warn("%s/%s; after a restart, a retry of what was accepted "
			 "now would add it again",
		    ingest->spool->path, buf_terminate(&problem));
		ingest->keys_failing = true;
	}
	buf_free(&problem);
}

/* Where a disk is nearly full some commits fail and some do not: the log has
 * one failure a minute, and the end of them. */
static void
log_commit(struct ingest *ingest, bool committed, struct buf *problem)
{
	int64_t now_ms = ingest->loop->now_ms;

	if (!committed && now_ms >= ingest->quiet_until_ms) {
		log_error("%s; answering 503 until that works again",
		    buf_terminate(problem));
		ingest->quiet_until_ms = now_ms + QUIET_MS;
		ingest->is_failing = true;
	} else if (committed && ingest->is_failing &&
	    now_ms >= ingest->quiet_until_ms) {
		log_info("%s: works again", ingest->spool->path);
		ingest->is_failing = false;
	}
}

static void
commit(struct ingest *ingest)
{
	struct buf problem = BUF_INIT;
	size_t count = ingest->nwaiting;
	bool committed;
	int due_ms;

	if (count == 0)
		return;
	committed = spool_commit(ingest->spool, ingest->loop->now_ms, &problem);
	log_commit(ingest, committed, &problem);
	note_commit(ingest, committed);
	ingest->nwaiting = 0;
	for (size_t i = 0; i < count; i++)
		if (committed)
			answer_accepted(ingest, ingest->waiting[i].exchange,
			    ingest->waiting[i].count);
		else
			refuse(ingest->waiting[i].exchange,
			    "the spool cannot be written");
	due_ms = spool_due_ms(ingest->spool, ingest->loop->now_ms);
	if (due_ms >= 0)
		loop_timer_set(ingest->loop, &ingest->hand_over, due_ms);
	buf_free(&problem);
}

/* What was answered may have more requests behind it. */
static bool
commit_round(void *context)
{
	const struct ingest *ingest = context;
	bool had_any = ingest->nwaiting > 0;

	commit(context);
	return had_any;
}

static void
hand_over(void *context)
{
	struct ingest *ingest = context;
	int due_ms = spool_due_ms(ingest->spool, ingest->loop->now_ms);

	if (due_ms == 0)
		spool_hand_over(ingest->spool);
	else if (due_ms > 0)
		loop_timer_set(ingest->loop, &ingest->hand_over, due_ms);
}

static void
look(void *context)
{
	struct ingest *ingest = context;
	bool more = spool_look(ingest->spool);

	loop_timer_set(
	    ingest->loop, &ingest->look, more ? LOOK_ON_MS : LOOK_MS);
}

void
ingest_start_or_die(struct ingest *ingest, struct loop *loop,
    struct spool *spool, struct apps *apps, int accept_status)
{
	struct buf problem = BUF_INIT;

	*ingest = (struct ingest){.spool = spool,
	    .apps = apps,
	    .accept_status = accept_status,
	    .loop = loop,
	    .json = JSON_INIT,
	    .task = {.run = commit_round, .context = ingest},
	    .hand_over = {.on_time = hand_over, .context = ingest},
	    .look = {.on_time = look, .context = ingest}};
	if (!keys_open(&ingest->keys, spool->dir_fd, &problem))
		die(EX_IOERR, "%s/%s", spool->path, buf_terminate(&problem));
	loop_task_add(loop, &ingest->task);
	loop_timer_set(loop, &ingest->look, LOOK_MS);
}

void
ingest_stop(struct ingest *ingest)
{
	commit(ingest);
	loop_timer_clear(ingest->loop, &ingest->hand_over);
	loop_timer_clear(ingest->loop, &ingest->look);
	keys_close(&ingest->keys);
	json_free(&ingest->json);
	metric_problem_free(&ingest->problem);
	free(ingest->waiting);
	ingest->waiting = NULL;
}

/* ---- requests ----------------------------------------------------------- */

bool
ingest_refuses(struct ingest *ingest, struct http_exchange *exchange)
{
	const char *why = spool_refusal(ingest->spool);

	if (why != NULL)
		refuse(exchange, why);
	return why != NULL;
}

static void
answer_problem(
    const struct metric_problem *problem, struct http_exchange *exchange)
{
	struct buf errors = BUF_INIT, detail = BUF_INIT;

	buf_printf(&detail, "%s%s%s", problem->pointer.data,
	    problem->pointer.len > 0 ? ": " : "", problem->detail.data);
	buf_add_string(&errors, "[{\"pointer\":\"");
	json_escape_any(&errors, problem->pointer.data);
	buf_add_string(&errors, "\",\"detail\":\"");
	json_escape_any(&errors, problem->detail.data);
	buf_add_string(&errors, "\"}]");
	http_respond_problem(exchange, problem->too_many ? 413 : 400,
	    detail.data, buf_terminate(&errors));
	buf_free(&errors);
	buf_free(&detail);
}

/* Answers with 429 where a token's budget is used up: true then. */
static bool
is_over_rate(const struct ingest *ingest, struct http_exchange *exchange,
    struct token *token, long count)
{
	unsigned seconds = token == NULL
	    ? 0
	    : token_charge(token, count, ingest->loop->now_ms);

	if (seconds == 0)
		return false;
	http_add_header(exchange, "Retry-After", "%u", seconds);
	http_respond_problem(
	    exchange, 429, "the token's metrics a second are used up", NULL);
	return true;
}

/* The idempotency key of a request, without its quotes: of the header or, from
 * a page, the query. False where it is no key, and that was answered; an empty
 * one is none. */
static bool
read_key(struct http_exchange *exchange, struct buf *key)
{
	const struct http_request *request = &exchange->request;
	const char *value = http_request_header(request, "idempotency-key");
	size_t len = value != NULL ? strlen(value) : 0;

	if (value == NULL) {
		if (http_request_header(request, "origin") == NULL ||
		    !http_request_parameter(request, "idempotency_key", key))
			return true;
	} else if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
		buf_add(key, value + 1, len - 2);
	} else {
		buf_add(key, value, len);
	}
	if (key->len >= 1 && key->len <= KEY_LENGTH_MAX)
		return true;
	http_respond_problem(
	    exchange, 400, "an Idempotency-Key has 1 to 255 bytes", NULL);
	return false;
}

/* Looks the key of a request up; true where that is the answer. */
static bool
is_retry(struct ingest *ingest, struct http_exchange *exchange,
    const char *app_id, const struct buf *key, struct waiting *waiting)
{
	int64_t count;

	switch (keys_look(&ingest->keys, app_id, key, &exchange->request.body,
	    clock_ms(), &waiting->key, &count)) {
	case KEY_NEW:
		waiting->has_key = true;
		return false;
	case KEY_KNOWN:
		answer_accepted(ingest, exchange, count);
		break;
	case KEY_BUSY:
		http_add_header(exchange, "Retry-After", "1");
		http_respond_problem(exchange, 409,
		    "the first request with this Idempotency-Key is not "
		    "answered yet",
		    NULL);
		break;
	case KEY_OTHER:
		http_respond_problem(exchange, 422,
		    "this Idempotency-Key came with another body before", NULL);
		break;
	}
	return true;
}

/* Puts the lines of a body into the spool's waiting ones; their number, or -1,
 * and that was answered. */
static long
take_body(struct ingest *ingest, struct http_exchange *exchange,
    const char *app_id, struct app *app, struct token *token)
{
	struct buf *lines = &ingest->spool->waiting;
	const struct buf *body = &exchange->request.body;
	size_t start = lines->len;
	long count = metric_read_batch(&ingest->json, body->data, body->len,
	    app_id, clock_ms(), lines, &ingest->problem);

	if (count >= 0 && !is_over_rate(ingest, exchange, token, count))
		return count;
	lines->len = start;
	if (app != NULL) {
		app->refused++;
		app->refused_ms = clock_ms();
	}
	if (count < 0)
		answer_problem(&ingest->problem, exchange);
	return -1;
}

void
ingest_post(struct ingest *ingest, struct http_exchange *exchange,
    const char *app_id, struct token *token)
{
	struct waiting waiting = {
	    .exchange = exchange, .app = apps_get(ingest->apps, app_id)};
	struct buf key = BUF_INIT;
	bool is_answered;

	is_answered = ingest_refuses(ingest, exchange) ||
	    !read_key(exchange, &key) ||
	    (key.len > 0 && is_retry(ingest, exchange, app_id, &key, &waiting));
	buf_free(&key);
	if (is_answered)
		return;
	waiting.count = take_body(ingest, exchange, app_id, waiting.app, token);
	if (waiting.count < 0) {
		if (waiting.has_key)
			keys_forget(&ingest->keys, waiting.key);
		return;
	}
	if (ingest->nwaiting == ingest->waiting_size)
		ingest->waiting = grow_array(ingest->waiting,
		    &ingest->waiting_size, sizeof(*ingest->waiting));
	ingest->waiting[ingest->nwaiting++] = waiting;
	if (ingest->spool->waiting.len > WAITING_MAX)
		commit(ingest);
}

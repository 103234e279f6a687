#include "ingest.h"

#include <stdio.h>
#include <stdlib.h>

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
};

static void
refuse(struct http_exchange *exchange, const char *why)
{
	http_add_header(exchange, "Retry-After", "5");
	http_respond_problem(exchange, 503, why, NULL);
}

/* ---- the group commit --------------------------------------------------- */

static void
answer_accepted(struct ingest *ingest, const struct waiting *waiting)
{
	char body[64];
	int len = snprintf(body, sizeof(body),
	    "{\"status\":\"accepted\",\"accepted\":%ld}\n", waiting->count);

	ingest->accepted += (uint64_t)waiting->count;
	if (waiting->app != NULL) {
		waiting->app->accepted += (uint64_t)waiting->count;
		waiting->app->accepted_ms = clock_ms();
	}
	http_respond(waiting->exchange,
	    &(struct http_answer){.status = ingest->accept_status,
		.type = "application/json",
		.body = body,
		.len = (size_t)len});
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
	ingest->nwaiting = 0;
	for (size_t i = 0; i < count; i++)
		if (committed)
			answer_accepted(ingest, &ingest->waiting[i]);
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
ingest_start(struct ingest *ingest, struct loop *loop, struct spool *spool,
    struct apps *apps, int accept_status)
{
	*ingest = (struct ingest){.spool = spool,
	    .apps = apps,
	    .accept_status = accept_status,
	    .loop = loop,
	    .json = JSON_INIT,
	    .task = {.run = commit_round, .context = ingest},
	    .hand_over = {.on_time = hand_over, .context = ingest},
	    .look = {.on_time = look, .context = ingest}};
	loop_task_add(loop, &ingest->task);
	loop_timer_set(loop, &ingest->look, LOOK_MS);
}

void
ingest_stop(struct ingest *ingest)
{
	commit(ingest);
	loop_timer_clear(ingest->loop, &ingest->hand_over);
	loop_timer_clear(ingest->loop, &ingest->look);
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

void
ingest_post(
    struct ingest *ingest, struct http_exchange *exchange, const char *app_id)
{
	struct buf *lines = &ingest->spool->waiting;
	const struct buf *body = &exchange->request.body;
	struct app *app = apps_get(ingest->apps, app_id);
	size_t start = lines->len;
	long count;

	if (ingest_refuses(ingest, exchange))
		return;
	count = metric_read_batch(&ingest->json, body->data, body->len, app_id,
	    clock_ms(), lines, &ingest->problem);
	if (count < 0) {
		lines->len = start;
		if (app != NULL) {
			app->refused++;
			app->refused_ms = clock_ms();
		}
		answer_problem(&ingest->problem, exchange);
		return;
	}
	if (ingest->nwaiting == ingest->waiting_size)
		ingest->waiting = grow_array(ingest->waiting,
		    &ingest->waiting_size, sizeof(*ingest->waiting));
	ingest->waiting[ingest->nwaiting++] =
	    (struct waiting){.exchange = exchange, .app = app, .count = count};
	if (lines->len > WAITING_MAX)
		commit(ingest);
}

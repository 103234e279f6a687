/*
 * What the files that work on queries (query.h) want of each other.
 */
#ifndef CCM_FETCH_WORK_H
#define CCM_FETCH_WORK_H

#include "log.h"
#include "query.h"

/* A wait that the API wants and that is longer is not slept through. */
#define WAIT_MAX_MS 120000

/* Of a request that fails for now. */
#define ATTEMPTS 5

/* query.c */
void query_start(struct query *query);
void query_on_end(struct query *query);
/* Ends a query that is over its time or its bytes. */
void query_check_limits(struct query *query, int64_t now_ms);
/* Counts a request's answer in the run: redirects, its date. */
void run_note_answer(struct run *run, const struct transfer *transfer);
/* The pause that it wants is for all requests from this machine. */
void run_note_pause(struct run *run, const struct transfer *transfer);
/* After so many attempts: between half and all of 500 ms, 1 s, 2 s, ... */
int64_t backoff_ms(int attempts);
/* Notes the Date of a 2xx answer that was the API's. */
void run_note_date(struct run *run, const struct transfer *transfer);

/* query.c: drops the output since a mark. */
struct mark query_mark(const struct query *query);
void query_cut(struct query *query, struct mark mark);

/* split.c */
void piece_push(struct query *query, size_t from, size_t to);
/* The piece on top is dealt with. */
void piece_pop(struct query *query);
/* The piece on top was answered, all its pages, or has no data (404). */
void piece_answered(struct query *query, bool has_data);
/*
 * Makes the request of the piece on top, of the resources that are not refused
 * by now. False where nothing is left to request; the query has ended then.
 */
bool query_prepare(struct query *query);
/* 400, 403, or 404, the API's own, to the piece on top. */
void piece_refused(struct query *query, long status, const char *detail);
/* The piece on top got no answer, in all its attempts. */
void piece_failed(
    struct query *query, const struct answer *answer, const char *why);
/* The API answers others: the stalled query is split. */
void query_resume(struct query *query);

/* verdict.c */
void run_report(struct run *run, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void query_end(struct query *query);
/* What is left of it cannot be answered for now; `status` where nobody keeps
 * what is owed. Without `why` nothing is reported. */
void query_give_up(struct query *query, int status, const char *why);
/* The API will not answer it, whenever it is sent. */
void query_refuse(struct query *query, long status, const char *detail);
/* A resource that it fixes is refused, which has been reported. */
void query_refused_resource(struct query *query);
/* 401 or 407: reports it once; nothing else is requested in this run. */
void run_unauthorised(struct run *run, long status, const char *detail);
void query_refuse_resource(
    struct query *query, size_t index, long status, const char *detail);
void query_refuse_suspects(struct query *query);
/* One resource, or several, of a query get no answer; others do. */
void query_owe_chosen(struct query *query, const char *why);
bool query_skips(const struct query *query, size_t position);
void query_write_body(const struct query *query, const size_t *positions,
    size_t count, struct buf *out);

/* probe.c: GET descriptors/metrics, once a run, which it waits for. */
void run_probe(struct run *run);
/* At the end: whether the API is to be reached, where that is in doubt. */
void run_settle_reachable(struct run *run);

#endif

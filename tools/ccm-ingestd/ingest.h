/*
 * Metrics that are POSTed: from the body of a request to lines in the spool,
 * and back to the client when they are on disk.
 */
#ifndef CCM_INGESTD_INGEST_H
#define CCM_INGESTD_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apps.h"
#include "http-server.h"
#include "keys.h"
#include "loop.h"
#include "metric.h"
#include "spool.h"
#include "tokens.h"

struct ingest {
	struct spool *spool;
	int accept_status;
	uint64_t accepted; /* metrics */
	struct apps *apps;
	struct keys keys;

	/* private */
	struct loop_task task;
	struct loop_timer hand_over, look;
	struct loop *loop;
	struct json json;
	struct metric_problem problem;
	struct waiting *waiting; /* requests whose lines wait in the spool */
	size_t nwaiting, waiting_size;
	bool is_failing;        /* that was logged ... */
	int64_t quiet_until_ms; /* ... and is not again before */
	bool keys_failing;
};

/* Adds the group commit to the loop: behind the events of each round. Exits
 * with EX_IOERR where the spool's keys cannot be read. */
void ingest_start_or_die(struct ingest *ingest, struct loop *loop,
    struct spool *spool, struct apps *apps, int accept_status);

/* Answers with 503 where nothing can be accepted now: true then. */
bool ingest_refuses(struct ingest *ingest, struct http_exchange *exchange);

/* Takes the body of a request, whose answer it owes from then on. `token` is
 * the one that came with it, or NULL. */
void ingest_post(struct ingest *ingest, struct http_exchange *exchange,
    const char *app_id, struct token *token);

/* Answers all that wait. */
void ingest_stop(struct ingest *ingest);

#endif

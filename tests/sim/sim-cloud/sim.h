/*
 * What the parts of sim-cloud share: its state, and requests and replies apart
 * from how HTTP carries them.
 */
#ifndef SIM_CLOUD_SIM_H
#define SIM_CLOUD_SIM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "answer.h"
#include "buf.h"
#include "export.h"
#include "fault.h"
#include "world.h"

/* A rate limit's window: one address, or one endpoint. */
struct window {
	char *scope;
	int64_t start_ms; /* of the monotonic clock */
	long requests;
};

struct windows {
	struct window *at;
	size_t n;
};

struct sim {
	/* Settings. */
	char *basic, *bearer; /* the Authorization headers, or NULL */
	long requests_per_window;
	int64_t window_ms, token_life_ms;
	enum foreign foreign;
	struct answer_options options;
	bool clock_stands; /* options.now_ms is what it was set to */
	bool hides_date;   /* no Date header; else that much ahead: */
	int64_t date_ahead_ms;
	unsigned long tokens; /* of empty pages so far */
	uint64_t secret;      /* of page tokens */
	bool logs_no_bodies;

	/* Changed by requests, under the lock; so is options.now_ms. */
	pthread_mutex_t lock;
	pthread_cond_t stop; /* for those who sleep */
	bool stopping;
	struct world world;
	struct windows addresses, endpoints;
	struct fault_rules faults;
	struct export_state export;
	struct buf log; /* NDJSON */
};

struct pair {
	const char *name, *value; /* a value may be NULL: "?x" */
};

/* A URL of 4,000 bytes has no more. */
#define ARGUMENTS_MAX 512

struct request {
	int64_t arrival_ms;       /* of the real clock */
	unsigned long connection; /* its number, from 1 */
	const char *address;      /* the client's */
	const char *method;
	const char *uri;  /* as it came: path and query string */
	const char *path; /* decoded */
	struct pair arguments[ARGUMENTS_MAX];
	size_t narguments; /* may be ARGUMENTS_MAX + 1: there were more */
	/* Header fields, or NULL. */
	const char *authorization, *content_type, *user_agent;
	const char *accept, *accept_encoding;
	struct buf body; /* terminated */
	bool body_too_large;
};

#define BODY_MAX ((size_t)8 << 20)
#define HEADERS_MAX 16

struct reply {
	unsigned status;
	const char *content_type; /* NULL: none */
	struct buf body;
	struct {
		char *name, *value;
	} headers[HEADERS_MAX];
	size_t nheaders;

	/* For the log. */
	bool authorised;
	size_t points;
};

void reply_header(struct reply *reply, const char *name, const char *format,
    ...) __attribute__((format(printf, 3, 4)));
/* Replaces status and body by the API's error document. */
void reply_error(struct reply *reply, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void reply_free(struct reply *reply);

/*
 * Answers a request to the API, and logs it. `fault` says what is to go wrong
 * when the reply is sent; what is wrong with its contents is in it already.
 * The lock is held.
 */
void api_answer(struct sim *sim, const struct request *request,
    struct reply *reply, struct fault *fault);

/* Appends a JSON string of bytes of any kind. */
void write_string(struct buf *out, const char *bytes, size_t len);

/* Adds a line to the log: what was asked, and what came of it. */
void log_request(struct sim *sim, const struct request *request,
    const struct reply *reply, const struct fault *fault);

/* Answers a request to /sim/. The lock is held. */
void control_answer(
    struct sim *sim, const struct request *request, struct reply *reply);

/* Serves until SIGTERM or SIGINT, on `port` of 127.0.0.1 (0: any that is free);
 * by TLS where there is a certificate (PEM texts). */
void serve(struct sim *sim, unsigned short port, const char *certificate,
    const char *key);

int64_t real_ms(void);
int64_t monotonic_ms(void);

#endif

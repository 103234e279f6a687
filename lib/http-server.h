/*
 * An HTTP/1.1 server in one event loop: connections, deadlines, limits and the
 * form of answers. What requests mean is the application's, which answers each
 * of them at once or later, in any order.
 *
 * - One request of a connection is worked on at a time; those that are
 *   pipelined behind it wait in the socket, and are answered in order.
 * - A connection on which something was refused before the end of a request is
 *   of no use any more: it is answered, closed for writing, and what still
 *   comes is dropped for a moment, so that the answer is not lost to a reset.
 * - Who does not get on is closed: a head takes at most 10 s, a body 30 s and
 *   at least 1 KiB/s, 75 s may pass between requests, and an answer is read
 *   with 64 KiB in 30 s or more.
 * - Where the most connections are there, a new one takes the place of the one
 *   whose unfinished request has waited longest.
 */
#ifndef CCM_HTTP_SERVER_H
#define CCM_HTTP_SERVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address-counts.h"
#include "buf.h"
#include "http-request.h"
#include "loop.h"

/* A request, and what its answer is to have. The application owes each one that
 * it gets one http_respond(), after which it is gone. */
struct http_exchange {
	struct http_request request;
	const char *client; /* "192.0.2.1", "::1", "unix" */
	const void *tag;    /* of http_server_listen() */

	/* private */
	struct http_connection *connection;
	struct buf headers;
	struct http_exchange *next_spare;
};

/* A body that several answers share, one reference each. */
struct http_body {
	struct buf bytes;
	unsigned references;
};

struct http_answer {
	int status;
	const char *type; /* Content-Type; NULL: no body */
	const char *body;
	size_t len;
	struct http_body *shared; /* instead of them */
	bool is_gzip;             /* the body is packed already */
	bool may_gzip; /* it is packed for a client that takes that */
};

struct http_counts {
	uint64_t answers[600]; /* by status */
	uint64_t accepted;     /* connections */
	uint64_t evicted;      /* closed to make room for another */
	uint64_t over_address_limit;
	uint64_t received_bytes, sent_bytes;
	unsigned open; /* connections, now */
};

struct http_server {
	struct loop *loop;
	struct http_limits limits;
	unsigned connections_max;
	unsigned per_address_max;  /* connections of a client; 0: any number */
	bool per_address_is_local; /* it holds for this machine's too */
	size_t held_max; /* bytes of all requests and answers in memory */
	int head_ms, body_ms, idle_ms, write_ms;

	/* The head of a request with a body is there. To answer now is to
	 * refuse the body: the connection ends. May be NULL. */
	void (*on_head)(void *context, struct http_exchange *exchange);
	void (*on_request)(void *context, struct http_exchange *exchange);
	void *context;

	struct http_counts counts;

	/* private */
	struct loop_task task;
	struct loop_timer sweep;
	struct http_listener *listeners;
	struct http_connection *connections; /* a list */
	struct http_connection *again;
	struct http_exchange *spare;
	unsigned nspare;
	struct address_counts addresses;
	size_t held;
	struct buf out;
	bool is_draining;
	char date[sizeof("Sun, 06 Nov 1994 08:49:37 GMT")];
	int64_t date_second;
	char in[64 << 10];
};

/* Sets the limits above to their defaults; loop and callbacks are the caller's
 * to set, before http_server_listen(). */
void http_server_init(struct http_server *server, struct loop *loop);

/* Takes connections from a listening socket. `tag` comes with each request. */
void http_server_listen(struct http_server *server, int fd, const void *tag);

/*
 * No new connections and, on those that there are, no new requests. True when
 * the last is gone; to be called again until then.
 */
bool http_server_drain(struct http_server *server);

/* Closes all connections, of which the application holds no request. */
void http_server_close(struct http_server *server);

/* Adds a line to the answer to come. */
void http_add_header(struct http_exchange *exchange, const char *name,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Takes back the lines that were added. */
void http_clear_headers(struct http_exchange *exchange);

void http_respond(
    struct http_exchange *exchange, const struct http_answer *answer);

/*
 * Answers with application/problem+json (RFC 9457). `detail` is a sentence or
 * NULL. `errors`, unless NULL, is the text of a JSON array for the member of
 * that name.
 */
void http_respond_problem(struct http_exchange *exchange, int status,
    const char *detail, const char *errors);

/* "Not Found"; RFC 9110 and 6585. */
const char *http_status_phrase(int status);

void http_body_release(struct http_body *body);

#endif

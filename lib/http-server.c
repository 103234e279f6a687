#include "http-server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "json.h"
#include "log.h"

#define SWEEP_MS 250
#define ACCEPTS_A_TURN 64
/* Of one connection, before the others have their turn. */
#define REQUESTS_A_TURN 16
#define READS_A_TURN 8
#define DRAIN_BYTES ((size_t)1 << 20)
#define DRAIN_MS 2000
/* A body has so long before its speed counts. */
#define BODY_GRACE_MS 5000
#define BODY_BYTES_A_SECOND 1024
#define WRITE_PROGRESS ((size_t)64 << 10)
#define SPARE_EXCHANGES 1024
/* Up to here an answer is copied behind its head, to be one write(2). */
#define COPIED_BODY ((size_t)16 << 10)
#define GZIP_FROM ((size_t)1 << 10)

struct http_listener {
	struct loop_fd fd;
	struct http_server *server;
	const void *tag;
	bool is_ready;  /* there are connections to accept */
	bool is_paused; /* for want of descriptors */
	struct http_listener *next;
};

struct http_connection {
	struct loop_fd fd; /* -1: closed; only the application still has it */
	struct http_server *server;
	const struct http_listener *listener;
	enum {
		CONNECTION_READING,
		CONNECTION_ANSWERING, /* the application has the request */
		CONNECTION_WRITING,
		CONNECTION_DRAINING,
		CONNECTION_CLOSED
	} state;
	bool is_readable;    /* since the last EAGAIN */
	bool has_ended;      /* the client sends no more */
	bool must_close;     /* after the answer */
	bool is_queued;      /* in the server's list `again` */
	bool is_counted;     /* among its address's */
	int64_t since_ms;    /* when its request began, or it became idle */
	int64_t deadline_ms; /* INT64_MAX: none */
	struct http_reader reader;
	struct http_exchange *exchange; /* NULL between requests */
	struct buf left;                /* bytes that are not read yet ... */
	size_t left_at;                 /* ... from here on */
	struct buf out;                 /* an answer's, not written yet ... */
	size_t out_at;
	struct http_body *shared; /* ... and what follows it */
	size_t shared_at;
	size_t progress, drained;
	size_t held; /* our part of the server's */
	struct in6_addr address;
	char client[INET6_ADDRSTRLEN];
	struct http_connection *next, *previous, *next_again;
};

static void respond_problem_and_close(
    struct http_connection *connection, int status, const char *detail);

/* ---- exchanges ---------------------------------------------------------- */

static struct http_exchange *
new_exchange(struct http_server *server)
{
	struct http_exchange *exchange = server->spare;

	if (exchange == NULL) {
		exchange = xmalloc(sizeof(*exchange));
		memset(exchange, 0, sizeof(*exchange));
		return exchange;
	}
	server->spare = exchange->next_spare;
	server->nspare--;
	return exchange;
}

static void
free_exchange(struct http_exchange *exchange)
{
	http_request_free(&exchange->request);
	buf_free(&exchange->headers);
	free(exchange);
}

static void
release_exchange(struct http_server *server, struct http_exchange *exchange)
{
	if (server->nspare == SPARE_EXCHANGES) {
		free_exchange(exchange);
		return;
	}
	http_request_reset(&exchange->request);
	exchange->headers.len = 0;
	exchange->connection = NULL;
	exchange->next_spare = server->spare;
	server->spare = exchange;
	server->nspare++;
}

void
http_body_release(struct http_body *body)
{
	if (body == NULL || --body->references > 0)
		return;
	buf_free(&body->bytes);
	free(body);
}

/* ---- connections -------------------------------------------------------- */

/* It has its turn, or its end, when what runs now is over. */
static void
queue(struct http_connection *connection)
{
	if (connection->is_queued)
		return;
	connection->is_queued = true;
	connection->next_again = connection->server->again;
	connection->server->again = connection;
}

/* Keeps the sum of what all connections hold in memory. */
static void
account(struct http_connection *connection)
{
	size_t held = connection->left.capacity + connection->out.capacity;

	if (connection->exchange != NULL)
		held += connection->exchange->request.body.capacity;
	connection->server->held += held - connection->held;
	connection->held = held;
}

static void
become_idle(struct http_connection *connection)
{
	struct http_server *server = connection->server;

	connection->state = CONNECTION_READING;
	connection->since_ms = server->loop->now_ms;
	connection->deadline_ms = server->loop->now_ms + server->idle_ms;
}

static void
close_connection(struct http_connection *connection)
{
	if (connection->fd.fd >= 0) {
		loop_remove(connection->server->loop, &connection->fd);
		close(connection->fd.fd);
		connection->fd.fd = -1;
	}
	connection->deadline_ms = INT64_MAX;
	if (connection->state == CONNECTION_ANSWERING)
		return;
	connection->state = CONNECTION_CLOSED;
	queue(connection);
}

static void
free_connection(struct http_connection *connection)
{
	struct http_server *server = connection->server;

	if (connection->exchange != NULL)
		release_exchange(server, connection->exchange);
	if (connection->is_counted)
		address_counts_remove(&server->addresses, &connection->address);
	http_body_release(connection->shared);
	buf_free(&connection->left);
	buf_free(&connection->out);
	server->held -= connection->held;
	if (connection->previous != NULL)
		connection->previous->next = connection->next;
	else
		server->connections = connection->next;
	if (connection->next != NULL)
		connection->next->previous = connection->previous;
	server->counts.open--;
	free(connection);
}

/* ---- writing ------------------------------------------------------------ */

/* After an answer: another request, or the end. */
static void
end_answer(struct http_connection *connection)
{
	struct http_server *server = connection->server;

	http_body_release(connection->shared);
	connection->shared = NULL;
	buf_free(&connection->out);
	if (connection->exchange != NULL)
		release_exchange(server, connection->exchange);
	connection->exchange = NULL;
	account(connection);
	if (!connection->must_close) {
		become_idle(connection);
		if (connection->is_readable ||
		    connection->left_at < connection->left.len)
			queue(connection);
		return;
	}
	if (connection->has_ended || shutdown(connection->fd.fd, SHUT_WR) < 0) {
		connection->state = CONNECTION_DRAINING;
		close_connection(connection);
		return;
	}
	connection->state = CONNECTION_DRAINING;
	connection->drained = 0;
	connection->deadline_ms = server->loop->now_ms + DRAIN_MS;
	queue(connection);
}

/* Writes what is kept. */
static void
flush(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	struct buf *out = &connection->out;
	struct http_body *shared = connection->shared;

	for (;;) {
		struct iovec parts[2] = {{out->data + connection->out_at,
					     out->len - connection->out_at},
		    {NULL, 0}};
		struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
		ssize_t sent;
		size_t of_out;

		if (out->len == connection->out_at)
			parts[0].iov_base = NULL;
		if (shared != NULL)
			parts[1] = (struct iovec){
			    shared->bytes.data + connection->shared_at,
			    shared->bytes.len - connection->shared_at};
		if (parts[0].iov_len + parts[1].iov_len == 0) {
			end_answer(connection);
			return;
		}
		sent = sendmsg(connection->fd.fd, &message, MSG_NOSIGNAL);
		if (sent < 0) {
			if (errno != EAGAIN && errno != EINTR) {
				connection->state = CONNECTION_DRAINING;
				close_connection(connection);
			}
			return;
		}
		server->counts.sent_bytes += (size_t)sent;
		of_out = (size_t)sent < parts[0].iov_len ? (size_t)sent
							 : parts[0].iov_len;
		connection->out_at += of_out;
		connection->shared_at += (size_t)sent - of_out;
		connection->progress += (size_t)sent;
		if (connection->progress >= WRITE_PROGRESS) {
			connection->progress = 0;
			connection->deadline_ms =
			    server->loop->now_ms + server->write_ms;
		}
	}
}

/* Sends the head and maybe the body that are in server->out, then `shared`,
 * whose reference it takes over. */
static void
send_answer(struct http_connection *connection, struct http_body *shared)
{
	struct http_server *server = connection->server;
	struct buf *out = &server->out;
	ssize_t sent = 0;

	connection->state = CONNECTION_WRITING;
	if (shared == NULL) {
		sent =
		    send(connection->fd.fd, out->data, out->len, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN && errno != EINTR) {
			connection->state = CONNECTION_DRAINING;
			close_connection(connection);
			return;
		}
		if (sent < 0)
			sent = 0;
		server->counts.sent_bytes += (size_t)sent;
		if ((size_t)sent == out->len) {
			end_answer(connection);
			return;
		}
	}
	buf_add(&connection->out, out->data + sent, out->len - (size_t)sent);
	connection->out_at = connection->shared_at = 0;
	connection->shared = shared;
	connection->progress = 0;
	connection->deadline_ms = server->loop->now_ms + server->write_ms;
	account(connection);
	flush(connection);
}

/* ---- answers ------------------------------------------------------------ */

const char *
http_status_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {{200, "OK"}, {201, "Created"}, {202, "Accepted"},
	    {204, "No Content"}, {304, "Not Modified"}, {400, "Bad Request"},
	    {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"},
	    {405, "Method Not Allowed"}, {408, "Request Timeout"},
	    {409, "Conflict"}, {411, "Length Required"},
	    {413, "Content Too Large"}, {414, "URI Too Long"},
	    {415, "Unsupported Media Type"}, {417, "Expectation Failed"},
	    {422, "Unprocessable Content"}, {429, "Too Many Requests"},
	    {431, "Request Header Fields Too Large"},
	    {500, "Internal Server Error"}, {501, "Not Implemented"},
	    {503, "Service Unavailable"}, {505, "HTTP Version Not Supported"}};

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Unknown";
}

void
http_add_header(
    struct http_exchange *exchange, const char *name, const char *format, ...)
{
	struct buf *headers = &exchange->headers;
	va_list ap;
	char *value;

	va_start(ap, format);
	if (vasprintf(&value, format, ap) < 0)
		die(EX_OSERR, "out of memory");
	va_end(ap);
	buf_printf(headers, "%s: %s\r\n", name, value);
	free(value);
}

void
http_clear_headers(struct http_exchange *exchange)
{
	exchange->headers.len = 0;
}

/* RFC 9110, 6.6.1; made once a second. */
static const char *
date(struct http_server *server)
{
	int64_t now = clock_ms() / 1000;
	time_t at = (time_t)now;
	struct tm tm;

	if (now != server->date_second) {
		gmtime_r(&at, &tm);
		strftime(server->date, sizeof(server->date),
		    "%a, %d %b %Y %H:%M:%S GMT", &tm);
		server->date_second = now;
	}
	return server->date;
}

static void
add_head(const struct http_exchange *exchange, const struct http_answer *answer,
    size_t len)
{
	struct http_connection *connection = exchange->connection;
	struct buf *out = &connection->server->out;

	out->len = 0;
	buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", answer->status,
	    http_status_phrase(answer->status), date(connection->server));
	if (answer->type != NULL)
		buf_printf(out, "Content-Type: %s\r\n", answer->type);
	if (answer->is_gzip)
		buf_add_string(out, "Content-Encoding: gzip\r\n");
	if (answer->may_gzip || answer->is_gzip)
		buf_add_string(out, "Vary: Accept-Encoding\r\n");
	if (answer->status != 204 && answer->status != 304)
		buf_printf(out, "Content-Length: %zu\r\n", len);
	if (connection->must_close)
		buf_add_string(out, "Connection: close\r\n");
	else if (exchange->request.is_http_1_0)
		buf_add_string(out, "Connection: keep-alive\r\n");
	buf_add(out, exchange->headers.data, exchange->headers.len);
	buf_add_string(out, "\r\n");
}

/* Packs the body, where that is wanted and worth it. */
static void
pack(const struct http_exchange *exchange, struct http_answer *answer,
    struct buf *packed)
{
	struct gzip gzip;

	if (!answer->may_gzip || answer->len < GZIP_FROM ||
	    !http_request_accepts_gzip(&exchange->request))
		return;
	gzip_start(&gzip);
	gzip_add(&gzip, answer->body, answer->len, true, packed);
	answer->body = packed->data;
	answer->len = packed->len;
	answer->is_gzip = true;
}

void
http_respond(struct http_exchange *exchange, const struct http_answer *given)
{
	struct http_connection *connection = exchange->connection;
	struct http_server *server = connection->server;
	const struct http_request *request = &exchange->request;
	struct http_answer answer = *given;
	struct http_body *shared = answer.shared;
	struct buf packed = BUF_INIT;
	bool has_body;

	server->counts.answers[answer.status]++;
	if (connection->fd.fd < 0) {
		http_body_release(shared);
		connection->state = CONNECTION_CLOSED;
		queue(connection);
		return;
	}
	if (connection->state != CONNECTION_ANSWERING || !request->keep_alive ||
	    server->is_draining)
		connection->must_close = true;
	pack(exchange, &answer, &packed);
	add_head(
	    exchange, &answer, shared != NULL ? shared->bytes.len : answer.len);
	has_body =
	    request->method == NULL || strcmp(request->method, "HEAD") != 0;
	if (!has_body) {
		http_body_release(shared);
		shared = NULL;
	} else if (shared == NULL && answer.len > COPIED_BODY) {
		shared = xmalloc(sizeof(*shared));
		*shared = (struct http_body){.references = 1};
		buf_add(&shared->bytes, answer.body, answer.len);
	} else if (shared == NULL) {
		buf_add(&server->out, answer.body, answer.len);
	}
	buf_free(&packed);
	send_answer(connection, shared);
}

void
http_respond_problem(struct http_exchange *exchange, int status,
    const char *detail, const char *errors)
{
	struct buf body = BUF_INIT;

	buf_printf(&body,
	    "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d",
	    http_status_phrase(status), status);
	if (detail != NULL) {
		buf_add_string(&body, ",\"detail\":\"");
		json_escape_any(&body, detail);
		buf_add_char(&body, '"');
	}
	if (errors != NULL)
		buf_printf(&body, ",\"errors\":%s", errors);
	buf_add_string(&body, "}\n");
	http_respond(exchange,
	    &(struct http_answer){.status = status,
		.type = "application/problem+json",
		.body = body.data,
		.len = body.len});
	buf_free(&body);
}

static void
respond_problem_and_close(
    struct http_connection *connection, int status, const char *detail)
{
	connection->must_close = true;
	if (status == 415)
		http_add_header(
		    connection->exchange, "Accept-Encoding", "gzip, identity");
	if (status == 503)
		http_add_header(connection->exchange, "Retry-After", "1");
	http_respond_problem(connection->exchange, status, detail, NULL);
}

/* ---- reading ------------------------------------------------------------ */

static void
begin_request(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	struct http_exchange *exchange = new_exchange(server);

	exchange->connection = connection;
	exchange->client = connection->client;
	exchange->tag = connection->listener->tag;
	connection->exchange = exchange;
	connection->since_ms = server->loop->now_ms;
	connection->deadline_ms = server->loop->now_ms + server->head_ms;
	http_reader_start(
	    &connection->reader, &server->limits, &exchange->request);
}

/* The head is there; the body is not all there, as far as we know. */
static void
on_head(struct http_connection *connection, bool more_has_come)
{
	struct http_server *server = connection->server;
	struct http_exchange *exchange = connection->exchange;
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (!exchange->request.has_body)
		return;
	connection->since_ms = server->loop->now_ms;
	connection->deadline_ms = server->loop->now_ms + server->body_ms;
	if (server->on_head != NULL)
		server->on_head(server->context, exchange);
	if (connection->state == CONNECTION_READING &&
	    exchange->request.expects_continue && !more_has_come &&
	    send(connection->fd.fd, go_on, sizeof(go_on) - 1, MSG_NOSIGNAL) !=
		(ssize_t)sizeof(go_on) - 1) {
		connection->state = CONNECTION_DRAINING;
		close_connection(connection);
	}
}

static void
on_whole(struct http_connection *connection)
{
	struct http_server *server = connection->server;

	connection->state = CONNECTION_ANSWERING;
	connection->deadline_ms = INT64_MAX;
	account(connection);
	server->on_request(server->context, connection->exchange);
}

/* Reads on in a request, until it is whole or the bytes are used up; returns
 * how many were. Then the next request may be due already. */
static size_t
parse(struct http_connection *connection, const char *bytes, size_t len)
{
	struct http_server *server = connection->server;
	const struct http_request *request;
	size_t at = 0, used;

	if (connection->exchange == NULL)
		begin_request(connection);
	request = &connection->exchange->request;
	for (;;) {
		enum http_read result = http_reader_feed(
		    &connection->reader, bytes + at, len - at, &used);

		at += used;
		switch (result) {
		case HTTP_READ_HEAD:
			on_head(connection, at < len);
			if (connection->state != CONNECTION_READING)
				return at;
			continue;
		case HTTP_READ_MORE:
			account(connection);
			if (server->held > server->held_max)
				respond_problem_and_close(connection, 503,
				    "too many requests are in memory");
			return at;
		case HTTP_READ_WHOLE:
			on_whole(connection);
			return at;
		case HTTP_READ_BAD:
			respond_problem_and_close(connection,
			    request->problem_status, request->problem);
			return at;
		}
	}
}

/* Parses bytes that were kept. */
static void
parse_left(struct http_connection *connection)
{
	struct buf *left = &connection->left;

	connection->left_at += parse(connection,
	    left->data + connection->left_at, left->len - connection->left_at);
	if (connection->left_at == left->len) {
		buf_free(left);
		connection->left_at = 0;
		account(connection);
	}
}

/* The client sends no more. */
static void
on_end(struct http_connection *connection)
{
	connection->has_ended = true;
	connection->is_readable = false;
	if (connection->exchange != NULL &&
	    http_reader_has_begun(&connection->reader))
		respond_problem_and_close(
		    connection, 400, "the connection ended within the request");
	else
		close_connection(connection);
}

/* Reads what has come; false where there is no more for now. */
static bool
read_more(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	ssize_t got;
	size_t used;

	do
		got =
		    recv(connection->fd.fd, server->in, sizeof(server->in), 0);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN) {
		connection->is_readable = false;
		return false;
	}
	if (got < 0) {
		close_connection(connection);
		return false;
	}
	if (got == 0) {
		on_end(connection);
		return false;
	}
	server->counts.received_bytes += (size_t)got;
	used = parse(connection, server->in, (size_t)got);
	if (used < (size_t)got && !connection->must_close) {
		buf_add(
		    &connection->left, server->in + used, (size_t)got - used);
		account(connection);
	}
	return true;
}

/* Drops what comes after an answer that was the last. */
static void
drain(struct http_connection *connection)
{
	struct http_server *server = connection->server;

	while (connection->is_readable) {
		ssize_t got =
		    recv(connection->fd.fd, server->in, sizeof(server->in), 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN) {
			connection->is_readable = false;
			return;
		}
		if (got > 0) {
			server->counts.received_bytes += (size_t)got;
			connection->drained += (size_t)got;
		}
		if (got <= 0 || connection->drained > DRAIN_BYTES) {
			close_connection(connection);
			return;
		}
	}
}

/* Does what can be done for a connection now. It may be gone then. */
static void
advance(struct http_connection *connection)
{
	const struct http_server *server = connection->server;
	uint64_t answered = 0;
	unsigned reads = 0;

	while (connection->state == CONNECTION_READING) {
		if (answered > REQUESTS_A_TURN || reads > READS_A_TURN) {
			queue(connection);
			break;
		}
		if (connection->left_at < connection->left.len) {
			parse_left(connection);
			answered++;
		} else if (!connection->is_readable) {
			if (server->is_draining && connection->exchange == NULL)
				close_connection(connection);
			break;
		} else {
			reads++;
			if (!read_more(connection))
				break;
		}
	}
	if (connection->state == CONNECTION_DRAINING)
		drain(connection);
	if (connection->state == CONNECTION_CLOSED && !connection->is_queued)
		free_connection(connection);
}

static void
on_event(void *context, uint32_t events)
{
	struct http_connection *connection = context;

	if ((events & EPOLLERR) != 0 ||
	    ((events & EPOLLHUP) != 0 &&
		connection->state != CONNECTION_READING)) {
		close_connection(connection);
	} else {
		if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) != 0)
			connection->is_readable = true;
		if ((events & EPOLLOUT) != 0 &&
		    connection->state == CONNECTION_WRITING)
			flush(connection);
	}
	if (!connection->is_queued)
		advance(connection);
}

/* ---- deadlines ---------------------------------------------------------- */

static bool
is_too_slow(const struct http_connection *connection)
{
	const struct http_server *server = connection->server;
	int64_t taken = server->loop->now_ms - connection->since_ms;

	if (connection->state != CONNECTION_READING ||
	    connection->exchange == NULL ||
	    connection->reader.state != READING_BODY || taken < BODY_GRACE_MS)
		return false;
	return (int64_t)connection->exchange->request.body_received <
	    taken * BODY_BYTES_A_SECOND / 1000;
}

static void
expire(struct http_connection *connection)
{
	if (connection->state == CONNECTION_READING &&
	    connection->exchange != NULL)
		respond_problem_and_close(connection, 408,
		    connection->reader.state == READING_HEAD
			? "the head did not come in time"
			: "the body did not come in time");
	else
		close_connection(connection);
}

static void
resume_listeners(struct http_server *server)
{
	for (struct http_listener *l = server->listeners; l != NULL;
	     l = l->next)
		if (l->is_paused && loop_add(server->loop, &l->fd, EPOLLIN))
			l->is_paused = false;
}

static void
sweep(void *context)
{
	struct http_server *server = context;
	struct http_connection *connection = server->connections;

	while (connection != NULL) {
		/* It is not freed at once, and so stays in the list. */
		if (connection->deadline_ms <= server->loop->now_ms ||
		    is_too_slow(connection))
			expire(connection);
		connection = connection->next;
	}
	if (!server->is_draining)
		resume_listeners(server);
	if (server->connections != NULL)
		loop_timer_set(server->loop, &server->sweep, SWEEP_MS);
}

/* ---- new connections ---------------------------------------------------- */

/* How little is lost with a connection: its answer is written; its request is
 * unfinished; it waits for one; 0: it is being answered. */
static int
expendable(const struct http_connection *connection)
{
	if (connection->state == CONNECTION_DRAINING)
		return 3;
	if (connection->state != CONNECTION_READING)
		return 0;
	return connection->exchange != NULL ? 2 : 1;
}

/* Closes the most expendable one, of these the one that has waited longest.
 * False where all are being answered. */
static bool
evict(struct http_server *server)
{
	struct http_connection *worst = NULL;

	for (struct http_connection *c = server->connections; c != NULL;
	     c = c->next) {
		int rank = expendable(c);

		if (rank > 0 &&
		    (worst == NULL || rank > expendable(worst) ||
			(rank == expendable(worst) &&
			    c->since_ms <= worst->since_ms)))
			worst = c;
	}
	if (worst == NULL)
		return false;
	server->counts.evicted++;
	close_connection(worst);
	return true;
}

/* The client's address; true where it is not of this machine. */
static bool
note_address(
    struct http_connection *connection, const struct sockaddr_storage *from)
{
	const struct sockaddr_in *in = (const void *)from;
	const struct sockaddr_in6 *in6 = (const void *)from;
	struct in6_addr *address = &connection->address;

	switch (from->ss_family) {
	case AF_INET:
		memset(address, 0, sizeof(*address));
		address->s6_addr[10] = address->s6_addr[11] = 0xff;
		memcpy(&address->s6_addr[12], &in->sin_addr, 4);
		inet_ntop(AF_INET, &in->sin_addr, connection->client,
		    sizeof(connection->client));
		return ntohl(in->sin_addr.s_addr) >> 24 != IN_LOOPBACKNET;
	case AF_INET6:
		*address = in6->sin6_addr;
		inet_ntop(AF_INET6, address, connection->client,
		    sizeof(connection->client));
		return !IN6_IS_ADDR_LOOPBACK(address);
	default:
		strcpy(connection->client, "unix");
		return false;
	}
}

/* True where the address has no connection too many. */
static bool
count_address(struct http_connection *connection, bool is_remote)
{
	struct http_server *server = connection->server;

	if (server->per_address_max == 0 ||
	    (!is_remote && !server->per_address_is_local))
		return true;
	connection->is_counted = true;
	return address_counts_add(&server->addresses, &connection->address) <=
	    server->per_address_max;
}

static void
open_connection(const struct http_listener *listener, int fd,
    const struct sockaddr_storage *from)
{
	struct http_server *server = listener->server;
	struct http_connection *connection = xmalloc(sizeof(*connection));
	int on = 1;

	memset(connection, 0, sizeof(*connection));
	connection->fd = (struct loop_fd){
	    .fd = fd, .on_event = on_event, .context = connection};
	connection->server = server;
	connection->listener = listener;
	connection->next = server->connections;
	if (connection->next != NULL)
		connection->next->previous = connection;
	server->connections = connection;
	server->counts.accepted++;
	server->counts.open++;
	become_idle(connection);
	if (from->ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!loop_add(server->loop, &connection->fd,
		EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)) {
		close_connection(connection);
	} else if (!count_address(connection, note_address(connection, from))) {
		server->counts.over_address_limit++;
		begin_request(connection);
		http_add_header(connection->exchange, "Retry-After", "10");
		respond_problem_and_close(
		    connection, 429, "this address has too many connections");
	}
	loop_timer_set(server->loop, &server->sweep, SWEEP_MS);
}

/* No descriptor or memory for another one: tried again by the sweep. */
static void
pause_listener(struct http_listener *listener)
{
	log_warn("cannot accept a connection: %s", strerror(errno));
	loop_remove(listener->server->loop, &listener->fd);
	listener->is_paused = true;
	loop_timer_set(
	    listener->server->loop, &listener->server->sweep, SWEEP_MS);
}

static void
accept_connections(struct http_listener *listener)
{
	struct http_server *server = listener->server;

	listener->is_ready = false;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage from = {.ss_family = AF_UNIX};
		socklen_t len = sizeof(from);
		int fd = accept4(listener->fd.fd, (struct sockaddr *)&from,
		    &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 &&
		    (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			errno == ENOMEM)) {
			if (!evict(server))
				pause_listener(listener);
			return;
		}
		if (fd < 0 && errno == EAGAIN)
			return;
		if (fd < 0)
			continue; /* that one is gone already */
		if (server->counts.open >= server->connections_max &&
		    !evict(server))
			close(fd);
		else
			open_connection(listener, fd, &from);
	}
}

/* Not accepted at once: what other connections have sent is read first, so that
 * none of them has to give way before that. */
static void
on_listener(void *context, uint32_t events)
{
	struct http_listener *listener = context;

	(void)events;
	listener->is_ready = true;
}

/* ---- behind the events of a round --------------------------------------- */

static void
advance_queued(struct http_server *server)
{
	struct http_connection *connection = server->again;

	server->again = NULL;
	while (connection != NULL) {
		struct http_connection *next = connection->next_again;

		connection->is_queued = false;
		advance(connection);
		connection = next;
	}
}

static bool
end_round(void *context)
{
	struct http_server *server = context;

	advance_queued(server);
	for (struct http_listener *l = server->listeners; l != NULL;
	     l = l->next)
		if (l->is_ready && !server->is_draining)
			accept_connections(l);
	return server->again != NULL;
}

/* ---- the server --------------------------------------------------------- */

void
http_server_init(struct http_server *server, struct loop *loop)
{
	memset(server, 0, sizeof(*server));
	server->loop = loop;
	server->limits = (struct http_limits)HTTP_LIMITS_DEFAULT;
	server->connections_max = 4096;
	server->held_max = (size_t)256 << 20;
	server->head_ms = 10000;
	server->body_ms = 30000;
	server->idle_ms = 75000;
	server->write_ms = 30000;
	server->task = (struct loop_task){.run = end_round, .context = server};
	server->sweep =
	    (struct loop_timer){.on_time = sweep, .context = server};
	loop_task_add(loop, &server->task);
}

void
http_server_listen(struct http_server *server, int fd, const void *tag)
{
	struct http_listener *listener = xmalloc(sizeof(*listener));

	*listener = (struct http_listener){
	    .fd = {.fd = fd, .on_event = on_listener, .context = listener},
	    .server = server,
	    .tag = tag,
	    .next = server->listeners};
	server->listeners = listener;
	if (!loop_add(server->loop, &listener->fd, EPOLLIN))
		die(EX_OSERR, "epoll_ctl: %s", strerror(errno));
}

bool
http_server_drain(struct http_server *server)
{
	if (!server->is_draining) {
		server->is_draining = true;
		for (struct http_listener *l = server->listeners; l != NULL;
		     l = l->next)
			if (!l->is_paused)
				loop_remove(server->loop, &l->fd);
	}
	for (struct http_connection *c = server->connections; c != NULL;
	     c = c->next)
		if (c->state == CONNECTION_READING && c->exchange == NULL &&
		    c->left_at == c->left.len && !c->is_readable)
			close_connection(c);
	return server->connections == NULL;
}

void
http_server_close(struct http_server *server)
{
	struct http_listener *listener;
	struct http_exchange *exchange;

	for (struct http_connection *c = server->connections; c != NULL;
	     c = c->next)
		close_connection(c);
	while (server->again != NULL)
		advance_queued(server);
	while ((listener = server->listeners) != NULL) {
		server->listeners = listener->next;
		close(listener->fd.fd);
		free(listener);
	}
	while ((exchange = server->spare) != NULL) {
		server->spare = exchange->next_spare;
		free_exchange(exchange);
	}
	loop_timer_clear(server->loop, &server->sweep);
	buf_free(&server->out);
}

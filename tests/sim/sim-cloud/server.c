/*
 * The HTTP side, by libmicrohttpd with a thread for each connection: a reply
 * that is to be late can simply sleep. (Its internal epoll loop stalls; here
 * every thread polls its own socket.)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>

#include "log.h"
#include "sim.h"

/* A reply of which only a part is sent. */
struct partial {
	struct sim *sim;
	char *bytes;
	size_t len;
	int64_t stall_ms; /* then nothing more, for so long */
	char *again;      /* or this, again and again, or NULL */
	int64_t pause_ms; /* before each */
};

int64_t
real_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Sleeps, but not beyond the end of the program. */
static void
rest(struct sim *sim, int64_t ms)
{
	int64_t until_ms = monotonic_ms() + ms;
	struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};

	pthread_mutex_lock(&sim->lock);
	while (!sim->stopping &&
	    pthread_cond_timedwait(&sim->stop, &sim->lock, &until) == 0)
		;
	pthread_mutex_unlock(&sim->lock);
}

/* ---- replies ------------------------------------------------------------ */

/* Cuts the connection off with RST: that is what connect(2) to no address at
 * all does to one that is open. */
static void
reset_connection(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	if (info != NULL)
		(void)connect(info->connect_fd, &nobody, sizeof(nobody));
}

static bool
is_stopping(struct sim *sim)
{
	bool stopping;

	pthread_mutex_lock(&sim->lock);
	stopping = sim->stopping;
	pthread_mutex_unlock(&sim->lock);
	return stopping;
}

/* As many of an endless text as there is room for; with a pause, one. */
static ssize_t
read_again(struct partial *partial, uint64_t position, char *to, size_t size)
{
	size_t len = strlen(partial->again), at = (size_t)(position % len);
	size_t n = 0;

	if (partial->pause_ms > 0 && at == 0)
		rest(partial->sim, partial->pause_ms);
	if (is_stopping(partial->sim))
		return MHD_CONTENT_READER_END_WITH_ERROR;
	while (n < size && (partial->pause_ms == 0 || at < len)) {
		to[n++] = partial->again[at++];
		if (partial->pause_ms == 0)
			at %= len;
	}
	return (ssize_t)n;
}

static ssize_t
read_partial(void *context, uint64_t position, char *to, size_t size)
{
	struct partial *partial = context;
	size_t left =
	    position < partial->len ? partial->len - (size_t)position : 0;

	if (left == 0 && partial->again != NULL)
		return read_again(partial, position - partial->len, to, size);
	if (left == 0) {
		rest(partial->sim, partial->stall_ms);
		return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	if (size > left)
		size = left;
	memcpy(to, partial->bytes + position, size);
	return (ssize_t)size;
}

static void
free_partial(void *context)
{
	struct partial *partial = context;

	free(partial->bytes);
	free(partial->again);
	free(partial);
}

/* A response that promises the whole body and breaks off behind a part. */
static struct MHD_Response *
make_partial(struct sim *sim, struct reply *reply, const struct fault *fault)
{
	struct partial *partial = xmalloc(sizeof(*partial));
	size_t len = reply->body.len, part = len / 2;

	if (fault->kind == FAULT_CUT && fault->number >= 0 &&
	    (size_t)fault->number < len)
		part = (size_t)fault->number;
	*partial = (struct partial){.sim = sim,
	    .bytes = reply->body.data,
	    .len = part,
	    .stall_ms = fault->kind == FAULT_STALL ? fault->number * 1000 : 0};
	reply->body = (struct buf)BUF_INIT;
	if (fault->kind == FAULT_ENDLESS) {
		partial->len = len;
		partial->again = xstrdup(fault->again);
		partial->pause_ms = fault->pause_ms;
	}
	return MHD_create_response_from_callback(
	    fault->kind == FAULT_ENDLESS ? MHD_SIZE_UNKNOWN : len, 65536,
	    read_partial, partial, free_partial);
}

static enum MHD_Result
send_reply(struct sim *sim, struct MHD_Connection *connection,
    struct reply *reply, const struct fault *fault)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	if (fault->kind == FAULT_CUT || fault->kind == FAULT_STALL ||
	    fault->kind == FAULT_ENDLESS) {
		response = make_partial(sim, reply, fault);
	} else {
		response = MHD_create_response_from_buffer(
		    reply->body.len, reply->body.data, MHD_RESPMEM_MUST_FREE);
		reply->body = (struct buf)BUF_INIT;
	}
	if (response == NULL)
		return MHD_NO;
	if (reply->content_type != NULL && reply->status != 204)
		MHD_add_response_header(
		    response, "Content-Type", reply->content_type);
	for (size_t i = 0; i < reply->nheaders; i++)
		MHD_add_response_header(
		    response, reply->headers[i].name, reply->headers[i].value);
	result = MHD_queue_response(connection, reply->status, response);
	MHD_destroy_response(response);
	return result;
}

/* ---- requests ----------------------------------------------------------- */

/* A request as it comes in. */
struct incoming {
	struct request request;
	bool begun;
	char *uri;
	char address[INET_ADDRSTRLEN];
};

static enum MHD_Result
add_argument(
    void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct request *request = context;

	(void)kind;
	if (request->narguments < ARGUMENTS_MAX)
		request->arguments[request->narguments] =
		    (struct pair){name, value};
	request->narguments++;
	return request->narguments <= ARGUMENTS_MAX ? MHD_YES : MHD_NO;
}

static const char *
header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static void
complete_request(struct incoming *incoming, struct MHD_Connection *connection,
    const char *path, const char *method)
{
	struct request *request = &incoming->request;
	const union MHD_ConnectionInfo *peer = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const union MHD_ConnectionInfo *number = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct sockaddr_in address;

	memcpy(&address, peer->client_addr, sizeof(address));
	inet_ntop(AF_INET, &address.sin_addr, incoming->address,
	    sizeof(incoming->address));
	memcpy(&request->connection, number->socket_context,
	    sizeof(request->connection));
	request->address = incoming->address;
	request->method = method;
	request->uri = incoming->uri;
	request->path = path;
	request->authorization = header(connection, "Authorization");
	request->content_type = header(connection, "Content-Type");
	request->user_agent = header(connection, "User-Agent");
	request->accept = header(connection, "Accept");
	request->accept_encoding = header(connection, "Accept-Encoding");
	buf_terminate(&request->body);
	MHD_get_connection_values(
	    connection, MHD_GET_ARGUMENT_KIND, add_argument, request);
}

static enum MHD_Result
answer(struct sim *sim, struct MHD_Connection *connection,
    const struct request *request)
{
	struct reply reply = {.content_type = NULL};
	struct fault fault = {.kind = FAULT_NONE};
	enum MHD_Result result = MHD_NO;

	pthread_mutex_lock(&sim->lock);
	if (strncmp(request->path, "/sim/", 5) == 0)
		control_answer(sim, request, &reply);
	else
		api_answer(sim, request, &reply, &fault);
	pthread_mutex_unlock(&sim->lock);
	if (fault.kind == FAULT_SLOW)
		rest(sim, fault.number);
	if (fault.kind == FAULT_RESET)
		reset_connection(connection);
	else if (fault.kind == FAULT_STALL && !fault.headers)
		rest(sim, fault.number * 1000);
	else
		result = send_reply(sim, connection, &reply, &fault);
	reply_free(&reply);
	fault_free(&fault);
	return result;
}

/* Called with the head of a request, then with pieces of its body, then with
 * none: then the answer is due. MHD_NO closes the connection. */
static enum MHD_Result
handle(void *context, struct MHD_Connection *connection, const char *path,
    const char *method, const char *version, const char *upload,
    size_t *upload_len, void **request_context)
{
	struct incoming *incoming = *request_context;
	struct buf *body = &incoming->request.body;

	(void)version;
	if (!incoming->begun) {
		incoming->begun = true;
		return MHD_YES;
	}
	if (*upload_len > 0) {
		if (body->len + *upload_len > BODY_MAX)
			incoming->request.body_too_large = true;
		else
			buf_add(body, upload, *upload_len);
		*upload_len = 0;
		return MHD_YES;
	}
	complete_request(incoming, connection, path, method);
	return answer(context, connection, &incoming->request);
}

/* The first that is heard of a request. */
static void *
begin_request(void *context, const char *uri, struct MHD_Connection *connection)
{
	struct incoming *incoming = xmalloc(sizeof(*incoming));

	(void)context;
	(void)connection;
	*incoming = (struct incoming){
	    .request = {.arrival_ms = real_ms()}, .uri = xstrdup(uri)};
	return incoming;
}

static void
end_request(void *context, struct MHD_Connection *connection,
    void **request_context, enum MHD_RequestTerminationCode how)
{
	struct incoming *incoming = *request_context;

	(void)context;
	(void)connection;
	(void)how;
	if (incoming == NULL)
		return;
	buf_free(&incoming->request.body);
	free(incoming->uri);
	free(incoming);
	*request_context = NULL;
}

/* Gives each connection its number. */
static void
number_connection(void *context, struct MHD_Connection *connection,
    void **socket_context, enum MHD_ConnectionNotificationCode what)
{
	static unsigned long last;
	struct sim *sim = context;
	unsigned long *number;

	(void)connection;
	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		free(*socket_context);
		*socket_context = NULL;
		return;
	}
	number = xmalloc(sizeof(*number));
	pthread_mutex_lock(&sim->lock);
	*number = ++last;
	pthread_mutex_unlock(&sim->lock);
	*socket_context = number;
}

/* ---- the daemon --------------------------------------------------------- */

static struct MHD_Daemon *
start(struct sim *sim, unsigned short port, const char *certificate,
    const char *key)
{
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
	    MHD_USE_THREAD_PER_CONNECTION | MHD_USE_SUPPRESS_DATE_NO_CLOCK;
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, NULL},
	    {MHD_OPTION_HTTPS_MEM_KEY, 0, NULL}, {MHD_OPTION_END, 0, NULL}};

	if (certificate != NULL) {
		flags |= MHD_USE_TLS;
		tls[0].ptr_value = (void *)(uintptr_t)certificate;
		tls[1].ptr_value = (void *)(uintptr_t)key;
	} else {
		tls[0].option = MHD_OPTION_END;
	}
	return MHD_start_daemon(flags, port, NULL, NULL, handle, sim,
	    MHD_OPTION_SOCK_ADDR, &address, /* no other address */
	    MHD_OPTION_URI_LOG_CALLBACK, begin_request, sim,
	    MHD_OPTION_NOTIFY_COMPLETED, end_request, sim,
	    MHD_OPTION_NOTIFY_CONNECTION, number_connection, sim,
	    MHD_OPTION_CONNECTION_LIMIT, 500U,
	    /* The line and head of a request have to fit. */
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)256 << 10,
	    MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

void
serve(struct sim *sim, unsigned short port, const char *certificate,
    const char *key)
{
	const union MHD_DaemonInfo *info;
	struct MHD_Daemon *daemon;
	sigset_t signals;
	int signal_number;

	/* Before there are threads, which take the mask over. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);

	daemon = start(sim, port, certificate, key);
	if (daemon == NULL)
		die(EX_OSERR, "cannot listen on 127.0.0.1, port %u: %s", port,
		    strerror(errno));
	info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
	printf("%s://127.0.0.1:%u\n", certificate != NULL ? "https" : "http",
	    info->port);
	if (fflush(stdout) != 0)
		die(EX_IOERR, "cannot write to standard output");

	sigwait(&signals, &signal_number);

	pthread_mutex_lock(&sim->lock);
	sim->stopping = true;
	pthread_cond_broadcast(&sim->stop);
	pthread_mutex_unlock(&sim->lock);
	MHD_stop_daemon(daemon);
}

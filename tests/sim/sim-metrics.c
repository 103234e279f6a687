/*
 * sim-metrics - what ccm-post sends to, for tests: DataKit, InfluxDB 1.x and
 * 2.x, VictoriaMetrics, on a real socket of 127.0.0.1. It is as strict about
 * line protocol as the strictest of them; when it listens, it writes its URL to
 * standard output.
 *
 *	POST /v1/write/metric	DataKit: 200; with dry=1 nothing is stored, with
 *				echo=lp the points are answered
 *	POST /write?db=NAME	InfluxDB 1.x, VictoriaMetrics: 204
 *	POST /api/v2/write?org=NAME&bucket=NAME	InfluxDB 2.x: 204
 *
 *	-t TOKEN	DataKit wants it as token=, InfluxDB 2.x as
 *			"Authorization: Token", 1.x as password of "user", in
 *			the URL or as HTTP Basic; VictoriaMetrics as Bearer
 *
 * One bad line refuses the whole body (400), and so does an empty one. A bad
 * line has no field, a value that is no number, a tag without a value or with
 * one that ends in a backslash, a time that is no integer, or a field of
 * another type than before.
 *
 *	POST /sim/fault?status=N&times=N	these requests get that; status
 *0: the body is stored, and the connection cut GET /sim/lines
 *the lines that were stored
 *	GET /sim/log		a line for each request: STATUS URL
 */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"
#include "main.h"

#define USAGE "usage: sim-metrics [-t TOKEN]\n"

/* DataKit's limits. */
#define TAGS_MAX 256
#define TAG_VALUE_MAX 1024

struct field_type {
	char *name; /* MEASUREMENT,FIELD */
	bool integer;
};

static struct {
	const char *token;
	pthread_mutex_t lock;
	struct buf lines, log;
	unsigned fault_status;
	long fault_times;
	struct field_type *types;
	size_t ntypes;
} sim = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct request {
	struct buf body;
	char *uri;
};

/* ---- line protocol ------------------------------------------------------ */

/* The end of a token: an unescaped byte of `ends`, or the end of the text. */
static const char *
token_end(const char *at, const char *ends)
{
	while (*at != '\0' && strchr(ends, *at) == NULL)
		at += *at == '\\' && at[1] != '\0' ? 2 : 1;
	return at;
}

static const char *
note_type(const char *series, size_t series_len, const char *field,
    size_t field_len, bool integer)
{
	struct buf name = BUF_INIT;

	buf_add(&name, series,
	    strcspn(series, ",") < series_len ? strcspn(series, ",")
					      : series_len);
	buf_add_char(&name, ',');
	buf_add(&name, field, field_len);
	buf_terminate(&name);
	for (size_t i = 0; i < sim.ntypes; i++) {
		if (strcmp(sim.types[i].name, name.data) != 0)
			continue;
		buf_free(&name);
		return sim.types[i].integer == integer ? NULL
						       : "field type conflict";
	}
	sim.types = grow_by_one(sim.types, sim.ntypes, sizeof(*sim.types));
	sim.types[sim.ntypes++] = (struct field_type){name.data, integer};
	return NULL;
}

/* "measurement,tag=value,..." up to the blank. */
static const char *
check_series(const char *at, const char *end)
{
	const char *next = token_end(at, ", ");
	size_t tags = 0;

	if (next == at)
		return "missing measurement";
	for (at = next; at < end; at = next) {
		const char *equals = token_end(++at, "=, ");

		if (*equals != '=' || equals == at)
			return "missing tag value";
		next = token_end(equals + 1, ", ");
		if (next == equals + 1)
			return "missing tag value";
		if (next[-1] == '\\')
			return "a tag value ends in a backslash";
		if (next - equals - 1 > TAG_VALUE_MAX || ++tags > TAGS_MAX)
			return "too many or too long tags";
	}
	return NULL;
}

static const char *
check_fields(
    const char *series, size_t series_len, const char *at, const char *end)
{
	while (at < end) {
		const char *equals = token_end(at, "=, "), *next, *conflict;
		char *rest;

		if (*equals != '=' || equals == at)
			return "missing field value";
		next = token_end(equals + 1, ", ");
		strtod(equals + 1, &rest);
		if (rest == equals + 1 || strchr("nNiI", equals[1]) != NULL ||
		    (equals[1] == '-' && strchr("nNiI", equals[2]) != NULL) ||
		    rest + (*rest == 'i') != next)
			return "invalid number";
		conflict = note_type(series, series_len, at,
		    (size_t)(equals - at), *rest == 'i');
		if (conflict != NULL)
			return conflict;
		at = next + (next < end);
	}
	return NULL;
}

static const char *
check_line(const char *line)
{
	const char *series = token_end(line, " "), *fields, *problem;

	if (*series == '\0')
		return "missing fields";
	problem = check_series(line, series);
	if (problem != NULL)
		return problem;
	fields = token_end(series + 1, " ");
	problem =
	    check_fields(line, (size_t)(series - line), series + 1, fields);
	if (problem != NULL || *fields == '\0')
		return problem;
	fields++;
	return fields[strspn(fields, "-0123456789")] == '\0' && *fields != '\0'
	    ? NULL
	    : "bad timestamp";
}

/* What is wrong with a body, or NULL. It is cut in lines. */
static const char *
check_body(struct buf *body)
{
	char *copy = xstrdup(buf_terminate(body)), *rest = copy, *line;
	const char *problem = strlen(copy) == body->len ? NULL : "NUL byte";
	bool any = false;

	while (problem == NULL && (line = strsep(&rest, "\n")) != NULL) {
		if (line[0] == '\0' || line[0] == '#')
			continue;
		any = true;
		problem = check_line(line);
	}
	free(copy);
	return problem == NULL && !any ? "the body is empty" : problem;
}

/* ---- who sends ---------------------------------------------------------- */

static const char *
argument(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(
	    connection, MHD_GET_ARGUMENT_KIND, name);
}

static bool
is_token(const char *given)
{
	return given != NULL && strcmp(given, sim.token) == 0;
}

static bool
has_header(struct MHD_Connection *connection, const char *scheme)
{
	const char *given = MHD_lookup_connection_value(
	    connection, MHD_HEADER_KIND, "Authorization");
	size_t len = strlen(scheme);

	return given != NULL && strncmp(given, scheme, len) == 0 &&
	    is_token(given + len);
}

static bool
has_basic(struct MHD_Connection *connection)
{
	char *password = NULL;
	char *user =
	    MHD_basic_auth_get_username_password(connection, &password);
	bool good =
	    user != NULL && strcmp(user, "user") == 0 && is_token(password);

	MHD_free(user);
	MHD_free(password);
	return good;
}

static bool
is_allowed(struct MHD_Connection *connection, const char *path)
{
	if (sim.token == NULL)
		return true;
	if (strcmp(path, "/v1/write/metric") == 0)
		return is_token(argument(connection, "token"));
	if (strcmp(path, "/api/v2/write") == 0)
		return has_header(connection, "Token ");
	return has_header(connection, "Bearer ") || has_basic(connection) ||
	    is_token(argument(connection, "p"));
}

/* ---- answers ------------------------------------------------------------ */

static enum MHD_Result
reply(struct MHD_Connection *connection, unsigned status, struct buf *text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    text->len, text->data, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result =
	    MHD_queue_response(connection, status, response);

	MHD_destroy_response(response);
	return result;
}

/* The status of a write, and what is said. */
static unsigned
take(struct MHD_Connection *connection, const char *path, struct buf *body,
    struct buf *text)
{
	bool datakit = strcmp(path, "/v1/write/metric") == 0;
	const char *problem, *echo = argument(connection, "echo");

	if (!is_allowed(connection, path)) {
		buf_add_string(text, "{\"error\":\"unauthorized\"}");
		return 401;
	}
	if (strcmp(path, "/write") == 0 && argument(connection, "db") == NULL)
		problem = "database is required";
	else if (strcmp(path, "/api/v2/write") == 0 &&
	    (argument(connection, "org") == NULL ||
		argument(connection, "bucket") == NULL))
		problem = "org and bucket are required";
	else
		problem = check_body(body);
	if (problem != NULL) {
		buf_printf(text, "{\"error\":\"%s\"}\n", problem);
		return 400;
	}
	if (!datakit || argument(connection, "dry") == NULL)
		buf_add(&sim.lines, body->data, body->len);
	if (datakit && echo != NULL && strcmp(echo, "lp") == 0)
		buf_add(text, body->data, body->len);
	return datakit ? 200 : 204;
}

static unsigned
control(struct MHD_Connection *connection, const char *path, struct buf *text)
{
	if (strcmp(path, "/sim/lines") == 0) {
		buf_add(text, sim.lines.data, sim.lines.len);
	} else if (strcmp(path, "/sim/log") == 0) {
		buf_add(text, sim.log.data, sim.log.len);
	} else if (strcmp(path, "/sim/fault") == 0 &&
	    argument(connection, "status") != NULL &&
	    argument(connection, "times") != NULL) {
		sim.fault_status =
		    (unsigned)atoi(argument(connection, "status"));
		sim.fault_times = atol(argument(connection, "times"));
	} else {
		return 404;
	}
	return 200;
}

/* ---- requests ----------------------------------------------------------- */

static unsigned
route(struct MHD_Connection *connection, const char *path, const char *method,
    struct request *request, struct buf *text)
{
	unsigned status;

	if (strncmp(path, "/sim/", 5) == 0)
		return control(connection, path, text);
	if (strcmp(path, "/v1/write/metric") != 0 &&
	    strcmp(path, "/write") != 0 && strcmp(path, "/api/v2/write") != 0)
		status = 404;
	else if (strcmp(method, "POST") != 0)
		status = 405;
	else if (sim.fault_times > 0 && sim.fault_status != 0)
		status = sim.fault_status;
	else
		status = take(connection, path, &request->body, text);
	if (sim.fault_times > 0 && sim.fault_times-- > 0 &&
	    sim.fault_status == 0)
		status = 0;
	buf_printf(&sim.log, "%u %s\n", status, request->uri);
	return status;
}

static enum MHD_Result
handle(void *context, struct MHD_Connection *connection, const char *path,
    const char *method, const char *version, const char *upload,
    size_t *upload_len, void **request_context)
{
	struct request *request = *request_context;
	struct buf text = BUF_INIT;
	enum MHD_Result result;
	unsigned status;

	(void)context;
	(void)version;
	if (request->body.data == NULL) {
		buf_reserve(&request->body, 1);
		return MHD_YES;
	}
	if (*upload_len > 0) {
		buf_add(&request->body, upload, *upload_len);
		*upload_len = 0;
		return MHD_YES;
	}
	pthread_mutex_lock(&sim.lock);
	status = route(connection, path, method, request, &text);
	pthread_mutex_unlock(&sim.lock);
	/* MHD_NO cuts the connection. */
	result = status == 0 ? MHD_NO : reply(connection, status, &text);
	buf_free(&text);
	return result;
}

static void *
begin(void *context, const char *uri, struct MHD_Connection *connection)
{
	struct request *request = xmalloc(sizeof(*request));

	(void)context;
	(void)connection;
	*request = (struct request){.uri = xstrdup(uri)};
	return request;
}

static void
end(void *context, struct MHD_Connection *connection, void **request_context,
    enum MHD_RequestTerminationCode how)
{
	struct request *request = *request_context;

	(void)context;
	(void)connection;
	(void)how;
	if (request == NULL)
		return;
	buf_free(&request->body);
	free(request->uri);
	free(request);
	*request_context = NULL;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	struct MHD_Daemon *daemon;
	sigset_t signals;
	int option, number;

	log_init("sim-metrics");
	opterr = 0;
	while ((option = getopt(argc, argv, ":t:h")) != -1) {
		if (option == 't')
			sim.token = optarg;
		else if (option == 'h')
			print_help_and_exit(USAGE);
		else
			usage_error_and_exit(option);
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD |
		MHD_USE_POLL | MHD_USE_THREAD_PER_CONNECTION,
	    0, NULL, NULL, handle, NULL, MHD_OPTION_SOCK_ADDR, &address,
	    MHD_OPTION_URI_LOG_CALLBACK, begin, NULL,
	    MHD_OPTION_NOTIFY_COMPLETED, end, NULL, MHD_OPTION_END);
	if (daemon == NULL)
		die(EX_OSERR, "cannot listen: %s", strerror(errno));
	printf("http://127.0.0.1:%u\n",
	    MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
	if (fflush(stdout) != 0)
		die(EX_IOERR, "cannot write to standard output");
	sigwait(&signals, &number);
	MHD_stop_daemon(daemon);
	return EX_OK;
}

#include "routes.h"

#include <stdlib.h>
#include <strings.h>

#include "daemon.h"
#include "health.h"
#include "openapi.h"
#include "program.h"
#include "swagger.h"

#define APP_PREFIX "/api/v2/app/"
#define RECENT_DEFAULT 100

/* A request on its way to its answer. */
struct call {
	struct daemon *daemon;
	struct http_exchange *exchange;
	const char *app_id;  /* of the path, decoded; NULL where it has none */
	bool is_head_only;   /* the body is still to come */
	struct token *token; /* that came with it, or NULL */
};

struct route {
	const char *path; /* behind APP_PREFIX and an id, where is_of_app */
	bool is_of_app;
	enum access_right get_right;
	/* Each answers; that of POST may wait for the body. */
	void (*get)(const struct call *call);
	void (*post)(const struct call *call);
};

/* ---- answers ------------------------------------------------------------ */

static void
respond_text(const struct call *call, int status, const char *text)
{
	http_respond(call->exchange,
	    &(struct http_answer){.status = status,
		.type = "text/plain; charset=utf-8",
		.body = text,
		.len = strlen(text)});
}

static void
get_livez(const struct call *call)
{
	respond_text(call, 200, "alive\n");
}

static void
get_readyz(const struct call *call)
{
	const char *why = health_refusal(call->daemon);

	if (why == NULL) {
		respond_text(call, 200, "ready\n");
		return;
	}
	http_add_header(call->exchange, "Retry-After", "5");
	http_respond_problem(call->exchange, 503, why, NULL);
}

static void
get_health(const struct call *call)
{
	struct buf body = BUF_INIT;
	int status = health_write(call->daemon, &body);

	http_add_header(call->exchange, "Cache-Control", "no-store");
	if (status == 503)
		http_add_header(call->exchange, "Retry-After", "5");
	http_respond(call->exchange,
	    &(struct http_answer){.status = status,
		.type = "application/health+json",
		.body = body.data,
		.len = body.len});
	buf_free(&body);
}

static void
get_page(const struct call *call)
{
	page_get(&call->daemon->page, call->exchange);
}

static void
get_openapi(const struct call *call)
{
	http_respond(call->exchange,
	    &(struct http_answer){.status = 200,
		.type = "application/json",
		.body = openapi_json,
		.len = openapi_json_len,
		.may_gzip = true});
}

static void
get_swagger(const struct call *call)
{
	swagger_get(call->daemon->swagger_directory, call->exchange);
}

/* ?limit=N; false where that is not a number from 1 to 1000. */
static bool
read_limit(const struct http_request *request, size_t *limit)
{
	struct buf text = BUF_INIT;
	bool good = true;

	*limit = RECENT_DEFAULT;
	if (http_request_parameter(request, "limit", &text)) {
		buf_terminate(&text);
		good = text.len > 0 && text.len <= 4 &&
		    strspn(text.data, "0123456789") == text.len;
		*limit = good ? strtoul(text.data, NULL, 10) : 0;
	}
	buf_free(&text);
	return good && *limit >= 1 && *limit <= RECENT_MAX;
}

static void
get_metrics(const struct call *call)
{
	struct daemon *daemon = call->daemon;
	struct buf body = BUF_INIT;
	size_t limit;

	if (!read_limit(&call->exchange->request, &limit)) {
		http_respond_problem(call->exchange, 400,
		    "limit is not a number from 1 to 1000", NULL);
		return;
	}
	buf_printf(&body, "{\"app_id\":\"%s\",\"metrics\":[", call->app_id);
	apps_write_recent(&daemon->apps, call->app_id, limit, &body);
	buf_add_string(&body, "],\"consumer\":");
	feed_describe(&daemon->feed, &body);
	buf_add_string(&body, "}\n");
	http_respond(call->exchange,
	    &(struct http_answer){.status = 200,
		.type = "application/json",
		.body = body.data,
		.len = body.len,
		.may_gzip = true});
	buf_free(&body);
}

/* True for a Content-Type of that name, whatever its parameters. */
static bool
is_type(const char *type, const char *name)
{
	size_t len = type != NULL ? strcspn(type, "; \t") : 0;

	return len == strlen(name) && strncasecmp(type, name, len) == 0;
}

/* The body is JSON, by its Content-Type, too; a page may say text/plain, which
 * spares it the question in advance. */
static void
post_metrics(const struct call *call)
{
	struct http_exchange *exchange = call->exchange;
	const struct http_request *request = &exchange->request;
	const char *type;

	if (http_request_header(request, "content-length") == NULL &&
	    http_request_header(request, "transfer-encoding") == NULL) {
		http_respond_problem(
		    exchange, 411, "a POST has a body and its length", NULL);
		return;
	}
	type = http_request_header(request, "content-type");
	if (!is_type(type, "application/json") &&
	    !(is_type(type, "text/plain") && access_has_origin(exchange))) {
		http_add_header(exchange, "Accept", "application/json");
		http_respond_problem(exchange, 415,
		    "the Content-Type is not application/json", NULL);
		return;
	}
	/* A body that would be refused does not have to come. */
	if (call->is_head_only)
		ingest_refuses(&call->daemon->ingest, exchange);
	else
		ingest_post(
		    &call->daemon->ingest, exchange, call->app_id, call->token);
}

/* ---- the table ---------------------------------------------------------- */

static const struct route routes[] = {
    {"/metrics", true, ACCESS_READ, get_metrics, post_metrics},
    {"/health", true, ACCESS_READ, get_health, NULL},
    {"/prometheus-metrics", false, ACCESS_READ, get_page, NULL},
    {"/openapi.json", false, ACCESS_OPEN, get_openapi, NULL},
    {"/swagger-ui", false, ACCESS_OPEN, get_swagger, NULL},
    {"/swagger-ui/start.js", false, ACCESS_OPEN, get_swagger, NULL},
    {"/swagger-ui/swagger-ui.css", false, ACCESS_OPEN, get_swagger, NULL},
    {"/swagger-ui/swagger-ui-bundle.js", false, ACCESS_OPEN, get_swagger, NULL},
    {"/livez", false, ACCESS_OPEN, get_livez, NULL},
    {"/readyz", false, ACCESS_OPEN, get_readyz, NULL},
};

/* The route of a path; the app's id, where it has one, is decoded. */
static const struct route *
find_route(const char *path, struct buf *app_id)
{
	size_t prefix = strlen(APP_PREFIX), len = 0;
	bool is_of_app = strncmp(path, APP_PREFIX, prefix) == 0;

	if (is_of_app) {
		len = strcspn(path + prefix, "/");
		if (!http_decode(path + prefix, len, app_id) ||
		    !metric_app_id_is_valid(app_id->data, app_id->len))
			return NULL;
		path += prefix + len;
		buf_terminate(app_id);
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (routes[i].is_of_app == is_of_app &&
		    strcmp(routes[i].path, path) == 0)
			return &routes[i];
	return NULL;
}

static void
add_allow(struct http_exchange *exchange, const struct route *route)
{
	http_add_header(exchange, "Allow", "%s%sOPTIONS",
	    route->get != NULL ? "GET, HEAD, " : "",
	    route->post != NULL ? "POST, " : "");
}

static void
answer_options(const struct call *call, const struct route *route)
{
	struct http_exchange *exchange = call->exchange;
	const char *method = http_request_header(
	    &exchange->request, "access-control-request-method");

	add_allow(exchange, route);
	if (method != NULL && access_has_origin(exchange)) {
		http_add_header(exchange, "Access-Control-Allow-Methods",
		    "%s%s", route->get != NULL ? "GET, HEAD" : "",
		    route->post != NULL ? ", POST" : "");
		http_add_header(exchange, "Access-Control-Allow-Headers",
		    "Authorization, Content-Type, Content-Encoding, "
		    "Idempotency-Key");
		http_add_header(exchange, "Access-Control-Max-Age", "600");
	}
	http_respond(exchange, &(struct http_answer){.status = 204});
}

/* Answers, or waits for the body. */
static void
dispatch(const struct route *route, struct call *call)
{
	struct http_exchange *exchange = call->exchange;
	const struct access *access = &call->daemon->access;
	const struct place *place = exchange->tag;
	const char *method = exchange->request.method;
	bool is_get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
	bool is_post = strcmp(method, "POST") == 0;

	if (!access_check_origin(access, exchange))
		return;
	if (route == NULL) {
		http_respond_problem(
		    exchange, 404, "there is nothing at this path", NULL);
	} else if (strcmp(method, "OPTIONS") == 0) {
		answer_options(call, route);
	} else if (is_get && route->get != NULL) {
		if (access_check_right(access, exchange, route->get_right,
			call->app_id, &call->token) &&
		    !call->is_head_only)
			route->get(call);
	} else if (is_post && route->post != NULL && place->is_read_only) {
		http_respond_problem(
		    exchange, 403, "this address is there to read", NULL);
	} else if (is_post && route->post != NULL) {
		if (access_check_right(access, exchange, ACCESS_WRITE,
			call->app_id, &call->token))
			route->post(call);
	} else {
		add_allow(exchange, route);
		http_respond_problem(exchange, 405, NULL, NULL);
	}
}

static void
handle(struct daemon *daemon, struct http_exchange *exchange, bool is_head_only)
{
	struct buf app_id = BUF_INIT;
	const struct route *route = find_route(exchange->request.path, &app_id);
	struct call call = {.daemon = daemon,
	    .exchange = exchange,
	    .app_id = app_id.data,
	    .is_head_only = is_head_only};

	/* Some lines may have been added when the head came. */
	http_clear_headers(exchange);
	dispatch(route, &call);
	buf_free(&app_id);
}

static void
on_head(void *context, struct http_exchange *exchange)
{
	handle(context, exchange, true);
}

static void
on_request(void *context, struct http_exchange *exchange)
{
	handle(context, exchange, false);
}

void
routes_install(struct daemon *daemon)
{
	daemon->swagger_directory =
	    program_relative_or_die("../share/ccm/swagger-ui");
	daemon->server.on_head = on_head;
	daemon->server.on_request = on_request;
	daemon->server.context = daemon;
}

/*
 * The endpoints of the Metrics API: who is let in, how often, and what they
 * get.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sysexits.h>
#include <time.h>
#include <zlib.h>

#include "log.h"
#include "query.h"
#include "sim.h"
#include "token.h"

#define DATASET "/v2/metrics/cloud/"

#define DESCRIPTORS_PAGE_DEFAULT 100
#define DESCRIPTORS_PAGE_MAX 1000

/* The second scope of the rate limit is an endpoint's, this much wider. */
#define ENDPOINT_FACTOR 10

/* ---- replies ------------------------------------------------------------ */

static char *format_text(const char *format, va_list ap)
    __attribute__((format(printf, 1, 0)));

static char *
format_text(const char *format, va_list ap)
{
	char *text;

	if (vasprintf(&text, format, ap) == -1)
		die(EX_OSERR, "out of memory");
	return text;
}

void
reply_header(struct reply *reply, const char *name, const char *format, ...)
{
	va_list ap;

	if (reply->nheaders == HEADERS_MAX)
		return;
	va_start(ap, format);
	reply->headers[reply->nheaders].name = xstrdup(name);
	reply->headers[reply->nheaders++].value = format_text(format, ap);
	va_end(ap);
}

void
reply_error(struct reply *reply, unsigned status, const char *format, ...)
{
	char *detail;
	va_list ap;

	va_start(ap, format);
	detail = format_text(format, ap);
	va_end(ap);
	reply->status = status;
	reply->content_type = "application/json";
	reply->points = 0;
	reply->body.len = 0;
	buf_printf(&reply->body,
	    "{\"errors\":[{\"status\":\"%u\",\"detail\":", status);
	write_string(&reply->body, detail, strlen(detail));
	buf_add_string(&reply->body, "}]}");
	free(detail);
}

static void
drop_headers(struct reply *reply)
{
	for (size_t i = 0; i < reply->nheaders; i++) {
		free(reply->headers[i].name);
		free(reply->headers[i].value);
	}
	reply->nheaders = 0;
}

void
reply_free(struct reply *reply)
{
	drop_headers(reply);
	buf_free(&reply->body);
}

/* ---- rate limits -------------------------------------------------------- */

static struct window *
find_window(struct windows *windows, const char *scope)
{
	for (size_t i = 0; i < windows->n; i++)
		if (strcmp(windows->at[i].scope, scope) == 0)
			return &windows->at[i];
	windows->at =
	    xrealloc(windows->at, (windows->n + 1) * sizeof(*windows->at));
	windows->at[windows->n] = (struct window){xstrdup(scope), 0, 0};
	return &windows->at[windows->n++];
}

/* Counts a request in a scope, puts the headers in. False: it is one too many.
 */
static bool
count_request(struct sim *sim, struct windows *windows, const char *scope,
    long limit, struct reply *reply)
{
	struct window *window = find_window(windows, scope);
	int64_t now = monotonic_ms();
	long left;

	if (window->requests == 0 || now - window->start_ms >= sim->window_ms) {
		window->start_ms = now;
		window->requests = 0;
	}
	window->requests++;
	left = limit - window->requests;
	reply_header(reply, "rateLimit-limit", "%ld", limit);
	reply_header(reply, "rateLimit-remaining", "%ld", left > 0 ? left : 0);
	reply_header(reply, "rateLimit-reset", "%lld",
	    (long long)(window->start_ms + sim->window_ms - now + 999) / 1000);
	return left >= 0;
}

static bool
is_within_limits(
    struct sim *sim, const struct request *request, struct reply *reply)
{
	long limit = sim->requests_per_window;
	bool address, endpoint;

	if (limit == 0)
		return true;
	address =
	    count_request(sim, &sim->addresses, request->address, limit, reply);
	/* That of /export is a resource's: export.c. */
	endpoint = strcmp(request->path, DATASET "export") == 0 ||
	    count_request(sim, &sim->endpoints, request->path,
		limit * ENDPOINT_FACTOR, reply);
	if (!address || !endpoint)
		reply_error(reply, 429, "Too many requests");
	return address && endpoint;
}

/* ---- who asks, and how -------------------------------------------------- */

/* The scheme's name in any case, what follows to the byte. */
static bool
is_credential(const char *given, const char *wanted)
{
	size_t scheme = wanted != NULL ? strcspn(wanted, " ") : 0;

	return wanted != NULL && given != NULL &&
	    strncasecmp(given, wanted, scheme) == 0 &&
	    strcmp(given + scheme, wanted + scheme) == 0;
}

static bool
is_authenticated(const struct sim *sim, const struct request *request)
{
	return is_credential(request->authorization, sim->basic) ||
	    is_credential(request->authorization, sim->bearer);
}

static bool
has_method(
    const struct request *request, const char *method, struct reply *reply)
{
	if (strcmp(request->method, method) == 0)
		return true;
	reply_error(
	    reply, 405, "Method %s is not allowed here", request->method);
	reply_header(reply, "Allow", "%s", method);
	return false;
}

/* "application/json", with parameters or without. */
static bool
has_json_body(const struct request *request, struct reply *reply)
{
	static const char json[] = "application/json";
	const char *type = request->content_type;
	size_t len = sizeof(json) - 1;

	if (request->body_too_large) {
		reply_error(reply, 413, "The request body is too large");
		return false;
	}
	if (type != NULL && strncasecmp(type, json, len) == 0) {
		type += len + strspn(type + len, " \t");
		if (*type == '\0' || *type == ';')
			return true;
	}
	reply_error(reply, 415, "Content-Type must be application/json");
	return false;
}

static const char *
argument(const struct request *request, const char *name)
{
	for (size_t i = 0; i < request->narguments; i++)
		if (strcmp(request->arguments[i].name, name) == 0)
			return request->arguments[i].value;
	return NULL;
}

/* Query parameters that are not in a list that ends with NULL are refused, and
 * so is one that comes twice or without a value. */
static bool
knows_arguments(const struct request *request, struct reply *reply,
    const char *const *known)
{
	if (request->narguments > ARGUMENTS_MAX) {
		reply_error(reply, 400, "Too many query parameters");
		return false;
	}
	for (size_t i = 0; i < request->narguments; i++) {
		const struct pair *pair = &request->arguments[i];
		size_t k = 0;

		while (known[k] != NULL && strcmp(known[k], pair->name) != 0)
			k++;
		if (known[k] == NULL) {
			reply_error(reply, 400, "Unknown query parameter: %s",
			    pair->name);
			return false;
		}
		if (pair->value == NULL || *pair->value == '\0' ||
		    argument(request, pair->name) != pair->value) {
			reply_error(reply, 400,
			    "Query parameter %s must be given once, with a "
			    "value",
			    pair->name);
			return false;
		}
	}
	return true;
}

/* ---- endpoints ---------------------------------------------------------- */

/* The offset that a request's page token stands for, 0 where it has none. */
static bool
read_token(const struct sim *sim, const struct request *request,
    uint64_t bound_to, size_t *offset, struct refusal *refusal)
{
	const char *text = argument(request, "page_token");
	int64_t issued_ms;

	*offset = 0;
	if (text == NULL)
		return true;
	switch (token_read(text, sim->secret, bound_to, offset, &issued_ms)) {
	case TOKEN_INVALID:
		return refuse(refusal, 400, "Invalid page token");
	case TOKEN_FOREIGN:
		return refuse(refusal, 400,
		    "Invalid page token: it belongs to another request");
	default:
		if (monotonic_ms() - issued_ms > sim->token_life_ms)
			return refuse(
			    refusal, 400, "The page token has expired");
		return true;
	}
}

/* "meta", with a token for the groups from `next` on, unless that is 0. */
static void
write_meta(const struct sim *sim, struct buf *out, size_t page_size,
    size_t next, uint64_t bound_to)
{
	buf_printf(
	    out, "\"meta\":{\"pagination\":{\"page_size\":%zu", page_size);
	if (next > 0) {
		buf_add_string(out, ",\"next_page_token\":\"");
		token_write(out, sim->secret, bound_to, next, monotonic_ms());
		buf_add_char(out, '"');
	}
}

static void
answer_post(struct sim *sim, const struct request *request, bool is_query,
    struct reply *reply)
{
	struct refusal refusal = REFUSAL_INIT;
	struct buf *out = &reply->body;
	uint64_t bound_to = token_binding(sim->secret, request->path, "",
	    request->body.data, request->body.len);
	struct query query = {.metric = NULL};
	struct page page = {.offset = 0};
	bool (*parse)(struct query *, const char *, size_t, int64_t,
	    struct refusal *) = is_query ? query_parse : attributes_parse;
	bool good;

	if (!has_json_body(request, reply) ||
	    !knows_arguments(
		request, reply, (const char *const[]){"page_token", NULL}))
		return;
	good = parse(&query, request->body.data, request->body.len,
	    sim->options.now_ms, &refusal);
	if (good && query.ngroup_by == 0 &&
	    argument(request, "page_token") != NULL)
		good = refuse(&refusal, 400,
		    "page_token is only supported with group_by");
	good = good &&
	    query_is_authorised(&query, &sim->world, sim->foreign, &refusal) &&
	    read_token(sim, request, bound_to, &page.offset, &refusal);
	if (good) {
		buf_add_string(out, "{\"data\":");
		(is_query ? answer_query : answer_attributes)(
		    out, &query, &sim->world, &sim->options, &page);
		reply->points = page.points;
		if (page.more || !is_query) {
			buf_add_char(out, ',');
			write_meta(sim, out, query.limit,
			    page.more ? page.offset + query.limit : 0,
			    bound_to);
			buf_add_string(out, "}}");
		}
		buf_add_char(out, '}');
	} else {
		reply_error(reply, refusal.status, "%s", refusal.detail);
	}
	query_free(&query);
	free(refusal.detail);
}

static void
write_label_descriptor(struct buf *out, enum label label)
{
	buf_printf(out,
	    "{\"description\":\"%s\",\"key\":\"%s\",\"exportable\":%s}",
	    label_description(label), label_key(label),
	    label == PARTITION ? "false" : "true");
}

static void
write_metric_descriptor(struct buf *out, size_t which)
{
	const struct metric *metric = &metrics[which];
	struct buf description = BUF_INIT;
	const char *between = "";

	metric_describe(metric, &description);
	buf_add_string(out, "{\"description\":");
	write_string(out, description.data, description.len);
	buf_add_string(out, ",\"labels\":[");
	buf_free(&description);
	for (size_t i = 0; i < METRIC_LABELS_MAX; i++) {
		if (metric->labels[i] == LABEL_NONE)
			break;
		buf_add_string(out, between);
		write_label_descriptor(out, metric->labels[i]);
		between = ",";
	}
	buf_printf(out,
	    "],\"name\":\"%s\",\"unit\":\"%s\",\"type\":\"%s\","
	    "\"exportable\":%s,\"lifecycle_stage\":"
	    "\"GENERAL_AVAILABILITY\",\"resources\":[",
	    metric->name, metric->unit, metric_type_name(metric->type),
	    metric_is_exported(metric) ? "true" : "false");
	between = "";
	for (enum resource_type type = 0; type < RESOURCE_TYPES; type++) {
		if (!metric_has_resource(metric, type))
			continue;
		buf_printf(
		    out, "%s\"%s\"", between, resource_descriptors[type].type);
		between = ",";
	}
	buf_add_string(out, "]}");
}

static void
write_resource_descriptor(struct buf *out, size_t which)
{
	const struct resource_descriptor *resource =
	    &resource_descriptors[which];

	buf_printf(out, "{\"type\":\"%s\",\"description\":\"%s\",\"labels\":[",
	    resource->type, resource->description);
	write_label_descriptor(out, resource->labels[0]);
	if (resource->labels[1] != LABEL_NONE) {
		buf_add_char(out, ',');
		write_label_descriptor(out, resource->labels[1]);
	}
	buf_add_string(out, "]}");
}

/* Finds which descriptors are asked for; false where the type is unknown. */
static size_t
find_descriptors(const char *resource_type, bool of_metrics, size_t *found,
    struct refusal *refusal)
{
	enum resource_type type = 0;
	size_t n = 0;

	while (resource_type != NULL && type < RESOURCE_TYPES &&
	    strcmp(resource_descriptors[type].type, resource_type) != 0)
		type++;
	if (type == RESOURCE_TYPES) {
		refuse(
		    refusal, 400, "Unknown resource type: %s", resource_type);
		return 0;
	}
	for (size_t i = 0; i < (of_metrics ? nmetrics : RESOURCE_TYPES); i++)
		if (resource_type == NULL ||
		    metric_has_resource(&metrics[i], type))
			found[n++] = i;
	return n;
}

static size_t
page_size(const struct request *request, struct refusal *refusal)
{
	const char *text = argument(request, "page_size");
	size_t size = 0;

	if (text == NULL)
		return DESCRIPTORS_PAGE_DEFAULT;
	if (strspn(text, "0123456789") == strlen(text) && strlen(text) <= 4)
		size = strtoul(text, NULL, 10);
	if (size < 1 || size > DESCRIPTORS_PAGE_MAX)
		refuse(refusal, 400, "page_size must be 1 to %d",
		    DESCRIPTORS_PAGE_MAX);
	return size;
}

static void
answer_descriptors(struct sim *sim, const struct request *request,
    bool of_metrics, struct reply *reply)
{
	const char *type = argument(request, "resource_type");
	uint64_t bound_to = token_binding(
	    sim->secret, request->path, type != NULL ? type : "", NULL, 0);
	struct refusal refusal = REFUSAL_INIT;
	struct buf *out = &reply->body;
	size_t size, offset, n = 0, i;
	size_t *found;

	if (!knows_arguments(request, reply,
		of_metrics
		    ? (const char *const[]){"page_size", "page_token",
			  "resource_type", NULL}
		    : (const char *const[]){"page_size", "page_token", NULL}))
		return;
	found = xmalloc((nmetrics + RESOURCE_TYPES) * sizeof(*found));
	size = page_size(request, &refusal);
	if (refusal.status == 0)
		n = find_descriptors(type, of_metrics, found, &refusal);
	if (refusal.status == 0 &&
	    read_token(sim, request, bound_to, &offset, &refusal)) {
		buf_add_string(out, "{\"data\":[");
		for (i = offset; i < n && i < offset + size; i++) {
			if (i > offset)
				buf_add_char(out, ',');
			(of_metrics ? write_metric_descriptor
				    : write_resource_descriptor)(out, found[i]);
			reply->points++;
		}
		buf_add_string(out, "],\"links\":null,");
		write_meta(sim, out, size, i < n ? i : 0, bound_to);
		buf_printf(out, ",\"total_size\":%zu}}}", n);
	} else {
		reply_error(reply, refusal.status, "%s", refusal.detail);
	}
	free(found);
	free(refusal.detail);
}

static void
route(struct sim *sim, const struct request *request, struct reply *reply)
{
	const char *path = request->path;

	if (strncmp(path, "/v2/", 4) != 0) {
		/* A gateway's answer, not the API's. */
		reply->status = 404;
		reply->content_type = "text/plain";
		buf_add_string(&reply->body, "404 page not found\n");
		return;
	}
	if (!reply->authorised) {
		reply_error(reply, 401, "Invalid credentials");
		return;
	}
	path += strncmp(path, DATASET, strlen(DATASET)) == 0 ? strlen(DATASET)
							     : strlen(path);
	if (strcmp(path, "query") == 0 || strcmp(path, "attributes") == 0) {
		if (has_method(request, "POST", reply))
			answer_post(sim, request, *path == 'q', reply);
	} else if (strcmp(path, "descriptors/metrics") == 0 ||
	    strcmp(path, "descriptors/resources") == 0) {
		if (has_method(request, "GET", reply))
			answer_descriptors(sim, request,
			    strcmp(path, "descriptors/metrics") == 0, reply);
	} else if (strcmp(path, "export") == 0) {
		if (has_method(request, "GET", reply))
			export_answer(sim, request, reply);
	} else {
		reply_error(reply, 404, "Not found: %s", request->path);
	}
}

/* ---- faults ------------------------------------------------------------- */

static void
reply_page(struct reply *reply, unsigned status)
{
	reply->status = status;
	reply->content_type = "text/html; charset=utf-8";
	reply->points = 0;
	reply->body.len = 0;
	buf_add_string(&reply->body,
	    "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>"
	    "<body><h1>Proxy</h1><p>This is no API.</p></body></html>\n");
}

/* Faults that are made instead of an answer; true where this was one. */
static bool
answer_by_fault(struct sim *sim, const struct fault *fault, struct reply *reply)
{
	const cJSON *field;

	switch (fault->kind) {
	case FAULT_STATUS:
		reply_error(reply, (unsigned)fault->number, "Simulated fault");
		if (fault->text != NULL) {
			reply->content_type = NULL;
			reply->body.len = 0;
			buf_add_string(&reply->body, fault->text);
		}
		if (fault->header_fields != NULL)
			drop_headers(reply);
		cJSON_ArrayForEach(field, fault->header_fields)
		{
			if (cJSON_IsString(field))
				reply_header(reply, field->string, "%s",
				    field->valuestring);
		}
		return true;
	case FAULT_RETRY_AFTER:
		reply_error(reply, 429, "Too many requests");
		reply_header(reply, "Retry-After", "%ld", fault->number);
		return true;
	case FAULT_REDIRECT:
		reply_error(reply, fault->status, "Moved");
		reply_header(reply, "Location", "%s", fault->text);
		return true;
	case FAULT_TOKEN_EXPIRED:
		reply_error(reply, 400, "The page token has expired");
		return true;
	case FAULT_EMPTY_PAGES:
		buf_printf(&reply->body,
		    "{\"data\":[],\"meta\":{\"pagination\":{\"page_size\":1000,"
		    "\"next_page_token\":\"empty-%lu\"}}}",
		    ++sim->tokens);
		return true;
	case FAULT_ENDLESS:
		reply->status = fault->status;
		if (fault->text != NULL)
			buf_add_string(&reply->body, fault->text);
		return true;
	case FAULT_HTML:
		reply_page(reply, 200);
		return true;
	case FAULT_HTML404:
		reply_page(reply, 404);
		return true;
	default:
		return false;
	}
}

/* The server's library would give the real time. */
static void
add_date(const struct sim *sim, struct reply *reply)
{
	time_t now =
	    (time_t)((sim->options.now_ms + sim->date_ahead_ms) / 1000);
	char date[64];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	reply_header(reply, "Date", "%s", date);
}

/* What is asked for by Accept-Encoding, of a body that is worth it. */
static void
pack(const struct request *request, struct reply *reply)
{
	struct buf *body = &reply->body, packed = BUF_INIT;
	z_stream stream = {.zalloc = Z_NULL};
	size_t bound;

	if (request->accept_encoding == NULL || reply->status != 200 ||
	    strstr(request->accept_encoding, "gzip") == NULL ||
	    body->len < 1024)
		return;
	if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + 16, 8,
		Z_DEFAULT_STRATEGY) != Z_OK)
		die(EX_OSERR, "no memory for zlib");
	bound = deflateBound(&stream, body->len);
	stream.next_in = (unsigned char *)body->data;
	stream.avail_in = (unsigned)body->len;
	stream.next_out = (unsigned char *)buf_reserve(&packed, bound);
	stream.avail_out = (unsigned)bound;
	if (deflate(&stream, Z_FINISH) != Z_STREAM_END)
		die(EX_SOFTWARE, "zlib does not finish");
	packed.len = stream.total_out;
	deflateEnd(&stream);
	buf_free(body);
	*body = packed;
	reply_header(reply, "Content-Encoding", "gzip");
}

void
api_answer(struct sim *sim, const struct request *request, struct reply *reply,
    struct fault *fault)
{
	const char *question = strchr(request->uri, '?');
	bool dataset = strncmp(request->path, DATASET, strlen(DATASET)) == 0;

	reply->status = 200;
	reply->content_type = "application/json";
	reply->authorised = is_authenticated(sim, request);
	*fault = (struct fault){.kind = FAULT_NONE};
	if (!sim->clock_stands)
		sim->options.now_ms = real_ms();
	if (is_within_limits(sim, request, reply)) {
		*fault = fault_rules_next(&sim->faults,
		    dataset ? request->path + strlen(DATASET) : request->path,
		    question != NULL ? question : "",
		    request->body.data != NULL ? request->body.data : "",
		    argument(request, "page_token") != NULL);
		if (!answer_by_fault(sim, fault, reply))
			route(sim, request, reply);
		if (fault->kind == FAULT_TRUNCATED_JSON)
			reply->body.len /= 2;
		if (strcmp(request->path, DATASET "export") == 0)
			pack(request, reply);
	}
	if (!sim->hides_date)
		add_date(sim, reply);
	log_request(sim, request, reply, fault);
}

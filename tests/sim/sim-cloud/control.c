/*
 * The endpoints under /sim/ by which a test steers the simulator, and the log
 * of requests that it reads there.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>

#include "interval.h"
#include "json.h"
#include "sim.h"

/* ---- the log ------------------------------------------------------------ */

/* Bytes of any kind as a JSON string: what is no UTF-8 becomes U+FFFD. */
void
write_string(struct buf *out, const char *bytes, size_t len)
{
	buf_add_char(out, '"');
	while (len > 0) {
		size_t n = utf8_length(bytes);

		if (n == 0)
			buf_add_string(out, "\xef\xbf\xbd");
		else
			json_escape(out, bytes, n);
		n = n > 0 ? n : 1;
		bytes += n;
		len -= n;
	}
	buf_add_char(out, '"');
}

static void
write_member(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, ",\"%s\":", name);
	if (value != NULL)
		write_string(out, value, strlen(value));
	else
		buf_add_string(out, "null");
}

void
log_request(struct sim *sim, const struct request *request,
    const struct reply *reply, const struct fault *fault)
{
	struct buf *out = &sim->log;
	bool answered = fault->kind != FAULT_RESET &&
	    !(fault->kind == FAULT_STALL && !fault->headers);

	buf_printf(out, "{\"time\":%lld", (long long)request->arrival_ms);
	write_member(out, "method", request->method);
	write_member(out, "url", request->uri);
	buf_printf(out,
	    ",\"status\":%u,\"auth\":%s,\"credentials\":%s,\"points\":%zu",
	    answered ? reply->status : 0, reply->authorised ? "true" : "false",
	    request->authorization != NULL ? "true" : "false", reply->points);
	write_member(out, "fault",
	    fault->kind != FAULT_NONE ? fault_name(fault->kind) : NULL);
	buf_printf(out, ",\"connection\":%lu", request->connection);
	write_member(out, "user_agent", request->user_agent);
	buf_add_string(out, ",\"body\":");
	if (sim->logs_no_bodies)
		buf_add_string(out, "null");
	else
		write_string(out, request->body.data, request->body.len);
	buf_add_string(out, "}\n");
}

/* ---- commands ----------------------------------------------------------- */

/* A tree of the request's body; NULL, and a reply, where it is not JSON. */
static cJSON *
parse_body(const struct request *request, struct reply *reply)
{
	const char *error = "the body is empty";
	size_t offset;
	cJSON *tree = NULL;

	if (request->body.len > 0 &&
	    json_validate(
		request->body.data, request->body.len, &error, &offset))
		tree = cJSON_ParseWithLength(
		    request->body.data, request->body.len);
	if (tree == NULL)
		reply_error(reply, 400, "%s", error);
	return tree;
}

/* [{"fault":...},...]: see fault.h */
static void
post_faults(struct sim *sim, const struct request *request, struct reply *reply)
{
	struct buf problem = BUF_INIT;

	if (request->body.len == 0)
		reply_error(reply, 400, "the body is empty");
	else if (!fault_rules_add(&sim->faults, request->body.data,
		     request->body.len, &problem))
		reply_error(reply, 400, "%s", buf_terminate(&problem));
	buf_free(&problem);
}

static void
delete_faults(
    struct sim *sim, const struct request *request, struct reply *reply)
{
	(void)request;
	(void)reply;
	fault_rules_clear(&sim->faults);
}

static void
get_log(struct sim *sim, const struct request *request, struct reply *reply)
{
	(void)request;
	reply->status = 200;
	reply->content_type = "application/x-ndjson";
	buf_add(&reply->body, sim->log.data, sim->log.len);
}

static void
delete_log(struct sim *sim, const struct request *request, struct reply *reply)
{
	(void)request;
	(void)reply;
	sim->log.len = 0;
}

/* {"ids":["lkc-0002",...]}: these are refused from now on, and no others. */
static void
post_refuse(struct sim *sim, const struct request *request, struct reply *reply)
{
	cJSON *tree = parse_body(request, reply);
	const cJSON *ids = cJSON_GetObjectItemCaseSensitive(tree, "ids"), *item;
	const char **texts;
	size_t n = 0;

	if (tree == NULL)
		return;
	texts = xmalloc((size_t)cJSON_GetArraySize(ids) * sizeof(*texts));
	cJSON_ArrayForEach(item, ids)
	{
		if (cJSON_IsString(item))
			texts[n++] = item->valuestring;
	}
	if (!cJSON_IsArray(ids) || n != (size_t)cJSON_GetArraySize(ids))
		reply_error(reply, 400, "{\"ids\":[\"...\"]} was expected");
	else
		world_set_refused(&sim->world, texts, n);
	free(texts);
	cJSON_Delete(tree);
}

/* {"now":"2025-09-03T13:10:00Z"}: the clock stands there; null: it runs. */
static void
post_now(struct sim *sim, const struct request *request, struct reply *reply)
{
	cJSON *tree = parse_body(request, reply);
	const cJSON *now = cJSON_GetObjectItemCaseSensitive(tree, "now");
	int64_t ms;

	if (tree == NULL)
		return;
	if (cJSON_IsNull(now)) {
		sim->clock_stands = false;
	} else if (cJSON_IsString(now) &&
	    timestamp_parse(now->valuestring, strlen(now->valuestring), &ms)) {
		sim->clock_stands = true;
		sim->options.now_ms = ms;
	} else {
		reply_error(reply, 400, "{\"now\":\"TIMESTAMP\"} was expected");
	}
	cJSON_Delete(tree);
}

/* {"ahead":SECONDS}: what the Date header of an answer is before the clock;
 * null: there is none. */
static void
post_date(struct sim *sim, const struct request *request, struct reply *reply)
{
	cJSON *tree = parse_body(request, reply);
	const cJSON *ahead = cJSON_GetObjectItemCaseSensitive(tree, "ahead");

	if (tree == NULL)
		return;
	if (cJSON_IsNull(ahead)) {
		sim->hides_date = true;
	} else if (cJSON_IsNumber(ahead)) {
		sim->hides_date = false;
		sim->date_ahead_ms = (int64_t)ahead->valuedouble * 1000;
	} else {
		reply_error(reply, 400, "{\"ahead\":SECONDS} was expected");
	}
	cJSON_Delete(tree);
}

/* How /export behaves: see export.h. */
static void
post_export(struct sim *sim, const struct request *request, struct reply *reply)
{
	if (request->body.len == 0 ||
	    !export_control(
		&sim->export, request->body.data, request->body.len))
		reply_error(reply, 400, "unknown or wrong: see export.h");
}

void
control_answer(
    struct sim *sim, const struct request *request, struct reply *reply)
{
	static const struct {
		const char *method, *path;
		void (*run)(struct sim *sim, const struct request *request,
		    struct reply *reply);
	} table[] = {{"POST", "/sim/faults", post_faults},
	    {"DELETE", "/sim/faults", delete_faults},
	    {"GET", "/sim/log", get_log}, {"DELETE", "/sim/log", delete_log},
	    {"POST", "/sim/refuse", post_refuse},
	    {"POST", "/sim/now", post_now}, {"POST", "/sim/date", post_date},
	    {"POST", "/sim/export", post_export}};

	reply->status = 204;
	if (strcmp(request->address, "127.0.0.1") != 0) {
		reply_error(reply, 403, "Only for loopback");
		return;
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(table[i].method, request->method) == 0 &&
		    strcmp(table[i].path, request->path) == 0) {
			table[i].run(sim, request, reply);
			return;
		}
	}
	reply_error(reply, 404, "No such control command");
}

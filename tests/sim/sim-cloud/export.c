#include "export.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "answer.h"
#include "sim.h"

#define OFFSET_MINUTES 5
#define HOUR_MS (60 * MINUTE_MS)

/* The share of metrics that may fail with ignore_failed_metrics, in percent:
 * the API has one, and does not say which. */
#define FAILED_PERCENT_MAX 50

static const char text_type[] = "text/plain;version=0.0.4";
static const char openmetrics_type[] =
    "application/openmetrics-text;version=1.0.0;charset=utf-8";

/* One resource that a request names. */
struct target {
	enum label label;
	const char *id;
	bool readable;
};

struct scrape {
	struct sim *sim;
	struct reply *reply;
	const struct target *targets;
	size_t ntargets;
	bool openmetrics;
	int64_t minute;

	/* The family that is being written. */
	const struct metric *metric;
	struct buf name;
	size_t samples;
	struct series last; /* of which there may be other partitions */
	double sum;
	bool any;
};

/* ---- names -------------------------------------------------------------- */

/* "io.confluent.kafka.server/received_bytes" as a family's name. */
static void
write_family_name(struct buf *out, const char *metric)
{
	const char *name = strncmp(metric, "io.", 3) == 0 ? metric + 3 : metric;

	for (; *name != '\0'; name++)
		buf_add_char(out, *name == '.' || *name == '/' ? '_' : *name);
	buf_terminate(out);
}

static void
write_label_name(struct buf *out, enum label label)
{
	for (const char *key = label_key(label); *key != '\0'; key++)
		buf_add_char(out, *key == '.' ? '_' : *key);
}

/* Escaped as both formats want it of a label's value. */
static void
write_label_value(struct buf *out, const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value == '\\' || *value == '"')
			buf_add_char(out, '\\');
		if (*value == '\n')
			buf_add_string(out, "\\n");
		else
			buf_add_char(out, *value);
	}
}

/* ---- families ----------------------------------------------------------- */

/* The unit that a name ends in is the only one that OpenMetrics allows. */
static const char *
unit_of(const struct metric *metric)
{
	static const char *const units[] = {"bytes", "milliseconds"};
	const char *end = strrchr(metric->name, '_');

	for (size_t i = 0; end != NULL && i < 2; i++)
		if (strcmp(end + 1, units[i]) == 0)
			return units[i];
	return NULL;
}

static void
write_help(struct buf *out, const char *name, const char *text, bool quotes)
{
	buf_printf(out, "# HELP %s ", name);
	for (; *text != '\0'; text++) {
		if (*text == '\\' || (quotes && *text == '"'))
			buf_add_char(out, '\\');
		buf_add_char(out, *text);
	}
	buf_add_char(out, '\n');
}

static void
write_family(struct scrape *scrape)
{
	struct buf *out = &scrape->reply->body, help = BUF_INIT;
	const char *unit = unit_of(scrape->metric);
	const char *name = scrape->name.data;

	metric_describe(scrape->metric, &help);
	if (!scrape->openmetrics)
		write_help(out, name, help.data, false);
	buf_printf(out, "# TYPE %s gauge\n", name);
	if (scrape->openmetrics && unit != NULL)
		buf_printf(out, "# UNIT %s %s\n", name, unit);
	if (scrape->openmetrics)
		write_help(out, name, help.data, true);
	buf_free(&help);
}

/* ---- samples ------------------------------------------------------------ */

static void
write_label(struct scrape *scrape, enum label label, const char **between)
{
	struct buf *out = &scrape->reply->body;
	const char *value = scrape->last.labels[label];

	if (label == LABEL_NONE || label == PARTITION || value == NULL)
		return;
	buf_add_string(out, *between);
	write_label_name(out, label);
	buf_add_string(out, "=\"");
	write_label_value(out, value);
	buf_add_char(out, '"');
	*between = ",";
}

static void
write_labels(struct scrape *scrape)
{
	const struct metric *metric = scrape->metric;
	const char *between = "";

	buf_add_char(&scrape->reply->body, '{');
	write_label(scrape, metric_id_label(metric), &between);
	if (metric->resource == FLINK_STATEMENT) {
		write_label(scrape, FLINK_STATEMENT_UID, &between);
		write_label(scrape, FLINK_STATEMENT_NAME, &between);
	}
	for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
		write_label(scrape, metric->labels[i], &between);
	buf_add_string(&scrape->reply->body, scrape->openmetrics ? "}" : ",}");
}

/* The sum of a series' partitions is whole. */
static void
write_sample(struct scrape *scrape)
{
	struct buf *out = &scrape->reply->body;
	long long ms = scrape->minute * MINUTE_MS;

	if (!scrape->any ||
	    (long)scrape->samples >= scrape->sim->export.samples_max)
		return;
	if (scrape->samples++ == 0)
		write_family(scrape);
	buf_add_string(out, scrape->name.data);
	write_labels(scrape);
	buf_add_char(out, ' ');
	write_as_java(out, scrape->sum);
	if (scrape->openmetrics)
		buf_printf(out, " %lld.%03lld\n", ms / 1000, ms % 1000);
	else
		buf_printf(out, " %lld\n", ms);
	scrape->reply->points++;
}

/* The same but for the partition? */
static bool
is_same(const struct series *a, const struct series *b)
{
	for (enum label label = LABEL_NONE; label < LABELS; label++) {
		const char *x = a->labels[label], *y = b->labels[label];

		if (label != PARTITION && x != y &&
		    (x == NULL || y == NULL || strcmp(x, y) != 0))
			return false;
	}
	return true;
}

static bool
is_wanted(void *context, const char *id)
{
	const struct scrape *scrape = context;

	for (size_t i = 0; i < scrape->ntargets; i++)
		if (scrape->targets[i].readable &&
		    scrape->targets[i].label ==
			metric_id_label(scrape->metric) &&
		    strcmp(scrape->targets[i].id, id) == 0)
			return true;
	return false;
}

/* The partitions of a series come one after the other. */
static void
add_series(void *context, const struct series *series)
{
	struct scrape *scrape = context;

	if (!series_has_value(series, scrape->minute))
		return;
	if (scrape->any && is_same(&scrape->last, series)) {
		scrape->sum += series_value(series, scrape->minute);
		return;
	}
	write_sample(scrape);
	scrape->any = true;
	scrape->last = *series;
	scrape->sum = series_value(series, scrape->minute);
}

static void
write_metric(struct scrape *scrape, const struct metric *metric)
{
	scrape->metric = metric;
	scrape->samples = 0;
	scrape->any = false;
	scrape->name.len = 0;
	write_family_name(&scrape->name, metric->name);
	world_each_series(
	    &scrape->sim->world, metric, is_wanted, add_series, scrape);
	write_sample(scrape);
}

/* ---- about the scrape --------------------------------------------------- */

static bool
is_asked_for(const struct scrape *scrape, const struct request *request,
    const struct metric *metric)
{
	bool any = false, named = false, type = false;

	for (size_t i = 0; i < request->narguments; i++) {
		if (strcmp(request->arguments[i].name, "metric") != 0)
			continue;
		any = true;
		named |= strcmp(request->arguments[i].value, metric->name) == 0;
	}
	for (size_t i = 0; i < scrape->ntargets; i++)
		type |= scrape->targets[i].label == metric_id_label(metric);
	return type && (named || !any) &&
	    (metric_is_exported(metric) || scrape->sim->export.everything);
}

static void
write_status(struct scrape *scrape, const struct request *request)
{
	struct buf *out = &scrape->reply->body;
	bool openmetrics = scrape->openmetrics;
	static const char help[] =
	    "# HELP export_status Status of exported metrics. Value 1 denotes "
	    "status was error. Value 0 denotes status was not error.\n";

	if (!openmetrics)
		buf_add_string(out, help);
	buf_printf(out, "# TYPE export_status %s\n",
	    openmetrics ? "stateset" : "gauge");
	if (openmetrics)
		buf_add_string(out, help);
	for (size_t i = 0; i < nmetrics; i++)
		if (is_asked_for(scrape, request, &metrics[i]))
			buf_printf(out,
			    "export_status{export_status=\"error\",metric=\"%s"
			    "\",resource=\"%s\"%s} %d.0\n",
			    metrics[i].name,
			    resource_descriptors[metrics[i].resource].type,
			    openmetrics ? "" : ",",
			    scrape->sim->export.failed[i]);
}

static void
write_access_errors(struct scrape *scrape)
{
	struct buf *out = &scrape->reply->body;

	if (scrape->sim->export.access != ACCESS_REPORTED)
		return;
	buf_add_string(out,
	    "# HELP confluent_scrape_resource_access_error 1 where a resource "
	    "cannot be accessed\n");
	for (size_t i = 0; i < scrape->ntargets; i++)
		buf_printf(out,
		    "confluent_scrape_resource_access_error{resource_type=\"%s"
		    "\",resource_id=\"%s\"%s} %d.0\n",
		    label_name(scrape->targets[i].label), scrape->targets[i].id,
		    scrape->openmetrics ? "" : ",",
		    !scrape->targets[i].readable);
}

/* False, and an error, where too many metrics fail. */
static bool
tolerates_failures(
    struct scrape *scrape, const struct request *request, bool ignore)
{
	size_t all = 0, failed = 0;

	for (size_t i = 0; i < nmetrics; i++) {
		if (!is_asked_for(scrape, request, &metrics[i]))
			continue;
		all++;
		failed += scrape->sim->export.failed[i];
	}
	if (failed == 0 || (ignore && failed * 100 <= all * FAILED_PERCENT_MAX))
		return true;
	reply_error(scrape->reply, 500, "Failed to fetch %zu of %zu metrics",
	    failed, all);
	return false;
}

static void
write_scrape(struct scrape *scrape, const struct request *request, bool ignore)
{
	if (!tolerates_failures(scrape, request, ignore))
		return;
	scrape->reply->content_type =
	    scrape->openmetrics ? openmetrics_type : text_type;
	if (ignore)
		write_status(scrape, request);
	for (size_t i = 0; i < nmetrics; i++)
		if (!scrape->sim->export.failed[i] &&
		    is_asked_for(scrape, request, &metrics[i]))
			write_metric(scrape, &metrics[i]);
	write_access_errors(scrape);
	if (scrape->openmetrics)
		buf_add_string(&scrape->reply->body, "# EOF\n");
}

/* ---- what is asked ------------------------------------------------------ */

static bool
is_repeated(const struct target *targets, size_t n, const struct target *target)
{
	for (size_t i = 0; i < n; i++)
		if (targets[i].label == target->label &&
		    strcmp(targets[i].id, target->id) == 0)
			return true;
	return false;
}

/* False, and an error, where an argument is not what the description allows. */
static bool
check_argument(const struct pair *pair, bool *ignore, struct reply *reply)
{
	const char *value = pair->value != NULL ? pair->value : "";

	if (label_authorises(label_find(pair->name)))
		return true;
	if (strcmp(pair->name, "metric") == 0) {
		if (metric_find(value) != NULL)
			return true;
		reply_error(reply, 400, "Unknown metric: %s", value);
	} else if (strcmp(pair->name, "ignore_failed_metrics") == 0) {
		*ignore = strcmp(value, "true") == 0;
		if (*ignore || strcmp(value, "false") == 0)
			return true;
		reply_error(
		    reply, 400, "ignore_failed_metrics must be true or false");
	} else {
		reply_error(
		    reply, 400, "Unknown query parameter: %s", pair->name);
	}
	return false;
}

static bool
read_targets(const struct sim *sim, const struct request *request,
    struct target *targets, size_t *n, bool *ignore, struct reply *reply)
{
	*n = 0;
	if (request->narguments > ARGUMENTS_MAX) {
		reply_error(reply, 400, "Too many query parameters");
		return false;
	}
	for (size_t i = 0; i < request->narguments; i++) {
		const struct pair *pair = &request->arguments[i];
		struct target target = {label_find(pair->name),
		    pair->value != NULL ? pair->value : "", false};

		if (!check_argument(pair, ignore, reply))
			return false;
		if (!label_authorises(target.label) ||
		    is_repeated(targets, *n, &target))
			continue;
		target.readable =
		    world_is_authorised(&sim->world, target.label, target.id);
		targets[(*n)++] = target;
	}
	return true;
}

/* ---- the limit ---------------------------------------------------------- */

static struct export_requests *
find_requests(struct export_state *state, const struct target *target)
{
	struct export_requests *found;
	struct buf name = BUF_INIT;

	buf_printf(&name, "%s:%s", label_key(target->label), target->id);
	for (size_t i = 0; i < state->nresources; i++) {
		if (strcmp(state->resources[i].resource, name.data) == 0) {
			buf_free(&name);
			return &state->resources[i];
		}
	}
	state->resources = xreallocarray(
	    state->resources, state->nresources + 1, sizeof(*found));
	found = &state->resources[state->nresources++];
	*found = (struct export_requests){.resource = name.data};
	return found;
}

/* Drops what is over an hour old; returns how many are left. */
static size_t
count_recent(struct export_requests *requests, int64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < requests->n; i++)
		if (requests->at_ms[i] > now_ms - HOUR_MS &&
		    requests->at_ms[i] <= now_ms)
			requests->at_ms[kept++] = requests->at_ms[i];
	requests->n = kept;
	return kept;
}

/* The second set of the rateLimit headers, of the resource with least left. */
static void
add_headers(
    const struct sim *sim, struct reply *reply, size_t most, int64_t oldest_ms)
{
	long limit = sim->export.requests_per_hour, left = limit - (long)most;

	reply_header(reply, "rateLimit-limit", "%ld", limit);
	reply_header(reply, "rateLimit-remaining", "%ld", left > 0 ? left : 0);
	reply_header(reply, "rateLimit-reset", "%lld",
	    (long long)(oldest_ms + HOUR_MS - sim->options.now_ms + 999) /
		1000);
}

/* Counts the request for each of its resources; false, and 429, where one of
 * them has had its requests. */
static bool
is_within_hour(struct sim *sim, const struct target *targets, size_t n,
    struct reply *reply)
{
	struct export_state *state = &sim->export;
	int64_t now_ms = sim->options.now_ms, oldest_ms = now_ms;
	struct buf names = BUF_INIT;
	size_t most = 0;

	for (size_t i = 0; i < n && state->requests_per_hour > 0; i++) {
		struct export_requests *requests =
		    find_requests(state, &targets[i]);
		size_t count = count_recent(requests, now_ms) + 1;

		requests->at_ms = xreallocarray(
		    requests->at_ms, count, sizeof(*requests->at_ms));
		requests->at_ms[requests->n++] = now_ms;
		if (count > most)
			oldest_ms = requests->at_ms[0];
		most = count > most ? count : most;
		if ((long)count > state->requests_per_hour)
			buf_printf(&names, "%s%s", names.len > 0 ? ", " : "",
			    requests->resource);
	}
	if (most > 0)
		add_headers(sim, reply, most, oldest_ms);
	if (names.len > 0)
		reply_error(reply, 429,
		    "Too many requests have been made for the following "
		    "resources: %s. Please see the documentation for current "
		    "rate limits.",
		    names.data);
	buf_free(&names);
	return (long)most <= state->requests_per_hour ||
	    state->requests_per_hour == 0;
}

/* ---- who may read what -------------------------------------------------- */

/* False, and 403, where the whole request is refused. */
static bool
is_allowed(const struct sim *sim, const struct target *targets, size_t n,
    struct reply *reply)
{
	struct buf ids = BUF_INIT;
	bool empty = false, allowed;

	for (size_t i = 0; i < n; i++) {
		empty |= targets[i].id[0] == '\0';
		if (!targets[i].readable)
			buf_printf(&ids, "%s%s", ids.len > 0 ? "," : "",
			    targets[i].id);
	}
	allowed = n > 0 && !empty &&
	    (ids.len == 0 || sim->export.access == ACCESS_REPORTED);
	if (!allowed && (n == 0 || sim->export.access != ACCESS_NAMED))
		reply_error(reply, 403,
		    "Query must filter by at least one of your authorized "
		    "resources");
	else if (!allowed)
		reply_error(reply, 403,
		    "Unauthorized for the following resources: %s",
		    buf_terminate(&ids));
	buf_free(&ids);
	return allowed;
}

void
export_answer(
    struct sim *sim, const struct request *request, struct reply *reply)
{
	struct target *targets = xmalloc(ARGUMENTS_MAX * sizeof(*targets));
	struct scrape scrape = {.sim = sim,
	    .reply = reply,
	    .targets = targets,
	    .minute = sim->options.now_ms / MINUTE_MS - OFFSET_MINUTES};
	bool ignore = false;

	scrape.openmetrics = request->accept != NULL &&
	    strstr(request->accept, "application/openmetrics-text") != NULL;
	if (read_targets(
		sim, request, targets, &scrape.ntargets, &ignore, reply) &&
	    is_within_hour(sim, targets, scrape.ntargets, reply) &&
	    is_allowed(sim, targets, scrape.ntargets, reply))
		write_scrape(&scrape, request, ignore);
	buf_free(&scrape.name);
	free(targets);
}

/* ---- control ------------------------------------------------------------ */

static bool
set_failed(struct export_state *state, const cJSON *names)
{
	const cJSON *item;

	for (size_t i = 0; i < nmetrics; i++)
		state->failed[i] = false;
	cJSON_ArrayForEach(item, names)
	{
		const struct metric *metric = cJSON_IsString(item)
		    ? metric_find(item->valuestring)
		    : NULL;

		if (metric == NULL)
			return false;
		state->failed[metric - metrics] = true;
	}
	return cJSON_IsArray(names);
}

static bool
set_access(struct export_state *state, const cJSON *item)
{
	static const char *const names[] = {[ACCESS_NAMED] = "named",
	    [ACCESS_UNNAMED] = "unnamed",
	    [ACCESS_REPORTED] = "reported"};

	for (size_t i = 0; cJSON_IsString(item) && i < 3; i++) {
		if (strcmp(names[i], item->valuestring) == 0) {
			state->access = (enum access)i;
			return true;
		}
	}
	return false;
}

bool
export_control(struct export_state *state, const char *body, size_t len)
{
	cJSON *tree = cJSON_ParseWithLength(body, len);
	bool good = cJSON_IsObject(tree);
	const cJSON *item;

	cJSON_ArrayForEach(item, tree)
	{
		if (strcmp(item->string, "access") == 0)
			good = set_access(state, item) && good;
		else if (strcmp(item->string, "failed") == 0)
			good = set_failed(state, item) && good;
		else if (strcmp(item->string, "samples_max") == 0 &&
		    cJSON_IsNumber(item))
			state->samples_max = (long)item->valuedouble;
		else if (strcmp(item->string, "everything") == 0 &&
		    cJSON_IsBool(item))
			state->everything = cJSON_IsTrue(item);
		else
			good = false;
	}
	cJSON_Delete(tree);
	return good;
}

void
export_free(struct export_state *state)
{
	for (size_t i = 0; i < state->nresources; i++) {
		free(state->resources[i].resource);
		free(state->resources[i].at_ms);
	}
	free(state->resources);
}

#include "body.h"

#include <stdlib.h>
#include <string.h>

#include "interval.h"
#include "json.h"

#define LIMIT_DEFAULT "\"limit\":1000"

/* What one pass over a body finds out. */
struct reading {
	struct body *body;
	struct resources *resources;
	struct buf *problem;
	int64_t now_ms;
	bool grouped; /* group_by is not empty */
	bool has_limit;
	struct buf groups; /* group_by's labels, decoded, each with a NUL */
	struct json_text filter;
	char *granularity;
	int64_t longest_interval_ms;
	char *longest_interval;
};

static char *
decoded(const struct json_text *text)
{
	struct buf value = BUF_INIT;

	json_decode(&value, text);
	return buf_terminate(&value);
}

/* "aggregations":[{"metric":M,...}] */
static void
read_aggregations(struct json *json, struct body *body)
{
	struct json_text key, text;

	if (json_value(json, &text) != JSON_ARRAY)
		return;
	while (json_element(json)) {
		if (json_value(json, &text) != JSON_OBJECT)
			return;
		while (json_member(json, &key)) {
			enum json_type type = json_value(json, &text);

			if (type == JSON_STRING && body->metric == NULL &&
			    json_text_is(&key, "metric"))
				body->metric = decoded(&text);
			json_skip(json, type);
		}
	}
}

static void
read_group_by(struct json *json, struct reading *reading)
{
	struct json_text text;

	if (json_value(json, &text) != JSON_ARRAY)
		return;
	while (json_element(json)) {
		enum json_type type = json_value(json, &text);

		reading->grouped = true;
		if (type == JSON_STRING) {
			json_decode(&reading->groups, &text);
			buf_add_char(&reading->groups, '\0');
		}
		json_skip(json, type);
	}
}

static bool
is_grouped_by(const struct reading *reading, const char *label)
{
	const char *at = reading->groups.data;
	const char *end = at + reading->groups.len;

	for (; at < end; at += strlen(at) + 1)
		if (strcmp(at, label) == 0)
			return true;
	return false;
}

static bool
read_intervals(struct json *json, struct reading *reading)
{
	struct json_text text;

	if (json_value(json, &text) != JSON_ARRAY)
		return true;
	while (json_element(json)) {
		int64_t start_ms, end_ms;
		char *interval;
		bool good;

		if (json_value(json, &text) != JSON_STRING)
			return true;
		interval = decoded(&text);
		good = interval_parse(interval, strlen(interval),
		    reading->now_ms, &start_ms, &end_ms);
		if (!good)
			buf_printf(reading->problem,
			    "interval \"%s\" is none that the API knows "
			    "(START/END, START/DURATION, DURATION/END)",
			    interval);
		if (good && end_ms - start_ms > reading->longest_interval_ms) {
			reading->longest_interval_ms = end_ms - start_ms;
			free(reading->longest_interval);
			reading->longest_interval = interval;
			interval = NULL;
		}
		free(interval);
		if (!good)
			return false;
	}
	return true;
}

static bool
check_granularity(struct reading *reading)
{
	int64_t longest_ms;

	if (reading->granularity == NULL)
		return true; /* /attributes has none; /query will say so */
	longest_ms = granularity_longest_interval_ms(reading->granularity);
	if (longest_ms == 0) {
		buf_printf(reading->problem,
		    "granularity \"%s\" is none that the API knows",
		    reading->granularity);
		return false;
	}
	if (reading->longest_interval_ms > longest_ms) {
		buf_printf(reading->problem,
		    "interval \"%s\" is too long for granularity %s (the API "
		    "allows %lld hours)",
		    reading->longest_interval, reading->granularity,
		    (long long)(longest_ms / 3600000));
		return false;
	}
	return true;
}

static bool
read_members(struct json *json, struct reading *reading)
{
	struct json_text key, text;
	enum json_type type;
	bool good = true;

	while (good && json_member(json, &key)) {
		if (json_text_is(&key, "aggregations")) {
			read_aggregations(json, reading->body);
		} else if (json_text_is(&key, "metric")) {
			type = json_value(json, &text);
			if (type == JSON_STRING &&
			    reading->body->metric == NULL)
				reading->body->metric = decoded(&text);
			json_skip(json, type);
		} else if (json_text_is(&key, "group_by")) {
			read_group_by(json, reading);
		} else if (json_text_is(&key, "intervals")) {
			good = read_intervals(json, reading);
		} else if (json_text_is(&key, "granularity")) {
			type = json_value(json, &text);
			if (type == JSON_STRING)
				reading->granularity = decoded(&text);
			json_skip(json, type);
		} else if (json_text_is(&key, "filter")) {
			json_raw_value(json, &reading->filter);
		} else {
			reading->has_limit |= json_text_is(&key, "limit");
			json_raw_value(json, &text);
		}
	}
	return good;
}

/* ---- filters --------------------------------------------------------------
 */

/* A filter's members; texts and raw values in `copy`. */
struct filter {
	struct buf copy;
	char *op, *field, *value; /* NULL where missing or no string */
	struct json_text filters; /* raw; len 0 where missing */
};

static void
filter_read(struct filter *filter, const char *text, size_t len)
{
	struct json json = JSON_INIT;
	struct json_text key, value;

	*filter = (struct filter){.copy = BUF_INIT};
	buf_add(&filter->copy, text, len);
	buf_terminate(&filter->copy);
	json_start(&json, filter->copy.data, len);
	if (json_value(&json, &value) == JSON_OBJECT) {
		while (json_member(&json, &key)) {
			enum json_type type;

			if (json_text_is(&key, "filters")) {
				json_raw_value(&json, &filter->filters);
				continue;
			}
			type = json_value(&json, &value);
			if (type == JSON_STRING && json_text_is(&key, "op"))
				filter->op = decoded(&value);
			else if (type == JSON_STRING &&
			    json_text_is(&key, "field"))
				filter->field = decoded(&value);
			else if (type == JSON_STRING &&
			    json_text_is(&key, "value"))
				filter->value = decoded(&value);
			json_skip(&json, type);
		}
	}
	json_free(&json);
}

static void
filter_free(struct filter *filter)
{
	buf_free(&filter->copy);
	free(filter->op);
	free(filter->field);
	free(filter->value);
}

static bool
filter_is_op(const struct filter *filter, const char *op)
{
	return filter->op != NULL && strcmp(filter->op, op) == 0;
}

/* {"field":"resource...","op":"EQ","value":"..."} */
static bool
filter_is_resource(const struct filter *filter)
{
	return filter_is_op(filter, "EQ") && filter->field != NULL &&
	    filter->value != NULL &&
	    strncmp(filter->field, "resource.", strlen("resource.")) == 0;
}

/* Calls `each` for the raw texts of an array's elements until it is false. */
static bool
for_each_element(const struct json_text *array, void *context,
    bool (*each)(void *context, const char *text, size_t len, size_t offset))
{
	struct buf copy = BUF_INIT;
	struct json json = JSON_INIT;
	struct json_text raw;
	bool good = array->len > 0;

	if (good) {
		buf_add(&copy, array->at, array->len);
		buf_terminate(&copy);
		json_start(&json, copy.data, copy.len);
		good = json_value(&json, &raw) == JSON_ARRAY;
	}
	while (good && json_element(&json))
		good = json_raw_value(&json, &raw) &&
		    each(
			context, raw.at, raw.len, (size_t)(raw.at - copy.data));
	json_free(&json);
	buf_free(&copy);
	return good;
}

static bool
add_or_member(void *context, const char *text, size_t len, size_t offset)
{
	struct reading *reading = context;
	struct body *body = reading->body;
	struct filter filter;
	bool is_resource;

	(void)offset;
	filter_read(&filter, text, len);
	is_resource = filter_is_resource(&filter);
	if (is_resource) {
		body->resources = xrealloc(body->resources,
		    (body->nresources + 1) * sizeof(*body->resources));
		body->resources[body->nresources++] = resources_add(
		    reading->resources, filter.field, filter.value);
		if (!is_grouped_by(reading, filter.field))
			body->grouped_by_resource = false;
	}
	filter_free(&filter);
	return is_resource;
}

/* The array of an AND, and where it begins in the body. */
struct conjunction {
	struct reading *reading;
	size_t offset;
};

static void read_filter(struct reading *reading, size_t offset, size_t len);

static bool
read_and_member(void *context, const char *text, size_t len, size_t offset)
{
	struct conjunction *conjunction = context;

	(void)text;
	read_filter(conjunction->reading, conjunction->offset + offset, len);
	return true;
}

static void
add_fixed(struct reading *reading, const struct filter *filter)
{
	struct body *body = reading->body;
	struct fixed_label *fixed;

	body->fixed =
	    xrealloc(body->fixed, (body->nfixed + 1) * sizeof(*body->fixed));
	fixed = &body->fixed[body->nfixed++];
	fixed->label = xstrdup(filter->field);
	fixed->value = xstrdup(filter->value);
	fixed->resource =
	    resources_add(reading->resources, filter->field, filter->value);
}

/* A filter that holds for every point: the body's, or one of its AND's. */
static void
read_filter(struct reading *reading, size_t offset, size_t len)
{
	struct body *body = reading->body;
	struct filter filter;

	filter_read(&filter, body->text.data + offset, len);
	if (filter_is_resource(&filter)) {
		add_fixed(reading, &filter);
	} else if (filter_is_op(&filter, "AND")) {
		struct conjunction conjunction = {reading, offset};

		if (filter.filters.len > 0)
			conjunction.offset +=
			    (size_t)(filter.filters.at - filter.copy.data);
		for_each_element(
		    &filter.filters, &conjunction, read_and_member);
	} else if (filter_is_op(&filter, "OR") && body->nresources == 0) {
		body->grouped_by_resource = true;
		body->or_start = offset;
		body->or_end = offset + len;
		if (!for_each_element(&filter.filters, reading, add_or_member))
			body->nresources = 0;
	}
	filter_free(&filter);
}

/* ---- bodies ---------------------------------------------------------------
 */

static bool
read_text(struct body *body, struct reading *reading)
{
	struct json json = JSON_INIT;
	struct json_text text;
	bool good = true;

	buf_terminate(&body->text);
	json_start(&json, body->text.data, body->text.len);
	if (json_value(&json, &text) == JSON_OBJECT) {
		good = read_members(&json, reading);
	} else if (json.error == NULL) {
		buf_add_string(reading->problem, "not an object");
		good = false;
	}
	if (good && !json_end(&json)) {
		buf_printf(reading->problem, "not JSON: %s at column %zu",
		    json.error, json_column(&json));
		good = false;
	}
	json_free(&json);
	return good;
}

bool
body_read(struct body *body, const char *line, size_t len, int64_t now_ms,
    struct resources *resources, struct buf *problem)
{
	struct reading reading = {.body = body,
	    .resources = resources,
	    .problem = problem,
	    .now_ms = now_ms,
	    .groups = BUF_INIT,
	    .longest_interval_ms = -1};
	bool good;

	*body = (struct body){.text = BUF_INIT};
	buf_add(&body->text, line, len);
	good = read_text(body, &reading) && check_granularity(&reading);
	if (good && (body->metric == NULL || body->metric[0] == '\0')) {
		buf_add_string(problem, "no metric is named");
		good = false;
	}
	if (good && reading.filter.len > 0)
		read_filter(&reading,
		    (size_t)(reading.filter.at - body->text.data),
		    reading.filter.len);
	if (good && reading.grouped && !reading.has_limit) {
		/* Behind all else, so that no place above moves. */
		while (body->text.data[body->text.len - 1] != '}')
			body->text.len--;
		body->text.len--;
		buf_add_string(&body->text, "," LIMIT_DEFAULT "}");
	}
	buf_terminate(&body->text);
	buf_free(&reading.groups);
	free(reading.granularity);
	free(reading.longest_interval);
	return good;
}

void
body_free(struct body *body)
{
	buf_free(&body->text);
	free(body->metric);
	free(body->resources);
	for (size_t i = 0; i < body->nfixed; i++) {
		free(body->fixed[i].label);
		free(body->fixed[i].value);
	}
	free(body->fixed);
}

static void
write_string(struct buf *out, const char *string)
{
	buf_add_char(out, '"');
	json_escape(out, string, strlen(string));
	buf_add_char(out, '"');
}

static void
write_resource_filter(struct buf *out, const char *label, const char *id)
{
	buf_add_string(out, "{\"field\":");
	write_string(out, label);
	buf_add_string(out, ",\"op\":\"EQ\",\"value\":");
	write_string(out, id);
	buf_add_char(out, '}');
}

void
body_write_piece(const struct body *body, const struct resources *resources,
    const size_t *chosen, size_t nchosen, struct buf *out)
{
	buf_add(out, body->text.data, body->or_start);
	if (nchosen > 1)
		buf_add_string(out, "{\"op\":\"OR\",\"filters\":[");
	for (size_t i = 0; i < nchosen; i++) {
		const struct resource *r = &resources->all[chosen[i]];

		if (i > 0)
			buf_add_char(out, ',');
		write_resource_filter(out, r->label, r->id);
	}
	if (nchosen > 1)
		buf_add_string(out, "]}");
	buf_add(
	    out, body->text.data + body->or_end, body->text.len - body->or_end);
}

/* ---- flags ----------------------------------------------------------------
 */

static struct selector *
selector_of(struct flags *flags, const char *label, size_t len)
{
	struct buf full = BUF_INIT;
	struct selector *selector;

	if (strncmp(label, "resource.", strlen("resource.")) != 0)
		buf_add_string(&full, "resource.");
	buf_add(&full, label, len);
	buf_terminate(&full);
	for (size_t i = 0; i < flags->nselectors; i++) {
		if (strcmp(flags->selectors[i].label, full.data) == 0) {
			buf_free(&full);
			return &flags->selectors[i];
		}
	}
	flags->selectors = xrealloc(flags->selectors,
	    (flags->nselectors + 1) * sizeof(*flags->selectors));
	selector = &flags->selectors[flags->nselectors++];
	*selector = (struct selector){.label = full.data};
	return selector;
}

bool
flags_add_selector(struct flags *flags, const char *argument)
{
	const char *equals = strchr(argument, '='), *at;
	struct selector *selector;
	size_t before;

	if (equals == NULL || equals == argument ||
	    memchr(argument, '.', (size_t)(equals - argument)) == NULL)
		return false;
	selector = selector_of(flags, argument, (size_t)(equals - argument));
	before = selector->nids;
	at = equals + 1;
	for (;;) {
		size_t len;

		at += strspn(at, ", \t");
		len = strcspn(at, ", \t");
		if (len == 0)
			break;
		selector->ids = xrealloc(selector->ids,
		    (selector->nids + 1) * sizeof(*selector->ids));
		selector->ids[selector->nids++] = xstrndup(at, len);
		at += len;
	}
	return selector->nids > before;
}

void
flags_free(struct flags *flags)
{
	for (size_t i = 0; i < flags->nselectors; i++) {
		for (size_t j = 0; j < flags->selectors[i].nids; j++)
			free(flags->selectors[i].ids[j]);
		free(flags->selectors[i].ids);
		free(flags->selectors[i].label);
	}
	free(flags->selectors);
	free(flags->metrics);
	free(flags->groups);
}

static void
write_selector(const struct selector *selector, struct buf *out)
{
	if (selector->nids > 1)
		buf_add_string(out, "{\"op\":\"OR\",\"filters\":[");
	for (size_t i = 0; i < selector->nids; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		write_resource_filter(out, selector->label, selector->ids[i]);
	}
	if (selector->nids > 1)
		buf_add_string(out, "]}");
}

static void
write_filter(const struct flags *flags, struct buf *out)
{
	if (flags->nselectors == 0)
		return;
	buf_add_string(out, "\"filter\":");
	if (flags->nselectors > 1)
		buf_add_string(out, "{\"op\":\"AND\",\"filters\":[");
	for (size_t i = 0; i < flags->nselectors; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		write_selector(&flags->selectors[i], out);
	}
	if (flags->nselectors > 1)
		buf_add_string(out, "]}");
	buf_add_char(out, ',');
}

static void
write_group(struct buf *out, size_t *count, const char *label)
{
	buf_add_string(out, (*count)++ > 0 ? "," : "\"group_by\":[");
	write_string(out, label);
}

/* Returns how many labels the points are grouped by. */
static size_t
write_groups(const struct flags *flags, bool attributes, struct buf *out)
{
	struct buf label = BUF_INIT;
	size_t count = 0;

	/* /attributes lists the values of what it is asked for, no more. */
	for (size_t i = 0; i < flags->nselectors && !attributes; i++)
		if (flags->selectors[i].nids > 1)
			write_group(out, &count, flags->selectors[i].label);
	for (size_t i = 0; i < flags->ngroups; i++) {
		const char *group = flags->groups[i];
		bool there = false;

		label.len = 0;
		if (strncmp(group, "metric.", strlen("metric.")) != 0 &&
		    strncmp(group, "resource.", strlen("resource.")) != 0)
			buf_add_string(&label, "metric.");
		buf_add_string(&label, group);
		buf_terminate(&label);
		for (size_t j = 0; j < flags->nselectors && !attributes; j++)
			there |= flags->selectors[j].nids > 1 &&
			    strcmp(flags->selectors[j].label, label.data) == 0;
		if (!there)
			write_group(out, &count, label.data);
	}
	if (count > 0)
		buf_add_string(out, "],");
	buf_free(&label);
	return count;
}

void
flags_write_body(const struct flags *flags, const char *metric, bool attributes,
    struct buf *out)
{
	size_t ngroups;

	if (attributes) {
		buf_add_string(out, "{\"metric\":");
		write_string(out, metric);
		buf_add_char(out, ',');
	} else {
		buf_add_string(out, "{\"aggregations\":[{\"metric\":");
		write_string(out, metric);
		buf_add_string(out, "}],");
	}
	write_filter(flags, out);
	if (!attributes) {
		buf_add_string(out, "\"granularity\":");
		write_string(out,
		    flags->granularity != NULL ? flags->granularity : "PT1H");
		buf_add_char(out, ',');
	}
	ngroups = write_groups(flags, attributes, out);
	if (flags->interval != NULL || !attributes) {
		buf_add_string(out, "\"intervals\":[");
		write_string(out,
		    flags->interval != NULL ? flags->interval
					    : "now-1h|h/now|h");
		buf_add_string(out, "],");
	}
	if (ngroups > 0)
		buf_printf(out, "\"limit\":%ld,", flags->limit);
	out->len--; /* the last comma */
	buf_add_char(out, '}');
}

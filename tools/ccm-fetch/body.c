#include "body.h"

#include <stdlib.h>
#include <string.h>

#include "filters.h"
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
				body->metric = json_decoded(&text);
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
		interval = json_decoded(&text);
		good = interval_parse(interval, strlen(interval),
		    reading->now_ms, &start_ms, &end_ms);
		if (!good)
			buf_printf(reading->problem,
			    "interval \"%s\" is none that the API knows (START/END, START/DURATION, DURATION/END)",
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
		    "interval \"%s\" is too long for granularity %s (the API allows %lld hours)",
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
				reading->body->metric = json_decoded(&text);
			json_skip(json, type);
		} else if (json_text_is(&key, "group_by")) {
			read_group_by(json, reading);
		} else if (json_text_is(&key, "intervals")) {
			good = read_intervals(json, reading);
		} else if (json_text_is(&key, "granularity")) {
			type = json_value(json, &text);
			if (type == JSON_STRING)
				reading->granularity = json_decoded(&text);
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

/* ---- the filter --------------------------------------------------------- */

/* Labels of which the filter leaves one value. */
static void
add_fixed(struct reading *reading, const struct labels *labels)
{
	struct body *body = reading->body;

	body->fixed = xreallocarray(NULL, labels->count, sizeof(*body->fixed));
	for (size_t i = 0; i < labels->count; i++) {
		const struct label_values *label = &labels->all[i];
		struct fixed_label *fixed = &body->fixed[body->nfixed];

		if (label->nvalues != 1)
			continue;
		fixed->label = xstrdup(label->label);
		fixed->value = xstrdup(label->values[0]);
		fixed->resource = resources_add(
		    reading->resources, fixed->label, fixed->value);
		body->nfixed++;
	}
}

/* Several resources, each of which could be requested alone. */
static void
add_resources(struct reading *reading, const struct resource_or * or)
{
	struct body *body = reading->body;

	body->or_start = (size_t)(reading->filter.at - body->text.data);
	body->or_end = body->or_start + or->end;
	body->or_start += or->start;
	body->grouped_by_resource = true;
	body->resources =
	    xreallocarray(NULL, or->count, sizeof(*body->resources));
	for (size_t i = 0; i < or->count; i++) {
		const struct label_value *member = & or->members[i];

		body->resources[body->nresources++] = resources_add(
		    reading->resources, member->label, member->value);
		if (!is_grouped_by(reading, member->label))
			body->grouped_by_resource = false;
	}
}

static void
read_filter(struct reading *reading)
{
	const struct json_text *filter = &reading->filter;
	struct resource_or or ;
	struct labels labels;

	filter_labels(filter->at, filter->len, &labels);
	add_fixed(reading, &labels);
	labels_free(&labels);
	if (filter_find_or(filter->at, filter->len, & or) && or.count > 1)
		add_resources(reading, & or);
	resource_or_free(& or);
}

/* ---- bodies ------------------------------------------------------------- */

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
		read_filter(&reading);
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

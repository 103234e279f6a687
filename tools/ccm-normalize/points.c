#include "points.h"

#include <stdlib.h>

#include "interval.h"
#include "log.h"

/* Of the properties that are left out, so many are reported, each by so many
 * bytes of its name: no input makes the memory grow. */
#define PROPERTIES_NAMED 100
#define PROPERTY_SHOWN ((size_t)100)

/* What a message says of a property's name: not more than that, and no half of
 * a character. */
static size_t
shown_length(const struct buf *name)
{
	size_t len = name->len;

	if (len <= PROPERTY_SHOWN)
		return len;
	for (len = PROPERTY_SHOWN; (name->data[len] & 0xc0) == 0x80; len--)
		;
	return len;
}

/* True the first time that this name comes. */
static bool
is_news(struct points *points, const char *name)
{
	for (size_t i = 0; i < points->nleft_out; i++)
		if (strcmp(points->left_out[i], name) == 0)
			return false;
	if (points->nleft_out == PROPERTIES_NAMED)
		return false;
	if (points->nleft_out == points->left_out_size)
		points->left_out = grow_array(points->left_out,
		    &points->left_out_size, sizeof(*points->left_out));
	points->left_out[points->nleft_out++] = xstrdup(name);
	return true;
}

/*
 * A property that is not a string cannot be a tag. The API may add any, and
 * that must not cost the value: it is left out, with one warning a run.
 */
static void
leave_out(struct points *points, const struct json_text *key)
{
	struct buf *name = &points->decoded;

	name->len = 0;
	json_decode(name, key);
	name->len = shown_length(name);
	if (!is_news(points, buf_terminate(name)))
		return;
	log_warn("property \"%s\" is not a string; leaving it out of the "
		 "records",
	    name->data);
	if (points->nleft_out == PROPERTIES_NAMED)
		log_warn("no further property is reported that is left out");
}

static bool
read_label(
    struct points *points, const struct json_text *key, struct buf *problem)
{
	struct json_text value;
	enum json_type type = json_value(&points->json, &value);

	if (type == JSON_NULL || type == JSON_INVALID)
		return true; /* the point lacks it; the reader knows */
	if (type != JSON_STRING) {
		json_skip(&points->json, type);
		if (points->json.error == NULL)
			leave_out(points, key);
		return true;
	}
	return record_writer_label(points->writer, key, &value, false, problem);
}

/* A member that has to be of one type; `text` has no place until it was read */
static bool
read_member(struct json *json, const char *name, enum json_type wanted,
    struct json_text *text, struct buf *problem)
{
	enum json_type type = json_value(json, text);

	if (type == wanted)
		return true;
	if (type != JSON_INVALID)
		buf_printf(problem, "\"%s\" is not a %s", name,
		    wanted == JSON_NUMBER ? "number" : "string");
	return type == JSON_INVALID; /* the reader knows */
}

static bool
read_members(struct points *points, struct buf *problem)
{
	struct json *json = &points->json;
	struct json_text key;
	bool good = true;

	while (good && json_member(json, &key)) {
		if (json_text_is(&key, "metric"))
			good = read_member(json, "metric", JSON_STRING,
			    &points->metric, problem);
		else if (json_text_is(&key, "timestamp"))
			good = read_member(json, "timestamp", JSON_STRING,
			    &points->timestamp, problem);
		else if (json_text_is(&key, "value"))
			good = read_member(json, "value", JSON_NUMBER,
			    &points->value, problem);
		else
			good = read_label(points, &key, problem);
	}
	return good;
}

static bool
read_point(
    struct points *points, const char *line, size_t len, struct buf *problem)
{
	struct json *json = &points->json;
	struct json_text text;
	enum json_type type;

	points->metric.at = points->timestamp.at = points->value.at = NULL;
	record_writer_start(points->writer);
	json_start(json, line, len);
	type = json_value(json, &text);
	if (type == JSON_OBJECT) {
		if (!read_members(points, problem))
			return false;
	} else if (type != JSON_INVALID) {
		buf_add_string(problem, "not an object");
		return false;
	}
	if (!json_end(json)) {
		buf_printf(problem, "not JSON: %s at column %zu", json->error,
		    json_column(json));
		return false;
	}
	if (points->metric.at == NULL || points->timestamp.at == NULL ||
	    points->value.at == NULL) {
		buf_printf(problem, "\"%s\" is missing",
		    points->metric.at == NULL          ? "metric"
			: points->timestamp.at == NULL ? "timestamp"
						       : "value");
		return false;
	}
	if (points->metric.len == 0) {
		buf_add_string(problem, "\"metric\" is empty");
		return false;
	}
	return true;
}

bool
points_line(void *state, const char *line, size_t len, struct buf *out,
    struct buf *problem)
{
	struct points *points = state;
	int64_t timestamp_ms;

	if (!read_point(points, line, len, problem))
		return false;
	if (!timestamp_parse(
		points->timestamp.at, points->timestamp.len, &timestamp_ms)) {
		buf_printf(problem,
		    "\"timestamp\" is \"%.*s\", not an ISO 8601 time",
		    (int)(points->timestamp.len < 60 ? points->timestamp.len
						     : 60),
		    points->timestamp.at);
		return false;
	}
	return record_writer_end(points->writer, &points->metric,
	    &points->value, timestamp_ms, out, problem);
}

void
points_free(struct points *points)
{
	for (size_t i = 0; i < points->nleft_out; i++)
		free(points->left_out[i]);
	free(points->left_out);
	json_free(&points->json);
	buf_free(&points->decoded);
}

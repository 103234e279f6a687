#include "record.h"

#include <stdlib.h>

static bool
complain(struct buf *problem, const char *what)
{
	buf_add_string(problem, what);
	return false;
}

static void
add_tag(struct record *record, const struct json_text *key,
    const struct json_text *value)
{
	if (record->ntags == record->tags_size) {
		record->tags_size =
		    record->tags_size > 0 ? record->tags_size * 2 : 16;
		record->tags = xrealloc(
		    record->tags, record->tags_size * sizeof(*record->tags));
	}
	record->tags[record->ntags++] = (struct record_tag){*key, *value};
}

static const char *
read_tags(struct record *record)
{
	struct json *json = &record->json;
	struct json_text key, value;
	enum json_type type = json_value(json, &value);

	if (type != JSON_OBJECT)
		return "\"tags\" is not an object";
	while (json_member(json, &key)) {
		if (json_value(json, &value) != JSON_STRING)
			return "a tag's value is not a string";
		add_tag(record, &key, &value);
	}
	return NULL;
}

static const char *
read_number(struct record *record)
{
	if (json_value(&record->json, &record->value) != JSON_NUMBER)
		return "\"value\" is not a number";
	return NULL;
}

static const char *
read_fields(struct record *record)
{
	struct json *json = &record->json;
	struct json_text key, other;

	if (json_value(json, &other) != JSON_OBJECT)
		return "\"fields\" is not an object";
	while (json_member(json, &key)) {
		const char *problem = NULL;

		if (json_text_is(&key, "value"))
			problem = read_number(record);
		else
			json_raw_value(json, &other);
		if (problem != NULL)
			return problem;
	}
	return NULL;
}

static const char *
read_name(struct record *record)
{
	if (json_value(&record->json, &record->name) != JSON_STRING)
		return "\"name\" is not a string";
	if (record->name.len == 0)
		return "\"name\" is empty";
	return NULL;
}

static const char *
read_extra(struct record *record)
{
	struct json_text *extra = &record->extra;
	enum json_type type = json_value(&record->json, extra);

	if (type == JSON_OBJECT || type == JSON_ARRAY)
		return "the field for the key is not a string or a number";
	if (type == JSON_NULL)
		*extra = (struct json_text){NULL, 0, true};
	return NULL;
}

bool
record_read(struct record *record, const char *line, size_t len,
    const char *extra, struct buf *problem)
{
	struct json *json = &record->json;
	struct json_text key, other;
	const char *what = NULL;
	bool named = false;

	record->ntags = 0;
	record->value.len = 0;
	record->extra = (struct json_text){NULL, 0, true};
	json_start(json, line, len);
	if (json_value(json, &other) != JSON_OBJECT)
		what = "not an object";
	while (what == NULL && json_member(json, &key)) {
		if (json_text_is(&key, "name")) {
			what = read_name(record);
			named = true;
		} else if (json_text_is(&key, "tags")) {
			what = read_tags(record);
		} else if (json_text_is(&key, "fields")) {
			what = read_fields(record);
		} else if (json_text_is(&key, "value")) {
			what = read_number(record);
		} else if (extra != NULL && json_text_is(&key, extra)) {
			what = read_extra(record);
		} else {
			json_raw_value(json, &other);
		}
	}
	if (what == NULL)
		json_end(json);
	if (json->error != NULL) {
		buf_printf(problem, "not JSON: %s at column %zu", json->error,
		    json_column(json));
		return false;
	}
	if (what != NULL)
		return complain(problem, what);
	if (!named)
		return complain(problem, "\"name\" is missing");
	return true;
}

void
record_free(struct record *record)
{
	free(record->tags);
	json_free(&record->json);
	*record = (struct record)RECORD_INIT;
}

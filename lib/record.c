#include "record.h"

#include <stdlib.h>
#include <string.h>

static void
add_tag(struct record *record, const struct json_text *key,
    const struct json_text *value)
{
	if (record->ntags == record->tags_size)
		record->tags = grow_array(
		    record->tags, &record->tags_size, sizeof(*record->tags));
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
	enum json_type type = json_value(&record->json, &record->value);

	return type == JSON_NUMBER ? NULL : "\"value\" is not a number";
}

/* What has no meaning here. */
static void
read_other(struct record *record)
{
	struct json_text text;
	enum json_type type = json_value(&record->json, &text);

	json_skip(&record->json, type);
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
			read_other(record);
		if (problem != NULL)
			return problem;
	}
	return NULL;
}

static const char *
read_name(struct record *record)
{
	enum json_type type = json_value(&record->json, &record->name);

	if (type != JSON_STRING)
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

/* Of any type: one that is no number is as good as none. */
static const char *
read_timestamp(struct record *record, bool is_extra)
{
	struct json_text text;
	enum json_type type = json_value(&record->json, &text);

	if (type == JSON_NUMBER)
		record->timestamp = text;
	if (is_extra && (type == JSON_NUMBER || type == JSON_STRING))
		record->extra = text;
	json_skip(&record->json, type);
	return NULL;
}

/* Reads the members of the object that was entered; NULL or what is wrong. */
static const char *
read_members(struct record *record, const char *extra)
{
	struct json *json = &record->json;
	struct json_text key;
	const char *what = NULL;
	bool named = false;

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
		} else if (json_text_is(&key, "timestamp")) {
			what = read_timestamp(record,
			    extra != NULL && strcmp(extra, "timestamp") == 0);
		} else if (extra != NULL && json_text_is(&key, extra)) {
			what = read_extra(record);
		} else {
			read_other(record);
		}
	}
	if (what == NULL && !named)
		what = "\"name\" is missing";
	return what;
}

bool
record_read(struct record *record, const char *line, size_t len,
    const char *extra, struct buf *problem)
{
	struct json *json = &record->json;
	struct json_text text;
	const char *what;
	enum json_type type;

	record->ntags = 0;
	record->value = record->timestamp = record->extra =
	    (struct json_text){NULL, 0, true};
	json_start(json, line, len);
	type = json_value(json, &text);
	what =
	    type == JSON_OBJECT ? read_members(record, extra) : "not an object";
	if (what == NULL)
		json_end(json);
	if (json->error != NULL)
		buf_printf(problem, "not JSON: %s at column %zu", json->error,
		    json_column(json));
	else if (what != NULL)
		buf_add_string(problem, what);
	return what == NULL && json->error == NULL;
}

int64_t
record_time_ms(const struct record *record)
{
	const struct json_text *text = &record->timestamp;
	int64_t number = 0;

	/* A sign, a fraction and an exponent are no digits. */
	for (size_t i = 0; i < text->len; i++) {
		if (text->at[i] < '0' || text->at[i] > '9' || i == 18)
			return 0;
		number = number * 10 + (text->at[i] - '0');
	}
	return number < TIMESTAMP_SECONDS_BELOW ? number * 1000 : number;
}

void
record_free(struct record *record)
{
	free(record->tags);
	json_free(&record->json);
	*record = (struct record)RECORD_INIT;
}

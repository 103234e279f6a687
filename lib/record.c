#include "record.h"

#include <stdlib.h>

/* ---- layouts --------------------------------------------------------------
 */

/* What a value is to the record; a tag's is its index. */
enum { ROLE_NONE = -1, ROLE_NAME = -2, ROLE_VALUE = -3, ROLE_EXTRA = -4 };

/* Longer lines are rare, and not worth the memory. */
#define LAYOUT_LENGTH_MAX ((size_t)64 << 10)

/* Begins to learn the layout of a line, in the place of the oldest one. */
static void
begin_layout(struct record *record, const char *line, size_t len)
{
	struct record_layout *layout;

	record->learning = NULL;
	if (len > LAYOUT_LENGTH_MAX)
		return;
	if (record->nlayouts < RECORD_LAYOUTS)
		record->newest = record->nlayouts++;
	else
		record->newest = (record->newest + 1) % RECORD_LAYOUTS;
	layout = record->learning = &record->layouts[record->newest];
	layout->line.len = 0;
	buf_add(&layout->line, line, len);
	layout->nslots = layout->tail = 0;
}

/* Where a text of the line stands in the layout's copy of it. */
static size_t
offset_of(const struct record *record, const char *at)
{
	return (size_t)(at - record->json.start);
}

/* A value: if it is simple, others may stand in its place. */
static void
learn(struct record *record, enum json_type type, const struct json_text *text,
    int role)
{
	struct record_layout *layout = record->learning;
	struct record_slot *slot;
	size_t at;

	if (layout == NULL)
		return;
	if (!text->simple || (type != JSON_STRING && type != JSON_NUMBER)) {
		/* It is part of the literal, unless it has a role. */
		if (role != ROLE_NONE) {
			layout->nslots = 0;
			record->learning = NULL;
		}
		return;
	}
	at = offset_of(record, text->at);
	if (layout->nslots == layout->slots_size) {
		layout->slots_size =
		    layout->slots_size > 0 ? layout->slots_size * 2 : 16;
		layout->slots = xrealloc(
		    layout->slots, layout->slots_size * sizeof(*layout->slots));
	}
	slot = &layout->slots[layout->nslots++];
	*slot = (struct record_slot){.literal = layout->tail,
	    .literal_len = at - layout->tail,
	    .is_string = type == JSON_STRING,
	    .role = role};
	layout->tail = at + text->len;
}

/* The line was good: its tags' keys are the layout's. */
static void
end_layout(struct record *record, bool good)
{
	struct record_layout *layout = record->learning;

	if (layout == NULL)
		return;
	if (!good) {
		layout->nslots = 0; /* no line fits */
		return;
	}
	layout->ntags = record->ntags;
	layout->tags =
	    xrealloc(layout->tags, (record->ntags + 1) * sizeof(*layout->tags));
	for (size_t i = 0; i < record->ntags; i++) {
		layout->tags[i] = record->tags[i];
		layout->tags[i].key.at = layout->line.data +
		    offset_of(record, record->tags[i].key.at);
	}
	record->learning = NULL;
}

static inline void
assign(struct record *record, int role, const struct json_text *text)
{
	switch (role) {
	case ROLE_NONE:
		break;
	case ROLE_NAME:
		record->name = *text;
		break;
	case ROLE_VALUE:
		record->value = *text;
		break;
	case ROLE_EXTRA:
		record->extra = *text;
		break;
	default:
		record->tags[role].value = *text;
		break;
	}
}

/* Reads a line that has this layout; false where it has not. */
static bool
read_by_layout(struct record *record, const struct record_layout *layout,
    const char *line, size_t len)
{
	const char *at = line, *end = line + len;
	size_t tail_len = layout->line.len - layout->tail;

	if (layout->nslots == 0)
		return false;
	if (layout->ntags > 0) /* there is room: as many were read before */
		memcpy(record->tags, layout->tags,
		    layout->ntags * sizeof(*record->tags));
	record->ntags = layout->ntags;
	for (size_t i = 0; i < layout->nslots; i++) {
		const struct record_slot *slot = &layout->slots[i];
		struct json_text text = {NULL, 0, true};
		const char *behind;

		if ((size_t)(end - at) < slot->literal_len ||
		    memcmp(at, layout->line.data + slot->literal,
			slot->literal_len) != 0)
			return false;
		at += slot->literal_len;
		behind = slot->is_string
		    ? json_plain_string_end(at)
		    : json_plain_number_end(at, &text.simple);
		if (behind == NULL)
			return false;
		text.at = at;
		text.len = (size_t)(behind - at);
		assign(record, slot->role, &text);
		at = behind;
	}
	return (size_t)(end - at) == tail_len &&
	    memcmp(at, layout->line.data + layout->tail, tail_len) == 0 &&
	    record->name.len > 0;
}

/* ---- reading --------------------------------------------------------------
 */

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
		learn(record, JSON_STRING, &value, (int)record->ntags);
		add_tag(record, &key, &value);
	}
	return NULL;
}

static const char *
read_number(struct record *record)
{
	enum json_type type = json_value(&record->json, &record->value);

	if (type != JSON_NUMBER)
		return "\"value\" is not a number";
	learn(record, type, &record->value, ROLE_VALUE);
	return NULL;
}

/* What has no meaning here. */
static void
read_other(struct record *record)
{
	struct json_text text = {NULL, 0, false};
	enum json_type type = json_value(&record->json, &text);

	learn(record, type, &text, ROLE_NONE);
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
	learn(record, type, &record->name, ROLE_NAME);
	return NULL;
}

static const char *
read_extra(struct record *record)
{
	struct json_text *extra = &record->extra;
	enum json_type type = json_value(&record->json, extra);

	if (type == JSON_OBJECT || type == JSON_ARRAY)
		return "the field for the key is not a string or a number";
	learn(record, type, extra, ROLE_EXTRA);
	if (type == JSON_NULL)
		*extra = (struct json_text){NULL, 0, true};
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

static void
forget(struct record *record)
{
	record->ntags = 0;
	record->value = record->extra = (struct json_text){NULL, 0, true};
}

bool
record_read(struct record *record, const char *line, size_t len,
    const char *extra, struct buf *problem)
{
	struct json *json = &record->json;
	struct json_text text;
	const char *what;
	enum json_type type;

	for (size_t i = 0; i < record->nlayouts; i++) {
		size_t at =
		    (record->newest + RECORD_LAYOUTS - i) % RECORD_LAYOUTS;

		forget(record);
		if (read_by_layout(record, &record->layouts[at], line, len))
			return true;
	}

	forget(record);
	begin_layout(record, line, len);
	json_start(json, line, len);
	type = json_value(json, &text);
	what =
	    type == JSON_OBJECT ? read_members(record, extra) : "not an object";
	if (what == NULL)
		json_end(json);
	end_layout(record, what == NULL && json->error == NULL);
	if (json->error != NULL)
		buf_printf(problem, "not JSON: %s at column %zu", json->error,
		    json_column(json));
	else if (what != NULL)
		buf_add_string(problem, what);
	return what == NULL && json->error == NULL;
}

void
record_free(struct record *record)
{
	for (size_t i = 0; i < RECORD_LAYOUTS; i++) {
		buf_free(&record->layouts[i].line);
		free(record->layouts[i].slots);
		free(record->layouts[i].tags);
	}
	free(record->tags);
	json_free(&record->json);
	*record = (struct record)RECORD_INIT;
}

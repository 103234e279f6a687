#include "response.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

/* A group of a point a minute for six hours takes 30 KB; a year by the hour
 * 600 KB. Nothing that the API answers comes near. */
#define ELEMENT_MAX ((size_t)16 << 20)
#define SKELETON_MAX ((size_t)1 << 20)
#define PADDING_MAX ((size_t)1 << 20)

static bool
fail(struct response *response, const char *error)
{
	if (response->error == NULL)
		response->error = error;
	return false;
}

void
response_start(struct response *response)
{
	response->error = NULL;
	response->state = OUTSIDE;
	response->skeleton.len = 0;
	response->current.len = 0;
	response->depth = 0;
	response->in_string = response->escaped = false;
	response->data_seen = false;
	response->padding = 0;
}

void
response_free(struct response *response)
{
	buf_free(&response->skeleton);
	buf_free(&response->current);
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Does the skeleton end in `"data" :`, a member of the outermost object? */
static bool
after_data_key(const struct response *response)
{
	static const char key[] = "\"data\"";
	const char *start = response->skeleton.data;
	const char *at = start + response->skeleton.len;

	if (response->depth != 1)
		return false;
	while (at > start && is_space(at[-1]))
		at--;
	if (at == start || *--at != ':')
		return false;
	while (at > start && is_space(at[-1]))
		at--;
	return (size_t)(at - start) >= sizeof(key) - 1 &&
	    memcmp(at - (sizeof(key) - 1), key, sizeof(key) - 1) == 0;
}

/*
 * Follows strings and brackets through bytes[*at..len) and returns true after
 * the byte at which the depth falls to `until`, or with `at_open_array` before
 * a "[" outside strings. What it passes is added to `out`.
 */
static bool
scan(struct response *response, const char *bytes, size_t len, size_t *at,
    unsigned until, bool at_open_array, struct buf *out)
{
	size_t start = *at, i;
	bool found = false;

	for (i = start; i < len && !found; i++) {
		char c = bytes[i];

		if (response->in_string) {
			if (response->escaped)
				response->escaped = false;
			else if (c == '\\')
				response->escaped = true;
			else if (c == '"')
				response->in_string = false;
			continue;
		}
		switch (c) {
		case '"':
			response->in_string = true;
			break;
		case '[':
			found = at_open_array;
			if (found)
				i--; /* the bracket stays */
			else
				response->depth++;
			break;
		case '{':
			response->depth++;
			break;
		case ']':
		case '}':
			if (response->depth > 0)
				response->depth--;
			found = !at_open_array && response->depth == until;
			break;
		default:
			break;
		}
	}
	buf_add(out, bytes + start, i - start);
	*at = i;
	return found;
}

/* Outside `data`: up to the bracket that opens it, or through all the bytes. */
static bool
feed_outside(
    struct response *response, const char *bytes, size_t len, size_t *at)
{
	if (scan(response, bytes, len, at, 0, true, &response->skeleton)) {
		bool data = after_data_key(response);

		buf_add_char(&response->skeleton, '[');
		(*at)++;
		if (data) {
			response->data_seen = true;
			response->state = BEFORE_ELEMENT;
			response->first = true;
		} else {
			response->depth++;
		}
	}
	if (response->skeleton.len > SKELETON_MAX)
		return fail(response, "too much beside \"data\"");
	return true;
}

static bool
feed_element(
    struct response *response, const char *bytes, size_t len, size_t *at)
{
	struct buf *current = &response->current;

	if (scan(response, bytes, len, at, 1, false, current)) {
		buf_terminate(current);
		if (!response->element(
			response->context, current->data, current->len))
			return fail(response,
			    "an element of \"data\" is not what the API answers");
		current->len = 0;
		response->state = AFTER_ELEMENT;
		response->first = false;
	} else if (current->len > ELEMENT_MAX) {
		return fail(response, "an element of \"data\" is over 16 MiB");
	}
	return true;
}

/* Between elements: commas, white space, the bracket that closes `data`. */
static bool
feed_between(struct response *response, char c)
{
	if (is_space(c))
		return ++response->padding <= PADDING_MAX ||
		    fail(response, "\"data\" has over 1 MiB of white space");
	if (c == ']' && (response->state == AFTER_ELEMENT || response->first)) {
		buf_add_char(&response->skeleton, ']');
		response->state = OUTSIDE;
		return true;
	}
	if (c == ',' && response->state == AFTER_ELEMENT) {
		response->state = BEFORE_ELEMENT;
		return true;
	}
	return fail(response, "\"data\" is not an array of objects");
}

bool
response_feed(struct response *response, const char *bytes, size_t len)
{
	size_t at = 0;

	while (at < len && response->error == NULL) {
		switch (response->state) {
		case OUTSIDE:
			feed_outside(response, bytes, len, &at);
			break;
		case IN_ELEMENT:
			feed_element(response, bytes, len, &at);
			break;
		case BEFORE_ELEMENT:
			if (bytes[at] == '{')
				response->state = IN_ELEMENT;
			else
				feed_between(response, bytes[at++]);
			break;
		case AFTER_ELEMENT:
			feed_between(response, bytes[at++]);
			break;
		}
	}
	return response->error == NULL;
}

/* Goes on to the value of a member of an object that was entered; its type, or
 * JSON_NULL where there is none. */
static enum json_type
enter_member(struct json *json, const char *name, struct json_text *value)
{
	struct json_text key;

	while (json_member(json, &key)) {
		enum json_type type = json_value(json, value);

		if (json_text_is(&key, name))
			return type;
		json_skip(json, type);
	}
	return JSON_NULL;
}

/* meta.pagination.next_page_token of a document that was validated. */
static bool
read_next_page(struct response *response, char **next_page)
{
	struct json json = JSON_INIT;
	struct json_text value;
	struct buf token = BUF_INIT;
	enum json_type type;

	json_start(&json, response->skeleton.data, response->skeleton.len);
	type = json_value(&json, &value);
	if (type == JSON_OBJECT)
		type = enter_member(&json, "meta", &value);
	if (type == JSON_OBJECT)
		type = enter_member(&json, "pagination", &value);
	if (type == JSON_OBJECT)
		type = enter_member(&json, "next_page_token", &value);
	else
		type = JSON_NULL;
	if (type == JSON_STRING)
		json_decode(&token, &value);
	json_free(&json);
	if (type != JSON_STRING && type != JSON_NULL)
		return fail(response, "the page token is not a string");
	if (token.len > 0 && memchr(token.data, '\0', token.len) != NULL) {
		buf_free(&token);
		return fail(response, "the page token has a NUL in it");
	}
	if (token.len > 0)
		*next_page = buf_terminate(&token);
	return true;
}

bool
response_end(struct response *response, char **next_page)
{
	struct buf *skeleton = &response->skeleton;
	const char *error;
	size_t offset;

	*next_page = NULL;
	if (response->error != NULL)
		return false;
	if (response->state != OUTSIDE)
		return fail(response, "the answer ends in the middle");
	buf_terminate(skeleton);
	if (!json_validate(skeleton->data, skeleton->len, &error, &offset))
		return fail(response, "the answer is not JSON");
	if (!response->data_seen)
		return fail(response, "the answer has no \"data\"");
	return read_next_page(response, next_page);
}

char *
error_details(const char *text, size_t len)
{
	struct buf copy = BUF_INIT, details = BUF_INIT;
	cJSON *document = NULL;
	const cJSON *errors, *item;
	const char *error;
	size_t offset;

	buf_add(&copy, text, len);
	buf_terminate(&copy);
	if (json_validate(copy.data, copy.len, &error, &offset))
		document = cJSON_ParseWithLength(copy.data, copy.len);
	buf_free(&copy);
	errors = cJSON_GetObjectItemCaseSensitive(document, "errors");
	if (!cJSON_IsArray(errors)) {
		cJSON_Delete(document);
		return NULL;
	}
	cJSON_ArrayForEach(item, errors)
	{
		const cJSON *detail =
		    cJSON_GetObjectItemCaseSensitive(item, "detail");

		if (!cJSON_IsString(detail))
			continue;
		if (details.len > 0)
			buf_add_string(&details, "; ");
		buf_add_string(&details, detail->valuestring);
	}
	cJSON_Delete(document);
	return buf_terminate(&details);
}

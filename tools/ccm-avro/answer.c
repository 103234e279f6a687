#include "answer.h"

#include <stdlib.h>

#include "json.h"

/* What is known of an answer; `at` is NULL where a member is not there. */
struct members {
	struct json_text id, schema, schema_type, error_code, message;
	bool references; /* there are some */
};

static bool
has_elements(struct json *json)
{
	enum json_type type;
	struct json_text text;
	bool some = false;

	type = json_value(json, &text);
	if (type != JSON_ARRAY) {
		json_skip(json, type);
		return false;
	}
	while (json_element(json)) {
		type = json_value(json, &text);
		json_skip(json, type);
		some = true;
	}
	return some;
}

/* Takes a member of that type; one of another type is as good as none. */
static void
take(struct json *json, enum json_type wanted, struct json_text *to)
{
	struct json_text text;
	enum json_type type = json_value(json, &text);

	if (type == wanted)
		*to = text;
	json_skip(json, type);
}

static bool
read_members(const char *text, size_t len, struct members *members)
{
	struct json json = JSON_INIT;
	struct json_text key;
	bool good;

	*members = (struct members){.references = false};
	json_start(&json, text, len);
	if (json_value(&json, &key) != JSON_OBJECT) {
		json_free(&json);
		return false;
	}
	while (json_member(&json, &key)) {
		if (json_text_is(&key, "id"))
			take(&json, JSON_NUMBER, &members->id);
		else if (json_text_is(&key, "schema"))
			take(&json, JSON_STRING, &members->schema);
		else if (json_text_is(&key, "schemaType"))
			take(&json, JSON_STRING, &members->schema_type);
		else if (json_text_is(&key, "error_code"))
			take(&json, JSON_NUMBER, &members->error_code);
		else if (json_text_is(&key, "message"))
			take(&json, JSON_STRING, &members->message);
		else if (json_text_is(&key, "references"))
			members->references = has_elements(&json);
		else {
			enum json_type type = json_value(&json, &key);

			json_skip(&json, type);
		}
	}
	good = json_end(&json);
	json_free(&json);
	return good;
}

/* An integer from 0 to INT32_MAX, which is what the wire format has room for.
 */
static bool
read_number(const struct json_text *text, uint32_t *number)
{
	long long value;

	if (text->at == NULL || !text->simple || text->len > 10)
		return false;
	value = strtoll(text->at, NULL, 10);
	*number = (uint32_t)value;
	return value >= 0 && value <= INT32_MAX;
}

bool
answer_read_id(const char *text, size_t len, uint32_t *id)
{
	struct members members;

	return read_members(text, len, &members) &&
	    read_number(&members.id, id);
}

enum answer_schema
answer_read_schema(
    const char *text, size_t len, struct buf *schema, struct buf *problem)
{
	struct members members;

	if (!read_members(text, len, &members) || members.schema.at == NULL)
		return ANSWER_NONE;
	if (members.schema_type.at != NULL &&
	    !json_text_is(&members.schema_type, "AVRO")) {
		buf_add_string(problem, "a schema of the type ");
		json_escape_text(problem, &members.schema_type);
		return ANSWER_UNUSABLE;
	}
	if (members.references) {
		buf_add_string(problem,
		    "a schema that refers to others, which ccm-avro does not "
		    "fetch");
		return ANSWER_UNUSABLE;
	}
	json_decode(schema, &members.schema);
	buf_terminate(schema);
	return ANSWER_SCHEMA;
}

bool
answer_read_error(const char *text, size_t len, long *code, struct buf *message)
{
	struct members members;
	uint32_t number;

	if (!read_members(text, len, &members) ||
	    !read_number(&members.error_code, &number))
		return false;
	*code = (long)number;
	if (members.message.at != NULL)
		json_decode(message, &members.message);
	buf_terminate(message);
	return true;
}

#include "schema.h"

#include <avro.h>
#include <cjson/cJSON.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "json.h"
#include "plural.h"

/* Of records, unions, arrays and maps in each other. */
#define DEPTH_MAX 64
/* What has no bytes (null, a record of nulls) takes steps all the same. */
#define STEPS_AT_LEAST 10000
#define STEPS_PER_BYTE 16

enum metric_field {
	FIELD_NAME,
	FIELD_VALUE,
	FIELD_TIMESTAMP,
	FIELD_TAGS,
	FIELD_PROFILE_ID,
	FIELDS
};

static const struct {
	const char *name;
	avro_type_t type;
} fields[FIELDS] = {{"name", AVRO_STRING}, {"value", AVRO_DOUBLE},
    {"timestamp", AVRO_INT64}, {"tags", AVRO_MAP}, {"profileId", AVRO_STRING}};

struct metric_schema {
	cJSON *json;
	const cJSON *fields[FIELDS]; /* in it */
	struct metric defaults;      /* its texts are in `json` */
	bool has_default[FIELDS];
};

struct writer_schema {
	const struct metric_schema *ours;
	avro_schema_t schema;
	enum metric_field *to; /* of each field of its; FIELDS: none of ours */
	size_t count;
	bool has[FIELDS];
	bool is_ours;
};

/* ---- avro-c ------------------------------------------------------------- */

/* What a name stands for that was defined before. */
static avro_schema_t
target_of(avro_schema_t schema)
{
	while (is_avro_link(schema))
		schema = avro_schema_link_target(schema);
	return schema;
}

static const char *
type_name(avro_schema_t schema)
{
	static const char *const names[] = {[AVRO_STRING] = "string",
	    [AVRO_BYTES] = "bytes",
	    [AVRO_INT32] = "int",
	    [AVRO_INT64] = "long",
	    [AVRO_FLOAT] = "float",
	    [AVRO_DOUBLE] = "double",
	    [AVRO_BOOLEAN] = "boolean",
	    [AVRO_NULL] = "null",
	    [AVRO_RECORD] = "record",
	    [AVRO_ENUM] = "enum",
	    [AVRO_FIXED] = "fixed",
	    [AVRO_MAP] = "map",
	    [AVRO_ARRAY] = "array",
	    [AVRO_UNION] = "union"};
	avro_type_t type = avro_typeof(target_of(schema));

	return type < sizeof(names) / sizeof(names[0]) ? names[type] : "value";
}

/* True where `schema` is of exactly our type of the field. */
static bool
has_our_type(avro_schema_t schema, enum metric_field field)
{
	if (avro_typeof(schema) != fields[field].type)
		return false;
	return field != FIELD_TAGS ||
	    avro_typeof(avro_schema_map_values(schema)) == AVRO_STRING;
}

/* True where a record has our five fields, as they are. */
static bool
is_laid_out_as_ours(avro_schema_t record)
{
	if (avro_schema_record_size(record) != FIELDS)
		return false;
	for (int i = 0; i < FIELDS; i++)
		if (!has_our_type(
			avro_schema_record_field_get_by_index(record, i),
			(enum metric_field)i))
			return false;
	return true;
}

/* NULL with a problem. The text is JSON, which avro-c does not see to. */
static avro_schema_t
parse(const char *text, size_t len, struct buf *problem)
{
	avro_schema_t schema = NULL;
	const char *error;
	size_t offset;

	if (!json_validate(text, len, &error, &offset))
		buf_printf(
		    problem, "not JSON: %s at byte %zu", error, offset + 1);
	else if (avro_schema_from_json_length(text, len, &schema) != 0)
		buf_printf(problem, "not an Avro schema: %s", avro_strerror());
	else if (!is_avro_record(schema)) {
		buf_printf(problem, "a schema of a record is expected, not %s",
		    type_name(schema));
		avro_schema_decref(schema);
	} else
		return schema;
	return NULL;
}

/* ---- our own ------------------------------------------------------------ */

static struct text
text_of(const cJSON *string)
{
	return (struct text){string->valuestring, strlen(string->valuestring)};
}

static bool
take_default_tags(struct metric *metric, const cJSON *object)
{
	const cJSON *tag;

	if (!cJSON_IsObject(object))
		return false;
	cJSON_ArrayForEach(tag, object)
	{
		struct text key = {tag->string, strlen(tag->string)}, value;

		if (!cJSON_IsString(tag))
			return false;
		value = text_of(tag);
		if (!metric_add_tag(metric, &key, &value))
			return false;
	}
	return true;
}

/* False where the default is not of the field's type. */
static bool
take_default(struct metric_schema *ours, enum metric_field field)
{
	struct metric *metric = &ours->defaults;
	const cJSON *value =
	    cJSON_GetObjectItemCaseSensitive(ours->fields[field], "default");

	ours->has_default[field] = value != NULL;
	if (value == NULL)
		return true;
	switch (field) {
	case FIELD_NAME:
	case FIELD_PROFILE_ID:
		if (!cJSON_IsString(value))
			return false;
		*(field == FIELD_NAME ? &metric->name : &metric->profile_id) =
		    text_of(value);
		return true;
	case FIELD_VALUE:
		metric->value = value->valuedouble;
		return cJSON_IsNumber(value);
	case FIELD_TIMESTAMP:
		if (!cJSON_IsNumber(value) ||
		    value->valuedouble != trunc(value->valuedouble) ||
		    fabs(value->valuedouble) >= 0x1p53)
			return false;
		metric->timestamp_ms = (int64_t)value->valuedouble;
		return true;
	case FIELD_TAGS:
		return take_default_tags(metric, value);
	case FIELDS:
		break;
	}
	return false;
}

static bool
take_fields(struct metric_schema *ours, struct buf *problem)
{
	const cJSON *list =
	    cJSON_GetObjectItemCaseSensitive(ours->json, "fields");
	const char *name;

	for (int i = 0; i < FIELDS; i++) {
		ours->fields[i] = cJSON_GetArrayItem(list, i);
		name = cJSON_GetStringValue(
		    cJSON_GetObjectItemCaseSensitive(ours->fields[i], "name"));
		if (name == NULL || strcmp(name, fields[i].name) != 0) {
			buf_printf(problem, "field %d is not \"%s\"", i + 1,
			    fields[i].name);
			return false;
		}
		if (!take_default(ours, (enum metric_field)i)) {
			buf_printf(problem,
			    "the default of \"%s\" is not of its type",
			    fields[i].name);
			return false;
		}
	}
	return true;
}

struct metric_schema *
metric_schema_parse(const char *text, size_t len, struct buf *problem)
{
	avro_schema_t schema = parse(text, len, problem);
	struct metric_schema *ours;
	bool good;

	if (schema == NULL)
		return NULL;
	good = is_laid_out_as_ours(schema);
	avro_schema_decref(schema);
	if (!good) {
		buf_add_string(problem,
		    "a client metric's schema is expected: the fields name "
		    "(string), value (double), timestamp (long), tags (map of "
		    "string) and profileId (string)");
		return NULL;
	}
	ours = xmalloc(sizeof(*ours));
	*ours =
	    (struct metric_schema){.json = cJSON_ParseWithLength(text, len)};
	if (ours->json == NULL)
		buf_add_string(problem, "not JSON");
	else if (take_fields(ours, problem))
		return ours;
	metric_schema_free(ours);
	return NULL;
}

void
metric_schema_free(struct metric_schema *schema)
{
	if (schema == NULL)
		return;
	metric_free(&schema->defaults);
	cJSON_Delete(schema->json);
	free(schema);
}

/* What is behind the last dot of a name. */
static const char *
unqualified(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL ? dot + 1 : name;
}

/* True where `name` is the name of an object of our schema. */
static bool
is_named(const cJSON *object, const char *name)
{
	const char *own = cJSON_GetStringValue(
	    cJSON_GetObjectItemCaseSensitive(object, "name"));

	return own != NULL && strcmp(unqualified(own), name) == 0;
}

static bool
has_alias(const cJSON *object, const char *name)
{
	const cJSON *aliases =
	    cJSON_GetObjectItemCaseSensitive(object, "aliases");
	int count = cJSON_GetArraySize(aliases);
	const char *alias;

	for (int i = 0; i < count; i++) {
		alias = cJSON_GetStringValue(cJSON_GetArrayItem(aliases, i));
		if (alias != NULL && strcmp(unqualified(alias), name) == 0)
			return true;
	}
	return false;
}

/* ---- another writer's --------------------------------------------------- */

/* The field of ours that a writer's field is, or FIELDS. An alias counts where
 * the writer has no field of the very name. */
static enum metric_field
find_field(const struct writer_schema *writer, const char *name)
{
	const struct metric_schema *ours = writer->ours;

	for (int i = 0; i < FIELDS; i++) {
		if (is_named(ours->fields[i], name))
			return (enum metric_field)i;
		if (has_alias(ours->fields[i], name) && !writer->has[i] &&
		    avro_schema_record_field_get_index(
			writer->schema, fields[i].name) < 0)
			return (enum metric_field)i;
	}
	return FIELDS;
}

/* False with a problem where what it lacks has no default. */
static bool
map_fields(struct writer_schema *writer, struct buf *problem)
{
	avro_schema_t schema = writer->schema;
	enum metric_field field;
	const char *name;

	writer->count = avro_schema_record_size(schema);
	writer->to =
	    xreallocarray(NULL, writer->count + 1, sizeof(*writer->to));
	for (size_t i = 0; i < writer->count; i++) {
		name = avro_schema_record_field_name(schema, (int)i);
		field = find_field(writer, name);
		writer->to[i] = field;
		if (field != FIELDS)
			writer->has[field] = true;
	}
	for (int i = 0; i < FIELDS; i++) {
		if (writer->has[i] || writer->ours->has_default[i])
			continue;
		buf_printf(problem,
		    "it lacks the field \"%s\", which has no default",
		    fields[i].name);
		return false;
	}
	return true;
}

/* Fields with our names, in our order, of our types. */
static bool
is_ours(const struct writer_schema *writer)
{
	if (!is_laid_out_as_ours(writer->schema))
		return false;
	for (size_t i = 0; i < writer->count; i++)
		if (writer->to[i] != (enum metric_field)i)
			return false;
	return true;
}

struct writer_schema *
writer_schema_parse(const struct metric_schema *ours, const char *text,
    size_t len, struct buf *problem)
{
	avro_schema_t schema = parse(text, len, problem);
	struct writer_schema *writer;

	if (schema == NULL)
		return NULL;
	writer = xmalloc(sizeof(*writer));
	*writer = (struct writer_schema){.ours = ours, .schema = schema};
	if (!is_named(ours->json, avro_schema_name(schema)) &&
	    !has_alias(ours->json, avro_schema_name(schema)))
		buf_printf(problem, "it is a schema of \"%s\", not of \"%s\"",
		    avro_schema_name(schema),
		    cJSON_GetStringValue(
			cJSON_GetObjectItemCaseSensitive(ours->json, "name")));
	else if (map_fields(writer, problem)) {
		writer->is_ours = is_ours(writer);
		return writer;
	}
	writer_schema_free(writer);
	return NULL;
}

void
writer_schema_free(struct writer_schema *writer)
{
	if (writer == NULL)
		return;
	avro_schema_decref(writer->schema);
	free(writer->to);
	free(writer);
}

bool
writer_schema_is_ours(const struct writer_schema *writer)
{
	return writer->is_ours;
}

/* ---- values of any schema ----------------------------------------------- */

/* Reading by a schema that is not ours. */
struct walk {
	struct binary *in;
	size_t steps; /* that are left */
	unsigned depth;
};

/* Each value is a step; false where it goes on and on. */
static bool
step(struct walk *walk)
{
	if (walk->steps == 0)
		return binary_fail(walk->in, "it has too many values");
	walk->steps--;
	return true;
}

/* Reads a union's branch, and that of a union in it. */
static bool
choose_branch(struct walk *walk, avro_schema_t *schema)
{
	int64_t branch;

	*schema = target_of(*schema);
	while (is_avro_union(*schema)) {
		if (!step(walk) || !binary_read_long(walk->in, &branch))
			return false;
		if (branch < 0 ||
		    (uint64_t)branch >= avro_schema_union_size(*schema))
			return binary_fail(
			    walk->in, "a union has no such branch");
		*schema =
		    target_of(avro_schema_union_branch(*schema, (int)branch));
	}
	return true;
}

static bool skip(struct walk *walk, avro_schema_t schema);

/* The items of an array, or the entries of a map (with keys). */
static bool
skip_blocks(struct walk *walk, avro_schema_t items, bool keys)
{
	struct binary *in = walk->in;
	struct text key;
	uint64_t count;
	int64_t size;

	while (binary_read_block(in, &count, &size) && count > 0) {
		if (size >= 0) {
			binary_skip(in, (uint64_t)size);
			continue;
		}
		for (; count > 0; count--) {
			const char *before = in->at;

			if ((keys && !binary_read_bytes(in, &key)) ||
			    !skip(walk, items))
				return false;
			/* An item without bytes: so are the others. */
			if (in->at == before)
				break;
		}
	}
	return in->problem == NULL;
}

static bool
skip_record(struct walk *walk, avro_schema_t record)
{
	size_t count = avro_schema_record_size(record);

	for (size_t i = 0; i < count; i++)
		if (!skip(walk,
			avro_schema_record_field_get_by_index(record, (int)i)))
			return false;
	return true;
}

static bool
skip_value(struct walk *walk, avro_schema_t schema)
{
	struct binary *in = walk->in;
	struct text bytes;
	int64_t number;

	switch (avro_typeof(schema)) {
	case AVRO_NULL:
		return true;
	case AVRO_BOOLEAN:
		return binary_skip(in, 1);
	case AVRO_INT32:
	case AVRO_INT64:
	case AVRO_ENUM:
		return binary_read_long(in, &number);
	case AVRO_FLOAT:
		return binary_skip(in, 4);
	case AVRO_DOUBLE:
		return binary_skip(in, 8);
	case AVRO_STRING:
	case AVRO_BYTES:
		return binary_read_bytes(in, &bytes);
	case AVRO_FIXED:
		number = avro_schema_fixed_size(schema);
		return binary_skip(in, number < 0 ? 0 : (uint64_t)number);
	case AVRO_ARRAY:
		return skip_blocks(
		    walk, avro_schema_array_items(schema), false);
	case AVRO_MAP:
		return skip_blocks(walk, avro_schema_map_values(schema), true);
	case AVRO_RECORD:
		return skip_record(walk, schema);
	default:
		return binary_fail(in, "its schema has a type unknown here");
	}
}

static bool
skip(struct walk *walk, avro_schema_t schema)
{
	bool good;

	if (walk->depth == DEPTH_MAX)
		return binary_fail(walk->in, "it is nested too deep");
	walk->depth++;
	good = step(walk) && choose_branch(walk, &schema) &&
	    skip_value(walk, schema);
	walk->depth--;
	return good;
}

/* ---- values that become ours -------------------------------------------- */

static bool
read_text(struct walk *walk, avro_schema_t schema, struct text *text)
{
	if (!choose_branch(walk, &schema))
		return false;
	/* bytes are promoted to a string. */
	if (is_avro_string(schema) || is_avro_bytes(schema))
		return binary_read_string(walk->in, text);
	return binary_fail(walk->in,
	    "it has another type where a string is "
	    "expected");
}

static bool
read_double(struct walk *walk, avro_schema_t schema, double *value)
{
	int64_t integer = 0;
	bool good;

	if (!choose_branch(walk, &schema))
		return false;
	switch (avro_typeof(schema)) {
	case AVRO_DOUBLE:
		return binary_read_double(walk->in, value);
	case AVRO_FLOAT:
		return binary_read_float(walk->in, value);
	case AVRO_INT32:
	case AVRO_INT64:
		good = binary_read_long(walk->in, &integer);
		*value = (double)integer;
		return good;
	default:
		return binary_fail(
		    walk->in, "it has another type where a number is expected");
	}
}

static bool
read_long(struct walk *walk, avro_schema_t schema, int64_t *number)
{
	if (!choose_branch(walk, &schema))
		return false;
	if (is_avro_int32(schema) || is_avro_int64(schema))
		return binary_read_long(walk->in, number);
	return binary_fail(walk->in,
	    "it has another type where a long is "
	    "expected");
}

static bool
read_tags(struct walk *walk, avro_schema_t schema, struct metric *metric)
{
	struct binary *in = walk->in;
	struct text key, value;
	uint64_t count;
	int64_t size;

	if (!choose_branch(walk, &schema))
		return false;
	if (!is_avro_map(schema))
		return binary_fail(
		    in, "it has another type where a map is expected");
	while (binary_read_block(in, &count, &size) && count > 0) {
		for (; count > 0; count--) {
			if (!binary_read_string(in, &key) ||
			    !read_text(
				walk, avro_schema_map_values(schema), &value))
				return false;
			if (!metric_add_tag(metric, &key, &value))
				return binary_fail(
				    in, "it has more than 1024 tags");
		}
	}
	return in->problem == NULL;
}

static bool
read_field(struct walk *walk, avro_schema_t schema, enum metric_field field,
    struct metric *metric)
{
	switch (field) {
	case FIELD_NAME:
		return read_text(walk, schema, &metric->name);
	case FIELD_VALUE:
		return read_double(walk, schema, &metric->value);
	case FIELD_TIMESTAMP:
		return read_long(walk, schema, &metric->timestamp_ms);
	case FIELD_TAGS:
		return read_tags(walk, schema, metric);
	case FIELD_PROFILE_ID:
		return read_text(walk, schema, &metric->profile_id);
	case FIELDS:
		break;
	}
	return skip(walk, schema);
}

static void
take_defaults(const struct writer_schema *writer, struct metric *metric)
{
	const struct metric *defaults = &writer->ours->defaults;

	metric->name = defaults->name;
	metric->value = defaults->value;
	metric->timestamp_ms = defaults->timestamp_ms;
	metric->profile_id = defaults->profile_id;
	for (size_t i = 0; !writer->has[FIELD_TAGS] && i < defaults->ntags; i++)
		metric_add_tag(
		    metric, &defaults->tags[i].key, &defaults->tags[i].value);
}

bool
writer_schema_decode(const struct writer_schema *writer, struct binary *in,
    struct metric *metric)
{
	struct walk walk = {.in = in,
	    .steps =
		STEPS_AT_LEAST + STEPS_PER_BYTE * (size_t)(in->end - in->at)};

	metric_clear(metric);
	if (writer->is_ours)
		return metric_decode(in, metric);
	take_defaults(writer, metric);
	for (size_t i = 0; i < writer->count; i++)
		if (!read_field(&walk,
			avro_schema_record_field_get_by_index(
			    writer->schema, (int)i),
			writer->to[i], metric))
			return false;
	return true;
}

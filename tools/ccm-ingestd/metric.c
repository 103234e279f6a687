#include "metric.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "log.h"
#include "number.h"

/* So many digits may be more than a double holds. */
#define DIGITS_OF_DOUBLE 300

/* ---- problems ----------------------------------------------------------- */

/* Appends "/" and a reference token to the pointer. */
static void
point_to(struct metric_problem *problem, const char *token, size_t len)
{
	struct buf *pointer = &problem->pointer;
	const char *plain = token, *end = token + len;

	buf_add_char(pointer, '/');
	for (; token < end; token++) {
		if (*token != '~' && *token != '/')
			continue;
		buf_add(pointer, plain, (size_t)(token - plain));
		buf_add_string(pointer, *token == '~' ? "~0" : "~1");
		plain = token + 1;
	}
	buf_add(pointer, plain, (size_t)(end - plain));
}

static void
point_to_text(struct metric_problem *problem, const struct json_text *text)
{
	struct buf token = BUF_INIT;

	if (text->simple) {
		point_to(problem, text->at, text->len);
		return;
	}
	json_decode(&token, text);
	point_to(problem, token.data, token.len);
	buf_free(&token);
}

static bool fail(struct metric_problem *problem, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The first thing that is wrong counts. */
static bool
fail(struct metric_problem *problem, const char *format, ...)
{
	va_list ap;
	char *detail;

	if (problem->detail.len > 0)
		return false;
	va_start(ap, format);
	if (vasprintf(&detail, format, ap) < 0)
		detail = xstrdup("out of memory");
	va_end(ap);
	buf_add_string(&problem->detail, detail);
	buf_terminate(&problem->detail);
	buf_terminate(&problem->pointer);
	free(detail);
	return false;
}

static bool
fail_json(struct metric_problem *problem, const struct json *json)
{
	return fail(problem, "byte %zu: %s", json_column(json), json->error);
}

void
metric_problem_free(struct metric_problem *problem)
{
	buf_free(&problem->pointer);
	buf_free(&problem->detail);
	problem->too_many = false;
}

/* ---- fields ------------------------------------------------------------- */

bool
metric_app_id_is_valid(const char *app_id, size_t len)
{
	if (len < 1 || len > 128)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = app_id[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '.' || c == '_' ||
			c == '~' || c == '-'))
			return false;
	}
	return true;
}

/* The bytes of a string, decoded; -1 where it has a NUL. */
static long
decoded_length(const struct json_text *text)
{
	struct buf decoded = BUF_INIT;
	long len = (long)text->len;

	if (text->simple)
		return len;
	json_decode(&decoded, text);
	len = (long)decoded.len;
	if (memchr(decoded.data, '\0', decoded.len) != NULL)
		len = -1;
	buf_free(&decoded);
	return len;
}

static bool
check_string(struct metric_problem *problem, const struct json_text *text,
    long least, long most)
{
	long len = decoded_length(text);

	if (len < 0)
		return fail(problem, "a string must not have a NUL");
	if (len < least)
		return fail(problem, "the string is empty");
	if (len > most)
		return fail(problem,
		    "the string has %ld bytes; it may have %ld", len, most);
	return true;
}

static bool
read_string(struct json *json, struct metric_problem *problem,
    struct json_text *text, long least, long most)
{
	enum json_type type = json_value(json, text);

	if (type == JSON_INVALID)
		return fail_json(problem, json);
	if (type != JSON_STRING)
		return fail(problem, "a string was expected");
	return check_string(problem, text, least, most);
}

/* A number whose double is finite. */
static bool
read_value(
    struct json *json, struct metric_problem *problem, struct json_text *text)
{
	enum json_type type = json_value(json, text);
	bool infinite = false;

	if (type == JSON_INVALID)
		return fail_json(problem, json);
	if (type != JSON_NUMBER)
		return fail(problem, "a number was expected");
	if (text->simple && text->len > DIGITS_OF_DOUBLE) {
		char *copy = xstrndup(text->at, text->len);

		infinite = isinf(strtod(copy, NULL));
		free(copy);
	}
	if (infinite)
		return fail(problem, "the number is out of a double's range");
	return true;
}

/* Digits, of a number that fits by their count; -1 where it is something else.
 */
static int64_t
number_of_digits(const char *at, size_t len)
{
	int64_t number = 0;

	if (len > 18)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (at[i] < '0' || at[i] > '9')
			return -1;
		number = number * 10 + (at[i] - '0');
	}
	return number;
}

/* An integer, in whatever form JSON has it (1.0 is 1), from 0 to `most`. */
static bool
read_integer(struct json *json, struct metric_problem *problem, int64_t *number,
    int64_t most)
{
	struct json_text text;
	struct buf digits = BUF_INIT;
	enum json_type type = json_value(json, &text);

	if (type == JSON_INVALID)
		return fail_json(problem, json);
	if (type != JSON_NUMBER)
		return fail(problem, "an integer was expected");
	*number = number_of_digits(text.at, text.len);
	if (!text.simple) {
		number_write(&digits, &text);
		*number = number_of_digits(digits.data, digits.len);
		buf_free(&digits);
	}
	if (*number >= 0 && *number <= most)
		return true;
	return fail(
	    problem, "an integer from 0 to %jd was expected", (intmax_t)most);
}

static bool
read_tags(
    struct json *json, struct metric_problem *problem, struct metric *metric)
{
	size_t here = problem->pointer.len;
	struct json_text text;
	struct metric_tag tag;
	enum json_type type = json_value(json, &text);

	if (type == JSON_INVALID)
		return fail_json(problem, json);
	if (type != JSON_OBJECT)
		return fail(problem, "an object of strings was expected");
	while (json_member(json, &tag.name)) {
		if (metric->ntags == METRIC_TAGS_MAX)
			return fail(
			    problem, "there are over %d tags", METRIC_TAGS_MAX);
		point_to_text(problem, &tag.name);
		if (!check_string(problem, &tag.name, 1, METRIC_TAG_NAME_MAX) ||
		    !read_string(
			json, problem, &tag.value, 0, METRIC_TAG_VALUE_MAX))
			return false;
		problem->pointer.len = here;
		metric->tags[metric->ntags++] = tag;
	}
	return json->error == NULL ? true : fail_json(problem, json);
}

/* ---- metrics ------------------------------------------------------------ */

/* The fields, each with the bit that says it was there. */
enum {
	HAS_NAME = 1,
	HAS_VALUE = 2,
	HAS_TIMESTAMP = 4,
	HAS_PROFILE_ID = 8,
	HAS_TAGS = 16,
	HAS_APP_ID = 32,
	HAS_RECEIVED = 64,
	HAS_PARTITION = 128,
	HAS_OFFSET = 256
};

static const struct field {
	const char *name;
	unsigned bit;
} fields[] = {{"name", HAS_NAME}, {"value", HAS_VALUE},
    {"timestamp", HAS_TIMESTAMP}, {"tags", HAS_TAGS},
    {"profileId", HAS_PROFILE_ID}, {"app_id", HAS_APP_ID},
    {"received", HAS_RECEIVED}, {"partition", HAS_PARTITION},
    {"offset", HAS_OFFSET}};

#define NFIELDS (sizeof(fields) / sizeof(fields[0]))
#define REQUIRED (HAS_NAME | HAS_VALUE | HAS_TIMESTAMP | HAS_PROFILE_ID)

static unsigned
field_bit(const struct json_text *key)
{
	for (size_t i = 0; i < NFIELDS; i++)
		if (json_text_is(key, fields[i].name))
			return fields[i].bit;
	return 0;
}

static bool
read_field(struct json *json, struct metric_problem *problem,
    struct metric *metric, unsigned bit)
{
	int64_t offset;

	switch (bit) {
	case HAS_NAME:
		return read_string(
		    json, problem, &metric->name, 1, METRIC_NAME_MAX);
	case HAS_VALUE:
		return read_value(json, problem, &metric->value);
	case HAS_TIMESTAMP:
		return read_integer(
		    json, problem, &metric->timestamp, METRIC_TIMESTAMP_MAX);
	case HAS_TAGS:
		return read_tags(json, problem, metric);
	case HAS_PROFILE_ID:
		return read_string(
		    json, problem, &metric->profile_id, 0, METRIC_NAME_MAX);
	case HAS_APP_ID:
		return read_string(json, problem, &metric->app_id, 1, 128);
	case HAS_RECEIVED:
		return read_integer(
		    json, problem, &metric->received, METRIC_TIMESTAMP_MAX);
	case HAS_PARTITION:
		return read_integer(
		    json, problem, &metric->partition, INT32_MAX);
	default:
		return read_integer(json, problem, &offset, 999999999999999999);
	}
}

static unsigned
allowed_fields(enum metric_source source)
{
	switch (source) {
	case METRIC_POSTED:
		return REQUIRED | HAS_TAGS;
	case METRIC_SPOOLED:
		return REQUIRED | HAS_TAGS | HAS_APP_ID | HAS_RECEIVED;
	default:
		return ~0u;
	}
}

static bool
check_present(
    struct metric_problem *problem, unsigned present, unsigned required)
{
	for (size_t i = 0; i < NFIELDS; i++) {
		if ((required & fields[i].bit & ~present) == 0)
			continue;
		point_to(problem, fields[i].name, strlen(fields[i].name));
		return fail(problem, "the field is missing");
	}
	return true;
}

bool
metric_read(struct json *json, enum metric_source source, struct metric *metric,
    struct metric_problem *problem)
{
	size_t here = problem->pointer.len;
	unsigned present = 0, allowed = allowed_fields(source);
	struct json_text key, text;
	enum json_type type = json_value(json, &text);

	metric->app_id = (struct json_text){.at = "", .len = 0, .simple = true};
	metric->ntags = 0;
	metric->received = metric->partition = -1;
	if (type == JSON_INVALID)
		return fail_json(problem, json);
	if (type != JSON_OBJECT)
		return fail(problem, "an object was expected");
	while (json_member(json, &key)) {
		unsigned bit = field_bit(&key);

		point_to_text(problem, &key);
		if ((bit & allowed) == 0)
			return fail(problem,
			    "this field is unknown; a metric has name, value, "
			    "timestamp, tags and profileId");
		if (!read_field(json, problem, metric, bit))
			return false;
		present |= bit;
		problem->pointer.len = here;
	}
	if (json->error != NULL)
		return fail_json(problem, json);
	return check_present(problem, present,
	    source == METRIC_SPOOLED ? allowed & ~(unsigned)HAS_TAGS
				     : REQUIRED);
}

bool
metric_read_line(struct json *json, const char *line, size_t len,
    enum metric_source source, struct metric *metric,
    struct metric_problem *problem)
{
	problem->pointer.len = problem->detail.len = 0;
	json_start(json, line, len);
	if (!metric_read(json, source, metric, problem))
		return false;
	return json_end(json) ? true : fail_json(problem, json);
}

/* ,"NAME":"STRING" */
static void
add_string(struct buf *out, const char *name, const struct json_text *text)
{
	buf_add_string(out, name);
	json_escape_text(out, text);
	buf_add_char(out, '"');
}

void
metric_write(struct buf *out, const struct metric *metric, const char *app_id,
    int64_t received)
{
	buf_add_char(out, '{');
	if (app_id != NULL) {
		buf_add_string(out, "\"app_id\":\"");
		buf_add_string(out, app_id);
		buf_add_string(out, "\",");
	}
	add_string(out, "\"name\":\"", &metric->name);
	buf_add_string(out, ",\"value\":");
	number_write(out, &metric->value);
	buf_add_string(out, ",\"timestamp\":");
	number_write_integer(out, metric->timestamp);
	buf_add_string(out, ",\"tags\":{");
	for (size_t i = 0; i < metric->ntags; i++) {
		add_string(out, i > 0 ? ",\"" : "\"", &metric->tags[i].name);
		add_string(out, ":\"", &metric->tags[i].value);
	}
	buf_add_char(out, '}');
	add_string(out, ",\"profileId\":\"", &metric->profile_id);
	if (received >= 0) {
		buf_add_string(out, ",\"received\":");
		number_write_integer(out, received);
	}
	buf_add_char(out, '}');
}

/* ---- batches ------------------------------------------------------------ */

/* Reads the array of metrics; their number, or -1. */
static long
read_metrics(struct json *json, const char *app_id, int64_t received,
    struct buf *lines, struct metric_problem *problem)
{
	size_t here = problem->pointer.len;
	struct metric metric;
	struct json_text text;
	enum json_type type = json_value(json, &text);
	long count = 0;

	if (type != JSON_ARRAY && type != JSON_INVALID) {
		fail(problem, "an array of metrics was expected");
		return -1;
	}
	while (json_element(json)) {
		size_t start = lines->len;
		char index[32];
		int len;

		problem->too_many = count == METRICS_MAX;
		if (problem->too_many) {
			fail(problem, "there are over %d metrics", METRICS_MAX);
			return -1;
		}
		len = snprintf(index, sizeof(index), "%ld", count++);
		point_to(problem, index, (size_t)len);
		if (!metric_read(json, METRIC_POSTED, &metric, problem))
			return -1;
		metric_write(lines, &metric, app_id, received);
		if (lines->len - start > METRIC_BYTES_MAX) {
			fail(problem, "the metric is over 64 KiB");
			return -1;
		}
		buf_add_char(lines, '\n');
		problem->pointer.len = here;
	}
	if (json->error == NULL)
		return count;
	fail_json(problem, json);
	return -1;
}

long
metric_read_batch(struct json *json, const char *body, size_t len,
    const char *app_id, int64_t received, struct buf *lines,
    struct metric_problem *problem)
{
	struct json_text key;
	long count = -1;

	problem->pointer.len = problem->detail.len = 0;
	problem->too_many = false;
	json_start(json, body, len);
	switch (json_value(json, &key)) {
	case JSON_OBJECT:
		break;
	case JSON_INVALID:
		fail_json(problem, json);
		return -1;
	default:
		fail(problem, "an object was expected");
		return -1;
	}
	while (json_member(json, &key)) {
		point_to_text(problem, &key);
		if (!json_text_is(&key, "metrics")) {
			fail(problem,
			    "this field is unknown; a batch has "
			    "metrics");
			return -1;
		}
		count = read_metrics(json, app_id, received, lines, problem);
		if (count < 0)
			return -1;
		problem->pointer.len = 0;
	}
	if (!json_end(json)) {
		fail_json(problem, json);
		return -1;
	}
	if (count < 0) {
		point_to(problem, "metrics", strlen("metrics"));
		fail(problem, "the field is missing");
	}
	return count;
}

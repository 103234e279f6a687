#include "metric.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "lines.h"
#include "number.h"

#define APP_ID_MAX 128

void
metric_clear(struct metric *metric)
{
	metric->ntags = 0;
}

void
metric_free(struct metric *metric)
{
	free(metric->tags);
	*metric = (struct metric){.tags = NULL};
}

static bool
text_equals(const struct text *a, const struct text *b)
{
	return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

bool
metric_add_tag(
    struct metric *metric, const struct text *key, const struct text *value)
{
	for (size_t i = 0; i < metric->ntags; i++) {
		if (text_equals(&metric->tags[i].key, key)) {
			metric->tags[i].value = *value;
			return true;
		}
	}
	if (metric->ntags == METRIC_TAGS_MAX)
		return false;
	if (metric->ntags == metric->tags_size)
		metric->tags = grow_array(
		    metric->tags, &metric->tags_size, sizeof(*metric->tags));
	metric->tags[metric->ntags++] = (struct metric_tag){*key, *value};
	return true;
}

/* ---- Avro --------------------------------------------------------------- */

void
metric_encode(struct buf *out, const struct metric *metric)
{
	binary_write_string(out, &metric->name);
	binary_write_double(out, metric->value);
	binary_write_long(out, metric->timestamp_ms);
	if (metric->ntags > 0)
		binary_write_long(out, (int64_t)metric->ntags);
	for (size_t i = 0; i < metric->ntags; i++) {
		binary_write_string(out, &metric->tags[i].key);
		binary_write_string(out, &metric->tags[i].value);
	}
	binary_write_long(out, 0);
	binary_write_string(out, &metric->profile_id);
}

bool
metric_decode_tags(struct binary *in, struct metric *metric)
{
	struct text key, value;
	uint64_t items;
	int64_t size;

	while (binary_read_block(in, &items, &size) && items > 0) {
		/* Each item has a byte at least: it ends in time. */
		for (; items > 0; items--) {
			if (!binary_read_string(in, &key) ||
			    !binary_read_string(in, &value))
				return false;
			if (!metric_add_tag(metric, &key, &value))
				return binary_fail(
				    in, "it has more than 1024 tags");
		}
	}
	return in->problem == NULL;
}

bool
metric_decode(struct binary *in, struct metric *metric)
{
	return binary_read_string(in, &metric->name) &&
	    binary_read_double(in, &metric->value) &&
	    binary_read_long(in, &metric->timestamp_ms) &&
	    metric_decode_tags(in, metric) &&
	    binary_read_string(in, &metric->profile_id);
}

/* ---- reading a line ----------------------------------------------------- */

/* What a string says: the line's own bytes where it has no escapes. */
static struct text
text_of(struct spooled *spooled, const struct json_text *text)
{
	size_t start = spooled->decoded.len;

	if (text->simple)
		return (struct text){text->at, text->len};
	json_decode(&spooled->decoded, text);
	return (struct text){
	    spooled->decoded.data + start, spooled->decoded.len - start};
}

static const char *
read_string(struct spooled *spooled, struct text *to)
{
	struct json_text text;

	if (json_value(&spooled->json, &text) != JSON_STRING)
		return "is not a string";
	*to = text_of(spooled, &text);
	return NULL;
}

static const char *
read_app_id(struct spooled *spooled)
{
	const char *what = read_string(spooled, &spooled->app_id);

	if (what == NULL && !app_id_is_valid(&spooled->app_id))
		what = "is not an application's id";
	return what;
}

static const char *
read_name(struct spooled *spooled)
{
	const char *what = read_string(spooled, &spooled->metric.name);

	if (what == NULL && spooled->metric.name.len == 0)
		what = "is empty";
	return what;
}

static const char *
read_profile_id(struct spooled *spooled)
{
	return read_string(spooled, &spooled->metric.profile_id);
}

/* A newline or another end of JSON's is behind the number. */
static const char *
read_value(struct spooled *spooled)
{
	struct json_text text;

	if (json_value(&spooled->json, &text) != JSON_NUMBER)
		return "is not a number";
	spooled->metric.value = strtod(text.at, NULL);
	return NULL;
}

/* 1.7569008E12 is an integer too. */
static const char *
read_integer(struct json *json, int64_t *number)
{
	static const char no_integer[] = "is not an integer of 64 bits";
	struct json_text text;
	double value;
	char *end;

	if (json_value(json, &text) != JSON_NUMBER)
		return no_integer;
	errno = 0;
	*number = strtoll(text.at, &end, 10);
	if (end == text.at + text.len)
		return errno == 0 ? NULL : no_integer;
	value = strtod(text.at, NULL);
	if (value != trunc(value) || fabs(value) >= 0x1p53)
		return no_integer;
	*number = (int64_t)value;
	return NULL;
}

static const char *
read_timestamp(struct spooled *spooled)
{
	return read_integer(&spooled->json, &spooled->metric.timestamp_ms);
}

static const char *
read_received(struct spooled *spooled)
{
	const char *what = read_integer(&spooled->json, &spooled->received_ms);

	if (what == NULL && spooled->received_ms < 0)
		what = "is negative";
	return what;
}

static const char *
read_tags(struct spooled *spooled)
{
	struct json_text key, value;
	struct text name, text;

	if (json_value(&spooled->json, &value) != JSON_OBJECT)
		return "is not an object";
	while (json_member(&spooled->json, &key)) {
		if (json_value(&spooled->json, &value) != JSON_STRING)
			return "has a value that is not a string";
		name = text_of(spooled, &key);
		text = text_of(spooled, &value);
		if (!metric_add_tag(&spooled->metric, &name, &text))
			return "has more than 1024 tags";
	}
	return NULL;
}

static const struct member {
	const char *name;
	const char *(*read)(struct spooled *);
	bool optional;
} members[] = {{"app_id", read_app_id, false}, {"name", read_name, false},
    {"value", read_value, false}, {"timestamp", read_timestamp, false},
    {"tags", read_tags, true}, {"profileId", read_profile_id, false},
    {"received", read_received, false}};

#define MEMBERS (sizeof(members) / sizeof(members[0]))

/* What is wrong with the line, for `problem`; nothing where it is not JSON. */
static void
read_members(struct spooled *spooled, struct buf *problem)
{
	bool seen[MEMBERS] = {false};
	struct json_text key;
	const char *what;
	size_t i;

	while (json_member(&spooled->json, &key)) {
		for (i = 0; i < MEMBERS; i++)
			if (json_text_is(&key, members[i].name))
				break;
		if (i == MEMBERS) {
			buf_add_string(problem, "a client metric has no \"");
			json_escape_text(problem, &key);
			buf_add_char(problem, '"');
			return;
		}
		what = members[i].read(spooled);
		if (what != NULL) {
			buf_printf(problem, "\"%s\" %s", members[i].name, what);
			return;
		}
		seen[i] = true;
	}
	for (i = 0; i < MEMBERS; i++) {
		if (!seen[i] && !members[i].optional) {
			buf_printf(
			    problem, "\"%s\" is missing", members[i].name);
			return;
		}
	}
}

bool
spooled_read(
    struct spooled *spooled, const char *line, size_t len, struct buf *problem)
{
	struct json *json = &spooled->json;
	struct json_text text;
	size_t before = problem->len;

	metric_clear(&spooled->metric);
	/* Decoded texts are no longer than the line, and stay in their place.
	 */
	spooled->decoded.len = 0;
	buf_reserve(&spooled->decoded, len);
	json_start(json, line, len);
	if (json_value(json, &text) == JSON_OBJECT)
		read_members(spooled, problem);
	else
		buf_add_string(problem, "not an object");
	if (problem->len == before)
		json_end(json);
	if (json->error == NULL)
		return problem->len == before;
	problem->len = before;
	buf_printf(problem, "not JSON: %s at column %zu", json->error,
	    json_column(json));
	return false;
}

void
spooled_free(struct spooled *spooled)
{
	metric_free(&spooled->metric);
	json_free(&spooled->json);
	buf_free(&spooled->decoded);
}

/* ---- writing one -------------------------------------------------------- */

bool
app_id_is_valid(const struct text *app_id)
{
	static const char others[] = "._~-";

	for (size_t i = 0; i < app_id->len; i++) {
		char c = app_id->at[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') &&
		    memchr(others, c, sizeof(others) - 1) == NULL)
			return false;
	}
	return app_id->len >= 1 && app_id->len <= APP_ID_MAX;
}

static void
write_string(struct buf *out, const struct text *text)
{
	buf_add_char(out, '"');
	json_escape(out, text->at, text->len);
	buf_add_char(out, '"');
}

static void
write_members(struct buf *out, const struct metric *metric)
{
	buf_add_string(out, "\"name\":");
	write_string(out, &metric->name);
	buf_add_string(out, ",\"value\":");
	number_write_double(out, metric->value);
	buf_add_string(out, ",\"timestamp\":");
	number_write_integer(out, metric->timestamp_ms);
	buf_add_string(out, ",\"tags\":{");
	for (size_t i = 0; i < metric->ntags; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		write_string(out, &metric->tags[i].key);
		buf_add_char(out, ':');
		write_string(out, &metric->tags[i].value);
	}
	buf_add_string(out, "},\"profileId\":");
	write_string(out, &metric->profile_id);
}

bool
metric_write_line(struct buf *out, const struct metric *metric,
    const struct arrival *arrival, struct buf *problem)
{
	size_t start = out->len;

	if (!isfinite(metric->value)) {
		buf_add_string(problem, "its value is not a finite number");
		return false;
	}
	buf_add_char(out, '{');
	if (arrival->app_id.at != NULL) {
		buf_add_string(out, "\"app_id\":");
		write_string(out, &arrival->app_id);
		buf_add_char(out, ',');
	}
	write_members(out, metric);
	buf_add_string(out, ",\"received\":");
	number_write_integer(out, arrival->received_ms);
	if (arrival->partition >= 0) {
		buf_add_string(out, ",\"partition\":");
		number_write_integer(out, arrival->partition);
		buf_add_string(out, ",\"offset\":");
		number_write_integer(out, arrival->offset);
	}
	buf_add_string(out, "}\n");
	if (out->len - start <= LINE_LENGTH_MAX + 1)
		return true;
	buf_printf(
	    problem, "its line would be over %zu bytes", LINE_LENGTH_MAX);
	out->len = start;
	return false;
}

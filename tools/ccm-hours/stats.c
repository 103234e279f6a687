#include "stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

/* A count of anything; more is garbage, and sums of them cannot overflow. */
#define COUNT_MAX ((int64_t)1 << 53)

static bool
to_integer(enum json_type type, const struct json_text *text, int64_t *value)
{
	char *end;

	if (type != JSON_NUMBER || !text->simple)
		return false;
	errno = 0;
	*value = strtoll(text->at, &end, 10);
	return errno == 0 && end == text->at + text->len;
}

static bool
to_count(enum json_type type, const struct json_text *text, int64_t *value)
{
	int64_t number;

	if (!to_integer(type, text, &number) || number < 0 ||
	    number > COUNT_MAX)
		return false;
	*value = number;
	return true;
}

static bool
read_statuses(struct json *json, enum json_type type, struct stats *stats)
{
	struct json_text text;
	int64_t status;
	bool good = type == JSON_ARRAY;

	if (!good) {
		json_skip(json, type);
		return false;
	}
	while (json_element(json)) {
		type = json_value(json, &text);
		if (to_integer(type, &text, &status) && status > 0 &&
		    status < 128)
			stats->statuses[status] = true;
		else
			good = false;
		json_skip(json, type);
	}
	return good;
}

static void
add_refused(struct stats *stats, const struct json_text *id)
{
	struct buf decoded = BUF_INIT;

	json_decode(&decoded, id);
	buf_terminate(&decoded);
	if (strlen(decoded.data) != decoded.len) {
		buf_free(&decoded); /* no id has a NUL */
		return;
	}
	stats->refused_ids = grow_by_one(stats->refused_ids,
	    stats->refused_count, sizeof(*stats->refused_ids));
	stats->refused_ids[stats->refused_count++] = decoded.data;
}

/* {"id":"lkc-1",...}, or the id alone, as ccm 0.1.0 wrote it. */
static void
read_refused(struct json *json, enum json_type type, const struct json_text *id,
    struct stats *stats)
{
	struct json_text key, value;

	if (type == JSON_STRING)
		add_refused(stats, id);
	if (type != JSON_OBJECT) {
		json_skip(json, type);
		return;
	}
	while (json_member(json, &key)) {
		type = json_value(json, &value);
		if (type == JSON_STRING && json_text_is(&key, "id"))
			add_refused(stats, &value);
		json_skip(json, type);
	}
}

static bool
read_all_refused(struct json *json, enum json_type type, struct stats *stats)
{
	struct json_text text;

	if (type != JSON_ARRAY) {
		json_skip(json, type);
		return false;
	}
	while (json_element(json)) {
		type = json_value(json, &text);
		read_refused(json, type, &text, stats);
	}
	return true;
}

/* True, false or null. */
static bool
read_reachable(enum json_type type, struct stats *stats)
{
	stats->reachable = type == JSON_TRUE ? REACHABLE_YES
	    : type == JSON_FALSE             ? REACHABLE_NO
					     : REACHABLE_UNKNOWN;
	return type == JSON_TRUE || type == JSON_FALSE || type == JSON_NULL;
}

/* A scalar. */
static bool
take_value(struct stats *stats, const struct json_text *key,
    enum json_type type, const struct json_text *text)
{
	if (json_text_is(key, "api_time")) {
		stats->has_api_time = type != JSON_NULL;
		return type == JSON_NULL ||
		    to_integer(type, text, &stats->api_time_ms);
	}
	if (json_text_is(key, "reachable"))
		return read_reachable(type, stats);
	if (json_text_is(key, "unauthorised")) {
		stats->unauthorised = type == JSON_TRUE;
		return type == JSON_TRUE || type == JSON_FALSE;
	}
	if (json_text_is(key, "seconds")) {
		if (type == JSON_NUMBER)
			stats->seconds = strtod(text->at, NULL);
		return type == JSON_NUMBER;
	}
	if (json_text_is(key, "last_error")) {
		if (type == JSON_STRING)
			json_decode(&stats->last_error, text);
		return type == JSON_STRING || type == JSON_NULL;
	}
	return true; /* not for us */
}

static bool
read_member(struct json *json, const struct json_text *key, struct stats *stats,
    bool *answers)
{
	struct {
		const char *name;
		int64_t *value;
	} counts[] = {{"answered", &stats->answered},
	    {"nodata", &stats->nodata}, {"owed", &stats->owed},
	    {"refused", &stats->refused}, {"points", &stats->points},
	    {"requests", &stats->requests}, {"throttled", &stats->throttled}};
	struct json_text text;
	enum json_type type = json_value(json, &text);
	bool good;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		if (!json_text_is(key, counts[i].name))
			continue;
		good = to_count(type, &text, counts[i].value);
		*answers |= i == 0;
		stats->counts_points |= counts[i].value == &stats->points;
		json_skip(json, type);
		return good;
	}
	if (json_text_is(key, "statuses"))
		return read_statuses(json, type, stats);
	if (json_text_is(key, "refused_resources"))
		return read_all_refused(json, type, stats);
	good = take_value(stats, key, type, &text);
	json_skip(json, type);
	return good;
}

static bool
read_members(struct json *json, struct stats *stats, struct buf *problem)
{
	struct json_text key;
	bool answers = false;

	while (json_member(json, &key)) {
		if (!read_member(json, &key, stats, &answers) &&
		    json->error == NULL) {
			buf_add_string(problem, "has a wrong member \"");
			json_escape_text(problem, &key);
			buf_add_char(problem, '"');
			return false;
		}
	}
	if (!json_end(json)) {
		buf_printf(problem, "is no JSON: %s at byte %zu", json->error,
		    json_column(json));
		return false;
	}
	if (!answers)
		buf_add_string(problem, "has no member \"answered\"");
	return answers;
}

bool
stats_parse(struct stats *stats, const struct buf *text, struct buf *problem)
{
	struct json json = JSON_INIT;
	struct json_text whole;
	bool good;

	*stats = (struct stats){.last_error = BUF_INIT};
	json_start(&json, text->data, text->len);
	switch (json_value(&json, &whole)) {
	case JSON_OBJECT:
		good = read_members(&json, stats, problem);
		break;
	case JSON_INVALID:
		buf_printf(problem, "is no JSON: %s at byte %zu", json.error,
		    json_column(&json));
		good = false;
		break;
	default:
		buf_add_string(problem, "is no object of JSON");
		good = false;
	}
	json_free(&json);
	buf_terminate(&stats->last_error);
	buf_terminate(problem);
	return good;
}

void
stats_free(struct stats *stats)
{
	while (stats->refused_count > 0)
		free(stats->refused_ids[--stats->refused_count]);
	free(stats->refused_ids);
	buf_free(&stats->last_error);
	*stats = (struct stats){.last_error = BUF_INIT};
}

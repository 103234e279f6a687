#include "report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hour.h"
#include "json.h"
#include "log.h"

#define REPORT_NAME "last-run.json"
#define REPORT_LABEL "status/" REPORT_NAME
/* A few hundred hours and some thousand resources are less. */
#define REPORT_BYTES_MAX ((size_t)8 << 20)
#define COUNT_MAX ((int64_t)1 << 53)

/* ---- strings ------------------------------------------------------------ */

void
strings_add(struct strings *strings, const char *item)
{
	strings->items = grow_by_one(
	    strings->items, strings->count, sizeof(*strings->items));
	strings->items[strings->count++] = xstrdup(item);
}

void
strings_free(struct strings *strings)
{
	while (strings->count > 0)
		free(strings->items[--strings->count]);
	free(strings->items);
	strings->items = NULL;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
sort_unique(struct strings *strings)
{
	size_t kept = 0;

	if (strings->count == 0)
		return;
	qsort(strings->items, strings->count, sizeof(*strings->items), compare);
	for (size_t i = 0; i < strings->count; i++) {
		if (kept > 0 &&
		    strcmp(strings->items[i], strings->items[kept - 1]) == 0)
			free(strings->items[i]);
		else
			strings->items[kept++] = strings->items[i];
	}
	strings->count = kept;
}

/* ---- the report before -------------------------------------------------- */

static int64_t
to_count(enum json_type type, const struct json_text *text)
{
	double number;

	if (type != JSON_NUMBER)
		return 0;
	number = strtod(text->at, NULL);
	return number >= 0 && number < (double)COUNT_MAX ? (int64_t)number : 0;
}

static void
read_totals(struct report_before *before, struct json *json)
{
	struct {
		const char *name;
		int64_t *value;
	} counts[] = {{"runs", &before->runs}, {"hours", &before->hours},
	    {"requests", &before->requests}, {"throttled", &before->throttled},
	    {"records", &before->records}, {"rejected", &before->rejected}};
	struct json_text key, text;

	while (json_member(json, &key)) {
		enum json_type type = json_value(json, &text);

		for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]);
		     i++) {
			if (json_text_is(&key, counts[i].name))
				*counts[i].value = to_count(type, &text);
		}
		if (type == JSON_STRING && json_text_is(&key, "since"))
			before->since = xstrndup(text.at - 1, text.len + 2);
		json_skip(json, type);
	}
	before->published |= before->hours > 0;
}

/* Strings of an array; `published` where it is not empty. */
static void
read_array(struct report_before *before, struct json *json, bool refused)
{
	struct json_text text;

	while (json_element(json)) {
		enum json_type type = json_value(json, &text);
		struct buf item = BUF_INIT;

		if (type == JSON_STRING && refused) {
			json_decode(&item, &text);
			strings_add(&before->refused, buf_terminate(&item));
			buf_free(&item);
		}
		before->published |= type == JSON_STRING && !refused;
		json_skip(json, type);
	}
}

/* The members that are carried on as they are. */
static bool
keep_raw(struct report_before *before, struct json *json,
    const struct json_text *key)
{
	struct {
		const char *name;
		const char *begins; /* with one of these */
		char **raw;
	} kept[] = {{"owed_bodies", "0123456789", &before->owed_bodies},
	    {"hours_lost", "0123456789", &before->hours_lost},
	    {"hours_undone", "0123456789", &before->hours_undone},
	    {"minute", "0123456789", &before->minute},
	    {"ships", "tf", &before->ships},
	    {"last_hour", "\"", &before->last_hour},
	    {"last_lost", "\"", &before->last_lost},
	    {"last_error", "{", &before->last_error}};
	struct json_text raw;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (!json_text_is(key, kept[i].name))
			continue;
		if (json_raw_value(json, &raw) &&
		    strchr(kept[i].begins, raw.at[0]) != NULL)
			*kept[i].raw = xstrndup(raw.at, raw.len);
		return true;
	}
	return false;
}

static bool
parse_before(
    struct report_before *before, const struct buf *text, struct buf *problem)
{
	struct json json = JSON_INIT;
	struct json_text key, value;
	enum json_type type;
	bool good;

	json_start(&json, text->data, text->len);
	type = json_value(&json, &value);
	good = type == JSON_OBJECT;
	while (good && json_member(&json, &key)) {
		if (keep_raw(before, &json, &key))
			continue;
		type = json_value(&json, &value);
		if (type == JSON_OBJECT && json_text_is(&key, "totals"))
			read_totals(before, &json);
		else if (type == JSON_ARRAY && json_text_is(&key, "hours"))
			read_array(before, &json, false);
		else if (type == JSON_ARRAY &&
		    json_text_is(&key, "refused_resources"))
			read_array(before, &json, true);
		else
			json_skip(&json, type);
	}
	good = good && json_end(&json);
	if (json.error != NULL)
		buf_printf(problem, "is no JSON: %s at byte %zu", json.error,
		    json_column(&json));
	else if (!good)
		buf_add_string(problem, "is no object of JSON");
	json_free(&json);
	return good;
}

bool
report_read_before(struct report_before *before, struct dir *dir)
{
	struct buf text = BUF_INIT, problem = BUF_INIT;
	int status = dir->parts[DIR_STATUS];
	enum dir_read result = dir_read(
	    dir, status, REPORT_NAME, REPORT_BYTES_MAX, &text, &problem);

	*before = (struct report_before){.runs = 0};
	if (result == DIR_READ && !parse_before(before, &text, &problem)) {
		report_free_before(before);
		result = DIR_GARBAGE;
	}
	before->published |= before->last_hour != NULL;
	if (result == DIR_GARBAGE)
		dir_set_aside(dir, status, REPORT_NAME, REPORT_LABEL,
		    buf_terminate(&problem));
	buf_free(&text);
	buf_free(&problem);
	return result != DIR_READ_FAILED;
}

void
report_free_before(struct report_before *before)
{
	char *raw[] = {before->owed_bodies, before->hours_lost,
	    before->hours_undone, before->minute, before->ships,
	    before->last_hour, before->last_lost, before->last_error,
	    before->since};

	for (size_t i = 0; i < sizeof(raw) / sizeof(raw[0]); i++)
		free(raw[i]);
	strings_free(&before->refused);
	*before = (struct report_before){.runs = 0};
}

/* ---- writing ------------------------------------------------------------ */

void
report_take_stats(struct report *report, const struct stats *stats)
{
	report->requests += stats->requests;
	report->throttled += stats->throttled;
	for (size_t i = 0; i < stats->refused_count; i++)
		strings_add(&report->refused, stats->refused_ids[i]);
}

static void
add_time(struct buf *out, const char *name, int64_t ms)
{
	char text[TIME_SIZE];

	time_format((time_t)(ms / 1000), text);
	buf_printf(out, "\"%s\":\"%s\"", name, text);
}

static void
add_strings(struct buf *out, const char *name, const struct strings *strings)
{
	buf_printf(out, ",\"%s\":[", name);
	for (size_t i = 0; i < strings->count; i++) {
		buf_add_string(out, i > 0 ? ",\"" : "\"");
		json_escape_any(out, strings->items[i]);
		buf_add_char(out, '"');
	}
	buf_add_char(out, ']');
}

static void
add_count(struct buf *out, const char *name, int64_t count)
{
	buf_printf(out, ",\"%s\":%" PRId64, name, count);
}

static void
add_raw(struct buf *out, const char *name, const char *raw)
{
	if (raw != NULL)
		buf_printf(out, ",\"%s\":%s", name, raw);
}

/* What is so now or, where no run looked, what was so before. */
static void
add_state(struct buf *out, const struct report_state *state,
    const struct report_before *before, const struct times *times)
{
	char hour[HOUR_SIZE];

	if (state == NULL) {
		add_raw(out, "owed_bodies", before->owed_bodies);
		add_raw(out, "hours_lost", before->hours_lost);
		add_raw(out, "hours_undone", before->hours_undone);
		add_raw(out, "minute", before->minute);
		add_raw(out, "ships", before->ships);
		add_raw(out, "last_hour", before->last_hour);
		return;
	}
	add_count(out, "owed_bodies", state->owed_bodies);
	add_count(out, "hours_lost", state->hours_lost);
	add_count(out, "hours_undone", state->hours_undone);
	add_count(out, "minute", times->minute);
	buf_printf(out, ",\"ships\":%s", state->ships ? "true" : "false");
	if (state->has_last_hour) {
		hour_format(state->last_hour, hour);
		buf_printf(out, ",\"last_hour\":\"%s\"", hour);
	}
	if (times->skewed)
		add_count(out, "clock_skew_seconds", times->skew_seconds);
}

static void
add_totals(struct buf *out, const struct report *report,
    const struct report_before *before)
{
	buf_add_string(out, ",\"totals\":{");
	if (before->since != NULL)
		buf_printf(out, "\"since\":%s", before->since);
	else
		add_time(out, "since", report->started_ms);
	add_count(out, "runs", before->runs + 1);
	add_count(out, "hours", before->hours + (int64_t)report->hours.count);
	add_count(out, "requests", before->requests + report->requests);
	add_count(out, "throttled", before->throttled + report->throttled);
	add_count(out, "records", before->records + report->records);
	add_count(out, "rejected", before->rejected + report->rejected);
	buf_add_char(out, '}');
}

static void
add_last(struct buf *out, const struct report *report,
    const struct report_before *before, const struct buf *error, int64_t now_ms)
{
	if (report->lost > 0) {
		buf_add_char(out, ',');
		add_time(out, "last_lost", now_ms);
	} else {
		add_raw(out, "last_lost", before->last_lost);
	}
	if (error->len > 0) {
		buf_add_string(out, ",\"last_error\":{");
		add_time(out, "time", now_ms);
		buf_add_string(out, ",\"message\":\"");
		json_escape_any(out, error->data);
		buf_add_string(out, "\"}");
	} else {
		add_raw(out, "last_error", before->last_error);
	}
}

/* This run's refused resources, with those before that it had no reason to
 * query. They are added to `before`. */
static const struct strings *
join_refused(const struct report *report, struct report_before *before)
{
	if (report->refused_again)
		strings_free(&before->refused);
	for (size_t i = 0; i < report->refused.count; i++)
		strings_add(&before->refused, report->refused.items[i]);
	sort_unique(&before->refused);
	return &before->refused;
}

bool
report_write(const struct report *report, struct report_before *before,
    const struct report_state *state, const struct times *times, int status,
    int64_t now_ms, struct dir *dir)
{
	struct buf out = BUF_INIT;
	bool written;

	buf_add_char(&out, '{');
	add_time(&out, "time", now_ms);
	add_count(&out, "exit", status);
	add_strings(&out, "hours", &report->hours);
	add_count(&out, "requests", report->requests);
	add_count(&out, "throttled", report->throttled);
	add_strings(&out, "refused_resources", join_refused(report, before));
	add_count(&out, "records", report->records);
	add_count(&out, "rejected", report->rejected);
	add_state(&out, state, before, times);
	buf_add_char(&out, ',');
	add_time(&out, "started", report->started_ms);
	add_totals(&out, report, before);
	add_last(&out, report, before, &dir->outcome->last_error, now_ms);
	buf_add_string(&out, "}\n");
	written = dir_write(dir, dir->parts[DIR_STATUS], REPORT_NAME, &out);
	buf_free(&out);
	return written;
}

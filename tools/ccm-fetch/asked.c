#include "asked.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "interval.h"

/* The length of the API's buckets in ms: a point's timestamp is the start of
 * one that may begin before the interval. 0: there is one alone (ALL). */
static int64_t
bucket_ms(const char *granularity)
{
	static const struct {
		const char *name;
		int minutes;
	} table[] = {{"PT1M", 1}, {"PT5M", 5}, {"PT15M", 15}, {"PT30M", 30},
	    {"PT1H", 60}, {"PT4H", 240}, {"PT6H", 360}, {"PT12H", 720},
	    {"P1D", 1440}};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, granularity) == 0)
			return (int64_t)table[i].minutes * 60000;
	return 0;
}

/* An interval by "now" is the API's to say: it is read when a request comes. */
static bool
add_interval(struct asked *asked, const cJSON *item, int64_t bucket)
{
	struct asked_interval *interval;
	int64_t start_ms, end_ms;

	if (!cJSON_IsString(item) || strstr(item->valuestring, "now") != NULL ||
	    !interval_parse(item->valuestring, strlen(item->valuestring), 0,
		&start_ms, &end_ms))
		return false;
	asked->intervals = grow_by_one(
	    asked->intervals, asked->nintervals, sizeof(*asked->intervals));
	interval = &asked->intervals[asked->nintervals++];
	interval->start_ms = start_ms;
	if (bucket > 0)
		interval->start_ms -= start_ms % bucket;
	interval->end_ms = end_ms;
	return true;
}

static void
read_intervals(struct asked *asked, const struct body *body)
{
	cJSON *tree = cJSON_ParseWithLength(body->text.data, body->text.len);
	const cJSON *intervals =
	    cJSON_GetObjectItemCaseSensitive(tree, "intervals");
	const cJSON *granularity =
	    cJSON_GetObjectItemCaseSensitive(tree, "granularity");
	bool known = cJSON_IsArray(intervals) && cJSON_IsString(granularity);
	const cJSON *item;

	cJSON_ArrayForEach(item, intervals)
	{
		known = known &&
		    add_interval(
			asked, item, bucket_ms(granularity->valuestring));
	}
	if (!known)
		asked->nintervals = 0;
	cJSON_Delete(tree);
}

void
asked_read(struct asked *asked, const struct body *body,
    const struct resources *resources)
{
	*asked = (struct asked){.stranger = BUF_INIT};
	read_intervals(asked, body);
	asked->nresources = resources->count;
	asked->resources =
	    calloc(resources->count + 1, sizeof(*asked->resources));
	for (size_t i = 0; asked->resources != NULL && i < body->nresources;
	     i++)
		asked->resources[body->resources[i]] = true;
}

/* The raw text of a string member of a point; NULL where it has none. A quote
 * within a string has a backslash before it, so that no value looks so. */
static const char *
find_member(const char *line, size_t len, const char *name, size_t *value_len)
{
	struct buf key = BUF_INIT;
	const char *at, *end;

	buf_printf(&key, ",\"%s\":\"", name);
	at = memmem(line, len, key.data, key.len);
	if (at != NULL)
		at += key.len;
	buf_free(&key);
	if (at == NULL)
		return NULL;
	end = memchr(at, '"', (size_t)(line + len - at));
	*value_len = end != NULL ? (size_t)(end - at) : 0;
	return end != NULL ? at : NULL;
}

static bool
is_asked_resource(const struct asked *asked, const struct body *body,
    const struct resources *resources, const char *line, size_t len,
    struct buf *stranger)
{
	const char *label, *id;
	size_t id_len, found;

	if (body->nresources == 0 || !body->grouped_by_resource)
		return true;
	label = resources->all[body->resources[0]].label;
	id = find_member(line, len, label, &id_len);
	/* Of several labels, or with an escape: it is not known. */
	if (id == NULL || memchr(id, '\\', id_len) != NULL)
		return true;
	found = resources_find(resources, label, id, id_len);
	if (found < asked->nresources && asked->resources[found])
		return true;
	buf_printf(stranger, "%s %.*s", label, (int)id_len, id);
	return false;
}

static bool
is_asked_time(const struct asked *asked, const char *line, size_t len,
    struct buf *stranger)
{
	const char *time;
	size_t time_len;
	int64_t at_ms;

	if (asked->nintervals == 0)
		return true;
	time = find_member(line, len, "timestamp", &time_len);
	if (time == NULL || !timestamp_parse(time, time_len, &at_ms))
		return true;
	for (size_t i = 0; i < asked->nintervals; i++)
		if (at_ms >= asked->intervals[i].start_ms &&
		    at_ms < asked->intervals[i].end_ms)
			return true;
	buf_printf(stranger, "%.*s", (int)time_len, time);
	return false;
}

void
asked_check(struct asked *asked, const struct body *body,
    const struct resources *resources, const char *lines, size_t len)
{
	const char *end = lines + len;

	while (lines < end) {
		const char *newline =
		    memchr(lines, '\n', (size_t)(end - lines));
		size_t line_len =
		    (size_t)((newline != NULL ? newline : end) - lines);
		struct buf stranger = BUF_INIT;

		if (!is_asked_resource(
			asked, body, resources, lines, line_len, &stranger) ||
		    !is_asked_time(asked, lines, line_len, &stranger)) {
			if (asked->strangers++ == 0)
				buf_add(&asked->stranger, stranger.data,
				    stranger.len);
			buf_terminate(&asked->stranger);
		}
		buf_free(&stranger);
		lines += line_len + 1;
	}
}

void
asked_free(struct asked *asked)
{
	free(asked->intervals);
	free(asked->resources);
	buf_free(&asked->stranger);
}

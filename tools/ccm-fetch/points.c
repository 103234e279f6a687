#include "points.h"

#include <stdlib.h>
#include <string.h>

/* Each is compared with each member of the group's points. The API knows a
 * dozen. */
#define GROUP_LABELS_MAX 1000

/* ,"KEY":VALUE, compact */
static void
add_member(
    struct buf *out, const struct json_text *key, const struct json_text *value)
{
	buf_add_string(out, ",\"");
	buf_add(out, key->at, key->len);
	buf_add_string(out, "\":");
	json_compact(out, value->at, value->len);
}

/* Where a member is a resource that was asked for, it has been seen now. */
static void
mark_resource(struct points *points, const struct json_text *key,
    const struct json_text *value)
{
	const struct body *body = points->body;
	struct resources *resources = points->resources;
	const struct resource *asked;
	size_t found;

	if (body->nresources == 0 || !key->simple || value->len < 2)
		return;
	asked = &resources->all[body->resources[0]];
	if (!json_text_is(key, asked->label))
		return;
	/* The raw value has its quotes; an id with an escape is not known. */
	found = resources_find(
	    resources, asked->label, value->at + 1, value->len - 2);
	if (found < resources->count)
		resources->all[found].has_points = true;
}

static void
add_key(struct points *points, const struct json_text *key)
{
	if (points->nkeys == points->keys_size)
		points->keys = grow_array(
		    points->keys, &points->keys_size, sizeof(*points->keys));
	points->keys[points->nkeys++] = *key;
}

static bool
has_key(const struct points *points, const struct json_text *key)
{
	for (size_t i = 0; i < points->nkeys; i++)
		if (json_text_compare(&points->keys[i], key) == 0)
			return true;
	return false;
}

static bool
has_label(const struct points *points, const char *label)
{
	const struct json_text key = {label, strlen(label), true};

	return has_key(points, &key);
}

/* {"metric":METRIC and the labels that the filter fixes, but for those that the
 * point has itself. */
static void
begin_point(struct points *points, struct buf *out)
{
	const struct body *body = points->body;

	buf_add_string(out, "{\"metric\":\"");
	json_escape(out, body->metric, strlen(body->metric));
	buf_add_char(out, '"');
	for (size_t i = 0; i < body->nfixed; i++) {
		const struct fixed_label *fixed = &body->fixed[i];

		points->resources->all[fixed->resource].has_points = true;
		if (has_label(points, fixed->label))
			continue;
		buf_add_string(out, ",\"");
		json_escape(out, fixed->label, strlen(fixed->label));
		buf_add_string(out, "\":\"");
		json_escape(out, fixed->value, strlen(fixed->value));
		buf_add_char(out, '"');
	}
	buf_add(out, points->labels.data, points->labels.len);
	points->count++;
}

/* Is it written already, before a point's own members? */
static bool
begins_with(const struct points *points, const struct json_text *key)
{
	const struct body *body = points->body;

	if (json_text_is(key, "metric") || has_key(points, key))
		return true;
	for (size_t i = 0; i < body->nfixed; i++)
		if (json_text_is(key, body->fixed[i].label))
			return true;
	return false;
}

/* The points of a group, each with the group's labels. One that a point has too
 * is the group's. */
static bool
write_group(
    struct points *points, const struct json_text *array, struct buf *out)
{
	struct buf copy = BUF_INIT;
	struct json json = JSON_INIT;
	struct json_text key, value;
	bool good;

	buf_add(&copy, array->at, array->len);
	buf_terminate(&copy);
	json_start(&json, copy.data, copy.len);
	good = points->nkeys <= GROUP_LABELS_MAX &&
	    json_value(&json, &value) == JSON_ARRAY;
	while (good && json_element(&json)) {
		good = json_value(&json, &value) == JSON_OBJECT;
		if (!good)
			break;
		begin_point(points, out);
		while (json_member(&json, &key))
			if (json_raw_value(&json, &value) &&
			    !begins_with(points, &key))
				add_member(out, &key, &value);
		buf_add_string(out, "}\n");
	}
	good = good && json.error == NULL;
	json_free(&json);
	buf_free(&copy);
	return good;
}

bool
points_write(
    struct points *points, const char *element, size_t len, struct buf *out)
{
	struct json *json = &points->json;
	struct json_text key, value, group = {NULL, 0, false};

	points->labels.len = 0;
	points->nkeys = 0;
	json_start(json, element, len);
	if (json_value(json, &value) != JSON_OBJECT)
		return false;
	while (json_member(json, &key)) {
		if (!json_raw_value(json, &value))
			return false;
		if (json_text_is(&key, "points") && value.at[0] == '[') {
			group = value;
			continue;
		}
		if (json_text_is(&key, "metric"))
			continue;
		add_key(points, &key);
		add_member(&points->labels, &key, &value);
		mark_resource(points, &key, &value);
	}
	if (!json_end(json))
		return false;
	if (group.at != NULL && !has_label(points, "value"))
		return write_group(points, &group, out);
	begin_point(points, out);
	buf_add_string(out, "}\n");
	return true;
}

void
points_free(struct points *points)
{
	json_free(&points->json);
	buf_free(&points->labels);
	free(points->keys);
}

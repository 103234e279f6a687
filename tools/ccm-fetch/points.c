#include "points.h"

#include <string.h>

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

static bool
is_member_of(const struct buf *labels, const char *label)
{
	struct buf key = BUF_INIT;
	bool found;

	buf_add_string(&key, ",\"");
	json_escape(&key, label, strlen(label));
	buf_add_string(&key, "\":");
	found = labels->len > 0 &&
	    memmem(labels->data, labels->len, key.data, key.len) != NULL;
	buf_free(&key);
	return found;
}

/* {"metric":METRIC and the labels that the filter fixes, but for those that the
 * point has itself. */
static void
begin_point(struct points *points, const struct buf *members, struct buf *out)
{
	const struct body *body = points->body;

	buf_add_string(out, "{\"metric\":\"");
	json_escape(out, body->metric, strlen(body->metric));
	buf_add_char(out, '"');
	for (size_t i = 0; i < body->nfixed; i++) {
		const struct fixed_label *fixed = &body->fixed[i];

		points->resources->all[fixed->resource].has_points = true;
		if (is_member_of(members, fixed->label))
			continue;
		buf_add_string(out, ",\"");
		json_escape(out, fixed->label, strlen(fixed->label));
		buf_add_string(out, "\":\"");
		json_escape(out, fixed->value, strlen(fixed->value));
		buf_add_char(out, '"');
	}
	points->count++;
}

/* The points of a group, each with the group's labels. */
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
	good = json_value(&json, &value) == JSON_ARRAY;
	while (good && json_element(&json)) {
		good = json_value(&json, &value) == JSON_OBJECT;
		if (!good)
			break;
		begin_point(points, &points->labels, out);
		buf_add(out, points->labels.data, points->labels.len);
		while (json_member(&json, &key))
			if (json_raw_value(&json, &value))
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
		add_member(&points->labels, &key, &value);
		mark_resource(points, &key, &value);
	}
	if (!json_end(json))
		return false;
	if (group.at != NULL)
		return write_group(points, &group, out);
	begin_point(points, &points->labels, out);
	buf_add(out, points->labels.data, points->labels.len);
	buf_add_string(out, "}\n");
	return true;
}

void
points_free(struct points *points)
{
	json_free(&points->json);
	buf_free(&points->labels);
}

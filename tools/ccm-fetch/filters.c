#include "filters.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"

/* ---- reading ------------------------------------------------------------ */

/* A filter's members; texts and raw values in `copy`. */
struct filter {
	struct buf copy;
	char *op, *field, *value; /* NULL where missing or no string */
	struct json_text filters; /* raw; len 0 where missing */
};

static void
filter_read(struct filter *filter, const char *text, size_t len)
{
	struct json json = JSON_INIT;
	struct json_text key, value;

	*filter = (struct filter){.copy = BUF_INIT};
	buf_add(&filter->copy, text, len);
	buf_terminate(&filter->copy);
	json_start(&json, filter->copy.data, len);
	if (json_value(&json, &value) == JSON_OBJECT) {
		while (json_member(&json, &key)) {
			enum json_type type;

			if (json_text_is(&key, "filters")) {
				json_raw_value(&json, &filter->filters);
				continue;
			}
			type = json_value(&json, &value);
			if (type == JSON_STRING && json_text_is(&key, "op"))
				filter->op = json_decoded(&value);
			else if (type == JSON_STRING &&
			    json_text_is(&key, "field"))
				filter->field = json_decoded(&value);
			else if (type == JSON_STRING &&
			    json_text_is(&key, "value"))
				filter->value = json_decoded(&value);
			json_skip(&json, type);
		}
	}
	json_free(&json);
}

static void
filter_free(struct filter *filter)
{
	buf_free(&filter->copy);
	free(filter->op);
	free(filter->field);
	free(filter->value);
}

static bool
filter_is_op(const struct filter *filter, const char *op)
{
	return filter->op != NULL && strcmp(filter->op, op) == 0;
}

/* {"field":"resource...","op":"EQ","value":"..."} */
static bool
filter_is_resource(const struct filter *filter)
{
	return filter_is_op(filter, "EQ") && filter->field != NULL &&
	    filter->value != NULL &&
	    strncmp(filter->field, "resource.", strlen("resource.")) == 0;
}

/* Calls `each` for the raw texts of an array's elements until it is false. */
static bool
for_each_element(const struct json_text *array, void *context,
    bool (*each)(void *context, const char *text, size_t len, size_t offset))
{
	struct buf copy = BUF_INIT;
	struct json json = JSON_INIT;
	struct json_text raw;
	bool good = array->len > 0;

	if (good) {
		buf_add(&copy, array->at, array->len);
		buf_terminate(&copy);
		json_start(&json, copy.data, copy.len);
		good = json_value(&json, &raw) == JSON_ARRAY;
	}
	while (good && json_element(&json))
		good = json_raw_value(&json, &raw) &&
		    each(
			context, raw.at, raw.len, (size_t)(raw.at - copy.data));
	json_free(&json);
	buf_free(&copy);
	return good;
}

/* ---- what is left of the labels ----------------------------------------- */

static void
free_label(struct label_values *label)
{
	free(label->label);
	for (size_t i = 0; i < label->nvalues; i++)
		free(label->values[i]);
	free(label->values);
}

void
labels_free(struct labels *labels)
{
	for (size_t i = 0; i < labels->count; i++)
		free_label(&labels->all[i]);
	free(labels->all);
	*labels = (struct labels){.all = NULL};
}

static struct label_values *
find_label(const struct labels *labels, const char *label)
{
	for (size_t i = 0; i < labels->count; i++)
		if (strcmp(labels->all[i].label, label) == 0)
			return &labels->all[i];
	return NULL;
}

/* Takes over the strings of `label`. */
static void
add_label(struct labels *labels, struct label_values label)
{
	if (labels->count == labels->size)
		labels->all = grow_array(
		    labels->all, &labels->size, sizeof(*labels->all));
	labels->all[labels->count++] = label;
}

/* Takes over `value`. */
static void
add_value(struct label_values *label, char *value)
{
	if (label->nvalues == label->values_size)
		label->values = grow_array(
		    label->values, &label->values_size, sizeof(*label->values));
	label->values[label->nvalues++] = value;
}

static void
drop_label(struct labels *labels, struct label_values *label)
{
	free_label(label);
	*label = labels->all[--labels->count];
}

static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
sort_values(struct label_values *label)
{
	size_t kept = 0;

	if (label->nvalues > 0)
		qsort(label->values, label->nvalues, sizeof(*label->values),
		    compare_strings);
	for (size_t i = 0; i < label->nvalues; i++) {
		if (kept > 0 &&
		    strcmp(label->values[kept - 1], label->values[i]) == 0)
			free(label->values[i]);
		else
			label->values[kept++] = label->values[i];
	}
	label->nvalues = kept;
}

/* Keeps of `label` what `other` has too. */
static void
intersect_values(struct label_values *label, const struct label_values *other)
{
	size_t kept = 0;

	for (size_t i = 0; i < label->nvalues; i++) {
		if (other->nvalues > 0 &&
		    bsearch(&label->values[i], other->values, other->nvalues,
			sizeof(*other->values), compare_strings) != NULL)
			label->values[kept++] = label->values[i];
		else
			free(label->values[i]);
	}
	label->nvalues = kept;
}

/* AND: what either restricts is restricted. Takes over `other`. */
static void
intersect(struct labels *labels, struct labels *other)
{
	for (size_t i = 0; i < other->count; i++) {
		struct label_values *mine =
		    find_label(labels, other->all[i].label);

		if (mine == NULL) {
			add_label(labels, other->all[i]);
			continue;
		}
		intersect_values(mine, &other->all[i]);
		free_label(&other->all[i]);
	}
	free(other->all);
}

/* OR: what both restrict is restricted. Takes over `other`; the values are not
 * sorted afterwards. */
static void
unite(struct labels *labels, struct labels *other)
{
	for (size_t i = labels->count; i-- > 0;) {
		struct label_values *mine = &labels->all[i];
		struct label_values *theirs = find_label(other, mine->label);

		if (theirs == NULL) {
			drop_label(labels, mine);
			continue;
		}
		for (size_t j = 0; j < theirs->nvalues; j++)
			add_value(mine, theirs->values[j]);
		theirs->nvalues = 0;
	}
	labels_free(other);
}

/* What the filters of an AND or an OR leave, so far. */
struct compound {
	struct labels *labels;
	bool is_or, first;
};

static bool
add_member_labels(void *context, const char *text, size_t len, size_t offset)
{
	struct compound *compound = context;
	struct labels member;

	(void)offset;
	filter_labels(text, len, &member);
	if (compound->first)
		*compound->labels = member;
	else if (compound->is_or)
		unite(compound->labels, &member);
	else
		intersect(compound->labels, &member);
	compound->first = false;
	return true;
}

void
filter_labels(const char *text, size_t len, struct labels *labels)
{
	struct filter filter;
	struct compound compound = {.labels = labels, .first = true};

	*labels = (struct labels){.all = NULL};
	filter_read(&filter, text, len);
	compound.is_or = filter_is_op(&filter, "OR");
	if (filter_is_resource(&filter)) {
		struct label_values label = {.label = xstrdup(filter.field)};

		add_value(&label, xstrdup(filter.value));
		add_label(labels, label);
	} else if (compound.is_or || filter_is_op(&filter, "AND")) {
		for_each_element(&filter.filters, &compound, add_member_labels);
		for (size_t i = 0; i < labels->count; i++)
			sort_values(&labels->all[i]);
	}
	filter_free(&filter);
}

/* ---- the OR of resources ------------------------------------------------ */

static void
empty_or(struct resource_or * or)
{
	for (size_t i = 0; i < or->count; i++) {
		free(or->members[i].label);
		free(or->members[i].value);
	}
	or->count = 0;
}

void
resource_or_free(struct resource_or * or)
{
	empty_or(or);
	free(or->members);
	* or = (struct resource_or){.members = NULL};
}

static bool
add_or_member(void *context, const char *text, size_t len, size_t offset)
{
	struct resource_or * or = context;
	struct filter filter;
	bool is_resource;

	(void)offset;
	filter_read(&filter, text, len);
	is_resource = filter_is_resource(&filter);
	if (is_resource) {
		if (or->count == or->size)
			or->members = grow_array(
			    or->members, & or->size, sizeof(* or->members));
		or->members[or->count++] =
		    (struct label_value){filter.field, filter.value};
		filter.field = filter.value = NULL;
	}
	filter_free(&filter);
	return is_resource;
}

/* The array of an AND, and where it begins. */
struct conjunction {
	struct resource_or * or ;
	size_t offset;
};

static void find_or(
    const char *text, size_t len, size_t offset, struct resource_or * or);

/* False once the OR is found. */
static bool
find_or_in_member(void *context, const char *text, size_t len, size_t offset)
{
	struct conjunction *conjunction = context;

	find_or(text, len, conjunction->offset + offset, conjunction->or);
	return conjunction->or->count == 0;
}

/* `text` stands at `offset` in the whole filter. */
static void
find_or(const char *text, size_t len, size_t offset, struct resource_or * or)
{
	struct conjunction conjunction = { or, offset};
	struct filter filter;

	filter_read(&filter, text, len);
	if (filter_is_op(&filter, "AND") && filter.filters.len > 0) {
		conjunction.offset +=
		    (size_t)(filter.filters.at - filter.copy.data);
		for_each_element(
		    &filter.filters, &conjunction, find_or_in_member);
	} else if (filter_is_op(&filter, "OR")) {
		or->start = offset;
		or->end = offset + len;
		if (!for_each_element(&filter.filters, or, add_or_member))
			empty_or(or);
	}
	filter_free(&filter);
}

bool
filter_find_or(const char *text, size_t len, struct resource_or * or)
{
	* or = (struct resource_or){.members = NULL};
	find_or(text, len, 0, or);
	return or->count > 0;
}

/* ---- writing ------------------------------------------------------------ */

void
write_string(struct buf *out, const char *string)
{
	buf_add_char(out, '"');
	json_escape(out, string, strlen(string));
	buf_add_char(out, '"');
}

void
write_resource_filter(struct buf *out, const char *label, const char *id)
{
	buf_add_string(out, "{\"field\":");
	write_string(out, label);
	buf_add_string(out, ",\"op\":\"EQ\",\"value\":");
	write_string(out, id);
	buf_add_char(out, '}');
}

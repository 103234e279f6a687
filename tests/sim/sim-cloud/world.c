#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "interval.h"
#include "json.h"

/* ---- strings ------------------------------------------------------------ */

static void
strings_add(struct strings *strings, char *string)
{
	strings->at =
	    grow_by_one(strings->at, strings->n, sizeof(*strings->at));
	strings->at[strings->n++] = string;
}

static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
strings_sort(struct strings *strings)
{
	free(strings->sorted);
	strings->sorted = xmalloc((strings->n + 1) * sizeof(*strings->sorted));
	strings->nsorted = 0;
	for (size_t i = 0; i < strings->n; i++)
		if (strings->at[i] != NULL)
			strings->sorted[strings->nsorted++] = strings->at[i];
	qsort(strings->sorted, strings->nsorted, sizeof(*strings->sorted),
	    compare_strings);
}

static bool
strings_have(const struct strings *strings, const char *string)
{
	return strings->nsorted > 0 &&
	    bsearch(&string, strings->sorted, strings->nsorted, sizeof(string),
		compare_strings) != NULL;
}

static void
strings_free(struct strings *strings)
{
	for (size_t i = 0; i < strings->n; i++)
		free(strings->at[i]);
	free(strings->at);
	free(strings->sorted);
	*strings = (struct strings){.at = NULL};
}

/* ---- what there is ------------------------------------------------------ */

/* Adds PREFIX and 0001, 0002, ... */
static void
number(struct strings *strings, const char *prefix, int n)
{
	char text[64];

	for (int i = 1; i <= n; i++) {
		snprintf(text, sizeof(text), "%s%04d", prefix, i);
		strings_add(strings, xstrdup(text));
	}
}

/* Adds the words of a list that ends with NULL. */
static void
name(struct strings *strings, ...)
{
	const char *word;
	va_list ap;

	va_start(ap, strings);
	while ((word = va_arg(ap, const char *)) != NULL)
		strings_add(strings, xstrdup(word));
	va_end(ap);
}

/* Service accounts, and a user now and then. */
static void
name_principals(struct strings *strings, int n)
{
	char text[32];

	for (int i = 1; i <= n; i++) {
		snprintf(
		    text, sizeof(text), "%s%04d", i % 4 == 0 ? "u-" : "sa-", i);
		strings_add(strings, xstrdup(text));
	}
}

void
world_init(struct world *world, const struct world_size *size)
{
	struct strings *values = world->values;
	char text[20];

	*world = (struct world){.rows = NULL};
	number(&values[KAFKA_ID], "lkc-", size->clusters);
	number(&values[CONNECTOR_ID], "lcc-", size->connectors);
	number(&values[KSQL_ID], "lksqlc-", size->ksql_applications);
	number(&values[SCHEMA_REGISTRY_ID], "lsrc-", size->schema_registries);
	number(&values[COMPUTE_POOL_ID], "lfcp-", size->compute_pools);
	number(&values[FLINK_STATEMENT_NAME], "statement-", size->statements);
	number(&values[FLINK_STATEMENT_UID], "uid-", size->statements);
	number(&values[TOPIC], "topic-", size->topics);
	for (int i = 0; i < size->partitions; i++) {
		snprintf(text, sizeof(text), "%d", i);
		name(&values[PARTITION], text, NULL);
	}
	name_principals(&values[PRINCIPAL_ID], size->principals);
	name(&values[TYPE], "ApiVersions", "Fetch", "Produce", NULL);
	strings_add(&values[ZONE_ALIGNMENT], NULL);
	name(&values[ZONE_ALIGNMENT], "CROSS_ZONE", "SAME_ZONE", NULL);
	number(&values[CONSUMER_GROUP_ID], "group-", size->consumer_groups);
	number(&values[LINK_NAME], "link-", 1);
	strings_add(&values[TABLE_NAME], NULL);
	number(&values[TABLE_NAME], "table-", 2);
	name(&values[QUERY_ID], "CSAS_OUT_1", "CTAS_COUNT_3", NULL);
	name(&values[TASK_ID], "0_0", "0_1", NULL);
	name(&values[STATUS], "RUNNING", NULL);
	number(&values[FLINK_TASK_ID], "task-", 2);
	number(&values[FLINK_OPERATOR_ID], "operator-", 2);
	number(&values[FLINK_SPLIT], "split-", 2);
	for (enum label label = LABEL_NONE; label < LABELS; label++)
		strings_sort(&values[label]);
}

void
world_free(struct world *world)
{
	for (size_t i = 0; i < world->nrows; i++) {
		struct table_row *row = &world->rows[i];

		for (enum label label = LABEL_NONE; label < LABELS; label++)
			free(row->labels[label]);
		free(row->text);
	}
	free(world->rows);
	for (enum label label = LABEL_NONE; label < LABELS; label++) {
		strings_free(&world->values[label]);
		strings_free(&world->table_ids[label]);
	}
	strings_free(&world->refused);
}

/* ---- the table ---------------------------------------------------------- */

static bool
row_read_timestamp(struct table_row *row, const char *text, struct buf *problem)
{
	if (timestamp_parse(text, strlen(text), &row->time_ms))
		return true;
	buf_printf(problem, "\"%s\" is no timestamp", text);
	return false;
}

/* One member whose value is a string. */
static bool
row_read_string(struct table_row *row, const char *key, const char *text,
    struct buf *problem)
{
	enum label label = label_find(key);

	if (strcmp(key, "timestamp") == 0)
		return row_read_timestamp(row, text, problem);
	if (strcmp(key, "metric") == 0) {
		row->metric = metric_find(text);
		if (row->metric != NULL)
			return true;
		buf_printf(problem, "unknown metric \"%s\"", text);
		return false;
	}
	if (label == LABEL_NONE) {
		buf_printf(problem, "unknown label \"%s\"", key);
		return false;
	}
	row->labels[label] = xstrdup(text);
	return true;
}

static bool
row_is_whole(const struct table_row *row, struct buf *problem)
{
	if (row->metric == NULL || row->text == NULL || row->time_ms < 0 ||
	    row->labels[metric_id_label(row->metric)] == NULL) {
		buf_add_string(problem,
		    "a point needs metric, timestamp, value and its "
		    "resource's id");
		return false;
	}
	for (enum label label = LABEL_NONE; label < LABELS; label++) {
		if (row->labels[label] != NULL &&
		    !metric_has_label(row->metric, label)) {
			buf_printf(problem, "%s has no label %s",
			    row->metric->name, label_name(label));
			return false;
		}
	}
	return true;
}

/* Reads a point; what was read of it stays in `row` in either case. */
static bool
row_read(struct json *json, struct table_row *row, struct buf *problem)
{
	struct buf key = BUF_INIT, value = BUF_INIT;
	struct json_text key_text, text;
	bool good = true;

	*row = (struct table_row){.time_ms = -1};
	if (json_value(json, &text) != JSON_OBJECT) {
		buf_add_string(problem, "a point is an object");
		return false;
	}
	while (good && json_member(json, &key_text)) {
		enum json_type type = json_value(json, &text);

		key.len = value.len = 0;
		json_decode(&key, &key_text);
		buf_terminate(&key);
		if (type == JSON_STRING) {
			json_decode(&value, &text);
			good = row_read_string(
			    row, key.data, buf_terminate(&value), problem);
		} else if (type == JSON_NUMBER &&
		    strcmp(key.data, "value") == 0) {
			row->text = xstrndup(text.at, text.len);
			row->value = strtod(row->text, NULL);
		} else {
			buf_printf(
			    problem, "\"%s\" has a wrong type", key.data);
			good = false;
		}
	}
	buf_free(&key);
	buf_free(&value);
	return good && json->error == NULL && row_is_whole(row, problem);
}

bool
world_read_table(
    struct world *world, const char *text, size_t len, struct buf *problem)
{
	struct json json = JSON_INIT;
	struct json_text array;
	bool good = true;

	json_start(&json, text, len);
	if (json_value(&json, &array) != JSON_ARRAY) {
		buf_add_string(problem, "not an array of points");
		good = false;
	}
	while (good && json_element(&json)) {
		struct table_row *row;

		world->rows = xrealloc(
		    world->rows, (world->nrows + 1) * sizeof(*world->rows));
		row = &world->rows[world->nrows++];
		good = row_read(&json, row, problem);
		if (good) {
			enum label id = metric_id_label(row->metric);

			if (!strings_have(
				&world->table_ids[id], row->labels[id])) {
				strings_add(&world->table_ids[id],
				    xstrdup(row->labels[id]));
				strings_sort(&world->table_ids[id]);
			}
		}
	}
	if (good && !json_end(&json)) {
		buf_printf(
		    problem, "byte %zu: %s", json_column(&json), json.error);
		good = false;
	}
	json_free(&json);
	return good;
}

/* ---- who may read what -------------------------------------------------- */

void
world_set_refused(struct world *world, const char **ids, size_t n)
{
	strings_free(&world->refused);
	for (size_t i = 0; i < n; i++)
		strings_add(&world->refused, xstrdup(ids[i]));
	strings_sort(&world->refused);
}

enum label
metric_id_label(const struct metric *metric)
{
	return metric->resource == FLINK_STATEMENT
	    ? COMPUTE_POOL_ID
	    : resource_descriptors[metric->resource].labels[0];
}

bool
label_authorises(enum label label)
{
	return label == KAFKA_ID || label == CONNECTOR_ID ||
	    label == CUSTOM_CONNECTOR_ID || label == KSQL_ID ||
	    label == SCHEMA_REGISTRY_ID || label == COMPUTE_POOL_ID;
}

bool
world_is_authorised(const struct world *world, enum label label, const char *id)
{
	return (strings_have(&world->values[label], id) ||
		   strings_have(&world->table_ids[label], id)) &&
	    !strings_have(&world->refused, id);
}

/* ---- series ------------------------------------------------------------- */

/* FNV-1a. */
static uint64_t
hash_string(uint64_t hash, const char *string)
{
	for (; *string != '\0'; string++)
		hash = (hash ^ (unsigned char)*string) * 0x100000001b3;
	return hash * 0x100000001b3; /* and the end of the string */
}

/* The finalizer of SplitMix64: every bit of the result depends on every bit. */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static uint64_t
seed(const struct series *series)
{
	uint64_t hash = hash_string(0xcbf29ce484222325, series->metric->name);

	for (enum label label = LABEL_NONE; label < LABELS; label++) {
		if (series->labels[label] != NULL) {
			hash = hash_string(hash, label_name(label));
			hash = hash_string(hash, series->labels[label]);
		}
	}
	return hash;
}

struct walk {
	const struct world *world;
	struct series series;
	void (*each)(void *context, const struct series *series);
	void *context;
};

/* All combinations of the metric's labels from the `depth`th on. */
static void
walk_labels(struct walk *walk, size_t depth)
{
	const struct metric *metric = walk->series.metric;
	enum label label =
	    depth < METRIC_LABELS_MAX ? metric->labels[depth] : LABEL_NONE;
	const struct strings *values = &walk->world->values[label];

	if (label == LABEL_NONE) {
		walk->series.seed = seed(&walk->series);
		walk->each(walk->context, &walk->series);
		return;
	}
	for (size_t i = 0; i < values->n; i++) {
		walk->series.labels[label] = values->at[i];
		walk_labels(walk, depth + 1);
	}
}

static void
walk_resource(struct walk *walk)
{
	const struct strings *values = walk->world->values;

	if (walk->series.metric->resource != FLINK_STATEMENT) {
		walk_labels(walk, 0);
		return;
	}
	for (size_t i = 0; i < values[FLINK_STATEMENT_NAME].n; i++) {
		walk->series.labels[FLINK_STATEMENT_NAME] =
		    values[FLINK_STATEMENT_NAME].at[i];
		walk->series.labels[FLINK_STATEMENT_UID] =
		    values[FLINK_STATEMENT_UID].at[i];
		walk_labels(walk, 0);
	}
}

static bool
table_has(const struct world *world, const struct metric *metric,
    enum label id_label, const char *id)
{
	for (size_t i = 0; i < world->nrows; i++)
		if (world->rows[i].metric == metric &&
		    strcmp(world->rows[i].labels[id_label], id) == 0)
			return true;
	return false;
}

void
world_each_series(const struct world *world, const struct metric *metric,
    bool (*wanted)(void *context, const char *id),
    void (*each)(void *context, const struct series *series), void *context)
{
	enum label id_label = metric_id_label(metric);
	const struct strings *ids = &world->values[id_label];
	struct walk walk = {world, {.metric = metric}, each, context};

	for (size_t i = 0; i < ids->n; i++) {
		const char *id = ids->at[i];

		if (strings_have(&world->refused, id) || !wanted(context, id) ||
		    table_has(world, metric, id_label, id))
			continue;
		walk.series.labels[id_label] = id;
		walk_resource(&walk);
	}
	for (size_t i = 0; i < world->nrows; i++) {
		const struct table_row *row = &world->rows[i];
		struct series series = {.metric = metric, .row = row};

		if (row->metric != metric ||
		    strings_have(&world->refused, row->labels[id_label]) ||
		    !wanted(context, row->labels[id_label]))
			continue;
		for (enum label label = LABEL_NONE; label < LABELS; label++)
			series.labels[label] = row->labels[label];
		each(context, &series);
	}
}

/* ---- values ------------------------------------------------------------- */

#define MINUTES_OF_AN_HOUR 60
#define GOLDEN_RATIO 0x9e3779b97f4a7c15

bool
series_has_value(const struct series *series, int64_t minute)
{
	uint64_t hour = (uint64_t)minute / MINUTES_OF_AN_HOUR;

	if (series->row != NULL)
		return series->row->time_ms / MINUTE_MS == minute;
	if (series->metric->values == VALUES_HOT)
		return mix(series->seed + hour * GOLDEN_RATIO) % 4 == 0;
	return true;
}

int64_t
series_integer(const struct series *series, int64_t minute)
{
	uint64_t hash =
	    mix(series->seed + (uint64_t)minute * GOLDEN_RATIO) >> 11;

	switch (series->metric->values) {
	case VALUES_COUNT:
		return (int64_t)(hash % 1000);
	case VALUES_BYTES:
		return (int64_t)(hash % 1000000);
	case VALUES_LEVEL:
		return (int64_t)(series->seed % 1000000 + hash % 1000);
	case VALUES_LARGE:
		return (int64_t)(1000000000000 + hash % 1000000000);
	case VALUES_WATERMARK:
		/* "No watermark yet" is the smallest integer. */
		return series->seed % 3 == 0
		    ? INT64_MIN
		    : minute * MINUTE_MS - (int64_t)(hash % 60000);
	default:
		return 1;
	}
}

double
series_value(const struct series *series, int64_t minute)
{
	uint64_t hash =
	    mix(series->seed + (uint64_t)minute * GOLDEN_RATIO) >> 11;

	if (series->row != NULL)
		return series->row->value;
	if (series->metric->values == VALUES_RATIO)
		return (double)hash * 0x1p-53;
	return (double)series_integer(series, minute);
}

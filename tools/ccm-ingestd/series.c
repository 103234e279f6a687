#include "series.h"

#include <stdio.h>
#include <stdlib.h>

#include "exposition.h"
#include "number.h"

#define FIRST_BUCKETS ((size_t)1024)
/* Buckets that one call of series_expire() looks at. */
#define EXPIRE_BUCKETS ((size_t)4096)
/* A client's clock may be that much ahead of ours. */
#define AHEAD_MS (5 * 60 * 1000)

/* A label as it is shown. While labels are made, their text may move, so these
 * are offsets in it. */
struct label {
	size_t name, value;
	size_t name_len, value_len;
};

/* ---- memory ------------------------------------------------------------- */

static void
release_family(struct family *family)
{
	if (--family->references > 0)
		return;
	free(family->name);
	free(family->help);
	free(family);
}

static void
release_series(struct series *series)
{
	if (--series->references > 0)
		return;
	release_family(series->family);
	free(series);
}

void
series_table_init(
    struct series_table *table, const struct series_options *options)
{
	memset(table, 0, sizeof(*table));
	table->options = *options;
	table->nbuckets = FIRST_BUCKETS;
	table->buckets =
	    xreallocarray(NULL, FIRST_BUCKETS, sizeof(*table->buckets));
	memset(table->buckets, 0, FIRST_BUCKETS * sizeof(*table->buckets));
}

/* ---- hashing ------------------------------------------------------------ */

/* FNV-1a, 64 bits. That somebody finds keys for one bucket is no more than slow
 * for those who may write to Kafka. */
static size_t
hash_of(const char *key, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)key[i]) * 0x100000001b3;
	return (size_t)(hash ^ hash >> 32);
}

static struct series **
bucket_of(const struct series_table *table, size_t hash)
{
	return &table->buckets[hash & (table->nbuckets - 1)];
}

static void
grow(struct series_table *table)
{
	struct series **old = table->buckets;
	size_t count = table->nbuckets;

	table->nbuckets = count * 2;
	table->buckets =
	    xreallocarray(NULL, table->nbuckets, sizeof(*table->buckets));
	memset(table->buckets, 0, table->nbuckets * sizeof(*table->buckets));
	for (size_t i = 0; i < count; i++) {
		while (old[i] != NULL) {
			struct series *series = old[i];
			struct series **bucket = bucket_of(table, series->hash);

			old[i] = series->next_in_bucket;
			series->next_in_bucket = *bucket;
			*bucket = series;
		}
	}
	free(old);
}

/* ---- labels ------------------------------------------------------------- */

/* A tag's name as a label: valid, and none of those that we add. */
static void
add_label_name(const struct series_table *table, struct buf *out,
    const struct json_text *tag)
{
	struct buf name = BUF_INIT, valid = BUF_INIT;

	json_decode(&name, tag);
	exposition_label_name(&valid, name.data, name.len);
	buf_terminate(&valid);
	if ((table->options.with_app && strcmp(valid.data, "app_id") == 0) ||
	    (table->options.with_profile &&
		strcmp(valid.data, "profile_id") == 0))
		buf_add_string(out, "exported_");
	buf_add_string(out, valid.data);
	buf_free(&name);
	buf_free(&valid);
}

static void
add_label_value(struct buf *out, const struct json_text *value)
{
	struct buf decoded = BUF_INIT;

	json_decode(&decoded, value);
	exposition_escape(out, decoded.data, decoded.len);
	buf_free(&decoded);
}

/* The label of the same name that is there already, or NULL. */
static struct label *
find_label(struct label *labels, size_t count, const char *text,
    const struct label *label)
{
	for (size_t i = 0; i < count; i++)
		if (labels[i].name_len == label->name_len &&
		    memcmp(text + labels[i].name, text + label->name,
			label->name_len) == 0)
			return &labels[i];
	return NULL;
}

/* Appends what a label has and, behind it, another value. */
static void
join_value(struct buf *text, struct label *label, const struct json_text *value)
{
	size_t start = text->len;

	buf_reserve(text, label->value_len);
	buf_add(text, text->data + label->value, label->value_len);
	buf_add_char(text, ';');
	add_label_value(text, value);
	label->value = start;
	label->value_len = text->len - start;
}

/* Puts the labels of a metric into `labels`, in the order of its tags. Tags
 * whose names become equal are one label, with their values joined by ";". */
static size_t
make_labels(struct series_table *table, const struct metric *metric,
    struct label *labels, struct buf *text)
{
	size_t count = 0;

	for (size_t i = 0; i < metric->ntags; i++) {
		const struct metric_tag *tag = &metric->tags[i];
		struct label label = {.name = text->len}, *same;

		add_label_name(table, text, &tag->name);
		label.name_len = text->len - label.name;
		same = find_label(labels, count, text->data, &label);
		if (same != NULL) {
			join_value(text, same, &tag->value);
			continue;
		}
		label.value = text->len;
		add_label_value(text, &tag->value);
		label.value_len = text->len - label.value;
		labels[count++] = label;
	}
	return count;
}

static void
add_labels(
    struct buf *out, const char *text, const struct label *labels, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (out->len > 0 && out->data[out->len - 1] != '\0')
			buf_add_char(out, ',');
		buf_add(out, text + labels[i].name, labels[i].name_len);
		buf_add_string(out, "=\"");
		buf_add(out, text + labels[i].value, labels[i].value_len);
		buf_add_char(out, '"');
	}
}

static int
compare_labels(const void *a, const void *b, void *context)
{
	const struct label *left = a, *right = b;
	const char *text = context;
	size_t shorter =
	    left->name_len < right->name_len ? left->name_len : right->name_len;
	int order = memcmp(text + left->name, text + right->name, shorter);

	if (order != 0)
		return order;
	return (left->name_len > right->name_len) -
	    (left->name_len < right->name_len);
}

static struct label
profile_label(struct buf *text, const struct metric *metric)
{
	struct label label = {.name = text->len};

	buf_add_string(text, "profile_id");
	label.name_len = text->len - label.name;
	label.value = text->len;
	add_label_value(text, &metric->profile_id);
	label.value_len = text->len - label.value;
	return label;
}

/*
 * Makes the key of a metric's series (its name, its app, its labels in the
 * order of their names) in table->key and its labels, as they are shown, in
 * table->labels.
 */
static void
make_key(struct series_table *table, const struct metric *metric)
{
	struct label labels[METRIC_TAGS_MAX + 1];
	struct buf text = BUF_INIT, name = BUF_INIT;
	struct buf *key = &table->key, *shown = &table->labels;
	size_t count = make_labels(table, metric, labels, &text);

	if (table->options.with_profile)
		labels[count++] = profile_label(&text, metric);
	key->len = shown->len = 0;
	json_decode(&name, &metric->name);
	buf_add_string(key, "client_metric_");
	exposition_metric_name(key, name.data, name.len);
	buf_add_char(key, '\0');
	if (table->options.with_app)
		json_decode(key, &metric->app_id);
	buf_add_char(key, '\0');
	add_labels(shown, text.data, labels, count);
	buf_add_char(shown, '\0');
	qsort_r(labels, count, sizeof(labels[0]), compare_labels, text.data);
	add_labels(key, text.data, labels, count);
	buf_free(&text);
	buf_free(&name);
}

/* ---- families ----------------------------------------------------------- */

static struct family *
new_family(const char *name, const struct json_text *metric_name)
{
	struct family *family = xmalloc(sizeof(*family));
	struct buf help = BUF_INIT;

	buf_add_string(&help, "Client metric: ");
	json_decode(&help, metric_name);
	*family = (struct family){.name = xstrdup(name),
	    .help = xstrdup(buf_terminate(&help)),
	    .references = 1};
	buf_free(&help);
	return family;
}

static struct family *
get_family(struct series_table *table, const struct metric *metric)
{
	const char *name = table->key.data;
	size_t hash = hash_of(name, strlen(name));
	struct family **bucket = &table->family_buckets[hash % FAMILY_BUCKETS];
	struct family *family = *bucket;

	while (family != NULL && strcmp(family->name, name) != 0)
		family = family->next_in_bucket;
	if (family != NULL)
		return family;
	family = new_family(name, &metric->name);
	family->hash = hash;
	family->next_in_bucket = *bucket;
	*bucket = family;
	family->next = table->families;
	if (family->next != NULL)
		family->next->previous = family;
	table->families = family;
	return family;
}

static void
drop_family(struct series_table *table, struct family *family)
{
	struct family **at =
	    &table->family_buckets[family->hash % FAMILY_BUCKETS];

	while (*at != family)
		at = &(*at)->next_in_bucket;
	*at = family->next_in_bucket;
	if (family->previous != NULL)
		family->previous->next = family->next;
	else
		table->families = family->next;
	if (family->next != NULL)
		family->next->previous = family->previous;
	release_family(family);
}

/* ---- series ------------------------------------------------------------- */

static struct series *
find_series(const struct series_table *table, size_t hash)
{
	const struct buf *key = &table->key;
	struct series *series = *bucket_of(table, hash);

	while (series != NULL &&
	    (series->hash != hash || series->key_len != key->len ||
		memcmp(series->key, key->data, key->len) != 0))
		series = series->next_in_bucket;
	return series;
}

static struct series *
add_series(struct series_table *table, const struct metric *metric, size_t hash)
{
	const struct buf *key = &table->key, *labels = &table->labels;
	struct buf app = BUF_INIT;
	struct series *series, **bucket;

	if (table->count >= table->nbuckets)
		grow(table);
	json_decode(&app, &metric->app_id);
	buf_add_char(&app, '\0');
	series = xmalloc(sizeof(*series) + key->len + app.len + labels->len);
	*series = (struct series){.hash = hash,
	    .key_len = key->len,
	    .family = get_family(table, metric),
	    .timestamp = -1,
	    .references = 1};
	memcpy(series->key, key->data, key->len);
	memcpy(series->key + key->len, app.data, app.len);
	series->app_id = series->key + key->len;
	memcpy(series->key + key->len + app.len, labels->data, labels->len);
	series->labels = series->app_id + app.len;
	buf_free(&app);
	bucket = bucket_of(table, hash);
	series->next_in_bucket = *bucket;
	*bucket = series;
	series->family->references++;
	series->previous = series->family->last;
	if (series->previous != NULL)
		series->previous->next = series;
	else
		series->family->first = series;
	series->family->last = series;
	table->count++;
	return series;
}

/* Takes a series, which *at in its bucket points to, out of the table. */
static void
drop_series(struct series_table *table, struct series **at)
{
	struct series *series = *at;
	struct family *family = series->family;

	*at = series->next_in_bucket;
	if (series->previous != NULL)
		series->previous->next = series->next;
	else
		family->first = series->next;
	if (series->next != NULL)
		series->next->previous = series->previous;
	else
		family->last = series->previous;
	if (family->first == NULL)
		drop_family(table, family);
	release_series(series);
	table->count--;
}

static void
set_value(struct series *series, const struct json_text *value)
{
	struct buf text = BUF_INIT;

	number_write(&text, value);
	buf_terminate(&text);
	/* An integer may have come with more digits than a double keeps. */
	if (text.len >= sizeof(series->value)) {
		double number = strtod(text.data, NULL);

		text.len = 0;
		buf_printf(&text, "%.17g", number);
		buf_terminate(&text);
	}
	memcpy(series->value, text.data, text.len + 1);
	buf_free(&text);
}

void
series_put(
    struct series_table *table, const struct metric *metric, int64_t now_ms)
{
	int64_t received = metric->received >= 0 ? metric->received : now_ms;
	int64_t timestamp = metric->timestamp <= received + AHEAD_MS
	    ? metric->timestamp
	    : received;
	struct series *series;
	size_t hash;

	if (table->options.ttl_ms > 0 &&
	    received + table->options.ttl_ms <= now_ms)
		return;
	make_key(table, metric);
	hash = hash_of(table->key.data, table->key.len);
	series = find_series(table, hash);
	if (series == NULL && table->count >= table->options.max) {
		table->over_limit++;
		return;
	}
	if (series == NULL)
		series = add_series(table, metric, hash);
	if (received > series->received)
		series->received = received;
	if (timestamp < series->timestamp)
		return;
	series->timestamp = timestamp;
	series->partition = metric->partition;
	set_value(series, &metric->value);
}

bool
series_expire(struct series_table *table, int64_t now_ms)
{
	int64_t ttl_ms = table->options.ttl_ms;
	size_t end = table->expire_at + EXPIRE_BUCKETS;

	if (ttl_ms == 0)
		return true;
	for (; table->expire_at < end && table->expire_at < table->nbuckets;
	     table->expire_at++) {
		struct series **at = &table->buckets[table->expire_at];

		while (*at != NULL)
			if ((*at)->received + ttl_ms <= now_ms)
				drop_series(table, at);
			else
				at = &(*at)->next_in_bucket;
	}
	if (table->expire_at < table->nbuckets)
		return false;
	table->expire_at = 0;
	return true;
}

void
series_keep_partitions(
    struct series_table *table, const int64_t *partitions, size_t count)
{
	for (size_t i = 0; i < table->nbuckets; i++) {
		struct series **at = &table->buckets[i];

		while (*at != NULL) {
			int64_t partition = (*at)->partition;
			bool keep = partition < 0;

			for (size_t j = 0; j < count && !keep; j++)
				keep = partitions[j] == partition;
			if (keep)
				at = &(*at)->next_in_bucket;
			else
				drop_series(table, at);
		}
	}
}

void
series_table_free(struct series_table *table)
{
	for (size_t i = 0; i < table->nbuckets; i++)
		while (table->buckets[i] != NULL)
			drop_series(table, &table->buckets[i]);
	free(table->buckets);
	buf_free(&table->key);
	buf_free(&table->labels);
}

/* ---- snapshots ---------------------------------------------------------- */

struct series_sample *
series_snapshot(const struct series_table *table, size_t *count)
{
	struct series_sample *samples =
	    xreallocarray(NULL, table->count, sizeof(*samples));
	size_t n = 0;

	for (struct family *f = table->families; f != NULL; f = f->next)
		for (struct series *s = f->first; s != NULL; s = s->next) {
			s->references++;
			samples[n].series = s;
			memcpy(samples[n++].value, s->value, sizeof(s->value));
		}
	*count = n;
	return samples;
}

void
series_snapshot_free(struct series_sample *samples, size_t count)
{
	for (size_t i = 0; i < count; i++)
		release_series(samples[i].series);
	free(samples);
}

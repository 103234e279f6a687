#include "labels.h"

#include <stdlib.h>

#include "exposition.h"
#include "store.h"

static bool
is_valid(const char *name, size_t len)
{
	if (len == 0 || (name[0] >= '0' && name[0] <= '9') ||
	    (len > 1 && name[0] == '_' && name[1] == '_'))
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		if ((unsigned)((c | 0x20) - 'a') >= 26 &&
		    (c < '0' || c > '9') && c != '_')
			return false;
	}
	return true;
}

/* Room for all names of the sample: they stay where they are put. */
static void
reserve_names(
    struct labels *labels, const struct record_tag *tags, size_t ntags)
{
	size_t room = 0;

	for (size_t i = 0; i < ntags; i++)
		room += 2 * tags[i].key.len + 1;
	labels->names.len = 0;
	buf_reserve(&labels->names, room);
}

static void
read_name(
    struct labels *labels, struct label *label, const struct record_tag *tag)
{
	struct buf *names = &labels->names;
	size_t start = names->len;

	label->value = &tag->value;
	label->name = label->original = tag->key.at;
	label->name_len = label->original_len = tag->key.len;
	if (!tag->key.simple) {
		json_decode(names, &tag->key);
		label->name = label->original = names->data + start;
		label->name_len = label->original_len = names->len - start;
	}
	if (is_valid(label->name, label->name_len))
		return;
	start = names->len;
	exposition_label_name(names, label->original, label->original_len);
	label->name = names->data + start;
	label->name_len = names->len - start;
	labels->original = 1;
}

static int
compare_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	if (order != 0)
		return order;
	return a_len < b_len ? -1 : a_len > b_len;
}

static int
compare_names(const struct label *a, const struct label *b)
{
	return compare_bytes(a->name, a->name_len, b->name, b->name_len);
}

static int
compare_labels(const void *a, const void *b)
{
	const struct label *label_a = a, *label_b = b;
	int order = compare_names(label_a, label_b);

	if (order != 0)
		return order;
	return compare_bytes(label_a->original, label_a->original_len,
	    label_b->original, label_b->original_len);
}

/* Most samples have few labels, in an order that is not far from sorted. */
static void
sort(struct label *labels, size_t count)
{
	if (count > 16) {
		qsort(labels, count, sizeof(*labels), compare_labels);
		return;
	}
	for (size_t i = 1; i < count; i++) {
		struct label label = labels[i];
		size_t at = i;

		for (; at > 0 && compare_labels(&label, &labels[at - 1]) < 0;
		     at--)
			labels[at] = labels[at - 1];
		labels[at] = label;
	}
}

static void
write_value(struct labels *labels, const struct json_text *value)
{
	if (value->simple) {
		buf_add(&labels->text, value->at, value->len);
		return;
	}
	labels->decoded.len = 0;
	json_decode(&labels->decoded, value);
	exposition_escape(
	    &labels->text, labels->decoded.data, labels->decoded.len);
}

static void
write_sorted(struct labels *labels, size_t count)
{
	struct buf *text = &labels->text;

	for (size_t i = 0; i < count; i++) {
		const struct label *label = &labels->labels[i];

		if (i > 0 && compare_names(label - 1, label) == 0) {
			text->len--; /* the quote */
			buf_add_char(text, ';');
		} else {
			if (i > 0)
				buf_add_char(text, ',');
			buf_add(text, label->name, label->name_len);
			buf_add(text, "=\"", 2);
		}
		write_value(labels, label->value);
		buf_add_char(text, '"');
	}
}

/* Of a sample whose names were changed: what they were. */
static uint32_t
hash_originals(const struct labels *labels, size_t count)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < count; i++) {
		const struct label *label = &labels->labels[i];

		hash = store_hash(label->original, label->original_len, hash);
	}
	return (uint32_t)hash | 1;
}

void
labels_write(struct labels *labels, const struct record_tag *tags, size_t ntags)
{
	labels->text.len = 0;
	buf_reserve(&labels->text, 0); /* there is a text, if an empty one */
	labels->original = 0;
	while (labels->size < ntags)
		labels->labels = grow_array(
		    labels->labels, &labels->size, sizeof(*labels->labels));
	reserve_names(labels, tags, ntags);
	for (size_t i = 0; i < ntags; i++)
		read_name(labels, &labels->labels[i], &tags[i]);
	sort(labels->labels, ntags);
	write_sorted(labels, ntags);
	if (labels->original != 0)
		labels->original = hash_originals(labels, ntags);
}

void
labels_free(struct labels *labels)
{
	free(labels->labels);
	buf_free(&labels->text);
	buf_free(&labels->names);
	buf_free(&labels->decoded);
}

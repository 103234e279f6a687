#include "record-writer.h"

#include <stdlib.h>

#include "number.h"

static bool
span_is(struct span span, const char *string)
{
	return span.len == strlen(string) &&
	    memcmp(span.at, string, span.len) == 0;
}

static bool
spans_equal(struct span a, struct span b)
{
	return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

static bool
has_prefix(struct span span, const char *prefix)
{
	size_t len = strlen(prefix);

	return span.len > len && memcmp(span.at, prefix, len) == 0;
}

/* A label's name without "metric." or "resource.". */
static struct span
without_prefix(struct span label)
{
	size_t len = 0;

	if (has_prefix(label, "metric."))
		len = strlen("metric.");
	else if (has_prefix(label, "resource."))
		len = strlen("resource.");
	return (struct span){label.at + len, label.len - len};
}

/* Does `wanted`, as -t names it, mean `label`? Either may lack its prefix. */
static bool
names_label(struct span wanted, struct span label)
{
	struct span bare_wanted = without_prefix(wanted);
	struct span bare_label = without_prefix(label);

	if (bare_wanted.len != wanted.len && bare_label.len != label.len)
		return spans_equal(wanted, label);
	return spans_equal(bare_wanted, bare_label);
}

/* Does -t name the label? It becomes that tag, whatever else holds. */
static bool
add_renamed(struct record_writer *writer, struct span key)
{
	for (size_t i = 0; i < writer->nrenames; i++) {
		struct pair *rename = &writer->renames[i];

		if (names_label(rename->from, key)) {
			json_escape(
			    &writer->tag_names, rename->to.at, rename->to.len);
			return true;
		}
	}
	return false;
}

/*
 * Puts a label's tag, by the table of the record format, behind the others in
 * tag_names.
 */
static void
name_tag(struct record_writer *writer, struct label *label, struct span key)
{
	struct buf *names = &writer->tag_names;
	struct span bare = writer->keep ? key : without_prefix(key);

	if (add_renamed(writer, key))
		return;
	if (!writer->keep &&
	    (span_is(key, "resource.kafka.id") || span_is(key, "kafka_id"))) {
		buf_add_string(names, "cluster_id");
		return;
	}
	if (!writer->keep && span_is(bare, "principal_id") &&
	    !has_prefix(key, "resource.")) {
		buf_add_string(names, "principal");
		return;
	}
	if (label->key.simple)
		buf_add(names, bare.at, bare.len);
	else
		json_escape(names, bare.at, bare.len);
	if (writer->keep)
		return;
	for (size_t i = label->tag; i < names->len; i++)
		if (names->data[i] == '.')
			names->data[i] = '_';
}

void
record_writer_start(struct record_writer *writer)
{
	writer->nlabels = 0;
	writer->tag_names.len = 0;
}

bool
record_writer_label(struct record_writer *writer, const struct json_text *key,
    const struct json_text *value, bool resource, struct buf *problem)
{
	struct span name = {key->at, key->len};
	struct label *label;

	if (writer->nlabels == LABELS_MAX) {
		buf_printf(problem, "more than %d labels", LABELS_MAX);
		return false;
	}
	if (!key->simple) {
		writer->decoded.len = 0;
		json_decode(&writer->decoded, key);
		name = (struct span){writer->decoded.data, writer->decoded.len};
	}
	label = &writer->labels[writer->nlabels++];
	label->key = *key;
	label->value = *value;
	label->resource = resource || has_prefix(name, "resource.");
	label->tag = writer->tag_names.len;
	name_tag(writer, label, name);
	label->tag_len = writer->tag_names.len - label->tag;
	return true;
}

static struct span
tag_of(const struct record_writer *writer, const struct label *label)
{
	return (struct span){
	    writer->tag_names.data + label->tag, label->tag_len};
}

/* "io.confluent.kafka.server/retained_bytes" without "io.", [./] as _. */
static void
write_name(struct record_writer *writer, const struct json_text *metric,
    struct buf *out)
{
	struct span name = {metric->at, metric->len};
	size_t start = out->len;

	if (!metric->simple) {
		writer->decoded.len = 0;
		json_decode(&writer->decoded, metric);
		name.at = writer->decoded.data;
		name.len = writer->decoded.len;
	}
	if (has_prefix(name, "io.")) {
		name.at += strlen("io.");
		name.len -= strlen("io.");
	}
	if (metric->simple)
		buf_add(out, name.at, name.len);
	else
		json_escape(out, name.at, name.len);
	/* An escape holds neither of the two: "/" needs none. */
	for (size_t i = start; i < out->len; i++)
		if (out->data[i] == '.' || out->data[i] == '/')
			out->data[i] = '_';
}

/* What stands before the name of a tag. */
static void
begin_tag(struct buf *out)
{
	if (out->data[out->len - 1] != '{')
		buf_add_char(out, ',');
	buf_add_char(out, '"');
}

static void
write_labels(struct record_writer *writer, bool resource, struct buf *out)
{
	for (size_t i = 0; i < writer->nlabels; i++) {
		struct label *label = &writer->labels[i];
		struct span tag;

		if (label->resource != resource)
			continue;
		begin_tag(out);
		tag = tag_of(writer, label);
		buf_add(out, tag.at, tag.len);
		buf_add(out, "\":\"", 3);
		json_escape_text(out, &label->value);
		buf_add_char(out, '"');
	}
}

static bool
has_tag(const struct record_writer *writer, struct span name)
{
	for (size_t i = 0; i < writer->nlabels; i++)
		if (spans_equal(name, tag_of(writer, &writer->labels[i])))
			return true;
	return false;
}

static void
write_tags(struct record_writer *writer, struct buf *out)
{
	write_labels(writer, true, out);
	write_labels(writer, false, out);
	for (size_t i = 0; i < writer->nadded; i++) {
		struct pair *added = &writer->added[i];

		if (has_tag(writer, added->from))
			continue;
		begin_tag(out);
		json_escape(out, added->from.at, added->from.len);
		buf_add(out, "\":\"", 3);
		json_escape(out, added->to.at, added->to.len);
		buf_add_char(out, '"');
	}
}

static bool
tags_differ(const struct record_writer *writer, struct buf *problem)
{
	for (size_t i = 1; i < writer->nlabels; i++) {
		const struct label *b = &writer->labels[i];
		struct span tag = tag_of(writer, b);

		for (size_t j = 0; j < i; j++) {
			const struct label *a = &writer->labels[j];

			if (!spans_equal(tag_of(writer, a), tag))
				continue;
			buf_printf(problem,
			    "labels \"%.*s\" and \"%.*s\" both become tag "
			    "\"%.*s\"",
			    (int)a->key.len, a->key.at, (int)b->key.len,
			    b->key.at, (int)tag.len, tag.at);
			return false;
		}
	}
	return true;
}

static int64_t
seconds_from_ms(int64_t ms)
{
	return (ms - (ms % 1000 + 1000) % 1000) / 1000;
}

bool
record_writer_end(struct record_writer *writer, const struct json_text *metric,
    const struct json_text *value, int64_t timestamp_ms, struct buf *out,
    struct buf *problem)
{
	if (!tags_differ(writer, problem))
		return false;
	buf_add_string(out, "{\"fields\":{\"value\":");
	number_write(out, value);
	buf_add_string(out, "},\"name\":\"");
	write_name(writer, metric, out);
	buf_add_string(out, "\",\"tags\":{");
	write_tags(writer, out);
	buf_add_string(out, "},\"timestamp\":");
	number_write_integer(out,
	    writer->seconds ? seconds_from_ms(timestamp_ms) : timestamp_ms);
	buf_add_string(out, "}\n");
	return true;
}

void
record_writer_free(struct record_writer *writer)
{
	free(writer->renames);
	free(writer->added);
	buf_free(&writer->tag_names);
	buf_free(&writer->decoded);
}

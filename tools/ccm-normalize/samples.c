#include "samples.h"

#include "resource-types.h"

/* "kafka_id", as an export writes the label of the resource type "kafka.id" */
static bool
is_resource(const struct json_text *key)
{
	for (size_t i = 0; i < RESOURCE_TYPES; i++) {
		const char *type = resource_types[i].type;
		size_t j = 0;

		while (j < key->len && type[j] != '\0' &&
		    (type[j] == '.' ? '_' : type[j]) == key->at[j])
			j++;
		if (j == key->len && type[j] == '\0')
			return true;
	}
	return false;
}

/* Is it about the export, and no metric? */
static bool
is_about_export(const struct json_text *name)
{
	return json_text_is(name, "export_status") ||
	    json_text_is(name, "confluent_scrape_resource_access_error");
}

bool
samples_line(void *state, const char *line, size_t len, struct buf *out,
    struct buf *problem)
{
	struct samples *samples = state;
	struct exposition_reader *reader = &samples->reader;
	struct record_writer *writer = samples->writer;
	enum exposition_line kind = exposition_read(reader, line, len, problem);

	if (kind != EXPOSITION_SAMPLE)
		return kind != EXPOSITION_BAD;
	if (is_about_export(&reader->name))
		return true;
	if (!reader->finite) {
		buf_printf(problem, "the value is %s, which no record can have",
		    reader->value.at);
		return false;
	}
	record_writer_start(writer);
	for (size_t i = 0; i < reader->nlabels; i++) {
		const struct record_tag *label = &reader->labels[i];

		if (!record_writer_label(writer, &label->key, &label->value,
			is_resource(&label->key), problem))
			return false;
	}
	return record_writer_end(writer, &reader->name, &reader->value,
	    reader->timestamp_ms != EXPOSITION_NO_TIMESTAMP
		? reader->timestamp_ms
		: clock_now_ms(&samples->clock),
	    out, problem);
}

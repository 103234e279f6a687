/*
 * A message by any schema: the first line of the input is another writer's
 * schema, or empty for our own, what follows is the message. Whatever they are,
 * reading ends, in bounds; and a metric that is read is a line of strict JSON
 * that ccm-avro reads again as the same metric.
 */
#include <stdint.h>
#include <stdlib.h>

#include "../../tools/ccm-avro/metric.h"
#include "../../tools/ccm-avro/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* With an alias and a default of each kind. */
static const char ours_avsc[] =
    "{\"type\":\"record\",\"name\":\"Metric\",\"aliases\":[\"M\"],\"fields\":["
    "{\"name\":\"name\",\"type\":\"string\",\"default\":\"n\"},"
    "{\"name\":\"value\",\"type\":\"double\",\"aliases\":[\"v\"],\"default\":1},"
    "{\"name\":\"timestamp\",\"type\":\"long\",\"default\":2},"
    "{\"name\":\"tags\",\"type\":{\"type\":\"map\",\"values\":\"string\"},"
    "\"default\":{\"a\":\"b\"}},"
    "{\"name\":\"profileId\",\"type\":\"string\",\"default\":\"p\"}]}";

static struct metric_schema *
ours(void)
{
	static struct metric_schema *schema;
	static struct buf text = BUF_INIT, problem = BUF_INIT;

	if (schema == NULL) {
		buf_add_string(&text, ours_avsc);
		buf_terminate(&text);
		schema = metric_schema_parse(text.data, text.len, &problem);
	}
	if (schema == NULL)
		abort();
	return schema;
}

/* A line that was written is read again; what it is written as is the same. */
static void
check_line(const struct metric *metric)
{
	static struct spooled spooled = SPOOLED_INIT;
	static struct buf line, again, problem;
	struct arrival arrival = {
	    .app_id = {"shop", 4}, .received_ms = 1, .partition = -1};

	line.len = again.len = problem.len = 0;
	if (!metric_write_line(&line, metric, &arrival, &problem)) {
		if (problem.len == 0)
			abort();
		return;
	}
	if (memchr(line.data, '\n', line.len) != line.data + line.len - 1)
		abort();
	buf_terminate(&line);
	if (metric->name.len == 0)
		return;
	if (!spooled_read(&spooled, line.data, line.len - 1, &problem))
		abort();
	metric_write_line(&again, &spooled.metric, &arrival, &problem);
	if (again.len != line.len ||
	    memcmp(again.data, line.data, line.len) != 0)
		abort();
}

static void
read_message(const struct writer_schema *writer, const char *at, size_t len)
{
	static struct metric metric;
	struct binary in = {at, at + len, NULL};
	bool good;

	metric_clear(&metric);
	good = writer != NULL ? writer_schema_decode(writer, &in, &metric)
			      : metric_decode(&in, &metric);
	if (good != (in.problem == NULL) || in.at > in.end)
		abort();
	if (good)
		check_line(&metric);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint8_t *newline = len > 0 ? memchr(data, '\n', len) : NULL;
	size_t schema_len, message_len;
	struct buf schema = BUF_INIT, problem = BUF_INIT;
	struct writer_schema *writer = NULL;
	char *message;

	if (newline == NULL)
		return -1;
	schema_len = (size_t)(newline - data);
	message_len = len - schema_len - 1;
	buf_add(&schema, data, schema_len);
	buf_terminate(&schema);
	if (schema_len > 0)
		writer = writer_schema_parse(
		    ours(), schema.data, schema.len, &problem);
	/* Of its own size, for ASan. */
	message = malloc(message_len + (message_len == 0));
	memcpy(message, newline + 1, message_len);
	if (writer != NULL || schema_len == 0)
		read_message(writer, message, message_len);
	else if (problem.len == 0)
		abort();
	free(message);
	writer_schema_free(writer);
	buf_free(&schema);
	buf_free(&problem);
	return 0;
}

#include "encode.h"

#include <endian.h>

#include "filter.h"
#include "frame.h"
#include "metric.h"
#include "wire.h"

struct encoder {
	uint32_t schema_id;
	struct frame_delimiters delimiters;
	struct spooled spooled;
	struct metric decoded; /* loop's */
	struct buf key, message;
};

static bool
read_line(
    struct encoder *encoder, const char *line, size_t len, struct buf *problem)
{
	struct spooled *spooled = &encoder->spooled;

	if (!spooled_read(spooled, line, len, problem))
		return false;
	encoder->message.len = 0;
	wire_write_head(&encoder->message, encoder->schema_id);
	metric_encode(&encoder->message, &spooled->metric);
	return true;
}

static bool
encode_line(void *state, const char *line, size_t len, struct buf *out,
    struct buf *problem)
{
	struct encoder *encoder = state;
	const struct spooled *spooled = &encoder->spooled;
	struct buf *key = &encoder->key;

	if (!read_line(encoder, line, len, problem))
		return false;
	key->len = 0;
	wire_write_key(key, &spooled->app_id, &spooled->metric.name);
	frame_write(out, &encoder->delimiters, spooled->received_ms, key,
	    encoder->message.data, encoder->message.len);
	return true;
}

static bool
loop_line(void *state, const char *line, size_t len, struct buf *out,
    struct buf *problem)
{
	struct encoder *encoder = state;
	struct arrival arrival = {.partition = -1};
	struct binary in = {.problem = NULL};

	if (!read_line(encoder, line, len, problem))
		return false;
	arrival.app_id = encoder->spooled.app_id;
	arrival.received_ms = encoder->spooled.received_ms;
	in.at = encoder->message.data + WIRE_HEAD_BYTES;
	in.end = encoder->message.data + encoder->message.len;
	metric_clear(&encoder->decoded);
	if (!metric_decode(&in, &encoder->decoded)) {
		buf_add_string(problem, in.problem);
		return false;
	}
	return metric_write_line(out, &encoder->decoded, &arrival, problem);
}

static int
run(struct encoder *encoder, const char *reject_path,
    bool (*line)(void *, const char *, size_t, struct buf *, struct buf *))
{
	struct filter filter = {
	    .line = line, .state = encoder, .reject_path = reject_path};
	int status = filter_run(&filter);

	frame_delimiters_free(&encoder->delimiters);
	spooled_free(&encoder->spooled);
	metric_free(&encoder->decoded);
	buf_free(&encoder->key);
	buf_free(&encoder->message);
	return status;
}

int
encode(uint32_t schema_id, const char *reject_path)
{
	struct encoder encoder = {
	    .schema_id = schema_id, .spooled = SPOOLED_INIT};

	frame_delimiters_or_die(&encoder.delimiters);
	return run(&encoder, reject_path, encode_line);
}

int
loop(const char *reject_path)
{
	struct encoder encoder = {.spooled = SPOOLED_INIT};

	return run(&encoder, reject_path, loop_line);
}

/*
 * The parser of the API's answers: however the bytes are cut into pieces, the
 * verdict is the same; what is accepted is strict JSON as a whole; and every
 * point written is a line of strict JSON.
 */
#include <stdint.h>
#include <stdlib.h>

#include "../../tools/ccm-fetch/points.h"
#include "../../tools/ccm-fetch/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct points points;
static struct buf out;

static bool
on_element(void *context, const char *text, size_t len)
{
	(void)context;
	return points_write(&points, text, len, &out);
}

static bool
read_in_pieces(const uint8_t *data, size_t len, size_t piece, bool *token)
{
	static struct response response = {.element = on_element};
	char *next_page;
	bool good = true;

	response_start(&response);
	for (size_t at = 0; at < len && good; at += piece)
		good = response_feed(&response, (const char *)data + at,
		    len - at < piece ? len - at : piece);
	good = response_end(&response, &next_page) && good;
	*token = next_page != NULL;
	free(next_page);
	return good;
}

static void
check_lines(void)
{
	const char *error;
	size_t offset;

	for (size_t at = 0; at < out.len;) {
		char *newline = memchr(out.data + at, '\n', out.len - at);
		size_t len;

		if (newline == NULL)
			__builtin_trap();
		len = (size_t)(newline - out.data) - at;
		if (!json_validate(out.data + at, len, &error, &offset))
			__builtin_trap();
		at += len + 1;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct resources resources;
	static struct body body;
	static const char text[] =
	    "{\"aggregations\":[{\"metric\":\"m\"}],\"filter\":"
	    "{\"field\":\"resource.kafka.id\",\"op\":\"EQ\",\"value\":\"a\"}}";
	struct buf whole = BUF_INIT, problem = BUF_INIT;
	bool good, token, good_cut, token_cut;
	const char *error;
	size_t offset;

	if (body.metric == NULL &&
	    !body_read(&body, text, sizeof(text) - 1, 0, &resources, &problem))
		__builtin_trap();
	points.body = &body;
	points.resources = &resources;
	out.len = 0;
	good = read_in_pieces(data, len, len + 1, &token);
	if (good) {
		buf_add(&whole, data, len);
		buf_terminate(&whole);
		if (!json_validate(whole.data, whole.len, &error, &offset))
			__builtin_trap();
		check_lines();
	}
	good_cut = read_in_pieces(data, len, 1 + len % 7, &token_cut);
	if (good != good_cut || token != token_cut)
		__builtin_trap();
	free(error_details((const char *)data, len));
	buf_free(&whole);
	buf_free(&problem);
	return 0;
}

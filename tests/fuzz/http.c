/*
 * Requests of HTTP: what is read does not depend on how the bytes are cut, and
 * a head or a body is never larger than it may be.
 */
#include <stdint.h>

#include "http-request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct http_limits limits = {.head_bytes = 512,
    .body_bytes = 256,
    .unpacked_bytes = 1024,
    .unpacked_ratio = 100};

/* Appends what was read, as far as a caller can see it. */
static void
describe(struct buf *out, const struct http_request *request)
{
	buf_printf(out, "%s %s ?%s %s %d\n", request->method, request->path,
	    request->query != NULL ? request->query : "", request->host,
	    request->keep_alive);
	for (size_t i = 0; i < request->nheaders; i++)
		buf_printf(out, "%s: %s\n",
		    request->head.data + request->headers[i].name,
		    request->head.data + request->headers[i].value);
	buf_add(out, request->body.data, request->body.len);
}

static void
read_all(const char *bytes, size_t len, size_t step, struct buf *out)
{
	struct http_request request = {.method = NULL};
	struct http_reader reader;
	enum http_read result = HTTP_READ_MORE;
	struct buf decoded = BUF_INIT;
	size_t at = 0, used;

	http_reader_start(&reader, &limits, &request);
	while (
	    result != HTTP_READ_BAD && (at < len || result == HTTP_READ_HEAD)) {
		size_t n = len - at < step ? len - at : step;

		result = http_reader_feed(&reader, bytes + at, n, &used);
		if (used > n ||
		    request.body.len > limits.unpacked_bytes + 65536)
			__builtin_trap();
		at += used;
		if (result != HTTP_READ_WHOLE)
			continue;
		describe(out, &request);
		http_request_accepts_gzip(&request);
		http_request_parameter(&request, "limit", &decoded);
		http_request_reset(&request);
		http_reader_start(&reader, &limits, &request);
	}
	/* Which rule was broken may depend on the cut; that one was does not.
	 */
	buf_printf(out, "%s", result == HTTP_READ_BAD ? "bad" : "");
	http_request_free(&request);
	buf_free(&decoded);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf whole = BUF_INIT, cut = BUF_INIT;

	read_all((const char *)data, len, SIZE_MAX, &whole);
	read_all((const char *)data, len, 1, &cut);
	if (whole.len != cut.len ||
	    (whole.len > 0 && memcmp(whole.data, cut.data, cut.len) != 0))
		__builtin_trap();
	buf_free(&whole);
	buf_free(&cut);
	return 0;
}

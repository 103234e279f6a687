#include "http-request.h"

#include <stdio.h>

#include "unit.h"

#define POST "POST /m HTTP/1.1\r\nHost: h\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define NOT_A_NUMBER "400 Content-Length is not one number, or not alone"
#define NOT_CHUNKED "400 Transfer-Encoding is not a single \"chunked\""
#define BAD_SIZE "400 the size of a chunk is not valid"
#define BAD_CHUNKS "400 the chunks of the body are not valid HTTP"
#define BAD_HOST "400 Host is not a host and a port"
#define BAD_VERSION "505 the version is not HTTP/1.0 or HTTP/1.1"
#define BAD_TARGET "400 the request target is not valid"

/* What comes of bytes that are fed `step` at a time: "GET /path?query host=h
 * [body];" for each request ("!" where it is to be the last), then "more", or a
 * status and a problem. */
static char *
read_all(const char *bytes, size_t len, size_t step)
{
	const struct http_limits limits = HTTP_LIMITS_DEFAULT;
	struct http_request request = {.method = NULL};
	struct http_reader reader;
	struct buf text = BUF_INIT;
	const char *end = bytes + len;
	enum http_read result = HTTP_READ_MORE;

	http_reader_start(&reader, &limits, &request);
	while (result != HTTP_READ_BAD &&
	    (bytes < end || result == HTTP_READ_HEAD)) {
		size_t left = (size_t)(end - bytes), used;

		result = http_reader_feed(
		    &reader, bytes, left < step ? left : step, &used);
		bytes += used;
		if (result == HTTP_READ_WHOLE) {
			buf_printf(&text, "%s %s%s%s host=%s [%.*s]%s;",
			    request.method, request.path,
			    request.query != NULL ? "?" : "",
			    request.query != NULL ? request.query : "",
			    request.host, (int)request.body.len,
			    request.body.data, request.keep_alive ? "" : "!");
			http_request_reset(&request);
			http_reader_start(&reader, &limits, &request);
		}
	}
	if (result == HTTP_READ_BAD)
		buf_printf(
		    &text, "%d %s", request.problem_status, request.problem);
	else if (http_reader_has_begun(&reader))
		buf_add_string(&text, "more");
	http_request_free(&request);
	return buf_terminate(&text);
}

static const struct example {
	const char *bytes, *result;
} examples[] = {
    {"GET /a?b=1 HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a?b=1 host=h [];"},
    {POST "Content-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nhost:i\r\n\r\n",
	"POST /m host=h [abc];GET /b host=i [];"},
    {"GET / HTTP/1.0\r\n\r\n", "GET / host= []!;"},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / host= [];"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
	"GET / host=h []!;"},
    {"\r\nGET / HTTP/1.1\r\nHost: h\r\nEmpty:\r\nBlank:  \r\n\r\n",
	"GET / host=h [];"},
    {"GET http://i:80/p?q HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /p?q host=i:80 [];"},
    {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * host=h [];"},
    {"GET / HTTP/1.1\r\nHost: [::1]:5000\r\n\r\n", "GET / host=[::1]:5000 [];"},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
     "Upgrade: h2c\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET / host=h [];GET /2 host=h [];"},
    {CHUNKED "3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n",
	"POST /m host=h [abcde];"},
    {POST "Content-Length: 5\r\n\r\n\n \t\1x", "POST /m host=h [\n \t\1x];"},
    {"GET / HTTP/1.1\r\nHost: h\r\n", "more"},
    {POST "Content-Length: 3\r\n\r\nab", "more"},

    /* What a proxy could read in one way and we in another. */
    {POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", NOT_A_NUMBER},
    {POST "Content-Length: 3, 3\r\n\r\nabc", NOT_A_NUMBER},
    {POST "Content-Length: +3\r\n\r\nabc", NOT_A_NUMBER},
    {POST "Content-Length: -1\r\n\r\n", NOT_A_NUMBER},
    {POST "Content-Length: 0x3\r\n\r\nabc", NOT_A_NUMBER},
    {POST "Content-Length:\r\n\r\n", NOT_A_NUMBER},
    {POST "Content-Length: 99999999999999999999999\r\n\r\n", NOT_A_NUMBER},
    {POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
	NOT_A_NUMBER},
    {POST "Transfer-Encoding: xchunked\r\n\r\n", NOT_CHUNKED},
    {POST "Transfer-Encoding: identity\r\n\r\n", NOT_CHUNKED},
    {POST "Transfer-Encoding: gzip, chunked\r\n\r\n", NOT_CHUNKED},
    {POST "Transfer-Encoding: chunked, chunked\r\n\r\n", NOT_CHUNKED},
    {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
	NOT_CHUNKED},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"400 HTTP/1.0 has no Transfer-Encoding"},
    {"GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n",
	"400 a header line is folded"},
    {"GET / HTTP/1.1\r\n Host: h\r\n\r\n", "400 a header line is folded"},
    {"GET / HTTP/1.1\nHost: h\n\n", "400 a line ends without CR"},
    {"GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n", "400 a line ends without CR"},
    {"GET / HTTP/1.1\r\nHost : h\r\n\r\n", "400 a header line is not valid"},
    {"GET / HTTP/1.1\r\nHost: h\r\n: b\r\n\r\n",
	"400 a header line has no name"},
    {"GET / HTTP/1.1\r\nHost: h\rA: b\r\n\r\n",
	"400 the request is not valid HTTP"},
    {CHUNKED "0x3\r\nabc\r\n0\r\n\r\n", BAD_SIZE},
    {CHUNKED "3 \r\nabc\r\n0\r\n\r\n", BAD_SIZE},
    {CHUNKED "-1\r\nabc\r\n0\r\n\r\n", BAD_SIZE},
    {CHUNKED "3\nabc\r\n0\r\n\r\n", BAD_SIZE},
    {CHUNKED "10000000000000000\r\n", BAD_SIZE},
    {CHUNKED "3\r\nabc\n0\r\n\r\n", BAD_CHUNKS},
    {CHUNKED "3\r\nabcd\r\n0\r\n\r\n", BAD_CHUNKS},

    {"GET / HTTP/1.1\r\n\r\n", "400 there is no Host"},
    {"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
	"400 there is more than one Host"},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", BAD_HOST},
    {"GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", BAD_HOST},
    {"GET / HTTP/1.1\r\nHost: h:p\r\n\r\n", BAD_HOST},
    {"GET /\r\n\r\n", BAD_VERSION},
    {"GET / HTTP/2.0\r\n\r\n", BAD_VERSION},
    {"GET / HTTP/1.2\r\n\r\n", BAD_VERSION},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", BAD_VERSION},
    {"OPTIONS * RTSP/1.0\r\nHost: h\r\n\r\n", BAD_VERSION},
    {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
	"400 the request line has too many blanks"},
    {"hello\r\n\r\n", "400 the request does not begin with a method of HTTP"},
    {"QUERY / HTTP/1.1\r\nHost: h\r\n\r\n", "501 the method is not known here"},
    {"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", "501 CONNECT is for proxies"},
    {"GET h/p HTTP/1.1\r\nHost: h\r\n\r\n", BAD_TARGET},
    {"GET http:///p HTTP/1.1\r\nHost: h\r\n\r\n",
	"400 the target's host is not valid"},
    {"GET /p#f HTTP/1.1\r\nHost: h\r\n\r\n",
	"400 the request target has a fragment"},
    {POST "Content-Length: 1048577\r\n\r\n", "413 the body is too large"},
    {POST "Content-Encoding: br\r\nContent-Length: 1\r\n\r\n",
	"415 Content-Encoding is neither gzip nor identity"},
    {POST "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
	"400 the body is not valid gzip"},
    {POST "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b",
	"400 the gzip body is cut short"},
    {POST "Expect: a miracle\r\nContent-Length: 1\r\n\r\n",
	"417 Expect is not 100-continue"},
};

START_TEST(a_request_is_read_the_same_however_it_is_cut)
{
	const struct example *e = &examples[_i];
	static const size_t steps[] = {1 << 20, 1, 2, 7};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		char *result = read_all(e->bytes, strlen(e->bytes), steps[i]);

		ck_assert_msg(strcmp(result, e->result) == 0,
		    "%s\nstep %zu\n   got: %s\nwanted: %s", e->bytes, steps[i],
		    result, e->result);
		free(result);
	}
}
END_TEST

START_TEST(a_control_character_in_a_head_is_refused)
{
	char bytes[] = "GET / HTTP/1.1\r\nHost: h\r\nA: b?c\r\n\r\n";
	char *at = strchr(bytes, '?');

	for (char c = 0; c < ' '; c++) {
		char *result;

		if (c == '\t' || c == '\r' || c == '\n')
			continue;
		*at = c;
		result = read_all(bytes, sizeof(bytes) - 1, sizeof(bytes));
		ck_assert_str_eq(
		    result, "400 there is a control character in the head");
		free(result);
	}
}
END_TEST

/* What comes of `start`, then `piece` so many times, then `end`. */
static void
check_repeated(const char *start, const char *piece, unsigned times,
    const char *end, const char *wanted)
{
	struct buf bytes = BUF_INIT;
	char *result;

	buf_add_string(&bytes, start);
	for (unsigned i = 0; i < times; i++)
		buf_add_string(&bytes, piece);
	buf_add_string(&bytes, end);
	result = read_all(bytes.data, bytes.len, 1000);
	ck_assert_str_eq(result, wanted);
	free(result);
	buf_free(&bytes);
}

START_TEST(a_head_is_limited_in_bytes_and_lines)
{
	static const char get[] = "GET / HTTP/1.1\r\nHost: h\r\n";

	check_repeated(get, "a: b\r\n", 255, "\r\n", "GET / host=h [];");
	check_repeated(get, "a: b\r\n", 256, "\r\n",
	    "431 there are over 256 header lines");
	check_repeated(
	    get, "a: bcdefghijklmnopqrst\r\n", 200, "\r\n", "GET / host=h [];");
	/* 32 KiB of blanks, which are in no header's value. */
	check_repeated("GET / HTTP/1.1\r\nHost: h\r\nA:", "                ",
	    2047, "b\r\n\r\n", "431 the head is too large");
	check_repeated("GET /", "0123456789abcdef", 2048, " HTTP/1.1\r\n",
	    "414 the request target is too long");
}
END_TEST

START_TEST(bodies_are_limited_by_what_has_come)
{
	static const char over[] =
	    "431 chunk extensions and trailers are over 16 KiB";

	check_repeated(CHUNKED "1;e=", "0123456789abcdef", 1025, "", over);
	check_repeated(CHUNKED "0\r\n", "trailer: x\r\n", 2000, "", over);
	check_repeated(CHUNKED "100001\r\n", "0123456789abcdef", 65537, "",
	    "413 the body is too large");
}
END_TEST

/* What comes of a body of `len` times 'a', packed, `times` of it. */
static void
check_packed(size_t len, int times, const char *wanted)
{
	struct buf plain = BUF_INIT, body = BUF_INIT, bytes = BUF_INIT;
	struct gzip gzip;
	char *result;

	memset(buf_reserve(&plain, len), 'a', len);
	for (int i = 0; i < times; i++) {
		gzip_start(&gzip);
		gzip_add(&gzip, plain.data, len, true, &body);
	}
	buf_printf(&bytes,
	    POST "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
	    body.len);
	buf_add(&bytes, body.data, body.len);
	result = read_all(bytes.data, bytes.len, 100);
	ck_assert_str_eq(result, wanted);
	free(result);
	buf_free(&plain);
	buf_free(&body);
	buf_free(&bytes);
}

START_TEST(a_gzip_body_is_unpacked_within_bounds)
{
	static const char over[] = "413 the unpacked body is too large";

	check_packed(10, 1, "POST /m host=h [aaaaaaaaaa];");
	check_packed(3, 2, "POST /m host=h [aaaaaa];");
	/* 1 MiB of one letter is packed to a 200th. */
	check_packed((size_t)1 << 20, 1, over);
	check_packed((size_t)9 << 20, 1, over);
}
END_TEST

START_TEST(gzip_is_sent_to_who_takes_it)
{
	static const struct {
		const char *accept;
		bool takes;
	} clients[] = {{"gzip", true}, {"deflate, GZIP;q=0.5", true},
	    {"*", true}, {"gzip;q=0", false}, {"gzip; q=0.000", false},
	    {"gzip;q=0.001", true}, {"deflate", false}, {"xgzip", false},
	    {"", false}};

	for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
		char head[64] = "accept-encoding";
		struct http_header header = {.name = 0, .value = 16};
		struct http_request request = {
		    .headers = &header, .nheaders = 1, .head = {.data = head}};

		strcpy(head + 16, clients[i].accept);
		ck_assert_msg(
		    http_request_accepts_gzip(&request) == clients[i].takes,
		    "%s", clients[i].accept);
	}
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_request_is_read_the_same_however_it_is_cut,
	    0, sizeof(examples) / sizeof(examples[0]));
	tcase_add_test(tcase, a_control_character_in_a_head_is_refused);
	tcase_add_test(tcase, a_head_is_limited_in_bytes_and_lines);
	tcase_add_test(tcase, bodies_are_limited_by_what_has_come);
	tcase_add_test(tcase, a_gzip_body_is_unpacked_within_bounds);
	tcase_add_test(tcase, gzip_is_sent_to_who_takes_it);
}

int
main(void)
{
	return run_suite("http-request", add_tests);
}

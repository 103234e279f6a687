/*
 * Reading HTTP/1.1 requests (RFC 9112) out of bytes, however they are cut, by
 * llhttp in its strict mode, and with what llhttp leaves to the server:
 *
 * - Any version but 1.0 and 1.1 is 505.
 * - One Host, and a valid one; on 1.0 it may be missing.
 * - A body has one Content-Length or one "Transfer-Encoding: chunked", not
 *   both; on 1.0 only the former.
 * - No folded line, no LF without its CR, no NUL or other control character.
 * - Content-Encoding is gzip or identity. What comes out is unpacked.
 * - Head, body, unpacked body, chunk extensions and trailers are limited.
 *
 * What breaks one of these rules cannot be told apart from an attempt to
 * smuggle a request past a proxy: it is refused, and what follows on that
 * connection is not a request.
 */
#ifndef CCM_HTTP_REQUEST_H
#define CCM_HTTP_REQUEST_H

#include <llhttp/llhttp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "gzip.h"

struct http_limits {
	size_t head_bytes;     /* request line and header lines */
	size_t body_bytes;     /* as sent */
	size_t unpacked_bytes; /* of a gzip body */
	size_t unpacked_ratio; /* bytes out for each byte in */
};

#define HTTP_LIMITS_DEFAULT                                      \
	{                                                        \
		.head_bytes = 32 << 10, .body_bytes = 1 << 20,   \
		.unpacked_bytes = 8 << 20, .unpacked_ratio = 100 \
	}

/* A header line: where its parts are in the head, each with a NUL behind it. */
struct http_header {
	uint32_t name, value; /* the name is in small letters */
};

struct http_request {
	/* Valid from HTTP_READ_HEAD on, and until the request is reset. */
	const char *method; /* "POST" */
	const char *path;   /* as sent, without the query: "/api/v2/app/x" */
	const char *query;  /* what is behind the "?", or NULL */
	const char *host;   /* host and port as sent; "" where there is none */
	bool is_http_1_0;
	bool keep_alive;       /* the client would send another one */
	bool expects_continue; /* it waits for "100 Continue" */
	bool has_body;
	struct buf body; /* unpacked; whole at HTTP_READ_WHOLE */

	/* After HTTP_READ_BAD: what to answer. A static string. */
	int problem_status;
	const char *problem;

	/* private */
	struct buf head;
	struct http_header *headers;
	size_t nheaders, headers_size;
	struct gunzip gunzip;
	bool is_gzip;
	size_t body_received; /* as sent */
};

enum http_read {
	HTTP_READ_MORE,  /* all bytes are used up; the request goes on */
	HTTP_READ_HEAD,  /* the head is complete: once for each request */
	HTTP_READ_WHOLE, /* the request is complete */
	HTTP_READ_BAD    /* problem_status and problem say why */
};

struct http_reader {
	/* private */
	llhttp_t parser;
	const struct http_limits *limits;
	struct http_request *request;
	enum { READING_HEAD, READING_BODY } state;
	size_t head_received, overhead;
	uint32_t url; /* where the target is in the head */
	enum { PART_NONE, PART_NAME, PART_VALUE } part;
	char last; /* byte of the head */
	bool started, line_ended;
	unsigned blanks; /* in the request line */
	char protocol[sizeof("HTTP/") - 1];
	unsigned char protocol_len;
};

/* A request's memory can be used again after http_request_reset(). */
void http_request_reset(struct http_request *request);
void http_request_free(struct http_request *request);

/* Begins to read a request. `limits` and `request` stay the caller's. */
void http_reader_start(struct http_reader *reader,
    const struct http_limits *limits, struct http_request *request);

/*
 * Reads on; *used is how many of the bytes were. After HTTP_READ_HEAD the
 * caller goes on with those that are left, even if there are none: a request
 * without a body is HTTP_READ_WHOLE then. After HTTP_READ_WHOLE and
 * HTTP_READ_BAD the reader has to be started again.
 */
enum http_read http_reader_feed(
    struct http_reader *reader, const char *bytes, size_t len, size_t *used);

/* True where something of the request has come, if only one byte. */
bool http_reader_has_begun(const struct http_reader *reader);

/* The value of the first header line of that name (in small letters); NULL
 * where there is none. */
const char *http_request_header(
    const struct http_request *request, const char *name);

/* True where the client takes a gzip body (RFC 9110, 12.5.3). */
bool http_request_accepts_gzip(const struct http_request *request);

/* Appends a part of a path or a query with its percent escapes decoded; false
 * where an escape is none. */
bool http_decode(const char *text, size_t len, struct buf *out);

/* The decoded value of a parameter of the query; false where there is none, or
 * where it is no valid one. */
bool http_request_parameter(
    const struct http_request *request, const char *name, struct buf *value);

#endif

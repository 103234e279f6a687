#include "http-request.h"

#include <stdlib.h>
#include <strings.h>

/* A head that is refused for its size has that many lines. */
#define HEADERS_MAX 256
/* Chunk extensions and trailers, which mean nothing to us. */
#define OVERHEAD_MAX ((size_t)16 << 10)
/* What a request's memory may keep for the next one. */
#define KEPT_BYTES ((size_t)8 << 10)

static struct http_reader *
reader_of(llhttp_t *parser)
{
	return parser->data;
}

/* ---- requests ----------------------------------------------------------- */

void
http_request_reset(struct http_request *request)
{
	struct buf head = request->head, body = request->body;
	struct http_header *headers = request->headers;
	size_t headers_size = request->headers_size;

	if (request->is_gzip)
		gunzip_end(&request->gunzip);
	if (body.capacity > KEPT_BYTES)
		buf_free(&body);
	if (head.capacity > KEPT_BYTES)
		buf_free(&head);
	head.len = body.len = 0;
	memset(request, 0, sizeof(*request));
	request->head = head;
	request->body = body;
	request->headers = headers;
	request->headers_size = headers_size;
}

void
http_request_free(struct http_request *request)
{
	http_request_reset(request);
	buf_free(&request->head);
	buf_free(&request->body);
	free(request->headers);
	request->headers = NULL;
	request->headers_size = 0;
}

const char *
http_request_header(const struct http_request *request, const char *name)
{
	for (size_t i = 0; i < request->nheaders; i++)
		if (strcmp(request->head.data + request->headers[i].name,
			name) == 0)
			return request->head.data + request->headers[i].value;
	return NULL;
}

static size_t
count_headers(const struct http_request *request, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < request->nheaders; i++)
		if (strcmp(request->head.data + request->headers[i].name,
			name) == 0)
			count++;
	return count;
}

/* True where a "q=0", "q=0.0" ... is among the parameters. */
static bool
has_zero_weight(const char *parameters, size_t len)
{
	const char *q = memmem(parameters, len, "q=", 2);

	if (q == NULL)
		return false;
	q += 2;
	for (; q < parameters + len && (*q == '0' || *q == '.'); q++)
		;
	return q == parameters + len || *q < '1' || *q > '9';
}

bool
http_request_accepts_gzip(const struct http_request *request)
{
	const char *at = http_request_header(request, "accept-encoding");

	while (at != NULL && *at != '\0') {
		size_t len = strcspn(at, ","), name;

		while (len > 0 && (*at == ' ' || *at == '\t')) {
			at++;
			len--;
		}
		name = strcspn(at, ",; \t");
		if ((name == 4 && strncasecmp(at, "gzip", 4) == 0) ||
		    (name == 1 && *at == '*'))
			return !has_zero_weight(at + name, len - name);
		at += len + (at[len] == ',');
	}
	return false;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
http_decode(const char *text, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		int high, low;

		if (text[i] != '%') {
			buf_add_char(out, text[i]);
			continue;
		}
		if (len - i < 3)
			return false;
		high = hex_digit(text[i + 1]);
		low = hex_digit(text[i + 2]);
		if (high < 0 || low < 0)
			return false;
		buf_add_char(out, (char)(high << 4 | low));
		i += 2;
	}
	return true;
}

bool
http_request_parameter(
    const struct http_request *request, const char *name, struct buf *value)
{
	const char *at = request->query;
	size_t name_len = strlen(name);

	while (at != NULL && *at != '\0') {
		size_t len = strcspn(at, "&");

		if (len > name_len && at[name_len] == '=' &&
		    memcmp(at, name, name_len) == 0)
			return http_decode(
			    at + name_len + 1, len - name_len - 1, value);
		at += len + (at[len] == '&');
	}
	return false;
}

/* ---- what llhttp reports ------------------------------------------------ */

/* For a callback: what is to be answered; the result ends llhttp's work. */
static int
refuse(struct http_reader *reader, int status, const char *problem)
{
	if (reader->request->problem == NULL) {
		reader->request->problem_status = status;
		reader->request->problem = problem;
	}
	return -1;
}

static int
add_overhead(struct http_reader *reader, size_t len)
{
	reader->overhead += len;
	if (reader->overhead > OVERHEAD_MAX)
		return refuse(reader, 431,
		    "chunk extensions and trailers are over 16 KiB");
	return 0;
}

static int
on_url(llhttp_t *parser, const char *at, size_t len)
{
	struct http_reader *reader = reader_of(parser);
	struct buf *head = &reader->request->head;

	buf_add(head, at, len);
	if (head->len > reader->limits->head_bytes)
		return refuse(reader, 414, "the request target is too long");
	return 0;
}

/* Ends a value, without the white space behind it. */
static void
end_value(struct http_reader *reader)
{
	struct http_request *request = reader->request;
	struct buf *head = &request->head;
	size_t start;

	if (reader->part != PART_VALUE)
		return;
	start = request->headers[request->nheaders - 1].value;
	while (head->len > start &&
	    (head->data[head->len - 1] == ' ' ||
		head->data[head->len - 1] == '\t'))
		head->len--;
	buf_add_char(head, '\0');
	reader->part = PART_NONE;
}

static int
begin_header(struct http_reader *reader)
{
	struct http_request *request = reader->request;

	end_value(reader);
	if (request->nheaders == HEADERS_MAX)
		return refuse(reader, 431, "there are over 256 header lines");
	if (request->nheaders == request->headers_size)
		request->headers = grow_array(request->headers,
		    &request->headers_size, sizeof(*request->headers));
	/* The target, or the value before, ends here. */
	if (request->nheaders == 0)
		buf_add_char(&request->head, '\0');
	request->headers[request->nheaders++] =
	    (struct http_header){.name = (uint32_t)request->head.len};
	reader->part = PART_NAME;
	return 0;
}

static int
on_header_field(llhttp_t *parser, const char *at, size_t len)
{
	struct http_reader *reader = reader_of(parser);
	char *to;

	if (reader->state == READING_BODY)
		return add_overhead(reader, len + 4);
	if (reader->part != PART_NAME && begin_header(reader) != 0)
		return -1;
	to = buf_reserve(&reader->request->head, len);
	for (size_t i = 0; i < len; i++)
		to[i] =
		    (char)(at[i] >= 'A' && at[i] <= 'Z' ? at[i] | 0x20 : at[i]);
	reader->request->head.len += len;
	return 0;
}

static int
on_header_field_complete(llhttp_t *parser)
{
	struct http_reader *reader = reader_of(parser);
	struct http_request *request = reader->request;

	if (reader->state == READING_BODY)
		return 0;
	if (reader->part != PART_NAME ||
	    request->headers[request->nheaders - 1].name == request->head.len)
		return refuse(reader, 400, "a header line has no name");
	buf_add_char(&request->head, '\0');
	request->headers[request->nheaders - 1].value =
	    (uint32_t)request->head.len;
	reader->part = PART_VALUE;
	return 0;
}

static int
on_header_value(llhttp_t *parser, const char *at, size_t len)
{
	struct http_reader *reader = reader_of(parser);

	if (reader->state == READING_BODY)
		return add_overhead(reader, len);
	buf_add(&reader->request->head, at, len);
	return 0;
}

static int
on_header_value_complete(llhttp_t *parser)
{
	struct http_reader *reader = reader_of(parser);

	if (reader->state == READING_HEAD)
		end_value(reader);
	return 0;
}

static int
on_chunk_extension(llhttp_t *parser, const char *at, size_t len)
{
	(void)at;
	return add_overhead(reader_of(parser), len);
}

static int
on_body(llhttp_t *parser, const char *at, size_t len)
{
	struct http_reader *reader = reader_of(parser);
	struct http_request *request = reader->request;

	request->body_received += len;
	if (request->body_received > reader->limits->body_bytes)
		return refuse(reader, 413, "the body is too large");
	if (!request->is_gzip) {
		buf_add(&request->body, at, len);
		return 0;
	}
	switch (gunzip_add(&request->gunzip, at, len, &request->body)) {
	case GUNZIP_MORE:
		return 0;
	case GUNZIP_BAD:
		return refuse(reader, 400, "the body is not valid gzip");
	case GUNZIP_TOO_LARGE:
		break;
	}
	return refuse(reader, 413, "the unpacked body is too large");
}

static int
pause_here(llhttp_t *parser)
{
	/* An Upgrade is not followed: the request is as good without it. */
	parser->upgrade = 0;
	return HPE_PAUSED;
}

static const llhttp_settings_t *
settings(void)
{
	static const llhttp_settings_t callbacks = {
	    .on_url = on_url,
	    .on_header_field = on_header_field,
	    .on_header_field_complete = on_header_field_complete,
	    .on_header_value = on_header_value,
	    .on_header_value_complete = on_header_value_complete,
	    .on_headers_complete = pause_here,
	    .on_chunk_extension_name = on_chunk_extension,
	    .on_chunk_extension_value = on_chunk_extension,
	    .on_body = on_body,
	    .on_message_complete = pause_here,
	};

	return &callbacks;
}

/* ---- the rules for a head ----------------------------------------------- */

/* A host, as RFC 3986 3.2.2 writes it, and maybe a port. */
static bool
is_host(const char *host)
{
	const char *at = host;

	if (*at == '[') {
		at += 1 + strspn(at + 1, "0123456789abcdefABCDEF:.");
		if (*at++ != ']')
			return false;
	} else {
		at += strspn(at,
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		    "0123456789-._~%!$&'()*+,;=");
	}
	if (*at == ':')
		at += 1 + strspn(at + 1, "0123456789");
	return *at == '\0';
}

static bool
check_host(struct http_reader *reader)
{
	struct http_request *request = reader->request;
	const char *host = http_request_header(request, "host");

	if (count_headers(request, "host") > 1)
		refuse(reader, 400, "there is more than one Host");
	else if (host == NULL && !request->is_http_1_0)
		refuse(reader, 400, "there is no Host");
	else if (host != NULL && !is_host(host))
		refuse(reader, 400, "Host is not a host and a port");
	if (request->host == NULL)
		request->host = host != NULL ? host : "";
	return request->problem == NULL;
}

/* The target: a path, "http://HOST/PATH" as to a proxy, or "*" of OPTIONS. */
static bool
check_target(struct http_reader *reader)
{
	struct http_request *request = reader->request;
	char *target = request->head.data + reader->url, *query;

	if (strncasecmp(target, "http://", 7) == 0) {
		char *authority = target + 7;
		size_t len = strcspn(authority, "/?");

		/* One byte to the left, to have room for a NUL. */
		memmove(authority - 1, authority, len);
		*(authority - 1 + len) = '\0';
		request->host = authority - 1;
		if (len == 0 || !is_host(request->host))
			refuse(reader, 400, "the target's host is not valid");
		target = authority + len;
		if (*target != '/')
			refuse(reader, 400, "the target has no path");
	} else if (target[0] != '/' &&
	    !(strcmp(target, "*") == 0 &&
		strcmp(request->method, "OPTIONS") == 0)) {
		refuse(reader, 400, "the request target is not a path");
	}
	if (strchr(target, '#') != NULL)
		refuse(reader, 400, "the request target has a fragment");
	query = strchr(target, '?');
	if (query != NULL)
		*query++ = '\0';
	request->path = target;
	request->query = query;
	return request->problem == NULL;
}

/* How long the body is must have one answer only (RFC 9112, 6.3). */
static bool
check_framing(struct http_reader *reader)
{
	struct http_request *request = reader->request;
	const char *coding = http_request_header(request, "transfer-encoding");
	const char *length = http_request_header(request, "content-length");

	if (coding != NULL && length != NULL)
		refuse(reader, 400,
		    "there are both Content-Length and Transfer-Encoding");
	else if (coding != NULL && request->is_http_1_0)
		refuse(reader, 400, "HTTP/1.0 has no Transfer-Encoding");
	else if (coding != NULL &&
	    (count_headers(request, "transfer-encoding") > 1 ||
		strcasecmp(coding, "chunked") != 0))
		refuse(reader, 400,
		    "Transfer-Encoding is not a single \"chunked\"");
	else if (length != NULL &&
	    (count_headers(request, "content-length") > 1 || *length == '\0' ||
		length[strspn(length, "0123456789")] != '\0'))
		refuse(reader, 400, "Content-Length is not one number");
	else if (length != NULL &&
	    reader->parser.content_length > reader->limits->body_bytes)
		refuse(reader, 413, "the body is too large");
	request->has_body = coding != NULL ||
	    (length != NULL && reader->parser.content_length > 0);
	return request->problem == NULL;
}

static bool
check_encoding(struct http_reader *reader)
{
	struct http_request *request = reader->request;
	const char *coding = http_request_header(request, "content-encoding");
	const char *expect = http_request_header(request, "expect");

	if (coding != NULL &&
	    (strcasecmp(coding, "gzip") == 0 ||
		strcasecmp(coding, "x-gzip") == 0) &&
	    count_headers(request, "content-encoding") == 1) {
		request->is_gzip = true;
		request->gunzip.bytes_max = reader->limits->unpacked_bytes;
		request->gunzip.ratio_max = reader->limits->unpacked_ratio;
		gunzip_start(&request->gunzip);
	} else if (coding != NULL && strcasecmp(coding, "identity") != 0) {
		refuse(reader, 415,
		    "Content-Encoding is neither gzip nor identity");
	}
	if (expect != NULL && strcasecmp(expect, "100-continue") != 0)
		refuse(reader, 417, "Expect is not 100-continue");
	request->expects_continue =
	    expect != NULL && !request->is_http_1_0 && request->has_body;
	return request->problem == NULL;
}

static enum http_read
end_head(struct http_reader *reader)
{
	struct http_request *request = reader->request;
	llhttp_t *parser = &reader->parser;
	bool good;

	end_value(reader);
	buf_add_char(&request->head, '\0');
	request->method = llhttp_method_name(parser->method);
	request->is_http_1_0 = parser->http_minor == 0;
	request->keep_alive = llhttp_should_keep_alive(parser) != 0;
	if (parser->http_major != 1 || parser->http_minor > 1 ||
	    memcmp(reader->protocol, "HTTP/", sizeof(reader->protocol)) != 0)
		refuse(reader, 505, "the version is not HTTP/1.0 or HTTP/1.1");
	else if (reader->blanks != 2)
		refuse(reader, 400, "the request line has too many blanks");
	else if (parser->method == HTTP_CONNECT)
		refuse(reader, 501, "CONNECT is for proxies");
	good = request->problem == NULL && check_target(reader) &&
	    check_host(reader) && check_framing(reader) &&
	    check_encoding(reader);
	reader->state = READING_BODY;
	return good ? HTTP_READ_HEAD : HTTP_READ_BAD;
}

/* ---- reading ------------------------------------------------------------ */

void
http_reader_start(struct http_reader *reader, const struct http_limits *limits,
    struct http_request *request)
{
	llhttp_init(&reader->parser, HTTP_REQUEST, settings());
	reader->parser.data = reader;
	reader->limits = limits;
	reader->request = request;
	reader->state = READING_HEAD;
	reader->head_received = reader->overhead = 0;
	reader->blanks = 0;
	reader->protocol_len = 0;
	reader->line_ended = false;
	reader->url = 0;
	reader->part = PART_NONE;
	reader->last = '\r';
	reader->started = false;
}

bool
http_reader_has_begun(const struct http_reader *reader)
{
	return reader->started;
}

/* Of the request line: how many blanks it has, and what follows the last. */
static void
note_request_line(struct http_reader *reader, char c)
{
	if (c == '\r' || c == '\n') {
		reader->line_ended = reader->blanks > 0;
	} else if (c == ' ') {
		reader->blanks++;
		reader->protocol_len = 0;
	} else if (reader->protocol_len < sizeof(reader->protocol)) {
		reader->protocol[reader->protocol_len++] = c;
	}
}

/*
 * Looks at bytes of a head as they came, since llhttp does not say that it
 * joined folded lines, or that the protocol is RTSP. What is wrong with them,
 * or NULL.
 */
static const char *
check_head_bytes(struct http_reader *reader, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = bytes[i], last = reader->last;

		reader->last = c;
		if (!reader->line_ended)
			note_request_line(reader, c);
		if (last == '\n' && (c == ' ' || c == '\t'))
			return "a header line is folded";
		if (c == '\n' && last != '\r')
			return "a line ends without CR";
		if ((unsigned char)c < ' ' && c != '\r' && c != '\n' &&
		    c != '\t')
			return "there is a control character in the head";
	}
	return NULL;
}

/* True where a request begins with capital letters, as all methods do. */
static bool
may_be_method(const struct http_reader *reader)
{
	for (size_t i = 0; i < reader->protocol_len; i++)
		if (reader->protocol[i] < 'A' || reader->protocol[i] > 'Z')
			return false;
	return reader->blanks == 0 && reader->protocol_len > 0;
}

static const char *
problem_of(const struct http_reader *reader, llhttp_errno_t error, int *status)
{
	*status = 400;
	switch (error) {
	case HPE_INVALID_METHOD:
		if (!may_be_method(reader))
			return "the request does not begin with a method of "
			       "HTTP";
		*status = 501;
		return "the method is not known here";
	case HPE_INVALID_URL:
		return "the request target is not valid";
	case HPE_INVALID_VERSION:
	case HPE_PAUSED_H2_UPGRADE:
		*status = 505;
		return "the version is not HTTP/1.0 or HTTP/1.1";
	case HPE_INVALID_CONSTANT:
		return "the request line does not name HTTP/1.1";
	case HPE_INVALID_HEADER_TOKEN:
		return "a header line is not valid";
	case HPE_INVALID_CONTENT_LENGTH:
	case HPE_UNEXPECTED_CONTENT_LENGTH:
		return "Content-Length is not one number, or not alone";
	case HPE_INVALID_TRANSFER_ENCODING:
		return "Transfer-Encoding is not a single \"chunked\"";
	case HPE_INVALID_CHUNK_SIZE:
		return "the size of a chunk is not valid";
	default:
		return reader->state == READING_HEAD
		    ? "the request is not valid HTTP"
		    : "the chunks of the body are not valid HTTP";
	}
}

static enum http_read
bad(struct http_reader *reader, llhttp_errno_t error)
{
	int status;
	const char *problem = problem_of(reader, error, &status);

	refuse(reader, status, problem);
	return HTTP_READ_BAD;
}

static enum http_read
feed_head(
    struct http_reader *reader, const char *bytes, size_t len, size_t *used)
{
	llhttp_errno_t error = llhttp_execute(&reader->parser, bytes, len);
	const char *problem;

	if (error != HPE_OK)
		*used = (size_t)(llhttp_get_error_pos(&reader->parser) - bytes);
	/* An error's own byte belongs to the head, that of a pause does not. */
	problem = check_head_bytes(reader, bytes,
	    error != HPE_OK && error != HPE_PAUSED && *used < len ? *used + 1
								  : *used);
	reader->head_received += *used;
	if (problem != NULL) {
		/* It says more than what llhttp makes of the same bytes. */
		reader->request->problem_status = 400;
		reader->request->problem = problem;
	} else if (reader->head_received > reader->limits->head_bytes) {
		refuse(reader, 431, "the head is too large");
	}
	if (reader->request->problem != NULL)
		return HTTP_READ_BAD;
	if (error == HPE_PAUSED)
		return end_head(reader);
	return error == HPE_OK ? HTTP_READ_MORE : bad(reader, error);
}

static enum http_read
end_body(struct http_reader *reader)
{
	struct http_request *request = reader->request;

	if (request->is_gzip && request->has_body &&
	    !gunzip_is_whole(&request->gunzip)) {
		refuse(reader, 400, "the gzip body is cut short");
		return HTTP_READ_BAD;
	}
	buf_terminate(&request->body);
	return HTTP_READ_WHOLE;
}

static enum http_read
feed_body(
    struct http_reader *reader, const char *bytes, size_t len, size_t *used)
{
	llhttp_errno_t error;

	if (llhttp_get_errno(&reader->parser) == HPE_PAUSED)
		llhttp_resume(&reader->parser);
	error = llhttp_execute(&reader->parser, bytes, len);
	if (error != HPE_OK)
		*used = (size_t)(llhttp_get_error_pos(&reader->parser) - bytes);
	if (reader->request->problem != NULL)
		return HTTP_READ_BAD;
	if (error == HPE_PAUSED)
		return end_body(reader);
	return error == HPE_OK ? HTTP_READ_MORE : bad(reader, error);
}

enum http_read
http_reader_feed(
    struct http_reader *reader, const char *bytes, size_t len, size_t *used)
{
	*used = len;
	if (len > 0)
		reader->started = true;
	return reader->state == READING_HEAD
	    ? feed_head(reader, bytes, len, used)
	    : feed_body(reader, bytes, len, used);
}

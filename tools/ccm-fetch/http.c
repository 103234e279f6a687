#include "http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <time.h>

#include "clock.h"
#include "json.h"
#include "log.h"

/* Of an answer that is no 200, for its error message. */
#define TEXT_MAX ((size_t)64 << 10)

/* libcurl has a limit of its own, for one line of it. */
#define HEADER_MAX ((size_t)256 << 10)
#define HEADER_FAULT "the header of the answer is too long"

#define BEGIN_MAX ((size_t)1 << 10)
#define EXCERPT_MAX 100 /* characters */

#define CONNECT_TIMEOUT_S 10L
#define REDIRECTS_MAX 5L

/* Ends the transfer, from a callback of libcurl's. */
static size_t
refuse(struct transfer *transfer, const char *fault)
{
	transfer->fault = fault;
	return 0;
}

static void
add_up_to(struct buf *buf, const char *bytes, size_t len, size_t most)
{
	if (buf->len < most)
		buf_add(
		    buf, bytes, len < most - buf->len ? len : most - buf->len);
}

static size_t
on_data(char *bytes, size_t one, size_t len, void *context)
{
	struct transfer *transfer = context;
	long status = 0;

	(void)one;
	transfer->heard_ms = monotonic_ms();
	add_up_to(&transfer->begin, bytes, len, BEGIN_MAX);
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return transfer->data(transfer->context, bytes, len) ? len : 0;
	add_up_to(&transfer->text, bytes, len, TEXT_MAX);
	transfer->read_enough = transfer->text.len == TEXT_MAX;
	return transfer->read_enough ? 0 : len;
}

/* The number behind "NAME:", or -1 where the header is another. */
static long
header_number(const char *bytes, size_t len, const char *name)
{
	size_t name_len = strlen(name);
	char digits[16] = "";
	size_t n = 0;

	if (len <= name_len || strncasecmp(bytes, name, name_len) != 0 ||
	    bytes[name_len] != ':')
		return -1;
	for (size_t i = name_len + 1; i < len && n < sizeof(digits) - 6; i++) {
		if (bytes[i] >= '0' && bytes[i] <= '9')
			digits[n++] = bytes[i];
		else if (n > 0 || bytes[i] != ' ')
			break;
	}
	return n > 0 ? strtol(digits, NULL, 10) : -1;
}

/* One of HTTP's three forms of a date (RFC 9110, 5.6.7), as a C string; -1
 * where it is none. */
static int64_t
parse_date(const char *text)
{
	static const char *const forms[] = {
	    "%a, %d %b %Y %T GMT", "%A, %d-%b-%y %T GMT", "%a %b %e %T %Y"};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = {.tm_year = 0};
		const char *end = strptime(text, forms[i], &tm);

		if (end != NULL && end[strspn(end, " \t\r\n")] == '\0')
			return (int64_t)timegm(&tm) * 1000;
	}
	return -1;
}

/* The header has no zero behind it. */
static void
read_date(struct transfer *transfer, const char *bytes, size_t len)
{
	static const char name[] = "Date:";
	char *text;

	if (len < sizeof(name) ||
	    strncasecmp(bytes, name, sizeof(name) - 1) != 0)
		return;
	text = xstrndup(bytes + sizeof(name) - 1, len - (sizeof(name) - 1));
	transfer->date_ms = parse_date(text + strspn(text, " \t"));
	free(text);
}

/*
 * The limits are told at several scopes, a set of rateLimit-* headers for each
 * (the API's reference, "Rate Limiting"): the n-th of one name belongs to the
 * n-th of the other.
 */
static size_t
on_header(char *bytes, size_t one, size_t len, void *context)
{
	struct transfer *transfer = context;
	size_t nscopes = sizeof(transfer->scopes) / sizeof(transfer->scopes[0]);
	long number;

	(void)one;
	transfer->heard_ms = monotonic_ms();
	transfer->header_bytes += len;
	if (transfer->header_bytes > HEADER_MAX)
		return refuse(transfer, HEADER_FAULT);
	/* A new answer begins: the last of a chain of redirects counts. */
	if (len > 5 && memcmp(bytes, "HTTP/", 5) == 0) {
		for (size_t i = 0; i < nscopes; i++)
			transfer->scopes[i] = (struct rate_headers){-1, -1};
		transfer->nremaining = transfer->nreset = 0;
		transfer->text.len = transfer->begin.len = 0;
		transfer->date_ms = -1;
	}
	read_date(transfer, bytes, len);
	number = header_number(bytes, len, "rateLimit-remaining");
	if (number >= 0 && transfer->nremaining < nscopes)
		transfer->scopes[transfer->nremaining++].remaining = number;
	number = header_number(bytes, len, "rateLimit-reset");
	if (number >= 0 && transfer->nreset < nscopes)
		transfer->scopes[transfer->nreset++].reset = number;
	return len;
}

/*
 * Counts the requests that go out, which libcurl reports nowhere else: one for
 * each redirect, and another where a kept connection turns out to be dead. What
 * is in them (the credentials) is passed over. What is sent and what arrives
 * shows that the transfer is alive.
 */
static int
on_debug(CURL *easy, curl_infotype type, char *bytes, size_t len, void *context)
{
	struct transfer *transfer = context;

	(void)easy;
	(void)bytes;
	(void)len;
	if (type == CURLINFO_HEADER_OUT)
		transfer->sent++;
	if (type == CURLINFO_HEADER_OUT || type == CURLINFO_DATA_OUT ||
	    type == CURLINFO_HEADER_IN || type == CURLINFO_DATA_IN)
		transfer->heard_ms = monotonic_ms();
	return 0;
}

void
http_open(struct http *http, const struct config *config)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		die(EX_SOFTWARE, "cannot start libcurl");
	http->config = config;
	http->active = NULL;
	http->accept = NULL;
	http->multi = curl_multi_init();
	http->headers =
	    curl_slist_append(NULL, "Content-Type: application/json");
	if (http->headers != NULL)
		/* A large body needs no leave to be sent. */
		http->headers = curl_slist_append(http->headers, "Expect:");
	if (http->multi == NULL || http->headers == NULL)
		die(EX_OSERR, "out of memory");
}

void
http_accept(struct http *http, const char *field)
{
	curl_slist_free_all(http->accept);
	http->accept = curl_slist_append(NULL, field);
	if (http->accept == NULL)
		die(EX_OSERR, "out of memory");
}

void
http_close(struct http *http)
{
	curl_slist_free_all(http->headers);
	curl_slist_free_all(http->accept);
	curl_multi_cleanup(http->multi);
	curl_global_cleanup();
}

static void
set_credentials(CURL *easy, const struct config *config)
{
	if (config->token != NULL) {
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, config->token);
	} else {
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(easy, CURLOPT_USERNAME, config->key);
		curl_easy_setopt(easy, CURLOPT_PASSWORD, config->secret);
	}
}

static CURL *
new_easy(struct http *http, struct transfer *transfer)
{
	const struct config *config = http->config;
	bool https = strncmp(config->api.base, "https", 5) == 0;
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		die(EX_OSERR, "out of memory");
	curl_easy_setopt(easy, CURLOPT_PRIVATE, (void *)transfer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->message);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_debug);
	curl_easy_setopt(easy, CURLOPT_DEBUGDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "ccm/" CCM_VERSION);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(
	    easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT,
	    config->timeout_s < CONNECT_TIMEOUT_S ? config->timeout_s
						  : CONNECT_TIMEOUT_S);
	/*
	 * libcurl sends credentials to the first host only; and what began with
	 * https does not go on with http.
	 */
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(easy, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
	curl_easy_setopt(easy, CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL);
	curl_easy_setopt(
	    easy, CURLOPT_PROTOCOLS_STR, https ? "https" : "http,https");
	curl_easy_setopt(
	    easy, CURLOPT_REDIR_PROTOCOLS_STR, https ? "https" : "http,https");
	if (config->api.loopback)
		curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	if (config->cafile != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, config->cafile);
	set_credentials(easy, config);
	return easy;
}

void
http_start(struct http *http, struct transfer *transfer, void *owner,
    const char *url, const char *body, size_t len)
{
	if (transfer->easy == NULL)
		transfer->easy = new_easy(http, transfer);
	transfer->owner = owner;
	transfer->status = 0;
	transfer->sent = 0;
	transfer->wait_ms = -1;
	transfer->date_ms = -1;
	transfer->text.len = transfer->begin.len = 0;
	transfer->header_bytes = 0;
	transfer->fault = NULL;
	transfer->read_enough = false;
	transfer->started_ms = transfer->heard_ms = monotonic_ms();
	transfer->message[0] = '\0';
	free(transfer->location);
	transfer->location = NULL;
	curl_easy_setopt(transfer->easy, CURLOPT_URL, url);
	if (body == NULL && http->accept != NULL)
		curl_easy_setopt(
		    transfer->easy, CURLOPT_HTTPHEADER, http->accept);
	if (body != NULL) {
		curl_easy_setopt(
		    transfer->easy, CURLOPT_HTTPHEADER, http->headers);
		curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)len);
		curl_easy_setopt(transfer->easy, CURLOPT_COPYPOSTFIELDS, body);
	}
	if (curl_multi_add_handle(http->multi, transfer->easy) != CURLM_OK)
		die(EX_SOFTWARE, "cannot start a transfer");
	transfer->next = http->active;
	http->active = transfer;
}

/* The longest wait that a header asks for, in milliseconds, or -1. */
static int64_t
wait_asked(struct transfer *transfer)
{
	size_t nscopes = sizeof(transfer->scopes) / sizeof(transfer->scopes[0]);
	curl_off_t retry_after = 0;
	int64_t used_up = -1, any = -1;

	for (size_t i = 0; i < nscopes; i++) {
		const struct rate_headers *scope = &transfer->scopes[i];

		if (scope->reset > any)
			any = scope->reset;
		if (scope->remaining == 0 && scope->reset > used_up)
			used_up = scope->reset;
	}
	/* After a 429 some limit was hit, whichever it was. */
	if (used_up < 0 && transfer->status == 429)
		used_up = any;
	if ((transfer->status == 429 || transfer->status == 503) &&
	    curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER,
		&retry_after) == CURLE_OK &&
	    retry_after > used_up && retry_after > 0)
		used_up = retry_after;
	return used_up < 0 ? -1 : used_up * 1000;
}

/* It is no longer under way; false where it was not. */
static bool
deactivate(struct http *http, struct transfer *transfer)
{
	struct transfer **at = &http->active;

	while (*at != NULL && *at != transfer)
		at = &(*at)->next;
	if (*at == NULL)
		return false;
	*at = transfer->next;
	curl_multi_remove_handle(http->multi, transfer->easy);
	return true;
}

static void
finish(struct http *http, struct transfer *transfer, CURLcode result)
{
	char *url = NULL;
	long redirects = 0;

	/* A line of the header that has no end: libcurl grows no further. */
	if (result == CURLE_OUT_OF_MEMORY && transfer->begin.len == 0)
		transfer->fault = HEADER_FAULT;
	transfer->result = transfer->read_enough ? CURLE_OK : result;
	curl_easy_getinfo(
	    transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->status);
	curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_COUNT, &redirects);
	curl_easy_getinfo(transfer->easy, CURLINFO_EFFECTIVE_URL, &url);
	if (redirects > 0 && url != NULL)
		transfer->location = xstrdup(url);
	if (transfer->fault != NULL)
		snprintf(transfer->message, sizeof(transfer->message), "%s",
		    transfer->fault);
	else if (transfer->message[0] == '\0')
		snprintf(transfer->message, sizeof(transfer->message), "%s",
		    curl_easy_strerror(result));
	transfer->wait_ms = wait_asked(transfer);
	deactivate(http, transfer);
}

static struct transfer *
take_finished(struct http *http)
{
	struct CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
		struct transfer *transfer = NULL;
		CURLcode result = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(
		    message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		finish(http, transfer, result);
		return transfer;
	}
	return NULL;
}

/* Milliseconds until the transfer has taken too long in one of two ways. */
static int64_t
time_left(const struct http *http, const struct transfer *transfer)
{
	int64_t now_ms = monotonic_ms();
	int64_t silent_ms = transfer->heard_ms +
	    (int64_t)http->config->timeout_s * 1000 - now_ms;
	int64_t whole_ms = transfer->started_ms +
	    (int64_t)http->config->request_timeout_s * 1000 - now_ms;

	return silent_ms < whole_ms ? silent_ms : whole_ms;
}

/* Ends one that has taken too long. Nothing is unread of any: libcurl has just
 * been at work. */
static struct transfer *
take_overdue(struct http *http)
{
	const struct config *config = http->config;
	struct transfer *transfer = http->active;

	while (transfer != NULL && time_left(http, transfer) > 0)
		transfer = transfer->next;
	if (transfer == NULL)
		return NULL;
	if (monotonic_ms() - transfer->heard_ms >=
	    (int64_t)config->timeout_s * 1000)
		snprintf(transfer->message, sizeof(transfer->message),
		    "%s for %ld s",
		    transfer->sent > 0 ? "the server was silent"
				       : "no connection",
		    config->timeout_s);
	else
		snprintf(transfer->message, sizeof(transfer->message),
		    "the answer was not whole after %ld s",
		    config->request_timeout_s);
	finish(http, transfer, CURLE_OPERATION_TIMEDOUT);
	return transfer;
}

static struct transfer *
work(struct http *http)
{
	struct transfer *transfer;
	int running;

	curl_multi_perform(http->multi, &running);
	transfer = take_finished(http);
	return transfer != NULL ? transfer : take_overdue(http);
}

void *
http_wait(struct http *http, int timeout_ms)
{
	struct transfer *transfer = work(http);

	if (transfer != NULL)
		return transfer->owner;
	for (transfer = http->active; transfer != NULL;
	     transfer = transfer->next) {
		int64_t left_ms = time_left(http, transfer);

		if (left_ms < timeout_ms)
			timeout_ms = left_ms > 0 ? (int)left_ms : 0;
	}
	curl_multi_poll(http->multi, NULL, 0, timeout_ms, NULL);
	transfer = work(http);
	return transfer != NULL ? transfer->owner : NULL;
}

void
transfer_excerpt(const struct transfer *transfer, struct buf *out)
{
	struct buf text = BUF_INIT;
	size_t len, count = 0;

	buf_add(&text, transfer->begin.data, transfer->begin.len);
	buf_terminate(&text);
	for (size_t i = 0; i < text.len && count < EXCERPT_MAX; i += len) {
		const char *at = text.data + i;
		bool printable = (unsigned char)*at >= 0x20 && *at != 0x7f;

		len = utf8_length(at);
		if (len == 0 || !printable) {
			/* White space of any length is one blank. */
			if (count > 0 && out->data[out->len - 1] != ' ') {
				buf_add_char(out, ' ');
				count++;
			}
			len = len > 0 ? len : 1;
			continue;
		}
		if (*at == ' ' &&
		    (count == 0 || out->data[out->len - 1] == ' '))
			continue;
		buf_add(out, at, len);
		count++;
	}
	if (count > 0 && out->data[out->len - 1] == ' ')
		out->len--;
	buf_free(&text);
}

void
transfer_free(struct http *http, struct transfer *transfer)
{
	if (transfer->easy != NULL) {
		deactivate(http, transfer);
		curl_easy_cleanup(transfer->easy);
	}
	free(transfer->location);
	buf_free(&transfer->text);
	buf_free(&transfer->begin);
}

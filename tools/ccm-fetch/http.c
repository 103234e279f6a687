#include "http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <time.h>

#include "log.h"

/* Of an answer that is no 200, for its error message. */
#define TEXT_MAX ((size_t)64 << 10)

#define CONNECT_TIMEOUT_S 10L
#define REDIRECTS_MAX 5L

static size_t
on_data(char *bytes, size_t one, size_t len, void *context)
{
	struct transfer *transfer = context;
	long status = 0;

	(void)one;
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return transfer->data(transfer->context, bytes, len) ? len : 0;
	if (transfer->text.len < TEXT_MAX)
		buf_add(&transfer->text, bytes,
		    len < TEXT_MAX - transfer->text.len
			? len
			: TEXT_MAX - transfer->text.len);
	return len;
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

/* How far the server's clock is before ours, by its "Date:" header (RFC 9110,
 * 6.6.1), whose text has no zero behind it. */
static void
read_date(struct transfer *transfer, const char *bytes, size_t len)
{
	static const char name[] = "Date:";
	char *text;
	time_t date;

	if (len < sizeof(name) ||
	    strncasecmp(bytes, name, sizeof(name) - 1) != 0)
		return;
	text = xstrndup(bytes + sizeof(name) - 1, len - (sizeof(name) - 1));
	date = curl_getdate(text, NULL);
	free(text);
	transfer->has_date = date != -1;
	transfer->ahead_s = (int64_t)date - (int64_t)time(NULL);
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
	/* A new answer begins: the last of a chain of redirects counts. */
	if (len > 5 && memcmp(bytes, "HTTP/", 5) == 0) {
		for (size_t i = 0; i < nscopes; i++)
			transfer->scopes[i] = (struct rate_headers){-1, -1};
		transfer->nremaining = transfer->nreset = 0;
		transfer->text.len = 0;
		transfer->has_date = false;
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
 * Counts the requests that go out, which libcurl tells nowhere else: one for
 * each redirect, and another where a kept connection turns out to be dead. What
 * is in them (the credentials) is passed over.
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
	return 0;
}

void
http_open(struct http *http, const struct config *config)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		die(EX_SOFTWARE, "cannot start libcurl");
	http->config = config;
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
http_close(struct http *http)
{
	curl_slist_free_all(http->headers);
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
	bool https = strncmp(config->base_url, "https", 5) == 0;
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
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)config->timeout_s);
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
	if (config->loopback)
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
	transfer->has_date = false;
	transfer->text.len = 0;
	transfer->message[0] = '\0';
	free(transfer->location);
	transfer->location = NULL;
	curl_easy_setopt(transfer->easy, CURLOPT_URL, url);
	if (body != NULL) {
		curl_easy_setopt(
		    transfer->easy, CURLOPT_HTTPHEADER, http->headers);
		curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)len);
		curl_easy_setopt(transfer->easy, CURLOPT_COPYPOSTFIELDS, body);
	}
	if (curl_multi_add_handle(http->multi, transfer->easy) != CURLM_OK)
		die(EX_SOFTWARE, "cannot start a transfer");
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

static void
finish(struct http *http, struct transfer *transfer, CURLcode result)
{
	char *url = NULL;
	long redirects = 0;

	transfer->result = result;
	curl_easy_getinfo(
	    transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->status);
	curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_COUNT, &redirects);
	curl_easy_getinfo(transfer->easy, CURLINFO_EFFECTIVE_URL, &url);
	if (redirects > 0 && url != NULL)
		transfer->location = xstrdup(url);
	if (transfer->message[0] == '\0')
		snprintf(transfer->message, sizeof(transfer->message), "%s",
		    curl_easy_strerror(result));
	transfer->wait_ms = wait_asked(transfer);
	curl_multi_remove_handle(http->multi, transfer->easy);
}

static void *
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
		return transfer->owner;
	}
	return NULL;
}

void *
http_wait(struct http *http, int timeout_ms)
{
	void *owner;
	int running;

	curl_multi_perform(http->multi, &running);
	owner = take_finished(http);
	if (owner != NULL)
		return owner;
	curl_multi_poll(http->multi, NULL, 0, timeout_ms, NULL);
	curl_multi_perform(http->multi, &running);
	return take_finished(http);
}

void
transfer_free(struct http *http, struct transfer *transfer)
{
	if (transfer->easy != NULL) {
		curl_multi_remove_handle(http->multi, transfer->easy);
		curl_easy_cleanup(transfer->easy);
	}
	free(transfer->location);
	buf_free(&transfer->text);
}

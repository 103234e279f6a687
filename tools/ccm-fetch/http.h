/*
 * Requests to the API over libcurl's multi interface.
 */
#ifndef CCM_FETCH_HTTP_H
#define CCM_FETCH_HTTP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "config.h"

struct http {
	CURLM *multi;
	const struct config *config;
	struct curl_slist *headers;
};

/*
 * One request, and its answer. A transfer is used again for the next request
 * when the one before has ended.
 */
struct transfer {
	/* Takes the bytes of a 200 as they come; false ends the transfer. */
	bool (*data)(void *context, const char *bytes, size_t len);
	void *context;

	/* out, when the transfer has ended */
	CURLcode result;
	long status;     /* HTTP; 0 where there was no answer */
	char *location;  /* of the answer, where it was redirected, or NULL */
	struct buf text; /* an answer other than 200, as much as matters */
	long sent;       /* requests: several after redirects */
	int64_t wait_ms; /* until the server wants another request: from
			  * Retry-After and rateLimit-*; -1 where unsaid */
	bool has_date;   /* the answer said what time it was at the server: */
	int64_t ahead_s; /* so far its clock is before ours, in seconds */
	char message[CURL_ERROR_SIZE];

	/* private */
	CURL *easy;
	void *owner;
	struct rate_headers {
		long remaining, reset; /* -1: not seen */
	} scopes[4];                   /* two are documented */
	size_t nremaining, nreset;
};

void http_open(struct http *http, const struct config *config);
void http_close(struct http *http);

/*
 * Starts a request: POST where there is a body, GET where it is NULL. `url` and
 * `body` may go; `owner` is what http_wait() tells the end of.
 */
void http_start(struct http *http, struct transfer *transfer, void *owner,
    const char *url, const char *body, size_t len);

/*
 * Works for at most `timeout_ms`, or until a transfer ends; returns its owner,
 * or NULL.
 */
void *http_wait(struct http *http, int timeout_ms);

void transfer_free(struct http *http, struct transfer *transfer);

#endif

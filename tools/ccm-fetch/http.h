/*
 * Requests to the API over libcurl's multi interface.
 *
 * No request goes on without end. It fails with CURLE_OPERATION_TIMEDOUT where
 * the server is silent for config->timeout_s, and where its answer is not whole
 * after config->request_timeout_s, however it keeps sending. Of an answer that
 * is no 200 only the beginning is read.
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
	struct curl_slist *headers; /* of a POST */
	struct curl_slist *accept;  /* of a GET, or NULL */
	struct transfer *active;    /* private: those under way, by `next` */
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
	int64_t date_ms; /* the answer's Date, since the epoch; -1 without */
	char message[CURL_ERROR_SIZE];

	/* private */
	CURL *easy;
	void *owner;
	struct rate_headers {
		long remaining, reset; /* -1: not seen */
	} scopes[4];                   /* two are documented */
	size_t nremaining, nreset;
	struct buf begin;             /* the first bytes, whatever the status */
	size_t header_bytes;          /* so far */
	const char *fault;            /* why we end it, or NULL */
	bool read_enough;             /* of an answer that is no 200 */
	int64_t started_ms, heard_ms; /* by the monotonic clock */
	struct transfer *next;
};

void http_open(struct http *http, const struct config *config);
void http_close(struct http *http);

/* The header field "Accept: ..." of the requests without a body. */
void http_accept(struct http *http, const char *field);

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

/*
 * Appends the first hundred printable characters of the answer, for a message;
 * nothing where there are none.
 */
void transfer_excerpt(const struct transfer *transfer, struct buf *out);

void transfer_free(struct http *http, struct transfer *transfer);

#endif

/*
 * Misbehaviour, as told by POST /sim/faults: a JSON array of rules. Rules are
 * tried in the order in which they came; the first that applies to a request
 * is done to it.
 *
 *	{"path": "query",	which requests: what follows /v2/metrics/cloud/,
 *				or its beginning; all where it is missing
 *	 "match": "lkc-0002",	... with this in body or query string; or an
 *				array of texts: with all of them
 *	 "after": 2,		... not the first two of them
 *	 "times": 3,		... and three then (default 1; -1: for ever)
 *	 "percent": 30,		... and of those only so many, by chance,
 *	 "seed": 1,		which falls the same way for the same seed
 *				(default 1)
 *	 "fault": FAULT}
 *
 * FAULT is one of these; a string "X" is the same as {"X": true}:
 *
 *	{"status":503, "body":"...", "headers":{"Name":"value"}}
 *			the body is the API's error document where not given,
 *			the headers those of any answer
 *	"cut"		the connection ends in the middle of the body;
 *			{"cut":N}: behind N bytes of it
 *	"reset"		RST instead of an answer
 *	"stall"		no answer, and the connection is closed after an hour;
 *			{"stall":SECONDS}: after that; with "headers":true the
 *			head and the body's first half come, and then nothing
 *	"html"		200 and a page; "html404": 404 and a page
 *	"token_expired"	400 for a page token; requests without one are spared
 *	"truncated_json"	200, well framed, half of the document
 *	{"retry_after":SECONDS}	429 with Retry-After
 *	{"slow":MS}	the answer comes, that much later
 *	{"redirect":URL, "status":307}
 *	"empty_pages"	200, no data, and a page token that was never there
 *before
 *	{"endless":TEXT, "status":200, "body":BEGIN, "pause":MS}
 *			BEGIN, then TEXT again and again until the client goes,
 *			MS (default 0) before each
 */
#ifndef SIM_CLOUD_FAULT_H
#define SIM_CLOUD_FAULT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

enum fault_kind {
	FAULT_NONE,
	FAULT_STATUS,
	FAULT_CUT,
	FAULT_RESET,
	FAULT_STALL,
	FAULT_HTML,
	FAULT_HTML404,
	FAULT_TOKEN_EXPIRED,
	FAULT_TRUNCATED_JSON,
	FAULT_RETRY_AFTER,
	FAULT_SLOW,
	FAULT_REDIRECT,
	FAULT_EMPTY_PAGES,
	FAULT_ENDLESS,
	FAULT_KINDS
};

struct fault {
	enum fault_kind kind;
	long number;     /* status, bytes (-1: half), seconds or milliseconds */
	bool headers;    /* of a stall */
	unsigned status; /* of a redirect, or of what is endless */
	char *text;      /* a body or a URL, or NULL */
	char *again;     /* what is endless, or NULL */
	long pause_ms;
	cJSON *header_fields; /* an object of strings, or NULL */
};

struct fault_rules {
	struct fault_rule *at;
	size_t n;
};

/* Appends rules; false, with `problem` set and nothing changed, where the text
 * is no array of rules. `text` has BUF_PAD bytes behind it. */
bool fault_rules_add(struct fault_rules *rules, const char *text, size_t len,
    struct buf *problem);
void fault_rules_clear(struct fault_rules *rules);

/* The fault for a request, which is counted by it; kind FAULT_NONE where there
 * is none. To be freed with fault_free(). */
struct fault fault_rules_next(struct fault_rules *rules, const char *path,
    const char *query_string, const char *body, bool has_page_token);
void fault_free(struct fault *fault);

/* "cut", as in a rule; "" for FAULT_NONE. */
const char *fault_name(enum fault_kind kind);

#endif

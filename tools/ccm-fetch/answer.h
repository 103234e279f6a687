/*
 * What an answer to a request means: answered, refused for good, to be sent
 * again, or none at all. Nothing is done about it here.
 */
#ifndef CCM_FETCH_ANSWER_H
#define CCM_FETCH_ANSWER_H

#include <stdbool.h>

#include "buf.h"
#include "http.h"

enum verdict {
	VERDICT_PAGE,         /* 200: its body decides */
	VERDICT_NO_DATA,      /* the API's own 404 */
	VERDICT_REFUSED,      /* the API's own 400 or 403 */
	VERDICT_UNAUTHORISED, /* 401, 407, of whoever said so */
	VERDICT_RETRY,        /* it may pass in a moment */
	VERDICT_NONE          /* no answer, and no use in repeating it now */
};

struct answer {
	enum verdict verdict;
	long status;      /* HTTP; 0 where there was none */
	char *detail;     /* of the API's error document, or NULL: it is not the
			   * API's */
	bool may_split;   /* 500, 504, a timeout: it may be one resource */
	int status_alone; /* the exit status where it is not owed */
};

/* Reads the end of a transfer. To be freed. */
struct answer answer_read(const struct transfer *transfer);
void answer_free(struct answer *answer);

/*
 * Appends what was answered, for a message: "HTTP 503: " and the API's detail,
 * or the first hundred printable characters of what is not the API's.
 */
void answer_describe(const struct answer *answer,
    const struct transfer *transfer, struct buf *out);

/* Appends at most `most` printable characters of a text; white space between
 * them as one blank. */
void add_printable(struct buf *out, const char *text, size_t len, size_t most);

#endif

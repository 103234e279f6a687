/*
 * The API's answers, {"data":[ELEMENT,...],"meta":{...}}, read as they arrive.
 *
 * A page may hold 360,000 points and 40 MB; it is never in memory. Bytes are
 * split at the elements of `data`, and each element's text is handed out when
 * it is whole; what remains, the document around the elements, is checked and
 * read at the end. So an element is strictly validated by whoever takes it, and
 * the rest here.
 */
#ifndef CCM_FETCH_RESPONSE_H
#define CCM_FETCH_RESPONSE_H

#include <stdbool.h>

#include "buf.h"

struct response {
	/* Takes an element (an object's text, as json_start() wants it); false
	 * where it is not what it should be. */
	bool (*element)(void *context, const char *text, size_t len);
	void *context;
	const char *error; /* NULL, or what is wrong with the answer */

	/* private */
	enum { OUTSIDE, BEFORE_ELEMENT, IN_ELEMENT, AFTER_ELEMENT } state;
	struct buf skeleton; /* the document, `data` without its elements */
	struct buf current;  /* the element that is being read */
	unsigned depth;
	bool in_string, escaped;
	bool data_seen, first;
	size_t padding; /* white space between elements, so far */
};

/* Forgets the answer before; `element` and `context` stay. */
void response_start(struct response *response);

/* Takes the next bytes. False once something is wrong. */
bool response_feed(struct response *response, const char *bytes, size_t len);

/*
 * At the end of the answer: false if it was cut short or is not what the API
 * answers. *next_page is the token of the next page, or NULL; the caller frees
 * it.
 */
bool response_end(struct response *response, char **next_page);

void response_free(struct response *response);

/*
 * What an error answer says: the details of {"errors":[{"detail":...}]}, joined
 * with "; ". NULL where the text is no such document. The caller frees it.
 */
char *error_details(const char *text, size_t len);

#endif

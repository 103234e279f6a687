#include "answer.h"

#include <stdlib.h>
#include <sysexits.h>

#include "json.h"
#include "response.h"

#define PRINTABLE_MAX 100

/* Trust, redirects that must not be followed: nothing that a retry mends. */
static bool
is_permanent(CURLcode result)
{
	switch (result) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_TOO_MANY_REDIRECTS:
		return true;
	default:
		return false;
	}
}

static enum verdict
verdict_of(long status, bool from_api)
{
	switch (status) {
	case 200:
		return VERDICT_PAGE;
	case 401:
	case 407:
		return VERDICT_UNAUTHORISED;
	case 400:
	case 403:
		return from_api ? VERDICT_REFUSED : VERDICT_NONE;
	case 404:
		return from_api ? VERDICT_NO_DATA : VERDICT_NONE;
	case 408:
	case 425:
	case 429:
		return VERDICT_RETRY;
	default:
		return status >= 500 ? VERDICT_RETRY : VERDICT_NONE;
	}
}

/* 204 and 409 may pass; a page of a proxy, and a 413 or 405, hardly. */
static int
status_alone(const struct answer *answer)
{
	if (answer->verdict == VERDICT_UNAUTHORISED || answer->status == 403)
		return answer->detail != NULL ||
			answer->verdict == VERDICT_UNAUTHORISED
		    ? EX_NOPERM
		    : EX_UNAVAILABLE;
	if (answer->verdict == VERDICT_RETRY || answer->status < 300 ||
	    answer->status == 409)
		return EX_TEMPFAIL;
	return EX_UNAVAILABLE;
}

static struct answer
read_failure(const struct transfer *transfer)
{
	struct answer answer = {.verdict = VERDICT_RETRY};
	long status = 0;

	/* A proxy's own 407 to CONNECT. */
	if (transfer->easy != NULL)
		curl_easy_getinfo(
		    transfer->easy, CURLINFO_HTTP_CONNECTCODE, &status);
	if (status == 407) {
		answer.verdict = VERDICT_UNAUTHORISED;
		answer.status = status;
	} else if (is_permanent(transfer->result)) {
		answer.verdict = VERDICT_NONE;
		answer.status_alone = EX_UNAVAILABLE;
		return answer;
	}
	answer.may_split = transfer->result == CURLE_OPERATION_TIMEDOUT;
	answer.status_alone = status_alone(&answer);
	return answer;
}

struct answer
answer_read(const struct transfer *transfer)
{
	struct answer answer = {.status = transfer->status};

	if (transfer->result != CURLE_OK)
		return read_failure(transfer);
	if (answer.status != 200)
		answer.detail = error_details(
		    transfer->text.len > 0 ? transfer->text.data : "",
		    transfer->text.len);
	answer.verdict = verdict_of(answer.status, answer.detail != NULL);
	answer.may_split = answer.status == 500 || answer.status == 504;
	answer.status_alone = status_alone(&answer);
	return answer;
}

void
answer_free(struct answer *answer)
{
	free(answer->detail);
	answer->detail = NULL;
}

void
add_printable(struct buf *out, const char *text, size_t len, size_t most)
{
	bool blank = false, any = false;
	size_t n;

	for (size_t i = 0; i < len && most > 0; i += n) {
		/* A buffer's padding is behind the text. */
		n = utf8_length(text + i);
		if (n == 0 || i + n > len || text[i] == 0x7f ||
		    (text[i] >= 0 && text[i] <= ' ')) {
			blank = any;
			n = 1;
			continue;
		}
		if (blank) {
			buf_add_char(out, ' ');
			most--;
		}
		if (most > 0) {
			buf_add(out, text + i, n);
			most--;
		}
		any = true;
		blank = false;
	}
}

void
answer_describe(const struct answer *answer, const struct transfer *transfer,
    struct buf *out)
{
	if (transfer->result != CURLE_OK) {
		buf_add_string(out, transfer->message);
		buf_terminate(out);
		return;
	}
	buf_printf(out, "HTTP %ld", answer->status);
	if (answer->detail == NULL) {
		buf_add_string(out, ", but not from the Metrics API");
		if (transfer->location != NULL)
			buf_printf(
			    out, " (redirected to %s)", transfer->location);
	}
	if (answer->detail != NULL && answer->detail[0] != '\0') {
		buf_printf(out, ": %s", answer->detail);
	} else if (transfer->text.len > 0) {
		buf_add_string(out, ": ");
		add_printable(out, transfer->text.data, transfer->text.len,
		    PRINTABLE_MAX);
	}
	buf_terminate(out);
}

#include "access.h"

#include <stdlib.h>
#include <strings.h>
#include <sysexits.h>

#include "log.h"

/* ---- tokens ------------------------------------------------------------- */

void
access_init_or_die(struct access *access, const struct settings *settings)
{
	struct buf problem = BUF_INIT;

	*access = (struct access){
	    .settings = settings, .has_tokens = settings->tokens_file != NULL};
	if (access->has_tokens &&
	    !tokens_read(&access->tokens, settings->tokens_file, &problem))
		die(EX_CONFIG, "%s", buf_terminate(&problem));
}

void
access_reload(struct access *access)
{
	struct buf problem = BUF_INIT;

	if (!access->has_tokens)
		return;
	if (tokens_read(
		&access->tokens, access->settings->tokens_file, &problem))
		log_info("%s: %zu tokens", access->settings->tokens_file,
		    access->tokens.count);
	else
		log_error("%s; the tokens stay as they were",
		    buf_terminate(&problem));
	buf_free(&problem);
}

/* ---- hosts and origins -------------------------------------------------- */

/* True for "localhost", "127.0.0.1", "[::1]" and their like, with any port. */
static bool
is_loopback_host(const char *host)
{
	size_t len =
	    host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

	return (len == 9 && strncasecmp(host, "localhost", len) == 0) ||
	    (len > 10 && strncasecmp(host + len - 10, ".localhost", 10) == 0) ||
	    (strncmp(host, "127.", 4) == 0 &&
		strspn(host, "0123456789.") >= len) ||
	    (len == 5 && strncmp(host, "[::1]", len) == 0);
}

/* CCM_HOSTS has names, with a port or without. */
static bool
is_known_host(const struct settings *settings, const char *host)
{
	for (size_t i = 0; i < settings->hosts.count; i++) {
		const char *known = settings->hosts.items[i];
		size_t len = strlen(known);

		if (strncasecmp(host, known, len) == 0 &&
		    (host[len] == '\0' || host[len] == ':'))
			return true;
	}
	return false;
}

static bool
check_host(const struct access *access, struct http_exchange *exchange)
{
	const struct place *place = exchange->tag;
	const char *host = exchange->request.host;

	/* HTTP/1.0 may have none; no browser speaks that. */
	if (access->has_tokens || !place->is_loopback || *host == '\0' ||
	    is_loopback_host(host) || is_known_host(access->settings, host))
		return true;
	http_respond_problem(exchange, 403,
	    "the Host is neither a loopback name nor in CCM_HOSTS", NULL);
	return false;
}

static bool
is_same_origin(const char *origin, const char *host)
{
	const char *authority = strstr(origin, "://");

	return authority != NULL && strcasecmp(authority + 3, host) == 0;
}

static bool
is_allowed_origin(const struct access *access, const char *origin)
{
	if (list_has(&access->settings->cors_origins, origin))
		return true;
	for (size_t i = 0; i < access->tokens.count; i++)
		if (access->tokens.items[i].origin != NULL &&
		    strcmp(access->tokens.items[i].origin, origin) == 0)
			return true;
	return false;
}

bool
access_has_origin(const struct http_exchange *exchange)
{
	return http_request_header(&exchange->request, "origin") != NULL;
}

bool
access_check_origin(const struct access *access, struct http_exchange *exchange)
{
	const struct http_request *request = &exchange->request;
	const char *origin = http_request_header(request, "origin");

	if (!check_host(access, exchange))
		return false;
	if (origin == NULL || is_same_origin(origin, request->host))
		return true;
	if (!is_allowed_origin(access, origin)) {
		http_respond_problem(exchange, 403,
		    "the Origin is not in CCM_CORS_ORIGINS", NULL);
		return false;
	}
	http_add_header(exchange, "Access-Control-Allow-Origin", "%s", origin);
	http_add_header(
	    exchange, "Access-Control-Expose-Headers", "Retry-After");
	http_add_header(exchange, "Vary", "Origin");
	return true;
}

/* ---- rights ------------------------------------------------------------- */

static int
base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* Appends what base64 text (RFC 4648) holds, up to what is none. */
static void
decode_base64(const char *text, struct buf *out)
{
	unsigned bits = 0, nbits = 0;
	int digit;

	while ((digit = base64_digit(*text++)) >= 0) {
		bits = (bits << 6 | (unsigned)digit) & 0xffff;
		nbits += 6;
		if (nbits >= 8) {
			nbits -= 8;
			buf_add_char(out, (char)(bits >> nbits & 0xff));
		}
	}
}

/* Appends the token that a request shows: Bearer, the password of Basic, or,
 * from a page that is allowed, ?key=. False where there is none. */
static bool
read_token(const struct http_exchange *exchange, struct buf *text)
{
	const struct http_request *request = &exchange->request;
	const char *value = http_request_header(request, "authorization");
	struct buf basic = BUF_INIT;
	const char *colon;

	if (value == NULL)
		return access_has_origin(exchange) &&
		    http_request_parameter(request, "key", text);
	if (strncasecmp(value, "bearer ", 7) == 0) {
		buf_add_string(text, value + 7);
	} else if (strncasecmp(value, "basic ", 6) == 0) {
		decode_base64(value + 6, &basic);
		buf_terminate(&basic);
		colon = strchr(basic.data, ':');
		buf_add_string(text, colon != NULL ? colon + 1 : "");
		explicit_bzero(basic.data, basic.len);
		buf_free(&basic);
	}
	return text->len > 0;
}

static bool
refuse_401(struct http_exchange *exchange, const char *detail)
{
	http_add_header(exchange, "WWW-Authenticate", "Bearer realm=\"ccm\"");
	http_add_header(exchange, "WWW-Authenticate", "Basic realm=\"ccm\"");
	http_respond_problem(exchange, 401, detail, NULL);
	return false;
}

static bool
refuse_403(struct http_exchange *exchange, const char *detail)
{
	http_respond_problem(exchange, 403, detail, NULL);
	return false;
}

/* Checks a valid token's rights. */
static bool
check_token(const struct token *token, struct http_exchange *exchange,
    enum access_right right, const char *app_id)
{
	const char *origin = http_request_header(&exchange->request, "origin");

	if (right == ACCESS_READ ? !token->may_read : !token->may_write)
		return refuse_403(exchange, "the token has no such right");
	if (!token_covers(token, app_id))
		return refuse_403(exchange, "the token is not for this app");
	if (token->origin != NULL &&
	    (origin == NULL || strcmp(origin, token->origin) != 0))
		return refuse_403(exchange, "the token is not for this Origin");
	return true;
}

bool
access_check_right(const struct access *access, struct http_exchange *exchange,
    enum access_right right, const char *app_id, struct token **token)
{
	struct buf text = BUF_INIT;
	bool is_shown;

	*token = NULL;
	if (right == ACCESS_OPEN)
		return true;
	if (access->has_tokens) {
		is_shown = read_token(exchange, &text);
		if (is_shown)
			*token =
			    tokens_find(&access->tokens, text.data, text.len);
		if (text.len > 0)
			explicit_bzero(text.data, text.len);
		buf_free(&text);
		if (*token == NULL)
			return refuse_401(exchange,
			    is_shown ? "the token is not valid"
				     : "a token is needed");
		if (!check_token(*token, exchange, right, app_id))
			return false;
	}
	if (app_id != NULL && access->settings->app_ids.count > 0 &&
	    !list_has(&access->settings->app_ids, app_id))
		return refuse_403(exchange, "the app is not in CCM_APP_IDS");
	return true;
}

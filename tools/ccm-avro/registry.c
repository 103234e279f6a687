#include "registry.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "answer.h"
#include "env.h"
#include "json.h"
#include "log.h"

#define URL "SCHEMA_REGISTRY_URL"
#define USER_INFO "SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO"
#define TOKEN "SCHEMA_REGISTRY_BEARER_TOKEN"
#define CAFILE "SCHEMA_REGISTRY_CAFILE"
#define TIMEOUT "SCHEMA_REGISTRY_TIMEOUT"
#define INSECURE "SCHEMA_REGISTRY_INSECURE"
#define AUTO_REGISTER "SCHEMA_REGISTRY_AUTO_REGISTER"
#define EXAMPLE "https://registry.example:8081"

#define MEDIA_TYPE "application/vnd.schemaregistry.v1+json"
/* Of a real schema there are some kilobytes. */
#define ANSWER_MAX ((size_t)1 << 20)
#define REDIRECTS_MAX 5L
#define TRIES 3
#define PAUSE_MS 300
/* Of a message by somebody else. */
#define EXCERPT_MAX 300

/* error_code, in the API's reference */
enum { SUBJECT_NOT_FOUND = 40401, SCHEMA_NOT_FOUND = 40403 };

/* ---- settings ----------------------------------------------------------- */

static void
read_url_or_die(struct registry *registry, const char *given)
{
	const char *name = given != NULL ? "-u" : URL;
	struct buf problem = BUF_INIT;

	if (given == NULL)
		given = getenv(URL);
	if (given == NULL || *given == '\0')
		die(EX_CONFIG,
		    URL " is not set; it takes one such as " EXAMPLE);
	if (env_value_is_clean(name, given, &problem) &&
	    http_url_read(&registry->url, name, given, EXAMPLE, &problem) &&
	    registry->url.plain && !registry->url.loopback &&
	    env_integer(INSECURE, 0, 0, 1) == 0)
		buf_printf(&problem,
		    "%s is \"%s\": plain http would show the credentials to "
		    "the network; use https, or set " INSECURE "=1",
		    name, given);
	if (problem.len > 0)
		die(EX_CONFIG, "%s", buf_terminate(&problem));
	buf_free(&problem);
}

static void
read_credentials_or_die(struct registry *registry)
{
	registry->user_info = env_secret(USER_INFO);
	registry->token = env_secret(TOKEN);
	if (registry->user_info != NULL && registry->token != NULL)
		die(EX_CONFIG,
		    USER_INFO " and " TOKEN " are both given; remove one");
	if (registry->user_info != NULL &&
	    strchr(registry->user_info, ':') == NULL)
		die(EX_CONFIG,
		    USER_INFO " has no \":\"; it takes USER:PASSWORD");
}

/* ---- one request -------------------------------------------------------- */

static size_t
on_data(char *bytes, size_t one, size_t len, void *context)
{
	struct registry *registry = context;

	(void)one;
	if (len > ANSWER_MAX - registry->answer.len)
		return 0;
	buf_add(&registry->answer, bytes, len);
	return len;
}

static void
set_credentials(struct registry *registry)
{
	CURL *easy = registry->easy;

	if (registry->token != NULL) {
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, registry->token);
	} else if (registry->user_info != NULL) {
		size_t len = strcspn(registry->user_info, ":");
		char *user = xstrndup(registry->user_info, len);

		/* CURLOPT_USERPWD would decode nothing, but a colon may be in
		 * the password. */
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(easy, CURLOPT_USERNAME, user);
		curl_easy_setopt(
		    easy, CURLOPT_PASSWORD, registry->user_info + len + 1);
		free(user);
	}
}

void
registry_open_or_die(struct registry *registry, const char *url)
{
	const char *protocols;
	CURL *easy;

	*registry = (struct registry){.url = {.base = NULL}};
	read_url_or_die(registry, url);
	read_credentials_or_die(registry);
	registry->timeout_s = env_integer(TIMEOUT, 10, 1, 300);
	registry->cafile = getenv(CAFILE);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		die(EX_SOFTWARE, "cannot start libcurl");
	registry->easy = easy = curl_easy_init();
	registry->headers =
	    curl_slist_append(NULL, "Content-Type: " MEDIA_TYPE);
	if (easy == NULL || registry->headers == NULL ||
	    curl_slist_append(registry->headers,
		"Accept: " MEDIA_TYPE ", application/json") == NULL ||
	    curl_slist_append(registry->headers, "Expect:") == NULL)
		die(EX_OSERR, "out of memory");
	/* Credentials go to the first host only, and https stays https. */
	protocols = registry->url.plain ? "http,https" : "https";
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols);
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(easy, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
	curl_easy_setopt(easy, CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, registry->headers);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, registry->message);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, registry);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "ccm/" CCM_VERSION);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT,
	    registry->timeout_s < 5 ? registry->timeout_s : 5L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT, registry->timeout_s);
	if (registry->url.loopback)
		curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	if (registry->cafile != NULL && *registry->cafile != '\0')
		curl_easy_setopt(easy, CURLOPT_CAINFO, registry->cafile);
	set_credentials(registry);
}

void
registry_close(struct registry *registry)
{
	if (registry->easy == NULL)
		return;
	curl_slist_free_all(registry->headers);
	curl_easy_cleanup(registry->easy);
	curl_global_cleanup();
	env_secret_free(registry->user_info);
	env_secret_free(registry->token);
	http_url_free(&registry->url);
	buf_free(&registry->answer);
	*registry = (struct registry){.easy = NULL};
}

/* An answer: its HTTP status, 0 where there is none, and the error in it. */
struct reply {
	CURLcode result;
	long status, code; /* code: 0 where it names none */
	struct buf message;
};

/* GET, or POST where there is a body. */
static void
send_once(struct registry *registry, const char *path, const struct buf *body,
    struct reply *reply)
{
	CURL *easy = registry->easy;
	struct buf url = BUF_INIT;

	buf_printf(&url, "%s/%s", registry->url.base, path);
	curl_easy_setopt(easy, CURLOPT_URL, buf_terminate(&url));
	if (body != NULL) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body->data);
		curl_easy_setopt(
		    easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
	} else {
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	}
	registry->answer.len = 0;
	registry->message[0] = '\0';
	reply->status = reply->code = 0;
	reply->message.len = 0;
	reply->result = curl_easy_perform(easy);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply->status);
	buf_terminate(&registry->answer);
	if (reply->result == CURLE_OK && reply->status != 200)
		answer_read_error(registry->answer.data, registry->answer.len,
		    &reply->code, &reply->message);
	buf_free(&url);
}

/* TLS refuses it, or a setting of ours is no good: no other try mends that. */
static bool
is_for_good(CURLcode result)
{
	return result == CURLE_PEER_FAILED_VERIFICATION ||
	    result == CURLE_SSL_CACERT_BADFILE ||
	    result == CURLE_SSL_CERTPROBLEM ||
	    result == CURLE_UNSUPPORTED_PROTOCOL ||
	    result == CURLE_URL_MALFORMAT;
}

static bool
may_pass(const struct reply *reply)
{
	if (reply->result != CURLE_OK)
		return !is_for_good(reply->result) &&
		    reply->result != CURLE_WRITE_ERROR;
	return reply->status == 429 || reply->status >= 500;
}

static void
request(struct registry *registry, const char *path, const struct buf *body,
    struct reply *reply)
{
	struct timespec pause = {0, PAUSE_MS * 1000000L};

	for (int i = 1; i <= TRIES; i++, pause.tv_nsec *= 2) {
		send_once(registry, path, body, reply);
		if (!may_pass(reply) || i == TRIES)
			return;
		log_debug("registry %s: status %ld, %s; trying again",
		    registry->url.base, reply->status, registry->message);
		nanosleep(&pause, NULL);
	}
}

/* ---- what went wrong ---------------------------------------------------- */

static void
name_registry(const struct registry *registry, struct buf *problem)
{
	buf_printf(problem, "the schema registry %s ", registry->url.base);
}

/* Its own words, or that it has none: a proxy's page says nothing. */
static void
add_words(const struct reply *reply, struct buf *problem)
{
	buf_printf(problem, " (status %ld", reply->status);
	if (reply->code != 0)
		buf_printf(problem, ", error %ld: %.*s", reply->code,
		    EXCERPT_MAX, reply->message.data);
	buf_add_char(problem, ')');
}

static int
explain_no_answer(const struct registry *registry, const struct reply *reply,
    struct buf *problem)
{
	name_registry(registry, problem);
	if (reply->result == CURLE_WRITE_ERROR) {
		buf_printf(problem,
		    "answers with more than %zu bytes; check " URL, ANSWER_MAX);
		return EX_TEMPFAIL;
	}
	buf_printf(problem, "%s: %s",
	    is_for_good(reply->result) ? "cannot be used" : "does not answer",
	    registry->message[0] != '\0' ? registry->message
					 : curl_easy_strerror(reply->result));
	if (!is_for_good(reply->result))
		return EX_TEMPFAIL;
	buf_add_string(problem, "; check " URL " and " CAFILE);
	return EX_CONFIG;
}

/* Of a request that has not succeeded. `what` is what was sent. */
static int
explain(const struct registry *registry, const struct reply *reply,
    const char *what, struct buf *problem)
{
	int status = EX_TEMPFAIL;

	if (reply->result != CURLE_OK)
		return explain_no_answer(registry, reply, problem);
	name_registry(registry, problem);
	if (reply->status == 401 || reply->status == 403 ||
	    reply->status == 407) {
		buf_printf(problem, "refuses the credentials for %s", what);
		status = EX_NOPERM;
	} else if (reply->code != 0 &&
	    (reply->status == 409 || reply->status == 422)) {
		buf_printf(problem, "refuses %s", what);
		status = EX_CONFIG;
	} else if (reply->status == 404 ||
	    (reply->code == 0 && reply->status < 500)) {
		buf_add_string(problem,
		    "does not answer as one; check " URL " and its path");
	} else {
		buf_printf(problem, "cannot answer for %s now", what);
	}
	add_words(reply, problem);
	return status;
}

static int
no_registry(const struct registry *registry, struct buf *problem)
{
	name_registry(registry, problem);
	buf_add_string(problem,
	    "answers 200 with what is no registry's answer; check " URL
	    " and its path");
	return EX_TEMPFAIL;
}

/* ---- what it is asked for ----------------------------------------------- */

/* "subjects/NAME" and what follows. */
static void
write_path(const struct registry *registry, const char *subject,
    const char *rest, struct buf *path)
{
	char *escaped = curl_easy_escape(registry->easy, subject, 0);

	if (escaped == NULL)
		die(EX_OSERR, "out of memory");
	path->len = 0;
	buf_printf(path, "subjects/%s%s", escaped, rest);
	buf_terminate(path);
	curl_free(escaped);
}

static int
take_id(const struct registry *registry, uint32_t *id, struct buf *problem)
{
	if (answer_read_id(registry->answer.data, registry->answer.len, id))
		return EX_OK;
	return no_registry(registry, problem);
}

static int
register_schema(struct registry *registry, const char *subject,
    const struct buf *body, uint32_t *id, struct buf *problem)
{
	struct reply reply = {.status = 0};
	struct buf path = BUF_INIT, what = BUF_INIT;
	int status;

	buf_printf(&what, "the schema in subject %s", subject);
	if (env_integer(AUTO_REGISTER, 1, 0, 1) == 0) {
		name_registry(registry, problem);
		buf_printf(problem,
		    "does not have %s, and " AUTO_REGISTER
		    " is 0; register it there",
		    what.data);
		buf_free(&what);
		return EX_CONFIG;
	}
	write_path(registry, subject, "/versions", &path);
	request(registry, path.data, body, &reply);
	if (reply.result == CURLE_OK && reply.status == 200) {
		status = take_id(registry, id, problem);
		if (status == EX_OK)
			log_info("registered %s with %s: id %u", what.data,
			    registry->url.base, *id);
	} else {
		status = explain(registry, &reply, what.data, problem);
	}
	buf_free(&reply.message);
	buf_free(&path);
	buf_free(&what);
	return status;
}

int
registry_find_id(struct registry *registry, const char *subject,
    const struct buf *schema, uint32_t *id, struct buf *problem)
{
	struct reply reply = {.status = 0};
	struct buf path = BUF_INIT, body = BUF_INIT;
	int status;

	buf_add_string(&body, "{\"schema\":\"");
	json_escape(&body, schema->data, schema->len);
	buf_add_string(&body, "\"}");
	write_path(registry, subject, "", &path);
	request(registry, path.data, &body, &reply);
	if (reply.result == CURLE_OK && reply.status == 200)
		status = take_id(registry, id, problem);
	else if (reply.status == 404 &&
	    (reply.code == SUBJECT_NOT_FOUND || reply.code == SCHEMA_NOT_FOUND))
		status = register_schema(registry, subject, &body, id, problem);
	else
		status = explain(registry, &reply, "the schema", problem);
	buf_free(&reply.message);
	buf_free(&path);
	buf_free(&body);
	return status;
}

static int
take_schema(const struct registry *registry, uint32_t id, struct buf *schema,
    struct buf *problem)
{
	struct buf why = BUF_INIT;
	int status = EX_OK;

	switch (answer_read_schema(
	    registry->answer.data, registry->answer.len, schema, &why)) {
	case ANSWER_SCHEMA:
		break;
	case ANSWER_UNUSABLE:
		name_registry(registry, problem);
		buf_printf(problem, "has %s at id %u", buf_terminate(&why), id);
		status = EX_DATAERR;
		break;
	case ANSWER_NONE:
		status = no_registry(registry, problem);
		break;
	}
	buf_free(&why);
	return status;
}

int
registry_find_schema(struct registry *registry, uint32_t id, struct buf *schema,
    struct buf *problem)
{
	struct reply reply = {.status = 0};
	struct buf path = BUF_INIT;
	size_t before = problem->len;
	int status;

	buf_printf(&path, "schemas/ids/%u", id);
	request(registry, buf_terminate(&path), NULL, &reply);
	if (reply.result == CURLE_OK && reply.status == 200)
		status = take_schema(registry, id, schema, problem);
	else if (reply.status == 404 && reply.code == SCHEMA_NOT_FOUND)
		status = EX_DATAERR;
	else
		status = explain(registry, &reply, path.data, problem);
	if (status == EX_DATAERR && problem->len == before) {
		name_registry(registry, problem);
		buf_printf(problem, "has no schema with id %u", id);
	}
	buf_free(&reply.message);
	buf_free(&path);
	return status;
}

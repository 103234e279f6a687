/*
 * ccm-post - send standard input as the body of one HTTP POST: line protocol
 * to DataKit, Telegraf, InfluxDB or VictoriaMetrics.
 *
 * - One run is one request. It exits 0 when the server has answered 2xx, and
 *   for nothing else: ccm-ship, which repeats what failed for now and sets
 *   aside what was refused, needs no more than the exit status.
 * - No secret is on the command line or in a message: a URL that has one comes
 *   from CCM_POST_URL, and messages name it without user, password and query.
 * - A redirect is not followed: it would take the credentials along, or turn
 *   the POST into a GET.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

#include "env.h"
#include "io.h"
#include "json.h"
#include "log.h"
#include "loopback.h"
#include "main.h"
#include "process.h"
#include "shipper.h"

#define USAGE                                                                  \
	"usage: ccm-post [-n] [URL]\n"                                         \
	"Sends standard input as the body of one POST to URL, or to that in\n" \
	"CCM_POST_URL, where a URL with a password or a token has to be.\n"    \
	"  -n  DataKit: a dry run, whose answer is written: the points as\n"   \
	"      it has read them\n"                                             \
	"  -h  this help\n"                                                    \
	"  -V  the version\n"

/* ccm-ship joins files up to 8 MiB; a single one is as large as it is. */
#define BODY_MAX ((size_t)256 << 20)
#define ANSWER_MAX ((size_t)64 << 20)
/* So much of an error's text is of use to anyone. */
#define EXCERPT_MAX 300

struct post {
	CURLU *url;
	char *name;  /* of the URL, for messages: no secret is in it */
	char *token; /* or NULL */
	bool dry;
	long timeout_s;
	struct buf body, answer;
};

/* ---- the URL ------------------------------------------------------------ */

/* A part of the URL, to be freed by curl_free(); NULL where it has none. */
static char *
part(const struct post *post, CURLUPart which)
{
	char *text = NULL;

	if (curl_url_get(post->url, which, &text, 0) != CURLUE_OK)
		return NULL;
	return text;
}

/* Query parameters that hold a secret: DataKit's and InfluxDB 1.x's. */
static bool
query_has_secret(const char *query)
{
	static const char *const secrets[] = {"token=", "p=", "password="};

	while (query != NULL && *query != '\0') {
		for (size_t i = 0; i < 3; i++)
			if (strncasecmp(
				query, secrets[i], strlen(secrets[i])) == 0)
				return true;
		query = strchr(query, '&');
		query += query != NULL;
	}
	return false;
}

static bool
has_secret(const struct post *post)
{
	char *password = part(post, CURLUPART_PASSWORD);
	char *query = part(post, CURLUPART_QUERY);
	bool has = password != NULL || query_has_secret(query);

	curl_free(password);
	curl_free(query);
	return has;
}

/* "http://host:port/path" */
static char *
name_of(const struct post *post)
{
	CURLU *copy = curl_url_dup(post->url);
	char *text = NULL, *name;

	if (copy == NULL)
		die(EX_OSERR, "out of memory");
	curl_url_set(copy, CURLUPART_USER, NULL, 0);
	curl_url_set(copy, CURLUPART_PASSWORD, NULL, 0);
	curl_url_set(copy, CURLUPART_QUERY, NULL, 0);
	curl_url_set(copy, CURLUPART_FRAGMENT, NULL, 0);
	if (curl_url_get(copy, CURLUPART_URL, &text, 0) != CURLUE_OK)
		die(EX_OSERR, "out of memory");
	name = xstrdup(text);
	curl_free(text);
	curl_url_cleanup(copy);
	return name;
}

/* A URL that is no good may have its secrets anywhere: it is not shown. */
static void
read_url(struct post *post, const char *text, const char *from, int status)
{
	char *scheme;

	post->url = curl_url();
	if (post->url == NULL)
		die(EX_OSERR, "out of memory");
	if (curl_url_set(post->url, CURLUPART_URL, text,
		CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
		die(status,
		    "%s is not a URL such as "
		    "http://127.0.0.1:9529/v1/write/metric",
		    from);
	scheme = part(post, CURLUPART_SCHEME);
	if (scheme == NULL ||
	    (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
		die(status, "%s is neither an http nor an https URL", from);
	curl_free(scheme);
	post->name = name_of(post);
}

/* Whose API it is, by its path. */
static bool
has_path(const struct post *post, const char *beginning)
{
	char *path = part(post, CURLUPART_PATH);
	bool has =
	    path != NULL && strncmp(path, beginning, strlen(beginning)) == 0;

	curl_free(path);
	return has;
}

static void
make_dry(struct post *post)
{
	if (!has_path(post, "/v1/write/"))
		die(EX_USAGE,
		    "-n: %s is not DataKit's (/v1/write/metric), and no other "
		    "has a dry run",
		    post->name);
	if (curl_url_set(post->url, CURLUPART_QUERY, "dry=1&echo=lp",
		CURLU_APPENDQUERY) != CURLUE_OK)
		die(EX_OSERR, "out of memory");
}

/* Plain http would show the secrets to the network. */
static void
check_plain_http(const struct post *post)
{
	char *scheme = part(post, CURLUPART_SCHEME);
	char *host = part(post, CURLUPART_HOST);
	const char *insecure = getenv("CCM_POST_INSECURE");
	bool shows = strcmp(scheme, "http") == 0 && !is_loopback(host) &&
	    (post->token != NULL || has_secret(post));

	curl_free(scheme);
	curl_free(host);
	if (shows && (insecure == NULL || strcmp(insecure, "1") != 0))
		die(EX_CONFIG,
		    "%s: plain http would show the token or password to the "
		    "network; use https, or set CCM_POST_INSECURE=1",
		    post->name);
}

/* ---- input -------------------------------------------------------------- */

static void
parse_options(int argc, char **argv, struct post *post)
{
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, ":nhV")) != -1) {
		switch (option) {
		case 'n':
			post->dry = true;
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-post");
		default:
			usage_error_and_exit(option);
		}
	}
	if (argc - optind > 1)
		die(EX_USAGE, "unexpected argument \"%s\"; -h shows the usage",
		    argv[optind + 1]);
}

static void
read_settings(struct post *post, const char *argument)
{
	char *given = env_secret("CCM_POST_URL");

	if (argument == NULL && given == NULL)
		die(EX_USAGE, "missing argument URL; -h shows the usage");
	if (argument != NULL)
		read_url(post, argument, "the argument", EX_USAGE);
	else
		read_url(post, given, "CCM_POST_URL", EX_CONFIG);
	env_secret_free(given);
	if (argument != NULL && has_secret(post))
		die(EX_USAGE,
		    "the URL has a password or a token, and any user can see "
		    "a command line; give it in CCM_POST_URL");
	post->token = env_secret("CCM_POST_TOKEN");
	post->timeout_s = env_integer("CCM_POST_TIMEOUT", 60, 1, 3600);
	check_plain_http(post);
	if (post->dry)
		make_dry(post);
}

static void
read_body(struct post *post)
{
	const size_t block = (size_t)1 << 20;
	ssize_t got = 1;

	while (got > 0) {
		got =
		    read(STDIN_FILENO, buf_reserve(&post->body, block), block);
		if (got < 0 && errno == EINTR) {
			got = 1;
			continue;
		}
		if (got < 0)
			die(EX_IOERR, "cannot read standard input: %s",
			    strerror(errno));
		post->body.len += (size_t)got;
		if (post->body.len > BODY_MAX)
			die(EX_DATAERR, "the body is over %zu bytes", BODY_MAX);
	}
}

/* ---- the request -------------------------------------------------------- */

static size_t
on_answer(char *bytes, size_t one, size_t len, void *context)
{
	struct post *post = context;

	(void)one;
	if (post->answer.len + len <= ANSWER_MAX)
		buf_add(&post->answer, bytes, len);
	return len;
}

/* InfluxDB 2.x has a scheme of its own, the others take Bearer. */
static struct curl_slist *
headers(const struct post *post)
{
	struct curl_slist *list =
	    curl_slist_append(NULL, "Content-Type: text/plain; charset=utf-8");
	struct buf field = BUF_INIT;

	if (list != NULL)
		/* A large body needs no leave to be sent. */
		list = curl_slist_append(list, "Expect:");
	if (list != NULL && post->token != NULL) {
		buf_printf(&field, "Authorization: %s %s",
		    has_path(post, "/api/v2/") ? "Token" : "Bearer",
		    post->token);
		list = curl_slist_append(list, field.data);
	}
	if (list == NULL)
		die(EX_OSERR, "out of memory");
	buf_free(&field);
	return list;
}

static CURL *
new_request(struct post *post, struct curl_slist *fields, char *message)
{
	const char *cafile = getenv("CCM_POST_CAFILE");
	char *host = part(post, CURLUPART_HOST);
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		die(EX_OSERR, "out of memory");
	curl_easy_setopt(easy, CURLOPT_CURLU, post->url);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, message);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fields);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "ccm/" CCM_VERSION);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, 10L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT, post->timeout_s);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, post);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, post->body.data);
	curl_easy_setopt(
	    easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->body.len);
	if (is_loopback(host))
		curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	if (cafile != NULL && cafile[0] != '\0')
		curl_easy_setopt(easy, CURLOPT_CAINFO, cafile);
	curl_free(host);
	return easy;
}

/* The HTTP status; ends us where there is none. */
static long
send_body(struct post *post)
{
	struct curl_slist *fields = headers(post);
	char message[CURL_ERROR_SIZE] = "";
	CURL *easy = new_request(post, fields, message);
	CURLcode result = curl_easy_perform(easy);
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (result != CURLE_OK)
		shipper_die(EX_TEMPFAIL, "%s: %s", post->name,
		    message[0] != '\0' ? message : curl_easy_strerror(result));
	curl_easy_cleanup(easy);
	curl_slist_free_all(fields);
	return status;
}

/* ---- the answer --------------------------------------------------------- */

static int
status_of(long http)
{
	if (http >= 200 && http < 300)
		return EX_OK;
	if (http == 401 || http == 403)
		return EX_NOPERM;
	if (http >= 400 && http < 500 && http != 408 && http != 429)
		return EX_DATAERR;
	return EX_TEMPFAIL;
}

/* The first line of what the server says. */
static void
add_excerpt(struct buf *out, struct buf *answer)
{
	const char *text = buf_terminate(answer);
	size_t len = strcspn(text, "\r\n"), n;

	for (size_t i = 0; i < len && i < EXCERPT_MAX; i += n) {
		n = utf8_length(text + i);
		if (n == 0)
			break;
		buf_add(out, text + i, n);
	}
}

static int
judge(struct post *post, long http)
{
	int status = status_of(http);
	struct buf excerpt = BUF_INIT;

	if (status == EX_OK) {
		log_debug("%s: HTTP %ld for %zu bytes", post->name, http,
		    post->body.len);
		if (post->dry)
			write_or_die(STDOUT_FILENO, "standard output",
			    post->answer.data, post->answer.len);
		return status;
	}
	add_excerpt(&excerpt, &post->answer);
	shipper_die(status, "%s: HTTP %ld%s%s", post->name, http,
	    excerpt.len > 0 ? ": " : "", buf_terminate(&excerpt));
}

int
main(int argc, char **argv)
{
	/* Static, so that it ends with the process: nothing is freed. */
	static struct post post;

	protect_secrets();
	parse_options(argc, argv, &post);
	log_init("ccm-post");
	standard_fds_or_die(STDIN_FILENO);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		die(EX_SOFTWARE, "cannot start libcurl");
	read_settings(&post, argv[optind]);
	read_body(&post);
	if (post.body.len == 0) {
		log_debug("nothing to send: standard input is empty");
		return EX_OK;
	}
	return judge(&post, send_body(&post));
}

#include "config.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "env.h"
#include "log.h"
#include "metrics-host.h"
#include "rate.h"

#define MASKED "********"

#define API_URL "CONFLUENT_METRICS_HOST"
#define KEY "CONFLUENT_METRICS_API_KEY"
#define SECRET "CONFLUENT_METRICS_API_SECRET"
#define TOKEN "CONFLUENT_METRICS_TOKEN"
#define CAFILE "CONFLUENT_METRICS_CAFILE"
#define INSECURE "CONFLUENT_METRICS_INSECURE"

/* Each is a member of struct config. */
static const struct {
	const char *name;
	long otherwise, least, most;
	size_t offset;
} numbers[] = {{"CONFLUENT_METRICS_REQUESTS_PER_MINUTE", 50, 1, 100000,
		   offsetof(struct config, requests_per_minute)},
    {"CCM_EXPORT_RESERVE", RATE_RESERVE_AUTO, 0, 100000,
	offsetof(struct config, export_reserve)},
    {"CONFLUENT_METRICS_TIMEOUT", 30, 1, 3600,
	offsetof(struct config, timeout_s)},
    /* A page of 360,000 points is 40 MB, before compression. */
    {"CONFLUENT_METRICS_REQUEST_TIMEOUT", 300, 1, 86400,
	offsetof(struct config, request_timeout_s)},
    /* No real answer reaches these: 10 million groups, 7 million points. */
    {"CONFLUENT_METRICS_QUERY_SECONDS", 1800, 1, 86400,
	offsetof(struct config, query_seconds)},
    {"CONFLUENT_METRICS_QUERY_PAGES", 10000, 1, 1000000,
	offsetof(struct config, query_pages)},
    {"CONFLUENT_METRICS_QUERY_BYTES", 1L << 30, 1000, 1L << 50,
	offsetof(struct config, query_bytes)}};

/* In curl's way: that for plain http is read in lower case only. */
static const char *const proxies[] = {
    "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
static const char *const no_proxies[] = {"no_proxy", "NO_PROXY"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *
not_empty(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

static void
read_insecure(struct config *config, struct buf *problem)
{
	const char *value = not_empty(INSECURE);

	config->insecure = value != NULL && strcmp(value, "1") == 0;
	if (value != NULL && !config->insecure && strcmp(value, "0") != 0)
		buf_printf(
		    problem, INSECURE " is \"%s\"; it takes 1 or 0", value);
}

static void
read_url(struct config *config, struct buf *problem)
{
	const char *given = not_empty(API_URL);

	if (given == NULL)
		given = METRICS_HOST_DEFAULT;
	if (env_value_is_clean(API_URL, given, problem) &&
	    http_url_read(
		&config->api, API_URL, given, METRICS_HOST_DEFAULT, problem) &&
	    config->api.plain && !config->api.loopback && !config->insecure)
		buf_printf(problem,
		    API_URL
		    " is \"%s\": plain http would show the credentials to the network; use https, or set " INSECURE
		    "=1",
		    given);
}

/* ---- credentials -------------------------------------------------------- */

static bool
read_credential(const char *name, char **value)
{
	struct buf problem = BUF_INIT;
	bool good;

	if (env_text(name, value, &problem) && *value != NULL &&
	    env_value_is_clean(name, *value, &problem) &&
	    strpbrk(*value, " \t") != NULL)
		buf_printf(&problem, "%s has a blank in it", name);
	good = log_problem(&problem);
	buf_free(&problem);
	return good;
}

static void
check_credentials(const struct config *config, struct buf *problem)
{
	bool key = config->key != NULL, secret = config->secret != NULL;

	if (config->token != NULL && (key || secret))
		buf_printf(problem,
		    TOKEN " and %s are both given; the API takes one",
		    key ? KEY : SECRET);
	else if (config->token == NULL && !key && !secret)
		buf_add_string(problem,
		    "no credentials: set " KEY " and " SECRET
		    " (a Cloud API key, not a cluster's), or " TOKEN);
	else if (config->token == NULL && (!key || !secret))
		buf_printf(problem, "%s is not set, and %s is",
		    key ? SECRET : KEY, key ? KEY : SECRET);
	if (key && strchr(config->key, ':') != NULL)
		buf_printf(problem,
		    "%s" KEY
		    " has a \":\" in it, which HTTP Basic does not allow",
		    problem->len > 0 ? "; " : "");
}

static bool
read_credentials(struct config *config, struct buf *problem)
{
	bool good = read_credential(KEY, &config->key);

	good = read_credential(SECRET, &config->secret) && good;
	good = read_credential(TOKEN, &config->token) && good;
	/* What cannot be read was given all the same. */
	if (good)
		check_credentials(config, problem);
	return log_problem(problem) && good;
}

/* ---- files and proxies -------------------------------------------------- */

/* libcurl takes certificates in PEM. */
static bool
has_certificate(int fd)
{
	static const char begin[] = "-----BEGIN ";
	struct buf text = BUF_INIT;
	bool found = false;
	ssize_t got;

	while (
	    !found && (got = read(fd, buf_reserve(&text, 65536), 65536)) > 0) {
		text.len += (size_t)got;
		found = memmem(text.data, text.len, begin, sizeof(begin) - 1) !=
		    NULL;
		if (text.len > 1 << 20)
			break;
	}
	buf_free(&text);
	return found;
}

static void
read_cafile(struct config *config, struct buf *problem)
{
	struct stat st;
	int fd;

	config->cafile = not_empty(CAFILE);
	if (config->cafile == NULL)
		return;
	fd = open(config->cafile, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		buf_printf(problem, CAFILE ": cannot read %s: %s",
		    config->cafile, strerror(errno));
	else if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		buf_printf(
		    problem, CAFILE ": %s is not a file", config->cafile);
	else if (!has_certificate(fd))
		buf_printf(problem,
		    CAFILE
		    ": %s holds no certificate (PEM: \"-----BEGIN CERTIFICATE-----\")",
		    config->cafile);
	if (fd >= 0)
		close(fd);
}

/* The user and password of a proxy's URL are secret. */
static void
add_masked(struct buf *out, const char *url)
{
	const char *at = strrchr(url, '@');

	if (at != NULL)
		buf_add_string(out, MASKED);
	buf_add_string(out, at != NULL ? at : url);
}

static void
check_proxy(const char *name, struct buf *problem)
{
	static const char *const schemes[] = {
	    "http", "https", "socks4", "socks4a", "socks5", "socks5h"};
	const char *value = not_empty(name);
	CURLU *url = curl_url();
	char *scheme = NULL;
	bool good;

	if (url == NULL)
		die(EX_OSERR, "out of memory");
	good = value == NULL ||
	    curl_url_set(url, CURLUPART_URL, value,
		CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME) == CURLUE_OK;
	if (good && value != NULL && strstr(value, "://") != NULL &&
	    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK) {
		good = false;
		for (size_t i = 0; i < COUNT(schemes); i++)
			good = good || strcmp(scheme, schemes[i]) == 0;
	}
	if (!good) {
		buf_printf(problem, "%s is \"", name);
		add_masked(problem, value);
		buf_add_string(problem,
		    "\"; it takes a URL such as http://proxy.example:3128");
	}
	curl_free(scheme);
	curl_url_cleanup(url);
}

static void
check_temporary_directory(struct buf *problem)
{
	const char *directory = not_empty("TMPDIR");
	struct stat st;

	if (directory == NULL)
		return;
	if (stat(directory, &st) == 0 && !S_ISDIR(st.st_mode))
		errno = ENOTDIR;
	else if (access(directory, W_OK | X_OK) == 0)
		return;
	buf_printf(
	    problem, "TMPDIR: cannot use %s: %s", directory, strerror(errno));
}

/* ---- all of it ---------------------------------------------------------- */

bool
config_read(struct config *config)
{
	struct buf problem = BUF_INIT;
	bool good = true;
	long number;

	*config = (struct config){.key = NULL};
	read_insecure(config, &problem);
	good = log_problem(&problem) && good;
	read_url(config, &problem);
	good = log_problem(&problem) && good;
	good = read_credentials(config, &problem) && good;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		env_number(numbers[i].name, numbers[i].otherwise,
		    numbers[i].least, numbers[i].most, &number, &problem);
		memcpy((char *)config + numbers[i].offset, &number,
		    sizeof(number));
		good = log_problem(&problem) && good;
	}
	read_cafile(config, &problem);
	good = log_problem(&problem) && good;
	for (size_t i = 0; i < COUNT(proxies); i++) {
		check_proxy(proxies[i], &problem);
		good = log_problem(&problem) && good;
	}
	check_temporary_directory(&problem);
	good = log_problem(&problem) && good;
	buf_free(&problem);
	return good;
}

void
config_print(const struct config *config)
{
	struct buf out = BUF_INIT;
	long number;

	buf_printf(&out, API_URL "=%s\n", config->api.base);
	if (config->key != NULL)
		buf_printf(
		    &out, KEY "=%s\n" SECRET "=" MASKED "\n", config->key);
	else
		buf_add_string(&out, TOKEN "=" MASKED "\n");
	if (config->insecure)
		buf_add_string(&out, INSECURE "=1\n");
	if (config->cafile != NULL)
		buf_printf(&out, CAFILE "=%s\n", config->cafile);
	for (size_t i = 0; i < COUNT(numbers); i++) {
		memcpy(&number, (const char *)config + numbers[i].offset,
		    sizeof(number));
		if (number != RATE_RESERVE_AUTO)
			buf_printf(&out, "%s=%ld\n", numbers[i].name, number);
	}
	for (size_t i = 0; i < COUNT(proxies); i++) {
		if (not_empty(proxies[i]) == NULL)
			continue;
		buf_printf(&out, "%s=", proxies[i]);
		add_masked(&out, getenv(proxies[i]));
		buf_add_char(&out, '\n');
	}
	for (size_t i = 0; i < COUNT(no_proxies); i++)
		if (not_empty(no_proxies[i]) != NULL)
			buf_printf(&out, "%s=%s\n", no_proxies[i],
			    getenv(no_proxies[i]));
	fputs(buf_terminate(&out), stdout);
	buf_free(&out);
}

void
config_free(struct config *config)
{
	http_url_free(&config->api);
	env_secret_free(config->key);
	env_secret_free(config->secret);
	env_secret_free(config->token);
}

const char *
config_credential_name(const struct config *config)
{
	return config->key != NULL ? config->key : "(token)";
}

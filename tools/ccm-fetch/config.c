#include "config.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "env.h"
#include "log.h"

#define HOST_DEFAULT "https://api.telemetry.confluent.cloud"

static char *
url_part(CURLU *url, CURLUPart part)
{
	char *from_curl = NULL, *copy;

	if (curl_url_get(url, part, &from_curl, 0) != CURLUE_OK)
		return NULL;
	copy = xstrdup(from_curl);
	curl_free(from_curl);
	return copy;
}

static bool
is_loopback(const char *host)
{
	return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
	    (strncmp(host, "127.", 4) == 0 &&
		strspn(host, "0123456789.") == strlen(host));
}

/* A name that is a file's too: nothing but letters, digits, ".", "-", "_". */
static char *
file_name(const char *host, const char *port)
{
	struct buf name = BUF_INIT;

	buf_add_string(&name, host);
	if (port != NULL)
		buf_printf(&name, "_%s", port);
	buf_terminate(&name);
	for (char *c = name.data; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && *c != '.' && *c != '-')
			*c = '_';
	return name.data;
}

static void
read_url(struct config *config)
{
	const char *given = getenv("CONFLUENT_METRICS_HOST");
	const char *insecure = getenv("CONFLUENT_METRICS_INSECURE");
	char *scheme, *host, *port, *user, *query;
	CURLU *url = curl_url();
	size_t len;

	if (given == NULL || given[0] == '\0')
		given = HOST_DEFAULT;
	if (url == NULL)
		die(EX_OSERR, "out of memory");
	if (curl_url_set(url, CURLUPART_URL, given, CURLU_DEFAULT_SCHEME) !=
	    CURLUE_OK)
		die(EX_CONFIG,
		    "CONFLUENT_METRICS_HOST is \"%s\"; it takes a URL such "
		    "as " HOST_DEFAULT,
		    given);
	scheme = url_part(url, CURLUPART_SCHEME);
	host = url_part(url, CURLUPART_HOST);
	port = url_part(url, CURLUPART_PORT);
	user = url_part(url, CURLUPART_USER);
	query = url_part(url, CURLUPART_QUERY);
	if (scheme == NULL || host == NULL ||
	    (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0))
		die(EX_CONFIG,
		    "CONFLUENT_METRICS_HOST is \"%s\"; it takes an https URL",
		    given);
	if (user != NULL || query != NULL)
		die(EX_CONFIG,
		    "CONFLUENT_METRICS_HOST has a user name or a query; it "
		    "takes an https URL without");
	if (strcmp(scheme, "http") == 0) {
		config->loopback = is_loopback(host);
		if (!config->loopback &&
		    (insecure == NULL || strcmp(insecure, "1") != 0))
			die(EX_CONFIG,
			    "CONFLUENT_METRICS_HOST is \"%s\": plain http "
			    "would "
			    "show the credentials to the network; use https "
			    "(or "
			    "set CONFLUENT_METRICS_INSECURE=1)",
			    given);
	}
	config->base_url = url_part(url, CURLUPART_URL);
	if (config->base_url == NULL)
		die(EX_OSERR, "out of memory");
	len = strlen(config->base_url);
	while (len > 0 && config->base_url[len - 1] == '/')
		config->base_url[--len] = '\0';
	config->host = file_name(host, port);
	free(scheme);
	free(host);
	free(port);
	free(user);
	free(query);
	curl_url_cleanup(url);
}

static void
check_credential(const char *name, const char *value)
{
	if (value == NULL)
		return;
	for (const char *c = value; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			die(EX_CONFIG,
			    "%s has a control character (a newline in the "
			    "middle?)",
			    name);
}

static void
read_credentials(struct config *config)
{
	config->key = env_secret("CONFLUENT_METRICS_API_KEY");
	config->secret = env_secret("CONFLUENT_METRICS_API_SECRET");
	config->token = env_secret("CONFLUENT_METRICS_TOKEN");
	check_credential("CONFLUENT_METRICS_API_KEY", config->key);
	check_credential("CONFLUENT_METRICS_API_SECRET", config->secret);
	check_credential("CONFLUENT_METRICS_TOKEN", config->token);
	if (config->token != NULL) {
		if (config->key != NULL || config->secret != NULL)
			die(EX_CONFIG,
			    "CONFLUENT_METRICS_TOKEN and CONFLUENT_METRICS_API_"
			    "KEY/_SECRET are both given; the API takes one");
		return;
	}
	if (config->key == NULL || config->secret == NULL)
		die(EX_CONFIG,
		    "%s is not set (a Cloud API key; or set "
		    "CONFLUENT_METRICS_TOKEN)",
		    config->key == NULL ? "CONFLUENT_METRICS_API_KEY"
					: "CONFLUENT_METRICS_API_SECRET");
	if (strchr(config->key, ':') != NULL)
		die(EX_CONFIG,
		    "CONFLUENT_METRICS_API_KEY has a \":\", which HTTP Basic "
		    "cannot carry in it");
}

void
config_read(struct config *config)
{
	*config = (struct config){.key = NULL};
	read_url(config);
	read_credentials(config);
	config->requests_per_minute = (int)env_integer(
	    "CONFLUENT_METRICS_REQUESTS_PER_MINUTE", 50, 1, 100000);
	config->timeout_s =
	    (int)env_integer("CONFLUENT_METRICS_TIMEOUT", 30, 1, 3600);
	config->cafile = getenv("CONFLUENT_METRICS_CAFILE");
	if (config->cafile != NULL && config->cafile[0] == '\0')
		config->cafile = NULL;
	if (config->cafile != NULL && access(config->cafile, R_OK) != 0)
		die(EX_CONFIG, "CONFLUENT_METRICS_CAFILE: cannot read %s: %s",
		    config->cafile, strerror(errno));
}

void
config_free(struct config *config)
{
	free(config->base_url);
	free(config->host);
	env_secret_free(config->key);
	env_secret_free(config->secret);
	env_secret_free(config->token);
}

const char *
config_credential_name(const struct config *config)
{
	return config->key != NULL ? config->key : "(token)";
}

#include "http-url.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "log.h"
#include "loopback.h"

/* NULL where the URL has no such part. */
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
has_part(CURLU *url, CURLUPart part)
{
	char *text = url_part(url, part);

	free(text);
	return text != NULL;
}

/*
 * Nothing but letters, digits, ".", "-", "_". However the same host is written,
 * its runs share one file.
 */
static char *
file_name(const char *host, const char *port, bool plain)
{
	const char *usual_port = plain ? "80" : "443";
	struct buf name = BUF_INIT;

	buf_add_string(&name, host);
	if (name.len > 1 && name.data[name.len - 1] == '.')
		name.len--;
	if (port != NULL && strcmp(port, usual_port) != 0)
		buf_printf(&name, "_%s", port);
	buf_terminate(&name);
	for (char *c = name.data; *c != '\0'; c++) {
		*c = (char)tolower((unsigned char)*c);
		if (!isalnum((unsigned char)*c) && *c != '.' && *c != '-')
			*c = '_';
	}
	return name.data;
}

/* What is wrong with it, or NULL. */
static const char *
fault_of(CURLU *url, const char *scheme, const char *host)
{
	if (scheme == NULL || host == NULL ||
	    (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0))
		return "is not an https URL";
	if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))
		return "has a user name or a password in it";
	if (has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT))
		return "has a query or a fragment in it";
	return NULL;
}

static void
fill(struct http_url *out, CURLU *url, const char *scheme, const char *host)
{
	char *port = url_part(url, CURLUPART_PORT);
	size_t len;

	out->plain = strcmp(scheme, "http") == 0;
	out->loopback = out->plain && is_loopback(host);
	out->file_name = file_name(host, port, out->plain);
	out->base = url_part(url, CURLUPART_URL);
	if (out->base == NULL)
		die(EX_OSERR, "out of memory");
	len = strlen(out->base);
	while (len > 0 && out->base[len - 1] == '/')
		out->base[--len] = '\0';
	free(port);
}

bool
http_url_read(struct http_url *out, const char *variable, const char *text,
    const char *example, struct buf *problem)
{
	CURLU *url = curl_url();
	char *scheme, *host;
	const char *fault;

	*out = (struct http_url){.base = NULL};
	if (url == NULL)
		die(EX_OSERR, "out of memory");
	if (curl_url_set(url, CURLUPART_URL, text,
		CURLU_DEFAULT_SCHEME | CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
		fault = "is not a URL";
	else
		fault = NULL;
	scheme = url_part(url, CURLUPART_SCHEME);
	host = url_part(url, CURLUPART_HOST);
	if (fault == NULL)
		fault = fault_of(url, scheme, host);
	if (fault == NULL)
		fill(out, url, scheme, host);
	else if (strchr(text, '@') != NULL) /* it may hold a password */
		buf_printf(problem, "%s %s", variable, fault);
	else
		buf_printf(problem, "%s %s: \"%s\"", variable, fault, text);
	if (fault != NULL)
		buf_printf(problem, "; it takes one such as %s", example);
	free(scheme);
	free(host);
	curl_url_cleanup(url);
	return fault == NULL;
}

void
http_url_free(struct http_url *out)
{
	free(out->base);
	free(out->file_name);
}

/*
 * The URL of a service, as a setting gives it. A program that uses this links
 * libcurl.
 */
#ifndef CCM_HTTP_URL_H
#define CCM_HTTP_URL_H

#include <stdbool.h>

#include "buf.h"

struct http_url {
	char *base;      /* "https://registry.example/path", no "/" behind it */
	char *file_name; /* its host and port, as a file may be called */
	bool plain;      /* http, which shows the credentials */
	bool loopback;   /* ... to this machine alone */
};

/*
 * Reads a URL; a missing scheme is https. False and a problem where it is none,
 * is neither https nor http, or has a user name, a query or a fragment; it
 * names `variable`, and shows `example`.
 */
bool http_url_read(struct http_url *url, const char *variable, const char *text,
    const char *example, struct buf *problem);
void http_url_free(struct http_url *url);

#endif

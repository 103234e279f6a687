/*
 * The URL of the API, as CONFLUENT_METRICS_HOST gives it.
 */
#ifndef CCM_FETCH_API_URL_H
#define CCM_FETCH_API_URL_H

#include <stdbool.h>

#include "buf.h"

#define API_URL_VARIABLE "CONFLUENT_METRICS_HOST"

struct api_url {
	char *base;      /* "https://api.telemetry.confluent.cloud", no "/" */
	char *file_name; /* its host and port, as a file may be called */
	bool plain;      /* http, which shows the credentials */
	bool loopback;   /* ... to this machine alone */
};

/*
 * Reads a URL; a missing scheme is https. False and a problem where it is none,
 * is neither https nor http, or has a user name, a query or a fragment.
 */
bool api_url_read(struct api_url *url, const char *text, struct buf *problem);
void api_url_free(struct api_url *url);

#endif

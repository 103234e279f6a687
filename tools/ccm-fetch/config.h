/*
 * What ccm-fetch takes from its environment.
 */
#ifndef CCM_FETCH_CONFIG_H
#define CCM_FETCH_CONFIG_H

#include <stdbool.h>

#include "http-url.h"

struct config {
	struct http_url api;
	bool insecure;      /* plain http to other machines */
	char *key, *secret; /* HTTP Basic; or NULL */
	char *token;        /* Bearer; or NULL */
	const char *cafile; /* or NULL: the system's */
	long requests_per_minute;
	long export_reserve;    /* of them; or RATE_RESERVE_AUTO */
	long timeout_s;         /* without a byte from the server */
	long request_timeout_s; /* for a request and its answer */

	/* Where a query ends that the API would go on with for ever. */
	long query_seconds; /* of its requests together, without waits */
	long query_pages;
	long query_bytes; /* of its pages together, uncompressed */
};

/*
 * Reads and checks all of it. False where something is wrong: each problem has
 * been reported, an ERROR line each.
 */
bool config_read(struct config *config);
void config_free(struct config *config);

/* Writes what is in force to standard output, "NAME=VALUE", secrets masked. */
void config_print(const struct config *config);

/* Whom the API knows this client as, for a message: never a secret. */
const char *config_credential_name(const struct config *config);

#endif

/*
 * What ccm-fetch takes from its environment.
 */
#ifndef CCM_FETCH_CONFIG_H
#define CCM_FETCH_CONFIG_H

#include <stdbool.h>

struct config {
	char *base_url; /* "https://api.telemetry.confluent.cloud", no "/" */
	char *host;     /* its host and port, as a file name */
	bool loopback;  /* plain http to this machine */
	char *key, *secret; /* HTTP Basic; or NULL */
	char *token;        /* Bearer; or NULL */
	const char *cafile; /* or NULL: the system's */
	int requests_per_minute;
	int timeout_s; /* without a byte from the server */
};

/* Reads and checks it all; exits with EX_CONFIG and says what is wrong. */
void config_read(struct config *config);
void config_free(struct config *config);

/* Whom the API knows this client as, for a message: never a secret. */
const char *config_credential_name(const struct config *config);

#endif

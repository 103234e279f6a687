/*
 * A client of a schema registry, of Confluent's kind, over libcurl.
 *
 * The functions return EX_OK, or what a program exits with, with one message
 * that names the registry appended to `problem`:
 *
 *	75  it does not answer, or with what is no registry's answer
 *	77  it refuses the credentials
 *	78  it refuses the schema, or TLS or a setting is wrong
 *	65  it has no such schema, or none that we can use
 *
 * What may pass in a moment (no connection, 429, 5xx) is tried three times.
 */
#ifndef CCM_AVRO_REGISTRY_H
#define CCM_AVRO_REGISTRY_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "http-url.h"

struct registry {
	/* private */
	struct http_url url;
	char *user_info, *token; /* secret; one of them, or none */
	const char *cafile;
	long timeout_s;
	CURL *easy;
	struct curl_slist *headers;
	struct buf answer;
	char message[CURL_ERROR_SIZE];
};

/*
 * Takes `url`, or SCHEMA_REGISTRY_URL where that is NULL, and the other
 * SCHEMA_REGISTRY_ variables (ccm-avro(1)). Exits with EX_CONFIG where one is
 * wrong. Nothing is sent.
 */
void registry_open_or_die(struct registry *registry, const char *url);
void registry_close(struct registry *registry);

/*
 * The id of a schema in a subject: looked up and, where it is not there,
 * registered, unless SCHEMA_REGISTRY_AUTO_REGISTER is 0.
 */
int registry_find_id(struct registry *registry, const char *subject,
    const struct buf *schema, uint32_t *id, struct buf *problem);

/* The text of the schema with that id is appended. */
int registry_find_schema(struct registry *registry, uint32_t id,
    struct buf *schema, struct buf *problem);

#endif

#include "wire.h"

#include <arpa/inet.h>

#include "metric.h"

void
wire_write_head(struct buf *out, uint32_t schema_id)
{
	uint32_t id = htonl(schema_id);

	buf_add_char(out, '\0');
	buf_add(out, &id, sizeof(id));
}

bool
wire_read_head(struct binary *in, uint32_t *schema_id)
{
	const char *at = in->at;
	uint32_t id;

	if (in->end - at < WIRE_HEAD_BYTES || *at != '\0')
		return binary_fail(in,
		    "not in Confluent's wire format: it begins with a zero and "
		    "a schema's id");
	memcpy(&id, at + 1, sizeof(id));
	*schema_id = ntohl(id);
	in->at += WIRE_HEAD_BYTES;
	return true;
}

void
wire_write_key(
    struct buf *out, const struct text *app_id, const struct text *name)
{
	buf_add(out, app_id->at, app_id->len);
	buf_add_char(out, ':');
	buf_add(out, name->at, name->len);
}

bool
wire_read_key(
    const struct text *key, const struct text *name, struct text *app_id)
{
	const char *colon =
	    key->len > 0 ? memchr(key->at, ':', key->len) : NULL;
	size_t rest;

	if (colon == NULL)
		return false;
	*app_id = (struct text){key->at, (size_t)(colon - key->at)};
	rest = key->len - app_id->len - 1;
	return app_id_is_valid(app_id) && rest == name->len &&
	    memcmp(colon + 1, name->at, rest) == 0;
}

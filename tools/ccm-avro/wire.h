/*
 * A message on the topic: its key, and what stands before Avro's binary in its
 * value.
 */
#ifndef CCM_AVRO_WIRE_H
#define CCM_AVRO_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "binary.h"
#include "buf.h"

/* Confluent's wire format: a zero, and the schema's id in four bytes,
 * big-endian (Schema Registry's documentation, "Wire format"). */
#define WIRE_HEAD_BYTES 5

void wire_write_head(struct buf *out, uint32_t schema_id);
bool wire_read_head(struct binary *in, uint32_t *schema_id);

/* APP_ID:NAME */
void wire_write_key(
    struct buf *out, const struct text *app_id, const struct text *name);

/* The application's id in a key. False where the key is another one: it has
 * other letters, or does not go on with the metric's name. */
bool wire_read_key(
    const struct text *key, const struct text *name, struct text *app_id);

#endif

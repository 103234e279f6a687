/*
 * The answers of a schema registry, of Confluent's kind (its API Reference,
 * "Schema Registry API"). They are read strictly: what answers at an address
 * may be something else.
 */
#ifndef CCM_AVRO_ANSWER_H
#define CCM_AVRO_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

/* {"id":7,...}: of a schema that was looked up or registered. The text is as
 * json_start() wants it, here and below. */
bool answer_read_id(const char *text, size_t len, uint32_t *id);

/*
 * {"schema":"{...}",...}: of an id. `schema` has the schema's text appended. Of
 * one that is not Avro's, or that refers to others, `problem` says so.
 */
enum answer_schema { ANSWER_SCHEMA, ANSWER_UNUSABLE, ANSWER_NONE };
enum answer_schema answer_read_schema(
    const char *text, size_t len, struct buf *schema, struct buf *problem);

/* {"error_code":40403,"message":"..."}: false where it is not that. */
bool answer_read_error(
    const char *text, size_t len, long *code, struct buf *message);

#endif

/*
 * Schemas: our own, of a file, which says what a client metric is, and those of
 * whoever else has written to the topic.
 *
 * Another writer's schema is resolved against ours by the rules of the Avro
 * specification ("Schema Resolution"): fields are found by name or by an alias
 * that ours gives, in any order; one that ours lacks is skipped; one that the
 * writer lacks gets the default of ours; int, long and float are promoted, and
 * bytes to string; of a union, the branch that was written counts.
 *
 * avro-c parses a writer's schema. It reads no values: its resolver (1.11.1)
 * knows neither defaults nor aliases, and its reader leaks what it fails to
 * read. binary.h checks every length as it reads, and what is read ends after a
 * number of steps that follows from the message's length.
 */
#ifndef CCM_AVRO_SCHEMA_H
#define CCM_AVRO_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "metric.h"

struct metric_schema;

/*
 * Reads a schema of the five fields of metric.avsc in their order, with any
 * record name, docs, aliases and defaults. NULL with a problem where the text
 * is not one; `text` has to be as json_start() wants it.
 */
struct metric_schema *metric_schema_parse(
    const char *text, size_t len, struct buf *problem);
void metric_schema_free(struct metric_schema *schema);

struct writer_schema;

/*
 * What a writer's schema is to a reader of `ours`, which stays in use. NULL
 * with a problem where it is no schema, or none that has a client metric.
 */
struct writer_schema *writer_schema_parse(const struct metric_schema *ours,
    const char *text, size_t len, struct buf *problem);
void writer_schema_free(struct writer_schema *writer);

/* True where it lays a metric out as metric_encode() does. */
bool writer_schema_is_ours(const struct writer_schema *writer);

/* Reads a metric, whose texts are those of the message or of our schema's
 * defaults. */
bool writer_schema_decode(const struct writer_schema *writer, struct binary *in,
    struct metric *metric);

#endif

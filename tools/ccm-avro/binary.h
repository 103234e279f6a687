/*
 * Values in Avro's binary encoding (the Avro specification, "Binary Encoding"):
 * one after the other, without names or types.
 *
 * Reading trusts nothing: each length is checked against what is left of the
 * message before it is used. After a problem the reader stays where it is, and
 * all that follows fails too, so that a caller may look once.
 */
#ifndef CCM_AVRO_BINARY_H
#define CCM_AVRO_BINARY_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

/* Bytes of a message or of a line: not ours, and no NUL behind them. */
struct text {
	const char *at;
	size_t len;
};

struct binary {
	const char *at, *end;
	const char *problem; /* NULL, or what is wrong: a static string */
};

/* Notes a problem, unless there is one; returns false. */
bool binary_fail(struct binary *in, const char *problem);

/* int and long: zigzag, at most ten bytes. */
bool binary_read_long(struct binary *in, int64_t *number);
bool binary_read_float(struct binary *in, double *number);
bool binary_read_double(struct binary *in, double *number);
bool binary_read_bytes(struct binary *in, struct text *bytes);
/* Bytes that have to be UTF-8. */
bool binary_read_string(struct binary *in, struct text *string);
/* So many bytes. */
bool binary_skip(struct binary *in, uint64_t len);

/*
 * The head of a block of an array or a map: how many items follow, 0 at the
 * end. *size is the number of their bytes where the writer has written it, else
 * -1.
 */
bool binary_read_block(struct binary *in, uint64_t *items, int64_t *size);

void binary_write_long(struct buf *out, int64_t number);
void binary_write_double(struct buf *out, double number);
void binary_write_string(struct buf *out, const struct text *string);

#endif

/*
 * The one way in which a value is written, whatever way it came: an integer
 * with its digits as they are, however many; a number with a fraction or an
 * exponent that is integral and below 2^53 as an integer (12.0, 1.2E1 and 12
 * are all 12); any other as the shortest text that reads back as the same
 * double (844.1, 1e-7, 1e300).
 */
#ifndef CCM_NUMBER_H
#define CCM_NUMBER_H

#include <stdint.h>

#include "json.h"

/* Appends a JSON number that was read. */
void number_write(struct buf *out, const struct json_text *number);

/* The same for a double that is finite, and for an integer. */
void number_write_double(struct buf *out, double value);
void number_write_integer(struct buf *out, int64_t value);

#endif

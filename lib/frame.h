/*
 * Frames: what a program writes for ccm-produce (ccm-key -F, ccm-avro encode).
 *
 *	TS TAB LEN TAB KEY D1 VALUE D2
 *
 * TS is the record's time in milliseconds since the epoch, 0 for Kafka's own;
 * LEN is the number of bytes of KEY and VALUE, so that who reads it sees where
 * a writer was killed. kcat divides at the delimiters D1 and D2.
 */
#ifndef CCM_FRAME_H
#define CCM_FRAME_H

#include <stdint.h>

#include "buf.h"

struct frame_delimiters {
	struct buf key_end, value_end;
};

/*
 * From CCM_DELIMS, two delimiters of one length, one behind the other; without
 * it, a tab and a newline. Exits with EX_CONFIG where it is something else.
 */
void frame_delimiters_or_die(struct frame_delimiters *delimiters);
void frame_delimiters_free(struct frame_delimiters *delimiters);

void frame_write(struct buf *out, const struct frame_delimiters *delimiters,
    int64_t time_ms, const struct buf *key, const char *value, size_t len);

#endif

/*
 * What comes on standard input from ccm-consume (ccm-consume(1)): messages, and
 * control lines between them.
 */
#ifndef CCM_AVRO_ARRIVALS_H
#define CCM_AVRO_ARRIVALS_H

#include <stdbool.h>
#include <stdint.h>

#include "binary.h"
#include "buf.h"

/* A longer one is no metric: its bytes are passed over. */
#define MESSAGE_MAX ((size_t)1 << 20)

enum arrivals_result {
	ARRIVALS_END,
	ARRIVALS_MESSAGE,
	ARRIVALS_LONG,    /* a message of more than MESSAGE_MAX */
	ARRIVALS_CONTROL, /* a line, in `control` */
	ARRIVALS_CUT,     /* the input ends within one of them */
	ARRIVALS_ALIEN,   /* it is no input of this kind */
	ARRIVALS_ERROR    /* errno says why */
};

struct message {
	int32_t partition;
	int64_t offset, time_ms;
	struct text key, value; /* at NULL: there is none */
};

struct arrivals {
	int fd;
	/* Called before a read(2), which may block: to flush what is ready. */
	void (*before_wait)(void *context);
	void *context;

	/* out: until the next call */
	struct message message;
	struct text control; /* with its newline */

	/* private */
	struct buf buf;
	size_t at;
	bool end;
};

enum arrivals_result arrivals_next(struct arrivals *arrivals);
void arrivals_free(struct arrivals *arrivals);

#endif

/*
 * What ccm-ship reports of the way to Kafka: its lock and its file .status in
 * the spool (ccm-ship(1)).
 */
#ifndef CCM_INGESTD_PRODUCER_H
#define CCM_INGESTD_PRODUCER_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

struct producer {
	bool is_running;       /* a shipper holds its lock */
	char *last_error;      /* NULL: none since its last success */
	uint64_t sent, failed; /* lines sent and set aside */
	int64_t down_since_ms; /* monotonic; 0: it is up */

	/* private */
	int dir_fd;
	int64_t looked_ms;
};

/* `dir_fd` is the spool's and stays open. */
void producer_init(struct producer *producer, int dir_fd);

/* Reads the file again where that was not done for a second. */
void producer_look(struct producer *producer, int64_t now_ms);

static inline bool
producer_is_up(const struct producer *producer)
{
	return producer->is_running && producer->last_error == NULL;
}

/* Appends {"state":...,"detail":...}. */
void producer_describe(const struct producer *producer, struct buf *out);

void producer_free(struct producer *producer);

#endif

/*
 * Where a query's output waits until the query is answered whole: a small
 * buffer in memory, and an unlinked temporary file behind it.
 */
#ifndef CCM_FETCH_STORE_H
#define CCM_FETCH_STORE_H

#include <stdint.h>

#include "buf.h"

struct store {
	struct buf buf;  /* the end of the contents: append to it */
	int fd;          /* the beginning; -1 while there is none */
	int64_t in_file; /* bytes of it */
};

#define STORE_INIT              \
	{                       \
		BUF_INIT, -1, 0 \
	}

/* All that exit with EX_IOERR and a message where the file cannot be had,
 * written (the disk is full) or read. */

int64_t store_size(const struct store *store);

/* To be called now and then: moves a large buffer to the file, which is made in
 * $TMPDIR, else /tmp. */
void store_spill(struct store *store);

/* Drops what is behind the first `size` bytes. */
void store_truncate(struct store *store, int64_t size);

/* Writes the contents to standard output; the store is empty afterwards. */
void store_flush(struct store *store);

void store_free(struct store *store);

#endif

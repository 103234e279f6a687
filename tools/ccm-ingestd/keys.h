/*
 * Idempotency keys (draft-ietf-httpapi-idempotency-key-header-07): a retry with
 * the key and the body of an earlier request gets that one's answer and adds
 * nothing.
 *
 * - A key belongs to an app. What is kept of key and body are hashes.
 * - A key is on disk before the answer, and behind the lines: a crash between
 *   the two makes a retry add them again, and loses nothing.
 * - Keys are kept for 24 h, and 1,000,000 at most: the oldest go first.
 * - They are in SPOOL/.keys, in records of one length, and in .keys.old, which
 *   is the file before: once a file has 1,000,000 it is renamed to that.
 */
#ifndef CCM_INGESTD_KEYS_H
#define CCM_INGESTD_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define KEYS_MAX ((size_t)1000000)
#define KEY_LENGTH_MAX ((size_t)255)
#define KEY_HASH_BYTES 16

/* In the file as in memory. */
struct key_record {
	unsigned char key[KEY_HASH_BYTES], body[KEY_HASH_BYTES];
	int64_t time_ms;
	/* Of the metrics that were accepted; -1: not yet; -2: forgotten. */
	int64_t count;
};

struct keys {
	uint64_t first, next; /* sequence numbers of what is kept */

	/* private */
	struct key_record *records; /* a ring */
	uint32_t *chain;            /* of each in it: the next in its bucket */
	uint32_t *buckets;
	size_t size;        /* of the ring and of the buckets: a power of 2 */
	struct buf waiting; /* records for the file */
	int dir_fd, fd;
	size_t in_file;
};

enum key_state {
	KEY_NEW,   /* *sequence is for keys_done() or keys_forget() */
	KEY_BUSY,  /* the first request with it is not answered yet */
	KEY_OTHER, /* it came with another body */
	KEY_KNOWN, /* *count is what was accepted */
};

/* Reads the files of the spool; false with a problem where that fails. */
bool keys_open(struct keys *keys, int dir_fd, struct buf *problem);

/* Looks a key up, and notes it where it is new. */
enum key_state keys_look(struct keys *keys, const char *app_id,
    const struct buf *key, const struct buf *body, int64_t now_ms,
    uint64_t *sequence, int64_t *count);

/* The lines of that request are on disk: the key is for keys_commit(). */
void keys_done(struct keys *keys, uint64_t sequence, int64_t count);

/* They are not, or were refused: the key is new again. */
void keys_forget(struct keys *keys, uint64_t sequence);

/* Brings the keys that are done to disk. False with a problem: they are only in
 * memory. */
bool keys_commit(struct keys *keys, struct buf *problem);

void keys_close(struct keys *keys);

#endif

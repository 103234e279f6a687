#include "keys.h"

#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"

#define FILE_NAME ".keys"
#define OLD_NAME ".keys.old"
#define KEPT_MS ((int64_t)24 * 3600 * 1000)
#define SIZE_FIRST ((size_t)1024)
#define NONE UINT32_MAX
#define BUSY (-1)
#define FORGOTTEN (-2)
#define RECORD sizeof(struct key_record)

/* ---- memory ------------------------------------------------------------- */

static struct key_record *
record_at(const struct keys *keys, uint64_t sequence)
{
	return &keys->records[sequence & (keys->size - 1)];
}

/* Hashes are as good as random. */
static uint32_t *
bucket_of(const struct keys *keys, const unsigned char key[KEY_HASH_BYTES])
{
	uint32_t hash;

	memcpy(&hash, key, sizeof(hash));
	return &keys->buckets[hash & (keys->size - 1)];
}

static void
link_record(struct keys *keys, uint64_t sequence)
{
	uint32_t slot = (uint32_t)(sequence & (keys->size - 1));
	uint32_t *bucket = bucket_of(keys, keys->records[slot].key);

	keys->chain[slot] = *bucket;
	*bucket = slot;
}

static void
unlink_record(struct keys *keys, uint64_t sequence)
{
	uint32_t slot = (uint32_t)(sequence & (keys->size - 1));
	uint32_t *at = bucket_of(keys, keys->records[slot].key);

	while (*at != NONE && *at != slot)
		at = &keys->chain[*at];
	if (*at == slot)
		*at = keys->chain[slot];
}

static void
grow(struct keys *keys)
{
	struct keys old = *keys;

	keys->size = old.size > 0 ? old.size * 2 : SIZE_FIRST;
	keys->records = xreallocarray(NULL, keys->size, RECORD);
	keys->chain = xreallocarray(NULL, keys->size, sizeof(*keys->chain));
	keys->buckets = xreallocarray(NULL, keys->size, sizeof(*keys->buckets));
	for (size_t i = 0; i < keys->size; i++)
		keys->buckets[i] = NONE;
	for (uint64_t i = old.first; i < old.next; i++) {
		*record_at(keys, i) = *record_at(&old, i);
		if (record_at(keys, i)->count != FORGOTTEN)
			link_record(keys, i);
	}
	free(old.records);
	free(old.chain);
	free(old.buckets);
}

static void
drop_oldest(struct keys *keys)
{
	unlink_record(keys, keys->first++);
}

static uint64_t
add(struct keys *keys, const struct key_record *record)
{
	while (keys->first < keys->next &&
	    (keys->next - keys->first >= KEYS_MAX ||
		record_at(keys, keys->first)->time_ms + KEPT_MS <=
		    record->time_ms))
		drop_oldest(keys);
	if (keys->next - keys->first == keys->size)
		grow(keys);
	*record_at(keys, keys->next) = *record;
	link_record(keys, keys->next);
	return keys->next++;
}

static const struct key_record *
find(const struct keys *keys, const unsigned char key[KEY_HASH_BYTES])
{
	uint32_t slot;

	if (keys->size == 0)
		return NULL;
	slot = *bucket_of(keys, key);
	while (slot != NONE &&
	    memcmp(keys->records[slot].key, key, KEY_HASH_BYTES) != 0)
		slot = keys->chain[slot];
	return slot != NONE ? &keys->records[slot] : NULL;
}

/* ---- the files ---------------------------------------------------------- */

/* Reads a file's records; what is behind the last whole one is cut off. */
static bool
read_records(struct keys *keys, const char *name, struct buf *problem)
{
	int fd = openat(keys->dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct key_record record;
	size_t count = 0;
	ssize_t got = 0;

	if (fd < 0 && errno == ENOENT)
		return true;
	while (
	    fd >= 0 && (got = read(fd, &record, RECORD)) == (ssize_t)RECORD) {
		add(keys, &record);
		count++;
	}
	if (fd < 0 || got < 0 || ftruncate(fd, (off_t)(count * RECORD)) < 0) {
		buf_printf(problem, "%s: %s", name, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	keys->in_file = count;
	close(fd);
	return true;
}

static bool
open_file(struct keys *keys)
{
	keys->fd = openat(keys->dir_fd, FILE_NAME,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	return keys->fd >= 0;
}

bool
keys_open(struct keys *keys, int dir_fd, struct buf *problem)
{
	*keys = (struct keys){.dir_fd = dir_fd, .fd = -1};
	if (!read_records(keys, OLD_NAME, problem))
		return false;
	keys->in_file = 0;
	if (!read_records(keys, FILE_NAME, problem))
		return false;
	if (open_file(keys))
		return true;
	buf_printf(problem, FILE_NAME ": %s", strerror(errno));
	return false;
}

static bool
rotate(struct keys *keys)
{
	close(keys->fd);
	keys->in_file = 0;
	return renameat(keys->dir_fd, FILE_NAME, keys->dir_fd, OLD_NAME) == 0 &&
	    open_file(keys) && fsync(keys->dir_fd) == 0;
}

bool
keys_commit(struct keys *keys, struct buf *problem)
{
	struct buf *waiting = &keys->waiting;
	off_t end;
	bool written;

	if (waiting->len == 0)
		return true;
	end = (off_t)(keys->in_file * RECORD);
	errno = ENOSPC; /* where only a part is written */
	written = write(keys->fd, waiting->data, waiting->len) ==
		(ssize_t)waiting->len &&
	    fdatasync(keys->fd) == 0;
	if (written)
		keys->in_file += waiting->len / RECORD;
	else
		buf_printf(problem, FILE_NAME ": %s", strerror(errno));
	waiting->len = 0;
	if (!written && ftruncate(keys->fd, end) < 0)
		buf_printf(problem, "; cannot cut it: %s", strerror(errno));
	if (written && keys->in_file >= KEYS_MAX && !rotate(keys))
		buf_printf(problem, FILE_NAME ": %s", strerror(errno));
	return written;
}

void
keys_close(struct keys *keys)
{
	if (keys->fd >= 0)
		close(keys->fd);
	free(keys->records);
	free(keys->chain);
	free(keys->buckets);
	buf_free(&keys->waiting);
}

/* ---- use ---------------------------------------------------------------- */

/* The first half of the SHA-256 of two texts, the one behind a NUL. */
static void
hash(const char *first, const struct buf *second,
    unsigned char out[KEY_HASH_BYTES])
{
	unsigned char whole[SHA256_DIGEST_LENGTH];
	SHA2_CTX context;

	SHA256Init(&context);
	SHA256Update(&context, (const uint8_t *)first, strlen(first) + 1);
	SHA256Update(&context, (const uint8_t *)second->data, second->len);
	SHA256Final(whole, &context);
	memcpy(out, whole, KEY_HASH_BYTES);
}

enum key_state
keys_look(struct keys *keys, const char *app_id, const struct buf *key,
    const struct buf *body, int64_t now_ms, uint64_t *sequence, int64_t *count)
{
	struct key_record record = {.time_ms = now_ms, .count = BUSY};
	const struct key_record *known;

	hash(app_id, key, record.key);
	hash("", body, record.body);
	known = find(keys, record.key);
	if (known == NULL || known->time_ms + KEPT_MS <= now_ms) {
		*sequence = add(keys, &record);
		return KEY_NEW;
	}
	if (memcmp(known->body, record.body, KEY_HASH_BYTES) != 0)
		return KEY_OTHER;
	if (known->count < 0)
		return KEY_BUSY;
	*count = known->count;
	return KEY_KNOWN;
}

void
keys_done(struct keys *keys, uint64_t sequence, int64_t count)
{
	struct key_record *record;

	if (sequence < keys->first)
		return; /* a million others have come since */
	record = record_at(keys, sequence);
	record->count = count;
	buf_add(&keys->waiting, record, RECORD);
}

void
keys_forget(struct keys *keys, uint64_t sequence)
{
	if (sequence < keys->first)
		return;
	unlink_record(keys, sequence);
	record_at(keys, sequence)->count = FORGOTTEN;
}

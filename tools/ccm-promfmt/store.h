/*
 * The families and series of an exposition that is to be written, the newest
 * sample of each series. About 130 bytes a series.
 */
#ifndef CCM_PROMFMT_STORE_H
#define CCM_PROMFMT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "exposition.h"

/* Families and series are numbered from 0; this is none. */
#define STORE_NONE UINT32_MAX

/* What the name of a sample has behind its family's. */
enum suffix { SUFFIX_NONE, SUFFIX_BUCKET, SUFFIX_SUM, SUFFIX_COUNT };

extern const char *const suffixes[4]; /* "", "_bucket", ... */

struct family {
	char *name; /* valid */
	char *help;
	char *unit; /* NULL where the input has none */
	enum metric_type type;
	bool helped, typed;   /* by the input */
	uint32_t first, last; /* of its series, or STORE_NONE */
};

struct series {
	char *text; /* its labels, then the value of its newest sample */
	int64_t timestamp_ms;
	uint32_t labels_len;
	uint32_t original;
	uint32_t family;
	uint32_t next; /* of the family, or STORE_NONE */
	uint16_t value_len, value_room;
	uint8_t suffix;
	bool collided;
};

/* A hash table of the numbers of families or series. */
struct table {
	struct slot {
		uint32_t number; /* or STORE_NONE */
		uint32_t hash;
	} * slots;
	size_t size; /* a power of two, or 0 */
};

struct store {
	struct family *families;
	uint32_t nfamilies;
	struct series *series;
	uint32_t nseries;
	size_t ncollided; /* series that have samples of different originals */

	/* private */
	size_t families_size, series_size;
	struct table family_table, series_table;
	char *block; /* the memory of the texts ... */
	size_t block_left;
	char *blocks; /* ... a list of what was allocated */
};

/* A sample on its way into the store. */
struct store_sample {
	uint32_t family;
	enum suffix suffix;
	const char *labels; /* as they are to be written, sorted by name */
	size_t labels_len;
	const char *value;
	size_t value_len;     /* below 65536 */
	int64_t timestamp_ms; /* or EXPOSITION_NO_TIMESTAMP */
	uint32_t original;    /* tells apart names that became equal */
};

/* The family of that valid name, or STORE_NONE. */
uint32_t store_find(const struct store *store, const char *name, size_t len);

/* The same, or a new one, of which nothing is known: a gauge, whose HELP is its
 * name in the input. */
uint32_t store_family(struct store *store, const char *name, size_t len,
    const char *original, size_t original_len);

/*
 * Keeps a sample where it is not older than the one that its series has; one
 * without a time is from now. Exits with EX_OSERR at 2^32 series.
 */
void store_sample(struct store *store, const struct store_sample *sample);

/* A hash of bytes; `seed` is 0, or the hash of what stands before them. */
uint64_t store_hash(const char *bytes, size_t len, uint64_t seed);

void store_free(struct store *store);

#endif

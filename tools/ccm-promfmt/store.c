#include "store.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "log.h"

#define BLOCK ((size_t)1 << 20)
#define SLOTS_FIRST ((size_t)1024)

const char *const suffixes[4] = {"", "_bucket", "_sum", "_count"};

/* ---- memory of texts ----------------------------------------------------- */

/* A block begins with the address of the one before. */
static char *
new_block(struct store *store, size_t size)
{
	char *block = xmalloc(sizeof(store->blocks) + size);

	memcpy(block, &store->blocks, sizeof(store->blocks));
	store->blocks = block;
	return block + sizeof(store->blocks);
}

static char *
allocate(struct store *store, size_t size)
{
	char *text;

	if (size > BLOCK / 16)
		return new_block(store, size);
	if (size > store->block_left) {
		store->block = new_block(store, BLOCK);
		store->block_left = BLOCK;
	}
	text = store->block;
	store->block += size;
	store->block_left -= size;
	return text;
}

static void
free_blocks(char *block)
{
	while (block != NULL) {
		char *next;

		memcpy(&next, block, sizeof(next));
		free(block);
		block = next;
	}
}

/* ---- hash tables --------------------------------------------------------- */

/* Eight bytes at a time. What a producer makes of its labels is no attack: the
 * same producer can send any number of series. */
uint64_t
store_hash(const char *bytes, size_t len, uint64_t seed)
{
	const uint64_t factor = 0x9e3779b97f4a7c15;
	uint64_t hash = seed ^ len, word = 0;

	for (; len >= sizeof(word); len -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		hash = (hash ^ word) * factor;
		hash ^= hash >> 29;
		bytes += sizeof(word);
	}
	word = 0;
	memcpy(&word, bytes, len);
	hash = (hash ^ word) * factor;
	return hash ^ hash >> 32;
}

static void
put_number(struct table *table, uint32_t number, uint32_t hash)
{
	size_t at = hash & (table->size - 1);

	while (table->slots[at].number != STORE_NONE)
		at = (at + 1) & (table->size - 1);
	table->slots[at] = (struct slot){number, hash};
}

/* Adds the number `count`, which is how many there are already. */
static void
add_number(struct table *table, uint32_t count, uint32_t hash)
{
	struct table old = *table;

	if (count >= old.size / 2) {
		table->size = old.size > 0 ? old.size * 2 : SLOTS_FIRST;
		table->slots =
		    xreallocarray(NULL, table->size, sizeof(*table->slots));
		memset(table->slots, 0xff, /* STORE_NONE */
		    table->size * sizeof(*table->slots));
		for (size_t i = 0; i < old.size; i++)
			if (old.slots[i].number != STORE_NONE)
				put_number(table, old.slots[i].number,
				    old.slots[i].hash);
		free(old.slots);
	}
	put_number(table, count, hash);
}

/* ---- families ------------------------------------------------------------ */

static uint32_t
family_hash(const char *name, size_t len)
{
	return (uint32_t)store_hash(name, len, 0);
}

uint32_t
store_find(const struct store *store, const char *name, size_t len)
{
	const struct table *table = &store->family_table;
	uint32_t hash = family_hash(name, len);

	for (size_t i = 0; i < table->size; i++) {
		struct slot slot = table->slots[(hash + i) & (table->size - 1)];
		const char *other;

		if (slot.number == STORE_NONE)
			break;
		other = store->families[slot.number].name;
		if (slot.hash == hash && strncmp(other, name, len) == 0 &&
		    other[len] == '\0')
			return slot.number;
	}
	return STORE_NONE;
}

/* As a C string: a NUL in a record's name becomes a blank. */
static char *
copy_text(const char *text, size_t len)
{
	char *copy = xstrndup(text, len);

	for (size_t i = 0; i < len; i++)
		if (copy[i] == '\0')
			copy[i] = ' ';
	return copy;
}

uint32_t
store_family(struct store *store, const char *name, size_t len,
    const char *original, size_t original_len)
{
	uint32_t number = store_find(store, name, len);

	if (number != STORE_NONE)
		return number;
	if (store->nfamilies == store->families_size)
		store->families = grow_array(store->families,
		    &store->families_size, sizeof(*store->families));
	number = store->nfamilies;
	add_number(&store->family_table, number, family_hash(name, len));
	store->nfamilies++;
	store->families[number] = (struct family){
	    .name = xstrndup(name, len),
	    .help = copy_text(original, original_len),
	    .type = METRIC_GAUGE,
	    .first = STORE_NONE,
	    .last = STORE_NONE,
	};
	return number;
}

/* ---- series -------------------------------------------------------------- */

static uint32_t
series_hash(const struct store_sample *sample)
{
	return (uint32_t)store_hash(sample->labels, sample->labels_len,
	    (uint64_t)sample->family << 2 | (uint64_t)sample->suffix);
}

static bool
is_of_series(const struct store_sample *sample, const struct series *series)
{
	return sample->family == series->family &&
	    sample->suffix == series->suffix &&
	    sample->labels_len == series->labels_len &&
	    memcmp(sample->labels, series->text, series->labels_len) == 0;
}

static uint32_t
find_series(
    const struct store *store, const struct store_sample *sample, uint32_t hash)
{
	const struct table *table = &store->series_table;

	for (size_t i = 0; i < table->size; i++) {
		struct slot slot = table->slots[(hash + i) & (table->size - 1)];

		if (slot.number == STORE_NONE)
			break;
		if (slot.hash == hash &&
		    is_of_series(sample, &store->series[slot.number]))
			return slot.number;
	}
	return STORE_NONE;
}

/* Room for a value that can become somewhat longer. */
static size_t
value_room(size_t value_len)
{
	return (value_len + 8) & ~(size_t)7;
}

static void
set_sample(struct store *store, struct series *series,
    const struct store_sample *sample)
{
	series->timestamp_ms = sample->timestamp_ms;
	if (sample->value_len > series->value_room) {
		size_t room = value_room(sample->value_len);

		series->text = allocate(store, sample->labels_len + room);
		series->value_room = (uint16_t)room;
		memcpy(series->text, sample->labels, sample->labels_len);
	}
	series->value_len = (uint16_t)sample->value_len;
	memcpy(series->text + series->labels_len, sample->value,
	    sample->value_len);
}

static void
add_series(
    struct store *store, const struct store_sample *sample, uint32_t hash)
{
	struct family *family = &store->families[sample->family];
	uint32_t number = store->nseries;
	struct series *series;

	if (number == STORE_NONE)
		die(EX_OSERR, "more than %u series", number);
	if (number == store->series_size)
		store->series = grow_array(
		    store->series, &store->series_size, sizeof(*store->series));
	add_number(&store->series_table, number, hash);
	store->nseries++;
	series = &store->series[number];
	*series = (struct series){
	    .labels_len = (uint32_t)sample->labels_len,
	    .original = sample->original,
	    .family = sample->family,
	    .next = STORE_NONE,
	    .suffix = (uint8_t)sample->suffix,
	};
	set_sample(store, series, sample);
	if (family->last == STORE_NONE)
		family->first = number;
	else
		store->series[family->last].next = number;
	family->last = number;
}

static bool
is_newer(int64_t a_ms, int64_t b_ms)
{
	return a_ms == EXPOSITION_NO_TIMESTAMP ||
	    (b_ms != EXPOSITION_NO_TIMESTAMP && a_ms >= b_ms);
}

void
store_sample(struct store *store, const struct store_sample *sample)
{
	uint32_t hash = series_hash(sample);
	uint32_t number = find_series(store, sample, hash);
	struct series *series;

	if (number == STORE_NONE) {
		add_series(store, sample, hash);
		return;
	}
	series = &store->series[number];
	if (series->original != sample->original && !series->collided) {
		series->collided = true;
		store->ncollided++;
	}
	if (is_newer(sample->timestamp_ms, series->timestamp_ms))
		set_sample(store, series, sample);
}

void
store_free(struct store *store)
{
	for (uint32_t i = 0; i < store->nfamilies; i++) {
		free(store->families[i].name);
		free(store->families[i].help);
		free(store->families[i].unit);
	}
	free(store->families);
	free(store->series);
	free(store->family_table.slots);
	free(store->series_table.slots);
	free_blocks(store->blocks);
	*store = (struct store){.families = NULL};
}

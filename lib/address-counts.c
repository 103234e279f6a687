#include "address-counts.h"

#include <stdlib.h>

#include "buf.h"

struct address_count {
	struct in6_addr address;
	unsigned count;
	struct address_count *next;
};

/* Where the address is, or belongs, in the list of its bucket. */
static struct address_count **
find(struct address_counts *counts, const struct in6_addr *address)
{
	struct address_count **at;
	uint32_t hash;

	/* A seed, so that nobody can choose addresses for one bucket. */
	if (counts->seed == 0)
		counts->seed = arc4random() | 1;
	hash = counts->seed;
	for (int i = 0; i < 16; i++)
		hash = (hash ^ address->s6_addr[i]) * 0x01000193u;
	at = &counts->buckets[(hash ^ hash >> 16) % ADDRESS_BUCKETS];
	while (*at != NULL && !IN6_ARE_ADDR_EQUAL(&(*at)->address, address))
		at = &(*at)->next;
	return at;
}

unsigned
address_counts_add(
    struct address_counts *counts, const struct in6_addr *address)
{
	struct address_count **at = find(counts, address);

	if (*at == NULL) {
		*at = xmalloc(sizeof(**at));
		**at = (struct address_count){.address = *address};
	}
	return ++(*at)->count;
}

void
address_counts_remove(
    struct address_counts *counts, const struct in6_addr *address)
{
	struct address_count **at = find(counts, address);
	struct address_count *entry = *at;

	if (entry == NULL || --entry->count > 0)
		return;
	*at = entry->next;
	free(entry);
}

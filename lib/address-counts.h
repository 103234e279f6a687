/*
 * How many connections each address has.
 */
#ifndef CCM_ADDRESS_COUNTS_H
#define CCM_ADDRESS_COUNTS_H

#include <netinet/in.h>

#define ADDRESS_BUCKETS 1024

struct address_counts {
	/* private */
	struct address_count *buckets[ADDRESS_BUCKETS];
	uint32_t seed;
};

/* All zeros before; IPv4 addresses as IPv6 writes them (::ffff:192.0.2.1).
 * Returns the count with this one. */
unsigned address_counts_add(
    struct address_counts *counts, const struct in6_addr *address);
void address_counts_remove(
    struct address_counts *counts, const struct in6_addr *address);

#endif

/*
 * Addresses of Kafka brokers, as users write them.
 */
#ifndef CCM_KAFKA_ADDRESS_H
#define CCM_KAFKA_ADDRESS_H

#include <stdbool.h>

#include "buf.h"

/*
 * Checks a list of "HOST[:PORT]" with commas between, each with "PROTOCOL://"
 * before it where that is `protocol`, and appends it to `list` without blanks
 * and empty items. HOST is a name, an IPv4 address or an IPv6 address in
 * brackets. False and a problem, for "NAME: ...", where an item is none of
 * that, or there is none.
 */
bool kafka_addresses(const char *text, const char *protocol, struct buf *list,
    struct buf *problem);

#endif

/*
 * The partitions of the topic that our kcat reads, as the group gives them to
 * it and takes them away.
 *
 * When a group shares its partitions out again, they are taken away first and
 * then given, if only none: what we have then counts. When kcat ends, they are
 * taken away and no more.
 */
#ifndef CCM_CONSUME_PARTITIONS_H
#define CCM_CONSUME_PARTITIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "companion.h"

struct partitions {
	unsigned long *numbers; /* in ascending order, each once */
	size_t count;
	bool moved; /* some were taken away since kcat was started */

	/* How many the topic has now, where kcat has seen that change and the
	 * group has not shared them out since; 0: there is nothing to share. */
	unsigned long unshared;
	int64_t unshared_since_ms; /* monotonic_ms() */
};

/* For another kcat. */
void partitions_reset(struct partitions *partitions);

/* COMPANION_ASSIGNED and COMPANION_REVOKED. */
void partitions_give(
    struct partitions *partitions, const struct companion_event *event);
void partitions_take(
    struct partitions *partitions, const struct companion_event *event);

/* COMPANION_LOG of the facility PARTCNT: "... changed from 1 to 3". */
void partitions_recount(
    struct partitions *partitions, const struct companion_event *event);

/* Appends ranges, for example "0-3, 7"; nothing where there is none. */
void partitions_write(const struct partitions *partitions, struct buf *out);

#endif

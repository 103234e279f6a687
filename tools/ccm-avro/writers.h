/*
 * The schemas of the topic's writers, by the id that stands before each
 * message. Each is fetched from the registry once.
 */
#ifndef CCM_AVRO_WRITERS_H
#define CCM_AVRO_WRITERS_H

#include <stdint.h>

#include "registry.h"
#include "schema.h"

struct writers {
	struct registry *registry;
	const struct metric_schema *ours;

	/* private */
	struct known_writer *known;
	size_t count, size;
};

/*
 * The schema with an id. Where there is none that a client metric can be read
 * by, it is NULL and the problem is appended: EX_DATAERR, which is remembered
 * (for a minute, where the registry lacks it), or another status of registry.h.
 */
int writers_find(struct writers *writers, uint32_t id,
    const struct writer_schema **schema, struct buf *problem);

void writers_free(struct writers *writers);

#endif

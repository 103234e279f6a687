/*
 * The resources that a run asks for, each once: "resource.kafka.id" "lkc-1".
 */
#ifndef CCM_FETCH_RESOURCES_H
#define CCM_FETCH_RESOURCES_H

#include <stdbool.h>
#include <stddef.h>

struct resource {
	char *label, *id;
	bool refused;    /* left out of the rest of the run */
	bool answered;   /* was in a query that was answered */
	bool has_points; /* has been seen in a point */
};

struct resources {
	struct resource *all;
	size_t count;

	/* private: open addressing, index + 1, 0 is free */
	size_t *slots;
	size_t nslots;
};

/* The index of a resource, which is added where it is new. */
size_t resources_add(
    struct resources *resources, const char *label, const char *id);

/* The same for one that may not be there; `count` then. */
size_t resources_find(const struct resources *resources, const char *label,
    const char *id, size_t id_len);

void resources_free(struct resources *resources);

#endif

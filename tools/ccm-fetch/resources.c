#include "resources.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

/* FNV-1a, over the id alone: hardly two labels have the same one. */
static uint64_t
hash(const char *id, size_t len)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)id[i]) * 0x100000001b3;
	return h;
}

/* The slot where a resource is, or where it would go. */
static size_t
find_slot(const struct resources *resources, const char *label, const char *id,
    size_t id_len)
{
	size_t slot = (size_t)hash(id, id_len) & (resources->nslots - 1);

	while (resources->slots[slot] != 0) {
		const struct resource *r =
		    &resources->all[resources->slots[slot] - 1];

		if (strlen(r->id) == id_len && memcmp(r->id, id, id_len) == 0 &&
		    strcmp(r->label, label) == 0)
			break;
		slot = (slot + 1) & (resources->nslots - 1);
	}
	return slot;
}

/* Keeps a third of the slots free at least. */
static void
grow(struct resources *resources)
{
	if (resources->count * 3 < resources->nslots * 2)
		return;
	resources->slots = grow_array(
	    resources->slots, &resources->nslots, sizeof(*resources->slots));
	memset(
	    resources->slots, 0, resources->nslots * sizeof(*resources->slots));
	resources->all = xreallocarray(
	    resources->all, resources->nslots, sizeof(*resources->all));
	for (size_t i = 0; i < resources->count; i++) {
		const struct resource *r = &resources->all[i];
		size_t slot =
		    find_slot(resources, r->label, r->id, strlen(r->id));

		resources->slots[slot] = i + 1;
	}
}

size_t
resources_add(struct resources *resources, const char *label, const char *id)
{
	size_t slot;

	grow(resources);
	slot = find_slot(resources, label, id, strlen(id));
	if (resources->slots[slot] == 0) {
		resources->all[resources->count] = (struct resource){
		    .label = xstrdup(label), .id = xstrdup(id)};
		resources->slots[slot] = ++resources->count;
	}
	return resources->slots[slot] - 1;
}

size_t
resources_find(const struct resources *resources, const char *label,
    const char *id, size_t id_len)
{
	size_t slot;

	if (resources->nslots == 0)
		return resources->count;
	slot = find_slot(resources, label, id, id_len);
	if (resources->slots[slot] == 0)
		return resources->count;
	return resources->slots[slot] - 1;
}

void
resource_refuse(struct resource *resource, long status, const char *detail)
{
	free(resource->detail);
	resource->refused = status;
	resource->detail = xstrdup(detail);
}

static struct suspicion *
find_suspicion(const struct resource *resource, const char *metric)
{
	for (size_t i = 0; i < resource->nsuspicions; i++)
		if (strcmp(resource->suspicions[i].metric, metric) == 0)
			return &resource->suspicions[i];
	return NULL;
}

void
resource_suspect(struct resource *resource, const char *metric, int64_t time_ms)
{
	struct suspicion *suspicion = find_suspicion(resource, metric);

	if (suspicion == NULL) {
		resource->suspicions = grow_by_one(resource->suspicions,
		    resource->nsuspicions, sizeof(*resource->suspicions));
		suspicion = &resource->suspicions[resource->nsuspicions++];
		suspicion->metric = xstrdup(metric);
	}
	suspicion->time_ms = time_ms;
}

void
resource_clear(struct resource *resource, const char *metric)
{
	struct suspicion *suspicion = find_suspicion(resource, metric);

	if (suspicion == NULL)
		return;
	free(suspicion->metric);
	*suspicion = resource->suspicions[--resource->nsuspicions];
}

bool
resource_is_suspect(const struct resource *resource, const char *metric)
{
	return find_suspicion(resource, metric) != NULL;
}

bool
resource_is_reported(const struct resource *resource)
{
	return resource->asked && resource->refused != 0;
}

bool
resource_is_silent(const struct resource *resource)
{
	return resource->answered && !resource->has_points &&
	    resource->refused == 0;
}

static void
resource_free(struct resource *resource)
{
	for (size_t i = 0; i < resource->nsuspicions; i++)
		free(resource->suspicions[i].metric);
	free(resource->suspicions);
	free(resource->label);
	free(resource->id);
	free(resource->detail);
}

void
resources_free(struct resources *resources)
{
	for (size_t i = 0; i < resources->count; i++)
		resource_free(&resources->all[i]);
	free(resources->all);
	free(resources->slots);
}

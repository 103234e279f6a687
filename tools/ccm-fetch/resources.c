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
	resources->nslots = resources->nslots > 0 ? resources->nslots * 2 : 64;
	resources->slots = xrealloc(
	    resources->slots, resources->nslots * sizeof(*resources->slots));
	memset(
	    resources->slots, 0, resources->nslots * sizeof(*resources->slots));
	resources->all = xrealloc(
	    resources->all, resources->nslots * sizeof(*resources->all));
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
resources_free(struct resources *resources)
{
	for (size_t i = 0; i < resources->count; i++) {
		free(resources->all[i].label);
		free(resources->all[i].id);
	}
	free(resources->all);
	free(resources->slots);
}

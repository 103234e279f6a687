#include "writers.h"

#include <stdlib.h>
#include <sysexits.h>

#include "clock.h"

/* A topic has a handful. Who writes ids at random does not fill the memory. */
#define KNOWN_MAX 1000
/* An id that is not there may have been registered a moment later. What an id
 * stands for never changes. */
#define MISSING_MS 60000

struct known_writer {
	uint32_t id;
	struct writer_schema *schema; /* NULL: it is refused */
	char *problem;
	int64_t until_ms; /* ... until then */
};

static void
forget(struct known_writer *known)
{
	writer_schema_free(known->schema);
	free(known->problem);
}

/* Makes room: those that are refused go. */
static void
forget_refused(struct writers *writers)
{
	size_t kept = 0;

	for (size_t i = 0; i < writers->count; i++) {
		if (writers->known[i].schema != NULL)
			writers->known[kept++] = writers->known[i];
		else
			forget(&writers->known[i]);
	}
	writers->count = kept;
}

static struct known_writer *
find(struct writers *writers, uint32_t id)
{
	for (size_t i = 0; i < writers->count; i++)
		if (writers->known[i].id == id)
			return &writers->known[i];
	return NULL;
}

static struct known_writer *
add(struct writers *writers, uint32_t id)
{
	if (writers->count >= KNOWN_MAX)
		forget_refused(writers);
	if (writers->count == writers->size)
		writers->known = grow_array(
		    writers->known, &writers->size, sizeof(*writers->known));
	writers->known[writers->count] = (struct known_writer){.id = id};
	return &writers->known[writers->count++];
}

/* Fetches and resolves it; EX_OK or EX_DATAERR are what is to be remembered. */
static int
learn(struct writers *writers, struct known_writer *known)
{
	struct buf text = BUF_INIT, problem = BUF_INIT;
	int status =
	    registry_find_schema(writers->registry, known->id, &text, &problem);

	known->schema = NULL;
	known->until_ms = monotonic_ms() + MISSING_MS;
	if (status == EX_OK) {
		known->until_ms = INT64_MAX;
		buf_printf(&problem, "schema %u cannot be used: ", known->id);
		known->schema = writer_schema_parse(
		    writers->ours, text.data, text.len, &problem);
		if (known->schema == NULL)
			status = EX_DATAERR;
	}
	free(known->problem);
	known->problem = buf_terminate(&problem);
	buf_free(&text);
	return status;
}

int
writers_find(struct writers *writers, uint32_t id,
    const struct writer_schema **schema, struct buf *problem)
{
	struct known_writer *known = find(writers, id);
	int status = EX_OK;

	if (known == NULL)
		status = learn(writers, known = add(writers, id));
	else if (known->schema == NULL && monotonic_ms() >= known->until_ms)
		status = learn(writers, known);
	else if (known->schema == NULL)
		status = EX_DATAERR;
	*schema = known->schema;
	if (status != EX_OK)
		buf_add_string(problem, known->problem);
	return status;
}

void
writers_free(struct writers *writers)
{
	for (size_t i = 0; i < writers->count; i++)
		forget(&writers->known[i]);
	free(writers->known);
	*writers = (struct writers){.registry = NULL};
}

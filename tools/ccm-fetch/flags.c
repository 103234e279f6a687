#include "flags.h"

#include <stdlib.h>
#include <string.h>

#include "filters.h"
#include "json.h"

static struct selector *
selector_of(struct flags *flags, const char *label, size_t len)
{
	struct buf full = BUF_INIT;
	struct selector *selector;

	if (strncmp(label, "resource.", strlen("resource.")) != 0)
		buf_add_string(&full, "resource.");
	buf_add(&full, label, len);
	buf_terminate(&full);
	for (size_t i = 0; i < flags->nselectors; i++) {
		if (strcmp(flags->selectors[i].label, full.data) == 0) {
			buf_free(&full);
			return &flags->selectors[i];
		}
	}
	flags->selectors = xreallocarray(
	    flags->selectors, flags->nselectors + 1, sizeof(*flags->selectors));
	selector = &flags->selectors[flags->nselectors++];
	*selector = (struct selector){.label = full.data};
	return selector;
}

bool
flags_add_selector(struct flags *flags, const char *argument)
{
	const char *equals = strchr(argument, '='), *at;
	struct selector *selector;
	size_t before;

	if (equals == NULL || equals == argument ||
	    memchr(argument, '.', (size_t)(equals - argument)) == NULL)
		return false;
	selector = selector_of(flags, argument, (size_t)(equals - argument));
	before = selector->nids;
	at = equals + 1;
	for (;;) {
		size_t len;

		at += strspn(at, ", \t");
		len = strcspn(at, ", \t");
		if (len == 0)
			break;
		if (selector->nids == selector->size)
			selector->ids = grow_array(selector->ids,
			    &selector->size, sizeof(*selector->ids));
		selector->ids[selector->nids++] = xstrndup(at, len);
		at += len;
	}
	return selector->nids > before;
}

void
flags_free(struct flags *flags)
{
	for (size_t i = 0; i < flags->nselectors; i++) {
		for (size_t j = 0; j < flags->selectors[i].nids; j++)
			free(flags->selectors[i].ids[j]);
		free(flags->selectors[i].ids);
		free(flags->selectors[i].label);
	}
	free(flags->selectors);
	free(flags->metrics);
	free(flags->groups);
}

static void
write_selector(const struct selector *selector, struct buf *out)
{
	if (selector->nids > 1)
		buf_add_string(out, "{\"op\":\"OR\",\"filters\":[");
	for (size_t i = 0; i < selector->nids; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		write_resource_filter(out, selector->label, selector->ids[i]);
	}
	if (selector->nids > 1)
		buf_add_string(out, "]}");
}

static void
write_filter(const struct flags *flags, struct buf *out)
{
	if (flags->nselectors == 0)
		return;
	buf_add_string(out, "\"filter\":");
	if (flags->nselectors > 1)
		buf_add_string(out, "{\"op\":\"AND\",\"filters\":[");
	for (size_t i = 0; i < flags->nselectors; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		write_selector(&flags->selectors[i], out);
	}
	if (flags->nselectors > 1)
		buf_add_string(out, "]}");
	buf_add_char(out, ',');
}

static void
write_group(struct buf *out, size_t *count, const char *label)
{
	buf_add_string(out, (*count)++ > 0 ? "," : "\"group_by\":[");
	write_string(out, label);
}

/* Returns how many labels the points are grouped by. */
static size_t
write_groups(const struct flags *flags, bool attributes, struct buf *out)
{
	struct buf label = BUF_INIT;
	size_t count = 0;

	/* /attributes lists the values of what it is asked for, no more. */
	for (size_t i = 0; i < flags->nselectors && !attributes; i++)
		if (flags->selectors[i].nids > 1)
			write_group(out, &count, flags->selectors[i].label);
	for (size_t i = 0; i < flags->ngroups; i++) {
		const char *group = flags->groups[i];
		bool there = false;

		label.len = 0;
		if (strncmp(group, "metric.", strlen("metric.")) != 0 &&
		    strncmp(group, "resource.", strlen("resource.")) != 0)
			buf_add_string(&label, "metric.");
		buf_add_string(&label, group);
		buf_terminate(&label);
		for (size_t j = 0; j < flags->nselectors && !attributes; j++)
			there |= flags->selectors[j].nids > 1 &&
			    strcmp(flags->selectors[j].label, label.data) == 0;
		if (!there)
			write_group(out, &count, label.data);
	}
	if (count > 0)
		buf_add_string(out, "],");
	buf_free(&label);
	return count;
}

void
flags_write_body(const struct flags *flags, const char *metric, bool attributes,
    struct buf *out)
{
	size_t ngroups;

	if (attributes) {
		buf_add_string(out, "{\"metric\":");
		write_string(out, metric);
		buf_add_char(out, ',');
	} else {
		buf_add_string(out, "{\"aggregations\":[{\"metric\":");
		write_string(out, metric);
		buf_add_string(out, "}],");
	}
	write_filter(flags, out);
	if (!attributes) {
		buf_add_string(out, "\"granularity\":");
		write_string(out,
		    flags->granularity != NULL ? flags->granularity : "PT1H");
		buf_add_char(out, ',');
	}
	ngroups = write_groups(flags, attributes, out);
	if (flags->interval != NULL || !attributes) {
		buf_add_string(out, "\"intervals\":[");
		write_string(out,
		    flags->interval != NULL ? flags->interval
					    : "now-1h|h/now|h");
		buf_add_string(out, "],");
	}
	if (ngroups > 0)
		buf_printf(out, "\"limit\":%ld,", flags->limit);
	out->len--; /* the last comma */
	buf_add_char(out, '}');
}

#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "interval.h"
#include "json.h"

/* ---- strings --------------------------------------------------------------
 */

static void
strings_add(struct strings *strings, char *string)
{
	strings->at = xrealloc(
	    strings->at, (strings->n + 1) * sizeof(*strings->at));
	strings->at[strings->n++] = string;
}

static bool
strings_have(const struct strings *strings, const char *string)
{
	for (size_t i = 0; i < strings->n; i++)
		if (strings->at[i] != NULL &&
		    strcmp(strings->at[i], string) == 0)
			return true;
	return false;
}

static void
strings_free(struct strings *strings)
{
	for (size_t i = 0; i < strings->n; i++)
		free(strings->at[i]);
	free(strings->at);
	*strings = (struct strings){NULL, 0};
}

/* ---- what there is --------------------------------------------------------
 */

/* Adds PREFIX and 0001, 0002, ... */
static void
number(struct strings *strings, const char *prefix, int n)
{
	for (int i = 1; i <= n; i++) {
		struct buf text = BUF_INIT;

		buf_printf(&text, "%s%04d", prefix, i);
		strings_add(strings, xstrndup(text.data, text.len));
		buf_free(&text);
	}
}

/* Adds the words of a list that ends with NULL. */
static void
name(struct strings *strings, ...)
{
	const char *word;
	va_list ap;

	va_start(ap, strings);
	while ((word = va_arg(ap, const char *)) != NULL)
		strings_add(strings, xstrdup(word));
	va_end(ap);
}

void
world_init(struct world *world, const struct world_size *size)
{
	struct strings *values = world->values;
	char text[20];

	*world = (struct world){.rows = NULL};
	number(&values[KAFKA_ID], "lkc-", size->clusters);
	number(&values[CONNECTOR_ID], "lcc-", size->connectors);
	number(&values[KSQL_ID], "lksqlc-", size->ksql_applications);
	number(&values[SCHEMA_REGISTRY_ID], "lsrc-", size->schema_registries);
	number(&values[COMPUTE_POOL_ID], "lfcp-", size->compute_pools);
	number(&values[FLINK_STATEMENT_NAME], "statement-", size->statements);
	number(&values[FLINK_STATEMENT_UID], "uid-", size->statements);
	number(&values[TOPIC], "topic-", size->topics);
	for (int i = 0; i < size->partitions; i++) {
		snprintf(text, sizeof(text), "%d", i);
		name(&values[PARTITION], text, NULL);
	}
	/* Service accounts, and a user now and then. */
	number(&values[PRINCIPAL_ID], "sa-", size->principals);
	for (size_t i = 3; i < values[PRINCIPAL_ID].n; i += 4)
		memmove(values[PRINCIPAL_ID].at[i], "u-\0", 3);
	for (size_t i = 3; i < values[PRINCIPAL_ID].n; i += 4)
		snprintf(values[PRINCIPAL_ID].at[i], 7, "u-%04zu", i + 1);
	name(&values[TYPE], "ApiVersions", "Fetch", "Produce", NULL);
	strings_add(&values[ZONE_ALIGNMENT], NULL);
	name(&values[ZONE_ALIGNMENT], "CROSS_ZONE", "SAME_ZONE", NULL);
	number(&values[CONSUMER_GROUP_ID], "group-", size->consumer_groups);
	number(&values[LINK_NAME], "link-", 1);
	strings_add(&values[TABLE_NAME], NULL);
	number(&values[TABLE_NAME], "table-", 2);
	name(&values[QUERY_ID], "CSAS_OUT_1", "CTAS_COUNT_3", NULL);
	name(&values[TASK_ID], "0_0", "0_1", NULL);
	name(&values[STATUS], "RUNNING", NULL);
	number(&values[FLINK_TASK_ID], "task-", 2);
	number(&values[FLINK_OPERATOR_ID], "operator-", 2);
	number(&values[FLINK_SPLIT], "split-", 2);
}

void
world_free(struct world *world)
{
	for (size_t i = 0; i < world->nrows; i++) {
		struct table_row *row = &world->rows[i];

		for (enum label label = LABEL_NONE; label < LABELS; label++)
			free((void *)(uintptr_t)row->labels[label]);
		free((void *)(uintptr_t)row->text);
	}
	free(world->rows);
	for (enum label label = LABEL_NONE; label < LABELS; label++) {
		strings_free(&world->values[label]);
		strings_free(&world->table_ids[label]);
	}
	strings_free(&world->refused);
}

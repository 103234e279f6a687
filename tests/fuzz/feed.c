/*
 * The FIFO of ccm-ingestd: whatever is written to it, and however it is cut,
 * the counts are the same, and the page has no series twice.
 */
#include <stdint.h>
#include <stdlib.h>

#include "../../tools/ccm-ingestd/feed.h"
#include "log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Two samples of one family with the same labels and app. */
static void
check_series(const struct series_table *table)
{
	size_t count;
	struct series_sample *samples = series_snapshot(table, &count);

	if (count != table->count)
		__builtin_trap();
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(samples[i].series->family->name,
				samples[j].series->family->name) == 0 &&
			    strcmp(samples[i].series->labels,
				samples[j].series->labels) == 0 &&
			    strcmp(samples[i].series->app_id,
				samples[j].series->app_id) == 0)
				__builtin_trap();
	series_snapshot_free(samples, count);
}

static void
feed_all(const char *bytes, size_t len, size_t step, uint64_t counts[3])
{
	static struct series_table series;
	static struct loop loop;
	struct apps apps = {.first = NULL};
	struct feed feed;

	series_table_init(
	    &series, &(struct series_options){.max = 100, .with_app = true});
	feed_open_or_die(&feed, &loop, NULL, &series, &apps);
	for (size_t at = 0; at < len; at += step)
		feed_take(&feed, bytes + at, len - at < step ? len - at : step);
	check_series(&series);
	counts[0] = feed.consumed;
	counts[1] = feed.bad_lines;
	counts[2] = series.count;
	feed_close(&feed);
	series_table_free(&series);
	apps_free(&apps);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint64_t whole[3], cut[3];

	setenv("GLOBAL_LOG_LEVEL", "ERROR", 1);
	log_init("feed");
	feed_all((const char *)data, len, len > 0 ? len : 1, whole);
	feed_all((const char *)data, len, 3, cut);
	if (memcmp(whole, cut, sizeof(whole)) != 0)
		__builtin_trap();
	return 0;
}

/*
 * The way back from Kafka: lines of consumed metrics out of a FIFO, and control
 * lines of ccm-consume(1) between them, such as
 *
 *	{"control":"status","state":"reading","partitions":[0,1],"lag":0}
 *
 * The FIFO is ours, opened for reading and writing: a writer that comes or goes
 * is no event. Half a line, of a writer that died, is one bad line with what
 * follows it.
 */
#ifndef CCM_INGESTD_FEED_H
#define CCM_INGESTD_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apps.h"
#include "loop.h"
#include "metric.h"
#include "producer.h"
#include "series.h"

struct feed {
	struct series_table *series;
	struct apps *apps;
	uint64_t consumed; /* metric lines */
	uint64_t bad_lines;
	char *state;         /* the consumer's last word; NULL: none yet */
	int64_t lag;         /* -1: not known */
	int64_t *partitions; /* that are read now */
	size_t npartitions;
	int64_t control_ms; /* monotonic, of the last control line */
	/* That writes to the FIFO without Kafka, and no control lines; NULL: a
	 * consumer does. To be set when the feed is open. */
	struct producer *shipper;

	/* private */
	const char *path;
	struct loop *loop;
	struct loop_fd fd;
	struct buf input, scratch;
	struct json json;
	struct metric_problem problem;
	bool is_skipping;       /* to the end of a line that is too long */
	int64_t quiet_until_ms; /* bad lines are not logged again before */
};

/*
 * Makes the FIFO where it is not there (0620) and adds it to the loop; with a
 * NULL path there is none. Exits with EX_CANTCREAT where that is not possible.
 */
void feed_open_or_die(struct feed *feed, struct loop *loop, const char *path,
    struct series_table *series, struct apps *apps);

/* Takes bytes as they come from the FIFO. */
void feed_take(struct feed *feed, const char *bytes, size_t len);

/* True while the consumer says that it reads, or waits, at least every 15 s; or
 * while the shipper that takes its place is up. */
bool feed_is_up(const struct feed *feed);

/* Appends {"state":...,"detail":...} and what else is known. */
void feed_describe(const struct feed *feed, struct buf *out);

void feed_close(struct feed *feed);

#endif

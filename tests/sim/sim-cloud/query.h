/*
 * The bodies of POST /query and /attributes: what the API's description allows,
 * and not one thing more. A lenient simulator would hide a client's mistakes.
 */
#ifndef SIM_CLOUD_QUERY_H
#define SIM_CLOUD_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "catalogue.h"
#include "world.h"

enum filter_op {
	FILTER_EQ,
	FILTER_GT,
	FILTER_GTE,
	FILTER_AND,
	FILTER_OR,
	FILTER_NOT
};

struct filter {
	enum filter_op op;
	enum label label; /* of a comparison */
	char *value;
	struct filter *filters; /* of AND, OR and NOT */
	size_t nfilters;
	/* Of an OR of EQ of one label: the values, sorted. NULL otherwise. */
	const char **values;
};

enum aggregation { AGGREGATION_SUM, AGGREGATION_MIN, AGGREGATION_MAX };

struct interval {
	int64_t start_ms, end_ms;
};

struct query {
	const struct metric *metric;
	enum aggregation aggregation;
	int64_t bucket_ms; /* 0: granularity ALL */
	struct interval *intervals;
	size_t nintervals;
	enum label *group_by;
	size_t ngroup_by;
	struct filter *filter; /* NULL where there is none */
	size_t limit;
	bool grouped;   /* format GROUPED */
	bool ascending; /* order_by ... ASCENDING */
};

/* Why a request is refused. */
struct refusal {
	unsigned status; /* 0: it is not */
	char *detail;    /* to be freed */
};

#define REFUSAL_INIT    \
	{               \
		0, NULL \
	}

/* Sets the refusal, unless there is one already; returns false. */
bool refuse(struct refusal *refusal, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* `body` is NUL-terminated with BUF_PAD readable bytes. On false, `refusal` is
 * set. query_free() is due in either case. */
bool query_parse(struct query *query, const char *body, size_t len,
    int64_t now_ms, struct refusal *refusal);
bool attributes_parse(struct query *query, const char *body, size_t len,
    int64_t now_ms, struct refusal *refusal);
void query_free(struct query *query);

/* What becomes of a query for several resources of which one is not allowed. */
enum foreign { FOREIGN_403, FOREIGN_400, FOREIGN_404, FOREIGN_DROPPED };

/* True where the query is bound to resources that the key may read. */
bool query_is_authorised(const struct query *query, const struct world *world,
    enum foreign foreign, struct refusal *refusal);

bool filter_matches(
    const struct filter *filter, const char *const labels[LABELS]);

/* False where no series whose label `id_label` is `id` can match. */
bool filter_may_match(
    const struct filter *filter, enum label id_label, const char *id);

#endif

#include "answer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "json.h"

/* A series that the query matches. */
struct member {
	uint64_t seed;
	const struct table_row *row;
	const char **keys; /* the values of the labels of group_by */
};

/* Members that have the same keys; they stand together. */
struct group {
	const struct member *members;
	size_t nmembers;
	long double value; /* of granularity ALL: the groups' order */
};

/* Minutes of a bucket: [from, to). */
struct segment {
	size_t bucket;
	int64_t from, to;
};

struct evaluation {
	const struct query *query;
	const struct answer_options *options;

	/* The query's minutes that there are data of, in buckets. */
	struct segment *segments;
	size_t nsegments;
	int64_t *buckets; /* when they start, in ms */
	size_t nbuckets;

	struct member *members;
	size_t nmembers, members_size;
	struct group *groups;
	size_t ngroups;
};

/* What a bucket of a group comes to. */
struct cell {
	size_t nmembers;
	long double value; /* its 64 bits hold any integer exactly */
	const char *text;  /* of a single point of the table */
};

/* ---- buckets ------------------------------------------------------------ */

static int
compare_intervals(const void *a, const void *b)
{
	const struct interval *left = a, *right = b;

	return (left->start_ms > right->start_ms) -
	    (left->start_ms < right->start_ms);
}

static int64_t
ceil_minute(int64_t ms)
{
	int64_t minute = ms / MINUTE_MS;

	return minute + (ms > minute * MINUTE_MS);
}

static void
add_segment(struct evaluation *e, int64_t bucket_ms, int64_t from, int64_t to)
{
	if (e->nbuckets == 0 || e->buckets[e->nbuckets - 1] != bucket_ms) {
		e->buckets = xrealloc(
		    e->buckets, (e->nbuckets + 1) * sizeof(*e->buckets));
		e->buckets[e->nbuckets++] = bucket_ms;
	}
	e->segments =
	    xrealloc(e->segments, (e->nsegments + 1) * sizeof(*e->segments));
	e->segments[e->nsegments++] =
	    (struct segment){e->nbuckets - 1, from, to};
}

/* Cuts the minutes [from, to) where buckets begin. */
static void
add_minutes(struct evaluation *e, int64_t all_ms, int64_t from, int64_t to)
{
	int64_t bucket_ms = e->query->bucket_ms;

	if (bucket_ms == 0 && from < to)
		add_segment(e, all_ms, from, to);
	while (bucket_ms != 0 && from < to) {
		int64_t start_ms = from * MINUTE_MS / bucket_ms * bucket_ms;
		int64_t end = (start_ms + bucket_ms) / MINUTE_MS;

		if (end > to)
			end = to;
		add_segment(e, start_ms, from, end);
		from = end;
	}
}

/* A minute belongs to an interval that its start lies in; it has data for as
 * long as the API keeps them, once it is over and the latency too. */
static void
find_buckets(struct evaluation *e)
{
	const struct query *query = e->query;
	int64_t now_ms = e->options->now_ms;
	int64_t oldest = ceil_minute(now_ms - RETENTION_MS);
	int64_t newest = (now_ms - e->options->latency_ms) / MINUTE_MS;
	int64_t done = oldest; /* where intervals overlap */

	qsort(query->intervals, query->nintervals, sizeof(*query->intervals),
	    compare_intervals);
	for (size_t i = 0; i < query->nintervals; i++) {
		int64_t from = ceil_minute(query->intervals[i].start_ms);
		int64_t to = ceil_minute(query->intervals[i].end_ms);

		if (from < done)
			from = done;
		if (to > newest)
			to = newest;
		add_minutes(e, query->intervals[0].start_ms, from, to);
		if (to > done)
			done = to;
	}
}

/* ---- groups ------------------------------------------------------------- */

static bool
is_wanted(void *context, const char *id)
{
	const struct evaluation *e = context;

	return filter_may_match(
	    e->query->filter, metric_id_label(e->query->metric), id);
}

static bool
has_data(const struct evaluation *e, const struct series *series)
{
	for (size_t i = 0; i < e->nsegments; i++) {
		const struct segment *segment = &e->segments[i];

		for (int64_t m = segment->from; m < segment->to; m++)
			if (series_has_value(series, m))
				return true;
	}
	return false;
}

static void
add_series(void *context, const struct series *series)
{
	struct evaluation *e = context;
	const struct query *query = e->query;
	struct member *member;

	if (!filter_matches(query->filter, series->labels) ||
	    !has_data(e, series))
		return;
	if (e->nmembers == e->members_size) {
		e->members_size =
		    e->members_size > 0 ? e->members_size * 2 : 1024;
		e->members =
		    xrealloc(e->members, e->members_size * sizeof(*e->members));
	}
	member = &e->members[e->nmembers++];
	*member = (struct member){series->seed, series->row,
	    xmalloc(query->ngroup_by * sizeof(*member->keys))};
	for (size_t i = 0; i < query->ngroup_by; i++)
		member->keys[i] = series->labels[query->group_by[i]];
}

/* Lexicographically by the labels' values; one that lacks a label first. */
static int
compare_keys(const struct member *a, const struct member *b, size_t nkeys)
{
	for (size_t i = 0; i < nkeys; i++) {
		int order;

		if (a->keys[i] == NULL || b->keys[i] == NULL)
			order = (a->keys[i] != NULL) - (b->keys[i] != NULL);
		else
			order = strcmp(a->keys[i], b->keys[i]);
		if (order != 0)
			return order;
	}
	return 0;
}

static int
compare_members(const void *a, const void *b, void *context)
{
	const struct query *query = context;

	return compare_keys(a, b, query->ngroup_by);
}

static void
find_groups(struct evaluation *e, const struct world *world)
{
	struct query query = *e->query;

	world_each_series(world, query.metric, is_wanted, add_series, e);
	if (e->nmembers == 0)
		return;
	qsort_r(e->members, e->nmembers, sizeof(*e->members), compare_members,
	    &query);
	e->groups = xmalloc(e->nmembers * sizeof(*e->groups));
	for (size_t i = 0; i < e->nmembers; i++) {
		if (i > 0 &&
		    compare_keys(&e->members[i - 1], &e->members[i],
			query.ngroup_by) == 0)
			e->groups[e->ngroups - 1].nmembers++;
		else
			e->groups[e->ngroups++] =
			    (struct group){&e->members[i], 1, 0};
	}
}

static void
evaluation_free(struct evaluation *e)
{
	for (size_t i = 0; i < e->nmembers; i++)
		free(e->members[i].keys);
	free(e->members);
	free(e->groups);
	free(e->segments);
	free(e->buckets);
}

/* ---- values ------------------------------------------------------------- */

/* Adds what a member has in a bucket to the group's cell. */
static void
aggregate(const struct query *query, struct cell *cell,
    const struct member *member, long double value)
{
	cell->text = cell->nmembers == 0 && member->row != NULL
	    ? member->row->text
	    : NULL;
	if (cell->nmembers == 0)
		cell->value = value;
	else if (query->aggregation == AGGREGATION_SUM)
		cell->value += value;
	else if ((query->aggregation == AGGREGATION_MAX) ==
	    (value > cell->value))
		cell->value = value;
	cell->nmembers++;
}

/* Counters are summed over time, gauges averaged unless they go by MAX. */
static void
add_member(
    const struct evaluation *e, const struct member *member, struct cell *cells)
{
	const struct metric *metric = e->query->metric;
	const struct series series = {
	    .metric = metric, .seed = member->seed, .row = member->row};
	bool gauge =
	    metric->type == GAUGE_INT64 || metric->type == GAUGE_DOUBLE;
	long double value = 0;
	size_t minutes = 0;

	for (size_t i = 0; i < e->nsegments; i++) {
		const struct segment *segment = &e->segments[i];

		for (int64_t m = segment->from; m < segment->to; m++) {
			long double at;

			if (!series_has_value(&series, m))
				continue;
			at = series_value(&series, m);
			if (minutes == 0 || (metric->max_only && at > value))
				value = at;
			else if (!metric->max_only)
				value += at;
			minutes++;
		}
		if (i + 1 < e->nsegments &&
		    e->segments[i + 1].bucket == segment->bucket)
			continue;
		if (minutes > 0)
			aggregate(e->query, &cells[segment->bucket], member,
			    gauge && !metric->max_only
				? value / (long double)minutes
				: value);
		minutes = 0;
	}
}

static void
evaluate_group(
    const struct evaluation *e, const struct group *group, struct cell *cells)
{
	memset(cells, 0, e->nbuckets * sizeof(*cells));
	for (size_t i = 0; i < group->nmembers; i++)
		add_member(e, &group->members[i], cells);
}

/* The fewest digits that read back as the same double. */
static void
write_shortest(struct buf *out, double value)
{
	char text[40];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (!(strtod(text, NULL) < value) &&
		    !(strtod(text, NULL) > value))
			break;
	}
	buf_add_string(out, text);
}

/* The same with an exponent, 2.5E-4. */
static void
write_with_exponent(struct buf *out, double value)
{
	char text[40], *exponent;

	for (int digits = 1; digits < 17; digits++) {
		snprintf(text, sizeof(text), "%.*e", digits, value);
		if (!(strtod(text, NULL) < value) &&
		    !(strtod(text, NULL) > value))
			break;
	}
	exponent = strchr(text, 'e');
	*exponent++ = '\0';
	buf_printf(out, "%sE%d", text, atoi(exponent));
}

void
write_as_java(struct buf *out, double value)
{
	size_t start = out->len;

	if (fabs(value) >= 1e7 || (fabs(value) < 1e-3 && fabs(value) > 0)) {
		write_with_exponent(out, value);
		return;
	}
	write_shortest(out, value);
	buf_terminate(out);
	if (strchr(out->data + start, '.') == NULL)
		buf_add_string(out, ".0");
}

/* Whole numbers come as 42 or as 42.0, by the metric's type. */
static void
write_value(
    struct buf *out, const struct metric *metric, const struct cell *cell)
{
	double value = (double)cell->value;
	bool integral = floor(value) >= value;

	if (cell->text != NULL)
		buf_add_string(out, cell->text);
	else if (metric->type == COUNTER_INT64 && integral)
		buf_printf(out, "%lld", (long long)cell->value);
	else if (metric->type == COUNTER_DOUBLE || metric->type == GAUGE_DOUBLE)
		write_as_java(out, value);
	else if (value <= -0x1p63)
		buf_add_string(out, "-9223372036854776000");
	else if (integral)
		buf_printf(out, "%.1f", value);
	else
		write_shortest(out, value);
}

/* ---- order -------------------------------------------------------------- */

static int
compare_groups(const void *a, const void *b, void *context)
{
	const struct query *query = context;
	const struct group *left = a, *right = b;
	int order = (left->value > right->value) - (left->value < right->value);

	if (order == 0)
		return compare_keys(
		    left->members, right->members, query->ngroup_by);
	return query->ascending ? order : -order;
}

/* With granularity ALL the groups come by their values. */
static void
order_groups(struct evaluation *e)
{
	struct query query = *e->query;
	struct cell cell;

	if (query.bucket_ms != 0 || e->ngroups == 0)
		return;
	for (size_t i = 0; i < e->ngroups; i++) {
		evaluate_group(e, &e->groups[i], &cell);
		e->groups[i].value = cell.value;
	}
	qsort_r(
	    e->groups, e->ngroups, sizeof(*e->groups), compare_groups, &query);
}

/* ---- text --------------------------------------------------------------- */

static void
write_member(struct buf *out, const char *name, const char *value)
{
	buf_add_char(out, '"');
	buf_add_string(out, name);
	buf_add_string(out, "\":\"");
	json_escape(out, value, strlen(value));
	buf_add_char(out, '"');
}

/* A group's labels; one that it lacks is not there. Without a comma in front,
 * with one behind each. */
static void
write_labels(
    struct buf *out, const struct evaluation *e, const struct group *group)
{
	for (size_t i = 0; i < e->query->ngroup_by; i++) {
		enum label label = e->query->group_by[i];
		const char *value = group->members->keys[i];

		if (value == NULL)
			continue;
		write_member(out, label_name(label), value);
		buf_add_char(out, ',');
		if (label == PRINCIPAL_ID && e->options->principal_names) {
			buf_add_string(
			    out, "\"metric.principal_name\":\"Name of ");
			json_escape(out, value, strlen(value));
			buf_add_string(out, "\",");
		}
	}
}

/* "2025-09-02T00:00:00Z" for each bucket. */
static char (*format_timestamps(const struct evaluation *e))[24]
{
	char(*texts)[24] = xmalloc(e->nbuckets * sizeof(*texts));

	for (size_t i = 0; i < e->nbuckets; i++) {
		time_t seconds = (time_t)(e->buckets[i] / 1000);
		struct tm tm;

		gmtime_r(&seconds, &tm);
		strftime(texts[i], sizeof(texts[i]), "%Y-%m-%dT%H:%M:%SZ", &tm);
	}
	return texts;
}

static void
write_group(struct buf *out, const struct evaluation *e,
    const struct group *group, const struct cell *cells, char (*timestamps)[24],
    struct page *page)
{
	struct buf labels = BUF_INIT;
	const char *between = "";

	write_labels(&labels, e, group);
	if (e->query->grouped) {
		buf_add_char(out, '{');
		buf_add(out, labels.data, labels.len);
		buf_add_string(out, "\"points\":[");
		labels.len = 0;
	}
	for (size_t i = 0; i < e->nbuckets; i++) {
		size_t at = e->options->newest_first ? e->nbuckets - 1 - i : i;

		if (cells[at].nmembers == 0)
			continue;
		buf_add_string(out, between);
		buf_add_string(out, "{\"timestamp\":\"");
		buf_add_string(out, timestamps[at]);
		buf_add_string(out, "\",");
		buf_add(out, labels.data, labels.len);
		buf_add_string(out, "\"value\":");
		write_value(out, e->query->metric, &cells[at]);
		buf_add_char(out, '}');
		between = ",";
		page->points++;
	}
	if (e->query->grouped)
		buf_add_string(out, "]}");
	buf_free(&labels);
}

void
answer_query(struct buf *out, const struct query *query,
    const struct world *world, const struct answer_options *options,
    struct page *page)
{
	struct evaluation e = {.query = query, .options = options};
	struct cell *cells;
	char(*timestamps)[24];
	size_t end;

	find_buckets(&e);
	find_groups(&e, world);
	order_groups(&e);
	cells = xmalloc(e.nbuckets * sizeof(*cells));
	timestamps = format_timestamps(&e);
	end = page->offset + query->limit;
	page->more = end < e.ngroups;
	page->points = 0;
	buf_add_char(out, '[');
	for (size_t i = page->offset; i < end && i < e.ngroups; i++) {
		if (i > page->offset)
			buf_add_char(out, ',');
		evaluate_group(&e, &e.groups[i], cells);
		write_group(out, &e, &e.groups[i], cells, timestamps, page);
	}
	buf_add_char(out, ']');
	free(cells);
	free(timestamps);
	evaluation_free(&e);
}

/* A group without any of the labels says nothing of their values. */
static void
drop_unlabelled(struct evaluation *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->ngroups; i++) {
		bool labelled = false;

		for (size_t k = 0; k < e->query->ngroup_by; k++)
			if (e->groups[i].members->keys[k] != NULL)
				labelled = true;
		if (labelled)
			e->groups[kept++] = e->groups[i];
	}
	e->ngroups = kept;
}

void
answer_attributes(struct buf *out, const struct query *query,
    const struct world *world, const struct answer_options *options,
    struct page *page)
{
	struct evaluation e = {.query = query, .options = options};
	size_t end;

	find_buckets(&e);
	find_groups(&e, world);
	drop_unlabelled(&e);
	end = page->offset + query->limit;
	page->more = end < e.ngroups;
	page->points = 0;
	buf_add_char(out, '[');
	for (size_t i = page->offset; i < end && i < e.ngroups; i++) {
		if (i > page->offset)
			buf_add_char(out, ',');
		buf_add_char(out, '{');
		write_labels(out, &e, &e.groups[i]);
		out->len--; /* the comma behind the last one */
		buf_add_char(out, '}');
		page->points++;
	}
	buf_add_char(out, ']');
	evaluation_free(&e);
}

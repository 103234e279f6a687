#include "query.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>

#include "json.h"
#include "log.h"

#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

#define LIMIT_DEFAULT 100
#define LIMIT_DEFAULT_ALL 1000
#define LIMIT_MAX 1000

bool
refuse(struct refusal *refusal, unsigned status, const char *format, ...)
{
	va_list ap;

	if (refusal->status != 0)
		return false;
	refusal->status = status;
	va_start(ap, format);
	if (vasprintf(&refusal->detail, format, ap) == -1)
		die(EX_OSERR, "out of memory");
	va_end(ap);
	return false;
}

/* ---- intervals ------------------------------------------------------------
 *
 * Written apart from lib/interval.c, on which the client relies: a mistake
 * there is to be seen here.
 */

/* "2025-09-02T00:00:00Z", "...T00:00:00.000+05:30". Returns what follows. */
static const char *
parse_timestamp(const char *at, int64_t *ms)
{
	struct tm tm = {.tm_isdst = 0}, same;
	int used = 0, hours, minutes;
	char sign;
	time_t seconds;

	/* %d takes blanks and signs: each field has to be digits. */
	for (const char *form = "0000-00-00T00:00:00", *c = at; *form != '\0';
	     form++, c++)
		if (*form == '0' ? *c < '0' || *c > '9' : *c != *form)
			return NULL;
	if (sscanf(at, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon,
		&tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 6)
		return NULL;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	same = tm;
	seconds = timegm(&same);
	/* timegm(3) turns the 31st of June into the 1st of July. */
	if (same.tm_mon != tm.tm_mon || same.tm_mday != tm.tm_mday ||
	    same.tm_hour != tm.tm_hour || same.tm_min != tm.tm_min ||
	    same.tm_sec != tm.tm_sec)
		return NULL;
	*ms = (int64_t)seconds * 1000;
	at += used;
	if (*at == '.') {
		int64_t weight = 100;

		if (at[1] < '0' || at[1] > '9')
			return NULL;
		for (at++; *at >= '0' && *at <= '9'; at++, weight /= 10)
			*ms += (*at - '0') * weight;
	}
	if (*at == 'Z')
		return at + 1;
	sign = *at;
	if ((sign != '+' && sign != '-') || strspn(at + 1, "0123456789") != 2 ||
	    at[3] != ':' || strspn(at + 4, "0123456789") != 2)
		return NULL;
	hours = atoi(at + 1);
	minutes = atoi(at + 4);
	if (hours > 18 || minutes > 59)
		return NULL;
	*ms += (sign == '+' ? -1 : 1) * (hours * HOUR_MS + minutes * MINUTE_MS);
	return at + 6;
}

static int64_t
unit_ms(char unit)
{
	return unit == 'm' ? MINUTE_MS
	    : unit == 'h'  ? HOUR_MS
	    : unit == 'd'  ? DAY_MS
			   : 0;
}

/* "now", "now-2m", "now|h", "now-1d|d": at most one offset, and behind it at
 * most one truncation, as the API's table of modifiers has them. */
static const char *
parse_now(const char *at, int64_t now_ms, int64_t *ms)
{
	*ms = now_ms;
	at += strlen("now");
	if (*at == '+' || *at == '-') {
		bool minus = *at == '-';
		size_t digits = strspn(at + 1, "0123456789");
		int64_t unit = unit_ms(at[1 + digits]);
		int64_t offset_ms;

		if (digits == 0 || digits > 6 || unit == 0)
			return NULL;
		offset_ms = strtol(at + 1, NULL, 10) * unit;
		*ms += minus ? -offset_ms : offset_ms;
		at += 1 + digits + 1;
	}
	if (*at == '|') {
		int64_t unit = unit_ms(at[1]);

		if (unit == 0)
			return NULL;
		*ms -= *ms % unit;
		at += 2;
	}
	return at;
}

static const char *
parse_time(const char *at, int64_t now_ms, int64_t *ms)
{
	if (strncmp(at, "now", 3) == 0)
		return parse_now(at, now_ms, ms);
	return parse_timestamp(at, ms);
}

/* "PT1H", "P1DT2H", "P1W". Months and years have no length, and are refused. */
static const char *
parse_duration(const char *at, int64_t *ms)
{
	static const struct {
		char unit;
		bool time;
		int64_t ms;
	} units[] = {{'W', false, 7 * DAY_MS}, {'D', false, DAY_MS},
	    {'H', true, HOUR_MS}, {'M', true, MINUTE_MS}, {'S', true, 1000}};
	size_t next = 0;
	bool time = false, any = false;

	*ms = 0;
	at++; /* the P */
	for (;;) {
		size_t digits;
		int64_t count;

		if (*at == 'T' && !time) {
			time = true;
			any = false;
			at++;
		}
		digits = strspn(at, "0123456789");
		if (digits == 0)
			return any ? at : NULL;
		if (digits > 9)
			return NULL;
		count = strtol(at, NULL, 10);
		at += digits;
		while (next < sizeof(units) / sizeof(units[0]) &&
		    (units[next].unit != *at || units[next].time != time))
			next++;
		if (next == sizeof(units) / sizeof(units[0]))
			return NULL;
		*ms += count * units[next++].ms;
		any = true;
		at++;
	}
}

static bool
parse_interval(const char *text, int64_t now_ms, struct interval *interval)
{
	const char *at = text;
	int64_t duration_ms;

	if (*at == 'P') {
		at = parse_duration(at, &duration_ms);
		if (at == NULL || *at != '/')
			return false;
		at = parse_time(at + 1, now_ms, &interval->end_ms);
		interval->start_ms = interval->end_ms - duration_ms;
	} else {
		at = parse_time(at, now_ms, &interval->start_ms);
		if (at == NULL || *at != '/')
			return false;
		if (*++at == 'P') {
			at = parse_duration(at, &duration_ms);
			interval->end_ms = interval->start_ms + duration_ms;
		} else {
			at = parse_time(at, now_ms, &interval->end_ms);
		}
	}
	return at != NULL && *at == '\0' &&
	    interval->start_ms < interval->end_ms;
}

/* ---- the parts of a body ------------------------------------------------ */

/* Of the members of an object, those that are not in a list that ends with
 * NULL are refused. */
static bool
knows_members(const cJSON *object, const char *where, struct refusal *refusal,
    const char *const *known)
{
	if (!cJSON_IsObject(object))
		return refuse(refusal, 400, "%s must be an object", where);
	for (const cJSON *member = object->child; member != NULL;
	     member = member->next) {
		size_t i = 0;

		while (
		    known[i] != NULL && strcmp(known[i], member->string) != 0)
			i++;
		if (known[i] == NULL)
			return refuse(refusal, 400,
			    "%s has an unrecognized field: %s", where,
			    member->string);
	}
	return true;
}

/* A member by its exact name; cJSON's own look-up ignores case. */
static const cJSON *
member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* A member that has to be there, and a string; NULL where it is not. */
static const char *
string_member(const cJSON *object, const char *name, struct refusal *refusal)
{
	const cJSON *item = member(object, name);

	if (cJSON_IsString(item))
		return item->valuestring;
	if (item == NULL)
		refuse(refusal, 400, "%s must not be null", name);
	else
		refuse(refusal, 400, "%s must be a string", name);
	return NULL;
}

/* A member that has to be one of a list of words; returns which, or -1. */
static int
word_member(const cJSON *object, const char *name, struct refusal *refusal,
    const char *const *words)
{
	const char *word = string_member(object, name, refusal);

	for (int i = 0; word != NULL && words[i] != NULL; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	if (word != NULL)
		refuse(refusal, 400, "%s: \"%s\" is not a valid value", name,
		    word);
	return -1;
}

static const char *const aggregations[] = {"SUM", "MIN", "MAX", NULL};

/* The `agg` of an object, where it has one. */
static bool
parse_agg(struct query *query, const cJSON *object, struct refusal *refusal)
{
	int which;

	if (member(object, "agg") == NULL)
		return true;
	which = word_member(object, "agg", refusal, aggregations);
	if (which < 0)
		return false;
	if (query->metric->max_only && which != AGGREGATION_MAX)
		return refuse(refusal, 400,
		    "agg: %s is not supported for the metric %s",
		    aggregations[which], query->metric->name);
	query->aggregation = (enum aggregation)which;
	return true;
}

static bool
parse_metric(struct query *query, const cJSON *object, struct refusal *refusal)
{
	const char *name = string_member(object, "metric", refusal);

	if (name == NULL)
		return false;
	query->metric = metric_find(name);
	if (query->metric == NULL)
		return refuse(refusal, 400, "Unknown metric: %s", name);
	query->aggregation =
	    query->metric->max_only ? AGGREGATION_MAX : AGGREGATION_SUM;
	return true;
}

static bool
parse_aggregations(
    struct query *query, const cJSON *body, struct refusal *refusal)
{
	const cJSON *array = member(body, "aggregations");

	if (array == NULL)
		return refuse(refusal, 400, "aggregations must not be null");
	if (!cJSON_IsArray(array))
		return refuse(refusal, 400, "aggregations must be an array");
	if (cJSON_GetArraySize(array) != 1)
		return refuse(refusal, 400,
		    "aggregations: exactly one aggregation is supported");
	return knows_members(array->child, "aggregation", refusal,
		   (const char *const[]){"metric", "agg", NULL}) &&
	    parse_metric(query, array->child, refusal) &&
	    parse_agg(query, array->child, refusal);
}

/* The label that queries for this metric call so; LABEL_NONE and a refusal
 * where there is none. */
static enum label
parse_label(const struct query *query, const char *name, const char *where,
    struct refusal *refusal)
{
	enum label label = label_find(name);

	if (metric_has_label(query->metric, label))
		return label;
	refuse(refusal, 400, "%s: %s is not a label of the metric %s", where,
	    name, query->metric->name);
	return LABEL_NONE;
}

static bool
parse_group_by(struct query *query, const cJSON *body, struct refusal *refusal)
{
	const cJSON *array = member(body, "group_by"), *item;

	if (array == NULL)
		return true;
	if (!cJSON_IsArray(array))
		return refuse(refusal, 400, "group_by must be an array");
	query->group_by = xmalloc(
	    (size_t)cJSON_GetArraySize(array) * sizeof(*query->group_by));
	cJSON_ArrayForEach(item, array)
	{
		enum label label;

		if (!cJSON_IsString(item))
			return refuse(
			    refusal, 400, "group_by must hold strings");
		label =
		    parse_label(query, item->valuestring, "group_by", refusal);
		if (label == LABEL_NONE)
			return false;
		for (size_t i = 0; i < query->ngroup_by; i++)
			if (query->group_by[i] == label)
				return refuse(refusal, 400,
				    "group_by: %s occurs twice",
				    item->valuestring);
		query->group_by[query->ngroup_by++] = label;
	}
	return true;
}

static bool
parse_granularity(struct query *query, const cJSON *body,
    struct refusal *refusal, int64_t *longest_ms)
{
	static const char *const names[] = {"PT1M", "PT5M", "PT15M", "PT30M",
	    "PT1H", "PT4H", "PT6H", "PT12H", "P1D", "ALL", NULL};
	static const struct {
		int64_t bucket_ms, longest_ms;
	} table[] = {{MINUTE_MS, 6 * HOUR_MS}, {5 * MINUTE_MS, DAY_MS},
	    {15 * MINUTE_MS, 4 * DAY_MS}, {30 * MINUTE_MS, 7 * DAY_MS},
	    {HOUR_MS, INT64_MAX}, {4 * HOUR_MS, INT64_MAX},
	    {6 * HOUR_MS, INT64_MAX}, {12 * HOUR_MS, INT64_MAX},
	    {DAY_MS, INT64_MAX}, {0, INT64_MAX}};
	int which = word_member(body, "granularity", refusal, names);

	if (which < 0)
		return false;
	query->bucket_ms = table[which].bucket_ms;
	*longest_ms = table[which].longest_ms;
	return true;
}

static bool
parse_intervals(struct query *query, const cJSON *body, int64_t now_ms,
    int64_t longest_ms, struct refusal *refusal)
{
	const cJSON *array = member(body, "intervals"), *item;

	if (array == NULL)
		return refuse(refusal, 400, "intervals must not be null");
	if (!cJSON_IsArray(array) || cJSON_GetArraySize(array) == 0)
		return refuse(
		    refusal, 400, "intervals must be a non-empty array");
	query->intervals = xmalloc(
	    (size_t)cJSON_GetArraySize(array) * sizeof(*query->intervals));
	cJSON_ArrayForEach(item, array)
	{
		struct interval *interval =
		    &query->intervals[query->nintervals];

		if (!cJSON_IsString(item))
			return refuse(
			    refusal, 400, "intervals must hold strings");
		if (!parse_interval(item->valuestring, now_ms, interval))
			return refuse(refusal, 400,
			    "intervals: \"%s\" is not a valid interval",
			    item->valuestring);
		if (interval->end_ms - interval->start_ms > longest_ms)
			return refuse(refusal, 400,
			    "granularity: the interval %s is too long for it",
			    item->valuestring);
		query->nintervals++;
	}
	return true;
}

static bool
parse_limit(struct query *query, const cJSON *body, size_t unless_given,
    struct refusal *refusal)
{
	const cJSON *item = member(body, "limit");

	query->limit = unless_given;
	if (item == NULL)
		return true;
	if (!cJSON_IsNumber(item) ||
	    floor(item->valuedouble) < item->valuedouble)
		return refuse(refusal, 400, "limit must be an integer");
	/* The description has it for groups only, the guides use it without:
	 * it limits nothing then. */
	if (item->valuedouble < 1 || item->valuedouble > LIMIT_MAX)
		return refuse(refusal, 400, "limit must be 1 to %d", LIMIT_MAX);
	query->limit = (size_t)item->valuedouble;
	return true;
}

static bool
parse_format(struct query *query, const cJSON *body, struct refusal *refusal)
{
	static const char *const formats[] = {"FLAT", "GROUPED", NULL};
	int which;

	if (member(body, "format") == NULL)
		return true;
	which = word_member(body, "format", refusal, formats);
	if (which < 0)
		return false;
	query->grouped = which == 1;
	if (query->grouped && query->ngroup_by == 0)
		return refuse(refusal, 400,
		    "format: GROUPED is only allowed with a non-empty "
		    "group_by");
	return true;
}

static bool
parse_order_by(struct query *query, const cJSON *body, struct refusal *refusal)
{
	static const char *const orders[] = {"ASCENDING", "DESCENDING", NULL};
	const cJSON *array = member(body, "order_by"), *item;
	const char *metric;

	if (array == NULL)
		return true;
	if (!cJSON_IsArray(array))
		return refuse(refusal, 400, "order_by must be an array");
	if (cJSON_GetArraySize(array) == 0)
		return true;
	if (cJSON_GetArraySize(array) > 1)
		return refuse(
		    refusal, 400, "order_by: at most one is supported");
	if (query->bucket_ms != 0)
		return refuse(refusal, 400,
		    "order_by is only valid for the granularity ALL");
	item = array->child;
	if (!knows_members(item, "order_by", refusal,
		(const char *const[]){"metric", "agg", "order", NULL}))
		return false;
	metric = string_member(item, "metric", refusal);
	if (metric == NULL)
		return false;
	if (strcmp(metric, query->metric->name) != 0)
		return refuse(refusal, 400,
		    "order_by: %s is not the aggregated metric", metric);
	if (!parse_agg(query, item, refusal))
		return false;
	if (member(item, "order") != NULL) {
		int which = word_member(item, "order", refusal, orders);

		if (which < 0)
			return false;
		query->ascending = which == 0;
	}
	return true;
}

/* ---- filters ------------------------------------------------------------ */

static bool parse_filter(const struct query *query, const cJSON *object,
    struct filter *filter, struct refusal *refusal);

static bool
parse_comparison(const struct query *query, const cJSON *object,
    struct filter *filter, struct refusal *refusal)
{
	const cJSON *value = member(object, "value");
	const char *field;

	if (!knows_members(object, "filter", refusal,
		(const char *const[]){"field", "op", "value", NULL}))
		return false;
	field = string_member(object, "field", refusal);
	if (field == NULL)
		return false;
	filter->label = parse_label(query, field, "filter", refusal);
	if (filter->label == LABEL_NONE)
		return false;
	if (value == NULL)
		return refuse(refusal, 400, "filter: value must not be null");
	if (cJSON_IsString(value)) {
		filter->value = xstrdup(value->valuestring);
	} else if (cJSON_IsNumber(value) && fabs(value->valuedouble) < 0x1p53 &&
	    floor(value->valuedouble) >= value->valuedouble) {
		struct buf text = BUF_INIT;

		buf_printf(&text, "%.0f", value->valuedouble);
		filter->value = xstrndup(text.data, text.len);
		buf_free(&text);
	} else {
		return refuse(refusal, 400,
		    "filter: value must be a string or an integer");
	}
	return true;
}

static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* An OR of a thousand ids is not looked through for every series. */
static void
sort_values(struct filter *filter)
{
	for (size_t i = 0; i < filter->nfilters; i++)
		if (filter->filters[i].op != FILTER_EQ ||
		    filter->filters[i].label != filter->filters[0].label)
			return;
	filter->values = xmalloc(filter->nfilters * sizeof(*filter->values));
	for (size_t i = 0; i < filter->nfilters; i++)
		filter->values[i] = filter->filters[i].value;
	qsort(filter->values, filter->nfilters, sizeof(*filter->values),
	    compare_strings);
}

static bool
parse_compound(const struct query *query, const cJSON *object,
    struct filter *filter, struct refusal *refusal)
{
	const cJSON *array = member(object, "filters"), *item;

	if (!knows_members(object, "filter", refusal,
		(const char *const[]){"op", "filters", NULL}))
		return false;
	if (!cJSON_IsArray(array) || cJSON_GetArraySize(array) == 0)
		return refuse(
		    refusal, 400, "filter: filters must be a non-empty array");
	filter->filters = xmalloc(
	    (size_t)cJSON_GetArraySize(array) * sizeof(*filter->filters));
	cJSON_ArrayForEach(item, array)
	{
		struct filter *child = &filter->filters[filter->nfilters++];

		*child = (struct filter){.label = LABEL_NONE};
		if (!parse_filter(query, item, child, refusal))
			return false;
	}
	if (filter->op == FILTER_OR)
		sort_values(filter);
	return true;
}

static bool
parse_negation(const struct query *query, const cJSON *object,
    struct filter *filter, struct refusal *refusal)
{
	const cJSON *negated = member(object, "filter");

	if (!knows_members(object, "filter", refusal,
		(const char *const[]){"op", "filter", NULL}))
		return false;
	if (negated == NULL)
		return refuse(refusal, 400, "filter: NOT needs a filter");
	filter->filters = xmalloc(sizeof(*filter->filters));
	filter->nfilters = 1;
	filter->filters[0] = (struct filter){.label = LABEL_NONE};
	return parse_filter(query, negated, &filter->filters[0], refusal);
}

static bool
parse_filter(const struct query *query, const cJSON *object,
    struct filter *filter, struct refusal *refusal)
{
	static const char *const ops[] = {
	    "EQ", "GT", "GTE", "AND", "OR", "NOT", NULL};
	int op;

	if (!cJSON_IsObject(object))
		return refuse(refusal, 400, "filter must be an object");
	op = word_member(object, "op", refusal, ops);
	if (op < 0)
		return false;
	filter->op = (enum filter_op)op;
	if (filter->op == FILTER_NOT)
		return parse_negation(query, object, filter, refusal);
	if (filter->op == FILTER_AND || filter->op == FILTER_OR)
		return parse_compound(query, object, filter, refusal);
	return parse_comparison(query, object, filter, refusal);
}

static bool
parse_filter_member(
    struct query *query, const cJSON *body, struct refusal *refusal)
{
	const cJSON *object = member(body, "filter");

	if (object == NULL)
		return true; /* query_is_authorised() has its say */
	query->filter = xmalloc(sizeof(*query->filter));
	*query->filter = (struct filter){.label = LABEL_NONE};
	return parse_filter(query, object, query->filter, refusal);
}

static void
filter_free(struct filter *filter)
{
	for (size_t i = 0; i < filter->nfilters; i++)
		filter_free(&filter->filters[i]);
	free(filter->filters);
	free(filter->values);
	free(filter->value);
}

bool
filter_matches(const struct filter *filter, const char *const labels[LABELS])
{
	const char *value = labels[filter->label];

	switch (filter->op) {
	case FILTER_EQ:
		return value != NULL && strcmp(value, filter->value) == 0;
	case FILTER_GT:
		return value != NULL && strcmp(value, filter->value) > 0;
	case FILTER_GTE:
		return value != NULL && strcmp(value, filter->value) >= 0;
	case FILTER_NOT:
		return !filter_matches(&filter->filters[0], labels);
	case FILTER_AND:
		for (size_t i = 0; i < filter->nfilters; i++)
			if (!filter_matches(&filter->filters[i], labels))
				return false;
		return true;
	case FILTER_OR:
		if (filter->values != NULL) {
			value = labels[filter->filters[0].label];
			return value != NULL &&
			    bsearch(&value, filter->values, filter->nfilters,
				sizeof(value), compare_strings) != NULL;
		}
		for (size_t i = 0; i < filter->nfilters; i++)
			if (filter_matches(&filter->filters[i], labels))
				return true;
		return false;
	}
	return false;
}

bool
filter_may_match(
    const struct filter *filter, enum label id_label, const char *id)
{
	switch (filter->op) {
	case FILTER_EQ:
		return filter->label != id_label ||
		    strcmp(filter->value, id) == 0;
	case FILTER_AND:
		for (size_t i = 0; i < filter->nfilters; i++)
			if (!filter_may_match(
				&filter->filters[i], id_label, id))
				return false;
		return true;
	case FILTER_OR:
		if (filter->values != NULL &&
		    filter->filters[0].label == id_label)
			return bsearch(&id, filter->values, filter->nfilters,
				   sizeof(id), compare_strings) != NULL;
		for (size_t i = 0; i < filter->nfilters; i++)
			if (filter_may_match(&filter->filters[i], id_label, id))
				return true;
		return false;
	default:
		return true;
	}
}

/* ---- authorisation ------------------------------------------------------ */

/* The comparisons that bind a query to resources. */
struct terms {
	const struct filter **at;
	size_t n;
};

/* False where the filter lets any resource pass. */
static bool
find_terms(const struct filter *filter, struct terms *terms)
{
	size_t before = terms->n;

	switch (filter->op) {
	case FILTER_EQ:
		if (!label_authorises(filter->label))
			return false;
		terms->at =
		    xrealloc(terms->at, (terms->n + 1) * sizeof(*terms->at));
		terms->at[terms->n++] = filter;
		return true;
	case FILTER_AND:
		for (size_t i = 0; i < filter->nfilters; i++) {
			if (find_terms(&filter->filters[i], terms))
				return true;
			terms->n = before;
		}
		return false;
	case FILTER_OR:
		for (size_t i = 0; i < filter->nfilters; i++)
			if (!find_terms(&filter->filters[i], terms))
				return false;
		return true;
	default:
		return false;
	}
}

static bool
refuse_foreign(const struct terms *terms, size_t nforeign,
    const struct filter *first, enum foreign foreign, struct refusal *refusal)
{
	if (foreign == FOREIGN_404)
		return refuse(refusal, 404, "No data found for the resource %s",
		    first->value);
	if (terms->n > 1 && foreign == FOREIGN_400)
		return refuse(refusal, 400, "Invalid resource in filter: %s",
		    first->value);
	if (terms->n > 1 && nforeign < terms->n && foreign == FOREIGN_DROPPED)
		return true;
	return refuse(refusal, 403,
	    "Query must filter by at least one of your authorized resources");
}

bool
query_is_authorised(const struct query *query, const struct world *world,
    enum foreign foreign, struct refusal *refusal)
{
	struct terms terms = {NULL, 0};
	const struct filter *first = NULL;
	size_t nforeign = 0;
	bool allowed;

	if (query->filter == NULL || !find_terms(query->filter, &terms)) {
		free(terms.at);
		return refuse(refusal, 403,
		    "Query must filter by at least one of your authorized "
		    "resources");
	}
	for (size_t i = 0; i < terms.n; i++) {
		const struct filter *term = terms.at[i];

		if (world_is_authorised(world, term->label, term->value))
			continue;
		nforeign++;
		if (first == NULL)
			first = term;
	}
	allowed = nforeign == 0 ||
	    refuse_foreign(&terms, nforeign, first, foreign, refusal);
	free(terms.at);
	return allowed;
}

/* ---- whole bodies ------------------------------------------------------- */

/* A tree of strictly valid JSON; NULL and a refusal of anything else. */
static cJSON *
parse_json(const char *body, size_t len, struct refusal *refusal)
{
	const char *error;
	size_t offset;
	cJSON *tree;

	if (!json_validate(body, len, &error, &offset)) {
		refuse(refusal, 400, "Malformed JSON: %s at byte %zu", error,
		    offset + 1);
		return NULL;
	}
	/* cJSON would end the string there. */
	if (memmem(body, len, "\\u0000", 6) != NULL) {
		refuse(refusal, 400, "Malformed JSON: \\u0000 in a string");
		return NULL;
	}
	tree = cJSON_ParseWithLength(body, len);
	if (tree == NULL)
		refuse(refusal, 400, "Malformed JSON");
	return tree;
}

bool
query_parse(struct query *query, const char *body, size_t len, int64_t now_ms,
    struct refusal *refusal)
{
	cJSON *tree = parse_json(body, len, refusal);
	int64_t longest_ms;
	bool good;

	*query = (struct query){.metric = NULL};
	good = tree != NULL &&
	    knows_members(tree, "request", refusal,
		(const char *const[]){"aggregations", "group_by", "granularity",
		    "filter", "order_by", "intervals", "limit", "format",
		    NULL}) &&
	    parse_aggregations(query, tree, refusal) &&
	    parse_granularity(query, tree, refusal, &longest_ms) &&
	    parse_intervals(query, tree, now_ms, longest_ms, refusal) &&
	    parse_group_by(query, tree, refusal) &&
	    parse_limit(query, tree,
		query->bucket_ms == 0 ? LIMIT_DEFAULT_ALL : LIMIT_DEFAULT,
		refusal) &&
	    parse_format(query, tree, refusal) &&
	    parse_order_by(query, tree, refusal) &&
	    parse_filter_member(query, tree, refusal);
	cJSON_Delete(tree);
	return good;
}

bool
attributes_parse(struct query *query, const char *body, size_t len,
    int64_t now_ms, struct refusal *refusal)
{
	cJSON *tree = parse_json(body, len, refusal);
	bool good;

	*query = (struct query){.metric = NULL};
	good = tree != NULL &&
	    knows_members(tree, "request", refusal,
		(const char *const[]){"metric", "group_by", "filter",
		    "intervals", "limit", NULL}) &&
	    parse_metric(query, tree, refusal) &&
	    parse_group_by(query, tree, refusal);
	if (good && query->ngroup_by == 0)
		good = refuse(refusal, 400, "group_by must not be empty");
	if (good && member(tree, "intervals") == NULL) {
		query->intervals = xmalloc(sizeof(*query->intervals));
		query->intervals[0] =
		    (struct interval){now_ms - HOUR_MS, now_ms};
		query->nintervals = 1;
	} else if (good) {
		good = parse_intervals(query, tree, now_ms, INT64_MAX, refusal);
	}
	good = good && parse_limit(query, tree, LIMIT_DEFAULT, refusal) &&
	    parse_filter_member(query, tree, refusal);
	cJSON_Delete(tree);
	return good;
}

void
query_free(struct query *query)
{
	if (query->filter != NULL)
		filter_free(query->filter);
	free(query->filter);
	free(query->intervals);
	free(query->group_by);
}

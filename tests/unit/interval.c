#include "interval.h"

#include <string.h>

#include "unit.h"

/* 2020-01-01T02:13:27Z, the API reference's own "now" */
#define NOW_MS INT64_C(1577844807000)

static const struct {
	const char *text;
	int64_t ms; /* -1: refused */
} timestamps[] = {{"1970-01-01T00:00:00Z", 0},
    {"2025-09-03T12:00:00Z", 1756900800000},
    {"2025-09-03T12:00:00.000Z", 1756900800000},
    {"2025-09-03T12:00:00.1239999Z", 1756900800123},
    {"2025-09-03T17:30:00+05:30", 1756900800000},
    {"2025-09-03T12:00:00-00:00", 1756900800000},
    {"2025-09-03T12:00Z", 1756900800000},
    {"2024-02-29T00:00:00Z", 1709164800000},
    {"2016-12-31T23:59:60Z", 1483228800000},
    {"1969-12-31T23:59:59.999Z", -1 - 0}, {"2023-02-29T00:00:00Z", -1},
    {"2100-02-29T00:00:00Z", -1}, {"2025-13-01T00:00:00Z", -1},
    {"2025-00-01T00:00:00Z", -1}, {"2025-04-31T00:00:00Z", -1},
    {"2025-09-03T24:00:00Z", -1}, {"2025-09-03T12:60:00Z", -1},
    {"2025-09-03T12:00:61Z", -1}, {"2025-09-03T12:00:00", -1},
    {"2025-09-03 12:00:00Z", -1}, {"2025-9-3T12:00:00Z", -1},
    {"2025-09-03T12:00:00.Z", -1}, {"2025-09-03T12:00:00Zx", -1},
    {"2025-09-03T12:00:00+24:00", -1}, {"", -1}, {"now", -1},
    {"1756900800000", -1}};

START_TEST(timestamps_are_iso_8601)
{
	int64_t ms;
	bool good = timestamp_parse(
	    timestamps[_i].text, strlen(timestamps[_i].text), &ms);

	/* The one before 1970 is -1 and good. */
	if (strncmp(timestamps[_i].text, "1969", 4) == 0)
		ck_assert(good && ms == -1);
	else if (timestamps[_i].ms < 0)
		ck_assert_msg(!good, "%s", timestamps[_i].text);
	else
		ck_assert_msg(
		    good && ms == timestamps[_i].ms, "%s", timestamps[_i].text);
}
END_TEST

static const struct {
	const char *text;
	const char *start, *end; /* NULL: refused */
} intervals[] = {{"2019-10-17T20:17:00.000Z/PT2H", "2019-10-17T20:17:00Z",
		     "2019-10-17T22:17:00Z"},
    {"2019-10-17T20:17:00Z/2019-10-18T20:17:00Z", "2019-10-17T20:17:00Z",
	"2019-10-18T20:17:00Z"},
    {"PT1H/2025-09-02T01:00:00Z", "2025-09-02T00:00:00Z",
	"2025-09-02T01:00:00Z"},
    {"P1D/2025-09-02T00:00:00Z", "2025-09-01T00:00:00Z",
	"2025-09-02T00:00:00Z"},
    {"P1W/2025-09-08T00:00:00Z", "2025-09-01T00:00:00Z",
	"2025-09-08T00:00:00Z"},
    {"2025-09-02T00:00:00Z/P1DT2H3M4.5S", "2025-09-02T00:00:00Z",
	"2025-09-03T02:03:04.500Z"},
    {"now-2m|m/now", "2020-01-01T02:11:00Z", "2020-01-01T02:13:27Z"},
    {"now|h/now", "2020-01-01T02:00:00Z", "2020-01-01T02:13:27Z"},
    {"now-1d|d/now|h", "2019-12-31T00:00:00Z", "2020-01-01T02:00:00Z"},
    {"now-1h/now+1h", "2020-01-01T01:13:27Z", "2020-01-01T03:13:27Z"},
    {"now-1h|h/now|h", "2020-01-01T01:00:00Z", "2020-01-01T02:00:00Z"},
    {"PT5M/now|m", "2020-01-01T02:08:00Z", "2020-01-01T02:13:00Z"},
    {"2020-01-01T00:00:00+05:30/PT1H", "2019-12-31T18:30:00Z",
	"2019-12-31T19:30:00Z"},
    {"", NULL, NULL}, {"/", NULL, NULL}, {"now", NULL, NULL},
    {"now/", NULL, NULL}, {"PT1H", NULL, NULL}, {"PT1H/PT1H", NULL, NULL},
    {"now-1x/now", NULL, NULL}, {"now-/now", NULL, NULL},
    {"now|/now", NULL, NULL}, {"now/now-1h", NULL, NULL},
    {"2020-01-01T00:00:00Z/P", NULL, NULL},
    {"2020-01-01T00:00:00Z/PT", NULL, NULL},
    {"2020-01-01T00:00:00Z/P1H", NULL, NULL},
    {"2020-01-01T00:00:00Z/PT1D", NULL, NULL},
    {"2020-01-01T00:00:00Z/PT1M1H", NULL, NULL},
    {"2020-01-01T00:00:00Z/P1M", NULL, NULL},
    {"2020-01-01T00:00:00Z/PT1.5H", NULL, NULL},
    {"2020-01-01T00:00:00Z/PT9999999999S", NULL, NULL},
    {"2020-01-01T00:00:00Z/PT1H/PT1H", NULL, NULL},
    {"2020-01-01/2020-01-02", NULL, NULL}};

static int64_t
ms_of(const char *timestamp)
{
	int64_t ms;

	ck_assert(timestamp_parse(timestamp, strlen(timestamp), &ms));
	return ms;
}

START_TEST(intervals_are_the_api_s)
{
	int64_t start_ms, end_ms;
	const char *text = intervals[_i].text;
	bool good =
	    interval_parse(text, strlen(text), NOW_MS, &start_ms, &end_ms);

	ck_assert_msg(good == (intervals[_i].start != NULL), "%s", text);
	if (!good)
		return;
	ck_assert_msg(start_ms == ms_of(intervals[_i].start), "%s", text);
	ck_assert_msg(end_ms == ms_of(intervals[_i].end), "%s", text);
}
END_TEST

START_TEST(granularities_have_the_api_s_limits)
{
	ck_assert(granularity_longest_interval_ms("PT1M") == 6 * 3600000);
	ck_assert(granularity_longest_interval_ms("PT5M") == 24 * 3600000);
	ck_assert(granularity_longest_interval_ms("PT15M") == 96 * 3600000);
	ck_assert(granularity_longest_interval_ms("PT30M") == 168 * 3600000);
	ck_assert(granularity_longest_interval_ms("PT1H") == INT64_MAX);
	ck_assert(granularity_longest_interval_ms("ALL") == INT64_MAX);
	ck_assert(granularity_longest_interval_ms("PT2M") == 0);
	ck_assert(granularity_longest_interval_ms("pt1m") == 0);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, timestamps_are_iso_8601, 0,
	    sizeof(timestamps) / sizeof(timestamps[0]));
	tcase_add_loop_test(tcase, intervals_are_the_api_s, 0,
	    sizeof(intervals) / sizeof(intervals[0]));
	tcase_add_test(tcase, granularities_have_the_api_s_limits);
}

int
main(void)
{
	return run_suite("interval", add_tests);
}

/* ccm-hours: statistics, times and decisions. */
#include <string.h>
#include <sysexits.h>

#include "../../tools/ccm-hours/decide.h"
#include "../../tools/ccm-hours/ledger.h"
#include "../../tools/ccm-hours/stats.h"
#include "../../tools/ccm-hours/times.h"
#include "interval.h"
#include "unit.h"

static int64_t
ms(const char *text)
{
	int64_t value = 0;

	ck_assert_msg(timestamp_parse(text, strlen(text), &value), "%s", text);
	return value;
}

static time_t
hour(const char *text)
{
	time_t value = 0;

	ck_assert_msg(hour_parse(text, strlen(text), &value), "%s", text);
	return value;
}

/* ---- statistics --------------------------------------------------------- */

static bool
parse(struct stats *stats, const char *text)
{
	struct buf buf = BUF_INIT, problem = BUF_INIT;
	bool good;

	buf_add_string(&buf, text);
	buf_terminate(&buf);
	good = stats_parse(stats, &buf, &problem);
	ck_assert_msg(good == (problem.len == 0), "%s: %s", text, problem.data);
	buf_free(&buf);
	buf_free(&problem);
	return good;
}

START_TEST(statistics_are_read)
{
	struct stats stats;

	ck_assert(parse(&stats,
	    "{\"bodies\":9,\"answered\":3,\"nodata\":2,\"owed\":1,\"refused\":4,"
	    "\"points\":7,\"requests\":12,\"throttled\":5,\"seconds\":1.5,"
	    "\"api_time\":1756774800000,\"reachable\":true,"
	    "\"statuses\":[75,77],\"unauthorised\":true,\"refused_resources\":"
	    "[{\"label\":\"resource.kafka.id\",\"id\":\"lkc-1\",\"status\":403,"
	    "\"detail\":{\"a\":[1]}},\"lkc-2\"],\"last_error\":\"a\\tb\","
	    "\"anything\":{\"else\":[1,2]}}\n"));
	ck_assert_int_eq(stats.answered, 3);
	ck_assert_int_eq(stats.nodata, 2);
	ck_assert_int_eq(stats.owed, 1);
	ck_assert_int_eq(stats.refused, 4);
	ck_assert_int_eq(stats.points, 7);
	ck_assert(stats.counts_points);
	ck_assert_int_eq(stats.requests, 12);
	ck_assert_int_eq(stats.throttled, 5);
	ck_assert(stats.seconds == 1.5);
	ck_assert(stats.has_api_time);
	ck_assert_int_eq(stats.api_time_ms, 1756774800000);
	ck_assert_int_eq(stats.reachable, REACHABLE_YES);
	ck_assert(stats.statuses[75] && stats.statuses[77]);
	ck_assert(!stats.statuses[69]);
	ck_assert(stats.unauthorised);
	ck_assert_uint_eq(stats.refused_count, 2);
	ck_assert_str_eq(stats.refused_ids[0], "lkc-1");
	ck_assert_str_eq(stats.refused_ids[1], "lkc-2");
	ck_assert_str_eq(stats.last_error.data, "a\tb");
	stats_free(&stats);

	ck_assert(parse(
	    &stats, "{\"answered\":0,\"api_time\":null,\"reachable\":null}"));
	ck_assert(!stats.has_api_time && !stats.counts_points);
	ck_assert_int_eq(stats.reachable, REACHABLE_UNKNOWN);
	stats_free(&stats);
}
END_TEST

START_TEST(statistics_that_are_wrong_are_refused)
{
	static const char *const wrong[] = {"", "null", "[]", "{}",
	    "{\"owed\":1}", "{\"answered\":1", "{\"answered\":1}}",
	    "{\"answered\":\"1\"}", "{\"answered\":-1}", "{\"answered\":1.5}",
	    "{\"answered\":1e3}", "{\"answered\":99999999999999999999}",
	    "{\"answered\":[1]}", "{\"answered\":1,\"answered\":1}",
	    "{\"answered\":1,\"api_time\":\"now\"}",
	    "{\"answered\":1,\"reachable\":0}",
	    "{\"answered\":1,\"statuses\":75}",
	    "{\"answered\":1,\"statuses\":[0]}",
	    "{\"answered\":1,\"statuses\":[128]}",
	    "{\"answered\":1,\"unauthorised\":null}",
	    "{\"answered\":1,\"refused_resources\":{}}",
	    "{\"answered\":1,\"last_error\":7}"};
	struct stats stats;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_msg(!parse(&stats, wrong[i]), "%s", wrong[i]);
		stats_free(&stats);
	}
}
END_TEST

/* ---- times -------------------------------------------------------------- */

static enum times_news
take(struct times *times, const char *api, const char *started,
    const char *ended)
{
	struct stats stats = {.answered = 1,
	    .has_api_time = api != NULL,
	    .api_time_ms = api != NULL ? ms(api) : 0};

	return times_take(times, &stats, ms(started), ms(ended));
}

START_TEST(safe_time_is_the_earlier_of_both_clocks)
{
	struct times times = {.minute = 5, .backfill = 168};

	ck_assert_int_eq(take(&times, "2025-09-02T01:05:00Z",
			     "2025-09-02T01:05:10Z", "2025-09-02T01:05:20Z"),
	    TIMES_TAKEN);
	ck_assert_int_eq(times.safe_ms, ms("2025-09-02T01:05:00Z"));
	ck_assert_int_eq(take(&times, "2025-09-02T01:07:00Z",
			     "2025-09-02T01:05:10Z", "2025-09-02T01:05:20Z"),
	    TIMES_TAKEN);
	ck_assert_int_eq(times.safe_ms, ms("2025-09-02T01:05:20Z"));
	ck_assert(!times.skewed);
}
END_TEST

START_TEST(five_minutes_are_a_skew)
{
	static const struct {
		const char *api;
		int64_t skew;
	} cases[] = {{"2025-09-02T01:00:00Z", 0}, {"2025-09-02T00:59:59Z", 301},
	    {"2025-09-02T01:15:00Z", 0}, {"2025-09-02T01:15:01Z", -301},
	    {"2025-09-01T20:05:00Z", 18000}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct times times = {.minute = 5, .backfill = 168};
		/* A run of five minutes: its clock is right at both ends. */
		enum times_news news = take(&times, cases[i].api,
		    "2025-09-02T01:05:00Z", "2025-09-02T01:10:00Z");

		ck_assert_int_eq(
		    news, cases[i].skew == 0 ? TIMES_TAKEN : TIMES_SKEWED);
		ck_assert_int_eq(times.skew_seconds, cases[i].skew);
		ck_assert(times.skewed == (cases[i].skew != 0));
	}
}
END_TEST

START_TEST(without_a_date_the_local_clock_counts)
{
	struct times times = {.minute = 5, .backfill = 168};
	struct stats none = {.owed = 1};

	ck_assert_int_eq(times_take(&times, &none, 1000, 2000), TIMES_NONE);
	ck_assert(!times.known);
	ck_assert_int_eq(
	    take(&times, NULL, "2025-09-02T01:05:00Z", "2025-09-02T01:06:00Z"),
	    TIMES_LOCAL);
	ck_assert_int_eq(times.safe_ms, ms("2025-09-02T01:06:00Z"));
	/* A Date that is known already is the better one. */
	take(&times, "2025-09-02T01:04:30Z", "2025-09-02T01:05:00Z",
	    "2025-09-02T01:06:00Z");
	ck_assert_int_eq(
	    take(&times, NULL, "2025-09-02T01:06:00Z", "2025-09-02T01:07:00Z"),
	    TIMES_NONE);
	ck_assert_int_eq(times.safe_ms, ms("2025-09-02T01:04:30Z"));
}
END_TEST

START_TEST(an_hour_is_allowed_a_minute_before_it_is_complete)
{
	struct times times = {.minute = 5, .backfill = 168};

	ck_assert(!times_allow(&times, hour("2025-09-02T00Z")));
	times.known = true;
	times.safe_ms = ms("2025-09-02T01:03:59.999Z");
	ck_assert(!times_allow(&times, hour("2025-09-02T00Z")));
	times.safe_ms = ms("2025-09-02T01:04:00Z");
	ck_assert(times_allow(&times, hour("2025-09-02T00Z")));
	ck_assert(!times_allow(&times, hour("2025-09-02T01Z")));
}
END_TEST

START_TEST(the_last_hour_is_one_that_both_clocks_allow)
{
	struct times times = {.minute = 5, .backfill = 3};
	time_t last;

	ck_assert_int_eq(times_last(&times, ms("2025-09-02T04:04:59Z")),
	    hour("2025-09-02T02Z"));
	last = times_last(&times, ms("2025-09-02T04:05:00Z"));
	ck_assert_int_eq(last, hour("2025-09-02T03Z"));
	ck_assert_int_eq(times_window(&times, last), hour("2025-09-02T01Z"));
	ck_assert_int_eq(times_last(&times, ms("1969-12-31T20:05:00Z")),
	    hour("1969-12-31T19Z"));
	times.known = true;
	times.safe_ms = ms("2025-09-02T03:04:00Z");
	ck_assert_int_eq(times_last(&times, ms("2025-09-02T09:05:00Z")),
	    hour("2025-09-02T02Z"));
	ck_assert_int_eq(times_last(&times, ms("2025-09-02T02:05:00Z")),
	    hour("2025-09-02T01Z"));
}
END_TEST

/* ---- decisions ---------------------------------------------------------- */

START_TEST(decisions)
{
	const struct times now = {.minute = 5,
	    .backfill = 168,
	    .known = true,
	    .safe_ms = ms("2025-09-02T06:05:00Z")};
	static const struct {
		struct attempt attempt;
		struct stats stats;
		int age; /* hours since the one that was just completed */
		enum decision decision;
	} cases[] = {
	    {{.status = 0}, {.answered = 1, .points = 1}, 0, DECIDE_COMMIT},
	    {{.status = 65}, {.answered = 1, .points = 1}, 0, DECIDE_COMMIT},
	    {{.status = 77}, {.answered = 1, .owed = 1, .points = 1}, 0,
		DECIDE_COMMIT},
	    /* 401 in the middle of an hour: what came is kept */
	    {{.status = 77},
		{.answered = 1,
		    .owed = 2,
		    .points = 1,
		    .unauthorised = true,
		    .reachable = REACHABLE_NO},
		0, DECIDE_COMMIT},
	    {{.status = 0}, {.answered = 1}, -1, DECIDE_TOO_EARLY},
	    {{.status = 75}, {.answered = 1}, 0, DECIDE_NOT_ANSWERED},
	    {{.status = 0}, {.owed = 3}, 0, DECIDE_NOT_ANSWERED},
	    {{.status = 77}, {.owed = 3}, 0, DECIDE_NOT_ANSWERED},
	    {{.status = 77}, {.refused = 3}, 0, DECIDE_REFUSED},
	    {{.status = 69}, {.refused = 3, .owed = 1}, 0, DECIDE_NOT_ANSWERED},
	    /* all are 404 */
	    {{.status = 0}, {.nodata = 3, .reachable = REACHABLE_NO}, 0,
		DECIDE_NOT_ANSWERED},
	    {{.status = 0}, {.nodata = 3, .reachable = REACHABLE_YES}, 0,
		DECIDE_COMMIT},
	    /* without a point */
	    {{.status = 0, .points_before = true},
		{.answered = 3, .counts_points = true}, 0, DECIDE_EMPTY},
	    {{.status = 0, .points_before = true},
		{.answered = 3, .counts_points = true}, 5, DECIDE_EMPTY},
	    {{.status = 0, .points_before = true},
		{.answered = 3, .counts_points = true}, 6, DECIDE_COMMIT},
	    {{.status = 0, .points_before = true}, {.answered = 3}, 0,
		DECIDE_COMMIT},
	    {{.status = 0, .points_before = false},
		{.answered = 3, .counts_points = true}, 0, DECIDE_COMMIT},
	    {{.status = 0, .points_before = true, .again = true},
		{.answered = 3, .counts_points = true}, 0, DECIDE_COMMIT},
	    /* what is owed */
	    {{.status = 69, .owed = true}, {.refused = 1}, 3, DECIDE_COMMIT},
	    {{.status = 77, .owed = true},
		{.refused = 1, .reachable = REACHABLE_NO}, 3, DECIDE_REFUSED},
	    {{.status = 75, .owed = true}, {.owed = 1}, 3, DECIDE_NOT_ANSWERED},
	    {{.status = 0, .owed = true}, {.nodata = 1}, 200, DECIDE_COMMIT},
	    /* the window */
	    {{.status = 0}, {.answered = 1, .points = 1}, 167, DECIDE_COMMIT},
	    {{.status = 0}, {.answered = 1, .points = 1}, 168, DECIDE_EXPIRED},
	    {{.status = 0, .forced = true}, {.answered = 1, .points = 1}, 168,
		DECIDE_COMMIT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct attempt attempt = cases[i].attempt;

		attempt.hour = hour("2025-09-02T05Z") -
		    (time_t)cases[i].age * HOUR_SECONDS;
		attempt.window = times_window(&now, hour("2025-09-02T05Z"));
		ck_assert_msg(decide(&attempt, &cases[i].stats, &now) ==
			cases[i].decision,
		    "case %zu", i);
	}
}
END_TEST

START_TEST(what_ends_a_run)
{
	for (int status = 0; status < 256; status++) {
		bool reads = status == EX_OK || status == EX_DATAERR ||
		    status == EX_UNAVAILABLE || status == EX_TEMPFAIL ||
		    status == EX_NOPERM;

		ck_assert(decide_reads_stats(status) == reads);
	}
	ck_assert(!decide_ends_run(&(struct stats){.owed = 1}));
	ck_assert(decide_ends_run(&(struct stats){.unauthorised = true}));
	ck_assert(decide_ends_run(&(struct stats){.reachable = REACHABLE_NO}));
}
END_TEST

/* ---- names and hours ---------------------------------------------------- */

START_TEST(names_of_directories)
{
	static const char *const wrong[] = {"", "2025-09-02T00",
	    "2025-09-02T00Z.", "2025-09-02T00Z.1", "2025-09-02T00Z.02",
	    "2025-09-02T00Z.2x", "2025-09-02T00Z.bad", "2025-09-02T24Z",
	    "2025-02-30T00Z", "2025-09-02T00Z.12345678901", "2025-09-02T00Zx"};
	char name[LEDGER_NAME_SIZE];
	unsigned round;
	time_t at;

	ck_assert(ledger_parse_name("2025-09-02T00Z", &at, &round));
	ck_assert_uint_eq(round, 1);
	ck_assert(ledger_parse_name("2025-09-02T00Z.10", &at, &round));
	ck_assert_uint_eq(round, 10);
	ck_assert_int_eq(at, hour("2025-09-02T00Z"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(
		    !ledger_parse_name(wrong[i], &at, &round), "%s", wrong[i]);
	ledger_name(hour("2025-09-02T00Z"), 1, name);
	ck_assert_str_eq(name, "2025-09-02T00Z");
	ledger_name(hour("2025-09-02T00Z"), 999999999, name);
	ck_assert_str_eq(name, "2025-09-02T00Z.999999999");
}
END_TEST

START_TEST(undone_hours_are_found_in_order)
{
	time_t from = hour("2025-09-02T00Z"), at;
	struct ledger ledger = {.count = 0};

	ledger_add(&ledger, from + HOUR_SECONDS, 1, true);
	ledger_add(&ledger, from, 2, true);
	ledger_add(&ledger, from, 1, false); /* older: does not count */
	ck_assert(ledger_find(&ledger, from)->owes);
	ck_assert_uint_eq(ledger.count, 2);
	ck_assert_uint_eq(
	    ledger_count_undone(&ledger, from, from + 3 * HOUR_SECONDS), 2);
	ck_assert_uint_eq(
	    ledger_count_undone(&ledger, from, from - HOUR_SECONDS), 0);
	ck_assert(
	    ledger_next_undone(&ledger, from, from + 3 * HOUR_SECONDS, &at));
	ck_assert_int_eq(at, from + 2 * HOUR_SECONDS);
	ledger_note_queried(&ledger, at);
	ck_assert(
	    ledger_next_undone(&ledger, from, from + 3 * HOUR_SECONDS, &at));
	ck_assert_int_eq(at, from + 3 * HOUR_SECONDS);
	ledger_note_queried(&ledger, at);
	ck_assert(
	    !ledger_next_undone(&ledger, from, from + 3 * HOUR_SECONDS, &at));
	ledger_drop_before(&ledger, from + HOUR_SECONDS);
	ck_assert(ledger_find(&ledger, from) == NULL);
	ck_assert_uint_eq(ledger.count, 1);
	ledger_free(&ledger);
}
END_TEST

START_TEST(the_first_hour_that_is_wanted)
{
	const struct times times = {.minute = 5, .backfill = 3};
	time_t last = hour("2025-09-02T05Z");
	struct ledger ledger = {.since_kind = SINCE_NONE};

	ck_assert_int_eq(ledger_first(&ledger, &times, last), last);
	ledger.since_kind = SINCE_WINDOW;
	ck_assert_int_eq(
	    ledger_first(&ledger, &times, last), hour("2025-09-02T03Z"));
	ledger.since_kind = SINCE_FIRST;
	ledger.since = hour("2025-09-02T01Z");
	ck_assert_int_eq(ledger_first(&ledger, &times, last), ledger.since);
	/* A first run whose clock was ahead has noted it. */
	ledger.since = hour("2025-09-02T09Z");
	ck_assert_int_eq(ledger_first(&ledger, &times, last), last);
	ledger.since_kind = SINCE_HOUR;
	ck_assert_int_eq(ledger_first(&ledger, &times, last), ledger.since);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, statistics_are_read);
	tcase_add_test(tcase, statistics_that_are_wrong_are_refused);
	tcase_add_test(tcase, safe_time_is_the_earlier_of_both_clocks);
	tcase_add_test(tcase, five_minutes_are_a_skew);
	tcase_add_test(tcase, without_a_date_the_local_clock_counts);
	tcase_add_test(
	    tcase, an_hour_is_allowed_a_minute_before_it_is_complete);
	tcase_add_test(tcase, the_last_hour_is_one_that_both_clocks_allow);
	tcase_add_test(tcase, decisions);
	tcase_add_test(tcase, what_ends_a_run);
	tcase_add_test(tcase, names_of_directories);
	tcase_add_test(tcase, undone_hours_are_found_in_order);
	tcase_add_test(tcase, the_first_hour_that_is_wanted);
}

int
main(void)
{
	return run_suite("hours", add_tests);
}

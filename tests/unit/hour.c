#include "hour.h"

#include "unit.h"

#define SEPTEMBER_2 ((time_t)1756771200) /* 2025-09-02T00:00:00Z */

static const char *const hours[] = {"1970-01-01T00Z", "2024-02-29T23Z",
    "2025-09-02T00Z", "9999-12-31T23Z", "0000-01-01T00Z"};

START_TEST(an_hour_reads_back_as_it_was_written)
{
	char text[HOUR_SIZE];
	time_t hour;

	ck_assert(hour_parse(hours[_i], strlen(hours[_i]), &hour));
	ck_assert_int_eq(hour % HOUR_SECONDS, 0);
	hour_format(hour, text);
	ck_assert_str_eq(text, hours[_i]);
}
END_TEST

static const char *const no_hours[] = {"", "2025-09-02T00", "2025-09-02T24Z",
    "2025-02-29T00Z", "2025-09-02T00:00:00Z", "2025-09-02t00Z",
    "2025-09-02T0aZ", "+025-09-02T00Z", "PATH[$(id)]"};

START_TEST(nothing_else_is_an_hour)
{
	time_t hour;

	ck_assert(!hour_parse(no_hours[_i], strlen(no_hours[_i]), &hour));
}
END_TEST

static const char *const loose[] = {"2025-09-02T00", "2025-09-02T00Z",
    "2025-09-02T00:00", "2025-09-02T00:00Z", "2025-09-02T00:00:00",
    "2025-09-02T00:00:00Z"};

START_TEST(a_user_writes_an_hour_in_six_ways)
{
	time_t hour;

	ck_assert(hour_parse_loosely(loose[_i], &hour));
	ck_assert_int_eq(hour, SEPTEMBER_2);
}
END_TEST

static const char *const not_loose[] = {"", "2025-09-02", "2025-09-02T00:30",
    "2025-09-02T00:00:01Z", "2025-09-02T00ZZ", "2025-13-02T00"};

START_TEST(a_part_of_an_hour_is_none)
{
	time_t hour;

	ck_assert(!hour_parse_loosely(not_loose[_i], &hour));
}
END_TEST

START_TEST(a_time_is_written_in_utc)
{
	char text[TIME_SIZE];

	time_format(SEPTEMBER_2 + 65, text);
	ck_assert_str_eq(text, "2025-09-02T00:01:05Z");
	time_format((time_t)1 << 60, text);
	ck_assert_str_eq(text, "9999-12-31T23:59:59Z");
	time_format(-((time_t)1 << 60), text);
	ck_assert_str_eq(text, "0000-01-01T00:00:00Z");
}
END_TEST

START_TEST(ccm_now_stands_in_for_the_clock)
{
	struct ccm_clock clock;
	int64_t ahead_ms;

	setenv("CCM_NOW", "2025-09-02T02:00:00+02:00", 1);
	ck_assert(clock_start(&clock));
	ahead_ms = clock_now_ms(&clock) - (int64_t)SEPTEMBER_2 * 1000;
	ck_assert(ahead_ms >= 0 && ahead_ms < 60000);
	setenv("CCM_NOW", "", 1);
	ck_assert(clock_start(&clock));
	ck_assert_int_eq(clock.offset_ms, 0);
	unsetenv("CCM_NOW");
}
END_TEST

static const char *const no_times[] = {"now", "2025-09-02T00:00:00",
    "2025-09-02T00:00:00+99:99", "2025-09-02T00:00:00+24:00",
    "2025-09-02T25:00:00Z", "PATH[$(id)]"};

START_TEST(ccm_now_is_a_time_with_its_zone)
{
	struct ccm_clock clock;

	setenv("CCM_NOW", no_times[_i], 1);
	ck_assert(!clock_start(&clock));
	unsetenv("CCM_NOW");
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(
	    tcase, an_hour_reads_back_as_it_was_written, 0, COUNT(hours));
	tcase_add_loop_test(tcase, nothing_else_is_an_hour, 0, COUNT(no_hours));
	tcase_add_loop_test(
	    tcase, a_user_writes_an_hour_in_six_ways, 0, COUNT(loose));
	tcase_add_loop_test(
	    tcase, a_part_of_an_hour_is_none, 0, COUNT(not_loose));
	tcase_add_test(tcase, a_time_is_written_in_utc);
	tcase_add_test(tcase, ccm_now_stands_in_for_the_clock);
	tcase_add_loop_test(
	    tcase, ccm_now_is_a_time_with_its_zone, 0, COUNT(no_times));
}

int
main(void)
{
	return run_suite("hour", add_tests);
}

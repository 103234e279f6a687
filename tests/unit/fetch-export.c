/*
 * ccm-fetch export: an answer read in pieces of any size, and what is kept of
 * the requests of an hour.
 */
#include <stdio.h>
#include <unistd.h>

#include "../../tools/ccm-fetch/limits.h"
#include "../../tools/ccm-fetch/scrape.h"

#include "unit.h"

#define TEXT "text/plain;version=0.0.4"
#define OPENMETRICS "application/openmetrics-text;version=1.0.0"

/* ---- an answer ---------------------------------------------------------- */

static struct resources resources;
static struct store store;
static struct scrape scrape;

static void
begin(bool openmetrics)
{
	store = (struct store)STORE_INIT;
	resources = (struct resources){.all = NULL};
	resources_add(&resources, "resource.kafka.id", "lkc-1");
	resources_add(&resources, "resource.compute_pool.id", "lfcp-1");
	scrape = (struct scrape){.resources = &resources,
	    .store = &store,
	    .openmetrics = openmetrics,
	    .reader = EXPOSITION_READER_INIT};
	scrape_start(&scrape);
}

static void
end(void)
{
	scrape_free(&scrape);
	store_free(&store);
	resources_free(&resources);
}

static const char good[] =
    "# HELP a b\n# TYPE a gauge\n"
    "a{kafka_id=\"lkc-1\",topic=\"}\\\",\",} 1.5E1 1756774800000\n"
    "a{kafka_id=\"lkc-2\"} 1 1756774800000\n"
    "c{compute_pool_id=\"lfcp-1\"} NaN 1756774860000\n"
    "c{compute_pool_id=\"lfcp-1\",x=\"1\"} 2 1756774800\n"
    "export_status{metric=\"m\",resource=\"kafka\",} 1.0\n"
    "export_status{metric=\"n\",resource=\"kafka\",} 0.0\n"
    "confluent_scrape_resource_access_error{resource_type=\"resource.kafka."
    "id\",resource_id=\"lkc-1\",} 1.0\n";

START_TEST(an_answer_is_read_in_pieces_of_any_size)
{
	size_t step = (size_t)_i + 1, len = strlen(good);

	begin(false);
	for (size_t at = 0; at < len; at += step)
		ck_assert(scrape_feed(
		    &scrape, good + at, step < len - at ? step : len - at));
	ck_assert_msg(scrape_end(&scrape, TEXT), "%s", scrape.error);
	ck_assert_uint_eq(store.buf.len, len);
	ck_assert_mem_eq(store.buf.data, good, len);
	ck_assert_uint_eq(scrape.samples, 4);
	ck_assert_uint_eq(scrape.unreadable, 0);
	ck_assert_uint_eq(scrape.largest[0], 1);
	ck_assert_uint_eq(scrape.largest[1], 2);
	ck_assert_int_eq(scrape.newest_ms[1], 1756774860000);
	ck_assert(scrape.inaccessible[0] && !scrape.inaccessible[1]);
	ck_assert_uint_eq(scrape.nfailed, 1);
	ck_assert_str_eq(scrape.failed[0], "m");
	ck_assert_ptr_null(scrape.cut_family);
	end();
}
END_TEST

static const struct {
	const char *text, *type;
	bool openmetrics, good;
} ends[] = {{"", TEXT, false, true}, {"a 1\n", TEXT, false, true},
    {"a 1", TEXT, false, false}, {"a 1\n", "text/html", false, false},
    {"a 1\n", NULL, false, false}, {"a 1\n", OPENMETRICS, false, false},
    {"<html>\n", TEXT, false, false}, {"<html>\na 1\n", TEXT, false, true},
    {"a 1\n# EOF\n", OPENMETRICS, true, true},
    {"a 1\n#EOF\n", OPENMETRICS, true, true},
    {"a 1\n# EOF", OPENMETRICS, true, true},
    {"a 1\n", OPENMETRICS, true, false}, {"", OPENMETRICS, true, false},
    {"# EOF\na 1\n", OPENMETRICS, true, false}};

START_TEST(an_answer_that_is_cut_or_no_metrics_is_refused)
{
	begin(ends[_i].openmetrics);
	ck_assert(scrape_feed(&scrape, ends[_i].text, strlen(ends[_i].text)));
	ck_assert_int_eq(scrape_end(&scrape, ends[_i].type), ends[_i].good);
	end();
}
END_TEST

START_TEST(a_family_with_as_many_samples_as_there_may_be_is_cut)
{
	static const char line[] = "a{kafka_id=\"lkc-1\"} 1\n";

	begin(false);
	for (int i = 0; i < SCRAPE_SAMPLES_MAX - 1; i++)
		scrape_feed(&scrape, line, strlen(line));
	ck_assert_ptr_null(scrape.cut_family);
	scrape_feed(&scrape, line, strlen(line));
	ck_assert_str_eq(scrape.cut_family, "a");
	ck_assert_uint_eq(scrape.cut_resource, 0);
	ck_assert(scrape_end(&scrape, TEXT));
	ck_assert_uint_eq(scrape.largest[0], SCRAPE_SAMPLES_MAX);
	end();
}
END_TEST

/* ---- the hour ----------------------------------------------------------- */

static char directory[] = "/tmp/fetch-export.XXXXXX";
static struct limits limits;
static size_t chosen[] = {0, 1}, held[2];
static int64_t until_ms;

/* A run at that second of an hour. */
static void
at(int64_t second)
{
	struct ccm_clock clock = {.offset_ms = 0};

	if (limits.name != NULL)
		limits_close(&limits);
	clock.offset_ms = (1756774800 + second) * 1000 - clock_now_ms(&clock);
	limits_open(&limits, "host", "KEY/1", &clock);
	limits_read(&limits);
}

static void
set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	setenv("CCM_RATE_DIR", directory, 1);
	limits.name = NULL;
	begin(false);
}

static void
tear_down(void)
{
	struct buf path = BUF_INIT;

	limits_close(&limits);
	buf_printf(&path, "%s/host.export.KEY%%2F1", directory);
	unlink(path.data);
	rmdir(directory);
	buf_free(&path);
	end();
}

static size_t
take(bool is_retry)
{
	return limits_take(
	    &limits, &resources, chosen, 1, is_retry, held, &until_ms);
}

START_TEST(a_retry_leaves_ten_of_eighty)
{
	set_up();
	for (int i = 0; i < 70; i++) {
		at(i);
		ck_assert_uint_eq(take(i > 0), 0);
	}
	ck_assert_uint_eq(take(true), 1);
	for (int i = 70; i < 80; i++) {
		at(i);
		ck_assert_uint_eq(take(false), 0);
	}
	ck_assert_uint_eq(take(false), 1);
	ck_assert_uint_eq(held[0], 0);
	ck_assert_int_eq(
	    limits_check(&limits, &resources.all[0], &until_ms), HOLD_HOUR);
	ck_assert_int_eq(until_ms / 1000, 1756774800 + 3605);
	/* Another resource has its own. */
	ck_assert_int_eq(
	    limits_check(&limits, &resources.all[1], &until_ms), HOLD_NONE);
	at(3605);
	ck_assert_int_eq(
	    limits_check(&limits, &resources.all[0], &until_ms), HOLD_NONE);
	ck_assert_uint_eq(take(false), 0);
	tear_down();
}
END_TEST

START_TEST(an_answer_holds_back_the_next_run_for_fifty_seconds)
{
	const uint64_t largest[] = {7, 8};

	set_up();
	at(0);
	take(false);
	limits_answered(&limits, &resources, chosen, 2, largest);
	at(49);
	ck_assert_int_eq(
	    limits_check(&limits, &resources.all[0], &until_ms), HOLD_MINUTE);
	ck_assert_uint_eq(limits_find(&limits, &resources.all[0])->largest, 7);
	at(51);
	ck_assert_int_eq(
	    limits_check(&limits, &resources.all[0], &until_ms), HOLD_NONE);
	/* The clock was set back. */
	at(-100);
	ck_assert_int_eq(
	    limits_check(&limits, &resources.all[0], &until_ms), HOLD_NONE);
	tear_down();
}
END_TEST

START_TEST(what_the_api_said_is_kept)
{
	set_up();
	at(0);
	limits_take(&limits, &resources, chosen, 2, false, held, &until_ms);
	limits_held(
	    &limits, &resources, chosen, 1, (int64_t)(1756774800 + 600) * 1000);
	limits_refused(&limits, &resources, chosen + 1, 1, "a \"b\"\n");
	at(599);
	ck_assert_int_eq(
	    limits_check(&limits, &resources.all[0], &until_ms), HOLD_API);
	ck_assert_int_eq(until_ms / 1000, 1756774800 + 600);
	ck_assert_str_eq(
	    limits_find(&limits, &resources.all[1])->detail, "a \"b\"\n");
	at(601);
	ck_assert_int_eq(
	    limits_check(&limits, &resources.all[0], &until_ms), HOLD_NONE);
	tear_down();
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(
	    tcase, an_answer_is_read_in_pieces_of_any_size, 0, 40);
	tcase_add_loop_test(tcase,
	    an_answer_that_is_cut_or_no_metrics_is_refused, 0,
	    sizeof(ends) / sizeof(ends[0]));
	tcase_add_test(
	    tcase, a_family_with_as_many_samples_as_there_may_be_is_cut);
	tcase_add_test(tcase, a_retry_leaves_ten_of_eighty);
	tcase_add_test(
	    tcase, an_answer_holds_back_the_next_run_for_fifty_seconds);
	tcase_add_test(tcase, what_the_api_said_is_kept);
}

int
main(void)
{
	return run_suite("fetch-export", add_tests);
}

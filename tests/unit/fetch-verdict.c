#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "../../tools/ccm-fetch/answer.h"
#include "../../tools/ccm-fetch/asked.h"
#include "../../tools/ccm-fetch/memory.h"
#include "unit.h"

/* ---- what an answer means ----------------------------------------------- */

#define OURS "{\"errors\":[{\"detail\":\"d\"}]}"

static const struct {
	CURLcode result;
	long status;
	const char *text;
	enum verdict verdict;
	bool may_split;
	int status_alone;
} cases[] = {
    {CURLE_OK, 200, "", VERDICT_PAGE, false, 0},
    {CURLE_OK, 204, "", VERDICT_NONE, false, EX_TEMPFAIL},
    {CURLE_OK, 302, "", VERDICT_NONE, false, EX_UNAVAILABLE},
    {CURLE_OK, 400, OURS, VERDICT_REFUSED, false, 0},
    {CURLE_OK, 403, OURS, VERDICT_REFUSED, false, 0},
    {CURLE_OK, 404, OURS, VERDICT_NO_DATA, false, 0},
    {CURLE_OK, 400, "<html>", VERDICT_NONE, false, EX_UNAVAILABLE},
    {CURLE_OK, 403, "<html>", VERDICT_NONE, false, EX_UNAVAILABLE},
    {CURLE_OK, 404, "<html>", VERDICT_NONE, false, EX_UNAVAILABLE},
    {CURLE_OK, 401, OURS, VERDICT_UNAUTHORISED, false, EX_NOPERM},
    {CURLE_OK, 401, "<html>", VERDICT_UNAUTHORISED, false, EX_NOPERM},
    {CURLE_OK, 407, "<html>", VERDICT_UNAUTHORISED, false, EX_NOPERM},
    {CURLE_OK, 405, OURS, VERDICT_NONE, false, EX_UNAVAILABLE},
    {CURLE_OK, 408, "", VERDICT_RETRY, false, EX_TEMPFAIL},
    {CURLE_OK, 409, OURS, VERDICT_NONE, false, EX_TEMPFAIL},
    {CURLE_OK, 413, OURS, VERDICT_NONE, false, EX_UNAVAILABLE},
    {CURLE_OK, 425, "", VERDICT_RETRY, false, EX_TEMPFAIL},
    {CURLE_OK, 429, OURS, VERDICT_RETRY, false, EX_TEMPFAIL},
    {CURLE_OK, 500, OURS, VERDICT_RETRY, true, EX_TEMPFAIL},
    {CURLE_OK, 502, OURS, VERDICT_RETRY, false, EX_TEMPFAIL},
    {CURLE_OK, 503, "x", VERDICT_RETRY, false, EX_TEMPFAIL},
    {CURLE_OK, 504, "x", VERDICT_RETRY, true, EX_TEMPFAIL},
    {CURLE_OPERATION_TIMEDOUT, 0, "", VERDICT_RETRY, true, EX_TEMPFAIL},
    {CURLE_COULDNT_CONNECT, 0, "", VERDICT_RETRY, false, EX_TEMPFAIL},
    {CURLE_PEER_FAILED_VERIFICATION, 0, "", VERDICT_NONE, false,
	EX_UNAVAILABLE},
};

START_TEST(an_answer_is_one_of_six)
{
	struct transfer transfer = {
	    .result = cases[_i].result, .status = cases[_i].status};
	struct answer answer;

	buf_add_string(&transfer.text, cases[_i].text);
	answer = answer_read(&transfer);
	ck_assert_int_eq(answer.verdict, cases[_i].verdict);
	ck_assert_int_eq(answer.may_split, cases[_i].may_split);
	if (cases[_i].status_alone != 0)
		ck_assert_int_eq(answer.status_alone, cases[_i].status_alone);
	answer_free(&answer);
	buf_free(&transfer.text);
}
END_TEST

START_TEST(a_foreign_text_is_shown_as_far_as_it_is_printable)
{
	static const struct {
		const char *text, *shown;
	} texts[] = {{"", ""}, {"\n\t a \r\n\x01 b\x7f", "a b"},
	    {"caf\xc3\xa9 ferm\xc3\xa9", "caf\xc3\xa9 fer"},
	    {"bad \xff\xc3", "bad"}, {"abcdefghijk", "abcdefgh"}};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct buf text = BUF_INIT, out = BUF_INIT;

		buf_add_string(&text, texts[i].text);
		buf_terminate(&text);
		add_printable(&out, text.data, text.len, 8);
		buf_terminate(&out);
		ck_assert_str_eq(out.data, texts[i].shown);
		buf_free(&text);
		buf_free(&out);
	}
}
END_TEST

/* ---- points that the query does not name -------------------------------- */

#define KAFKA(id) \
	"{\"field\":\"resource.kafka.id\",\"op\":\"EQ\",\"value\":\"" id "\"}"
#define BODY(granularity, interval)                                    \
	"{\"aggregations\":[{\"metric\":\"a/b\"}],\"filter\":{\"op\":" \
	"\"OR\",\"filters\":[" KAFKA("lkc-1") "," KAFKA(               \
	    "lkc-2") "]},\"group_by\":[\"resource.kafka.id\"],"        \
		     "\"granularity\":\"" granularity                  \
		     "\",\"intervals\":[\"" interval "\"]}"
#define POINT(id, time)                                                  \
	"{\"metric\":\"a/b\",\"timestamp\":\"" time                      \
	"\",\"resource.kafka.id\":\"" id "\",\"metric.x\":\",\\\"timest" \
	"amp\\\":\\\"\",\"value\":1}\n"

static const struct {
	const char *body, *points;
	unsigned strangers;
} asked_cases[] = {
    {BODY("PT1H", "2025-09-02T00:00:00Z/PT1H"),
	POINT("lkc-1", "2025-09-02T00:00:00Z")
	    POINT("lkc-2", "2025-09-02T00:00:00Z"),
	0},
    {BODY("PT1H", "2025-09-02T00:00:00Z/PT1H"),
	POINT("lkc-3", "2025-09-02T00:00:00Z") POINT("lkc-1",
	    "2025-09-02T01:00:00Z") POINT("lkc-1", "2025-09-01T23:00:00Z"),
	3},
    /* A bucket begins before the interval that opens in it. */
    {BODY("PT1H", "2025-09-02T00:30:00Z/PT1H"),
	POINT("lkc-1", "2025-09-02T00:00:00Z"), 0},
    {BODY("PT1M", "2025-09-02T00:30:00Z/PT1H"),
	POINT("lkc-1", "2025-09-02T00:29:00Z"), 1},
    /* What "now" was, the API knows. */
    {BODY("PT1H", "now-1h|h/now|h"), POINT("lkc-1", "2020-01-01T00:00:00Z"), 0},
    {BODY("PT1H", "2025-09-02T00:00:00Z/PT1H"),
	"{\"metric\":\"a/b\",\"value\":1}\n", 0},
};

START_TEST(points_that_the_query_does_not_name_are_counted)
{
	struct resources resources = {.all = NULL};
	struct buf problem = BUF_INIT;
	struct asked asked;
	struct body body;
	const char *text = asked_cases[_i].body;

	ck_assert(
	    body_read(&body, text, strlen(text), 0, &resources, &problem));
	asked_read(&asked, &body, &resources);
	asked_check(&asked, &body, &resources, asked_cases[_i].points,
	    strlen(asked_cases[_i].points));
	ck_assert_uint_eq(asked.strangers, asked_cases[_i].strangers);
	ck_assert_int_eq(asked.stranger.len > 0, asked.strangers > 0);
	asked_free(&asked);
	body_free(&body);
	resources_free(&resources);
	buf_free(&problem);
}
END_TEST

/* ---- what -k keeps ------------------------------------------------------ */

#define NOW_MS ((int64_t)1756775100000)
#define DAY_MS ((int64_t)86400000)
#define LABEL "resource.kafka.id"

static struct resource *
add(struct resources *resources, const char *id)
{
	size_t index = resources_add(resources, LABEL, id);

	return &resources->all[index];
}

START_TEST(what_is_learned_is_kept_for_its_time)
{
	static const char path[] = "fetch-verdict.memory";
	struct resources before = {.all = NULL}, after = {.all = NULL};

	resource_suspect(add(&before, "lkc-1"), "a/b", NOW_MS);
	resource_suspect(add(&before, "lkc-1"), "a/c", NOW_MS - DAY_MS);
	resource_suspect(add(&before, "lkc-\"4"), "a/b", NOW_MS);
	resource_refuse(add(&before, "lkc-2"), 403, "not \xff yours");
	add(&before, "lkc-3")->failing = true;
	memory_write(path, "run-1", NOW_MS, &before);

	memory_read(path, "run-1", NOW_MS + 1000, &after);
	ck_assert(resource_is_suspect(add(&after, "lkc-1"), "a/b"));
	ck_assert(!resource_is_suspect(add(&after, "lkc-1"), "a/c"));
	ck_assert(resource_is_suspect(add(&after, "lkc-\"4"), "a/b"));
	ck_assert_int_eq(add(&after, "lkc-2")->refused, 403);
	ck_assert(add(&after, "lkc-3")->failing);
	resource_clear(add(&after, "lkc-1"), "a/b");
	ck_assert(!resource_is_suspect(add(&after, "lkc-1"), "a/b"));
	resources_free(&after);

	/* Another run; a day later; a clock that was ahead by two. */
	after = (struct resources){.all = NULL};
	memory_read(path, "run-2", NOW_MS + DAY_MS, &after);
	memory_read(path, NULL, NOW_MS - 2 * DAY_MS, &after);
	ck_assert(!resource_is_suspect(add(&after, "lkc-1"), "a/b"));
	ck_assert_int_eq(add(&after, "lkc-2")->refused, 0);
	ck_assert(!add(&after, "lkc-3")->failing);
	resources_free(&after);
	resources_free(&before);
	unlink(path);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, an_answer_is_one_of_six, 0,
	    sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(
	    tcase, a_foreign_text_is_shown_as_far_as_it_is_printable);
	tcase_add_loop_test(tcase,
	    points_that_the_query_does_not_name_are_counted, 0,
	    sizeof(asked_cases) / sizeof(asked_cases[0]));
	tcase_add_test(tcase, what_is_learned_is_kept_for_its_time);
}

int
main(void)
{
	return run_suite("fetch-verdict", add_tests);
}

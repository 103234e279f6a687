#include "../../tools/ccm-fetch/body.h"
#include "../../tools/ccm-fetch/flags.h"
#include "../../tools/ccm-fetch/points.h"
#include "../../tools/ccm-fetch/response.h"

#include "unit.h"

#define AGGREGATIONS "\"aggregations\":[{\"metric\":\"a/b\"}]"
#define KAFKA(id) \
	"{\"field\":\"resource.kafka.id\",\"op\":\"EQ\",\"value\":\"" id "\"}"

static struct resources resources;

static struct body
read_good(const char *text)
{
	struct body body;
	struct buf problem = BUF_INIT;

	ck_assert_msg(
	    body_read(&body, text, strlen(text), 0, &resources, &problem), "%s",
	    buf_terminate(&problem));
	buf_free(&problem);
	return body;
}

static const struct {
	const char *text, *problem;
} bad_bodies[] = {{"x", "not JSON: a value was expected at column 1"},
    {"[]", "not an object"}, {"{}", "no metric is named"},
    {"{\"aggregations\":[]}", "no metric is named"},
    {"{\"aggregations\":[{\"metric\":7}]}", "no metric is named"},
    {"{" AGGREGATIONS "," AGGREGATIONS "}",
	"not JSON: duplicate key at column 36"},
    {"{" AGGREGATIONS ",\"intervals\":[\"yesterday\"]}",
	"interval \"yesterday\" is none that the API knows (START/END, "
	"START/DURATION, DURATION/END)"},
    {"{" AGGREGATIONS ",\"granularity\":\"PT2M\"}",
	"granularity \"PT2M\" is none that the API knows"},
    {"{" AGGREGATIONS ",\"granularity\":\"PT1M\",\"intervals\":[\"now-1h/"
     "now\",\"now-7h/now\"]}",
	"interval \"now-7h/now\" is too long for granularity PT1M (the API "
	"allows 6 hours)"}};

START_TEST(a_bad_body_is_told_why)
{
	struct body body;
	struct buf problem = BUF_INIT;
	const char *text = bad_bodies[_i].text;

	ck_assert(
	    !body_read(&body, text, strlen(text), 0, &resources, &problem));
	ck_assert_str_eq(buf_terminate(&problem), bad_bodies[_i].problem);
	body_free(&body);
	buf_free(&problem);
}
END_TEST

START_TEST(a_missing_limit_is_added_where_there_are_groups)
{
	static const struct {
		const char *text, *sent;
	} cases[] = {{"{" AGGREGATIONS "}", "{" AGGREGATIONS "}"},
	    {"{" AGGREGATIONS ",\"group_by\":[]}",
		"{" AGGREGATIONS ",\"group_by\":[]}"},
	    {"{" AGGREGATIONS ",\"group_by\":[\"metric.x\"]} ",
		"{" AGGREGATIONS
		",\"group_by\":[\"metric.x\"],\"limit\":1000}"},
	    {"{\"limit\": 7, " AGGREGATIONS ",\"group_by\":[\"metric.x\"]}",
		"{\"limit\": 7, " AGGREGATIONS
		",\"group_by\":[\"metric.x\"]}"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct body body = read_good(cases[i].text);

		ck_assert_str_eq(body.text.data, cases[i].sent);
		ck_assert_str_eq(body.metric, "a/b");
		body_free(&body);
	}
}
END_TEST

/* The piece of a body that asks for only the given of its resources. */
static char *
piece_of(const struct body *body, size_t first, size_t count)
{
	struct buf out = BUF_INIT;

	body_write_piece(
	    body, &resources, body->resources + first, count, &out);
	return buf_terminate(&out);
}

START_TEST(an_or_of_resources_is_cut_wherever_it_stands)
{
	static const struct {
		const char *before, *after;
	} cases[] = {{"{" AGGREGATIONS ",\"filter\":",
			 ",\"group_by\":[\"resource.kafka.id\"],\"limit\":5}"},
	    {"{\"filter\": {\"op\":\"AND\",\"filters\":[{\"op\":\"NOT\","
	     "\"filter\":{\"field\":\"metric.topic\",\"op\":\"EQ\","
	     "\"value\":\"x\"}}, ",
		"]}, " AGGREGATIONS
		",\"group_by\":[\"resource.kafka.id\"],\"limit\":5}"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf text = BUF_INIT, wanted = BUF_INIT;
		struct body body;
		char *piece;

		buf_printf(&text, "%s%s%s", cases[i].before,
		    "{ \"op\":\"OR\", \"filters\":[" KAFKA("lkc-1") ", " KAFKA(
			"lkc-2") "," KAFKA("lkc-3") "] }",
		    cases[i].after);
		body = read_good(buf_terminate(&text));
		ck_assert_uint_eq(body.nresources, 3);
		ck_assert(body.grouped_by_resource);

		buf_printf(&wanted,
		    "%s{\"op\":\"OR\",\"filters\":[" KAFKA("lkc-2") "," KAFKA(
			"lkc-3") "]}%s",
		    cases[i].before, cases[i].after);
		piece = piece_of(&body, 1, 2);
		ck_assert_str_eq(piece, buf_terminate(&wanted));
		free(piece);

		wanted.len = 0;
		buf_printf(&wanted, "%s" KAFKA("lkc-1") "%s", cases[i].before,
		    cases[i].after);
		piece = piece_of(&body, 0, 1);
		ck_assert_str_eq(piece, buf_terminate(&wanted));
		free(piece);

		buf_free(&text);
		buf_free(&wanted);
		body_free(&body);
	}
}
END_TEST

START_TEST(other_filters_are_not_cut)
{
	static const char *const cases[] = {KAFKA("lkc-1"),
	    ("{\"op\":\"OR\",\"filters\":[{\"field\":\"metric.topic\",\"op\":"
	     "\"EQ\",\"value\":\"a\"}," KAFKA("lkc-1") "]}"),
	    "{\"op\":\"NOT\",\"filter\":{\"op\":\"OR\",\"filters\":[" KAFKA(
		"lkc-1") "," KAFKA("lkc-2") "]}}",
	    ("{\"op\":\"OR\",\"filters\":[{\"field\":\"resource.kafka.id\","
	     "\"op\":\"GT\",\"value\":\"a\"}]}")};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf text = BUF_INIT;
		struct body body;

		buf_printf(&text, "{" AGGREGATIONS ",\"filter\":%s}", cases[i]);
		body = read_good(buf_terminate(&text));
		ck_assert_uint_eq(body.nresources, 0);
		ck_assert_uint_eq(body.nfixed, i == 0);
		body_free(&body);
		buf_free(&text);
	}
}
END_TEST

#define FIELD(label, op, value) \
	"{\"field\":\"" label "\",\"op\":\"" op "\",\"value\":\"" value "\"}"
#define TOPIC(topic) FIELD("metric.topic", "EQ", topic)
#define AND(filters) "{\"op\":\"AND\",\"filters\":[" filters "]}"
#define OR(filters) "{\"filters\":[" filters "],\"op\":\"OR\"}"

/* "LABEL=VALUE " for each label that the filter fixes to one value. */
static const struct {
	const char *filter, *fixed;
} fixing[] = {{KAFKA("a"), "resource.kafka.id=a "},
    {OR(KAFKA("a")), "resource.kafka.id=a "},
    {AND(KAFKA("a")), "resource.kafka.id=a "},
    {AND(OR(KAFKA("a")) "," TOPIC("t")), "resource.kafka.id=a "},
    {OR(OR(AND(OR(KAFKA("a"))))), "resource.kafka.id=a "},
    {OR(KAFKA("a") "," KAFKA("a")), "resource.kafka.id=a "},
    {AND(KAFKA("a") "," KAFKA("a")), "resource.kafka.id=a "},
    {OR(AND(KAFKA("a") "," TOPIC("t")) "," AND(TOPIC("u") "," KAFKA("a"))),
	"resource.kafka.id=a "},
    {AND(OR(KAFKA("a") "," KAFKA("b")) "," OR(KAFKA("b") "," KAFKA("c"))),
	"resource.kafka.id=b "},
    {AND(KAFKA("a") "," FIELD("resource.connector.id", "EQ", "c")),
	"resource.kafka.id=a resource.connector.id=c "},
    {AND(KAFKA("a") "," FIELD("resource.connector.id", "GT", "c")),
	"resource.kafka.id=a "},
    {OR(KAFKA("a") "," KAFKA("b")), ""}, {AND(KAFKA("a") "," KAFKA("b")), ""},
    {OR(KAFKA("a") "," TOPIC("t")), ""}, {OR(TOPIC("t") "," KAFKA("a")), ""},
    {OR(KAFKA("a") "," FIELD("resource.connector.id", "EQ", "a")), ""},
    {FIELD("resource.kafka.id", "GTE", "a"), ""}, {OR(""), ""}, {AND(""), ""},
    {"{\"op\":\"NOT\",\"filter\":" KAFKA("a") "}", ""}, {TOPIC("t"), ""},
    {"{\"op\":\"OR\"}", ""}, {"7", ""}, {"[]", ""}};

START_TEST(a_filter_that_leaves_one_value_fixes_the_label)
{
	struct buf text = BUF_INIT, fixed = BUF_INIT;
	struct body body;

	buf_printf(
	    &text, "{" AGGREGATIONS ",\"filter\":%s}", fixing[_i].filter);
	body = read_good(buf_terminate(&text));
	for (size_t i = 0; i < body.nfixed; i++)
		buf_printf(
		    &fixed, "%s=%s ", body.fixed[i].label, body.fixed[i].value);
	ck_assert_str_eq(buf_terminate(&fixed), fixing[_i].fixed);
	body_free(&body);
	buf_free(&text);
	buf_free(&fixed);
}
END_TEST

START_TEST(points_that_do_not_tell_their_resource_are_known)
{
	struct body body = read_good(
	    "{" AGGREGATIONS
	    ",\"filter\":{\"op\":\"OR\",\"filters\":[" KAFKA("lkc-1") "," KAFKA(
		"lkc-2") "]},\"group_by\":[\"metric.topic\"]}");

	ck_assert_uint_eq(body.nresources, 2);
	ck_assert(!body.grouped_by_resource);
	body_free(&body);
}
END_TEST

START_TEST(flags_become_the_api_s_bodies)
{
	static const char *metrics[] = {"m"}, *groups[] = {"topic"};
	struct flags flags = {.limit = 1000};
	struct buf out = BUF_INIT;

	flags.groups = groups;
	flags.metrics = metrics;
	flags.ngroups = 1;
	ck_assert(!flags_add_selector(&flags, "kafka.id"));
	ck_assert(!flags_add_selector(&flags, "kafka=lkc-1"));
	ck_assert(!flags_add_selector(&flags, "kafka.id="));
	ck_assert(!flags_add_selector(&flags, "=lkc-1"));
	flags_free(&(struct flags){
	    .selectors = flags.selectors, .nselectors = flags.nselectors});
	flags.selectors = NULL;
	flags.nselectors = 0;

	ck_assert(flags_add_selector(&flags, "kafka.id=lkc-1"));
	flags_write_body(&flags, "m", false, &out);
	ck_assert_str_eq(buf_terminate(&out),
	    "{\"aggregations\":[{\"metric\":\"m\"}],\"filter\":" KAFKA(
		"lkc-1") ",\"granularity\":\"PT1H\",\"group_by\":"
			 "[\"metric.topic\"],\"intervals\":"
			 "[\"now-1h|h/now|h\"],\"limit\":1000}");

	ck_assert(flags_add_selector(&flags, "resource.kafka.id=lkc-2, lkc-3"));
	flags.interval = "PT1H/2025-09-02T01:00:00Z";
	flags.granularity = "PT1M";
	out.len = 0;
	flags_write_body(&flags, "m", false, &out);
	ck_assert_str_eq(buf_terminate(&out),
	    "{\"aggregations\":[{\"metric\":\"m\"}],\"filter\":{\"op\":\"OR\","
	    "\"filters\":[" KAFKA("lkc-1") "," KAFKA("lkc-2") "," KAFKA(
		"lkc-3") "]},\"granularity\":\"PT1M\",\"group_by\":"
			 "[\"resource.kafka.id\",\"metric.topic\"],"
			 "\"intervals\":[\"PT1H/2025-09-02T01:00:00Z\"],"
			 "\"limit\":1000}");
	flags.groups = flags.metrics = NULL;
	flags_free(&flags);
	buf_free(&out);
}
END_TEST

/* ---- answers ------------------------------------------------------------ */

static bool
collect(void *context, const char *text, size_t len)
{
	buf_add(context, text, len);
	buf_add_char(context, '\n');
	return true;
}

#define TWO "{\"data\":[{\"a\":\"]}\\\"\"} , {\"b\":[{}]}],\"meta\":{}}"

static const struct {
	const char *text;
	const char *elements; /* NULL: refused */
	const char *token;
} answers[] = {{"{\"data\":[]}", "", NULL}, {" {\"data\" : [ ] } ", "", NULL},
    {TWO, "{\"a\":\"]}\\\"\"}\n{\"b\":[{}]}\n", NULL},
    {"{\"x\":[{\"data\":[1]}],\"data\":[{}],\"meta\":{\"pagination\":"
     "{\"page_size\":1,\"next_page_token\":\"t\\u0041\"}}}",
	"{}\n", "tA"},
    {"{\"data\":[],\"meta\":{\"pagination\":{\"next_page_token\":null}}}", "",
	NULL},
    {"", NULL, NULL}, {"{}", NULL, NULL}, {"[]", NULL, NULL},
    {"{\"data\":{}}", NULL, NULL}, {"{\"data\":null}", NULL, NULL},
    {"{\"data\":[1]}", NULL, NULL}, {"{\"data\":[{},]}", NULL, NULL},
    {"{\"data\":[,{}]}", NULL, NULL}, {"{\"data\":[{} {}]}", NULL, NULL},
    {"{\"data\":[{}]", NULL, NULL}, {"{\"data\":[{}", NULL, NULL},
    {"{\"data\":[{\"a\":1", NULL, NULL}, {"{\"data\":[{}]}x", NULL, NULL},
    {"{\"data\":[{}],\"data\":[{}]}", NULL, NULL},
    {"{\"data\":[],\"meta\":{\"pagination\":{\"next_page_token\":"
     "\"a\\u0000b\"}}}",
	NULL, NULL},
    {"{\"data\":[],\"meta\":[{\"pagination\":1}]}", "", NULL},
    {"{\"data\":[],\"meta\":{\"pagination\":{\"next_page_token\":7}}}", NULL,
	NULL},
    {"<html><body>[{</body></html>", NULL, NULL}};

START_TEST(an_answer_is_read_however_it_is_cut)
{
	const char *text = answers[_i].text;
	struct buf elements = BUF_INIT;
	struct response response = {.element = collect, .context = &elements};
	char *token;

	for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
		bool good = true;

		elements.len = 0;
		response_start(&response);
		for (size_t at = 0; at < strlen(text) && good; at += piece)
			good = response_feed(
			    &response, text + at, strnlen(text + at, piece));
		good = response_end(&response, &token) && good;
		ck_assert_msg(
		    good == (answers[_i].elements != NULL), "%s", text);
		if (good) {
			ck_assert_str_eq(
			    buf_terminate(&elements), answers[_i].elements);
			ck_assert_pstr_eq(token, answers[_i].token);
		}
		free(token);
	}
	response_free(&response);
	buf_free(&elements);
}
END_TEST

START_TEST(details_of_errors_are_joined)
{
	static const struct {
		const char *text, *details;
	} cases[] = {{"{\"errors\":[{\"detail\":\"a\"},{\"status\":\"400\"},"
		      "{\"detail\":\"b\"}]}",
			 "a; b"},
	    {"{\"errors\":[]}", ""}, {"{\"message\":\"x\"}", NULL},
	    {"<html>", NULL}, {"", NULL}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *details =
		    error_details(cases[i].text, strlen(cases[i].text));

		ck_assert_pstr_eq(details, cases[i].details);
		free(details);
	}
}
END_TEST

/* Of a body that fixes lkc-1. */
static const struct {
	const char *element, *points; /* NULL: it cannot be read */
} read_elements[] = {
#define BEGIN "{\"metric\":\"a/b\",\"resource.kafka.id\":\"lkc-1\""
    {"{\"value\":1,\"sample_count\":60}",
	BEGIN ",\"value\":1,\"sample_count\":60}\n"},
    {"{\"value\":1,\"a\":true,\"b\":{\"c\":[null]},\"d\":[ 1 ]}",
	BEGIN ",\"value\":1,\"a\":true,\"b\":{\"c\":[null]},\"d\":[1]}\n"},
    {"{\"metric\":\"x\",\"value\":1}", BEGIN ",\"value\":1}\n"},
    {"{\"value\":1,\"\\u006detric\":{}}", BEGIN ",\"value\":1}\n"},
    {"{\"value\":1,\"resource.kafka.id\":\"lkc-9\"}",
	"{\"metric\":\"a/b\",\"value\":1,\"resource.kafka.id\":\"lkc-9\"}\n"},
    {"{\"value\":1,\"a\":{\"b\":1,\"resource.kafka.id\":\"lkc-9\"}}",
	BEGIN
	",\"value\":1,\"a\":{\"b\":1,\"resource.kafka.id\":\"lkc-9\"}}\n"},
    {"{\"value\":1,\"points\":[{}]}", BEGIN ",\"value\":1}\n"},
    {"{\"value\":1,\"points\":7}", BEGIN ",\"value\":1,\"points\":7}\n"},
    {"{\"points\":[{\"value\":1,\"metric\":\"x\",\"t\":\"b\","
     "\"resource.kafka.id\":\"lkc-9\"}],\"t\":\"a\",\"metric\":\"y\"}",
	BEGIN ",\"t\":\"a\",\"value\":1}\n"},
    {"{\"points\":[]}", ""}, {"{\"points\":[1]}", NULL},
    {"{\"value\":1e400}", NULL}, {"{\"t\":\"\\ud800\",\"value\":1}", NULL},
    {"{\"value\":1,\"value\":1}", NULL}, {"{\"a\":1,}", NULL},
    {"{\"points\":[{\"value\":1},{\"value\":1e400}]}", NULL}};

START_TEST(a_point_is_the_api_s_whatever_members_it_has)
{
	struct body body =
	    read_good("{" AGGREGATIONS ",\"filter\":" KAFKA("lkc-1") "}");
	struct points points = {.body = &body, .resources = &resources};
	struct buf element = BUF_INIT, out = BUF_INIT;
	bool good;

	buf_add_string(&element, read_elements[_i].element);
	buf_terminate(&element);
	good = points_write(&points, element.data, element.len, &out);
	ck_assert(good == (read_elements[_i].points != NULL));
	if (good)
		ck_assert_str_eq(buf_terminate(&out), read_elements[_i].points);
	points_free(&points);
	body_free(&body);
	buf_free(&element);
	buf_free(&out);
}
END_TEST

START_TEST(flat_and_grouped_become_the_same_points)
{
	static const char *const elements[] = {
	    "{\"timestamp\":\"T1\", \"metric.topic\":\"foo\",\"value\":1.0}",
	    "{\"points\":[{\"timestamp\":\"T1\",\"value\":1.0},"
	    "{\"timestamp\":\"T2\",\"value\":2}],\"metric.topic\":\"foo\"}"};
	static const char *const wanted[] = {
	    "{\"metric\":\"a/b\",\"resource.kafka.id\":\"lkc-1\","
	    "\"timestamp\":\"T1\",\"metric.topic\":\"foo\",\"value\":1.0}\n",
	    "{\"metric\":\"a/b\",\"resource.kafka.id\":\"lkc-1\","
	    "\"metric.topic\":\"foo\",\"timestamp\":\"T1\",\"value\":1.0}\n"
	    "{\"metric\":\"a/b\",\"resource.kafka.id\":\"lkc-1\","
	    "\"metric.topic\":\"foo\",\"timestamp\":\"T2\",\"value\":2}\n"};
	struct body body =
	    read_good("{" AGGREGATIONS ",\"filter\":" KAFKA("lkc-1") "}");
	struct points points = {.body = &body, .resources = &resources};
	struct buf element = BUF_INIT, out = BUF_INIT;

	for (size_t i = 0; i < 2; i++) {
		element.len = out.len = 0;
		buf_add_string(&element, elements[i]);
		buf_terminate(&element);
		ck_assert(
		    points_write(&points, element.data, element.len, &out));
		ck_assert_str_eq(buf_terminate(&out), wanted[i]);
	}
	ck_assert_uint_eq(points.count, 3);
	points_free(&points);
	body_free(&body);
	buf_free(&element);
	buf_free(&out);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_bad_body_is_told_why, 0,
	    sizeof(bad_bodies) / sizeof(bad_bodies[0]));
	tcase_add_test(tcase, a_missing_limit_is_added_where_there_are_groups);
	tcase_add_test(tcase, an_or_of_resources_is_cut_wherever_it_stands);
	tcase_add_test(tcase, other_filters_are_not_cut);
	tcase_add_loop_test(tcase,
	    a_filter_that_leaves_one_value_fixes_the_label, 0,
	    sizeof(fixing) / sizeof(fixing[0]));
	tcase_add_test(tcase, points_that_do_not_tell_their_resource_are_known);
	tcase_add_test(tcase, flags_become_the_api_s_bodies);
	tcase_add_loop_test(tcase, an_answer_is_read_however_it_is_cut, 0,
	    sizeof(answers) / sizeof(answers[0]));
	tcase_add_test(tcase, details_of_errors_are_joined);
	tcase_add_loop_test(tcase, a_point_is_the_api_s_whatever_members_it_has,
	    0, sizeof(read_elements) / sizeof(read_elements[0]));
	tcase_add_test(tcase, flat_and_grouped_become_the_same_points);
}

int
main(void)
{
	return run_suite("fetch", add_tests);
}

#include "exposition.h"

#include "unit.h"

static const struct {
	const char *came, *metric, *label;
} names[] = {{"a_B9", "a_B9", "a_B9"}, {"a:b", "a:b", "a_b"},
    {"9lives", "_9lives", "_9lives"}, {"", "_", "_"}, {"_", "_", "_"},
    {"__name__", "__name__", "_name__"}, {"___", "___", "_"},
    {"-.x", "__x", "_x"}, {"a.b/c-d e", "a_b_c_d_e", "a_b_c_d_e"},
    {"gr\xc3\xbc\xc3\x9f"
     "e",
	"gr__e", "gr__e"},
    {"\xf0\x9f\x90\x9f", "_", "_"}, {"\xff\xfe", "__", "_"},
    {"__9", "__9", "_9"}};

START_TEST(a_name_is_made_valid)
{
	struct buf out = BUF_INIT;

	buf_add_string(&out, "__before ");
	exposition_metric_name(&out, names[_i].came, strlen(names[_i].came));
	buf_terminate(&out);
	ck_assert_str_eq(out.data + strlen("__before "), names[_i].metric);
	out.len = strlen("__before ");
	exposition_label_name(&out, names[_i].came, strlen(names[_i].came));
	buf_terminate(&out);
	ck_assert_str_eq(out.data + strlen("__before "), names[_i].label);
	buf_free(&out);
}
END_TEST

START_TEST(a_nul_in_a_name_is_a_character_like_others)
{
	struct buf out = BUF_INIT;

	exposition_metric_name(&out, "a\0b", 3);
	ck_assert_str_eq(buf_terminate(&out), "a_b");
	buf_free(&out);
}
END_TEST

static const struct {
	enum exposition_format format;
	const char *name;
	enum metric_type type;
	const char *help, *unit, *written;
} families[] = {{EXPOSITION_PROMETHEUS, "g", METRIC_GAUGE, "a \\ b\n\"c\"",
		    NULL, "# HELP g a \\\\ b\\n\"c\"\n# TYPE g gauge\n"},
    {EXPOSITION_OPENMETRICS, "g", METRIC_GAUGE, "a \\ b\n\"c\"", NULL,
	"# TYPE g gauge\n# HELP g a \\\\ b\\n\\\"c\\\"\n"},
    {EXPOSITION_PROMETHEUS, "jobs_total", METRIC_COUNTER, "Jobs", NULL,
	"# HELP jobs_total Jobs\n# TYPE jobs_total counter\n"},
    {EXPOSITION_OPENMETRICS, "jobs_total", METRIC_COUNTER, "Jobs", NULL,
	"# TYPE jobs counter\n# HELP jobs Jobs\n"},
    {EXPOSITION_OPENMETRICS, "jobs", METRIC_COUNTER, "Jobs", NULL,
	"# TYPE jobs unknown\n# HELP jobs Jobs\n"},
    {EXPOSITION_OPENMETRICS, "_total", METRIC_COUNTER, NULL, NULL,
	"# TYPE _total unknown\n"},
    {EXPOSITION_OPENMETRICS, "sent_bytes", METRIC_GAUGE, "", "bytes",
	"# TYPE sent_bytes gauge\n# UNIT sent_bytes bytes\n"},
    {EXPOSITION_OPENMETRICS, "sent_bytes_total", METRIC_COUNTER, "", "bytes",
	"# TYPE sent_bytes counter\n# UNIT sent_bytes bytes\n"},
    {EXPOSITION_OPENMETRICS, "sentbytes", METRIC_GAUGE, NULL, "bytes",
	"# TYPE sentbytes gauge\n"},
    {EXPOSITION_OPENMETRICS, "bytes", METRIC_GAUGE, NULL, "bytes",
	"# TYPE bytes gauge\n"},
    {EXPOSITION_PROMETHEUS, "sent_bytes", METRIC_GAUGE, NULL, "bytes",
	"# TYPE sent_bytes gauge\n"},
    {EXPOSITION_PROMETHEUS, "h", METRIC_HISTOGRAM, NULL, NULL,
	"# TYPE h histogram\n"},
    {EXPOSITION_PROMETHEUS, "s", METRIC_SUMMARY, NULL, NULL,
	"# TYPE s summary\n"},
    {EXPOSITION_PROMETHEUS, "u", METRIC_UNKNOWN, NULL, NULL,
	"# TYPE u untyped\n"}};

START_TEST(a_family_has_the_lines_of_its_format)
{
	struct buf out = BUF_INIT;

	exposition_family(&out, families[_i].format, families[_i].name,
	    families[_i].type, families[_i].help, families[_i].unit);
	ck_assert_str_eq(buf_terminate(&out), families[_i].written);
	buf_free(&out);
}
END_TEST

START_TEST(a_sample_has_its_labels_escaped)
{
	static const char wanted[] =
	    "m 1\n"
	    "m{a=\"\\\"\\\\\\n\\\"\",b=\"\",c=\"} 1\r\t\0#\"} NaN 1756900800123\n";
	struct buf out = BUF_INIT;

	exposition_sample(&out, "m");
	exposition_value(
	    &out, EXPOSITION_PROMETHEUS, "1", 1, EXPOSITION_NO_TIMESTAMP);
	exposition_sample(&out, "m");
	exposition_label(&out, "a", "\"\\\n\"", 4);
	exposition_label(&out, "b", "", 0);
	exposition_label(&out, "c", "} 1\r\t\0#", 7);
	exposition_value(&out, EXPOSITION_PROMETHEUS, "NaN", 3, 1756900800123);
	ck_assert_uint_eq(out.len, sizeof(wanted) - 1);
	ck_assert(memcmp(out.data, wanted, out.len) == 0);
	buf_free(&out);
}
END_TEST

static const struct {
	int64_t ms;
	const char *seconds;
} times[] = {{1756900800000, "1756900800"}, {1756900800120, "1756900800.120"},
    {7, "0.007"}, {0, "0"}, {-7, "-0.007"}, {-1500, "-1.500"},
    {INT64_MAX, "9223372036854775.807"}};

START_TEST(openmetrics_has_times_in_seconds)
{
	struct buf out = BUF_INIT, wanted = BUF_INIT;

	exposition_sample(&out, "m");
	exposition_value(&out, EXPOSITION_OPENMETRICS, "1", 1, times[_i].ms);
	buf_printf(&wanted, "m 1 %s\n", times[_i].seconds);
	ck_assert_str_eq(buf_terminate(&out), wanted.data);
	buf_free(&out);
	buf_free(&wanted);
}
END_TEST

START_TEST(only_openmetrics_has_an_end)
{
	struct buf out = BUF_INIT;

	exposition_end(&out, EXPOSITION_PROMETHEUS);
	ck_assert_uint_eq(out.len, 0);
	exposition_end(&out, EXPOSITION_OPENMETRICS);
	ck_assert_str_eq(buf_terminate(&out), "# EOF\n");
	buf_free(&out);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(
	    tcase, a_name_is_made_valid, 0, sizeof(names) / sizeof(names[0]));
	tcase_add_test(tcase, a_nul_in_a_name_is_a_character_like_others);
	tcase_add_loop_test(tcase, a_family_has_the_lines_of_its_format, 0,
	    sizeof(families) / sizeof(families[0]));
	tcase_add_test(tcase, a_sample_has_its_labels_escaped);
	tcase_add_loop_test(tcase, openmetrics_has_times_in_seconds, 0,
	    sizeof(times) / sizeof(times[0]));
	tcase_add_test(tcase, only_openmetrics_has_an_end);
}

int
main(void)
{
	return run_suite("exposition", add_tests);
}

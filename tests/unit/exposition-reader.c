#include "exposition-reader.h"

#include "number.h"
#include "unit.h"

/* Reads one line, and appends all that was read to `seen`. */
static void
show(struct buf *seen, struct exposition_reader *reader, const char *line,
    size_t len)
{
	struct buf in = BUF_INIT, problem = BUF_INIT;

	buf_add(&in, line, len);
	buf_terminate(&in);
	switch (exposition_read(reader, in.data, in.len, &problem)) {
	case EXPOSITION_BAD:
		buf_add(seen, problem.data, problem.len);
		break;
	case EXPOSITION_OTHER:
		buf_add_string(seen, "other");
		break;
	case EXPOSITION_HELP:
	case EXPOSITION_UNIT:
		buf_printf(seen, "%.*s: %s", (int)reader->name.len,
		    reader->name.at, buf_terminate(&reader->text));
		break;
	case EXPOSITION_TYPE:
		buf_printf(seen, "%.*s is %d", (int)reader->name.len,
		    reader->name.at, (int)reader->type);
		break;
	case EXPOSITION_SAMPLE:
		buf_add(seen, reader->name.at, reader->name.len);
		for (size_t i = 0; i < reader->nlabels; i++) {
			buf_add_char(seen, ' ');
			buf_add(seen, reader->labels[i].key.at,
			    reader->labels[i].key.len);
			buf_add_char(seen, '=');
			json_escape_text(seen, &reader->labels[i].value);
		}
		buf_add_string(seen, reader->finite ? " > " : " not finite ");
		number_write(seen, &reader->value);
		if (reader->timestamp_ms != EXPOSITION_NO_TIMESTAMP)
			buf_printf(
			    seen, " @%lld", (long long)reader->timestamp_ms);
		break;
	}
	buf_terminate(seen);
	buf_free(&in);
	buf_free(&problem);
}

/* What 0.0.4 and OpenMetrics have alike. */
static const struct {
	const char *line, *seen;
} lines[] = {
    /* as the Metrics API writes them */
    {"confluent_kafka_server_sent_bytes{kafka_id=\"lkc-1\",topic=\"a\",} "
     "1.736948396647E12 1736948340000",
	"confluent_kafka_server_sent_bytes kafka_id=lkc-1 topic=a > "
	"1736948396647 @1736948340000"},
    {"m 12.0 1609459200", "m > 12 @1609459200000"},
    {"m 1 1609459200.250", "m > 1 @1609459200250"},
    {"m 1 1609459200.2509", "m > 1 @1609459200250"},
    {"m 1 1.6094592E9", "m > 1 @1609459200000"},
    {"m 1 1609459200000.0", "m > 1 @1609459200000"},
    {"m 1 -1.5", "m > 1 @-1500"}, {"m 1 -.007", "m > 1 @-7"},
    {"m 1 +5", "m > 1 @5000"}, {"m 1 0", "m > 1 @0"},
    {"m 1 99999999999", "m > 1 @99999999999000"},
    {"m 1 100000000000", "m > 1 @100000000000"},
    /* values */
    {"m 0", "m > 0"}, {"m -7", "m > -7"}, {"m +7", "m > 7"}, {"m 007", "m > 7"},
    {"m .5", "m > 0.5"}, {"m 5.", "m > 5"}, {"m 1E+05", "m > 100000"},
    {"m 1e-7", "m > 1e-7"},
    {"m 123456789012345678901", "m > 123456789012345678901"},
    {"m NaN", "m not finite NaN"}, {"m nan 5", "m not finite NaN @5000"},
    {"m +Inf", "m not finite +Inf"}, {"m Inf", "m not finite +Inf"},
    {"m -Inf", "m not finite -Inf"}, {"m -infinity", "m not finite -Inf"},
    /* blanks */
    {" \tm\t{ a = \"b\" , c\t=\t\"d\" , }\t1 \t2\t", "m a=b c=d > 1 @2000"},
    {"m{}1", "m > 1"}, {"m{a=\"b\"}1", "m a=b > 1"},
    /* label values */
    {"m{a=\"\"} 1", "m a= > 1"},
    {"m{a=\"}, # =\\\"x\\\" \\\\ \\n\"} 1", "m a=}, # =\\\"x\\\" \\\\ \\n > 1"},
    {"m{a=\"\t\r\x01\",b=\"\x02\\n\xc3\xa9\"} 1",
	"m a=\\t\\r\\u0001 b=\\u0002\\n\xc3\xa9 > 1"},
    {"m{le=\"+Inf\",__a=\"1\"} 1", "m le=+Inf __a=1 > 1"},
    {":a:{a=\"1\"} 1", ":a: a=1 > 1"},
    /* lines about families */
    {"# HELP m a  \\\\ b\\nc \\t d ", "m: a  \\ b\nc \\t d "},
    {"#\tHELP\tm\ta", "m: a"}, {"# HELP m", "m: "}, {"# HELP m ", "m: "},
    {"# TYPE m gauge", "m is 0"}, {"# TYPE m counter ", "m is 1"},
    {"# TYPE m histogram", "m is 2"}, {"# TYPE m summary", "m is 3"},
    {"# TYPE m untyped", "m is 4"}, {"# TYPE m unknown", "m is 4"},
    {"# TYPE m info", "m is 4"}, {"# UNIT m_bytes bytes", "m_bytes: bytes"},
    {"# UNIT m", "m: "},
    /* what says nothing */
    {"", "other"}, {" ", "other"}, {"#", "other"}, {"# EOF", "other"},
    {"#EOF", "other"}, {"# any comment", "other"}, {"#HELP m x", "other"},
    {"# HELP", "other"}, {"# TYPEm gauge", "other"},
    /* bad lines */
    {"m", "unexpected end at column 2"}, {"m ", "unexpected end at column 3"},
    {"1m 1", "a metric's name was expected at column 1"},
    {"{a=\"b\"} 1", "a metric's name was expected at column 1"},
    {"m-n 1", "a value was expected at column 2"},
    {"m x", "a value was expected at column 3"},
    {"m 1e", "a value was expected at column 3"},
    {"m .", "a value was expected at column 3"},
    {"m 1e999", "number out of range at column 3"},
    {"m -1e999", "number out of range at column 3"},
    {"m 1 x", "a time was expected at column 5"},
    {"m 1 NaN", "a time was expected at column 5"},
    {"m 1 1234567890123456789", "time out of range at column 5"},
    {"m 1 1e18", "time out of range at column 5"},
    {"m 1 2 3", "unexpected text at column 7"},
    {"m 1_000", "a time was expected at column 4"},
    {"m NaNa", "a time was expected at column 6"},
    {"m{a=\"b\" 1", "\",\" or \"}\" was expected at column 9"},
    {"m{a=\"b", "unexpected end at column 7"},
    {"m{a=\"b\\", "invalid escape at column 7"},
    {"m{a=\"b\\t\"} 1", "invalid escape at column 7"},
    {"m{a=b} 1", "a label's value in quotes was expected at column 5"},
    {"m{a} 1", "\"=\" was expected at column 4"},
    {"m{,} 1", "a label's name was expected at column 3"},
    {"m{a=\"b\",,} 1", "a label's name was expected at column 9"},
    {"m{a:b=\"b\"} 1", "\"=\" was expected at column 4"},
    {"m{9a=\"b\"} 1", "a label's name was expected at column 3"},
    {"m{a=\"b\",c=\"d\",a=\"e\"} 1", "duplicate label at column 15"},
    {"m{a=\"\xff\"} 1", "invalid UTF-8 at column 6"},
    {"m{a=\"\xed\xa0\x80\"} 1", "invalid UTF-8 at column 6"},
    {"m{a=\"\xc3\"} 1", "invalid UTF-8 at column 6"},
    {"\xc3\xbc 1", "a metric's name was expected at column 1"},
    {"# HELP m \xff", "invalid UTF-8 at column 10"},
    {"# HELP 1m x", "a metric's name was expected at column 8"},
    {"# HELP m-n x", "a blank was expected at column 9"},
    {"# TYPE m", "unexpected end at column 9"},
    {"# TYPE m gauges", "a metric's type was expected at column 10"},
    {"# TYPE m gauge x", "unexpected text at column 15"},
    {"# UNIT m by x", "unexpected text at column 12"}};

START_TEST(a_line_is_read_in_either_format)
{
	struct exposition_reader reader = EXPOSITION_READER_INIT;
	struct buf seen = BUF_INIT;

	for (int format = 0; format < 2; format++) {
		reader.format = (enum exposition_format)format;
		seen.len = 0;
		show(&seen, &reader, lines[_i].line, strlen(lines[_i].line));
		ck_assert_str_eq(seen.data, lines[_i].seen);
	}
	exposition_reader_free(&reader);
	buf_free(&seen);
}
END_TEST

/* In 0.0.4, and in OpenMetrics. */
static const struct {
	const char *line, *prometheus, *openmetrics;
} differing[] = {{"m_bucket{le=\"1\"} 3 # {trace_id=\"x\"} 0.5 17.5",
		     "unexpected text at column 20", "m_bucket le=1 > 3"},
    {"m_total 3 5 # {} 1", "unexpected text at column 13", "m_total > 3 @5000"},
    {"# HELP m \\\"a\\\"", "m: \\\"a\\\"", "m: \"a\""}};

START_TEST(some_lines_are_openmetrics_alone)
{
	struct exposition_reader reader = EXPOSITION_READER_INIT;
	struct buf seen = BUF_INIT;

	show(&seen, &reader, differing[_i].line, strlen(differing[_i].line));
	ck_assert_str_eq(seen.data, differing[_i].prometheus);
	reader.format = EXPOSITION_OPENMETRICS;
	seen.len = 0;
	show(&seen, &reader, differing[_i].line, strlen(differing[_i].line));
	ck_assert_str_eq(seen.data, differing[_i].openmetrics);
	exposition_reader_free(&reader);
	buf_free(&seen);
}
END_TEST

START_TEST(a_nul_byte_makes_a_bad_line)
{
	static const char *const nuls[] = {
	    "m{a=\"b|\"} 1", "m|", "m 1|", "m 1 2|", "# HELP m a|b", "|"};
	struct exposition_reader reader = EXPOSITION_READER_INIT;
	struct buf seen = BUF_INIT, wanted = BUF_INIT;
	char *line = xstrdup(nuls[_i]);
	char *at = strchr(line, '|');

	*at = '\0';
	show(&seen, &reader, line, strlen(nuls[_i]));
	buf_printf(&wanted, "NUL byte at column %td", at - line + 1);
	ck_assert_str_eq(seen.data, wanted.data);
	free(line);
	exposition_reader_free(&reader);
	buf_free(&seen);
	buf_free(&wanted);
}
END_TEST

START_TEST(more_labels_than_any_metric_has_are_refused)
{
	struct exposition_reader reader = EXPOSITION_READER_INIT;
	struct buf line = BUF_INIT, seen = BUF_INIT;

	buf_add_string(&line, "m{");
	for (int i = 0; i < 1001; i++)
		buf_printf(&line, "a%d=\"\x01\",", i);
	buf_add_string(&line, "} 1");
	show(&seen, &reader, line.data, line.len);
	ck_assert_str_eq(seen.data, "more than 1000 labels at column 8893");
	exposition_reader_free(&reader);
	buf_free(&line);
	buf_free(&seen);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_line_is_read_in_either_format, 0,
	    sizeof(lines) / sizeof(lines[0]));
	tcase_add_loop_test(tcase, some_lines_are_openmetrics_alone, 0,
	    sizeof(differing) / sizeof(differing[0]));
	tcase_add_loop_test(tcase, a_nul_byte_makes_a_bad_line, 0, 6);
	tcase_add_test(tcase, more_labels_than_any_metric_has_are_refused);
}

int
main(void)
{
	return run_suite("exposition-reader", add_tests);
}

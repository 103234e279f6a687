#include "json.h"

#include <stdio.h>

#include "unit.h"

struct text_case {
	const char *text;
	size_t len; /* 0: strlen */
};

static const struct text_case accepted[] = {{"{}", 0}, {"[]", 0}, {"0", 0},
    {"-0", 0}, {"12", 0}, {"1.5", 0}, {"1e5", 0}, {"1E+5", 0}, {"1e-999", 0},
    {"9223372036854775808", 0}, {"-9223372036854776000", 0},
    {"1797693134862315700000000000000000000000000000000000000000000000000000"
     "000000000000000000000000000000000000000000000000000000000000000000000"
     "000000000000000000000000000000000000000000000000000000000000000000000"
     "000000000000000000000000000000000000000000000000000000000000000000000"
     "000000000000000000000000000000000000000000000000000000000000000000000"
     "000",
	0},
    {"true", 0}, {"false", 0}, {"null", 0}, {"\"\"", 0}, {" [ 1 , 2 ] ", 0},
    {"\t\r\n1\n", 0}, {"{\"a\":1,\"b\":{\"a\":1}}", 0},
    {"[{\"a\":1},{\"a\":1}]", 0}, {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"", 0},
    {"\"\\ud83d\\ude00\"", 0}, {"\"\\u0000\"", 0}, {"\"\xc3\xa9\"", 0},
    {"\"\xed\x9f\xbf\xee\x80\x80\"", 0}, {"\"\xf0\x90\x80\x80\"", 0},
    {"\"\xf4\x8f\xbf\xbf\"", 0}, {"\"\x7f\"", 0},
    {"\"0123456789abcdef0123456789abcdef\"", 0}};

static const struct text_case refused[] = {{"", 0}, {" ", 0}, {"01", 0},
    {"-01", 0}, {"1.", 0}, {".5", 0}, {"+1", 0}, {"-", 0}, {"1e", 0},
    {"1e+", 0}, {"0x10", 0}, {"1e999", 0}, {"-1e999", 0}, {"1e99999999999", 0},
    {"179769313486231580e300", 0}, {"NaN", 0}, {"nan", 0}, {"Infinity", 0},
    {"-Infinity", 0}, {"1 2", 0}, {"{}{}", 0}, {"{} x", 0}, {"[1,]", 0},
    {"[,1]", 0}, {"[1 2]", 0}, {"[", 0}, {"]", 0}, {"{", 0}, {"}", 0},
    {"[}", 0}, {"{]", 0}, {"{\"a\"}", 0}, {"{\"a\":}", 0}, {"{\"a\" 1}", 0},
    {"{a:1}", 0}, {"{'a':1}", 0}, {"{\"a\":1,}", 0}, {"{,}", 0}, {"{1:1}", 0},
    {"{\"a\":1 \"b\":2}", 0}, {"{\"a\":1,\"a\":2}", 0},
    {"{\"a\":1,\"\\u0061\":2}", 0}, {"[{\"x\":{\"b\":1,\"c\":2,\"b\":3}}]", 0},
    {"tru", 0}, {"truex", 0}, {"nul", 0}, {"True", 0}, {"\"", 0}, {"\"a", 0},
    {"\"\\\"", 0}, {"\"\\x41\"", 0}, {"\"\\u12\"", 0}, {"\"\\u12g4\"", 0},
    {"\"\\ud800\"", 0}, {"\"\\udc00\"", 0}, {"\"\\ud800\\u0041\"", 0},
    {"\"\\ud800x\"", 0}, {"\"a\tb\"", 0}, {"\"a\nb\"", 0}, {"\"\x1f\"", 0},
    {"\"a\0b\"", 5}, {"1\0", 2}, {"\0", 1}, {"[1\0]", 4}, {"\v1", 0},
    {"\f1", 0}, {"\xef\xbb\xbf{}", 0}, {"\"\xc3\"", 0}, {"\"\xc3(\"", 0},
    {"\"\x80\"", 0}, {"\"\xff\"", 0}, {"\"\xc0\xaf\"", 0},
    {"\"\xe0\x80\xaf\"", 0}, {"\"\xf0\x80\x80\xaf\"", 0},
    {"\"\xed\xa0\x80\"", 0}, {"\"\xf4\x90\x80\x80\"", 0},
    {"\"\xf8\x88\x80\x80\x80\"", 0}, {"\"\xe2\x82\"", 0}, {"// x\n1", 0},
    {"/* x */1", 0}, {"\"0123456789abcdef0123456789abcde\x01\"", 0}};

/* What json_start() wants behind a text: here a newline, for the other kind of
 * end is what buf_terminate() gives. */
static bool
valid(const struct text_case *t, char end)
{
	struct buf buf = BUF_INIT;
	struct json json = JSON_INIT;
	struct json_text raw;
	size_t len = t->len > 0 ? t->len : strlen(t->text);
	bool good;

	buf_add(&buf, t->text, len);
	buf_terminate(&buf);
	buf.data[len] = end;
	json_start(&json, buf.data, len);
	json_raw_value(&json, &raw);
	good = json_end(&json);
	ck_assert(good == (json.error == NULL));
	json_free(&json);
	buf_free(&buf);
	return good;
}

START_TEST(accepts_what_rfc_8259_allows)
{
	ck_assert_msg(valid(&accepted[_i], '\0'), "%s", accepted[_i].text);
	ck_assert_msg(valid(&accepted[_i], '\n'), "%s", accepted[_i].text);
}
END_TEST

START_TEST(refuses_everything_else)
{
	ck_assert_msg(!valid(&refused[_i], '\0'), "%s", refused[_i].text);
	ck_assert_msg(!valid(&refused[_i], '\n'), "%s", refused[_i].text);
}
END_TEST

static bool
valid_depth(int depth, char open, char close)
{
	struct buf buf = BUF_INIT;
	struct text_case t;
	bool good;

	for (int i = 0; i < depth; i++) {
		buf_add_char(&buf, open);
		if (open == '{' && i < depth - 1)
			buf_add_string(&buf, "\"a\":");
	}
	for (int i = 0; i < depth; i++)
		buf_add_char(&buf, close);
	buf_terminate(&buf);
	t = (struct text_case){buf.data, buf.len};
	good = valid(&t, '\0');
	buf_free(&buf);
	return good;
}

START_TEST(nesting_is_limited_to_64)
{
	ck_assert(valid_depth(64, '[', ']'));
	ck_assert(!valid_depth(65, '[', ']'));
	ck_assert(valid_depth(64, '{', '}'));
	ck_assert(!valid_depth(65, '{', '}'));
	ck_assert(!valid_depth(1500, '[', ']'));
}
END_TEST

/* An object of many keys, the last of them a repetition of `again`, or not. */
static bool
valid_keys(int count, const char *again)
{
	struct buf buf = BUF_INIT;
	struct text_case t;
	bool good;

	buf_add_char(&buf, '{');
	for (int i = 0; i < count; i++)
		buf_printf(&buf, "\"key%d\":%d,", i, i);
	buf_printf(&buf, "\"%s\":0}", again);
	buf_terminate(&buf);
	t = (struct text_case){buf.data, buf.len};
	good = valid(&t, '\0');
	buf_free(&buf);
	return good;
}

START_TEST(duplicate_keys_are_found_in_large_objects)
{
	ck_assert(valid_keys(15, "other"));
	ck_assert(!valid_keys(15, "key14"));
	ck_assert(!valid_keys(16, "key0"));
	ck_assert(valid_keys(40000, "other"));
	ck_assert(!valid_keys(40000, "key0"));
	ck_assert(!valid_keys(40000, "\\u006bey39999"));
}
END_TEST

START_TEST(strings_are_decoded_and_escaped)
{
	static const char text[] =
	    "\"a\\u00e9\\ud83d\\ude00\\n\\u0000\\\"\\\\\\/\\u0041\"";
	static const char wanted[] = "a\xc3\xa9\xf0\x9f\x98\x80\n\0\"\\/A";
	struct buf buf = BUF_INIT, out = BUF_INIT;
	struct json json = JSON_INIT;
	struct json_text string;

	buf_add_string(&buf, text);
	buf_terminate(&buf);
	json_start(&json, buf.data, buf.len);
	ck_assert(json_value(&json, &string) == JSON_STRING);
	ck_assert(json_end(&json));
	ck_assert(!string.simple);
	json_decode(&out, &string);
	ck_assert_mem_eq(out.data, wanted, sizeof(wanted) - 1);
	ck_assert_uint_eq(out.len, sizeof(wanted) - 1);
	out.len = 0;
	json_escape_text(&out, &string);
	buf_terminate(&out);
	ck_assert_str_eq(
	    out.data, "a\xc3\xa9\xf0\x9f\x98\x80\\n\\u0000\\\"\\\\/A");
	json_free(&json);
	buf_free(&buf);
	buf_free(&out);
}
END_TEST

START_TEST(an_error_has_its_column)
{
	static const struct {
		const char *text, *error;
		size_t offset;
	} cases[] = {{"{\"a\":01}", "number with a leading zero", 5},
	    {"{\"a\":1,\"a\":2}", "duplicate key", 7},
	    {"{\"a\":1", "unexpected end", 6},
	    {"[1]x", "text after the value", 3},
	    {"{\"a\":tru}", "invalid literal", 8}};
	struct buf buf = BUF_INIT;
	const char *error;
	size_t offset;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf.len = 0;
		buf_add_string(&buf, cases[i].text);
		buf_terminate(&buf);
		ck_assert(!json_validate(buf.data, buf.len, &error, &offset));
		ck_assert_str_eq(error, cases[i].error);
		ck_assert_uint_eq(offset, cases[i].offset);
	}
	buf_free(&buf);
}
END_TEST

START_TEST(compacting_leaves_strings_alone)
{
	static const char text[] = " { \"a b\" : [ 1 , \"c \\\" d\" ] } \n";
	struct buf out = BUF_INIT;

	json_compact(&out, text, sizeof(text) - 1);
	buf_terminate(&out);
	ck_assert_str_eq(out.data, "{\"a b\":[1,\"c \\\" d\"]}");
	buf_free(&out);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, accepts_what_rfc_8259_allows, 0,
	    sizeof(accepted) / sizeof(accepted[0]));
	tcase_add_loop_test(tcase, refuses_everything_else, 0,
	    sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tcase, nesting_is_limited_to_64);
	tcase_add_test(tcase, duplicate_keys_are_found_in_large_objects);
	tcase_add_test(tcase, strings_are_decoded_and_escaped);
	tcase_add_test(tcase, an_error_has_its_column);
	tcase_add_test(tcase, compacting_leaves_strings_alone);
}

int
main(void)
{
	return run_suite("json", add_tests);
}

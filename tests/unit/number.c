#include "number.h"

#include "unit.h"

static const struct {
	const char *came, *written;
} cases[] = {{"12", "12"}, {"12.0", "12"}, {"1.2E1", "12"}, {"0", "0"},
    {"-0", "-0"}, {"-0.0", "0"}, {"0.000", "0"}, {"0e999", "0"},
    {"-12.0", "-12"}, {"844.1", "844.1"}, {"844.10", "844.1"},
    {"-844.1", "-844.1"}, {"0.1", "0.1"}, {"0.001", "0.001"},
    {"1e-4", "0.0001"}, {"1E-5", "1e-5"}, {"0.00001", "1e-5"},
    {"1.50e-7", "1.5e-7"}, {"1e15", "1000000000000000"},
    {"9e15", "9000000000000000"}, {"9007199254740991.0", "9007199254740991"},
    {"9.007199254740991E15", "9007199254740991"},
    {"9007199254740992.0", "9007199254740992"},
    {"1.8014398509481984e16", "18014398509481984"}, {"1e16", "1e16"},
    {"1E22", "1e22"}, {"1.5e300", "1.5e300"},
    {"1.7976931348623157e308", "1.7976931348623157e308"}, {"5e-324", "5e-324"},
    {"4.9406564584124654e-324", "5e-324"},
    {"2.2250738585072014e-308", "2.2250738585072014e-308"}, {"1e-999", "0"},
    {"0.30000000000000004", "0.30000000000000004"},
    {"0.1000000000000000055511151231257827", "0.1"},
    {"123456789.125", "123456789.125"},
    {"4950.576755000000048312358558177948", "4950.576755"},
    {"1736948396647.0", "1736948396647"},
    {"1.736948396647E12", "1736948396647"},
    {"9223372036854775808", "9223372036854775808"},
    {"-9223372036854776000", "-9223372036854776000"},
    {"123456789012345678901234567890", "123456789012345678901234567890"},
    {"1e00000000001", "10"}, {"12345678.0000000000000000000", "12345678"}};

START_TEST(a_value_is_written_in_one_way)
{
	struct buf in = BUF_INIT, out = BUF_INIT;
	struct json json = JSON_INIT;
	struct json_text number;

	buf_add_string(&in, cases[_i].came);
	buf_terminate(&in);
	json_start(&json, in.data, in.len);
	ck_assert(json_value(&json, &number) == JSON_NUMBER);
	number_write(&out, &number);
	buf_terminate(&out);
	ck_assert_str_eq(out.data, cases[_i].written);
	json_free(&json);
	buf_free(&in);
	buf_free(&out);
}
END_TEST

/* Of any double: what is written reads back the same, and is no longer than
 * what 17 digits take. */
START_TEST(what_is_written_reads_back_the_same)
{
	struct buf in = BUF_INIT, out = BUF_INIT;
	struct json json = JSON_INIT;
	struct json_text number;

	srandom(1);
	for (int i = 0; i < 100000; i++) {
		uint64_t bits = (uint64_t)random() << 42 ^
		    (uint64_t)random() << 21 ^ (uint64_t)random();
		double value;

		memcpy(&value, &bits, sizeof(value));
		if (value - value != 0.0) /* no NaN, no infinity */
			continue;
		in.len = out.len = 0;
		buf_printf(&in, "%.17e", value);
		buf_terminate(&in);
		json_start(&json, in.data, in.len);
		ck_assert(json_value(&json, &number) == JSON_NUMBER);
		number_write(&out, &number);
		buf_terminate(&out);
		ck_assert(strtod(out.data, NULL) == value);
		ck_assert_uint_le(out.len, 24);
	}
	json_free(&json);
	buf_free(&in);
	buf_free(&out);
}
END_TEST

static const struct {
	double value;
	const char *written;
} doubles[] = {{0, "0"}, {-0.0, "0"}, {75.5, "75.5"},
    {-1e15, "-1000000000000000"}, {0.1, "0.1"},
    {9007199254740991.0, "9007199254740991"}, {1e16, "1e16"},
    {-9223372036854775808.0, "-9223372036854776000"}, {5e-324, "5e-324"}};

START_TEST(a_double_is_written_in_the_same_way)
{
	struct buf out = BUF_INIT;

	number_write_double(&out, doubles[_i].value);
	ck_assert_str_eq(buf_terminate(&out), doubles[_i].written);
	buf_free(&out);
}
END_TEST

START_TEST(an_integer_is_written_with_all_its_digits)
{
	struct buf out = BUF_INIT;

	number_write_integer(&out, INT64_MIN);
	number_write_integer(&out, 0);
	number_write_integer(&out, INT64_MAX);
	ck_assert_str_eq(
	    buf_terminate(&out), "-922337203685477580809223372036854775807");
	buf_free(&out);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_value_is_written_in_one_way, 0,
	    sizeof(cases) / sizeof(cases[0]));
	tcase_add_loop_test(tcase, a_double_is_written_in_the_same_way, 0,
	    sizeof(doubles) / sizeof(doubles[0]));
	tcase_add_test(tcase, an_integer_is_written_with_all_its_digits);
	tcase_add_test(tcase, what_is_written_reads_back_the_same);
}

int
main(void)
{
	return run_suite("number", add_tests);
}

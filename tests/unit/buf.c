#include "buf.h"

#include <stdint.h>
#include <stdlib.h>
#include <sysexits.h>

#include "log.h"
#include "unit.h"

START_TEST(an_array_grows_by_doubling)
{
	size_t size = 0, before = 0;
	int *array = NULL;

	for (size_t i = 0; i < 1000; i++) {
		if (i == size) {
			array = grow_array(array, &size, sizeof(*array));
			ck_assert_uint_gt(size, i);
			ck_assert(before == 0 || size == before * 2);
			before = size;
		}
		array[i] = (int)i;
	}
	for (size_t i = 0; i < 1000; i++)
		ck_assert_int_eq(array[i], (int)i);
	free(array);
}
END_TEST

START_TEST(an_array_that_grows_by_one_needs_no_size)
{
	size_t *array = NULL;

	for (size_t i = 0; i < 1000; i++) {
		array = grow_by_one(array, i, sizeof(*array));
		array[i] = i;
	}
	for (size_t i = 0; i < 1000; i++)
		ck_assert_uint_eq(array[i], i);
	free(array);
}
END_TEST

/* Counts whose double, or whose double in bytes, does not fit into a size_t. */
static const size_t too_many[] = {
    SIZE_MAX, SIZE_MAX / 2 + 1, SIZE_MAX / 8, SIZE_MAX / 16 + 1};

START_TEST(an_array_whose_size_overflows_ends_the_program)
{
	size_t size = too_many[_i];

	log_init("buf");
	free(grow_array(NULL, &size, 8));
}
END_TEST

START_TEST(a_product_that_overflows_ends_the_program)
{
	log_init("buf");
	free(xreallocarray(NULL, SIZE_MAX / 2, 3));
}
END_TEST

START_TEST(a_buffer_grows_and_has_zeros_behind_it)
{
	struct buf buf = BUF_INIT;

	for (int i = 0; i < 1000; i++)
		buf_printf(&buf, "%d,", i % 10);
	ck_assert_uint_eq(buf.len, 2000);
	buf_terminate(&buf);
	for (size_t i = 0; i < BUF_PAD; i++)
		ck_assert_int_eq(buf.data[buf.len + i], 0);
	buf_free(&buf);
	ck_assert_ptr_null(buf.data);
	ck_assert_str_eq(buf_terminate(&buf), "");
	buf_free(&buf);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, an_array_grows_by_doubling);
	tcase_add_test(tcase, an_array_that_grows_by_one_needs_no_size);
	tcase_add_loop_exit_test(tcase,
	    an_array_whose_size_overflows_ends_the_program, EX_OSERR, 0,
	    COUNT(too_many));
	tcase_add_exit_test(
	    tcase, a_product_that_overflows_ends_the_program, EX_OSERR);
	tcase_add_test(tcase, a_buffer_grows_and_has_zeros_behind_it);
}

int
main(void)
{
	return run_suite("buf", add_tests);
}

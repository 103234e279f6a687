#include "statuses.h"

#include <sysexits.h>

#include "unit.h"

static const struct {
	int added[4];
	bool unauthorised;
	int first;
} cases[] = {{{0}, false, EX_OK}, {{65, 69, 77}, false, EX_NOPERM},
    {{77, 78}, false, EX_CONFIG}, {{78, 75}, false, EX_TEMPFAIL},
    {{75, 74}, false, EX_IOERR}, {{74, 71}, false, EX_OSERR},
    {{71, 70}, false, EX_SOFTWARE}, {{65, 69}, false, EX_UNAVAILABLE},
    {{75, 77}, false, EX_TEMPFAIL},
    /* 401 and 407 */
    {{75, 77}, true, EX_NOPERM}, {{74, 75, 77}, true, EX_IOERR},
    {{75}, true, EX_TEMPFAIL},
    /* a signal, a file that cannot be made, a usage, anything else */
    {{137}, false, EX_TEMPFAIL}, {{73}, false, EX_IOERR},
    {{64}, false, EX_CONFIG}, {{1}, false, EX_SOFTWARE}};

START_TEST(the_first_that_applies_is_the_exit_status)
{
	struct statuses statuses = {.unauthorised = cases[_i].unauthorised};

	for (size_t i = 0; i < 4; i++)
		statuses_add(&statuses, cases[_i].added[i]);
	ck_assert_int_eq(statuses_first(&statuses), cases[_i].first);
}
END_TEST

START_TEST(what_was_noted_is_an_array_in_that_order)
{
	struct statuses statuses = {.unauthorised = false};
	struct buf out = BUF_INIT;

	statuses_write(&statuses, &out);
	ck_assert_str_eq(buf_terminate(&out), "[]");
	statuses_add(&statuses, 65);
	statuses_add(&statuses, 77);
	statuses_add(&statuses, 75);
	out.len = 0;
	statuses_write(&statuses, &out);
	ck_assert_str_eq(buf_terminate(&out), "[75,77,65]");
	buf_free(&out);
}
END_TEST

START_TEST(a_child_that_a_signal_ended_can_be_run_again)
{
	struct statuses statuses = {.unauthorised = false};

	statuses_add_wait(&statuses, 9); /* as wait(2) has SIGKILL */
	ck_assert_int_eq(statuses_first(&statuses), EX_TEMPFAIL);
	statuses_add_wait(&statuses, EX_OSERR << 8);
	ck_assert_int_eq(statuses_first(&statuses), EX_OSERR);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, the_first_that_applies_is_the_exit_status, 0,
	    sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tcase, what_was_noted_is_an_array_in_that_order);
	tcase_add_test(tcase, a_child_that_a_signal_ended_can_be_run_again);
}

int
main(void)
{
	return run_suite("statuses", add_tests);
}

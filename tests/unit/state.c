#include "state.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

static const struct {
	const char *state, *xdg, *home; /* NULL: unset */
	const char *directory;
} found[] = {{"/s", "/x", "/h", "/s"}, {"", "/x", "/h", "/x/ccm"},
    {NULL, "/x", "/h", "/x/ccm"}, {NULL, "x", "/h", "/h/.local/state/ccm"},
    {NULL, "", "/h", "/h/.local/state/ccm"},
    {NULL, NULL, "/h", "/h/.local/state/ccm"}, {"/s", NULL, NULL, "/s"},
    {"/a b", NULL, NULL, "/a b"}};

static void
set(const char *name, const char *value)
{
	if (value == NULL)
		unsetenv(name);
	else
		setenv(name, value, 1);
}

START_TEST(the_first_that_is_set_is_the_state_directory)
{
	struct buf problem = BUF_INIT;
	char *directory;

	set("STATE_DIRECTORY", found[_i].state);
	set("XDG_STATE_HOME", found[_i].xdg);
	set("HOME", found[_i].home);
	directory = state_directory(&problem);
	ck_assert_str_eq(directory, found[_i].directory);
	ck_assert_uint_eq(problem.len, 0);
	free(directory);
}
END_TEST

START_TEST(a_relative_one_begins_where_the_program_is)
{
	struct buf problem = BUF_INIT;
	char *directory;

	ck_assert_int_eq(chdir("/tmp"), 0);
	set("STATE_DIRECTORY", "state");
	directory = state_directory(&problem);
	ck_assert_str_eq(directory, "/tmp/state");
	free(directory);
}
END_TEST

static const struct {
	const char *state, *problem;
} refused[] = {{"/a:/b",
		   "STATE_DIRECTORY is \"/a:/b\"; it takes one "
		   "directory, and no colon in its name"},
    {NULL, "STATE_DIRECTORY, XDG_STATE_HOME and HOME are all unset"}};

START_TEST(a_list_is_refused_and_so_is_nothing_at_all)
{
	struct buf problem = BUF_INIT;

	set("STATE_DIRECTORY", refused[_i].state);
	set("XDG_STATE_HOME", NULL);
	set("HOME", NULL);
	ck_assert_ptr_null(state_directory(&problem));
	ck_assert_str_eq(buf_terminate(&problem), refused[_i].problem);
	buf_free(&problem);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, the_first_that_is_set_is_the_state_directory,
	    0, COUNT(found));
	tcase_add_test(tcase, a_relative_one_begins_where_the_program_is);
	tcase_add_loop_test(tcase, a_list_is_refused_and_so_is_nothing_at_all,
	    0, COUNT(refused));
}

int
main(void)
{
	return run_suite("state", add_tests);
}

#include "env.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "unit.h"

static struct buf problem = BUF_INIT;

/* /proc/self/fd/N, a file with these bytes. */
static const char *
file_with(const char *bytes, size_t len)
{
	static char path[64];
	int fd = memfd_create("env", 0);

	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

/* What is wrong with X, or "". */
static const char *
text_of_x(char **value)
{
	problem.len = 0;
	ck_assert(env_text("X", value, &problem) == (problem.len == 0));
	return buf_terminate(&problem);
}

START_TEST(a_file_loses_one_final_newline)
{
	static const struct {
		const char *bytes, *value;
	} cases[] = {{"a", "a"}, {"a\n", "a"}, {"a\n\n", "a\n"},
	    {"a\r\n", "a\r"}, {" a ", " a "}};
	char *value;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setenv("X_FILE",
		    file_with(cases[i].bytes, strlen(cases[i].bytes)), 1);
		ck_assert_str_eq(text_of_x(&value), "");
		ck_assert_str_eq(value, cases[i].value);
		env_secret_free(value);
	}
}
END_TEST

START_TEST(an_empty_variable_is_not_given)
{
	char *value;

	setenv("X", "", 1);
	setenv("X_FILE", "", 1);
	ck_assert_str_eq(text_of_x(&value), "");
	ck_assert_ptr_null(value);
	setenv("X", "a", 1);
	ck_assert_str_eq(text_of_x(&value), "");
	ck_assert_str_eq(value, "a");
	env_secret_free(value);
}
END_TEST

START_TEST(a_bad_file_is_named)
{
	char *value;

	setenv("X_FILE", "/nope", 1);
	ck_assert_str_eq(text_of_x(&value),
	    "X_FILE: cannot read /nope: No such file or directory");
	ck_assert_ptr_null(value);
	setenv("X_FILE", "/", 1);
	ck_assert_str_eq(
	    text_of_x(&value), "X_FILE: cannot read /: Is a directory");
	setenv("X_FILE", "/dev/null", 1);
	ck_assert_str_eq(text_of_x(&value), "X_FILE: /dev/null is empty");
	setenv("X_FILE", "/dev/zero", 1);
	ck_assert_str_eq(
	    text_of_x(&value), "X_FILE: /dev/zero is over 1048576 bytes");
	setenv("X_FILE", file_with("a\0b", 3), 1);
	ck_assert_ptr_nonnull(
	    strstr(text_of_x(&value), "has a NUL byte in it"));
	setenv("X", "a", 1);
	ck_assert_str_eq(
	    text_of_x(&value), "X and X_FILE are both given; remove one");
}
END_TEST

static void
write_credential(const char *directory, const char *name, const char *value)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(value, file);
	ck_assert_int_eq(fclose(file), 0);
}

START_TEST(a_credential_counts_where_nothing_else_is_given)
{
	char directory[] = "/tmp/ccm-env.XXXXXX", path[64];
	char *value;

	ck_assert_ptr_nonnull(mkdtemp(directory));
	setenv("CREDENTIALS_DIRECTORY", directory, 1);
	ck_assert_str_eq(text_of_x(&value), "");
	ck_assert_ptr_null(value);
	write_credential(directory, "X.cred", "a\n");
	ck_assert_str_eq(text_of_x(&value), "");
	ck_assert_str_eq(value, "a");
	env_secret_free(value);
	setenv("X", "b", 1);
	ck_assert_str_eq(text_of_x(&value), "");
	ck_assert_str_eq(value, "b");
	env_secret_free(value);
	unsetenv("X");
	write_credential(directory, "X", "c");
	ck_assert_str_eq(text_of_x(&value),
	    "X: there are two credentials, X and X.cred; remove one");
	snprintf(path, sizeof(path), "%s/X", directory);
	unlink(path);
	snprintf(path, sizeof(path), "%s/X.cred", directory);
	unlink(path);
	rmdir(directory);
}
END_TEST

START_TEST(a_value_that_cannot_be_meant_is_refused_by_name)
{
	static const struct {
		const char *value, *problem; /* NULL: it is clean */
	} cases[] = {{"a", NULL}, {"", NULL}, {"it's \"so\"", NULL},
	    {"p$ss{w}rd$", NULL}, {"\xc3\xa9", NULL}, {"'", NULL},
	    {"\"a\"", "X has quotes around its value; remove the quotes"},
	    {"''", "X has quotes around its value; remove the quotes"},
	    {"\xef\xbb\xbf"
	     "a",
		"X begins with a byte order mark; save the file without it"},
	    {"${CLUSTER_ID}",
		"X has \"${...}\" in it, a variable that nothing has replaced "
		"by its value"},
	    {"a-${B:-c}",
		"X has \"${...}\" in it, a variable that nothing has replaced "
		"by its value"},
	    {"a\n", "X has a newline at its end"},
	    {"a\r", "X has a carriage return at its end"},
	    {"a\r\n", "X has a carriage return at its end"},
	    {"a\nb", "X has a control character in it: a newline"},
	    {"a\nb\n", "X has a control character in it: a newline"},
	    {"a\x01", "X has a control character in it: 0x01"},
	    {"a\x7f", "X has a control character in it: 0x7f"},
	    {"a\xff", "X is not valid UTF-8"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		problem.len = 0;
		ck_assert(env_value_is_clean("X", cases[i].value, &problem) ==
		    (cases[i].problem == NULL));
		ck_assert_str_eq(buf_terminate(&problem),
		    cases[i].problem != NULL ? cases[i].problem : "");
	}
}
END_TEST

/* The ids of X with a blank behind each, or the problem. */
static const char *
list_of(const char *value)
{
	static struct buf out = BUF_INIT;
	size_t count;
	char **ids;

	problem.len = out.len = 0;
	if (value != NULL)
		setenv("X", value, 1);
	if (!env_list("X", &ids, &count, &problem)) {
		ck_assert_ptr_null(ids);
		return buf_terminate(&problem);
	}
	for (size_t i = 0; i < count; i++)
		buf_printf(&out, "%s ", ids[i]);
	env_list_free(ids, count);
	return buf_terminate(&out);
}

START_TEST(commas_and_newlines_divide_a_list)
{
	static const struct {
		const char *value, *ids;
	} cases[] = {{"", ""}, {"lkc-1", "lkc-1 "}, {" , ,\n", ""},
	    {"lkc-1,lkc-2", "lkc-1 lkc-2 "},
	    {" lkc-1 , lkc-2\n\tlkc-3\r\n", "lkc-1 lkc-2 lkc-3 "},
	    {"lkc-1,lkc-2,lkc-1", "lkc-1 lkc-2 "}};
	struct buf many = BUF_INIT;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(list_of(cases[i].value), cases[i].ids);
	unsetenv("X");
	setenv("X_FILE", file_with("lkc-1\nlkc-2\n", 12), 1);
	ck_assert_str_eq(list_of(NULL), "lkc-1 lkc-2 ");
	unsetenv("X_FILE");
	for (int i = 0; i < 100; i++)
		buf_printf(&many, "lkc-%d ,", i);
	ck_assert_uint_eq(
	    strlen(list_of(buf_terminate(&many))), many.len - 100);
	buf_free(&many);
}
END_TEST

START_TEST(what_is_no_id_is_named)
{
	static const char *const bad[] = {"lkc-1;lkc-2", "lkc-1 lkc-2",
	    "'lkc-1", "[\\\"lkc-1\\\"]", "${CLUSTER_ID}", "lkc-\xc3\xa9"};
	struct buf wanted = BUF_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		wanted.len = 0;
		buf_printf(
		    &wanted, "X: not an id: \"%s\"; it takes ids", bad[i]);
		ck_assert_ptr_nonnull(
		    strstr(list_of(bad[i]), buf_terminate(&wanted)));
	}
	ck_assert_ptr_nonnull(strstr(
	    list_of("a;b,lkc-1,'c'"), "X: not an id: \"a;b\", \"'c'\"; "));
	ck_assert_str_eq(list_of("'lkc-1'"),
	    "X has quotes around its value; remove the quotes");
	ck_assert_ptr_nonnull(
	    strstr(list_of("\xef\xbb\xbflkc-1"), "byte order mark"));
	buf_free(&wanted);
}
END_TEST

START_TEST(a_number_is_digits_between_its_ends)
{
	static const char *const bad[] = {"5e1", "x", "-1", " 5", "+5", "0",
	    "101", "99999999999999999999", "5 "};
	long number;

	problem.len = 0;
	ck_assert(env_number("X", 7, 1, 100, &number, &problem));
	ck_assert_int_eq(number, 7);
	setenv("X", "05", 1);
	ck_assert(env_number("X", 7, 1, 100, &number, &problem));
	ck_assert_int_eq(number, 5);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setenv("X", bad[i], 1);
		problem.len = 0;
		ck_assert(!env_number("X", 7, 1, 100, &number, &problem));
		ck_assert_int_eq(number, 7);
	}
	setenv("X", "5e1", 1);
	problem.len = 0;
	env_number("X", 7, 1, 100, &number, &problem);
	ck_assert_str_eq(buf_terminate(&problem),
	    "X is \"5e1\"; it takes a number from 1 to 100");
}
END_TEST

START_TEST(a_secret_that_cannot_be_meant_ends_the_program)
{
	setenv("X", "'a'", 1);
	env_secret("X");
}
END_TEST

START_TEST(no_core_file_is_written)
{
	struct rlimit limit;

	protect_secrets();
	ck_assert_int_eq(getrlimit(RLIMIT_CORE, &limit), 0);
	ck_assert_uint_eq(limit.rlim_max, 0);
	ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 0);
}
END_TEST

/* Each test is a process of its own, so that no variable is left to another. */
static void
add_tests(TCase *tcase)
{
	unsetenv("X");
	unsetenv("X_FILE");
	unsetenv("CREDENTIALS_DIRECTORY");
	tcase_add_test(tcase, a_file_loses_one_final_newline);
	tcase_add_test(tcase, an_empty_variable_is_not_given);
	tcase_add_test(tcase, a_bad_file_is_named);
	tcase_add_test(tcase, a_credential_counts_where_nothing_else_is_given);
	tcase_add_test(tcase, a_value_that_cannot_be_meant_is_refused_by_name);
	tcase_add_test(tcase, commas_and_newlines_divide_a_list);
	tcase_add_test(tcase, what_is_no_id_is_named);
	tcase_add_test(tcase, a_number_is_digits_between_its_ends);
	tcase_add_exit_test(
	    tcase, a_secret_that_cannot_be_meant_ends_the_program, EX_CONFIG);
	tcase_add_test(tcase, no_core_file_is_written);
}

int
main(void)
{
	return run_suite("env", add_tests);
}

#include "env-file.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "buf.h"
#include "unit.h"

/* What systemd 252 gives a service of such a file: "LINE NAME=VALUE;"... */
static const struct {
	const char *file, *gives;
} cases[] = {{"", ""}, {"A=1", "1 A=1;"}, {"A=1\n", "1 A=1;"},
    {"A=1\r\nB=2\r\n", "1 A=1;2 B=2;"}, {"A=\n", "1 A=;"},
    {"\n\n A = x y \n", "3 A=x y;"}, {"A=1\nA=2\n", "1 A=1;2 A=2;"},
    {"# A=1\n;B=2\nC=3\n", "3 C=3;"}, {"# more \\\nA=1\nB=2\n", "3 B=2;"},
    {"A=1 # part of it\n", "1 A=1 # part of it;"}, {"A=a=b\n", "1 A=a=b;"},
    {"A='x  '\n", "1 A=x  ;"}, {"A=\"x\"  'y'z \n", "1 A=xyz;"},
    {"A=it's\n", "1 A=it's;"}, {"A='\\n$'\n", "1 A=\\n$;"},
    {"A=\"\\\"\\\\\\$\\`\\n\"\n", "1 A=\"\\$`\\n;"},
    {"A=\"1\\\n2\"\nB=3\n", "1 A=12;3 B=3;"},
    {"A=1\\\n2\nB=3\n", "1 A=12;3 B=3;"}, {"A=\\ x\\  \nB\n", "1 A= x ;"},
    {"A=\"1\n2\"\nB=3\n", "1 A=1\n2;3 B=3;"},
    {"A=\"open\nB=2\n", "1 A=open\nB=2\n;"}, {"A\n=1\n=2\n", ""},
    {"1A=1\nA-B=2\nexport C=3\n_d=4\n", "4 _d=4;"},
    {"A=\xc3\xa9\n", "1 A=\xc3\xa9;"}, {"#\xff\nA=1\n", "2 A=1;"}};

static void
append(void *context, const char *name, const char *value, unsigned line)
{
	buf_printf(context, "%u %s=%s;", line, name, value);
}

/* Reads a file of these bytes; its problem, or "". */
static const char *
read_bytes(const char *bytes, size_t len, struct buf *given)
{
	int fd = memfd_create("env-file", MFD_CLOEXEC);
	const char *problem;
	char path[32];

	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	problem = env_file_read(path, append, given);
	close(fd);
	return problem == NULL ? "" : problem;
}

static const char *
problem_of(const char *bytes, size_t len)
{
	struct buf given = BUF_INIT;
	const char *problem = read_bytes(bytes, len, &given);

	buf_free(&given);
	return problem;
}

START_TEST(a_file_gives_what_systemd_gives)
{
	struct buf given = BUF_INIT;

	ck_assert_str_eq(
	    read_bytes(cases[_i].file, strlen(cases[_i].file), &given), "");
	ck_assert_str_eq(buf_terminate(&given), cases[_i].gives);
	buf_free(&given);
}
END_TEST

START_TEST(what_systemd_refuses_is_refused)
{
	ck_assert_ptr_nonnull(strstr(problem_of("A=\0\n", 4), "NUL"));
	ck_assert_ptr_nonnull(strstr(problem_of("A=\xff\n", 4), "UTF-8"));
	ck_assert_ptr_nonnull(strstr(problem_of("A=\xed\xa0\x80", 5), "UTF-8"));
	ck_assert_ptr_nonnull(strstr(problem_of("\xc3=1\n", 4), "UTF-8"));
	ck_assert_ptr_nonnull(
	    strstr(env_file_read("absent", append, NULL), "No such file"));
	ck_assert_ptr_nonnull(
	    strstr(env_file_read("/", append, NULL), "not a regular file"));
}
END_TEST

/* "A=" and the NUL count as well: execve(2). */
START_TEST(a_variable_is_below_128_kib)
{
	static char file[131072 + 1];

	memset(file, 'x', sizeof(file));
	memcpy(file, "A=", 2);
	ck_assert_str_eq(problem_of(file, 131071), "");
	ck_assert_ptr_nonnull(strstr(problem_of(file, 131072), "128 KiB"));
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_file_gives_what_systemd_gives, 0,
	    sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tcase, what_systemd_refuses_is_refused);
	tcase_add_test(tcase, a_variable_is_below_128_kib);
}

int
main(void)
{
	return run_suite("env-file", add_tests);
}

/*
 * What every program's main() starts with: the options that all share.
 */
#ifndef CCM_MAIN_H
#define CCM_MAIN_H

#include <stdbool.h>

/* -h: writes `usage` (it ends in a newline) to stdout; exits 0, or 74. */
void print_help_and_exit(const char *usage) __attribute__((noreturn));

/* -V: writes "PROGRAM VERSION" to stdout; exits 0, or 74. */
void print_version_and_exit(const char *program) __attribute__((noreturn));

/*
 * After getopt(3) returned '?' or ':' (it is to be called with opterr = 0 and
 * an option string that begins with ':'): names the option that is unknown or
 * lacks its argument, points to -h, exits with EX_USAGE.
 */
void usage_error_and_exit(int getopt_result) __attribute__((noreturn));

/*
 * Checks what follows the options: `required` are the names of arguments that
 * are needed, with a blank between, such as "DIR PROG"; others may follow where
 * `more` is true. Names the argument that is missing or unexpected, and exits
 * with EX_USAGE.
 */
void arguments_or_die(
    int count, char **arguments, const char *required, bool more);

#endif

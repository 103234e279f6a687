/*
 * Finds programs that will be run later, and what is installed with ours.
 */
#ifndef CCM_PROGRAM_H
#define CCM_PROGRAM_H

/*
 * The absolute path of a program, found as execvp(3) finds it. Exits with
 * EX_CONFIG where there is none, so that a mistake shows at once. The caller
 * frees it.
 */
char *program_find_or_die(const char *name);

/*
 * The path of a file that is installed with the program that runs: `relative`,
 * such as "ccm-key" or "../share/ccm/schemas/metric.avsc", is from the
 * directory of that program. Exits with EX_OSERR without /proc. The caller
 * frees it.
 */
char *program_relative_or_die(const char *relative);

#endif

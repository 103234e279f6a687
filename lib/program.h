/*
 * Finds a program that will be run later.
 */
#ifndef CCM_PROGRAM_H
#define CCM_PROGRAM_H

/*
 * The absolute path of a program, found as execvp(3) finds it. Exits with
 * EX_CONFIG where there is none, so that a mistake shows at once. The caller
 * frees it.
 */
char *program_find_or_die(const char *name);

#endif

/*
 * Settings from the environment, and from files and credentials that it names.
 *
 * The functions that take a `problem` exit for nothing but want of memory, so
 * that a program can report all that is wrong with its settings at once. What
 * they append is one message that names the variable, never a secret's value.
 */
#ifndef CCM_ENV_H
#define CCM_ENV_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/*
 * To be called first in main() by a program that holds a secret: no core file
 * (RLIMIT_CORE, which children inherit), and /proc/PID belongs to root
 * (PR_SET_DUMPABLE, which a pipe in core_pattern heeds too).
 */
void protect_secrets(void);

/*
 * The value of NAME: the variable itself, or the contents of the file that
 * NAME_FILE names (Docker secrets), less one final newline, or where neither is
 * given those of NAME or NAME.cred in CREDENTIALS_DIRECTORY (systemd's
 * credentials). *value is NULL where nothing is given (an empty variable is
 * not), else the caller's, to give to env_secret_free().
 *
 * False, *value NULL and a problem where two are given, and where the file
 * cannot be read, is empty, is over 1 MiB or has a NUL byte.
 */
bool env_text(const char *name, char **value, struct buf *problem);

/*
 * False and a problem where a value of one line cannot be what was meant;
 * `name` is the variable to name. It has a control character, such as a
 * newline, or bytes that are not UTF-8; besides, quotes around it or a byte
 * order mark; besides, "${VARIABLE}".
 */
bool env_value_is_printable(
    const char *name, const char *value, struct buf *problem);
bool env_value_is_unquoted(
    const char *name, const char *value, struct buf *problem);
bool env_value_is_clean(
    const char *name, const char *value, struct buf *problem);

/*
 * The ids of a list variable (env_text() reads it): commas and newlines divide,
 * blanks around an id and empty ids do not count, a repeated id counts once.
 * False and a problem that names each item that is no id ("lkc-1;lkc-2", one in
 * quotes, "${CLUSTER_ID}"). *ids is NULL where there is none; env_list_free().
 */
bool env_list(
    const char *name, char ***ids, size_t *count, struct buf *problem);
void env_list_free(char **ids, size_t count);

/* The items of a list's text, divided in the same way, whatever they are. */
void env_split(const char *text, char ***items, size_t *count);

/*
 * A decimal integer from `least` to `most`; `otherwise` where the variable is
 * not set or empty, and where it is anything else: false and a problem then.
 */
bool env_number(const char *name, long otherwise, long least, long most,
    long *number, struct buf *problem);

/*
 * env_text() and env_value_is_clean() for a secret that there may be or not,
 * and env_number(): they exit with EX_CONFIG and the problem.
 */
char *env_secret(const char *name);
long env_integer(const char *name, long otherwise, long least, long most);

/* Wipes the memory and frees it; NULL does nothing. */
void env_secret_free(char *secret);

#endif

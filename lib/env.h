/*
 * Settings from the environment.
 */
#ifndef CCM_ENV_H
#define CCM_ENV_H

/*
 * A secret, or NULL where there is none (an empty variable is none): the
 * variable NAME, or the contents of the file that NAME_FILE names (Docker
 * secrets), less one final newline, or where neither is given those of NAME or
 * NAME.cred in CREDENTIALS_DIRECTORY (systemd's credentials). Exits with
 * EX_CONFIG where two are given, and where the file cannot be read or has a
 * NUL byte in it. The caller owns the memory, and gives it back to
 * env_secret_free(), which wipes it.
 */
char *env_secret(const char *name);
void env_secret_free(char *secret);

/*
 * A decimal integer from `least` to `most`, or the default where the variable
 * is not set or empty. Exits with EX_CONFIG where it is anything else.
 */
long env_integer(const char *name, long otherwise, long least, long most);

#endif

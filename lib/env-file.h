/*
 * Files of variables, read as systemd reads an EnvironmentFile=
 * (systemd.exec(5); the states are those of parse_env_file_internal() in its
 * src/basic/env-file.c). Nothing in them is run: a shell would read many such
 * files, and some otherwise.
 *
 * - "#" and ";" begin a comment where a name could begin, and "\" at the end of
 *   its line continues it.
 * - Blanks around a name and a value do not count.
 * - A value, or a part of it, may stand in '' (nothing is special in there) or
 *   in "" (where "\" counts before " \ ` $ and the end of a line only).
 * - Elsewhere "\" makes any character a common one, and drops the end of a
 *   line.
 */
#ifndef CCM_ENV_FILE_H
#define CCM_ENV_FILE_H

/*
 * An assignment: name and value are the callee's to copy, `line`, from 1, is
 * the one in which the name stands.
 */
typedef void env_file_taker(
    void *context, const char *name, const char *value, unsigned line);

/*
 * Gives the assignments of a file to `take`, in their order; of several to one
 * name the last is the one that counts. What has no name that a variable can
 * have (A-Z a-z 0-9 _, no digit first) is left out, as there.
 *
 * Returns NULL, or what is wrong with the file, for "FILE: ...": it cannot be
 * read; systemd refuses it for its size, for a NUL byte or for what is not
 * UTF-8; or no process can be given a variable of that length. Then what was
 * taken is not to be used.
 */
const char *env_file_read(
    const char *path, env_file_taker *take, void *context);

#endif

/*
 * Records that a broker has refused for what they are, in a file without a
 * name: struct companion_reject and the record's bytes, each.
 */
#ifndef CCM_PRODUCE_REFUSED_H
#define CCM_PRODUCE_REFUSED_H

#include <stdbool.h>

/* Files in memory; exits with EX_OSERR if one cannot be made. */
int refused_file_or_die(const char *name);

/* The records as frames with these delimiters, in another file, at its start.
 * -1 with errno. */
int refused_to_frames(
    int refused_fd, const char *key_delimiter, const char *end_delimiter);

/* Appends the records' values to a file, a line each. False with errno. */
bool refused_to_lines(int refused_fd, int to_fd);

/* Appends the records to a file as ccm-consume(1) gives them to a program, with
 * their keys: the values are not lines of text. False with errno. */
bool refused_to_messages(int refused_fd, int to_fd);

/* True where nothing is in the file. */
bool refused_is_empty(int fd);

/* Appends a file to that of this path, which is made if need be, and syncs it
 * and its directory. False with errno. */
bool refused_keep(int from_fd, const char *path);

#endif

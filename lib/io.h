/*
 * Output to a descriptor.
 */
#ifndef CCM_IO_H
#define CCM_IO_H

#include <stddef.h>

/* Writes all of it, or exits with EX_IOERR and a message that names `what`. */
void write_or_die(int fd, const char *what, const char *bytes, size_t len);

#endif

/*
 * Output to a descriptor, and files that are read whole.
 */
#ifndef CCM_IO_H
#define CCM_IO_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* Writes all of it, or exits with EX_IOERR and a message that names `what`. */
void write_or_die(int fd, const char *what, const char *bytes, size_t len);

/* Appends a whole file; false with errno where it cannot be read (EFBIG: it has
 * more than `most` bytes), whatever was appended by then. */
bool read_file(const char *path, size_t most, struct buf *text);

#endif

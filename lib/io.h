/*
 * Output to a descriptor, and files that are read whole.
 */
#ifndef CCM_IO_H
#define CCM_IO_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* Writes all of it; false with errno where that fails. */
bool write_all(int fd, const char *bytes, size_t len);

/* Writes all of it, or exits with EX_IOERR and a message that names `what`. */
void write_or_die(int fd, const char *what, const char *bytes, size_t len);

/* Appends a whole file; false with errno where it cannot be read (EFBIG: it has
 * more than `most` bytes), whatever was appended by then. */
bool read_file(const char *path, size_t most, struct buf *text);

/*
 * True for a FIFO that has a name, and false for the pipe of a shell. Whoever
 * reads a FIFO may come back: that it has no reader is EX_TEMPFAIL, where a
 * pipe without one ends us by SIGPIPE.
 */
bool is_named_fifo(int fd);

#endif

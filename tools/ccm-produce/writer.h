/*
 * The program that writes frames to kcat: ccm-key, or PROG.
 */
#ifndef CCM_PRODUCE_WRITER_H
#define CCM_PRODUCE_WRITER_H

#include <stdbool.h>
#include <sys/types.h>

#include "buf.h"

#define DELIMITER_BYTES 16

struct writer {
	char **argv; /* argv[0] is a path */
	/* Between key and value, and behind it. */
	char key_delimiter[DELIMITER_BYTES + 1];
	char end_delimiter[DELIMITER_BYTES + 1];
	int rejects_fd;    /* it inherits this; -1 */
	pid_t pid;         /* 0: it does not run */
	int pid_fd;        /* readable when it has ended; -1 */
	int wait_status;   /* then */
	struct buf reason; /* what it has told a shipper (lib/shipper.h), a C
			      string; empty where it has told nothing */

	int reason_fd; /* private: to be read when it has ended */
};

/* ccm-key, with a tab and a newline as delimiters; rejects_fd is a file for
 * lines that are no records, or -1. */
void writer_use_key(struct writer *writer, int rejects_fd);

/* PROG, with random delimiters in CCM_DELIMS. Exits with EX_CONFIG where there
 * is no such program. */
void writer_use_prog(struct writer *writer, char **argv);

/* Starts it with our standard input and `to` as its standard output. False and
 * a problem where that fails. */
bool writer_start(struct writer *writer, int to, struct buf *problem);

/* Takes its end, when pid_fd is readable. */
void writer_reap(struct writer *writer);

/* Ends it: SIGTERM, after a second SIGKILL. */
void writer_end(struct writer *writer);

/* True where it has ended and has written all that it had to: it exited with 0,
 * or with EX_DATAERR (some input was bad, and reported). */
bool writer_is_complete(const struct writer *writer);

void writer_free(struct writer *writer);

#endif

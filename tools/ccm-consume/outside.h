/*
 * What may end us from outside, whatever we are doing: SIGTERM, SIGINT or
 * SIGHUP, and the end of whoever reads our standard output.
 */
#ifndef CCM_CONSUME_OUTSIDE_H
#define CCM_CONSUME_OUTSIDE_H

#include <stdbool.h>

struct outside {
	int fd; /* readable when one of these has happened, and from then on */

	/* private */
	int signal_fd;
	bool has_reader; /* whose end is of interest */
};

enum outside_event { OUTSIDE_NOTHING, OUTSIDE_SIGNAL, OUTSIDE_READER_GONE };

/*
 * From here on the signals do nothing but make the descriptor readable; one
 * that we have inherited as ignored does not even that. The reader is looked at
 * where `reader` is true. Exits with EX_OSERR where the kernel gives no
 * descriptors, and with EX_IOERR where standard output is closed.
 */
void outside_open_or_die(struct outside *outside, bool reader);

/* What has happened; a signal comes first. */
enum outside_event outside_look(const struct outside *outside);

/* Waits until something has happened, for that time at most; true then. */
bool outside_wait(const struct outside *outside, int timeout_ms);

/* Ends us as a write to a pipe without a reader would: by SIGPIPE or, where
 * that is ignored, with EX_IOERR and a message. For a FIFO that has a name it
 * is EX_TEMPFAIL and a message. */
void die_without_reader(void) __attribute__((noreturn));

#endif

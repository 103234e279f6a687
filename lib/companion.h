/*
 * What kcat's companion (tools/kcat-companion.c) and the program that runs the
 * kcat (lib/kcat.h) say to each other, over a pair of connected AF_UNIX sockets
 * of type SOCK_SEQPACKET: one packet is one message.
 *
 * Both are built together and installed together; COMPANION_VERSION is for the
 * moment of an upgrade. The error codes are those of librdkafka
 * (rd_kafka_resp_err_t).
 */
#ifndef CCM_COMPANION_H
#define CCM_COMPANION_H

#include <stddef.h>
#include <stdint.h>

#define COMPANION_VERSION 1

/*
 * The environment variable with what the companion is to do, of this form:
 *
 * - a letter of companion_mode,
 * - the descriptor of its socket, of a file for refused records or -1, and of
 *   the companion's own object, by which it was found (closed by it),
 * - the process that runs kcat, and the signal that kcat gets when that ends,
 * - 1 where a consumer writes frames and no lines,
 * - how far back a consumer starts in the partitions that it is given, in
 *   seconds, or -1: where its group stands.
 */
#define COMPANION_VARIABLE "CCM_COMPANION"
#define COMPANION_FORM "%c %d %d %d %d %d %d %lld"

enum companion_mode {
	COMPANION_ASK = 'A',     /* kcat -L: the metadata of a topic */
	COMPANION_CHECK = 'K',   /* settings only: no packet, no child */
	COMPANION_PRODUCE = 'P', /* frames of ccm-key -F on standard input */
	COMPANION_CONSUME = 'C'  /* kcat -G */
};

enum companion_kind {
	/*
	 * At the start, before main(): `number` is COMPANION_VERSION, `text` is
	 * librdkafka's version, `code` the number of functions that were to be
	 * found there and were not. `text` has their names behind the version.
	 */
	COMPANION_HELLO,

	/* librdkafka refuses a setting; `text` is its reason, `name` the
	 * property. */
	COMPANION_PROPERTY,
	/* ... or what they are together: it makes no client of them. */
	COMPANION_CREATE,
	/* COMPANION_CHECK: it takes them; kcat ends. */
	COMPANION_CHECKED,

	/* An error that librdkafka tells the application; `name` is the code's
	 * ("_TRANSPORT"). */
	COMPANION_ERROR,
	/* A line of its log: `code` is the level of syslog(3), `name` the
	 * facility ("FAIL", "PARTCNT", ...). */
	COMPANION_LOG,

	/* COMPANION_ASK: `code`, and of the topic `topic_code`, `number` of
	 * partitions and `other` of those without a leader. */
	COMPANION_METADATA,

	/* COMPANION_PRODUCE: every counter, some times a second ... */
	COMPANION_PROGRESS,
	/* ... and when kcat ends by itself: the last event of all. */
	COMPANION_END,
	/* How many records failed with `code` by now: `number`; `text` names
	 * the error. At the first one of a code, and before COMPANION_END. */
	COMPANION_FAILED,
	/* The broker stamps the records of this topic itself. */
	COMPANION_APPEND_TIME,
	/* A refused record could not be kept; `code` is an errno. */
	COMPANION_REJECTS,
	/* kcat calls librdkafka in a way that the companion does not know. */
	COMPANION_UNKNOWN_CALL,
	/* All is sent and nothing committed: a companion_order is awaited. */
	COMPANION_READY,
	COMPANION_COMMITTED,

	/* COMPANION_CONSUME: partitions come and go; `text` is their numbers
	 * with blanks between them, `code` is 1 where they come on top of those
	 * that there are, or go from them (cooperative), else 0: they are all.
	 */
	COMPANION_ASSIGNED,
	COMPANION_REVOKED,
	/* The offsets of a time cannot be looked up, and the group's own count:
	 * `text` says why. */
	COMPANION_SINCE,
	/* Standard output does not take what was consumed: `code` is an errno.
	 * kcat ends. */
	COMPANION_OUTPUT,

	/* Not from the companion: a line that kcat, or kinit below it, has
	 * written to its stderr. */
	COMPANION_LINE
};

struct companion_counters {
	uint64_t seen;      /* handed to librdkafka */
	uint64_t delivered; /* acknowledged */
	uint64_t failed;    /* given up by librdkafka, whatever the code */
	uint64_t kept;      /* of these, in the file for refused records */
	uint64_t cut;       /* lines that are no frame, and were not sent */
	int64_t oldest_ms;  /* the lowest timestamp, 0: there was none */
};

#define COMPANION_TEXT_MAX 16384

struct companion_event {
	uint32_t kind;
	int32_t code;
	int32_t topic_code;
	uint32_t padding;
	uint64_t number, other;
	struct companion_counters counters;
	char name[64];
	char text[COMPANION_TEXT_MAX]; /* sent up to its NUL and with it */
};

/* The bytes of an event before its text. */
#define COMPANION_HEAD offsetof(struct companion_event, text)

/*
 * The file for refused records: of each this head, its key and its value, those
 * that the broker has refused for what they are.
 */
struct companion_reject {
	int64_t timestamp_ms; /* 0: none */
	int32_t code;
	uint32_t key_len;
	uint64_t value_len;
};

/* The answer to COMPANION_READY: commit, if that many records were seen. No
 * answer, as an end of file, aborts the transaction. */
struct companion_order {
	uint64_t seen;
};

#endif

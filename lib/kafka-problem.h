/*
 * What an event of kcat's companion means for who runs ccm: nothing, a broker
 * that is away, or a refusal that waiting does not mend, with what to do.
 *
 * librdkafka has an error code for most of it, and English for the rest. The
 * patterns were read in librdkafka 2.0.2 and OpenSSL 3.0; where they do not
 * match, the code alone decides.
 */
#ifndef CCM_KAFKA_PROBLEM_H
#define CCM_KAFKA_PROBLEM_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "companion.h"
#include "kafka-settings.h"

/* The one that stands; it is kept over several events. */
struct kafka_problem {
	int status;         /* 0: none; EX_TEMPFAIL: an absence, of a broker or
			       a Kerberos server; EX_NOPERM and EX_CONFIG: a
			       refusal */
	int64_t since_ms;   /* monotonic_ms() when the refusal was first seen */
	bool guessed;       /* a broker that is being stopped looks the same:
			       counts if it lasts for some seconds */
	bool explained;     /* the message is more than what a broker's
			       connection met */
	struct buf broker;  /* "host:port", or empty; a C string */
	struct buf message; /* what is wrong, and what to do; a C string */

	struct buf kinit; /* private: what kinit has said */
};

#define KAFKA_PROBLEM_INIT         \
	{                          \
		.broker = BUF_INIT \
	}

/*
 * Reads one event. True where it is a problem that replaces what `problem` was:
 * a refusal of librdkafka replaces all, anything else an absence or a guess.
 * Passwords are masked.
 */
bool kafka_problem_read(struct kafka_problem *problem,
    const struct kafka_settings *settings, const struct companion_event *event);

/* True where there is a refusal. */
bool kafka_problem_refuses(const struct kafka_problem *problem);

/* What the failure of a record's delivery with this code means: EX_DATAERR (no
 * later try helps), EX_NOPERM, or EX_TEMPFAIL. */
int kafka_delivery_status(int code);

void kafka_problem_clear(struct kafka_problem *problem);
void kafka_problem_free(struct kafka_problem *problem);

#endif

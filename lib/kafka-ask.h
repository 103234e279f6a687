/*
 * Whether a broker answers for a topic, and what it says of it: kcat -L.
 */
#ifndef CCM_KAFKA_ASK_H
#define CCM_KAFKA_ASK_H

#include <stdbool.h>

#include "buf.h"
#include "kafka-settings.h"

struct kafka_topic {
	bool answered; /* a broker has said something of it, if only an error */
	unsigned partitions;
	unsigned leaderless; /* of these */
};

/*
 * Asks for the topic's metadata, for `patience_seconds` (2 or more), of the
 * brokers in the settings, or of `broker` ("host:port") alone where that is not
 * NULL. A topic that the broker makes when it is asked for is asked for again,
 * for some seconds.
 *
 * Returns 0, or with the reason in `problem` EX_UNAVAILABLE (no such topic),
 * EX_TEMPFAIL (no broker answered: which one, and in what state),
 * EX_NOPERM, EX_CONFIG, EX_OSERR. `stop_fd` is a descriptor that becomes
 * readable when the caller has to stop: EX_TEMPFAIL with nothing in `problem`;
 * -1: none.
 */
int kafka_ask(const struct kafka_settings *settings, const char *topic,
    const char *broker, unsigned patience_seconds, int stop_fd,
    struct kafka_topic *answer, struct buf *problem);

#endif

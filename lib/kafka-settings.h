/*
 * How to reach Kafka: KAFKA_SETTINGS (a JSON object) and the KAFKA_* variables,
 * with the names of kafka-python's arguments or, in the object, of librdkafka's
 * properties, as properties of librdkafka. ccm.env(5) has the names.
 */
#ifndef CCM_KAFKA_SETTINGS_H
#define CCM_KAFKA_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

enum kafka_side { KAFKA_PRODUCER, KAFKA_CONSUMER };

struct kafka_property {
	char *name; /* librdkafka's */
	char *value;
	char *shown;      /* what the user set it by, NULL: we set it */
	bool secret;      /* never to be shown */
	bool by_argument; /* kcat's configuration file cannot carry it */
};

struct kafka_settings {
	enum kafka_side side;
	struct kafka_property *properties; /* ordered by name */
	size_t count;
};

/*
 * Reads and checks them all: each that is refused is logged (ERROR) by the name
 * that the user gave it, and each warning is. False where one was refused: the
 * status is EX_CONFIG then, and nothing is left to free. What librdkafka itself
 * refuses is not checked here; see kcat_check().
 *
 * Afterwards no variable KAFKA_*, CONFLUENT_METRICS_*, KCAT_CONFIG or
 * KAFKACAT_CONFIG is left in the environment, so that no child has a secret.
 */
bool kafka_settings_read(struct kafka_settings *settings, enum kafka_side side);
void kafka_settings_free(struct kafka_settings *settings);

/* The value of a property, or NULL. */
const char *kafka_setting(
    const struct kafka_settings *settings, const char *name);

/* The name by which the user set a property, or the property's own. */
const char *kafka_setting_shown(
    const struct kafka_settings *settings, const char *name);

/* "PROPERTY=VALUE" lines, a secret as "********". */
void kafka_settings_print(
    const struct kafka_settings *settings, struct buf *out);

/* Appends a text with every secret in it replaced by "********". */
void kafka_settings_mask(
    const struct kafka_settings *settings, struct buf *out, const char *text);

/* EX_USAGE and a message where Kafka has no such topic names. */
void check_topic_name_or_die(const char *topic);

#endif

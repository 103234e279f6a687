/*
 * What is known of Kafka's settings: the properties of librdkafka (2.0.2) and
 * the arguments of kafka-python's KafkaProducer and KafkaConsumer (2.0 to 3.1).
 */
#ifndef CCM_KAFKA_SETTINGS_TABLE_H
#define CCM_KAFKA_SETTINGS_TABLE_H

#include <stddef.h>

enum sides { PRODUCER = 1, CONSUMER = 2, BOTH = 3 };

/*
 * How a value is read. librdkafka refuses what is out of range and words that
 * it does not know; it reads "10s" as 10, "1e3" as 1 and "010" as 8.
 */
enum property_type {
	TEXT,
	WORD, /* in lower case */
	BOOLEAN,
	INTEGER,
	DECIMAL,
	ACKS,
	MECHANISM,
	STRATEGY /* a list */
};

struct property_rule {
	const char *name;
	enum sides sides;
	enum property_type type;
};

/* How an argument becomes a property. */
enum argument_way {
	AS_PROPERTY, /* as that property is read */
	ADDRESSES,
	CHECK_HOSTNAME,
	RETRIES,
	BATCH_SIZE,
	KILOBYTES, /* from bytes */
	API_VERSION,
	DNS_LOOKUP,
	PYTHON_ONLY,   /* refused */
	NO_COUNTERPART /* refused */
};

struct argument_rule {
	const char *name;
	enum sides sides;
	enum argument_way way;
	const char *to[2];  /* properties */
	const char *advice; /* where it is refused, or NULL */
};

/* The rule of a property; one that is not in the table is TEXT for both sides.
 */
struct property_rule property_rule(const char *name);

/* librdkafka's first name of a property that has two. */
const char *property_name(const char *name);

/* Why a property is refused, or NULL. */
const char *property_refusal(const char *name);

/* The rule of an argument, by any of its names, or NULL. */
const struct argument_rule *argument_rule(const char *name);

#endif

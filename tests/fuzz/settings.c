/*
 * The settings of Kafka: up to a NUL the JSON object, behind it the addresses
 * of the brokers. What comes of them has no name and no value that kcat's
 * configuration file would read as something else, no property comes twice, and
 * no secret is printed.
 */
#include <stdint.h>
#include <stdlib.h>

#include "kafka-settings.h"
#include "log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check(const struct kafka_settings *settings)
{
	struct buf shown = BUF_INIT;

	for (size_t i = 0; i < settings->count; i++) {
		const struct kafka_property *property =
		    &settings->properties[i];

		if (property->name[0] == '\0' ||
		    property->name[strcspn(property->name, "=#\r\n")] != '\0')
			__builtin_trap();
		if (!property->by_argument &&
		    property->value[strcspn(property->value, "\r\n")] != '\0')
			__builtin_trap();
		if (i > 0 && strcmp(property[-1].name, property->name) >= 0)
			__builtin_trap();
		if (!property->secret)
			continue;
		shown.len = 0;
		kafka_settings_mask(settings, &shown, property->value);
		if (strlen(property->value) > 8 &&
		    strstr(buf_terminate(&shown), property->value) != NULL)
			__builtin_trap();
	}
	buf_free(&shown);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct kafka_settings settings;
	char *text = xstrndup((const char *)data, len);
	size_t first = strlen(text);

	setenv("GLOBAL_LOG_LEVEL", "CRITICAL", 1);
	setenv("KAFKA_SETTINGS", text, 1);
	setenv("KAFKA_BOOTSTRAP_SERVERS",
	    first < len ? text + first + 1 : "localhost:9092", 1);
	log_init("settings");
	if (kafka_settings_read(&settings, KAFKA_PRODUCER)) {
		check(&settings);
		kafka_settings_free(&settings);
	}
	free(text);
	return 0;
}

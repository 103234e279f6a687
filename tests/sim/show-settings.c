/*
 * show-settings producer|consumer [NAME] - what kcat is given for the Kafka
 * settings in the environment: its configuration file as NAME.conf, and its
 * arguments, -X and a property in turn, as NAME.args, a line each. NAME is
 * "kcat" where it is not given. For tests.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "kafka-settings.h"
#include "log.h"

static FILE *
create(const char *name, const char *end)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s.%s", name, end);
	file = fopen(path, "w");
	if (file == NULL)
		die(EX_CANTCREAT, "cannot create %s", path);
	return file;
}

int
main(int argc, char **argv)
{
	struct kafka_settings settings;
	const char *name = argc > 2 ? argv[2] : "kcat";
	FILE *conf, *args;

	log_init("settings");
	if (argc < 2 ||
	    !kafka_settings_read(&settings,
		strcmp(argv[1], "producer") == 0 ? KAFKA_PRODUCER
						 : KAFKA_CONSUMER))
		return EX_CONFIG;
	conf = create(name, "conf");
	args = create(name, "args");
	for (size_t i = 0; i < settings.count; i++)
		fprintf(settings.properties[i].by_argument ? args : conf,
		    "%s%s=%s\n",
		    settings.properties[i].by_argument ? "-X\n" : "",
		    settings.properties[i].name, settings.properties[i].value);
	kafka_settings_free(&settings);
	return fclose(conf) == 0 && fclose(args) == 0 ? EX_OK : EX_IOERR;
}

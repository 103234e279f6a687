/*
 * ccm-kafka-ask - what a broker says of a topic, as data. Private: for
 * ccm-check.
 *
 * Writes one line of JSON to standard output and exits with its "status":
 *
 *	{"status":0,"partitions":4,"leaderless":0}
 *	{"status":75,"detail":"no broker answered: ..."}
 */
#include <sysexits.h>
#include <unistd.h>

#include "env.h"
#include "io.h"
#include "json.h"
#include "kafka-ask.h"
#include "log.h"
#include "main.h"
#include "process.h"

#define USAGE                                                    \
	"usage: ccm-kafka-ask TOPIC\n"                           \
	"Writes what a broker says of a Kafka topic, as JSON.\n" \
	"  -h        this help\n"                                \
	"  -V        the version\n"
#define ASK_SECONDS 10

int
main(int argc, char **argv)
{
	struct kafka_settings settings;
	struct kafka_topic topic;
	struct buf problem = BUF_INIT, out = BUF_INIT;
	int option, status;

	protect_secrets();
	opterr = 0;
	while ((option = getopt(argc, argv, ":hV")) != -1) {
		switch (option) {
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-kafka-ask");
		default:
			usage_error_and_exit(option);
		}
	}
	log_init("ccm-kafka-ask");
	standard_fds_or_die(STDOUT_FILENO);
	arguments_or_die(argc - optind, argv + optind, "TOPIC", false);
	if (!kafka_settings_read(&settings, KAFKA_PRODUCER))
		return EX_CONFIG;
	status = kafka_ask(
	    &settings, argv[optind], NULL, ASK_SECONDS, -1, &topic, &problem);
	buf_printf(&out, "{\"status\":%d,", status);
	if (status == EX_OK)
		buf_printf(&out, "\"partitions\":%u,\"leaderless\":%u",
		    topic.partitions, topic.leaderless);
	else {
		buf_add_string(&out, "\"detail\":\"");
		json_escape_any(&out, buf_terminate(&problem));
		buf_add_char(&out, '"');
	}
	buf_add_string(&out, "}\n");
	write_or_die(STDOUT_FILENO, "standard output", out.data, out.len);
	buf_free(&problem);
	buf_free(&out);
	kafka_settings_free(&settings);
	return status;
}

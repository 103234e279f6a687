/*
 * ccm-avro - client metrics as Avro on a Kafka topic, and back.
 *
 *	spool -> ccm-ship -> ccm-produce (ccm-avro encode -> kcat) -> Kafka
 *	Kafka -> ccm-consume (kcat -> ccm-avro decode) -> ccm-ingestd's FIFO
 *
 * - Nothing is written before the registry has given the schema's id: without
 *   it the spool waits.
 * - A line that is no client metric stops nothing and is never lost; a message
 *   that is none is logged and passed over: the way back is for display.
 * - A message may be anybody's. Each length in it is checked against what is
 *   left of it, and what is read of it ends after so many steps.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "decode.h"
#include "encode.h"
#include "env.h"
#include "io.h"
#include "json.h"
#include "log.h"
#include "main.h"
#include "process.h"
#include "program.h"
#include "registry.h"
#include "schema.h"
#include "shipper.h"
#include "writers.h"

#define USAGE                                                                    \
	"usage: ccm-avro encode [-r FILE] [-s SCHEMA] [-S SUBJECT] [-u URL]\n"   \
	"       ccm-avro decode [-s SCHEMA] [-u URL]\n"                          \
	"       ccm-avro loop [-r FILE]\n"                                       \
	"encode writes client metrics, a line of ccm-ingestd's spool each, as\n" \
	"frames of Avro for ccm-produce; decode writes what comes framed from\n" \
	"ccm-consume as lines; loop does both, without Kafka and registry.\n"    \
	"  -r FILE     append bad lines to FILE and exit 0; default:\n"          \
	"              CCM_SHIP_REJECTS\n"                                       \
	"  -s SCHEMA   the file with the schema; default: ccm's own\n"           \
	"  -S SUBJECT  where the registry has it; default: "                     \
	"METRICS_INGEST_TOPIC-value\n"                                           \
	"  -u URL      the registry; default: SCHEMA_REGISTRY_URL\n"             \
	"  -h          this help\n"                                              \
	"  -V          the version\n"

#define SCHEMA_FILE "../share/ccm/schemas/metric.avsc"
#define SCHEMA_BYTES_MAX ((size_t)1 << 20)
#define TOPIC_DEFAULT "client-metrics"

struct options {
	const char *schema_path, *url, *subject, *reject_path;
};

/* ---- what each command does --------------------------------------------- */

/* The text of the schema file, in `text`, and what it says. */
static struct metric_schema *
read_schema_or_die(const struct options *options, struct buf *text)
{
	char *own = options->schema_path == NULL
	    ? program_relative_or_die(SCHEMA_FILE)
	    : NULL;
	const char *path = own != NULL ? own : options->schema_path;
	struct buf problem = BUF_INIT;
	struct metric_schema *schema;

	if (!read_file(path, SCHEMA_BYTES_MAX, text))
		die(EX_CONFIG, "cannot read %s: %s", path, strerror(errno));
	buf_terminate(text);
	schema = metric_schema_parse(text->data, text->len, &problem);
	if (schema == NULL)
		die(EX_CONFIG, "%s: %s", path, buf_terminate(&problem));
	buf_free(&problem);
	free(own);
	return schema;
}

static void
write_subject(const struct options *options, struct buf *subject)
{
	const char *topic = getenv("METRICS_INGEST_TOPIC");

	if (options->subject != NULL)
		buf_add_string(subject, options->subject);
	else
		buf_printf(subject, "%s-value",
		    topic != NULL && *topic != '\0' ? topic : TOPIC_DEFAULT);
	buf_terminate(subject);
}

static int
run_encode(const struct options *options)
{
	struct buf text = BUF_INIT, subject = BUF_INIT, problem = BUF_INIT;
	struct registry registry;
	uint32_t id = 0;
	int status;

	metric_schema_free(read_schema_or_die(options, &text));
	registry_open_or_die(&registry, options->url);
	write_subject(options, &subject);
	status =
	    registry_find_id(&registry, subject.data, &text, &id, &problem);
	registry_close(&registry);
	if (status != EX_OK)
		shipper_die(status, "%s", buf_terminate(&problem));
	buf_free(&text);
	buf_free(&subject);
	buf_free(&problem);
	return encode(id, options->reject_path);
}

static int
run_decode(const struct options *options)
{
	struct buf text = BUF_INIT;
	struct metric_schema *ours = read_schema_or_die(options, &text);
	struct registry registry;
	struct writers writers = {.registry = &registry, .ours = ours};
	int status;

	registry_open_or_die(&registry, options->url);
	status = decode(&writers);
	writers_free(&writers);
	registry_close(&registry);
	metric_schema_free(ours);
	buf_free(&text);
	return status;
}

static int
run_loop(const struct options *options)
{
	return loop(options->reject_path);
}

static const struct command {
	const char *name;
	const char *options; /* of getopt(3) */
	int (*run)(const struct options *);
} commands[] = {{"encode", ":r:s:S:u:hV", run_encode},
    {"decode", ":s:u:hV", run_decode}, {"loop", ":r:hV", run_loop}};

/* ---- the command line --------------------------------------------------- */

static void
set_option(struct options *options, int option)
{
	switch (option) {
	case 'r':
		options->reject_path = optarg;
		break;
	case 's':
		options->schema_path = optarg;
		break;
	case 'S':
		options->subject = optarg;
		break;
	case 'u':
		options->url = optarg;
		break;
	case 'h':
		print_help_and_exit(USAGE);
	case 'V':
		print_version_and_exit("ccm-avro");
	default:
		usage_error_and_exit(option);
	}
}

static const struct command *
find_command_or_die(const char *name)
{
	if (name == NULL)
		die(EX_USAGE,
		    "missing argument encode, decode or loop; -h shows the usage");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	die(EX_USAGE, "unknown command \"%s\"; -h shows the usage", name);
}

int
main(int argc, char **argv)
{
	const char *rejects = getenv("CCM_SHIP_REJECTS");
	struct options options = {
	    .reject_path =
		rejects != NULL && *rejects != '\0' ? rejects : NULL};
	const struct command *command;
	int option;

	protect_secrets();
	opterr = 0;
	while ((option = getopt(argc, argv, "+:hV")) != -1)
		set_option(&options, option);
	command = find_command_or_die(argv[optind++]);
	while ((option = getopt(argc, argv, command->options)) != -1)
		set_option(&options, option);
	log_init("ccm-avro");
	arguments_or_die(argc - optind, argv + optind, "", false);
	standard_fds_or_die(STDOUT_FILENO);
	return command->run(&options);
}

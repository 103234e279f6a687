/*
 * sim-cloud - a Confluent Cloud Metrics API for tests, on a real socket of
 * 127.0.0.1.
 *
 * It answers POST /v2/metrics/cloud/query and /attributes and GET
 * /v2/metrics/cloud/descriptors/metrics and /resources and /export as the API's
 *OpenAPI description says, and refuses whatever that does not allow. Any other
 *path below /v2/ is 404 with the API's error document, any path elsewhere 404
 * without one. When it listens, it writes its URL to standard output, one line;
 * it runs until SIGTERM or SIGINT and exits 0.
 *
 *	-p PORT		of 127.0.0.1 (default: any that is free)
 *	-k KEY:SECRET	for HTTP Basic (default SIMKEY:SIMSECRET)
 *	-b TOKEN	for Bearer (default: no token is good)
 *	-r REQUESTS	a minute and address (default 60; 0: any number), ten
 *			times as many an endpoint
 *	-R SECONDS	how long that minute is (default 60)
 *	-H REQUESTS	an hour and resource for /export (default 80; 0: any
 *			number), by the clock of -n
 *	-e SECONDS	how long a page token is good (default 300)
 *	-n TIMESTAMP	where the clock stands (default: it runs)
 *	-L SECONDS	how late a minute's data are there (default 0)
 *	-x MODE		what becomes of an OR of resources of which one is not
 *			allowed or unknown: 403 (default), 400, 404 (of a single
 *			one too; the API's error document), drop (200 without)
 *	-w FILE		a JSON array of points as ccm-fetch writes them: what is
 *			asked of a resource and metric in it is answered from it
 *	-d		the points of a group newest first (default: oldest)
 *	-N		a "metric.principal_name" beside each principal's id
 *	-l		no bodies in the log, for many large requests
 *	-C FILE -K FILE	certificate and key (PEM): https
 *
 * The world, all of it by default authorised, named 0001 and so on:
 *
 *	-c N	Kafka clusters lkc- (3), each with
 *	-P N	principals sa- (4; every fourth is a user, u-0004),
 *	-T N	topics topic- (5), each with
 *	-a N	partitions (2), and
 *	-g N	consumer groups group- (2)
 *	-f N	Flink compute pools lfcp- (2), each with
 *	-s N	statements statement- (3)
 *	-o N	connectors lcc- (2)
 *	-q N	ksqlDB applications lksqlc- (1)
 *	-S N	Schema Registries lsrc- (1)
 *
 * Every series has data for each minute of the last seven days that is over
 * (world.h). Some lack a label: a third of a statement's has no table_name, and
 * of a principal's response_bytes no zone_alignment.
 *
 * A test steers it below /sim/, without credentials and rate limit:
 *
 *	POST /sim/faults	[RULE,...]: misbehaves (fault.h); adds to what
 *				is there. DELETE forgets all rules
 *	GET /sim/log		a line of JSON for each request to the API: time
 *				(ms), method, url, status (0: nothing was sent),
 *				auth, credentials (whether any were sent),
 *				points, fault, connection (its number),
 *				user_agent, body. DELETE empties it
 *	POST /sim/refuse	{"ids":[...]}: the resources that the key is not
 *				allowed to read, instead of those before
 *	POST /sim/now		{"now":TIMESTAMP}; null: the clock runs
 *	POST /sim/export	how /export behaves (export.h)
 *	POST /sim/date		{"ahead":SECONDS}: the Date of an answer is so
 *far before the clock; null: it has none
 *
 * Every answer carries two sets of rateLimit- headers, of the address and of
 * the endpoint, but for a fault of the kind status that brings its own headers.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sysexits.h>
#include <unistd.h>

#include "interval.h"
#include "log.h"
#include "main.h"
#include "sim.h"
#include "token.h"

#define USAGE                                                                      \
	"usage: sim-cloud [-dlN] [-p PORT] [-k KEY:SECRET] [-b TOKEN]\n"           \
	"                 [-r REQUESTS] [-R SECONDS] [-H REQUESTS] [-e SECONDS]\n" \
	"                 [-n TIMESTAMP] [-L SECONDS] [-x MODE] [-w FILE]\n"       \
	"                 [-C CERTIFICATE -K KEY] [-c N] [-P N] [-T N]\n"          \
	"                 [-a N] [-g N] [-f N] [-s N] [-o N] [-q N] [-S N]\n"      \
	"A Metrics API for tests; its URL is written to stdout.\n"                 \
	"  -p PORT       to listen on (default: any that is free)\n"               \
	"  -k KEY:SECRET for Basic (default SIMKEY:SIMSECRET)\n"                   \
	"  -b TOKEN      for Bearer (default: none)\n"                             \
	"  -r REQUESTS   allowed a minute (default 60; 0: any number)\n"           \
	"  -R SECONDS    the length of that minute (default 60)\n"                 \
	"  -H REQUESTS   an hour and resource for /export (default 80)\n"          \
	"  -e SECONDS    the life of a page token (default 300)\n"                 \
	"  -n TIMESTAMP  where the clock stands (default: it runs)\n"              \
	"  -L SECONDS    the data's latency (default 0)\n"                         \
	"  -x MODE       of an OR with a foreign resource: 403 (default),\n"       \
	"                400, 404 or drop\n"                                       \
	"  -w FILE       points to be answered instead of made-up ones\n"          \
	"  -d            the newest points of a group first\n"                     \
	"  -N            with principals' names\n"                                 \
	"  -l            logs no bodies\n"                                         \
	"  -C, -K FILE   certificate and key in PEM, for https\n"                  \
	"  -c, -P, -T    clusters (3), principals (4), topics (5)\n"               \
	"  -a, -g        partitions (2), consumer groups (2)\n"                    \
	"  -f, -s        compute pools (2), statements (3)\n"                      \
	"  -o, -q, -S    connectors (2), ksqlDB (1), registries (1)\n"             \
	"  -h, -V        this help, the version\n"

struct settings {
	unsigned short port;
	const char *certificate_path, *key_path, *table_path;
	struct world_size size;
};

static long
number_argument(int option, long min, long max)
{
	char *rest;
	long number;

	errno = 0;
	number = strtol(optarg, &rest, 10);
	if (rest == optarg || *rest != '\0' || errno != 0 || number < min ||
	    number > max)
		die(EX_USAGE, "-%c %s: a number from %ld to %ld was expected",
		    option, optarg, min, max);
	return number;
}

static char *
basic_authorization(const char *credentials)
{
	struct buf text = BUF_INIT;

	buf_add_string(&text, "Basic ");
	base64_write(
	    &text, (const unsigned char *)credentials, strlen(credentials));
	return buf_terminate(&text);
}

static char *
bearer_authorization(const char *token)
{
	struct buf text = BUF_INIT;

	buf_printf(&text, "Bearer %s", token);
	return buf_terminate(&text);
}

static enum foreign
foreign_argument(void)
{
	static const char *const names[] = {[FOREIGN_403] = "403",
	    [FOREIGN_400] = "400",
	    [FOREIGN_404] = "404",
	    [FOREIGN_DROPPED] = "drop"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], optarg) == 0)
			return (enum foreign)i;
	die(EX_USAGE, "-x %s: 403, 400, 404 or drop was expected", optarg);
}

/* Of the world's options, where the number goes; NULL for another option. */
static int *
size_option(struct world_size *size, int option)
{
	switch (option) {
	case 'c':
		return &size->clusters;
	case 'P':
		return &size->principals;
	case 'T':
		return &size->topics;
	case 'a':
		return &size->partitions;
	case 'g':
		return &size->consumer_groups;
	case 'f':
		return &size->compute_pools;
	case 's':
		return &size->statements;
	case 'o':
		return &size->connectors;
	case 'q':
		return &size->ksql_applications;
	case 'S':
		return &size->schema_registries;
	default:
		return NULL;
	}
}

static void
set_option(struct sim *sim, struct settings *settings, int option)
{
	int *size = size_option(&settings->size, option);

	if (size != NULL) {
		*size = (int)number_argument(option, 0, 100000);
		return;
	}
	switch (option) {
	case 'p':
		settings->port =
		    (unsigned short)number_argument(option, 0, 65535);
		break;
	case 'k':
		free(sim->basic);
		sim->basic = basic_authorization(optarg);
		break;
	case 'b':
		free(sim->bearer);
		sim->bearer = bearer_authorization(optarg);
		break;
	case 'r':
		sim->requests_per_window = number_argument(option, 0, 1000000);
		break;
	case 'R':
		sim->window_ms = number_argument(option, 1, 86400) * 1000;
		break;
	case 'H':
		sim->export.requests_per_hour =
		    number_argument(option, 0, 1000000);
		break;
	case 'e':
		sim->token_life_ms = number_argument(option, 0, 86400) * 1000;
		break;
	case 'n':
		sim->clock_stands = true;
		if (!timestamp_parse(
			optarg, strlen(optarg), &sim->options.now_ms))
			die(EX_USAGE, "-n %s: a timestamp was expected",
			    optarg);
		break;
	case 'L':
		sim->options.latency_ms =
		    number_argument(option, 0, 86400) * 1000;
		break;
	case 'x':
		sim->foreign = foreign_argument();
		break;
	case 'w':
		settings->table_path = optarg;
		break;
	case 'd':
		sim->options.newest_first = true;
		break;
	case 'N':
		sim->options.principal_names = true;
		break;
	case 'l':
		sim->logs_no_bodies = true;
		break;
	case 'C':
		settings->certificate_path = optarg;
		break;
	case 'K':
		settings->key_path = optarg;
		break;
	case 'h':
		print_help_and_exit(USAGE);
	case 'V':
		print_version_and_exit("sim-cloud");
	default:
		usage_error_and_exit(option);
	}
}

/* A whole file, terminated. */
static struct buf
read_file(const char *path)
{
	struct buf text = BUF_INIT;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = 1;

	if (fd == -1)
		die(EX_NOINPUT, "%s: %s", path, strerror(errno));
	while (got > 0) {
		got = read(fd, buf_reserve(&text, 65536), 65536);
		if (got > 0)
			text.len += (size_t)got;
	}
	if (got < 0)
		die(EX_IOERR, "%s: %s", path, strerror(errno));
	close(fd);
	buf_terminate(&text);
	return text;
}

static void
read_table(struct world *world, const char *path)
{
	struct buf text = read_file(path), problem = BUF_INIT;

	if (!world_read_table(world, text.data, text.len, &problem))
		die(EX_DATAERR, "%s: %s", path, buf_terminate(&problem));
	buf_free(&problem);
	buf_free(&text);
}

static void
sim_init(struct sim *sim)
{
	pthread_condattr_t attributes;

	*sim = (struct sim){.requests_per_window = 60,
	    .window_ms = 60000,
	    .token_life_ms = 300000,
	    .export = {.requests_per_hour = EXPORT_REQUESTS_PER_HOUR,
		.samples_max = EXPORT_SAMPLES_MAX},
	    .basic = basic_authorization("SIMKEY:SIMSECRET")};
	pthread_mutex_init(&sim->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&sim->stop, &attributes);
	pthread_condattr_destroy(&attributes);
	if (getrandom(&sim->secret, sizeof(sim->secret), 0) !=
	    sizeof(sim->secret))
		die(EX_OSERR, "no random bytes");
}

static void
windows_free(struct windows *windows)
{
	for (size_t i = 0; i < windows->n; i++)
		free(windows->at[i].scope);
	free(windows->at);
}

static void
sim_free(struct sim *sim)
{
	free(sim->basic);
	free(sim->bearer);
	windows_free(&sim->addresses);
	windows_free(&sim->endpoints);
	fault_rules_clear(&sim->faults);
	export_free(&sim->export);
	world_free(&sim->world);
	buf_free(&sim->log);
	pthread_cond_destroy(&sim->stop);
	pthread_mutex_destroy(&sim->lock);
}

int
main(int argc, char **argv)
{
	struct settings settings = {.size = {.clusters = 3,
					.principals = 4,
					.topics = 5,
					.partitions = 2,
					.consumer_groups = 2,
					.compute_pools = 2,
					.statements = 3,
					.connectors = 2,
					.ksql_applications = 1,
					.schema_registries = 1}};
	struct buf certificate = BUF_INIT, key = BUF_INIT;
	struct sim sim;
	int option;

	log_init("sim-cloud");
	sim_init(&sim);
	opterr = 0;
	while (
	    (option = getopt(argc, argv,
		 ":p:k:b:r:R:H:e:n:L:x:w:dlNC:K:c:P:T:a:g:f:s:o:q:S:hV")) != -1)
		set_option(&sim, &settings, option);
	if (optind < argc)
		die(EX_USAGE, "unexpected argument \"%s\"", argv[optind]);
	if ((settings.certificate_path != NULL) != (settings.key_path != NULL))
		die(EX_USAGE, "-C and -K go together");

	world_init(&sim.world, &settings.size);
	if (settings.table_path != NULL)
		read_table(&sim.world, settings.table_path);
	if (settings.certificate_path != NULL) {
		certificate = read_file(settings.certificate_path);
		key = read_file(settings.key_path);
	}

	serve(&sim, settings.port, certificate.data, key.data);

	buf_free(&certificate);
	buf_free(&key);
	sim_free(&sim);
	return EX_OK;
}

/*
 * ccm-ingest - the ingestion service in one command, where there is no systemd:
 * the daemon, its shipper and its consumer.
 *
 *	POST -> ccm-ingestd -> spool -> ccm-ship -> ccm-produce -> Kafka
 *	             ^                                               |
 *	             +---- FIFO <-- ccm-consume (ccm-avro decode) <--+
 *
 * - Each is started again when it ends, later and later. Only what is wrong
 *   with the daemon's own settings ends us.
 * - Each gets its own variables: the daemon has no access to Kafka's secrets.
 * - A daemon that was started again knows no metrics: so its consumer is, too,
 *   and begins some time in the past (ccm-consume -w).
 * - SIGTERM stops the daemon, then the shipper, once the spool is empty or time
 *   is up, then the consumer. A second one kills what is left; the spool keeps
 *   what was accepted.
 * - However we end, they get SIGTERM.
 * - In development there is no Kafka: the shipper turns the spool back into
 *   the daemon's FIFO.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "component.h"
#include "env.h"
#include "kafka-settings.h"
#include "log.h"
#include "main.h"
#include "process.h"
#include "program.h"
#include "state.h"
#include "variables.h"

#define USAGE                                                                 \
	"usage: ccm-ingest [-l ADDR:PORT|PATH]... [-s SPOOL]\n"               \
	"Runs ccm-ingestd, and what brings its metrics to Kafka and back.\n"  \
	"  -l WHERE  listen there (default: CCM_LISTEN, or 127.0.0.1:5000)\n" \
	"  -s SPOOL  the spool (default: ingest in the state directory)\n"    \
	"  -h        this help\n"                                             \
	"  -V        the version\n"

#define FIFO_NAME ".consumed"
#define TOPIC_DEFAULT "client-metrics"
#define GROUP_DEFAULT "ccm-ingest"
/* How far back a consumer begins where the daemon forgets nothing. */
#define REFILL_SECONDS_MAX 86400
#define SERIES_TTL_DEFAULT 3600

/* Until the daemon has opened the FIFO, or the spool is empty. */
#define POLL_MS 100
#define DRAIN_SECONDS_DEFAULT 10
#define DAEMON_PATIENCE_MS 20000
/* ccm-ship gives a send its own grace, and 5 s more. */
#define SHIPPER_PATIENCE_MS 10000
#define SHIP_GRACE_DEFAULT 60
#define CONSUMER_PATIENCE_MS 20000

enum state {
	RUNNING,
	STOPPING_DAEMON,
	DRAINING,
	STOPPING_SHIPPER,
	STOPPING_CONSUMER,
	STOPPED
};

enum { DAEMON, SHIPPER, CONSUMER, COMPONENTS };

struct ingest {
	char *spool, *fifo;
	bool is_development;
	int64_t drain_ms, shipper_patience_ms;
	struct component components[COMPONENTS];
	int signals_fd;

	enum state state;
	int64_t drain_until_ms;
	int status; /* to exit with */
};

/* ---- the FIFO and the spool --------------------------------------------- */

/* The writing end, once the daemon has the other one; else -1. */
static int
open_fifo(const struct ingest *ingest)
{
	int fd = open(ingest->fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		fcntl(fd, F_SETFL, 0);
	return fd;
}

static bool
spool_is_empty(const struct ingest *ingest)
{
	DIR *dir = opendir(ingest->spool);
	const struct dirent *entry;
	bool is_empty = true;

	while (dir != NULL && is_empty && (entry = readdir(dir)) != NULL)
		is_empty = entry->d_name[0] == '.' || entry->d_type != DT_REG;
	if (dir != NULL)
		closedir(dir);
	return is_empty;
}

/* ---- running ------------------------------------------------------------ */

/* Who writes to the daemon's FIFO. */
static bool
writes_back(const struct ingest *ingest, int which)
{
	return which == (ingest->is_development ? SHIPPER : CONSUMER);
}

static bool
is_used(const struct ingest *ingest, int which)
{
	return which != CONSUMER || !ingest->is_development;
}

static void
start_component(struct ingest *ingest, int which)
{
	struct component *component = &ingest->components[which];

	if (!writes_back(ingest, which)) {
		component_start(component);
		return;
	}
	component->stdout_fd = open_fifo(ingest);
	if (component->stdout_fd < 0) {
		component->due_ms = monotonic_ms() + POLL_MS;
		return;
	}
	component_start(component);
	close(component->stdout_fd);
}

static void
start_due(struct ingest *ingest)
{
	for (int i = 0; i < COMPONENTS; i++) {
		struct component *component = &ingest->components[i];

		if (is_used(ingest, i) && component->pid == 0 &&
		    monotonic_ms() >= component->due_ms)
			start_component(ingest, i);
	}
}

static void
stop(struct ingest *ingest)
{
	ingest->state = STOPPING_DAEMON;
	component_stop(&ingest->components[DAEMON], DAEMON_PATIENCE_MS);
}

/* It has looked at its settings, or at where it is to listen, and will not do
 * better another time. */
static bool
is_misconfigured(const struct component *daemon)
{
	int status = daemon->wait_status;

	return WIFEXITED(status) &&
	    (WEXITSTATUS(status) == EX_USAGE ||
		WEXITSTATUS(status) == EX_CONFIG ||
		WEXITSTATUS(status) == EX_CANTCREAT);
}

static void
daemon_has_ended(struct ingest *ingest)
{
	struct component *daemon = &ingest->components[DAEMON];

	if (is_misconfigured(daemon)) {
		ingest->status = WEXITSTATUS(daemon->wait_status);
		log_error("%s exited with status %d; stopping", daemon->name,
		    ingest->status);
		stop(ingest);
		return;
	}
	component_plan(daemon);
	component_stop(&ingest->components[CONSUMER], CONSUMER_PATIENCE_MS);
}

static void
look_at_ends(struct ingest *ingest)
{
	for (int i = 0; i < COMPONENTS; i++) {
		if (!component_has_ended(&ingest->components[i]) ||
		    ingest->state != RUNNING)
			continue;
		if (i == DAEMON)
			daemon_has_ended(ingest);
		else
			component_plan(&ingest->components[i]);
	}
}

/* ---- stopping ----------------------------------------------------------- */

static bool
has_drained(const struct ingest *ingest)
{
	/* In development nobody takes what it would write. */
	return ingest->is_development || ingest->components[SHIPPER].pid == 0 ||
	    spool_is_empty(ingest) || monotonic_ms() >= ingest->drain_until_ms;
}

/* Goes on to the next state, where this one has done its work. */
static bool
take_step_of_stop(struct ingest *ingest)
{
	struct component *components = ingest->components;

	switch (ingest->state) {
	case STOPPING_DAEMON:
		if (components[DAEMON].pid != 0)
			return false;
		ingest->drain_until_ms = monotonic_ms() + ingest->drain_ms;
		break;
	case DRAINING:
		if (!has_drained(ingest))
			return false;
		component_stop(
		    &components[SHIPPER], ingest->shipper_patience_ms);
		break;
	case STOPPING_SHIPPER:
		if (components[SHIPPER].pid != 0)
			return false;
		component_stop(&components[CONSUMER], CONSUMER_PATIENCE_MS);
		break;
	case STOPPING_CONSUMER:
		if (components[CONSUMER].pid != 0)
			return false;
		break;
	case RUNNING:
	case STOPPED:
		return false;
	}
	ingest->state++;
	return true;
}

static void
take_signals(struct ingest *ingest)
{
	struct signalfd_siginfo info;

	while (read(ingest->signals_fd, &info, sizeof(info)) ==
	    (ssize_t)sizeof(info)) {
		if (ingest->state == RUNNING) {
			log_info("stopping");
			stop(ingest);
			continue;
		}
		log_warn("another signal; killing what is left");
		for (int i = 0; i < COMPONENTS; i++)
			component_kill(&ingest->components[i]);
	}
}

/* ---- the loop ----------------------------------------------------------- */

static int
timeout_ms(const struct ingest *ingest)
{
	int64_t due = INT64_MAX, left;

	if (ingest->state == DRAINING)
		return POLL_MS;
	for (int i = 0; i < COMPONENTS; i++) {
		const struct component *component = &ingest->components[i];

		if (is_used(ingest, i) &&
		    (component->pid != 0 || ingest->state == RUNNING) &&
		    component_due_ms(component) < due)
			due = component_due_ms(component);
	}
	if (due == INT64_MAX)
		return -1;
	left = due - monotonic_ms();
	return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

static void
await(const struct ingest *ingest)
{
	struct pollfd fds[COMPONENTS + 1] = {
	    {.fd = ingest->signals_fd, .events = POLLIN}};

	for (int i = 0; i < COMPONENTS; i++)
		fds[i + 1] =
		    (struct pollfd){.fd = ingest->components[i].pid != 0
			    ? ingest->components[i].pid_fd
			    : -1,
			.events = POLLIN};
	poll(fds, COMPONENTS + 1, timeout_ms(ingest));
}

static void
run(struct ingest *ingest)
{
	while (ingest->state != STOPPED) {
		if (ingest->state == RUNNING)
			start_due(ingest);
		await(ingest);
		take_signals(ingest);
		look_at_ends(ingest);
		for (int i = 0; i < COMPONENTS; i++)
			component_hurry(&ingest->components[i]);
		while (take_step_of_stop(ingest))
			continue;
	}
}

/* ---- set-up ------------------------------------------------------------- */

static const char *
not_empty(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : otherwise;
}

/* Makes a directory and those above it. */
static void
make_directory_or_die(const char *path)
{
	char *copy = xstrdup(path);

	for (char *slash = strchr(copy + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(copy, 0777);
		*slash = '/';
	}
	if (mkdir(copy, 0750) != 0 && errno != EEXIST)
		die(EX_CANTCREAT, "cannot make %s: %s", path, strerror(errno));
	free(copy);
}

static void
choose_spool_or_die(struct ingest *ingest, const char *given)
{
	struct buf problem = BUF_INIT, path = BUF_INIT;
	char *state;

	if (given != NULL) {
		buf_add_string(&path, given);
	} else {
		state = state_directory(&problem);
		if (state == NULL)
			die(EX_CONFIG, "%s; -s names the spool",
			    buf_terminate(&problem));
		buf_printf(&path, "%s/ingest", state);
		free(state);
	}
	ingest->spool = xstrdup(buf_terminate(&path));
	buf_add_string(&path, "/" FIFO_NAME);
	ingest->fifo = xstrdup(buf_terminate(&path));
	make_directory_or_die(ingest->spool);
	buf_free(&path);
	buf_free(&problem);
}

/* A command line: strings that are kept, up to a NULL. */
static void
set_argv(struct component *component, const char *const *words)
{
	size_t count = 0;
	char **argv;

	while (words[count] != NULL)
		count++;
	argv = xreallocarray(NULL, count + 1, sizeof(*argv));
	for (size_t i = 0; i < count; i++)
		argv[i] = xstrdup(words[i]);
	argv[count] = NULL;
	component->name = argv[0];
	component->argv = argv;
	free(program_find_or_die(argv[0]));
}

/* ccm-ingestd [-l WHERE]... -s SPOOL -c FIFO [-d] */
static void
set_daemon_argv(struct ingest *ingest, const char **listen, size_t count)
{
	const char **words = xreallocarray(NULL, 2 * count + 7, sizeof(*words));
	size_t n = 0;

	words[n++] = "ccm-ingestd";
	for (size_t i = 0; i < count; i++) {
		words[n++] = "-l";
		words[n++] = listen[i];
	}
	words[n++] = "-s";
	words[n++] = ingest->spool;
	words[n++] = "-c";
	words[n++] = ingest->fifo;
	if (ingest->is_development)
		words[n++] = "-d";
	words[n] = NULL;
	set_argv(&ingest->components[DAEMON], words);
	free(words);
}

static void
set_kafka_argv(struct ingest *ingest)
{
	const char *topic = not_empty("METRICS_INGEST_TOPIC", TOPIC_DEFAULT);
	const char *group = not_empty("CCM_GROUP", GROUP_DEFAULT);
	long refill =
	    env_integer("CCM_SERIES_TTL", SERIES_TTL_DEFAULT, 0, INT32_MAX);
	char seconds[16];

	check_topic_name_or_die(topic);
	if (refill == 0)
		refill = REFILL_SECONDS_MAX;
	snprintf(seconds, sizeof(seconds), "%ld", refill);
	set_argv(&ingest->components[SHIPPER],
	    (const char *const[]){"ccm-ship", ingest->spool, "ccm-produce",
		topic, "ccm-avro", "encode", NULL});
	set_argv(&ingest->components[CONSUMER],
	    (const char *const[]){"ccm-consume", "-w", seconds, topic, group,
		"ccm-avro", "decode", NULL});
}

static void
set_up_components(struct ingest *ingest, const char **listen, size_t count)
{
	struct component *components = ingest->components;

	for (int i = 0; i < COMPONENTS; i++)
		components[i] =
		    (struct component){.stdout_fd = -1, .pid_fd = -1};
	set_daemon_argv(ingest, listen, count);
	if (ingest->is_development)
		set_argv(&components[SHIPPER],
		    (const char *const[]){
			"ccm-ship", ingest->spool, "ccm-avro", "loop", NULL});
	else
		set_kafka_argv(ingest);
	components[DAEMON].env = variables_of(FOR_DAEMON);
	components[SHIPPER].env = variables_of(FOR_SHIPPER);
	components[CONSUMER].env = variables_of(FOR_CONSUMER);
}

static void
set_up_or_die(
    struct ingest *ingest, const char *spool, const char **listen, size_t count)
{
	static const int signals[] = {SIGTERM, SIGINT};

	variables_read_file_or_die();
	log_init("ccm-ingest"); /* GLOBAL_LOG_LEVEL may be in the file */
	ingest->is_development = variables_say_development();
	if (ingest->is_development)
		log_warn("development: no metric goes to Kafka");
	ingest->drain_ms = 1000 *
	    env_integer(
		"CCM_INGEST_DRAIN_SECONDS", DRAIN_SECONDS_DEFAULT, 0, 86400);
	ingest->shipper_patience_ms = SHIPPER_PATIENCE_MS +
	    1000 *
		env_integer(
		    "CCM_SHIP_GRACE_SECONDS", SHIP_GRACE_DEFAULT, 0, 86400);
	choose_spool_or_die(ingest, spool);
	set_up_components(ingest, listen, count);
	ingest->signals_fd = signals_fd_or_die(signals, 2);
}

int
main(int argc, char **argv)
{
	/* Static, so that it ends with the process: nothing is freed. */
	static struct ingest ingest;
	const char **listen =
	    xreallocarray(NULL, (size_t)argc, sizeof(*listen));
	const char *spool = NULL;
	size_t nlisten = 0;
	int option;

	/* The environment, and the file, hold Kafka's secrets. */
	protect_secrets();
	opterr = 0;
	while ((option = getopt(argc, argv, ":l:s:hV")) != -1) {
		switch (option) {
		case 'l':
			listen[nlisten++] = optarg;
			break;
		case 's':
			spool = optarg;
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-ingest");
		default:
			usage_error_and_exit(option);
		}
	}
	log_init("ccm-ingest");
	arguments_or_die(argc - optind, argv + optind, "", false);
	standard_fds_or_die(-1);
	set_up_or_die(&ingest, spool, listen, nlisten);
	free(listen);
	run(&ingest);
	log_info("stopped");
	return ingest.status;
}

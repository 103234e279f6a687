/*
 * ccm-ingestd - take metrics by HTTP, keep them on disk for ccm-ship, and show
 * those that have come back from Kafka to Prometheus.
 *
 * - A client is told "accepted" only when its metrics are on disk: each round
 *   of the loop ends with one write and one fdatasync(2) for all requests that
 *   came in it (spool.h, ingest.h). So a kill at any moment loses no metric
 *   that got its 202.
 * - What cannot be kept is not accepted: 503, and the client tries again.
 * - There is one thread and one loop. Nothing in it waits but that sync.
 * - This process reads what anybody sends to it, and so has no access to
 *   Kafka's secrets: it only writes files and reads lines (ccm-ship, and
 *   ccm-consume, have the other ends).
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "daemon.h"
#include "listen.h"
#include "log.h"
#include "main.h"
#include "process.h"
#include "routes.h"
#include "state.h"
#include "way-back.h"

#define USAGE                                                                        \
	"usage: ccm-ingestd [-l ADDR:PORT|PATH]... [-m ADDR:PORT|PATH]...\n"         \
	"                   [-s SPOOL] [-c FIFO [-d]]\n"                             \
	"       ccm-ingestd -t LINE\n"                                               \
	"Takes metrics by HTTP POST, keeps them in SPOOL for ccm-ship, and\n"        \
	"shows those that come back from Kafka to Prometheus.\n"                     \
	"  -l WHERE  listen there (default: CCM_LISTEN, or 127.0.0.1:5000)\n"        \
	"  -m WHERE  listen there, too, for what is read only (GET)\n"               \
	"  -s SPOOL  the spool (default: ingest in the state directory)\n"           \
	"  -c FIFO   consumed metrics come from there (ccm-consume)\n"               \
	"  -d        development: ccm-ship itself writes to FIFO, without Kafka\n"   \
	"  -t LINE   make a token: it goes to stderr, its line to stdout; LINE is\n" \
	"            'APPS RIGHTS [rate=N] [origin=ORIGIN]'\n"                       \
	"  -h        this help\n"                                                    \
	"  -V        the version\n"

/* A client that does not read its answer holds up our end no longer. */
#define DRAIN_MS 10000
#define DRAIN_POLL_MS 20

struct options {
	struct list listen, management;
	const char *spool, *feed;
	bool is_development;
};

/* ---- options ------------------------------------------------------------ */

static void
add_item(struct list *list, char *item)
{
	list->items =
	    grow_by_one(list->items, list->count, sizeof(*list->items));
	list->items[list->count++] = item;
}

static void
parse_options(int argc, char **argv, struct options *options)
{
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, ":l:m:s:c:dt:hV")) != -1) {
		switch (option) {
		case 'l':
			add_item(&options->listen, optarg);
			break;
		case 'm':
			add_item(&options->management, optarg);
			break;
		case 't':
			token_make_and_exit(optarg);
		case 's':
			options->spool = optarg;
			break;
		case 'c':
			options->feed = optarg;
			break;
		case 'd':
			options->is_development = true;
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-ingestd");
		default:
			usage_error_and_exit(option);
		}
	}
	arguments_or_die(argc - optind, argv + optind, "", false);
}

static char *
spool_path_or_die(const char *given)
{
	struct buf problem = BUF_INIT, path = BUF_INIT;
	char *state;

	if (given != NULL)
		return xstrdup(given);
	state = state_directory(&problem);
	if (state == NULL)
		die(EX_CONFIG, "%s; -s names the spool",
		    buf_terminate(&problem));
	buf_printf(&path, "%s/ingest", state);
	free(state);
	return path.data;
}

/* ---- sockets ------------------------------------------------------------ */

static void
add_listener(struct daemon *daemon, int fd, bool is_read_only)
{
	/* By what they are: loopback or not, read only or not. */
	static const struct place places[2][2] = {
	    {{false, false}, {false, true}}, {{true, false}, {true, true}}};
	struct buf where = BUF_INIT;
	bool is_local = listen_is_local(fd);

	listen_describe(fd, &where);
	buf_terminate(&where);
	if (!is_local && !daemon->access.has_tokens &&
	    !daemon->settings.is_open)
		die(EX_CONFIG,
		    "%s can be reached from other machines; that takes tokens "
		    "(CCM_TOKENS_FILE), or CCM_OPEN=1 to do without",
		    where.data);
	http_server_listen(&daemon->server, fd,
	    &places[is_local && strchr(where.data, ':') != NULL][is_read_only]);
	log_info("listening on %s%s", where.data,
	    is_read_only ? ", to be read" : "");
	buf_free(&where);
}

static void
listen_on_all_or_die(
    struct daemon *daemon, const struct list *where, bool is_read_only)
{
	struct buf problem = BUF_INIT;

	for (size_t i = 0; i < where->count; i++) {
		int fd = listen_on(where->items[i], &problem);

		if (fd < 0)
			die(EX_CANTCREAT, "%s", buf_terminate(&problem));
		add_listener(daemon, fd, is_read_only);
	}
}

static void
listen_or_die(struct daemon *daemon, const struct options *options)
{
	int inherited = listen_inherited();

	for (int i = 0; i < inherited; i++)
		add_listener(daemon, STDERR_FILENO + 1 + i, false);
	if (inherited == 0)
		listen_on_all_or_die(daemon,
		    options->listen.count > 0 ? &options->listen
					      : &daemon->settings.listen,
		    false);
	listen_on_all_or_die(daemon, &options->management, true);
}

/* As many descriptors as connections may come. */
static void
raise_descriptors(struct daemon *daemon)
{
	struct rlimit limit;
	rlim_t needed = (rlim_t)daemon->settings.connections_max + 64;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= needed)
		return;
	daemon->server.connections_max = (unsigned)limit.rlim_cur - 64;
	log_warn("only %u connections at a time: the limit of open files "
		 "(RLIMIT_NOFILE) is %ju",
	    daemon->server.connections_max, (uintmax_t)limit.rlim_cur);
}

static void
set_up_server(struct daemon *daemon)
{
	const struct settings *settings = &daemon->settings;
	struct http_server *server = &daemon->server;

	http_server_init(server, &daemon->loop);
	server->connections_max = settings->connections_max;
	server->per_address_max = settings->per_address_max;
	server->per_address_is_local = settings->per_address_is_local;
	server->head_ms = (int)settings->head_ms;
	server->body_ms = (int)settings->body_ms;
	server->idle_ms = (int)settings->idle_ms;
	raise_descriptors(daemon);
	routes_install(daemon);
}

/* ---- signals ------------------------------------------------------------ */

static void
on_signal(void *context, uint32_t events)
{
	struct daemon *daemon = context;
	struct signalfd_siginfo info;

	(void)events;
	while (read(daemon->signals.fd, &info, sizeof(info)) ==
	    (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			access_reload(&daemon->access);
		else
			daemon->is_stopping = true;
	}
	daemon->loop.stop = daemon->is_stopping;
}

static void
watch_signals(struct daemon *daemon)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

	daemon->signals = (struct loop_fd){.fd = signals_fd_or_die(signals, 3),
	    .on_event = on_signal,
	    .context = daemon};
	if (!loop_add(&daemon->loop, &daemon->signals, EPOLLIN))
		die(EX_OSERR, "epoll_ctl: %s", strerror(errno));
}

static void
keep_watchdog(void *context)
{
	struct daemon *daemon = context;

	notify_send(&daemon->notify, "WATCHDOG", "1");
	loop_timer_set(&daemon->loop, &daemon->watchdog, daemon->watchdog_ms);
}

/* WATCHDOG_USEC (sd_watchdog_enabled(3)): a sign of life in half that time. */
static void
start_watchdog(struct daemon *daemon)
{
	const char *usec = getenv("WATCHDOG_USEC");
	long long number = usec != NULL ? strtoll(usec, NULL, 10) : 0;

	if (number <= 0)
		return;
	daemon->watchdog_ms = number / 2000;
	daemon->watchdog =
	    (struct loop_timer){.on_time = keep_watchdog, .context = daemon};
	keep_watchdog(daemon);
}

/* ---- the life of the daemon --------------------------------------------- */

/* Wakes the loop, no more. */
static void
on_drain_time(void *context)
{
	(void)context;
}

/* Answers what has come, accepts no more, hands the spool over. */
static void
drain(struct daemon *daemon)
{
	int64_t end = monotonic_ms() + DRAIN_MS;

	notify_send(&daemon->notify, "STOPPING", "1");
	daemon->loop.stop = false;
	daemon->drain = (struct loop_timer){.on_time = on_drain_time};
	while (!http_server_drain(&daemon->server) && monotonic_ms() < end) {
		loop_timer_set(&daemon->loop, &daemon->drain, DRAIN_POLL_MS);
		loop_round(&daemon->loop);
	}
	ingest_stop(&daemon->ingest);
	page_stop(&daemon->page);
	http_server_close(&daemon->server);
	spool_close(&daemon->spool);
}

int
main(int argc, char **argv)
{
	/* Static, so that it ends with the process: not all is freed. */
	static struct daemon daemon;
	static struct options options;

	parse_options(argc, argv, &options);
	daemon.feed_path = options.feed;
	daemon.is_development = options.is_development;
	daemon.started_ms = clock_ms();
	log_init("ccm-ingestd");
	standard_fds_or_die(-1);
	settings_read_or_die(&daemon.settings);
	access_init_or_die(&daemon.access, &daemon.settings);
	notify_open(&daemon.notify);
	loop_open_or_die(&daemon.loop);
	daemon.spool.limits.bytes_max = daemon.settings.spool_max;
	daemon.spool.limits.free_min = daemon.settings.spool_free_min;
	watch_signals(&daemon);
	spool_open_or_die(&daemon.spool, spool_path_or_die(options.spool));
	/* Its task runs before the commit, to which it adds. */
	set_up_server(&daemon);
	ingest_start_or_die(&daemon.ingest, &daemon.loop, &daemon.spool,
	    &daemon.apps, daemon.settings.accept_status);
	way_back_set_up(&daemon);
	listen_or_die(&daemon, &options);
	notify_send(&daemon.notify, "READY", "1");
	start_watchdog(&daemon);
	loop_run(&daemon.loop);
	log_info("stopping");
	drain(&daemon);
	return EX_OK;
}

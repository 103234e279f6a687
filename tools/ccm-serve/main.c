/*
 * ccm-serve - serve an exposition file to Prometheus at /metrics.
 *
 * - Any number of Prometheus servers can scrape it, where each of them would
 * use up the API's requests by itself.
 * - The file is replaced by rename(2) by who writes it, so that each answer is
 *   one whole file.
 * - A file that has not been replaced for long is not served: old values would
 *   look like current ones.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "listen.h"
#include "log.h"
#include "loop.h"
#include "main.h"
#include "notify.h"
#include "process.h"
#include "served-file.h"

#define USAGE                                                                 \
	"usage: ccm-serve [-l ADDR:PORT|PATH]... [-a SECONDS] FILE\n"         \
	"Serves an exposition file at /metrics.\n"                            \
	"  -l WHERE    listen there (default 127.0.0.1:9559), where systemd " \
	"has\n"                                                               \
	"              handed over no socket\n"                               \
	"  -a SECONDS  answer 503 for an older file (default 300)\n"          \
	"  -h          this help\n"                                           \
	"  -V          the version\n"

#define LISTEN_DEFAULT "127.0.0.1:9559"
#define AGE_DEFAULT_S 300
#define AGE_MAX_S 31536000

/* A client that does not read its answer holds up our end no longer. */
#define DRAIN_MS 5000
#define DRAIN_POLL_MS 20

struct serve {
	char **places; /* -l */
	size_t nplaces;
	struct served_file file;
	int64_t max_age_s;
	struct loop loop;
	struct http_server server;
	struct loop_fd signals;
	struct loop_timer drain;
	struct notify notify;
	bool complains; /* the file's problem has been logged */
};

/* ---- answers ------------------------------------------------------------- */

/* The first of several answers in a row is logged. */
static void
answer_problem(
    struct serve *serve, struct http_exchange *exchange, const char *problem)
{
	if (!serve->complains)
		log_warn("answering 503: %s", problem);
	serve->complains = true;
	http_add_header(exchange, "Retry-After", "60");
	http_respond_problem(exchange, 503, problem, NULL);
}

/* Has the client this file already? A weak comparison (RFC 9110, 8.8.3.2): no
 * other tag has ours, with its quotes, in it. */
static bool
is_known(const struct served_file *file, const struct http_request *request)
{
	const char *tags = http_request_header(request, "if-none-match");

	return tags != NULL &&
	    (strcmp(tags, "*") == 0 ||
		strstr(tags, strchr(file->etag, '"')) != NULL);
}

static void
answer_file(struct serve *serve, struct http_exchange *exchange)
{
	struct served_file *file = &serve->file;
	const struct http_request *request = &exchange->request;
	struct http_answer answer = {.status = 200, .may_gzip = true};

	http_add_header(exchange, "ETag", "%s", file->etag);
	http_add_header(exchange, "Cache-Control", "no-cache");
	if (is_known(file, request)) {
		answer.status = 304;
	} else {
		answer.type = exposition_content_type(file->format);
		answer.shared = served_file_body(
		    file, http_request_accepts_gzip(request), &answer.is_gzip);
	}
	http_respond(exchange, &answer);
}

static void
on_request(void *context, struct http_exchange *exchange)
{
	struct serve *serve = context;
	const struct http_request *request = &exchange->request;
	struct buf problem = BUF_INIT;

	if (strcmp(request->path, "/metrics") != 0) {
		http_respond_problem(
		    exchange, 404, "the metrics are at /metrics", NULL);
	} else if (strcmp(request->method, "GET") != 0 &&
	    strcmp(request->method, "HEAD") != 0) {
		http_add_header(exchange, "Allow", "GET, HEAD");
		http_respond_problem(exchange, 405, NULL, NULL);
	} else if (served_file_refresh(
		       &serve->file, serve->max_age_s, &problem)) {
		if (serve->complains)
			log_info("serving %s again", serve->file.path);
		serve->complains = false;
		answer_file(serve, exchange);
	} else {
		answer_problem(serve, exchange, buf_terminate(&problem));
	}
	buf_free(&problem);
}

/* ---- sockets and signals ------------------------------------------------- */

static void
add_listener(struct serve *serve, int fd)
{
	struct buf where = BUF_INIT;

	listen_describe(fd, &where);
	http_server_listen(&serve->server, fd, NULL);
	log_info("listening on %s", buf_terminate(&where));
	buf_free(&where);
}

static void
listen_or_die(struct serve *serve)
{
	int inherited = listen_inherited();
	struct buf problem = BUF_INIT;

	for (int i = 0; i < inherited; i++)
		add_listener(serve, STDERR_FILENO + 1 + i);
	for (size_t i = 0; inherited == 0 && i < serve->nplaces; i++) {
		int fd = listen_on(serve->places[i], &problem);

		if (fd < 0)
			die(EX_CANTCREAT, "%s", buf_terminate(&problem));
		add_listener(serve, fd);
	}
}

static void
on_signal(void *context, uint32_t events)
{
	struct serve *serve = context;
	struct signalfd_siginfo info;

	(void)events;
	while (read(serve->signals.fd, &info, sizeof(info)) ==
	    (ssize_t)sizeof(info))
		serve->loop.stop = true;
}

static void
watch_signals(struct serve *serve)
{
	static const int signals[] = {SIGTERM, SIGINT};

	serve->signals = (struct loop_fd){.fd = signals_fd_or_die(signals, 2),
	    .on_event = on_signal,
	    .context = serve};
	if (!loop_add(&serve->loop, &serve->signals, EPOLLIN))
		die(EX_OSERR, "epoll_ctl: %s", strerror(errno));
}

/* Wakes the loop, no more. */
static void
on_drain_time(void *context)
{
	(void)context;
}

/* Answers what has come, and accepts no more. */
static void
drain(struct serve *serve)
{
	int64_t end = monotonic_ms() + DRAIN_MS;

	notify_send(&serve->notify, "STOPPING", "1");
	serve->drain = (struct loop_timer){.on_time = on_drain_time};
	while (!http_server_drain(&serve->server) && monotonic_ms() < end) {
		loop_timer_set(&serve->loop, &serve->drain, DRAIN_POLL_MS);
		loop_round(&serve->loop);
	}
	http_server_close(&serve->server);
}

/* ---- options ------------------------------------------------------------- */

static int64_t
read_age(const char *text)
{
	char *end;
	long age;

	errno = 0;
	age = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || age < 1 ||
	    age > AGE_MAX_S)
		die(EX_USAGE, "-a is \"%s\"; it takes seconds from 1 to %d",
		    text, AGE_MAX_S);
	return age;
}

int
main(int argc, char **argv)
{
	static struct serve serve = {.max_age_s = AGE_DEFAULT_S}; /* large */
	static char default_place[] = LISTEN_DEFAULT;
	int option;

	opterr = 0;
	serve.places = xmalloc((size_t)argc * sizeof(*serve.places));
	while ((option = getopt(argc, argv, ":l:a:hV")) != -1) {
		switch (option) {
		case 'l':
			serve.places[serve.nplaces++] = optarg;
			break;
		case 'a':
			serve.max_age_s = read_age(optarg);
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-serve");
		default:
			usage_error_and_exit(option);
		}
	}
	log_init("ccm-serve");
	arguments_or_die(argc - optind, argv + optind, "FILE", false);
	if (serve.nplaces == 0)
		serve.places[serve.nplaces++] = default_place;
	serve.file.path = argv[optind];

	standard_fds_or_die(-1);
	notify_open(&serve.notify);
	loop_open_or_die(&serve.loop);
	watch_signals(&serve);
	http_server_init(&serve.server, &serve.loop);
	serve.server.on_request = on_request;
	serve.server.context = &serve;
	listen_or_die(&serve);
	notify_send(&serve.notify, "READY", "1");
	loop_run(&serve.loop);
	drain(&serve);

	served_file_free(&serve.file);
	loop_close(&serve.loop);
	free(serve.places);
	return EX_OK;
}

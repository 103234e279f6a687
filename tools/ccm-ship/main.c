/*
 * ccm-ship - run a program over the files of a spool directory, and remove
 * what it has dealt with.
 *
 * - A writer makes a file under a dot name (or outside) and renames it in: what
 *   we can see is whole. Names sort by age.
 * - A file is unlinked only after PROG exited 0 with that file on its standard
 *   input: so a crash at any point repeats work and never loses it.
 * - A file leaves the queue in one other way: PROG refused it (EX_DATAERR) with
 *   that file alone on its standard input, and then it is kept in bad/.
 * - What PROG could not deliver of files that it exited 0 for is in bad/ too,
 * and on disk before these are unlinked (rejects.h).
 * - A PROG that we have signalled proves nothing, whatever its status.
 * - The lock is an open file description that PROG inherits: it is free only
 *   when we, PROG and all that it started are gone. So a send that survives
 *   our own SIGKILL is over before another ccm-ship begins one.
 * - Nothing that decides is kept in memory only: the state of the queue is its
 *   directory.
 * - What goes wrong outside is no reason to end: .status and systemd show what
 *   waits and why, and the log reports it once.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "env.h"
#include "log.h"
#include "main.h"
#include "plural.h"
#include "process.h"
#include "prog.h"
#include "program.h"
#include "rejects.h"
#include "spool.h"
#include "status.h"

#define USAGE                                                                  \
	"usage: ccm-ship [-1] [-b BYTES] DIR PROG [ARG]...\n"                  \
	"Runs PROG with the oldest files of DIR on its standard input, and\n"  \
	"removes them when it exits 0; tries again later when it does not.\n"  \
	"  -1        once through, without a second try, then exit\n"          \
	"  -b BYTES  up to that much at a time, as whole files (default 8M)\n" \
	"  -h        this help\n"                                              \
	"  -V        the version\n"

/* Files that are joined are held in memory. */
#define BATCH_BYTES_MAX ((uint64_t)1 << 30)
#define LOCK_POLL_MS 250
/* inotify may be missing, or miss what a network file system's other clients
 * do. */
#define RESCAN_MS 10000

struct ship {
	struct spool spool;
	struct prog prog;
	struct rejects rejects;
	struct status status;
	bool once;
	uint64_t batch_bytes;
	size_t alone;      /* so many files go one by one */
	bool refused;      /* something is in bad/ that was not before */
	unsigned failures; /* since the last success */
	char *problem;     /* of the last of them */
};

/* Sleeps that long, or until wake_fd is readable; true where we have to stop.
 */
static bool
told_to_stop(const struct ship *ship, int timeout_ms, int wake_fd)
{
	struct pollfd fds[] = {{.fd = ship->prog.stop_fd, .events = POLLIN},
	    {.fd = wake_fd, .events = POLLIN}};

	poll(fds, 2, timeout_ms);
	return fds[0].revents != 0;
}

/* ---- what becomes of a batch -------------------------------------------- */

/*
 * 1 s, doubled with each failure up to 60 s, give or take a quarter. What
 * arrives does not end this wait: the queue is in order, and what stops its
 * oldest file would stop a younger one.
 */
static void
back_off(struct ship *ship)
{
	int seconds = ship->failures < 7 ? 1 << (ship->failures - 1) : 60;
	int ms = seconds * (750 + (int)arc4random_uniform(501));

	ship->status.next_try = time(NULL) + (ms + 500) / 1000;
	status_write(&ship->status, "waiting", &ship->spool);
	told_to_stop(ship, ms, -1);
	ship->status.next_try = 0;
}

/* "PROBLEM: REASON", where PROG has given one, as the last error. */
static void
set_error(struct ship *ship, const char *problem)
{
	const struct buf *reason = &ship->prog.reason;
	struct buf message = BUF_INIT;

	buf_printf(&message, "%s%s%s", problem, reason->len > 0 ? ": " : "",
	    reason->len > 0 ? reason->data : "");
	status_set_error(&ship->status, message.data);
	buf_free(&message);
}

/*
 * Tells the first failure and each other one that follows it, and waits for the
 * next try. PROG's reason does not make it another: where several brokers are
 * away, it names one now and another one then.
 */
static void
fail(struct ship *ship, const char *problem)
{
	const struct spool *spool = &ship->spool;
	const char *last = ship->problem;
	bool other = last == NULL || strcmp(last, problem) != 0;

	set_error(ship, problem);
	if (ship->failures++ == 0 || other)
		log_warn("%s; %zu file%s (%ju byte%s) kept in %s",
		    ship->status.last_error, spool->count, plural(spool->count),
		    (uintmax_t)spool->bytes, plural(spool->bytes), spool->path);
	free(ship->problem);
	ship->problem = xstrdup(problem);
	if (!ship->once)
		back_off(ship);
}

/* PROG has dealt with a batch. */
static void
succeed(struct ship *ship)
{
	if (ship->failures > 0)
		log_info("%s works again, failures before: %u",
		    ship->prog.argv[0], ship->failures);
	ship->failures = 0;
	status_set_error(&ship->status, NULL);
	if (ship->alone > 0)
		ship->alone--;
}

/* After PROG's refusal of one file alone. */
static void
set_aside(struct ship *ship, struct buf *problem)
{
	const char *name = ship->spool.files[0].name;
	uint64_t lines = spool_count_lines(&ship->spool, name, 0);
	struct buf message = BUF_INIT;

	set_error(ship, problem->data);
	buf_printf(
	    &message, "%s: %s; set aside as ", name, ship->status.last_error);
	if (spool_set_aside(&ship->spool, &message)) {
		succeed(ship);
		ship->refused = true;
		ship->status.set_aside_lines += lines;
		log_error("%s", message.data);
		status_set_error(&ship->status, message.data);
	} else {
		buf_printf(problem, ", and %s cannot be set aside: %s", name,
		    strerror(errno));
		fail(ship, problem->data);
	}
	buf_free(&message);
}

/* Runs PROG over the first `count` files. */
static enum prog_result
send_files(struct ship *ship, size_t count, struct buf *problem)
{
	int fd = spool_join(&ship->spool, count, problem);
	const struct spool_file *files = ship->spool.files;
	struct buf names = BUF_INIT;
	enum prog_result result;
	bool added;

	ship->prog.reason.len = 0;
	if (fd < 0)
		return PROG_FAILED;
	for (size_t i = 0; i < count; i++)
		buf_printf(&names, "%s%s", i > 0 ? "\n" : "", files[i].name);
	log_debug("sending %zu file%s, the first is %s", count, plural(count),
	    files[0].name);
	rejects_offer(&ship->rejects, &ship->spool);
	result = prog_run_or_die(&ship->prog, fd, names.data, problem);
	if (result != PROG_SENT)
		rejects_undo(&ship->rejects, &ship->spool);
	else if (!rejects_keep(&ship->rejects, &ship->spool, &added, problem))
		result = PROG_FAILED;
	ship->refused = ship->refused || (result == PROG_SENT && added);
	buf_free(&names);
	close(fd);
	return result;
}

/* Of files that PROG has dealt with: what it could not deliver is in bad/. */
static void
count_lines(struct ship *ship, size_t count)
{
	const struct spool *spool = &ship->spool;
	uint64_t aside = ship->rejects.added, lines = 0;

	for (size_t i = 0; i < count; i++)
		lines += spool_count_lines(spool, spool->files[i].name, 0);
	ship->status.sent_lines += lines > aside ? lines - aside : 0;
	ship->status.set_aside_lines += aside;
}

/* Takes the oldest files, and does with them what follows from PROG's end. */
static void
take_turn(struct ship *ship)
{
	size_t count =
	    ship->alone > 0 ? 1 : spool_batch(&ship->spool, ship->batch_bytes);
	struct buf problem = BUF_INIT;

	status_write(&ship->status, "sending", &ship->spool);
	switch (send_files(ship, count, &problem)) {
	case PROG_SENT:
		count_lines(ship, count);
		spool_remove_or_die(&ship->spool, count);
		ship->status.sent_files += count;
		for (size_t i = 0; i < count; i++)
			ship->status.sent_bytes += ship->spool.files[i].size;
		succeed(ship);
		break;
	case PROG_REFUSED:
		if (count == 1) {
			set_aside(ship, &problem);
			break;
		}
		set_error(ship, problem.data);
		log_info("%s; its %zu files go one by one",
		    ship->status.last_error, count);
		ship->alone = count;
		break;
	case PROG_FAILED:
		fail(ship, problem.data);
		break;
	}
	buf_free(&problem);
}

/* PROG says what it is waiting for, or why it fails. */
static void
on_reason(void *context, const char *line)
{
	struct ship *ship = context;

	status_set_error(&ship->status, line);
	status_write(&ship->status, "sending", &ship->spool);
}

static void
on_stop(void *context)
{
	const struct ship *ship = context;

	notify_send(&ship->status.notify, "STOPPING", "1");
}

/* ---- the loop ----------------------------------------------------------- */

/* False: we have to stop or, with -1, another has done the work. */
static bool
wait_for_lock(struct ship *ship)
{
	struct spool *spool = &ship->spool;

	for (bool tell = true; !spool_lock_or_die(spool, tell); tell = false) {
		if (ship->once) {
			spool_list_or_die(spool);
			if (spool->count == 0)
				return false;
		}
		if (told_to_stop(ship, LOCK_POLL_MS, -1))
			return false;
	}
	return true;
}

/* Sends until we have to stop or, with -1, until all is sent or a failure. */
static void
run(struct ship *ship)
{
	for (;;) {
		spool_list_or_die(&ship->spool);
		if (told_to_stop(ship, 0, -1) ||
		    (ship->once && ship->failures > 0))
			break;
		if (ship->spool.count > 0) {
			take_turn(ship);
		} else if (!ship->once) {
			status_write(&ship->status, "idle", &ship->spool);
			told_to_stop(ship, RESCAN_MS, ship->spool.watch_fd);
		} else {
			break;
		}
	}
	on_stop(ship);
	status_write(&ship->status, "stopped", &ship->spool);
}

static int
exit_status(const struct ship *ship)
{
	if (!ship->once)
		return EX_OK;
	if (ship->spool.count > 0)
		return EX_TEMPFAIL;
	return ship->refused ? EX_DATAERR : EX_OK;
}

/* ---- set-up ------------------------------------------------------------- */

static uint64_t
batch_bytes_or_die(const char *text)
{
	unsigned long long number;
	uint64_t unit = 1;
	char *end;

	number = strtoull(text, &end, 10);
	if (*end == 'K' || *end == 'M')
		unit = *end++ == 'K' ? 1 << 10 : 1 << 20;
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || number < 1 ||
	    number > BATCH_BYTES_MAX / unit)
		die(EX_USAGE,
		    "-b is \"%s\"; it takes a number from 1 to 1024M, with K "
		    "or M behind it or without",
		    text);
	return number * unit;
}

static void
parse_options(int argc, char **argv, struct ship *ship)
{
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, "+:1b:hV")) != -1) {
		switch (option) {
		case '1':
			ship->once = true;
			break;
		case 'b':
			ship->batch_bytes = batch_bytes_or_die(optarg);
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-ship");
		default:
			usage_error_and_exit(option);
		}
	}
	if (argc - optind < 2)
		die(EX_USAGE, "DIR and PROG are needed; -h shows the usage");
}

int
main(int argc, char **argv)
{
	/* Static, so that it ends with the process: nothing is freed. */
	static const int stop[] = {SIGTERM, SIGINT};
	static struct ship ship = {.batch_bytes = 8 << 20};

	/* A command's environment often holds Kafka's secrets. */
	protect_secrets();
	parse_options(argc, argv, &ship);
	log_init("ccm-ship");
	standard_fds_or_die(-1);
	ship.prog.argv = argv + optind + 1;
	ship.prog.grace_seconds =
	    env_integer("CCM_SHIP_GRACE_SECONDS", 60, 0, 86400);
	free(program_find_or_die(ship.prog.argv[0]));
	spool_open_or_die(&ship.spool, argv[optind]);
	ship.prog.stop_fd = signals_fd_or_die(stop, 2);
	ship.prog.on_reason = on_reason;
	ship.prog.on_stop = on_stop;
	ship.prog.context = &ship;
	notify_open(&ship.status.notify);
	/* Waiting for another's lock is no reason not to have started. */
	notify_send(&ship.status.notify, "READY", "1");
	if (wait_for_lock(&ship)) {
		status_read_lines(&ship.status, &ship.spool);
		run(&ship);
	}
	return exit_status(&ship);
}

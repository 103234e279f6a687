/*
 * ccm-hours - the ledger of hours: runs a program for each hour that is
 * complete and not done, and marks it done when that program has done it.
 *
 * PROG queries the values of one hour, and leaves them as records in a
 * directory. No value is lost, and none is published twice of our own doing,
 * whatever is killed, full or unplugged in between:
 *
 * - PROG works in work/HOUR.UNIQUE, under a name that no other run uses. That
 *   directory is synced and moved to hours/HOUR by one rename, which is the
 *   commit and the mark "done". What is in work/ when a run begins is rubbish.
 * - The records are in it, and leave for the spool by a second rename. A run
 *   first does the second renames that a kill has left undone.
 * - No rename replaces anything, but for files of which only the newest counts
 *   (since, and those in status/).
 * - What the API could not answer is in it too (owed.ndjson). Only that is
 *   queried again, and what comes is another directory of that hour, HOUR.2,
 *   whose owed list replaces the older one.
 * - The local clock alone decides nothing for good: an hour is done, forgotten
 *   or lost only if the API's time allows it too.
 * - A failed hour holds back no other one.
 * - A lock keeps runs apart, in a descriptor that no child inherits. PROG ends
 *   with us, so no part of a killed run goes on querying the API.
 * - What is in a file of the state directory is data, and may be garbage. That
 *   costs what it held, and no more.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "env.h"
#include "log.h"
#include "main.h"
#include "program.h"
#include "run.h"

#define USAGE                                                                           \
	"usage: ccm-hours [-m MINUTE] [-b HOURS] [-f HOUR] [-ln] [-s SEND] DIR PROG\n"  \
	"                 [ARG]...\n"                                                   \
	"       ccm-hours -x MESSAGE DIR\n"                                             \
	"Runs PROG for each hour that is complete and not done in DIR, and moves the\n" \
	"records that it leaves to DIR/spool.\n"                                        \
	"  -b HOURS    does hours up to that old (default 168)\n"                       \
	"  -f HOUR     does that hour again (2025-09-02T00, UTC), and no other\n"       \
	"  -l          stays, and runs again each hour at MINUTE\n"                     \
	"  -m MINUTE   at which the last hour is complete, 5 to 59 (default 5)\n"       \
	"  -n          lists what is due, and changes nothing\n"                        \
	"  -s SEND     then runs SEND -1 DIR/spool, if there is a file\n"               \
	"  -x MESSAGE  records a run that was refused for its settings\n"               \
	"  -h          this help\n"                                                     \
	"  -V          the version\n"

#define LOCK_WAIT_MS 10000
#define LOCK_POLL_MS 100
/* The clock may be set while we wait, so we look at it each minute. */
#define PAUSE_MS_MAX 60000

struct options {
	bool stays, lists;
	const char *refused; /* the message of -x */
	const char *send;
};

/* ---- a run -------------------------------------------------------------- */

/* Waits for another run's end, up to ten seconds. */
static bool
take_lock(struct run *run)
{
	enum dir_lock lock = dir_lock(&run->dir);
	char holder[64] = "";
	long pid;

	for (int ms = 0; lock == DIR_BUSY && ms < LOCK_WAIT_MS;
	     ms += LOCK_POLL_MS) {
		if (children_pause(&run->children, LOCK_POLL_MS))
			break;
		lock = dir_lock(&run->dir);
	}
	if (lock == DIR_BUSY) {
		statuses_add(&run->outcome.statuses, EX_TEMPFAIL);
		pid = dir_lock_holder(&run->dir);
		if (pid > 0)
			snprintf(holder, sizeof(holder), ", process %ld,", pid);
		if (!run->children.stopped)
			log_error(
			    "another ccm-hours%s holds %s/lock; gave up after %d s",
			    holder, run->path, LOCK_WAIT_MS / 1000);
	}
	return lock == DIR_LOCKED;
}

static int
run_once(struct run *run)
{
	char unique[64];

	/* For what PROG remembers for one run only. */
	snprintf(unique, sizeof(unique), "%jd-%jd-%08x", (intmax_t)getpid(),
	    (intmax_t)clock_now_ms(&run->clock), arc4random());
	setenv("CCM_RUN", unique, 1);
	if (dir_open(&run->dir, run->path, true) && take_lock(run)) {
		run_hours(run);
		dir_unlock(&run->dir);
		if (run->send != NULL)
			run_send(run);
	}
	if (run->children.stopped)
		statuses_add(&run->outcome.statuses, EX_TEMPFAIL);
	return statuses_first(&run->outcome.statuses);
}

/* ---- -l ----------------------------------------------------------------- */

/* A run is a process of its own: one that fails ends nothing, and each starts
 * without what the one before has left in memory. It ends with us. */
static int
run_in_child(struct run *run)
{
	pid_t parent = getpid(), pid = fork();
	int ended;

	if (pid < 0) {
		log_error("cannot start a run: %s", strerror(errno));
		return EX_OSERR;
	}
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(EX_TEMPFAIL);
		exit(run_once(run));
	}
	ended = child_wait(&run->children, pid);
	return WIFEXITED(ended) ? WEXITSTATUS(ended) : EX_TEMPFAIL;
}

/* The next time at which a run is due, after that one. */
static int64_t
next_run_ms(const struct run *run, int64_t now_ms)
{
	const int64_t hour = 3600000;
	int64_t minute = (int64_t)run->times.minute * 60000;
	int64_t into = (now_ms - minute) % hour;

	return now_ms + hour - (into < 0 ? into + hour : into);
}

static int
stay(struct run *run)
{
	int status;

	for (;;) {
		int64_t now = clock_now_ms(&run->clock), next;

		status = run_in_child(run);
		if (run->children.stopped)
			return status;
		next = next_run_ms(run, clock_now_ms(&run->clock));
		log_debug("the run ended with %d", status);
		/* A clock that is set back by hours is not waited for. */
		while (now = clock_now_ms(&run->clock),
		    now < next && next - now <= 3600000) {
			int64_t left = next - now;

			if (children_pause(&run->children,
				(int)(left < PAUSE_MS_MAX ? left
							  : PAUSE_MS_MAX)))
				return EX_OK;
		}
	}
}

/* ---- what a run is not -------------------------------------------------- */

static int
list(struct run *run)
{
	run->dir.read_only = true;
	if (!dir_open(&run->dir, run->path, false) || !run_list(run)) {
		if (!run->outcome.failed)
			die(EX_IOERR, "cannot write to standard output: %s",
			    strerror(errno));
		return statuses_first(&run->outcome.statuses);
	}
	return EX_OK;
}

/* A run that is under way has the last word. */
static int
refuse(struct run *run, const char *message)
{
	if (dir_open(&run->dir, run->path, false) && run->dir.fd >= 0 &&
	    dir_lock(&run->dir) == DIR_LOCKED)
		run_refused(run, message);
	return EX_CONFIG;
}

/* ---- set-up ------------------------------------------------------------- */

static int
number_or_die(char option, const char *text, int least, int most)
{
	bool good = text[0] != '\0' && strlen(text) <= 6 &&
	    strspn(text, "0123456789") == strlen(text);
	long number = good ? strtol(text, NULL, 10) : 0;

	if (!good || number < least || number > most)
		die(EX_USAGE, "-%c is \"%s\"; it takes a number from %d to %d",
		    option, text, least, most);
	return (int)number;
}

static void
take_option(struct run *run, struct options *options, int option)
{
	switch (option) {
	case 'b':
		/* 876,000 hours are a hundred years. */
		run->times.backfill = number_or_die('b', optarg, 1, 876000);
		break;
	case 'f':
		run->forced = true;
		if (!hour_parse_loosely(optarg, &run->forced_hour))
			die(EX_USAGE,
			    "-f is \"%s\"; it takes an hour such as 2025-09-02T00",
			    optarg);
		break;
	case 'l':
		options->stays = true;
		break;
	case 'm':
		run->times.minute = number_or_die('m', optarg, 5, 59);
		break;
	case 'n':
		options->lists = true;
		break;
	case 's':
		options->send = optarg;
		break;
	case 'x':
		options->refused = optarg;
		break;
	case 'h':
		print_help_and_exit(USAGE);
	case 'V':
		print_version_and_exit("ccm-hours");
	default:
		usage_error_and_exit(option);
	}
}

static void
take_arguments(
    struct run *run, const struct options *options, int argc, char **argv)
{
	const char *name;

	arguments_or_die(argc, argv,
	    options->refused != NULL || options->lists ? "DIR" : "DIR PROG",
	    options->refused == NULL);
	run->path = argv[0];
	if (options->refused != NULL || options->lists)
		return;
	name = strrchr(argv[1], '/');
	run->name = name != NULL ? name + 1 : argv[1];
	argv[1] = program_find_or_die(argv[1]);
	run->prog = argv + 1;
	if (options->send != NULL)
		run->send = program_find_or_die(options->send);
}

static void
parse_options(int argc, char **argv, struct run *run, struct options *options)
{
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, "+:b:f:lm:ns:x:hV")) != -1)
		take_option(run, options, option);
	if (options->stays && (run->forced || options->lists))
		die(EX_USAGE, "-l and -%c cannot be combined",
		    run->forced ? 'f' : 'n');
	take_arguments(run, options, argc - optind, argv + optind);
}

static void
start_clock_or_die(struct run *run)
{
	char hour[HOUR_SIZE];
	time_t last;

	if (!clock_start(&run->clock))
		die(EX_CONFIG,
		    "CCM_NOW is \"%s\"; it takes a time such as 2025-09-02T00:05:00Z",
		    getenv("CCM_NOW"));
	last = times_last(&run->times, clock_now_ms(&run->clock));
	if (run->forced && run->forced_hour > last) {
		hour_format(last, hour);
		die(EX_USAGE, "-f: the last hour that is complete is %s", hour);
	}
}

/* Others are not to read what we write. A user whose umask keeps others out
 * already has chosen whom it lets in: the group, that of ccm-ship's user. */
static void
keep_others_out(void)
{
	mode_t mask = umask(077);

	if ((mask & 7) == 7)
		umask(mask);
}

/* What we open must not get a number that messages are written to. */
static void
fill_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int
main(int argc, char **argv)
{
	/* Static, so that it ends with the process: not all is freed. */
	static struct run run = {.times = {.minute = 5, .backfill = 168}};
	struct options options = {.stays = false};

	protect_secrets();
	fill_standard_streams();
	parse_options(argc, argv, &run, &options);
	log_init("ccm-hours");
	start_clock_or_die(&run);
	keep_others_out();
	run.dir.outcome = &run.outcome;
	children_init_or_die(&run.children);
	if (options.refused != NULL)
		return refuse(&run, options.refused);
	if (options.lists)
		return list(&run);
	return options.stays ? stay(&run) : run_once(&run);
}

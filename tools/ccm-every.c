/*
 * ccm-every - run a program again and again, so many seconds apart.
 *
 *	ccm-every SECONDS PROG [ARG]...
 *
 * The first run is at once. The next ones are at multiples of SECONDS after it;
 * one that is still going when its next is due is waited for, and what it has
 * missed is not run. On SIGTERM or SIGINT the program gets SIGTERM, is waited
 * for, and we exit 0. How a run ends is its own business.
 *
 * Private: it is installed beside the libraries, and run by ccm-export -l.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "main.h"
#include "process.h"

#define USAGE                                      \
	"usage: ccm-every SECONDS PROG [ARG]...\n" \
	"Runs PROG each SECONDS, until SIGTERM.\n" \
	"  -h, -V   this help, the version\n"

/* Waits until a descriptor is readable (-1: none), or we have to stop: true
 * then. */
static bool
told_to_stop(int stop_fd, int fd, int64_t timeout_ms)
{
	struct pollfd fds[] = {
	    {.fd = stop_fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

	while (poll(fds, 2, (int)timeout_ms) < 0 && errno == EINTR)
		;
	return fds[0].revents != 0;
}

/* Runs it once; true where we have to stop. */
static bool
run_once(char **argv, int stop_fd)
{
	const struct process process = {
	    .argv = argv, .group = PROCESS_IN_ITS_GROUP, .cwd_fd = -1};
	bool stop;
	pid_t pid;
	int error = process_start(&process, &pid), pid_fd;

	if (error != 0)
		die(EX_OSERR, "cannot run %s: %s", argv[0], strerror(error));
	pid_fd = pidfd_open(pid, 0);
	if (pid_fd < 0)
		die(EX_OSERR, "cannot wait for %s: %s", argv[0],
		    strerror(errno));
	stop = told_to_stop(stop_fd, pid_fd, -1);
	if (stop)
		kill(-pid, SIGTERM);
	waitpid(pid, NULL, 0);
	close(pid_fd);
	return stop;
}

static void
run_until_stopped(int64_t period_ms, char **argv, int stop_fd)
{
	int64_t next_ms = monotonic_ms(), late_ms, left_ms;

	while (!run_once(argv, stop_fd)) {
		late_ms = monotonic_ms() - next_ms;
		next_ms += (late_ms / period_ms + 1) * period_ms;
		left_ms = next_ms - monotonic_ms();
		if (told_to_stop(stop_fd, -1, left_ms > 0 ? left_ms : 0))
			break;
	}
}

int
main(int argc, char **argv)
{
	static const int stop[] = {SIGTERM, SIGINT};
	long seconds = 0;
	int option;
	char *end = NULL;

	opterr = 0;
	while ((option = getopt(argc, argv, "+:hV")) != -1) {
		switch (option) {
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-every");
		default:
			usage_error_and_exit(option);
		}
	}
	log_init("ccm-every");
	if (argc - optind < 2)
		die(EX_USAGE,
		    "SECONDS and PROG are needed; -h shows the usage");
	seconds = strtol(argv[optind], &end, 10);
	if (*end != '\0' || seconds < 1 || seconds > 86400)
		die(EX_USAGE, "SECONDS is from 1 to 86400, not \"%s\"",
		    argv[optind]);
	standard_fds_or_die(-1);
	run_until_stopped(
	    seconds * 1000, argv + optind + 1, signals_fd_or_die(stop, 2));
	return EX_OK;
}

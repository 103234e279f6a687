#include "prog.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "process.h"

/* From SIGTERM to SIGKILL for a PROG that has used up its grace. */
#define KILL_AFTER_MS 5000
#define FOR_EVER (-1)
/* So much of a reason is of use to anyone. */
#define REASON_BYTES_MAX 1000

/* ---- reasons ------------------------------------------------------------ */

/*
 * A pipe that PROG may write to: a line that says why it fails, or what it is
 * waiting for. Who looks at us learns more from it than from an exit status,
 * and PROG need not say the same to the log at each try.
 */
static bool
open_reasons(int ends[2])
{
	char number[16];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	/* PROG's end is inherited, and blocks like any other. */
	fcntl(ends[1], F_SETFD, 0);
	fcntl(ends[1], F_SETFL, 0);
	snprintf(number, sizeof(number), "%d", ends[1]);
	setenv("CCM_SHIP_REASON", number, 1);
	return true;
}

/* A line is whole. */
static void
take_reason(struct prog *prog, struct buf *text)
{
	prog->reason.len = 0;
	buf_add(&prog->reason, text->data, text->len);
	buf_terminate(&prog->reason);
	text->len = 0;
	prog->on_reason(prog->context, prog->reason.data);
}

/* Takes what has come; `text` is the beginning of a line. */
static void
read_reasons(struct prog *prog, int fd, struct buf *text)
{
	char bytes[4096];
	ssize_t got;

	while ((got = read(fd, bytes, sizeof(bytes))) > 0) {
		for (ssize_t i = 0; i < got; i++) {
			if (bytes[i] == '\n')
				take_reason(prog, text);
			else if (text->len < REASON_BYTES_MAX &&
			    bytes[i] != '\0')
				buf_add_char(text, bytes[i]);
		}
	}
}

/* ---- running ------------------------------------------------------------ */

/* A run of PROG. */
struct run {
	pid_t pid;
	int pid_fd;
	int reason_fd; /* -1: there was no pipe to be had */
	struct buf reason_begun;
};

/* Returns 0, or the number of an error. */
static int
start(const struct prog *prog, int stdin_fd, const char *names, struct run *run)
{
	const struct process_fd fds[] = {{stdin_fd, STDIN_FILENO}};
	const struct process process = {.argv = prog->argv,
	    .fds = fds,
	    .nfds = 1,
	    .group = PROCESS_IN_ITS_GROUP,
	    .cwd_fd = -1};
	int error, ends[2] = {-1, -1};

	setenv("CCM_SHIP_FILES", names, 1);
	if (!open_reasons(ends))
		unsetenv("CCM_SHIP_REASON");
	error = process_start(&process, &run->pid);
	if (ends[1] >= 0)
		close(ends[1]);
	run->reason_fd = ends[0];
	return error;
}

/* True where PROG has ended before that time, and before it is stopped. */
static bool
ends_within(struct prog *prog, struct run *run, int timeout_ms, int stop_fd)
{
	struct pollfd fds[] = {{.fd = run->pid_fd, .events = POLLIN},
	    {.fd = stop_fd, .events = POLLIN},
	    {.fd = run->reason_fd, .events = POLLIN}};
	int64_t deadline = monotonic_ms() + timeout_ms, left = timeout_ms;

	for (;;) {
		poll(fds, 3, timeout_ms == FOR_EVER ? -1 : (int)left);
		if (fds[2].revents != 0)
			read_reasons(prog, run->reason_fd, &run->reason_begun);
		/* Nobody has the other end any more. */
		if ((fds[2].revents & POLLHUP) != 0)
			fds[2].fd = -1;
		left = deadline - monotonic_ms();
		if (fds[0].revents != 0 || fds[1].revents != 0 ||
		    (timeout_ms != FOR_EVER && left <= 0))
			return fds[0].revents != 0;
	}
}

/* Waits until PROG has ended; true where it did so without a signal of ours. */
static bool
ends_by_itself(struct prog *prog, struct run *run)
{
	if (ends_within(prog, run, FOR_EVER, prog->stop_fd))
		return true;
	prog->on_stop(prog->context);
	log_info("stopping; waiting up to %ld s for %s to end",
	    prog->grace_seconds, prog->argv[0]);
	if (ends_within(prog, run, (int)prog->grace_seconds * 1000, -1))
		return true;
	kill(-run->pid, SIGTERM);
	if (!ends_within(prog, run, KILL_AFTER_MS, -1))
		kill(-run->pid, SIGKILL);
	return false;
}

enum prog_result
prog_run_or_die(
    struct prog *prog, int stdin_fd, const char *names, struct buf *problem)
{
	const char *name = prog->argv[0];
	struct run run = {.reason_begun = BUF_INIT};
	int error, ended;
	bool by_itself;

	error = start(prog, stdin_fd, names, &run);
	if (error != 0) {
		buf_printf(problem, "cannot run %s: %s", name, strerror(error));
		close(run.reason_fd);
		return PROG_FAILED;
	}
	run.pid_fd = pidfd_open(run.pid, 0);
	if (run.pid_fd < 0)
		die(EX_OSERR, "cannot wait for %s: %s", name, strerror(errno));
	by_itself = ends_by_itself(prog, &run);
	waitpid(run.pid, &ended, 0);
	/* Its last words may have come after poll(2) has looked. */
	read_reasons(prog, run.reason_fd, &run.reason_begun);
	buf_free(&run.reason_begun);
	close(run.reason_fd);
	close(run.pid_fd);
	if (by_itself && WIFEXITED(ended) && WEXITSTATUS(ended) == EX_OK)
		return PROG_SENT;
	if (!by_itself)
		buf_printf(
		    problem, "%s was ended, as its grace was over", name);
	else
		process_describe_end(problem, name, ended);
	return by_itself && WIFEXITED(ended) && WEXITSTATUS(ended) == EX_DATAERR
	    ? PROG_REFUSED
	    : PROG_FAILED;
}

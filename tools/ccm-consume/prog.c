#include "prog.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "process.h"
#include "statuses.h"

/* What it has to deal with is what a pipe holds. */
#define GRACE_MS 10000
#define KILL_AFTER_MS 5000

/* Returns 0, or the number of an error. */
static int
spawn(struct prog *prog, int stdin_fd)
{
	const struct process_fd fds[] = {{stdin_fd, STDIN_FILENO}};
	const struct process process = {.argv = prog->argv,
	    .fds = fds,
	    .nfds = 1,
	    .group = PROCESS_IN_ITS_GROUP,
	    .cwd_fd = -1};

	return process_start(&process, &prog->pid);
}

int
prog_start(struct prog *prog, struct buf *problem)
{
	int ends[2], error;

	*prog = (struct prog){.argv = prog->argv, .pid_fd = -1};
	if (pipe2(ends, O_CLOEXEC) != 0) {
		buf_printf(problem, "cannot make a pipe: %s", strerror(errno));
		return -1;
	}
	error = spawn(prog, ends[0]);
	close(ends[0]);
	if (error != 0) {
		buf_printf(problem, "cannot run %s: %s", prog->argv[0],
		    strerror(error));
		close(ends[1]);
		return -1;
	}
	prog->pid_fd = pidfd_open(prog->pid, 0);
	if (prog->pid_fd < 0)
		die(EX_OSERR, "cannot wait for %s: %s", prog->argv[0],
		    strerror(errno));
	return ends[1];
}

void
prog_look(struct prog *prog)
{
	if (prog->pid == 0 ||
	    waitpid(prog->pid, &prog->wait_status, WNOHANG) != prog->pid)
		return;
	close(prog->pid_fd);
	prog->pid = 0;
	prog->pid_fd = -1;
	prog->ended = true;
}

int
prog_hurry(struct prog *prog)
{
	int64_t now = monotonic_ms();

	if (prog->due_ms == 0) {
		prog->due_ms = now + GRACE_MS;
	} else if (now >= prog->due_ms) {
		prog->last_signal = prog->last_signal == 0 ? SIGTERM : SIGKILL;
		log_warn("%s has not ended; it gets %s", prog->argv[0],
		    prog->last_signal == SIGTERM ? "SIGTERM" : "SIGKILL");
		kill(-prog->pid, prog->last_signal);
		prog->due_ms = now + KILL_AFTER_MS;
	}
	return (int)(prog->due_ms - now);
}

bool
prog_was_told(const struct prog *prog)
{
	return prog->last_signal != 0;
}

void
prog_describe(const struct prog *prog, struct buf *out)
{
	process_describe_end(out, prog->argv[0], prog->wait_status);
	buf_terminate(out);
}

int
prog_status(const struct prog *prog)
{
	struct statuses statuses = {.unauthorised = false};

	statuses_add_wait(&statuses, prog->wait_status);
	return statuses_first(&statuses);
}

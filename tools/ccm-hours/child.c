#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "process.h"

/* From SIGTERM to SIGKILL. */
#define KILL_AFTER_MS 5000
/* What SIGKILL was sent to is gone in microseconds. */
#define GONE_WITHIN_MS 1000

void
children_init_or_die(struct children *children)
{
	static const int signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};

	children->signal_fd =
	    signals_fd_or_die(signals, sizeof(signals) / sizeof(signals[0]));
}

/* ---- the guard ---------------------------------------------------------- */

struct guard {
	pid_t pid;   /* also the group's number */
	int our_end; /* of its pipe */
};

static void guard(int end) __attribute__((noreturn));

static void
guard(int end)
{
	sigset_t all;
	char byte;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	setpgid(0, 0);
	/* Above all our end of the pipe, and the lock. */
	if (end > 0)
		close_range(0, (unsigned)end - 1, 0);
	close_range((unsigned)end + 1, ~0U, 0);
	while (read(end, &byte, 1) < 0 && errno == EINTR)
		continue;
	kill(0, SIGKILL);
	_exit(EX_OK);
}

static bool
start_guard(struct guard *started)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	started->pid = fork();
	if (started->pid == 0)
		guard(ends[0]);
	close(ends[0]);
	started->our_end = ends[1];
	if (started->pid < 0) {
		close(ends[1]);
		return false;
	}
	/* Both do it, so that it is done whoever comes first. */
	setpgid(started->pid, started->pid);
	return true;
}

/* As PID 1 we get the orphans of all others; `guard` and `pid` are waited for
 * by those who started them. */
static void
reap_orphans(pid_t pid, pid_t guard_pid)
{
	siginfo_t info;

	if (getpid() != 1)
		return;
	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
		    info.si_pid == 0 || info.si_pid == pid ||
		    info.si_pid == guard_pid)
			return;
		waitpid(info.si_pid, NULL, WNOHANG);
	}
}

/* Ends what is left of the group, so that nobody writes to its files later. */
static void
end_group(const struct guard *started)
{
	const struct timespec short_time = {0, 1000000};
	int64_t deadline = monotonic_ms() + GONE_WITHIN_MS;

	kill(-started->pid, SIGKILL);
	close(started->our_end);
	while (waitpid(started->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	while (kill(-started->pid, 0) == 0 && monotonic_ms() < deadline) {
		reap_orphans(0, 0);
		nanosleep(&short_time, NULL);
	}
}

/* ---- waiting ------------------------------------------------------------ */

/* Takes the signals that came; notes one that stops us. */
static void
read_signals(struct children *children)
{
	struct signalfd_siginfo info;

	while (read(children->signal_fd, &info, sizeof(info)) ==
	    (ssize_t)sizeof(info)) {
		if (info.ssi_signo != SIGCHLD)
			children->stopped = true;
	}
}

static void
await_signal(struct children *children, int64_t ms)
{
	struct pollfd fd = {.fd = children->signal_fd, .events = POLLIN};

	poll(&fd, 1, ms > INT32_MAX ? INT32_MAX : (int)ms);
	read_signals(children);
}

/* Waits for a process; `group` is 0, or its group, which gets SIGKILL after
 * SIGTERM. */
static int
wait_for(struct children *children, pid_t pid, pid_t group)
{
	int64_t killing = 0; /* when it gets SIGKILL */
	bool told = false;
	int64_t left = -1;
	int ended;

	for (;;) {
		if (waitpid(pid, &ended, WNOHANG) == pid)
			return ended;
		reap_orphans(pid, group);
		if (children->stopped && !told) {
			kill(group > 0 ? -group : pid, SIGTERM);
			killing = monotonic_ms() + KILL_AFTER_MS;
			told = true;
		}
		if (told && group > 0) {
			left = killing - monotonic_ms();
			if (left <= 0) {
				kill(-group, SIGKILL);
				left = KILL_AFTER_MS;
			}
		}
		await_signal(children, left);
	}
}

int
child_wait(struct children *children, pid_t pid)
{
	return wait_for(children, pid, 0);
}

bool
children_pause(struct children *children, int ms)
{
	int64_t deadline = monotonic_ms() + ms, left = ms;

	read_signals(children);
	while (!children->stopped && (ms < 0 || left > 0)) {
		reap_orphans(0, 0);
		await_signal(children, ms < 0 ? -1 : left);
		left = deadline - monotonic_ms();
	}
	return children->stopped;
}

/* ---- running ------------------------------------------------------------ */

/* Returns 0, or the number of an error. */
static int
spawn(const struct child *child, pid_t group, pid_t *pid)
{
	const struct process_fd fds[] = {{child->stdin_fd, STDIN_FILENO}};
	const struct process process = {.argv = child->argv,
	    .fds = fds,
	    .nfds = 1,
	    .group = group > 0 ? group : PROCESS_IN_OUR_GROUP,
	    .cwd_fd = child->cwd_fd};

	return process_start(&process, pid);
}

int
child_run(
    struct children *children, const struct child *child, struct buf *problem)
{
	struct guard started = {0, -1};
	bool guarded = child->kind == CHILD_GROUP;
	int error, ended = -1;
	pid_t pid;

	if (guarded && !start_guard(&started)) {
		buf_printf(problem, "cannot run %s: %s", child->argv[0],
		    strerror(errno));
		return -1;
	}
	error = spawn(child, started.pid, &pid);
	if (error != 0)
		buf_printf(problem, "cannot run %s: %s", child->argv[0],
		    strerror(error));
	else
		ended = wait_for(children, pid, started.pid);
	if (guarded)
		end_group(&started);
	return ended;
}

#include "prog.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"

/* From SIGTERM to SIGKILL for a PROG that has used up its grace. */
#define KILL_AFTER_MS 5000
#define FOR_EVER (-1)

void
prog_find_or_die(const char *name)
{
	const char *path = strchr(name, '/') != NULL ? "" : getenv("PATH");
	char *copy = xstrdup(path != NULL ? path : "/bin:/usr/bin");
	char *rest = copy, *dir;
	struct buf file = BUF_INIT;
	bool found = false;
	struct stat st;

	while (!found && (dir = strsep(&rest, ":")) != NULL) {
		file.len = 0;
		buf_printf(&file, "%s%s%s", dir, dir[0] ? "/" : "", name);
		found = stat(file.data, &st) == 0 && S_ISREG(st.st_mode) &&
		    access(file.data, X_OK) == 0;
	}
	if (!found)
		die(EX_CONFIG, "cannot run %s: no such program", name);
	buf_free(&file);
	free(copy);
}

/* Returns 0, or the number of an error. */
static int
start(const struct prog *prog, int stdin_fd, const char *names, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t all, none;
	int error;

	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes,
	    POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
		POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, stdin_fd, STDIN_FILENO);
	setenv("CCM_SHIP_FILES", names, 1);
	error = posix_spawnp(
	    pid, prog->argv[0], &actions, &attributes, prog->argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return error;
}

/* True where PROG has ended before that time, and before it is stopped. */
static bool
ends_within(int timeout_ms, int pid_fd, int stop_fd)
{
	struct pollfd fds[] = {{.fd = pid_fd, .events = POLLIN},
	    {.fd = stop_fd, .events = POLLIN}};

	poll(fds, 2, timeout_ms);
	return fds[0].revents != 0;
}

/* Waits until PROG has ended; true where it did so without a signal of ours. */
static bool
ends_by_itself(const struct prog *prog, pid_t pid, int pid_fd)
{
	if (ends_within(FOR_EVER, pid_fd, prog->stop_fd))
		return true;
	log_info("told to stop; waiting up to %ld s for %s to end",
	    prog->grace_seconds, prog->argv[0]);
	if (ends_within((int)prog->grace_seconds * 1000, pid_fd, -1))
		return true;
	kill(-pid, SIGTERM);
	if (!ends_within(KILL_AFTER_MS, pid_fd, -1))
		kill(-pid, SIGKILL);
	return false;
}

enum prog_result
prog_run_or_die(const struct prog *prog, int stdin_fd, const char *names,
    struct buf *problem)
{
	const char *name = prog->argv[0];
	int error, pid_fd, ended;
	bool by_itself;
	pid_t pid;

	error = start(prog, stdin_fd, names, &pid);
	if (error != 0) {
		buf_printf(problem, "cannot run %s: %s", name, strerror(error));
		return PROG_FAILED;
	}
	pid_fd = pidfd_open(pid, 0);
	if (pid_fd < 0)
		die(EX_OSERR, "cannot wait for %s: %s", name, strerror(errno));
	by_itself = ends_by_itself(prog, pid, pid_fd);
	waitpid(pid, &ended, 0);
	close(pid_fd);
	if (by_itself && WIFEXITED(ended) && WEXITSTATUS(ended) == EX_OK)
		return PROG_SENT;
	if (!by_itself)
		buf_printf(
		    problem, "%s was ended, as its grace was over", name);
	else if (WIFSIGNALED(ended))
		buf_printf(problem, "%s was ended by signal %d (%s)", name,
		    WTERMSIG(ended), strsignal(WTERMSIG(ended)));
	else
		buf_printf(problem, "%s exited with status %d", name,
		    WEXITSTATUS(ended));
	return by_itself && WIFEXITED(ended) && WEXITSTATUS(ended) == EX_DATAERR
	    ? PROG_REFUSED
	    : PROG_FAILED;
}

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

static bool
is_program(const char *path)
{
	struct stat st;

	errno = EACCES; /* where it is there, but is no file */
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    access(path, X_OK) == 0;
}

static bool
is_in_path(const char *name)
{
	const char *path = getenv("PATH");
	char *copy = xstrdup(path != NULL ? path : "/bin:/usr/bin");
	char *rest = copy, *dir;
	struct buf candidate = BUF_INIT;
	bool found = false;

	while (!found && (dir = strsep(&rest, ":")) != NULL) {
		candidate.len = 0;
		buf_printf(&candidate, "%s/%s", *dir != '\0' ? dir : ".", name);
		found = is_program(candidate.data);
	}
	buf_free(&candidate);
	free(copy);
	return found;
}

void
prog_find_or_die(const char *name)
{
	if (strchr(name, '/') == NULL) {
		if (!is_in_path(name))
			die(EX_CONFIG, "cannot run %s: it is nowhere in PATH",
			    name);
	} else if (!is_program(name)) {
		die(EX_CONFIG, "cannot run %s: %s", name, strerror(errno));
	}
}

/* Starts PROG. Returns a pidfd (it is readable once PROG has ended), or -1 with
 * errno. */
static int
start(const struct prog *prog, int stdin_fd, const char *names, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t all, none;
	int pid_fd;

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
	errno = posix_spawnp(
	    pid, prog->argv[0], &actions, &attributes, prog->argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	if (errno != 0)
		return -1;
	pid_fd = pidfd_open(*pid, 0);
	if (pid_fd < 0) {
		int error = errno;

		/* Better not at all than without an end that we see. */
		kill(-*pid, SIGKILL);
		waitpid(*pid, NULL, 0);
		errno = error;
	}
	return pid_fd;
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

static enum prog_result
judge(const char *name, int wait_status, struct buf *problem)
{
	if (WIFSIGNALED(wait_status)) {
		buf_printf(problem, "%s was ended by signal %d (%s)", name,
		    WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
		return PROG_FAILED;
	}
	if (WEXITSTATUS(wait_status) == EX_OK)
		return PROG_SENT;
	buf_printf(problem, "%s exited with status %d", name,
	    WEXITSTATUS(wait_status));
	return WEXITSTATUS(wait_status) == EX_DATAERR ? PROG_REFUSED
						      : PROG_FAILED;
}

enum prog_result
prog_run(const struct prog *prog, int stdin_fd, const char *names,
    struct buf *problem)
{
	pid_t pid;
	int pid_fd = start(prog, stdin_fd, names, &pid), wait_status;
	bool by_itself;

	if (pid_fd < 0) {
		buf_printf(problem, "cannot run %s: %s", prog->argv[0],
		    strerror(errno));
		return PROG_FAILED;
	}
	by_itself = ends_by_itself(prog, pid, pid_fd);
	waitpid(pid, &wait_status, 0);
	close(pid_fd);
	if (by_itself)
		return judge(prog->argv[0], wait_status, problem);
	buf_printf(
	    problem, "%s was ended, as its grace was over", prog->argv[0]);
	return PROG_FAILED;
}

#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"

static void
set_attributes(posix_spawnattr_t *attributes, const struct process *process)
{
	short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_setsigdefault(attributes, &all);
	posix_spawnattr_setsigmask(attributes, &none);
	if (process->group != PROCESS_IN_OUR_GROUP) {
		flags |= POSIX_SPAWN_SETPGROUP;
		posix_spawnattr_setpgroup(attributes, process->group);
	}
	posix_spawnattr_setflags(attributes, flags);
}

static int
spawn(const struct process *process, pid_t *pid)
{
	const char *path =
	    process->path != NULL ? process->path : process->argv[0];
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int error;

	posix_spawnattr_init(&attributes);
	set_attributes(&attributes, process);
	posix_spawn_file_actions_init(&actions);
	for (size_t i = 0; i < process->nfds; i++) {
		const struct process_fd *fd = &process->fds[i];

		/* To itself: it is no longer closed by exec. */
		if (fd->fd >= 0)
			posix_spawn_file_actions_adddup2(
			    &actions, fd->fd, fd->as);
		else
			posix_spawn_file_actions_addopen(
			    &actions, fd->as, "/dev/null", O_RDWR, 0);
	}
	if (process->cwd_fd >= 0)
		posix_spawn_file_actions_addfchdir_np(
		    &actions, process->cwd_fd);
	error = posix_spawnp(pid, path, &actions, &attributes, process->argv,
	    process->env != NULL ? process->env : environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	if (error != 0)
		*pid = 0;
	return error;
}

/* In the child: becomes the program, or returns with errno. */
static void
become(const struct process *process, pid_t parent)
{
	const char *path =
	    process->path != NULL ? process->path : process->argv[0];
	sigset_t none;

	/* It has ended meanwhile: nobody would send the signal. */
	if (prctl(PR_SET_PDEATHSIG, process->death_signal) != 0 ||
	    getppid() != parent)
		_exit(EX_TEMPFAIL);
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (process->group != PROCESS_IN_OUR_GROUP)
		setpgid(0, process->group);
	for (size_t i = 0; i < process->nfds; i++) {
		int fd = process->fds[i].fd, as = process->fds[i].as;

		if (fd < 0)
			fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (fd < 0 ||
		    (fd == as ? fcntl(fd, F_SETFD, 0) : dup2(fd, as)) < 0)
			return;
	}
	if (process->cwd_fd >= 0 && fchdir(process->cwd_fd) != 0)
		return;
	execvpe(
	    path, process->argv, process->env != NULL ? process->env : environ);
}

/* posix_spawn(3) knows no death signal. The child says by a pipe why it cannot
 * become the program. */
static int
fork_and_become(const struct process *process, pid_t *pid)
{
	pid_t parent = getpid();
	int ends[2], error = 0;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	*pid = fork();
	if (*pid == 0) {
		become(process, parent);
		error = errno;
		if (write(ends[1], &error, sizeof(error)) < 0)
			_exit(EX_OSERR);
		_exit(EX_OSERR);
	}
	if (*pid < 0)
		error = errno;
	close(ends[1]);
	if (*pid > 0 && read(ends[0], &error, sizeof(error)) > 0)
		waitpid(*pid, NULL, 0);
	close(ends[0]);
	if (error != 0)
		*pid = 0;
	return error;
}

int
process_start(const struct process *process, pid_t *pid)
{
	return process->death_signal != 0 ? fork_and_become(process, pid)
					  : spawn(process, pid);
}

void
process_describe_end(struct buf *out, const char *name, int wait_status)
{
	if (WIFSIGNALED(wait_status))
		buf_printf(out, "%s was ended by signal %d (%s)", name,
		    WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
	else
		buf_printf(out, "%s exited with status %d", name,
		    WEXITSTATUS(wait_status));
}

int
signals_fd_or_die(const int *signals, size_t count)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < count; i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGCHLD, SIG_DFL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		die(EX_OSERR, "cannot catch signals: %s", strerror(errno));
	return fd;
}

void
standard_fds_or_die(int needed)
{
	static const char *const names[] = {
	    "standard input", "standard output", "standard error"};

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		if (fd == needed)
			die(EX_IOERR, "%s is closed", names[fd]);
		/* The lowest free number is this one. */
		if (open("/dev/null", O_RDWR) != fd)
			die(EX_OSERR, "cannot open /dev/null: %s",
			    strerror(errno));
	}
}

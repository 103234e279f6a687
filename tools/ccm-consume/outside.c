#include "outside.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sysexits.h>
#include <unistd.h>

#include "io.h"
#include "log.h"
#include "process.h"

void
outside_open_or_die(struct outside *outside, bool reader)
{
	static const int stop[] = {SIGTERM, SIGINT, SIGHUP};
	struct epoll_event wanted = {.events = EPOLLIN};
	struct epoll_event hang_up = {.events = 0}; /* comes unasked for */

	outside->signal_fd =
	    signals_fd_or_die(stop, sizeof(stop) / sizeof(stop[0]));
	outside->fd = epoll_create1(EPOLL_CLOEXEC);
	if (outside->fd < 0 ||
	    epoll_ctl(
		outside->fd, EPOLL_CTL_ADD, outside->signal_fd, &wanted) != 0)
		die(EX_OSERR, "cannot wait for signals: %s", strerror(errno));
	/* A regular file has none: EPERM. */
	outside->has_reader = reader &&
	    epoll_ctl(outside->fd, EPOLL_CTL_ADD, STDOUT_FILENO, &hang_up) == 0;
}

enum outside_event
outside_look(const struct outside *outside)
{
	struct pollfd fds[] = {{.fd = outside->signal_fd, .events = POLLIN},
	    {.fd = outside->has_reader ? STDOUT_FILENO : -1}};

	poll(fds, 2, 0);
	if (fds[0].revents != 0)
		return OUTSIDE_SIGNAL;
	if ((fds[1].revents & (POLLERR | POLLHUP)) != 0)
		return OUTSIDE_READER_GONE;
	return OUTSIDE_NOTHING;
}

bool
outside_wait(const struct outside *outside, int timeout_ms)
{
	struct pollfd fd = {.fd = outside->fd, .events = POLLIN};

	return poll(&fd, 1, timeout_ms) > 0;
}

void
die_without_reader(void)
{
	sigset_t signals;

	if (is_named_fifo(STDOUT_FILENO))
		die(EX_TEMPFAIL, "nobody reads the FIFO on standard output");
	sigemptyset(&signals);
	sigaddset(&signals, SIGPIPE);
	sigprocmask(SIG_UNBLOCK, &signals, NULL);
	raise(SIGPIPE);
	die(EX_IOERR, "cannot write to standard output: %s", strerror(EPIPE));
}

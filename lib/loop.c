#include "loop.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

void
loop_open_or_die(struct loop *loop)
{
	memset(loop, 0, sizeof(*loop));
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		die(EX_OSERR, "epoll_create1: %s", strerror(errno));
	loop->now_ms = monotonic_ms();
}

void
loop_close(struct loop *loop)
{
	close(loop->epoll_fd);
}

bool
loop_add(struct loop *loop, struct loop_fd *fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = fd};

	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd->fd, &event) == 0;
}

void
loop_remove(struct loop *loop, struct loop_fd *fd)
{
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd->fd, NULL);
	for (int i = loop->next_event; i < loop->nevents; i++)
		if (loop->events[i].data.ptr == fd)
			loop->events[i].data.ptr = NULL;
}

void
loop_timer_clear(struct loop *loop, struct loop_timer *timer)
{
	struct loop_timer **at = &loop->timers;

	if (!timer->set)
		return;
	while (*at != timer)
		at = &(*at)->next;
	*at = timer->next;
	timer->set = false;
}

void
loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t delay_ms)
{
	timer->at_ms = monotonic_ms() + delay_ms;
	if (timer->set)
		return;
	timer->set = true;
	timer->next = loop->timers;
	loop->timers = timer;
}

void
loop_task_add(struct loop *loop, struct loop_task *task)
{
	struct loop_task **at = &loop->tasks;

	while (*at != NULL)
		at = &(*at)->next;
	task->next = NULL;
	*at = task;
}

/* Milliseconds until the first timer, for epoll_wait(2); -1 where none is set.
 */
static int
wait_ms(const struct loop *loop)
{
	int64_t least = INT64_MAX, left;

	for (const struct loop_timer *t = loop->timers; t != NULL; t = t->next)
		if (t->at_ms < least)
			least = t->at_ms;
	if (least == INT64_MAX)
		return -1;
	left = least - monotonic_ms();
	if (left <= 0)
		return 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}

static struct loop_timer *
due_timer(const struct loop *loop)
{
	for (struct loop_timer *t = loop->timers; t != NULL; t = t->next)
		if (t->at_ms <= loop->now_ms)
			return t;
	return NULL;
}

static void
call_timers(struct loop *loop)
{
	struct loop_timer *timer;

	while ((timer = due_timer(loop)) != NULL) {
		loop_timer_clear(loop, timer);
		timer->on_time(timer->context);
	}
}

static void
call_descriptors(struct loop *loop)
{
	loop->next_event = 0;
	while (loop->next_event < loop->nevents) {
		struct epoll_event event = loop->events[loop->next_event++];
		const struct loop_fd *fd = event.data.ptr;

		if (fd != NULL)
			fd->on_event(fd->context, event.events);
	}
}

/* True where a task has more to do. */
static bool
run_tasks(struct loop *loop)
{
	bool more = false;

	for (struct loop_task *t = loop->tasks; t != NULL; t = t->next)
		more = t->run(t->context) || more;
	return more;
}

void
loop_round(struct loop *loop)
{
	int timeout_ms = run_tasks(loop) ? 0 : wait_ms(loop);

	if (loop->stop)
		return;
	loop->nevents =
	    epoll_wait(loop->epoll_fd, loop->events, LOOP_EVENTS, timeout_ms);
	if (loop->nevents < 0 && errno != EINTR)
		die(EX_SOFTWARE, "epoll_wait: %s", strerror(errno));
	loop->now_ms = monotonic_ms();
	call_descriptors(loop);
	call_timers(loop);
}

void
loop_run(struct loop *loop)
{
	while (!loop->stop)
		loop_round(loop);
}

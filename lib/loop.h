/*
 * One thread's event loop over epoll(7): descriptors, a few timers, and tasks
 * that run after each round of events.
 *
 * The structures belong to their owners, who set the public fields and keep
 * them in place while they are in the loop. Any callback may add and remove
 * any of them, itself included: a descriptor that was removed gets no event,
 * not even one that was already fetched.
 */
#ifndef CCM_LOOP_H
#define CCM_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

/* Events that are fetched in one round. */
#define LOOP_EVENTS 1024

struct loop_fd {
	int fd;
	/* EPOLLIN, EPOLLOUT ... as epoll_wait(2) gave them. */
	void (*on_event)(void *context, uint32_t events);
	void *context;
};

struct loop_timer {
	void (*on_time)(void *context);
	void *context;

	/* private */
	int64_t at_ms;
	bool set;
	struct loop_timer *next;
};

struct loop_task {
	/* True: the next round is not to wait for an event. */
	bool (*run)(void *context);
	void *context;

	/* private */
	struct loop_task *next;
};

struct loop {
	int64_t now_ms; /* monotonic_ms() when the last events came */
	bool stop;      /* set by a callback: loop_run() returns */

	/* private */
	int epoll_fd;
	struct loop_timer *timers;
	struct loop_task *tasks;
	struct epoll_event events[LOOP_EVENTS];
	int nevents, next_event;
};

/* Exits with EX_OSERR where there is no epoll. */
void loop_open_or_die(struct loop *loop);

/* `events` as in epoll_ctl(2), EPOLLET among them. False with errno. */
bool loop_add(struct loop *loop, struct loop_fd *fd, uint32_t events);

/* To be called before the descriptor is closed. */
void loop_remove(struct loop *loop, struct loop_fd *fd);

/*
 * Calls the timer once, that many milliseconds from now; one that is set
 * already is moved. Timers are in a list that each round walks: they are for
 * a handful of purposes, not for one a connection.
 */
void loop_timer_set(
    struct loop *loop, struct loop_timer *timer, int64_t delay_ms);
void loop_timer_clear(struct loop *loop, struct loop_timer *timer);

/* Tasks run in the order in which they were added, and stay. */
void loop_task_add(struct loop *loop, struct loop_task *task);

/* One round: waits for events or a timer, calls what is due, runs the tasks. */
void loop_round(struct loop *loop);

/* Rounds until `stop` is set. */
void loop_run(struct loop *loop);

void loop_close(struct loop *loop);

#endif

/*
 * faster.so - what `make simulate` puts into the programs that it runs
 * (LD_PRELOAD): a clock that runs FASTER_FACTOR times as fast, in ccm-fetch and
 * sim-cloud alone, and for every program a line about its memory.
 *
 * The rate limit of the API and that of ccm-fetch are numbers of requests in a
 * minute. With both programs on this clock that minute passes in
 * 60 / FASTER_FACTOR seconds, and nothing else about them is changed: they are
 * the programs that are installed. Work is not sped up; a page that takes 10 ms
 * to be made counts as 10 * FASTER_FACTOR, so that times by this clock are too
 * long rather than too short.
 *
 *	FASTER_FACTOR	1 to 1000; without it no clock is changed
 *	FASTER_SINCE	seconds since 1970: where both clocks agree, so that
 *			all programs see the same time
 *	FASTER_MEMORY	a file to which each program appends its name and the
 *			most memory that it had, in KiB, when it exits
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS_OF_SECOND ((int64_t)1000000000)

static int64_t factor = 1;
static int64_t since_ns;

/* The ones of the C library, around which ours are. */
static int (*real_clock_gettime)(clockid_t clock, struct timespec *time);
static int (*real_poll)(struct pollfd *fds, nfds_t nfds, int timeout_ms);
static int (*real_timedwait)(
    pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until);

static int64_t
to_ns(const struct timespec *time)
{
	return (int64_t)time->tv_sec * NS_OF_SECOND + time->tv_nsec;
}

static struct timespec
from_ns(int64_t ns)
{
	return (struct timespec){ns / NS_OF_SECOND, ns % NS_OF_SECOND};
}

static void *
next(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (found == NULL)
		abort();
	return found;
}

static int64_t
number_from(const char *name, int64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoll(text, NULL, 10) : otherwise;
}

__attribute__((constructor)) static void
begin(void)
{
	int64_t wanted = number_from("FASTER_FACTOR", 1);

	*(void **)&real_clock_gettime = next("clock_gettime");
	*(void **)&real_poll = next("poll");
	*(void **)&real_timedwait = next("pthread_cond_timedwait");
	if (wanted < 1 || wanted > 1000 ||
	    (strcmp(program_invocation_short_name, "ccm-fetch") != 0 &&
		strcmp(program_invocation_short_name, "sim-cloud") != 0))
		return;
	since_ns = number_from("FASTER_SINCE", 0) * NS_OF_SECOND;
	factor = wanted;
}

/* ---- the clock ---------------------------------------------------------- */

static int64_t
origin_ns(clockid_t clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE
	    ? since_ns
	    : 0;
}

int
clock_gettime(clockid_t clock, struct timespec *time)
{
	int64_t origin = origin_ns(clock);

	/* The loader may call before begin() was. */
	if (real_clock_gettime != NULL
		? real_clock_gettime(clock, time)
		: syscall(SYS_clock_gettime, clock, time))
		return -1;
	if (factor > 1 && clock != CLOCK_PROCESS_CPUTIME_ID &&
	    clock != CLOCK_THREAD_CPUTIME_ID)
		*time = from_ns(origin + (to_ns(time) - origin) * factor);
	return 0;
}

int
gettimeofday(struct timeval *restrict time, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return -1;
	*time = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
	return 0;
}

time_t
time(time_t *also)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return -1;
	if (also != NULL)
		*also = now.tv_sec;
	return now.tv_sec;
}

/* ---- waiting ------------------------------------------------------------ */

/* Rounded up, so that nobody wakes too early, again and again. */
int
poll(struct pollfd *fds, nfds_t nfds, int timeout_ms)
{
	if (timeout_ms > 0)
		timeout_ms = (int)((timeout_ms + factor - 1) / factor);
	return real_poll(fds, nfds, timeout_ms);
}

/* sim-cloud's are on the monotonic clock. */
int
pthread_cond_timedwait(pthread_cond_t *restrict cond,
    pthread_mutex_t *restrict mutex, const struct timespec *restrict until)
{
	struct timespec real = from_ns(to_ns(until) / factor);

	return real_timedwait(cond, mutex, factor > 1 ? &real : until);
}

/* ---- memory ------------------------------------------------------------- */

static long
most_memory_kib(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	long kib = 0;

	if (status == NULL)
		return 0;
	while (fgets(line, sizeof(line), status) != NULL)
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	fclose(status);
	return kib;
}

__attribute__((destructor)) static void
end(void)
{
	const char *path = getenv("FASTER_MEMORY");
	char line[PIPE_BUF];
	int fd, n;

	if (path == NULL)
		return;
	n = snprintf(line, sizeof(line), "%s %ld\n",
	    program_invocation_short_name, most_memory_kib());
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd == -1)
		return;
	(void)!write(fd, line, (size_t)n);
	close(fd);
}

#include "kcat.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "kafka-problem.h"
#include "log.h"
#include "process.h"
#include "program.h"

/* ld.so only warns of an object that it cannot load. */
#define HELLO_MS 5000
#define COMPANION_FILE "kcat-companion.so"
/* What a pipe holds while nobody reads it, pipe(7). */
#define SETTINGS_BYTES_MAX 65536
#define SAID_BYTES_MAX 1000

/* ---- what kcat gets ----------------------------------------------------- */

/* A pipe with the settings in it, as kcat's -F reads them; -1 and a problem. */
static int
settings_pipe(const struct kafka_settings *settings, struct buf *problem)
{
	struct buf text = BUF_INIT;
	const struct kafka_property *property;
	int ends[2] = {-1, -1};
	size_t i;

	for (i = 0; i < settings->count; i++) {
		property = &settings->properties[i];
		if (!property->by_argument)
			buf_printf(
			    &text, "%s=%s\n", property->name, property->value);
	}
	if (text.len > SETTINGS_BYTES_MAX)
		buf_printf(problem,
		    "the Kafka settings have %zu bytes; kcat can be given %d",
		    text.len, SETTINGS_BYTES_MAX);
	else if (pipe2(ends, O_CLOEXEC) != 0 ||
	    write(ends[1], text.data, text.len) != (ssize_t)text.len) {
		buf_printf(problem, "cannot make a pipe: %s", strerror(errno));
		if (ends[0] >= 0)
			close(ends[0]);
		ends[0] = -1;
	}
	if (ends[1] >= 0)
		close(ends[1]);
	if (text.data != NULL)
		explicit_bzero(text.data, text.len);
	buf_free(&text);
	return ends[0];
}

/* The companion, beside the program that runs; opened, so that ld.so finds it
 * whatever its path is made of. -1 and a problem. */
static int
open_companion(struct buf *problem)
{
	/* Of a program in lib/ccm, or of one in bin. */
	char *path = program_relative_or_die(COMPANION_FILE);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		free(path);
		path = program_relative_or_die("../lib/ccm/" COMPANION_FILE);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		buf_printf(problem,
		    "cannot open %s, which is loaded into kcat: %s; install ccm again",
		    path, strerror(errno));
	free(path);
	return fd;
}

/* Our environment with the companion's orders and its object for ld.so in it;
 * the caller frees the array and its last two strings. */
static char **
environment(const char *orders, int object)
{
	const char *preload = getenv("LD_PRELOAD");
	struct buf variable = BUF_INIT;
	size_t count = 0, kept = 0;
	char **all;

	while (environ[count] != NULL)
		count++;
	all = xreallocarray(NULL, count + 3, sizeof(*all));
	for (size_t i = 0; i < count; i++)
		if (strncmp(environ[i], "LD_PRELOAD=", 11) != 0)
			all[kept++] = environ[i];
	buf_printf(&variable, COMPANION_VARIABLE "=%s", orders);
	all[kept++] = xstrdup(buf_terminate(&variable));
	variable.len = 0;
	buf_printf(&variable, "LD_PRELOAD=/proc/self/fd/%d", object);
	if (preload != NULL && *preload != '\0')
		buf_printf(&variable, ":%s", preload);
	all[kept++] = xstrdup(buf_terminate(&variable));
	all[kept] = NULL;
	buf_free(&variable);
	return all;
}

static void
environment_free(char **all)
{
	size_t count = 0;

	while (all[count] != NULL)
		count++;
	free(all[count - 1]);
	free(all[count - 2]);
	free(all);
}

/* kcat -F /dev/fd/N -X P=V... ARGV...; the caller frees it, and the strings
 * that are in `made`. */
static char **
arguments(const struct kcat_start *start, int settings_fd, char ***made)
{
	const struct kafka_settings *settings = start->settings;
	size_t count = 0, n = 0, nmade = 0;
	struct buf text = BUF_INIT;
	char **argv;

	while (start->argv[count] != NULL)
		count++;
	argv =
	    xreallocarray(NULL, count + 4 + 2 * settings->count, sizeof(*argv));
	*made = xreallocarray(NULL, settings->count + 2, sizeof(**made));
	argv[n++] = (char *)(uintptr_t) "kcat";
	buf_printf(&text, "-F/dev/fd/%d", settings_fd);
	argv[n++] = (*made)[nmade++] = xstrdup(buf_terminate(&text));
	for (size_t i = 0; i < settings->count; i++) {
		if (!settings->properties[i].by_argument)
			continue;
		text.len = 0;
		buf_printf(&text, "-X%s=%s", settings->properties[i].name,
		    settings->properties[i].value);
		argv[n++] = (*made)[nmade++] = xstrdup(buf_terminate(&text));
	}
	for (size_t i = 0; i <= count; i++)
		argv[n++] = (char *)(uintptr_t)start->argv[i];
	(*made)[nmade] = NULL;
	buf_free(&text);
	return argv;
}

/* ---- starting ----------------------------------------------------------- */

/* The descriptors of a start; -1: none. */
struct ends {
	int settings; /* for reading */
	int object;   /* the companion */
	int sockets[2];
	int stderr_pipe[2];
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static bool
open_ends(
    struct ends *ends, const struct kcat_start *start, struct buf *problem)
{
	*ends = (struct ends){-1, -1, {-1, -1}, {-1, -1}};
	ends->object = open_companion(problem);
	if (ends->object < 0)
		return false;
	ends->settings = settings_pipe(start->settings, problem);
	if (ends->settings < 0)
		return false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
		ends->sockets) != 0 ||
	    pipe2(ends->stderr_pipe, O_CLOEXEC) != 0) {
		buf_printf(problem, "cannot make the pipes for kcat: %s",
		    strerror(errno));
		return false;
	}
	fcntl(ends->stderr_pipe[0], F_SETFL, O_NONBLOCK);
	return true;
}

/* Returns 0, or the number of an error. */
static int
spawn(struct kcat *kcat, const char *path, const struct ends *ends)
{
	const struct kcat_start *start = &kcat->start;
	const struct process_fd fds[] = {{start->stdin_fd, STDIN_FILENO},
	    {start->stdout_fd, STDOUT_FILENO},
	    {ends->stderr_pipe[1], STDERR_FILENO},
	    {ends->settings, ends->settings}, {ends->object, ends->object},
	    {ends->sockets[1], ends->sockets[1]},
	    {start->rejects_fd, start->rejects_fd}};
	const size_t nfds = sizeof(fds) / sizeof(fds[0]);
	struct process process = {.path = path,
	    .fds = fds,
	    .nfds = start->rejects_fd >= 0 ? nfds : nfds - 1,
	    .group = PROCESS_IN_OUR_GROUP,
	    .cwd_fd = -1};
	char orders[128], **argv, **made, **env;
	int error;

	snprintf(orders, sizeof(orders), COMPANION_FORM, (char)start->mode,
	    ends->sockets[1], start->rejects_fd, ends->object, (int)getpid(),
	    start->end_signal, start->frames ? 1 : 0,
	    (long long)start->since_seconds);
	process.env = env = environment(orders, ends->object);
	process.argv = argv = arguments(start, ends->settings, &made);
	error = process_start(&process, &kcat->pid);
	for (size_t i = 0; made[i] != NULL; i++)
		free(made[i]);
	free(made);
	free(argv);
	environment_free(env);
	return error;
}

/* ---- what comes --------------------------------------------------------- */

static void
hand_out(const struct kcat *kcat, const struct companion_event *event)
{
	struct buf shown = BUF_INIT;

	if (log_shows(LOG_LEVEL_DEBUG) && *event->text != '\0') {
		kafka_settings_mask(kcat->start.settings, &shown, event->text);
		log_debug("kcat: %s%s%s", event->name,
		    *event->name != '\0' ? ": " : "", buf_terminate(&shown));
		buf_free(&shown);
	}
	if (kcat->start.on_event != NULL)
		kcat->start.on_event(kcat->start.context, event);
}

/* What kcat writes for people; its last words are kept. */
static void
take_line(struct kcat *kcat)
{
	static const char *const last_words[] = {
	    "% ERROR: ", "% FATAL CLIENT ERROR: "};
	struct companion_event event = {.kind = COMPANION_LINE};
	char *line = buf_terminate(&kcat->line);

	snprintf(event.text, sizeof(event.text), "%s", line);
	hand_out(kcat, &event);
	for (size_t i = 0; i < sizeof(last_words) / sizeof(*last_words); i++) {
		if (strncmp(line, last_words[i], strlen(last_words[i])) != 0)
			continue;
		kcat->said.len = 0;
		kafka_settings_mask(kcat->start.settings, &kcat->said,
		    line + strlen(last_words[i]));
		buf_terminate(&kcat->said);
	}
	kcat->line.len = 0;
}

/* False at the end. */
static bool
read_stderr(struct kcat *kcat)
{
	char bytes[4096];
	ssize_t got;

	while ((got = read(kcat->stderr_fd, bytes, sizeof(bytes))) > 0)
		for (ssize_t i = 0; i < got; i++) {
			if (bytes[i] == '\n')
				take_line(kcat);
			else if (kcat->line.len < SAID_BYTES_MAX)
				buf_add_char(&kcat->line, bytes[i]);
		}
	return got < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Hands out one event; false where none has come. */
static bool
read_event(struct kcat *kcat)
{
	struct companion_event event;
	ssize_t got;

	do
		got = recv(kcat->socket, &event, sizeof(event), MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got <= (ssize_t)COMPANION_HEAD)
		return false;
	event.name[sizeof(event.name) - 1] = '\0';
	event.text[(size_t)got - COMPANION_HEAD - 1] = '\0';
	if (event.kind == COMPANION_HELLO)
		kcat->greeted =
		    event.code == 0 && event.number == COMPANION_VERSION;
	hand_out(kcat, &event);
	return true;
}

static void
reap(struct kcat *kcat)
{
	while (waitpid(kcat->pid, &kcat->wait_status, 0) < 0 && errno == EINTR)
		continue;
	kcat->pid = 0;
	while (read_event(kcat))
		continue;
	read_stderr(kcat);
	if (kcat->line.len > 0)
		take_line(kcat);
	close_fd(&kcat->pid_fd);
	close_fd(&kcat->socket);
	close_fd(&kcat->stderr_fd);
}

bool
kcat_wait(struct kcat *kcat, struct pollfd *fds, size_t count, int timeout_ms)
{
	enum { SOCKET, STDERR, ENDED, OWN };
	struct pollfd all[OWN + KCAT_FDS_MAX];
	int64_t deadline = monotonic_ms() + timeout_ms, left = timeout_ms;
	bool ready = false;

	all[SOCKET] = (struct pollfd){.fd = kcat->socket, .events = POLLIN};
	all[STDERR] = (struct pollfd){.fd = kcat->stderr_fd, .events = POLLIN};
	all[ENDED] = (struct pollfd){.fd = kcat->pid_fd, .events = POLLIN};
	for (size_t i = 0; i < count; i++)
		all[OWN + i] = fds[i];
	if (kcat->pid == 0)
		return true;
	while (!ready && (timeout_ms < 0 || left >= 0)) {
		if (poll(all, OWN + count, timeout_ms < 0 ? -1 : (int)left) < 0)
			for (size_t i = 0; i < OWN + count; i++)
				all[i].revents = 0;
		if ((all[STDERR].revents) != 0 && !read_stderr(kcat))
			all[STDERR].fd = -1;
		/* A packet that is left makes the next call return at once. */
		if (all[SOCKET].revents != 0) {
			ready = read_event(kcat);
			if (!ready)
				all[SOCKET].fd = -1;
		}
		if (all[ENDED].revents != 0) {
			reap(kcat);
			return true;
		}
		for (size_t i = 0; i < count; i++) {
			fds[i].revents = all[OWN + i].revents;
			ready = ready || fds[i].revents != 0;
		}
		left = deadline - monotonic_ms();
	}
	return false;
}

/* ---- the whole ---------------------------------------------------------- */

/* Waits for the companion's first event. */
static bool
greeted(struct kcat *kcat, const char *path, struct buf *problem)
{
	int64_t deadline = monotonic_ms() + HELLO_MS;
	bool ended = false;

	while (!kcat->greeted && !ended && monotonic_ms() < deadline)
		ended =
		    kcat_wait(kcat, NULL, 0, (int)(deadline - monotonic_ms()));
	if (kcat->greeted)
		return true;
	kcat_kill(kcat);
	buf_printf(problem,
	    "%s cannot be used: it did not load ccm's companion, because it is linked statically or set-user-ID, or its librdkafka is too old (1.6 is needed); install the package kcat",
	    path);
	return false;
}

int
kcat_start(
    struct kcat *kcat, const struct kcat_start *start, struct buf *problem)
{
	struct ends ends;
	char *path = program_find_or_die("kcat");
	int error, status = EX_OK;

	*kcat = (struct kcat){
	    .start = *start, .pid_fd = -1, .socket = -1, .stderr_fd = -1};
	buf_terminate(&kcat->said);
	if (!open_ends(&ends, start, problem))
		status = EX_CONFIG;
	else if ((error = spawn(kcat, path, &ends)) != 0) {
		buf_printf(problem, "cannot run %s: %s", path, strerror(error));
		status = EX_OSERR;
	} else {
		kcat->pid_fd = pidfd_open(kcat->pid, 0);
		if (kcat->pid_fd < 0)
			die(EX_OSERR, "cannot wait for kcat: %s",
			    strerror(errno));
		kcat->socket = ends.sockets[0];
		kcat->stderr_fd = ends.stderr_pipe[0];
		ends.sockets[0] = ends.stderr_pipe[0] = -1;
	}
	close_fd(&ends.object);
	close_fd(&ends.settings);
	for (int i = 0; i < 2; i++) {
		close_fd(&ends.sockets[i]);
		close_fd(&ends.stderr_pipe[i]);
	}
	if (status == EX_OK && !greeted(kcat, path, problem))
		status = EX_CONFIG;
	if (status != EX_OK)
		kcat_free(kcat);
	free(path);
	return status;
}

void
kcat_commit(struct kcat *kcat, uint64_t seen)
{
	const struct companion_order order = {seen};

	send(kcat->socket, &order, sizeof(order), MSG_NOSIGNAL);
}

void
kcat_signal(struct kcat *kcat, int signal)
{
	if (kcat->pid > 0)
		kill(kcat->pid, signal);
}

void
kcat_kill(struct kcat *kcat)
{
	if (kcat->pid == 0)
		return;
	kill(kcat->pid, SIGKILL);
	reap(kcat);
}

void
kcat_free(struct kcat *kcat)
{
	kcat_kill(kcat);
	buf_free(&kcat->said);
	buf_free(&kcat->line);
}

/* ---- checking settings -------------------------------------------------- */

struct check {
	const struct kafka_settings *settings;
	bool done; /* librdkafka takes them */
	struct kafka_problem problem;
};

static void
take_check(void *context, const struct companion_event *event)
{
	struct check *check = context;

	if (event->kind == COMPANION_CHECKED)
		check->done = true;
	else
		kafka_problem_read(&check->problem, check->settings, event);
}

int
kcat_check(const struct kafka_settings *settings, struct buf *problem)
{
	const char *producer[] = {"-P", "-t", "check", NULL};
	const char *consumer[] = {"-G", "check", "check", NULL};
	struct check check = {settings, false, KAFKA_PROBLEM_INIT};
	struct kcat_start start = {.settings = settings,
	    .mode = COMPANION_CHECK,
	    .argv = settings->side == KAFKA_PRODUCER ? producer : consumer,
	    .stdin_fd = -1,
	    .stdout_fd = -1,
	    .rejects_fd = -1,
	    .since_seconds = -1,
	    .end_signal = SIGKILL,
	    .on_event = take_check,
	    .context = &check};
	struct kcat kcat;
	int status = kcat_start(&kcat, &start, problem);

	while (status == EX_OK && !kcat_wait(&kcat, NULL, 0, -1))
		continue;
	if (status == EX_OK && !check.done) {
		status = EX_CONFIG;
		if (check.problem.status != 0)
			buf_add_string(problem, check.problem.message.data);
		else
			buf_printf(problem, "kcat refuses the settings: %s",
			    kcat.said.len > 0 ? kcat.said.data
					      : "it gives no reason");
	}
	kafka_problem_free(&check.problem);
	kcat_free(&kcat);
	return status;
}

/*
 * sim-kcat - stands in for a kcat with ccm's companion in it, and reports what
 * a script says: for moments that no broker for tests brings about on demand.
 *
 * It is linked statically, so that nothing is loaded into it. By the name kcat
 * in front of PATH it is what ccm-consume and ccm-produce run. Its script is
 * the file that one of these variables names, by what it is run for:
 *
 *	SIM_KCAT_CHECK     to check settings; without one, all are fine
 *	SIM_KCAT_ASK       kcat -L; without one, the topic has one partition
 *	SIM_KCAT_BROKER    kcat -L -b BROKER; without one, as kcat -L
 *	SIM_KCAT_CONSUME   kcat -G; without one, it waits
 *	SIM_KCAT_PRODUCE   kcat -P; without one, it waits
 *
 * A script is read when it starts, a command a line; "#" begins a comment. KIND
 * is as in companion.h, without its prefix and in lower case.
 *
 *	event KIND CODE NAME [TEXT]	a packet; "-" is no NAME
 *	metadata PARTITIONS		the packet that answers kcat -L
 *	progress SEEN DELIVERED		the packet with these counters
 *	stand SEEN DELIVERED		... until it is ended
 *	say TEXT			a line on stderr
 *	write TEXT			a line on stdout
 *	frame TEXT			the same as ccm-consume's frame
 *	half TEXT			... with a length of a byte more
 *	rename FROM TO			a file, such as another script
 *	sleep MS
 *	kill SIGNAL-NUMBER		itself
 *	deaf				SIGTERM and SIGINT do nothing then
 *	exit STATUS
 *
 * At the end of the script it waits for SIGTERM or SIGINT, and exits 0 then, as
 * kcat does.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "companion.h"

static int events = -1; /* the socket */

static void
fail(const char *what, const char *name)
{
	fprintf(stderr, "sim-kcat: %s %s: %s\n", what, name, strerror(errno));
	exit(EX_SOFTWARE);
}

/* ---- what it can do ----------------------------------------------------- */

static void
send_event(struct companion_event *event, const char *name, const char *text)
{
	size_t len;

	snprintf(event->name, sizeof(event->name), "%s",
	    strcmp(name, "-") == 0 ? "" : name);
	snprintf(event->text, sizeof(event->text), "%s", text);
	len = COMPANION_HEAD + strlen(event->text) + 1;
	if (send(events, event, len, MSG_NOSIGNAL) != (ssize_t)len)
		fail("send", name);
}

/* KIND CODE NAME [TEXT] */
static void
do_event(const char *rest)
{
	static const struct {
		const char *name;
		enum companion_kind kind;
	} kinds[] = {{"property", COMPANION_PROPERTY},
	    {"create", COMPANION_CREATE}, {"checked", COMPANION_CHECKED},
	    {"error", COMPANION_ERROR}, {"log", COMPANION_LOG},
	    {"assigned", COMPANION_ASSIGNED}, {"revoked", COMPANION_REVOKED},
	    {"since", COMPANION_SINCE}, {"output", COMPANION_OUTPUT}};
	struct companion_event event = {.code = 0};
	char kind[32], name[64];
	int text;

	if (sscanf(rest, "%31s %d %63s %n", kind, &event.code, name, &text) < 3)
		fail("event", rest);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, kind) != 0)
			continue;
		event.kind = kinds[i].kind;
		send_event(&event, name, rest + text);
		return;
	}
	fail("event", kind);
}

static void
do_metadata(const char *rest)
{
	struct companion_event event = {
	    .kind = COMPANION_METADATA, .number = strtoull(rest, NULL, 10)};

	send_event(&event, "-", "Success");
}

/* SEEN DELIVERED */
static void
do_progress(const char *rest)
{
	struct companion_event event = {.kind = COMPANION_PROGRESS};
	unsigned long long seen = 0, delivered = 0;

	if (sscanf(rest, "%llu %llu", &seen, &delivered) != 2)
		fail("progress", rest);
	event.counters.seen = seen;
	event.counters.delivered = delivered;
	send_event(&event, "-", "");
}

static void
do_stand(const char *rest)
{
	const struct timespec often = {0, 200 * 1000000};

	for (;;) {
		do_progress(rest);
		nanosleep(&often, NULL);
	}
}

static void
do_say(const char *rest)
{
	fprintf(stderr, "%s\n", rest);
}

static void
do_write(const char *rest)
{
	printf("%s\n", rest);
	fflush(stdout);
}

static void
write_frame(size_t announced, const char *text)
{
	printf("0\t0\t1756900800000\t-1\t%zu\n%s", announced, text);
	fflush(stdout);
}

static void
do_frame(const char *rest)
{
	write_frame(strlen(rest), rest);
}

static void
do_half(const char *rest)
{
	write_frame(strlen(rest) + 1, rest);
}

static void
do_sleep(const char *rest)
{
	long ms = strtol(rest, NULL, 10);
	struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&time, NULL);
}

static void
do_kill(const char *rest)
{
	raise((int)strtol(rest, NULL, 10));
}

static void
do_rename(const char *rest)
{
	char from[256], to[256];

	if (sscanf(rest, "%255s %255s", from, to) != 2 || rename(from, to) != 0)
		fail("rename", rest);
}

static void
do_deaf(const char *rest)
{
	(void)rest;
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
}

static void
do_exit(const char *rest)
{
	exit((int)strtol(rest, NULL, 10));
}

/* ---- the script --------------------------------------------------------- */

static void
do_line(char *line)
{
	static const struct {
		const char *name;
		void (*function)(const char *);
	} commands[] = {{"event", do_event}, {"metadata", do_metadata},
	    {"progress", do_progress}, {"stand", do_stand}, {"say", do_say},
	    {"write", do_write}, {"frame", do_frame}, {"half", do_half},
	    {"sleep", do_sleep}, {"kill", do_kill}, {"rename", do_rename},
	    {"deaf", do_deaf}, {"exit", do_exit}};
	const char *name = strsep(&line, " ");

	if (name[0] == '#' || name[0] == '\0')
		return;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			commands[i].function(line != NULL ? line : "");
			return;
		}
	}
	errno = EINVAL;
	fail("command", name);
}

static void
do_script(const char *variable)
{
	const char *path = getenv(variable);
	FILE *file = path != NULL ? fopen(path, "r") : NULL;
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	if (path == NULL)
		return;
	if (file == NULL)
		fail("open", path);
	while ((len = getline(&line, &size, file)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		do_line(line);
	}
	free(line);
	fclose(file);
}

static void on_end(int signal) __attribute__((noreturn));

static void
on_end(int signal)
{
	(void)signal;
	_exit(EX_OK);
}

static void
answer(const char *variable)
{
	if (getenv(variable) == NULL)
		variable = "SIM_KCAT_ASK";
	if (getenv(variable) == NULL)
		do_metadata("1");
	do_script(variable);
	exit(EX_OK);
}

int
main(int argc, char **argv)
{
	const char *orders = getenv(COMPANION_VARIABLE);
	struct companion_event hello = {
	    .kind = COMPANION_HELLO, .number = COMPANION_VERSION};
	struct companion_event checked = {.kind = COMPANION_CHECKED};
	const char *broker = "SIM_KCAT_ASK";
	char mode = '\0';

	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "-b") == 0)
			broker = "SIM_KCAT_BROKER";
	if (orders == NULL || sscanf(orders, "%c %d", &mode, &events) != 2)
		fail("without", COMPANION_VARIABLE);
	signal(SIGTERM, on_end);
	signal(SIGINT, on_end);
	send_event(&hello, "-", "sim-kcat");
	if (mode == COMPANION_CHECK) {
		do_script("SIM_KCAT_CHECK");
		if (getenv("SIM_KCAT_CHECK") == NULL)
			send_event(&checked, "-", "");
		exit(EX_OK);
	}
	if (mode == COMPANION_ASK)
		answer(broker);
	do_script(mode == COMPANION_PRODUCE ? "SIM_KCAT_PRODUCE"
					    : "SIM_KCAT_CONSUME");
	for (;;)
		pause();
}

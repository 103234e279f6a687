/*
 * ccm-timer-generator - a systemd generator (systemd.generator(7)) that makes
 * the timer of each instance of ccm from its environment file.
 *
 * systemd runs it at boot and at each daemon-reload, and waits for it. A file
 * /etc/ccm/NAME.env becomes ccm-scrape@NAME.timer, which fires at the minute
 * that MINUTE_TO_SCRAPE_AT says, and is wanted by timers.target. Where the file
 * sets CCM_EXPORT_TO, there is ccm-export@NAME.timer, which fires each minute.
 *
 * - The file is read as systemd reads it for the service (EnvironmentFile= in
 *   systemd.exec(5)): comments, quotes, continued lines, and the last
 *   assignment is the one that counts. Otherwise the timer would come at
 *   another minute than the one that ccm-scrape goes by.
 * - A value that ccm-scrape would refuse makes no timer, nor does an empty one,
 *   and neither does a name that cannot name units, a directory and
 *   credentials. Each is logged, with file and line, and stops no other
 * instance.
 * - A generator's stderr may lead nowhere. Where systemd runs it, it tells the
 *   journal, under the name of the timer that is missing, and at boot, when
 *   there is no journal yet, the kernel's log, which the journal reads later.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "env-file.h"
#include "instance.h"

#define PROGRAM "ccm-timer-generator"
#define USAGE                                                  \
	"usage: " PROGRAM " NORMAL-DIR [EARLY-DIR LATE-DIR]\n" \
	"Makes the timers of ccm's instances in NORMAL-DIR. systemd runs it.\n"
#define CONFIG_DIRECTORY "/etc/ccm"
#define JOURNAL "/run/systemd/journal/socket"
#define VARIABLE "MINUTE_TO_SCRAPE_AT"
#define MINUTE_DEFAULT 5
#define MINUTE_LEAST 5 /* the API has an hour's values by then */
#define MINUTE_MOST 59

/* What an instance's environment file says last of MINUTE_TO_SCRAPE_AT. */
struct setting {
	char *value;   /* NULL: nothing */
	unsigned line; /* of the assignment */
	bool exports;  /* CCM_EXPORT_TO, or its _FILE, is not empty */
};

/* ---- telling ------------------------------------------------------------ */

static bool
tell_journal(const char *unit, const char *message)
{
	struct sockaddr_un address = {
	    .sun_family = AF_UNIX, .sun_path = JOURNAL};
	struct buf entry = BUF_INIT;
	bool told;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* `journalctl -u` finds it by OBJECT_SYSTEMD_UNIT. */
	buf_printf(&entry,
	    "MESSAGE=%s\nPRIORITY=3\nSYSLOG_IDENTIFIER=" PROGRAM
	    "\nOBJECT_SYSTEMD_UNIT=%s\n",
	    message, unit);
	told = fd >= 0 &&
	    sendto(fd, entry.data, entry.len, MSG_NOSIGNAL | MSG_DONTWAIT,
		(const struct sockaddr *)&address, sizeof(address)) >= 0;
	if (fd >= 0)
		close(fd);
	buf_free(&entry);
	return told;
}

static bool
tell_kernel(const char *message)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY);
	bool told;

	if (fd < 0)
		return false;
	told = dprintf(fd, "<3>" PROGRAM ": %s\n", message) > 0;
	close(fd);
	return told;
}

/* A control character becomes "?": whatever a file has in it, a message is one
 * line, and a field of the journal ends where it should. */
static char *
one_line(char *text)
{
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return text;
}

static void tell(const char *unit, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* `unit` is the one concerned. */
static void
tell(const char *unit, const char *format, ...)
{
	char *message, *about = one_line(xstrdup(unit));
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&message, format, ap) < 0)
		abort();
	va_end(ap);
	one_line(message);
	/* systemd says so in the environment since version 251. */
	if (getenv("SYSTEMD_SCOPE") == NULL ||
	    (!tell_journal(about, message) && !tell_kernel(message)))
		fprintf(stderr, PROGRAM ": %s\n", message);
	free(message);
	free(about);
}

/* ---- its minute --------------------------------------------------------- */

/* An env_file_taker. */
static void
take_setting(void *context, const char *name, const char *value, unsigned line)
{
	struct setting *setting = context;

	if (strcmp(name, "CCM_EXPORT_TO") == 0 ||
	    strcmp(name, "CCM_EXPORT_TO_FILE") == 0)
		setting->exports = value[0] != '\0';
	if (strcmp(name, VARIABLE) != 0)
		return;
	free(setting->value);
	setting->value = xstrdup(value);
	setting->line = line;
}

/* The minute, or -1. The digits are those that ccm-scrape takes. */
static int
minute_of(const struct setting *setting)
{
	const char *value = setting->value;
	int minute = 0;

	if (value == NULL)
		return MINUTE_DEFAULT;
	if (value[0] == '\0' || strlen(value) > 3)
		return -1;
	for (; *value != '\0'; value++) {
		if (*value < '0' || *value > '9')
			return -1;
		minute = minute * 10 + (*value - '0');
	}
	return minute >= MINUTE_LEAST && minute <= MINUTE_MOST ? minute : -1;
}

/* ---- a timer ------------------------------------------------------------ */

/*
 * The zone is named: in one of +05:30 "*:17:00" would be at 47 minutes past
 * the hour of the API.
 *
 * Instances that start at once share the API's limit of 60 requests a minute,
 * which is for an address: on one host they count together in /run/ccm-rate,
 * but several hosts behind one address do not. A default run asks three times,
 * so two minutes have room for some 30 instances. The delay of an instance is
 * always the same, so that its hours stay an hour apart. AccuracySec= would
 * bring together what the delay has spread.
 */
static void
write_hourly(struct buf *out, const char *source, const char *name, int minute)
{
	buf_printf(out,
	    "# Made by " PROGRAM " from %s.\n\n"
	    "[Unit]\n"
	    "Description=Confluent Cloud metrics of %s: each hour\n"
	    "Documentation=man:ccm.env(5) man:ccm-scrape(1)\n"
	    "SourcePath=%s\n"
	    "Wants=ccm-ship@%s.service\n\n"
	    "[Timer]\n"
	    "OnCalendar=*:%02d:00 UTC\n"
	    "Persistent=true\n"
	    "RandomizedDelaySec=2min\n"
	    "FixedRandomDelay=true\n"
	    "AccuracySec=1s\n",
	    source, name, source, name, minute);
}

/* A minute that was missed is gone: the API exports the newest one only. The
 * delay of an instance is always the same, so that its runs stay a minute
 * apart: a resource is not requested within 50 seconds. */
static void
write_minutely(struct buf *out, const char *source, const char *name)
{
	buf_printf(out,
	    "# Made by " PROGRAM " from %s.\n\n"
	    "[Unit]\n"
	    "Description=Confluent Cloud metrics of %s: each minute\n"
	    "Documentation=man:ccm.env(5) man:ccm-export(1)\n"
	    "SourcePath=%s\n\n"
	    "[Timer]\n"
	    "OnCalendar=minutely\n"
	    "RandomizedDelaySec=30s\n"
	    "FixedRandomDelay=true\n"
	    "AccuracySec=1s\n",
	    source, name, source);
}

static bool
write_timer(const char *path, const struct buf *text)
{
	FILE *file = fopen(path, "wxe");
	bool failed;

	if (file == NULL)
		return false;
	failed = fwrite(text->data, 1, text->len, file) != text->len;
	return fclose(file) == 0 && !failed;
}

static bool
make_timer(const char *directory, const char *source, const char *unit,
    const struct buf *text)
{
	struct buf path = BUF_INIT, link = BUF_INIT, target = BUF_INIT;
	bool made;

	buf_printf(&path, "%s/%s", directory, unit);
	buf_printf(&link, "%s/timers.target.wants", directory);
	made = mkdir(link.data, 0755) == 0 || errno == EEXIST;
	buf_printf(&link, "/%s", unit);
	buf_printf(&target, "../%s", unit);
	made = made && write_timer(path.data, text) &&
	    symlink(target.data, link.data) == 0;
	if (!made)
		tell(unit, "%s: no timer: cannot write to %s: %s", source,
		    directory, strerror(errno));
	buf_free(&path);
	buf_free(&link);
	buf_free(&target);
	return made;
}

static bool
make_timers(const char *directory, const char *source, const char *name,
    const struct setting *setting)
{
	struct buf unit = BUF_INIT, text = BUF_INIT;
	bool made;

	buf_printf(&unit, "ccm-scrape@%s.timer", name);
	write_hourly(&text, source, name, minute_of(setting));
	made = make_timer(directory, source, unit.data, &text);
	if (setting->exports) {
		unit.len = text.len = 0;
		buf_printf(&unit, "ccm-export@%s.timer", name);
		write_minutely(&text, source, name);
		made = make_timer(directory, source, unit.data, &text) && made;
	}
	buf_free(&unit);
	buf_free(&text);
	return made;
}

/* ---- an instance -------------------------------------------------------- */

static void
tell_minute(const char *unit, const char *source, const struct setting *setting)
{
	tell(unit,
	    "%s:%u: no timer: " VARIABLE
	    " is \"%.80s\"; it takes a number from %d to %d",
	    source, setting->line, setting->value, MINUTE_LEAST, MINUTE_MOST);
}

/* False where a timer is missing, which was told. */
static bool
make_instance(const char *directory, const char *source, const char *name)
{
	struct setting setting = {.value = NULL};
	struct buf unit = BUF_INIT;
	const char *problem = NULL;
	bool made = false;

	buf_printf(&unit, "ccm-scrape@%s.timer", name);
	if (!is_instance_name(name)) {
		tell(unit.data,
		    "%s: no timer: \"%s\" is not a name for an instance; that is " INSTANCE_NAME_RULE,
		    source, name);
	} else if ((problem = env_file_read(source, take_setting, &setting)) !=
	    NULL) {
		tell(unit.data, "%s: no timer: %s", source, problem);
	} else if (minute_of(&setting) < 0) {
		tell_minute(unit.data, source, &setting);
	} else {
		made = make_timers(directory, source, name, &setting);
	}
	free(setting.value);
	buf_free(&unit);
	return made;
}

/* The settings of ccm-ingest.target are no instance of the agent. */
#define INGEST_FILE "ingest.env"

/* An entry of the configuration directory: NAME.env, but no dot file. */
static int
is_environment_file(const struct dirent *entry)
{
	const char *name = entry->d_name, *end = strrchr(name, '.');

	return name[0] != '.' && end != NULL && strcmp(end, ".env") == 0 &&
	    strcmp(name, INGEST_FILE) != 0;
}

/* Returns the exit status. */
static int
make_instances(const char *directory, const char *config)
{
	struct dirent **entries;
	int count = scandir(config, &entries, is_environment_file, alphasort);
	int status = EX_OK;

	if (count < 0 && errno == ENOENT)
		return EX_OK; /* nobody has configured any */
	if (count < 0) {
		tell("timers.target", "%s: no timers: %s", config,
		    strerror(errno));
		return EX_CONFIG;
	}
	for (int i = 0; i < count; i++) {
		char *name = entries[i]->d_name;
		struct buf source = BUF_INIT;

		buf_printf(&source, "%s/%s", config, name);
		*strrchr(name, '.') = '\0';
		if (!make_instance(directory, source.data, name))
			status = EX_CONFIG;
		buf_free(&source);
		free(entries[i]);
	}
	free(entries);
	return status;
}

int
main(int argc, char **argv)
{
	const char *config = getenv("CCM_CONFIG_DIRECTORY");

	if (argc < 2 || argc > 4 || argv[1][0] == '-') {
		fputs(USAGE, stderr);
		return EX_USAGE;
	}
	if (config == NULL || config[0] == '\0')
		config = CONFIG_DIRECTORY;
	return make_instances(argv[1], config);
}

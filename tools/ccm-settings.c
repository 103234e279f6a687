/*
 * ccm-settings - the settings of the agent, read from the environment, checked,
 * and handed to scripts as data.
 *
 * Scripts that need a setting run this program: what an environment variable, a
 * file that X_FILE names or a credential of systemd may hold is decided in
 * lib/, once. Every problem is reported in an ERROR line, not only the first.
 * The settings of ccm-fetch and of ccm-produce are checked by these programs.
 *
 * Private: it is installed beside the libraries, and run by ccm's own scripts.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "env.h"
#include "hour.h"
#include "io.h"
#include "json.h"
#include "log.h"
#include "main.h"
#include "metrics-host.h"
#include "resource-types.h"
#include "state.h"

#define USAGE                                                                         \
	"usage: ccm-settings [-n NAME] [-p | KEY...]\n"                               \
	"       ccm-settings [-n NAME] -v VARIABLE...\n"                              \
	"Checks the agent's settings and writes them as a line of JSON, also where\n" \
	"one is wrong (status 78; a list that is wrong is null).\n"                   \
	"  KEY...   checks and writes these alone, each ended by a NUL byte:\n"       \
	"           backfill_hours, minute, now, presets, records, state, topic\n"    \
	"  -n NAME  the program that messages name\n"                                 \
	"  -p       writes all as lines \"# VARIABLE=VALUE\", secrets masked\n"       \
	"  -v VARIABLE...   writes their values, from VARIABLE_FILE where\n"          \
	"           that is given, each ended by a NUL byte\n"                        \
	"  -h       this help\n"                                                      \
	"  -V       the version\n"

#define TOPIC_LENGTH_MAX 249              /* Kafka's own limit */
#define PRESET_SIZE_MAX ((size_t)1 << 20) /* no preset is as large */

struct list {
	char **items;
	size_t count;
};

struct settings {
	bool wrong; /* a problem was reported */
	char *state;
	long minute, backfill_hours;
	const char *records, *topic;
	struct ccm_clock clock;
	struct list
	    queries; /* as messages name them: "kafka-cost", "./x.json" */
	struct list presets; /* their files, in the same order */
	struct list ids[RESOURCE_TYPES];
	bool bad_list[RESOURCE_TYPES];
};

static void complain(struct settings *settings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
complain(struct settings *settings, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_error_v(format, ap);
	va_end(ap);
	settings->wrong = true;
}

/* Reports and empties what a function of lib/ found wrong. */
static void
complain_of(struct settings *settings, struct buf *problem)
{
	complain(settings, "%s", buf_terminate(problem));
	buf_free(problem);
}

static const char *
text_or(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : otherwise;
}

static void
list_add(struct list *list, char *item)
{
	list->items =
	    grow_by_one(list->items, list->count, sizeof(*list->items));
	list->items[list->count++] = item;
}

/* ---- each setting ------------------------------------------------------- */

static void
read_state(struct settings *settings)
{
	struct buf problem = BUF_INIT;

	settings->state = state_directory(&problem);
	if (settings->state == NULL)
		complain_of(settings, &problem);
}

static void
read_number(struct settings *settings, const char *name, long otherwise,
    long least, long most, long *number)
{
	struct buf problem = BUF_INIT;

	if (!env_number(name, otherwise, least, most, number, &problem))
		complain_of(settings, &problem);
}

static void
read_minute(struct settings *settings)
{
	read_number(
	    settings, "MINUTE_TO_SCRAPE_AT", 5, 5, 59, &settings->minute);
}

static void
read_backfill_hours(struct settings *settings)
{
	/* The API keeps seven days. */
	read_number(settings, "CCM_BACKFILL_HOURS", 168, 1, 168,
	    &settings->backfill_hours);
}

static void
read_records(struct settings *settings)
{
	settings->records = text_or("CCM_RECORDS", "");
	if (settings->records[0] != '\0' &&
	    strcmp(settings->records, "cost-control") != 0)
		complain(settings,
		    "CCM_RECORDS is \"%s\"; it takes cost-control, or nothing",
		    settings->records);
}

/* A name that Kafka allows for a topic. */
static void
read_topic(struct settings *settings)
{
	const char *topic = text_or("METRICS_TOPIC", "confluent-metrics");
	size_t len = strspn(topic,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	    "._-");

	settings->topic = topic;
	if (topic[len] != '\0' || len > TOPIC_LENGTH_MAX ||
	    strcmp(topic, ".") == 0 || strcmp(topic, "..") == 0)
		complain(settings,
		    "METRICS_TOPIC is \"%s\"; the name of a topic is 1 to %d of A-Z a-z 0-9 . _ -",
		    topic, TOPIC_LENGTH_MAX);
}

static void
read_clock(struct settings *settings)
{
	if (!clock_start(&settings->clock))
		complain(settings,
		    "CCM_NOW is \"%s\"; it takes a time such as 2025-09-02T01:05:00Z",
		    getenv("CCM_NOW"));
}

static void
read_lists(struct settings *settings)
{
	for (size_t i = 0; i < RESOURCE_TYPES; i++) {
		struct list *ids = &settings->ids[i];
		struct buf problem = BUF_INIT;

		if (!env_list(resource_types[i].variable, &ids->items,
			&ids->count, &problem)) {
			complain_of(settings, &problem);
			settings->bad_list[i] = true;
		}
	}
}

/* ---- presets ------------------------------------------------------------ */

/* Where presets that have a name are: share/ccm/queries, seen from lib/ccm. */
static char *
presets_directory(void)
{
	struct buf path = BUF_INIT;
	ssize_t len;

	buf_reserve(&path, 4096);
	len = readlink("/proc/self/exe", path.data, 4096);
	if (len < 0)
		die(EX_OSERR, "cannot read /proc/self/exe: %s",
		    strerror(errno));
	path.len = (size_t)len;
	for (int up = 0; up < 3; up++)
		while (path.len > 0 && path.data[--path.len] != '/')
			;
	buf_add_string(&path, "/share/ccm/queries");
	return buf_terminate(&path);
}

static int
is_preset(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > strlen(".json") &&
	    strcmp(entry->d_name + len - strlen(".json"), ".json") == 0;
}

static void
complain_of_name(
    struct settings *settings, const char *name, const char *directory)
{
	struct dirent **entries;
	struct buf names = BUF_INIT;
	int count = scandir(directory, &entries, is_preset, alphasort);

	for (int i = 0; i < count; i++) {
		size_t len = strlen(entries[i]->d_name) - strlen(".json");

		buf_printf(&names, " %.*s", (int)len, entries[i]->d_name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	complain(settings,
	    "CCM_QUERIES: no preset is called \"%s\"; there are%s, and paths of your own",
	    name, buf_terminate(&names));
	buf_free(&names);
}

/* A line and a column, both from 1. */
static void
complain_of_json(struct settings *settings, const char *name,
    const struct buf *text, size_t offset, const char *error)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < offset; i++) {
		column = text->data[i] == '\n' ? 1 : column + 1;
		line += text->data[i] == '\n';
	}
	complain(settings, "%s:%zu:%zu: %s", name, line, column, error);
}

/* jq also reads what is not valid JSON, so it is validated here. */
static bool
check_preset(struct settings *settings, const char *name, const char *path)
{
	struct buf text = BUF_INIT;
	const char *error;
	size_t offset;
	bool good = read_file(path, PRESET_SIZE_MAX, &text);

	if (!good) {
		complain(settings, "CCM_QUERIES: cannot read the preset %s: %s",
		    name, strerror(errno));
	} else {
		buf_terminate(&text);
		good = json_validate(text.data, text.len, &error, &offset);
		if (!good)
			complain_of_json(settings, name, &text, offset, error);
	}
	buf_free(&text);
	return good;
}

/* A name, or the path of a user's own file: it has a slash or ends in .json. */
static void
read_preset(struct settings *settings, const char *item, const char *directory)
{
	struct buf name = BUF_INIT, path = BUF_INIT;
	size_t len = strlen(item);
	bool good,
	    is_path = strchr(item, '/') != NULL ||
	    (len >= 5 && strcmp(item + len - 5, ".json") == 0);

	if (is_path)
		buf_printf(&name, "%s%s",
		    item[0] == '/' || strncmp(item, "./", 2) == 0 ? "" : "./",
		    item);
	else
		buf_add_string(&name, item);
	buf_terminate(&name);
	if (is_path)
		buf_add_string(&path, name.data);
	else
		buf_printf(&path, "%s/%s.json", directory, item);
	buf_terminate(&path);
	if (!is_path && access(path.data, F_OK) != 0) {
		complain_of_name(settings, item, directory);
		good = false;
	} else {
		good = check_preset(settings, name.data, path.data);
	}
	if (!good) {
		buf_free(&name);
		buf_free(&path);
	} else {
		list_add(&settings->queries, name.data);
		list_add(&settings->presets, path.data);
	}
}

static void
read_presets(struct settings *settings)
{
	char *directory = presets_directory();
	struct list items = {NULL, 0};

	env_split(
	    text_or("CCM_QUERIES", "kafka-cost"), &items.items, &items.count);
	if (items.count == 0)
		complain(settings, "CCM_QUERIES names no preset");
	for (size_t i = 0; i < items.count; i++)
		read_preset(settings, items.items[i], directory);
	env_list_free(items.items, items.count);
	free(directory);
}

/* ---- the output --------------------------------------------------------- */

static void
json_string(struct buf *out, const char *string)
{
	buf_add_char(out, '"');
	json_escape_any(out, string);
	buf_add_char(out, '"');
}

static void
json_member_text(struct buf *out, const char *key, const char *text)
{
	buf_printf(out, "\"%s\":", key);
	json_string(out, text);
	buf_add_char(out, ',');
}

static void
json_list(struct buf *out, const struct list *list)
{
	buf_add_char(out, '[');
	for (size_t i = 0; i < list->count; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		json_string(out, list->items[i]);
	}
	buf_add_char(out, ']');
}

static time_t
now_seconds(const struct settings *settings)
{
	return (time_t)(clock_now_ms(&settings->clock) / 1000);
}

/* The begin of the last hour that is complete by the local clock. */
static void
last_hour(const struct settings *settings, char text[TIME_SIZE])
{
	time_t at = now_seconds(settings) - settings->minute * 60;

	time_format(at - at % HOUR_SECONDS - HOUR_SECONDS, text);
}

static void
write_json(const struct settings *settings, struct buf *out)
{
	char hour[TIME_SIZE];

	last_hour(settings, hour);
	buf_add_char(out, '{');
	json_member_text(
	    out, "state", settings->state != NULL ? settings->state : "");
	buf_printf(out, "\"minute\":%ld,\"backfill_hours\":%ld,",
	    settings->minute, settings->backfill_hours);
	json_member_text(out, "records", settings->records);
	json_member_text(out, "topic", settings->topic);
	buf_printf(out, "\"now\":%lld,", (long long)now_seconds(settings));
	json_member_text(out, "last_hour", hour);
	buf_add_string(out, "\"queries\":");
	json_list(out, &settings->queries);
	buf_add_string(out, ",\"presets\":");
	json_list(out, &settings->presets);
	buf_add_string(out, ",\"lists\":{");
	for (size_t i = 0; i < RESOURCE_TYPES; i++) {
		buf_printf(
		    out, "%s\"%s\":", i > 0 ? "," : "", resource_types[i].type);
		if (settings->bad_list[i])
			buf_add_string(out, "null");
		else
			json_list(out, &settings->ids[i]);
	}
	buf_add_string(out, "},\"variables\":{");
	for (size_t i = 0; i < RESOURCE_TYPES; i++)
		buf_printf(out, "%s\"%s\":\"%s\"", i > 0 ? "," : "",
		    resource_types[i].type, resource_types[i].variable);
	buf_add_string(out, "}}\n");
}

/* What a script asks for by KEY. */
static const struct key {
	const char *name;
	void (*read)(struct settings *);
} keys[] = {
    {"state", read_state},
    {"minute", read_minute},
    {"backfill_hours", read_backfill_hours},
    {"records", read_records},
    {"topic", read_topic},
    {"now", read_clock},
    {"presets", read_presets},
};

#define NKEYS (sizeof(keys) / sizeof(keys[0]))

static void
write_key(const struct settings *settings, const char *key, struct buf *out)
{
	if (strcmp(key, "state") == 0)
		buf_add_string(out, settings->state);
	else if (strcmp(key, "minute") == 0)
		buf_printf(out, "%ld", settings->minute);
	else if (strcmp(key, "backfill_hours") == 0)
		buf_printf(out, "%ld", settings->backfill_hours);
	else if (strcmp(key, "records") == 0)
		buf_add_string(out, settings->records);
	else if (strcmp(key, "topic") == 0)
		buf_add_string(out, settings->topic);
	else if (strcmp(key, "now") == 0)
		buf_printf(out, "%lld", (long long)now_seconds(settings));
	else
		for (size_t i = 0; i < settings->presets.count; i++) {
			if (i > 0)
				buf_add_char(out, '\0');
			buf_add_string(out, settings->presets.items[i]);
		}
	buf_add_char(out, '\0');
}

/* ---- -p: what is in force ----------------------------------------------- */

static void
show(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "# %s=", name);
	for (; *value != '\0'; value++)
		buf_add_char(out,
		    (unsigned char)*value < 0x20 || *value == 0x7f ? ' '
								   : *value);
	buf_add_char(out, '\n');
}

static void
show_if_set(struct buf *out, const char *name)
{
	const char *value = text_or(name, NULL);

	if (value != NULL)
		show(out, name, value);
}

/* A key is no secret: it names the account in the API's own messages. */
static void
show_credential(
    struct settings *settings, struct buf *out, const char *name, bool secret)
{
	struct buf problem = BUF_INIT;
	char *value;

	if (!env_text(name, &value, &problem))
		complain_of(settings, &problem);
	else
		show(out, name,
		    value == NULL ? ""
			: secret  ? "********"
				  : value);
	env_secret_free(value);
}

/* Without the user and the password that may be in it. */
static void
show_proxy(struct buf *out, const char *name)
{
	const char *value = text_or(name, NULL), *at;
	struct buf masked = BUF_INIT;

	if (value == NULL)
		return;
	at = strrchr(value, '@');
	buf_printf(&masked, "%s%s", at != NULL ? "********" : "",
	    at != NULL ? at : value);
	show(out, name, buf_terminate(&masked));
	buf_free(&masked);
}

static void
show_list(struct buf *out, const char *name, const struct list *list)
{
	struct buf joined = BUF_INIT;

	for (size_t i = 0; i < list->count; i++)
		buf_printf(&joined, "%s%s", i > 0 ? "," : "", list->items[i]);
	show(out, name, buf_terminate(&joined));
	buf_free(&joined);
}

static void
show_number(struct buf *out, const char *name, long number)
{
	buf_printf(out, "# %s=%ld\n", name, number);
}

static void
write_shown(struct settings *settings, struct buf *out)
{
	static const char *const plain[] = {"CONFLUENT_METRICS_CAFILE",
	    "CONFLUENT_METRICS_REQUESTS_PER_MINUTE",
	    "CONFLUENT_METRICS_INSECURE", "CONFLUENT_METRICS_TIMEOUT",
	    "CONFLUENT_METRICS_REQUEST_TIMEOUT",
	    "CONFLUENT_METRICS_QUERY_SECONDS", "CONFLUENT_METRICS_QUERY_PAGES",
	    "CONFLUENT_METRICS_QUERY_BYTES", "CCM_RATE_DIR",
	    "CCM_KAFKA_TRANSACTIONAL_ID", "CCM_INSTANCE"};
	static const char *const proxies[] = {"http_proxy", "https_proxy",
	    "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"};

	show(out, "CONFLUENT_METRICS_HOST",
	    text_or("CONFLUENT_METRICS_HOST", METRICS_HOST_DEFAULT));
	show_credential(settings, out, "CONFLUENT_METRICS_API_KEY", false);
	show_credential(settings, out, "CONFLUENT_METRICS_API_SECRET", true);
	show_credential(settings, out, "CONFLUENT_METRICS_TOKEN", true);
	for (size_t i = 0; i < RESOURCE_TYPES; i++)
		if (settings->ids[i].count > 0)
			show_list(
			    out, resource_types[i].variable, &settings->ids[i]);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		show_if_set(out, plain[i]);
	for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++)
		show_proxy(out, proxies[i]);
	show_list(out, "CCM_QUERIES", &settings->queries);
	show(out, "CCM_RECORDS", settings->records);
	show_number(out, "CCM_BACKFILL_HOURS", settings->backfill_hours);
	show_number(out, "MINUTE_TO_SCRAPE_AT", settings->minute);
	show(out, "CCM_NOW", text_or("CCM_NOW", ""));
	show(out, "METRICS_TOPIC", settings->topic);
	show(out, "GLOBAL_LOG_LEVEL", text_or("GLOBAL_LOG_LEVEL", "INFO"));
	show(out, "STATE_DIRECTORY", settings->state);
}

/* ---- from here ---------------------------------------------------------- */

static void
write_values(struct settings *settings, char **names, struct buf *out)
{
	for (; *names != NULL; names++) {
		struct buf problem = BUF_INIT;
		char *value;

		if (!env_text(*names, &value, &problem))
			complain_of(settings, &problem);
		else if (value != NULL)
			buf_add_string(out, value);
		buf_add_char(out, '\0');
		env_secret_free(value);
	}
}

static void
write_keys(struct settings *settings, char **names, struct buf *out)
{
	for (char **name = names; *name != NULL; name++) {
		size_t i = 0;

		while (i < NKEYS && strcmp(keys[i].name, *name) != 0)
			i++;
		if (i == NKEYS)
			die(EX_USAGE, "\"%s\" is not a key; -h shows the usage",
			    *name);
		keys[i].read(settings);
	}
	for (; *names != NULL && !settings->wrong; names++)
		write_key(settings, *names, out);
}

static void
read_all(struct settings *settings)
{
	read_lists(settings);
	for (size_t i = 0; i < NKEYS; i++)
		keys[i].read(settings);
}

static void
free_settings(struct settings *settings)
{
	free(settings->state);
	env_list_free(settings->queries.items, settings->queries.count);
	env_list_free(settings->presets.items, settings->presets.count);
	for (size_t i = 0; i < RESOURCE_TYPES; i++)
		env_list_free(settings->ids[i].items, settings->ids[i].count);
}

int
main(int argc, char **argv)
{
	struct settings settings = {.wrong = false};
	struct buf out = BUF_INIT, problem = BUF_INIT;
	int option, mode = 'j';
	const char *name = "ccm-settings";

	protect_secrets();
	opterr = 0;
	while ((option = getopt(argc, argv, ":n:pvhV")) != -1) {
		switch (option) {
		case 'n':
			name = optarg;
			break;
		case 'p':
		case 'v':
			mode = option;
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-settings");
		default:
			usage_error_and_exit(option);
		}
	}
	argv += optind;
	log_start(name, &problem);
	if (mode == 'v') {
		write_values(&settings, argv, &out);
	} else if (*argv != NULL) {
		write_keys(&settings, argv, &out);
	} else {
		if (problem.len > 0)
			complain_of(&settings, &problem);
		read_all(&settings);
		if (mode == 'p' && !settings.wrong)
			write_shown(&settings, &out);
		else if (mode == 'j')
			write_json(&settings, &out);
	}
	if (out.len > 0) {
		write_or_die(
		    STDOUT_FILENO, "standard output", out.data, out.len);
		explicit_bzero(out.data, out.len);
	}
	buf_free(&out);
	buf_free(&problem);
	free_settings(&settings);
	return settings.wrong ? EX_CONFIG : EX_OK;
}

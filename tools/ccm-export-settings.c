/*
 * ccm-export-settings - the settings of the exporter, read from the environment
 * and checked; and its http targets, whose URLs and tokens only the program
 * that sends gets to see.
 *
 *	ccm-export-settings
 *	ccm-export-settings -x N PROG [ARG]...
 *
 * Writes a line for each setting and target, its parts divided by tabs:
 *
 *	max_age SECONDS | queue_bytes BYTES | interval SECONDS
 *	resources TYPE.LABEL=ID,ID...		for each type that has ids
 *	metric METRIC				CCM_EXPORT_METRICS
 *	target textfile PATH | target serve PATH | target stdout
 *	target http N DIRECTORY URL		without its secrets
 *	target kafka TOPIC
 *
 * -x runs PROG with the N-th http target's URL and token in CCM_POST_URL and
 * CCM_POST_TOKEN. Every problem is reported, and the status is 78.
 *
 * Private: it is installed beside the libraries, and run by ccm-export.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

#include "env.h"
#include "io.h"
#include "log.h"
#include "main.h"
#include "resource-types.h"

#define USAGE                                                                \
	"usage: ccm-export-settings\n"                                       \
	"       ccm-export-settings -x N PROG [ARG]...\n"                    \
	"Checks and writes the exporter's settings; or runs PROG with the\n" \
	"N-th http target's URL and token.\n"                                \
	"  -h, -V   this help, the version\n"

#define TOPIC_DEFAULT "confluent-metrics-export"
#define TOKENS_MAX 9
/* The API has a sample a minute, and allows a resource 80 requests an hour. */
#define INTERVAL_LEAST 60

struct settings {
	bool wrong;
	struct buf out;
	size_t nhttp;
	long wanted; /* -x N, or 0 */
	char *url;   /* of that target */
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

static void
complain_of(struct settings *settings, struct buf *problem)
{
	if (problem->len > 0)
		complain(settings, "%s", buf_terminate(problem));
	problem->len = 0;
}

/* ---- numbers and lists -------------------------------------------------- */

static void
read_number(struct settings *settings, const char *name, const char *key,
    long otherwise, long least, long most)
{
	struct buf problem = BUF_INIT;
	long number;

	env_number(name, otherwise, least, most, &number, &problem);
	complain_of(settings, &problem);
	buf_printf(&settings->out, "%s\t%ld\n", key, number);
	buf_free(&problem);
}

static void
read_interval(struct settings *settings)
{
	struct buf problem = BUF_INIT;
	long seconds;

	if (!env_number("CCM_EXPORT_INTERVAL", INTERVAL_LEAST, 1, 86400,
		&seconds, &problem))
		complain_of(settings, &problem);
	else if (seconds < INTERVAL_LEAST)
		complain(settings,
		    "CCM_EXPORT_INTERVAL is %ld; the API has one sample a "
		    "minute, and allows each resource 80 requests an hour: it "
		    "takes 60 or more",
		    seconds);
	buf_printf(&settings->out, "interval\t%ld\n", seconds);
	buf_free(&problem);
}

/* A list variable as lines; `together`: one line, the ids divided by commas. */
static size_t
read_list(struct settings *settings, const char *variable, const char *begin,
    bool together)
{
	struct buf problem = BUF_INIT, *out = &settings->out;
	size_t count = 0;
	char **items;

	if (!env_list(variable, &items, &count, &problem))
		complain_of(settings, &problem);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || !together)
			buf_add_string(out, begin);
		else
			buf_add_char(out, ',');
		buf_add_string(out, items[i]);
		if (i + 1 == count || !together)
			buf_add_char(out, '\n');
	}
	env_list_free(items, count);
	buf_free(&problem);
	return count;
}

static void
read_resources(struct settings *settings)
{
	size_t count = 0;

	for (size_t i = 0; i < RESOURCE_TYPES; i++) {
		struct buf begin = BUF_INIT;

		buf_printf(&begin, "resources\t%s=", resource_types[i].type);
		count += read_list(
		    settings, resource_types[i].variable, begin.data, true);
		buf_free(&begin);
	}
	if (count == 0 && !settings->wrong)
		complain(settings,
		    "no resources: set CONFLUENT_METRICS_CLUSTER_ID_LIST, "
		    "..._COMPUTE_POOL_ID_LIST, ..._CONNECTOR_ID_LIST, "
		    "..._KSQL_ID_LIST or ..._SCHEMA_REGISTRY_ID_LIST");
}

/* ---- targets ------------------------------------------------------------ */

static bool
ends_in(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static void
read_file_target(struct settings *settings, const char *type, const char *path)
{
	bool textfile = strcmp(type, "textfile") == 0;

	if (path[0] != '/')
		complain(settings,
		    "CCM_EXPORT_TO: %s:%s: an absolute path is expected", type,
		    path);
	else if (textfile && !ends_in(path, ".prom"))
		complain(settings,
		    "CCM_EXPORT_TO: %s:%s: the node exporter reads no file "
		    "whose name does not end in .prom",
		    type, path);
	else if (!textfile && ends_in(path, ".prom"))
		complain(settings,
		    "CCM_EXPORT_TO: %s:%s: a file with timestamps must not be "
		    "called .prom: the node exporter would drop it",
		    type, path);
	buf_printf(&settings->out, "target\t%s\t%s\n", type, path);
}

static bool
is_secret(const char *parameter, size_t len)
{
	static const char *const names[] = {
	    "token=", "u=", "p=", "username=", "password="};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (len >= strlen(names[i]) &&
		    strncasecmp(parameter, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* The URL without user, password, and the parameters that are secret. */
static void
write_masked(struct buf *out, const char *url)
{
	const char *host = strstr(url, "://") + 3, *at;
	size_t authority = strcspn(host, "/?#");
	char between = '?';

	buf_add(out, url, (size_t)(host - url));
	at = memrchr(host, '@', authority);
	if (at != NULL) {
		authority -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	buf_add(out, host, authority + strcspn(host + authority, "?#"));
	at = strchr(host, '?');
	while (at != NULL && *at != '\0' && *at != '#') {
		size_t len = strcspn(++at, "&#");

		if (!is_secret(at, len)) {
			buf_add_char(out, between);
			buf_add(out, at, len);
			between = '&';
		}
		at += len;
	}
	buf_terminate(out);
}

/* Its directory is called like it, in letters that a file's name may have. */
static void
read_http_target(struct settings *settings, const char *url)
{
	struct buf masked = BUF_INIT, directory = BUF_INIT;

	write_masked(&masked, url);
	buf_add_string(&directory, masked.data);
	for (size_t i = 0; i < directory.len; i++)
		if (!isalnum((unsigned char)directory.data[i]) &&
		    directory.data[i] != '.' && directory.data[i] != '-')
			directory.data[i] = '_';
	if (directory.len > 200)
		complain(settings,
		    "CCM_EXPORT_TO: %s: the URL is over 200 bytes",
		    masked.data);
	if (++settings->nhttp == (size_t)settings->wanted)
		settings->url = xstrdup(url);
	buf_printf(&settings->out, "target\thttp\t%zu\t%s\t%s\n",
	    settings->nhttp, buf_terminate(&directory), masked.data);
	buf_free(&masked);
	buf_free(&directory);
}

/* Minute and hourly values of one name would be summed by a consumer. */
static void
read_kafka_target(struct settings *settings)
{
	const char *hourly = getenv("METRICS_TOPIC");
	const char *topic = getenv("METRICS_EXPORT_TOPIC");
	size_t len;

	if (hourly == NULL || hourly[0] == '\0')
		hourly = "confluent-metrics";
	if (topic == NULL || topic[0] == '\0')
		topic = TOPIC_DEFAULT;
	len = strlen(topic);
	if (strcmp(topic, hourly) == 0)
		complain(settings,
		    "METRICS_EXPORT_TOPIC is METRICS_TOPIC, \"%s\": consumers "
		    "would add values of minutes to those of hours; name "
		    "another",
		    topic);
	else if (len > 249 || strcmp(topic, ".") == 0 ||
	    strcmp(topic, "..") == 0 ||
	    strspn(topic,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789._-") != len)
		complain(settings,
		    "METRICS_EXPORT_TOPIC is \"%s\"; a topic is 1 to 249 of "
		    "A-Z a-z 0-9 . _ -",
		    topic);
	buf_printf(&settings->out, "target\tkafka\t%s\n", topic);
}

static void
read_target(struct settings *settings, const char *target)
{
	/* http:URL, and the URL alone. */
	if (strncmp(target, "http:http", 9) == 0)
		target += 5;
	if (strncmp(target, "textfile:", 9) == 0)
		read_file_target(settings, "textfile", target + 9);
	else if (strncmp(target, "serve:", 6) == 0)
		read_file_target(settings, "serve", target + 6);
	else if (strcmp(target, "stdout") == 0)
		buf_add_string(&settings->out, "target\tstdout\n");
	else if (strncmp(target, "http://", 7) == 0 ||
	    strncmp(target, "https://", 8) == 0)
		read_http_target(settings, target);
	else if (strcmp(target, "kafka") == 0)
		read_kafka_target(settings);
	else
		complain(settings,
		    "CCM_EXPORT_TO: \"%.*s\" is no target; those are "
		    "textfile:PATH, serve:PATH, stdout, http://..., https://... "
		    "and kafka",
		    (int)strcspn(target, ":"), target);
}

/* Divided by blanks and newlines. */
static void
read_targets(struct settings *settings)
{
	struct buf problem = BUF_INIT;
	char *text, *rest, *target;
	size_t count = 0;

	if (!env_text("CCM_EXPORT_TO", &text, &problem))
		complain_of(settings, &problem);
	rest = text;
	while ((target = strsep(&rest, " \t\n")) != NULL) {
		if (target[0] == '\0')
			continue;
		read_target(settings, target);
		count++;
	}
	if (count == 0 && !settings->wrong)
		complain(settings,
		    "CCM_EXPORT_TO is not set; it takes targets such as "
		    "textfile:/var/lib/prometheus/node-exporter/ccm.prom");
	env_secret_free(text);
	buf_free(&problem);
}

/* ---- the token ---------------------------------------------------------- */

static void
check_tokens(struct settings *settings)
{
	char name[] = "CCM_EXPORT_TOKEN_0", *token;
	struct buf problem = BUF_INIT;

	for (size_t i = 1; i <= TOKENS_MAX; i++) {
		name[sizeof(name) - 2] = (char)('0' + i);
		if (!env_text(name, &token, &problem) ||
		    (token != NULL &&
			!env_value_is_clean(name, token, &problem)))
			complain_of(settings, &problem);
		else if (token != NULL && i > settings->nhttp)
			complain(settings,
			    "%s is set, and CCM_EXPORT_TO has %zu http "
			    "target%s",
			    name, settings->nhttp,
			    settings->nhttp == 1 ? "" : "s");
		env_secret_free(token);
	}
	buf_free(&problem);
}

static void
run_or_die(const struct settings *settings, char **argv)
{
	char name[] = "CCM_EXPORT_TOKEN_0", file[] = "CCM_EXPORT_TOKEN_0_FILE";
	char *token = NULL;

	if (settings->url == NULL)
		die(EX_USAGE, "there is no http target %ld", settings->wanted);
	if (settings->wanted <= TOKENS_MAX) {
		name[sizeof(name) - 2] = (char)('0' + settings->wanted);
		token = env_secret(name);
	}
	for (size_t i = 1; i <= TOKENS_MAX; i++) {
		name[sizeof(name) - 2] = (char)('0' + i);
		memcpy(file, name, sizeof(name) - 1);
		unsetenv(name);
		unsetenv(file);
	}
	unsetenv("CCM_EXPORT_TO");
	unsetenv("CCM_EXPORT_TO_FILE");
	setenv("CCM_POST_URL", settings->url, 1);
	if (token != NULL)
		setenv("CCM_POST_TOKEN", token, 1);
	execvp(argv[0], argv);
	die(EX_OSERR, "cannot run %s: %s", argv[0], strerror(errno));
}

int
main(int argc, char **argv)
{
	static struct settings settings;
	int option;

	protect_secrets();
	opterr = 0;
	while ((option = getopt(argc, argv, "+:x:hV")) != -1) {
		switch (option) {
		case 'x':
			settings.wanted = strtol(optarg, NULL, 10);
			if (settings.wanted < 1)
				die(EX_USAGE, "-x takes a number");
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-export-settings");
		default:
			usage_error_and_exit(option);
		}
	}
	log_init("ccm-export");
	if ((settings.wanted == 0) != (optind == argc))
		die(EX_USAGE, "-x N and PROG go together; -h shows the usage");
	read_targets(&settings);
	if (settings.wanted > 0 && !settings.wrong)
		run_or_die(&settings, argv + optind);
	check_tokens(&settings);
	read_resources(&settings);
	read_list(&settings, "CCM_EXPORT_METRICS", "metric\t", false);
	read_interval(&settings);
	read_number(
	    &settings, "CCM_EXPORT_MAX_AGE", "max_age", 900, 60, 604800);
	read_number(&settings, "CCM_EXPORT_QUEUE_BYTES", "queue_bytes",
	    256L << 20, 1000, 1L << 50);
	write_or_die(STDOUT_FILENO, "standard output", settings.out.data,
	    settings.out.len);
	return settings.wrong ? EX_CONFIG : EX_OK;
}

#include "settings.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "buf.h"
#include "env.h"
#include "log.h"

#define DEFAULT_LISTEN "127.0.0.1:5000"

bool
list_has(const struct list *list, const char *item)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], item) == 0)
			return true;
	return false;
}

static bool
read_list(const char *name, struct list *list)
{
	struct buf problem = BUF_INIT;
	char *text;
	bool good;

	if (env_text(name, &text, &problem) && text != NULL) {
		/* Newlines divide, too, so only the items have to be clean. */
		env_split(text, &list->items, &list->count);
		for (size_t i = 0; i < list->count && problem.len == 0; i++)
			env_value_is_clean(name, list->items[i], &problem);
		free(text);
	}
	good = log_problem(&problem);
	buf_free(&problem);
	return good;
}

static bool
read_number(
    const char *name, long otherwise, long least, long most, long *number)
{
	struct buf problem = BUF_INIT;
	bool good;

	env_number(name, otherwise, least, most, number, &problem);
	good = log_problem(&problem);
	buf_free(&problem);
	return good;
}

/* A number of bytes, with K, M, G or T behind it or without. */
static bool
read_bytes(const char *name, uint64_t otherwise, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	const char *text = getenv(name), *unit;
	uint64_t number, factor = 1;
	char *end;

	*bytes = otherwise;
	if (text == NULL || *text == '\0')
		return true;
	errno = 0;
	number = strtoull(text, &end, 10);
	unit = *end != '\0' ? strchr(units, *end) : NULL;
	if (unit != NULL) {
		factor = (uint64_t)1 << (10 * (unit - units + 1));
		end++;
	}
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 ||
	    number > (uint64_t)INT64_MAX / factor) {
		log_error("%s is \"%s\"; it takes a number of bytes such as "
			  "512M or 10G",
		    name, text);
		return false;
	}
	*bytes = number * factor;
	return true;
}

static bool
read_flag(const char *name, bool *flag)
{
	long number;
	bool good = read_number(name, 0, 0, 1, &number);

	*flag = number == 1;
	return good;
}

static bool
read_app_label(struct settings *settings)
{
	const char *text = getenv("CCM_APP_LABEL");

	settings->app_label = APP_LABEL_AUTO;
	if (text == NULL || *text == '\0' || strcmp(text, "auto") == 0)
		return true;
	settings->app_label =
	    strcmp(text, "1") == 0 ? APP_LABEL_ALWAYS : APP_LABEL_NEVER;
	if (strcmp(text, "0") == 0 || strcmp(text, "1") == 0)
		return true;
	log_error("CCM_APP_LABEL is \"%s\"; it takes auto, 0 or 1", text);
	return false;
}

static bool
read_http(struct settings *settings)
{
	long number;
	bool good = read_number("CCM_ACCEPT_STATUS", 202, 200, 202, &number);

	settings->accept_status = (int)number;
	good &= read_number("CCM_MAX_CONNECTIONS", 4096, 1, 1000000, &number);
	settings->connections_max = (unsigned)number;
	good &= read_number(
	    "CCM_MAX_CONNECTIONS_PER_ADDRESS", 64, 0, 1000000, &number);
	settings->per_address_max = (unsigned)number;
	settings->per_address_is_local =
	    getenv("CCM_MAX_CONNECTIONS_PER_ADDRESS") != NULL;
	good &= read_number("CCM_HEAD_SECONDS", 10, 1, 3600, &number);
	settings->head_ms = number * 1000;
	good &= read_number("CCM_BODY_SECONDS", 30, 1, 3600, &number);
	settings->body_ms = number * 1000;
	good &= read_number("CCM_IDLE_SECONDS", 75, 1, 86400, &number);
	settings->idle_ms = number * 1000;
	return good;
}

static bool
read_series(struct settings *settings)
{
	long number;
	bool good = read_number("CCM_SERIES_TTL", 3600, 0, INT_MAX, &number);

	settings->series_ttl_ms = (int64_t)number * 1000;
	good &= read_number("CCM_MAX_SERIES", 100000, 0, 100000000, &number);
	settings->series_max = (size_t)number;
	good &= read_number("CCM_HEALTH_KAFKA_SECONDS", 0, 0, INT_MAX, &number);
	settings->health_kafka_ms = (int64_t)number * 1000;
	good &= read_flag("CCM_PROFILE_LABEL", &settings->profile_label);
	return read_app_label(settings) && good;
}

static bool
read_lists(struct settings *settings)
{
	bool good = read_list("CCM_LISTEN", &settings->listen);

	good &= read_list("CCM_APP_IDS", &settings->app_ids);
	good &= read_list("CCM_CORS_ORIGINS", &settings->cors_origins);
	good &= read_list("CCM_HOSTS", &settings->hosts);
	if (settings->listen.count == 0)
		env_split(DEFAULT_LISTEN, &settings->listen.items,
		    &settings->listen.count);
	return good;
}

void
settings_read_or_die(struct settings *settings)
{
	const char *tokens = getenv("CCM_TOKENS_FILE");
	bool good;

	*settings = (struct settings){.is_open = false};
	settings->tokens_file =
	    tokens != NULL && *tokens != '\0' ? tokens : NULL;
	good = read_flag("CCM_OPEN", &settings->is_open);
	good &= read_lists(settings);
	good &= read_http(settings);
	good &= read_series(settings);
	good &= read_bytes(
	    "CCM_SPOOL_MAX", (uint64_t)10 << 30, &settings->spool_max);
	good &= read_bytes("CCM_SPOOL_FREE_MIN", (uint64_t)256 << 20,
	    &settings->spool_free_min);
	if (!good)
		exit(EX_CONFIG);
}

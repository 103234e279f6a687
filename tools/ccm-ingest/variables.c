#include "variables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "env-file.h"
#include "log.h"

#define ENV_FILE "CCM_ENV_FILE"
#define DOT_ENV ".env"

/* A name; with "*" behind it, all that begin so. */
static const char *const everybodys[] = {"PATH", "HOME", "USER", "LOGNAME",
    "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "GLOBAL_LOG_LEVEL",
    "JOURNAL_STREAM", "INVOCATION_ID", "STATE_DIRECTORY", "XDG_STATE_HOME",
    "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", NULL};
static const char *const kafkas[] = {"KAFKA_*", "SCHEMA_REGISTRY_*",
    "CREDENTIALS_DIRECTORY", "KRB5*", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
    "no_proxy", "NO_PROXY", "METRICS_INGEST_TOPIC", NULL};
static const char *const shippers[] = {"CCM_KAFKA_*", "CCM_SHIP_*", NULL};
static const char *const daemons[] = {"CCM_*", NULL};
static const char *const not_daemons[] = {
    "CCM_KAFKA_*", "CCM_SHIP_*", ENV_FILE, NULL};

/* ---- the file ----------------------------------------------------------- */

/* The assignments: of several to one name the last counts, but none that was
 * set before. */
struct assignments {
	char **names, **values;
	size_t count;
};

static void
take(void *context, const char *name, const char *value, unsigned line)
{
	struct assignments *all = context;

	(void)line;
	all->names = grow_by_one(all->names, all->count, sizeof(*all->names));
	all->values =
	    grow_by_one(all->values, all->count, sizeof(*all->values));
	all->names[all->count] = xstrdup(name);
	all->values[all->count++] = xstrdup(value);
}

/* Sets them from the last to the first: the last one wins. */
static void
set_all_or_die(struct assignments *all)
{
	while (all->count-- > 0) {
		char *value = all->values[all->count];

		if (setenv(all->names[all->count], value, 0) != 0)
			die(EX_OSERR, "cannot set %s: %s",
			    all->names[all->count], strerror(errno));
		explicit_bzero(value, strlen(value));
		free(value);
		free(all->names[all->count]);
	}
	free(all->names);
	free(all->values);
}

void
variables_read_file_or_die(void)
{
	struct assignments all = {.count = 0};
	const char *path = getenv(ENV_FILE), *problem;

	if (path == NULL || *path == '\0') {
		if (access(DOT_ENV, F_OK) != 0)
			return;
		path = DOT_ENV;
	}
	problem = env_file_read(path, take, &all);
	if (problem != NULL)
		die(EX_CONFIG, "%s: %s", path, problem);
	log_info("settings of %s are used where none is set", path);
	set_all_or_die(&all);
}

bool
variables_say_development(void)
{
	const char *flask = getenv("FLASK_ENV"), *ccm = getenv("CCM_ENV");

	return (flask != NULL && strcmp(flask, "development") == 0) ||
	    (ccm != NULL && strcmp(ccm, "development") == 0);
}

/* ---- who gets what ------------------------------------------------------ */

/* True where a variable, "NAME=VALUE", is in a list. */
static bool
is_in(const char *variable, const char *const *names)
{
	size_t len = strcspn(variable, "=");

	for (; *names != NULL; names++) {
		size_t wanted = strlen(*names);

		if ((*names)[wanted - 1] == '*'
			? strncmp(variable, *names, wanted - 1) == 0
			: len == wanted && strncmp(variable, *names, len) == 0)
			return true;
	}
	return false;
}

static bool
is_for(const char *variable, enum variables_for program)
{
	if (is_in(variable, everybodys))
		return true;
	if (program == FOR_DAEMON)
		return is_in(variable, daemons) &&
		    !is_in(variable, not_daemons);
	return is_in(variable, kafkas) ||
	    (program == FOR_SHIPPER && is_in(variable, shippers));
}

char **
variables_of(enum variables_for program)
{
	size_t count = 0, kept = 0;
	char **all;

	while (environ[count] != NULL)
		count++;
	all = xreallocarray(NULL, count + 1, sizeof(*all));
	for (size_t i = 0; i < count; i++)
		if (is_for(environ[i], program))
			all[kept++] = environ[i];
	all[kept] = NULL;
	return all;
}

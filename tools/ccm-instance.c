/*
 * ccm-instance - run a program with the environment that systemd gives to the
 * units of an instance: its environment file, its credentials, its user.
 *
 * For ccm-check, which tests what a unit will do before it does it.
 *
 * - The variables of ccm that we have ourselves do not count: they are not the
 *   unit's.
 * - The file is read as systemd reads it (lib/env-file.h). What would change
 *   how a program is found or loaded (PATH, LD_PRELOAD, ...) is left out: we
 * may be root, and the file's author need not be.
 * - Credentials are found where LoadCredential= and LoadCredentialEncrypted= of
 *   the units find them. A secret becomes a file in memory that NAME_FILE
 * names: it is in no environment, on no disk, and goes with the program.
 * - With -r, root becomes the user of that unit, and the secrets of the other
 *   unit are left out.
 *
 * Private: it is installed beside the libraries, and run by ccm's own scripts.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "env-file.h"
#include "env.h"
#include "instance.h"
#include "log.h"
#include "main.h"

#define USAGE                                                                                  \
	"usage: ccm-instance [-d DIR] [-e DIR] [-r scrape|ship] INSTANCE [PROG [ARG]...]\n"    \
	"Runs PROG with the environment of the instance's units; without PROG only\n"          \
	"checks that it could.\n"                                                              \
	"  -d DIR   instances keep their state below it (/var/lib/ccm)\n"                      \
	"  -e DIR   instances have their environment files in it (/etc/ccm)\n"                 \
	"  -r ROLE  with the secrets, and for root as the user, of ccm-scrape@ or ccm-ship@\n" \
	"  -h       this help\n"                                                               \
	"  -V       the version\n"

struct instance {
	const char *name;
	const char *state_base;
	const char *config_base;
	const struct role *role;     /* NULL: both, and as who we are */
	const struct passwd *passwd; /* whom we become, or NULL */
	gid_t gid;
	int status; /* of the first problem that was reported */
};

/* What a unit does not get of the other's (UnsetEnvironment= there). */
static const struct role {
	const char *name, *user, *without;
} roles[] = {
    {"scrape", "ccm-scrape", "KAFKA_*"},
    {"ship", "ccm-ship", "CONFLUENT_METRICS_*"},
};

static void problem(struct instance *instance, int status, const char *format,
    ...) __attribute__((format(printf, 3, 4)));

static void
problem(struct instance *instance, int status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_error_v(format, ap);
	va_end(ap);
	if (instance->status == EX_OK)
		instance->status = status;
}

static bool
matches(const char *name, const char *const *patterns)
{
	for (; *patterns != NULL; patterns++)
		if (fnmatch(*patterns, name, 0) == 0)
			return true;
	return false;
}

static bool
is_for_role(const struct instance *instance, const char *name)
{
	return instance->role == NULL ||
	    fnmatch(instance->role->without, name, 0) != 0;
}

static void
set(const char *name, const char *value)
{
	if (setenv(name, value, 1) != 0)
		die(EX_OSERR, "%s", strerror(errno));
}

/* ---- the environment file ----------------------------------------------- */

static void
unset_own(void)
{
	static const char *const ours[] = {"CONFLUENT_*", "KAFKA_*", "CCM_*",
	    "METRICS_TOPIC", "MINUTE_TO_SCRAPE_AT", "GLOBAL_LOG_LEVEL",
	    "CREDENTIALS_DIRECTORY", NULL};
	char **variable = environ;

	while (variable != NULL && *variable != NULL) {
		char *name = xstrndup(*variable, strcspn(*variable, "="));

		if (matches(name, ours))
			unsetenv(name); /* the next one takes its place */
		else
			variable++;
		free(name);
	}
}

/* An env_file_taker. */
static void
take(void *context, const char *name, const char *value, unsigned line)
{
	static const char *const refused[] = {
	    "PATH", "LD_*", "BASH_*", "ENV", "IFS", "GCONV_PATH", NULL};

	(void)line;
	if (!matches(name, refused) && is_for_role(context, name))
		set(name, value);
}

static void
read_environment_file(struct instance *instance)
{
	struct buf path = BUF_INIT, state = BUF_INIT;
	const char *wrong = NULL;
	struct stat st;

	buf_printf(&path, "%s/%s.env", instance->config_base, instance->name);
	buf_printf(&state, "%s/%s", instance->state_base, instance->name);
	unset_own();
	set("CCM_INSTANCE", instance->name);
	if (stat(buf_terminate(&path), &st) != 0 && errno == ENOENT)
		problem(instance, EX_CONFIG,
		    "there is no %s; make it, root's and with mode 0600",
		    path.data);
	else if (access(path.data, R_OK) != 0)
		problem(instance, EX_NOPERM,
		    "cannot read %s: %s; run this as root", path.data,
		    strerror(errno));
	else if ((wrong = env_file_read(path.data, take, instance)) != NULL)
		problem(instance, EX_CONFIG, "%s: %s", path.data, wrong);
	set("STATE_DIRECTORY", buf_terminate(&state));
	buf_free(&path);
	buf_free(&state);
}

/* ---- credentials -------------------------------------------------------- */

/* What systemd-creds writes goes to the file alone; what it logs is shown. */
static void
decrypt(
    struct instance *instance, const char *variable, const char *path, int fd)
{
	struct buf name = BUF_INIT;
	int status = 0;
	pid_t pid;

	buf_printf(&name, "--name=%s.cred", variable);
	buf_terminate(&name);
	pid = fork();
	if (pid < 0)
		die(EX_OSERR, "cannot fork: %s", strerror(errno));
	if (pid == 0) {
		dup2(fd, STDOUT_FILENO);
		execlp("systemd-creds", "systemd-creds", "decrypt", name.data,
		    path, "-", (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0)
		problem(instance, EX_CONFIG,
		    "systemd-creds cannot decrypt %s; make it with systemd-creds encrypt %s",
		    path, name.data);
	buf_free(&name);
}

static void
copy(struct instance *instance, const char *path, int fd)
{
	char bytes[4096];
	ssize_t got = -1;
	int from = open(path, O_RDONLY | O_CLOEXEC);

	if (from >= 0)
		while ((got = read(from, bytes, sizeof(bytes))) > 0)
			if (write(fd, bytes, (size_t)got) != got)
				die(EX_OSERR, "cannot keep %s in memory: %s",
				    path, strerror(errno));
	if (got < 0)
		problem(instance, EX_NOPERM, "cannot read %s: %s", path,
		    strerror(errno));
	if (from >= 0)
		close(from);
	explicit_bzero(bytes, sizeof(bytes));
}

static bool
is_given(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0';
}

/* The credential in `path` becomes the secret VARIABLE. */
static void
load(struct instance *instance, const char *variable, const char *path,
    bool encrypted)
{
	struct buf file = BUF_INIT, at = BUF_INIT;
	int fd;

	buf_printf(&file, "%s_FILE", variable);
	if (is_given(variable) || is_given(buf_terminate(&file))) {
		buf_free(&file);
		return;
	}
	/* No MFD_CLOEXEC: it is for PROG. */
	fd = memfd_create("credential", 0);
	if (fd < 0 || fchmod(fd, 0400) != 0 ||
	    (instance->passwd != NULL &&
		fchown(fd, instance->passwd->pw_uid, instance->gid) != 0))
		die(EX_OSERR, "cannot make a file in memory: %s",
		    strerror(errno));
	if (encrypted)
		decrypt(instance, variable, path, fd);
	else
		copy(instance, path, fd);
	buf_printf(&at, "/proc/self/fd/%d", fd);
	set(file.data, buf_terminate(&at));
	buf_free(&file);
	buf_free(&at);
}

/*
 * The variable of a credential of this instance, "ccm.INSTANCE.VARIABLE" or,
 * where it is encrypted, "ccm.INSTANCE.VARIABLE.cred": the caller's to free;
 * NULL for any other file. An instance's name may have dots, no variable has.
 */
static char *
variable_of(const struct instance *instance, const char *file, bool encrypted)
{
	struct buf prefix = BUF_INIT;
	size_t len, tail = encrypted ? strlen(".cred") : 0;
	char *variable = NULL;

	buf_printf(&prefix, "ccm.%s.", instance->name);
	buf_terminate(&prefix);
	if (strncmp(file, prefix.data, prefix.len) == 0) {
		file += prefix.len;
		len = strspn(file, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
		if (len > 0 && len + tail == strlen(file) &&
		    strcmp(file + len, encrypted ? ".cred" : "") == 0)
			variable = xstrndup(file, len);
	}
	buf_free(&prefix);
	return variable;
}

static void
search(struct instance *instance, const char *store, bool encrypted)
{
	static const char *const secrets[] = {
	    "CONFLUENT_METRICS_*", "KAFKA_*", NULL};
	DIR *directory = opendir(store);
	struct dirent *entry;

	if (directory == NULL)
		return; /* as the units: then there is no credential */
	while ((entry = readdir(directory)) != NULL) {
		char *variable =
		    variable_of(instance, entry->d_name, encrypted);
		struct buf path = BUF_INIT;

		buf_printf(&path, "%s/%s", store, entry->d_name);
		if (variable != NULL && matches(variable, secrets) &&
		    is_for_role(instance, variable))
			load(instance, variable, buf_terminate(&path),
			    encrypted);
		free(variable);
		buf_free(&path);
	}
	closedir(directory);
}

/* The stores of systemd.exec(5), the first one first. */
static void
load_credentials(struct instance *instance)
{
	const char *slash = strrchr(instance->config_base, '/');
	struct buf etc = BUF_INIT;
	const char *bases[] = {NULL, "/run", "/usr/lib"};

	if (slash != NULL)
		buf_add(&etc, instance->config_base,
		    (size_t)(slash - instance->config_base));
	else
		buf_add_string(&etc, ".");
	bases[0] = buf_terminate(&etc);
	for (size_t i = 0; i < 3; i++) {
		struct buf store = BUF_INIT;

		buf_printf(&store, "%s/credstore", bases[i]);
		search(instance, buf_terminate(&store), false);
		buf_add_string(&store, ".encrypted");
		search(instance, buf_terminate(&store), true);
		buf_free(&store);
	}
	buf_free(&etc);
}

/* ---- the user ----------------------------------------------------------- */

/* Where the users are not there, or we are not root, we stay who we are. */
static void
find_user(struct instance *instance)
{
	const struct group *group;

	if (instance->role == NULL || geteuid() != 0)
		return;
	instance->passwd = getpwnam(instance->role->user);
	if (instance->passwd == NULL)
		return;
	group = getgrnam("ccm");
	instance->gid =
	    group != NULL ? group->gr_gid : instance->passwd->pw_gid;
}

static void
become_user(const struct instance *instance)
{
	if (instance->passwd == NULL)
		return;
	if (setgroups(0, NULL) != 0 || setgid(instance->gid) != 0 ||
	    setuid(instance->passwd->pw_uid) != 0)
		die(EX_OSERR, "cannot become %s: %s", instance->role->user,
		    strerror(errno));
}

/* ---- from here ---------------------------------------------------------- */

static const struct role *
role_called(const char *name)
{
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (strcmp(roles[i].name, name) == 0)
			return &roles[i];
	die(EX_USAGE, "-r is \"%s\"; it takes scrape or ship", name);
}

static void
read_options(struct instance *instance, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "+:d:e:r:hV")) != -1) {
		switch (option) {
		case 'd':
			instance->state_base = optarg;
			break;
		case 'e':
			instance->config_base = optarg;
			break;
		case 'r':
			instance->role = role_called(optarg);
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-instance");
		default:
			usage_error_and_exit(option);
		}
	}
}

int
main(int argc, char **argv)
{
	struct instance instance = {.state_base = "/var/lib/ccm",
	    .config_base = "/etc/ccm",
	    .status = EX_OK};

	protect_secrets();
	opterr = 0;
	read_options(&instance, argc, argv);
	log_init("ccm-instance");
	argv += optind;
	arguments_or_die(argc - optind, argv, "INSTANCE", true);
	instance.name = *argv++;
	if (!is_instance_name(instance.name))
		die(EX_USAGE,
		    "\"%s\" is not a name for an instance; that is " INSTANCE_NAME_RULE,
		    instance.name);
	find_user(&instance);
	read_environment_file(&instance);
	if (instance.status == EX_OK)
		load_credentials(&instance);
	if (instance.status != EX_OK || *argv == NULL)
		return instance.status;
	become_user(&instance);
	execvp(argv[0], argv);
	die(EX_OSERR, "cannot run %s: %s", argv[0], strerror(errno));
}

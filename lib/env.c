#include "env.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "io.h"
#include "json.h"
#include "log.h"

/* Longer than any key, token or list of ids; /dev/zero is longer. */
#define FILE_SIZE_MAX ((size_t)1 << 20)

/* The API's ids are shorter. */
#define ID_LENGTH_MAX 255

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

void
protect_secrets(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static const char *
not_empty(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

static void
wipe(struct buf *text)
{
	if (text->data != NULL)
		explicit_bzero(text->data, text->capacity);
	buf_free(text);
}

/* ---- files -------------------------------------------------------------- */

/* `variable` is what names the file. NULL and a problem where it is no good. */
static char *
read_value(const char *variable, const char *path, struct buf *problem)
{
	struct buf text = BUF_INIT;
	char *value = NULL;
	bool whole = read_file(path, FILE_SIZE_MAX, &text);

	if (!whole && errno == EFBIG) {
		buf_printf(problem, "%s: %s is over %zu bytes", variable, path,
		    FILE_SIZE_MAX);
	} else if (!whole) {
		buf_printf(problem, "%s: cannot read %s: %s", variable, path,
		    strerror(errno));
	} else {
		if (text.len > 0 && text.data[text.len - 1] == '\n')
			text.len--;
		buf_terminate(&text);
		if (text.len == 0)
			buf_printf(problem, "%s: %s is empty", variable, path);
		else if (strlen(text.data) != text.len)
			buf_printf(problem, "%s: %s has a NUL byte in it",
			    variable, path);
		else
			value = xstrdup(text.data);
	}
	wipe(&text);
	return value;
}

/* The path of systemd's credential of that name; nothing where there is none.
 * False and a problem where there are two. */
static bool
find_credential(const char *name, struct buf *path, struct buf *problem)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	struct buf encrypted = BUF_INIT;
	bool plain, cred;

	if (directory == NULL || directory[0] != '/')
		return true;
	buf_printf(path, "%s/%s", directory, name);
	buf_printf(&encrypted, "%s.cred", buf_terminate(path));
	plain = access(path->data, F_OK) == 0;
	cred = access(buf_terminate(&encrypted), F_OK) == 0;
	if (plain && cred)
		buf_printf(problem,
		    "%s: there are two credentials, %s and %s.cred; remove one",
		    name, name, name);
	if (cred)
		buf_add_string(path, ".cred");
	if (!plain && !cred)
		path->len = 0;
	buf_terminate(path);
	buf_free(&encrypted);
	return !plain || !cred;
}

bool
env_text(const char *name, char **value, struct buf *problem)
{
	const char *given = not_empty(name), *path;
	struct buf variable = BUF_INIT, credential = BUF_INIT;
	bool good = true;

	*value = NULL;
	buf_printf(&variable, "%s_FILE", name);
	path = not_empty(buf_terminate(&variable));
	if (given != NULL && path != NULL) {
		buf_printf(problem, "%s and %s are both given; remove one",
		    name, variable.data);
		good = false;
	} else if (given != NULL) {
		*value = xstrdup(given);
	} else if (path != NULL) {
		*value = read_value(variable.data, path, problem);
		good = *value != NULL;
	} else {
		good = find_credential(name, &credential, problem);
		if (good && credential.len > 0) {
			*value = read_value(name, credential.data, problem);
			good = *value != NULL;
		}
	}
	buf_free(&variable);
	buf_free(&credential);
	return good;
}

/* ---- values ------------------------------------------------------------- */

/* "${NAME", as it stands in a template that nothing has expanded. */
static bool
has_template(const char *value)
{
	const char *at = value;

	while ((at = strstr(at, "${")) != NULL) {
		at += 2;
		if ((isalpha((unsigned char)*at) || *at == '_') &&
		    strchr(at, '}') != NULL)
			return true;
	}
	return false;
}

static bool
is_quoted(const char *value)
{
	size_t len = strlen(value);

	return len > 1 && (value[0] == '"' || value[0] == '\'') &&
	    value[len - 1] == value[0];
}

static bool
is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* The first control character, or the end. */
static const char *
find_control(const char *value)
{
	while (*value != '\0' && !is_control(*value))
		value++;
	return value;
}

static void
describe_control(const char *name, const char *at, struct buf *problem)
{
	const char *what = *at == '\n' ? "a newline" : "a carriage return";

	if (at[strspn(at, "\r\n")] == '\0')
		buf_printf(problem, "%s has %s at its end", name, what);
	else if (*at == '\n' || *at == '\r')
		buf_printf(problem, "%s has a control character in it: %s",
		    name, what);
	else
		buf_printf(problem, "%s has a control character in it: 0x%02x",
		    name, (unsigned)(unsigned char)*at);
}

static bool
is_utf8(const char *value)
{
	size_t len;

	for (; *value != '\0'; value += len) {
		len = utf8_length(value);
		if (len == 0)
			return false;
	}
	return true;
}

bool
env_value_is_printable(const char *name, const char *value, struct buf *problem)
{
	const char *control = find_control(value);

	if (*control != '\0')
		describe_control(name, control, problem);
	else if (!is_utf8(value))
		buf_printf(problem, "%s is not valid UTF-8", name);
	else
		return true;
	return false;
}

bool
env_value_is_unquoted(const char *name, const char *value, struct buf *problem)
{
	if (strncmp(value, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
		buf_printf(problem,
		    "%s begins with a byte order mark; save the file without it",
		    name);
	else if (is_quoted(value))
		buf_printf(problem,
		    "%s has quotes around its value; remove the quotes", name);
	else
		return env_value_is_printable(name, value, problem);
	return false;
}

bool
env_value_is_clean(const char *name, const char *value, struct buf *problem)
{
	if (!has_template(value))
		return env_value_is_unquoted(name, value, problem);
	buf_printf(problem,
	    "%s has \"${...}\" in it, a variable that nothing has replaced by its value",
	    name);
	return false;
}

/* ---- lists -------------------------------------------------------------- */

static bool
is_id(const char *item, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)item[i]) &&
		    strchr("-_.:/=@+~", item[i]) == NULL)
			return false;
	return len <= ID_LENGTH_MAX;
}

static int
compare_items(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
keep(void *item)
{
	(void)item;
}

/* The next item in `text`, its length in *len; NULL at the end. */
static const char *
next_item(const char *text, size_t *len)
{
	text += strspn(text, ", \t\r\n\v\f");
	if (*text == '\0')
		return NULL;
	*len = strcspn(text, ",\n");
	while (isspace((unsigned char)text[*len - 1]))
		(*len)--;
	return text;
}

void
env_split(const char *text, char ***items, size_t *count)
{
	size_t len = 0, capacity = 0;
	void *seen = NULL; /* a tree: there may be 10,000 ids */

	*items = NULL;
	*count = 0;
	while ((text = next_item(text, &len)) != NULL) {
		char *item = xstrndup(text, len);

		text += len;
		if (tfind(item, &seen, compare_items) != NULL) {
			free(item);
			continue;
		}
		if (*count == capacity)
			*items = grow_array(*items, &capacity, sizeof(**items));
		(*items)[(*count)++] = item;
		if (tsearch(item, &seen, compare_items) == NULL)
			die(EX_OSERR, "out of memory");
	}
	tdestroy(seen, keep);
}

/* Appends those that are no ids, quoted. */
static void
find_bad_ids(char **ids, size_t count, struct buf *bad)
{
	for (size_t i = 0; i < count; i++)
		if (!is_id(ids[i], strlen(ids[i])))
			buf_printf(bad, "%s\"%.*s\"", bad->len > 0 ? ", " : "",
			    ID_LENGTH_MAX, ids[i]);
}

bool
env_list(const char *name, char ***ids, size_t *count, struct buf *problem)
{
	struct buf bad = BUF_INIT;
	bool good;
	char *text;

	*ids = NULL;
	*count = 0;
	if (!env_text(name, &text, problem))
		return false;
	if (text == NULL)
		return true;
	good = strncmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) != 0 &&
	    !is_quoted(text);
	if (!good) {
		env_value_is_clean(name, text, problem);
	} else {
		env_split(text, ids, count);
		find_bad_ids(*ids, *count, &bad);
		good = bad.len == 0;
		if (!good)
			buf_printf(problem,
			    "%s: not an id: %s; it takes ids such as lkc-abc12, divided by commas or newlines, without quotes",
			    name, buf_terminate(&bad));
	}
	if (!good) {
		env_list_free(*ids, *count);
		*ids = NULL;
		*count = 0;
	}
	buf_free(&bad);
	free(text);
	return good;
}

void
env_list_free(char **ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(ids[i]);
	free(ids);
}

/* ---- numbers ------------------------------------------------------------ */

bool
env_number(const char *name, long otherwise, long least, long most,
    long *number, struct buf *problem)
{
	const char *value = not_empty(name);
	bool good;

	*number = otherwise;
	if (value == NULL)
		return true;
	errno = 0;
	*number = strtol(value, NULL, 10);
	good = strspn(value, "0123456789") == strlen(value) && errno == 0 &&
	    *number >= least && *number <= most;
	if (!good) {
		*number = otherwise;
		buf_printf(problem,
		    "%s is \"%s\"; it takes a number from %ld to %ld", name,
		    value, least, most);
	}
	return good;
}

/* ---- for programs that exit at the first problem ------------------------ */

char *
env_secret(const char *name)
{
	struct buf problem = BUF_INIT;
	char *secret;

	if (!env_text(name, &secret, &problem) ||
	    (secret != NULL && !env_value_is_clean(name, secret, &problem)))
		die(EX_CONFIG, "%s", buf_terminate(&problem));
	return secret;
}

long
env_integer(const char *name, long otherwise, long least, long most)
{
	struct buf problem = BUF_INIT;
	long number;

	if (!env_number(name, otherwise, least, most, &number, &problem))
		die(EX_CONFIG, "%s", buf_terminate(&problem));
	return number;
}

void
env_secret_free(char *secret)
{
	if (secret == NULL)
		return;
	explicit_bzero(secret, strlen(secret));
	free(secret);
}

#include "env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"

static const char *
not_empty(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

static char *
read_file(const char *name, const char *path)
{
	struct buf text = BUF_INIT;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = -1;

	if (fd >= 0) {
		while ((got = read(fd, buf_reserve(&text, 4096), 4096)) > 0)
			text.len += (size_t)got;
	}
	if (got < 0)
		die(EX_CONFIG, "%s: cannot read %s: %s", name, path,
		    strerror(errno));
	close(fd);
	if (text.len > 0 && text.data[text.len - 1] == '\n')
		text.len--;
	buf_terminate(&text);
	if (strlen(text.data) != text.len)
		die(EX_CONFIG, "%s: %s has a NUL byte in it", name, path);
	return text.data;
}

/* The path of systemd's credential of that name, or "": there is none. */
static void
find_credential(const char *name, struct buf *path)
{
	const char *directory = not_empty("CREDENTIALS_DIRECTORY");
	struct buf encrypted = BUF_INIT;
	bool plain, cred;

	if (directory != NULL) {
		buf_printf(path, "%s/%s", directory, name);
		buf_printf(&encrypted, "%s.cred", buf_terminate(path));
		plain = access(path->data, F_OK) == 0;
		cred = access(buf_terminate(&encrypted), F_OK) == 0;
		if (plain && cred)
			die(EX_CONFIG,
			    "%s: the credentials %s and %s.cred are both "
			    "there; one has to go",
			    name, name, name);
		path->len = 0;
		if (plain || cred)
			buf_printf(path, "%s/%s%s", directory, name,
			    cred ? ".cred" : "");
	}
	buf_terminate(path);
	buf_free(&encrypted);
}

char *
env_secret(const char *name)
{
	const char *value = not_empty(name), *path;
	struct buf file_name = BUF_INIT, credential = BUF_INIT;
	char *secret = NULL;

	buf_printf(&file_name, "%s_FILE", name);
	buf_terminate(&file_name);
	path = not_empty(file_name.data);
	if (value != NULL && path != NULL)
		die(EX_CONFIG, "%s and %s are both given; one is enough", name,
		    file_name.data);
	if (value == NULL && path == NULL) {
		find_credential(name, &credential);
		if (credential.len > 0)
			path = credential.data;
	}
	if (value != NULL)
		secret = xstrdup(value);
	else if (path != NULL)
		secret = read_file(file_name.data, path);
	if (secret != NULL && secret[0] == '\0')
		die(EX_CONFIG, "%s: %s is empty", file_name.data, path);
	buf_free(&file_name);
	buf_free(&credential);
	return secret;
}

void
env_secret_free(char *secret)
{
	if (secret == NULL)
		return;
	explicit_bzero(secret, strlen(secret));
	free(secret);
}

long
env_integer(const char *name, long otherwise, long least, long most)
{
	const char *value = not_empty(name);
	bool good;
	long number;

	if (value == NULL)
		return otherwise;
	good = strspn(value, "0123456789") == strlen(value);
	errno = 0;
	number = strtol(value, NULL, 10);
	if (!good || errno != 0 || number < least || number > most)
		die(EX_CONFIG,
		    "%s is \"%s\"; it takes a number from %ld to %ld", name,
		    value, least, most);
	return number;
}

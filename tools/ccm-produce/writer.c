#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"
#include "process.h"
#include "program.h"

#define KILL_AFTER_MS 1000
#define REASON "CCM_SHIP_REASON="
/* As much of it as ccm-ship takes. */
#define REASON_BYTES_MAX 1000

/* ---- which program ------------------------------------------------------ */

void
writer_use_key(struct writer *writer, int rejects_fd)
{
	struct buf rejects = BUF_INIT;
	size_t n = 0;

	*writer = (struct writer){.pid_fd = -1,
	    .reason_fd = -1,
	    .rejects_fd = rejects_fd,
	    .key_delimiter = "\t",
	    .end_delimiter = "\n"};
	writer->argv = xreallocarray(NULL, 5, sizeof(*writer->argv));
	writer->argv[n++] = program_relative_or_die("ccm-key");
	writer->argv[n++] = xstrdup("-F");
	if (rejects_fd >= 0) {
		buf_printf(&rejects, "-r/dev/fd/%d", rejects_fd);
		writer->argv[n++] = buf_terminate(&rejects);
	}
	writer->argv[n] = NULL;
	unsetenv("CCM_DELIMS");
}

/* Letters and digits, which kcat takes as they are. That a value holds one of
 * these by chance does not happen: there are 62 to the power of 16. */
static void
make_delimiter(char delimiter[DELIMITER_BYTES + 1])
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	const size_t count = sizeof(letters) - 1;
	unsigned char byte;

	for (size_t i = 0; i < DELIMITER_BYTES;) {
		if (getrandom(&byte, 1, 0) != 1)
			die(EX_OSERR, "cannot get random bytes: %s",
			    strerror(errno));
		/* Each letter is as likely as the others. */
		if (byte < 256 / count * count)
			delimiter[i++] = letters[byte % count];
	}
	delimiter[DELIMITER_BYTES] = '\0';
}

void
writer_use_prog(struct writer *writer, char **argv)
{
	char delimiters[2 * DELIMITER_BYTES + 1];
	size_t count = 0;

	*writer =
	    (struct writer){.pid_fd = -1, .reason_fd = -1, .rejects_fd = -1};
	while (argv[count] != NULL)
		count++;
	writer->argv = xreallocarray(NULL, count + 1, sizeof(*writer->argv));
	writer->argv[0] = program_find_or_die(argv[0]);
	for (size_t i = 1; i < count; i++)
		writer->argv[i] = xstrdup(argv[i]);
	writer->argv[count] = NULL;
	make_delimiter(writer->key_delimiter);
	make_delimiter(writer->end_delimiter);
	snprintf(delimiters, sizeof(delimiters), "%s%s", writer->key_delimiter,
	    writer->end_delimiter);
	setenv("CCM_DELIMS", delimiters, 1);
}

/* ---- running it --------------------------------------------------------- */

/* Our environment with another CCM_SHIP_REASON; the caller frees the array, and
 * its last string. */
static char **
environment(int reason_fd)
{
	struct buf variable = BUF_INIT;
	size_t count = 0, kept = 0;
	char **all;

	while (environ[count] != NULL)
		count++;
	all = xreallocarray(NULL, count + 2, sizeof(*all));
	for (size_t i = 0; i < count; i++)
		if (strncmp(environ[i], REASON, strlen(REASON)) != 0)
			all[kept++] = environ[i];
	buf_printf(&variable, REASON "%d", reason_fd);
	all[kept++] = buf_terminate(&variable);
	all[kept] = NULL;
	return all;
}

static int
spawn(struct writer *writer, int to, int reason_fd)
{
	char **env = environment(reason_fd), **last = env;
	const struct process_fd fds[] = {{to, STDOUT_FILENO},
	    {reason_fd, reason_fd}, {writer->rejects_fd, writer->rejects_fd}};
	const struct process process = {.argv = writer->argv,
	    .env = env,
	    .fds = fds,
	    .nfds = writer->rejects_fd >= 0 ? 3 : 2,
	    .group = PROCESS_IN_OUR_GROUP,
	    .cwd_fd = -1};
	int error = process_start(&process, &writer->pid);

	while (last[1] != NULL)
		last++;
	free(*last);
	free(env);
	return error;
}

bool
writer_start(struct writer *writer, int to, struct buf *problem)
{
	int reasons[2], error;

	if (pipe2(reasons, O_CLOEXEC) != 0) {
		buf_printf(problem, "cannot make a pipe: %s", strerror(errno));
		return false;
	}
	/* What it starts may outlive it, and keep the other end open. */
	fcntl(reasons[0], F_SETFL, O_NONBLOCK);
	error = spawn(writer, to, reasons[1]);
	close(reasons[1]);
	writer->reason_fd = reasons[0];
	if (error != 0) {
		buf_printf(problem, "cannot run %s: %s", writer->argv[0],
		    strerror(error));
		return false;
	}
	writer->pid_fd = pidfd_open(writer->pid, 0);
	if (writer->pid_fd < 0)
		die(EX_OSERR, "cannot wait for %s: %s", writer->argv[0],
		    strerror(errno));
	return true;
}

/* The last line that it has told. */
static void
read_reason(struct writer *writer)
{
	struct buf *reason = &writer->reason;
	char bytes[REASON_BYTES_MAX];
	ssize_t got = read(writer->reason_fd, bytes, sizeof(bytes));
	size_t len = got > 0 ? (size_t)got : 0;
	const char *before;

	if (len > 0 && bytes[len - 1] == '\n')
		len--;
	before = memrchr(bytes, '\n', len);
	reason->len = 0;
	if (before == NULL)
		buf_add(reason, bytes, len);
	else
		buf_add(reason, before + 1, len - (size_t)(before + 1 - bytes));
	buf_terminate(reason);
	close(writer->reason_fd);
	writer->reason_fd = -1;
}

void
writer_reap(struct writer *writer)
{
	if (writer->pid == 0)
		return;
	while (
	    waitpid(writer->pid, &writer->wait_status, 0) < 0 && errno == EINTR)
		continue;
	close(writer->pid_fd);
	read_reason(writer);
	writer->pid = 0;
	writer->pid_fd = -1;
}

void
writer_end(struct writer *writer)
{
	struct pollfd ended = {.fd = writer->pid_fd, .events = POLLIN};

	if (writer->pid == 0)
		return;
	kill(writer->pid, SIGTERM);
	if (poll(&ended, 1, KILL_AFTER_MS) <= 0)
		kill(writer->pid, SIGKILL);
	writer_reap(writer);
}

bool
writer_is_complete(const struct writer *writer)
{
	return writer->pid == 0 && WIFEXITED(writer->wait_status) &&
	    (WEXITSTATUS(writer->wait_status) == EX_OK ||
		WEXITSTATUS(writer->wait_status) == EX_DATAERR);
}

void
writer_free(struct writer *writer)
{
	writer_end(writer);
	for (size_t i = 0; writer->argv != NULL && writer->argv[i] != NULL; i++)
		free(writer->argv[i]);
	free(writer->argv);
	writer->argv = NULL;
	buf_free(&writer->reason);
}

#include "shipper.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"

bool
shipper_tell(const char *reason)
{
	const char *number = getenv("CCM_SHIP_REASON");
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	struct buf line = BUF_INIT;
	bool told = false;
	char *end;
	long fd;

	if (number == NULL || *number == '\0')
		return false;
	fd = strtol(number, &end, 10);
	if (*end != '\0' || fd <= STDERR_FILENO || fd > 1 << 20)
		return false;
	buf_add_string(&line, reason);
	for (size_t i = 0; i < line.len; i++)
		if ((unsigned char)line.data[i] < ' ')
			line.data[i] = ' ';
	buf_add_char(&line, '\n');
	/* A shipper that is gone is no reason to die of SIGPIPE. */
	sigaction(SIGPIPE, &ignore, &before);
	told = write((int)fd, line.data, line.len) == (ssize_t)line.len;
	sigaction(SIGPIPE, &before, NULL);
	buf_free(&line);
	return told;
}

void
shipper_die(int status, const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text == NULL || !shipper_tell(text))
		log_error("%s", text == NULL ? "out of memory" : text);
	free(text);
	exit(status);
}

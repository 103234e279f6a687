#include "log.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"

static const char *program_name; /* NULL before log_init() */
static enum log_level shown = LOG_LEVEL_INFO;

/* JOURNAL_STREAM is "DEVICE:INODE", in decimal. */
static bool
stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char here[64];

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	snprintf(here, sizeof(here), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	return strcmp(stream, here) == 0;
}

bool
log_start(const char *program, struct buf *problem)
{
	static const struct {
		const char *name;
		enum log_level level;
	} names[] = {{"CRITICAL", LOG_LEVEL_ERROR}, {"FATAL", LOG_LEVEL_ERROR},
	    {"ERROR", LOG_LEVEL_ERROR}, {"WARN", LOG_LEVEL_WARN},
	    {"WARNING", LOG_LEVEL_WARN}, {"INFO", LOG_LEVEL_INFO},
	    {"DEBUG", LOG_LEVEL_DEBUG}};
	const char *level = getenv("GLOBAL_LOG_LEVEL");

	program_name = program;
	if (level == NULL || level[0] == '\0')
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(level, names[i].name) == 0) {
			shown = names[i].level;
			return true;
		}
	}
	buf_printf(problem,
	    "GLOBAL_LOG_LEVEL is \"%s\"; it takes CRITICAL, FATAL, ERROR, WARN, WARNING, INFO or DEBUG",
	    level);
	return false;
}

void
log_init(const char *program)
{
	struct buf problem = BUF_INIT;

	if (!log_start(program, &problem))
		die(EX_CONFIG, "%s", buf_terminate(&problem));
}

bool
log_shows(enum log_level level)
{
	return level <= shown;
}

static void write_line(enum log_level level, const char *tag,
    const char *format, va_list ap) __attribute__((format(printf, 3, 0)));

/* Puts the line together first: one write(2), so that lines do not mix. */
static void
write_line(
    enum log_level level, const char *tag, const char *format, va_list ap)
{
	/* sd-daemon(3): 3 is an error, 4 a warning, 6 information, 7 debug */
	static const int priority[] = {3, 4, 6, 7};
	char *message, *line;
	size_t size;
	FILE *out;
	ssize_t written;

	if (!log_shows(level))
		return;
	if (vasprintf(&message, format, ap) < 0)
		return;
	out = open_memstream(&line, &size);
	if (out == NULL) {
		free(message);
		return;
	}
	if (stderr_is_journal())
		fprintf(out, "<%d>", priority[level]);
	fprintf(out, "%s: %s",
	    program_name != NULL ? program_name : program_invocation_short_name,
	    tag);
	for (const char *s = message; *s != '\0'; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			fprintf(out, "\\x%02x", (unsigned)(unsigned char)*s);
		else
			fputc(*s, out);
	}
	fputc('\n', out);
	free(message);
	if (fclose(out) != 0)
		return;
	/* There is nowhere left to report a stderr that cannot be written. */
	written = write(STDERR_FILENO, line, size);
	(void)written;
	free(line);
}

void
log_error(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	write_line(LOG_LEVEL_ERROR, "ERROR: ", format, ap);
	va_end(ap);
}

void
log_error_v(const char *format, va_list ap)
{
	write_line(LOG_LEVEL_ERROR, "ERROR: ", format, ap);
}

bool
log_problem(struct buf *problem)
{
	bool good = problem->len == 0;

	if (!good)
		log_error("%s", buf_terminate(problem));
	problem->len = 0;
	return good;
}

void
log_warn(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	write_line(LOG_LEVEL_WARN, "WARN: ", format, ap);
	va_end(ap);
}

void
log_info(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	write_line(LOG_LEVEL_INFO, "", format, ap);
	va_end(ap);
}

void
log_debug(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	write_line(LOG_LEVEL_DEBUG, "DEBUG: ", format, ap);
	va_end(ap);
}

void
log_plain(enum log_level level, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	write_line(level, "", format, ap);
	va_end(ap);
}

void
die(int status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	write_line(LOG_LEVEL_ERROR, "ERROR: ", format, ap);
	va_end(ap);
	exit(status);
}

/*
 * Diagnostics: one line each on stderr, "PROGRAM: message".
 *
 * Levels are those of GLOBAL_LOG_LEVEL; a line below the level in force is not
 * written. Warnings, errors and debug lines carry their level's name
 * ("ccm-fetch: WARN: ..."), information does not. Where stderr is the journal
 * (JOURNAL_STREAM names its device and inode, systemd.exec(5)), a line begins
 * with sd-daemon(3)'s "<N>" priority instead of relying on the reader's eye.
 *
 * A control character in a message is written as "\xNN", so that a message
 * stays one line whatever bytes of foreign input it quotes.
 */
#ifndef CCM_LOG_H
#define CCM_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/*
 * To be called when the options have been read, so that -h and -V work whatever
 * the environment says; messages before that have the name that the program was
 * called by. Takes the level from GLOBAL_LOG_LEVEL (CRITICAL, FATAL, ERROR,
 * WARN, WARNING, INFO or DEBUG; unset or empty: INFO) and exits with EX_CONFIG
 * where that is anything else. `program` is kept by reference. CRITICAL and
 * FATAL show what ERROR shows: nothing here is graver.
 */
void log_init(const char *program);

/* The same for a program that reports all problems with its settings at once:
 * where the level is wrong it is INFO, `problem` has why appended, and false is
 * returned. */
struct buf;
bool log_start(const char *program, struct buf *problem);

/* True where a line of that level would be written. */
bool log_shows(enum log_level level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error_v(const char *format, va_list ap)
    __attribute__((format(printf, 1, 0)));
/* Logs what is in `problem` as an error, and empties it. True where it was
 * empty before: nothing is wrong. */
bool log_problem(struct buf *problem);

void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* An error or a warning without its level's name: for "stdin:42: ..." about
 * input. */
void log_plain(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* log_error(), then exit(status); a status of <sysexits.h>. */
void die(int status, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

#endif

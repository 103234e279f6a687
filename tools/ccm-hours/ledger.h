/*
 * The hours of hours/: which are done, which owe something, and from which hour
 * on hours are wanted.
 */
#ifndef CCM_HOURS_LEDGER_H
#define CCM_HOURS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "dir.h"
#include "hour.h"
#include "times.h"

/* HOUR, or HOUR.N with its round. */
#define LEDGER_NAME_SIZE (HOUR_SIZE + sizeof(".999999999"))

struct ledger_hour {
	time_t hour;
	unsigned round; /* the newest: its owed list counts */
	bool owes;
};

enum since {
	SINCE_NONE,   /* no run before: the last complete hour */
	SINCE_FIRST,  /* the same, but an earlier run wanted this one */
	SINCE_HOUR,   /* this hour */
	SINCE_WINDOW, /* it is lost: all of the window */
};

struct ledger {
	struct ledger_hour *hours; /* oldest first */
	size_t count, capacity;
	time_t *queried; /* in this run */
	size_t queried_count;

	enum since since_kind;
	time_t since;       /* SINCE_FIRST, SINCE_HOUR */
	bool since_on_disk; /* it is in DIR/since */
	bool since_ahead;   /* DIR/since is in the future, by the local clock */
};

/* Reads hours/. */
bool ledger_scan(struct ledger *ledger, struct dir *dir);

/*
 * Reads since and status/first. A since that is lost, garbage, or in the future
 * becomes the oldest hour of hours/, else all of the window, where `ran_before`
 * or the spool shows that there were runs. False where a file cannot be read.
 */
bool ledger_read_since(
    struct ledger *ledger, struct dir *dir, int64_t local_ms, bool ran_before);

/* The first hour that is wanted. */
time_t ledger_first(
    const struct ledger *ledger, const struct times *times, time_t last);

/* Writes since: an hour is about to be done, or forgotten. One that is in the
 * future is set aside. */
bool ledger_write_since(struct ledger *ledger, struct dir *dir, time_t since);

struct ledger_hour *ledger_find(const struct ledger *ledger, time_t hour);

/* Notes that an hour has a new directory. */
void ledger_add(struct ledger *ledger, time_t hour, unsigned round, bool owes);

/* Forgets all hours before that one. */
void ledger_drop_before(struct ledger *ledger, time_t hour);

void ledger_note_queried(struct ledger *ledger, time_t hour);
bool ledger_is_queried(const struct ledger *ledger, time_t hour);

/*
 * Looks for an undone hour from `from` to `last` that was not queried in this
 * run; false where there is none.
 */
bool ledger_next_undone(
    const struct ledger *ledger, time_t from, time_t last, time_t *hour);

/* How many are undone, queried or not. */
size_t ledger_count_undone(
    const struct ledger *ledger, time_t from, time_t last);

/* The number of a directory or file that no name uses yet: in hours/, spool/,
 * spool/bad/ or rejected/. */
bool ledger_free_round(struct dir *dir, time_t hour, unsigned *round);

/* A directory of hours/. */
struct ledger_dir {
	time_t hour;
	unsigned round;
};

/* Lists all of them, by hour and then by round; the caller frees the array. */
bool ledger_list(struct dir *dir, struct ledger_dir **list, size_t *count);

/* "2025-09-02T00Z" or "2025-09-02T00Z.2", and the reverse. */
void ledger_name(time_t hour, unsigned round, char name[LEDGER_NAME_SIZE]);
bool ledger_parse_name(const char *name, time_t *hour, unsigned *round);

void ledger_free(struct ledger *ledger);

#endif

#include "ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

#define SINCE_NAME "since"
#define FIRST_NAME "first"
#define FIRST_LABEL "status/first"
#define OWED_NAME "owed.ndjson"
/* More is no hour. */
#define SINCE_BYTES_MAX 64
#define ROUND_DIGITS_MAX 9

/* ---- names -------------------------------------------------------------- */

void
ledger_name(time_t hour, unsigned round, char name[LEDGER_NAME_SIZE])
{
	hour_format(hour, name);
	if (round > 1)
		snprintf(name + HOUR_SIZE - 1,
		    LEDGER_NAME_SIZE - (HOUR_SIZE - 1), ".%u", round);
}

/* Reads the number behind a dot; returns what is behind it, or NULL. */
static const char *
parse_round(const char *text, unsigned *round)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > ROUND_DIGITS_MAX)
		return NULL;
	*round = (unsigned)strtoul(text, NULL, 10);
	return text + digits;
}

bool
ledger_parse_name(const char *name, time_t *hour, unsigned *round)
{
	const char *end;

	if (strlen(name) < HOUR_SIZE - 1 ||
	    !hour_parse(name, HOUR_SIZE - 1, hour))
		return false;
	*round = 1;
	name += HOUR_SIZE - 1;
	if (*name == '\0')
		return true;
	end = *name == '.' ? parse_round(name + 1, round) : NULL;
	return end != NULL && *end == '\0' && *round > 1 && name[1] != '0';
}

/* ---- hours -------------------------------------------------------------- */

/* The place of an hour, or where it would be. */
static size_t
find_place(const struct ledger *ledger, time_t hour)
{
	size_t low = 0, high = ledger->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ledger->hours[middle].hour < hour)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct ledger_hour *
ledger_find(const struct ledger *ledger, time_t hour)
{
	size_t at = find_place(ledger, hour);

	return at < ledger->count && ledger->hours[at].hour == hour
	    ? &ledger->hours[at]
	    : NULL;
}

static struct ledger_hour *
insert(struct ledger *ledger, time_t hour)
{
	size_t at = find_place(ledger, hour);

	if (ledger->count == ledger->capacity)
		ledger->hours = grow_array(
		    ledger->hours, &ledger->capacity, sizeof(*ledger->hours));
	memmove(ledger->hours + at + 1, ledger->hours + at,
	    (ledger->count - at) * sizeof(*ledger->hours));
	ledger->count++;
	ledger->hours[at] = (struct ledger_hour){.hour = hour};
	return &ledger->hours[at];
}

void
ledger_add(struct ledger *ledger, time_t hour, unsigned round, bool owes)
{
	struct ledger_hour *found = ledger_find(ledger, hour);

	if (found == NULL)
		found = insert(ledger, hour);
	if (round < found->round)
		return;
	found->round = round;
	found->owes = owes;
}

void
ledger_drop_before(struct ledger *ledger, time_t hour)
{
	size_t old = find_place(ledger, hour);

	memmove(ledger->hours, ledger->hours + old,
	    (ledger->count - old) * sizeof(*ledger->hours));
	ledger->count -= old;
}

struct scan {
	struct ledger *ledger;
	struct dir *dir;
};

static void
scan_entry(void *context, const char *name)
{
	struct scan *scan = context;
	int hours = scan->dir->parts[DIR_HOURS];
	unsigned round;
	time_t hour;

	if (ledger_parse_name(name, &hour, &round) &&
	    dir_kind(scan->dir, hours, name, NULL) == DIR_KIND_DIRECTORY)
		ledger_add(scan->ledger, hour, round, false);
}

/* The newest list counts, so it is looked at when all names are known. */
static void
find_owing(struct ledger *ledger, struct dir *dir)
{
	char path[LEDGER_NAME_SIZE + sizeof("/" OWED_NAME)];
	off_t size;

	for (size_t i = 0; i < ledger->count; i++) {
		struct ledger_hour *hour = &ledger->hours[i];

		ledger_name(hour->hour, hour->round, path);
		strcat(path, "/" OWED_NAME);
		hour->owes = dir_kind(dir, dir->parts[DIR_HOURS], path,
				 &size) == DIR_KIND_FILE &&
		    size > 0;
	}
}

bool
ledger_scan(struct ledger *ledger, struct dir *dir)
{
	struct scan scan = {ledger, dir};

	ledger->count = 0;
	if (!dir_each(dir, dir->parts[DIR_HOURS], "hours", scan_entry, &scan))
		return false;
	find_owing(ledger, dir);
	return !dir->outcome->failed;
}

struct listing {
	struct dir *dir;
	struct ledger_dir *list;
	size_t count, capacity;
	bool failed;
};

static void
list_entry(void *context, const char *name)
{
	struct listing *listing = context;
	struct ledger_dir entry;
	enum dir_kind kind;

	if (!ledger_parse_name(name, &entry.hour, &entry.round))
		return;
	kind =
	    dir_kind(listing->dir, listing->dir->parts[DIR_HOURS], name, NULL);
	listing->failed |= kind == DIR_KIND_FAILED;
	if (kind != DIR_KIND_DIRECTORY)
		return;
	if (listing->count == listing->capacity)
		listing->list = grow_array(
		    listing->list, &listing->capacity, sizeof(entry));
	listing->list[listing->count++] = entry;
}

static int
compare_dirs(const void *a, const void *b)
{
	const struct ledger_dir *x = a, *y = b;

	if (x->hour != y->hour)
		return x->hour < y->hour ? -1 : 1;
	return x->round < y->round ? -1 : x->round > y->round;
}

bool
ledger_list(struct dir *dir, struct ledger_dir **list, size_t *count)
{
	struct listing listing = {.dir = dir};
	bool good =
	    dir_each(dir, dir->parts[DIR_HOURS], "hours", list_entry, &listing);

	if (listing.count > 0)
		qsort(listing.list, listing.count, sizeof(*listing.list),
		    compare_dirs);
	*list = listing.list;
	*count = listing.count;
	return good && !listing.failed;
}

/* ---- from which hour on ------------------------------------------------- */

/* Reads a file that holds an hour; garbage is set aside. */
static enum dir_read
read_hour(
    struct dir *dir, int at, const char *name, const char *label, time_t *hour)
{
	struct buf text = BUF_INIT, problem = BUF_INIT;
	enum dir_read result =
	    dir_read(dir, at, name, SINCE_BYTES_MAX, &text, &problem);

	if (result == DIR_READ) {
		if (text.len > 0 && text.data[text.len - 1] == '\n')
			text.data[--text.len] = '\0';
		if (!hour_parse(text.data, text.len, hour)) {
			buf_printf(&problem, "holds \"%s\", which is no hour",
			    text.data);
			result = DIR_GARBAGE;
		}
	}
	if (result == DIR_GARBAGE)
		dir_set_aside(dir, at, name, label, buf_terminate(&problem));
	buf_free(&text);
	buf_free(&problem);
	return result;
}

static void
note_ndjson(void *context, const char *name)
{
	bool *found = context;
	size_t len = strlen(name);

	*found = *found ||
	    (name[0] != '.' && len > 7 &&
		strcmp(name + len - 7, ".ndjson") == 0);
}

static bool
has_spooled(struct dir *dir)
{
	bool found = false;

	dir_each(dir, dir->parts[DIR_SPOOL], "spool", note_ndjson, &found);
	return found;
}

/* There is no since that can be used. */
static bool
guess_since(struct ledger *ledger, struct dir *dir, time_t now, bool ran_before)
{
	enum dir_read first;

	ledger->since_kind = SINCE_HOUR;
	if (ledger->count > 0 && ledger->hours[0].hour <= now) {
		ledger->since = ledger->hours[0].hour;
		return true;
	}
	ledger->since_kind = SINCE_WINDOW;
	if (ran_before || has_spooled(dir))
		return true;
	first = read_hour(dir, dir->parts[DIR_STATUS], FIRST_NAME, FIRST_LABEL,
	    &ledger->since);
	ledger->since_kind = first == DIR_READ ? SINCE_FIRST : SINCE_NONE;
	return first != DIR_READ_FAILED;
}

bool
ledger_read_since(
    struct ledger *ledger, struct dir *dir, int64_t local_ms, bool ran_before)
{
	time_t now = (time_t)(local_ms / 1000);
	enum dir_read read =
	    read_hour(dir, dir->fd, SINCE_NAME, SINCE_NAME, &ledger->since);
	char text[HOUR_SIZE];

	if (read == DIR_READ_FAILED)
		return false;
	ledger->since_kind = SINCE_HOUR;
	ledger->since_ahead = read == DIR_READ && ledger->since > now;
	ledger->since_on_disk = read == DIR_READ && !ledger->since_ahead;
	if (ledger->since_on_disk)
		return true;
	if (ledger->since_ahead) {
		hour_format(ledger->since, text);
		log_warn("%s/" SINCE_NAME
			 " holds %s, which is in the future; not using it",
		    dir->path, text);
	}
	return guess_since(ledger, dir, now, ran_before || ledger->since_ahead);
}

time_t
ledger_first(
    const struct ledger *ledger, const struct times *times, time_t last)
{
	switch (ledger->since_kind) {
	case SINCE_HOUR:
		return ledger->since;
	case SINCE_FIRST:
		return ledger->since < last ? ledger->since : last;
	case SINCE_WINDOW:
		return times_window(times, last);
	case SINCE_NONE:
		break;
	}
	return last;
}

bool
ledger_write_since(struct ledger *ledger, struct dir *dir, time_t since)
{
	struct buf text = BUF_INIT;
	bool written;

	if (ledger->since_ahead)
		dir_set_aside(
		    dir, dir->fd, SINCE_NAME, SINCE_NAME, "is in the future");
	hour_format(since, buf_reserve(&text, HOUR_SIZE));
	text.len = HOUR_SIZE - 1;
	buf_add_char(&text, '\n');
	written = dir_write(dir, dir->fd, SINCE_NAME, &text) &&
	    dir_remove(dir, dir->parts[DIR_STATUS], FIRST_NAME);
	buf_free(&text);
	if (!written)
		return false;
	ledger->since = since;
	ledger->since_kind = SINCE_HOUR;
	ledger->since_on_disk = true;
	ledger->since_ahead = false;
	return true;
}

/* ---- undone hours ------------------------------------------------------- */

void
ledger_note_queried(struct ledger *ledger, time_t hour)
{
	ledger->queried = grow_by_one(
	    ledger->queried, ledger->queried_count, sizeof(*ledger->queried));
	ledger->queried[ledger->queried_count++] = hour;
}

bool
ledger_is_queried(const struct ledger *ledger, time_t hour)
{
	for (size_t i = 0; i < ledger->queried_count; i++) {
		if (ledger->queried[i] == hour)
			return true;
	}
	return false;
}

bool
ledger_next_undone(
    const struct ledger *ledger, time_t from, time_t last, time_t *hour)
{
	for (time_t at = from; at <= last; at += HOUR_SECONDS) {
		if (ledger_find(ledger, at) == NULL &&
		    !ledger_is_queried(ledger, at)) {
			*hour = at;
			return true;
		}
	}
	return false;
}

size_t
ledger_count_undone(const struct ledger *ledger, time_t from, time_t last)
{
	size_t done = 0;

	if (from > last)
		return 0;
	for (size_t i = find_place(ledger, from);
	     i < ledger->count && ledger->hours[i].hour <= last; i++)
		done++;
	return (size_t)((last - from) / HOUR_SECONDS + 1) - done;
}

/* ---- rounds ------------------------------------------------------------- */

struct rounds {
	char hour[HOUR_SIZE];
	unsigned newest;
};

/* HOUR, HOUR.2, HOUR.002.ndjson, HOUR.002.ndjson.2: the first number counts. */
static void
note_round(void *context, const char *name)
{
	struct rounds *rounds = context;
	unsigned round = 1;

	if (strncmp(name, rounds->hour, HOUR_SIZE - 1) != 0)
		return;
	name += HOUR_SIZE - 1;
	if (*name != '\0' &&
	    (*name != '.' || parse_round(name + 1, &round) == NULL))
		return;
	if (round > rounds->newest)
		rounds->newest = round;
}

bool
ledger_free_round(struct dir *dir, time_t hour, unsigned *round)
{
	struct rounds rounds = {.newest = 0};
	int spool = dir->parts[DIR_SPOOL];
	int bad;
	bool good;

	hour_format(hour, rounds.hour);
	good = dir_each(
		   dir, dir->parts[DIR_HOURS], "hours", note_round, &rounds) &&
	    dir_each(dir, dir->parts[DIR_REJECTED], "rejected", note_round,
		&rounds) &&
	    dir_each(dir, spool, "spool", note_round, &rounds);
	/* A shipper moves files from spool/ to bad/, so this one comes last. */
	bad = openat(spool, "bad", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* It may be another user's, and so closed to us. */
	if (bad < 0 && errno != ENOENT && errno != ENOTDIR && errno != EACCES)
		good = dir_fail(dir, "spool/bad");
	if (good && bad >= 0)
		good = dir_each(dir, bad, "spool/bad", note_round, &rounds);
	if (bad >= 0)
		close(bad);
	*round = rounds.newest + 1;
	return good;
}

void
ledger_free(struct ledger *ledger)
{
	free(ledger->hours);
	free(ledger->queried);
	*ledger = (struct ledger){.count = 0};
}

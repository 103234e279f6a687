#include "forget.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "hand-over.h"
#include "log.h"

#define LOST_NAME "hours_lost"
#define LOST_LABEL "status/hours_lost"
#define LOST_BYTES_MAX 64
#define LOST_DIGITS_MAX 15

static bool
parse_count(const struct buf *text, int64_t *count)
{
	size_t digits = strspn(text->data, "0123456789");

	if (digits == 0 || digits > LOST_DIGITS_MAX ||
	    (strcmp(text->data + digits, "") != 0 &&
		strcmp(text->data + digits, "\n") != 0))
		return false;
	*count = strtoll(text->data, NULL, 10);
	return true;
}

int64_t
forget_count(struct dir *dir)
{
	struct buf text = BUF_INIT, problem = BUF_INIT;
	int status = dir->parts[DIR_STATUS];
	enum dir_read result =
	    dir_read(dir, status, LOST_NAME, LOST_BYTES_MAX, &text, &problem);
	int64_t count = 0;

	if (result == DIR_READ && !parse_count(&text, &count)) {
		buf_add_string(&problem, "is no number");
		result = DIR_GARBAGE;
	}
	if (result == DIR_GARBAGE)
		dir_set_aside(dir, status, LOST_NAME, LOST_LABEL,
		    buf_terminate(&problem));
	buf_free(&text);
	buf_free(&problem);
	return result == DIR_READ_FAILED ? -1 : count;
}

/* Undone hours from `first` up to the window. */
static int64_t
count_undone(struct run *run, time_t first, time_t window)
{
	char from[HOUR_SIZE], to[HOUR_SIZE];
	int64_t lost = 0;

	for (time_t at = first; at < window; at += HOUR_SECONDS) {
		if (ledger_find(&run->ledger, at) != NULL)
			continue;
		if (lost++ == 0)
			hour_format(at, from);
		hour_format(at, to);
	}
	if (lost > 0)
		outcome_error(&run->outcome, EX_OK,
		    "hours lost: %" PRId64
		    ", from %s to %s, were never fetched and are older than CCM_BACKFILL_HOURS=%d",
		    lost, from, to, run->times.backfill);
	return lost;
}

static int64_t
count_owing(struct run *run, time_t window)
{
	char hour[HOUR_SIZE];
	int64_t lost = 0;

	for (size_t i = 0; i < run->ledger.count; i++) {
		const struct ledger_hour *old = &run->ledger.hours[i];

		if (old->hour >= window || !old->owes)
			continue;
		hour_format(old->hour, hour);
		outcome_error(&run->outcome, EX_OK,
		    "hour lost in part: some queries of %s were never answered, and it is older than CCM_BACKFILL_HOURS=%d",
		    hour, run->times.backfill);
		lost++;
	}
	return lost;
}

static bool
write_count(struct run *run, int64_t lost)
{
	struct dir *dir = &run->dir;
	struct buf text = BUF_INIT;
	int64_t before = forget_count(dir);
	bool written;

	if (before < 0)
		return false;
	buf_printf(&text, "%" PRId64 "\n", before + lost);
	written = dir_write(dir, dir->parts[DIR_STATUS], LOST_NAME, &text);
	buf_free(&text);
	run->report.lost += lost;
	return written;
}

/* Older rounds first: as long as an hour is there, its newest list counts. */
static bool
remove_old(struct run *run, time_t window)
{
	struct ledger_dir *list;
	char name[LEDGER_NAME_SIZE];
	size_t count;
	bool good = ledger_list(&run->dir, &list, &count);

	for (size_t i = 0; good && i < count && list[i].hour < window; i++) {
		ledger_name(list[i].hour, list[i].round, name);
		good =
		    dir_remove_tree(&run->dir, run->dir.parts[DIR_HOURS], name);
	}
	free(list);
	ledger_drop_before(&run->ledger, window);
	return good;
}

/*
 * The count is written first: a kill on the way counts hours again, which is
 * better than never.
 */
bool
forget_old(struct run *run)
{
	time_t last = times_last(&run->times, clock_now_ms(&run->clock));
	time_t window = times_window(&run->times, last);
	time_t first = ledger_first(&run->ledger, &run->times, last);
	int64_t lost;

	if (!run->times.known || run->times.skewed ||
	    (run->looked && run->forgotten >= window))
		return true;
	run->looked = true;
	run->forgotten = window;
	/* Nothing is removed that was not handed over. */
	if (run->ledger.count > 0 && run->ledger.hours[0].hour < window &&
	    !hand_over(run, false))
		return false;
	lost = count_undone(run, first, window) + count_owing(run, window);
	if (lost > 0 && !write_count(run, lost))
		return false;
	if (first < window &&
	    !ledger_write_since(&run->ledger, &run->dir, window))
		return false;
	return remove_old(run, window);
}

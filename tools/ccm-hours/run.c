#include "run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "forget.h"
#include "hand-over.h"
#include "log.h"
#include "owed.h"
#include "plural.h"
#include "process.h"
#include "work.h"

#define FIRST_NAME "first"

/* The hours that are wanted now: from `from` to `last`. */
struct wanted {
	time_t from, last;
};

static struct wanted
find_wanted(const struct run *run)
{
	struct wanted wanted;
	time_t window;

	wanted.last = times_last(&run->times, clock_now_ms(&run->clock));
	window = times_window(&run->times, wanted.last);
	wanted.from = ledger_first(&run->ledger, &run->times, wanted.last);
	if (wanted.from < window)
		wanted.from = window;
	return wanted;
}

/* ---- the hours of a run ------------------------------------------------- */

/*
 * The next hour to query. Until the first answer of the API its time is not
 * known, and with it the window: the oldest undone hours come first then,
 * whatever the local clock says, and no more of them than a window has.
 */
static bool
find_next(const struct run *run, time_t *hour)
{
	struct wanted wanted = find_wanted(run);

	if (!run->times.known) {
		if (run->ledger.queried_count >= (size_t)run->times.backfill)
			return false;
		wanted.from =
		    ledger_first(&run->ledger, &run->times, wanted.last);
	}
	return ledger_next_undone(&run->ledger, wanted.from, wanted.last, hour);
}

static void
log_undone(const struct run *run)
{
	struct wanted wanted = find_wanted(run);
	size_t count =
	    ledger_count_undone(&run->ledger, wanted.from, wanted.last);
	char text[HOUR_SIZE];
	time_t oldest;

	if (count < 2 || !find_next(run, &oldest))
		return;
	hour_format(oldest, text);
	log_info("%zu hours to be done, the oldest is %s", count, text);
}

static bool
do_undone(struct run *run)
{
	time_t hour;

	log_undone(run);
	while (find_next(run, &hour)) {
		if (!work_hour(run, hour))
			return false;
	}
	return true;
}

/* What done hours owe, oldest first. A call may forget hours, so the next one
 * is looked for each time. */
static bool
do_owed(struct run *run)
{
	const struct ledger *ledger = &run->ledger;
	size_t i = 0;

	while (i < ledger->count) {
		time_t hour = ledger->hours[i].hour;

		if (ledger->hours[i].owes && !ledger_is_queried(ledger, hour)) {
			if (!work_owed(run, hour))
				return false;
			i = 0;
		} else {
			i++;
		}
	}
	return true;
}

/* A first run that committed nothing: the next one starts where it did. */
static void
keep_first(struct run *run)
{
	const struct ledger *ledger = &run->ledger;
	time_t last = times_last(&run->times, clock_now_ms(&run->clock));
	time_t first = ledger_first(ledger, &run->times, last);
	struct buf text = BUF_INIT;

	if (!run->queried || run->forced || run->outcome.failed ||
	    !(ledger->since_kind == SINCE_NONE ||
		(ledger->since_kind == SINCE_FIRST && run->times.known &&
		    first != ledger->since)))
		return;
	hour_format(first, buf_reserve(&text, HOUR_SIZE));
	text.len = HOUR_SIZE - 1;
	buf_add_char(&text, '\n');
	dir_write(&run->dir, run->dir.parts[DIR_STATUS], FIRST_NAME, &text);
	buf_free(&text);
}

/* ---- the report --------------------------------------------------------- */

static void
find_state(struct run *run, struct report_state *state)
{
	struct wanted wanted = find_wanted(run);
	const struct ledger *ledger = &run->ledger;

	*state = (struct report_state){.ships = run->send != NULL,
	    .hours_lost = forget_count(&run->dir),
	    .hours_undone =
		(int64_t)ledger_count_undone(ledger, wanted.from, wanted.last),
	    .has_last_hour = ledger->count > 0};
	for (size_t i = 0; i < ledger->count; i++) {
		state->last_hour = ledger->hours[i].hour;
		if (ledger->hours[i].owes)
			state->owed_bodies +=
			    owed_count(run, &ledger->hours[i]);
	}
}

/* Where the state could not be read, what was so before is so still. */
static void
write_report(struct run *run, struct report_before *before, bool state_is_known)
{
	struct statuses *statuses = &run->outcome.statuses;
	struct report_state state;

	if (state_is_known) {
		find_state(run, &state);
		state_is_known = state.hours_lost >= 0;
		if (state.owed_bodies > 0)
			statuses_add(statuses, EX_TEMPFAIL);
	}
	if (run->children.stopped)
		statuses_add(statuses, EX_TEMPFAIL);
	run->report.refused_again =
	    run->queried && (run->answered || run->report.refused.count > 0);
	report_write(&run->report, before, state_is_known ? &state : NULL,
	    &run->times, statuses_first(statuses), clock_now_ms(&run->clock),
	    &run->dir);
}

/* ---- a run -------------------------------------------------------------- */

/* What earlier runs have left is put in order, and read. */
static bool
recover(struct run *run, const struct report_before *before)
{
	return work_clear(run) && hand_over(run, true) &&
	    ledger_scan(&run->ledger, &run->dir) &&
	    ledger_read_since(&run->ledger, &run->dir,
		clock_now_ms(&run->clock), before->published);
}

void
run_hours(struct run *run)
{
	struct report_before before;
	bool recovered;

	run->report.started_ms = clock_now_ms(&run->clock);
	/* Without the totals before, there is no report that keeps them. */
	if (!dir_prepare(&run->dir) || !report_read_before(&before, &run->dir))
		return;
	recovered = recover(run, &before);
	if (recovered) {
		if (run->forced)
			work_hour(run, run->forced_hour);
		else if (do_undone(run))
			do_owed(run);
		/* Whatever has ended the run: what is done is done. */
		hand_over(run, false);
		keep_first(run);
	}
	write_report(run, &before, recovered);
	report_free_before(&before);
}

void
run_refused(struct run *run, const char *message)
{
	struct report_before before;

	run->report.started_ms = clock_now_ms(&run->clock);
	if (!dir_prepare(&run->dir) || !report_read_before(&before, &run->dir))
		return;
	outcome_set_error(&run->outcome, message);
	report_write(&run->report, &before, NULL, &run->times, EX_CONFIG,
	    run->report.started_ms, &run->dir);
	report_free_before(&before);
}

/* ---- -n ----------------------------------------------------------------- */

static void
list_owing(const struct run *run)
{
	char hour[HOUR_SIZE], name[LEDGER_NAME_SIZE];

	for (size_t i = 0; i < run->ledger.count; i++) {
		const struct ledger_hour *owing = &run->ledger.hours[i];

		if (!owing->owes)
			continue;
		hour_format(owing->hour, hour);
		ledger_name(owing->hour, owing->round, name);
		printf("%s\towed\t%s/hours/%s/owed.ndjson\n", hour, run->path,
		    name);
	}
}

bool
run_list(struct run *run)
{
	struct report_before before;
	struct wanted wanted;
	char hour[HOUR_SIZE];

	if (run->forced) {
		hour_format(run->forced_hour, hour);
		printf("%s\tundone\n", hour);
		return fflush(stdout) == 0;
	}
	if (!ledger_scan(&run->ledger, &run->dir) ||
	    !report_read_before(&before, &run->dir) ||
	    !ledger_read_since(&run->ledger, &run->dir,
		clock_now_ms(&run->clock), before.published))
		return false;
	report_free_before(&before);
	wanted = find_wanted(run);
	for (time_t at = wanted.from; at <= wanted.last; at += HOUR_SECONDS) {
		if (ledger_find(&run->ledger, at) != NULL)
			continue;
		hour_format(at, hour);
		printf("%s\tundone\n", hour);
	}
	list_owing(run);
	return fflush(stdout) == 0;
}

/* ---- sending ------------------------------------------------------------ */

struct counting {
	struct dir *dir;
	int at;
	size_t files;
};

static void
count_file(void *context, const char *name)
{
	struct counting *counting = context;

	if (name[0] != '.' &&
	    dir_kind(counting->dir, counting->at, name, NULL) == DIR_KIND_FILE)
		counting->files++;
}

static size_t
count_spool(struct run *run)
{
	struct counting counting = {&run->dir, run->dir.parts[DIR_SPOOL], 0};

	dir_each(&run->dir, counting.at, "spool", count_file, &counting);
	return counting.files;
}

void
run_send(struct run *run)
{
	struct buf spool = BUF_INIT, problem = BUF_INIT;
	char once[] = "-1";
	char *argv[] = {run->send, once, NULL, NULL};
	struct child child = {CHILD_SEND, argv, -1, -1};
	size_t files = count_spool(run);
	int ended;

	if (files == 0 || run->children.stopped)
		return;
	buf_printf(&spool, "%s/spool", run->path);
	argv[2] = buf_terminate(&spool);
	ended = child_run(&run->children, &child, &problem);
	if (ended < 0)
		outcome_error(
		    &run->outcome, EX_OSERR, "%s", buf_terminate(&problem));
	else
		statuses_add_wait(&run->outcome.statuses, ended);
	if (ended >= 0 && WIFSIGNALED(ended)) {
		process_describe_end(&problem, run->send, ended);
		log_error("%s", buf_terminate(&problem));
	}
	files = count_spool(run);
	if (files > 0) {
		statuses_add(&run->outcome.statuses, EX_TEMPFAIL);
		log_warn("%zu file%s not sent yet, kept in %s", files,
		    plural(files), spool.data);
	}
	buf_free(&spool);
	buf_free(&problem);
}

#include "work.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "decide.h"
#include "forget.h"
#include "log.h"
#include "owed.h"
#include "plural.h"
#include "process.h"

#define RECORDS "records.ndjson"
#define OWED "owed.ndjson"
#define REJECTED "rejected.ndjson"
#define STATS "stats.json"
#define STATS_BYTES_MAX ((size_t)64 << 20)
#define DAY_SECONDS ((time_t)24 * HOUR_SECONDS)

static const char *const kept_files[] = {RECORDS, OWED, REJECTED, STATS};
#define NKEPT (sizeof(kept_files) / sizeof(kept_files[0]))

struct work {
	time_t hour;
	bool owed;
	char hour_text[HOUR_SIZE];
	char name[HOUR_SIZE + sizeof(".01234567")]; /* below work/ */
	int fd;
	int status; /* PROG's */
	struct stats stats;
	int64_t records, owes, rejected; /* lines */
};

static int64_t
now_ms(const struct run *run)
{
	return clock_now_ms(&run->clock);
}

/* ---- the work directory ------------------------------------------------- */

/* Under a name that no other run has: what a killed one has left running may
 * still write to where it was. */
static bool
make_directory(struct run *run, struct work *work)
{
	int parent = run->dir.parts[DIR_WORK];
	bool made;

	do {
		snprintf(work->name, sizeof(work->name), "%s.%08" PRIx32,
		    work->hour_text, arc4random());
		made = mkdirat(parent, work->name, 0777) == 0;
	} while (!made && errno == EEXIST);
	if (!made)
		return dir_fail(&run->dir, work->name);
	work->fd = openat(parent, work->name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return work->fd >= 0 || dir_fail(&run->dir, work->name);
}

static void
drop_directory(struct run *run, struct work *work)
{
	if (work->fd >= 0)
		close(work->fd);
	work->fd = -1;
	dir_remove_tree(&run->dir, run->dir.parts[DIR_WORK], work->name);
}

static void
clear_entry(void *context, const char *name)
{
	struct run *run = context;

	dir_remove_tree(&run->dir, run->dir.parts[DIR_WORK], name);
}

bool
work_clear(struct run *run)
{
	return dir_each(&run->dir, run->dir.parts[DIR_WORK], "work",
		   clear_entry, run) &&
	    !run->outcome.failed;
}

/* ---- calling PROG ------------------------------------------------------- */

/* PROG has failed in a way after which nothing of the hour counts. */
static void
fail_call(
    struct run *run, const struct work *work, int status, const char *message)
{
	/* What we have ended ourselves fails, and that is no news. */
	if (run->children.stopped)
		return;
	if (status == EX_IOERR || status == EX_CANTCREAT) {
		if (!run->outcome.failed)
			outcome_error(&run->outcome, EX_TEMPFAIL,
			    "cannot write to the state directory %s: %s",
			    run->dir.path, message);
		run->outcome.failed = true;
		return;
	}
	outcome_error(
	    &run->outcome, status, "hour %s: %s", work->hour_text, message);
}

static bool
read_stats(struct run *run, struct work *work)
{
	struct buf text = BUF_INIT, problem = BUF_INIT, message = BUF_INIT;
	bool good = false;

	switch (dir_read(
	    &run->dir, work->fd, STATS, STATS_BYTES_MAX, &text, &problem)) {
	case DIR_READ:
		good = stats_parse(&work->stats, &text, &problem);
		break;
	case DIR_NONE:
		buf_add_string(&problem, "is missing");
		break;
	case DIR_GARBAGE:
	case DIR_READ_FAILED:
		break;
	}
	buf_printf(
	    &message, STATS " of %s %s", run->name, buf_terminate(&problem));
	if (!good)
		fail_call(run, work,
		    work->status == EX_OK ? EX_SOFTWARE : work->status,
		    message.data);
	buf_free(&text);
	buf_free(&problem);
	buf_free(&message);
	return good;
}

/* PROG has ended: its statuses are noted, its statistics read. */
static bool
take_end(struct run *run, struct work *work, int ended)
{
	struct buf message = BUF_INIT;
	bool good;

	process_describe_end(&message, run->name, ended);
	buf_terminate(&message);
	work->status = WIFEXITED(ended) ? WEXITSTATUS(ended) : EX_TEMPFAIL;
	good = WIFEXITED(ended) && decide_reads_stats(work->status) &&
	    !run->children.stopped;
	if (!good)
		fail_call(run, work, work->status, message.data);
	buf_free(&message);
	return good && read_stats(run, work);
}

static void
note_stats(struct run *run, const struct work *work)
{
	const struct stats *stats = &work->stats;

	for (int i = 1; i < 128; i++) {
		if (stats->statuses[i])
			statuses_add(&run->outcome.statuses, i);
	}
	statuses_add(&run->outcome.statuses, work->status);
	run->outcome.statuses.unauthorised |= stats->unauthorised;
	report_take_stats(&run->report, stats);
	if (stats->last_error.len > 0)
		outcome_set_error(&run->outcome, stats->last_error.data);
	run->answered |= stats->answered + stats->nodata > 0;
	run->queried |= !work->owed;
}

/* Once in a run. */
static void
report_skew(struct run *run, const struct work *work, int64_t local_ms)
{
	int64_t skew = run->times.skew_seconds;
	char api[TIME_SIZE], local[TIME_SIZE];

	if (run->reported_skew)
		return;
	run->reported_skew = true;
	time_format((time_t)(work->stats.api_time_ms / 1000), api);
	time_format((time_t)(local_ms / 1000), local);
	outcome_error(&run->outcome, EX_TEMPFAIL,
	    "the local clock (%s) is %" PRId64
	    " s %s the API's (%s); check the time of this machine",
	    local, skew < 0 ? -skew : skew, skew < 0 ? "behind" : "ahead of",
	    api);
}

/* What the call has shown about time. */
static void
take_time(struct run *run, const struct work *work, int64_t started_ms)
{
	int64_t ended_ms = now_ms(run);

	switch (times_take(&run->times, &work->stats, started_ms, ended_ms)) {
	case TIMES_LOCAL:
		if (!run->warned_local)
			log_warn(
			    "the API's answers have no valid Date; using the local clock");
		run->warned_local = true;
		break;
	case TIMES_SKEWED:
		report_skew(run, work, ended_ms);
		break;
	case TIMES_NONE:
	case TIMES_TAKEN:
		break;
	}
}

/* Runs PROG; false where the run ends with that. */
static bool
call(struct run *run, struct work *work, int stdin_fd)
{
	struct child child = {CHILD_GROUP, run->prog, stdin_fd, work->fd};
	char text[TIME_SIZE];
	struct buf problem = BUF_INIT;
	int64_t started_ms = now_ms(run);
	int ended;

	time_format(work->hour, text);
	setenv("CCM_HOUR", text, 1);
	setenv("CCM_OWED", work->owed ? "1" : "0", 1);
	ended = child_run(&run->children, &child, &problem);
	if (ended < 0) {
		fail_call(run, work, EX_OSERR, buf_terminate(&problem));
		buf_free(&problem);
		return false;
	}
	if (!take_end(run, work, ended))
		return false;
	note_stats(run, work);
	take_time(run, work, started_ms);
	return true;
}

/* ---- committing --------------------------------------------------------- */

struct cleaning {
	struct run *run;
	struct work *work;
};

/* A file that could not be looked at is kept too, and ends the run. */
static bool
is_kept(struct dir *dir, int at, const char *name)
{
	off_t size;

	for (size_t i = 0; i < NKEPT; i++) {
		if (strcmp(name, kept_files[i]) != 0)
			continue;
		switch (dir_kind(dir, at, name, &size)) {
		case DIR_KIND_FILE:
			return size > 0;
		case DIR_KIND_FAILED:
			return true;
		default:
			return false;
		}
	}
	return false;
}

static void
clean_entry(void *context, const char *name)
{
	const struct cleaning *cleaning = context;
	int at = cleaning->work->fd;

	if (!is_kept(&cleaning->run->dir, at, name))
		dir_remove_tree(&cleaning->run->dir, at, name);
}

static bool
sync_file(struct run *run, struct work *work, const char *name)
{
	int fd = openat(work->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool good;

	if (fd < 0)
		return errno == ENOENT || dir_fail(&run->dir, name);
	good = dir_sync(&run->dir, fd, name);
	close(fd);
	return good;
}

/* What is not of the hour goes; the rest is counted, and put on the disk. */
static bool
settle(struct run *run, struct work *work)
{
	struct cleaning cleaning = {run, work};

	if (!dir_each(
		&run->dir, work->fd, work->name, clean_entry, &cleaning) ||
	    run->outcome.failed)
		return false;
	work->records = dir_count_lines(&run->dir, work->fd, RECORDS);
	work->owes = dir_count_lines(&run->dir, work->fd, OWED);
	work->rejected = dir_count_lines(&run->dir, work->fd, REJECTED);
	if (work->records < 0 || work->owes < 0 || work->rejected < 0)
		return false;
	if (work->stats.owed > 0 && work->owes == 0) {
		fail_call(run, work, EX_SOFTWARE,
		    "queries are owed, and there is no " OWED);
		return false;
	}
	for (size_t i = 0; i < NKEPT; i++) {
		if (!sync_file(run, work, kept_files[i]))
			return false;
	}
	return dir_sync(&run->dir, work->fd, work->name);
}

/* An hour is about to be done for the first time: from it on hours are wanted
 * or, where it was asked for by -f, from the last one on. */
static bool
keep_since(struct run *run, const struct work *work)
{
	time_t last = times_last(&run->times, now_ms(run));
	time_t first = ledger_first(&run->ledger, &run->times, last);

	if (run->ledger.since_on_disk)
		return true;
	if (!run->forced && work->hour < first)
		first = work->hour;
	return ledger_write_since(&run->ledger, &run->dir, first);
}

/* The rename that makes the hour done; its name is then in `name`. */
static bool
rename_work(struct run *run, struct work *work, unsigned *round,
    char name[LEDGER_NAME_SIZE])
{
	struct dir *dir = &run->dir;
	int hours = dir->parts[DIR_HOURS];
	enum dir_moved moved = DIR_EXISTS;

	if (!ledger_free_round(dir, work->hour, round))
		return false;
	for (; moved == DIR_EXISTS; ++*round) {
		ledger_name(work->hour, *round, name);
		moved = dir_move(
		    dir, dir->parts[DIR_WORK], work->name, hours, name);
		if (moved != DIR_EXISTS)
			break;
	}
	return moved == DIR_MOVED && dir_sync(dir, hours, "hours");
}

static void
log_hour(const struct work *work, const char *name)
{
	char owes[64] = "";

	if (work->owes > 0)
		snprintf(owes, sizeof(owes), "; owed: %" PRId64 " quer%s",
		    work->owes, work->owes == 1 ? "y" : "ies");
	log_info("hour %s: %" PRId64 " record%s, %" PRId64
		 " request%s, %.1f s%s",
	    name, work->records, plural(work->records), work->stats.requests,
	    plural(work->stats.requests), work->stats.seconds, owes);
	if (work->owes > 0)
		log_warn("hour %s: %" PRId64
			 " quer%s not answered; retrying in the next run",
		    name, work->owes, work->owes == 1 ? "y was" : "ies were");
}

static bool
commit(struct run *run, struct work *work)
{
	char name[LEDGER_NAME_SIZE];
	unsigned round;

	if (!settle(run, work) || !keep_since(run, work) ||
	    !dir_sync_top(&run->dir) || !rename_work(run, work, &round, name))
		return false;
	close(work->fd);
	work->fd = -1;
	ledger_add(&run->ledger, work->hour, round, work->owes > 0);
	strings_add(&run->report.hours, name);
	run->report.records += work->records;
	run->report.rejected += work->rejected;
	log_hour(work, name);
	return true;
}

/* ---- an hour ------------------------------------------------------------ */

/* True where the statistics of a directory show points; garbage is set aside.
 */
static bool
shows_points(struct run *run, const struct ledger_dir *directory)
{
	struct buf text = BUF_INIT, problem = BUF_INIT;
	char path[LEDGER_NAME_SIZE + sizeof("/" STATS)];
	char label[sizeof("hours/") + sizeof(path)];
	int hours = run->dir.parts[DIR_HOURS];
	struct stats stats = {.last_error = BUF_INIT};
	enum dir_read result;
	bool shows = false;

	ledger_name(directory->hour, directory->round, path);
	strcat(path, "/" STATS);
	snprintf(label, sizeof(label), "hours/%s", path);
	result =
	    dir_read(&run->dir, hours, path, STATS_BYTES_MAX, &text, &problem);
	if (result == DIR_READ && !stats_parse(&stats, &text, &problem))
		result = DIR_GARBAGE;
	if (result == DIR_READ)
		/* Some of version 0.1.0 do not count them. */
		shows =
		    stats.counts_points ? stats.points > 0 : stats.answered > 0;
	if (result == DIR_GARBAGE)
		dir_set_aside(
		    &run->dir, hours, path, label, buf_terminate(&problem));
	stats_free(&stats);
	buf_free(&text);
	buf_free(&problem);
	return shows;
}

/* True where an hour of the last day before that one had points. */
static bool
had_points(struct run *run, time_t hour)
{
	struct ledger_dir *list;
	bool found = false;
	size_t count;

	ledger_list(&run->dir, &list, &count);
	for (size_t i = count; i-- > 0 && !found;) {
		if (list[i].hour < hour && list[i].hour >= hour - DAY_SECONDS)
			found = shows_points(run, &list[i]);
	}
	free(list);
	return found;
}

static void
report_refused(struct run *run, const struct work *work)
{
	struct buf message = BUF_INIT;

	buf_printf(&message, "hour %s: the API refuses every query%s; %s",
	    work->hour_text, work->owed ? " that is owed" : "",
	    work->owed ? "retrying in the next run" : "the hour stays undone");
	log_error("%s", buf_terminate(&message));
	if (run->outcome.last_error.len == 0)
		outcome_set_error(&run->outcome, message.data);
	buf_free(&message);
}

static void
report_unanswered(struct run *run, const struct work *work)
{
	struct buf message = BUF_INIT;

	buf_printf(&message, "hour %s: the API %s", work->hour_text,
	    work->stats.unauthorised ? "refuses the key" : "did not answer");
	log_warn("%s; retrying in the next run", buf_terminate(&message));
	/* A key that is refused is the reason where nothing else is. */
	if (!decide_ends_run(&work->stats) ||
	    (work->status != EX_NOPERM && work->status != EX_UNAVAILABLE))
		statuses_add(&run->outcome.statuses, EX_TEMPFAIL);
	if (run->outcome.last_error.len == 0)
		outcome_set_error(&run->outcome, message.data);
	buf_free(&message);
}

static void
report_too_early(struct run *run, const struct work *work)
{
	char text[TIME_SIZE];

	time_format((time_t)(run->times.safe_ms / 1000), text);
	statuses_add(&run->outcome.statuses, EX_TEMPFAIL);
	log_warn(
	    "hour %s: not complete at %s, the earlier of the API's time and the local clock; retrying in the next run",
	    work->hour_text, text);
}

static bool
finish(struct run *run, struct work *work, enum decision decision)
{
	switch (decision) {
	case DECIDE_COMMIT:
		if (!commit(run, work))
			return false;
		break;
	case DECIDE_NOT_ANSWERED:
		report_unanswered(run, work);
		break;
	case DECIDE_REFUSED:
		report_refused(run, work);
		break;
	case DECIDE_TOO_EARLY:
		report_too_early(run, work);
		break;
	case DECIDE_EXPIRED:
		log_info("hour %s: has left the window, and is not kept",
		    work->hour_text);
		break;
	case DECIDE_EMPTY:
		log_info(
		    "hour %s: no points yet; it is queried again in the next run",
		    work->hour_text);
		if (work->stats.owed > 0)
			statuses_add(&run->outcome.statuses, EX_TEMPFAIL);
		break;
	}
	return !decide_ends_run(&work->stats);
}

/* Calls PROG in a new directory, and does what follows from its end. */
static bool
attempt(struct run *run, time_t hour, bool owed, int stdin_fd)
{
	struct work work = {.hour = hour,
	    .owed = owed,
	    .fd = -1,
	    .stats = {.last_error = BUF_INIT}};
	struct attempt facts = {.hour = hour,
	    .owed = owed,
	    .again = ledger_find(&run->ledger, hour) != NULL,
	    .forced = run->forced};
	bool go_on = false;

	hour_format(hour, work.hour_text);
	ledger_note_queried(&run->ledger, hour);
	if (make_directory(run, &work) && call(run, &work, stdin_fd)) {
		facts.status = work.status;
		facts.window = times_window(
		    &run->times, times_last(&run->times, now_ms(run)));
		facts.points_before =
		    work.stats.points == 0 && !owed && had_points(run, hour);
		go_on = finish(run, &work,
			    decide(&facts, &work.stats, &run->times)) &&
		    forget_old(run);
	}
	if (work.fd >= 0)
		drop_directory(run, &work);
	stats_free(&work.stats);
	return go_on && !run->outcome.failed && !run->children.stopped;
}

bool
work_hour(struct run *run, time_t hour)
{
	return attempt(run, hour, false, -1);
}

bool
work_owed(struct run *run, time_t hour)
{
	struct ledger_hour *found = ledger_find(&run->ledger, hour);
	bool go_on;
	int fd;

	if (!owed_open(run, found, &fd))
		return false;
	if (fd < 0) {
		found->owes = false;
		return true;
	}
	go_on = attempt(run, hour, true, fd);
	close(fd);
	return go_on;
}

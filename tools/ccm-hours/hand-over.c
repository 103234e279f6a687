#include "hand-over.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"
#include "plural.h"

#define RECORDS "records.ndjson"
#define REJECTED "rejected.ndjson"

/* Moves a file of a directory of hours/ to `part`, as HOUR.ROUND.ndjson. The
 * name in use goes to `to`. */
static bool
move_out(struct run *run, const struct ledger_dir *from, const char *path,
    enum dir_part part, char *to, size_t size)
{
	struct dir *dir = &run->dir;
	enum dir_moved moved = DIR_EXISTS;
	unsigned round = from->round;
	char hour[HOUR_SIZE];

	hour_format(from->hour, hour);
	while (moved == DIR_EXISTS) {
		snprintf(to, size, "%s.%03u.ndjson", hour, round);
		moved = dir_move(
		    dir, dir->parts[DIR_HOURS], path, dir->parts[part], to);
		if (moved == DIR_EXISTS &&
		    !ledger_free_round(dir, from->hour, &round))
			return false;
	}
	return moved == DIR_MOVED && dir_sync(dir, dir->parts[part], to);
}

/* Its directory is synced too, so that no rename is half on the disk. */
static bool
sync_hour(struct run *run, const char *name)
{
	int fd = openat(run->dir.parts[DIR_HOURS], name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool good =
	    fd >= 0 ? dir_sync(&run->dir, fd, name) : dir_fail(&run->dir, name);

	if (fd >= 0)
		close(fd);
	return good;
}

static bool
hand_over_directory(
    struct run *run, const struct ledger_dir *from, bool recovering)
{
	char name[LEDGER_NAME_SIZE];
	char records[LEDGER_NAME_SIZE + sizeof("/" RECORDS)];
	char rejected[LEDGER_NAME_SIZE + sizeof("/" REJECTED)];
	char to[HOUR_SIZE + sizeof(".0123456789.ndjson")];
	struct dir *dir = &run->dir;
	enum dir_kind has_records, has_rejected;
	int64_t lines;

	ledger_name(from->hour, from->round, name);
	snprintf(records, sizeof(records), "%s/" RECORDS, name);
	snprintf(rejected, sizeof(rejected), "%s/" REJECTED, name);
	has_records = dir_kind(dir, dir->parts[DIR_HOURS], records, NULL);
	has_rejected = dir_kind(dir, dir->parts[DIR_HOURS], rejected, NULL);
	if (has_records == DIR_KIND_FAILED || has_rejected == DIR_KIND_FAILED)
		return false;
	if (has_records == DIR_KIND_NONE && has_rejected == DIR_KIND_NONE)
		return true;
	if (recovering) {
		log_info("hour %s: finishing what was interrupted", name);
		/* The kill may have come before the commit was synced. */
		if (!dir_sync(&run->dir, run->dir.parts[DIR_HOURS], "hours") ||
		    !dir_sync_top(&run->dir))
			return false;
	}
	if (has_records != DIR_KIND_NONE &&
	    !move_out(run, from, records, DIR_SPOOL, to, sizeof(to)))
		return false;
	if (has_rejected != DIR_KIND_NONE) {
		lines = dir_count_lines(
		    &run->dir, run->dir.parts[DIR_HOURS], rejected);
		if (!move_out(
			run, from, rejected, DIR_REJECTED, to, sizeof(to)))
			return false;
		outcome_error(&run->outcome, EX_DATAERR,
		    "hour %s: %" PRId64
		    " value%s could not be read, kept in %s/rejected/%s",
		    name, lines, plural(lines), run->dir.path, to);
	}
	return sync_hour(run, name);
}

bool
hand_over(struct run *run, bool recovering)
{
	struct ledger_dir *list;
	size_t count;
	bool good = ledger_list(&run->dir, &list, &count);

	for (size_t i = 0; good && i < count; i++)
		good = hand_over_directory(run, &list[i], recovering);
	free(list);
	return good;
}

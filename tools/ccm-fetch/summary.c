#include "summary.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "log.h"

/* ,"NAME":"TEXT" */
static void
add_text(struct buf *line, const char *name, const char *text)
{
	buf_printf(line, ",\"%s\":\"", name);
	json_escape_any(line, text);
	buf_add_char(line, '"');
}

/* {"label":LABEL,"id":ID and what comes behind */
static void
begin_resource(struct buf *line, const struct resource *resource, bool first)
{
	buf_add_string(line, first ? "{\"label\":\"" : ",{\"label\":\"");
	json_escape_any(line, resource->label);
	buf_add_char(line, '"');
	add_text(line, "id", resource->id);
}

static void
add_refused_resources(struct buf *line, const struct resources *resources)
{
	bool first = true;

	buf_add_string(line, ",\"refused_resources\":[");
	for (size_t i = 0; i < resources->count; i++) {
		const struct resource *resource = &resources->all[i];

		if (!resource_is_reported(resource))
			continue;
		begin_resource(line, resource, first);
		buf_printf(line, ",\"status\":%ld", resource->refused);
		add_text(line, "detail", resource->detail);
		buf_add_char(line, '}');
		first = false;
	}
	buf_add_char(line, ']');
}

static void
add_silent_resources(struct buf *line, const struct resources *resources)
{
	bool first = true;

	buf_add_string(line, ",\"silent_resources\":[");
	for (size_t i = 0; i < resources->count; i++) {
		if (!resource_is_silent(&resources->all[i]))
			continue;
		begin_resource(line, &resources->all[i], first);
		buf_add_char(line, '}');
		first = false;
	}
	buf_add_char(line, ']');
}

static void
add_refused_queries(struct buf *line, const struct tally *tally)
{
	buf_add_string(line, ",\"refused_queries\":[");
	for (size_t i = 0; i < tally->nrefused_queries; i++) {
		const struct refused_query *refused =
		    &tally->refused_queries[i];

		buf_add_string(
		    line, i == 0 ? "{\"metric\":\"" : ",{\"metric\":\"");
		json_escape_any(line, refused->metric);
		buf_printf(line, "\",\"status\":%ld", refused->status);
		add_text(line, "detail", refused->detail);
		buf_add_char(line, '}');
	}
	buf_add_char(line, ']');
}

static void
add_counts(
    struct buf *line, const struct run *run, int64_t started_ms, size_t bodies)
{
	const struct tally *tally = &run->tally;

	buf_printf(line, "{\"bodies\":%zu,\"answered\":%lu,\"nodata\":%lu",
	    bodies, tally->answered, tally->nodata);
	buf_printf(line, ",\"owed\":%lu,\"refused\":%lu,\"points\":%llu",
	    tally->owed, tally->refused, (unsigned long long)tally->points);
	buf_printf(line, ",\"unreadable\":%llu,\"requests\":%lu",
	    (unsigned long long)tally->unreadable, tally->requests);
	buf_printf(line, ",\"retries\":%lu,\"throttled\":%lu", tally->retries,
	    tally->throttled);
	buf_printf(line, ",\"seconds\":%.3f",
	    (double)(clock_ms() - started_ms) / 1000);
}

static void
add_facts(struct buf *line, const struct run *run)
{
	static const char *const reachable[] = {[REACHABLE_UNKNOWN] = "null",
	    [REACHABLE_YES] = "true",
	    [REACHABLE_NO] = "false"};
	const struct tally *tally = &run->tally;

	if (tally->api_time_ms >= 0)
		buf_printf(
		    line, ",\"api_time\":%lld", (long long)tally->api_time_ms);
	else
		buf_add_string(line, ",\"api_time\":null");
	buf_printf(
	    line, ",\"reachable\":%s,\"statuses\":", reachable[run->reachable]);
	statuses_write(&tally->statuses, line);
	buf_printf(line, ",\"unauthorised\":%s",
	    tally->statuses.unauthorised ? "true" : "false");
}

void
summary_write(const struct run *run, const char *path, int64_t started_ms,
    size_t bodies, const struct buf *more)
{
	struct buf line = BUF_INIT;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0)
		die(EX_CANTCREAT, "cannot create %s: %s", path,
		    strerror(errno));
	add_counts(&line, run, started_ms, bodies);
	add_facts(&line, run);
	add_refused_resources(&line, &run->resources);
	add_silent_resources(&line, &run->resources);
	add_refused_queries(&line, &run->tally);
	if (run->tally.has_clock)
		buf_printf(&line, ",\"clock_ahead_seconds\":%lld",
		    (long long)run->tally.ahead_s);
	if (run->tally.last_error != NULL)
		add_text(&line, "last_error", run->tally.last_error);
	buf_add(&line, more->data, more->len);
	buf_add_string(&line, "}\n");
	write_or_die(fd, path, line.data, line.len);
	if (close(fd) != 0)
		die(EX_IOERR, "cannot write to %s: %s", path, strerror(errno));
	buf_free(&line);
}

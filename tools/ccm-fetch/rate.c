#include "rate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "log.h"

/*
 * What the server counts is arrivals: a request that had to connect first
 * arrives later than it was sent, a later one on the same connection does not.
 * The second above the minute is for that.
 */
#define WINDOW_MS 61000

/* However long a pause the API asks for, a request is sent after this. */
#define NOT_BEFORE_MAX_MS 3600000

/* The exporter runs each minute, where it runs. */
#define EXPORT_FRESH_MS 600000
#define EXPORT_RESERVE_MAX 20

#define TIME_DIGITS_MAX 15 /* the year 33658 has 15 */

/* What the file says. */
struct state {
	int64_t not_before_ms;
	int64_t exported_ms; /* the end of the last export run; 0: none */
	int64_t export_requests;
	int64_t *sent_ms; /* within the window, oldest first */
	size_t nsent, size;
};

void
rate_open(struct rate *rate, const char *host, long limit, long reserve)
{
	*rate = (struct rate){.limit = limit, .reserve = reserve};
	shared_file_open(&rate->file, host, "the request rate");
}

void
rate_close(struct rate *rate)
{
	shared_file_close(&rate->file);
}

/* ---- what it says ------------------------------------------------------- */

static void
add_sent(struct state *state, int64_t when_ms)
{
	if (state->nsent == state->size)
		state->sent_ms = grow_array(
		    state->sent_ms, &state->size, sizeof(*state->sent_ms));
	state->sent_ms[state->nsent++] = when_ms;
}

/* A time as we write it: digits, and nothing else. */
static bool
read_time(const char *text, int64_t *ms)
{
	if (text[0] == '\0' || strlen(text) > TIME_DIGITS_MAX ||
	    text[strspn(text, "0123456789")] != '\0')
		return false;
	*ms = strtoll(text, NULL, 10);
	return true;
}

/* "MS REQUESTS" of an export run; one in the future counts for nothing. */
static bool
read_export(struct state *state, const char *text, int64_t now_ms)
{
	char time[TIME_DIGITS_MAX + 1] = "";
	size_t len = strcspn(text, " ");
	int64_t ms, requests;

	if (text[len] == '\0' || len > TIME_DIGITS_MAX)
		return false;
	memcpy(time, text, len);
	if (!read_time(time, &ms) || !read_time(text + len + 1, &requests))
		return false;
	if (ms <= now_ms) {
		state->exported_ms = ms;
		state->export_requests = requests;
	}
	return true;
}

/*
 * A request in the future (the clock was set back) counts as sent now, so that
 * it never blocks for longer than the window. False where the line is garbage;
 * so is a pause that is longer than any that we note.
 */
static bool
parse_line(struct state *state, const char *line, int64_t now_ms)
{
	static const char not_before[] = "not before ";
	static const char exported[] = "export ";
	size_t len = sizeof(not_before) - 1;
	int64_t ms;

	if (strncmp(line, not_before, len) == 0) {
		if (!read_time(line + len, &ms) ||
		    ms > now_ms + NOT_BEFORE_MAX_MS)
			return false;
		state->not_before_ms = ms;
		return true;
	}
	if (strncmp(line, exported, sizeof(exported) - 1) == 0)
		return read_export(state, line + sizeof(exported) - 1, now_ms);
	if (!read_time(line, &ms))
		return false;
	if (ms > now_ms)
		ms = now_ms;
	if (ms > now_ms - WINDOW_MS)
		add_sent(state, ms);
	return true;
}

/* What is garbage counts for nothing: the file is a courtesy, not a ledger. */
static void
parse(struct state *state, const struct rate *rate, int64_t now_ms)
{
	char *line, *rest = rate->file.text.data;
	bool good = strlen(rest) == rate->file.text.len;

	*state = (struct state){.not_before_ms = 0};
	while ((line = strsep(&rest, "\n")) != NULL)
		if (line[0] != '\0')
			good = parse_line(state, line, now_ms) && good;
	if (!good)
		log_warn("%s: ignoring and removing invalid entries",
		    rate->file.path);
}

static void
lock_and_read(struct rate *rate, struct state *state)
{
	shared_file_lock(&rate->file);
	parse(state, rate, clock_ms());
}

static void
write_and_unlock(struct rate *rate, struct state *state)
{
	struct buf *text = &rate->file.text;

	text->len = 0;
	if (state->not_before_ms > 0)
		buf_printf(
		    text, "not before %lld\n", (long long)state->not_before_ms);
	if (state->exported_ms > 0)
		buf_printf(text, "export %lld %lld\n",
		    (long long)state->exported_ms,
		    (long long)state->export_requests);
	for (size_t i = 0; i < state->nsent; i++)
		buf_printf(text, "%lld\n", (long long)state->sent_ms[i]);
	free(state->sent_ms);
	shared_file_write(&rate->file);
}

/* ---- turns -------------------------------------------------------------- */

/* How many requests of a minute this run may take. */
static size_t
limit_now(const struct rate *rate, const struct state *state, int64_t now_ms)
{
	int64_t reserve = 0;

	if (state->exported_ms > now_ms - EXPORT_FRESH_MS)
		reserve = rate->reserve != RATE_RESERVE_AUTO ? rate->reserve
		    : state->export_requests < EXPORT_RESERVE_MAX
		    ? state->export_requests
		    : EXPORT_RESERVE_MAX;
	return reserve < rate->limit ? (size_t)(rate->limit - reserve) : 1;
}

int64_t
rate_take(struct rate *rate)
{
	int64_t now_ms, wait_ms = 0;
	struct state state;
	size_t limit;

	lock_and_read(rate, &state);
	now_ms = clock_ms();
	limit = limit_now(rate, &state, now_ms);
	if (state.not_before_ms > now_ms) {
		wait_ms = state.not_before_ms - now_ms;
	} else {
		state.not_before_ms = 0;
		if (state.nsent >= limit)
			wait_ms = state.sent_ms[state.nsent - limit] +
			    WINDOW_MS - now_ms;
	}
	if (wait_ms <= 0) {
		wait_ms = 0;
		add_sent(&state, now_ms);
	}
	write_and_unlock(rate, &state);
	return wait_ms;
}

void
rate_count(struct rate *rate, long requests)
{
	struct state state;

	if (requests <= 0)
		return;
	lock_and_read(rate, &state);
	for (; requests > 0; requests--)
		add_sent(&state, clock_ms());
	write_and_unlock(rate, &state);
}

void
rate_not_before(struct rate *rate, int64_t when_ms)
{
	int64_t latest_ms = clock_ms() + NOT_BEFORE_MAX_MS;
	struct state state;

	if (when_ms > latest_ms)
		when_ms = latest_ms;
	lock_and_read(rate, &state);
	if (when_ms > state.not_before_ms)
		state.not_before_ms = when_ms;
	write_and_unlock(rate, &state);
}

void
rate_note_export(struct rate *rate, unsigned long requests)
{
	struct state state;

	lock_and_read(rate, &state);
	state.exported_ms = clock_ms();
	state.export_requests = (int64_t)requests;
	write_and_unlock(rate, &state);
}

#include "times.h"

#include "hour.h"

#define SECOND_MS ((int64_t)1000)
#define SKEW_MS (300 * SECOND_MS)
/* The Date of an answer has whole seconds, and a timer may be a bit early. */
#define TOLERANCE_SECONDS 60
#define LATE_SECONDS ((int64_t)6 * HOUR_SECONDS)

static int64_t
floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0 ? 1 : 0);
}

/* When an hour is complete. */
static int64_t
complete_ms(const struct times *times, time_t hour)
{
	return ((int64_t)hour + HOUR_SECONDS + times->minute * 60) * SECOND_MS;
}

static int64_t
skew_ms(int64_t api_ms, int64_t started_ms, int64_t ended_ms)
{
	if (api_ms < started_ms - SKEW_MS)
		return started_ms - api_ms;
	if (api_ms > ended_ms + SKEW_MS)
		return ended_ms - api_ms;
	return 0;
}

enum times_news
times_take(struct times *times, const struct stats *stats, int64_t started_ms,
    int64_t ended_ms)
{
	bool answered = stats->answered + stats->nodata + stats->refused > 0 ||
	    stats->reachable == REACHABLE_YES;
	int64_t skew, api_ms = stats->api_time_ms;

	if (!stats->has_api_time) {
		if (!answered || times->known)
			return TIMES_NONE;
		times->known = true;
		times->safe_ms = ended_ms;
		return TIMES_LOCAL;
	}
	times->known = true;
	times->safe_ms = api_ms < ended_ms ? api_ms : ended_ms;
	skew = skew_ms(api_ms, started_ms, ended_ms);
	if (skew == 0)
		return TIMES_TAKEN;
	times->skewed = true;
	/* A Date has whole seconds. */
	times->skew_seconds =
	    (skew + (skew < 0 ? -SECOND_MS : SECOND_MS) / 2) / SECOND_MS;
	return TIMES_SKEWED;
}

bool
times_allow(const struct times *times, time_t hour)
{
	return times->known &&
	    complete_ms(times, hour) - TOLERANCE_SECONDS * SECOND_MS <=
	    times->safe_ms;
}

/* The newest hour that was complete at that time. */
static time_t
last_at(const struct times *times, int64_t ms)
{
	int64_t at = floor_divide(ms, SECOND_MS) - times->minute * 60;

	return (time_t)((floor_divide(at, HOUR_SECONDS) - 1) * HOUR_SECONDS);
}

time_t
times_last(const struct times *times, int64_t local_ms)
{
	time_t local = last_at(times, local_ms), safe;

	if (!times->known)
		return local;
	safe = last_at(times, times->safe_ms + TOLERANCE_SECONDS * SECOND_MS);
	return safe < local ? safe : local;
}

time_t
times_window(const struct times *times, time_t last)
{
	return last - (time_t)(times->backfill - 1) * HOUR_SECONDS;
}

bool
times_may_be_late(const struct times *times, time_t hour)
{
	return times->safe_ms <
	    ((int64_t)hour + HOUR_SECONDS + LATE_SECONDS) * SECOND_MS;
}

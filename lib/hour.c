#include "hour.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "interval.h"

bool
hour_parse(const char *text, size_t len, time_t *hour)
{
	char whole[] = "2025-09-02T00:00:00Z";
	int64_t ms;

	if (len != HOUR_SIZE - 1 || text[10] != 'T' || text[len - 1] != 'Z')
		return false;
	memcpy(whole, text, len - 1);
	if (!timestamp_parse(whole, sizeof(whole) - 1, &ms))
		return false;
	*hour = (time_t)(ms / 1000);
	return true;
}

bool
hour_parse_loosely(const char *text, time_t *hour)
{
	static const char *const tails[] = {
	    "", "Z", ":00", ":00Z", ":00:00", ":00:00Z"};
	size_t len = HOUR_SIZE - 2; /* without the Z */
	char strict[HOUR_SIZE];

	if (strlen(text) < len)
		return false;
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		if (strcmp(text + len, tails[i]) != 0)
			continue;
		memcpy(strict, text, len);
		memcpy(strict + len, "Z", 2);
		return hour_parse(strict, len + 1, hour);
	}
	return false;
}

void
time_format(time_t at, char text[TIME_SIZE])
{
	const time_t first = -62167219200;    /* 0000-01-01T00:00:00Z */
	const time_t last = 253402300799;     /* 9999-12-31T23:59:59Z */
	char wide[6 * 12 + sizeof("--T::Z")]; /* what the compiler thinks of */
	struct tm tm;

	at = at < first ? first : at > last ? last : at;
	gmtime_r(&at, &tm);
	snprintf(wide, sizeof(wide), "%04d-%02d-%02dT%02d:%02d:%02dZ",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec);
	memcpy(text, wide, TIME_SIZE);
}

void
hour_format(time_t hour, char text[HOUR_SIZE])
{
	char time[TIME_SIZE];

	time_format(hour, time);
	memcpy(text, time, HOUR_SIZE - 2);
	memcpy(text + HOUR_SIZE - 2, "Z", 2);
}

bool
clock_start(struct ccm_clock *clock)
{
	const char *given = getenv("CCM_NOW");
	int64_t ms;

	clock->offset_ms = 0;
	if (given == NULL || given[0] == '\0')
		return true;
	if (!timestamp_parse(given, strlen(given), &ms))
		return false;
	clock->offset_ms = ms - clock_ms();
	return true;
}

int64_t
clock_now_ms(const struct ccm_clock *clock)
{
	return clock_ms() + clock->offset_ms;
}

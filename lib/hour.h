/*
 * Hours and times of day as ccm writes them, in UTC: "2025-09-02T00Z" is an
 * hour (the one that begins then), "2025-09-02T00:05:00Z" a time. An hour is
 * the time_t of its begin.
 */
#ifndef CCM_HOUR_H
#define CCM_HOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define HOUR_SECONDS 3600

/* For texts of years 0 to 9999, with their NUL. */
#define HOUR_SIZE sizeof("2025-09-02T00Z")
#define TIME_SIZE sizeof("2025-09-02T00:05:00Z")

/* Exactly "2025-09-02T00Z"; false where the text is no such hour. */
bool hour_parse(const char *text, size_t len, time_t *hour);

/*
 * An hour as a user writes it: "2025-09-02T00", with ":00" or ":00:00" behind
 * it or not, with "Z" or not. False where the text is not one.
 */
bool hour_parse_loosely(const char *text, time_t *hour);

void hour_format(time_t hour, char text[HOUR_SIZE]);

/* A time that is outside of the years 0 to 9999 is written as their end. */
void time_format(time_t at, char text[TIME_SIZE]);

/*
 * The clock: time(2), or what CCM_NOW (ISO 8601, with its zone) says it was
 * when clock_start() was called, and the seconds since. clock_start() returns
 * false where CCM_NOW is not a time; unset or empty, it is not used.
 */
struct ccm_clock {
	int64_t offset_ms;
};
bool clock_start(struct ccm_clock *clock);
int64_t clock_now_ms(const struct ccm_clock *clock);

#endif

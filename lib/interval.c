#include "interval.h"

#include <string.h>

#define SECOND_MS ((int64_t)1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

/* A text that is read from its front. */
struct cursor {
	const char *at, *end;
};

static bool
take(struct cursor *c, char wanted)
{
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

static char
peek(const struct cursor *c)
{
	return c->at < c->end ? *c->at : '\0';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Exactly `digits` digits. */
static bool
take_number(struct cursor *c, int digits, int *value)
{
	*value = 0;
	for (; digits > 0; digits--) {
		if (!is_digit(peek(c)))
			return false;
		*value = *value * 10 + (*c->at++ - '0');
	}
	return true;
}

/* Digits without a sign, at least one, at most nine. */
static bool
take_count(struct cursor *c, int64_t *value)
{
	const char *start = c->at;

	*value = 0;
	while (is_digit(peek(c))) {
		if (c->at - start == 9)
			return false;
		*value = *value * 10 + (*c->at++ - '0');
	}
	return c->at > start;
}

/* The digits behind a decimal sign, as milliseconds; finer ones are cut. */
static bool
take_fraction_ms(struct cursor *c, int64_t *ms)
{
	int64_t weight = 100;

	*ms = 0;
	if (!is_digit(peek(c)))
		return false;
	for (; is_digit(peek(c)); c->at++, weight /= 10)
		*ms += (*c->at - '0') * weight;
	return true;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar, whose cycle is
 * 400 years of 146,097 days; a year counts from March, so that the leap day is
 * its last one. */
static int64_t
days_since_epoch(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year =
	    (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 -
	    year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* "Z" or "+05:30", in milliseconds to be subtracted. */
static bool
take_offset(struct cursor *c, int64_t *ms)
{
	int hours, minutes, sign;

	*ms = 0;
	if (take(c, 'Z') || take(c, 'z'))
		return true;
	if (take(c, '+'))
		sign = 1;
	else if (take(c, '-'))
		sign = -1;
	else
		return false;
	if (!take_number(c, 2, &hours))
		return false;
	take(c, ':');
	if (!take_number(c, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ms = sign * (hours * HOUR_MS + minutes * MINUTE_MS);
	return true;
}

static bool
take_timestamp(struct cursor *c, int64_t *ms)
{
	int year, month, day, hour, minute, second = 0;
	int64_t fraction_ms = 0, offset_ms;

	if (!take_number(c, 4, &year) || !take(c, '-') ||
	    !take_number(c, 2, &month) || !take(c, '-') ||
	    !take_number(c, 2, &day) || !(take(c, 'T') || take(c, 't')) ||
	    !take_number(c, 2, &hour) || !take(c, ':') ||
	    !take_number(c, 2, &minute))
		return false;
	if (take(c, ':')) {
		if (!take_number(c, 2, &second))
			return false;
		if ((take(c, '.') || take(c, ',')) &&
		    !take_fraction_ms(c, &fraction_ms))
			return false;
	}
	/* 60 is a leap second (RFC 3339, 5.7), the same as the next one's 0 */
	if (month < 1 || month > 12 || day < 1 ||
	    day > days_in_month(year, month) || hour > 23 || minute > 59 ||
	    second > 60)
		return false;
	if (!take_offset(c, &offset_ms))
		return false;
	*ms = days_since_epoch(year, month, day) * DAY_MS + hour * HOUR_MS +
	    minute * MINUTE_MS + second * SECOND_MS + fraction_ms - offset_ms;
	return true;
}

bool
timestamp_parse(const char *text, size_t len, int64_t *ms)
{
	struct cursor c = {text, text + len};

	return take_timestamp(&c, ms) && c.at == c.end;
}

static int64_t
unit_ms(char unit)
{
	switch (unit) {
	case 'm':
		return MINUTE_MS;
	case 'h':
		return HOUR_MS;
	case 'd':
		return DAY_MS;
	default:
		return 0;
	}
}

/* What follows "now": "-2m|m". */
static bool
take_modifiers(struct cursor *c, int64_t *ms)
{
	for (;;) {
		bool minus = peek(c) == '-';
		int64_t count, unit;

		if (take(c, '|')) {
			unit = unit_ms(peek(c));
			if (unit == 0)
				return false;
			/* Never before 1970: now less 10^9 days, at worst,
			 * which the division below rounds towards the past. */
			*ms -= (*ms % unit + unit) % unit;
		} else if (take(c, '-') || take(c, '+')) {
			if (!take_count(c, &count))
				return false;
			unit = unit_ms(peek(c));
			if (unit == 0)
				return false;
			*ms += (minus ? -count : count) * unit;
		} else {
			return true;
		}
		c->at++;
	}
}

static bool
take_time(struct cursor *c, int64_t now_ms, int64_t *ms)
{
	if (c->end - c->at >= 3 && memcmp(c->at, "now", 3) == 0) {
		c->at += 3;
		*ms = now_ms;
		return take_modifiers(c, ms);
	}
	return take_timestamp(c, ms);
}

/* "P1DT2H30M", "PT0.5S", "P1W". Months and years have no fixed length. */
static bool
take_duration(struct cursor *c, int64_t *ms)
{
	static const char order[] = "WDHMS";
	static const int64_t lengths[] = {
	    7 * DAY_MS, DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS};
	bool time = false;
	size_t next = 0;
	int parts = 0;

	*ms = 0;
	if (!take(c, 'P'))
		return false;
	for (;;) {
		int64_t count, fraction_ms = 0;
		bool fraction;
		const char *unit;
		size_t i;

		if (!time && take(c, 'T')) {
			time = true;
			next = 2; /* hours */
			if (!is_digit(peek(c)))
				return false;
		}
		if (!is_digit(peek(c)))
			return parts > 0;
		if (!take_count(c, &count))
			return false;
		fraction = take(c, '.') || take(c, ',');
		if (fraction && !take_fraction_ms(c, &fraction_ms))
			return false;
		unit = peek(c) != '\0' ? strchr(order, peek(c)) : NULL;
		if (unit == NULL)
			return false;
		i = (size_t)(unit - order);
		if (i < next || (i >= 2) != time || (fraction && *unit != 'S'))
			return false;
		c->at++;
		next = i + 1;
		*ms += count * lengths[i] + fraction_ms;
		parts++;
	}
}

bool
interval_parse(const char *text, size_t len, int64_t now_ms, int64_t *start_ms,
    int64_t *end_ms)
{
	struct cursor c = {text, text + len};
	int64_t duration_ms;

	if (peek(&c) == 'P') {
		if (!take_duration(&c, &duration_ms) || !take(&c, '/') ||
		    !take_time(&c, now_ms, end_ms))
			return false;
		*start_ms = *end_ms - duration_ms;
	} else {
		if (!take_time(&c, now_ms, start_ms) || !take(&c, '/'))
			return false;
		if (peek(&c) == 'P') {
			if (!take_duration(&c, &duration_ms))
				return false;
			*end_ms = *start_ms + duration_ms;
		} else if (!take_time(&c, now_ms, end_ms)) {
			return false;
		}
	}
	return c.at == c.end && *end_ms >= *start_ms;
}

int64_t
granularity_longest_interval_ms(const char *granularity)
{
	static const struct {
		const char *name;
		int64_t longest_ms;
	} table[] = {{"PT1M", 6 * HOUR_MS}, {"PT5M", DAY_MS},
	    {"PT15M", 4 * DAY_MS}, {"PT30M", 7 * DAY_MS}, {"PT1H", INT64_MAX},
	    {"PT4H", INT64_MAX}, {"PT6H", INT64_MAX}, {"PT12H", INT64_MAX},
	    {"P1D", INT64_MAX}, {"ALL", INT64_MAX}};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, granularity) == 0)
			return table[i].longest_ms;
	return 0;
}

#include "number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From 2^53 on, a double no longer holds every integer. */
#define INTEGERS_END 9007199254740992.0

/* A double holds every decimal of so many digits (DBL_DIG) ... */
#define DIGITS_KEPT 15
/* ... and so many distinguish any two doubles. */
#define DIGITS_MAX 17

/* DIGITS[0].DIGITS[1]DIGITS[2]... * 10^exponent, no zeros at either end. */
struct decimal {
	bool negative;
	char digits[DIGITS_MAX + 1];
	int ndigits; /* 0 for zero */
	long exponent;
};

static void
drop_final_zeros(struct decimal *decimal)
{
	while (decimal->ndigits > 0 &&
	    decimal->digits[decimal->ndigits - 1] == '0')
		decimal->ndigits--;
}

/*
 * Takes the digits from the text, where a double would keep them all; that
 * spares most values the way through a double. False where it would not.
 */
static bool
decimal_from_text(struct decimal *decimal, const struct json_text *number)
{
	const char *at = number->at, *end = at + number->len;
	long exponent =
	    -1; /* of the digits read, were the first one kept 0.d */
	bool point = false;

	decimal->ndigits = 0;
	decimal->negative = *at == '-';
	if (decimal->negative)
		at++;
	for (; at < end && *at != 'e' && *at != 'E'; at++) {
		if (*at == '.') {
			point = true;
			continue;
		}
		if (decimal->ndigits > 0 || *at != '0') {
			if (decimal->ndigits == DIGITS_MAX)
				return false;
			decimal->digits[decimal->ndigits++] = *at;
			if (!point)
				exponent++;
		} else if (point) {
			exponent--;
		}
	}
	if (at < end) {
		if (end - at > 5)
			return false;
		exponent += strtol(at + 1, NULL, 10);
	}
	drop_final_zeros(decimal);
	decimal->exponent = exponent;
	return decimal->ndigits <= DIGITS_KEPT && labs(exponent) < 300;
}

static void
decimal_from_double(struct decimal *decimal, double value)
{
	/* Numbers below DBL_MIN have fewer digits than the others. */
	int digits = fabs(value) < DBL_MIN ? 1 : DIGITS_KEPT;
	char text[32]; /* "%.16e" needs 24 bytes at most */

	for (;; digits++) {
		snprintf(text, sizeof(text), "%.*e", digits - 1, fabs(value));
		if (digits == DIGITS_MAX || strtod(text, NULL) == fabs(value))
			break;
	}
	decimal->negative = value < 0;
	decimal->ndigits = 0;
	for (const char *c = text; *c != 'e'; c++)
		if (*c != '.')
			decimal->digits[decimal->ndigits++] = *c;
	drop_final_zeros(decimal);
	decimal->exponent = strtol(strchr(text, 'e') + 1, NULL, 10);
}

static void
add_zeros(struct buf *out, long count)
{
	for (; count > 0; count--)
		buf_add_char(out, '0');
}

/* 1200, 1.2, 0.0012 */
static void
write_plain(struct buf *out, const struct decimal *decimal)
{
	long integers = decimal->exponent + 1;
	size_t ndigits = (size_t)decimal->ndigits;

	if (integers <= 0) {
		buf_add_string(out, "0.");
		add_zeros(out, -integers);
		buf_add(out, decimal->digits, ndigits);
	} else if (integers >= decimal->ndigits) {
		buf_add(out, decimal->digits, ndigits);
		add_zeros(out, integers - decimal->ndigits);
	} else {
		buf_add(out, decimal->digits, (size_t)integers);
		buf_add_char(out, '.');
		buf_add(out, decimal->digits + integers,
		    ndigits - (size_t)integers);
	}
}

/* 1.2e-7 */
static void
write_scientific(struct buf *out, const struct decimal *decimal)
{
	buf_add_char(out, decimal->digits[0]);
	if (decimal->ndigits > 1) {
		buf_add_char(out, '.');
		buf_add(out, decimal->digits + 1, (size_t)decimal->ndigits - 1);
	}
	buf_printf(out, "e%ld", decimal->exponent);
}

/* Whichever is shorter; but small numbers are plain down to 0.0001, as
 * everyone writes them. */
static bool
plain_is_better(const struct decimal *decimal)
{
	if (decimal->exponent < 0)
		return decimal->exponent >= -4;
	/* The exponent form drops the zeros and adds "e15", maybe a point. */
	return decimal->exponent + 1 - decimal->ndigits <=
	    (decimal->ndigits > 1) + (decimal->exponent < 10 ? 2 : 3);
}

/* For an integer: below 2^53 = 9007199254740992, a number of 16 digits? */
static bool
is_below_integers_end(const struct decimal *decimal)
{
	int order;

	if (decimal->exponent != 15)
		return decimal->exponent < 15;
	order = strncmp(
	    decimal->digits, "9007199254740992", (size_t)decimal->ndigits);
	return order < 0 || (order == 0 && decimal->ndigits < 16);
}

static void
write_decimal(struct buf *out, const struct decimal *decimal)
{
	bool integer = decimal->ndigits <= decimal->exponent + 1 &&
	    is_below_integers_end(decimal);

	if (decimal->ndigits == 0) {
		buf_add_char(out, '0');
		return;
	}
	if (decimal->negative)
		buf_add_char(out, '-');
	if (integer || plain_is_better(decimal))
		write_plain(out, decimal);
	else
		write_scientific(out, decimal);
}

void
number_write(struct buf *out, const struct json_text *number)
{
	struct decimal decimal;

	if (number->simple) {
		buf_add(out, number->at, number->len);
	} else if (decimal_from_text(&decimal, number)) {
		write_decimal(out, &decimal);
	} else {
		char *copy = xstrndup(number->at, number->len);

		number_write_double(out, strtod(copy, NULL));
		free(copy);
	}
}

void
number_write_double(struct buf *out, double value)
{
	struct decimal decimal;

	if (value == trunc(value) && fabs(value) < INTEGERS_END) {
		number_write_integer(out, (int64_t)value);
		return;
	}
	decimal_from_double(&decimal, value);
	write_decimal(out, &decimal);
}

/* printf(3) takes longer than all the rest of a line. */
void
number_write_integer(struct buf *out, int64_t value)
{
	char digits[20], *at = digits + sizeof(digits);
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	do
		*--at = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	if (value < 0)
		*--at = '-';
	buf_add(out, at, (size_t)(digits + sizeof(digits) - at));
}

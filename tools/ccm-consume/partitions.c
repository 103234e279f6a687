#include "partitions.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"

void
partitions_reset(struct partitions *partitions)
{
	free(partitions->numbers);
	*partitions = (struct partitions){.numbers = NULL};
}

/* Where the number is or, if it is missing, belongs. */
static size_t
find(const struct partitions *partitions, unsigned long number)
{
	size_t i = 0;

	while (i < partitions->count && partitions->numbers[i] < number)
		i++;
	return i;
}

static bool
has(const struct partitions *partitions, size_t at, unsigned long number)
{
	return at < partitions->count && partitions->numbers[at] == number;
}

static void
add(struct partitions *partitions, unsigned long number)
{
	size_t at = find(partitions, number);
	unsigned long *numbers;

	if (has(partitions, at, number))
		return;
	numbers = grow_by_one(
	    partitions->numbers, partitions->count, sizeof(*numbers));
	memmove(numbers + at + 1, numbers + at,
	    (partitions->count - at) * sizeof(*numbers));
	numbers[at] = number;
	partitions->numbers = numbers;
	partitions->count++;
}

static void
drop(struct partitions *partitions, unsigned long number)
{
	size_t at = find(partitions, number);

	if (!has(partitions, at, number))
		return;
	partitions->count--;
	memmove(partitions->numbers + at, partitions->numbers + at + 1,
	    (partitions->count - at) * sizeof(*partitions->numbers));
}

/* Does that with each number of a text, "0 1 7". */
static void
with_each(struct partitions *partitions, const char *text,
    void (*action)(struct partitions *, unsigned long))
{
	const char *at = text;
	char *end;

	for (;;) {
		unsigned long number = strtoul(at, &end, 10);

		if (end == at)
			return;
		action(partitions, number);
		at = end;
	}
}

void
partitions_give(
    struct partitions *partitions, const struct companion_event *event)
{
	/* Not on top of those that there are: these are all. */
	if (event->code == 0)
		partitions->count = 0;
	with_each(partitions, event->text, add);
	partitions->unshared = 0;
}

void
partitions_take(
    struct partitions *partitions, const struct companion_event *event)
{
	if (event->code == 0)
		partitions->count = 0;
	else
		with_each(partitions, event->text, drop);
	partitions->moved = true;
	partitions->unshared = 0;
}

void
partitions_recount(
    struct partitions *partitions, const struct companion_event *event)
{
	const char *number = strrchr(event->text, ' ');

	partitions->unshared =
	    number != NULL ? strtoul(number + 1, NULL, 10) : 0;
	partitions->unshared_since_ms = monotonic_ms();
}

void
partitions_write(const struct partitions *partitions, struct buf *out)
{
	const unsigned long *numbers = partitions->numbers;
	size_t last;

	for (size_t i = 0; i < partitions->count; i = last + 1) {
		last = i;
		while (last + 1 < partitions->count &&
		    numbers[last + 1] == numbers[last] + 1)
			last++;
		buf_printf(out, "%s%lu", i > 0 ? ", " : "", numbers[i]);
		if (last > i)
			buf_printf(out, "-%lu", numbers[last]);
	}
	buf_terminate(out);
}

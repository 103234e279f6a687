/*
 * The parsers of timestamps and intervals: what is accepted makes sense.
 */
#include "interval.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	int64_t ms, start_ms, end_ms;

	/* Years 0 to 9999, a day more for the offset */
	if (timestamp_parse((const char *)data, len, &ms) &&
	    (ms < -62167305600000 || ms > 253402387200000))
		__builtin_trap();
	if (interval_parse(
		(const char *)data, len, 1577844807000, &start_ms, &end_ms) &&
	    end_ms < start_ms)
		__builtin_trap();
	return 0;
}

/*
 * Timestamps and intervals as the Metrics API writes them: ISO 8601, and the
 * API's own "now" expressions (its reference, schema Interval and the member
 * `intervals` of QueryRequest).
 */
#ifndef CCM_INTERVAL_H
#define CCM_INTERVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * "2025-09-02T00:00:00Z", with a fraction of a second or none, with "Z" or an
 * offset such as "+05:30"; seconds may be left out. A fraction finer than a
 * millisecond is cut. Returns milliseconds since the epoch in *ms.
 */
bool timestamp_parse(const char *text, size_t len, int64_t *ms);

/*
 * "START/END", "START/DURATION" or "DURATION/END", where a time is a timestamp
 * or "now", followed by any number of offsets ("-2m", "+1h", "-1d") and
 * truncations ("|m", "|h", "|d"), and a duration is "P1D", "PT1H30M", "P1W".
 * `now_ms` stands for "now". Returns both ends in milliseconds since the epoch;
 * false where the text is none of these, or ends before it starts.
 */
bool interval_parse(const char *text, size_t len, int64_t now_ms,
    int64_t *start_ms, int64_t *end_ms);

/*
 * The longest interval, in milliseconds, that the API allows with a
 * granularity ("PT1M": six hours); INT64_MAX for "any", 0 for a granularity
 * that the API does not know.
 */
int64_t granularity_longest_interval_ms(const char *granularity);

#endif

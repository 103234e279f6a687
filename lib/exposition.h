/*
 * Writing metrics as text: the Prometheus text format 0.0.4 (Prometheus
 * documentation, "Exposition formats") and OpenMetrics 1.0.
 *
 * Everything is appended to a buffer, and what is there decides how it goes on,
 * so that a sample's labels can come from wherever they are:
 *
 *	exposition_family(out, format, "jobs_total", METRIC_COUNTER, "Jobs run",
 *	    NULL);
 *	exposition_sample(out, "jobs_total");
 *	exposition_label(out, "queue", queue, strlen(queue));
 *	exposition_value(out, format, "12", 2, EXPOSITION_NO_TIMESTAMP);
 *	...
 *	exposition_end(out, format);
 *
 * Both formats want the samples of a family together, each series once. That is
 * the caller's to keep.
 */
#ifndef CCM_EXPOSITION_H
#define CCM_EXPOSITION_H

#include <stdint.h>

#include "buf.h"

enum exposition_format { EXPOSITION_PROMETHEUS, EXPOSITION_OPENMETRICS };

enum metric_type {
	METRIC_GAUGE,
	METRIC_COUNTER,
	METRIC_HISTOGRAM,
	METRIC_SUMMARY,
	METRIC_UNKNOWN /* "untyped" in 0.0.4 */
};

#define EXPOSITION_NO_TIMESTAMP INT64_MIN

/* The Content-Type of HTTP. */
const char *exposition_content_type(enum exposition_format format);

/*
 * Append a name made valid: of UTF-8 text, each character that a name must not
 * have becomes "_", a leading digit gets "_" before it, and an empty name is
 * "_". A metric's name may have ":"; the leading underscores of a label's name
 * shrink to one, as Prometheus keeps "__" for itself.
 */
void exposition_metric_name(struct buf *out, const char *name, size_t len);
void exposition_label_name(struct buf *out, const char *name, size_t len);

/*
 * Appends the lines about a family, which come before its samples. `name` is
 * valid and as the samples have it: "jobs_total" for a counter, "latency" for
 * the histogram with "latency_bucket". No line is written for a `help` or
 * `unit` that is NULL or "".
 *
 * OpenMetrics calls that counter's family "jobs". A counter without "_total" is
 * of unknown type there. A unit is only written in OpenMetrics, and only where
 * the name of the family ends in it.
 */
void exposition_family(struct buf *out, enum exposition_format format,
    const char *name, enum metric_type type, const char *help,
    const char *unit);

/* Begins a sample: its metric's valid name, with a suffix such as "_bucket". */
static inline void
exposition_sample(struct buf *out, const char *name)
{
	buf_add_string(out, name);
}

/* A label of the sample: its valid name, and its value as it is, in UTF-8. */
void exposition_label(
    struct buf *out, const char *name, const char *value, size_t len);

/* Appends a label's value, or any text that is in quotes, with its escapes. */
void exposition_escape(struct buf *out, const char *value, size_t len);

/*
 * Ends the sample: a number as number.h writes it, "NaN", "+Inf" or "-Inf", and
 * a time in milliseconds since the epoch (OpenMetrics is written in seconds).
 */
void exposition_value(struct buf *out, enum exposition_format format,
    const char *value, size_t len, int64_t timestamp_ms);

/* Ends the exposition: "# EOF" in OpenMetrics. */
void exposition_end(struct buf *out, enum exposition_format format);

#endif

/*
 * Reading metrics as text, line by line: the Prometheus text format 0.0.4
 * (Prometheus documentation, "Exposition formats") and OpenMetrics 1.0.
 *
 * One grammar takes both, as real producers mix them: blanks and tabs between
 * tokens, a comma before "}", numbers such as "1.5E12", times with a fraction
 * and "# EOF" before another exposition. Only an exemplar is a matter of the
 * format. Names have to be valid, label names of a sample distinct, and a line
 * UTF-8.
 *
 * What is read is handed out as the JSON reader does it (json.h), so that a
 * sample and a record are alike to who reads both.
 */
#ifndef CCM_EXPOSITION_READER_H
#define CCM_EXPOSITION_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "exposition.h"
#include "record.h"

enum exposition_line {
	EXPOSITION_BAD,
	EXPOSITION_OTHER, /* a comment, an empty line, "# EOF" */
	EXPOSITION_HELP,
	EXPOSITION_TYPE,
	EXPOSITION_UNIT,
	EXPOSITION_SAMPLE
};

struct exposition_reader {
	enum exposition_format format; /* in: where exemplars may be */

	struct json_text name; /* of the sample, or of HELP, TYPE and UNIT */

	struct record_tag *labels; /* of a sample, in their order */
	size_t nlabels;
	/* A number as number_write() takes it; where it is not `finite`, it is
	 * "NaN", "+Inf" or "-Inf". */
	struct json_text value;
	bool finite;
	int64_t timestamp_ms; /* or EXPOSITION_NO_TIMESTAMP */

	struct buf text;       /* of HELP, without escapes; of UNIT */
	enum metric_type type; /* of TYPE; OpenMetrics' others are unknown */

	/* private */
	size_t labels_size;
	const char *start, *end, *at, *error;
	struct buf control; /* values that have control characters, as JSON */
};

#define EXPOSITION_READER_INIT                                          \
	{                                                               \
		.format = EXPOSITION_PROMETHEUS, .labels = NULL,        \
		.labels_size = 0, .text = BUF_INIT, .control = BUF_INIT \
	}

/*
 * Reads a line, without its newline; what lies behind it is as lines_next()
 * gives it. The texts point into the line or stay until the next call. A time
 * below 1e11 is in seconds, whatever the format, and any other in milliseconds:
 * the Metrics API's own documentation has both in either.
 *
 * EXPOSITION_BAD: what is wrong, and the column, is appended to `problem`.
 */
enum exposition_line exposition_read(struct exposition_reader *reader,
    const char *line, size_t len, struct buf *problem);

void exposition_reader_free(struct exposition_reader *reader);

#endif

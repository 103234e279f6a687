/*
 * Bodies of POST: what is accepted becomes lines that the spool's own reader
 * takes, and that say the same when they are written again.
 */
#include <stdint.h>

#include "../../tools/ccm-ingestd/metric.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_lines(struct buf *lines, long count)
{
	struct metric_problem problem = {.too_many = false};
	struct json json = JSON_INIT;
	struct buf again = BUF_INIT;
	struct metric metric;
	char *at = buf_terminate(lines), *end = at + lines->len;

	for (; at < end; count--) {
		char *newline = memchr(at, '\n', (size_t)(end - at));

		again.len = 0;
		if (newline == NULL ||
		    !metric_read_line(&json, at, (size_t)(newline - at),
			METRIC_SPOOLED, &metric, &problem))
			__builtin_trap();
		metric_write(&again, &metric, "a", 1);
		if (again.len != (size_t)(newline - at) ||
		    memcmp(again.data, at, again.len) != 0)
			__builtin_trap();
		at = newline + 1;
	}
	if (count != 0)
		__builtin_trap();
	json_free(&json);
	metric_problem_free(&problem);
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct metric_problem problem = {.too_many = false};
	struct json json = JSON_INIT;
	struct buf body = BUF_INIT, lines = BUF_INIT;
	long count;

	buf_add(&body, data, len);
	buf_terminate(&body);
	count = metric_read_batch(
	    &json, body.data, body.len, "a", 1, &lines, &problem);
	if (count >= 0)
		check_lines(&lines, count);
	else if (problem.detail.len == 0)
		__builtin_trap();
	json_free(&json);
	metric_problem_free(&problem);
	buf_free(&body);
	buf_free(&lines);
	return 0;
}

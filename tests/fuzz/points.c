/*
 * The point parser: whatever the line, ccm-normalize ends well, and what it
 * makes of it is a line of strict JSON; what it refuses it says a reason for.
 */
#include "../../tools/ccm-normalize/points.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct record_writer writer;
	static struct points points = {.writer = &writer};
	static struct pair rename = {
	    {"principal_id", 12}, {"principal_id", 12}};
	struct buf line = BUF_INIT, out = BUF_INIT, problem = BUF_INIT;
	const char *error;
	size_t offset;

	writer.renames = &rename;
	writer.nrenames = len % 2;
	writer.seconds = len % 3 == 0;
	buf_add(&line, data, len);
	buf_terminate(&line);
	if (memchr(line.data, '\n', len) == NULL) {
		if (points_line(&points, line.data, len, &out, &problem)) {
			buf_terminate(&out);
			if (memchr(out.data, '\n', out.len - 1) != NULL ||
			    !json_validate(
				out.data, out.len - 1, &error, &offset))
				__builtin_trap();
		} else if (problem.len == 0) {
			__builtin_trap();
		}
	}
	buf_free(&line);
	buf_free(&out);
	buf_free(&problem);
	return 0;
}

/*
 * The reader of expositions: whatever the line, ccm-normalize ends well, and
 * what it makes of it is nothing or a line of strict JSON; what it refuses it
 * says a reason for.
 */
#include "../../tools/ccm-normalize/samples.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct record_writer writer;
	static struct samples samples = {.writer = &writer};
	struct buf line = BUF_INIT, out = BUF_INIT, problem = BUF_INIT;
	const char *error;
	size_t offset;

	samples.reader.format =
	    len % 2 == 0 ? EXPOSITION_PROMETHEUS : EXPOSITION_OPENMETRICS;
	writer.keep = len % 3 == 0;
	buf_add(&line, data, len);
	buf_terminate(&line);
	if (memchr(line.data, '\n', len) == NULL) {
		if (samples_line(&samples, line.data, len, &out, &problem)) {
			buf_terminate(&out);
			if (out.len > 0 &&
			    (memchr(out.data, '\n', out.len - 1) != NULL ||
				!json_validate(
				    out.data, out.len - 1, &error, &offset)))
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

/*
 * The answers of a schema registry: whatever they are, each is an id, a schema,
 * an error or none of these; and a schema can be given to those who parse it.
 */
#include <stdint.h>
#include <stdlib.h>

#include "../../tools/ccm-avro/answer.h"
#include "json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf text = BUF_INIT, schema = BUF_INIT, problem = BUF_INIT,
		   message = BUF_INIT;
	enum answer_schema answer;
	uint32_t id = 0;
	long code = 0;

	buf_add(&text, data, len);
	buf_terminate(&text);
	if (answer_read_id(text.data, text.len, &id) && id > INT32_MAX)
		abort();
	if (answer_read_error(text.data, text.len, &code, &message) &&
	    (code < 0 || message.data == NULL))
		abort();
	answer = answer_read_schema(text.data, text.len, &schema, &problem);
	if ((answer == ANSWER_UNUSABLE) != (problem.len > 0) ||
	    (answer != ANSWER_SCHEMA && schema.len > 0))
		abort();
	buf_free(&text);
	buf_free(&schema);
	buf_free(&problem);
	buf_free(&message);
	return 0;
}

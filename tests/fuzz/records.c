/*
 * The record parser: a line that follows another is read just as it is read on
 * its own, whatever the reader holds of the first.
 */
#include <stdint.h>

#include "record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_text(const struct json_text *a, const struct json_text *b)
{
	if (a->len != b->len || a->simple != b->simple ||
	    (a->len > 0 && memcmp(a->at, b->at, a->len) != 0))
		__builtin_trap();
}

static void
check_same(const struct record *a, const struct record *b)
{
	check_text(&a->name, &b->name);
	check_text(&a->value, &b->value);
	check_text(&a->extra, &b->extra);
	if (a->ntags != b->ntags)
		__builtin_trap();
	for (size_t i = 0; i < a->ntags; i++) {
		check_text(&a->tags[i].key, &b->tags[i].key);
		check_text(&a->tags[i].value, &b->tags[i].value);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct record used = RECORD_INIT;
	struct buf line = BUF_INIT, problem = BUF_INIT;
	const uint8_t *end = data + len;

	while (data < end) {
		const uint8_t *newline =
		    memchr(data, '\n', (size_t)(end - data));
		struct record fresh = RECORD_INIT;
		bool good;

		if (newline == NULL)
			newline = end;
		line.len = 0;
		buf_add(&line, data, (size_t)(newline - data));
		buf_terminate(&line);
		good = record_read(
		    &fresh, line.data, line.len, "profileId", &problem);
		if (good !=
		    record_read(
			&used, line.data, line.len, "profileId", &problem))
			__builtin_trap();
		if (good)
			check_same(&used, &fresh);
		record_free(&fresh);
		data = newline < end ? newline + 1 : end;
	}
	record_free(&used);
	buf_free(&line);
	buf_free(&problem);
	return 0;
}

#include "frame.h"

#include <stdlib.h>
#include <sysexits.h>

#include "log.h"
#include "number.h"

void
frame_delimiters_or_die(struct frame_delimiters *delimiters)
{
	const char *both = getenv("CCM_DELIMS");
	size_t len;

	if (both == NULL)
		both = "\t\n";
	len = strlen(both);
	if (len == 0 || len % 2 != 0)
		die(EX_CONFIG,
		    "CCM_DELIMS has %zu bytes; two delimiters of one length "
		    "are expected",
		    len);
	buf_add(&delimiters->key_end, both, len / 2);
	buf_add(&delimiters->value_end, both + len / 2, len / 2);
}

void
frame_delimiters_free(struct frame_delimiters *delimiters)
{
	buf_free(&delimiters->key_end);
	buf_free(&delimiters->value_end);
}

void
frame_write(struct buf *out, const struct frame_delimiters *delimiters,
    int64_t time_ms, const struct buf *key, const char *value, size_t len)
{
	number_write_integer(out, time_ms);
	buf_add_char(out, '\t');
	number_write_integer(out, (int64_t)(key->len + len));
	buf_add_char(out, '\t');
	buf_add(out, key->data, key->len);
	buf_add(out, delimiters->key_end.data, delimiters->key_end.len);
	buf_add(out, value, len);
	buf_add(out, delimiters->value_end.data, delimiters->value_end.len);
}

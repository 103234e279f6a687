#include "binary.h"

#include <endian.h>

#include "json.h"

/* Of a 64-bit number, seven bits each. */
#define LONG_BYTES_MAX 10

bool
binary_fail(struct binary *in, const char *problem)
{
	if (in->problem == NULL)
		in->problem = problem;
	return false;
}

static size_t
left(const struct binary *in)
{
	return in->problem == NULL ? (size_t)(in->end - in->at) : 0;
}

bool
binary_read_long(struct binary *in, int64_t *number)
{
	uint64_t bits = 0;
	size_t n = left(in);

	for (size_t i = 0; i < n && i < LONG_BYTES_MAX; i++) {
		unsigned char byte = (unsigned char)in->at[i];

		/* Of the tenth byte, one bit is left to be set. */
		if (i == LONG_BYTES_MAX - 1 && byte > 1)
			break;
		bits |= (uint64_t)(byte & 0x7f) << (7 * i);
		if ((byte & 0x80) != 0)
			continue;
		in->at += i + 1;
		*number = (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
		return true;
	}
	return binary_fail(in,
	    n < LONG_BYTES_MAX ? "it ends within a number"
			       : "a number has more than 64 bits");
}

bool
binary_skip(struct binary *in, uint64_t len)
{
	if (len > left(in))
		return binary_fail(
		    in, "a length is more than what is left of it");
	in->at += len;
	return true;
}

bool
binary_read_float(struct binary *in, double *number)
{
	const char *at = in->at;
	uint32_t bits;
	float value;

	if (!binary_skip(in, sizeof(bits)))
		return false;
	memcpy(&bits, at, sizeof(bits));
	bits = le32toh(bits);
	memcpy(&value, &bits, sizeof(value));
	*number = (double)value;
	return true;
}

bool
binary_read_double(struct binary *in, double *number)
{
	const char *at = in->at;
	uint64_t bits;

	if (!binary_skip(in, sizeof(bits)))
		return false;
	memcpy(&bits, at, sizeof(bits));
	bits = le64toh(bits);
	memcpy(number, &bits, sizeof(*number));
	return true;
}

bool
binary_read_bytes(struct binary *in, struct text *bytes)
{
	int64_t len;

	if (!binary_read_long(in, &len))
		return false;
	if (len < 0)
		return binary_fail(in, "a length is negative");
	*bytes = (struct text){in->at, (size_t)len};
	return binary_skip(in, (uint64_t)len);
}

/* utf8_length() may look at three bytes behind the first: not beyond `end`. */
static bool
is_utf8(const char *at, const char *end)
{
	char last[8] = "";
	size_t len;

	while (at < end && end - at >= 4) {
		len = utf8_length(at);
		if (len == 0)
			return false;
		at += len;
	}
	memcpy(last, at, (size_t)(end - at));
	for (const char *c = last; c < last + (end - at); c += len) {
		len = utf8_length(c);
		if (len == 0)
			return false;
	}
	return true;
}

bool
binary_read_string(struct binary *in, struct text *string)
{
	if (!binary_read_bytes(in, string))
		return false;
	if (!is_utf8(string->at, string->at + string->len))
		return binary_fail(in, "a string is not UTF-8");
	return true;
}

bool
binary_read_block(struct binary *in, uint64_t *items, int64_t *size)
{
	int64_t count;

	*items = 0;
	*size = -1;
	if (!binary_read_long(in, &count))
		return false;
	*items = count < 0 ? 0 - (uint64_t)count : (uint64_t)count;
	if (count >= 0)
		return true;
	if (!binary_read_long(in, size))
		return false;
	if (*size < 0 || (uint64_t)*size > left(in))
		return binary_fail(
		    in, "a block's size is not within what is left of it");
	return true;
}

void
binary_write_long(struct buf *out, int64_t number)
{
	uint64_t bits = ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);
	char *to = buf_reserve(out, LONG_BYTES_MAX);
	size_t n = 0;

	for (; bits > 0x7f; bits >>= 7)
		to[n++] = (char)((bits & 0x7f) | 0x80);
	to[n++] = (char)bits;
	out->len += n;
}

void
binary_write_double(struct buf *out, double number)
{
	uint64_t bits;

	memcpy(&bits, &number, sizeof(bits));
	bits = htole64(bits);
	buf_add(out, &bits, sizeof(bits));
}

void
binary_write_string(struct buf *out, const struct text *string)
{
	binary_write_long(out, (int64_t)string->len);
	buf_add(out, string->at, string->len);
}

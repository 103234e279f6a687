#include "token.h"

#include <stdbool.h>

struct token {
	unsigned char plus[3]; /* "++++" */
	unsigned char offset[8], issued_ms[8], binding[8], check[8];
};

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_write(struct buf *out, const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i += 3) {
		unsigned long group = (unsigned long)bytes[i] << 16;

		if (i + 1 < len)
			group |= (unsigned long)bytes[i + 1] << 8;
		if (i + 2 < len)
			group |= bytes[i + 2];
		buf_add_char(out, digits[group >> 18 & 63]);
		buf_add_char(out, digits[group >> 12 & 63]);
		buf_add_char(out, i + 1 < len ? digits[group >> 6 & 63] : '=');
		buf_add_char(out, i + 2 < len ? digits[group & 63] : '=');
	}
}

static void
put(unsigned char bytes[8], uint64_t number)
{
	for (int i = 0; i < 8; i++)
		bytes[i] = (unsigned char)(number >> (8 * i));
}

/* FNV-1a, stirred. */
static uint64_t
hash(uint64_t h, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < len; i++)
		h = (h ^ at[i]) * 0x100000001b3;
	return h ^ h >> 29;
}

/* The bytes of a text that base64_write() wrote, or false. */
static bool
base64_read(const char *text, unsigned char *bytes, size_t len)
{
	struct buf again = BUF_INIT;
	uint32_t group = 0;
	size_t n = 0;
	bool same;

	for (size_t i = 0; text[i] != '\0'; i++) {
		const char *digit = strchr(digits, text[i]);

		group = group << 6 |
		    (digit != NULL ? (uint32_t)(digit - digits) : 0);
		if (i % 4 == 3)
			for (int shift = 16; shift >= 0; shift -= 8)
				if (n < len)
					bytes[n++] =
					    (unsigned char)(group >> shift);
	}
	base64_write(&again, bytes, n);
	same = n == len && strcmp(buf_terminate(&again), text) == 0;
	buf_free(&again);
	return same;
}

static uint64_t
get(const unsigned char bytes[8])
{
	uint64_t number = 0;

	for (int i = 7; i >= 0; i--)
		number = number << 8 | bytes[i];
	return number;
}

uint64_t
token_binding(uint64_t secret, const char *path, const char *what,
    const char *body, size_t len)
{
	uint64_t h = hash(secret, path, strlen(path));

	h = hash(h, what, strlen(what));
	return hash(h, body, len);
}

static uint64_t
check(const struct token *token, uint64_t secret)
{
	return hash(secret, token, offsetof(struct token, check));
}

void
token_write(struct buf *out, uint64_t secret, uint64_t binding, size_t offset,
    int64_t issued_ms)
{
	struct token token = {.plus = {0xfb, 0xef, 0xbe}};

	put(token.offset, offset ^ secret);
	put(token.issued_ms, (uint64_t)issued_ms ^ secret);
	put(token.binding, binding);
	put(token.check, check(&token, secret));
	base64_write(out, (const unsigned char *)&token, sizeof(token));
}

enum token_state
token_read(const char *text, uint64_t secret, uint64_t binding, size_t *offset,
    int64_t *issued_ms)
{
	struct token token = {.plus = {0}};

	if (!base64_read(text, (unsigned char *)&token, sizeof(token)) ||
	    get(token.check) != check(&token, secret))
		return TOKEN_INVALID;
	if (get(token.binding) != binding)
		return TOKEN_FOREIGN;
	*offset = (size_t)(get(token.offset) ^ secret);
	*issued_ms = (int64_t)(get(token.issued_ms) ^ secret);
	return TOKEN_GOOD;
}

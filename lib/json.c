#include "json.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "scan.h"

/* Up to this many keys, an object's keys are compared as they come. */
#define KEYS_COMPARED_PAIRWISE 16

static bool
fail(struct json *json, const char *at, const char *error)
{
	if (json->error == NULL) {
		if (at >= json->end)
			error = "unexpected end";
		else if (*at == '\0')
			error = "NUL byte";
		json->error = error;
		json->at = at < json->end ? at : json->end;
	}
	return false;
}

void
json_start(struct json *json, const char *text, size_t len)
{
	json->error = NULL;
	json->start = json->at = text;
	json->end = text + len;
	json->first = false;
	json->depth = 0;
	json->nkeys = 0;
}

void
json_free(struct json *json)
{
	free(json->keys);
	*json = (struct json)JSON_INIT;
}

size_t
json_column(const struct json *json)
{
	return (size_t)(json->at - json->start) + 1;
}

static inline const char *
skip_space(const char *at, const char *end)
{
	/* Between most tokens there is none. */
	if ((unsigned char)*at > ' ')
		return at;
	while (at < end &&
	    (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
		at++;
	return at;
}

size_t
utf8_length(const char *at)
{
	const unsigned char *s = (const unsigned char *)at;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		return (s[1] & 0xc0) == 0x80 ? 2 : 0;
	if (s[0] >= 0xe0 && s[0] <= 0xef) {
		if ((s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80)
			return 0;
		if (s[0] == 0xe0 && s[1] < 0xa0)
			return 0; /* overlong */
		if (s[0] == 0xed && s[1] > 0x9f)
			return 0; /* a surrogate */
		return 3;
	}
	if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		if ((s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80 ||
		    (s[3] & 0xc0) != 0x80)
			return 0;
		if (s[0] == 0xf0 && s[1] < 0x90)
			return 0; /* overlong */
		if (s[0] == 0xf4 && s[1] > 0x8f)
			return 0; /* beyond U+10FFFF */
		return 4;
	}
	return 0;
}

/* The value of four hexadecimal digits, or -1. */
static int
hex4(const char *at)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		char c = at[i];
		int digit;

		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (c | 0x20) - 'a' + 10;
		else
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* The bytes of the escape at `at` (a backslash), or 0 where it is none. */
static size_t
escape_sequence(const char *at)
{
	int unit;

	switch (at[1]) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return 2;
	case 'u':
		unit = hex4(at + 2);
		if (unit < 0 || (unit >= 0xdc00 && unit <= 0xdfff))
			return 0;
		if (unit < 0xd800 || unit > 0xdbff)
			return 6;
		if (at[6] != '\\' || at[7] != 'u')
			return 0;
		unit = hex4(at + 8);
		return unit >= 0xdc00 && unit <= 0xdfff ? 12 : 0;
	default:
		return 0;
	}
}

/* What is at `at`, in a string, and no plain ASCII: how long it is, or 0 where
 * it must not be there. */
static size_t
read_special(struct json *json, const char *at, struct json_text *text)
{
	size_t len = 0;

	if (*at == '\\') {
		len = escape_sequence(at);
		text->simple = false;
		if (len == 0)
			fail(json, at, "invalid escape");
	} else if ((signed char)*at >= 0) {
		fail(json, at, "control character in a string");
	} else {
		len = utf8_length(at);
		if (len == 0)
			fail(json, at, "invalid UTF-8");
	}
	return len;
}

/* Reads the string whose opening quote is at `at`; returns what is behind its
 * closing quote, or NULL. */
static inline __attribute__((always_inline)) const char *
read_string(struct json *json, const char *at, struct json_text *text)
{
	text->at = ++at;
	text->simple = true;
	for (;;) {
		size_t len;

		at = scan_special(at);
		if (*at == '"')
			break;
		len = read_special(json, at, text);
		if (len == 0)
			return NULL;
		at += len;
	}
	text->len = (size_t)(at - text->at);
	return at + 1;
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Skips digits, eight at a time while there are so many: a byte is a digit
 * where its high half is 3 and stays 3 when 6 is added. */
static inline const char *
skip_digits(const char *at)
{
	const uint64_t high = 0xf0f0f0f0f0f0f0f0, three = 0x3030303030303030;
	const uint64_t six = 0x0606060606060606;
	uint64_t bytes;

	for (;; at += 8) {
		memcpy(&bytes, at, sizeof(bytes));
		if ((bytes & high) != three || ((bytes + six) & high) != three)
			break;
	}
	while (is_digit(*at))
		at++;
	return at;
}

bool
json_number_overflows(const struct json_text *number)
{
	char *copy = xstrndup(number->at, number->len);
	bool infinite = isinf(strtod(copy, NULL));

	free(copy);
	return infinite;
}

static bool
read_number(struct json *json, struct json_text *text)
{
	const char *at = json->at;
	const char *integer, *after_integer;
	long exponent = 0;

	text->at = at;
	text->simple = true;
	if (*at == '-')
		at++;
	integer = at;
	if (!is_digit(*at))
		return fail(json, at, "invalid number");
	after_integer = at = skip_digits(at);
	if (*integer == '0' && after_integer - integer > 1)
		return fail(json, integer, "number with a leading zero");
	if (*at == '.') {
		text->simple = false;
		at++;
		if (!is_digit(*at))
			return fail(json, at, "invalid number");
		at = skip_digits(at);
	}
	if (*at == 'e' || *at == 'E') {
		bool negative;

		text->simple = false;
		at++;
		negative = *at == '-';
		if (*at == '+' || *at == '-')
			at++;
		if (!is_digit(*at))
			return fail(json, at, "invalid number");
		for (; is_digit(*at); at++)
			if (exponent < 1000000)
				exponent = exponent * 10 + (*at - '0');
		if (negative)
			exponent = -exponent;
	}
	text->len = (size_t)(at - text->at);
	/* The largest double has 309 digits before its point. */
	if (!text->simple && after_integer - integer + exponent > 300 &&
	    json_number_overflows(text))
		return fail(json, text->at, "number out of range");
	json->at = at;
	return true;
}

static enum json_type
read_literal(struct json *json, const char *word, enum json_type type,
    struct json_text *text)
{
	size_t len = strlen(word);

	if (memcmp(json->at, word, len) != 0) {
		const char *at = json->at;

		while (*word != '\0' && *at == *word) {
			at++;
			word++;
		}
		fail(json, at, "invalid literal");
		return JSON_INVALID;
	}
	text->at = json->at;
	text->len = len;
	text->simple = true;
	json->at += len;
	return type;
}

static enum json_type
enter(struct json *json, enum json_type type)
{
	if (json->depth == JSON_DEPTH_MAX) {
		fail(json, json->at, "nesting deeper than 64");
		return JSON_INVALID;
	}
	json->at++;
	json->depth++;
	json->first_key[json->depth] = json->nkeys;
	json->first = true;
	return type;
}

enum json_type
json_value(struct json *json, struct json_text *text)
{
	const char *at;

	if (json->error != NULL)
		return JSON_INVALID;
	json->at = at = skip_space(json->at, json->end);
	json->first = false;
	switch (*at) {
	case '"':
		at = read_string(json, at, text);
		if (at == NULL)
			return JSON_INVALID;
		json->at = at;
		return JSON_STRING;
	case '{':
		return enter(json, JSON_OBJECT);
	case '[':
		return enter(json, JSON_ARRAY);
	case 't':
		return read_literal(json, "true", JSON_TRUE, text);
	case 'f':
		return read_literal(json, "false", JSON_FALSE, text);
	case 'n':
		return read_literal(json, "null", JSON_NULL, text);
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		return read_number(json, text) ? JSON_NUMBER : JSON_INVALID;
	default:
		fail(json, json->at, "a value was expected");
		return JSON_INVALID;
	}
}

static int
compare_keys(const void *a, const void *b)
{
	const struct json_key *key_a = a, *key_b = b;

	return json_text_compare(&key_a->text, &key_b->text);
}

/* Of an object with many keys: sorted once at its end, so that an object of
 * 100,000 keys does not cost their square. */
static bool
keys_differ(struct json *json, size_t first)
{
	size_t count = json->nkeys - first;
	struct json_key *keys = json->keys + first;

	qsort(keys, count, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < count; i++)
		if (compare_keys(&keys[i - 1], &keys[i]) == 0)
			return false;
	return true;
}

/* Equal for equal keys: the length and the first eight bytes, mixed. A key with
 * escapes is like every other. */
static inline unsigned long long
summarise(const struct json_text *key)
{
	uint64_t bytes;

	if (!key->simple)
		return 0;
	memcpy(&bytes, key->at, sizeof(bytes));
	if (key->len < sizeof(bytes))
		bytes &= ((uint64_t)1 << key->len * 8) - 1;
	return (bytes ^ key->len) | 1;
}

static bool
is_known(struct json *json, const struct json_text *key,
    unsigned long long summary, size_t first)
{
	for (size_t i = first; i < json->nkeys; i++) {
		const struct json_key *other = &json->keys[i];

		if ((other->summary == summary || summary == 0 ||
			other->summary == 0) &&
		    json_text_compare(&other->text, key) == 0)
			return true;
	}
	return false;
}

static inline bool
add_key(struct json *json, const struct json_text *key)
{
	size_t first = json->first_key[json->depth];
	unsigned long long summary = summarise(key);

	if (json->nkeys - first < KEYS_COMPARED_PAIRWISE &&
	    is_known(json, key, summary, first))
		return fail(json, key->at - 1, "duplicate key");
	if (json->nkeys == json->keys_size)
		json->keys = grow_array(
		    json->keys, &json->keys_size, sizeof(*json->keys));
	json->keys[json->nkeys++] = (struct json_key){*key, summary};
	return true;
}

/* Leaves the container whose closing bracket is at json->at. */
static bool
leave(struct json *json)
{
	size_t first = json->first_key[json->depth];

	if (json->nkeys - first > KEYS_COMPARED_PAIRWISE &&
	    !keys_differ(json, first))
		return fail(json, json->at, "duplicate key");
	json->nkeys = first;
	json->at++;
	json->depth--;
	json->first = false;
	return false;
}

bool
json_member(struct json *json, struct json_text *key)
{
	const char *at = json->at;

	if (json->error != NULL)
		return false;
	if (*at != '"') {
		at = skip_space(at, json->end);
		if (*at == '}') {
			json->at = at;
			return leave(json);
		}
		if (!json->first) {
			if (*at != ',')
				return fail(
				    json, at, "\",\" or \"}\" was expected");
			at = skip_space(at + 1, json->end);
		}
		if (*at != '"')
			return fail(json, at, "a key was expected");
	} else if (!json->first) {
		return fail(json, at, "\",\" or \"}\" was expected");
	}
	at = read_string(json, at, key);
	if (at == NULL || !add_key(json, key))
		return false;
	at = skip_space(at, json->end);
	if (*at != ':')
		return fail(json, at, "\":\" was expected");
	json->at = at + 1;
	json->first = false;
	return true;
}

bool
json_element(struct json *json)
{
	if (json->error != NULL)
		return false;
	json->at = skip_space(json->at, json->end);
	if (*json->at == ']')
		return leave(json);
	if (!json->first) {
		if (*json->at != ',')
			return fail(
			    json, json->at, "\",\" or \"]\" was expected");
		json->at++;
	}
	json->first = false;
	return true;
}

void
json_skip(struct json *json, enum json_type entered)
{
	/* Not recursive: what is open is known by its bracket. */
	bool object[JSON_DEPTH_MAX + 1];
	unsigned outer = json->depth - 1;
	struct json_text text;

	if (json->error != NULL ||
	    (entered != JSON_OBJECT && entered != JSON_ARRAY))
		return;
	object[json->depth] = entered == JSON_OBJECT;
	while (json->error == NULL && json->depth > outer) {
		bool more = object[json->depth] ? json_member(json, &text)
						: json_element(json);

		if (!more)
			continue;
		entered = json_value(json, &text);
		if (entered == JSON_OBJECT || entered == JSON_ARRAY)
			object[json->depth] = entered == JSON_OBJECT;
	}
}

bool
json_raw_value(struct json *json, struct json_text *raw)
{
	struct json_text text;

	if (json->error != NULL)
		return false;
	json->at = skip_space(json->at, json->end);
	raw->at = json->at;
	raw->simple = false;
	json_skip(json, json_value(json, &text));
	raw->len = (size_t)(json->at - raw->at);
	return json->error == NULL;
}

bool
json_end(struct json *json)
{
	if (json->error != NULL)
		return false;
	json->at = skip_space(json->at, json->end);
	if (json->at != json->end)
		return fail(json, json->at, "text after the value");
	return true;
}

bool
json_validate(const char *text, size_t len, const char **error, size_t *offset)
{
	struct json json = JSON_INIT;
	struct json_text raw;
	bool valid;

	json_start(&json, text, len);
	json_raw_value(&json, &raw);
	valid = json_end(&json);
	*error = json.error;
	*offset = json_column(&json) - 1;
	json_free(&json);
	return valid;
}

/* ---- strings ------------------------------------------------------------ */

/*
 * Decodes what begins at *at: an escape, or one byte. Moves *at on, puts at
 * most 4 bytes in `bytes`, returns how many. The text was validated.
 */
static size_t
decode_one(const char **at, char bytes[4])
{
	static const char plain[] = "\"\\/bfnrt";
	static const char meant[] = "\"\\/\b\f\n\r\t";
	uint32_t code;

	if (**at != '\\') {
		bytes[0] = *(*at)++;
		return 1;
	}
	if ((*at)[1] != 'u') {
		bytes[0] = meant[strchr(plain, (*at)[1]) - plain];
		*at += 2;
		return 1;
	}
	code = (uint32_t)hex4(*at + 2);
	*at += 6;
	if (code >= 0xd800 && code <= 0xdbff) {
		code = 0x10000 + ((code - 0xd800) << 10) +
		    ((uint32_t)hex4(*at + 2) - 0xdc00);
		*at += 6;
	}
	if (code < 0x80) {
		bytes[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		bytes[0] = (char)(0xc0 | code >> 6);
		bytes[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		bytes[0] = (char)(0xe0 | code >> 12);
		bytes[1] = (char)(0x80 | (code >> 6 & 0x3f));
		bytes[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	bytes[0] = (char)(0xf0 | code >> 18);
	bytes[1] = (char)(0x80 | (code >> 12 & 0x3f));
	bytes[2] = (char)(0x80 | (code >> 6 & 0x3f));
	bytes[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

void
json_decode(struct buf *out, const struct json_text *text)
{
	const char *at = text->at, *end = text->at + text->len;
	char bytes[4];

	if (text->simple) {
		buf_add(out, text->at, text->len);
		return;
	}
	while (at < end) {
		size_t len = decode_one(&at, bytes);

		buf_add(out, bytes, len);
	}
}

char *
json_decoded(const struct json_text *text)
{
	struct buf value = BUF_INIT;

	json_decode(&value, text);
	return buf_terminate(&value);
}

int
json_text_compare(const struct json_text *a, const struct json_text *b)
{
	struct buf decoded_a = BUF_INIT, decoded_b = BUF_INIT;
	struct json_text plain_a = *a, plain_b = *b;
	size_t shorter;
	int order;

	if (!a->simple) {
		json_decode(&decoded_a, a);
		plain_a.at = decoded_a.data;
		plain_a.len = decoded_a.len;
	}
	if (!b->simple) {
		json_decode(&decoded_b, b);
		plain_b.at = decoded_b.data;
		plain_b.len = decoded_b.len;
	}
	shorter = plain_a.len < plain_b.len ? plain_a.len : plain_b.len;
	order = shorter > 0 ? memcmp(plain_a.at, plain_b.at, shorter) : 0;
	if (order == 0)
		order =
		    (plain_a.len > plain_b.len) - (plain_a.len < plain_b.len);
	buf_free(&decoded_a);
	buf_free(&decoded_b);
	return order;
}

void
json_escape(struct buf *out, const char *bytes, size_t len)
{
	static const char plain[] = "\"\\\b\f\n\r\t";
	static const char letter[] = "\"\\bfnrt";

	for (size_t i = 0; i < len; i++) {
		char c = bytes[i];
		const char *found;

		if ((unsigned char)c >= 0x20 && c != '"' && c != '\\') {
			buf_add_char(out, c);
			continue;
		}
		found = c != '\0' ? strchr(plain, c) : NULL;
		if (found != NULL) {
			buf_add_char(out, '\\');
			buf_add_char(out, letter[found - plain]);
		} else {
			buf_printf(out, "\\u%04x", (unsigned)(unsigned char)c);
		}
	}
}

void
json_escape_text(struct buf *out, const struct json_text *text)
{
	struct buf decoded = BUF_INIT;

	if (text->simple) {
		buf_add(out, text->at, text->len);
		return;
	}
	json_decode(&decoded, text);
	json_escape(out, decoded.data, decoded.len);
	buf_free(&decoded);
}

void
json_escape_any(struct buf *out, const char *string)
{
	while (*string != '\0') {
		size_t len = utf8_length(string);

		if (len > 0)
			json_escape(out, string, len);
		else
			buf_add_string(out, "\\ufffd");
		string += len > 0 ? len : 1;
	}
}

void
json_compact(struct buf *out, const char *text, size_t len)
{
	const char *end = text + len;
	bool in_string = false;

	for (; text < end; text++) {
		if (in_string) {
			buf_add_char(out, *text);
			if (*text == '\\')
				buf_add_char(out, *++text);
			else if (*text == '"')
				in_string = false;
		} else if (*text != ' ' && *text != '\t' && *text != '\n' &&
		    *text != '\r') {
			buf_add_char(out, *text);
			in_string = *text == '"';
		}
	}
}

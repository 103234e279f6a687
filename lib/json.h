/*
 * A strict JSON reader that hands out a text's values as it validates them,
 * without building a tree.
 *
 * What it accepts is RFC 8259 and nothing beyond: UTF-8 only (no surrogates,
 * no overlong forms, no byte order mark), no duplicate keys in an object, no
 * control characters in strings, no NaN or Infinity, no number whose double is
 * infinite (1e999), nothing but white space after the value, nesting of at most
 * JSON_DEPTH_MAX. An escaped lone surrogate ("\ud800") is refused, since no
 * UTF-8 can carry it. "\u0000" is accepted: a caller that cannot carry a NUL
 * has to look.
 *
 *	json_start(&json, text, len);
 *	if (json_value(&json, &text) == JSON_OBJECT)
 *		while (json_member(&json, &key))
 *			... one json_value() and, for a container, its members,
 *			    its elements or a json_skip() ...
 *	if (!json_end(&json))
 *		... json.error says what is wrong, json_column() where ...
 *
 * After an error every function returns JSON_INVALID or false, so that a
 * caller may look once, at the end.
 */
#ifndef CCM_JSON_H
#define CCM_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

#define JSON_DEPTH_MAX 64

enum json_type {
	JSON_INVALID,
	JSON_OBJECT,
	JSON_ARRAY,
	JSON_STRING,
	JSON_NUMBER,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL
};

/* A scalar's place in the text that is read. */
struct json_text {
	const char *at; /* a string's first byte behind its quote */
	size_t len;     /* a string's bytes up to its closing quote */
	bool simple;    /* a string without escapes; an integer's digits */
};

/* A key that was read, and what most other keys differ in. */
struct json_key {
	struct json_text text;
	unsigned long long summary; /* of its length and its first bytes */
};

struct json {
	const char *error; /* NULL, or what is wrong: a static string */

	/* private */
	const char *start, *at, *end;
	bool first; /* the container was just entered */
	unsigned depth;
	struct json_key *keys; /* of all objects that are open */
	size_t nkeys, keys_size;
	size_t first_key[JSON_DEPTH_MAX + 1]; /* of the object at a depth */
};

#define JSON_INIT                                                       \
	{                                                               \
		.error = NULL, .keys = NULL, .nkeys = 0, .keys_size = 0 \
	}

/*
 * Begins to read `len` bytes at `text`, which must stay where they are while
 * `json` is in use. The byte behind them has to be a NUL or a newline, and
 * BUF_PAD bytes from there on readable: what buf_terminate() and lines_next()
 * give. `json` was set to JSON_INIT before its first use.
 */
void json_start(struct json *json, const char *text, size_t len);
void json_free(struct json *json);

/*
 * Reads the value that stands here. A scalar is consumed and its place is put
 * in `text` (for a string without the quotes); of an object or an array the
 * bracket is consumed, and its members or elements come next.
 */
enum json_type json_value(struct json *json, struct json_text *text);

/* In an object: reads the next key and its colon, or the end (false). */
bool json_member(struct json *json, struct json_text *key);

/* In an array: true where another element comes, false at its end. */
bool json_element(struct json *json);

/* Reads the rest of a container that json_value() has just entered. */
void json_skip(struct json *json, enum json_type entered);

/* Reads one whole value of any type, validates it, hands out where it stands
 * (with its quotes or brackets). False on an error. */
bool json_raw_value(struct json *json, struct json_text *raw);

/* True where the text is at its end and all of it was valid. */
bool json_end(struct json *json);

/* The byte, counted from 1, at which reading stands: an error's place. */
size_t json_column(const struct json *json);

/* Validates a whole document. On false, *error and *offset (from 0) are set. */
bool json_validate(
    const char *text, size_t len, const char **error, size_t *offset);

/* memcmp(3)-like order of two strings' decoded values. */
int json_text_compare(const struct json_text *a, const struct json_text *b);

/* True where a string's or key's value, escapes decoded, is `string`. */
static inline bool
json_text_is(const struct json_text *text, const char *string)
{
	const struct json_text other = {string, strlen(string), true};

	if (text->simple)
		return text->len == other.len &&
		    memcmp(text->at, string, other.len) == 0;
	return json_text_compare(text, &other) == 0;
}

/* True where a number's double would be infinite. Of the numbers that were
 * read, only an integer can be that long. */
bool json_number_overflows(const struct json_text *number);

/* Appends a string's decoded value. */
void json_decode(struct buf *out, const struct json_text *text);

/* The same as a C string, the caller's to free. */
char *json_decoded(const struct json_text *text);

/*
 * Appends a string with the escapes that JSON demands and no others, without
 * quotes: of bytes that are valid UTF-8, and of a string that was read.
 */
void json_escape(struct buf *out, const char *bytes, size_t len);
void json_escape_text(struct buf *out, const struct json_text *text);

/* The same for a string of any bytes: one that is not UTF-8 becomes U+FFFD. */
void json_escape_any(struct buf *out, const char *string);

/*
 * The bytes of the UTF-8 character (RFC 3629) at `at`, 1 to 4, or 0 where there
 * is none. Reads nothing beyond the first byte that does not belong to it, so
 * that a C string needs no other end than its NUL.
 */
size_t utf8_length(const char *at);

/* Appends valid JSON text without the white space between its tokens. */
void json_compact(struct buf *out, const char *text, size_t len);

#endif

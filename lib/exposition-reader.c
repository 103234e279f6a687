#include "exposition-reader.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "scan.h"

/* No sample has many labels: all pairs of names are compared. */
#define LABELS_MAX 1000

static bool
fail(struct exposition_reader *reader, const char *at, const char *error)
{
	if (at >= reader->end)
		error = "unexpected end";
	else if (*at == '\0')
		error = "NUL byte";
	reader->error = error;
	reader->at = at < reader->end ? at : reader->end;
	return false;
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
is_name_char(char c)
{
	return (unsigned)((c | 0x20) - 'a') < 26 || is_digit(c) || c == '_';
}

static inline const char *
skip_blanks(const char *at)
{
	while (*at == ' ' || *at == '\t')
		at++;
	return at;
}

static struct json_text
text_between(const char *from, const char *to)
{
	return (struct json_text){from, (size_t)(to - from), true};
}

/* ---- names and labels --------------------------------------------------- */

static bool
read_name(struct exposition_reader *reader, struct json_text *name)
{
	const char *start = reader->at, *at = start;

	while (is_name_char(*at) || *at == ':')
		at++;
	if (at == start || is_digit(*start))
		return fail(reader, start, "a metric's name was expected");
	*name = text_between(start, at);
	reader->at = at;
	return true;
}

static bool
read_label_name(struct exposition_reader *reader, struct json_text *name)
{
	const char *start = reader->at, *at = start;

	while (is_name_char(*at))
		at++;
	if (at == start || is_digit(*start))
		return fail(reader, start, "a label's name was expected");
	*name = text_between(start, at);
	for (size_t i = 0; i < reader->nlabels; i++) {
		const struct json_text *other = &reader->labels[i].key;

		if (other->len == name->len &&
		    memcmp(other->at, start, name->len) == 0)
			return fail(reader, start, "duplicate label");
	}
	reader->at = at;
	return true;
}

/*
 * Control characters may stand in a label's value as they are, but not in JSON:
 * such a value is handed out from a copy that has them as escapes.
 */
static void
escape_controls(struct exposition_reader *reader, struct json_text *value)
{
	struct buf *copy = &reader->control;
	size_t start;

	/* An earlier value of the line stays where it is. */
	if (copy->len == 0)
		buf_reserve(
		    copy, (size_t)(reader->end - reader->start) * 6 + 1);
	start = copy->len;
	for (size_t i = 0; i < value->len; i++) {
		char c = value->at[i];

		if ((unsigned char)c < 0x20)
			json_escape(copy, &c, 1);
		else
			buf_add_char(copy, c);
	}
	*value =
	    (struct json_text){copy->data + start, copy->len - start, false};
}

/* The bytes of what is at `at`, a special character of a value, or 0. */
static size_t
special_length(struct exposition_reader *reader, const char *at)
{
	size_t len;

	if (at >= reader->end || *at == '\0') {
		fail(reader, at, NULL);
		return 0;
	}
	if (*at == '\\') {
		if (at[1] == '\\' || at[1] == '"' || at[1] == 'n')
			return 2;
		fail(reader, at, "invalid escape");
		return 0;
	}
	len = utf8_length(at);
	if (len == 0)
		fail(reader, at, "invalid UTF-8");
	return len;
}

static bool
read_label_value(struct exposition_reader *reader, struct json_text *value)
{
	const char *start, *at = reader->at;
	bool controls = false;

	if (*at != '"')
		return fail(
		    reader, at, "a label's value in quotes was expected");
	start = ++at;
	value->simple = true;
	for (;;) {
		size_t len;

		at = scan_special(at);
		if (*at == '"')
			break;
		len = special_length(reader, at);
		if (len == 0)
			return false;
		if (*at == '\\')
			value->simple = false;
		else if ((unsigned char)*at < 0x20)
			controls = true;
		at += len;
	}
	value->at = start;
	value->len = (size_t)(at - start);
	if (controls)
		escape_controls(reader, value);
	reader->at = at + 1;
	return true;
}

static bool
read_label(struct exposition_reader *reader)
{
	struct record_tag *label;

	if (reader->nlabels == LABELS_MAX)
		return fail(reader, reader->at, "more than 1000 labels");
	if (reader->nlabels == reader->labels_size)
		reader->labels = grow_array(reader->labels,
		    &reader->labels_size, sizeof(*reader->labels));
	label = &reader->labels[reader->nlabels];
	if (!read_label_name(reader, &label->key))
		return false;
	reader->at = skip_blanks(reader->at);
	if (*reader->at != '=')
		return fail(reader, reader->at, "\"=\" was expected");
	reader->at = skip_blanks(reader->at + 1);
	if (!read_label_value(reader, &label->value))
		return false;
	reader->nlabels++;
	return true;
}

/* From behind the "{" to behind the "}". */
static bool
read_labels(struct exposition_reader *reader)
{
	reader->at = skip_blanks(reader->at);
	while (*reader->at != '}') {
		if (!read_label(reader))
			return false;
		reader->at = skip_blanks(reader->at);
		if (*reader->at == ',')
			reader->at = skip_blanks(reader->at + 1);
		else if (*reader->at != '}')
			return fail(
			    reader, reader->at, "\",\" or \"}\" was expected");
	}
	reader->at++;
	return true;
}

/* ---- values and times --------------------------------------------------- */

static const char *
skip_digits(const char *at)
{
	while (is_digit(*at))
		at++;
	return at;
}

struct number_shape {
	bool integer; /* digits alone */
	size_t exponent_digits;
};

/* Behind the decimal number that is at `at`, or NULL where there is none. */
static const char *
skip_number(const char *at, struct number_shape *shape)
{
	const char *digits;
	bool any;

	if (*at == '-' || *at == '+')
		at++;
	digits = at;
	at = skip_digits(at);
	any = at > digits;
	*shape = (struct number_shape){true, 0};
	if (*at == '.') {
		digits = at + 1;
		at = skip_digits(digits);
		any = any || at > digits;
		shape->integer = false;
	}
	if (!any)
		return NULL;
	if (*at == 'e' || *at == 'E') {
		shape->integer = false;
		at++;
		if (*at == '-' || *at == '+')
			at++;
		digits = at;
		at = skip_digits(at);
		if (at == digits)
			return NULL;
		shape->exponent_digits = (size_t)(at - digits);
	}
	return at;
}

/* "NaN", "+Inf", "infinity": as Go's strconv.ParseFloat reads them. */
static bool
read_special_value(struct exposition_reader *reader)
{
	static const struct {
		const char *read, *value;
	} words[] = {{"nan", "NaN"}, {"+infinity", "+Inf"},
	    {"-infinity", "-Inf"}, {"infinity", "+Inf"}, {"+inf", "+Inf"},
	    {"-inf", "-Inf"}, {"inf", "+Inf"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i].read);

		if (strncasecmp(reader->at, words[i].read, len) != 0)
			continue;
		reader->value = (struct json_text){
		    words[i].value, strlen(words[i].value), true};
		reader->finite = false;
		reader->at += len;
		return true;
	}
	return fail(reader, reader->at, "a value was expected");
}

static bool
read_value(struct exposition_reader *reader)
{
	const char *start = reader->at, *at;
	struct json_text *value = &reader->value;
	struct number_shape shape;

	at = skip_number(start, &shape);
	if (at == NULL)
		return read_special_value(reader);
	if (*start == '+')
		start++;
	*value = text_between(start, at);
	start += *start == '-';
	/* JSON has no integers with a leading zero. */
	value->simple = shape.integer && (*start != '0' || at - start == 1);
	/* The largest double has 309 digits before its point. */
	if ((value->len > 200 || shape.exponent_digits > 2) &&
	    json_number_overflows(value))
		return fail(reader, value->at, "number out of range");
	reader->finite = true;
	reader->at = at;
	return true;
}

/* An integer that is no longer than any time. */
static bool
read_integer_time(const char *at, const char *end, int64_t *number)
{
	bool negative = *at == '-';
	int64_t value = 0;

	at += *at == '-' || *at == '+';
	if (end - at > 18)
		return false;
	for (; at < end; at++)
		value = value * 10 + (*at - '0');
	*number = negative ? -value : value;
	return true;
}

/* Of a time with a point and no exponent: the digits are exact, a double's
 * are not. What is finer than a millisecond is cut. */
static bool
read_fraction_time(const char *at, const char *end, int64_t *ms)
{
	const char *point = memchr(at, '.', (size_t)(end - at));
	int64_t fraction = 0, seconds;
	int64_t unit = 100;

	if (point == NULL || memchr(at, 'e', (size_t)(end - at)) != NULL ||
	    memchr(at, 'E', (size_t)(end - at)) != NULL ||
	    !read_integer_time(at, point, &seconds))
		return false;
	for (const char *digit = point + 1; digit < end && unit > 0;
	     digit++, unit /= 10)
		fraction += (*digit - '0') * unit;
	if (llabs(seconds) >= TIMESTAMP_SECONDS_BELOW)
		*ms = seconds;
	else
		*ms = seconds * 1000 + (*at == '-' ? -fraction : fraction);
	return true;
}

static bool
read_float_time(const char *at, const char *end, int64_t *ms)
{
	char *copy = xstrndup(at, (size_t)(end - at));
	double time = strtod(copy, NULL);

	free(copy);
	if (fabs(time) < TIMESTAMP_SECONDS_BELOW)
		time *= 1000;
	if (!(fabs(time) < 1e18))
		return false;
	*ms = llround(time);
	return true;
}

static bool
read_time(struct exposition_reader *reader)
{
	const char *start = reader->at, *end;
	int64_t *ms = &reader->timestamp_ms;
	struct number_shape shape;
	bool good;

	end = skip_number(start, &shape);
	if (end == NULL)
		return fail(reader, start, "a time was expected");
	if (shape.integer) {
		good = read_integer_time(start, end, ms);
		if (good && llabs(*ms) < TIMESTAMP_SECONDS_BELOW)
			*ms *= 1000;
	} else {
		good = read_fraction_time(start, end, ms) ||
		    read_float_time(start, end, ms);
	}
	if (!good)
		return fail(reader, start, "time out of range");
	reader->at = end;
	return true;
}

/* ---- lines -------------------------------------------------------------- */

static bool
read_sample(struct exposition_reader *reader)
{
	reader->nlabels = 0;
	reader->control.len = 0;
	reader->timestamp_ms = EXPOSITION_NO_TIMESTAMP;
	if (!read_name(reader, &reader->name))
		return false;
	reader->at = skip_blanks(reader->at);
	if (*reader->at == '{') {
		reader->at++;
		if (!read_labels(reader))
			return false;
		reader->at = skip_blanks(reader->at);
	}
	if (!read_value(reader))
		return false;
	reader->at = skip_blanks(reader->at);
	if (reader->at < reader->end && *reader->at != '#') {
		if (!read_time(reader))
			return false;
		reader->at = skip_blanks(reader->at);
	}
	/* "# {trace_id="1"} 0.5", an exemplar */
	if (*reader->at == '#' && reader->format == EXPOSITION_OPENMETRICS)
		return true;
	if (reader->at < reader->end)
		return fail(reader, reader->at, "unexpected text");
	return true;
}

/* Decodes the rest of the line; a backslash of no escape stays one. */
static bool
read_help(struct exposition_reader *reader)
{
	struct buf *help = &reader->text;

	for (const char *at = reader->at; at < reader->end;) {
		size_t len = utf8_length(at);

		if (len == 0 || *at == '\0')
			return fail(reader, at, "invalid UTF-8");
		if (*at == '\\' && (at[1] == '\\' || at[1] == 'n')) {
			buf_add_char(help, at[1] == 'n' ? '\n' : '\\');
			len = 2;
		} else if (*at != '\\' || at[1] != '"' ||
		    reader->format == EXPOSITION_PROMETHEUS) {
			buf_add(help, at, len);
		}
		at += len;
	}
	return true;
}

static bool
read_type(struct exposition_reader *reader)
{
	static const struct {
		const char *name;
		enum metric_type type;
	} types[] = {{"gauge", METRIC_GAUGE}, {"counter", METRIC_COUNTER},
	    {"histogram", METRIC_HISTOGRAM}, {"summary", METRIC_SUMMARY},
	    {"untyped", METRIC_UNKNOWN}, {"unknown", METRIC_UNKNOWN},
	    {"info", METRIC_UNKNOWN}, {"stateset", METRIC_UNKNOWN},
	    {"gaugehistogram", METRIC_UNKNOWN}};
	const char *end = reader->at;
	struct json_text word;

	while (is_name_char(*end))
		end++;
	word = text_between(reader->at, end);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (!json_text_is(&word, types[i].name))
			continue;
		reader->type = types[i].type;
		if (skip_blanks(end) < reader->end)
			return fail(reader, end, "unexpected text");
		return true;
	}
	return fail(reader, reader->at, "a metric's type was expected");
}

static bool
read_unit(struct exposition_reader *reader)
{
	const char *end = reader->at;

	while (is_name_char(*end) || *end == ':')
		end++;
	buf_add(&reader->text, reader->at, (size_t)(end - reader->at));
	if (skip_blanks(end) < reader->end)
		return fail(reader, end, "unexpected text");
	return true;
}

/* True where `word` and a blank are next, which are consumed. */
static bool
consume_word(struct exposition_reader *reader, const char *word)
{
	size_t len = strlen(word);
	const char *behind = reader->at + len;

	if (strncmp(reader->at, word, len) != 0 ||
	    (*behind != ' ' && *behind != '\t'))
		return false;
	reader->at = skip_blanks(behind);
	return true;
}

/* A line that begins with "#", which stands behind. */
static enum exposition_line
read_comment(struct exposition_reader *reader)
{
	static const struct {
		const char *word;
		enum exposition_line line;
		bool (*read)(struct exposition_reader *reader);
	} kinds[] = {{"HELP", EXPOSITION_HELP, read_help},
	    {"TYPE", EXPOSITION_TYPE, read_type},
	    {"UNIT", EXPOSITION_UNIT, read_unit}};

	if (*reader->at != ' ' && *reader->at != '\t')
		return EXPOSITION_OTHER;
	reader->at = skip_blanks(reader->at);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!consume_word(reader, kinds[i].word))
			continue;
		if (!read_name(reader, &reader->name))
			return EXPOSITION_BAD;
		if (reader->at < reader->end && *reader->at != ' ' &&
		    *reader->at != '\t') {
			fail(reader, reader->at, "a blank was expected");
			return EXPOSITION_BAD;
		}
		reader->at = skip_blanks(reader->at);
		reader->text.len = 0;
		return kinds[i].read(reader) ? kinds[i].line : EXPOSITION_BAD;
	}
	return EXPOSITION_OTHER;
}

enum exposition_line
exposition_read(struct exposition_reader *reader, const char *line, size_t len,
    struct buf *problem)
{
	enum exposition_line kind;

	reader->start = line;
	reader->end = line + len;
	reader->at = skip_blanks(line);
	if (*reader->at == '#') {
		reader->at++;
		kind = read_comment(reader);
	} else if (reader->at == reader->end) {
		kind = EXPOSITION_OTHER;
	} else {
		kind = read_sample(reader) ? EXPOSITION_SAMPLE : EXPOSITION_BAD;
	}
	if (kind == EXPOSITION_BAD)
		buf_printf(problem, "%s at column %td", reader->error,
		    reader->at - reader->start + 1);
	return kind;
}

void
exposition_reader_free(struct exposition_reader *reader)
{
	free(reader->labels);
	buf_free(&reader->text);
	buf_free(&reader->control);
	*reader = (struct exposition_reader)EXPOSITION_READER_INIT;
}

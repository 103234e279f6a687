#include "exposition.h"

#include <stdbool.h>

#include "json.h"
#include "number.h"

#define TOTAL "_total"

const char *
exposition_content_type(enum exposition_format format)
{
	return format == EXPOSITION_OPENMETRICS
	    ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
	    : "text/plain; version=0.0.4; charset=utf-8";
}

/* ---- names -------------------------------------------------------------- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_name_char(char c, bool colon)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    is_digit(c) || c == '_' || (c == ':' && colon);
}

static void
add_name(struct buf *out, const char *name, size_t len, bool colon)
{
	const char *end = name + len;

	if (len == 0 || is_digit(*name))
		buf_add_char(out, '_');
	while (name < end) {
		size_t width = utf8_length(name);

		buf_add_char(out, is_name_char(*name, colon) ? *name : '_');
		name += width > 0 ? width : 1;
	}
}

void
exposition_metric_name(struct buf *out, const char *name, size_t len)
{
	add_name(out, name, len, true);
}

void
exposition_label_name(struct buf *out, const char *name, size_t len)
{
	size_t start = out->len, underscores = 0;

	add_name(out, name, len, false);
	while (start + underscores < out->len &&
	    out->data[start + underscores] == '_')
		underscores++;
	if (underscores > 1) {
		out->len -= underscores - 1;
		memmove(out->data + start + 1, out->data + start + underscores,
		    out->len - start - 1);
	}
}

/* ---- families ----------------------------------------------------------- */

static bool
ends_in(const char *name, size_t len, const char *suffix)
{
	size_t suffix_len = strlen(suffix);

	return len > suffix_len &&
	    memcmp(name + len - suffix_len, suffix, suffix_len) == 0;
}

static const char *
type_name(enum exposition_format format, enum metric_type type)
{
	switch (type) {
	case METRIC_GAUGE:
		return "gauge";
	case METRIC_COUNTER:
		return "counter";
	case METRIC_HISTOGRAM:
		return "histogram";
	case METRIC_SUMMARY:
		return "summary";
	case METRIC_UNKNOWN:
		break;
	}
	return format == EXPOSITION_OPENMETRICS ? "unknown" : "untyped";
}

static void
add_escaped(struct buf *out, const char *text, size_t len, bool quotes)
{
	const char *end = text + len, *plain = text;

	for (; text < end; text++) {
		if (*text != '\\' && *text != '\n' && (*text != '"' || !quotes))
			continue;
		buf_add(out, plain, (size_t)(text - plain));
		buf_add_char(out, '\\');
		buf_add_char(out, *text == '\n' ? 'n' : *text);
		plain = text + 1;
	}
	buf_add(out, plain, (size_t)(end - plain));
}

static void
add_family_line(
    struct buf *out, const char *keyword, const char *name, size_t len)
{
	buf_add_string(out, keyword);
	buf_add(out, name, len);
	buf_add_char(out, ' ');
}

static void
add_help(struct buf *out, enum exposition_format format, const char *name,
    size_t len, const char *help)
{
	if (help == NULL || *help == '\0')
		return;
	add_family_line(out, "# HELP ", name, len);
	add_escaped(out, help, strlen(help), format == EXPOSITION_OPENMETRICS);
	buf_add_char(out, '\n');
}

static void
add_type(struct buf *out, enum exposition_format format, const char *name,
    size_t len, enum metric_type type)
{
	add_family_line(out, "# TYPE ", name, len);
	buf_add_string(out, type_name(format, type));
	buf_add_char(out, '\n');
}

static void
add_unit(struct buf *out, const char *name, size_t len, const char *unit)
{
	if (unit == NULL || *unit == '\0' || !ends_in(name, len, unit) ||
	    name[len - strlen(unit) - 1] != '_')
		return;
	add_family_line(out, "# UNIT ", name, len);
	buf_add_string(out, unit);
	buf_add_char(out, '\n');
}

/* Each format's lines are in the order that its specification shows. */
void
exposition_family(struct buf *out, enum exposition_format format,
    const char *name, enum metric_type type, const char *help, const char *unit)
{
	size_t len = strlen(name);

	if (format == EXPOSITION_PROMETHEUS) {
		add_help(out, format, name, len, help);
		add_type(out, format, name, len, type);
		return;
	}
	if (type == METRIC_COUNTER) {
		if (ends_in(name, len, TOTAL))
			len -= strlen(TOTAL);
		else
			type = METRIC_UNKNOWN;
	}
	add_type(out, format, name, len, type);
	add_unit(out, name, len, unit);
	add_help(out, format, name, len, help);
}

/* ---- samples ------------------------------------------------------------ */

void
exposition_escape(struct buf *out, const char *value, size_t len)
{
	add_escaped(out, value, len, true);
}

/* A metric's name ends in no quote: behind one there are labels already. */
static bool
has_labels(const struct buf *out)
{
	return out->data[out->len - 1] == '"';
}

void
exposition_label(
    struct buf *out, const char *name, const char *value, size_t len)
{
	buf_add_char(out, has_labels(out) ? ',' : '{');
	buf_add_string(out, name);
	buf_add_string(out, "=\"");
	exposition_escape(out, value, len);
	buf_add_char(out, '"');
}

/* 1756900800, 1756900800.250 */
static void
add_seconds(struct buf *out, int64_t ms)
{
	int fraction = (int)(ms % 1000);

	if (ms < 0 && ms > -1000)
		buf_add_char(out, '-');
	number_write_integer(out, ms / 1000);
	if (fraction != 0)
		buf_printf(out, ".%03d", fraction < 0 ? -fraction : fraction);
}

void
exposition_value(struct buf *out, enum exposition_format format,
    const char *value, size_t len, int64_t timestamp_ms)
{
	if (has_labels(out))
		buf_add_char(out, '}');
	buf_add_char(out, ' ');
	buf_add(out, value, len);
	if (timestamp_ms != EXPOSITION_NO_TIMESTAMP) {
		buf_add_char(out, ' ');
		if (format == EXPOSITION_OPENMETRICS)
			add_seconds(out, timestamp_ms);
		else
			number_write_integer(out, timestamp_ms);
	}
	buf_add_char(out, '\n');
}

void
exposition_end(struct buf *out, enum exposition_format format)
{
	if (format == EXPOSITION_OPENMETRICS)
		buf_add_string(out, "# EOF\n");
}

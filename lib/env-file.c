#include "env-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "json.h"

/* systemd reads no more of an environment file than that. */
#define FILE_BYTES_MAX ((size_t)64 << 20)
/* MAX_ARG_STRLEN of execve(2), less "=" and the NUL. */
#define VARIABLE_BYTES_MAX (((size_t)128 << 10) - 1)

enum state {
	BEFORE_KEY,
	KEY,
	BEFORE_VALUE, /* and behind a quoted part of it */
	VALUE,
	VALUE_ESCAPE,
	SINGLE_QUOTED,
	DOUBLE_QUOTED,
	DOUBLE_QUOTED_ESCAPE,
	COMMENT,
	COMMENT_ESCAPE,
};

struct parser {
	enum state state;
	struct buf key, value;
	size_t value_kept; /* without the blanks at its end */
	unsigned line, key_line;
	env_file_taker *take;
	void *context;
	const char *problem; /* the first, or NULL */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
is_newline(char c)
{
	return c == '\n' || c == '\r';
}

static bool
is_utf8(const char *text)
{
	size_t len;

	for (; *text != '\0'; text += len)
		if ((len = utf8_length(text)) == 0)
			return false;
	return true;
}

static bool
is_name(const char *text)
{
	return (text[0] < '0' || text[0] > '9') && text[0] != '\0' &&
	    text[strspn(text,
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789_")] == '\0';
}

/* An assignment is whole. */
static void
assign(struct parser *parser)
{
	struct buf *key = &parser->key, *value = &parser->value;

	while (key->len > 0 && is_blank(key->data[key->len - 1]))
		key->len--;
	if (parser->state == VALUE)
		value->len = parser->value_kept;
	buf_terminate(key);
	buf_terminate(value);
	if (!is_utf8(key->data) || !is_utf8(value->data))
		parser->problem = "it is not UTF-8, and systemd refuses it";
	else if (key->len + value->len >= VARIABLE_BYTES_MAX)
		parser->problem =
		    "it has a variable of 128 KiB or more, which no process can be given; ..._FILE can name a file that holds the value";
	else if (is_name(key->data))
		parser->take(
		    parser->context, key->data, value->data, parser->key_line);
	key->len = value->len = parser->value_kept = 0;
	parser->state = BEFORE_KEY;
}

static void
add(struct parser *parser, char c)
{
	buf_add_char(&parser->value, c);
	/* Blanks count unless they are at the end and not quoted. */
	if (!is_blank(c) || parser->state != VALUE)
		parser->value_kept = parser->value.len;
}

static void
step_key(struct parser *parser, char c)
{
	if (parser->state == BEFORE_KEY) {
		if (is_blank(c))
			return;
		parser->state = c == '#' || c == ';' ? COMMENT : KEY;
		parser->key_line = parser->line;
		if (parser->state == COMMENT)
			return;
	}
	if (is_newline(c)) {
		parser->key.len = 0;
		parser->state = BEFORE_KEY;
	} else if (c == '=') {
		parser->state = BEFORE_VALUE;
	} else {
		buf_add_char(&parser->key, c);
	}
}

static void
step_value(struct parser *parser, char c)
{
	if (is_newline(c)) {
		assign(parser);
	} else if (c == '\\') {
		parser->state = VALUE_ESCAPE;
		parser->value_kept = parser->value.len;
	} else if (parser->state == VALUE) {
		/* A quote in the middle is like any other character. */
		add(parser, c);
	} else if (c == '\'') {
		parser->state = SINGLE_QUOTED;
	} else if (c == '"') {
		parser->state = DOUBLE_QUOTED;
	} else if (!is_blank(c)) {
		parser->state = VALUE;
		add(parser, c);
	}
}

static void
step(struct parser *parser, char c)
{
	switch (parser->state) {
	case BEFORE_KEY:
	case KEY:
		step_key(parser, c);
		break;
	case BEFORE_VALUE:
	case VALUE:
		step_value(parser, c);
		break;
	case VALUE_ESCAPE:
		/* An escaped newline joins two lines. */
		if (!is_newline(c))
			add(parser, c);
		parser->state = VALUE;
		break;
	case SINGLE_QUOTED:
	case DOUBLE_QUOTED:
		if (c == (parser->state == SINGLE_QUOTED ? '\'' : '"'))
			parser->state = BEFORE_VALUE;
		else if (c == '\\' && parser->state == DOUBLE_QUOTED)
			parser->state = DOUBLE_QUOTED_ESCAPE;
		else
			add(parser, c);
		break;
	case DOUBLE_QUOTED_ESCAPE:
		if (strchr("\"\\`$", c) == NULL && c != '\n')
			add(parser, '\\');
		if (c != '\n')
			add(parser, c);
		parser->state = DOUBLE_QUOTED;
		break;
	case COMMENT:
		if (c == '\\')
			parser->state = COMMENT_ESCAPE;
		else if (is_newline(c))
			parser->state = BEFORE_KEY;
		break;
	case COMMENT_ESCAPE:
		parser->state = COMMENT;
		break;
	}
	if (c == '\n')
		parser->line++;
}

/* Returns what is wrong with it, or NULL. */
static const char *
parse(const struct buf *text, env_file_taker *take, void *context)
{
	struct parser parser = {.line = 1, .take = take, .context = context};

	for (size_t i = 0; i < text->len && parser.problem == NULL; i++)
		step(&parser, text->data[i]);
	/* A quote that nobody closed is closed by the end of the file. */
	if (parser.problem == NULL && parser.state != BEFORE_KEY &&
	    parser.state != KEY && parser.state != COMMENT &&
	    parser.state != COMMENT_ESCAPE)
		assign(&parser);
	buf_free(&parser.key);
	buf_free(&parser.value);
	return parser.problem;
}

/* Appends the file; NULL, or what is wrong with it. */
static const char *
read_file(const char *path, struct buf *text)
{
	/* O_NONBLOCK: nobody waits for the writer of a fifo. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *problem = NULL;
	struct stat st;
	ssize_t got = 0;

	if (fd < 0)
		return strerror(errno);
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		problem = "it is not a regular file";
	while (problem == NULL && text->len <= FILE_BYTES_MAX &&
	    (got = read(fd, buf_reserve(text, 65536), 65536)) > 0)
		text->len += (size_t)got;
	if (got < 0)
		problem = strerror(errno);
	else if (text->len > FILE_BYTES_MAX)
		problem = "it is larger than systemd reads";
	else if (text->len > 0 && memchr(text->data, '\0', text->len) != NULL)
		problem = "it has a NUL byte, which systemd refuses";
	close(fd);
	return problem;
}

const char *
env_file_read(const char *path, env_file_taker *take, void *context)
{
	struct buf text = BUF_INIT;
	const char *problem = read_file(path, &text);

	if (problem == NULL)
		problem = parse(&text, take, context);
	buf_free(&text);
	return problem;
}

#include "tokens.h"

#include <errno.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "env.h"
#include "io.h"
#include "log.h"
#include "metric.h"

#define FILE_BYTES_MAX ((size_t)1 << 20)
#define TOKEN_BYTES 32

/* ---- a line ------------------------------------------------------------- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
read_hash(const char *word, unsigned char hash[TOKEN_HASH_BYTES])
{
	if (strspn(word, "0123456789abcdef") != strlen(word) ||
	    strlen(word) != (size_t)2 * TOKEN_HASH_BYTES)
		return false;
	for (size_t i = 0; i < TOKEN_HASH_BYTES; i++)
		hash[i] = (unsigned char)(hex_digit(word[2 * i]) << 4 |
		    hex_digit(word[2 * i + 1]));
	return true;
}

static bool
read_apps(const char *word, struct list *apps)
{
	if (strcmp(word, "*") == 0)
		return true;
	env_split(word, &apps->items, &apps->count);
	for (size_t i = 0; i < apps->count; i++)
		if (!metric_app_id_is_valid(
			apps->items[i], strlen(apps->items[i])))
			return false;
	return apps->count > 0;
}

static bool
read_rights(const char *word, struct token *token)
{
	token->may_read =
	    strcmp(word, "read") == 0 || strcmp(word, "read,write") == 0;
	token->may_write =
	    strcmp(word, "write") == 0 || strcmp(word, "read,write") == 0;
	return token->may_read || token->may_write;
}

static bool
read_option(const char *word, struct token *token)
{
	char *end;

	if (strncmp(word, "origin=http", strlen("origin=http")) == 0) {
		free(token->origin);
		token->origin = xstrdup(word + strlen("origin="));
		return true;
	}
	if (strncmp(word, "rate=", strlen("rate=")) != 0)
		return false;
	word += strlen("rate=");
	token->rate = strtod(word, &end);
	token->budget = token->rate;
	return *word >= '0' && *word <= '9' && *end == '\0' &&
	    token->rate > 0 && token->rate < 1e12;
}

static void
free_token(struct token *token)
{
	env_list_free(token->apps.items, token->apps.count);
	free(token->origin);
}

/* What is wrong with a line's words behind the hash, or NULL. */
static const char *
read_words(char *words, struct token *token)
{
	char *state, *word = strtok_r(words, " \t", &state);

	if (word == NULL || !read_apps(word, &token->apps))
		return "the apps are ids with commas between, or *";
	word = strtok_r(NULL, " \t", &state);
	if (word == NULL || !read_rights(word, token))
		return "the rights are read, write or read,write";
	while ((word = strtok_r(NULL, " \t", &state)) != NULL)
		if (!read_option(word, token))
			return "behind the rights there may be rate=N and "
			       "origin=https://HOST";
	if (token->origin != NULL && token->may_read)
		return "a token with an origin is there to write only";
	return NULL;
}

static const char *
read_line(char *line, struct token *token)
{
	size_t len = strcspn(line, " \t");
	bool has_more = line[len] != '\0';

	line[len] = '\0';
	if (!read_hash(line, token->hash))
		return "a line begins with the SHA-256 of a token, 64 "
		       "hexadecimal digits";
	return read_words(has_more ? line + len + 1 : line + len, token);
}

/* ---- the file ----------------------------------------------------------- */

static void
free_tokens(struct tokens *tokens)
{
	for (size_t i = 0; i < tokens->count; i++)
		free_token(&tokens->items[i]);
	free(tokens->items);
	*tokens = (struct tokens){.count = 0};
}

static bool
read_lines(
    struct tokens *tokens, char *text, const char *path, struct buf *problem)
{
	unsigned number = 0;
	char *line;

	while ((line = strsep(&text, "\n")) != NULL) {
		struct token token = {.rate = 0};
		const char *wrong;

		number++;
		line[strcspn(line, "#\r")] = '\0';
		line += strspn(line, " \t");
		if (*line == '\0')
			continue;
		wrong = read_line(line, &token);
		if (wrong != NULL) {
			free_token(&token);
			buf_printf(problem, "%s:%u: %s", path, number, wrong);
			return false;
		}
		tokens->items = grow_by_one(
		    tokens->items, tokens->count, sizeof(*tokens->items));
		tokens->items[tokens->count++] = token;
	}
	return true;
}

bool
tokens_read(struct tokens *tokens, const char *path, struct buf *problem)
{
	struct tokens new = {.count = 0};
	struct buf text = BUF_INIT;
	bool good;

	if (!read_file(path, FILE_BYTES_MAX, &text)) {
		buf_printf(problem, "%s: %s", path, strerror(errno));
		buf_free(&text);
		return false;
	}
	good = read_lines(&new, buf_terminate(&text), path, problem);
	if (good) {
		free_tokens(tokens);
		*tokens = new;
	} else {
		free_tokens(&new);
	}
	buf_free(&text);
	return good;
}

/* ---- use ---------------------------------------------------------------- */

static void
hash_token(const char *text, size_t len, unsigned char hash[TOKEN_HASH_BYTES])
{
	SHA2_CTX context;

	SHA256Init(&context);
	SHA256Update(&context, (const uint8_t *)text, len);
	SHA256Final(hash, &context);
}

struct token *
tokens_find(const struct tokens *tokens, const char *text, size_t len)
{
	unsigned char hash[TOKEN_HASH_BYTES];
	struct token *found = NULL;

	hash_token(text, len, hash);
	for (size_t i = 0; i < tokens->count; i++) {
		unsigned char differs = 0;

		for (size_t j = 0; j < TOKEN_HASH_BYTES; j++)
			differs = (unsigned char)(differs |
			    (hash[j] ^ tokens->items[i].hash[j]));
		if (differs == 0)
			found = &tokens->items[i];
	}
	return found;
}

bool
token_covers(const struct token *token, const char *app_id)
{
	return token->apps.count == 0 ||
	    (app_id != NULL && list_has(&token->apps, app_id));
}

unsigned
token_charge(struct token *token, long metrics, int64_t now_ms)
{
	if (token->rate <= 0)
		return 0;
	token->budget +=
	    token->rate * (double)(now_ms - token->budget_ms) / 1000;
	if (token->budget > token->rate)
		token->budget = token->rate;
	token->budget_ms = now_ms;
	if (token->budget < 0)
		return 1 + (unsigned)(-token->budget / token->rate);
	token->budget -= (double)metrics;
	return 0;
}

/* ---- new ones ----------------------------------------------------------- */

static void
add_hex(struct buf *out, const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_printf(out, "%02x", bytes[i]);
	buf_terminate(out);
}

void
token_make_and_exit(const char *what)
{
	unsigned char bytes[TOKEN_BYTES], hash[TOKEN_HASH_BYTES];
	struct buf text = BUF_INIT, digits = BUF_INIT;
	struct token token = {.rate = 0};
	char *words = xstrdup(what);
	const char *wrong = read_words(words, &token);

	if (wrong != NULL)
		die(EX_USAGE, "-t is \"%s\"; %s", what, wrong);
	arc4random_buf(bytes, sizeof(bytes));
	add_hex(&text, bytes, sizeof(bytes));
	hash_token(text.data, text.len, hash);
	add_hex(&digits, hash, sizeof(hash));
	fprintf(stderr, "token: %s\n", text.data);
	printf("%s %s\n", digits.data, what);
	explicit_bzero(text.data, text.len);
	buf_free(&text);
	buf_free(&digits);
	free(words);
	free_token(&token);
	exit(fflush(stdout) == 0 ? EX_OK : EX_IOERR);
}

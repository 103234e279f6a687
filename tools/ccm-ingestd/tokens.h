/*
 * The tokens that clients show: a file with a line for each,
 *
 *	HASH APPS RIGHTS [rate=N] [origin=ORIGIN]
 *
 * HASH is the SHA-256 of the token in hexadecimal digits (tokens are random, so
 * nothing slower is needed), APPS app ids with commas between or "*", RIGHTS
 * "read", "write" or "read,write", N the metrics a second that may come with
 * it. One with an ORIGIN is a browser's: it is good from there, to write only.
 * "#" begins a comment.
 */
#ifndef CCM_INGESTD_TOKENS_H
#define CCM_INGESTD_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "settings.h"

#define TOKEN_HASH_BYTES 32

struct token {
	unsigned char hash[TOKEN_HASH_BYTES];
	struct list apps; /* none: any app */
	bool may_read, may_write;
	double rate;  /* metrics a second; 0: any number */
	char *origin; /* NULL: it is no browser's */

	/* private */
	double budget; /* metrics; below 0 it has to wait */
	int64_t budget_ms;
};

struct tokens {
	struct token *items;
	size_t count;
};

/* Reads the file. False with a problem that names the line: `tokens` is as it
 * was then, else what it had is freed. */
bool tokens_read(struct tokens *tokens, const char *path, struct buf *problem);

/* The token that is `text`, in a time that does not depend on how much of it
 * is right; NULL where there is none. */
struct token *tokens_find(
    const struct tokens *tokens, const char *text, size_t len);

bool token_covers(const struct token *token, const char *app_id);

/*
 * Takes that many metrics off the token's budget, which is a second's worth at
 * most. Where it is used up nothing is taken, and the seconds to wait are
 * returned, else 0. A batch may be larger than what is left: the next one waits
 * for longer.
 */
unsigned token_charge(struct token *token, long metrics, int64_t now_ms);

/* Makes a token and prints it to stderr, and its line to stdout; exits 0, or
 * with EX_USAGE where `what` is not "APPS RIGHTS [...]". */
void token_make_and_exit(const char *what) __attribute__((noreturn));

#endif

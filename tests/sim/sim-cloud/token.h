/*
 * Page tokens: opaque, bound to the request that they were given for, and
 * short-lived. They hold characters that a client has to encode in a query
 * string ("+", "=").
 */
#ifndef SIM_CLOUD_TOKEN_H
#define SIM_CLOUD_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/* Base 64 of RFC 4648, with padding. */
void base64_write(struct buf *out, const unsigned char *bytes, size_t len);

/* What a token is bound to: a path, a body, and `what` else there is. */
uint64_t token_binding(uint64_t secret, const char *path, const char *what,
    const char *body, size_t len);

void token_write(struct buf *out, uint64_t secret, uint64_t binding,
    size_t offset, int64_t issued_ms);

enum token_state { TOKEN_INVALID, TOKEN_FOREIGN, TOKEN_GOOD };

/* On TOKEN_GOOD, what the token was written with. */
enum token_state token_read(const char *text, uint64_t secret, uint64_t binding,
    size_t *offset, int64_t *issued_ms);

#endif

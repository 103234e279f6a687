/*
 * Who may do what: tokens, the list of apps, origins of browsers, and the Host
 * that a request is for.
 *
 * - A page from elsewhere may neither write nor read: a request whose Origin is
 *   not ours and not allowed is refused, whatever its Content-Type is.
 * - On a loopback address without tokens, whoever reaches it may do all. So
 *   that no page does by a DNS name of its own that points here, Host has to
 *   be a loopback name or address, or in CCM_HOSTS.
 * - A token's rights are its line's (tokens.h).
 */
#ifndef CCM_INGESTD_ACCESS_H
#define CCM_INGESTD_ACCESS_H

#include <stdbool.h>

#include "http-server.h"
#include "settings.h"
#include "tokens.h"

struct access {
	const struct settings *settings;
	struct tokens tokens;
	bool has_tokens; /* CCM_TOKENS_FILE: each route that is not open needs
			    one */
};

/* A socket that we listen on; the tag of its requests. */
struct place {
	bool is_loopback; /* a TCP address, so that a browser can reach it */
	bool is_read_only;
};

enum access_right { ACCESS_OPEN, ACCESS_READ, ACCESS_WRITE };

/* Reads the tokens, where there are any, or exits with EX_CONFIG. */
void access_init_or_die(struct access *access, const struct settings *settings);

/* Reads them again; where they are wrong that is logged, and the old ones stay.
 */
void access_reload(struct access *access);

/* For any request, before all else: false where its Host or Origin is refused,
 * and that was answered. An allowed Origin gets its header lines. */
bool access_check_origin(
    const struct access *access, struct http_exchange *exchange);

/* False where that right on that app (NULL: all of them) is refused, and that
 * was answered. *token is the one that was shown, or NULL. */
bool access_check_right(const struct access *access,
    struct http_exchange *exchange, enum access_right right, const char *app_id,
    struct token **token);

/* True where the request comes from a page that is allowed to. */
bool access_has_origin(const struct http_exchange *exchange);

#endif

/*
 * Sockets that a server listens on: by address, by path, or handed over by
 * systemd (sd_listen_fds(3)).
 */
#ifndef CCM_LISTEN_H
#define CCM_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/*
 * A socket that listens, not blocking, for `where`: ADDR:PORT (an IPv4 address
 * or a name, an IPv6 address in brackets, "*" for any) or the path of a Unix
 * socket, which has a "/". A socket file that nobody listens on any more is
 * replaced. -1 with a problem.
 */
int listen_on(const char *where, struct buf *problem);

/*
 * The sockets that systemd has handed over (LISTEN_PID, LISTEN_FDS; both are
 * taken out of the environment): their number, from descriptor 3 on; 0 where
 * there are none. They do not block from here on, and are not inherited.
 */
int listen_inherited(void);

/* Where a socket listens, for a message and for who has asked for port 0:
 * "127.0.0.1:5000", "[::1]:5000", a path, or "@" and an abstract name. */
void listen_describe(int fd, struct buf *out);

/* True where only processes of this machine can connect to it. */
bool listen_is_local(int fd);

#endif

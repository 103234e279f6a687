/*
 * Hosts that are this machine: what is sent to them is seen by nobody else.
 */
#ifndef CCM_LOOPBACK_H
#define CCM_LOOPBACK_H

#include <stdbool.h>

/* "localhost", "127.x.x.x" or "[::1]", as a URL has the host. */
bool is_loopback(const char *host);

#endif

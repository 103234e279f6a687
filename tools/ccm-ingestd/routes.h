/*
 * What the requests to ccm-ingestd mean: its paths and methods.
 */
#ifndef CCM_INGESTD_ROUTES_H
#define CCM_INGESTD_ROUTES_H

#include "http-server.h"

struct daemon;

/* Puts the callbacks into the daemon's HTTP server. */
void routes_install(struct daemon *daemon);

#endif

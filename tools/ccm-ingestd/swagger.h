/*
 * Swagger UI for /openapi.json: a page of ours, and two files of the
 * distribution of Swagger UI, which are read from a directory of this machine.
 * The page asks no other host, which its Content-Security-Policy enforces.
 */
#ifndef CCM_INGESTD_SWAGGER_H
#define CCM_INGESTD_SWAGGER_H

#include "http-server.h"

/*
 * Answers a GET of /swagger-ui, or of a path below it; 404, which says how to
 * get them, where the directory lacks one of the two files, or for another
 * path.
 */
void swagger_get(const char *directory, struct http_exchange *exchange);

#endif

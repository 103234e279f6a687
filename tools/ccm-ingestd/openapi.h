/*
 * The description of the API, openapi.json beside this, as it is served: a text
 * without the white space between its tokens.
 */
#ifndef CCM_INGESTD_OPENAPI_H
#define CCM_INGESTD_OPENAPI_H

#include <stddef.h>

extern const char openapi_json[];
extern const size_t openapi_json_len;

#endif

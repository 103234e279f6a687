#include "openapi.h"

/* Bytes, since no compiler has to take a string that long. */
const char openapi_json[] = {
#include "openapi.inc"
};
const size_t openapi_json_len = sizeof(openapi_json);

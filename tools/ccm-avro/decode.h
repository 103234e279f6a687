/*
 * ccm-avro decode: messages from ccm-consume to lines of client metrics.
 */
#ifndef CCM_AVRO_DECODE_H
#define CCM_AVRO_DECODE_H

#include "writers.h"

/*
 * Runs until the end of standard input. A message that is no client metric is
 * logged and passed over. Returns EX_OK, EX_DATAERR where there was one, or
 * what the registry's absence is worth; exits with EX_IOERR where standard
 * output cannot be written to.
 */
int decode(struct writers *writers);

#endif

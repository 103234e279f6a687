/*
 * ccm-avro encode and ccm-avro loop: lines of ccm-ingestd's spool to frames of
 * messages, or to the lines that these messages would come back as.
 */
#ifndef CCM_AVRO_ENCODE_H
#define CCM_AVRO_ENCODE_H

#include <stdint.h>

/*
 * Both return EX_OK or EX_DATAERR, or exit as filter_run() does. Bad lines are
 * appended to the file `reject_path`, where that is not NULL.
 */
int encode(uint32_t schema_id, const char *reject_path);
int loop(const char *reject_path);

#endif

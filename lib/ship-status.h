/*
 * The file .status of a spool, as ccm-ship writes it and ccm-ship(1) describes
 * it: what others read of it.
 */
#ifndef CCM_LIB_SHIP_STATUS_H
#define CCM_LIB_SHIP_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#define SHIP_STATUS_NAME ".status"

struct ship_status {
	uint64_t sent_lines, set_aside_lines; /* over restarts */
	char *last_error; /* NULL: none since the last success */
};

/*
 * Reads the file of the spool `dir_fd`. False where there is none that can be
 * read; what it lacks, or has in another form, is 0 or NULL.
 */
bool ship_status_read(int dir_fd, struct ship_status *status);

void ship_status_free(struct ship_status *status);

#endif

/*
 * The state directory, where ccm-scrape keeps what it has done.
 */
#ifndef CCM_STATE_H
#define CCM_STATE_H

#include "buf.h"

/*
 * $STATE_DIRECTORY (systemd gives it; a list of several is refused), else
 * $XDG_STATE_HOME/ccm, where that is absolute, else ~/.local/state/ccm: an
 * absolute path, the caller's to free. NULL where none of them is set or the
 * first is a list; `problem` has what is wrong appended.
 */
char *state_directory(struct buf *problem);

#endif

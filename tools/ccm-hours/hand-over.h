/*
 * What leaves the directory of an hour that is done: its records go to the
 * spool, values that could not be read to rejected/.
 */
#ifndef CCM_HOURS_HAND_OVER_H
#define CCM_HOURS_HAND_OVER_H

#include <stdbool.h>

#include "run.h"

/*
 * Hands over all that is in hours/, oldest first. `recovering`: a killed run
 * has left it. Where there is nothing, nothing is synced.
 */
bool hand_over(struct run *run, bool recovering);

#endif

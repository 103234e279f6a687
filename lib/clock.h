/*
 * Times in milliseconds.
 */
#ifndef CCM_CLOCK_H
#define CCM_CLOCK_H

#include <stdint.h>

/* Since the epoch. */
int64_t clock_ms(void);

/* Since some moment in the past: for durations, whatever the clock is set to.
 */
int64_t monotonic_ms(void);

#endif

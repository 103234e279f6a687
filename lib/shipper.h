/*
 * The ccm-ship that runs us, if one does.
 */
#ifndef CCM_SHIPPER_H
#define CCM_SHIPPER_H

#include <stdbool.h>

/*
 * What we wait for, or why we fail (CCM_SHIP_REASON in ccm-ship(1)): it shows
 * that in its status and logs it once, where we would at each attempt. False
 * where there is none, or none any more.
 */
bool shipper_tell(const char *reason);

/* Reports to the shipper, or logs an error if there is none; then exits. */
void shipper_die(int status, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

#endif

/*
 * Numbers in messages: "1 file", "2 files".
 */
#ifndef CCM_PLURAL_H
#define CCM_PLURAL_H

/* What stands behind "file", for a number of any integer type: "s" where it is
 * not 1. */
#define plural(number) ((number) == 1 ? "" : "s")

#endif

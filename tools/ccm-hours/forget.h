/*
 * Hours that have left the window: the undone ones and the owing ones are lost,
 * which is logged and counted; then all of them are forgotten.
 */
#ifndef CCM_HOURS_FORGET_H
#define CCM_HOURS_FORGET_H

#include "run.h"

/* To be called after each call of PROG, since that may have shown the time. */
bool forget_old(struct run *run);

/* The count of status/hours_lost; garbage is set aside. -1 where it cannot be
 * read. */
int64_t forget_count(struct dir *dir);

#endif

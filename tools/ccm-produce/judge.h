/*
 * What a send that is over comes to: an exit status, and a sentence.
 */
#ifndef CCM_PRODUCE_JUDGE_H
#define CCM_PRODUCE_JUDGE_H

#include "buf.h"
#include "send.h"

/*
 * EX_OK where each record is on the topic and the writer had no bad line.
 * Otherwise a status of <sysexits.h>, with the reason in `why`:
 *
 *	65  only what no later try mends is missing
 *	75  not proved: it has to be sent again
 *	77  78  refused by a broker
 *	else  the writer's own, or that of a fault
 */
int judge(const struct send *send, struct buf *why);

/* True where all that is missing is in the file for refused records. */
bool only_refused_are_missing(const struct send *send);

#endif

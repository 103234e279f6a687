/*
 * The way back from Kafka, put together: the FIFO, the series, and their page.
 */
#ifndef CCM_INGESTD_WAY_BACK_H
#define CCM_INGESTD_WAY_BACK_H

struct daemon;

/* Adds it to the daemon's loop. Exits as feed_open_or_die() does. */
void way_back_set_up(struct daemon *daemon);

#endif

/*
 * The figures that stand behind the client metrics at /prometheus-metrics: of
 * the way to Kafka and back, and the daemon's own.
 */
#ifndef CCM_INGESTD_FIGURES_H
#define CCM_INGESTD_FIGURES_H

#include "buf.h"

struct daemon;

void figures_write(struct daemon *daemon, struct buf *out);

#endif

/*
 * /api/v2/app/ID/health, by draft-inadarei-api-health-check-06: "pass"; "warn"
 * while metrics are accepted and wait for Kafka; "fail", with 503, when they
 * are not.
 */
#ifndef CCM_INGESTD_HEALTH_H
#define CCM_INGESTD_HEALTH_H

#include "buf.h"

struct daemon;

/* Why nothing can be accepted now, or NULL. */
const char *health_refusal(const struct daemon *daemon);

/* Appends the document; returns the status of the answer. */
int health_write(struct daemon *daemon, struct buf *out);

#endif

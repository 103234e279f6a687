/*
 * Where the Metrics API is, unless CONFLUENT_METRICS_HOST says otherwise.
 */
#ifndef CCM_METRICS_HOST_H
#define CCM_METRICS_HOST_H

#define METRICS_HOST_DEFAULT "https://api.telemetry.confluent.cloud"

#endif

/*
 * The parts of ccm-ingestd, in one place.
 */
#ifndef CCM_INGESTD_DAEMON_H
#define CCM_INGESTD_DAEMON_H

#include "http-server.h"
#include "ingest.h"
#include "loop.h"
#include "notify.h"
#include "settings.h"
#include "spool.h"

struct daemon {
	struct settings settings;
	struct loop loop;
	struct http_server server;
	struct spool spool;
	struct ingest ingest;
	struct notify notify;
	struct loop_fd signals;
	struct loop_timer watchdog, drain;
	int64_t watchdog_ms;
	bool is_stopping;
};

#endif

/*
 * The parts of ccm-ingestd, in one place.
 */
#ifndef CCM_INGESTD_DAEMON_H
#define CCM_INGESTD_DAEMON_H

#include "access.h"
#include "apps.h"
#include "feed.h"
#include "http-server.h"
#include "ingest.h"
#include "loop.h"
#include "notify.h"
#include "page.h"
#include "producer.h"
#include "series.h"
#include "settings.h"
#include "spool.h"

struct daemon {
	struct settings settings;
	struct loop loop;
	struct http_server server;
	struct access access;
	struct spool spool;
	struct ingest ingest;
	struct apps apps;
	struct series_table series;
	const char *feed_path; /* of the FIFO, or NULL */
	bool is_development;   /* ccm-ship writes to the FIFO */
	struct feed feed;
	struct producer producer;
	struct page page;
	char *swagger_directory;
	int64_t started_ms;
	bool has_two_apps; /* once, and over restarts */
	struct notify notify;
	struct loop_fd signals;
	struct loop_timer watchdog, drain, expire;
	int64_t watchdog_ms;
	bool is_stopping;
};

#endif

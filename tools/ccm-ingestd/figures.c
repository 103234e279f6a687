#include "figures.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "daemon.h"
#include "exposition.h"
#include "io.h"
#include "number.h"

#define FORMAT EXPOSITION_PROMETHEUS

static void
add_value(struct buf *out, double value)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%.15g", value);

	exposition_value(
	    out, FORMAT, text, (size_t)len, EXPOSITION_NO_TIMESTAMP);
}

static void
add_count(struct buf *out, uint64_t value)
{
	struct buf text = BUF_INIT;

	number_write_integer(&text, (int64_t)value);
	exposition_value(
	    out, FORMAT, text.data, text.len, EXPOSITION_NO_TIMESTAMP);
	buf_free(&text);
}

/* A family of one sample. */
static void
add_counter(struct buf *out, const char *name, const char *help, uint64_t value)
{
	exposition_family(out, FORMAT, name, METRIC_COUNTER, help, NULL);
	exposition_sample(out, name);
	add_count(out, value);
}

static void
add_gauge(struct buf *out, const char *name, const char *help, double value)
{
	exposition_family(out, FORMAT, name, METRIC_GAUGE, help, NULL);
	exposition_sample(out, name);
	add_value(out, value);
}

/* ---- Kafka -------------------------------------------------------------- */

static void
add_kafka(const struct daemon *daemon, struct buf *out)
{
	const struct producer *producer = &daemon->producer;

	add_counter(out, "kafka_metrics_sent_total",
	    "Total metrics sent to Kafka", producer->sent);
	add_counter(out, "kafka_metrics_failed_total",
	    "Total metrics that could not be sent to Kafka", producer->failed);
	add_counter(out, "kafka_metrics_consumed_total",
	    "Total metrics consumed from Kafka", daemon->feed.consumed);
	add_gauge(out, "kafka_producer_status",
	    "Kafka producer status (1 = up, 0 = down)",
	    producer_is_up(producer));
	add_gauge(out, "kafka_consumer_status",
	    "Kafka consumer status (1 = up, 0 = down)",
	    feed_is_up(&daemon->feed));
	if (daemon->feed.lag >= 0)
		add_gauge(out, "kafka_consumer_lag",
		    "Records that wait in the partitions that are read",
		    (double)daemon->feed.lag);
}

/* ---- the daemon --------------------------------------------------------- */

static void
add_answers(const struct daemon *daemon, struct buf *out)
{
	static const char name[] = "ccm_ingestd_requests_total";
	const uint64_t *answers = daemon->server.counts.answers;
	char code[12];

	exposition_family(out, FORMAT, name, METRIC_COUNTER,
	    "Requests by the status of their answer", NULL);
	for (int status = 100; status < 600; status++) {
		if (answers[status] == 0)
			continue;
		snprintf(code, sizeof(code), "%d", status);
		exposition_sample(out, name);
		exposition_label(out, "code", code, strlen(code));
		add_count(out, answers[status]);
	}
}

static void
add_refusal(struct buf *out, const char *reason, uint64_t count)
{
	exposition_sample(out, "ccm_ingestd_refused_total");
	exposition_label(out, "reason", reason, strlen(reason));
	add_count(out, count);
}

static void
add_refusals(const struct daemon *daemon, struct buf *out)
{
	const uint64_t *answers = daemon->server.counts.answers;

	exposition_family(out, FORMAT, "ccm_ingestd_refused_total",
	    METRIC_COUNTER, "What was refused, by the reason", NULL);
	add_refusal(out, "invalid",
	    answers[400] + answers[411] + answers[414] + answers[415] +
		answers[417] + answers[422] + answers[431] + answers[501] +
		answers[505]);
	add_refusal(out, "not_allowed", answers[401] + answers[403]);
	add_refusal(out, "too_large", answers[413]);
	add_refusal(out, "too_slow", answers[408]);
	add_refusal(out, "rate", answers[429]);
	add_refusal(out, "not_kept", answers[503]);
	add_refusal(out, "series_limit", daemon->series.over_limit);
	add_refusal(out, "evicted", daemon->server.counts.evicted);
}

static void
add_http(const struct daemon *daemon, struct buf *out)
{
	const struct http_counts *counts = &daemon->server.counts;

	add_counter(out, "ccm_ingestd_connections_accepted_total",
	    "Connections that clients have opened", counts->accepted);
	add_gauge(out, "ccm_ingestd_connections", "Connections that are open",
	    counts->open);
	add_counter(out, "ccm_ingestd_received_bytes_total",
	    "Bytes received from clients", counts->received_bytes);
	add_counter(out, "ccm_ingestd_sent_bytes_total",
	    "Bytes sent to clients", counts->sent_bytes);
}

static void
add_spool(const struct daemon *daemon, struct buf *out)
{
	const struct spool *spool = &daemon->spool;
	double age = 0;

	if (spool->oldest_ms > 0)
		age = (double)(clock_ms() - spool->oldest_ms) / 1000;
	add_counter(out, "ccm_ingestd_metrics_accepted_total",
	    "Metrics that were accepted", daemon->ingest.accepted);
	add_counter(out, "ccm_ingestd_commits_total",
	    "Writes to the spool, each for all requests that waited",
	    spool->commits);
	add_counter(out, "ccm_ingestd_commit_failures_total",
	    "Writes to the spool that failed", spool->failures);
	add_gauge(out, "ccm_ingestd_spool_bytes",
	    "Bytes in the spool, with what was set aside",
	    (double)spool->bytes);
	add_gauge(out, "ccm_ingestd_spool_files",
	    "Files in the spool that wait to be sent", (double)spool->files);
	add_gauge(out, "ccm_ingestd_spool_age_seconds",
	    "Age of the oldest of them", age > 0 ? age : 0);
}

static void
add_way_back(const struct daemon *daemon, struct buf *out)
{
	add_gauge(out, "ccm_ingestd_series", "Client series that are shown",
	    (double)daemon->series.count);
	add_counter(out, "ccm_ingestd_bad_lines_total",
	    "Lines of the consumer that were no metrics",
	    daemon->feed.bad_lines);
}

/* ---- apps --------------------------------------------------------------- */

static void
add_app_times(const struct daemon *daemon, struct buf *out, const char *name,
    const char *help, bool refused)
{
	exposition_family(out, FORMAT, name, METRIC_GAUGE, help, NULL);
	for (const struct app *app = daemon->apps.first; app != NULL;
	     app = app->next) {
		int64_t ms = refused ? app->refused_ms : app->accepted_ms;

		if (ms == 0)
			continue;
		exposition_sample(out, name);
		exposition_label(out, "app", app->id, strlen(app->id));
		add_value(out, (double)ms / 1000);
	}
}

static void
add_apps(const struct daemon *daemon, struct buf *out)
{
	add_app_times(daemon, out,
	    "ccm_ingestd_last_accepted_timestamp_seconds",
	    "When metrics of the app were last accepted", false);
	add_app_times(daemon, out, "ccm_ingestd_last_refused_timestamp_seconds",
	    "When a request of the app was last refused", true);
}

/* ---- the process -------------------------------------------------------- */

static double
resident_bytes(void)
{
	struct buf text = BUF_INIT;
	unsigned long total, resident = 0;

	if (read_file("/proc/self/statm", 4096, &text) &&
	    sscanf(buf_terminate(&text), "%lu %lu", &total, &resident) != 2)
		resident = 0;
	buf_free(&text);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double
open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		closedir(dir);
	return count > 3 ? count - 3 : 0; /* ".", ".." and dir itself */
}

static void
add_process(const struct daemon *daemon, struct buf *out)
{
	struct rusage usage = {.ru_maxrss = 0};

	getrusage(RUSAGE_SELF, &usage);
	exposition_family(out, FORMAT, "process_cpu_seconds_total",
	    METRIC_COUNTER, "Processor time of the daemon", NULL);
	exposition_sample(out, "process_cpu_seconds_total");
	add_value(out,
	    (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) /
		    1e6);
	add_gauge(out, "process_resident_memory_bytes", "Memory of the daemon",
	    resident_bytes());
	add_gauge(out, "process_open_fds", "Descriptors of the daemon",
	    open_descriptors());
	add_gauge(out, "process_start_time_seconds",
	    "When the daemon was started", (double)daemon->started_ms / 1000);
}

void
figures_write(struct daemon *daemon, struct buf *out)
{
	producer_look(&daemon->producer, daemon->loop.now_ms);
	add_kafka(daemon, out);
	add_answers(daemon, out);
	add_refusals(daemon, out);
	add_http(daemon, out);
	add_spool(daemon, out);
	add_way_back(daemon, out);
	add_apps(daemon, out);
	add_process(daemon, out);
}

#include "feed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "lines.h"
#include "log.h"

#define READ_BYTES ((size_t)64 << 10) /* a pipe's capacity */
#define READS_A_TURN 2                /* some milliseconds */
#define CONTROL_PATIENCE_MS 15000
#define QUIET_MS 60000
#define PARTITIONS_MAX 100000

/* ---- control lines ------------------------------------------------------ */

/* Reads an array of partitions; false where it is none. */
static bool
read_partitions(struct json *json, int64_t **partitions, size_t *count)
{
	struct json_text text;

	if (json_value(json, &text) != JSON_ARRAY)
		return false;
	while (json_element(json)) {
		if (json_value(json, &text) != JSON_NUMBER || !text.simple ||
		    text.len > 10 || *count == PARTITIONS_MAX)
			return false;
		*partitions =
		    grow_by_one(*partitions, *count, sizeof(**partitions));
		(*partitions)[(*count)++] = strtoll(text.at, NULL, 10);
	}
	return json->error == NULL;
}

struct control {
	struct json_text event, state;
	int64_t lag;
	int64_t *partitions;
	size_t npartitions;
};

/* Reads a member of a control line; one that is not known is passed over. */
static bool
read_control_member(
    struct json *json, struct control *control, const struct json_text *key)
{
	struct json_text text;

	if (json_text_is(key, "control"))
		return json_value(json, &control->event) == JSON_STRING;
	if (json_text_is(key, "state"))
		return json_value(json, &control->state) == JSON_STRING;
	if (json_text_is(key, "partitions"))
		return read_partitions(
		    json, &control->partitions, &control->npartitions);
	if (!json_text_is(key, "lag"))
		return json_raw_value(json, &text);
	if (json_value(json, &text) != JSON_NUMBER || !text.simple ||
	    text.len > 18)
		return false;
	control->lag = strtoll(text.at, NULL, 10);
	return true;
}

static bool
read_control(
    struct json *json, const char *line, size_t len, struct control *control)
{
	struct json_text key;

	json_start(json, line, len);
	if (json_value(json, &key) != JSON_OBJECT)
		return false;
	while (json_member(json, &key))
		if (!read_control_member(json, control, &key))
			return false;
	return json_end(json) && control->event.at != NULL &&
	    control->state.at != NULL;
}

/* False where the line is no control line, although it begins like one. */
static bool
take_control(struct feed *feed, const char *line, size_t len)
{
	struct control control = {.lag = -1};
	bool has_moved;

	if (!read_control(&feed->json, line, len, &control)) {
		free(control.partitions);
		return false;
	}
	has_moved = json_text_is(&control.event, "assigned") ||
	    json_text_is(&control.event, "revoked");
	free(feed->state);
	feed->state = json_decoded(&control.state);
	free(feed->partitions);
	feed->partitions = control.partitions;
	feed->npartitions = control.npartitions;
	feed->lag = control.lag;
	feed->control_ms = feed->loop->now_ms;
	if (has_moved)
		series_keep_partitions(
		    feed->series, feed->partitions, feed->npartitions);
	return true;
}

/* ---- lines -------------------------------------------------------------- */

static void
bad_line(struct feed *feed, const char *why)
{
	feed->bad_lines++;
	if (feed->loop->now_ms < feed->quiet_until_ms)
		return;
	log_warn("%s: a line is not a metric: %s; bad lines are counted in "
		 "ccm_ingestd_bad_lines_total",
	    feed->path, why);
	feed->quiet_until_ms = feed->loop->now_ms + QUIET_MS;
}

static void
take_metric(struct feed *feed, const struct metric *metric)
{
	struct buf *scratch = &feed->scratch;
	struct app *app;

	feed->consumed++;
	series_put(feed->series, metric, clock_ms());
	scratch->len = 0;
	json_decode(scratch, &metric->app_id);
	app = apps_get(
	    feed->apps, scratch->len > 0 ? buf_terminate(scratch) : "unknown");
	if (app == NULL || metric->app_id.len == 0)
		return;
	scratch->len = 0;
	metric_write(scratch, metric, NULL, -1);
	apps_add_recent(feed->apps, app, scratch->data, scratch->len);
}

static void
take_line(struct feed *feed, const char *line, size_t len)
{
	static const char control[] = "{\"control\":";
	struct metric metric;
	struct buf why = BUF_INIT;

	if (len >= sizeof(control) - 1 &&
	    memcmp(line, control, sizeof(control) - 1) == 0) {
		if (!take_control(feed, line, len))
			bad_line(feed, "it is no control line either");
	} else if (metric_read_line(&feed->json, line, len, METRIC_CONSUMED,
		       &metric, &feed->problem)) {
		take_metric(feed, &metric);
	} else {
		buf_printf(&why, "%s%s%s", feed->problem.pointer.data,
		    feed->problem.pointer.len > 0 ? ": " : "",
		    feed->problem.detail.data);
		bad_line(feed, why.data);
	}
	buf_free(&why);
}

void
feed_take(struct feed *feed, const char *bytes, size_t len)
{
	struct buf *input = &feed->input;
	size_t at = 0;

	buf_add(input, bytes, len);
	buf_terminate(input);
	while (at < input->len) {
		char *line = input->data + at;
		char *end = memchr(line, '\n', input->len - at);

		if (end == NULL)
			break;
		if (!feed->is_skipping)
			take_line(feed, line, (size_t)(end - line));
		feed->is_skipping = false;
		at += (size_t)(end - line) + 1;
	}
	input->len -= at;
	memmove(input->data, input->data + at, input->len);
	if (input->len <= LINE_LENGTH_MAX)
		return;
	if (!feed->is_skipping)
		bad_line(feed, "it is too long");
	feed->is_skipping = true;
	input->len = 0;
}

static void
on_readable(void *context, uint32_t events)
{
	static char bytes[READ_BYTES];
	struct feed *feed = context;

	(void)events;
	for (int i = 0; i < READS_A_TURN; i++) {
		ssize_t got = read(feed->fd.fd, bytes, sizeof(bytes));

		if (got <= 0)
			return;
		feed_take(feed, bytes, (size_t)got);
	}
}

/* ---- the FIFO ----------------------------------------------------------- */

void
feed_open_or_die(struct feed *feed, struct loop *loop, const char *path,
    struct series_table *series, struct apps *apps)
{
	struct stat st;
	bool is_new;

	*feed = (struct feed){.series = series,
	    .apps = apps,
	    .lag = -1,
	    .path = path,
	    .loop = loop,
	    .json = JSON_INIT,
	    .fd = {.fd = -1, .on_event = on_readable, .context = feed}};
	if (path == NULL)
		return;
	is_new = mkfifo(path, 0620) == 0;
	if (!is_new && errno != EEXIST)
		die(EX_CANTCREAT, "%s: cannot make the FIFO: %s", path,
		    strerror(errno));
	feed->fd.fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (feed->fd.fd < 0 || fstat(feed->fd.fd, &st) < 0)
		die(EX_CANTCREAT, "%s: %s", path, strerror(errno));
	if (!S_ISFIFO(st.st_mode))
		die(EX_CANTCREAT, "%s is not a FIFO", path);
	/* Whatever the umask: the consumer is another user of its group. */
	if (is_new && fchmod(feed->fd.fd, 0620) < 0)
		die(EX_CANTCREAT, "%s: %s", path, strerror(errno));
	if (!loop_add(loop, &feed->fd, EPOLLIN))
		die(EX_OSERR, "epoll_ctl: %s", strerror(errno));
}

bool
feed_is_up(const struct feed *feed)
{
	if (feed->shipper != NULL) {
		producer_look(feed->shipper, feed->loop->now_ms);
		return producer_is_up(feed->shipper);
	}
	return feed->state != NULL && strcmp(feed->state, "away") != 0 &&
	    feed->loop->now_ms - feed->control_ms <= CONTROL_PATIENCE_MS;
}

static const char *
detail_of(const struct feed *feed)
{
	if (feed->path == NULL)
		return "nothing is consumed: -c names no FIFO";
	if (feed->shipper != NULL)
		return "development: the producer writes to the FIFO";
	if (feed->state == NULL)
		return "no consumer has written yet";
	if (feed->loop->now_ms - feed->control_ms > CONTROL_PATIENCE_MS)
		return "the consumer has not written for 15 s";
	if (strcmp(feed->state, "away") == 0)
		return "no broker answers the consumer";
	return feed->state;
}

void
feed_describe(const struct feed *feed, struct buf *out)
{
	buf_printf(out, "{\"state\":\"%s\",\"detail\":\"",
	    feed->path == NULL     ? "off"
		: feed_is_up(feed) ? "up"
				   : "down");
	json_escape_any(out, detail_of(feed));
	buf_add_string(out, "\",\"partitions\":[");
	for (size_t i = 0; i < feed->npartitions; i++)
		buf_printf(out, "%s%jd", i > 0 ? "," : "",
		    (intmax_t)feed->partitions[i]);
	buf_add_char(out, ']');
	if (feed->lag >= 0)
		buf_printf(out, ",\"lag\":%jd", (intmax_t)feed->lag);
	buf_printf(out, ",\"consumed\":%ju}", (uintmax_t)feed->consumed);
}

void
feed_close(struct feed *feed)
{
	if (feed->fd.fd >= 0) {
		loop_remove(feed->loop, &feed->fd);
		close(feed->fd.fd);
	}
	json_free(&feed->json);
	metric_problem_free(&feed->problem);
	buf_free(&feed->input);
	buf_free(&feed->scratch);
	free(feed->state);
	free(feed->partitions);
}

#include "producer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "json.h"

#define LOCK_NAME ".lock"
#define STATUS_NAME ".status"
#define STATUS_BYTES_MAX ((size_t)64 << 10)
#define LOOK_MS 1000

void
producer_init(struct producer *producer, int dir_fd)
{
	*producer = (struct producer){.dir_fd = dir_fd, .looked_ms = INT64_MIN};
}

static bool
is_locked(int dir_fd)
{
	int fd = openat(dir_fd, LOCK_NAME, O_RDONLY | O_CLOEXEC);
	bool locked;

	if (fd < 0)
		return false;
	/* Shared, and for this moment only: a shipper that starts right now
	 * tries again. */
	locked = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	close(fd);
	return locked;
}

/* Appends the file; false where there is none. */
static bool
read_status(int dir_fd, struct buf *text)
{
	int fd = openat(dir_fd, STATUS_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t got;

	if (fd < 0)
		return false;
	do {
		got = read(fd, buf_reserve(text, 4096), 4096);
		text->len += got > 0 ? (size_t)got : 0;
	} while (got > 0 && text->len < STATUS_BYTES_MAX);
	close(fd);
	buf_terminate(text);
	return got == 0;
}

static uint64_t
read_count(struct json *json)
{
	struct json_text text;
	enum json_type type = json_value(json, &text);

	json_skip(json, type);
	return type == JSON_NUMBER && text.simple ? strtoull(text.at, NULL, 10)
						  : 0;
}

/* {"lines":{"sent":N,"set_aside":N}} */
static void
read_lines(struct producer *producer, struct json *json)
{
	struct json_text key;
	enum json_type type = json_value(json, &key);

	if (type != JSON_OBJECT) {
		json_skip(json, type);
		return;
	}
	while (json_member(json, &key)) {
		if (json_text_is(&key, "sent"))
			producer->sent = read_count(json);
		else if (json_text_is(&key, "set_aside"))
			producer->failed = read_count(json);
		else
			json_raw_value(json, &key);
	}
}

static void
read_members(struct producer *producer, struct json *json)
{
	struct json_text key, text;

	if (json_value(json, &text) != JSON_OBJECT)
		return;
	while (json_member(json, &key)) {
		if (json_text_is(&key, "lines"))
			read_lines(producer, json);
		else if (!json_text_is(&key, "last_error"))
			json_raw_value(json, &text);
		else if (json_value(json, &text) == JSON_STRING)
			producer->last_error = json_decoded(&text);
	}
}

void
producer_look(struct producer *producer, int64_t now_ms)
{
	struct json json = JSON_INIT;
	struct buf text = BUF_INIT;

	if (producer->looked_ms > now_ms - LOOK_MS)
		return;
	producer->looked_ms = now_ms;
	producer->is_running = is_locked(producer->dir_fd);
	free(producer->last_error);
	producer->last_error = NULL;
	if (read_status(producer->dir_fd, &text)) {
		json_start(&json, text.data, text.len);
		read_members(producer, &json);
	}
	if (producer_is_up(producer))
		producer->down_since_ms = 0;
	else if (producer->down_since_ms == 0)
		producer->down_since_ms = now_ms;
	json_free(&json);
	buf_free(&text);
}

void
producer_describe(const struct producer *producer, struct buf *out)
{
	const char *detail = "sending";

	if (!producer->is_running)
		detail = "no ccm-ship runs on the spool";
	else if (producer->last_error != NULL)
		detail = producer->last_error;
	buf_printf(out, "{\"state\":\"%s\",\"detail\":\"",
	    producer_is_up(producer) ? "up" : "down");
	json_escape_any(out, detail);
	buf_add_string(out, "\"}");
}

void
producer_free(struct producer *producer)
{
	free(producer->last_error);
}

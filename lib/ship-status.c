#include "ship-status.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "json.h"

#define BYTES_MAX ((size_t)64 << 10)

/* Appends the file; false where there is none. */
static bool
read_text(int dir_fd, struct buf *text)
{
	int fd =
	    openat(dir_fd, SHIP_STATUS_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t got;

	if (fd < 0)
		return false;
	do {
		got = read(fd, buf_reserve(text, 4096), 4096);
		text->len += got > 0 ? (size_t)got : 0;
	} while (got > 0 && text->len < BYTES_MAX);
	close(fd);
	buf_terminate(text);
	return got == 0;
}

/* An integer that is not negative, else 0. */
static uint64_t
read_count(struct json *json)
{
	struct json_text text;
	enum json_type type = json_value(json, &text);

	json_skip(json, type);
	return type == JSON_NUMBER && text.simple && text.at[0] != '-'
	    ? strtoull(text.at, NULL, 10)
	    : 0;
}

/* {"sent":N,"set_aside":N} */
static void
read_lines(struct ship_status *status, struct json *json)
{
	struct json_text key;
	enum json_type type = json_value(json, &key);

	if (type != JSON_OBJECT) {
		json_skip(json, type);
		return;
	}
	while (json_member(json, &key)) {
		if (json_text_is(&key, "sent"))
			status->sent_lines = read_count(json);
		else if (json_text_is(&key, "set_aside"))
			status->set_aside_lines = read_count(json);
		else
			json_raw_value(json, &key);
	}
}

static void
read_error(struct ship_status *status, struct json *json)
{
	struct json_text text;
	enum json_type type = json_value(json, &text);

	if (type == JSON_STRING)
		status->last_error = json_decoded(&text);
	else
		json_skip(json, type);
}

bool
ship_status_read(int dir_fd, struct ship_status *status)
{
	struct json json = JSON_INIT;
	struct buf text = BUF_INIT;
	struct json_text key;
	bool good = read_text(dir_fd, &text);

	*status = (struct ship_status){.last_error = NULL};
	if (good) {
		json_start(&json, text.data, text.len);
		good = json_value(&json, &key) == JSON_OBJECT;
	}
	while (good && json_member(&json, &key)) {
		if (json_text_is(&key, "lines"))
			read_lines(status, &json);
		else if (json_text_is(&key, "last_error") &&
		    status->last_error == NULL)
			read_error(status, &json);
		else
			json_raw_value(&json, &key);
	}
	json_free(&json);
	buf_free(&text);
	return good;
}

void
ship_status_free(struct ship_status *status)
{
	free(status->last_error);
	status->last_error = NULL;
}

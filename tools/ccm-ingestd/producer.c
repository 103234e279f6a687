#include "producer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "json.h"
#include "ship-status.h"

#define LOCK_NAME ".lock"
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

void
producer_look(struct producer *producer, int64_t now_ms)
{
	struct ship_status status;

	if (producer->looked_ms > now_ms - LOOK_MS)
		return;
	producer->looked_ms = now_ms;
	producer->is_running = is_locked(producer->dir_fd);
	free(producer->last_error);
	producer->last_error = NULL;
	if (ship_status_read(producer->dir_fd, &status)) {
		producer->last_error = status.last_error;
		producer->sent = status.sent_lines;
		producer->failed = status.set_aside_lines;
	}
	if (producer_is_up(producer))
		producer->down_since_ms = 0;
	else if (producer->down_since_ms == 0)
		producer->down_since_ms = now_ms;
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

#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "buf.h"
#include "json.h"
#include "log.h"

void
notify_open(struct notify *notify)
{
	const struct timeval patience = {.tv_sec = 1};
	const char *name = getenv("NOTIFY_SOCKET");
	size_t len = name != NULL ? strlen(name) : 0;

	*notify = (struct notify){.fd = -1};
	if (len == 0)
		return;
	if ((name[0] != '/' && name[0] != '@') || len < 2 ||
	    len >= sizeof(notify->address.sun_path)) {
		log_warn("NOTIFY_SOCKET is \"%s\"; it takes a path, or @ and a "
			 "name; systemd is told nothing",
		    name);
	} else {
		notify->address.sun_family = AF_UNIX;
		memcpy(notify->address.sun_path, name, len);
		/* An abstract name is as long as the address says. */
		if (name[0] == '@')
			notify->address.sun_path[0] = '\0';
		notify->address_len =
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
		notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (notify->fd < 0)
			log_warn("no socket for NOTIFY_SOCKET: %s; systemd is "
				 "told nothing",
			    strerror(errno));
		else
			setsockopt(notify->fd, SOL_SOCKET, SO_SNDTIMEO,
			    &patience, sizeof(patience));
	}
	unsetenv("NOTIFY_SOCKET");
}

void
notify_send(const struct notify *notify, const char *name, const char *value)
{
	struct buf message = BUF_INIT;

	if (notify->fd < 0)
		return;
	buf_printf(&message, "%s=%s", name, value);
	for (char *c = buf_terminate(&message); *c != '\0';) {
		size_t len = utf8_length(c);

		if ((unsigned char)*c < 0x20 || len == 0)
			*c = len == 0 ? '?' : ' ';
		c += len > 0 ? len : 1;
	}
	if (sendto(notify->fd, message.data, message.len, MSG_NOSIGNAL,
		(const struct sockaddr *)&notify->address,
		notify->address_len) < 0)
		log_debug("systemd is not told %s: %s", message.data,
		    strerror(errno));
	buf_free(&message);
}

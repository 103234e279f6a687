/*
 * What we report to systemd as a service of Type=notify, by the protocol of
 * sd_notify(3): that it is there, what it is doing, that it is about to end.
 */
#ifndef CCM_NOTIFY_H
#define CCM_NOTIFY_H

#include <sys/socket.h>
#include <sys/un.h>

struct notify {
	int fd; /* -1: not a service of Type=notify */
	struct sockaddr_un address;
	socklen_t address_len;
};

/*
 * Takes NOTIFY_SOCKET, a path or @ and an abstract name, out of the
 * environment: a program that we run is not to speak for us. Where it is not
 * set nothing is sent; where it cannot be used, that is a warning.
 */
void notify_open(struct notify *notify);

/*
 * Sends "NAME=VALUE". A control character in the value becomes a blank, a byte
 * that is not UTF-8 a question mark: systemd takes neither. What systemd does
 * not read within a second is lost: our work does not depend on it.
 */
void notify_send(
    const struct notify *notify, const char *name, const char *value);

#endif

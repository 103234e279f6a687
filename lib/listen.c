#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_INHERITED 3
#define SOCKET_FLAGS (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

/* True where a socket file is there and nobody answers. */
static bool
is_abandoned(const struct sockaddr_un *address)
{
	struct stat st;
	bool abandoned;
	int fd;

	if (lstat(address->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
	if (fd < 0)
		return false;
	abandoned = connect(fd, (const struct sockaddr *)address,
			sizeof(*address)) < 0 &&
	    errno == ECONNREFUSED;
	close(fd);
	return abandoned;
}

static int
listen_on_path(const char *path, struct buf *problem)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		buf_printf(problem, "%s: a socket's path has at most %zu bytes",
		    path, sizeof(address.sun_path) - 1);
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	if (is_abandoned(&address))
		unlink(path);
	fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
	if (fd < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, SOMAXCONN) < 0) {
		buf_printf(
		    problem, "cannot listen on %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* Splits ADDR:PORT; the caller frees both. False where it is none. */
static bool
split(const char *where, char **host, char **port)
{
	const char *colon = strrchr(where, ':');
	size_t len;

	if (colon == NULL || colon[1] == '\0' ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return false;
	len = (size_t)(colon - where);
	if (len > 1 && where[0] == '[' && where[len - 1] == ']')
		*host = xstrndup(where + 1, len - 2);
	else if (len == 0 || memchr(where, ':', len) != NULL)
		return false;
	else
		*host = xstrndup(where, len);
	*port = xstrdup(colon + 1);
	return true;
}

static int
listen_on_info(const struct addrinfo *info)
{
	int on = 1, fd = socket(info->ai_family, SOCKET_FLAGS, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 &&
	    listen(fd, SOMAXCONN) == 0)
		return fd;
	on = errno;
	close(fd);
	errno = on;
	return -1;
}

int
listen_on(const char *where, struct buf *problem)
{
	const struct addrinfo hints = {
	    .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
	struct addrinfo *info = NULL;
	char *host, *port;
	int error, fd = -1;

	if (strchr(where, '/') != NULL)
		return listen_on_path(where, problem);
	if (!split(where, &host, &port)) {
		buf_printf(problem,
		    "cannot listen on \"%s\"; it takes ADDR:PORT, "
		    "[IPV6]:PORT or the path of a socket",
		    where);
		return -1;
	}
	error = getaddrinfo(
	    strcmp(host, "*") == 0 ? NULL : host, port, &hints, &info);
	if (error == 0)
		fd = listen_on_info(info);
	if (fd < 0)
		buf_printf(problem, "cannot listen on %s: %s", where,
		    error != 0 ? gai_strerror(error) : strerror(errno));
	if (info != NULL)
		freeaddrinfo(info);
	free(host);
	free(port);
	return fd;
}

int
listen_inherited(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	long count = 0;

	if (pid != NULL && fds != NULL &&
	    strtol(pid, NULL, 10) == (long)getpid())
		count = strtol(fds, NULL, 10);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (count < 0 || count > 1024)
		count = 0;
	for (int fd = FIRST_INHERITED; fd < FIRST_INHERITED + count; fd++) {
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	}
	return (int)count;
}

void
listen_describe(int fd, struct buf *out)
{
	union address address = {.any.sa_family = AF_UNSPEC};
	socklen_t len = sizeof(address);
	char text[INET6_ADDRSTRLEN];

	getsockname(fd, &address.any, &len);
	switch (address.any.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &address.in.sin_addr, text, sizeof(text));
		buf_printf(out, "%s:%u", text, ntohs(address.in.sin_port));
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &address.in6.sin6_addr, text, sizeof(text));
		buf_printf(out, "[%s]:%u", text, ntohs(address.in6.sin6_port));
		break;
	case AF_UNIX:
		if (address.un.sun_path[0] == '\0')
			buf_printf(out, "@%s", address.un.sun_path + 1);
		else
			buf_add_string(out, address.un.sun_path);
		break;
	default:
		buf_printf(out, "descriptor %d", fd);
	}
}

bool
listen_is_local(int fd)
{
	union address address = {.any.sa_family = AF_UNSPEC};
	socklen_t len = sizeof(address);

	if (getsockname(fd, &address.any, &len) < 0)
		return false;
	switch (address.any.sa_family) {
	case AF_INET:
		return ntohl(address.in.sin_addr.s_addr) >> 24 ==
		    IN_LOOPBACKNET;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&address.in6.sin6_addr);
	default:
		return address.any.sa_family == AF_UNIX;
	}
}

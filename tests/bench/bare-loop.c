/*
 * What ccm-ingestd is measured against: the same loop, the same group commit,
 * and no HTTP. Whatever one read(2) brings is a request; a line of fixed length
 * goes to a file, and after its sync a fixed answer goes out.
 *
 *	bare-loop FILE		prints its address, ends with a signal
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "listen.h"
#include "log.h"
#include "loop.h"

#define LINE_BYTES 180 /* as many as ccm-ingestd writes for the same metric */
#define CONNECTIONS_MAX 4096

struct bare {
	struct loop loop;
	struct loop_fd listener;
	struct loop_task task;
	int file;
	struct loop_fd *waiting[CONNECTIONS_MAX];
	size_t nwaiting;
};

static struct bare bare;

static bool
commit(void *context)
{
	static const char answer[] = "HTTP/1.1 202 Accepted\r\n"
				     "Content-Length: 0\r\n\r\n";
	static char lines[CONNECTIONS_MAX * LINE_BYTES];
	size_t len = bare.nwaiting * LINE_BYTES;

	(void)context;
	if (len == 0)
		return false;
	if (write(bare.file, lines, len) != (ssize_t)len ||
	    fdatasync(bare.file) != 0)
		die(EX_IOERR, "cannot write: %s", strerror(errno));
	for (size_t i = 0; i < bare.nwaiting; i++)
		send(bare.waiting[i]->fd, answer, sizeof(answer) - 1,
		    MSG_NOSIGNAL);
	bare.nwaiting = 0;
	return true;
}

static void
on_readable(void *context, uint32_t events)
{
	static char bytes[65536];
	struct loop_fd *fd = context;
	ssize_t got = recv(fd->fd, bytes, sizeof(bytes), 0);

	(void)events;
	if (got > 0) {
		bare.waiting[bare.nwaiting++] = fd;
	} else if (got == 0 || errno != EAGAIN) {
		loop_remove(&bare.loop, fd);
		close(fd->fd);
		free(fd);
	}
}

static void
on_connection(void *context, uint32_t events)
{
	int fd = accept4(bare.listener.fd, NULL, NULL, SOCK_NONBLOCK);
	struct loop_fd *client;

	(void)context;
	(void)events;
	if (fd < 0)
		return;
	client = xmalloc(sizeof(*client));
	*client = (struct loop_fd){
	    .fd = fd, .on_event = on_readable, .context = client};
	loop_add(&bare.loop, client, EPOLLIN | EPOLLET);
}

int
main(int argc, char **argv)
{
	struct buf text = BUF_INIT;

	log_init("bare-loop");
	if (argc != 2)
		die(EX_USAGE, "usage: bare-loop FILE");
	bare.file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600);
	bare.listener = (struct loop_fd){
	    .fd = listen_on("127.0.0.1:0", &text), .on_event = on_connection};
	if (bare.file < 0 || bare.listener.fd < 0)
		die(EX_CANTCREAT, "%s", buf_terminate(&text));
	loop_open_or_die(&bare.loop);
	bare.task = (struct loop_task){.run = commit};
	loop_task_add(&bare.loop, &bare.task);
	loop_add(&bare.loop, &bare.listener, EPOLLIN);
	listen_describe(bare.listener.fd, &text);
	puts(buf_terminate(&text));
	fflush(stdout);
	loop_run(&bare.loop);
}

/*
 * kcat-stop - lets a consuming kcat end without losing a record.
 *
 * kcat 1.7.1 takes a record from librdkafka, which counts it as read by that,
 * and only then looks whether a signal has told it to end; if one has, it does
 * not write the record. So of a stream that flows, most ends by SIGTERM lose
 * one. ccm-consume has this object loaded into its kcat (LD_PRELOAD, see
 * ld.so(8)). It stands before two functions of librdkafka, and keeps SIGTERM
 * and SIGINT waiting from before a record can come until it was dealt with:
 *
 *	rd_kafka_consumer_poll()    blocks them; nothing came: unblocks them
 *	rd_kafka_message_destroy()  unblocks them
 *
 * kcat polls for a tenth of a second, so that is how long a signal waits.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stddef.h>

/* As in <librdkafka/rdkafka.h>, which is not needed to build ccm. */
typedef struct rd_kafka_s rd_kafka_t;
typedef struct rd_kafka_message_s rd_kafka_message_t;
rd_kafka_message_t *rd_kafka_consumer_poll(rd_kafka_t *rk, int timeout_ms);
void rd_kafka_message_destroy(rd_kafka_message_t *message);

static void
mask_signals(int how)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(how, &signals, NULL);
}

rd_kafka_message_t *
rd_kafka_consumer_poll(rd_kafka_t *rk, int timeout_ms)
{
	static rd_kafka_message_t *(*poll)(rd_kafka_t *, int);
	rd_kafka_message_t *message;

	/* The cast that dlsym(3) recommends: ISO C knows no other. */
	if (poll == NULL)
		*(void **)&poll = dlsym(RTLD_NEXT, "rd_kafka_consumer_poll");
	mask_signals(SIG_BLOCK);
	message = poll(rk, timeout_ms);
	if (message == NULL)
		mask_signals(SIG_UNBLOCK);
	return message;
}

void
rd_kafka_message_destroy(rd_kafka_message_t *message)
{
	static void (*destroy)(rd_kafka_message_t *);

	if (destroy == NULL)
		*(void **)&destroy =
		    dlsym(RTLD_NEXT, "rd_kafka_message_destroy");
	destroy(message);
	mask_signals(SIG_UNBLOCK);
}

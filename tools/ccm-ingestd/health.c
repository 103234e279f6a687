#include "health.h"

#include "daemon.h"

const char *
health_refusal(const struct daemon *daemon)
{
	const char *why = spool_refusal(&daemon->spool);

	if (daemon->is_stopping)
		return "the daemon is stopping";
	if (why == NULL && daemon->spool.is_failing)
		return "the spool cannot be written";
	return why;
}

static void
add_spool(const struct daemon *daemon, const char *refusal, struct buf *out)
{
	const struct spool *spool = &daemon->spool;

	buf_printf(out, "{\"state\":\"%s\",\"detail\":\"%s\"",
	    refusal == NULL ? "up" : "down",
	    refusal == NULL ? "accepting" : refusal);
	buf_printf(out, ",\"files\":%ju,\"bytes\":%ju}",
	    (uintmax_t)spool->files, (uintmax_t)spool->bytes);
}

/* True where Kafka has been away for longer than is allowed. */
static bool
is_away_too_long(const struct daemon *daemon)
{
	int64_t most_ms = daemon->settings.health_kafka_ms;
	int64_t since_ms = daemon->producer.down_since_ms;

	return most_ms > 0 && since_ms != 0 &&
	    daemon->loop.now_ms - since_ms > most_ms;
}

int
health_write(struct daemon *daemon, struct buf *out)
{
	const char *refusal = health_refusal(daemon);
	bool consumes = daemon->feed_path != NULL;
	const char *status = "pass";

	producer_look(&daemon->producer, daemon->loop.now_ms);
	if (!producer_is_up(&daemon->producer) ||
	    (consumes && !feed_is_up(&daemon->feed)))
		status = "warn";
	if (refusal != NULL || is_away_too_long(daemon))
		status = "fail";
	buf_printf(out,
	    "{\"status\":\"%s\",\"version\":\"" CCM_VERSION "\",\"producer\":",
	    status);
	producer_describe(&daemon->producer, out);
	buf_add_string(out, ",\"consumer\":");
	feed_describe(&daemon->feed, out);
	buf_add_string(out, ",\"spool\":");
	add_spool(daemon, refusal, out);
	buf_add_string(out, "}\n");
	return strcmp(status, "fail") == 0 ? 503 : 200;
}

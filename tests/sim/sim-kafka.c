/*
 * sim-kafka - a Kafka cluster for tests: librdkafka's mock cluster on real
 * sockets of 127.0.0.1, which can be made to refuse, to be slow and to go away.
 *
 *	sim-kafka [-b BROKERS] [-t TOPIC[:PARTITIONS]]... [-c FIFO] [-r FILE]
 *
 * When the brokers listen, their addresses are written to standard output, one
 * line, comma-separated. It runs until SIGTERM or SIGINT and exits 0.
 *
 * Topics given by -t exist from the start (default: confluent-metrics:4), four
 * partitions where no number is given; partition P is led by broker
 * P modulo BROKERS + 1. A topic that a client names is created with four.
 *
 * -r FILE: a consumer within appends a line "TOPIC PARTITION OFFSET KEY VALUE",
 * separated by tabs, for each record of the topics of -t, at most 100 ms after
 * it was produced. It has to read while the topic fills, because the mock keeps
 * 5 MiB and 100,000 batches a partition. Were it ever too slow, the file would
 * say so: "#LOST TOPIC PARTITION FROM TO". A newline in a key or a value is
 * written as "\n", a record without a key has an empty one.
 *
 * -c FIFO: a named pipe, made where it does not exist, from which commands are
 * read, a line each. Each is acknowledged on standard error once it is in force
 * ("sim-kafka: ok: down 1") or refused ("sim-kafka: bad command: ...").
 *
 *	down N|all	broker N closes its connections and takes no new ones,
 *			once its answers have gone out: for 0.15 s (and the
 *			longest rtt) all brokers refuse to store records, with
 *			an error that clients try again
 *	kill N|all	the same at once: an answer may get lost on its way
 *	up N|all	takes connections again, on the same port
 *	rtt N|all MS	answers MS milliseconds late (0: at once)
 *	topic TOPIC[:PARTITIONS]	as -t
 *	topic-error TOPIC ERROR|none	of Metadata and AddPartitionsToTxn
 *	push-errors API ERROR COUNT	the next COUNT requests get that error
 *	clear-errors API		and those to come are spared
 *	leader TOPIC PARTITION N	moves a partition (-1: to nobody)
 *	sync TOKEN	appends the line "#TOKEN" to the -r file as soon as all
 *			that is in the topics at that moment is in the file
 *
 * ERROR is a number or a name of rd_kafka_resp_err_t without its prefix, such
 * as MSG_SIZE_TOO_LARGE, NOT_LEADER_FOR_PARTITION, REQUEST_TIMED_OUT or
 * TOPIC_AUTHORIZATION_FAILED; _TRANSPORT cuts the connection. API is a number
 * or one of Produce, Fetch, ListOffsets, Metadata, FindCoordinator,
 * ApiVersions, InitProducerId, AddPartitionsToTxn, EndTxn. Errors pushed for
 * Fetch, ListOffsets and Metadata may hit the consumer of -r instead of the
 * client under test.
 *
 * What the mock is not: it checks sequence numbers of transactional producers
 * only, so an idempotent one that retries what was stored but not acknowledged
 * (kill, or an rtt beyond its timeout) stores it twice, where Kafka would not.
 * That is why "down" first lets the answers go out. It has no control records:
 * the records of an aborted transaction stay visible.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "buf.h"
#include "log.h"
#include "main.h"

#define USAGE                                                                  \
	"usage: sim-kafka [-b BROKERS] [-t TOPIC[:PARTITIONS]]... [-c FIFO]\n" \
	"                 [-r FILE]\n"                                         \
	"A Kafka cluster for tests; its addresses are written to stdout.\n"    \
	"  -b BROKERS  how many (default 1)\n"                                 \
	"  -t TOPIC    a topic, repeatable (default confluent-metrics:4)\n"    \
	"  -c FIFO     where commands are read, a line each\n"                 \
	"  -r FILE     where all records are written, a line each\n"           \
	"  -h, -V      this help, the version\n"

#define DEFAULT_TOPIC "confluent-metrics"
#define DEFAULT_PARTITIONS 4 /* the mock's own for topics it creates */
#define REPLICAS_MAX 3
#define BROKERS_MAX 100
#define PARTITIONS_MAX 1000

/* What was requested before a broker goes down is answered within this. */
#define QUIET_MS 150
#define REFUSED_MEANWHILE 100000

/* The mock's thread may oversleep an operation by a second that comes right
 * after another one: it reads away the byte that should wake it. */
#define OPERATION_MS 1

/* So long the consumer waits for so many records before it flushes the file. */
#define POLL_MS 20
#define BATCH 1000
#define FLUSH_MS 50

struct partition {
	char *topic;
	int32_t id;
	int64_t next;   /* the offset that has to come next */
	int64_t target; /* of the sync under way */
};

struct reader {
	const char *path; /* NULL: nothing is read */
	FILE *file;
	rd_kafka_t *consumer;
	pthread_t thread;
	atomic_bool stop;

	pthread_mutex_t lock; /* of what the control loop changes */
	struct partition *wanted;
	size_t nwanted;
	char **syncs;
	size_t nsyncs;

	/* the thread's own */
	rd_kafka_queue_t *queue;
	struct partition *partitions;
	atomic_size_t npartitions; /* that are being read */
	size_t last;               /* the partition of the last record */
	char *sync; /* the token being waited for, its targets known */
	int64_t flushed_ms;
};

struct sim {
	rd_kafka_t *handle;
	rd_kafka_mock_cluster_t *cluster;
	int nbrokers;
	long longest_rtt_ms; /* that was ever set */
	struct reader reader;
};

static volatile sig_atomic_t ended;

static void
end(int signal_number)
{
	(void)signal_number;
	ended = 1;
}

static int64_t
monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
sleep_ms(long ms)
{
	struct timespec rest = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&rest, &rest) == -1 && errno == EINTR)
		;
}

/* ---- the consumer ------------------------------------------------------- */

/* librdkafka's own lines report brokers that we took away. */
static void
no_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	(void)level;
	log_debug("librdkafka: %s: %s", facility, text);
}

static void
set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char error[200];

	if (rd_kafka_conf_set(conf, name, value, error, sizeof(error)) !=
	    RD_KAFKA_CONF_OK)
		die(EX_SOFTWARE, "cannot set %s: %s", name, error);
}

static rd_kafka_t *
new_consumer(const char *brokers)
{
	static const char *const settings[][2] = {
	    {"group.id", "sim-kafka"}, /* required, never joined */
	    {"enable.auto.commit", "false"},
	    {"auto.offset.reset", "earliest"},
	    {"isolation.level", "read_uncommitted"},
	    /* An error pushed for Metadata is for the client under test. */
	    {"topic.metadata.refresh.interval.ms", "-1"},
	    {"reconnect.backoff.ms", "20"},
	    {"reconnect.backoff.max.ms", "200"},
	    {"fetch.wait.max.ms", "20"},
	    {"fetch.error.backoff.ms", "20"},
	    {"fetch.message.max.bytes", "8388608"},
	    {"queued.min.messages", "1000000"},
	    {"queued.max.messages.kbytes", "1048576"},
	};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *consumer;
	char error[200];

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		set(conf, settings[i][0], settings[i][1]);
	set(conf, "bootstrap.servers", brokers);
	rd_kafka_conf_set_log_cb(conf, no_log);
	consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
	if (consumer == NULL)
		die(EX_SOFTWARE, "cannot make a consumer: %s", error);
	rd_kafka_poll_set_consumer(consumer);
	return consumer;
}

/* Begins to read the partitions that were added since. Asked first where they
 * end, librdkafka has found their leaders before it is to read from them; it
 * would look for them no sooner than in a second otherwise. */
static void
assign_new(struct reader *reader)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_error_t *error;
	size_t nwanted;
	int64_t low, high;

	pthread_mutex_lock(&reader->lock);
	nwanted = reader->nwanted;
	if (nwanted > reader->npartitions)
		reader->partitions = xrealloc(
		    reader->partitions, nwanted * sizeof(*reader->partitions));
	for (size_t i = reader->npartitions; i < nwanted; i++)
		reader->partitions[i] = reader->wanted[i];
	pthread_mutex_unlock(&reader->lock);
	if (nwanted == reader->npartitions)
		return;
	list = rd_kafka_topic_partition_list_new((int)nwanted);
	for (size_t i = reader->npartitions; i < nwanted; i++) {
		const struct partition *new = &reader->partitions[i];

		rd_kafka_query_watermark_offsets(
		    reader->consumer, new->topic, new->id, &low, &high, 1000);
		rd_kafka_topic_partition_list_add(list, new->topic, new->id)
		    ->offset = 0;
	}
	error = rd_kafka_incremental_assign(reader->consumer, list);
	if (error != NULL)
		die(EX_SOFTWARE, "cannot read: %s",
		    rd_kafka_error_string(error));
	rd_kafka_topic_partition_list_destroy(list);
	reader->npartitions = nwanted;
}

/* Most often that of the record before. */
static struct partition *
find_partition(struct reader *reader, const char *topic, int32_t id)
{
	for (size_t i = 0; i < reader->npartitions; i++) {
		size_t at = (reader->last + i) % reader->npartitions;
		struct partition *partition = &reader->partitions[at];

		if (partition->id == id &&
		    strcmp(partition->topic, topic) == 0) {
			reader->last = at;
			return partition;
		}
	}
	return NULL;
}

static void
write_escaped(FILE *file, const char *bytes, size_t len)
{
	const char *newline;

	while (len > 0 && (newline = memchr(bytes, '\n', len)) != NULL) {
		size_t before = (size_t)(newline - bytes);

		fwrite(bytes, 1, before, file);
		fputs("\\n", file);
		bytes += before + 1;
		len -= before + 1;
	}
	fwrite(bytes, 1, len, file);
}

static void
write_record(struct reader *reader, const rd_kafka_message_t *message)
{
	const char *topic = rd_kafka_topic_name(message->rkt);
	struct partition *partition =
	    find_partition(reader, topic, message->partition);

	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
		log_debug("consumer: %s", rd_kafka_message_errstr(message));
		return;
	}
	if (partition == NULL || message->offset < partition->next)
		return; /* fetched again: it was written already */
	if (message->offset > partition->next) {
		log_error("%s [%d]: offsets %lld to %lld are lost", topic,
		    (int)partition->id, (long long)partition->next,
		    (long long)message->offset - 1);
		fprintf(reader->file, "#LOST\t%s\t%d\t%lld\t%lld\n", topic,
		    (int)partition->id, (long long)partition->next,
		    (long long)message->offset - 1);
	}
	fprintf(reader->file, "%s\t%d\t%lld\t", topic, (int)partition->id,
	    (long long)message->offset);
	write_escaped(reader->file, message->key, message->key_len);
	putc('\t', reader->file);
	write_escaped(reader->file, message->payload, message->len);
	putc('\n', reader->file);
	partition->next = message->offset + 1;
}

static void
flush(struct reader *reader)
{
	if (fflush(reader->file) != 0)
		die(EX_IOERR, "%s: %s", reader->path, strerror(errno));
	reader->flushed_ms = monotonic_ms();
}

/* Asks where the partitions end now; false where a broker does not answer. */
static bool
find_targets(struct reader *reader)
{
	for (size_t i = 0; i < reader->npartitions; i++) {
		struct partition *partition = &reader->partitions[i];
		int64_t low, high;

		if (rd_kafka_query_watermark_offsets(reader->consumer,
			partition->topic, partition->id, &low, &high,
			1000) != RD_KAFKA_RESP_ERR_NO_ERROR)
			return false;
		partition->target = high;
	}
	return true;
}

/* Takes the next sync command on, or looks whether this one is done. One that
 * came behind a new topic waits until that is read too. */
static void
serve_syncs(struct reader *reader)
{
	if (reader->sync == NULL) {
		char *token = NULL;

		pthread_mutex_lock(&reader->lock);
		if (reader->nsyncs > 0 &&
		    reader->npartitions == reader->nwanted)
			token = reader->syncs[0];
		pthread_mutex_unlock(&reader->lock);
		if (token == NULL || !find_targets(reader))
			return;
		pthread_mutex_lock(&reader->lock);
		reader->nsyncs--;
		memmove(reader->syncs, reader->syncs + 1,
		    reader->nsyncs * sizeof(*reader->syncs));
		pthread_mutex_unlock(&reader->lock);
		reader->sync = token;
	}
	for (size_t i = 0; i < reader->npartitions; i++)
		if (reader->partitions[i].next < reader->partitions[i].target)
			return;
	fprintf(reader->file, "#%s\n", reader->sync);
	flush(reader);
	free(reader->sync);
	reader->sync = NULL;
}

static void *
read_topics(void *context)
{
	struct reader *reader = context;
	rd_kafka_message_t *messages[BATCH];

	while (!reader->stop) {
		ssize_t n;

		assign_new(reader);
		n = rd_kafka_consume_batch_queue(
		    reader->queue, POLL_MS, messages, BATCH);
		for (ssize_t i = 0; i < n; i++) {
			write_record(reader, messages[i]);
			rd_kafka_message_destroy(messages[i]);
		}
		if (n <= 0 || monotonic_ms() - reader->flushed_ms >= FLUSH_MS) {
			flush(reader);
			serve_syncs(reader);
		}
	}
	flush(reader);
	return NULL;
}

static void
start_reader(struct sim *sim)
{
	struct reader *reader = &sim->reader;

	pthread_mutex_init(&reader->lock, NULL);
	if (reader->path == NULL)
		return;
	reader->file = fopen(reader->path, "ae");
	if (reader->file == NULL)
		die(EX_CANTCREAT, "%s: %s", reader->path, strerror(errno));
	reader->consumer =
	    new_consumer(rd_kafka_mock_cluster_bootstraps(sim->cluster));
	reader->queue = rd_kafka_queue_get_consumer(reader->consumer);
	if (pthread_create(&reader->thread, NULL, read_topics, reader) != 0)
		die(EX_OSERR, "cannot start a thread");
}

/* Waits until all topics that there are are being read. */
static void
wait_for_reader(struct reader *reader)
{
	while (reader->path != NULL && reader->npartitions < reader->nwanted)
		sleep_ms(2);
}

static void
stop_reader(struct reader *reader)
{
	if (reader->path != NULL) {
		reader->stop = true;
		pthread_join(reader->thread, NULL);
		/*
		 * The consumer goes with the process: where brokers are down,
		 * rd_kafka_destroy() may wait for ever.
		 */
		if (fclose(reader->file) != 0)
			die(EX_IOERR, "%s: %s", reader->path, strerror(errno));
	}
	for (size_t i = 0; i < reader->nwanted; i++)
		free(reader->wanted[i].topic);
	for (size_t i = 0; i < reader->nsyncs; i++)
		free(reader->syncs[i]);
	free(reader->wanted);
	free(reader->partitions);
	free(reader->syncs);
	free(reader->sync);
	pthread_mutex_destroy(&reader->lock);
}

/* ---- the cluster -------------------------------------------------------- */

static bool
parse_number(const char *text, long min, long max, long *number)
{
	char *rest;

	errno = 0;
	*number = strtol(text, &rest, 10);
	return rest > text && *rest == '\0' && errno == 0 && *number >= min &&
	    *number <= max;
}

/* Makes "TOPIC:PARTITIONS", and has it read. False where that is no topic. */
static bool
add_topic(struct sim *sim, const char *spec)
{
	const char *colon = strchr(spec, ':');
	size_t len = colon != NULL ? (size_t)(colon - spec) : strlen(spec);
	struct reader *reader = &sim->reader;
	long partitions = DEFAULT_PARTITIONS;
	int replicas =
	    sim->nbrokers < REPLICAS_MAX ? sim->nbrokers : REPLICAS_MAX;
	char *topic;

	if (len == 0 ||
	    (colon != NULL &&
		!parse_number(colon + 1, 1, PARTITIONS_MAX, &partitions)))
		return false;
	topic = xstrndup(spec, len);
	if (rd_kafka_mock_topic_create(sim->cluster, topic, (int)partitions,
		replicas) != RD_KAFKA_RESP_ERR_NO_ERROR) {
		free(topic);
		return false;
	}
	pthread_mutex_lock(&reader->lock);
	reader->wanted = xrealloc(reader->wanted,
	    (reader->nwanted + (size_t)partitions) * sizeof(*reader->wanted));
	for (int32_t id = 0; id < partitions; id++) {
		if (sim->nbrokers > 1) {
			sleep_ms(OPERATION_MS);
			rd_kafka_mock_partition_set_leader(
			    sim->cluster, topic, id, id % sim->nbrokers + 1);
		}
		reader->wanted[reader->nwanted++] =
		    (struct partition){xstrdup(topic), id, 0, 0};
	}
	pthread_mutex_unlock(&reader->lock);
	free(topic);
	return true;
}

static void
start_cluster(struct sim *sim)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char error[200];

	rd_kafka_conf_set_log_cb(conf, no_log);
	sim->handle =
	    rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
	if (sim->handle == NULL)
		die(EX_SOFTWARE, "cannot make a handle: %s", error);
	sim->cluster = rd_kafka_mock_cluster_new(sim->handle, sim->nbrokers);
	if (sim->cluster == NULL)
		die(EX_OSERR, "cannot make a mock cluster");
}

/* ---- commands ----------------------------------------------------------- */

#define WORDS_MAX 4

/* "all" or the number of a broker; 0 where it is neither. */
static int32_t
parse_broker(const struct sim *sim, const char *text)
{
	long id;

	if (strcmp(text, "all") == 0)
		return -1;
	return parse_number(text, 1, sim->nbrokers, &id) ? (int32_t)id : 0;
}

static bool
parse_error(const char *text, rd_kafka_resp_err_t *error)
{
	const struct rd_kafka_err_desc *table;
	size_t count;
	long number;

	if (strcmp(text, "none") == 0) {
		*error = RD_KAFKA_RESP_ERR_NO_ERROR;
		return true;
	}
	if (parse_number(text, -200, 200, &number)) {
		*error = (rd_kafka_resp_err_t)number;
		return true;
	}
	rd_kafka_get_err_descs(&table, &count);
	for (size_t i = 0; i < count; i++) {
		if (table[i].name != NULL && strcmp(table[i].name, text) == 0) {
			*error = table[i].code;
			return true;
		}
	}
	return false;
}

static bool
parse_api(const char *text, int16_t *key)
{
	static const struct {
		const char *name;
		int16_t key;
	} table[] = {{"Produce", 0}, {"Fetch", 1}, {"ListOffsets", 2},
	    {"Metadata", 3}, {"FindCoordinator", 10}, {"ApiVersions", 18},
	    {"InitProducerId", 22}, {"AddPartitionsToTxn", 24}, {"EndTxn", 26}};
	long number;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(table[i].name, text) == 0) {
			*key = table[i].key;
			return true;
		}
	}
	if (!parse_number(text, 0, 100, &number))
		return false;
	*key = (int16_t)number;
	return true;
}

static void
push_errors(struct sim *sim, int16_t api, rd_kafka_resp_err_t error, size_t n)
{
	rd_kafka_resp_err_t *errors = xmalloc(n * sizeof(*errors));

	for (size_t i = 0; i < n; i++)
		errors[i] = error;
	rd_kafka_mock_push_request_errors_array(sim->cluster, api, n, errors);
	free(errors);
}

static bool
command_kill(struct sim *sim, char **words)
{
	int32_t id = parse_broker(sim, words[1]);

	return id != 0 &&
	    rd_kafka_mock_broker_set_down(sim->cluster, id) ==
	    RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Produce requests are refused, with an error that is tried again, until the
 * answers to the earlier ones have gone out. */
static bool
command_down(struct sim *sim, char **words)
{
	bool done;

	if (parse_broker(sim, words[1]) == 0)
		return false;
	push_errors(sim, 0, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
	    REFUSED_MEANWHILE);
	sleep_ms(QUIET_MS + sim->longest_rtt_ms);
	done = command_kill(sim, words);
	rd_kafka_mock_clear_request_errors(sim->cluster, 0);
	return done;
}

static bool
command_up(struct sim *sim, char **words)
{
	int32_t id = parse_broker(sim, words[1]);

	return id != 0 &&
	    rd_kafka_mock_broker_set_up(sim->cluster, id) ==
	    RD_KAFKA_RESP_ERR_NO_ERROR;
}

static bool
command_rtt(struct sim *sim, char **words)
{
	int32_t id = parse_broker(sim, words[1]);
	long ms;

	if (id == 0 || !parse_number(words[2], 0, 3600 * 1000, &ms))
		return false;
	if (ms > sim->longest_rtt_ms)
		sim->longest_rtt_ms = ms;
	return rd_kafka_mock_broker_set_rtt(sim->cluster, id, (int)ms) ==
	    RD_KAFKA_RESP_ERR_NO_ERROR;
}

static bool
command_topic(struct sim *sim, char **words)
{
	return add_topic(sim, words[1]);
}

static bool
command_topic_error(struct sim *sim, char **words)
{
	rd_kafka_resp_err_t error;

	if (!parse_error(words[2], &error))
		return false;
	rd_kafka_mock_topic_set_error(sim->cluster, words[1], error);
	return true;
}

static bool
command_push_errors(struct sim *sim, char **words)
{
	rd_kafka_resp_err_t error;
	int16_t api;
	long count;

	if (!parse_api(words[1], &api) || !parse_error(words[2], &error) ||
	    !parse_number(words[3], 1, 1000000, &count))
		return false;
	push_errors(sim, api, error, (size_t)count);
	return true;
}

static bool
command_clear_errors(struct sim *sim, char **words)
{
	int16_t api;

	if (!parse_api(words[1], &api))
		return false;
	rd_kafka_mock_clear_request_errors(sim->cluster, api);
	return true;
}

static bool
command_leader(struct sim *sim, char **words)
{
	long partition, broker;

	return parse_number(words[2], 0, PARTITIONS_MAX, &partition) &&
	    parse_number(words[3], -1, sim->nbrokers, &broker) && broker != 0 &&
	    rd_kafka_mock_partition_set_leader(sim->cluster, words[1],
		(int32_t)partition,
		(int32_t)broker) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static bool
command_sync(struct sim *sim, char **words)
{
	struct reader *reader = &sim->reader;

	if (reader->path == NULL)
		return false;
	pthread_mutex_lock(&reader->lock);
	reader->syncs = xrealloc(
	    reader->syncs, (reader->nsyncs + 1) * sizeof(*reader->syncs));
	reader->syncs[reader->nsyncs++] = xstrdup(words[1]);
	pthread_mutex_unlock(&reader->lock);
	return true;
}

static bool
execute(struct sim *sim, char **words, size_t nwords)
{
	static const struct {
		const char *name;
		size_t nwords;
		bool (*run)(struct sim *sim, char **words);
	} table[] = {{"down", 2, command_down}, {"kill", 2, command_kill},
	    {"up", 2, command_up}, {"rtt", 3, command_rtt},
	    {"topic", 2, command_topic},
	    {"topic-error", 3, command_topic_error},
	    {"push-errors", 4, command_push_errors},
	    {"clear-errors", 2, command_clear_errors},
	    {"leader", 4, command_leader}, {"sync", 2, command_sync}};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (nwords == table[i].nwords &&
		    strcmp(words[0], table[i].name) == 0)
			return table[i].run(sim, words);
	return false;
}

static void
execute_line(struct sim *sim, char *line)
{
	char *words[WORDS_MAX + 1], *copy = xstrdup(line), *rest = NULL;
	size_t n = 0;

	for (char *word = strtok_r(line, " \t", &rest);
	     word != NULL && n <= WORDS_MAX;
	     word = strtok_r(NULL, " \t", &rest))
		words[n++] = word;
	if (n > 0)
		log_plain(LOG_LEVEL_ERROR, "%s: %s",
		    execute(sim, words, n) ? "ok" : "bad command", copy);
	free(copy);
}

static int
open_fifo(const char *path)
{
	struct stat st;
	int fd;

	if (mkfifo(path, 0600) != 0 && errno != EEXIST)
		die(EX_CANTCREAT, "%s: %s", path, strerror(errno));
	/* For writing too, so that it has no end when a writer goes. */
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) != 0)
		die(EX_CANTCREAT, "%s: %s", path, strerror(errno));
	if (!S_ISFIFO(st.st_mode))
		die(EX_CANTCREAT, "%s: is there, and no FIFO", path);
	return fd;
}

/* Executes the whole lines in `input` and takes them out of it. */
static void
execute_lines(struct sim *sim, struct buf *input)
{
	char *newline;

	while (input->len > 0 &&
	    (newline = memchr(input->data, '\n', input->len)) != NULL) {
		size_t len = (size_t)(newline - input->data) + 1;

		*newline = '\0';
		execute_line(sim, input->data);
		input->len -= len;
		memmove(input->data, input->data + len, input->len);
	}
}

/* Until a signal ends the program; `fd` is -1 where there is no FIFO. */
static void
control_loop(struct sim *sim, int fd, const sigset_t *while_waiting)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	struct buf input = BUF_INIT;

	while (!ended) {
		ssize_t got;

		if (ppoll(&poll_fd, 1, NULL, while_waiting) <= 0)
			continue;
		got = read(fd, buf_reserve(&input, 4096), 4096);
		if (got > 0)
			input.len += (size_t)got;
		execute_lines(sim, &input);
	}
	buf_free(&input);
}

/* The signals are let in only while the control loop waits. */
static void
catch_signals(sigset_t *while_waiting)
{
	struct sigaction action = {.sa_handler = end};
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	pthread_sigmask(SIG_BLOCK, &blocked, while_waiting);
	sigdelset(while_waiting, SIGTERM);
	sigdelset(while_waiting, SIGINT);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int
main(int argc, char **argv)
{
	struct sim sim = {.nbrokers = 1};
	const char **topics = xmalloc((size_t)argc * sizeof(*topics));
	const char *fifo_path = NULL;
	sigset_t while_waiting;
	size_t ntopics = 0;
	int option, fifo = -1;
	long number;

	log_init("sim-kafka");
	opterr = 0;
	while ((option = getopt(argc, argv, ":b:t:c:r:hV")) != -1) {
		switch (option) {
		case 'b':
			if (!parse_number(optarg, 1, BROKERS_MAX, &number))
				die(EX_USAGE, "-b %s: 1 to %d was expected",
				    optarg, BROKERS_MAX);
			sim.nbrokers = (int)number;
			break;
		case 't':
			topics[ntopics++] = optarg;
			break;
		case 'c':
			fifo_path = optarg;
			break;
		case 'r':
			sim.reader.path = optarg;
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("sim-kafka");
		default:
			usage_error_and_exit(option);
		}
	}
	if (optind < argc)
		die(EX_USAGE, "unexpected argument \"%s\"", argv[optind]);
	if (ntopics == 0)
		topics[ntopics++] = DEFAULT_TOPIC;

	catch_signals(&while_waiting);
	start_cluster(&sim);
	start_reader(&sim);
	for (size_t i = 0; i < ntopics; i++)
		if (!add_topic(&sim, topics[i]))
			die(EX_USAGE, "-t %s: TOPIC:PARTITIONS was expected",
			    topics[i]);
	free(topics);
	wait_for_reader(&sim.reader);
	if (fifo_path != NULL)
		fifo = open_fifo(fifo_path);
	printf("%s\n", rd_kafka_mock_cluster_bootstraps(sim.cluster));
	if (fflush(stdout) != 0)
		die(EX_IOERR, "cannot write to standard output");

	control_loop(&sim, fifo, &while_waiting);

	stop_reader(&sim.reader);
	/* Destroying the cluster would wait a second for its threads. */
	_exit(EX_OK);
}

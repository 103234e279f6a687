/*
 * kcat-companion - what kcat lacks, loaded into it (LD_PRELOAD, ld.so(8)).
 *
 * It stands before functions of librdkafka, where kcat 1.7.1 calls them through
 * its dynamic symbols, and says what happens in packets of data on a socket
 * (companion.h). So nobody has to read what kcat writes for people.
 *
 * Producing:
 * - The key and the value that kcat splits a line into are a frame of ccm-key
 *   -F: timestamp and length are read, and taken off. A message gets the time
 * of its record, which kcat cannot set.
 * - A line that is no whole frame is never sent, wherever its writer was
 * killed.
 * - Every delivery report is counted, by error code. Records that the broker
 *   refuses for what they are go to a file, to be tried alone.
 * - SIGTERM and SIGINT are blocked: kcat would drop what it has queued and exit
 *   0. Who runs it ends it with SIGKILL, or by the end of its input.
 * - A transaction is committed only when we are told to.
 * Consuming:
 * - kcat takes a record from librdkafka, which then counts as read, and looks
 *   for a signal before it writes it. So signals wait from before a record can
 *   come until it was dealt with.
 * - Lines leave as a whole, before the next record is taken: another kcat may
 *   go on where this one was killed.
 * - Between frames stands what PROG cannot know otherwise: which partitions are
 *   read, how far behind, and whether a broker answers.
 * Checking:
 * - The client is made without brokers: no packet is sent, no kinit is started.
 *   Then kcat ends.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "companion.h"

#define PROGRESS_MS 200
/* Of librdkafka 2.3 and later, for the rest of a batch that the broker refuses
 * for one record. Earlier ones give all of them that record's code. */
#define INVALID_DIFFERENT_RECORD (-138)
#define CODES_MAX 64 /* different errors of deliveries */
#define TIMES_PATIENCE_MS 10000
#define FAILURE_MS 1000
#define REPORT_MS 5000
/* A consumer hears of a broker every 3 s, by its heartbeat, or more often. */
#define AWAY_MS 10000
/* A lower timestamp is one in seconds: they reach it in the year 5138. */
#define SECONDS_BELOW 100000000000
/* kcat reads its input, or writes its output, in pieces of that size: lines up
 * to this length are written as a whole. */
#define STDIO_BYTES (256 << 10)

/* Written by kcat's main thread alone, but for the socket. */
static struct {
	enum companion_mode mode;
	int socket;
	int rejects;
	bool frames;
	int64_t since_seconds;

	struct companion_counters counters;
	struct {
		int code;
		uint64_t count;
	} codes[CODES_MAX];
	size_t ncodes;
	unsigned long polls;
	int64_t told_at; /* ms, of the last PROGRESS */
	bool knows_time_type;
	bool transactional;
	int64_t reported_at;           /* ms, of the last report to PROG */
	atomic_int_least64_t heard_at; /* ms, of the last answer of a broker */

	rd_kafka_topic_conf_t *topic_conf;
	void (*dr_msg_cb)(rd_kafka_t *, const rd_kafka_message_t *, void *);
	void (*error_cb)(rd_kafka_t *, int, const char *, void *);
} self = {.socket = -1, .rejects = -1, .since_seconds = -1};

/* librdkafka's own functions, found once, before main(). */
#define REAL(name) static __typeof__(name) *real_##name;
/* clang-format off */
#define FUNCTIONS(f) \
	f(rd_kafka_assign) \
	f(rd_kafka_commit_transaction) \
	f(rd_kafka_conf_set) \
	f(rd_kafka_conf_set_dr_msg_cb) \
	f(rd_kafka_conf_set_error_cb) \
	f(rd_kafka_conf_set_log_cb) \
	f(rd_kafka_consumer_poll) \
	f(rd_kafka_incremental_assign) \
	f(rd_kafka_incremental_unassign) \
	f(rd_kafka_message_destroy) \
	f(rd_kafka_metadata) \
	f(rd_kafka_new) \
	f(rd_kafka_poll) \
	f(rd_kafka_topic_conf_new) \
	f(rd_kafka_topic_conf_set)
/* clang-format on */
FUNCTIONS(REAL)

/* ---- events ------------------------------------------------------------- */

static void
copy_text(char *to, size_t size, const char *text)
{
	size_t len = text == NULL ? 0 : strnlen(text, size - 1);

	if (len > 0)
		memcpy(to, text, len);
	to[len] = '\0';
}

/* One packet. Who runs kcat reads them all; where it is gone kcat is ended. */
static void
tell(struct companion_event *event, const char *name, const char *text)
{
	size_t len;

	copy_text(event->name, sizeof(event->name), name);
	copy_text(event->text, sizeof(event->text), text);
	event->counters = self.counters;
	len = COMPANION_HEAD + strlen(event->text) + 1;
	while (
	    send(self.socket, event, len, MSG_NOSIGNAL) < 0 && errno == EINTR)
		continue;
}

static void
tell_text(
    enum companion_kind kind, int code, const char *name, const char *text)
{
	struct companion_event event = {.kind = kind, .code = code};

	tell(&event, name, text);
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
tell_progress(void)
{
	self.told_at = now_ms();
	tell_text(COMPANION_PROGRESS, 0, NULL, NULL);
}

/* ---- before main() ------------------------------------------------------ */

/* Takes our object out of LD_PRELOAD again: kinit is no kcat. It is the first
 * one; what stands behind it is the user's. */
static void
leave_preload(void)
{
	const char *preload = getenv("LD_PRELOAD");
	const char *rest = preload == NULL ? NULL : strchr(preload, ':');

	if (rest == NULL || rest[1] == '\0')
		unsetenv("LD_PRELOAD");
	else
		setenv("LD_PRELOAD", rest + 1, 1);
}

static void
find_functions(struct companion_event *hello, char *text, size_t size)
{
	size_t len;

	/* The cast that dlsym(3) recommends: ISO C knows no other. */
#define FIND(name)                                              \
	*(void **)&real_##name = dlsym(RTLD_NEXT, #name);       \
	if (real_##name == NULL) {                              \
		hello->code++;                                  \
		len = strlen(text);                             \
		snprintf(text + len, size - len, " %s", #name); \
	}
	FUNCTIONS(FIND)
#undef FIND
	if (dlsym(RTLD_NEXT, "rd_kafka_produceva") == NULL) {
		hello->code++;
		len = strlen(text);
		snprintf(text + len, size - len, " rd_kafka_produceva");
	}
}

static void
mask_signals(int how)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(how, &signals, NULL);
}

/* glibc takes no size without a buffer. */
static char stdio_buffer[STDIO_BYTES];

static void start(void) __attribute__((constructor));

static void
start(void)
{
	const char *(*version)(void);
	const char *orders = getenv(COMPANION_VARIABLE);
	struct companion_event hello = {
	    .kind = COMPANION_HELLO, .number = COMPANION_VERSION};
	int object, parent, parent_ended, frames;
	long long since_seconds;
	char text[1024], mode;

	if (orders == NULL ||
	    sscanf(orders, COMPANION_FORM, &mode, &self.socket, &self.rejects,
		&object, &parent, &parent_ended, &frames, &since_seconds) != 8)
		return;
	self.mode = (enum companion_mode)mode;
	self.frames = frames != 0;
	self.since_seconds = since_seconds;
	unsetenv(COMPANION_VARIABLE);
	leave_preload();
	close(object);
	fcntl(self.socket, F_SETFD, FD_CLOEXEC);
	if (self.rejects >= 0)
		fcntl(self.rejects, F_SETFD, FD_CLOEXEC);
	/* No other process of this user reads the password. */
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_PDEATHSIG, parent_ended);
	if (getppid() != parent)
		_exit(EX_TEMPFAIL);
	if (self.mode == COMPANION_PRODUCE) {
		mask_signals(SIG_BLOCK);
		setvbuf(stdin, stdio_buffer, _IOFBF, sizeof(stdio_buffer));
	}
	if (self.mode == COMPANION_CONSUME) {
		setvbuf(stdout, stdio_buffer, _IOFBF, sizeof(stdio_buffer));
		/* Of a terminal, which sends it to all of us. */
		signal(SIGHUP, SIG_IGN);
	}
	*(void **)&version = dlsym(RTLD_NEXT, "rd_kafka_version_str");
	snprintf(
	    text, sizeof(text), "%s", version == NULL ? "none" : version());
	find_functions(&hello, text, sizeof(text));
	tell(&hello, NULL, text);
}

static void end(void) __attribute__((destructor));

/* kcat ends by itself. */
static void
end(void)
{
	struct companion_event event;

	if (self.socket < 0 || self.mode != COMPANION_PRODUCE)
		return;
	for (size_t i = 0; i < self.ncodes; i++) {
		event = (struct companion_event){.kind = COMPANION_FAILED,
		    .code = self.codes[i].code,
		    .number = self.codes[i].count};
		tell(&event, NULL,
		    rd_kafka_err2str((rd_kafka_resp_err_t)self.codes[i].code));
	}
	tell_text(COMPANION_END, 0, NULL, NULL);
}

/* ---- settings, and the client ------------------------------------------- */

rd_kafka_conf_res_t
rd_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
    char *error, size_t size)
{
	rd_kafka_conf_res_t result =
	    real_rd_kafka_conf_set(conf, name, value, error, size);

	if (result != RD_KAFKA_CONF_OK && self.socket >= 0)
		tell_text(COMPANION_PROPERTY, result, name, error);
	return result;
}

/* kcat looks here first: what is no property of topics may be one of clients.
 */
rd_kafka_conf_res_t
rd_kafka_topic_conf_set(rd_kafka_topic_conf_t *conf, const char *name,
    const char *value, char *error, size_t size)
{
	rd_kafka_conf_res_t result =
	    real_rd_kafka_topic_conf_set(conf, name, value, error, size);

	if (result == RD_KAFKA_CONF_INVALID && self.socket >= 0)
		tell_text(COMPANION_PROPERTY, result, name, error);
	return result;
}

rd_kafka_topic_conf_t *
rd_kafka_topic_conf_new(void)
{
	return self.topic_conf = real_rd_kafka_topic_conf_new();
}

/* From any thread. */
static void
on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	const char *end;

	(void)rk;
	/* "[thrd:NAME]: " */
	if (strncmp(text, "[thrd:", 6) == 0 &&
	    (end = strstr(text, "]: ")) != NULL)
		text = end + 3;
	tell_text(COMPANION_LOG, level, facility, text);
}

static void
on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	tell_text(COMPANION_ERROR, code,
	    rd_kafka_err2name((rd_kafka_resp_err_t)code), reason);
	if (self.error_cb != NULL)
		self.error_cb(rk, code, reason, opaque);
}

static void on_delivery(
    rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque);

void
rd_kafka_conf_set_error_cb(rd_kafka_conf_t *conf,
    void (*callback)(rd_kafka_t *, int, const char *, void *))
{
	self.error_cb = callback;
	real_rd_kafka_conf_set_error_cb(
	    conf, self.socket < 0 ? callback : on_error);
}

void
rd_kafka_conf_set_dr_msg_cb(rd_kafka_conf_t *conf,
    void (*callback)(rd_kafka_t *, const rd_kafka_message_t *, void *))
{
	self.dr_msg_cb = callback;
	real_rd_kafka_conf_set_dr_msg_cb(
	    conf, self.socket < 0 ? callback : on_delivery);
}

/* kcat's would write to stderr. */
void
rd_kafka_conf_set_log_cb(rd_kafka_conf_t *conf,
    void (*callback)(const rd_kafka_t *, int, const char *, const char *))
{
	real_rd_kafka_conf_set_log_cb(
	    conf, self.socket < 0 ? callback : on_log);
}

/* Ends kcat: with these settings a client can be made, or not. */
static void
check(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
	char error[512];
	rd_kafka_t *rk;

	real_rd_kafka_conf_set(
	    conf, "bootstrap.servers", "", error, sizeof(error));
	/* It would start kinit. */
	real_rd_kafka_conf_set(conf, "sasl.kerberos.min.time.before.relogin",
	    "0", error, sizeof(error));
	rk = real_rd_kafka_new(type, conf, error, sizeof(error));
	if (rk == NULL)
		tell_text(COMPANION_CREATE, 0, NULL, error);
	else if (type == RD_KAFKA_PRODUCER &&
	    rd_kafka_topic_new(rk, "check", self.topic_conf) == NULL)
		tell_text(COMPANION_CREATE, 0, NULL,
		    rd_kafka_err2str(rd_kafka_last_error()));
	else
		tell_text(COMPANION_CHECKED, 0, NULL, NULL);
	_exit(EX_OK);
}

/* From any thread. */
static rd_kafka_resp_err_t
on_answer(rd_kafka_t *rk, int fd, const char *broker, int32_t broker_id,
    int16_t api, int16_t version, int32_t id, size_t size, int64_t round_trip,
    rd_kafka_resp_err_t code, void *opaque)
{
	(void)rk;
	(void)fd;
	(void)broker;
	(void)broker_id;
	(void)api;
	(void)version;
	(void)id;
	(void)size;
	(void)round_trip;
	(void)opaque;
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		atomic_store(&self.heard_at, now_ms());
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* librdkafka takes interceptors of a client from one of its making. */
static rd_kafka_resp_err_t
on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque, char *error,
    size_t size)
{
	(void)conf;
	(void)opaque;
	(void)error;
	(void)size;
	return rd_kafka_interceptor_add_on_response_received(
	    rk, "ccm", on_answer, NULL);
}

rd_kafka_t *
rd_kafka_new(
    rd_kafka_type_t type, rd_kafka_conf_t *conf, char *error, size_t size)
{
	char id[8];
	size_t id_size = sizeof(id);
	rd_kafka_t *rk;

	if (self.socket < 0)
		return real_rd_kafka_new(type, conf, error, size);
	real_rd_kafka_conf_set_log_cb(conf, on_log);
	real_rd_kafka_conf_set_error_cb(conf, on_error);
	if (self.mode == COMPANION_CHECK)
		check(type, conf);
	self.transactional = rd_kafka_conf_get(conf, "transactional.id", NULL,
				 &id_size) == RD_KAFKA_CONF_OK &&
	    id_size > 1;
	if (self.mode == COMPANION_CONSUME && self.frames)
		rd_kafka_conf_interceptor_add_on_new(conf, "ccm", on_new, NULL);
	rk = real_rd_kafka_new(type, conf, error, size);
	if (rk == NULL)
		tell_text(COMPANION_CREATE, 0, NULL, error);
	return rk;
}

/* ---- asking ------------------------------------------------------------- */

rd_kafka_resp_err_t
rd_kafka_metadata(rd_kafka_t *rk, int all_topics, rd_kafka_topic_t *only,
    const struct rd_kafka_metadata **metadata, int timeout_ms)
{
	struct companion_event event = {.kind = COMPANION_METADATA};
	const struct rd_kafka_metadata_topic *topic;

	event.code =
	    real_rd_kafka_metadata(rk, all_topics, only, metadata, timeout_ms);
	if (self.socket < 0)
		return (rd_kafka_resp_err_t)event.code;
	if (event.code == RD_KAFKA_RESP_ERR_NO_ERROR &&
	    (*metadata)->topic_cnt == 1) {
		topic = &(*metadata)->topics[0];
		event.topic_code = topic->err;
		event.number = (uint64_t)topic->partition_cnt;
		for (int i = 0; i < topic->partition_cnt; i++)
			event.other += topic->partitions[i].leader < 0;
	}
	tell(&event, NULL,
	    rd_kafka_err2str(
		(rd_kafka_resp_err_t)(event.code != 0 ? event.code
						      : event.topic_code)));
	return (rd_kafka_resp_err_t)event.code;
}

/* ---- producing: frames to messages -------------------------------------- */

struct frame {
	int64_t timestamp_ms; /* 0: Kafka's own time */
	const char *key;
	size_t key_len;
	char *value;
	size_t value_len;
};

/* Reads digits up to a tab (or to the end, where `tab` is false); returns what
 * is behind that, or NULL. A minus is read too. */
static const char *
read_number(const char *at, const char *end, bool tab, int64_t *number)
{
	bool negative = at < end && *at == '-';
	const char *first = at += negative;

	*number = 0;
	while (at < end && *at >= '0' && *at <= '9' && at - first < 18)
		*number = *number * 10 + (*at++ - '0');
	if (negative)
		*number = -*number;
	if (at == first || (tab ? at == end || *at != '\t' : at != end))
		return NULL;
	return at + tab;
}

/*
 * TS TAB LEN TAB KEY D1 VALUE. kcat has split the line at D1. Where that is a
 * tab, it has split behind TS: the first two fields of what is left are LEN and
 * KEY, which has no tab then.
 */
static bool
read_frame(struct frame *frame, const char *key, size_t key_len, char *value,
    size_t value_len)
{
	const char *at, *end;
	int64_t len;

	if (key == NULL || value == NULL)
		return false;
	end = key + key_len;
	if (memchr(key, '\t', key_len) != NULL) {
		at = read_number(key, end, true, &frame->timestamp_ms);
		if (at != NULL)
			at = read_number(at, end, true, &len);
		if (at == NULL)
			return false;
		frame->key = at;
		frame->key_len = (size_t)(end - at);
		frame->value = value;
	} else {
		if (read_number(key, end, false, &frame->timestamp_ms) == NULL)
			return false;
		at = read_number(value, value + value_len, true, &len);
		if (at == NULL)
			return false;
		frame->key = at;
		at = memchr(at, '\t', (size_t)(value + value_len - at));
		if (at == NULL)
			return false;
		frame->key_len = (size_t)(at - frame->key);
		frame->value = value + (at + 1 - value);
	}
	frame->value_len = (size_t)(value + value_len - frame->value);
	if (frame->timestamp_ms <= 0)
		frame->timestamp_ms = 0;
	else if (frame->timestamp_ms < SECONDS_BELOW)
		frame->timestamp_ms *= 1000;
	return len == (int64_t)(frame->key_len + frame->value_len);
}

static void unknown_call(const char *what) __attribute__((noreturn));

static void
unknown_call(const char *what)
{
	tell_text(COMPANION_UNKNOWN_CALL, 0, NULL, what);
	_exit(EX_SOFTWARE);
}

/* Gives the message to librdkafka with what the frame says. */
static rd_kafka_resp_err_t
produce_frame(rd_kafka_t *rk, rd_kafka_vu_t *units, size_t count,
    const struct frame *frame)
{
	rd_kafka_resp_err_t code;
	rd_kafka_error_t *error;

	units[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_KEY,
	    .u.mem = {(void *)(uintptr_t)frame->key, frame->key_len}};
	units[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_VALUE,
	    .u.mem = {frame->value, frame->value_len}};
	units[count++] = (rd_kafka_vu_t){
	    .vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = frame->timestamp_ms};
	error = rd_kafka_produceva(rk, units, count);
	if (error == NULL) {
		self.counters.seen++;
		if (frame->timestamp_ms > 0 &&
		    (self.counters.oldest_ms == 0 ||
			frame->timestamp_ms < self.counters.oldest_ms))
			self.counters.oldest_ms = frame->timestamp_ms;
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	}
	code = rd_kafka_error_code(error);
	rd_kafka_error_destroy(error);
	return code;
}

#define UNITS_MAX 8

/* What kcat passes: topic, partition, flags, value, key, headers, opaque. */
rd_kafka_resp_err_t
rd_kafka_producev(rd_kafka_t *rk, ...)
{
	rd_kafka_vu_t units[UNITS_MAX + 3];
	struct frame frame;
	const char *key = NULL;
	char *value = NULL;
	size_t key_len = 0, value_len = 0, count = 0;
	rd_kafka_vtype_t type;
	va_list ap;

	va_start(ap, rk);
	while (
	    (type = (rd_kafka_vtype_t)va_arg(ap, int)) != RD_KAFKA_VTYPE_END) {
		if (count == UNITS_MAX)
			unknown_call("rd_kafka_producev: more arguments");
		units[count].vtype = type;
		switch (type) {
		case RD_KAFKA_VTYPE_RKT:
			units[count++].u.rkt = va_arg(ap, rd_kafka_topic_t *);
			break;
		case RD_KAFKA_VTYPE_PARTITION:
			units[count++].u.i32 = va_arg(ap, int32_t);
			break;
		case RD_KAFKA_VTYPE_MSGFLAGS:
			units[count].u.i = va_arg(ap, int);
			/* The value that we pass is not what was allocated. */
			if ((units[count++].u.i & RD_KAFKA_MSG_F_FREE) != 0)
				unknown_call("rd_kafka_producev: F_FREE");
			break;
		case RD_KAFKA_VTYPE_VALUE:
			value = va_arg(ap, void *);
			value_len = va_arg(ap, size_t);
			break;
		case RD_KAFKA_VTYPE_KEY:
			key = va_arg(ap, void *);
			key_len = va_arg(ap, size_t);
			break;
		case RD_KAFKA_VTYPE_HEADERS:
			units[count].u.headers =
			    va_arg(ap, rd_kafka_headers_t *);
			count += units[count].u.headers != NULL;
			break;
		case RD_KAFKA_VTYPE_OPAQUE:
			units[count++].u.ptr = va_arg(ap, void *);
			break;
		default:
			unknown_call("rd_kafka_producev: argument type");
		}
	}
	va_end(ap);
	if (read_frame(&frame, key, key_len, value, value_len))
		return produce_frame(rk, units, count, &frame);
	self.counters.cut++;
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* ---- producing: what becomes of them ------------------------------------ */

static void
count_failure(rd_kafka_resp_err_t code)
{
	struct companion_event event = {
	    .kind = COMPANION_FAILED, .code = code, .number = 1};
	size_t i = 0;

	self.counters.failed++;
	while (i < self.ncodes && self.codes[i].code != code)
		i++;
	if (i == CODES_MAX)
		i--; /* more kinds than librdkafka has: with the last one */
	else if (i == self.ncodes) {
		self.ncodes++;
		self.codes[i].code = code;
		tell(&event, NULL, rd_kafka_err2str(code));
	}
	self.codes[i].count++;
}

/* The broker refuses these, or the batch that they are in, for what they are.
 */
static bool
refused_for_good(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
	    code == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE ||
	    code == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
	    code == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP ||
	    code == RD_KAFKA_RESP_ERR_POLICY_VIOLATION ||
	    code == RD_KAFKA_RESP_ERR_INVALID_MSG ||
	    code == INVALID_DIFFERENT_RECORD;
}

static bool
write_all(int fd, struct iovec *parts, int count)
{
	ssize_t written;

	while (count > 0) {
		written = writev(fd, parts, count);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		while (count > 0 && (size_t)written >= parts->iov_len) {
			written -= (ssize_t)parts->iov_len;
			parts++;
			count--;
		}
		if (count > 0) {
			parts->iov_base = (char *)parts->iov_base + written;
			parts->iov_len -= (size_t)written;
		}
	}
	return true;
}

/* librdkafka knows no time of a message that has failed: it looks at the code.
 */
static int64_t
time_of_failed(const rd_kafka_message_t *message)
{
	rd_kafka_message_t *failed = (rd_kafka_message_t *)(uintptr_t)message;
	rd_kafka_resp_err_t code = failed->err;
	int64_t at;

	failed->err = RD_KAFKA_RESP_ERR_NO_ERROR;
	at = rd_kafka_message_timestamp(failed, NULL);
	failed->err = code;
	return at;
}

static void
keep_refused(const rd_kafka_message_t *message)
{
	struct companion_reject head = {.timestamp_ms = time_of_failed(message),
	    .code = message->err,
	    .key_len = (uint32_t)message->key_len,
	    .value_len = message->len};
	struct iovec parts[] = {{&head, sizeof(head)},
	    {message->key, message->key_len}, {message->payload, message->len}};

	if (head.timestamp_ms < 0)
		head.timestamp_ms = 0;
	if (write_all(self.rejects, parts, 3))
		self.counters.kept++;
	else
		tell_text(COMPANION_REJECTS, errno, NULL, NULL);
}

/* A broker that stamps records itself says when. librdkafka's mock cluster says
 * 1234 for every record. */
static void
look_at_time_type(const rd_kafka_message_t *message)
{
	rd_kafka_timestamp_type_t type;
	int64_t at = rd_kafka_message_timestamp(message, &type);

	self.knows_time_type = true;
	if (type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME && at >= SECONDS_BELOW)
		tell_text(COMPANION_APPEND_TIME, 0, NULL, NULL);
}

static void
on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
	if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		self.counters.delivered++;
		if (!self.knows_time_type)
			look_at_time_type(message);
	} else {
		count_failure(message->err);
		if (self.rejects >= 0 && !self.transactional &&
		    refused_for_good(message->err))
			keep_refused(message);
	}
	if (self.dr_msg_cb != NULL)
		self.dr_msg_cb(rk, message, opaque);
}

/* kcat calls it for each record, and waits in it. */
int
rd_kafka_poll(rd_kafka_t *rk, int timeout_ms)
{
	if (self.mode == COMPANION_PRODUCE &&
	    ((++self.polls & 255) == 0 || timeout_ms > 0) &&
	    now_ms() - self.told_at >= PROGRESS_MS)
		tell_progress();
	return real_rd_kafka_poll(rk, timeout_ms);
}

/* Why a transaction cannot be committed is in the report of a record, which may
 * come a moment later than the error. */
static void
await_failure(rd_kafka_t *rk)
{
	int64_t end = now_ms() + FAILURE_MS;

	while (self.counters.failed == 0 && now_ms() < end)
		real_rd_kafka_poll(rk, 50);
}

/* All of the input is sent. Committed is what who runs us has counted too. */
rd_kafka_error_t *
rd_kafka_commit_transaction(rd_kafka_t *rk, int timeout_ms)
{
	struct companion_order order = {0};
	rd_kafka_error_t *error;
	ssize_t got;

	if (self.socket < 0)
		return real_rd_kafka_commit_transaction(rk, timeout_ms);
	tell_text(COMPANION_READY, 0, NULL, NULL);
	do
		got = recv(self.socket, &order, sizeof(order), 0);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof(order) || order.seen != self.counters.seen ||
	    self.counters.cut > 0) {
		error = rd_kafka_abort_transaction(rk, timeout_ms);
		if (error != NULL)
			return error;
		return rd_kafka_error_new(RD_KAFKA_RESP_ERR__CONFLICT,
		    "not told to commit %llu records",
		    (unsigned long long)self.counters.seen);
	}
	error = real_rd_kafka_commit_transaction(rk, timeout_ms);
	if (error != NULL)
		await_failure(rk);
	if (error == NULL)
		tell_text(COMPANION_COMMITTED, 0, NULL, NULL);
	else
		tell_text(COMPANION_ERROR, rd_kafka_error_code(error),
		    rd_kafka_error_name(error), rd_kafka_error_string(error));
	return error;
}

/* ---- consuming ---------------------------------------------------------- */

/* What was written so far leaves, or kcat ends before more counts as read. */
static void
flush_output(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return;
	tell_text(COMPANION_OUTPUT, errno, NULL, NULL);
	_exit(EX_IOERR);
}

/* How many records of a partition wait, once one of them was read. */
static int64_t
lag_of(rd_kafka_t *rk, const rd_kafka_topic_partition_t *partition)
{
	int64_t low, high;

	if (partition->offset < 0 ||
	    rd_kafka_get_watermark_offsets(rk, partition->topic,
		partition->partition, &low,
		&high) != RD_KAFKA_RESP_ERR_NO_ERROR ||
	    high < partition->offset)
		return 0;
	return high - partition->offset;
}

/*
 * The frame that is a line of JSON: "reading", "waiting" (others of the group
 * have all partitions) or "away" (no broker answers); the partitions that are
 * read, and how many records wait in them.
 */
static void
report(rd_kafka_t *rk, const char *event)
{
	rd_kafka_topic_partition_list_t *partitions = NULL;
	int64_t now = now_ms(), lag = 0;
	int count = 0;

	if (!self.frames)
		return;
	self.reported_at = now;
	if (rd_kafka_assignment(rk, &partitions) == RD_KAFKA_RESP_ERR_NO_ERROR)
		count = partitions->cnt;
	if (count > 0)
		rd_kafka_position(rk, partitions);
	printf("{\"control\":\"%s\",\"state\":\"%s\",\"partitions\":[", event,
	    now - atomic_load(&self.heard_at) > AWAY_MS ? "away"
		: count > 0                             ? "reading"
							: "waiting");
	for (int i = 0; i < count; i++) {
		lag += lag_of(rk, &partitions->elems[i]);
		printf("%s%d", i > 0 ? "," : "",
		    (int)partitions->elems[i].partition);
	}
	printf("],\"lag\":%lld}\n", (long long)lag);
	if (partitions != NULL)
		rd_kafka_topic_partition_list_destroy(partitions);
	flush_output();
}

static void
tell_partitions(enum companion_kind kind, bool incremental,
    const rd_kafka_topic_partition_list_t *partitions)
{
	char numbers[COMPANION_TEXT_MAX] = "";
	size_t len = 0;

	for (int i = 0; partitions != NULL && i < partitions->cnt &&
	     len < sizeof(numbers) - 16;
	     i++)
		len += (size_t)snprintf(numbers + len, sizeof(numbers) - len,
		    len > 0 ? " %d" : "%d",
		    (int)partitions->elems[i].partition);
	tell_text(kind, incremental, NULL, numbers);
}

/* Puts the offsets of the first messages that are not older than that; where
 * there are none, the group's own count. */
static void
start_since(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *partitions)
{
	rd_kafka_topic_partition_list_t *times;
	rd_kafka_resp_err_t code;

	if (self.since_seconds < 0)
		return;
	times = rd_kafka_topic_partition_list_copy(partitions);
	for (int i = 0; i < times->cnt; i++)
		times->elems[i].offset =
		    ((int64_t)time(NULL) - self.since_seconds) * 1000;
	code = rd_kafka_offsets_for_times(rk, times, TIMES_PATIENCE_MS);
	for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < times->cnt;
	     i++)
		if (times->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR &&
		    times->elems[i].offset >= 0)
			partitions->elems[i].offset = times->elems[i].offset;
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		tell_text(COMPANION_SINCE, code, rd_kafka_err2name(code),
		    rd_kafka_err2str(code));
	rd_kafka_topic_partition_list_destroy(times);
}

/* The same partitions, to be read from there. */
static rd_kafka_topic_partition_list_t *
copy_since(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *partitions)
{
	rd_kafka_topic_partition_list_t *own =
	    rd_kafka_topic_partition_list_copy(partitions);

	start_since(rk, own);
	return own;
}

rd_kafka_resp_err_t
rd_kafka_assign(
    rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *partitions)
{
	rd_kafka_topic_partition_list_t *own;
	rd_kafka_resp_err_t code;

	if (self.mode != COMPANION_CONSUME)
		return real_rd_kafka_assign(rk, partitions);
	tell_partitions(
	    partitions == NULL ? COMPANION_REVOKED : COMPANION_ASSIGNED, false,
	    partitions);
	if (partitions == NULL) {
		code = real_rd_kafka_assign(rk, NULL);
		report(rk, "revoked");
		return code;
	}
	own = copy_since(rk, partitions);
	code = real_rd_kafka_assign(rk, own);
	rd_kafka_topic_partition_list_destroy(own);
	report(rk, "assigned");
	return code;
}

rd_kafka_error_t *
rd_kafka_incremental_assign(
    rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *partitions)
{
	rd_kafka_topic_partition_list_t *own;
	rd_kafka_error_t *error;

	if (self.mode != COMPANION_CONSUME)
		return real_rd_kafka_incremental_assign(rk, partitions);
	tell_partitions(COMPANION_ASSIGNED, true, partitions);
	own = copy_since(rk, partitions);
	error = real_rd_kafka_incremental_assign(rk, own);
	rd_kafka_topic_partition_list_destroy(own);
	report(rk, "assigned");
	return error;
}

rd_kafka_error_t *
rd_kafka_incremental_unassign(
    rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *partitions)
{
	rd_kafka_error_t *error;

	if (self.mode != COMPANION_CONSUME)
		return real_rd_kafka_incremental_unassign(rk, partitions);
	tell_partitions(COMPANION_REVOKED, true, partitions);
	error = real_rd_kafka_incremental_unassign(rk, partitions);
	report(rk, "revoked");
	return error;
}

/* An error that kcat ends for. */
static void
tell_message_error(const rd_kafka_message_t *message)
{
	char text[1024];

	if (message->rkt != NULL)
		snprintf(text, sizeof(text), "Topic %s [%d] error: %s",
		    rd_kafka_topic_name(message->rkt), (int)message->partition,
		    rd_kafka_message_errstr(message));
	else
		snprintf(text, sizeof(text), "Consumer error: %s",
		    rd_kafka_message_errstr(message));
	tell_text(COMPANION_ERROR, message->err,
	    rd_kafka_err2name(message->err), text);
}

/* kcat polls for a tenth of a second: so long a signal waits. */
rd_kafka_message_t *
rd_kafka_consumer_poll(rd_kafka_t *rk, int timeout_ms)
{
	rd_kafka_message_t *message;

	if (self.mode != COMPANION_CONSUME)
		return real_rd_kafka_consumer_poll(rk, timeout_ms);
	mask_signals(SIG_BLOCK);
	if (now_ms() - self.reported_at >= REPORT_MS)
		report(rk, "status");
	message = real_rd_kafka_consumer_poll(rk, self.frames ? 0 : timeout_ms);
	if (message == NULL && self.frames) {
		flush_output(); /* the topic pauses */
		message = real_rd_kafka_consumer_poll(rk, timeout_ms);
	}
	if (message == NULL)
		mask_signals(SIG_UNBLOCK);
	else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
	    message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
		tell_message_error(message);
	return message;
}

void
rd_kafka_message_destroy(rd_kafka_message_t *message)
{
	real_rd_kafka_message_destroy(message);
	if (self.mode != COMPANION_CONSUME)
		return;
	if (!self.frames)
		flush_output();
	mask_signals(SIG_UNBLOCK);
}

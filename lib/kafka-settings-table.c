#include "kafka-settings-table.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* clang-format off */
static const struct property_rule properties[] = {
    {"acks", PRODUCER, ACKS},
    {"allow.auto.create.topics", BOTH, BOOLEAN},
    {"api.version.fallback.ms", BOTH, INTEGER},
    {"api.version.request", BOTH, BOOLEAN},
    {"api.version.request.timeout.ms", BOTH, INTEGER},
    {"auto.offset.reset", CONSUMER, WORD},
    {"batch.num.messages", PRODUCER, INTEGER},
    {"batch.size", PRODUCER, INTEGER},
    {"broker.address.family", BOTH, WORD},
    {"broker.address.ttl", BOTH, INTEGER},
    {"check.crcs", CONSUMER, BOOLEAN},
    {"compression.level", PRODUCER, INTEGER},
    {"compression.type", PRODUCER, WORD},
    {"connections.max.idle.ms", BOTH, INTEGER},
    {"consume.callback.max.messages", CONSUMER, INTEGER},
    {"coordinator.query.interval.ms", CONSUMER, INTEGER},
    {"delivery.timeout.ms", PRODUCER, INTEGER},
    {"enable.auto.offset.store", CONSUMER, BOOLEAN},
    {"enable.gapless.guarantee", PRODUCER, BOOLEAN},
    {"enable.idempotence", PRODUCER, BOOLEAN},
    {"enable.random.seed", BOTH, BOOLEAN},
    {"enable.ssl.certificate.verification", BOTH, BOOLEAN},
    {"fetch.error.backoff.ms", CONSUMER, INTEGER},
    {"fetch.max.bytes", CONSUMER, INTEGER},
    {"fetch.min.bytes", CONSUMER, INTEGER},
    {"fetch.wait.max.ms", CONSUMER, INTEGER},
    {"group.id", CONSUMER, TEXT},
    {"group.instance.id", CONSUMER, TEXT},
    {"group.protocol.type", CONSUMER, TEXT},
    {"heartbeat.interval.ms", CONSUMER, INTEGER},
    {"isolation.level", CONSUMER, WORD},
    {"linger.ms", PRODUCER, DECIMAL},
    {"log.connection.close", BOTH, BOOLEAN},
    {"log.queue", BOTH, BOOLEAN},
    {"log.thread.name", BOTH, BOOLEAN},
    {"log_level", BOTH, INTEGER},
    {"max.in.flight.requests.per.connection", BOTH, INTEGER},
    {"max.partition.fetch.bytes", CONSUMER, INTEGER},
    {"max.poll.interval.ms", CONSUMER, INTEGER},
    {"message.copy.max.bytes", BOTH, INTEGER},
    {"message.max.bytes", BOTH, INTEGER},
    {"metadata.max.age.ms", BOTH, INTEGER},
    {"partition.assignment.strategy", CONSUMER, STRATEGY},
    {"partitioner", PRODUCER, WORD},
    {"queue.buffering.backpressure.threshold", PRODUCER, INTEGER},
    {"queue.buffering.max.kbytes", PRODUCER, INTEGER},
    {"queue.buffering.max.messages", PRODUCER, INTEGER},
    {"queued.max.messages.kbytes", CONSUMER, INTEGER},
    {"queued.min.messages", CONSUMER, INTEGER},
    {"queuing.strategy", PRODUCER, WORD},
    {"receive.message.max.bytes", BOTH, INTEGER},
    {"reconnect.backoff.jitter.ms", BOTH, INTEGER},
    {"reconnect.backoff.max.ms", BOTH, INTEGER},
    {"reconnect.backoff.ms", BOTH, INTEGER},
    {"request.timeout.ms", PRODUCER, INTEGER},
    {"retries", PRODUCER, INTEGER},
    {"retry.backoff.ms", PRODUCER, INTEGER},
    {"sasl.kerberos.min.time.before.relogin", BOTH, INTEGER},
    {"sasl.mechanism", BOTH, MECHANISM},
    {"security.protocol", BOTH, WORD},
    {"session.timeout.ms", CONSUMER, INTEGER},
    {"socket.blocking.max.ms", BOTH, INTEGER},
    {"socket.connection.setup.timeout.ms", BOTH, INTEGER},
    {"socket.keepalive.enable", BOTH, BOOLEAN},
    {"socket.max.fails", BOTH, INTEGER},
    {"socket.nagle.disable", BOTH, BOOLEAN},
    {"socket.receive.buffer.bytes", BOTH, INTEGER},
    {"socket.send.buffer.bytes", BOTH, INTEGER},
    {"socket.timeout.ms", BOTH, INTEGER},
    {"ssl.endpoint.identification.algorithm", BOTH, WORD},
    {"statistics.interval.ms", BOTH, INTEGER},
    {"sticky.partitioning.linger.ms", PRODUCER, INTEGER},
    {"topic.metadata.propagation.max.ms", BOTH, INTEGER},
    {"topic.metadata.refresh.fast.cnt", BOTH, INTEGER},
    {"topic.metadata.refresh.fast.interval.ms", BOTH, INTEGER},
    {"topic.metadata.refresh.interval.ms", BOTH, INTEGER},
    {"topic.metadata.refresh.sparse", BOTH, BOOLEAN},
    {"transaction.timeout.ms", PRODUCER, INTEGER},
};

static const struct {
	const char *second, *first;
} property_aliases[] = {
    {"compression.codec", "compression.type"},
    {"fetch.message.max.bytes", "max.partition.fetch.bytes"},
    {"max.in.flight", "max.in.flight.requests.per.connection"},
    {"message.send.max.retries", "retries"},
    {"message.timeout.ms", "delivery.timeout.ms"},
    {"metadata.broker.list", "bootstrap.servers"},
    {"queue.buffering.max.ms", "linger.ms"},
    {"request.required.acks", "acks"},
    {"sasl.mechanisms", "sasl.mechanism"},
};

#define OURS "is ccm's own business"
#define CODE "would run code from elsewhere"
#define POINTER "is not something that text can set"
#define NO_EFFECT "has no effect, as kcat sets it; set enable_auto_commit"
#define OAUTH "OAUTHBEARER does not work: this kcat has nothing that fetches a token"

/* By the whole name, or by its beginning (*) or end. */
static const struct {
	const char *pattern, *why;
} refusals[] = {
    {"auto.commit.enable", "set enable_auto_commit"},
    {"auto.commit.interval.ms", NO_EFFECT},
    {"builtin.features", "is not for setting"},
    {"default_topic_conf", POINTER},
    {"delivery.report.only.error", OURS},
    {"enable.auto.commit", NO_EFFECT},
    {"enable.partition.eof", OURS},
    {"enable.sasl.oauthbearer.unsecure.jwt", OAUTH},
    {"enabled_events", OURS},
    {"interceptors", POINTER},
    {"internal.termination.signal", OURS},
    {"opaque", POINTER},
    {"plugin.library.paths", CODE},
    {"produce.offset.report", OURS},
    {"sasl.jaas.config", "set sasl_plain_username and sasl_plain_password"},
    {"sasl.kerberos.kinit.cmd", CODE},
    {"ssl.engine.id", CODE},
    {"ssl.engine.location", CODE},
    {"ssl.providers", CODE},
    {"ssl_ca", POINTER},
    {"ssl_certificate", POINTER},
    {"ssl_key", POINTER},
    {"transactional.id", "say CCM_KAFKA_TRANSACTIONAL_ID"},
    {"schema.registry.*", "this kcat has no Avro"},
    {"sasl.oauthbearer.*", OAUTH},
    {"*_cb", POINTER},
    {"*.pem", "kcat's configuration has no line breaks; name a file with .location"},
};

static const struct argument_rule arguments[] = {
    {"bootstrap_servers", BOTH, ADDRESSES, {"bootstrap.servers", NULL}, NULL},
    {"client_id", BOTH, AS_PROPERTY, {"client.id", NULL}, NULL},
    {"request_timeout_ms", BOTH, AS_PROPERTY, {"socket.timeout.ms", "request.timeout.ms"}, NULL},
    {"retry_backoff_ms", PRODUCER, AS_PROPERTY, {"retry.backoff.ms", NULL}, NULL},
    {"reconnect_backoff_ms", BOTH, AS_PROPERTY, {"reconnect.backoff.ms", NULL}, NULL},
    {"reconnect_backoff_max_ms", BOTH, AS_PROPERTY, {"reconnect.backoff.max.ms", NULL}, NULL},
    {"max_in_flight_requests_per_connection", BOTH, AS_PROPERTY, {"max.in.flight.requests.per.connection", NULL}, NULL},
    {"connections_max_idle_ms", BOTH, AS_PROPERTY, {"connections.max.idle.ms", NULL}, NULL},
    {"metadata_max_age_ms", BOTH, AS_PROPERTY, {"topic.metadata.refresh.interval.ms", NULL}, NULL},
    {"allow_auto_create_topics", BOTH, AS_PROPERTY, {"allow.auto.create.topics", NULL}, NULL},
    {"client_dns_lookup", BOTH, DNS_LOOKUP, {NULL, NULL}, NULL},
    {"receive_message_max_bytes", BOTH, AS_PROPERTY, {"receive.message.max.bytes", NULL}, NULL},
    {"receive_buffer_bytes", BOTH, AS_PROPERTY, {"socket.receive.buffer.bytes", NULL}, NULL},
    {"send_buffer_bytes", BOTH, AS_PROPERTY, {"socket.send.buffer.bytes", NULL}, NULL},
    {"socket_options", BOTH, PYTHON_ONLY, {NULL, NULL}, "say socket.nagle.disable or socket.keepalive.enable in KAFKA_SETTINGS"},
    {"security_protocol", BOTH, AS_PROPERTY, {"security.protocol", NULL}, NULL},
    {"ssl_context", BOTH, PYTHON_ONLY, {NULL, NULL}, "say ssl_cafile, ssl_certfile, ssl_keyfile"},
    {"ssl_check_hostname", BOTH, CHECK_HOSTNAME, {"ssl.endpoint.identification.algorithm", NULL}, NULL},
    {"ssl_cafile", BOTH, AS_PROPERTY, {"ssl.ca.location", NULL}, NULL},
    {"ssl_certfile", BOTH, AS_PROPERTY, {"ssl.certificate.location", NULL}, NULL},
    {"ssl_keyfile", BOTH, AS_PROPERTY, {"ssl.key.location", NULL}, NULL},
    {"ssl_password", BOTH, AS_PROPERTY, {"ssl.key.password", NULL}, NULL},
    {"ssl_crlfile", BOTH, AS_PROPERTY, {"ssl.crl.location", NULL}, NULL},
    {"ssl_ciphers", BOTH, AS_PROPERTY, {"ssl.cipher.suites", NULL}, NULL},
    {"sasl_mechanism", BOTH, AS_PROPERTY, {"sasl.mechanism", NULL}, NULL},
    {"sasl_plain_username", BOTH, AS_PROPERTY, {"sasl.username", NULL}, NULL},
    {"sasl_plain_password", BOTH, AS_PROPERTY, {"sasl.password", NULL}, NULL},
    {"sasl_kerberos_service_name", BOTH, AS_PROPERTY, {"sasl.kerberos.service.name", NULL}, NULL},
    {"sasl_kerberos_domain_name", BOTH, NO_COUNTERPART, {NULL, NULL}, "librdkafka takes the host name of the broker's address"},
    {"sasl_kerberos_name", BOTH, PYTHON_ONLY, {NULL, NULL}, "say sasl.kerberos.principal in KAFKA_SETTINGS"},
    {"sasl_oauth_token_provider", BOTH, PYTHON_ONLY, {NULL, NULL}, NULL},
    {"api_version", BOTH, API_VERSION, {"api.version.request", "broker.version.fallback"}, NULL},
    {"api_version_auto_timeout_ms", BOTH, AS_PROPERTY, {"api.version.request.timeout.ms", NULL}, NULL},
    {"proxy_url", BOTH, NO_COUNTERPART, {NULL, NULL}, "librdkafka knows no proxies"},
    {"socks5_proxy", BOTH, NO_COUNTERPART, {NULL, NULL}, "librdkafka knows no proxies"},
    {"bootstrap_timeout_ms", BOTH, NO_COUNTERPART, {NULL, NULL}, "ccm asks the brokers for ten seconds"},
    {"default_api_timeout_ms", BOTH, NO_COUNTERPART, {NULL, NULL}, "the nearest is request_timeout_ms"},
    {"socket_connection_setup_timeout_ms", BOTH, AS_PROPERTY, {"socket.connection.setup.timeout.ms", NULL}, NULL},
    {"socket_connection_setup_timeout_max_ms", BOTH, NO_COUNTERPART, {NULL, NULL}, "the nearest is socket_connection_setup_timeout_ms"},
    {"metric_reporters", BOTH, PYTHON_ONLY, {NULL, NULL}, NULL},
    {"metrics_enabled", BOTH, PYTHON_ONLY, {NULL, NULL}, NULL},
    {"metrics_num_samples", BOTH, PYTHON_ONLY, {NULL, NULL}, NULL},
    {"metrics_sample_window_ms", BOTH, PYTHON_ONLY, {NULL, NULL}, NULL},
    {"selector", BOTH, PYTHON_ONLY, {NULL, NULL}, NULL},
    {"kafka_client", BOTH, PYTHON_ONLY, {NULL, NULL}, NULL},
    {"net", BOTH, PYTHON_ONLY, {NULL, NULL}, NULL},
    {"sock_chunk_bytes", BOTH, PYTHON_ONLY, {NULL, NULL}, NULL},
    {"sock_chunk_buffer_count", BOTH, PYTHON_ONLY, {NULL, NULL}, NULL},
    {"key_serializer", PRODUCER, PYTHON_ONLY, {NULL, NULL}, "ccm-key makes the keys"},
    {"value_serializer", PRODUCER, PYTHON_ONLY, {NULL, NULL}, NULL},
    {"acks", PRODUCER, AS_PROPERTY, {"acks", NULL}, NULL},
    {"enable_idempotence", PRODUCER, AS_PROPERTY, {"enable.idempotence", NULL}, NULL},
    {"transactional_id", PRODUCER, NO_COUNTERPART, {NULL, NULL}, "say CCM_KAFKA_TRANSACTIONAL_ID"},
    {"transaction_timeout_ms", PRODUCER, AS_PROPERTY, {"transaction.timeout.ms", NULL}, NULL},
    {"delivery_timeout_ms", PRODUCER, AS_PROPERTY, {"delivery.timeout.ms", NULL}, NULL},
    {"compression_type", PRODUCER, AS_PROPERTY, {"compression.type", NULL}, NULL},
    {"retries", PRODUCER, RETRIES, {"retries", NULL}, NULL},
    {"batch_size", PRODUCER, BATCH_SIZE, {"batch.size", "batch.num.messages"}, NULL},
    {"linger_ms", PRODUCER, AS_PROPERTY, {"linger.ms", NULL}, NULL},
    {"max_request_size", PRODUCER, AS_PROPERTY, {"message.max.bytes", NULL}, NULL},
    {"partitioner", PRODUCER, AS_PROPERTY, {"partitioner", NULL}, NULL},
    {"max_block_ms", PRODUCER, NO_COUNTERPART, {NULL, NULL}, "kcat waits while its queue is full"},
    {"buffer_memory", PRODUCER, KILOBYTES, {"queue.buffering.max.kbytes", NULL}, NULL},
    {"bootstrap_topics_filter", PRODUCER, PYTHON_ONLY, {NULL, NULL}, NULL},
    {"group_id", CONSUMER, AS_PROPERTY, {"group.id", NULL}, NULL},
    {"group_instance_id", CONSUMER, AS_PROPERTY, {"group.instance.id", NULL}, NULL},
    {"client_rack", CONSUMER, AS_PROPERTY, {"client.rack", NULL}, NULL},
    {"key_deserializer", CONSUMER, PYTHON_ONLY, {NULL, NULL}, NULL},
    {"value_deserializer", CONSUMER, PYTHON_ONLY, {NULL, NULL}, NULL},
    {"enable_incremental_fetch_sessions", CONSUMER, NO_COUNTERPART, {NULL, NULL}, "librdkafka has no fetch sessions"},
    {"fetch_min_bytes", CONSUMER, AS_PROPERTY, {"fetch.min.bytes", NULL}, NULL},
    {"fetch_max_wait_ms", CONSUMER, AS_PROPERTY, {"fetch.wait.max.ms", NULL}, NULL},
    {"fetch_max_bytes", CONSUMER, AS_PROPERTY, {"fetch.max.bytes", NULL}, NULL},
    {"max_partition_fetch_bytes", CONSUMER, AS_PROPERTY, {"max.partition.fetch.bytes", NULL}, NULL},
    {"auto_offset_reset", CONSUMER, AS_PROPERTY, {"auto.offset.reset", NULL}, NULL},
    {"enable_auto_commit", CONSUMER, AS_PROPERTY, {"enable.auto.offset.store", NULL}, NULL},
    {"auto_commit_interval_ms", CONSUMER, NO_COUNTERPART, {NULL, NULL}, "kcat would set it where it has no effect"},
    {"default_offset_commit_callback", CONSUMER, PYTHON_ONLY, {NULL, NULL}, NULL},
    {"check_crcs", CONSUMER, AS_PROPERTY, {"check.crcs", NULL}, NULL},
    {"isolation_level", CONSUMER, AS_PROPERTY, {"isolation.level", NULL}, NULL},
    {"partition_assignment_strategy", CONSUMER, AS_PROPERTY, {"partition.assignment.strategy", NULL}, NULL},
    {"max_poll_interval_ms", CONSUMER, AS_PROPERTY, {"max.poll.interval.ms", NULL}, NULL},
    {"max_poll_records", CONSUMER, NO_COUNTERPART, {NULL, NULL}, "kcat takes what has come"},
    {"session_timeout_ms", CONSUMER, AS_PROPERTY, {"session.timeout.ms", NULL}, NULL},
    {"heartbeat_interval_ms", CONSUMER, AS_PROPERTY, {"heartbeat.interval.ms", NULL}, NULL},
    {"consumer_timeout_ms", CONSUMER, NO_COUNTERPART, {NULL, NULL}, "the nearest is ccm-consume -e or -c"},
    {"exclude_internal_topics", CONSUMER, NO_COUNTERPART, {NULL, NULL}, "the nearest is topic.blacklist in KAFKA_SETTINGS"},
    {"metric_group_prefix", CONSUMER, PYTHON_ONLY, {NULL, NULL}, NULL},
    {"legacy_iterator", CONSUMER, PYTHON_ONLY, {NULL, NULL}, NULL},
};

static const struct {
	const char *second, *first;
} argument_aliases[] = {
    {"sasl_username", "sasl_plain_username"},
    {"sasl_password", "sasl_plain_password"},
    {"service_name", "sasl_kerberos_service_name"},
};
/* clang-format on */

struct property_rule
property_rule(const char *name)
{
	for (size_t i = 0; i < COUNT(properties); i++)
		if (strcmp(properties[i].name, name) == 0)
			return properties[i];
	return (struct property_rule){name, BOTH, TEXT};
}

const char *
property_name(const char *name)
{
	/* kcat takes topic.NAME for a property of topics; these are none. */
	if (strncmp(name, "topic.", 6) == 0 &&
	    strcmp(name, "topic.blacklist") != 0 &&
	    strncmp(name, "topic.metadata.", 15) != 0)
		name += 6;
	for (size_t i = 0; i < COUNT(property_aliases); i++)
		if (strcmp(property_aliases[i].second, name) == 0)
			return property_aliases[i].first;
	return name;
}

static int
pattern_matches(const char *pattern, const char *name)
{
	size_t len = strlen(pattern), name_len = strlen(name);

	if (pattern[0] == '*')
		return name_len >= len - 1 &&
		    strcmp(name + name_len - (len - 1), pattern + 1) == 0;
	if (pattern[len - 1] == '*')
		return strncmp(name, pattern, len - 1) == 0;
	return strcmp(name, pattern) == 0;
}

const char *
property_refusal(const char *name)
{
	for (size_t i = 0; i < COUNT(refusals); i++)
		if (pattern_matches(refusals[i].pattern, name))
			return refusals[i].why;
	return NULL;
}

const struct argument_rule *
argument_rule(const char *name)
{
	for (size_t i = 0; i < COUNT(argument_aliases); i++)
		if (strcmp(argument_aliases[i].second, name) == 0)
			name = argument_aliases[i].first;
	for (size_t i = 0; i < COUNT(arguments); i++)
		if (strcmp(arguments[i].name, name) == 0)
			return &arguments[i];
	return NULL;
}

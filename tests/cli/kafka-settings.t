#!/usr/bin/env bash
# The translation of KAFKA_* variables and KAFKA_SETTINGS: each setting is asked
# back from kcat (-X dump), each refusal is by name and status 78.
# shellcheck disable=SC2154,SC2030,SC2031 # status is tap.sh's
# shellcheck disable=SC2238 # diff is a file
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

# settings SIDE: what kcat makes of the settings is in the file dump then, as
# PROPERTY=VALUE by librdkafka's own names.
settings() {
	local args
	rm -f dump kcat.conf
	"$SIM/show-settings" "$1" || return
	mapfile -t args <kcat.args
	kcat -F kcat.conf "${args[@]}" -X dump 2>dump.err >dump.raw || return 1
	sed -n 's/^\([a-z._]*\) = /\1=/p' dump.raw >dump
}

# librdkafka's own name of a property that has two.
own_name() {
	case $1 in
	acks) echo request.required.acks ;;
	bootstrap.servers) echo metadata.broker.list ;;
	compression.type) echo compression.codec ;;
	delivery.timeout.ms) echo message.timeout.ms ;;
	linger.ms) echo queue.buffering.max.ms ;;
	max.in.flight.requests.per.connection) echo "$1" ;;
	max.partition.fetch.bytes) echo fetch.message.max.bytes ;;
	retries) echo message.send.max.retries ;;
	sasl.mechanism) echo sasl.mechanisms ;;
	*) echo "$1" ;;
	esac
}

# arrived PROPERTY=VALUE: kcat has it. Where a property is both the client's
# and the topic's, the topic's counts, and is the last one.
arrived() {
	local name
	name=$(own_name "${1%%=*}")
	[ "$(grep "^$name=" dump | tail -n 1)" = "$name=${1#*=}" ]
}

# gives NAME SIDE PROPERTY=VALUE...: after run, all have arrived.
gives() {
	local name=$1 fault=$status property
	shift
	for property; do
		arrived "$property" || fault=1
	done
	[ "$fault" -eq 0 ] || { cp err diff && cat dump.err >>diff; }
	ok "$fault" "$name gives $*"
	: >diff
}

# refused NAME TEXT: after run, status 78 and a line with both.
refused() {
	local fault=0
	[ "$status" -eq 78 ] || fault=1
	grep -F -- "$1" err | grep -qF -- "$2" || fault=1
	ok $fault "$1 is refused: $2"
}

export KAFKA_BOOTSTRAP_SERVERS=broker-1:9092
tested=()

# ---- every argument of the two classes --------------------------------------
#
# variable | side | value | what kcat gets

while IFS='|' read -r name side value wanted; do
	tested+=("$name")
	IFS=' ' read -ra wanted <<<"$wanted"
	run eval "$name=\$value settings $side"
	gives "$name=$value" "${wanted[@]}"
done <<'END'
KAFKA_BOOTSTRAP_SERVERS|producer|a:9092, b,PLAINTEXT://c:1|bootstrap.servers=a:9092,b,PLAINTEXT://c:1
KAFKA_CLIENT_ID|producer|me|client.id=me
KAFKA_REQUEST_TIMEOUT_MS|producer|40000|socket.timeout.ms=40000 request.timeout.ms=40000
KAFKA_REQUEST_TIMEOUT_MS|consumer|40000|socket.timeout.ms=40000 request.timeout.ms=30000
KAFKA_RETRY_BACKOFF_MS|producer|123|retry.backoff.ms=123
KAFKA_RECONNECT_BACKOFF_MS|producer|51|reconnect.backoff.ms=51
KAFKA_RECONNECT_BACKOFF_MAX_MS|consumer|5001|reconnect.backoff.max.ms=5001
KAFKA_MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION|producer|3|max.in.flight.requests.per.connection=3 enable.idempotence=true
KAFKA_CONNECTIONS_MAX_IDLE_MS|producer|540000|connections.max.idle.ms=540000
KAFKA_METADATA_MAX_AGE_MS|producer|60000|topic.metadata.refresh.interval.ms=60000
KAFKA_ALLOW_AUTO_CREATE_TOPICS|producer|True|allow.auto.create.topics=true
KAFKA_CLIENT_DNS_LOOKUP|producer|use_all_dns_ips|bootstrap.servers=broker-1:9092
KAFKA_RECEIVE_MESSAGE_MAX_BYTES|producer|100000001|receive.message.max.bytes=100000001
KAFKA_RECEIVE_BUFFER_BYTES|producer|32768|socket.receive.buffer.bytes=32768
KAFKA_SEND_BUFFER_BYTES|producer|131072|socket.send.buffer.bytes=131072
KAFKA_SECURITY_PROTOCOL|producer|SSL|security.protocol=ssl
KAFKA_SSL_CHECK_HOSTNAME|producer|false|ssl.endpoint.identification.algorithm=none
KAFKA_SSL_CHECK_HOSTNAME|producer|1|ssl.endpoint.identification.algorithm=https
KAFKA_SSL_CAFILE|producer|/x/ca.pem|ssl.ca.location=/x/ca.pem
KAFKA_SSL_CERTFILE|producer|/x/c.pem|ssl.certificate.location=/x/c.pem ssl.key.location=/x/c.pem
KAFKA_SSL_KEYFILE|producer|/x/k.pem|ssl.key.location=/x/k.pem
KAFKA_SSL_PASSWORD|producer|s3cret|ssl.key.password=s3cret
KAFKA_SSL_CRLFILE|producer|/x/crl.pem|ssl.crl.location=/x/crl.pem
KAFKA_SSL_CIPHERS|producer|ECDHE+AESGCM:!RC4|ssl.cipher.suites=ECDHE+AESGCM:!RC4
KAFKA_SASL_MECHANISM|producer|scram-sha-512|sasl.mechanism=SCRAM-SHA-512
KAFKA_SASL_PLAIN_USERNAME|producer|alice|sasl.username=alice
KAFKA_SASL_USERNAME|consumer|alice|sasl.username=alice
KAFKA_SASL_PLAIN_PASSWORD|producer|s3cret|sasl.password=s3cret
KAFKA_SASL_PASSWORD|consumer|s3cret|sasl.password=s3cret
KAFKA_SASL_KERBEROS_SERVICE_NAME|producer|kafka2|sasl.kerberos.service.name=kafka2
KAFKA_SERVICE_NAME|producer|kafka2|sasl.kerberos.service.name=kafka2
KAFKA_API_VERSION|producer|auto|api.version.request=true
KAFKA_API_VERSION|producer|2.6.0|api.version.request=true
KAFKA_API_VERSION|producer|(0, 10)|api.version.request=true
KAFKA_API_VERSION|producer|0.9|api.version.request=false broker.version.fallback=0.9.0
KAFKA_API_VERSION|producer|(0, 8, 2)|api.version.request=false broker.version.fallback=0.8.2
KAFKA_API_VERSION_AUTO_TIMEOUT_MS|producer|2000|api.version.request.timeout.ms=2000
KAFKA_SOCKET_CONNECTION_SETUP_TIMEOUT_MS|producer|10000|socket.connection.setup.timeout.ms=10000
KAFKA_ACKS|producer|all|acks=-1
KAFKA_ACKS|producer|-1|acks=-1 enable.idempotence=true
KAFKA_ACKS|producer|1|acks=1 enable.idempotence=false
KAFKA_ENABLE_IDEMPOTENCE|producer|false|enable.idempotence=false
KAFKA_TRANSACTION_TIMEOUT_MS|producer|61000|transaction.timeout.ms=61000
KAFKA_DELIVERY_TIMEOUT_MS|producer|5000|delivery.timeout.ms=5000
KAFKA_COMPRESSION_TYPE|producer|zstd|compression.type=zstd
KAFKA_COMPRESSION_TYPE|producer|GZIP|compression.type=gzip
KAFKA_COMPRESSION_TYPE|producer|snappy|compression.type=snappy
KAFKA_COMPRESSION_TYPE|producer|lz4|compression.type=lz4
KAFKA_COMPRESSION_TYPE|producer|none|compression.type=none
KAFKA_RETRIES|producer|7|retries=7 enable.idempotence=true
KAFKA_RETRIES|producer|inf|retries=2147483647
KAFKA_RETRIES|producer|0|retries=0 enable.idempotence=false
KAFKA_BATCH_SIZE|producer|16384|batch.size=16384
KAFKA_BATCH_SIZE|producer|0|batch.num.messages=1 batch.size=1000000
KAFKA_LINGER_MS|producer|0|linger.ms=0
KAFKA_LINGER_MS|producer|2.5|linger.ms=2.5
KAFKA_MAX_REQUEST_SIZE|producer|1048576|message.max.bytes=2101248
KAFKA_MAX_REQUEST_SIZE|producer|5000000|message.max.bytes=5000000
KAFKA_PARTITIONER|producer|fnv1a|partitioner=fnv1a
KAFKA_BUFFER_MEMORY|producer|33554433|queue.buffering.max.kbytes=32769
KAFKA_GROUP_ID|consumer|g|group.id=g
KAFKA_GROUP_INSTANCE_ID|consumer|i|group.instance.id=i
KAFKA_CLIENT_RACK|consumer|r1|client.rack=r1
KAFKA_FETCH_MIN_BYTES|consumer|2|fetch.min.bytes=2
KAFKA_FETCH_MAX_WAIT_MS|consumer|501|fetch.wait.max.ms=501
KAFKA_FETCH_MAX_BYTES|consumer|52428801|fetch.max.bytes=52428801
KAFKA_MAX_PARTITION_FETCH_BYTES|consumer|1048577|max.partition.fetch.bytes=1048577
KAFKA_AUTO_OFFSET_RESET|consumer|latest|auto.offset.reset=largest
KAFKA_AUTO_OFFSET_RESET|consumer|earliest|auto.offset.reset=smallest
KAFKA_ENABLE_AUTO_COMMIT|consumer|false|enable.auto.offset.store=false enable.auto.commit=true
KAFKA_CHECK_CRCS|consumer|false|check.crcs=false
KAFKA_ISOLATION_LEVEL|consumer|read_committed|isolation.level=read_committed
KAFKA_PARTITION_ASSIGNMENT_STRATEGY|consumer|cooperative-sticky|partition.assignment.strategy=cooperative-sticky
KAFKA_PARTITION_ASSIGNMENT_STRATEGY|consumer|range, roundrobin|partition.assignment.strategy=range,roundrobin
KAFKA_MAX_POLL_INTERVAL_MS|consumer|300001|max.poll.interval.ms=300001
KAFKA_SESSION_TIMEOUT_MS|consumer|10000|session.timeout.ms=10000
KAFKA_HEARTBEAT_INTERVAL_MS|consumer|2999.6|heartbeat.interval.ms=3000
END

# ---- arguments without a counterpart ----------------------------------------

while IFS='|' read -r name value text; do
	tested+=("$name")
	run eval "$name=\$value settings producer"
	refused "$name" "$text"
done <<'END'
KAFKA_SOCKET_OPTIONS|[(6, 1, 1)]|Python-only argument; say socket.nagle.disable
KAFKA_SSL_CONTEXT|x|Python-only argument
KAFKA_SASL_KERBEROS_NAME|x|Python-only argument; say sasl.kerberos.principal
KAFKA_SASL_OAUTH_TOKEN_PROVIDER|x|Python-only argument
KAFKA_METRIC_REPORTERS|x|Python-only argument
KAFKA_METRICS_ENABLED|true|Python-only argument
KAFKA_METRICS_NUM_SAMPLES|2|Python-only argument
KAFKA_METRICS_SAMPLE_WINDOW_MS|3|Python-only argument
KAFKA_SELECTOR|x|Python-only argument
KAFKA_KAFKA_CLIENT|x|Python-only argument
KAFKA_NET|x|Python-only argument
KAFKA_SOCK_CHUNK_BYTES|1|Python-only argument
KAFKA_SOCK_CHUNK_BUFFER_COUNT|1|Python-only argument
KAFKA_KEY_SERIALIZER|str.encode|Python-only argument
KAFKA_VALUE_SERIALIZER|json.dumps|Python-only argument
KAFKA_BOOTSTRAP_TOPICS_FILTER|x|Python-only argument
KAFKA_KEY_DESERIALIZER|x|Python-only argument
KAFKA_VALUE_DESERIALIZER|x|Python-only argument
KAFKA_DEFAULT_OFFSET_COMMIT_CALLBACK|x|Python-only argument
KAFKA_METRIC_GROUP_PREFIX|x|Python-only argument
KAFKA_LEGACY_ITERATOR|x|Python-only argument
KAFKA_PARTITION_ASSIGNMENT_STRATEGY|RangePartitionAssignor|Python-only argument
KAFKA_SASL_KERBEROS_DOMAIN_NAME|x|no counterpart here; librdkafka takes the host name
KAFKA_PROXY_URL|socks5://p|no counterpart here; librdkafka knows no proxies
KAFKA_SOCKS5_PROXY|socks5://p|no counterpart here; librdkafka knows no proxies
KAFKA_BOOTSTRAP_TIMEOUT_MS|1|no counterpart here
KAFKA_DEFAULT_API_TIMEOUT_MS|1|no counterpart here; the nearest is request_timeout_ms
KAFKA_SOCKET_CONNECTION_SETUP_TIMEOUT_MAX_MS|1|no counterpart here; the nearest is socket_connection
KAFKA_TRANSACTIONAL_ID|x|no counterpart here; say CCM_KAFKA_TRANSACTIONAL_ID
KAFKA_MAX_BLOCK_MS|1|no counterpart here; kcat waits
KAFKA_ENABLE_INCREMENTAL_FETCH_SESSIONS|true|no counterpart here
KAFKA_AUTO_COMMIT_INTERVAL_MS|1|no counterpart here
KAFKA_MAX_POLL_RECORDS|1|no counterpart here
KAFKA_CONSUMER_TIMEOUT_MS|1|no counterpart here; the nearest is ccm-consume -e
KAFKA_EXCLUDE_INTERNAL_TOPICS|true|no counterpart here; the nearest is topic.blacklist
KAFKA_CLIENT_DNS_LOOKUP|default|is "default"; librdkafka always
KAFKA_SASL_MECHANISM|oauthbearer|OAUTHBEARER, which does not work
KAFKA_SASL_MECHANISM|AWS_MSK_IAM|librdkafka does not have
KAFKA_SASL_MECHANISM|SCRAM|is "SCRAM"; it takes PLAIN,
KAFKA_PARTITIONER|MyPartitioner()|it takes a word
KAFKA_ACKS|2|is "2"; it takes all, -1 or 1
KAFKA_ACKS|0|without acknowledgements nothing proves
KAFKA_SSL_CHECK_HOSTNAME|yes|is "yes"; it takes true, false, 1 or 0
KAFKA_REQUEST_TIMEOUT_MS|30s|is "30s"; it takes an integer
KAFKA_LINGER_MS|nan|is "nan"; it takes a number
KAFKA_LINGER_MS|5ms|is "5ms"; it takes a number
KAFKA_RETRIES|0x10|is "0x10"; it takes an integer
KAFKA_RETRIES|1e3|is "1e3"; it takes an integer
KAFKA_BATCH_SIZE|10.9|is "10.9"; it takes an integer
KAFKA_BATCH_SIZE|99999999999|is "99999999999"; it takes an integer
KAFKA_FETCH_MIN_BYTES|99999999999999999999999|it takes an integer
KAFKA_API_VERSION|0.7|is "0.7", older than what librdkafka knows
KAFKA_API_VERSION|new|is "new"; it takes "auto" or a version
END

KAFKA_RETRIES=010 run settings producer
gives 'KAFKA_RETRIES=010, which librdkafka would read as octal,' retries=10

# An argument that is not in the tests: in the source it is a row of the table.
sed -n '/^static const struct argument_rule/,/^};/s/^    {"\([a-z0-9_]*\)".*/KAFKA_\U\1/p
	/argument_aliases\[\]/,/^};/s/^    {"\([a-z0-9_]*\)".*/KAFKA_\U\1/p' \
	"$ROOT/lib/kafka-settings-table.c" | sort >all
printf '%s\n' "${tested[@]}" | sort -u >covered
comm -3 all covered >diff
ok "$(wc -l <diff)" "each of the $(wc -l <all) arguments and aliases that the table has is tested here"

# ---- what the table says about librdkafka -----------------------------------

# PROPERTY SIDE of the numbers in kcat's own list, by the names that the table uses.
kcat -X list 2>/dev/null | awk -F' *[|] *' '
	BEGIN {
		own["compression.codec"] = own["metadata.broker.list"] = 1
		own["fetch.message.max.bytes"] = own["max.in.flight"] = 1
		own["message.send.max.retries"] = own["message.timeout.ms"] = 1
		own["queue.buffering.max.ms"] = own["request.required.acks"] = 1
		own["sasl.mechanisms"] = 1
	}
	$2 ~ /^[PC*]$/ && $3 ~ /\.\./ && !($1 in own) { print $1, $2 }' |
	sed 's/ P$/ PRODUCER/; s/ C$/ CONSUMER/; s/ [*]$/ BOTH/' | sort >librdkafka
sed -n 's/^    {"\([a-z_.]*\)", \([A-Z]*\), \(INTEGER\|DECIMAL\)},/\1 \2/p' \
	"$ROOT/lib/kafka-settings-table.c" | sort >table
comm -13 librdkafka table >diff
ok "$(wc -l <diff)" 'the numbers and their sides are those of the librdkafka that is installed'
comm -23 librdkafka table | cut -d' ' -f1 | sort >diff
is "$(tr '\n' ' ' <diff)" \
	'acks auto.commit.interval.ms auto.commit.interval.ms enabled_events internal.termination.signal offset.store.sync.interval.ms ' \
	'and no number is missing but of what is refused or dead'
: >diff

# What librdkafka refuses by itself, ccm-produce -n and a run refuse too.
while IFS='|' read -r name value; do
	run eval "$name=\$value ccm-produce -n"
	refused "$name" ''
	run eval "$name=\$value ccm-produce topic </dev/null"
	refused "$name" ''
done <<'END'
KAFKA_PARTITIONER|my_partitioner
KAFKA_SECURITY_PROTOCOL|TLS
KAFKA_COMPRESSION_TYPE|brotli
KAFKA_REQUEST_TIMEOUT_MS|305000
KAFKA_ALLOW_AUTO_CREATE_TOPICS|yes
KAFKA_SETTINGS|{"no.such.property":1}
END

export KAFKA_SECURITY_PROTOCOL=SSL
for name in KAFKA_SSL_CAFILE KAFKA_SSL_CERTFILE KAFKA_SSL_CRLFILE; do
	run eval "$name=/none/x.pem ccm-produce -n"
	refused "$name" ''
done
unset KAFKA_SECURITY_PROTOCOL

# ---- addresses ----------------------------------------------------------------

while IFS='|' read -r value wanted; do
	KAFKA_BOOTSTRAP_SERVERS=$value run settings producer
	gives "KAFKA_BOOTSTRAP_SERVERS=$value" "bootstrap.servers=$wanted"
done <<'END'
 a:9092 , b |a:9092,b
a:1,,b:2,|a:1,b:2
plaintext://a:1,a.example.com|plaintext://a:1,a.example.com
[::1]:9092,10.0.0.1:65535|[::1]:9092,10.0.0.1:65535
END
while IFS='|' read -r value text; do
	KAFKA_BOOTSTRAP_SERVERS=$value run settings producer
	refused KAFKA_BOOTSTRAP_SERVERS "$text"
done <<'END'
SASL_SSL://h:9092|set KAFKA_SECURITY_PROTOCOL=SASL_SSL
["h:9092"]|not the address of a broker
"h:9092"|not the address of a broker
h:9092;h:9092|"h:9092;h:9092" has no valid port
https://h|not the address of a broker
127.0.0.1:99999|no valid port
h:0|no valid port
h:x|no valid port
h:9092x|no valid port
h:|no valid port
h:1:2|no valid port
-F/etc/passwd:1|not the address of a broker
-F|not the address of a broker
h/x:1|not the address of a broker
a:1 b:2|no valid port
[::1:9092|not the address of a broker
,|empty list
END
KAFKA_SECURITY_PROTOCOL=SASL_SSL KAFKA_SASL_MECHANISM=PLAIN KAFKA_SASL_USERNAME=a \
	KAFKA_SASL_PASSWORD=b KAFKA_BOOTSTRAP_SERVERS=SASL_SSL://h:9092 run settings producer
gives 'the protocol that is in force' bootstrap.servers=SASL_SSL://h:9092

# ---- the JSON form ----------------------------------------------------------

cat >settings.json <<'END'
{
  "bootstrap_servers": ["x:1", "y:2"], "linger_ms": 10, "acks": "all",
  "ssl_check_hostname": false, "session_timeout_ms": 20000.4, "client_id": null,
  "api_version": [0, 9], "compression_type": "",
  "topic.request.timeout.ms": 700, "socket.keepalive.enable": true,
  "client.rack": "r", "debug": "security", "statistics.interval.ms": "1000",
  "topic.blacklist": "^__"
}
END
KAFKA_SETTINGS_FILE=settings.json KAFKA_BOOTSTRAP_SERVERS='' run settings producer
gives 'KAFKA_SETTINGS_FILE' bootstrap.servers=x:1,y:2 linger.ms=10 acks=-1 \
	ssl.endpoint.identification.algorithm=none client.id=rdkafka \
	api.version.request=false broker.version.fallback=0.9.0 \
	request.timeout.ms=700 socket.keepalive.enable=true client.rack=r \
	debug=security statistics.interval.ms=1000 topic.blacklist=^__
KAFKA_SETTINGS=$(cat settings.json) KAFKA_BOOTSTRAP_SERVERS='' \
	run settings consumer
gives 'KAFKA_SETTINGS' session.timeout.ms=20000 client.rack=r
KAFKA_SETTINGS='{"request_timeout_ms":5000,"request.timeout.ms":700}' \
	run settings producer
refused '"request_timeout_ms"' 'are the same setting'
KAFKA_LINGER_MS=11 KAFKA_SETTINGS='{"linger_ms":10}' run settings producer
gives 'a variable over the object' linger.ms=11 bootstrap.servers=broker-1:9092
KAFKA_LINGER_MS=11 KAFKA_SETTINGS='{"linger.ms":10}' run settings producer
gives 'a variable over the property in the object' linger.ms=11
KAFKA_SASL_USERNAME=env KAFKA_SETTINGS='{"sasl_plain_username":"object"}' \
	run settings producer
gives 'an alias over the object' sasl.username=env
KAFKA_SETTINGS='{"acks":1,"linger_ms":3,"max_in_flight_requests_per_connection":9,
 "group_id":"g","session_timeout_ms":6000,"fetch.min.bytes":3}' run settings consumer
gives 'one object for both sides' max.in.flight.requests.per.connection=9 \
	group.id=g session.timeout.ms=6000 fetch.min.bytes=3
is "$(grep -cE 'acks|linger' kcat.conf)" 0 'what is for the other side is not passed on'


# What users of librdkafka set by its own names.
cat >settings.json <<'END'
{
  "message.timeout.ms": 5000, "message.max.bytes": 3000000,
  "queue.buffering.max.messages": 1000, "queue.buffering.max.kbytes": "2048",
  "batch.num.messages": 50, "compression.level": 3, "acks": -1, "retries": 9,
  "partitioner": "consistent", "sticky.partitioning.linger.ms": 12,
  "socket.nagle.disable": true, "broker.address.family": "v6",
  "broker.address.ttl": 2000, "topic.metadata.propagation.max.ms": 9000,
  "ssl.keystore.location": "/x/k.p12", "ssl.keystore.password": "s3cret",
  "enable.ssl.certificate.verification": false, "ssl.sigalgs.list": "RSA+SHA256",
  "ssl.curves.list": "P-256", "sasl.mechanism": "plain", "log_level": 3,
  "ssl.endpoint.identification.algorithm": "none",
  "security.protocol": "SASL_SSL", "sasl.username": "a", "sasl.password": "b",
  "topic.compression.type": "lz4"
}
END
KAFKA_SETTINGS_FILE=settings.json run settings producer
gives 'names of librdkafka' delivery.timeout.ms=5000 message.max.bytes=3000000 \
	queue.buffering.max.messages=1000 queue.buffering.max.kbytes=2048 \
	batch.num.messages=50 compression.level=3 acks=-1 retries=9 \
	partitioner=consistent sticky.partitioning.linger.ms=12 \
	socket.nagle.disable=true broker.address.family=v6 \
	broker.address.ttl=2000 topic.metadata.propagation.max.ms=9000 \
	ssl.keystore.location=/x/k.p12 ssl.keystore.password=s3cret \
	enable.ssl.certificate.verification=false ssl.sigalgs.list=RSA+SHA256 \
	ssl.curves.list=P-256 sasl.mechanism=PLAIN log_level=3 \
	ssl.endpoint.identification.algorithm=none security.protocol=sasl_ssl \
	sasl.username=a sasl.password=b compression.type=lz4
cat >settings.json <<'END'
{
  "queued.min.messages": 100, "queued.max.messages.kbytes": 4096,
  "fetch.error.backoff.ms": 100, "group.instance.id": "i",
  "sasl.kerberos.principal": "me", "sasl.kerberos.keytab": "/x/keytab",
  "sasl.kerberos.min.time.before.relogin": 5000
}
END
KAFKA_SETTINGS_FILE=settings.json run settings consumer
gives 'names of librdkafka, for a consumer,' queued.min.messages=100 \
	queued.max.messages.kbytes=4096 fetch.error.backoff.ms=100 \
	group.instance.id=i sasl.kerberos.principal=me \
	sasl.kerberos.keytab=/x/keytab sasl.kerberos.min.time.before.relogin=5000

while IFS='|' read -r json name text; do
	KAFKA_SETTINGS=$json KAFKA_BOOTSTRAP_SERVERS='' run settings producer
	refused "$name" "$text"
done <<'END'
{"acks":1,"acks":1}|KAFKA_SETTINGS|
{"acks":1} {}|KAFKA_SETTINGS|
{"acks":1,}|KAFKA_SETTINGS|
{"acks":NaN}|KAFKA_SETTINGS|
[1]|KAFKA_SETTINGS|is not a JSON object
"x"|KAFKA_SETTINGS|is not a JSON object
{"foo":1}|"foo"|is not a Kafka setting
{"kafka_acks":1}|"kafka_acks"|is not a Kafka setting
{"a.b\n=":1}|"a.b\n="|is not a Kafka setting
{"a.b c":1}|"a.b c"|is not a Kafka setting
{"linger_ms":5,"linger.ms":5}|"linger_ms"|remove one
{"linger_ms":5,"queue.buffering.max.ms":5}|"queue.buffering.max.ms"|remove one
{"acks":1,"request.required.acks":1}|"acks"|remove one
{"bootstrap_servers":"a","metadata.broker.list":"b"}|"bootstrap_servers"|remove one
{"linger.ms":5,"queue.buffering.max.ms":6}|"linger.ms"|contradict each other
{"sasl_username":"a","sasl_plain_username":"b"}|"sasl_username"|contradict each other
{"sasl_plain_password":12345678901234567890}|"sasl_plain_password"|is not text
{"sasl_plain_username":["a"]}|"sasl_plain_username"|is not text
{"client.id":1.10}|"client.id"|is not text
{"linger_ms":"1e-3"}|"linger_ms"|it takes a number
{"linger_ms":true}|"linger_ms"|it takes a number
{"retries":1.5}|"retries"|it takes an integer
{"fetch.max.bytes":"10s"}|"fetch.max.bytes"|it takes an integer
{"api_version":0.10}|"api_version"|it takes "auto" or a version
{"bootstrap_servers":[]}|"bootstrap_servers"|is an empty list
{"bootstrap_servers":["a",1]}|"bootstrap_servers"|is not text
{"key_serializer":"x"}|"key_serializer"|Python-only argument
{"max_poll_records":1}|"max_poll_records"|no counterpart
{"auto.commit.enable":false}|"auto.commit.enable"|set enable_auto_commit
{"auto.commit.interval.ms":1}|"auto.commit.interval.ms"|no effect
{"builtin.features":"x"}|"builtin.features"|is refused
{"default_topic_conf":"x"}|"default_topic_conf"|is refused
{"delivery.report.only.error":true}|"delivery.report.only.error"|ccm's own business
{"enable.auto.commit":false}|"enable.auto.commit"|set enable_auto_commit
{"topic.enable.auto.commit":false}|"topic.enable.auto.commit"|set enable_auto_commit
{"enable.partition.eof":true}|"enable.partition.eof"|ccm's own business
{"enable.sasl.oauthbearer.unsecure.jwt":true}|"enable.sasl.oauthbearer|OAUTHBEARER
{"enabled_events":1}|"enabled_events"|is refused
{"interceptors":"x"}|"interceptors"|is refused
{"internal.termination.signal":9}|"internal.termination.signal"|is refused
{"opaque":"x"}|"opaque"|is refused
{"plugin.library.paths":"x.so"}|"plugin.library.paths"|would run code
{"produce.offset.report":true}|"produce.offset.report"|is refused
{"sasl.jaas.config":"x"}|"sasl.jaas.config"|set sasl_plain_username
{"sasl.kerberos.kinit.cmd":"x"}|"sasl.kerberos.kinit.cmd"|would run code
{"sasl.oauthbearer.config":"x"}|"sasl.oauthbearer.config"|OAUTHBEARER
{"schema.registry.url":"x"}|"schema.registry.url"|no Avro
{"ssl.ca.pem":"x"}|"ssl.ca.pem"|.location
{"ssl.certificate.verify_cb":"x"}|"ssl.certificate.verify_cb"|not something that text can set
{"dr_msg_cb":"x"}|"dr_msg_cb"|not something that text can set
{"ssl.engine.id":"x"}|"ssl.engine.id"|would run code
{"ssl.engine.location":"x"}|"ssl.engine.location"|would run code
{"ssl.providers":"x"}|"ssl.providers"|would run code
{"ssl_ca":"x"}|"ssl_ca"|is refused
{"ssl_certificate":"x"}|"ssl_certificate"|is refused
{"ssl_key":"x"}|"ssl_key"|is refused
{"transactional.id":"x"}|"transactional.id"|say CCM_KAFKA_TRANSACTIONAL_ID
{"sasl_plain_password":"a\u0000b"}|KAFKA_SETTINGS|control character
{"sasl_plain_password":"a\nsasl.username=x"}|"sasl_plain_password"|control character
END
unset KAFKA_SETTINGS

# ---- together ---------------------------------------------------------------

KAFKA_BOOTSTRAP_SERVERS='' run settings producer
refused KAFKA_BOOTSTRAP_SERVERS 'is missing'
run settings producer
gives 'nothing else set' enable.idempotence=true acks=-1 \
	delivery.timeout.ms=900000 partitioner=murmur2_random \
	message.max.bytes=2101248 queue.buffering.max.kbytes=65536
run settings consumer
gives 'nothing else set, for a consumer,' check.crcs=true \
	isolation.level=read_uncommitted auto.offset.reset=smallest
KAFKA_ACKS=1 KAFKA_RETRIES=0 run settings producer
is "$(cat err)" 'settings: WARN: sending without idempotence, because of KAFKA_ACKS, KAFKA_RETRIES: a broker'\''s absence may duplicate records' \
	'one warning says what keeps idempotence off'
KAFKA_MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION=6 run settings producer
like "$(cat err)" 'because of KAFKA_MAX_IN_FLIGHT' 'more than five requests in flight do'
KAFKA_ENABLE_IDEMPOTENCE=true KAFKA_ACKS=1 run settings producer
refused KAFKA_ENABLE_IDEMPOTENCE 'not possible with KAFKA_ACKS'
KAFKA_ENABLE_IDEMPOTENCE=false KAFKA_ACKS=1 run settings producer
is "$status $(cat err)" '0 ' 'nothing is warned of where idempotence is not wanted'

KAFKA_LINGER_MS=500 KAFKA_DELIVERY_TIMEOUT_MS=500 run settings producer
is "$status $(cat err)" '78 settings: ERROR: KAFKA_LINGER_MS is 500, and has to be less than KAFKA_DELIVERY_TIMEOUT_MS, which is 500' \
	'records may not wait for others as long as for a broker'
KAFKA_LINGER_MS=500 KAFKA_DELIVERY_TIMEOUT_MS=0 run settings producer
gives 'a delivery without end' linger.ms=500 delivery.timeout.ms=0

KAFKA_SECURITY_PROTOCOL=SASL_SSL run settings producer
refused KAFKA_SECURITY_PROTOCOL 'KAFKA_SASL_MECHANISM is missing'
KAFKA_SECURITY_PROTOCOL=SASL_SSL KAFKA_SASL_MECHANISM=plain run settings producer
refused KAFKA_SASL_MECHANISM 'KAFKA_SASL_USERNAME is missing'
refused KAFKA_SASL_MECHANISM 'KAFKA_SASL_PASSWORD is missing'
KAFKA_SECURITY_PROTOCOL=SASL_SSL KAFKA_SASL_MECHANISM=plain KAFKA_SASL_USERNAME=a \
	KAFKA_SASL_PASSWORD='pw ' run settings producer
is "$status $(cat err)" '78 settings: ERROR: KAFKA_SASL_PASSWORD ends with a blank, which kcat would cut off' \
	'a password that is refused is not missing too'
KAFKA_SECURITY_PROTOCOL=SASL_SSL KAFKA_SASL_MECHANISM=MD5 run settings producer
is "$status $(cat err)" '78 settings: ERROR: KAFKA_SASL_MECHANISM is "MD5"; it takes PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or GSSAPI' \
	'... nor is a mechanism'
KAFKA_SASL_MECHANISM=PLAIN run settings producer
like "$(cat err)" 'WARN: KAFKA_SASL_MECHANISM is given and the security protocol is PLAINTEXT' \
	'a mechanism without a protocol for it is warned of'
export KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT KAFKA_SASL_MECHANISM=GSSAPI
run settings producer
gives 'GSSAPI without a keytab' sasl.kerberos.min.time.before.relogin=0
KAFKA_SETTINGS='{"sasl.kerberos.keytab":"/x","sasl.kerberos.principal":"me"}' \
	run settings producer
gives 'GSSAPI with a keytab' sasl.kerberos.min.time.before.relogin=60000 \
	sasl.kerberos.keytab=/x sasl.kerberos.principal=me
unset KAFKA_SECURITY_PROTOCOL KAFKA_SASL_MECHANISM
KAFKA_SASL_USERNAME=a KAFKA_SASL_PLAIN_USERNAME=b run settings producer
refused KAFKA_SASL_PLAIN_USERNAME 'contradict each other'
KAFKA_SASL_USERNAME=a KAFKA_SASL_PLAIN_USERNAME=a run settings producer
gives 'both names with one value' sasl.username=a
KAFKA_SSL_CERTFILE=/c KAFKA_SSL_KEYFILE=/k run settings producer
gives 'a key of its own' ssl.certificate.location=/c ssl.key.location=/k

CCM_KAFKA_TRANSACTIONAL_ID=ccm run settings producer
gives CCM_KAFKA_TRANSACTIONAL_ID transactional.id=ccm-default \
	transaction.timeout.ms=900000 delivery.timeout.ms=900000
CCM_KAFKA_TRANSACTIONAL_ID=ccm CCM_INSTANCE=b KAFKA_TRANSACTION_TIMEOUT_MS=60000 \
	run settings producer
gives CCM_INSTANCE transactional.id=ccm-b transaction.timeout.ms=60000 \
	delivery.timeout.ms=60000
CCM_KAFKA_TRANSACTIONAL_ID=ccm KAFKA_ACKS=1 run settings producer
refused CCM_KAFKA_TRANSACTIONAL_ID KAFKA_ACKS
CCM_KAFKA_TRANSACTIONAL_ID=$'a\tb' run settings producer
refused CCM_KAFKA_TRANSACTIONAL_ID 'control character'

KAFKA_SERVICE_HOST=10.0.0.1 KAFKA_PORT=tcp://10.0.0.1:9092 KAFKA_HOME=/opt \
	KAFKA_OPTS=$'a\nb' KAFKA_HEAP_OPTS=$'\xff' KAFKA_DEBUG=y run settings producer
is "$status $(cat err)" \
	"0 settings: WARN: ignoring what is not a Kafka setting: KAFKA_DEBUG, KAFKA_HEAP_OPTS, KAFKA_HOME, KAFKA_OPTS" \
	'variables that are not settings are one warning'
# The service links of a Kubernetes with many services.
many=()
for i in {1..400}; do
	many+=("KAFKA_${i}_SERVICE_HOST=10.0.0.1" "KAFKA_${i}_SERVICE_PORT=9092"
		"KAFKA_${i}_SERVICE_PORT_BROKER=9092" "KAFKA_${i}_PORT=tcp://10.0.0.1:9092"
		"KAFKA_${i}_PORT_9092_TCP=tcp://10.0.0.1:9092"
		"KAFKA_${i}_PORT_9092_TCP_PROTO=tcp" "KAFKA_${i}_PORT_9092_TCP_PORT=9092"
		"KAFKA_${i}_PORT_9092_TCP_ADDR=10.0.0.1")
done
run env "${many[@]}" "$SIM/show-settings" producer
is "$status $(cat err)" '0 ' 'service links of Kubernetes are passed over'
many=()
for i in {10..30}; do many+=("KAFKA_X$i=1"); done
run env "${many[@]}" "$SIM/show-settings" producer
like "$(cat err)" 'KAFKA_X10, .*KAFKA_X19 and 11 more$' 'of many unknown variables ten are named'

KAFKA_SETTINGS='{"bootstrap_servers":"'$(printf 'broker-%d.example.com:9092,' {1..40})'x"}' \
	KAFKA_BOOTSTRAP_SERVERS='' run settings producer
like "$status $(cat dump)" '0 .*broker-40.example.com:9092,x' \
	'a list of brokers may be longer than a line of the file'

# ---- values that are hard to carry ------------------------------------------

all=$(printf '%b' "$(printf '\\x%x' {33..126})")
all=${all//\\\]/]\\}	# a backslash elsewhere than before ]
for name in KAFKA_SASL_PASSWORD KAFKA_SASL_USERNAME KAFKA_SSL_PASSWORD; do
	case $name in
	*SASL_PASSWORD) property=sasl.password ;;
	*USERNAME) property=sasl.username ;;
	*) property=ssl.key.password ;;
	esac
	run eval "$name=\$all settings producer"
	is "$(sed -n "s/^$property=//p" dump)" "$all" \
		"$name carries every printable character of ASCII"
	run eval "$name='  ' settings producer"
	refused "$name" 'begins with a blank'
done
jq -n --arg p "$all" '{sasl_plain_password: $p}' >settings.json
KAFKA_SETTINGS_FILE=settings.json run settings producer
is "$(sed -n 's/^sasl.password=//p' dump)" "$all" 'so does KAFKA_SETTINGS_FILE'
# shellcheck disable=SC2016,SC1003 # they are meant
for value in 'in the middle' 'grüße-日本-🎉' '#not a comment' '=a=b=' 'a\b\' \
	'in "quotes"' "'" '$HOME `id` $(id) %s %n' '!bang' ':\' "$(printf 'x%.0s' {1..497})"; do
	printf '%s\n' "$value" >secret
	KAFKA_SASL_PASSWORD_FILE=secret run settings producer
	is "$status $(sed -n 's/^sasl.password=//p' dump)" "0 $value" \
		"a password is carried intact: ${value:0:30}"
done
printf 'pw\n\n' >secret
KAFKA_SASL_PASSWORD_FILE=secret run settings producer
refused KAFKA_SASL_PASSWORD newline
printf 'pw\r\n' >secret
KAFKA_SASL_PASSWORD_FILE=secret run settings producer
refused KAFKA_SASL_PASSWORD 'carriage return'
printf 'p\0w' >secret
KAFKA_SASL_PASSWORD_FILE=secret run settings producer
refused KAFKA_SASL_PASSWORD NUL
KAFKA_SASL_PASSWORD_FILE=none run settings producer
refused KAFKA_SASL_PASSWORD_FILE 'cannot read none'
KAFKA_SASL_PASSWORD_FILE=. run settings producer
refused KAFKA_SASL_PASSWORD_FILE 'cannot read .: Is a directory'
KAFKA_SASL_PASSWORD_FILE=secret KAFKA_SASL_PASSWORD=x run settings producer
refused KAFKA_SASL_PASSWORD_FILE 'both given'
printf 'alice' >user
KAFKA_SASL_PLAIN_USERNAME_FILE=user KAFKA_SASL_PLAIN_PASSWORD_FILE=<(echo pw) \
	run settings producer
gives 'a file without a newline, and a pipe,' sasl.username=alice sasl.password=pw

faults=0
while IFS='|' read -r value text; do
	printf -v value '%b' "$value"
	KAFKA_SASL_PASSWORD=$value run settings producer
	refused KAFKA_SASL_PASSWORD "$text"
	! grep -qF s3cret err || faults=1
done <<'END'
 s3cret|begins with a blank
s3cret |ends with a blank
s3cret\\:x|a backslash before : or =
s3cret\\\\=x|a backslash before : or =
s3cret\tx|control character
s3cret\x7fx|control character
s3cret\nx|a newline
s3cret\xff|not valid UTF-8
s3cret\xed\xa0\x80|not valid UTF-8
s3cret\xf5\x80\x80\x80|not valid UTF-8
s3cret\xc0\x80|not valid UTF-8
END
KAFKA_SASL_PASSWORD=s3cret$(printf 'x%.0s' {1..492}) run settings producer
refused KAFKA_SASL_PASSWORD 'too long: kcat takes 497 bytes'
! grep -qF s3cret err || faults=1
KAFKA_SETTINGS=$'{"sasl_plain_password":"s3cret\xff"}' run settings producer
refused KAFKA_SETTINGS ''
! grep -qF s3cret err || faults=1
is $faults 0 'no message about a password quotes it'
KAFKA_SSL_CAFILE="/x/$(printf 'y%.0s' {1..500})" run settings producer
refused KAFKA_SSL_CAFILE 'too long'
KAFKA_CLIENT_ID=$'\xffx' run settings producer
refused KAFKA_CLIENT_ID 'not valid UTF-8'

# ---- what is shown ----------------------------------------------------------

KAFKA_SASL_PASSWORD=s3cret KAFKA_SASL_USERNAME=me KAFKA_SSL_PASSWORD=s3cret \
	KAFKA_SETTINGS='{"ssl.keystore.password":"s3cret"}' run ccm-produce -n
is "$(cat out)" 'acks=-1
bootstrap.servers=broker-1:9092
delivery.timeout.ms=900000
enable.idempotence=true
message.max.bytes=2101248
partitioner=murmur2_random
queue.buffering.max.kbytes=65536
sasl.password=********
sasl.username=me
ssl.key.password=********
ssl.keystore.password=********' 'ccm-produce -n shows what is in force, without the secrets'
GLOBAL_LOG_LEVEL=LOUD run settings producer
refused GLOBAL_LOG_LEVEL '"LOUD"; it takes CRITICAL, FATAL,'
JOURNAL_STREAM=$(stat -c %d:%i err) KAFKA_ACKS=1 KAFKA_FOO=1 run settings producer
is "$(cut -c 1-18 err)" $'<4>settings: WARN:\n<4>settings: WARN:' \
	'a line to the journal begins with its priority'
JOURNAL_STREAM=1:1 GLOBAL_LOG_LEVEL=ERROR KAFKA_ACKS=1 run settings producer
is "$(cat err)" '' 'a warning is not shown at level ERROR'

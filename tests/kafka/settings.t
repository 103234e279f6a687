#!/usr/bin/env bash
# Kafka's settings, held against the kafka-python that is installed (each of its
# arguments gets a clear answer) and against a broker (all that are translated
# work, at once).
# shellcheck disable=SC2154,SC2030,SC2031 # status is tap.sh's, as are the others
# shellcheck disable=SC2238,SC2094 # diff is a file
# shellcheck source=tests/kafka/broker.sh
. "$(dirname "$0")/broker.sh"

# settings SIDE: what kcat makes of the settings is in the file dump then, as
# PROPERTY=VALUE by librdkafka's own names.
settings() {
	local args
	rm -f dump
	"$SIM/show-settings" "$1" || return
	mapfile -t args <kcat.args
	kcat -F kcat.conf "${args[@]}" -X dump 2>dump.err >dump.raw || return 1
	sed -n '/_cb = /d; s/^\([a-z._]*\) = /\1=/p' dump.raw | sort >dump
}

# ---- the arguments of kafka-python ------------------------------------------

# defaults CLASS: its arguments with their own defaults, NAME=VALUE, as a user
# would write them down, sorted
defaults() {
	"$BROKER_DIR/venv/bin/python" - "$1" <<-'PYTHON' | sort
		import sys, kafka
		for name, value in getattr(kafka, sys.argv[1]).DEFAULT_CONFIG.items():
		    print(name, '' if value is None else value, sep='=')
	PYTHON
}

# What becomes of each with its default: in which property of librdkafka's the
# value is to be found, or
#	-         nothing is given, which is taken
#	none      what librdkafka does anyway
#	refused
cat >producer.answers <<'END'
acks request.required.acks=-1
allow_auto_create_topics allow.auto.create.topics=true
api_version -
batch_size batch.size=16384
bootstrap_servers metadata.broker.list=localhost
bootstrap_timeout_ms refused
client_dns_lookup none
client_id -
compression_type -
connections_max_idle_ms connections.max.idle.ms=540000
delivery_timeout_ms message.timeout.ms=120000
enable_idempotence enable.idempotence=true
kafka_client refused
key_serializer -
linger_ms queue.buffering.max.ms=0
max_block_ms refused
max_in_flight_requests_per_connection max.in.flight.requests.per.connection=5
max_request_size message.max.bytes=2101248
metadata_max_age_ms topic.metadata.refresh.interval.ms=300000
metric_reporters refused
metrics_enabled refused
metrics_num_samples refused
metrics_sample_window_ms refused
partitioner refused
proxy_url -
receive_buffer_bytes -
receive_message_max_bytes receive.message.max.bytes=100000000
reconnect_backoff_max_ms reconnect.backoff.max.ms=30000
reconnect_backoff_ms reconnect.backoff.ms=50
request_timeout_ms request.timeout.ms=30000 socket.timeout.ms=30000
retries message.send.max.retries=2147483647
retry_backoff_ms retry.backoff.ms=100
sasl_kerberos_domain_name -
sasl_kerberos_name -
sasl_kerberos_service_name sasl.kerberos.service.name=kafka
sasl_mechanism -
sasl_oauth_token_provider -
sasl_plain_password -
sasl_plain_username -
security_protocol security.protocol=plaintext
selector refused
send_buffer_bytes -
socket_options refused
socks5_proxy -
ssl_cafile -
ssl_certfile -
ssl_check_hostname ssl.endpoint.identification.algorithm=https
ssl_ciphers -
ssl_context -
ssl_crlfile -
ssl_keyfile -
ssl_password -
transaction_timeout_ms transaction.timeout.ms=60000
transactional_id -
value_serializer -
END
cat >consumer.answers <<'END'
allow_auto_create_topics allow.auto.create.topics=true
api_version -
auto_commit_interval_ms refused
auto_offset_reset auto.offset.reset=largest
bootstrap_servers metadata.broker.list=localhost
bootstrap_timeout_ms refused
check_crcs check.crcs=true
client_dns_lookup none
client_id client.id=kafka-python-3.0.11
client_rack -
connections_max_idle_ms connections.max.idle.ms=540000
consumer_timeout_ms refused
default_offset_commit_callback refused
enable_auto_commit enable.auto.offset.store=true
enable_incremental_fetch_sessions refused
exclude_internal_topics refused
fetch_max_bytes fetch.max.bytes=52428800
fetch_max_wait_ms fetch.wait.max.ms=500
fetch_min_bytes fetch.min.bytes=1
group_id -
group_instance_id -
heartbeat_interval_ms heartbeat.interval.ms=3000
isolation_level isolation.level=read_uncommitted
kafka_client refused
key_deserializer -
max_in_flight_requests_per_connection max.in.flight.requests.per.connection=5
max_partition_fetch_bytes fetch.message.max.bytes=1048576
max_poll_interval_ms max.poll.interval.ms=300000
max_poll_records refused
metadata_max_age_ms topic.metadata.refresh.interval.ms=300000
metric_group_prefix refused
metric_reporters refused
metrics_enabled refused
metrics_num_samples refused
metrics_sample_window_ms refused
partition_assignment_strategy refused
proxy_url -
receive_buffer_bytes -
receive_message_max_bytes receive.message.max.bytes=100000000
reconnect_backoff_max_ms reconnect.backoff.max.ms=30000
reconnect_backoff_ms reconnect.backoff.ms=50
request_timeout_ms socket.timeout.ms=30000
retry_backoff_ms none
sasl_kerberos_domain_name -
sasl_kerberos_name -
sasl_kerberos_service_name sasl.kerberos.service.name=kafka
sasl_mechanism -
sasl_oauth_token_provider -
sasl_plain_password -
sasl_plain_username -
security_protocol security.protocol=plaintext
selector refused
send_buffer_bytes -
session_timeout_ms session.timeout.ms=45000
socket_options refused
socks5_proxy -
ssl_cafile -
ssl_certfile -
ssl_check_hostname ssl.endpoint.identification.algorithm=https
ssl_ciphers -
ssl_context -
ssl_crlfile -
ssl_keyfile -
ssl_password -
value_deserializer -
END

# with ARGUMENTS COMMAND...: runs it with those of a file of NAME=VALUE as
# KAFKA_NAME
with() {
	local line name environment=()
	while IFS= read -r line; do
		name=${line%%=*}
		environment+=("KAFKA_${name^^}=${line#*=}")
	done <"$1"
	shift
	(
		export "${environment[@]}"
		"$@"
	)
}

version=$("$BROKER_DIR/venv/bin/python" -c 'import kafka; print(kafka.__version__)')
sed -i "s/kafka-python-[0-9.]*/kafka-python-$version/" consumer.answers
for side in producer consumer; do
	class=Kafka${side^}
	defaults "$class" >defaults
	cut -d= -f1 defaults | diff - <(cut -d' ' -f1 $side.answers) >diff
	ok $? "each argument of $class $version is known here"
	: >diff
	sed -n 's/ refused$/=/p' $side.answers >refused.names
	grep -vf <(sed 's/^/^/' refused.names) defaults >taken
	grep -f <(sed 's/^/^/' refused.names) defaults >refused

	run with taken settings $side
	is "$status $(<err)" '0 ' \
		"$class: the defaults of $(wc -l <taken) arguments are taken without a word"
	sed -n 's/^[a-z0-9_]* //p' $side.answers | tr ' ' '\n' |
		grep '=' | sort >wanted
	comm -23 wanted <(sort dump) >diff
	ok "$(wc -l <diff)" "... and kcat gets $(wc -l <wanted) values"
	: >diff
	mv dump by.variables

	{ cat refused; echo bootstrap_servers=localhost; } >asked
	run with asked settings $side
	is "$status $(sed -n 's/^settings: ERROR: KAFKA_\([A-Z0-9_]*\) .*/\L\1=/p' err | sort)" \
		"78 $(<refused.names)" \
		"... $(wc -l <refused.names) are refused, each by its name"
	is "$(grep -cvE 'Python-only argument|has no counterpart here|KAFKA_PARTITIONER is .* it takes' err)" \
		0 '... and with the reason'

	# The same as one object: what Python's json makes of them
	"$BROKER_DIR/venv/bin/python" - "$class" >all.json <<-'PYTHON'
		import json, sys, kafka
		print(json.dumps(getattr(kafka, sys.argv[1]).DEFAULT_CONFIG, default=str)
		      .replace('Infinity', '"Infinity"'))
	PYTHON
	KAFKA_SETTINGS_FILE=all.json run settings $side
	is "$status $(sed -n 's/^settings: ERROR: KAFKA_SETTINGS: "\([a-z0-9_]*\)" .*/\1=/p' err | sort)" \
		"78 $(<refused.names)" '... the same ones in KAFKA_SETTINGS'
	jq -c --rawfile refused refused.names \
		'delpaths([$refused | split("=\n")[] | select(. != "") | [.]])' \
		all.json >taken.json
	KAFKA_SETTINGS_FILE=taken.json run settings $side
	diff by.variables dump >diff
	is "$status $(<err)$(<diff)" '0 ' '... the others give the same there'
	: >diff
done

# ---- all that are translated, at once, with a broker -------------------------

if [ -n "$test_bootstrap" ]; then
	skip 'all of them at once' 'needs brokers with certificates of its own'
	exit
fi
start_brokers 1
make_topic settings 2
records 1 100 >input
ccm-key <input | sort >wanted

# A list of certificates that are revoked: none, and the broker's
mkdir revoked
: >revoked/index
cat >ca.conf <<'CONF'
[ca]
default_ca = this
[this]
database = revoked/index
default_md = sha256
default_crl_days = 2
unique_subject = no
CONF
crl() {
	openssl ca -config ca.conf -cert ca.pem -keyfile ca.key "$@" 2>>crl.log
}
crl -gencrl -out none.crl
crl -revoke broker.crt
crl -gencrl -out broker.crl

# Arguments that have a counterpart, each other than its default.
cat >both <<END
bootstrap_servers=$sasl_ssl
client_id=all-at-once
request_timeout_ms=20000
reconnect_backoff_ms=51
reconnect_backoff_max_ms=2000
max_in_flight_requests_per_connection=4
connections_max_idle_ms=500000
metadata_max_age_ms=200000
allow_auto_create_topics=false
client_dns_lookup=use_all_dns_ips
receive_message_max_bytes=100000001
receive_buffer_bytes=65536
send_buffer_bytes=65536
security_protocol=SASL_SSL
ssl_check_hostname=true
ssl_cafile=ca.pem
ssl_certfile=client.pem
ssl_keyfile=locked.key
ssl_password=open sesame
ssl_crlfile=none.crl
ssl_ciphers=ECDHE+AESGCM
sasl_mechanism=SCRAM-SHA-512
sasl_plain_username=alice
sasl_plain_password=$broker_password
sasl_kerberos_service_name=kafka2
api_version=3.9
END
cat both - >produce <<'END'
retry_backoff_ms=200
acks=all
enable_idempotence=true
transaction_timeout_ms=50000
delivery_timeout_ms=40000
compression_type=gzip
retries=100
batch_size=10000
linger_ms=2.5
max_request_size=3000000
partitioner=murmur2_random
END
cat both - >consume <<'END'
retry_backoff_ms=200
group_id=not-this-one
group_instance_id=member-1
client_rack=rack-1
fetch_min_bytes=2
fetch_max_wait_ms=100
fetch_max_bytes=50000000
max_partition_fetch_bytes=2000000
auto_offset_reset=earliest
enable_auto_commit=true
check_crcs=false
isolation_level=read_committed
partition_assignment_strategy=cooperative-sticky
max_poll_interval_ms=200000
session_timeout_ms=20000
heartbeat_interval_ms=2000
END
for side in producer consumer; do
	# Those without a default that are refused whatever they say.
	grep -vE ' refused$|^(key|value)_(de)?serializer |_proxy |^proxy_url |^ssl_context |^transactional_id |^sasl_(kerberos_(domain_)?name|oauth_token_provider) ' \
		$side.answers | cut -d' ' -f1
	[ $side = consumer ] || echo partitioner
	[ $side = producer ] || echo partition_assignment_strategy
done | sort -u | diff - <(cut -d= -f1 produce consume | sort -u) >diff
ok $? 'each argument that has a counterpart is among these'
: >diff

run with produce ccm-produce "$topic" <input
like "$status $(<err)" '^0 ccm-produce: 100 records to ' \
	"$(wc -l <produce) arguments at once: ccm-produce sends"
holds "$topic" wanted '... and all of it is there'
sort input >lines
run with consume ccm-consume -e "$topic" readers
is "$status $(<err)" '0 ' "$(wc -l <consume) arguments at once: ccm-consume reads"
sort out | diff - lines >diff
ok $? '... all of it'
: >diff
is "$(client committed readers "$topic" | awk '{ n += $2 } END { print n }')" 100 \
	'... and its group has committed it'
sed -i 's/^enable_auto_commit=.*/enable_auto_commit=false/' consume
run with consume ccm-consume -e "$topic" onlookers
is "$status $(wc -l <out)" '0 100' 'enable_auto_commit=false: it reads'
is "$(client committed onlookers "$topic")" $'0 None\n1 None' \
	'... and commits nothing'
sed 's/^ssl_crlfile=.*/ssl_crlfile=broker.crl/' produce >revoked/produce
run with revoked/produce ccm-produce "$topic" <input
like "$status $(<err)" '^78 .*certificate verify failed' \
	"ssl_crlfile: a broker whose certificate is revoked is refused"

# ---- what contradicts itself ------------------------------------------------

while IFS='|' read -r command arguments text; do
	tr ' ' '\n' <<<"$arguments" >asked
	if [ "$command" = ccm-consume ]; then
		run with asked timeout 60 ccm-consume -e "$topic" nobody
	else
		run with asked timeout 60 ccm-produce "$topic" <input
	fi
	like "$status $(<err)" "^78 $command: [^"$'\n'"]*${text}[^"$'\n'"]*$" \
		"$command refuses $arguments"
done <<'END'
ccm-produce|reconnect_backoff_ms=900 reconnect_backoff_max_ms=800|reconnect.backoff.max.ms
ccm-produce|linger_ms=500 delivery_timeout_ms=400|KAFKA_LINGER_MS is 500, and has to be less than KAFKA_DELIVERY_TIMEOUT_MS
ccm-consume|receive_message_max_bytes=1000000|receive.message.max.bytes
ccm-consume|max_poll_interval_ms=10000 session_timeout_ms=20000|max.poll.interval.ms
ccm-consume|fetch_max_bytes=100000|fetch.max.bytes. must be >=
END
CCM_KAFKA_TRANSACTIONAL_ID=ccm KAFKA_TRANSACTION_TIMEOUT_MS=10000 \
	KAFKA_REQUEST_TIMEOUT_MS=20000 run timeout 60 ccm-produce "$topic" <input
like "$status $(<err)" '^78 ccm-produce: ERROR: [^'$'\n'']*socket.timeout.ms' \
	'ccm-produce refuses a request that may take longer than its transaction'
holds "$topic" wanted 'none of these has sent anything'

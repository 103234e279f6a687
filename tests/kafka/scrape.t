#!/usr/bin/env bash
# ccm-scrape, from the (simulated) API to the topic of a real Kafka.
# shellcheck disable=SC2154,SC2034 # status is tap.sh's; what is set is read there
# shellcheck source=tests/kafka/broker.sh
. "$(dirname "$0")/broker.sh"
# shellcheck source=tests/simulators.sh
. "$ROOT/tests/simulators.sh"

start_brokers 1
start_cloud -c 3
make_topic metrics 3
export METRICS_TOPIC=$topic

# What as_wanted looks at: keys and records, sorted
on_topic() {
	client read "$METRICS_TOPIC" | cut -f 3- | sort
}

# want HOUR...: these hours, and what was wanted before, are to be on the topic
: >keyed
want() {
	expect "$@"
	ccm-key <wanted >>keyed
	sort keyed >wanted
}

# ---- an hour ----------------------------------------------------------------

want 00
run ccm-scrape
is "$status" 0 'an hour: status 0'
as_wanted "... all of its $(wc -l <wanted) values are on the topic, once"
is "$(spool)" '' '... the spool is empty'
is "$(grep -c 'ccm-produce: 39 records to ' err)$(grep -E 'WARN|ERROR' err | grep -cv 'days old')" 10 \
	'... a line says so, and nothing is warned of but that they are old'
run ccm-scrape
is "$status $(<err)" '0 ' 'with nothing to do: status 0, and no word'

# ---- Kafka away -------------------------------------------------------------

want 01
end_broker 1 TERM
run ccm-scrape
is "$status" 75 'the broker is stopped: status 75'
is "$(spool) $(cat "$STATE_DIRECTORY/spool/"*.ndjson | wc -l)" \
	'2025-09-02T01Z.001.ndjson 39' '... the hour is kept in the spool'
is "$(grep -c 'no broker answered' err)" 1 '... one line says why'
like "$(<err)" $'(^|\n)ccm-ship: WARN: ccm-produce exited with status 75: no broker answered: [^\n]*Connection refused[^\n]*; nothing was sent; 1 file' \
	'... in plain words'
want 02
start_broker 1
until_true 60 brokers_are 1
run ccm-scrape
is "$status" 0 'the broker is back: status 0'
as_wanted '... the hour before and the one since are on the topic, once'
is "$(spool)" '' '... the spool is empty'

# ---- no topic ---------------------------------------------------------------

: >keyed
want 03
METRICS_TOPIC=$prefix-late
run ccm-scrape
is "$status" 75 'the topic is missing: status 75'
like "$(<err)" "ccm-produce exited with status 69: topic $METRICS_TOPIC does not exist, and the broker does not create it; nothing was sent" \
	'... which is said'
is "$(spool)" '2025-09-02T03Z.001.ndjson' '... the hour is kept in the spool'
make_topic late 3
run ccm-scrape
is "$status" 0 'the topic is made: status 0'
as_wanted '... the hour is on it, once'

# ---- SCRAM, TLS, and secrets in files ---------------------------------------

want 04
printf '%s\n' alice >user
printf '%s\n' "$broker_password" >password
printf '%s\n' another-s3cret >wrong
printf '%s\n' "$CONFLUENT_METRICS_API_KEY" >key
printf '%s\n' "$CONFLUENT_METRICS_API_SECRET" >secret
# by_files PASSWORD-FILE
by_files() {
	env -u CONFLUENT_METRICS_API_KEY -u CONFLUENT_METRICS_API_SECRET \
		CONFLUENT_METRICS_API_KEY_FILE=key \
		CONFLUENT_METRICS_API_SECRET_FILE=secret \
		KAFKA_BOOTSTRAP_SERVERS="$sasl_ssl" KAFKA_SECURITY_PROTOCOL=SASL_SSL \
		KAFKA_SSL_CAFILE=ca.pem KAFKA_SASL_MECHANISM=SCRAM-SHA-512 \
		KAFKA_SASL_USERNAME_FILE=user KAFKA_SASL_PASSWORD_FILE="$1" \
		GLOBAL_LOG_LEVEL=DEBUG ccm-scrape
}
run by_files wrong
is "$status $(spool)" '75 2025-09-02T04Z.001.ndjson' \
	'the password is another one: status 75, and the hour is kept in the spool'
like "$(<err)" 'ccm-produce exited with status 77: the broker refuses these credentials: ' \
	'... and that is said'
cat err >said
run by_files password
is "$status" 0 'SCRAM over TLS, with all secrets in files: status 0'
as_wanted '... the hour is on the topic, once'
cat err >>said
is "$(grep -cF -e "$broker_password" -e another-s3cret -e s3cret-api said)" 0 \
	'... and DEBUG shows none of the secrets'

# ---- transactions -----------------------------------------------------------

: >keyed
make_topic transactions 3
METRICS_TOPIC=$topic
export CCM_KAFKA_TRANSACTIONAL_ID=ccm
want 05 06
run ccm-scrape
is "$status" 0 'two hours as transactions: status 0'
is "$(grep -c 'ccm-produce: 39 records to ' err)" 2 '... each is one'
as_wanted '... both are on the topic, once'

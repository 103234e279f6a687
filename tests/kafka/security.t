#!/usr/bin/env bash
# TLS, SASL and rights, as a real broker has them: what gets through, and what
# is told to somebody who does not.
# shellcheck disable=SC2154 # status, ssl and so on are tap.sh's and broker.sh's
# shellcheck source=tests/kafka/broker.sh
. "$(dirname "$0")/broker.sh"
start_brokers

# Python takes its time: all of these at once.
python=()
client_later() {
	client "$@" >/dev/null &
	python+=($!)
}
for name in open kept readonly hidden writeonly; do
	client_later create "$prefix-$name" 1
done
# Where there is an ACL for something, it is for those that are in one.
client_later allow alice READ "$prefix-readonly"
client_later deny alice DESCRIBE "$prefix-hidden"
client_later allow alice WRITE "$prefix-writeonly"
client_later allow bob READ group:closed
client_later allow bob WRITE transactional_id:closed-default
client_later allow bob IDEMPOTENT_WRITE cluster:kafka-cluster
wait "${python[@]}"

records 1 3 >three
printf '%s\n' "$broker_password" >password
printf 'open sesame' >sesame
cat client.key client.pem >both.pem
openssl req -new -key client.key -out expired.csr -subj /CN=client
openssl x509 -req -in expired.csr -CA ca.pem -CAkey ca.key -CAcreateserial \
	-days -1 -out expired.pem 2>/dev/null

# ---- settings

over_ssl=(KAFKA_BOOTSTRAP_SERVERS="$ssl" KAFKA_SECURITY_PROTOCOL=SSL
	KAFKA_SSL_CAFILE=ca.pem)
over_mtls=("${over_ssl[@]}" KAFKA_BOOTSTRAP_SERVERS="$mtls")
alice=(KAFKA_SASL_USERNAME=alice KAFKA_SASL_PASSWORD="$broker_password"
	KAFKA_SASL_MECHANISM=PLAIN)
over_sasl=(KAFKA_BOOTSTRAP_SERVERS="$sasl_plaintext"
	KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT "${alice[@]}")
over_sasl_ssl=("${over_ssl[@]}" KAFKA_BOOTSTRAP_SERVERS="$sasl_ssl"
	KAFKA_SECURITY_PROTOCOL=SASL_SSL "${alice[@]}")

# ---- what is refused: begins here, and is looked at below

at='localhost:[0-9]+'

refuse_all() {
	refuse tls-to-plaintext "${over_ssl[@]}" KAFKA_BOOTSTRAP_SERVERS="$plaintext"
	refuse plaintext-to-tls KAFKA_BOOTSTRAP_SERVERS="$ssl"
	refuse plaintext-to-sasl KAFKA_BOOTSTRAP_SERVERS="$sasl_plaintext"
	refuse tls-to-sasl-ssl "${over_ssl[@]}" KAFKA_BOOTSTRAP_SERVERS="$sasl_ssl"
	refuse sasl-to-sasl-ssl "${over_sasl[@]}" KAFKA_BOOTSTRAP_SERVERS="$sasl_ssl"
	refuse sasl-ssl-to-sasl "${over_sasl_ssl[@]}" \
		KAFKA_BOOTSTRAP_SERVERS="$sasl_plaintext"
	for mechanism in PLAIN SCRAM-SHA-256 SCRAM-SHA-512; do
		refuse "password-$mechanism" "${over_sasl[@]}" \
			KAFKA_SASL_MECHANISM=$mechanism KAFKA_SASL_PASSWORD=s3cret-wrong
	done
	refuse password-tls "${over_sasl_ssl[@]}" KAFKA_SASL_PASSWORD=s3cret-wrong
	refuse user-PLAIN "${over_sasl[@]}" KAFKA_SASL_USERNAME=mallory
	refuse user-SCRAM "${over_sasl[@]}" KAFKA_SASL_USERNAME=mallory \
		KAFKA_SASL_MECHANISM=SCRAM-SHA-256
	refuse mechanism "${over_sasl[@]}" KAFKA_SASL_USERNAME= KAFKA_SASL_PASSWORD= \
		KAFKA_SASL_MECHANISM=GSSAPI
	refuse no-sasl "${over_sasl[@]}" KAFKA_BOOTSTRAP_SERVERS="$plaintext"
	refuse no-sasl-ssl "${over_sasl_ssl[@]}" KAFKA_BOOTSTRAP_SERVERS="$ssl"
	refuse ca "${over_ssl[@]}" KAFKA_SSL_CAFILE=stranger-ca.pem
	refuse ca-none "${over_ssl[@]}" KAFKA_SSL_CAFILE=
	refuse ca-missing "${over_ssl[@]}" KAFKA_SSL_CAFILE=none.pem
	refuse hostname "${over_ssl[@]}" KAFKA_BOOTSTRAP_SERVERS="127.1:${ssl##*:}"
	refuse certificate-none "${over_mtls[@]}"
	refuse certificate-stranger "${over_mtls[@]}" KAFKA_SSL_CERTFILE=stranger.pem \
		KAFKA_SSL_KEYFILE=stranger.key
	refuse certificate-expired "${over_mtls[@]}" KAFKA_SSL_CERTFILE=expired.pem \
		KAFKA_SSL_KEYFILE=client.key
	refuse key-locked "${over_mtls[@]}" KAFKA_SSL_CERTFILE=client.pem \
		KAFKA_SSL_KEYFILE=locked.key KAFKA_SSL_PASSWORD=s3cret-wrong
	refuse key-other "${over_mtls[@]}" KAFKA_SSL_CERTFILE=client.pem \
		KAFKA_SSL_KEYFILE=stranger.key
}
refuse_all &

# ---- what gets through

# read_all NAME NAME=VALUE...: ccm-consume with these settings, in the background
read_all() {
	local name=$1
	shift
	(
		env "$@" ccm-consume -e "$prefix-open" "group-$name" \
			>"$name.out" 2>"$name.err" </dev/null
		echo $? >"$name.status"
	) &
}

delivers 'PLAINTEXT needs an address only'
delivers 'SSL needs the CA besides' "${over_ssl[@]}"
delivers 'the certificate has the IP address too' \
	"${over_ssl[@]}" KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:${ssl##*:}"
# 127.1 is 127.0.0.1 to the resolver, and in nobody's certificate.
delivers 'KAFKA_SSL_CHECK_HOSTNAME=false takes a certificate of another name' \
	"${over_ssl[@]}" KAFKA_BOOTSTRAP_SERVERS="127.1:${ssl##*:}" \
	KAFKA_SSL_CHECK_HOSTNAME=false
delivers 'a client certificate and its key, for who asks for one' \
	"${over_mtls[@]}" KAFKA_SSL_CERTFILE=client.pem KAFKA_SSL_KEYFILE=client.key
delivers 'both in one file' "${over_mtls[@]}" KAFKA_SSL_CERTFILE=both.pem
delivers 'a key under a password' "${over_mtls[@]}" \
	KAFKA_SSL_CERTFILE=client.pem KAFKA_SSL_KEYFILE=locked.key \
	KAFKA_SSL_PASSWORD='open sesame'
delivers 'that stands in a file' "${over_mtls[@]}" \
	KAFKA_SSL_CERTFILE=client.pem KAFKA_SSL_KEYFILE=locked.key \
	KAFKA_SSL_PASSWORD_FILE=sesame
for mechanism in PLAIN SCRAM-SHA-256 SCRAM-SHA-512; do
	delivers "$mechanism" "${over_sasl[@]}" KAFKA_SASL_MECHANISM=$mechanism
	delivers "$mechanism inside TLS, the password in a file" \
		"${over_sasl_ssl[@]}" KAFKA_SASL_MECHANISM=$mechanism \
		KAFKA_SASL_PASSWORD= KAFKA_SASL_PASSWORD_FILE=password
done
cat >settings <<JSON
{
	"bootstrap_servers": ["$sasl_ssl"],
	"security_protocol": "SASL_SSL",
	"ssl_cafile": "ca.pem",
	"sasl_mechanism": "scram-sha-512",
	"sasl_plain_username": "alice",
	"sasl_plain_password": "$broker_password",
	"broker.address.family": "v4"
}
JSON
delivers 'all of it in one KAFKA_SETTINGS' -u KAFKA_BOOTSTRAP_SERVERS \
	KAFKA_SETTINGS="$(cat settings)"
delivers 'or in the file of it' -u KAFKA_BOOTSTRAP_SERVERS -u KAFKA_SETTINGS \
	KAFKA_SETTINGS_FILE=settings

readers=(PLAINTEXT SSL client-certificate PLAIN SCRAM-SHA-256
	SCRAM-SHA-512-in-TLS)
read_all PLAINTEXT
read_all SSL "${over_ssl[@]}"
read_all client-certificate "${over_mtls[@]}" KAFKA_SSL_CERTFILE=both.pem
read_all PLAIN "${over_sasl[@]}"
read_all SCRAM-SHA-256 "${over_sasl[@]}" KAFKA_SASL_MECHANISM=SCRAM-SHA-256
read_all SCRAM-SHA-512-in-TLS "${over_sasl_ssl[@]}" \
	KAFKA_SASL_MECHANISM=SCRAM-SHA-512
env "${over_sasl_ssl[@]}" "$BROKER_DIR/venv/bin/python" \
	"$ROOT/tests/kafka/client.py" read "$prefix-open" >python.out
for name in "${readers[@]}"; do
	until_true 60 [ -s "$name.status" ]
	is "$(cat "$name.status" "$name.err" "$name.out")" $'0\n'"$(cat wanted)" \
		"ccm-consume gives it all back: $name"
done
is "$(cut -f 4 python.out)" "$(cat wanted)" \
	'and so does a client that is not librdkafka, with the same settings'

# ---- what has become of the refusals

for name in password-PLAIN password-tls user-PLAIN; do
	refused $name 77 "the broker refuses these credentials: $at: Authentication failed: Invalid username or password; check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD" \
		"credentials that do not fit are status 77: $name"
done
for name in password-SCRAM-SHA-256 password-SCRAM-SHA-512 user-SCRAM; do
	refused $name 77 "the broker refuses these credentials: $at: invalid credentials with SASL mechanism SCRAM-SHA-(256|512); check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD" \
		"also: $name"
done
refused mechanism 78 "the broker does not take this KAFKA_SASL_MECHANISM: $at: .*supported mechanisms: .*SCRAM-SHA-256.*" \
	'a mechanism that the broker does not have is status 78, and the others are named'
for name in no-sasl no-sasl-ssl; do
	refused $name 78 "the broker at $at asks for no SASL; check KAFKA_SECURITY_PROTOCOL" \
		"so is a password where nobody asks for it: $name"
done
for name in plaintext-to-tls sasl-to-sasl-ssl; do
	refused $name 78 "the broker at $at hangs up at once, like one that wants TLS; check KAFKA_SECURITY_PROTOCOL" \
		"a protocol without TLS for a port with it: $name"
done
for name in tls-to-plaintext sasl-ssl-to-sasl; do
	refused $name 78 "the broker at $at hangs up in SSL_HANDSHAKE, like one that knows no TLS; check KAFKA_SECURITY_PROTOCOL" \
		"TLS for a port without it: $name"
done
for name in plaintext-to-sasl tls-to-sasl-ssl; do
	refused $name 78 "the broker at $at hangs up at once, like one that wants SASL; check KAFKA_SECURITY_PROTOCOL" \
		"nobody's name for a port that wants one: $name"
done
for name in ca ca-none hostname; do
	refused $name 78 "no TLS with the broker: [a-z0-9.]+:[0-9]+: SSL handshake failed: certificate verify failed; check KAFKA_SSL_CAFILE, and that the certificate has this host's name \(KAFKA_SSL_CHECK_HOSTNAME\)" \
		"a broker's certificate that proves nothing: $name"
done
for name in none stranger expired; do
	refused certificate-$name 78 "the broker wants a client certificate that it trusts: $at: .*SSL alert number 4[0-9]; check KAFKA_SSL_CERTFILE and KAFKA_SSL_KEYFILE" \
		"a client certificate that the broker does not take: $name"
done
refused ca-missing 78 'librdkafka refuses: .*ssl.ca.location cannot be read; check KAFKA_SSL_CAFILE' \
	'a file that is not there'
refused key-locked 78 'librdkafka refuses: .*ssl.key.location cannot be read; check KAFKA_SSL_KEYFILE and KAFKA_SSL_PASSWORD' \
	'a password that does not open the key'
refused key-other 78 'librdkafka refuses: .*ssl.key.location failed: key values mismatch; check KAFKA_SSL_KEYFILE and KAFKA_SSL_PASSWORD' \
	'the key of another certificate'
is "$(client count "$prefix-kept")" 0 'nothing of all that has come'

# ---- a password that is withdrawn

(
	env "${over_sasl[@]}" KAFKA_SASL_MECHANISM=SCRAM-SHA-256 \
		KAFKA_RECONNECT_BACKOFF_MAX_MS=500 \
		ccm-consume "$prefix-open" group-alice >alice.out 2>alice.err </dev/null
	echo $? >alice.status
) &
until_true 30 cmp alice.out wanted
is "$(cat alice.out)" "$(cat wanted)" 'a reader reads'
printf new-s3cret | client password SCRAM-SHA-256 alice
# A connection that stands is not asked again.
end_broker 1 TERM
start_broker 1
until_true 60 brokers_are 1

# ---- rights

run env "${over_sasl[@]}" ccm-produce "$prefix-writeonly" <three
is "$status" 0 'the right to write to a topic is enough, to send idempotently too'
run env "${over_sasl[@]}" ccm-produce "$prefix-readonly" <three
is "$status $(cat err)" "77 ccm-produce: ERROR: this user lacks the right to write to $prefix-readonly: 3 x Broker: Topic authorization failed" \
	'a topic that may not be written is status 77, and named'
run env "${over_sasl[@]}" CCM_KAFKA_TRANSACTIONAL_ID=mine ccm-produce \
	"$prefix-readonly" <three
like "$status $(cat err)" '^77 ccm-produce: ERROR: this user lacks a right: .*Topic authorization failed; grant Write on the topic$' \
	'in a transaction too'
run env "${over_sasl[@]}" CCM_KAFKA_TRANSACTIONAL_ID=closed ccm-produce \
	"$prefix-writeonly" <three
like "$status $(cat err)" '^77 ccm-produce: ERROR: this user lacks a right: .*Transactional Id authorization failed; grant Describe and Write on the transactional id$' \
	'so is a transactional id that may not be used'
run env "${over_sasl[@]}" ccm-produce "$prefix-hidden" <three
is "$status $(cat err)" "77 ccm-produce: ERROR: no right to see topic $prefix-hidden: Broker: Topic authorization failed; nothing was sent" \
	'so is a topic that may not be seen'
run env "${over_sasl[@]}" ccm-consume -e "$prefix-hidden" group
is "$status $(cat err)" "77 ccm-consume: ERROR: no right to see topic $prefix-hidden: Broker: Topic authorization failed" \
	'for a reader too'
run env "${over_sasl[@]}" ccm-consume -e "$prefix-writeonly" group
like "$status $(cat err)" "^77 ccm-consume: ERROR: this user lacks a right: Topic $prefix-writeonly .*; grant Read on the topic\$" \
	'so is one that may not be read'
run env "${over_sasl[@]}" ccm-consume -e "$prefix-readonly" closed
like "$status $(cat err)" '^77 ccm-consume: ERROR: this user lacks a right: .*Group authorization failed.*; grant Read on the consumer group$' \
	'and a group that is not open to this user'
run env "${over_sasl[@]}" KAFKA_SASL_PASSWORD=s3cret-wrong \
	ccm-consume "$prefix-open" group
like "$status $(wc -l <err) $(cat err)" '^77 1 ccm-consume: ERROR: the broker refuses these credentials' \
	'a wrong password ends a reader'

# ---- what has become of that reader

until_true 60 [ -s alice.status ]
like "$(cat alice.status) $(tail -n 1 alice.err)" \
	"^77 ccm-consume: ERROR: the broker refuses these credentials: $at: invalid credentials .*; check KAFKA_SASL_MECHANISM" \
	'a reader is ended when its password is another, and it has to say it again'
is "$(cat ./*.err err | grep -c s3cret)" 0 'no message shows a password'

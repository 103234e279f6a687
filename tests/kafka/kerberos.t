#!/usr/bin/env bash
# Kerberos: what a ticket or a keytab opens, and what is told to somebody whose
# ticket, key, service or KDC is not what it should be.
# shellcheck disable=SC2154 # status and sasl_plaintext are tap.sh's and broker.sh's
# shellcheck source=tests/kafka/broker.sh
. "$(dirname "$0")/broker.sh"
# shellcheck source=tests/kafka/kerberos.sh
. "$ROOT/tests/kafka/kerberos.sh"

start_kdc
add_principal other other.keytab
add_principal http/localhost http.keytab
mv client.keytab stale.keytab
new_key client client.keytab
start_brokers

make_topic open 1
client allow client READ "$topic"
client allow client WRITE "$topic"
make_topic kept 1
records 1 3 >three

# tickets_of FILE NAME [OPTION...]: a new cache of NAME's tickets
tickets_of() {
	kinit "${@:3}" -c "FILE:$WORK/$1" -k -t "$2.keytab" "$2@$realm"
}
tickets_of tickets client
tickets_of short client -l 2s

# with_keytab NAME KEYTAB PRINCIPAL: settings, in the array given; NAME is where
# kinit puts the tickets
with_keytab() {
	given=(KRB5CCNAME="FILE:$WORK/$1" KAFKA_SETTINGS="{
		\"broker.address.family\": \"v4\",
		\"sasl.kerberos.keytab\": \"$WORK/$2\",
		\"sasl.kerberos.principal\": \"$3@$realm\"}")
}

export KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT KAFKA_SASL_MECHANISM=GSSAPI
anonymous=$plaintext
export KAFKA_BOOTSTRAP_SERVERS=$sasl_plaintext

# ---- what is refused: begins here, and is looked at below

: >unreadable.keytab
chmod 0 unreadable.keytab
like_others=()
if [ "$(id -u)" = 0 ]; then
	# Root may read it all the same.
	like_others=(setpriv --inh-caps="-dac_override,-dac_read_search"
		--bounding-set="-dac_override,-dac_read_search")
fi
mkdir programs no-plugin
ln -s /usr/bin/* /bin/* programs 2>/dev/null
rm programs/kinit

refuse_all() {
	refuse no-ticket KRB5CCNAME="FILE:$WORK/none"
	refuse service KAFKA_SERVICE_NAME=kafak
	refuse service-long-name KAFKA_SASL_KERBEROS_SERVICE_NAME=kafak
	refuse service-of-another KAFKA_SERVICE_NAME=http
	refuse address KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:${sasl_plaintext##*:}"
	refuse no-plugin SASL_PATH="$WORK/no-plugin"
	with_keytab none-1 other.keytab client
	refuse keytab-other "${given[@]}"
	with_keytab none-2 stale.keytab client
	refuse keytab-stale "${given[@]}"
	with_keytab none-3 missing.keytab client
	refuse keytab-missing "${given[@]}"
	with_keytab none-4 unreadable.keytab client
	refuse keytab-unreadable "${given[@]}" "${like_others[@]}"
	with_keytab none-5 client.keytab client
	refuse no-kinit "${given[@]}" PATH="$B/bin:$WORK/programs"
	until_true 30 expired short
	refuse expired KRB5CCNAME="FILE:$WORK/short"
}
expired() { ! klist -s -c "FILE:$WORK/$1"; }
refuse_all &
refusing=$!

# ---- what gets through

delivers 'a ticket is enough'
delivers 'over TLS too' KAFKA_BOOTSTRAP_SERVERS="$sasl_ssl" \
	KAFKA_SECURITY_PROTOCOL=SASL_SSL KAFKA_SSL_CAFILE=ca.pem
delivers 'the service can be named' KAFKA_SERVICE_NAME=kafka
delivers 'by its long name too' KAFKA_SASL_KERBEROS_SERVICE_NAME=kafka
with_keytab fetched client.keytab client
delivers 'a keytab is enough' "${given[@]}"
run klist -c "FILE:$WORK/fetched"
like "$status $(cat out)" "^0 .*Default principal: client@$realm.*kafka/localhost@$realm" \
	'its ticket is kept where KRB5CCNAME says'
with_keytab fetched-other other.keytab other
run env "${given[@]}" ccm-produce "$prefix-open" <three
is "$status $(cat err)" "77 ccm-produce: ERROR: no right to see topic $prefix-open: Broker: Topic authorization failed; nothing was sent" \
	'a user is who the keytab says: another one has not the rights'
with_keytab read client.keytab client
run env "${given[@]}" ccm-consume -e "$prefix-open" group-keytab
is "$status $(cat err out)" "0 $(cat wanted)" 'ccm-consume reads by keytab'
run ccm-consume -e "$prefix-open" group-ticket
is "$status $(cat err out)" "0 $(cat wanted)" 'and by ticket'

# ---- what has become of the refusals

at='localhost:[0-9]+'
keytab_advice='check sasl.kerberos.keytab and sasl.kerberos.principal'
service_advice='check KAFKA_SERVICE_NAME, and the host name in KAFKA_BOOTSTRAP_SERVERS'

refused no-ticket 77 "Kerberos: $at: No Kerberos credentials available \(default cache: FILE:$WORK/none\); get a ticket with kinit, or set sasl.kerberos.keytab and sasl.kerberos.principal" \
	'no ticket is status 77, and tells where it was looked for'
refused expired 77 "Kerberos: $at: Ticket expired; get a new one with kinit" \
	'so is a ticket that has expired'
refused keytab-other 77 "Kerberos: kinit: Keytab contains no suitable keys for client@$realm; $keytab_advice" \
	'so is the keytab of another'
refused keytab-stale 77 "Kerberos: kinit: Password incorrect; $keytab_advice" \
	'so is a key that is not the last one'
refused keytab-missing 77 "Kerberos: kinit: Key table file '.*/missing.keytab' not found; $keytab_advice" \
	'so is a keytab that is not there'
refused keytab-unreadable 77 "Kerberos: kinit: .*; $keytab_advice" \
	'or cannot be read'
refused service-of-another 77 "Kerberos: $at: invalid credentials with SASL mechanism GSSAPI; check KAFKA_SERVICE_NAME, the ticket \(klist\) and the broker's own key" \
	'so is a ticket for another service'
for name in service service-long-name; do
	refused $name 78 "Kerberos: $at: Server kafak/localhost@$realm not found in Kerberos database; $service_advice" \
		"a service that is unknown is status 78: $name"
done
refused address 78 "Kerberos: 127.0.0.1:[0-9]+: Server kafka/127.0.0.1@$realm not found in Kerberos database; $service_advice" \
	'so is a broker by its IP address, for which there is no service'
refused no-plugin 78 'Kerberos: Cyrus SASL has no GSSAPI module; install libsasl2-modules-gssapi-mit' \
	'a package that is missing is named: for GSSAPI'
refused no-kinit 78 'Kerberos: kinit is not installed; install krb5-user' \
	'and for kinit, which a keytab needs'
wait "$refusing"

# ---- a KDC that is away

tickets_of tgt client
end_kdc
refuse kdc-away KRB5CCNAME="FILE:$WORK/tgt"
with_keytab none-6 client.keytab client
refuse kdc-away-keytab "${given[@]}"
delivers 'who has a ticket for the broker needs no KDC'
refused kdc-away 75 "no Kerberos server answered: $at: Cannot contact any KDC for realm '$realm'" \
	'who has none is told that no KDC answers, and to try again'
refused kdc-away-keytab 75 "no Kerberos server answered: kinit: Cannot contact any KDC for realm '$realm'" \
	'with a keytab too'
is "$(KAFKA_BOOTSTRAP_SERVERS=$anonymous KAFKA_SECURITY_PROTOCOL=PLAINTEXT \
	client count "$prefix-kept")" 0 'nothing of all that was refused has come'

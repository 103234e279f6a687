# shellcheck shell=bash
# A Kerberos realm for a test, TEST.LOCAL: a KDC on a free port of 127.0.0.1,
# with its files in the test's directory, ended with the test. Sourced after
# broker.sh; start_kdc comes before start_brokers, which then knows GSSAPI too.
# shellcheck disable=SC2154 # ports is broker.sh's

realm=TEST.LOCAL
kdc_pid=

# kdb5_util and the others are no user's programs.
PATH=$PATH:/usr/sbin:/sbin
for name in krb5kdc kdb5_util kadmin.local kinit klist; do
	command -v "$name" >/dev/null ||
		skip_all_because "$name is not installed (krb5-kdc, krb5-admin-server,\
 krb5-user)"
done

# start_kdc: with the principals kafka/localhost, whose key is in the file
# $keytab, and client, whose key is in client.keytab. Exports KRB5_CONFIG, and
# KRB5CCNAME, which names no file yet.
start_kdc() {
	free_ports 1
	kdc_port=${ports[0]}
	cat >krb5.conf <<-CONF
		[libdefaults]
			default_realm = $realm
			dns_lookup_kdc = false
			dns_lookup_realm = false
			dns_canonicalize_hostname = false
			rdns = false
			# TCP at once: nobody answers a datagram while the KDC is away
			udp_preference_limit = 1
		[realms]
			$realm = {
				kdc = 127.0.0.1:$kdc_port
			}
		[domain_realm]
			localhost = $realm
	CONF
	cat >kdc.conf <<-CONF
		[kdcdefaults]
			kdc_listen = 127.0.0.1:$kdc_port
			kdc_tcp_listen = 127.0.0.1:$kdc_port
		[realms]
			$realm = {
				database_name = $WORK/principal
				key_stash_file = $WORK/stash
				acl_file = $WORK/acl
				supported_enctypes = aes256-cts-hmac-sha1-96:normal
				max_life = 1h
			}
		[logging]
			kdc = FILE:$WORK/kdc.log
			admin_server = FILE:$WORK/kdc.log
			default = FILE:$WORK/kdc.log
	CONF
	export KRB5_CONFIG=$WORK/krb5.conf KRB5_KDC_PROFILE=$WORK/kdc.conf
	export KRB5CCNAME=FILE:$WORK/tickets
	keytab=$WORK/kafka.keytab
	kdb5_util create -s -r "$realm" -P made-up >kadmin.log 2>&1 || kdc_failed
	add_principal kafka/localhost "$keytab"
	add_principal client client.keytab
	start_kdc_again
}

# start_kdc_again: also one that was ended; it dies with the test, whatever
# kills that
start_kdc_again() {
	setpriv --pdeathsig KILL krb5kdc -n >>kdc.out 2>&1 </dev/null &
	kdc_pid=$!
	until_true 20 env KRB5CCNAME="FILE:$WORK/kdc-answers" \
		kinit -k -t client.keytab "client@$realm" || kdc_failed
}

kdc_failed() {
	cat kadmin.log kdc.out kdc.log 2>/dev/null | tail -n 20 | sed 's/^/# /'
	echo "Bail out! the KDC does not start"
	exit 1
}

# end_kdc: returns when it is gone
end_kdc() {
	[ -n "$kdc_pid" ] || return 0
	kill -KILL "$kdc_pid"
	wait "$kdc_pid" 2>/dev/null
	kdc_pid=
}
trap 'end_kdc; end_brokers; finish' EXIT

# add_principal NAME KEYTAB: with a new key
add_principal() {
	kadmin.local -q "addprinc -randkey $1@$realm" >>kadmin.log 2>&1
	new_key "$1" "$2"
}

# new_key NAME KEYTAB: the principal's key is another from now on, and in KEYTAB
new_key() {
	kadmin.local -q "ktadd -k $2 $1@$realm" >>kadmin.log 2>&1
}

#!/usr/bin/env bash
# Secrets as credentials of systemd: a file in CREDENTIALS_DIRECTORY that has a
# variable's name.
# shellcheck disable=SC2030,SC2031 # status is the one of tap.sh
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

export CREDENTIALS_DIRECTORY=$WORK/credentials XDG_STATE_HOME=$WORK/xdg
export CONFLUENT_METRICS_CLUSTER_ID_LIST=lkc-1 CCM_NOW=2025-09-02T01:05:00Z
export KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1 CONFLUENT_METRICS_HOST=http://127.0.0.1:1

# credentials [NAME=VALUE]...: these and no others
credentials() {
	local given
	rm -rf "$WORK/credentials"
	mkdir "$WORK/credentials"
	for given; do
		printf '%s\n' "${given#*=}" >"$WORK/credentials/${given%%=*}"
	done
}

# in_force NAME: what the scripts take as NAME's value
in_force() {
	"$B/lib/ccm/ccm-settings" -n in_force -v "$1" | tr -d '\0'
	return "${PIPESTATUS[0]}"
}

credentials KAFKA_SASL_PASSWORD=plain KAFKA_SSL_PASSWORD.cred=encrypted
is "$(in_force KAFKA_SASL_PASSWORD)" plain 'a credential is the value'
is "$(in_force KAFKA_SSL_PASSWORD)" encrypted \
	'... also by the name that the units give encrypted ones'
is "$(in_force KAFKA_SASL_USERNAME)" '' 'what is no credential is not given'
is "$(KAFKA_SASL_PASSWORD=variable in_force KAFKA_SASL_PASSWORD)" variable \
	'a variable wins over the credential'
echo file >file
is "$(KAFKA_SASL_PASSWORD_FILE=$WORK/file in_force KAFKA_SASL_PASSWORD)" file \
	'... and so does a file'
is "$(KAFKA_SASL_PASSWORD='' in_force KAFKA_SASL_PASSWORD)" plain \
	'an empty variable is none'
is "$(CREDENTIALS_DIRECTORY='' in_force KAFKA_SASL_PASSWORD)" '' \
	'without a directory there is none'
credentials KAFKA_SASL_PASSWORD=plain KAFKA_SASL_PASSWORD.cred=encrypted
run in_force KAFKA_SASL_PASSWORD
is "$status:$(<err)" \
	'78:in_force: ERROR: KAFKA_SASL_PASSWORD: there are two credentials, KAFKA_SASL_PASSWORD and KAFKA_SASL_PASSWORD.cred; remove one' \
	'two of them are refused'

# ---- ccm-scrape and ccm-fetch

credentials CONFLUENT_METRICS_API_KEY=KEY7 CONFLUENT_METRICS_API_SECRET.cred=s3cret-api
run ccm-scrape -n
is "$status" 0 'ccm-scrape takes key and secret from credentials'
like "$(<out)" '# CONFLUENT_METRICS_API_KEY=KEY7' '... that is the key'
! grep -q s3cret out err
ok $? '... and the secret is not shown'
run ccm-fetch query </dev/null
is "$status:$(<err)" 0: 'ccm-fetch takes them'
credentials CONFLUENT_METRICS_API_KEY=KEY7
run ccm-fetch query </dev/null
is "$status:$(<err)" \
	'78:ccm-fetch: ERROR: CONFLUENT_METRICS_API_SECRET is not set, and CONFLUENT_METRICS_API_KEY is' \
	'... and misses the one that is not there'
credentials CONFLUENT_METRICS_API_KEY=KEY7 CONFLUENT_METRICS_API_SECRET=a \
	CONFLUENT_METRICS_API_SECRET.cred=b
run ccm-fetch query </dev/null
like "$status:$(<err)" '^78:.*two credentials, .*CONFLUENT_METRICS_API_SECRET.cred; remove one$' \
	'... and refuses one that is there twice'
run ccm-scrape -n
like "$status:$(<err)" '^78:.*two credentials, .*CONFLUENT_METRICS_API_SECRET.cred; remove one$' \
	'so does ccm-scrape'

# ---- ccm-produce: what it takes is seen by what it refuses

credentials KAFKA_SETTINGS='{"security_protocl":"SSL"}'
run ccm-produce topic </dev/null
like "$status:$(<err)" '^78:.*security_protocl' \
	'ccm-produce takes KAFKA_SETTINGS from a credential'

# ---- the state, for a group

export CONFLUENT_METRICS_API_KEY=KEY CONFLUENT_METRICS_API_SECRET=
credentials CONFLUENT_METRICS_API_SECRET=SECRET
for mask in 022:700 002:700 077:700 027:750 007:770; do
	rm -rf xdg
	(umask "${mask%:*}" && timeout 2 ccm-scrape -S 2>/dev/null)
	is "$(stat -c %a xdg/ccm/spool)" "${mask#*:}" \
		"umask ${mask%:*}: the state directory is ${mask#*:}"
done

#!/usr/bin/env bash
# ccm-instance: the environment of an instance's units. ccm-statuses: the order of
# exit statuses. Both are private programs.
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

instance() { run "$B/lib/ccm/ccm-instance" -e etc/ccm -d lib "$@"; }

mkdir -p etc/ccm etc/credstore etc/credstore.encrypted bin
cat >etc/ccm/prod.env <<'END'
CONFLUENT_METRICS_API_KEY="KEY"
METRICS_TOPIC=$(touch pwned)
KAFKA_BOOTSTRAP_SERVERS=broker:9092
KAFKA_SASL_USERNAME=user
PATH=/nowhere
LD_PRELOAD=/nowhere.so
BASH_ENV=/nowhere.sh
OTHER=1
END
printf 's3cret-api\n' >etc/credstore/ccm.prod.CONFLUENT_METRICS_API_SECRET
printf 's3cret-kafka\n' >etc/credstore/ccm.prod.KAFKA_SASL_PASSWORD
printf 'other\n' >etc/credstore/ccm.prod.b.CONFLUENT_METRICS_TOKEN
printf 'other\n' >etc/credstore/ccm.prod.HOME

# ---- what a program gets

export CONFLUENT_METRICS_TOKEN=ours KAFKA_ACKS=ours METRICS_TOPIC=ours
instance prod env
is "$status $(<err)" '0 ' "a program is run with the environment of an instance"
# shellcheck disable=SC2016 # it is not expanded
is "$(grep -E '^(CONFLUENT|KAFKA|CCM|METRICS|STATE|OTHER|LD|BASH_ENV)' out | grep -v _FILE= | sort)" \
	'CCM_INSTANCE=prod
CONFLUENT_METRICS_API_KEY=KEY
KAFKA_BOOTSTRAP_SERVERS=broker:9092
KAFKA_SASL_USERNAME=user
METRICS_TOPIC=$(touch pwned)
OTHER=1
STATE_DIRECTORY=lib/prod' "... that of its file, and not ours; nothing that changes how programs are found"
! grep -q s3cret out && ! grep -q '^HOME_FILE=' out
ok $? "... a secret is in no environment"
# shellcheck disable=SC2016 # for sh
instance prod sh -c 'cat "$CONFLUENT_METRICS_API_SECRET_FILE" "$CONFLUENT_METRICS_API_SECRET_FILE" "$KAFKA_SASL_PASSWORD_FILE"'
is "$(<out)" $'s3cret-api\ns3cret-api\ns3cret-kafka' "... but in a file, which can be read again"
instance -r scrape prod env
is "$(grep -c ^KAFKA_ out) $(grep -c ^CONFLUENT_METRICS_API_SECRET_FILE out)" '0 1' "-r scrape: nothing of Kafka's"
instance -r ship prod env
is "$(grep -c ^CONFLUENT_METRICS_ out) $(grep -c ^KAFKA_SASL_PASSWORD_FILE out)" '0 1' "-r ship: nothing of the API's"
instance prod sh -c 'exit 42'
is "$status" 42 "the exit status is the program's"
! [ -e pwned ]
ok $? "nothing in the file is run"

# ---- encrypted credentials

cat >bin/systemd-creds <<'END'
#!/bin/sh
[ "$1 $2" = 'decrypt --name=CONFLUENT_METRICS_TOKEN.cred' ] || { echo 'systemd: bad' >&2; exit 1; }
sed 's/encrypted/t0ken/' "$3"
END
chmod +x bin/systemd-creds
echo encrypted >etc/credstore.encrypted/ccm.prod.CONFLUENT_METRICS_TOKEN.cred
# shellcheck disable=SC2016 # for sh
PATH=$WORK/bin:$PATH instance prod sh -c 'cat "$CONFLUENT_METRICS_TOKEN_FILE"'
is "$status $(<out)" '0 t0ken' "an encrypted credential is decrypted by systemd-creds"
echo encrypted >etc/credstore.encrypted/ccm.prod.KAFKA_SSL_PASSWORD.cred
PATH=$WORK/bin:$PATH instance prod env
like "$status $(<err)" '^78 .*cannot decrypt .*KAFKA_SSL_PASSWORD.cred' "... one that cannot be: status 78"
PATH=$WORK/bin:$PATH instance -r scrape prod true
is "$status" 0 "... which is nothing to the unit that does not load it"
rm etc/credstore.encrypted/*

# ---- what is refused

instance prod
is "$status $(<out)$(<err)" '0 ' "without a program it only checks"
instance test true
like "$status $(<err)" '^78 ccm-instance: ERROR: there is no .*etc/ccm/test.env' "no environment file: status 78"
for name in a:b .prod ../prod '' "$(printf '%0201d' 1)"; do
	instance "$name" true
	like "$status $(<err)" '^64 .*is not a name for an instance' "\"${name:0:8}\" is no name: status 64"
done
instance -r other prod true
is "$status" 64 "a role that there is not: status 64"
instance
is "$status" 64 "no instance: status 64"
instance prod /nowhere
is "$status" 71 "a program that there is not: status 71"

# ---- the order of exit statuses

# first WANTED STATUS...
first() {
	run "$B/lib/ccm/ccm-statuses" "${@:2}"
	is "$status" "$1" "of ${*:2}: $1"
}
first 0
first 0 0 0
first 75 65 69 77 78 75
first 78 77 78 69
first 77 65 69 77
first 69 65 0 69
first 71 75 71
first 70 75 42
first 75 65 137
first 64 x

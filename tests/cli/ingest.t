#!/usr/bin/env bash
# ccm-ingest: POST -> Kafka as Avro -> back -> /prometheus-metrics, with the
# simulated cluster and registry, and what happens to its programs meanwhile.
# shellcheck disable=SC2154,SC2119,SC2153 # status is tap.sh's; no arguments are meant
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/ingestd.sh
. "$ROOT/tests/ingestd.sh"
# shellcheck source=tests/registry.sh
. "$ROOT/tests/registry.sh"

start "$SIM/sim-kafka" -b 1 -t client-metrics:4 -t other:1 -c control -r topic.log \
	>brokers 2>>cluster.err
until_true 5 [ -s brokers ]
KAFKA_BOOTSTRAP_SERVERS=$(<brokers)
export KAFKA_BOOTSTRAP_SERVERS KAFKA_SESSION_TIMEOUT_MS=6000
start_registry
url=http://localhost

# start_ingest: its pid in $ingest
start_ingest() {
	start ccm-ingest -l "$WORK/socket" -s spool 2>>ingest.err
	ingest=$pid
	until_true 20 answers
}
answers() { curl -sf --unix-socket socket "$url/livez"; }
# stop_ingest [SIGNAL]: and waits for its end; its exit status is in $status
stop_ingest() {
	kill -"${1:-TERM}" "$ingest"
	wait "$ingest" 2>/dev/null
	status=$?
}
# send NAME VALUE [APP]: a metric
send() {
	code=$(curl -sS -o out -w '%{http_code}' --unix-socket socket -H 'Content-Type: application/json' \
		-d "{\"metrics\":[{\"name\":\"$1\",\"value\":$2,\"timestamp\":$(date +%s%3N),\"tags\":{\"host\":\"h\"},\"profileId\":\"p\"}]}" \
		"$url/api/v2/app/${3-shop}/metrics" 2>err)
}
# shows LINE: it is in the exposition
shows() { curl -sf --unix-socket socket "$url/prometheus-metrics" | grep -qxF "$1"; }
# of NAME: the pid of that program of ours
of() { pgrep -P "$ingest" -x "$1"; }
# on_topic NAME: how many messages have such a key
on_topic() { cut -f 4 topic.log | grep -cx ".*:$1"; }

# ---- the command line ---------------------------------------------------------

run ccm-ingest -h
like "$status $(cat out)" '^0 usage: ccm-ingest' '-h prints the usage'
run ccm-ingest -V
is "$status $(cat out)" "0 ccm-ingest $(ccm-key -V | cut -d' ' -f2)" '-V prints the version'
run ccm-ingest extra
is "$status" 64 'an argument is a usage error'
CCM_ENV_FILE=none run ccm-ingest -s spool
like "$status $(cat err)" '^78 .*none: No such file' 'a file of settings that is not there is status 78'
CCM_MAX_SERIES=many run ccm-ingest -l "$WORK/socket" -s spool
like "$status $(grep -c 'CCM_MAX_SERIES is "many"' err) $(tail -n 1 err)" '^78 1 ccm-ingest: stopped' \
	'a setting that the daemon refuses ends all, with its status'
run ccm-ingest -l "$WORK/no/socket" -s spool
is "$status" 73 '... so does a place where it cannot listen'
METRICS_INGEST_TOPIC=a/b run ccm-ingest -s spool
is "$status" 64 '... and a topic that Kafka cannot have'

# ---- there and back -----------------------------------------------------------

export SCHEMA_REGISTRY_BEARER_TOKEN=s3cret-token UNRELATED_SECRET=s3cret CCM_ACCEPT_STATUS=201
start_ingest
send cpu 75.5
is "$code" 201 'a metric is accepted, by a setting of the daemon'
until_true 20 shows 'client_metric_cpu{host="h"} 75.5'
ok $? '... and is shown when it has come back from Kafka'
until_true 10 shows 'kafka_consumer_status 1'
ok $? '... the consumer reports'
counts() {
	shows 'kafka_producer_status 1' && shows 'kafka_metrics_consumed_total 1' &&
		shows 'kafka_metrics_sent_total 1'
}
until_true 5 counts
ok $? '... and the counters count'
like "$(asked | paste -sd' ')" 'versions 200 .*GET /schemas/ids/1 200' 'it went as Avro, with the schema of the registry'
is "$(cut -f 4 topic.log | grep :)" shop:cpu '... keyed by application and name'
tr '\0' '\n' <"/proc/$(of ccm-ingestd)/environ" >environ.daemon
tr '\0' '\n' <"/proc/$(of ccm-ship)/environ" >environ.shipper 2>err
is "$(grep -cE 'KAFKA|REGISTRY|s3cret' environ.daemon) $(grep -c '^CCM_ACCEPT_STATUS=201' environ.daemon)" '0 1' \
	'the daemon has its own settings, and none of Kafka'\''s or the registry'\''s'
if [ "$(id -u)" = 0 ]; then
	is "$(grep -cE '^(KAFKA_B|SCHEMA_R)' environ.shipper) $(grep -cE 'CCM_ACCEPT|UNRELATED' environ.shipper)" '3 0' \
		'the shipper has these, and none of the daemon'\''s'
	tr '\0' '\n' <"/proc/$(of ccm-consume)/environ" >environ.consumer
	is "$(grep -cE '^(KAFKA_B|SCHEMA_R)' environ.consumer) $(grep -cE 'CCM_ACCEPT|UNRELATED' environ.consumer)" '3 0' \
		'so has the consumer'
fi

# ---- each of them dies ----------------------------------------------------------

for name in ccm-ship ccm-consume ccm-ingestd; do
	consumer=$(of ccm-consume)
	kill -KILL "$(of $name)"
	until_true 20 grep -q "WARN: $name was ended by signal 9 (Killed); restarting it in [0-9]* s" ingest.err
	ok $? "$name is killed, which is a warning"
	until_true 30 eval "[ -n \"\$(of $name)\" ]"
	ok $? '... and it is started again'
done
until_true 20 answers
# That a broker knows where a time begins is for a real one: tests/kafka.
another_consumer() { [ -n "$(of ccm-consume)" ] && [ "$(of ccm-consume)" != "$consumer" ]; }
until_true 20 another_consumer
is "$? $(tr '\0' ' ' <"/proc/$(of ccm-consume)/cmdline")" \
	'0 ccm-consume -w 3600 client-metrics ccm-ingest ccm-avro decode ' \
	'... with the daemon, the consumer, which begins an hour ago'
send memory 5
until_true 30 shows 'client_metric_memory{host="h"} 5'
ok $? '... and what comes new'
children=$(pgrep -P "$ingest")
kill -STOP "$(of ccm-ship)"
send held 1
kill -TERM "$ingest"
daemon_gone() { [ -z "$(of ccm-ingestd)" ]; }
until_true 10 daemon_gone
is "$? $(of ccm-ship | grep -c .) $(find spool -name '*.ndjson' | wc -l)" '0 1 1' 'SIGTERM ends the daemon first'
kill -CONT "$(of ccm-ship)"
wait "$ingest"
status=$?
held_is_there() { [ "$(on_topic held)" = 1 ]; }
until_true 5 held_is_there
is "$? $status" '0 0' '... the shipper when it has sent what is there, and all with status 0'
# shellcheck disable=SC2086 # words are meant
is "$(tail -n 1 ingest.err) $(kill -0 $children 2>&1 | grep -c 'No such process')" 'ccm-ingest: stopped 3' \
	'... and nothing is left'

# ---- it is killed itself ---------------------------------------------------------

start_ingest
until_true 20 of ccm-consume
children=$(pgrep -P "$ingest" | paste -sd ' ')
stop_ingest KILL
# shellcheck disable=SC2086 # words are meant
until_true 20 sh -c "! kill -0 $children 2>/dev/null"
is "$? $(wc -w <<<"$children")" '0 3' 'killed itself, it leaves none of the three behind'

# ---- what is away ----------------------------------------------------------------

kill "$registry_pid" && until_true 5 sh -c "! kill -0 $registry_pid"
export CCM_INGEST_DRAIN_SECONDS=1 CCM_SHIP_GRACE_SECONDS=1
start_ingest
send waits 1
until_true 20 grep -q 'does not answer' spool/.status
like "$(jq -r .last_error spool/.status)" 'the schema registry .* does not answer' 'without the registry the spool waits'
until_true 5 shows 'kafka_producer_status 0'
ok $? '... which the daemon shows'
begin=$SECONDS
stop_ingest
is "$status $((SECONDS - begin < 15))" '0 1' '... and SIGTERM ends it in time'
is "$(cat spool/*.ndjson | grep -c '"waits"')" 1 '... with what was accepted still there'
start_registry
start_ingest
until_true 20 shows 'client_metric_waits{host="h"} 1'
ok $? 'the next one sends it'
stop_ingest

# ---- settings of a file ------------------------------------------------------------

unset KAFKA_BOOTSTRAP_SERVERS CCM_ACCEPT_STATUS
cat >.env <<-END
	# a file as docker compose has it
	KAFKA_BOOTSTRAP_SERVERS="$(<brokers)"
	METRICS_INGEST_TOPIC=other
	CCM_ACCEPT_STATUS=200
	SCHEMA_REGISTRY_URL=http://127.0.0.1:1
END
: >ingest.err
start_ingest
send filed 1
until_true 20 shows 'client_metric_filed{host="h"} 1'
is "$? $code $(grep -c 'settings of .env are used where none is set' ingest.err)" '0 200 1' \
	'the settings of ./.env are used, which is logged, and one that is set wins'
is "$(cut -f 1 topic.log | grep -c other)" 1 '... its topic, too'
stop_ingest
mv .env settings
: >ingest.err
CCM_ENV_FILE=settings start_ingest
send filed 2
until_true 20 shows 'client_metric_filed{host="h"} 2'
is "$? $(grep -c 'settings of settings' ingest.err)" '0 1' 'so are those of CCM_ENV_FILE'
stop_ingest INT
is "$status" 0 'SIGINT ends it, too'

# ---- development ---------------------------------------------------------------------

echo 'FLASK_ENV=development' >.env
rm -rf spool
: >ingest.err
unset SCHEMA_REGISTRY_URL
start_ingest
is "$(grep -c 'WARN: development: no metric goes to Kafka' ingest.err)" 1 'in development the log says so'
send local 3
send local 4 other
until_true 20 shows 'client_metric_local{app_id="other",host="h"} 4'
ok $? '... and metrics are shown without Kafka'
is "$(of ccm-consume | grep -c .)" 0 '... and without a consumer'
# statuses PRODUCER CONSUMER
statuses() { shows "kafka_producer_status $1" && shows "kafka_consumer_status $2"; }
until_true 5 statuses 1 1
ok $? '... the states are as in production'
two_counted() { shows 'kafka_metrics_sent_total 2' && shows 'kafka_metrics_consumed_total 2'; }
until_true 5 two_counted
ok $? '... so are the counters'
curl -sf --unix-socket socket "$url/api/v2/app/shop/health" >out 2>err
is "$(jq -r '[.status, .consumer.state, .consumer.detail] | join(", ")' out)" \
	'pass, up, development: the producer writes to the FIFO' '... and the health'
kill -STOP "$ingest"
kill -KILL "$(of ccm-ship)"
until_true 5 statuses 0 0
ok $? '... also where no shipper runs'
kill -CONT "$ingest"
until_true 20 statuses 1 1
ok $? '... and where it is back'
stop_ingest
is "$status" 0 '... until SIGTERM'

# ---- the manual page, and the file of settings ------------------------------------------

awk '/^\.Sh/ { on = /EXAMPLES/ } on && sub(/^\$ /, "")' "$ROOT/tools/ccm-ingest.1" >examples
rm -rf spool .env
start bash -c "exec env $(sed -n 1p examples)"
ingest=$pid
until_true 20 test -S ingest.sock
run bash -c "$(sed -n 2p examples)"
is "$status $(grep -c '^kafka_metrics_consumed_total 0' out)" '0 1' "the manual page's examples do what it says"
stop_ingest
# Every variable that the parts read is in the example, and each is read by one.
grep -oE '^#[A-Z][A-Z_]*=' "$ROOT/pipelines/examples/ingest.env" | tr -d '#=' | sort -u >shown
grep -ohE '"(CCM_[A-Z_]+|SCHEMA_REGISTRY_[A-Z_]+)"' "$ROOT"/tools/ccm-ingestd/*.c "$ROOT"/tools/ccm-avro/*.c \
	"$ROOT"/tools/ccm-ingest/*.c | tr -d '"' | grep -vxE 'CCM_(SHIP_REJECTS|ENV_FILE|VERSION)' | sort -u >known
is "$(comm -13 shown known)" '' 'the example of settings has each of them'
is "$(comm -23 shown known | grep -vE '^(KAFKA_|GLOBAL_LOG_LEVEL$|METRICS_INGEST_TOPIC$|.*_FILE$)')" '' '... and no other'

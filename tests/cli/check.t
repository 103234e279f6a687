#!/usr/bin/env bash
# ccm-check: what is fit for work is "ok", what is not says what to do.
# shellcheck source=tests/simulators.sh
. "$(dirname "$0")/../simulators.sh"

start_kafka -b 2
start_cloud -c 3
export TMPDIR=$WORK/tmp
mkdir tmp

# said WHAT: the lines about it, "WORD TEXT"
said() { awk -v what="$1" '$2 == what { $2 = ""; print }' out | tr -s ' '; }
words() { awk '{ print $1 }' out | sort -u | paste -sd ' '; }

# check STATUS NAME [VARIABLE=VALUE]...: runs it so
check() {
	local wanted=$1 name=$2
	shift 2
	run env "$@" ccm-check
	is "$status" "$wanted" "$name: status $wanted"
}

# ---- all is well

check 0 "all is well"
is "$(words) $(wc -l <err)" 'ok 0' "... every line is ok, and nothing is on stderr"
is "$(awk '{ print $2 }' out | paste -sd ' ')" \
	'tools settings state disk clock api metrics kafka.id kafka' "... a line each"
is "$(said kafka.id)" 'ok 3 of 3 readable (1 request)' \
	"... all clusters are queried in one request"
like "$(said settings)" 'an hour takes 3 or more, and this check 2$' \
	"... it says how many requests it needs"
is "$(cloud GET log | wc -l)" 2 "... and needs no more"
is "$(on_topic)" '' "... nothing is sent"
! grep -q $'\e' out
ok $? "... without colour, where stdout is no terminal"
is "$(find "$STATE_DIRECTORY" tmp -mindepth 1 2>/dev/null)" '' "... nothing is left behind"
run script -qec ccm-check /dev/null
like "$(<out)" $'\e\\[32mok' "... green on a terminal"
NO_COLOR=1 run script -qec ccm-check /dev/null
! grep -q $'\e\\[3' out
ok $? "... unless NO_COLOR is set"
check 0 "resources of every type" \
	CCM_QUERIES=kafka-cost,flink-pool,flink-statement,connect,ksql,schema-registry \
	CONFLUENT_METRICS_COMPUTE_POOL_ID_LIST=lfcp-0001,lfcp-0002 \
	CONFLUENT_METRICS_CONNECTOR_ID_LIST=lcc-0001 \
	CONFLUENT_METRICS_KSQL_ID_LIST=lksqlc-0001 \
	CONFLUENT_METRICS_SCHEMA_REGISTRY_ID_LIST=lsrc-0001
is "$(grep -c 'readable (1 request)' out)" 5 "... each is queried once"

# ---- the exporter

check 0 "an instance that exports" CCM_EXPORT_TO="textfile:/x/a.prom http:http://u:s3cret-x@h:9529/v1/write/metric?token=s3cret-y kafka"
is "$(said export)" 'ok targets: textfile /x/a.prom, http://h:9529/v1/write/metric, kafka confluent-metrics-export' \
	"... its targets are named"
! grep -q s3cret out err
ok $? "... without their secrets"
check 78 "a target that is none" CCM_EXPORT_TO="kafka x"
like "$(said export)" '^FAIL CCM_EXPORT_TO: "x" is no target' "... is named"

# ---- the API

check 77 "a wrong secret" CONFLUENT_METRICS_API_SECRET=s3cret-wrong
like "$(said api)" '^FAIL .*the API refused key KEY: HTTP 401.*check CONFLUENT_METRICS_API_KEY' \
	"... names the key and what to check"
like "$(said resources)" '^- not queried' "... and no resource is queried"
like "$(said kafka)" '^ok' "... the rest is tested all the same"
! grep -q s3cret out err
ok $? "... no secret is shown"
refuse_ids lkc-0002
check 77 "a cluster is refused"
like "$(said kafka.id)" '^FAIL lkc-0002: HTTP 403.*MetricsViewer' "... it is named, with the remedy"
refuse_ids
check 77 "an id that there is not" CONFLUENT_METRICS_CLUSTER_ID_LIST=lkc-0001,lkc-9999
like "$(said kafka.id)" '^FAIL lkc-9999: ' "... it is named"
fault '{"path":"descriptors","times":-1,"fault":{"status":403}}'
check 77 "a key without the role"
like "$(said api)" '^FAIL .*MetricsViewer' "... says which one"
no_faults
fault '{"path":"descriptors","times":-1,"fault":{"retry_after":600}}'
check 75 "the limit of requests is used up"
like "$(said api)" '^FAIL .*HTTP 429.*wait a minute' "... says so"
no_faults
rm -rf "$CCM_RATE_DIR"
check 75 "no API" CONFLUENT_METRICS_HOST=http://127.0.0.1:1
like "$(said api)" '^FAIL .*check the network' "... says what to check"
cat >own.json <<'END'
{"resource":"kafka.id","queries":[{"metric":"io.confluent.kafka.server/partition_cuont"}]}
END
check 69 "a metric that the API does not have" CCM_QUERIES="kafka-cost,$WORK/own.json"
like "$(said metrics)" '^FAIL .*partition_cuont .*own.json' "... it is named, and its preset"
check 78 "a clock that is late" CCM_NOW=2025-09-02T01:03:00Z
like "$(said clock)" '^FAIL this clock is 1[0-9]* s behind' "... says by how much"
check 78 "a clock that is early" CCM_NOW=2025-09-02T01:07:00Z
like "$(said clock)" '^FAIL this clock is 1[0-9]* s ahead' "... says by how much"
check 0 "a clock that is 30 s late" CCM_NOW=2025-09-02T01:04:30Z

# ---- what a key's role hides, and what has no data

# describes METRIC:TYPE...: the API describes these metrics and no others
describes() {
	local data='' metric
	for metric; do
		data+=",{\"name\":\"${metric%:*}\",\"type\":\"GAUGE_INT64\",\"resources\":[\"${metric#*:}\"]}"
	done
	no_faults
	fault "$(jq -n -c --arg body "{\"data\":[${data#,}],\"meta\":{\"pagination\":{\"page_size\":1000}}}" \
		'{path: "descriptors", times: -1, fault: {status: 200, $body,
			headers: {"Content-Type": "application/json"}}}')"
}
describes
check 0 "a key that sees no metric"
like "$(said metrics)" '^WARN the API describes no metric to this key; its role may hide them' "... is warned of"
is "$(said kafka.id)" 'ok 3 of 3 readable (1 request)' "... and the resources are tested by a query"
describes io.confluent.flink/num_records_in:compute_pool
check 0 "a key that sees the metrics of other types only"
like "$(said metrics)" '^WARN the API describes no metric of kafka.id to this key' "... is warned of"
is "$(said kafka.id)" 'ok 3 of 3 readable (1 request)' "... and the resources are tested by a query"
describes io.confluent.kafka.server/request_bytes:kafka io.confluent.kafka.server/retained_bytes:kafka
check 0 "a metric of a shipped preset that the API does not describe"
like "$(said metrics)" '^WARN the API does not describe io.confluent.kafka.server/response_bytes .preset kafka-cost' \
	"... is a warning, and the preset is not called wrong"
no_faults
fault "$(jq -n -c '{path: "query", times: -1, fault: {status: 200, headers: {"Content-Type": "application/json"},
	body: ({data: ["lkc-0001", "lkc-0003"] | map({timestamp: "2025-09-02T00:00:00Z", value: 1,
		"resource.kafka.id": .})} | tojson)}}')"
for level in ERROR INFO; do
	check 0 "a cluster without data, GLOBAL_LOG_LEVEL=$level" GLOBAL_LOG_LEVEL=$level
	is "$(said kafka.id)" 'WARN no data in the last hour: lkc-0002; deleted, idle, or not visible to this key
ok 2 of 3 readable (1 request)' "... is a warning, and not among those that are readable"
done
no_faults

# ---- settings

# refuses WHAT VARIABLE=VALUE: as a run does
refuses() {
	check 78 "$1" "$2"
	like "$(said settings)" "^FAIL ${2%%=*}[: ]" "... names ${2%%=*}"
	is "$(grep -c ^ok out)" 1 "... and nothing else is tested but the tools"
}
refuses "a level that there is not" GLOBAL_LOG_LEVEL=bogus
refuses "a key with a colon" CONFLUENT_METRICS_API_KEY=a:b
refuses "a timeout that is no number" CONFLUENT_METRICS_TIMEOUT=x
refuses "a limit with an exponent" CONFLUENT_METRICS_REQUESTS_PER_MINUTE=5e1
refuses "a host without TLS" CONFLUENT_METRICS_HOST=http://api.example
refuses "a file as host" CONFLUENT_METRICS_HOST=file:///etc/passwd
refuses "a secret with a newline" CONFLUENT_METRICS_API_SECRET=$'s3cret-api\n'
refuses "ids in quotes" CONFLUENT_METRICS_CLUSTER_ID_LIST="'lkc-0001'"
refuses "a topic that Kafka has no name for" METRICS_TOPIC='a b'
refuses "a state directory that is two" STATE_DIRECTORY=/a:/b
refuses "a time without its zone" CCM_NOW=2025-09-02T01:05:00+99:99
echo '{"resource":"kafka.id"}' >own.json
check 78 "a preset without queries" CCM_QUERIES="$WORK/own.json"
like "$(said settings)" '^FAIL .*own.json: "queries" is not an array' "... is named"
echo '{"resource":' >own.json
check 78 "a preset that is no JSON" CCM_QUERIES="$WORK/own.json"
like "$(said settings)" '^FAIL .*own.json:' "... is named"

check 78 "no secret, and a number that is none" CONFLUENT_METRICS_API_SECRET= CCM_BACKFILL_HOURS=x
is "$(said settings | cut -d ' ' -f 1-3 | sort)" $'FAIL CCM_BACKFILL_HOURS is\nFAIL CONFLUENT_METRICS_API_SECRET is' \
	"... a line for each mistake"
check 78 "Kafka's settings are wrong" KAFKA_ACKS=nonsense
like "$(said kafka)" '^FAIL KAFKA_ACKS ' "... the variable is named"
like "$(said kafka.id)" '^ok' "... the rest is tested all the same"

# ---- Kafka

kafka topic-error confluent-metrics TOPIC_AUTHORIZATION_FAILED
check 77 "no right to the topic"
like "$(said kafka)" '^FAIL .*grant this user' "... says what is missing"
kafka topic-error confluent-metrics UNKNOWN_TOPIC_OR_PART
check 69 "no topic"
like "$(said kafka)" '^FAIL topic confluent-metrics does not exist' "... says so"
kafka topic-error confluent-metrics none
kafka leader confluent-metrics 1 -1
check 75 "a partition without a leader"
like "$(said kafka)" '^FAIL .*: 1 of 4 partitions have no leader' "... says so"
kafka leader confluent-metrics 1 1
kafka down all
check 75 "no Kafka"
like "$(said kafka)" '^FAIL no broker answered: .*KAFKA_BOOTSTRAP_SERVERS' "... says what to check"
check 75 "no Kafka and a wrong secret" CONFLUENT_METRICS_API_SECRET=wrong
is "$(grep -c FAIL out)" 2 "... both are reported, and 75 comes before 77"
kafka up all

# ---- state and disk

mkdir ro full
: >ro/file
check 75 "a state directory that is a file" STATE_DIRECTORY="$WORK/ro/file/x"
like "$(said state)" '^FAIL .*ro/file is not a directory' "... says so"
if [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null; then
	STATE_DIRECTORY=$WORK/full run unshare --mount sh -c \
		'mount -t tmpfs -o size=20m tmpfs full && exec ccm-check'
	is "$status" 75 "20 MiB of disk: status 75"
	like "$(said disk)" '^FAIL (19|20) MiB are free' "... says how much there is"
else
	skip "20 MiB of disk" "needs root and mount namespaces"
fi

# ---- tools

mkdir bin
for tool in "$B"/bin/* /usr/bin/* /bin/*; do
	[ "${tool##*/}" = kcat ] || ln -sf "$tool" bin/
done
# A script runs what it was installed beside, then PATH.
mkdir -p inst/share
cp -r "$B/bin" inst/bin
cp -r "$B/share/ccm" inst/share/
mkdir inst/lib
cp -r "$B/lib/ccm" inst/lib/
PATH=$WORK/bin run inst/bin/ccm-check
is "$status" 78 "kcat is not installed: status 78"
like "$(said tools)" '^FAIL not installed: kcat; apt-get install' "... says what to install"
like "$(said kafka)" '^- cannot be tested' "... and Kafka is not tested"

for tool in ccm-hours ccm-send; do
	mv "inst/bin/$tool" .
	rm "bin/$tool"
	PATH=$WORK/bin run inst/bin/ccm-check
	like "$status $(said tools)" "^78 FAIL not installed: .*$tool" "$tool is not installed: status 78"
	mv "$tool" inst/bin/
done
rm inst/bin/ccm-json
printf '#!/bin/sh\nexit 1\n' >inst/bin/ccm-json
chmod +x inst/bin/ccm-json
PATH=$WORK/bin:$PATH run inst/bin/ccm-check
like "$status $(said tools)" '^78 FAIL cannot run' "ccm-json does not run: status 78, and no version is shown"

# ---- an instance of the systemd units

mkdir -p etc/ccm etc/credstore lib/prod/hours lib/prod/spool
cat >etc/ccm/prod.env <<END
# Read as systemd does, and not by a shell.
; another comment \\
CONFLUENT_METRICS_API_KEY=continued
CONFLUENT_METRICS_API_KEY = "KEY"
CONFLUENT_METRICS_CLUSTER_ID_LIST='lkc-0001,'"lkc-0002\\
"   
CONFLUENT_METRICS_HOST=$CONFLUENT_METRICS_HOST
CONFLUENT_METRICS_REQUESTS_PER_MINUTE=100000
KAFKA_BOOTSTRAP_SERVERS=$KAFKA_BOOTSTRAP_SERVERS
METRICS_TOPIC=\$(touch pwned)
METRICS_TOPIC=confluent-metrics
CCM_NOW=$CCM_NOW
CCM_RATE_DIR=$CCM_RATE_DIR
PATH=/nowhere
IFS=c
END
chmod 600 etc/ccm/prod.env
printf 's3cret-api\n' >etc/credstore/ccm.prod.CONFLUENT_METRICS_API_SECRET
chmod 600 etc/credstore/*
# Where the units' users are there, they have to be able to pass.
chmod 755 "$WORK"
[ "$(id -u)" != 0 ] || ! id -u ccm-scrape >/dev/null 2>&1 ||
	chown -R ccm-scrape:ccm lib/prod "$CCM_RATE_DIR"
chmod 2770 lib/prod/spool
prod() { run env CONFLUENT_METRICS_API_KEY=other KAFKA_ACKS=x ccm-check -e etc/ccm -d lib "$@"; }
prod prod
is "$status" 0 "an instance: status 0"
like "$(said kafka.id)" '^ok 2 of 2 readable' "... with the settings of its file, its secret from the credential store"
like "$(said state)" "lib/prod" "... and its state directory"
! [ -e pwned ]
ok $? "... nothing in the file is run"
chmod 644 etc/ccm/prod.env
prod prod
is "$status" 78 "an environment file for others to read: status 78"
like "$(said environment)" '^FAIL .*chmod 600' "... says what to do"
chmod 600 etc/ccm/prod.env
install -m 600 <(printf 'CCM_QUERIES=a\0b\n') etc/ccm/nul.env
prod nul
like "$status $(said environment)" '^78 FAIL .*nul.env: it has a NUL byte, which systemd refuses' \
	"an environment file with a NUL byte: status 78"
install -m 600 <(printf 'CONFLUENT_METRICS_CLUSTER_ID_LIST='
	seq -f 'lkc-%06.0f' -s , 12000) etc/ccm/long.env
prod long
like "$status $(said environment)" '^78 FAIL .*long.env: it has a variable of 128 KiB or more' \
	"a variable that no process can be given: status 78"
echo wrong >etc/credstore/ccm.prod.CONFLUENT_METRICS_API_SECRET
prod prod
is "$status" 77 "a wrong secret in the credential store: status 77"
rm etc/credstore/*
prod prod
is "$status" 78 "no secret at all: status 78"
prod test
is "$status" 78 "an instance that there is not: status 78"
like "$(said environment)" '^FAIL there is no .*etc/ccm/test.env' "... says what is missing"
for name in ../prod a:b .prod 'a b' '' "$(printf '%0201d' 1)"; do
	prod "$name"
	is "$status $(<out) $(grep -c 'is not a name for an instance' err)" '64  1' \
		"\"${name:0:8}\" is no name that the generator takes: status 64"
done
run ccm-check -d lib
is "$status $(<out)" '64 ' "-d without an instance: status 64"
run ccm-check -e etc/ccm
is "$status $(<out)" '64 ' "-e without an instance: status 64"
prod a b
is "$status" 64 "two instances: status 64"
if [ "$(id -u)" = 0 ]; then
	chmod 711 "$WORK" "$WORK"/etc "$WORK"/etc/ccm
	mkdir -m 777 nobody
	TMPDIR=$WORK/nobody run as_nobody ccm-check -e etc/ccm prod
	is "$status" 77 "somebody who may not read the file: status 77"
	like "$(said environment)" '^FAIL cannot read .*as root' "... says who may"
else
	skip "somebody who may not read the file" "needs root"
fi

# ---- options

status=0
ccm-check >/dev/full 2>err || status=$?
is "$status $(<err)" '74 ccm-check: ERROR: cannot write to standard output' \
	"no room for what it tells: status 74"

run env GLOBAL_LOG_LEVEL=bogus ccm-check -h
is "$status $(<err)" '0 ' "-h works whatever GLOBAL_LOG_LEVEL says"
run env GLOBAL_LOG_LEVEL=bogus ccm-check -V
like "$status $(<out)" '^0 ccm-check [0-9.]+$' "-V tells the version"
run ccm-check -x
is "$status" 64 "an unknown option: status 64"
is "$(ls -A tmp)" '' "nothing is left in the temporary directory"

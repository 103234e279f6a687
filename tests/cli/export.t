#!/usr/bin/env bash
# ccm-export: settings, the files for Prometheus, Kafka, and what a failure
# costs.
# shellcheck disable=SC2119 # options are optional
. "$(dirname "$0")/../simulators.sh"

requests() { cloud GET log | grep -c /export; }
# now HH:MM[:SS]: for both sides
now() {
	export CCM_NOW=2025-09-02T$1Z
	cloud POST now "{\"now\":\"$CCM_NOW\"}" >/dev/null
}
# value NAME FILE: of one of our own figures
value() { sed -n "s/^$1 //p" "$2"; }
samples() { grep -c '^confluent_' "$1"; }
# refused NAME REGEX VARIABLE=VALUE...: 78, before anything is requested
refused() {
	run env "${@:3}" ccm-export
	like "$status $(<err)" "^78 .*$2" "$1 is refused"
}

start_cloud
export CCM_EXPORT_TO=stdout
export CONFLUENT_METRICS_COMPUTE_POOL_ID_LIST=lfcp-0001 CONFLUENT_METRICS_CONNECTOR_ID_LIST=lcc-0001

# ---- settings

refused "no target" 'CCM_EXPORT_TO is not set' CCM_EXPORT_TO=
refused "an unknown target" '"influx" is no target' CCM_EXPORT_TO=influx:x
refused "a relative path" 'an absolute path' CCM_EXPORT_TO=textfile:a.prom
refused "a textfile that the node exporter would not read" 'end in .prom' CCM_EXPORT_TO=textfile:/a
refused "a file with timestamps that it would" 'must not be called .prom' CCM_EXPORT_TO=serve:/a.prom
refused "an interval under a minute" 'one sample a minute, and allows each resource 80 requests an hour' CCM_EXPORT_INTERVAL=30
refused "the topic of the hourly values" 'consumers would add values of minutes to those of hours' \
	CCM_EXPORT_TO=kafka METRICS_EXPORT_TOPIC=x METRICS_TOPIC=x
refused "the default of one as the other" 'METRICS_EXPORT_TOPIC is METRICS_TOPIC' \
	CCM_EXPORT_TO=kafka METRICS_EXPORT_TOPIC=confluent-metrics
refused "a token without a target" 'CCM_EXPORT_TOKEN_2 is set, and CCM_EXPORT_TO has 1 http target$' \
	CCM_EXPORT_TO=http://127.0.0.1:1/write CCM_EXPORT_TOKEN_2=x
refused "no resource" 'no resources: set CONFLUENT_METRICS_CLUSTER_ID_LIST' CONFLUENT_METRICS_CLUSTER_ID_LIST= \
	CONFLUENT_METRICS_COMPUTE_POOL_ID_LIST= CONFLUENT_METRICS_CONNECTOR_ID_LIST=
refused "an id that is none" 'CLUSTER_ID_LIST' CONFLUENT_METRICS_CLUSTER_ID_LIST='"lkc-1"'
CCM_EXPORT_MAX_AGE=x CCM_EXPORT_QUEUE_BYTES=y run ccm-export
is "$status $(grep -c 'MAX_AGE\|QUEUE_BYTES' err)" "78 2" "each problem is reported"
run ccm-export -x
is "$status" 64 "an unknown option is 64"
is "$(requests)" 0 "... and nothing was requested"
secret='http://u:s3cret-x@127.0.0.1:1/write?db=x&p=s3cret-y'
CCM_EXPORT_TO="stdout $secret" CCM_EXPORT_TOKEN_1=s3cret-z run ccm-export -n
is "$status $(grep -c s3cret out err)" "0 out:0
err:0" "-n shows no secret"
is "$(grep -v '^#' out)" \
	"$CONFLUENT_METRICS_HOST/v2/metrics/cloud/export?resource.kafka.id=lkc-0001&resource.kafka.id=lkc-0002&resource.kafka.id=lkc-0003&resource.compute_pool.id=lfcp-0001&resource.connector.id=lcc-0001" \
	"... but the URL that a run requests"
grep -q '^# target: http 1 .* http://127.0.0.1:1/write?db=x$' out
ok $? "... and the targets"
is "$(requests) $(find . -name export)" "0 " "... and requests and changes nothing"

# ---- files

export CCM_EXPORT_TO="textfile:$WORK/out.prom serve:$WORK/serve.txt
	stdout"
now 01:05:00
run ccm-export
is "$status $(<err)" "0 " "a run exports to all targets"
grep -v '^ccm_\|^# .* ccm_' serve.txt >got
rm -rf "$CCM_RATE_DIR"
ccm-fetch export -r "kafka.id=$CONFLUENT_METRICS_CLUSTER_ID_LIST" -r compute_pool.id=lfcp-0001 -r connector.id=lcc-0001 |
	ccm-promfmt -I prometheus >wanted
cmp -s wanted got
ok $? "serve: has what the API exports, with timestamps"
cmp -s serve.txt out
ok $? "stdout too"
is "$(sed 's/ [0-9]*$//' wanted | grep '^confluent')" "$(grep '^confluent' out.prom)" "textfile: has the same, without timestamps"
for figure in ccm_export_requests_total:1 ccm_export_last_run_status:0 \
	'ccm_export_newest_sample_timestamp_seconds{resource_type="compute_pool"}:1756774800' \
	"ccm_export_samples_total:$(samples out.prom)" 'ccm_export_resources{state="refused"}:0'; do
	is "$(value "${figure%:*}" out.prom)" "${figure##*:}" "... and ${figure%:*}"
done
promtool check metrics <out.prom >out 2>&1
! grep 'ccm_\|error while' out
ok $? "promtool has nothing to say about our own figures"
is "$(stat -c %a out.prom serve.txt | tr '\n' ' ')" "644 644 " "others can read them"
CCM_EXPORT_METRICS=io.confluent.kafka.server/partition_count
export CCM_EXPORT_METRICS
now 01:06:00
run ccm-export
is "$status $(samples out.prom)" "0 3" "CCM_EXPORT_METRICS picks metrics"
unset CCM_EXPORT_METRICS

# ---- what fails

now 01:07:00
run ccm-export
before=$(samples out.prom)
now 01:08:00
fault '{"path":"export","times":-1,"fault":{"status":503}}'
run ccm-export
is "$status $(samples out.prom) $(value ccm_export_last_run_status out.prom)" "75 $before 75" \
	"while the API is down the last samples stay"
is "$(value 'ccm_export_newest_sample_timestamp_seconds{resource_type="kafka"}' out.prom)" 1756774920 \
	"... and their age shows"
no_faults
# The samples are of 01:02.
export CCM_NOW=2025-09-02T01:17:30Z
fault '{"path":"export","times":-1,"fault":{"status":500,"body":"x"}}'
run ccm-export
is "$status $(samples out.prom) $(value ccm_export_stale_samples_total out.prom)" "75 0 $before" \
	"samples older than 15 minutes are dropped, and counted"
is "$(value ccm_export_last_success_timestamp_seconds out.prom | wc -l)" 1 "... our own figures stay"
no_faults
now 01:20:00
refuse_ids lkc-0002
run ccm-export
like "$status $(<err)" '^77 .*lkc-0002: refused' "a refused id is 77, the others are exported"
is "$(value 'ccm_export_resources{state="refused"}' out.prom) $(grep -c '^confluent.*lkc-0002' out.prom)" "1 0" "... and counted"
refuse_ids
rm -rf "$CCM_RATE_DIR"
now 01:21:00
mkdir full
if mount -t tmpfs -o size=16k none full 2>/dev/null; then
	echo old >full/a.prom
	CCM_EXPORT_TO="textfile:$WORK/full/a.prom textfile:$WORK/out.prom" run ccm-export
	is "$status $(<full/a.prom) $(samples out.prom)" "74 old $before" \
		"a full disk is 74: the old file stays, the other target has its samples"
	umount full
else
	skip "a full disk is 74" "no mount"
fi
now 01:21:30
rm -rf "$CCM_RATE_DIR"
if mount -t tmpfs -o size=48k none full 2>/dev/null; then
	cp out.prom before.prom
	CCM_EXPORT_TO="textfile:$WORK/out.prom" STATE_DIRECTORY=$WORK/full run ccm-export
	cmp -s out.prom before.prom
	is "$status $?" "74 0" "a full disk under the state changes no target"
	umount full
else
	skip "a full disk under the state" "no mount"
fi
now 01:22:00
CCM_EXPORT_TO="textfile:$WORK/none/a.prom textfile:$WORK/out.prom" run ccm-export
is "$status $(samples out.prom)" "74 $before" "a directory that is not there costs its target only"

for signal in 9 15; do
	rm -rf "$CCM_RATE_DIR"
	cp out.prom before.prom
	fault '{"path":"export","fault":{"slow":2000}}'
	start ccm-export 2>err >/dev/null
	until_true 10 pgrep -f "ccm-fetch export -s $STATE_DIRECTORY"
	fetcher=$(pgrep -f "ccm-fetch export -s $STATE_DIRECTORY")
	kill "-$signal" "$fetcher"
	wait "$pid"
	is "$? $(samples out.prom)" "75 $(samples before.prom)" "a ccm-fetch that is killed ($signal) costs no file"
done
no_faults

# ---- runs

now 01:23:00
exec 9>>"$STATE_DIRECTORY/export/.lock"
flock 9
start ccm-export 2>second.err >/dev/null
sleep 0.2
is "$(grep -c . second.err)" 0 "a second run waits for the first"
flock -u 9
exec 9>&-
wait "$pid"
is $? 0 "... and then runs"
unset CCM_NOW
cloud POST now '{"now":null}' >/dev/null
rm -f out.prom
CCM_EXPORT_TO=textfile:$WORK/out.prom start ccm-export -l 2>err
until_true 20 test -s out.prom
ok $? "-l runs at once"
kill "$pid"
wait "$pid"
is $? 0 "... and ends on SIGTERM"
cat >each <<'END'
echo x >>every
[ "$(wc -l <every)" -lt 2 ] || sleep 60
END
ran_twice() { [ "$(wc -l <every)" -eq 2 ]; }
start "$B/lib/ccm/ccm-every" 1 bash each
until_true 10 ran_twice
ok $? "ccm-every runs a program each second"
kill "$pid"
wait "$pid"
is "$? $(pgrep -f 'sleep 60' -P "$pid")" "0 " "... and ends it on SIGTERM"

# ---- kill

now 01:30:00
rm -rf "$CCM_RATE_DIR"
run ccm-export
before=$(samples serve.txt)
is_whole() { [ "$(samples "$1")" = "$before" ] && tail -n 1 "$1" | grep -q '^ccm_'; }
wrong=0 hit=0 duration=300000
for ((i = 0; i < ${KILLS:-10}; i++)); do
	rm -rf "$CCM_RATE_DIR"
	setsid ccm-export >/dev/null 2>&1 &
	sid=$!
	started+=("$sid")
	at_random_moment "$sid"
	kill -9 -- "-$sid" 2>/dev/null
	wait "$sid" 2>/dev/null
	is_whole serve.txt || ((++wrong))
done
is "$wrong" 0 "killed at any moment, no file is half"
rm -rf "$CCM_RATE_DIR"
run ccm-export
is "$status $(find "$STATE_DIRECTORY/export" -name 'work.*')" "0 " "... and the next run clears up"

# ---- Kafka

start_kafka -t confluent-metrics-export:2
export CCM_EXPORT_TO=kafka
now 02:05:00
rm -rf "$CCM_RATE_DIR"
run ccm-export
is "$status" 0 "records go to Kafka"
before=$(samples "$STATE_DIRECTORY/export/last.prom")
on_topic >records
is "$(wc -l <records) $(cut -c 1-10 <records | sort -u)" "$before {\"fields\":" "... all of them"
sync_topic
is "$(grep -v '^#' topic.log | cut -f 1 | sort -u)" confluent-metrics-export "... to a topic of their own"
ccm-normalize -I prometheus <"$STATE_DIRECTORY/export/last.prom" | sort >wanted
cmp -s wanted records
ok $? "... with the records' own tag names"
forget_topic
rm -rf "$CCM_RATE_DIR"
run ccm-export
is "$status $(on_topic | wc -l)" "0 0" "what has not changed is not sent again"
now 02:05:55
CCM_KAFKA_TRANSACTIONAL_ID=ccm CCM_INSTANCE=prod GLOBAL_LOG_LEVEL=DEBUG run ccm-export
is "$status" 0 "transactions are possible"
rm -rf "$CCM_RATE_DIR"
forget_topic
now 02:06:00
kafka down all
KAFKA_DELIVERY_TIMEOUT_MS=2000 run ccm-export
is "$status $(find "$STATE_DIRECTORY/export/kafka" -type f ! -name '.*' | wc -l)" "75 1" "while Kafka is away the records wait"
kafka up all
now 02:07:00
run ccm-export
is "$status $(on_topic | sort | uniq -c | awk '$1 > 1' | wc -l) $(on_topic | cut -d , -f 1-9 | grep -o '"timestamp":[0-9]*' | sort -u | wc -l)" "0 0 2" \
	"... and are sent when it is back, once"

# ---- the page

export KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1
rm -rf "$CCM_RATE_DIR"
while IFS= read -r command; do
	run bash -c "$command"
	is "$status $(wc -l <err)" "0 0" "ccm-export(1): $command"
	[ -s out ]
	ok $? "... writes something"
done < <(sed -n '/^\.Sh EXAMPLES/,$ { s/^\$ //p }' "$ROOT/tools/ccm-export.1")

#!/usr/bin/env bash
# ccm-normalize -I prometheus and -I openmetrics: expositions to records.
. "$(dirname "$0")/../tap.sh"

python=$ROOT/tests/exposition.py
seed=${SEED:-$RANDOM}
export CCM_NOW=2001-09-09T01:46:40Z # 1000000000000 ms, and what a test takes

cat >answer <<'EXPORT'
# HELP confluent_kafka_server_received_bytes The delta count of bytes of the customer's data received from the network.
# TYPE confluent_kafka_server_received_bytes gauge
confluent_kafka_server_received_bytes{topic="orders",kafka_id="lkc-1",} 1.5E12 1756900800000
confluent_kafka_server_received_bytes{kafka_id="lkc-1",topic="a \"b\" \\ c",} 12.0 1756900800000
# HELP confluent_kafka_server_request_bytes h
# TYPE confluent_kafka_server_request_bytes gauge
confluent_kafka_server_request_bytes{principal_id="sa-1",kafka_id="lkc-1",type="Fetch",} 0.25 1756900800123
# HELP export_status s
# TYPE export_status gauge
export_status{export_status="error",metric="m",resource="lkc-1",} 1.0
# HELP confluent_scrape_resource_access_error e
confluent_scrape_resource_access_error{resource_type="resource.kafka.id",resource_id="lkc-9",} NaN
# HELP confluent_flink_num_records_in h
# TYPE confluent_flink_num_records_in gauge
confluent_flink_num_records_in{flink_statement_name="s",compute_pool_id="lfcp-1",} 7
EXPORT
run ccm-normalize -I prometheus <answer
is "$status $(<err)" "0 " "an export is read without a word, the API's reports on it too"
is "$(<out)" '{"fields":{"value":1500000000000},"name":"confluent_kafka_server_received_bytes","tags":{"cluster_id":"lkc-1","topic":"orders"},"timestamp":1756900800000}
{"fields":{"value":12},"name":"confluent_kafka_server_received_bytes","tags":{"cluster_id":"lkc-1","topic":"a \"b\" \\ c"},"timestamp":1756900800000}
{"fields":{"value":0.25},"name":"confluent_kafka_server_request_bytes","tags":{"cluster_id":"lkc-1","principal":"sa-1","type":"Fetch"},"timestamp":1756900800123}
{"fields":{"value":7},"name":"confluent_flink_num_records_in","tags":{"compute_pool_id":"lfcp-1","flink_statement_name":"s"},"timestamp":10000'"$(tail -n 1 out | grep -o '........}$')" \
	"its samples are records: the resource first, times in ms, the time of reading where there is none"
is "$(ccm-normalize -I prometheus -k <answer | jq -c .tags | head -3)" '{"kafka_id":"lkc-1","topic":"orders"}
{"kafka_id":"lkc-1","topic":"a \"b\" \\ c"}
{"kafka_id":"lkc-1","principal_id":"sa-1","type":"Fetch"}' "-k keeps the labels' own names"
is "$(ccm-normalize -I prometheus -k -s -t kafka_id=cluster -a env=prod <answer | jq -c '[.tags,.timestamp]' | sed -n 3p)" \
	'[{"cluster":"lkc-1","principal_id":"sa-1","type":"Fetch","env":"prod"},1756900800]' "-t, -a and -s work with it"
is "$(ccm-normalize -k <<<'{"metric":"io.m","metric.topic":"t","resource.kafka.id":"lkc-1","timestamp":"2025-09-03T12:00:00Z","value":1}' | jq -c .tags)" \
	'{"resource.kafka.id":"lkc-1","metric.topic":"t"}' "-k keeps those of points too"

run ccm-normalize -I openmetrics <<'TEXT'
# TYPE confluent_kafka_server_sent_bytes gauge
# UNIT confluent_kafka_server_sent_bytes bytes
# HELP confluent_kafka_server_sent_bytes h
confluent_kafka_server_sent_bytes{kafka_id="lkc-1",topic="t"} 3.0 1756900800.000
# EOF
# TYPE latency histogram
latency_bucket{le="0.5"} 2 1756900800.5 # {trace_id="x"} 0.4 1756900800.1
latency_bucket{le="+Inf"} 3 1756900800000
latency_sum 1.75 1756900800
latency_count 3 1.7569008E9
latency_created 1756900000.25 1756900800
# EOF
TEXT
is "$status $(jq -r '"\(.name) \(.tags.le) \(.fields.value) \(.timestamp)"' out)" '0 confluent_kafka_server_sent_bytes null 3 1756900800000
latency_bucket 0.5 2 1756900800500
latency_bucket +Inf 3 1756900800000
latency_sum null 1.75 1756900800000
latency_count null 3 1756900800000
latency_created null 1756900000.25 1756900800000' "OpenMetrics: seconds, exemplars, histograms as their samples, an exposition behind # EOF"

# ---- beside the official parser ----------------------------------------------

for format in prometheus openmetrics; do
	rm -f bad
	"$python" generate $format "$seed" 5000 >text
	"$python" parse $format <text | grep -Ev '"(nan|inf|-inf)"' | sed 's/null]$/T]/' | sort >wanted
	ccm-normalize -I $format -k -r bad <text 2>err | "$python" flatten |
		sed -E 's/10000[0-9]{8}]$/T]/' | sort >got
	diff wanted got >different
	ok $? "$format: 5000 hostile samples are what the official parser reads (SEED=$seed)" || head -n 6 different | cut -c 1-300 | sed 's/^/# /'
	is "$(grep -c 'the value is [NI+-].*, which' err) $(($(wc -l <wanted) + $(wc -l <bad)))" "$(wc -l <bad) 5000" \
		"... but NaN and the infinities, which are reported as bad lines"
	is "$(($(wc -l <wanted) > 4500))" 1 "... and they are not all of it: $(wc -l <wanted)"
done

# ---- bad lines ---------------------------------------------------------------

bad_line() { # NAME MESSAGE, the line on standard input
	{ printf 'm 1 1756900800000\n'; cat; printf 'm 2 1756900800000\n'; } >in
	run ccm-normalize -I "${format:-prometheus}" <in
	is "$status $(grep -c . out) $(<err)" "65 2 ccm-normalize: stdin:2: $2" "$1: reported, the rest is processed, exit 65"
}
format=prometheus
bad_line "NaN" 'the value is NaN, which no record can have' <<<'m NaN'
bad_line "an infinity" 'the value is -Inf, which no record can have' <<<'m -Inf'
bad_line "1e999" 'number out of range at column 3' <<<'m 1e999'
bad_line "no value" 'unexpected end at column 10' <<<'m{a="b"} '
bad_line "a label twice" 'duplicate label at column 9' <<<'m{a="b",a="c"} 1'
bad_line "two labels for one tag" 'labels "kafka_id" and "cluster_id" both become tag "cluster_id"' <<<'m{kafka_id="b",cluster_id="c"} 1'
bad_line "invalid UTF-8" 'invalid UTF-8 at column 6' < <(printf 'm{a="\xff"} 1\n')
bad_line "a NUL byte" 'NUL byte at column 6' < <(printf 'm{a="\0"} 1\n')
bad_line "an unknown type" "a metric's type was expected at column 10" <<<'# TYPE m sometype'
bad_line "an exemplar" 'unexpected text at column 5' <<<'m 1 # {} 1'
bad_line "a page of HTML" "a metric's name was expected at column 1" <<<'<html>'
bad_line "a line over 1 MiB" 'line over 1048576 bytes' < <(head -c 2000000 /dev/zero | tr '\0' 'x'; echo)
format=openmetrics
bad_line "a line that is cut" 'unexpected end at column 6' <<<'m{a="'
run ccm-normalize -I prometheus -r rejected < <(printf 'm 1\nm NaN\nm{\n')
is "$status $(wc -l <out) $(<rejected)" "0 1 m NaN
m{" "-r keeps the bad lines"
CCM_NOW=yesterday run ccm-normalize -I prometheus <answer
is "$status $(<err)" '78 ccm-normalize: ERROR: CCM_NOW is "yesterday"; it takes a time such as 2025-09-02T01:05:00Z' \
	"CCM_NOW takes what it takes"

# ---- memory ------------------------------------------------------------------

# The peak of the process that read all of a pipe: /proc has it while it runs.
many() { for _ in $(seq "$1"); do cat text; done; }
"$python" generate prometheus 1 20000 >text
mkfifo fifo
start bash -c 'exec ccm-normalize -I prometheus -r /dev/null <fifo >/dev/null 2>&1'
exec 7>fifo
many 20 >&7
# (Sanitizers take much more.)
peak=$(awk '/^VmSize/ { sanitized = $2 > 1e9 } /^VmHWM/ { print sanitized ? 1 : $2 }' "/proc/$pid/status")
exec 7>&-
wait "$pid"
is "$((peak > 0 && peak < 10240))" 1 "RSS stays under 10 MiB over $((20 * $(stat -c %s text) / 1000000)) MB: $peak KiB"

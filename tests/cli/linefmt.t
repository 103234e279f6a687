#!/usr/bin/env bash
# ccm-linefmt: records to line protocol, and a real InfluxDB that reads it.
. "$(dirname "$0")/../tap.sh"

seed=${SEED:-$RANDOM}
record='{"fields":{"value":10},"name":"confluent_kafka_server_received_bytes","tags":{"kafka_id":"lkc-1","topic":"a"},"timestamp":1756900800000}'
is "$(ccm-linefmt -M confluent <<<"$record")" \
	'confluent,kafka_id=lkc-1,topic=a kafka_server_received_bytes=10 1756900800000000000' \
	"-M: one measurement, the name without it is the field"
is "$(ccm-linefmt <<<"$record")" \
	'confluent_kafka_server_received_bytes,kafka_id=lkc-1,topic=a value=10 1756900800000000000' \
	"else the name is the measurement"
is "$(ccm-linefmt -M confluent <<<'{"name":"cpu","value":1e300}')" 'confluent cpu=1e300' \
	"a client metric, another name, no tags, no time"
is "$(ccm-linefmt -M confluent <<<'{"name":"confluent_","value":123456789012345678901,"timestamp":1756900800}')" \
	'confluent confluent_=123456789012345678901 1756900800000000000' "an integer is not marked as one, a time can be in seconds"
is "$(ccm-linefmt <<<'{"name":"a b,c=d","tags":{"k =,":"v =,\\x","e":"","":"x","b":"x\\","nl":"a\nb\r"},"value":1}')" \
	'a\ b\,c=d,k\ \=\,=v\ \=\,\x,b=x\ ,nl=a\nb\r value=1' \
	"escapes; no empty tag; a blank behind a backslash at the end; no newline"

# The fields of DataKit's Confluent Cloud page, from the names of an export.
fields="active_connection_count consumer_lag_offsets partition_count received_bytes received_records request_bytes
	request_count response_bytes rest_produce_request_bytes retained_bytes sent_bytes sent_records successful_authentication_count"
for field in $fields; do
	printf '# TYPE confluent_kafka_server_%s gauge\nconfluent_kafka_server_%s{kafka_id="lkc-1",} 1.5 1756900800000\n' "$field" "$field"
done | ccm-normalize -I prometheus -k | ccm-linefmt -M confluent >out
for field in $fields; do
	echo "confluent,kafka_id=lkc-1 kafka_server_$field=1.5 1756900800000000000"
done >wanted
is "$(<out)" "$(<wanted)" \
	"export -> ccm-normalize -k -> ccm-linefmt -M confluent: the fields that DataKit's users know"
is "$(printf 'confluent_%s{x="y"} 1 1756900800000\n' kafka_connect_sent_records flink_num_records_in |
	ccm-normalize -I prometheus -k | ccm-linefmt -M confluent | cut -d ' ' -f 2)" \
	'kafka_connect_sent_records=1
flink_num_records_in=1' "... and connectors and Flink in the same way"

# ---- bad lines ---------------------------------------------------------------

bad_line() { # MESSAGE, the line on standard input
	{ echo "$record"; cat; echo "$record"; } >in
	run ccm-linefmt <in
	is "$status $(grep -c . out) $(<err)" "65 2 ccm-linefmt: stdin:2: $1" "$1"
}
bad_line '"value" is missing' <<<'{"name":"m"}'
bad_line '"value" is out of range' < <(printf '{"name":"m","value":9%s}\n' "$(printf '9%.0s' {1..400})")
bad_line '"timestamp" is after the year 2262, where line protocol ends' <<<'{"name":"m","value":1,"timestamp":9223372036855}'
bad_line '"name" begins with "#", which makes a comment of a line' <<<'{"name":"#m","value":1}'
bad_line 'the name and the tags take over 65535 bytes, which InfluxDB refuses' \
	< <(printf '{"name":"m","value":1,"tags":{"a":"%s"}}\n' "$(head -c 65600 /dev/zero | tr '\0' x)")
bad_line 'two tags become "a\n"' <<<'{"name":"m","value":1,"tags":{"a\n":"1","a\\n":"2"}}'
bad_line 'not JSON: a value was expected at column 1' <<<x
run ccm-linefmt -r rejected < <(echo "$record"; echo bad)
is "$status $(<rejected) $(grep -c . out)" "0 bad 1" "-r keeps them"
for measurement in '' '#x' $'a\nb'; do
	run ccm-linefmt -M "$measurement" </dev/null
	is "$status" 64 "-M \"$measurement\" is no measurement"
done
ccm-linefmt <<<"$record" >/dev/full 2>err
is "$? $(<err)" "74 ccm-linefmt: ERROR: cannot write to standard output: No space left on device" "a full disk"

# ---- InfluxDB ----------------------------------------------------------------

mkdir influx
export INFLUXDB_META_DIR=$WORK/influx/meta INFLUXDB_DATA_DIR=$WORK/influx/data \
	INFLUXDB_DATA_WAL_DIR=$WORK/influx/wal INFLUXDB_REPORTING_DISABLED=true \
	INFLUXDB_BIND_ADDRESS=127.0.0.1:0 INFLUXDB_HTTP_BIND_ADDRESS=127.0.0.1:0 \
	INFLUXDB_MONITOR_STORE_ENABLED=false
start influxd run 2>influxd.log >&2
address_known() { [ -n "$(address)" ]; }
address() { sed -n 's/.*Listening on HTTP.*addr=\(127[^ ]*\).*/\1/p' influxd.log; }
until_true 30 address_known || cp influxd.log err
url=http://$(address)
until_true 30 curl -sf "$url/ping"
ok $? "InfluxDB is up"
write() { curl -s -o answer -w '%{http_code}' --data-binary @- "$url/write?db=$1"; }

# In one measurement each series has each field in the answer: so few of them.
for measurement in '' confluent; do
	count=$((${#measurement} > 0 ? 300 : 3000))
	"$ROOT/tests/exposition.py" records "$seed" $count >hostile
	db=db$measurement
	curl -sf -o out --data-urlencode "q=CREATE DATABASE $db" "$url/query"
	ccm-linefmt ${measurement:+-M "$measurement"} -r bad <hostile 2>err | write "$db" >code
	is "$(<code)" 204 "${measurement:-no -M}: InfluxDB takes $count hostile records (SEED=$seed)"
	curl -sf --data-urlencode 'q=SELECT * FROM /.*/ GROUP BY *' "$url/query?db=$db&epoch=ns" |
		"$ROOT/tests/lineprotocol.py" influx >got
	"$ROOT/tests/lineprotocol.py" expected ${measurement:+"$measurement"} <hostile >wanted
	diff wanted got >different
	ok $? "... and has $(wc -l <wanted) points, with their tags, fields, values and times"
done

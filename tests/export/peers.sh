# shellcheck shell=bash
# The real InfluxDB and VictoriaMetrics, on free ports of 127.0.0.1.
# shellcheck source=tests/tap.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tap.sh"

free_port() {
	perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(
		LocalAddr => "127.0.0.1", Listen => 1)->sockport'
}

answers() { curl -sf -o /dev/null "$1"; }

# start_influxdb: its URL is in $influxdb, with a database "metrics"
start_influxdb() {
	local http rpc
	http=$(free_port) rpc=$(free_port)
	mkdir -p influx
	cat >influx.conf <<-END
		bind-address = "127.0.0.1:$rpc"
		reporting-disabled = true
		[meta]
		dir = "$WORK/influx/meta"
		[data]
		dir = "$WORK/influx/data"
		wal-dir = "$WORK/influx/wal"
		[http]
		bind-address = "127.0.0.1:$http"
		[[udp]]
		enabled = false
	END
	influxdb=http://127.0.0.1:$http
	start influxd -config influx.conf >influx.log 2>&1
	until_true 30 answers "$influxdb/ping" || echo "# influxd does not start"
	curl -sf -o out -XPOST "$influxdb/query" --data-urlencode 'q=CREATE DATABASE metrics'
}

# influx QUERY: rows, a line of JSON each
influx() {
	curl -s -G "$influxdb/query" --data-urlencode db=metrics \
		--data-urlencode epoch=ms --data-urlencode "q=$1" |
		jq -c '.results[0].series[]? | .values[]'
}

# start_victoria_metrics: its URL is in $victoria
start_victoria_metrics() {
	local http
	http=$(free_port)
	victoria=http://127.0.0.1:$http
	start victoria-metrics -httpListenAddr="127.0.0.1:$http" -storageDataPath="$WORK/vm" \
		-retentionPeriod=100y -memory.allowedBytes=100MB >vm.log 2>&1
	until_true 30 answers "$victoria/health" || echo "# victoria-metrics does not start"
}

# exported MATCH: what VictoriaMetrics has, once it shows it
exported() {
	curl -s "$victoria/internal/force_flush" >/dev/null
	curl -s -G "$victoria/api/v1/export" --data-urlencode "match[]=$1"
}

#!/usr/bin/env bash
# The ingestion service as units: metrics that are POSTed to the socket come back
# for Prometheus, whatever of it is restarted, and the daemon has no secret.
# ccm-serve@ is started by its socket too.
# shellcheck disable=SC2119 # options are optional
# shellcheck source=tests/systemd/machine.sh
. "$(dirname "$0")/machine.sh"
# shellcheck source=tests/registry.sh
. "$ROOT/tests/registry.sh"

start_kafka -t client-metrics:4
start_registry
boot
install_package

# free_port: of a machine whose network is ours
free_port() {
	perl -MSocket -e 'socket(my $s, AF_INET, SOCK_STREAM, 0) or die;
		bind($s, pack_sockaddr_in(0, INADDR_LOOPBACK)) or die;
		print +(unpack_sockaddr_in(getsockname $s))[0]'
}

# listen UNIT: there, and not where it says; the URL is in $url
listen() {
	local port
	port=$(free_port)
	drop_in "$1" '[Socket]' ListenStream= "ListenStream=127.0.0.1:$port"
	on systemctl daemon-reload
	url=http://127.0.0.1:$port
}

# post NAME VALUE: a metric of the app shop; its status is written
post() {
	curl -s -o answer -w '%{http_code}' -H 'Content-Type: application/json' -d "{\"metrics\":[{
		\"name\":\"$1\",\"value\":$2,\"timestamp\":$(date +%s%3N),\"profileId\":\"p\"}]}" \
		"$url/api/v2/app/shop/metrics"
}

shows() { curl -s "$url/prometheus-metrics" | grep -qxF "$1"; }
states() {
	local unit
	for unit in ccm-ingestd.socket ccm-ingestd ccm-ingest-ship ccm-ingest-consume; do
		property "$unit" ActiveState
	done | uniq | paste -sd' '
}
all_active() { [ "$(states)" = active ]; }
all_inactive() { [ "$(states)" = inactive ]; }
restarted() { [ "$(property ccm-ingestd MainPID)" != "$main" ] && all_active; }

# secrets UNIT: those in the environments of its processes and in the credentials
# that it was given, behind "runs:"
secrets() {
	local pid pids
	pids=$(processes "$1")
	echo "${pids:+runs:} $(for pid in $pids; do
		tr '\0' '\n' <"/proc/$pid/environ"
		find "/proc/$pid/root/run/credentials/$1" -type f -exec cat {} +
	done 2>/dev/null | grep -o 's3cret-[a-z]*' | sort -u | paste -sd' ')"
}

bad_lines() { curl -s "$url/prometheus-metrics" | sed -n 's/^ccm_ingestd_bad_lines_total //p'; }

# ---- nothing by itself

is "$(states)" inactive 'the package starts nothing that nobody has configured'

(
	umask 077
	printf '%s\n' "KAFKA_BOOTSTRAP_SERVERS=$KAFKA_BOOTSTRAP_SERVERS" \
		KAFKA_SASL_PASSWORD=s3cret-kafka "SCHEMA_REGISTRY_URL=$SCHEMA_REGISTRY_URL" \
		KAFKA_SESSION_TIMEOUT_MS=6000 CCM_SPOOL_FREE_MIN=1K >"$root/etc/ccm/ingest.env"
	mkdir "$root/etc/credstore"
	echo user:s3cret-registry \
		>"$root/etc/credstore/ccm.ingest.SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO"
)
listen ccm-ingestd.socket
is "$(on systemctl list-units --all --no-legend 'ccm-scrape@*')" '' \
	'its settings are no instance of the agent'

# ---- there and back

run on systemctl start ccm-ingest.target
is "$status" 0 'the target starts'
until_true 30 all_active
ok $? '... the socket, the daemon, the shipper and the consumer'
is "$(post cpu_usage 75.5)" 202 'a metric is accepted'
until_true 60 shows 'client_metric_cpu_usage{app_id="shop"} 75.5'
ok $? '... and comes back from Kafka, with its app'
until_true 30 shows 'kafka_producer_status 1'
ok $? 'the daemon sees that the shipper runs'
until_true 30 shows 'kafka_consumer_status 1'
ok $? '... and the consumer'

is "$(bad_lines)" 0 '... which writes nothing but metrics to it'
like "$(journal -b -u ccm-ingest-consume)" 'ccm-consume: ' '... and its messages to the journal'

# ---- secrets

is "$(secrets ccm-ingestd.service)" 'runs: ' 'the daemon has no secret'
is "$(secrets ccm-ingest-ship.service)" 'runs: s3cret-kafka s3cret-registry' 'the shipper has them'
is "$(secrets ccm-ingest-consume.service)" 'runs: s3cret-kafka s3cret-registry' '... and the consumer'
is "$(on stat -c '%U %G %a' /var/lib/ccm-ingest/spool)" 'ccm-ingestd ccm-ingest 2770' \
	'the spool is for the daemon and the shipper'

# ---- restarts

# after_restart NAME VALUE HOW
after_restart() {
	until_true 60 restarted
	ok $? "$3: systemd starts the daemon, and its consumer"
	until_true 60 shows "client_metric_$1{app_id=\"shop\"} $2"
	ok $? '... which shows the metric that was POSTed meanwhile'
	main=$(property ccm-ingestd MainPID)
}

main=$(property ccm-ingestd MainPID)
consumer=$(property ccm-ingest-consume MainPID)
on systemctl --no-block restart ccm-ingestd
is "$(post one 1)" 202 'a POST during a restart is accepted'
after_restart one 1 'systemctl restart'
[ "$(property ccm-ingest-consume MainPID)" != "$consumer" ]
ok $? "... another one"
on systemctl kill -s KILL ccm-ingestd
is "$(post two 2)" 202 'a POST while the daemon is dead waits for the next one'
after_restart two 2 SIGKILL
drop_in ccm-ingestd.service '[Service]' WatchdogSec=2 TimeoutAbortSec=1
on systemctl daemon-reload
on systemctl restart ccm-ingestd
until_true 60 restarted
main=$(property ccm-ingestd MainPID)
on systemctl kill -s STOP ccm-ingestd
is "$(post three 3)" 202 '... and so does one while it hangs'
after_restart three 3 'the watchdog'

# ---- its end, and the socket alone

on systemctl stop ccm-ingest.target
until_true 90 all_inactive
ok $? 'the target stops all'
is "$(find "$root/var/lib/ccm-ingest/spool" -name '*.open')" '' '... and the spool is handed over'
on systemctl start ccm-ingestd.socket
is "$(post disk_usage 0.5)" 202 'the socket alone starts the daemon'
until_true 60 shows 'client_metric_disk_usage{app_id="shop"} 0.5'
ok $? '... which wants the shipper and the consumer'
on systemctl stop ccm-ingest.target
is "$(journal -b | grep -c s3cret-)" 0 'no secret is in the journal'

# ---- ccm-serve@

listen ccm-serve@prod.socket
mkdir -p "$root/var/lib/ccm-export/prod"
printf '%s\n' '# TYPE up gauge' 'up 1' >"$root/var/lib/ccm-export/prod/metrics"
run on systemctl start ccm-serve@prod.socket
is "$status $(property ccm-serve@prod.service ActiveState)" '0 inactive' 'ccm-serve@: its socket listens'
is "$(curl -s "$url/metrics" | tail -n 1)" 'up 1' '... and starts it'
is "$(property ccm-serve@prod.service ActiveState)" active '... to stay'

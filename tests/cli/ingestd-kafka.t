#!/usr/bin/env bash
# The EXAMPLES of ccm-ingestd(1): to Kafka and back, through the simulated
# broker.
# shellcheck source=tests/simulators.sh
. "$(dirname "$0")/../simulators.sh"
# shellcheck source=tests/ingestd.sh
. "$ROOT/tests/ingestd.sh"

# The commands of the page, with a free port.
awk '/^\.Sh/ { inside = $2 == "EXAMPLES" }
	inside && /^\$ / { line = substr($0, 3); if (sub(/\\e$/, "", line)) { getline more; line = line more } print line }' \
	"$ROOT/tools/ccm-ingestd.1" >commands
is "$(cut -d' ' -f1 commands | paste -sd' ')" 'ccm-ingestd ccm-ship ccm-consume curl curl ccm-ingestd' 'the page has its examples'

start_kafka
read -ra daemon < <(sed -n 1p commands)
start_ingestd "${daemon[@]:1}"
read -ra ship < <(sed -n 2p commands)
start "${ship[@]}" 2>ship.err
read -ra consume < <(sed -n 3p commands)
is "${consume[*]: -1}" '>fifo' 'the consumer writes to the FIFO'
start "${consume[@]:0:${#consume[@]}-1}" >fifo 2>consume.err
run bash -c "$(sed -n "4s/127.0.0.1:5000/$at/p" commands)"
is "$status $(<out)" '0 {"status":"accepted","accepted":1}' 'a metric is accepted'
seen() { bash -o pipefail -c "$(sed -n "5s/127.0.0.1:5000/$at/p" commands)" >out; }
until_true 60 seen
is "$(<out)" 'client_metric_cpu_usage 75.5' '... goes to Kafka, comes back, and is shown'
get /api/v2/app/shop/metrics
is "$(jq -c '.metrics' out)" '[{"name":"cpu_usage","value":75.5,"timestamp":1756900800000,"tags":{},"profileId":"p"}]' '... also to its app'
is_sent() { [ -z "$(find spool -name '*.ndjson')" ]; }
until_true 10 is_sent
ok $? '... and has left the spool'
run bash -c "$(sed -n 6p commands)"
is "$status $(cut -d' ' -f2- tokens)" '0 shop write rate=1000' 'a token is made'
stop_ingestd

#!/usr/bin/env bash
# kill -9 of ccm-ingestd at random moments under load: each metric that got its
# 202 is in the spool, and none that got an error is.
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/ingestd.sh
. "$ROOT/tests/ingestd.sh"

KILLS=${KILLS:-20}
start_ingestd
port=${at##*:}
touch load.accepted load.refused
"$ROOT/tests/load-client.pl" 64 "$at" load &
load=$!
started+=("$load")
until_true 30 test -s load.accepted

# more_than N: accepted by now
more_than() { [ "$(wc -l <load.accepted)" -gt "$1" ]; }
recovered=0
for ((i = 0; i < KILLS; i++)); do
	before=$(wc -l <load.accepted)
	until_true 30 more_than "$before" || break
	sleep "0.$(printf '%03d' $((RANDOM % 300)))"
	kill -KILL "$ingestd"
	wait "$ingestd" 2>/dev/null
	start ccm-ingestd -l "127.0.0.1:$port" -s spool 2>ingestd.err
	ingestd=$pid
	until_true 20 grep -q listening ingestd.err
	recovered=$((recovered + $(grep -c recovered ingestd.err)))
done
is "$i" "$KILLS" "killed $KILLS times, it is back each time"
before=$(wc -l <load.accepted)
until_true 30 more_than "$before"
kill "$load" && wait "$load"
stop_ingestd
is "$status" 0 '... and ends when it has to'
is "$((recovered > 0))" 1 "files were left open: $recovered"
spooled | jq -r .name | sort >names
sort load.accepted >accepted
is "$(($(wc -l <accepted) > KILLS))" 1 "metrics were accepted: $(wc -l <accepted)"
comm -23 accepted names >missing
is "$(wc -l <missing)" 0 'each that was accepted is in the spool'
is "$(sort load.refused | comm -12 - names | wc -l)" 0 'none that was refused is'
is "$(uniq -d names | wc -l)" 0 'none is there twice'

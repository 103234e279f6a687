#!/bin/bash
# ccm-scrape while Kafka is away, slow to come, or refuses a record; and while
# another ccm-scrape runs.
# shellcheck source=tests/simulators.sh
. "$(dirname "$0")/../simulators.sh"

start_kafka -b 2
start_cloud -c 3

# Looked at further below: it waits for a lock that another one holds.
mkdir locked
: >locked/lock
start flock -F locked/lock sleep 100
begin=$SECONDS
STATE_DIRECTORY=$WORK/locked ccm-scrape 2>locked.err &
waiting=$!

# ---- three runs without Kafka, then one with it

expect 00 01 02 03
kafka down all
for hour in 01 02 03; do
	at "$hour"
	run ccm-scrape
	is "$status" 75 "Kafka is away at $hour:05: status 75"
	is "$(last_run .hours)" "[\"2025-09-02T0$((10#$hour - 1))Z\"]" "... the hour is done"
	is "$(spool | wc -l)" "$((10#$hour))" "... and its records wait in the spool"
done
like "$(<err)" '3 files not sent yet, kept in ' "... which is said"
kafka up all
at 04
run ccm-scrape
is "$status" 0 "Kafka is back: status 0"
is "$(spool)" '' "... the spool is empty"
as_wanted "... and every value of the four hours is on the topic, once"

# ---- the other run

wait "$waiting"
is "$?" 75 "while another one runs: status 75"
like "$(<locked.err)" 'another ccm-hours holds ' "... and why"
((SECONDS - begin >= 9))
ok $? "... after ten seconds"
is "$(ls locked)" lock "... nothing is done"

# ---- transactions, and what a broker refuses for good

forget_topic
expect 04 05
at 06
ccm-scrape -S 2>err
export CCM_KAFKA_TRANSACTIONAL_ID=ccm
run ccm-scrape
is "$status" 0 "CCM_KAFKA_TRANSACTIONAL_ID: status 0"
is "$(grep -c '^ccm-produce: ' err)" 2 "... each file is sent by itself"
as_wanted "... and all is on the topic, once"
unset CCM_KAFKA_TRANSACTIONAL_ID

at 07
kafka push-errors Produce MSG_SIZE_TOO_LARGE 100
run ccm-scrape
is "$status" 65 "the broker refuses a record for good: status 65"
is "$(spool)" 'bad/2025-09-02T06Z.001.ndjson.rejected' "... it is set aside"
kafka clear-errors Produce
at 08
run ccm-scrape
is "$status" 0 "... and holds nothing up"

#!/bin/bash
# ccm-scrape stopped at any moment: every value reaches the topic at least once.
# KILLS is the number of moments (20), RANDOM_SEED repeats a run.
# shellcheck source=tests/scrape.sh
. "$(dirname "$0")/../scrape.sh"

RANDOM=${RANDOM_SEED:=$((EPOCHSECONDS % 32768))}
echo "# RANDOM_SEED=$RANDOM_SEED"
start_kafka -b 1
start_cloud -P 250 -T 250

STATE_DIRECTORY=$WORK/reference ccm-scrape -S 2>err
sort reference/spool/* >wanted
[ "$(wc -l <wanted)" -gt 2000 ]
ok $? "the scrape is of $(wc -l <wanted) values"

kill_scrapes TERM group "${KILLS:-20}"
kill_scrapes TERM one "${KILLS:-20}"

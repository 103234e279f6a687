#!/bin/bash
# ccm-scrape where the API does not answer, or refuses: what came is published
# at once, what did not is asked again, and nothing else is.
# shellcheck source=tests/simulators.sh
. "$(dirname "$0")/../simulators.sh"

start_kafka -b 1
start_cloud -c 3
at 04
ccm-scrape 2>err
is "$(hours)" 2025-09-02T03Z "there is a state"

# ---- one query without an answer

forget_topic
expect 04
fault '{"match":"retained_bytes","times":-1,"fault":{"status":503}}'
run ccm-scrape
is "$status" 75 "a query without an answer: status 75"
grep -v retained_bytes wanted >others
grep retained_bytes wanted >missing
mv others wanted
as_wanted "... the other values are published at once"
is "$(last_run .owed_bodies)" 1 "... and one body is owed"
no_faults
forget_requests
run ccm-scrape -n
is "$(sed -n '/^# owed/,$p' out | sed '/^{/s/.*retained_bytes.*/BODY/')" \
	'# owed of hour 2025-09-02T04Z
BODY' "-n shows what is owed"
run ccm-scrape
is "$status" 0 "the next run: status 0"
is "$(asked)" '2025-09-02T04Z retained_bytes' "... asks for what was missing only"
sort -o wanted wanted missing
as_wanted "... and every value is there, once"
is "$(hours | grep T04)" '2025-09-02T04Z
2025-09-02T04Z.2' "... as another directory of the hour"
is "$(last_run '[.hours,.owed_bodies]')" '[["2025-09-02T04Z.2"],0]' "... of which the status tells"

# What is owed comes behind the hours that are undone.
forget_topic
expect 05 06
at 06
fault '{"match":"request_bytes","times":5,"fault":{"status":503}}'
run ccm-scrape
is "$status" 75 "an hour owes a query: status 75"
at 07
forget_requests
run ccm-scrape
is "$status" 0 "an hour later: status 0"
is "$(asked | cut -d ' ' -f 1 | uniq | paste -sd ' ')" '2025-09-02T06Z 2025-09-02T05Z' \
	"... the undone hour is asked before what is owed"
as_wanted "... and all of both is there, once"

# ---- resources that are refused

forget_topic
expect 07
refuse_ids lkc-0002
run ccm-scrape
is "$status" 77 "a cluster is refused: status 77"
grep -v lkc-0002 wanted >others
mv others wanted
as_wanted "... the values of the others are there"
like "$(<err)" 'lkc-0002' "... it is named"
is "$(last_run '[.refused_resources,.owed_bodies]')" '[["lkc-0002"],0]' "... also in the status"
at 10
forget_requests
run ccm-scrape
is "$status" 77 "in the next run, of two hours: status 77 again"
is "$(grep -c 'ERROR.*lkc-0002' err)" 1 "... told once"
is "$(asked | grep -c 09Z)" 3 "... and asked for once: it is left out of the second hour"
refuse_ids lkc-0001 lkc-0002 lkc-0003
at 12
forget_requests
run ccm-scrape
is "$status" 77 "all clusters are refused: status 77"
is "$(hours | grep -cE 'T1[01]')" 0 "... the hour is not done"
is "$(asked | grep -c 11Z)" 0 "... and the next one is not asked for"
refuse_ids
CONFLUENT_METRICS_API_SECRET=wrong run ccm-scrape
is "$status" 77 "a wrong secret: status 77"
is "$(hours | grep -cE 'T1[01]')" 0 "... the hour is not done"
like "$(<err)" 'KEY' "... the key is named"
grep -q wrong err
is $? 1 "... the secret is not"
forget_topic
expect 10 11
run ccm-scrape
is "$status" 0 "allowed again: status 0"
as_wanted "... and both hours are backfilled"

# What is owed is not given up because a key stopped working.
at 13
fault '{"match":"retained_bytes","times":5,"fault":{"status":503}}'
ccm-scrape 2>err
CONFLUENT_METRICS_API_SECRET=wrong run ccm-scrape
is "$status" 77 "a wrong secret while something is owed: status 77"
is "$(last_run .owed_bodies)" 1 "... it stays owed"
run ccm-scrape
is "$status" 0 "... and comes when the secret is right"

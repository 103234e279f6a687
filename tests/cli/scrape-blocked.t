#!/usr/bin/env bash
# ccm-scrape where hours get no answer, again and again: no other hour waits for
# them.
# shellcheck source=tests/simulators.sh
. "$(dirname "$0")/../simulators.sh"

start_kafka -b 1
start_cloud -c 3
ccm-scrape 2>err
is "$(hours)" 2025-09-02T00Z "there is a state"

# done_hours: of the hours from 01 to 09, those that are done
done_hours() { hours | sed -n 's/^2025-09-02T\(0[1-9]\)Z$/\1/p' | paste -sd ' '; }

# ---- the oldest hour is always refused

forget_topic
expect 02 03
fault '{"match":"2025-09-02T01:00:00Z","times":-1,"fault":{"status":400}}'
at 03
run ccm-scrape
is "$status" 69 "the oldest hour gets 400: status 69"
is "$(done_hours)" 02 "... the next one is done"
like "$(<err)" 'ERROR: hour 2025-09-02T01Z' "... an error names the hour"
at 04
run ccm-scrape
is "$status" 69 "... in the next run, too"
is "$(done_hours)" '02 03' "... and the newest is done"
as_wanted "... every value of the others is on the topic, once"
no_faults
forget_topic
expect 01
at 04
run ccm-scrape
is "$status" 0 "... when it is answered: status 0"
as_wanted "... all of its values come"

# ---- the two oldest always get 500

forget_topic
expect 06 07
fault '{"match":"2025-09-02T04:00:00Z","times":-1,"fault":{"status":500}}' \
	'{"match":"2025-09-02T05:00:00Z","times":-1,"fault":{"status":500}}'
at 07
run ccm-scrape
is "$status" 75 "the two oldest hours get 500: status 75"
is "$(done_hours)" '01 02 03 06' "... the next one is done"
at 08
run ccm-scrape
is "$(done_hours)" '01 02 03 06 07' "... and the next one, in the next run"
as_wanted "... every value of theirs is on the topic, once"
no_faults
forget_topic
expect 04 05
at 08
run ccm-scrape
is "$status" 0 "... when they are answered: status 0"
as_wanted "... all of their values come"

# ---- an hour whose every answer is 404

forget_topic
at 09
fault '{"path":"query","times":-1,"fault":"html404"}'
run ccm-scrape
is "$status" 75 "every answer is a page with 404: status 75"
is "$(done_hours)" '01 02 03 04 05 06 07' "... the hour is not done"
no_faults
fault '{"times":-1,"fault":{"status":404}}'
run ccm-scrape
is "$status" 75 "every answer is the API's 404, the descriptors' too: status 75"
is "$(done_hours)" '01 02 03 04 05 06 07' "... the hour is not done"
no_faults
expect 08
run ccm-scrape
is "$status" 0 "... with the right path again: status 0"
as_wanted "... every value of it is on the topic, once"

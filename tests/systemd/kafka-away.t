#!/usr/bin/env bash
# Kafka goes away under a running service, and comes back: what systemctl and
# ccm-status show, and that no operator is needed.
# shellcheck source=tests/systemd/machine.sh
. "$(dirname "$0")/machine.sh"

ship=ccm-ship@prod.service
scrape=ccm-scrape@prod.service

# status [OPTION]...: of ccm-status, by the instance's clock
status() { on env "CCM_NOW=$CCM_NOW" ccm-status "$@" prod; }

# A minute that is half an hour away: the timer is there, and does not fire.
minute=$(((EPOCHSECONDS / 60 + 30) % 60))
((minute >= 5)) || minute=5

start_kafka -b 2
start_cloud
expect 00
mv wanted hour.00
expect 01 02 03
mv wanted hours.away

boot
install_package
configure prod "MINUTE_TO_SCRAPE_AT=$minute"
set_clock prod 01:59
on systemctl daemon-reload
on systemctl start ccm-scrape@prod.timer "$ship"
is "$?" 0 "ccm-ship starts, with nothing in the spool yet"
on systemctl start "$scrape"
until_true 30 sent prod
mv hour.00 wanted
as_wanted "an hour arrives"
idle() { [[ $(property "$ship" StatusText) = idle ]]; }
until_true 10 idle
is "$(property "$ship" StatusText)" idle "... ccm-ship reports to systemd that it is idle"
run status -c
is "$status" 0 "... ccm-status -c: $(<out)"
invocation=$(property "$ship" InvocationID)

# ---- away

forget_topic
kafka down all
for hour in 02 03 04; do
	set_clock prod "$hour:59"
	run on systemctl start "$scrape"
	is "$status" 0 "Kafka is away: ccm-scrape goes on in hour $hour"
done
reason='no broker answered: [^"]*'
reports() { [[ $(property "$ship" StatusText) =~ 3\ files.*"; ".*$reason ]]; }
until_true 60 reports
like "$(on systemctl status --no-pager --full "$ship")" \
	"Active: active \\(running\\).*Status: \"(waiting|sending): 3 files \\([0-9]+ bytes\\).*; .*$reason\"" \
	"systemctl status shows ccm-ship at work, what waits, and why"
is "$(on systemctl list-units --failed --no-legend 'ccm-*')" '' "... and no unit has failed"
run status
like "$(tr -s ' \n' ' ' <out)" "prod 09-02 00Z .* 3 .*$reason" "ccm-status shows the last hour published, the backlog and the reason"
like "$(status -j | jq -c '[.last_hour_published, .spool.files, .spool.error]')" \
	"^\\[\"2025-09-02T00Z\",3,\".*$reason" "... -j too"
like "$(status -p)" 'ccm_spool_files\{ccm_instance="prod"\} 3' "... -p too"
run status -c
is "$status" 1 "... and -c: $(<out)"
# It has tried several times by then.
journal -u "$ship" -p warning..warning >warnings
is "$(wc -l <warnings)" 1 "one WARN line: $(<warnings)"

# ---- and back

kafka up all
until_true 90 sent prod
ok $? "Kafka is back: ccm-ship empties the spool by itself"
mv hours.away wanted
as_wanted "... every value of the three hours is on the topic, once"
until_true 10 idle
is "$(property "$ship" StatusText)" idle "... its status forgets the reason"
is "$(property "$ship" InvocationID)" "$invocation" "... and it was never restarted"
run status -c
is "$status" 0 "... ccm-status -c: $(<out)"
journal -u "$ship" -p warning..warning >warnings
is "$(wc -l <warnings)" 1 "... there is still one WARN line"
like "$(journal -u "$ship" -p info)" 'works again' "... and one that says that it works again"

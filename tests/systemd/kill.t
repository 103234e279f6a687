#!/usr/bin/env bash
# The services' processes are killed, one of each kind, and the services are
# stopped at work: nothing is lost, and systemd and ccm recover by themselves.
# shellcheck source=tests/systemd/machine.sh
. "$(dirname "$0")/machine.sh"

# A read from it that has a limit is a sleep without a process.
exec {silence}<> <(:)

# meets UNIT COMMAND DEED...: waits for a process of the unit whose command line
# matches, and does the deed to its pid. Some are there for milliseconds: so the
# unit is made to stand still while we look, and runs for two milliseconds between.
# Real-time priority keeps it at two on a busy machine; children do not inherit
# it. Status 1 where the hour is over without such a process.
meets() {
	local unit=$1 pid words still end=$((SECONDS + 30)) met=1
	chrt --reset-on-fork --fifo --pid 1 $$ 2>/dev/null
	while ((met != 0 && SECONDS < end)); do
		for still in "$cgroup"/system.slice/*/"$unit"/cgroup.freeze; do :; done
		{ echo 1 >"$still"; } 2>/dev/null || {
			! is_over || break
			read -r -t 0.002 -u "$silence"
			continue
		}
		for pid in $(processes "$unit"); do
			{ mapfile -d '' words <"/proc/$pid/cmdline"; } 2>/dev/null || continue
			[[ ${words[*]} =~ $2 ]] || continue
			"${@:3}" "$pid"
			met=$?
			break
		done
		((met == 0)) || ! is_over || end=0
		{ echo 0 >"$still"; } 2>/dev/null
		((met == 0)) || read -r -t 0.002 -u "$silence"
	done
	chrt --other --pid 0 $$ 2>/dev/null
	return "$met"
}

# Answers take a while, so that there is somebody to meet.
slowly() {
	fault '{"times":-1,"fault":{"slow":700}}'
	kafka rtt all 300
}

quickly() {
	no_faults
	kafka rtt all 0
}

# next_hour: $hour becomes the next, and the last that is complete
hours=0
next_hour() {
	printf -v hour %02d "$hours"
	((++hours))
	expect "$hour"
	mv wanted "hour.$hour"
	set_clock prod "$(printf %02d:05 "$hours")"
}

# kill_all UNIT PID
kill_all() { on systemctl kill --signal=KILL "$1"; }

# is_over: the hour is done, its records have entered the spool and left it
is_over() {
	local directory=$root/var/lib/ccm/prod/hours/2025-09-02T${hour}Z
	[ -d "$directory" ] && [ ! -e "$directory/records.ndjson" ] &&
		! compgen -G "$root/var/lib/ccm/prod/spool/*.ndjson" >/dev/null
}

is_done() { [ -d "$(state prod)/hours/2025-09-02T${hour}Z" ] && sent prod; }

# A name for the test, a unit and the command of a process of it
victims=(
	"ccm-hours|ccm-scrape|^[^ ]*ccm-hours .*/ccm-scrape-hour"
	"the hour's script|ccm-scrape|^bash [^ ]*/ccm-scrape-hour"
	"ccm-fetch|ccm-scrape|^ccm-fetch query"
	"ccm-normalize|ccm-scrape|^ccm-normalize "
	"ccm-ship|ccm-ship|^ccm-ship .*/spool "
	"ccm-produce|ccm-ship|^([^ ]*/)?ccm-produce "
	"kcat that asks|ccm-ship|^kcat .* -L "
	"kcat that sends|ccm-ship|^kcat .* -P "
	"ccm-key|ccm-ship|^([^ ]*/)?ccm-key "
	"all of ccm-scrape|ccm-scrape|^ccm-fetch query"
	"all of ccm-ship|ccm-ship|^kcat .* -P "
)

start_kafka
# So many values that they do not fit into a pipe
start_cloud -c 3 -P 100 -T 100
boot
install_package
configure prod
# The units are as in the package, but for the five minutes until they try again.
for unit in ccm-scrape@ ccm-ship@; do
	drop_in "$unit.service" '[Unit]' StartLimitIntervalSec=0 '[Service]' RestartSec=1
done
on systemctl daemon-reload
on systemctl start ccm-ship@prod.service

# hour_with UNIT COMMAND DEED...: an hour, at a process of which the deed is done.
# Sets $met; appends the hour to $late where it is not done and sent after all,
# and values that are lost to the file diff.
hour_with() {
	next_hour
	slowly
	on systemctl start --no-block ccm-scrape@prod.service
	meets "$@"
	met=$?
	quickly
	until_true 60 is_done || late+=" $hour"
	on_topic | uniq >got
	comm -23 "hour.$hour" got >>"diff"
}

for victim in "${victims[@]}"; do
	IFS='|' read -r name unit command <<<"$victim"
	deed=(kill -KILL)
	[[ $name != all* ]] || deed=(kill_all "$unit@prod.service")
	late=
	: >"diff"
	# One that is there for two milliseconds may come and go unseen, the more
	# so on a busy machine: there are more hours.
	for _ in 1 2 3 4 5 6; do
		hour_with "$unit@prod.service" "$command" "${deed[@]}"
		((met != 0 && hours < 21)) || break
	done
	ok "$met" "SIGKILL to $name, in hour $hour"
	is "$late" '' "... the hour is done and sent all the same"
	ok "$(wc -l <"diff")" "... no value is lost"
done
: >"diff"

# ---- systemctl stop

next_hour
forget_topic
slowly
on systemctl start --no-block ccm-scrape@prod.service
meets ccm-scrape@prod.service '^ccm-fetch query' true
ok $? "ccm-scrape is at work"
began=$SECONDS
on systemctl stop ccm-scrape@prod.service
is "$(processes ccm-scrape@prod.service)" '' "systemctl stop ends all of it"
((SECONDS - began < 20))
ok $? "... at once ($((SECONDS - began)) s)"
! is_done
ok $? "... the hour is not done"
quickly
run on systemctl start ccm-scrape@prod.service
is "$status" 0 "the next run completes it"
until_true 60 is_done
mv "hour.$hour" wanted
as_wanted "... every value is on the topic, once"
is "$(ls "$(state prod)/work")" '' "... and nothing else is left of what was stopped"

next_hour
forget_topic
kafka rtt all 300
on systemctl start --no-block ccm-scrape@prod.service
meets ccm-ship@prod.service '^kcat .* -P ' true
ok $? "ccm-ship is at work"
on systemctl stop ccm-ship@prod.service
is "$(property ccm-ship@prod.service Result)" success "systemctl stop lets it end what it has begun"
quickly
on systemctl start ccm-ship@prod.service
until_true 60 is_done
mv "hour.$hour" wanted
as_wanted "... every value is on the topic, once"

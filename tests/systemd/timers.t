#!/usr/bin/env bash
# Installed from the package, under a real systemd: the generator's timers, an
# hour that comes by itself, and what is backfilled after a reboot.
# shellcheck source=tests/systemd/machine.sh
. "$(dirname "$0")/machine.sh"

# timer NAME PROPERTY
timer() { property "ccm-scrape@$1.timer" "$2"; }

# delay NAME MINUTE: seconds from that minute of the UTC hour to when the timer
# will fire.
delay() {
	local next
	next=$(date -d "$(timer "$1" NextElapseUSecRealtime)" +%s)
	echo $(((next - $2 * 60 + 3600) % 3600))
}

hours_of() { ls "$(state "$1")/hours"; }

start_kafka
start_cloud
expect 00
mv wanted hour.00
expect 01 02 03
mv wanted hours.missed

# ---- installed, no instance yet

boot
install_package
is "$(on systemctl list-timers --all --no-legend 'ccm-*')" '' \
	"the package alone starts nothing"
is "$(on stat -c '%U:%G %a' /run/ccm-rate /etc/ccm)" "$(printf 'root:ccm 2770\nroot:root 755')" \
	"... and makes its users and directories"

# ---- an environment file is what systemd takes it for

cat >"$root/etc/odd.env" <<'ODD'
 # A=comment \
A=still
; B=comment
A1 = plain \t
A2='single \' "mixed \" \\ \` \$ \n"  more' open
A3="two \
lines"
A4=two \
  lines\ \ \x
A5="over
lines"tail  
A6
A7=
A8=a=b # no comment
9A=no
A-9=no
export A9=no
A10='$HOME `x` \'
A11=it's "here"
A12=blank "in" 'it'	
A1=again
A13="never closed
A14=not
ODD
printf 'A15=carriage\r\nA16=\xc3\xa9\n' | cat - "$root/etc/odd.env" >odd
mv odd "$root/etc/odd.env"
on systemd-run -q --pipe --wait -p EnvironmentFile=/etc/odd.env /usr/bin/env -0 </dev/null |
	grep -z '^[A-Z][0-9]*=' | sort -z >by-systemd
declare -A last=()
while IFS= read -r -d '' variable; do
	last[${variable%%=*}]=$variable
done < <(env -i PATH="$PATH" "$B/lib/ccm/ccm-instance" -e "$root/etc" odd env -0 | grep -z '^[A-Z][0-9]*=')
printf '%s\0' "${last[@]}" | sort -z | cmp - by-systemd >"diff"
ok $? "ccm-instance reads a file as systemd does ($(tr -cd '\0' <by-systemd | wc -c) variables)"
: >"diff"
ok $(($(tr -cd '\0' <by-systemd | wc -c) < 12)) "... and there is much in it"

# ---- the generator

configure early MINUTE_TO_SCRAPE_AT=5
configure quoted 'MINUTE_TO_SCRAPE_AT="17"'
configure late MINUTE_TO_SCRAPE_AT=42 MINUTE_TO_SCRAPE_AT=59
configure default
configure bad MINUTE_TO_SCRAPE_AT=60
configure worse MINUTE_TO_SCRAPE_AT=
line=$(grep -n ^MINUTE "$root/etc/ccm/bad.env")
line=${line%%:*}
on systemctl daemon-reload
on systemctl start ccm-scrape@{early,quoted,late,default}.timer
for instance in early:5 quoted:17 late:59 default:5; do
	minute=${instance#*:} instance=${instance%:*}
	like "$(timer "$instance" TimersCalendar)" \
		"OnCalendar=\\*-\\*-\\* \\*:$(printf %02d "$minute"):00 UTC " \
		"$instance: the timer is for minute $minute of the UTC hour"
	delay=$(delay "$instance" "$minute")
	((delay <= 120))
	ok $? "... in a zone of +05:30 too, and at most two minutes behind ($delay s)"
	is "$(timer "$instance" Persistent)" yes "... and backfills what it has missed"
done
for instance in bad worse; do
	is "$(timer "$instance" LoadState)" not-found "$instance: no timer for a bad minute"
	like "$(journal -u "ccm-scrape@$instance.timer" -p err)" \
		"/etc/ccm/$instance\\.env:$line: no timer: MINUTE_TO_SCRAPE_AT is \"(60)?\"; it takes a number from 5 to 59" \
		"... and the journal says where and why"
done
on systemctl stop ccm-scrape@{early,quoted,late,default}.timer \
	ccm-ship@{early,quoted,late,default}.service
rm "$root"/etc/ccm/*.env
on systemctl daemon-reload
is "$(timer late LoadState)" not-found "an environment file that goes takes its timer along"

# ---- a timer fires

# The next minute that leaves us time to get there. One of the first five of the
# hour can be no instance's, and is given to the timer by hand.
soon=$(((EPOCHSECONDS + 80) / 60 % 60))
minute=$soon
calendar=()
if ((soon < 5)); then
	calendar=(OnCalendar= "$(printf 'OnCalendar=*:%02d:00 UTC' "$soon")")
	minute=5
fi
configure prod "MINUTE_TO_SCRAPE_AT=$minute"
set_clock prod 01:59
drop_in ccm-scrape@prod.timer '[Timer]' RandomizedDelaySec=0 "${calendar[@]}"
on systemctl daemon-reload
forget_topic
on systemctl start ccm-scrape@prod.timer
ships() { [ "$(property ccm-ship@prod.service ActiveState)" = active ]; }
until_true 20 ships
ok $? "a timer that starts has ccm-ship started"
asks() { [[ $(hours_of prod) = *T00Z* ]]; }
until_true 120 asks
ok $? "the timer starts ccm-scrape"
is "$(date -d "$(timer prod LastTriggerUSec)" +%M)" "$(printf %02d "$soon")" \
	"... at its minute"
until_true 60 sent prod
ok $? "... ccm-ship sends what it leaves"
mv hour.00 wanted
as_wanted "... every value of the hour is on the topic, once"
is "$(property ccm-scrape@prod.service Result)" success "... ccm-scrape has succeeded"
like "$(on env "CCM_NOW=$CCM_NOW" ccm-status prod)" 'prod +(20..-)?09-02[ T]00Z' \
	"... and ccm-status shows the hour as published"
like "$(journal -u 'ccm-*' -p info)" \
	"hour 2025-09-02T00Z: $(wc -l <wanted) records, 3 requests, .*$(wc -l <wanted) records to confluent-metrics in .*, of 2025-09-02T00Z" \
	"... as does the journal"

# ---- the machine goes down, and comes back

crash
# Three hours pass, on all the clocks that there are.
stamp=$root/var/lib/systemd/timers/stamp-ccm-scrape@prod.timer
touch -d "@$(($(stat -c %Y "$stamp") - 3 * 3600))" "$stamp"
set_clock prod 04:59
forget_topic
boot
caught_up() { [[ $(hours_of prod) = *T03Z* ]] && sent prod; }
until_true 60 caught_up
ok $? "after a reboot the timer starts at once what it has missed"
mv hours.missed wanted
as_wanted "... every value of the three hours is on the topic, once"
is "$(jq -c .hours "$(state prod)/status/last-run.json")" \
	'["2025-09-02T01Z","2025-09-02T02Z","2025-09-02T03Z"]' "... in one run"

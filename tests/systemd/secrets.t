#!/usr/bin/env bash
# Neither service has the other's secrets, wherever these are kept, and both are
# as confined as their units say. This is looked at from within, while both are at
# work.
# shellcheck source=tests/systemd/machine.sh
. "$(dirname "$0")/machine.sh"

# ---- who looks --------------------------------------------------------------

# Each secret that it can read, and where, a line each: in all directories that
# may hold any, those of credentials by their names, and in the environments of
# all processes that it sees. The pattern does not match itself.
cat >look.sh <<'LOOK'
grep -rosaE --devices=skip 's3cret-(api|kafka)' \
	/etc /run /var /tmp /dev/shm /root /home /proc/[0-9]*/environ \
	"/run/credentials/ccm-scrape@$1.service" "/run/credentials/ccm-ship@$1.service"
LOOK

# look SERVICE NAME: as its user and in the namespaces of its main process, into
# the file seen. (In that user namespace groups cannot be changed.)
look() {
	setpriv --clear-groups nsenter --target "$(main_process "$1@$2.service")" \
		--mount --pid --ipc --user --preserve-credentials -- \
		env -i PATH=/usr/bin:/bin setpriv --reuid="$1" --regid=ccm --keep-groups \
		--inh-caps=-all --bounding-set=-all --no-new-privs \
		sh -s "$2" <look.sh >seen 2>look.err
	sed 's/^/# /' look.err
	# Processes come and go: the number says nothing.
	sed 's|/proc/[0-9]*/|/proc/N/|' seen | sort -u | sed 's/^/#   /'
}

# which_seen: which secrets those are
which_seen() { sed 's/.*:s3cret-//' seen | sort -u | paste -sd ' '; }

# main_process UNIT: its pid, as we see it
main_process() {
	local pid main
	main=$(property "$1" MainPID)
	for pid in $(processes "$1"); do
		[ "$(pid_there "$pid")" != "$main" ] || echo "$pid"
	done
}

# pid_there PID: its pid on the machine
pid_there() { awk '/^NSpid:/ { print $NF }' "/proc/$1/status" 2>/dev/null; }

# holding UNIT SECRET: how many of its processes have it in their environment, and
# how many in their command line
holding() {
	local pid environments=0 commands=0
	for pid in $(processes "$1"); do
		! grep -qsaF "$2" "/proc/$pid/environ" || ((++environments))
		! grep -qsaF "$2" "/proc/$pid/cmdline" || ((++commands))
	done
	echo "$environments, $commands"
}

# confinement UNIT: what the kernel says of all its processes
confined='CapInh:0000000000000000 CapPrm:0000000000000000 CapEff:0000000000000000'
confined+=' CapBnd:0000000000000000 CapAmb:0000000000000000 NoNewPrivs:1 Seccomp:2'
confinement() {
	local pid
	for pid in $(processes "$1"); do
		awk -v user="$(on id -nu "$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")")" '
			/^(Cap|NoNewPrivs|Seccomp:)/ { printf "%s%s ", $1, $2 }
			END { print user }' "/proc/$pid/status"
	done | sort -u
}

# ---- where they are kept ----------------------------------------------------

start_kafka
start_cloud
at 01
boot
install_package

configure env CONFLUENT_METRICS_API_SECRET=s3cret-api KAFKA_SASL_PASSWORD=s3cret-kafka
configure cred CONFLUENT_METRICS_API_SECRET=
configure sealed CONFLUENT_METRICS_API_SECRET=
mkdir -m 0700 "$root/etc/credstore" "$root/etc/credstore.encrypted"
for secret in CONFLUENT_METRICS_API_SECRET:api KAFKA_SASL_PASSWORD:kafka; do
	name=${secret%:*}
	(umask 077 && echo "s3cret-${secret#*:}" >"$root/etc/credstore/ccm.cred.$name")
	echo "s3cret-${secret#*:}" | on systemd-creds encrypt --with-key=host \
		--name="$name.cred" - "/etc/credstore.encrypted/ccm.sealed.$name.cred" 2>err
	ok $? "systemd-creds encrypts $name"
done
on systemctl daemon-reload

# ---- at work ----------------------------------------------------------------

fetches() {
	processes "ccm-scrape@$1.service" | xargs -I% cat /proc/%/comm 2>/dev/null |
		grep -qx ccm-fetch
}

for name in env cred sealed; do
	scrape=ccm-scrape@$name.service
	ship=ccm-ship@$name.service
	# The API says nothing, so ccm-scrape is at work as long as it takes.
	fault '{"times":-1,"fault":{"stall":3600}}'
	on systemctl start "$ship"
	on systemctl start --no-block "$scrape"
	until_true 30 fetches "$name"
	ok $? "$name: both services are at work"
	look ccm-scrape "$name"
	is "$(which_seen)" api "... ccm-scrape can read the API's secret, and not Kafka's"
	look ccm-ship "$name"
	if [ "$name" = env ]; then
		# Its processes are not dumpable: their environment is root's alone.
		is "$(which_seen)|$(holding "$ship" s3cret-kafka)" '|1, 0' \
			"... ccm-ship has Kafka's secret, and shows it to no process of its user"
	else
		is "$(which_seen)" kafka "... ccm-ship can read Kafka's secret, and not the API's"
	fi
	is "$(holding "$scrape" s3cret-kafka)" '0, 0' "... no process of ccm-scrape holds Kafka's"
	is "$(holding "$ship" s3cret-api)" '0, 0' "... no process of ccm-ship holds the API's"
	is "$(confinement "$scrape")" "$confined ccm-scrape" \
		"... ccm-scrape: no capability, no new privileges, system calls are filtered"
	is "$(confinement "$ship")" "$confined ccm-ship" "... ccm-ship: the same"
	on systemctl stop "$scrape"
	no_faults
	run on systemctl start "$scrape"
	is "$status" 0 "... with that secret ccm-scrape gets its answers"
	until_true 30 sent "$name"
	ok $? "... and ccm-ship sends"
done
is "$(journal -b | grep -c s3cret-)" 0 "no secret is in the journal"
is "$(on stat -c '%U %a' /etc/ccm/env.env)" 'root 600' "the environment files are root's alone"

#!/usr/bin/env bash
# The blocks of commands (```sh) of README.md, as printed. What takes root or
# changes the machine is done in a directory of ours. Its cron lines are in
# env.t, those of a container in tests/image/image.t.
# shellcheck source=tests/simulators.sh
. "$(dirname "$0")/../simulators.sh"

readme=$ROOT/README.md
is "$(($(wc -l <"$readme") <= 150))" 1 "README.md has at most 150 lines"

# commands WORD: the block that has WORD in it; clusters, broker and secret are
# those of the simulators
commands() {
	awk -v word="$1" '/^```/ { if (block != "" && index(block, word)) printf "%s", block
			inside = /^```sh/; block = ""; next }
		inside { block = block $0 "\n" }' "$readme" |
		sed "s/lkc-1,lkc-2/lkc-0001,lkc-0002/; s/broker:9092/$KAFKA_BOOTSTRAP_SERVERS/
			s/=SECRET/=s3cret-api/; s| /usr/| $WORK/root/usr/|g; s| /etc/| $WORK/root/etc/|g" >script
	[ -s script ] || echo "# README.md has no block with $1"
	cat script
}

# ---- installing: root, packages and systemd are ours

mkdir shims
cat >shims/sudo <<'END'
#!/bin/sh
exec "$@"
END
cat >shims/make <<'END'
#!/bin/sh
[ "$1" != deb ] || set -- -n deb B=build
exec env MAKEFLAGS= PATH=/usr/bin:/bin make -C "$ROOT" B="$B" STAGE="$WORK/stage" LIST="$WORK/list" \
	DESTDIR="$WORK/root" "$@" >>make.out
END
# The package's file stands for what it has in it.
cat >shims/apt-get <<'END'
#!/bin/bash
[ "$1" = install ] && shift || exit 100
for package; do
	case $package in
	./*.deb) grep -qF "${package#./}" make.out && make install prefix=/usr || exit 100
		mkdir -p root/etc/ccm units ;;
	*) grep -qE "^(DEPS_(BUILD|RUN) :=|	).*\b${package}\b" "$ROOT/Makefile" || [ "$package" = make ] || exit 100 ;;
	esac
done
END
cat >shims/sudoedit <<'END'
#!/bin/sh
[ -w "$1" ] && sed -i 's/^MINUTE_TO_SCRAPE_AT=.*/MINUTE_TO_SCRAPE_AT=7/' "$1"
END
cat >shims/systemctl <<'END'
#!/bin/sh
case $1 in
daemon-reload) CCM_CONFIG_DIRECTORY=root/etc/ccm root/usr/lib/systemd/system-generators/ccm-timer-generator units ;;
start) grep OnCalendar "units/$2" >started ;;
*) exit 1 ;;
esac
END
cat >shims/journalctl <<'END'
#!/bin/sh
[ "$*" = '-u ccm-*' ]
END
chmod +x shims/*
export WORK B ROOT

start_kafka -b 1
start_cloud -c 2 -k KEY:s3cret-api
unset CCM_NOW CONFLUENT_METRICS_API_KEY CONFLUENT_METRICS_API_SECRET CONFLUENT_METRICS_CLUSTER_ID_LIST
cloud POST now '{"now":null}' >/dev/null # its clock and ours are the machine's

as_printed() {
	commands "$1" >printed
	PATH=$WORK/shims:$PATH run bash -eo pipefail printed
}
as_printed 'sudo make install'
is "$status" 0 'the commands that build and install'
[ -x root/usr/local/bin/ccm-scrape ]
ok $? '... do'
missing=
for package in $(make -s -C "$ROOT" -pn all 2>/dev/null | sed -n 's/^DEPS_\(BUILD\|RUN\) := //p'); do
	grep -q "\b$package\b" "$readme" || missing+=" $package"
done
is "$missing" ' libc6-dev ca-certificates util-linux' '... with all packages that a minimal system lacks'
as_printed 'make deb'
is "$status" 0 'the commands that start a service'
is "$(cat started)" 'OnCalendar=*:07:00 UTC' '... start a timer that there is, with what was edited'
is "$(stat -c %a root/etc/ccm/prod.env)" 600 '... from a file that only root can read'

# ---- using it

commands 'export CONFLUENT' >printed
run bash -eo pipefail printed
is "$status $(grep -c '^FAIL' out) $(grep -c ERROR err)" '0 0 0' 'the commands of a first run'
is "$(grep -cE '^ok +(settings|kafka|api|kafka.id)' out)" 4 '... check the settings, the API and Kafka'
like "$(<out)" '# hour 2' '... show the hour'
sync_topic
is "$(on_topic | wc -l)" 26 '... and send it'

# ---- the pipe

eval "$(grep '^export' printed)"
commands 'ccm-normalize <' >printed
rm -rf "$STATE_DIRECTORY"
run bash -eo pipefail printed
is "$status $(grep -c ERROR err)" '0 0' 'the commands of the pipe'
is "$(wc -l <points),$(wc -l <records)" 26,26 '... write points and records'
is "$(grep -c '^{"metric".*retained_bytes' out)" 3 '... show points'
is "$(grep -c '^ *[0-9]* confluent_kafka_server_[a-z_]*:' out)" \
	"$(ccm-key <records | cut -f 1 | sort -u | wc -l)" '... the keys'
is "$(grep -c '"cluster_id": "lkc-000' out)" 52 '... and what the topic has, both times'
is "$(tail -n +2 records | head -1 | jq -c 'keys')" \
	"$(sed -n 's/^    \({"fields".*\)/\1/p' "$readme" | jq -c keys)" 'a record has the form of the one that is shown'

# ---- the other two jobs

# free_port: one that nobody has now
free_port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# in_background WORD PORT: the commands, on a free port; $pid is what stays
in_background() {
	port=$(free_port)
	commands "$1" | sed "s/:$2/:$port/" >printed
	printf 'echo $! >pid\nwait\n' >>printed
	rm -f pid
	start bash -eo pipefail printed >background.out 2>background.err
	until_true 20 [ -s pid ]
	started+=("$(<pid)")
}

in_background ccm-export 9559
until_true 20 eval "curl -sf http://127.0.0.1:$port/metrics >shown"
is "$(grep -c ERROR background.err) $(($(grep -c '^confluent_kafka_server_' shown) > 0))" '0 1' \
	'the exporter, and the file that Prometheus scrapes'
kill "$(<pid)"
in_background ccm-ingest 5000
until_true 20 eval "curl -sf http://127.0.0.1:$port/prometheus-metrics | grep ^client_metric_cpu_usage >shown"
is "$(<shown)" 'client_metric_cpu_usage 75.5' 'the ingestion service, without Kafka'
kill "$(<pid)"

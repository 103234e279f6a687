#!/usr/bin/env bash
# ccm-env: a program with the variables of a file; and the lines of README.md and
# the manual pages that start ccm by cron and for Prometheus.
# shellcheck disable=SC2016 # programs in single quotes are for another shell
# shellcheck source=tests/simulators.sh
. "$(dirname "$0")/../simulators.sh"

# ---- what PROG gets

cat >odd.env <<'END'
# a comment
A="two words" 
B='$HOME `x` \'
C=$(touch pwned); x
D=given
export E=1
F="\$x"
PATH_TOO=a:b
END
D=ours O=kept run env -u E ccm-env odd.env env
is "$status $(<err)" '0 ' "a program is run with the variables of a file"
is "$(grep -E '^[A-FO]=' out | sort)" 'A=two words
B=$HOME `x` \
C=$(touch pwned); x
D=given
F=$x
O=kept' "... added to ours, which they replace; quotes are not part of a value, and nothing is expanded"
! [ -e pwned ]
ok $? "... nothing is run"
env -i "$B/bin/ccm-env" odd.env env -0 | grep -z '^[A-F]=' | sort -z >by-env
mkdir etc && cp odd.env etc/odd.env
env -i PATH="$PATH" "$B/lib/ccm/ccm-instance" -e etc odd env -0 | grep -z '^[A-F]=' | sort -z >by-instance
cmp -s by-env by-instance
ok $? "... as ccm-check reads the file of an instance"

run ccm-env odd.env sh -c 'exit 42'
is "$status" 42 "the exit status is the program's"
run ccm-env odd.env printf '%s|' -V -- -x ''
is "$(<out)" '-V|--|-x||' "options behind PROG are its own"
run ccm-env -- odd.env printf '%s|' --
is "$status $(<out)" '0 --|' "a -- before FILE is dropped"
run ccm-env odd.env sh -c 'echo $$; echo $PPID'
is "$(sed -n 2p out)" $$ "the program takes the place of ccm-env"
: >empty.env
run ccm-env empty.env true
is "$status" 0 "a file without variables is one"
printf 'ulimit -c\n' >limit
ulimit -c unlimited 2>/dev/null
run ccm-env empty.env sh ./limit
is "$(<out)" 0 "it gets no core file"

# ---- PATH

path_of() { env -i "$@" | tr ':' '\n' | grep -c -xF "$(readlink -f "$B/bin")"; }
is "$(env -i PATH=/usr/bin:/bin "$B/bin/ccm-env" empty.env sh -c 'echo "$PATH"')" \
	"/usr/bin:/bin:$(readlink -f "$B/bin")" "its own folder is put behind PATH"
is "$(path_of PATH="$(readlink -f "$B/bin"):/usr/bin:/bin" "$B/bin/ccm-env" empty.env printenv PATH)" 1 \
	"... unless it is in it"
is "$(path_of PATH="/usr/bin:$(readlink -f "$B/bin")x:/bin" "$B/bin/ccm-env" empty.env printenv PATH)" 1 \
	"... one that only begins like it is another"
is "$(path_of "$B/bin/ccm-env" empty.env printenv PATH)" 1 "without PATH, behind the usual folders"
run env -i "$B/bin/ccm-env" empty.env ccm-json -V
like "$(<out)" '^ccm-json ' "so that ccm's programs are found"
mkdir own && printf '#!/bin/sh\necho own\n' >own/ccm-json && chmod +x own/ccm-json
echo "PATH=$WORK/own:/usr/bin:/bin" >path.env
is "$(ccm-env path.env ccm-json)" own "the file's PATH counts, and first"
ln -s "$B/bin/ccm-env" own/linked
run env -i PATH=/usr/bin:/bin own/linked empty.env ccm-json -V
is "$status" 0 "a link to it finds them too"

# ---- what cannot be

run ccm-env
is "$status $(<err)" '64 ccm-env: ERROR: missing argument FILE; -h shows the usage' "no FILE is a usage error"
run ccm-env odd.env
is "$status" 64 "no PROG too"
run ccm-env nowhere.env true
is "$status $(<err)" '78 ccm-env: ERROR: nowhere.env: No such file or directory' "a file that is missing is 78"
run ccm-env . true
is "$status" 78 "a directory too"
printf 'A=1\0B=2\n' >nul.env
run ccm-env nul.env true
like "$status $(<err)" '^78 .*nul.env: .*NUL' "and what systemd refuses"
run ccm-env odd.env no-such-program
is "$status $(<err)" '78 ccm-env: ERROR: cannot run no-such-program: no such program' "a program that is missing is 78"
run ccm-env odd.env ./odd.env
is "$status" 78 "so is a file that is none"
printf '#!/no/interpreter\n' >broken && chmod +x broken
run ccm-env odd.env ./broken
is "$status" 71 "a program that the system cannot start is 71"

# ---- the lines that the documents print

# line FILE PATTERN: the only line with that pattern, without the blanks before it
line() {
	grep -E -- "$2" "$1" | sed 's/^ *//' >line
	[ "$(wc -l <line)" = 1 ] || echo "# $(wc -l <line) lines with $2 in $1"
	cat line
}

# as_cron LINE: the command of a line of crontab(5), run as cron does, of the
# programs under test and with files of ours
as_cron() {
	[[ $1 =~ ^(([^ ]+ +){5})(.*) ]] || echo "# no line of crontab(5): $1"
	local command=${BASH_REMATCH[3]}
	# A % is a newline there.
	[[ $command != *%* ]] || echo "# a % in $command"
	command=${command//\/usr\/local\/bin/"$B/bin"}
	command=${command//\/etc\/ccm.env/"$WORK/ccm.env"}
	command=${command//\/var\/lib\/prometheus\/node-exporter/"$WORK/exporter"}
	run env -i HOME="$HOME" LOGNAME=root SHELL=/bin/sh PATH=/usr/bin:/bin \
		/bin/sh -c "$command"
}

start_kafka -b 1
start_cloud -c 3
cat >ccm.env <<END
# as in /usr/share/doc/ccm/examples/ccm.env
CONFLUENT_METRICS_API_KEY="KEY"
CONFLUENT_METRICS_API_SECRET='s3cret-api'
CONFLUENT_METRICS_HOST=$CONFLUENT_METRICS_HOST
CONFLUENT_METRICS_CLUSTER_ID_LIST="lkc-0001, lkc-0002,\\
 lkc-0003"
CONFLUENT_METRICS_REQUESTS_PER_MINUTE=100000
KAFKA_BOOTSTRAP_SERVERS="$KAFKA_BOOTSTRAP_SERVERS"
CCM_NOW=$CCM_NOW
CCM_RATE_DIR="$CCM_RATE_DIR"
END
cron=$(line "$ROOT/README.md" '^    [0-9]+ \* \* \* \* .*ccm-scrape')
as_cron "$cron"
is "$status $(grep -c ERROR err)" '0 0' "the cron line of README.md does an hour: $cron"
on_topic >got
is "$(wc -l <got)" 39 "... and sends it"
[ -d .local/state/ccm/hours/2025-09-02T00Z ]
ok $? "... its state is in the home directory"
page=$(line "$ROOT/tools/ccm-scrape.1" '^[0-9]+ \* \* \* \*')
is "$(line "$ROOT/tools/ccm-env.1" '^[0-9]+ \* \* \* \*'),$page" "$cron,$cron" "the manual pages have the same line"

mkdir exporter
metrics=$(line "$ROOT/README.md" '^ +\* \* \* \* \* .*ccm-status')
as_cron "$metrics"
is "$status $(<err)" '0 ' "the cron line for Prometheus: $metrics"
is "$(grep -c '^# TYPE ccm_' exporter/ccm.prom | sed 's/^[1-9].*/some/')" some "... writes a file of metrics"

# ---- the manual page, and the options

run ccm-env -h
is "$status $(head -n 1 out)" '0 usage: ccm-env FILE PROG [ARG]...' "-h shows the usage"
run mandoc -Tlint -W warning "$ROOT/tools/ccm-env.1"
is "$status $(cat out err)" '0 ' "mandoc has no warning"

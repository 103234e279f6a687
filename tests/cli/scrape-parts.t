#!/bin/bash
# ccm-scrape when one of its parts fails, when the disk is full, and what becomes
# of secrets.
# shellcheck source=tests/simulators.sh
. "$(dirname "$0")/../simulators.sh"

start_kafka -b 1
start_cloud -c 3 -P 250 -T 250
expect 00

# A ccm with parts that can be replaced: in parts/bin is what a test puts there.
mkdir -p parts/bin parts/lib/ccm
ln -s "$B/share" parts/share
for program in "$B"/bin/*; do ln -s "$program" parts/bin/; done
for program in "$B"/lib/ccm/*; do ln -s "$program" parts/lib/ccm/; done
for script in bin/ccm-scrape bin/ccm-send lib/ccm/ccm-scrape-hour; do
	rm "parts/$script"
	cp "$B/$script" "parts/$script"
done
ln -s "$(command -v jq)" "$WORK/jq"
ln -s "$WORK/jq" parts/bin/jq

# with NAME SCRIPT [OPTION...]: a run in which NAME is that script; in it, $real
# is the program itself
with() {
	local real
	real=$(readlink -f "parts/bin/$1")
	rm "parts/bin/$1"
	printf '#!/bin/bash\nreal=%s\n%s\n' "$real" "$2" >"parts/bin/$1"
	chmod +x "parts/bin/$1"
	run parts/bin/ccm-scrape "${@:3}"
	ln -sf "$real" "parts/bin/$1"
}

nothing_left() {
	is "$(find "$STATE_DIRECTORY"/{work,hours,spool} -mindepth 1 ! -name '.*' 2>/dev/null)" '' "$1"
}

# ---- values that are not records

# shellcheck disable=SC2016 # the scripts' own
with ccm-fetch '"$real" "$@"
status=$?
[ "$1" != query ] || [ -z "${2-}" ] || echo "{\"metric\":\"x\",\"value\":\"much\"}"
exit $status'
is "$status" 65 "a value that is not a number: status 65"
as_wanted "... the others arrive"
like "$(<err)" 'rejected/2025-09-02T00Z.001.ndjson' "... it is logged where that one is"
is "$(cat "$STATE_DIRECTORY"/rejected/2025-09-02T00Z.*)" '{"metric":"x","value":"much"}' \
	"... and there it is"
run ccm-scrape
is "$status" 0 "... the next run exits 0"
is "$(last_run .totals.rejected)" 1 "... and it is counted"

# ---- parts that fail

while IFS='~' read -r program script wanted text; do
	fresh
	with "$program" "$script"
	is "$status" "$wanted" "$program: $script: status $wanted"
	like "$(<err)" "$text" "... $text"
	nothing_left "... and nothing is left of the hour"
done <<'END'
ccm-fetch~[ -z "${2-}" ] || kill -9 $$~75~ccm-fetch ended with 137
ccm-fetch~[ -z "${2-}" ] || exit 70~70~ccm-fetch ended with 70
ccm-fetch~[ -z "${2-}" ] || exit 71~71~ccm-fetch ended with 71
ccm-fetch~[ -z "${2-}" ] || exit 74~75~ccm-fetch ended with 74.*cannot write to the state directory
ccm-fetch~exit 78~78~api: status 78
ccm-fetch~[ "$1" != check ] || exit 71~71~api: status 71
ccm-fetch~exit 0~70~stats.json
ccm-normalize~kill -9 $$~75~ccm-normalize ended with 137
ccm-normalize~head -c 100; exit 74~75~ccm-normalize ended with 74.*cannot write to the state directory
ccm-normalize~"$real" "$@"; exit 70~70~ccm-normalize ended with 70
ccm-normalize~"$real" "$@"; exit 71~71~ccm-normalize ended with 71
jq~[[ "$*" = *what\ bodies* ]] || exec "$real" "$@"; exit 2~75~queries.jq ended with 74
jq~[[ "$*" = *what\ bodies* ]] || exec "$real" "$@"; "$real" "$@" | head -n 1; exit 5~70~queries.jq ended with 70
jq~[[ "$*" = *what\ bodies* ]] || exec "$real" "$@"; kill -9 $$~75~queries.jq ended with 137
jq~[[ "$*" != *what\ check* ]] || exit 2; exec "$real" "$@"~74~queries.jq ended with 74
END
fresh
with ccm-ship 'exit 70'
is "$status" 70 "ccm-ship: exit 70: status 70"
is "$(spool)" 2025-09-02T00Z.001.ndjson "... and the records wait in the spool"
run ccm-scrape
is "$status" 0 "... for the next run"
as_wanted "... all of them, once"

# ---- what a kill leaves behind

fresh
ccm-scrape -S 2>err
mv "$STATE_DIRECTORY/spool/2025-09-02T00Z.001.ndjson" \
	"$STATE_DIRECTORY/hours/2025-09-02T00Z/records.ndjson"
mkdir "$STATE_DIRECTORY/work/2025-09-02T00Z.4711-1"
echo rubbish >"$STATE_DIRECTORY/work/2025-09-02T00Z.4711-1/records.ndjson"
forget_requests
run ccm-scrape
is "$status" 0 "killed between the two renames: status 0"
as_wanted "... the next run sends what was done"
is "$(asked)" '' "... asks nothing"
is "$(ls "$STATE_DIRECTORY/work")" '' "... and clears what was not"

# ---- a full disk

mkdir full
if mount -t tmpfs -o size=16k tmpfs full 2>/dev/null; then
	fresh
	STATE_DIRECTORY=$WORK/full
	for size in 16k 64k 128k 256k 320k; do
		mount -o "remount,size=$size" full
		run ccm-scrape
		[[ $status = 75 && $(<err) = *"cannot write to the state directory $WORK/full: "* ]]
		ok $? "a disk of $size: status 75, and the state directory is named"
		nothing_left "... and nothing half is left"
	done
	is "$(on_topic)" '' "... nor on the topic"
	mount -o remount,size=8m full
	run ccm-scrape
	is "$status" 0 "with space: status 0"
	as_wanted "... every value is on the topic, once"
	umount full
	STATE_DIRECTORY=$WORK/state
else
	echo "ok $((++tests)) # SKIP a full disk: mounting a tmpfs needs root"
fi

# ---- secrets

# look SID: until that session is over, all arguments and environments of its
# processes are gathered: in the file arguments, and those with a secret in the
# file environments, each behind the name of its program.
look() {
	local member name command
	: >arguments
	: >environments
	while kill -0 "$1" 2>/dev/null; do
		in_session "$1"
		for member in "${members[@]}"; do
			{
				mapfile -d '' -t command <"/proc/$member/cmdline"
				name=${command[0]-} name=${name##*/}
				[ "$name" != bash ] || name=${command[1]-} name=${name##*/}
				echo "${command[*]}"
				tr '\0' '\n' <"/proc/$member/environ" | sed "s/^/$name /"
			} >>seen 2>/dev/null
		done
		grep -a s3cret seen >>environments
		grep -av '^[a-z0-9-]* [A-Za-z_]*=' seen >>arguments
		: >seen
		sleep 0.02
	done
}

# having SECRET: the programs in whose environment it was seen
having() {
	sed -n "s/^\\([^ ]*\\) .*$1.*/\\1/p" environments | sort -u | paste -sd ' '
}

fresh
fault '{"times":3,"fault":{"slow":1500}}'
kafka rtt all 300
export GLOBAL_LOG_LEVEL=DEBUG KAFKA_SASL_PASSWORD=s3cret-kafka KAFKA_SSL_PASSWORD=s3cret-key
setsid ccm-scrape 2>err &
sid=$!
started+=("$sid")
look "$sid"
wait "$sid"
is "$?" 0 "a slow run with secrets: status 0"
for name in ccm-hours ccm-scrape-hour ccm-fetch ccm-normalize ccm-ship ccm-produce kcat; do
	grep -q "$name" arguments
	ok $? "$name was seen in /proc"
done
is "$(grep -c s3cret arguments)" 0 "no secret is in any argument"
is "$(grep -c s3cret err)" 0 "no secret is in what DEBUG shows"
is "$(grep -rc s3cret "$STATE_DIRECTORY" | grep -v ':0$')" '' "no secret is in the state directory"
# Those that pass it on have it, too.
is "$(having s3cret-api | sed 's/ccm-send//; s/ *$//')" 'ccm-fetch ccm-hours ccm-scrape ccm-scrape-hour' \
	"the API's secret is in the environment of ccm-fetch, and of nobody who does not pass it on"
is "$(grep -c '^\(ccm-fetch\|ccm-normalize\|ccm-key\|kcat\|cat\) .*s3cret-k' environments)" 0 \
	"Kafka's are not in that of ccm-fetch, and not in kcat's"

# Given as a file, it is in none.
fresh
fault '{"times":3,"fault":{"slow":1000}}'
echo s3cret-api >secret
CONFLUENT_METRICS_API_SECRET='' CONFLUENT_METRICS_API_SECRET_FILE=secret \
	setsid ccm-scrape -S 2>err &
sid=$!
started+=("$sid")
look "$sid"
wait "$sid"
is "$?" 0 "the API's secret in a file: status 0"
grep -q ccm-fetch arguments
ok $? "... ccm-fetch was seen in /proc"
is "$(having s3cret-api)" '' "... the secret is in no environment"

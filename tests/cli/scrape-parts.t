#!/bin/bash
# ccm-scrape when one of its parts fails, when the disk is full, and what becomes
# of secrets.
# shellcheck source=tests/simulators.sh
. "$(dirname "$0")/../simulators.sh"

start_kafka -b 1
start_cloud -c 3 -P 250 -T 250
expect 00

# A ccm with parts that can be replaced: in parts/bin is what a test puts there.
mkdir -p parts/bin
ln -s "$B/share" parts/share
for program in "$B"/bin/*; do ln -s "$program" parts/bin/; done
rm parts/bin/ccm-scrape
cp "$B/bin/ccm-scrape" parts/bin/

# with NAME SCRIPT [OPTION...]: a run in which NAME is that script; in it, $real
# is the program itself
with() {
	rm "parts/bin/$1"
	printf '#!/bin/bash\nreal=%s/bin/%s\n%s\n' "$B" "$1" "$2" >"parts/bin/$1"
	chmod +x "parts/bin/$1"
	run parts/bin/ccm-scrape "${@:3}"
	ln -sf "$B/bin/$1" "parts/bin/$1"
}

nothing_left() {
	is "$(find "$STATE_DIRECTORY"/{work,hours,spool} -mindepth 1 ! -name '.*' 2>/dev/null)" '' "$1"
}

# ---- values that are no records

# shellcheck disable=SC2016 # the scripts' own
with ccm-fetch '"$real" "$@"
status=$?
[ "$1" != query ] || [ -z "${2-}" ] || echo "{\"metric\":\"x\",\"value\":\"much\"}"
exit $status'
is "$status" 0 "a value that is no number: status 0"
as_wanted "... the others arrive"
like "$(<err)" '1 value refused by ccm-normalize, kept in .*/hours/2025-09-02T00Z/rejected.ndjson' \
	"... it is told where that one is"
is "$(<"$STATE_DIRECTORY/hours/2025-09-02T00Z/rejected.ndjson")" '{"metric":"x","value":"much"}' \
	"... and there it is"
is "$(last_run .rejected)" 1 "... and counted"

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
ccm-fetch~[ -z "${2-}" ] || exit 74~75~cannot write to the state directory .*ccm-fetch ended with 74
ccm-fetch~exit 78~78~^$
ccm-fetch~exit 0~70~jq ended with
ccm-normalize~kill -9 $$~75~ccm-normalize ended with 137
ccm-normalize~head -c 100; exit 74~75~cannot write to the state directory .*ccm-normalize ended with 74
ccm-normalize~"$real" "$@"; exit 70~70~ccm-normalize ended with 70
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
echo yesterday >"$STATE_DIRECTORY/since"
run ccm-scrape
is "$status" 78 "a state that is not ours: status 78"
like "$(<err)" 'since holds "yesterday"' "... which is told"

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

fresh
fault '{"times":3,"fault":{"slow":1500}}'
kafka rtt all 300
export GLOBAL_LOG_LEVEL=DEBUG KAFKA_SASL_PASSWORD=s3cret-kafka KAFKA_SSL_PASSWORD=s3cret-key
setsid ccm-scrape 2>err &
sid=$!
started+=("$sid")
: >arguments
: >environments
while kill -0 "$sid" 2>/dev/null; do
	in_session "$sid"
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
wait "$sid"
is "$?" 0 "a slow run with secrets: status 0"
for name in ccm-fetch ccm-normalize ccm-ship ccm-produce kcat; do
	grep -q "$name" arguments
	ok $? "$name was seen in /proc"
done
is "$(grep -c s3cret arguments)" 0 "no secret is in any argument"
is "$(grep -c s3cret err)" 0 "no secret is in what DEBUG shows"
is "$(grep -rc s3cret "$STATE_DIRECTORY" | grep -v ':0$')" '' "no secret is in the state directory"
is "$(sed -n 's/^\([^ ]*\) .*s3cret-api/\1/p' environments | sort -u | grep -v '^ccm-scrape$' | paste -sd ' ')" \
	ccm-fetch "the API's secret is in the environment of ccm-fetch only"
is "$(grep -c '^\(ccm-fetch\|ccm-normalize\|ccm-key\|kcat\|sync\|mv\) .*s3cret-k' environments)" 0 \
	"Kafka's are not in that of ccm-fetch, and not in kcat's"

# shellcheck shell=bash
# What the tests of ccm-scrape and ccm-fetch share: the two simulators as it sees them, and
# ways to look at what has come out of it.
# shellcheck disable=SC2034 # used by those that source it
# shellcheck source=tests/tap.sh
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"
# shellcheck source=tests/moments.sh
. "$ROOT/tests/moments.sh"

export STATE_DIRECTORY=$WORK/state CCM_RATE_DIR=$WORK/rate
export CONFLUENT_METRICS_API_KEY=KEY CONFLUENT_METRICS_API_SECRET=s3cret-api
export CONFLUENT_METRICS_REQUESTS_PER_MINUTE=100000
export CCM_NOW=2025-09-02T01:05:00Z

# ---- the Metrics API

# start_cloud [OPTION...]: three clusters, and no limit of requests
start_cloud() {
	start "$SIM/sim-cloud" -k KEY:s3cret-api -r 0 -n "$CCM_NOW" "$@" \
		>cloud.url 2>>cloud.err
	cloud_pid=$pid
	until_true 10 [ -s cloud.url ] || echo "# sim-cloud does not start"
	CONFLUENT_METRICS_HOST=$(<cloud.url)
	export CONFLUENT_METRICS_HOST
	: "${CONFLUENT_METRICS_CLUSTER_ID_LIST=lkc-0001,lkc-0002,lkc-0003}"
	export CONFLUENT_METRICS_CLUSTER_ID_LIST
}

# cloud METHOD WHAT [BODY]: steers it; the answer's body is written
cloud() {
	local address=${CONFLUENT_METRICS_HOST#http://} body=${3-} line
	exec 3<>"/dev/tcp/${address%:*}/${address#*:}"
	printf '%s /sim/%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s' \
		"$1" "$2" "$address" "${#body}" "$body" >&3
	IFS= read -r line <&3
	[[ $line = *' 20'* ]] || echo "# sim-cloud does not obey: $1 $2 $body: $line" >&2
	while IFS= read -r line <&3 && [ "$line" != $'\r' ]; do :; done
	cat <&3
	exec 3>&-
}

# fault RULE...: JSON objects
fault() {
	local IFS=,
	cloud POST faults "[$*]" >/dev/null
}

no_faults() { cloud DELETE faults >/dev/null; }

# refuse_ids [ID...]: these and no others
refuse_ids() {
	local list
	printf -v list '"%s",' "$@"
	(($# > 0)) || list=,
	cloud POST refuse "{\"ids\":[${list%,}]}" >/dev/null
}

# asked: a line "HOUR METRIC" for each query that came since forget_requests
asked() {
	cloud GET log | jq -r 'select(.url | test("/query")) | .body
		| if type == "string" then fromjson else . end
		| "\(.intervals[0][:13])Z \(.aggregations[0].metric | sub(".*/"; ""))"'
}

forget_requests() { cloud DELETE log >/dev/null; }

# ---- Kafka

# start_kafka [OPTION...]: all that comes is in topic.log
start_kafka() {
	: >topic.log
	start "$SIM/sim-kafka" -c kafka.control -r topic.log "$@" \
		>brokers 2>>kafka.err
	kafka_pid=$pid
	until_true 10 [ -s brokers ] || echo "# sim-kafka does not start"
	KAFKA_BOOTSTRAP_SERVERS=$(<brokers)
	export KAFKA_BOOTSTRAP_SERVERS
}

# kafka COMMAND...: returns when it is in force
kafka() {
	cat kafka.err >>kafka.history
	: >kafka.err
	# Nobody would read the pipe, and the test would wait for ever.
	if ! kill -0 "$kafka_pid" 2>/dev/null; then
		echo "# sim-kafka has died"
		tail -n 40 kafka.history | sed 's/^/# /'
		return 1
	fi
	echo "$*" >kafka.control
	until_true 10 grep -qxF "sim-kafka: ok: $*" kafka.err ||
		echo "# sim-kafka does not obey: $*"
}

# sync_topic: returns when all that is in the topics is in topic.log. A counter
# would not do for the token: in a subshell (on_topic | uniq) it is lost, and a
# token that is in the log already proves nothing. It takes brokers that are up;
# without them, the line that it writes is among the records and fails the fact.
sync_topic() {
	local token=sync-$BASHPID-${EPOCHREALTIME/./}
	kafka sync "$token"
	until_true 60 grep -qxF "#$token" topic.log ||
		echo "# sim-kafka does not sync"
}

# on_topic: the records that came since the last forget_topic, sorted
on_topic() {
	sync_topic
	grep -v '^#' topic.log | cut -f 5- | sort
}

forget_topic() {
	sync_topic
	: >topic.log
}

# ---- what a run has left

spool() { find "$STATE_DIRECTORY/spool" -type f ! -name '.*' -printf '%P\n' | sort; }
hours() { (cd "$STATE_DIRECTORY/hours" && ls); }
last_run() { jq -c "$1" "$STATE_DIRECTORY/status/last-run.json"; }

# at HH[:MM]: the clock of both sides
at() {
	[[ $1 = *:* ]] || set -- "$1:05"
	export CCM_NOW=2025-09-02T$1:00Z
	cloud POST now "{\"now\":\"$CCM_NOW\"}" >/dev/null
}

# fresh: no state, nothing on the topic, nothing asked
fresh() {
	rm -rf "$STATE_DIRECTORY" "$CCM_RATE_DIR"
	forget_topic
	forget_requests
}

# expect HOUR...: what the API has for them, as records, sorted, in the file
# wanted. The clock is at the last of them afterwards.
expect() {
	local hour
	: >wanted
	for hour; do
		at "$(printf %02d $((10#$hour + 1)))"
		rm -rf reference
		STATE_DIRECTORY=$WORK/reference ccm-scrape -S 2>expect.err ||
			sed 's/^/# expect: /' expect.err
		cat reference/spool/* >>wanted
	done
	sort -o wanted wanted
	forget_requests
}

# as_wanted NAME: each value of wanted is on the topic, none twice
as_wanted() {
	on_topic >got
	diff wanted got >"diff"
	ok $? "$1"
	: >"diff"
}

# ---- ends that come at any moment

# kill_scrapes SIGNAL group|one: KILLS times (20), a scrape of thousands of values
# is ended at a random moment, its whole process group or one process of it, and
# the next runs do what is left. RANDOM_SEED repeats the moments.
kill_scrapes() {
	local signal=$1 whom=$2 times=${KILLS:-20} seed=${RANDOM_SEED:-$((EPOCHSECONDS % 32768))}
	local i run sid begin duration hit=0 members
	local lost=0 rubbish=0 unsent=0 unfinished=0 victim="its process group"
	[ "$whom" = group ] || victim="one process of it"
	echo "# RANDOM_SEED=$seed"
	RANDOM=$seed
	start_kafka -b 1
	start_cloud -c 3 -P 250 -T 250
	expect 00
	[ "$(wc -l <wanted)" -eq 2250 ]
	ok $? "the scrape is of $(wc -l <wanted) values"
	# How long it takes when nobody interferes.
	fresh
	begin=${EPOCHREALTIME/./}
	ccm-scrape 2>err
	duration=$((${EPOCHREALTIME/./} - begin))
	for ((i = 0; i < times; i++)); do
		fresh
		setsid ccm-scrape 2>>killed.err &
		sid=$!
		started+=("$sid")
		at_random_moment "$sid"
		if ((${#members[@]} == 0)); then
			: # it was over
		elif [ "$whom" = group ]; then
			kill "-$signal" -- "-$sid" 2>/dev/null
		else
			kill "-$signal" "${members[RANDOM % ${#members[@]}]}" 2>/dev/null
		fi
		wait "$sid" 2>/dev/null
		# What was left running may still hold the spool for a while.
		for ((run = 0; run < 5; run++)); do
			ccm-scrape 2>err && break
		done
		((run < 5)) || ((++unfinished))
		until_true 30 none_in_session "$sid" || ((++unfinished))
		on_topic | uniq >got
		comm -23 wanted got >"diff"
		[ ! -s diff ] || ((++lost))
		comm -13 wanted got >"diff"
		[ ! -s diff ] || ((++rubbish))
		[ -z "$(spool)" ] || ((++unsent))
	done
	: >"diff"
	is "$lost lost, $rubbish with rubbish, $unsent unsent, $unfinished unfinished" \
		"0 lost, 0 with rubbish, 0 unsent, 0 unfinished" \
		"SIG$signal to $victim at $times moments: no value is lost"
	# The moments are to be within the run, most of them.
	((hit * 2 >= times))
	ok $? "... $hit of them while it ran"
}

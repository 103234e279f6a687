#!/usr/bin/env bash
# make simulate: what ccm does with 10,000 clusters, counted and timed;
# ccm-scaling(7) quotes these tables.
#
# The programs are those that are installed, the API and Kafka are the
# simulators'. What is simulated is time: in ccm-fetch and sim-cloud a minute
# passes in 60 / factor seconds (faster.c), so that both limits, the API's 60
# requests a minute for an address and ccm-fetch's 50, hold as they are, and so
# do their sums. "Minutes" are by that clock, from the first request to the last.
# They are never too short, since work (bash, jq, the simulator, the disk) takes
# `factor` times as long by it as in reality. That the conversion is right is
# checked by what needs no clock, the API's own count of requests: R of them take
# at least (R - 1) / 50 minutes, rounded down, and none of them is one too many
# (429). Seconds of sending to Kafka are real ones.
#
# Each cluster has 4 principals and 6 topics, where nothing else is said: with
# the preset kafka-cost that is 4 + 4 + 6 = 14 values an hour. The API takes half
# a second for each answer. Every run ends with a comparison of what is on the
# topic with what has to be there, value by value.
# shellcheck disable=SC2317 # `start` calls what seems unreachable
# shellcheck source=tests/simulators.sh
. "$(dirname "$0")/../simulators.sh"
unset CONFLUENT_METRICS_REQUESTS_PER_MINUTE
# Work takes longer by the faster clock: that is no silence of the API.
export CONFLUENT_METRICS_TIMEOUT=600
topic=confluent-metrics
principals=4 topics=6
since=$EPOCHSECONDS
began=$SECONDS

# faster FACTOR: the clock of what is started from here on
faster() {
	fast=(env LD_PRELOAD="$SIM/faster.so" FASTER_FACTOR="$1"
		FASTER_SINCE="$since" FASTER_MEMORY="$WORK/memory")
}

say() { printf '\n%s\n\n' "$*"; }

# ---- processes --------------------------------------------------------------

# gone PID...: they have ended; another process may get their number.
gone() {
	local pid kept=()
	for pid in "${started[@]}"; do
		[[ " $* " = *" $pid "* ]] || kept+=("$pid")
	done
	started=("${kept[@]}")
}

# stop PID...: by SIGTERM
stop() {
	kill "$@" 2>/dev/null
	wait "$@" 2>/dev/null
	gone "$@"
}

# kill_host SESSION...: SIGKILL to all that is in them, as a power cut does
kill_host() {
	local session members
	for session; do
		in_session "$session"
		while ((${#members[@]} > 0)); do
			kill -KILL "${members[@]}"
			in_session "$session"
		done
		wait "$session"
	done
	gone "$@"
} 2>/dev/null

# ---- the API, as one address sees it ----------------------------------------

addresses=()

# address NAME: its URL is in NAME.url
address() {
	rm -f "$1.url"
	start "${fast[@]}" "$SIM/sim-cloud" -l -k KEY:s3cret-api -n "$CCM_NOW" \
		-c "$clusters" -P "$principals" -T "$topics" \
		>"$1.url" 2>>cloud.err
	addresses+=("$pid")
	until_true 10 [ -s "$1.url" ] || echo "# sim-cloud does not start"
	CONFLUENT_METRICS_HOST=$(<"$1.url")
	answers_after 500
}

# answers_after MS: what the API takes for an answer
answers_after() {
	no_faults
	fault "{\"path\":\"query\",\"times\":-1,\"fault\":{\"slow\":$1}}"
}

no_addresses() {
	stop "${addresses[@]}"
	addresses=()
}

has_asked() { CONFLUENT_METRICS_HOST=$(<"$1.url") cloud GET log | grep -q /query; }

# count_requests ADDRESS...: $requests and $throttled of them all, $busiest (the
# most that one of them got in any minute) and $minutes (of the slowest). The
# moments of the last one's queries are in the file moments.
count_requests() {
	local name figures
	: >figures
	for name; do
		CONFLUENT_METRICS_HOST=$(<"$name.url")
		cloud GET log | jq -r 'select(.url | test("/query"))
			| "\(.time) \(.status)"' | sort -n >moments
		awk '{
			at[NR] = $1
			while (at[NR] - at[first + 1] >= 60000) first++
			if (NR - first > busiest) busiest = NR - first
			throttled += $2 == 429
		} END {
			print NR, throttled + 0, busiest + 0, (at[NR] - at[1]) / 60000
		}' moments >>figures
	done
	figures=$(awk '{
		requests += $1; throttled += $2
		if ($3 > busiest) busiest = $3
		if ($4 > minutes) minutes = $4
	} END { printf "%d %d %d %.1f", requests, throttled, busiest, minutes }' figures)
	read -r requests throttled busiest minutes <<<"$figures"
}

# within_limits REQUESTS BUSIEST THROTTLED MINUTES: as one address may. When a
# request arrives is seen `factor` times as coarsely as in reality, so some may
# seem to lie in the minute before; hence the API's 60 and not 50.
within_limits() {
	(($2 <= 60 && $3 == 0)) && awk -v n="$1" -v minutes="$4" \
		'BEGIN { exit !(n > 0 && minutes >= int((n - 1) / 50)) }'
}

# ---- instances --------------------------------------------------------------

# scrape NAME ADDRESS RATE_DIR FIRST LAST: ccm-scrape -S of those clusters, its
# state in NAME/; to be started
scrape() {
	seq -f 'lkc-%04.0f' "$4" "$5" >"$1.ids"
	exec setsid "${fast[@]}" STATE_DIRECTORY="$WORK/$1" CCM_RATE_DIR="$WORK/$3" \
		CONFLUENT_METRICS_HOST="$(<"$2.url")" \
		CONFLUENT_METRICS_CLUSTER_ID_LIST_FILE="$WORK/$1.ids" \
		ccm-scrape -S 2>>"$1.err"
}

# ship NAME: its ccm-ship, which stays; to be started
ship() {
	exec setsid "${fast[@]}" ccm-ship "$WORK/$1/spool" ccm-produce "$topic" \
		2>>"$1.err"
}

spooled() { find "$1/spool" -type f ! -name '.*' | wc -l; }
is_sent() { (($(spooled "$1") == 0)); }

# finished NAME...: the scrapes in $scraping end with 0, and all is sent
finished() {
	local name pid statuses='' shipping=()
	for name; do
		mkdir -p "$name/spool"
		start ship "$name"
		shipping+=("$pid")
	done
	for pid in "${scraping[@]}"; do
		wait "$pid"
		statuses+=" $?"
	done
	gone "${scraping[@]}"
	for name; do until_true 60 is_sent "$name" || echo "# $name: not sent"; done
	stop "${shipping[@]}"
	if [[ $statuses = *[1-9]* ]]; then
		echo "# ccm-scrape ended with$statuses"
		tail -qn 5 "${@/%/.err}" | sed 's/^/# /'
	fi
}

# run_instances ADDRESS,RATE_DIR,FIRST,LAST...: an instance each, at once, with
# no state
run_instances() {
	local spec names=()
	scraping=()
	rm -rf i-* memory
	for spec; do
		names+=("i-${#names[@]}")
		# shellcheck disable=SC2086 # its parts are arguments
		start scrape "${names[-1]}" ${spec//,/ }
		scraping+=("$pid")
	done
	finished "${names[@]}"
}

# biggest [NAME]: the most memory that a program of that name had, in MiB
biggest() {
	awk -v name="${1-}" 'name == "" || name == $1 {
		if ($2 > most) most = $2
	} END { printf "%.0f", most / 1024 }' memory
}

# ---- the topic --------------------------------------------------------------

# all_of HOURS CLUSTERS: a line for each value that has to be there, of the hours
# up to the last full one
all_of() {
	local now
	now=$(date -u -d "$CCM_NOW" +%s)
	awk -v last="$((now / 3600 * 3600 - 3600))" -v hours="$1" -v clusters="$2" \
		-v principals="$principals" -v topics="$topics" '
	function line(metric, cluster, tag, value, hour) {
		printf "\"name\":\"confluent_kafka_server_%s\",\"tags\":{" \
			"\"cluster_id\":\"lkc-%04d\",\"%s\":\"%s\"}," \
			"\"timestamp\":%d000}\n", metric, cluster, tag, value,
			last - 3600 * (hours - 1 - hour)
	}
	BEGIN {
		for (h = 0; h < hours; h++) for (c = 1; c <= clusters; c++) {
			for (p = 1; p <= principals; p++) {
				id = sprintf("%s%04d", p % 4 ? "sa-" : "u-", p)
				line("request_bytes", c, "principal", id, h)
				line("response_bytes", c, "principal", id, h)
			}
			for (t = 1; t <= topics; t++)
				line("retained_bytes", c, "topic",
					sprintf("topic-%04d", t), h)
		}
	}' | LC_ALL=C sort -S 1G
}

# look HOURS CLUSTERS: compares. Of the $total records $doubled are there once
# more, and $contradicting of these with another value; $lost are not there that
# should be, $foreign do not belong there. $digest is that of all the values.
look() {
	sync_topic
	! grep '^#LOST' topic.log || echo "# sim-kafka's reader was too slow"
	cut -s -f 5- topic.log |
		sed -E 's/^\{("fields":\{"value":[^}]*\}),(.*)$/\2 \1/' |
		LC_ALL=C sort -S 1G >got
	digest=$(uniq got | cksum)
	read -r total doubled contradicting < <(awk '
		$1 == id { doubled++; contradicting += $2 != value }
		{ id = $1; value = $2 }
		END { print NR, doubled + 0, contradicting + 0 }' got)
	cut -d ' ' -f 1 got | uniq | LC_ALL=C comm -3 - <(all_of "$1" "$2") >differing
	lost=$(grep -c $'^\t' differing)
	foreign=$(grep -vc $'^\t' differing)
	found="$lost lost, $doubled doubled, $foreign foreign, $contradicting contradicting"
}

nothing_else="0 foreign, 0 contradicting"

no_kafka() { stop "$kafka_pid"; }

megabytes() { awk -v bytes="$1" 'BEGIN { printf "%.1f", bytes / 1e6 }'; }

# by_count REQUESTS SECONDS: what they take by the limit alone, in minutes (60) or
# hours (3600)
by_count() {
	awk -v n="$1" -v unit="$2" 'BEGIN {
		printf("%.*f", unit > 60 ? 2 : 1, int((n - 1) / 50) * 61 / unit) }'
}

# row VALUE...: of the table whose $format it is
row() {
	# shellcheck disable=SC2059 # one format for all rows
	printf "$format" "$@"
}

# ---- what an hour costs -----------------------------------------------------

clusters_table() {
	local spec values bytes facts=()
	local format='%9s %12s %9s %13s %9s %10s %9s %8s %8s\n'
	faster 20
	say "An hour, one instance (50 requests a minute at most)"
	row clusters 'values each' requests values/1000 minutes 'by count*' records MB \
		'MiB RSS'
	for spec in "1 4 6" "100 4 6" "1000 4 6" "1000 40 60" "10000 4 6"; do
		read -r clusters principals topics <<<"$spec"
		values=$((2 * principals + topics))
		rm -rf rate
		start_kafka -t "$topic:12"
		address api
		run_instances "api,rate,1,$clusters"
		count_requests api
		look 1 "$clusters"
		bytes=$(cut -s -f 5- topic.log | wc -c)
		row "$clusters" "$values" "$requests" \
			"$(awk -v n=$((clusters * values)) 'BEGIN { printf "%.1f", n / 1000 }')" \
			"$minutes" "$(by_count "$requests" 60)" "$total" \
			"$(megabytes "$bytes")" "$(biggest)"
		facts+=("$clusters $values $requests $busiest $throttled $minutes $total records, $found")
		cut -s -f 5- topic.log >hour.records
		no_addresses
		no_kafka
	done
	one_digest=$digest one_found=$found
	one_figures="$requests $throttled $busiest $minutes $lost $doubled"
	echo
	echo "* requests, of which 50 go in 61 seconds: what it takes where work takes no time"
	echo "The biggest processes of the last: ccm-scrape (bash) $(biggest bash) MiB," \
		"jq $(biggest jq), ccm-fetch $(biggest ccm-fetch)," \
		"ccm-normalize $(biggest ccm-normalize), ccm-ship $(biggest ccm-ship)," \
		"ccm-key $(biggest ccm-key), kcat $(biggest kcat)"
	echo
	for spec in "${facts[@]}"; do
		read -r clusters values requests busiest throttled minutes found <<<"$spec"
		is "$found" "$((clusters * values)) records, 0 lost, 0 doubled, $nothing_else" \
			"$clusters clusters with $values values each: all are on the topic, once"
		# For each of the three metrics the last page may be a short one.
		((requests * 1000 >= clusters * values &&
			requests <= clusters * values / 1000 + 3))
		ok $? "... with $requests requests, one for each 1,000 values of a metric"
		within_limits "$requests" "$busiest" "$throttled" "$minutes"
		ok $? "... in $minutes minutes, $busiest in the busiest, $throttled refused (429)"
	done
}

# ---- instances and hosts ----------------------------------------------------

# topology WHAT ADDRESSES RATE_DIRS: 10,000 clusters over four instances
topology() {
	local i specs=() names=()
	for ((i = 0; i < $2; i++)); do
		names+=("api$i")
		address "api$i"
	done
	for ((i = 0; i < 4; i++)); do
		specs+=("api$((i % $2)),rate$((i % $3)),$((i * 2500 + 1)),$(((i + 1) * 2500))")
	done
	rm -rf rate?
	start_kafka -t "$topic:12"
	run_instances "${specs[@]}"
	count_requests "${names[@]}"
	look 1 "$clusters"
	no_addresses
	no_kafka
	topology_row "$1"
}

topology_row() {
	row "$1" "$requests" "$throttled" "$busiest" "$minutes" "$lost" "$doubled"
	facts+=("$1: $found; $digest")
}

topologies_table() {
	local fact shared split one_minutes hosts_minutes refused facts=()
	local format='%-46s %9s %5s %9s %8s %5s %8s\n'
	faster 20
	clusters=10000 principals=4 topics=6
	say "10,000 clusters, 140,000 values: an hour"
	row '' requests 429s 'busiest*' minutes lost doubled
	read -r requests throttled busiest minutes lost doubled <<<"$one_figures"
	found=$one_found digest=$one_digest
	one_minutes=$minutes
	topology_row "one instance"
	topology "4 instances on a host, one CCM_RATE_DIR" 1 1
	within_limits "$requests" "$busiest" "$throttled" "$minutes"
	shared=$?
	topology "4 hosts, an address each" 4 4
	hosts_minutes=$minutes
	topology "4 hosts behind one address, 50 a minute each" 1 4
	refused=$throttled
	export CONFLUENT_METRICS_REQUESTS_PER_MINUTE=12
	topology "the same, 12 a minute each" 1 4
	unset CONFLUENT_METRICS_REQUESTS_PER_MINUTE
	within_limits "$requests" "$busiest" "$throttled" "$minutes"
	split=$?
	echo
	echo "* the most requests that an address made in any minute; the API allows 60"
	echo
	for fact in "${facts[@]}"; do
		is "${fact#*: }" "0 lost, 0 doubled, $nothing_else; $one_digest" \
			"${fact%%: *}: all values are on the topic once, the same ones"
	done
	ok "$shared" "instances that share CCM_RATE_DIR share the limit"
	ok "$split" "hosts behind one address can divide it"
	((refused > 0))
	ok $? "... and are refused where they do not"
	awk -v a="$hosts_minutes" -v b="$one_minutes" 'BEGIN { exit !(a < b) }'
	ok $? "four addresses take less time than one"
}

# ---- an outage --------------------------------------------------------------

# A row of what was simulated: until request N of the week
simulated_row() {
	local ms
	ms=$(($(sed -n "$2p" moments | cut -d ' ' -f 1) - $(head -n 1 moments | cut -d ' ' -f 1)))
	row "$clusters" "$1" "$2" "$(awk -v ms=$ms 'BEGIN { printf "%.2f", ms / 3600000 }')" \
		"$(by_count "$2" 3600)"
}

# computed_row CLUSTERS HOURS REQUESTS-AN-HOUR
computed_row() {
	row "$1" "$2" $(($2 * $3)) - "$(by_count $(($2 * $3)) 3600)"
}

outage_table() {
	local bytes files seconds out_of_order format='%9s %6s %9s %10s %10s\n'
	faster 25
	clusters=500 principals=4 topics=6
	export CCM_NOW=2025-09-08T01:05:00Z
	rm -rf rate i-0 memory
	mkdir i-0
	# What an instance that last ran a week ago has.
	echo 2025-09-01T01Z >i-0/since
	address api
	start scrape i-0 api rate 1 "$clusters"
	wait "$pid"
	is $? 0 "a week of 500 clusters is backfilled in one run of ccm-scrape"
	gone "$pid"
	count_requests api
	no_addresses
	files=$(spooled i-0)
	bytes=$(cat i-0/spool/* | wc -c)

	start_kafka -t "$topic:12"
	seconds=$EPOCHREALTIME
	"${fast[@]}" ccm-ship -1 "$WORK/i-0/spool" ccm-produce "$topic" 2>>i-0.err
	is $? 0 "... and sent when Kafka is there"
	seconds=$(awk -v a="$seconds" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
	look 168 "$clusters"
	is "$total records, $found" \
		"$((168 * clusters * 14)) records, 0 lost, 0 doubled, $nothing_else" \
		"... each of $total values is on the topic, once"
	out_of_order=$(awk -F '\t' '$5 {
		match($5, /"cluster_id":"[^"]*"/)
		series = $4 substr($5, RSTART, RLENGTH)
		match($5, /"timestamp":[0-9]*/)
		at = substr($5, RSTART + 12, RLENGTH - 12) + 0
		if (at < newest[series]) wrong++
		newest[series] = at
	} END { print wrong + 0 }' topic.log)
	is "$out_of_order" 0 "... each series in the order of its hours"
	within_limits "$requests" "$busiest" "$throttled" "$minutes"
	ok $? "... within the limits"
	no_kafka

	say "An outage backfilled by one instance (50 requests a minute at most)"
	row '' '' '' 'hours,' 'hours,'
	row clusters hours requests simulated 'by count*'
	simulated_row 24 $((requests / 7))
	simulated_row 168 "$requests"
	computed_row 1000 24 14
	computed_row 1000 168 14
	computed_row 10000 24 "${one_figures%% *}"
	computed_row 10000 168 "${one_figures%% *}"
	echo
	echo "* requests, counted above, of which 50 go in 61 seconds"
	echo "Kafka was away meanwhile: $files files in the spool, $(megabytes "$bytes") MB. They were sent"
	awk -v n="$total" -v b="$bytes" -v s="$seconds" 'BEGIN {
		printf "in %s s, %.0f records/s, %.1f MB/s, into the simulated Kafka.\n",
			s, n / s, b / s / 1e6 }'
	echo "The biggest processes: ccm-scrape (bash) $(biggest bash) MiB," \
		"ccm-fetch $(biggest ccm-fetch), kcat $(biggest kcat)"
}

# ---- a host dies ------------------------------------------------------------

# at_hour HH: the clock of what is started from here on
at_hour() { export CCM_NOW=2025-09-02T$1:05:00Z; }

# one_run STATE: of all clusters, sent
one_run() {
	start scrape "$1" api rate 1 "$clusters"
	scraping=("$pid")
	finished "$1"
}

# An hour done and sent by host A, whose state is in a/; the topic has it, and the
# next one is due.
host_a() {
	rm -rf a b rate
	start_kafka -t "$topic:12"
	at_hour 01
	address api
	one_run a
	no_addresses
	at_hour 02
	address api
}

# begin_anew HOUR: b/ is that of an instance that is told where to begin
begin_anew() {
	rm -rf b
	mkdir b
	echo "$1" >b/since
}

# death HOURS WHAT WANTED: a row, and what has to be so
death() {
	look "$1" "$clusters"
	row "$2" "$lost" "$doubled"
	facts+=("$2"$'\t'"$3"$'\t'"$found")
}

has_more_than() { (($(wc -l <topic.log) > $1)); }

dies_asking() {
	host_a
	answers_after 60000
	start scrape a api rate 1 "$clusters"
	until_true 20 has_asked api || echo "# nothing is asked"
	kill_host "$pid"
	moment_a=$(spooled a)
	cp -a a b
	answers_after 500
	one_run b
	death 2 "while it asks; its state goes on elsewhere" "0 lost, 0 doubled"
	no_addresses
	no_kafka
}

# The answers of the brokers do not reach it any more.
dies_sending() {
	local before
	host_a
	start scrape a api rate 1 "$clusters"
	wait "$pid"
	gone "$pid"
	sync_topic
	before=$(wc -l <topic.log)
	kafka rtt all 3000
	start ship a
	until_true 30 has_more_than "$before" || echo "# nothing is sent"
	kill_host "$pid"
	moment_b=$(spooled a)
	kafka rtt all 0
	cp -a a b
	one_run b
	death 2 "while it sends; its state goes on elsewhere" "0 lost, 1400 doubled"
	no_addresses
	no_kafka
}

# Hours 00 is on the topic; the state is gone, it is 07:05.
loses_state() {
	host_a
	no_addresses
	at_hour 07
	address api
	one_run b
	death 7 "its state is lost, 6 hours later another one begins" "7000 lost, 0 doubled"
	begin_anew 2025-09-02T01Z
	one_run b
	death 7 "... and once more, told to begin with the first hour missed" \
		"0 lost, 1400 doubled"
	forget_topic
	begin_anew 2025-09-02T00Z
	one_run b
	death 7 "its state and the topic are lost: told to begin with all" \
		"0 lost, 0 doubled"
	no_addresses
	no_kafka
}

twice_by_mistake() {
	rm -rf a rate
	start_kafka -t "$topic:12"
	at_hour 01
	address api
	run_instances "api,rate,1,$clusters" "api,rate,1,$clusters"
	count_requests api
	mistaken_requests=$requests
	death 1 "two instances ask for the same clusters" "0 lost, 1400 doubled"
	forget_topic
	start scrape a api rate 1 "$clusters"
	scraping=("$pid")
	start scrape a api rate 1 "$clusters"
	scraping+=("$pid")
	finished a
	death 1 "two runs at once in one state directory" "0 lost, 0 doubled"
	no_addresses
	no_kafka
}

deaths_table() {
	local fact name wanted got facts=() format='%-64s %6s %8s\n'
	local moment_a moment_b mistaken_requests
	faster 20
	clusters=100 principals=4 topics=6
	say "A host dies: 100 clusters, 1,400 values an hour"
	row '' lost doubled
	dies_asking
	dies_sending
	loses_state
	twice_by_mistake
	echo
	is "$moment_a $moment_b" "0 1" "they died before and after there was a file in the spool"
	is "$mistaken_requests" 6 "two instances ask for the same clusters with 6 requests, not 3"
	for fact in "${facts[@]}"; do
		IFS=$'\t' read -r name wanted got <<<"$fact"
		is "$got" "$wanted, $nothing_else" "$name: $wanted"
	done
}

# ---- partitions -------------------------------------------------------------

# spread WHAT FILE: the records of FILE over 6, 12 and 64 partitions
spread() {
	local n keys figures=()
	keys=$(ccm-key <"$2" | cut -f 1 | sort -u | wc -l)
	start_kafka -t p6:6 -t p12:12 -t p64:64
	for n in 6 12 64; do
		ccm-produce "p$n" <"$2" 2>>produce.err || echo "# ccm-produce: $?"
	done
	sync_topic
	for n in 6 12 64; do
		# shellcheck disable=SC2207 # two numbers
		figures+=($(awk -F '\t' -v topic="p$n" -v n="$n" '$1 == topic {
			count[$2]++
			all++
		} END {
			for (p in count) {
				used++
				if (count[p] > most) most = count[p]
			}
			printf "%.2f %d", most / (all / n), n - used
		}' topic.log))
	done
	is "$(grep -c '^p' topic.log) $(cut -s -f 1,4 topic.log | sort -u | wc -l) $(
		cut -s -f 1,2,4 topic.log | sort -u | wc -l)" \
		"$((3 * $(wc -l <"$2"))) $((3 * keys)) $((3 * keys))" \
		"$1: all records are there, and each key is on one partition"
	table+=$(row "$1" "$keys" "${figures[@]}")$'\n'
	no_kafka
}

partitions_table() {
	local table='' n format='%-44s %7s %8s %6s %8s %6s %8s %6s\n'
	# As if names told whose they are.
	sed -E 's/("cluster_id":"lkc-([0-9]+)","(topic|principal)":"[a-z]+-)/\1\2-/' \
		hour.records >own.records
	echo
	spread "the same topics and principals everywhere" hour.records
	spread "topics and principals of its own" own.records
	say "140,000 values of 10,000 clusters over partitions (murmur2)"
	printf '%-44s %7s %15s %15s %15s\n' '' '' '6 partitions' '12 partitions' '64 partitions'
	row 'each cluster has' keys max/mean empty max/mean empty max/mean empty
	printf '%s\n' "$table"
	start_kafka -t one:1 -t twelve:12
	for n in one twelve; do
		ccm-produce "$n" <own.records 2>produce.err
		awk -v n="$n" '/ records to / { printf "%s into %s partition%s: %.0f records/s\n",
			"One ccm-produce", n, n == "one" ? "" : "s", $2 / $7 }' produce.err
	done
	no_kafka
}

clusters_table
topologies_table
outage_table
deaths_table
partitions_table
say "All in $((SECONDS - began)) s."

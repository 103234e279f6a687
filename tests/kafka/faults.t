#!/usr/bin/env bash
# What becomes of a send when brokers die, freeze, refuse or have no room: three
# of them, acks=all, min.insync.replicas=2. ccm-ship gives ccm-produce the files
# of a spool, as it does in earnest.
# shellcheck disable=SC2154,SC2238 # status is tap.sh's, diff is a file

# Small disks of this test's own, that no kill leaves behind.
if [ "$(id -u)" = 0 ] && [ -z "${OWN_MOUNTS-}" ]; then
	OWN_MOUNTS=1 exec unshare --mount "$BASH" "$0" "$@"
fi
# shellcheck source=tests/kafka/broker.sh
. "$(dirname "$0")/broker.sh"

if [ -n "${OWN_MOUNTS-}" ]; then
	for i in 1 2 3; do
		mkdir -p "broker-$i/data"
		mount -t tmpfs -o size=200m ccm-test "broker-$i/data" || unset OWN_MOUNTS
	done
	trap 'end_brokers; umount broker-[123]/data; finish' EXIT
fi
start_brokers 3
make_topic faults 4 min.insync.replicas=2

# A frozen broker is given up after five seconds, not sixty.
export KAFKA_REQUEST_TIMEOUT_MS=5000
export KAFKA_RECONNECT_BACKOFF_MAX_MS=1000

# spool_of NAME...: a new spool with a file NAME.ndjson for each file NAME.records
spool_of() {
	local name
	rm -rf spool
	mkdir spool
	for name; do cp "$name.records" "spool/$name.ndjson"; done
}

# left: what the spool has, in one line
left() { (cd spool && find . -type f ! -name '.*' -printf '%P\n' | sort | xargs); }

nothing_left() { [ -z "$(left)" ]; }

# ship [NAME=VALUE...]: the spool to the topic, once through
ship() { run env "$@" ccm-ship -1 spool ccm-produce "$topic"; }

shipped() { ship "$@" && [ "$status" = 0 ]; }

# in_the_background COMMAND...: its status goes to the file status
in_the_background() {
	rm -f status
	(
		"$@" <&0 >out 2>err &
		trap 'kill $!' TERM
		wait $!
		echo $? >status
	) <&0 &
	started+=($!)
}

ended() {
	until_true "$1" [ -s status ] || echo "# not ended after $1 s"
	status=$(cat status 2>/dev/null)
}

# send_half NAME [NAME=VALUE...]: the records of NAME.records are under way, the
# second half of them held back until the file go is there. Some are on the topic.
send_half() {
	local name=$1 lines before
	shift
	rm -f go
	lines=$(wc -l <"$name.records")
	before=$(client count "$topic")
	in_the_background env "$@" ccm-produce "$topic" < <(
		head -n $((lines / 2)) "$name.records"
		until_true 60 [ -e go ]
		tail -n +$((lines / 2 + 1)) "$name.records"
	)
	until_true 30 more_on_topic "$before" || echo "# nothing comes"
}

more_on_topic() { [ "$(client count "$topic")" -gt "$1" ]; }

brokers_end() {
	local i
	for i; do kill -KILL "${broker_pid[$i]}"; done
	for i; do end_broker "$i"; done
} 2>/dev/null

# follows: $victim leads partition 0 no more and has what the others have. Until it
# is told, a broker that wakes up answers readers as the leader that it was.
follows() {
	local partition
	partition=$(describe "$plaintext" "$topic" | grep '^    partition 0,')
	[[ $partition != *"leader $victim,"* && $partition = *isrs:*"$victim"* ]]
}

brokers_start() {
	local i
	for i; do start_broker "$i"; done
	until_true 60 brokers_are 3 || echo "# the brokers do not come back"
}

# file NAME FROM TO: NAME.records with such values, NAME.wanted as the topic gets
# them
file() {
	records "$2" "$3" >"$1.records"
	ccm-key <"$1.records" | sort >"$1.wanted"
}

# fresh_topic NAME [SETTING...]: what is on it is only what comes from here on
fresh_topic() { make_topic "$1" 4 min.insync.replicas=2 "${@:2}"; }

file big 1 200000
file a 1 5000
file b 5001 10000
file d 10001 10300
sort a.wanted b.wanted >both.wanted

# ---- brokers that die or freeze in the middle -------------------------------

send_half big
victim=$(leader "$topic" 0)
touch go
brokers_end "$victim"
ended 120
like "$status $(tail -n 1 err)" '^0 ccm-produce: 200000 records to ' \
	'a leader killed in the middle of 200,000 records is waited for'
is "$(wc -l <err)" 1 '... without a word about it'
holds "$topic" big.wanted '... and every record is there'
brokers_start "$victim"

# A transaction that a broker's death cuts short is begun anew.
fresh_topic whole
export CCM_KAFKA_TRANSACTIONAL_ID=ccm
send_half a
victim=$(leader "$topic" 0)
touch go
brokers_end "$victim"
ended 120
unset CCM_KAFKA_TRANSACTIONAL_ID
like "$status $(tail -n 1 err)" '^0 ccm-produce: 5000 records to ' \
	'a transaction is committed though a leader is killed'
on_topic "$topic" >got
cmp -s got a.wanted
ok $? '... and its readers see every record once'
brokers_start "$victim"

fresh_topic frozen
send_half a
victim=$(leader "$topic" 0)
kill -STOP "${broker_pid[$victim]}"
touch go
ended 120
kill -CONT "${broker_pid[$victim]}"
until_true 60 follows || echo "# the broker that was frozen does not come back"
like "$status $(tail -n 1 err)" '^0 ccm-produce: 5000 records to ' \
	'so is one that accepts and never answers, by way of the others'
holds "$topic" a.wanted '... and every record is there'
until_true 60 brokers_are 3

fresh_topic away
send_half a
brokers_end 1 2 3
touch go
until_true 60 grep -q 'no broker answered' err
brokers_start 1 2 3
ended 120
like "$status $(tail -n 1 err)" '^0 ccm-produce: 5000 records to ' \
	'all brokers stopped and started again are waited for'
like "$(head -n 1 err)" '^ccm-produce: WARN: no broker answered: .*; still trying$' \
	'... with a warning that says why'
is "$(wc -l <err)" 2 '... once'
holds "$topic" a.wanted '... and every record is there'

# ---- brokers that are not there to begin with -------------------------------

fresh_topic gone
spool_of a b
brokers_end 1 2 3
ship
like "$status $(left) $(head -n 1 err)" \
	'^75 a.ndjson b.ndjson ccm-ship: WARN: .*no broker answered: .*Connection refused.*; nothing was sent; 2 files .* kept in spool$' \
	'no broker at the start: nothing is sent, status 75, the spool is as it was'
in_the_background ccm-ship spool ccm-produce "$topic"
until_true 30 grep -q 'nothing was sent' err
brokers_start 1 2 3
until_true 90 nothing_left
is "$(left)" '' 'ccm-ship empties the spool when they are back'
kill "${started[-1]}"
holds "$topic" both.wanted '... and every record is there'

for i in 1 2 3; do kill -STOP "${broker_pid[$i]}"; done
spool_of a
ship
for i in 1 2 3; do kill -CONT "${broker_pid[$i]}"; done
like "$status $(left) $(head -n 1 err)" \
	'^75 a.ndjson ccm-ship: WARN: .*no broker answered.*; nothing was sent; 1 file ' \
	'brokers that accept and never answer: status 75, and the spool is as it was'
until_true 60 brokers_are 3
ship
is "$status $(left)" '0 ' '... when they do, it is sent'

# ---- refusals ---------------------------------------------------------------

topic=$prefix-missing
spool_of a
ship
like "$status $(left) $(head -n 1 err)" \
	"^75 a.ndjson ccm-ship: WARN: .*topic $topic does not exist, and the broker does not create it; nothing was sent; " \
	'a topic that is missing and not created: the spool is as it was'
like "$(cat err)" 'ccm-produce exited with status 69' '... by status 69'
fresh_topic missing
ship
is "$status $(left)" '0 ' '... once it is there, it is sent'
holds "$topic" a.wanted '... all of it'

# A record of 1 MiB is over what a broker takes by default, with its key.
fresh_topic large
{
	cat b.records
	printf '{"fields":{"value":1},"name":"%s","tags":{"topic":"%s"},"timestamp":'$now'}\n' \
		large "$(head -c 700000 /dev/zero | tr '\0' x)"
} >c.records
spool_of a c
ship
is "$status $(left)" '65 bad/a.ndjson.rejected' \
	'a record over max.message.bytes is set aside'
tail -n 1 c.records | diff - spool/bad/a.ndjson.rejected >"diff"
ok $? '... alone, as it came'
: >diff
like "$(cat err)" 'refuses 1 of [0-9]+ records for good: 1 x Broker: Message size too large; they are kept in .*/bad/a.ndjson.rejected' \
	'... number, reason and file are reported'
holds "$topic" both.wanted '... and the other records are there, of that file too'
is "$(wc -l <all)" "$(wc -l <both.wanted)" '... once'

# Batches are larger than this topic takes, whatever is in them.
fresh_topic small max.message.bytes=2000
{
	cat d.records
	printf '{"fields":{"value":1},"name":"%s","tags":{"topic":"%s"},"timestamp":'$now'}\n' \
		large "$(head -c 3000 /dev/zero | tr '\0' x)"
} >c.records
spool_of c
ship
is "$status $(left)" '65 bad/c.ndjson.rejected' \
	'a topic that takes less than a batch: one record is set aside'
like "$(cat err)" 'refuses 1 of 301 records for good' '... only that one is refused'
holds "$topic" d.wanted '... and the others are there'
spool_of d
ship
is "$status $(left)" '0 ' '... a file without such a record is sent'

# ---- rights -----------------------------------------------------------------

fresh_topic rights
as_alice=(KAFKA_BOOTSTRAP_SERVERS="$sasl_plaintext"
	KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT KAFKA_SASL_MECHANISM=SCRAM-SHA-256
	KAFKA_SASL_USERNAME=alice KAFKA_SASL_PASSWORD="$broker_password")
client allow alice DESCRIBE "$topic"
client deny alice WRITE "$topic"
spool_of a
ship "${as_alice[@]}"
like "$status $(left) $(cat err)" "^75 a.ndjson ccm-ship: WARN: ccm-produce exited with status 77: this user lacks the right to write to $topic: " \
	'a user who may not write: status 77, and the spool is as it was'
client forget alice "$topic"
until_true 20 shipped "${as_alice[@]}"
is "$status $(left)" '0 ' '... who then may: it is sent'
send_half b "${as_alice[@]}"
client allow alice DESCRIBE "$topic"
client deny alice WRITE "$topic"
touch go
ended 60
like "$status $(tail -n 1 err)" '^77 ccm-produce: ERROR: this user lacks the right to write to ' \
	'a right that is withdrawn in the middle is status 77'

# ---- disks that are full ----------------------------------------------------

# fill NUMBER...: no byte is left on these brokers' disks
fill() {
	local i
	for i; do
		cat /dev/zero >"broker-$i/data/filler" 2>/dev/null
	done
}

if [ -z "${OWN_MOUNTS-}" ]; then
	echo "# the facts about full disks are left out: they need root, for a tmpfs"
	exit
fi
fresh_topic full
send_half a
victim=$(leader "$topic" 0)
fill "$victim"
touch go
ended 120
like "$status $(tail -n 1 err)" '^0 ccm-produce: 5000 records to ' \
	'the disk of one broker is full: the others take what is sent'
holds "$topic" a.wanted '... and every record is there'
rm "broker-$victim/data/filler"
brokers_end "$victim"
brokers_start "$victim"

send_half b
fill 1 2 3
touch go
until_true 60 grep -q 'no broker answered' err
rm broker-[123]/data/filler
brokers_end 1 2 3
brokers_start 1 2 3
ended 120
like "$status $(tail -n 1 err)" '^0 ccm-produce: 5000 records to ' \
	'the disks of all are full: the send waits until they have room again'
holds "$topic" both.wanted '... and every record is there'

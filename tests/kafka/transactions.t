#!/usr/bin/env bash
# What the sudden end of one process of a send leaves on the topic. In a
# transaction, nothing that a read_committed reader sees; without one, whole
# records only.
# shellcheck disable=SC2154,SC2238 # status is tap.sh's, diff is a file
# shellcheck source=tests/kafka/broker.sh
. "$(dirname "$0")/broker.sh"
# shellcheck source=tests/moments.sh
. "$ROOT/tests/moments.sh"

start_brokers 1
: >diff
mkfifo feed

# A PROG: frames with the value as key and the record as it came. It adds a dot to
# the file framed for each.
cat >prog <<'PERL'
#!/usr/bin/perl
use strict;
use warnings;
$| = 1;
open my $framed, '>', 'framed' or die;
$framed->autoflush;
my ($key_end, $end) = $ENV{CCM_DELIMS} =~ /^(.{16})(.{16})$/s;
while (my $record = <STDIN>) {
	chomp $record;
	my ($key) = $record =~ /"value":(\d+)/;
	my ($time) = $record =~ /"timestamp":(\d+)/;
	print "$time\t", length($key . $record), "\t$key$key_end$record$end";
	print $framed '.';
}
exit($ENV{PROG_STATUS} // 0);
PERL
# Another: "cut N SIGNAL" writes two frames and the first N bytes of a third, and
# ends itself with that signal (0: it does not).
cat >cut <<'PERL'
#!/usr/bin/perl
use strict;
use warnings;
$| = 1;
my ($bytes, $signal) = @ARGV;
my ($key_end, $end) = $ENV{CCM_DELIMS} =~ /^(.{16})(.{16})$/s;
my $frame = "1756900800000\t12\tk${key_end}\0\n\tten byte$end";
print $frame, $frame, substr($frame, 0, $bytes);
kill $signal, $$;
PERL
chmod +x prog cut

RECORDS=200
records 1 $RECORDS >input
sort input >wanted

# end_of TOPIC: the offset behind its last message, committed or not, in its only
# partition
end_of() {
	kcat -Q -b "$plaintext" -X broker.address.family=v4 \
		-X isolation.level=read_uncommitted -t "$1:0:-1" 2>/dev/null |
		sed 's/.* //'
}

# has_grown BY: the topic has so many messages more than $end_before
has_grown() { (($(end_of "$topic") >= end_before + $1)); }

# passed SID N: that many records are in kcat's input, and some of many with the
# broker. kcat reads its input in blocks, so the last ones wait there.
passed() {
	if [ -s framed ]; then
		[ "$(wc -c <framed)" -eq "$2" ]
	else
		in_session "$1" ccm-key
		grep -qx "wchar: $(head -n "$2" input | ccm-key -F | wc -c)" \
			"/proc/${members[0]-none}/io"
	fi && { (($2 < 100)) || has_grown 1; }
}

# committed: what a read_committed reader sees, sorted
committed() { client times "$topic" | cut -f 2- | sort; }

running() {
	in_session "$1" "$2"
	((${#members[@]} > 0))
}

# kill_and_wait VICTIM N: the part of kill_one in which bash reports who was killed
kill_and_wait() {
	kill -KILL "$victim"
	if [ "$1" = ccm-produce ]; then
		(
			trap '' PIPE
			tail -n +$(($2 + 1)) input >&"$feed"
		)
		exec {feed}>&-
		wait "$sid"
		status=$?
	else
		# It has to notice by itself.
		wait "$sid"
		status=$?
		exec {feed}>&-
	fi
} 2>/dev/null

# kill_one VICTIM N [PROG]: N of the records of input are given to ccm-produce; when
# they are through, one process gets SIGKILL. Who still reads gets the rest, and
# the end of it. The status of ccm-produce is in $status.
kill_one() {
	local sid victim feed end_before
	end_before=$(end_of "$topic")
	: >framed
	setsid ccm-produce "$topic" "${@:3}" <feed >out 2>err &
	sid=$!
	started+=("$sid")
	exec {feed}>feed
	head -n "$2" input >&"$feed"
	# Before that, a kcat has asked for the topic.
	until_true 30 running "$sid" "$(basename "${3-ccm-key}")" ||
		echo "# nothing frames records"
	running "$sid" "$1" || echo "# no $1 is running"
	victim=${members[0]}
	[ "$2" = 0 ] || until_true 30 passed "$sid" "$2" ||
		echo "# $2 records do not get through"
	kill_and_wait "$1" "$2"
	until_true 30 none_in_session "$sid" || echo "# something of it is left"
}

# ---- transactions -----------------------------------------------------------

export CCM_KAFKA_TRANSACTIONAL_ID=$prefix

# killed VICTIM STATUS [PROG]: at the boundaries of some records, and behind the
# last one; then all of it is sent
killed() {
	local count statuses=''
	make_topic "killed-$1" 1
	for count in 0 1 $((RECORDS / 2)) $RECORDS; do
		kill_one "$1" "$count" "${@:3}"
		statuses+="$status "
	done
	is "$statuses" "$2 $2 $2 $2 " \
		"a transaction, and $1 is killed after 0, 1, $((RECORDS / 2)) and all records"
	is "$(client times "$topic" | wc -l)" 0 '... a read_committed reader sees nothing'
	run ccm-produce "$topic" "${@:3}" <input
	is "$status" 0 '... it is sent again'
	committed >got
	diff wanted got >"diff"
	ok $? '... and the reader sees each record once'
	: >"diff"
}

killed ccm-key 75
killed prog 75 ./prog
killed ccm-produce 137
killed kcat 75

make_topic unwell 1
PROG_STATUS=70 run ccm-produce "$topic" ./prog <input
is "$status $(client times "$topic" | wc -l)" '70 0' \
	'PROG exits with 70 behind its last record: its status, and the reader sees nothing'
run ccm-produce "$topic" ./prog </dev/null
is "$status" 0 'a transaction of no records'

make_topic refused 1 max.message.bytes=20000
{
	cat input
	printf '{"fields":{"value":0},"name":"large","tags":{"topic":"%s"},"timestamp":1}\n' \
		"$(head -c 30000 /dev/zero | tr '\0' x)"
} >large
CCM_SHIP_REJECTS=$WORK/rejects run ccm-produce "$topic" <large
is "$status $(client times "$topic" | wc -l)" '65 0' \
	'a record that the broker refuses for good: status 65, and nothing is committed'
[ ! -s rejects ]
ok $? '... nor kept as the only one that is missing'
unset CCM_KAFKA_TRANSACTIONAL_ID

# ---- without a transaction --------------------------------------------------

make_topic boundary 1
kill_one ccm-key 1
first=$status
kill_one ccm-key 100
committed >got
head -n 100 input | sort | comm -13 - <(uniq got) >"diff"
ok "$(wc -l <"diff")" "ccm-key is killed after 1 and after 100 records: $(wc -l <got) whole ones are on the topic"
: >"diff"
is "$first $status" '75 75' '... and the status is 75'

# An input without end keeps ccm-key writing: it dies within a line.
records 1 50000 >many
without_end() { while cat many; do :; done 2>/dev/null; }
make_topic middle 1
statuses=''
for ((i = 0; i < 3; i++)); do
	end_before=$(end_of "$topic")
	setsid ccm-produce "$topic" < <(without_end) >out 2>err &
	sid=$!
	started+=("$sid")
	until_true 30 has_grown 1
	running "$sid" ccm-key && kill -KILL "${members[0]}"
	wait "$sid"
	statuses+="$? "
	until_true 30 none_in_session "$sid" || echo "# something of it is left"
done
is "$statuses" '75 75 75 ' 'ccm-key is killed while it writes: status 75'
kcat -C -b "$plaintext" -X broker.address.family=v4 -t "$topic" -e -q 2>/dev/null |
	sort -u >got
sort many | comm -13 - got >"diff"
ok "$(wc -l <"diff")" "... of the $(wc -l <got) records on the topic none is cut"
: >"diff"

# The time ends at 13, the length at 16, the key at 18, its delimiter at 34, the
# value at 45, the frame at 61.
make_topic cut 1
statuses='' killed=''
for place in 1 13 14 15 16 17 18 19 33 34 35 44 46 60; do
	run ccm-produce "$topic" ./cut "$place" 0 </dev/null
	statuses+="$status "
	run ccm-produce "$topic" ./cut "$place" KILL </dev/null
	killed+="$status "
done
is "$statuses" "$(printf '70 %.0s' {1..14})" \
	'PROG ends within a frame, at 14 places of it: status 70'
is "$killed" "$(printf '75 %.0s' {1..14})" '... is killed there: status 75'
for place in 0 45 61; do
	run ccm-produce "$topic" ./cut "$place" 0 </dev/null
	[ "$status" = 0 ]
	ok $? "... ends $place bytes behind the second: status 0"
done
frames=$(client read "$topic" | tee all | tr -d '\0' | grep -c 'ten byte')
for ((i = 0; i < frames; i++)); do printf '0\t0\tk\t\0\n\tten byte\n'; done >wanted
cmp wanted all >"diff" && ((frames >= 8))
ok $? "... and all of the $frames messages on the topic are whole"

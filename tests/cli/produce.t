#!/usr/bin/env bash
# ccm-produce against the simulated cluster: 0 means that all is on the topic.
# shellcheck disable=SC2154,SC2238 # status is tap.sh's, diff is a file
# shellcheck disable=SC2094 # no pipe reads what it writes
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/man.sh
. "$ROOT/tests/man.sh"

mkdir tmp
export TMPDIR=$WORK/tmp

# records FROM TO [TAG]: records with the values FROM to TO, each with a key of its
# own, or all with that one. Their time is now: an old record is a warning.
now=${EPOCHSECONDS}000
records() {
	seq "$1" "$2" | sed "s/.*/{\"fields\":{\"value\":&},\"name\":\"metric\",\
\"tags\":{\"cluster_id\":\"lkc-1\",\"topic\":\"${3-topic-&}\"},\"timestamp\":$now}/"
}

# ---- the cluster ------------------------------------------------------------

# control COMMAND...: returns when the cluster does it.
control() {
	echo "$*" >control
	until_true 5 grep -qxF "sim-kafka: ok: $*" cluster.err || return 1
	: >cluster.err
}

# sent_since_then: KEY<TAB>RECORD of all that came since the last call, sorted.
sent_since_then() {
	local token=sync-$BASHPID-${EPOCHREALTIME/./}
	control sync "$token"
	until_true 10 grep -qxF "#$token" topic.log || echo "no sync"
	grep -v '^#' topic.log >raw
	: >topic.log
	cut -f 4,5 raw | sort
}

# compare WANTED NAME: the sorted file WANTED is what came, nothing twice.
compare() {
	sent_since_then >got
	diff "$1" got >diff
	ok $? "$2"
	[ ! -s diff ] || echo "# of $(wc -l <"$1") records, $(grep -c '^<' diff)\
 are missing and $(grep -c '^>' diff) too many"
	: >diff
}

: >topic.log
start "$SIM/sim-kafka" -b 3 -t metrics:4 -c control -r topic.log >brokers 2>>cluster.err
until_true 5 [ -s brokers ] || {
	ok 1 'the simulated cluster starts'
	exit 1
}
brokers=$(cat brokers)
export KAFKA_BOOTSTRAP_SERVERS=$brokers

# produce COMMAND...: in the background; its status goes to the file status.
produce() {
	rm -f status pid
	(
		"$@" <&0 >out 2>err &
		echo $! >pid
		wait $! 2>/dev/null
		echo $? >status
	) <&0 &
	started+=($!)
	until_true 5 [ -s pid ]
	pid=$(cat pid)
}

ended() {
	until_true 20 [ -s status ]
	status=$(cat status)
}

# child REGEX: the pid of the child of ccm-produce's that has such a command line.
child() {
	local child children
	read -ra children 2>/dev/null <"/proc/$pid/task/$pid/children"
	for child in "${children[@]}"; do
		tr '\0' ' ' <"/proc/$child/cmdline" 2>/dev/null | grep -qE "$1" &&
			echo "$child" && return
	done
	return 1
}
sending='^kcat .* -P '
keying='/ccm-key -F'

gone() { ! kill -0 "$1"; }

# ---- what takes long, meanwhile ---------------------------------------------

records 1 3 >three
(
	KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1 ccm-produce metrics 2>away.err
	echo $? >away.status
	wc -l >away.left
) <three &
(
	KAFKA_SECURITY_PROTOCOL=SSL ccm-produce metrics 2>tls.err
	echo $? >tls.status
) <three &

# A kcat that gets a refusal in the middle of a send, and would sit it out.
mkdir sim
ln -s "$SIM/sim-kcat" sim/kcat
cat >revoked <<'END'
progress 3 1
event error -169 _AUTHENTICATION b:9092/1: SASL authentication error: Authentication failed: revoked (after 5ms in state AUTH_REQ)
stand 3 1
END
(
	SIM_KCAT_PRODUCE=revoked PATH=$WORK/sim:$PATH ccm-produce metrics 2>revoked.err
	echo $? >revoked.status
) <three &
# One that reports nothing but that nothing moves.
cat >stuck <<'END'
stand 3 1
END
(
	SIM_KCAT_PRODUCE=stuck PATH=$WORK/sim:$PATH exec ccm-produce metrics 2>stuck.err
) <three &
stuck=$!

# ---- a kcat that cannot be used ----------------------------------------------

# unusable NAME: a kcat of that kind is status 78, with its path, and nothing of
# standard input is read.
unusable() {
	chmod 755 "$1/kcat"
	PATH=$WORK/$1:$PATH run ccm-produce metrics <three
	like "$status $(cat err)" "^78 ccm-produce: ERROR: $WORK/$1/kcat cannot be used: .*install the package kcat" \
		"a kcat that $2 is status 78"
}
mkdir silent ends other
printf '#!/bin/sh\nexec sleep 60\n' >silent/kcat
unusable silent 'says nothing'
printf '#!/bin/sh\nexit 0\n' >ends/kcat
unusable ends 'ends at once'
# A program without librdkafka.
cp "$(command -v sleep)" other/kcat
unusable other 'has no librdkafka'
KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1 PATH=$WORK/ends:$PATH run ccm-produce -n
is "$status" 78 '-n refuses it too'

# ---- the command line -------------------------------------------------------

run ccm-produce -h
like "$status $(cat out)" '^0 usage: ccm-produce TOPIC' '-h prints the usage'
run ccm-produce -V
is "$status $(cat out)" "0 ccm-produce $(ccm-key -V | cut -d' ' -f2)" '-V prints the version'
run ccm-produce
is "$status" 64 'a missing topic is a usage error'
run ccm-produce 'no/topic' </dev/null
is "$status $(cat err)" '64 ccm-produce: ERROR: "no/topic" is not a topic'\''s name: that is 1 to 249 of A-Z a-z 0-9 . _ -' \
	'so is a topic that Kafka cannot have'
run ccm-produce -x metrics
is "$status $(cat err)" '64 ccm-produce: ERROR: unknown option -x; -h shows the usage' \
	'so is an unknown option'
run env KAFKA_SASL_PASSWORD=s3cret KAFKA_SASL_USERNAME=u KAFKA_SASL_MECHANISM=PLAIN \
	KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1 ccm-produce -n
is "$status $(grep password out) $(cat err)" '0 sasl.password=******** ' \
	'-n prints the settings, the secrets masked'
run env KAFKA_ACKS=maybe ccm-produce -n
is "$status" 78 '... and refuses what a run refuses'
run sh -c 'KAFKA_BOOTSTRAP_SERVERS=b:1 ccm-produce -n >&-'
like "$status $(cat err)" '^74 .*standard output is closed' '-n with nowhere to print is status 74'
run sh -c 'KAFKA_BOOTSTRAP_SERVERS=b:1 ccm-produce metrics <&-'
like "$status $(cat err)" '^74 .*standard input is closed' '... and so is a run without input'
run ccm-produce -n metrics
is "$status" 64 '... it takes no topic'
KAFKA_LINGER_MS=5ms run ccm-produce metrics </dev/null
is "$status" 78 'a setting that is refused is status 78'
GLOBAL_LOG_LEVEL=loud run ccm-produce metrics </dev/null
is "$status" 78 'so is an unknown log level'
TMPDIR=$WORK/none run ccm-produce metrics </dev/null
is "$status" 0 'it needs no temporary directory'
run ccm-produce metrics no-such-prog </dev/null
is "$status" 78 'a PROG that is not there is status 78'
run ccm-produce -- -X </dev/null
is "$status" 0 'a topic may begin with a hyphen'

# ---- the check of settings by librdkafka --------------------------------------

# With a keytab, for which kinit would be started, and brokers that would be asked.
KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT KAFKA_SASL_MECHANISM=GSSAPI \
	KAFKA_SETTINGS='{"sasl.kerberos.keytab":"/x","sasl.kerberos.principal":"me"}' \
	run env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=execve,socket,connect -o calls ccm-produce -n
is "$status $(grep -c execve calls)" '0 2' '-n starts a kcat and nothing else'
is "$(grep -cE 'AF_INET|connect' calls)" 0 '... and no packet leaves'

# ---- sending ----------------------------------------------------------------

{
	records 1 1000
	echo '{"fields":{"value":1},"name":"foobar","tags":{},"timestamp":0}'
	echo '{"fields":{"value":1},"name":"a little bit long string","tags":{},"timestamp":0}'
	echo '{"fields":{"value":1},"name":"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8","tags":{},"timestamp":0}'
	printf '%s\n' '{"fields":{"value":-9223372036854775808},"name":"grüße","tags":{"topic":"a\tb\"\\:%s"},"timestamp":0}'
} >input
ccm-key <input | sort >wanted
run ccm-produce metrics <input
like "$status $(cat err)" '^0 ccm-produce: 1004 records to metrics in [0-9]+\.[0-9]{3} s$' \
	'records are sent, and one line says so'
compare wanted 'keys and records are on the topic, to the byte'
# The hashes are those of Kafka's own UtilsTest.testMurmur2.
is "$(grep -aE $'\t(foobar|a little bit long string|lkjh234lh9[a-z0-9]*)\t' raw |
	cut -f 2,4 | sort -k 2)" \
	$'0\ta little bit long string\n2\tfoobar\n1\tlkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8' \
	'a key lands in the partition where the Java clients put it'

run ccm-produce metrics </dev/null
like "$status $(cat err)" '^0 ccm-produce: 0 records' 'no records are sent at once'
run env -u PATH /bin/bash -c "PATH=/usr/bin:/bin; $B/bin/ccm-produce metrics" <three
is "$status" 0 'it finds its programs beside itself'
ln -s "$B/bin/ccm-produce" link
run ./link metrics <three
is "$status" 0 'also when it is run by a link'
cat three three | ccm-key | sort >wanted
compare wanted 'and sends'

{
	records 1 2
	echo '{"name":'
	records 3 4
} >input
records 1 4 | ccm-key | sort >wanted
run ccm-produce metrics <input
like "$status $(cat err)" '^65 ccm-key: stdin:3: .*other 4 records are sent' \
	'a bad line is reported by its number, and is status 65'
compare wanted 'the others are sent'

head -c 1048000 /dev/zero | tr '\0' x >long
printf '{"fields":{"value":1},"name":"long","tags":{"topic":"%s"},"timestamp":0}\n' \
	"$(cat long)" >input
KAFKA_MAX_REQUEST_SIZE=1000 run ccm-produce metrics <input
is "$status" 0 'the longest line is sent, with a key as long, whatever max_request_size says'
ccm-key <input | md5sum >wanted
until_true 5 grep -qm1 long topic.log
sent_since_then | md5sum >got
is "$(cat got)" "$(cat wanted)" 'and arrives'

KAFKA_ACKS=1 run ccm-produce metrics <three
like "$status $(head -n1 err)" '^0 ccm-produce: WARN: sending without idempotence, because of KAFKA_ACKS' \
	'acks=1 costs idempotence, and is told'
printf '%s\n' metrics >names
CCM_SHIP_FILES=$'a.ndjson\nb.ndjson' run ccm-produce metrics <<<'{'
like "$status $(tail -n 1 err)" '^65 .*bad lines.*, of 2 files from a.ndjson to b.ndjson$' \
	'ccm-ship'\''s files are named'
sent_since_then >/dev/null

# ---- transactions -----------------------------------------------------------

export CCM_KAFKA_TRANSACTIONAL_ID=ccm CCM_INSTANCE=test
records 1 2000 >input
ccm-key <input | sort >wanted
run ccm-produce metrics <input
is "$status" 0 'a transaction is committed'
compare wanted 'and has all records'
run ccm-produce metrics </dev/null
is "$status" 0 'an empty one too'
control push-errors EndTxn INVALID_TXN_STATE 3
run ccm-produce metrics <three
is "$status" 75 'one that is not committed is not proved'
sent_since_then >/dev/null
control clear-errors EndTxn
control push-errors Produce MSG_SIZE_TOO_LARGE 1
run ccm-produce metrics <three
like "$status $(cat err)" '^65 .*refuses records for good, and with them the whole transaction' \
	'a record that is refused for good costs the whole transaction, and is told'
sent_since_then >/dev/null
unset CCM_KAFKA_TRANSACTIONAL_ID CCM_INSTANCE

# ---- refusals ---------------------------------------------------------------

records 1 400 >input
ccm-key <input | sort >wanted
# A batch that is refused as a whole: each record of it goes by itself then.
control push-errors Produce MSG_SIZE_TOO_LARGE 1
CCM_SHIP_FILES=x.ndjson run ccm-produce metrics < <(cat input)
like "$status $(tail -n 1 err)" '^0 ccm-produce: 400 records to metrics in .*, of x.ndjson$' \
	'records that are refused with their batch are sent alone'
compare wanted 'and each is there once'
# One batch, and then one record of it.
export KAFKA_LINGER_MS=1000
records 1 400 one >input
ccm-key <input | sort >wanted
control push-errors Produce MSG_SIZE_TOO_LARGE 2
run ccm-produce metrics <input
like "$status $(tail -n 1 err)" '^65 ccm-produce: ERROR: the broker refuses 1 of 400 records for good: 1 x .*Message size too large; 399 are sent' \
	'a record that is refused alone is status 65'
sent_since_then >got
is "$(comm -12 wanted got | wc -l) $(wc -l <got)" '399 399' 'the others are there, once'
control push-errors Produce MSG_SIZE_TOO_LARGE 2
CCM_SHIP_REJECTS=$WORK/rejects run ccm-produce metrics < <(
	cat input
	echo bad
)
like "$status $(tail -n 1 err)" "^0 ccm-produce: ERROR: the broker refuses 1 of 400 records for good: .*$WORK/rejects" \
	'with CCM_SHIP_REJECTS it is kept there, and the status is 0'
sent_since_then | cut -f 2 | cat - rejects | sort >got
{
	cat input
	echo bad
} | sort | diff - got >diff
ok $? 'with the lines that are none, as they came; the others are there, once'
: >diff
control push-errors Produce MSG_SIZE_TOO_LARGE 2
CCM_SHIP_REJECTS=/dev/full run ccm-produce metrics <input
like "$status $(tail -n 1 err)" '^74 .*/dev/full: No space left' 'where it cannot be kept the status is 74'
unset KAFKA_LINGER_MS
sent_since_then >/dev/null
for reason in INVALID_RECORD POLICY_VIOLATION RECORD_LIST_TOO_LARGE; do
	control push-errors Produce $reason 2
	head -n 1 three >one
	run ccm-produce metrics <one
	is "$status" 65 "$reason is for good too"
	control clear-errors Produce
done
control push-errors Produce TOPIC_AUTHORIZATION_FAILED 9
run ccm-produce metrics <three
like "$status $(cat err)" '^77 ccm-produce: ERROR: this user lacks the right to write to metrics' \
	'records that may not be written are status 77'
control clear-errors Produce
sent_since_then >/dev/null
control topic-error metrics TOPIC_AUTHORIZATION_FAILED
run ccm-produce metrics <three
like "$status $(cat err)" '^77 .*metrics.*authorization failed; nothing was sent$' \
	'so is a topic that may not be seen'
control topic-error metrics none
control push-errors InitProducerId CLUSTER_AUTHORIZATION_FAILED 9
run ccm-produce metrics <three
like "$status $(cat err)" '^77 .*KAFKA_ENABLE_IDEMPOTENCE=false' \
	'a user who may not send idempotently is told what to do'
control clear-errors InitProducerId
control topic gone:1
control topic late:1
control topic-error gone UNKNOWN_TOPIC_OR_PART
control topic-error late UNKNOWN_TOPIC_OR_PART
(
	ccm-produce gone 2>gone.err
	echo $? >gone.status
) <three &
(
	ccm-produce late 2>late.err
	echo $? >late.status
) <three &

KAFKA_SETTINGS='{"no.such.property":1}' run ccm-produce metrics <three
like "$status $(cat err)" '^78 .*no.such.property' 'a property that kcat does not know is status 78'
KAFKA_SSL_CAFILE=/none/ca.pem KAFKA_SECURITY_PROTOCOL=SSL run ccm-produce metrics <three
like "$status $(cat err)" '^78 .*ssl.ca.location' 'so is a missing CA file'
KAFKA_RECONNECT_BACKOFF_MS=900 KAFKA_RECONNECT_BACKOFF_MAX_MS=800 \
	run ccm-produce metrics <three
like "$status $(cat err)" '^78 .*reconnect.backoff' 'so are settings that contradict each other'
control topic-error late none
until_true 20 [ -s late.status ]
is "$(cat late.status)" 0 'a topic that is there after a second is used'

# A broker that knows just enough to refuse a password.
cat >broker.pl <<'END'
use strict; use warnings; use IO::Socket::INET;
$SIG{CHLD} = 'IGNORE';
$| = 1;
my $l = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die;
print $l->sockport, "\n";
while (1) {
	my $c = $l->accept or next;
	next if fork;
	my $get = sub {
		my $b = '';
		while (length $b < $_[0]) {
			sysread($c, $b, $_[0] - length $b, length $b) or exit;
		}
		return $b;
	};
	while (1) {
		my ($key, $version, $id) = unpack 'nnN', $get->(unpack 'N', $get->(4));
		# ApiVersions, newer than we speak: the client asks again.
		my $body = $key == 18 && $version > 0 ? pack('nN', 35, 0)
			: $key == 18 ? pack('nN', 0, 5) . join('', map { pack 'nnn', @$_ }
				[18, 0, 0], [17, 0, 1], [36, 0, 0], [3, 0, 1], [0, 0, 3])
			: $key == 17 ? pack('nN n/a*', 0, 1, 'PLAIN')
			: pack('n n/a* N', 58, 'Authentication failed: no such user', 0);
		syswrite $c, pack('NN', 4 + length $body, $id) . $body;
	}
}
END
start perl broker.pl >port
until_true 5 [ -s port ]
export KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT KAFKA_SASL_MECHANISM=PLAIN \
	KAFKA_SASL_USERNAME=alice KAFKA_SASL_PASSWORD=s3cret-pw
KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:$(cat port) GLOBAL_LOG_LEVEL=DEBUG \
	run ccm-produce metrics <three
like "$status $(cat err)" '^77 .*the broker refuses these credentials: .*Authentication failed: no such user.*KAFKA_SASL_PASSWORD' \
	'a refused password is status 77'
is "$(grep -c s3cret err)" 0 'and is not shown'
unset KAFKA_SECURITY_PROTOCOL KAFKA_SASL_MECHANISM

openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem \
	-subj /CN=localhost -days 2 2>/dev/null
start openssl s_server -accept 127.0.0.1:0 -cert cert.pem -key key.pem -www >tls 2>&1
until_true 5 grep -q ACCEPT tls
port=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' tls)
KAFKA_BOOTSTRAP_SERVERS=localhost:$port KAFKA_SECURITY_PROTOCOL=SSL \
	run ccm-produce metrics <three
like "$status $(cat err)" '^78 .*no TLS with the broker: .*certificate verify failed.*KAFKA_SSL_CAFILE' \
	'a certificate that nobody vouches for is status 78'

until_true 20 [ -s gone.status ]
control topic-error gone none
is "$(cat gone.status gone.err)" \
	$'69\nccm-produce: ERROR: topic gone does not exist, and the broker does not create it; nothing was sent' \
	'a topic that stays unknown is status 69'

# ---- in the middle of a send ------------------------------------------------

# A feeder that stops halfway until the file "go" is there.
slowly() {
	records 1 3000
	until_true 20 [ -e go ]
	records 3001 6000
}
records 1 6000 | ccm-key | sort >wanted
sent_since_then >/dev/null

export KAFKA_RECONNECT_BACKOFF_MAX_MS=500
rm -f go
GLOBAL_LOG_LEVEL=DEBUG produce ccm-produce metrics < <(slowly)
until_true 10 child "$sending"
kcat=$(child "$sending")
key=$(child "$keying")
cat "/proc/$pid/cmdline" "/proc/$kcat/cmdline" "/proc/$key/cmdline" >cmdlines
cat "/proc/$kcat/environ" "/proc/$key/environ" >environs
is "$(grep -acF s3cret cmdlines)$(grep -acF s3cret environs)" 00 \
	'the password is in no command line and in no environment of a child'
is "$(ls tmp)" '' 'no file of it has a name while it runs'
control down 2
touch go
sleep 2
control up 2
ended
is "$status" 0 'a broker that goes away for seconds in the middle is waited for'
is "$(grep -c s3cret err)" 0 'DEBUG shows no password'
compare wanted 'and every record is there exactly once'

rm -f go
produce ccm-produce metrics < <(slowly)
until_true 10 child "$sending"
kcat=$(child "$sending")
key=$(child "$keying")
control rtt all 2000
touch go
until_true 10 gone "$key"
kill -TERM "$kcat"
ended
control rtt all 0
is "$status" 0 'SIGTERM to kcat, by which it would drop records, changes nothing'
compare wanted 'and no record is missing'

rm -f go
produce ccm-produce metrics < <(slowly)
until_true 10 child "$sending"
kill -KILL "$(child "$sending")"
touch go
ended
like "$status $(cat err)" '^75 ccm-produce: ERROR: delivered [0-9]+ of .*: kcat was ended by signal 9' \
	'kcat ended by SIGKILL too'

rm -f go
produce ccm-produce metrics < <(slowly)
until_true 10 child "$sending"
kill -KILL "$(child "$keying")"
touch go
ended
like "$status $(cat err)" '^75 .*ccm-key was ended by signal 9' \
	'ccm-key ended by SIGKILL too'

rm -f go
produce ccm-produce metrics < <(slowly)
until_true 10 child "$sending"
kcat=$(child "$sending")
key=$(child "$keying")
kill -TERM "$pid"
ended
touch go
like "$status $(cat err)" '^75 .*stopped by a signal' 'SIGTERM to ccm-produce is status 75'
run kill -0 "$kcat" "$key"
is "$status" 1 'and nothing of it runs on'
is "$(ls tmp)" '' 'nor is a file left'
sent_since_then >/dev/null

rm -f go
produce ccm-produce metrics < <(slowly)
until_true 10 child "$sending"
kcat=$(child "$sending")
kill -KILL "$pid"
ended
touch go
until_true 10 gone "$kcat"
is "$status $(ls tmp)" '137 ' 'SIGKILL to ccm-produce leaves no file, and ends kcat'
sent_since_then >/dev/null

rm -f go
produce ccm-produce metrics < <(slowly)
until_true 10 child "$sending"
control down all
touch go
until_true 20 grep -q 'still trying' err
control up all
ended
like "$status $(cat err)" '^0 ccm-produce: WARN: .*; still trying.*6000 records' \
	'all brokers away for a moment are one warning'
compare wanted 'and nothing is lost or doubled'

rm -f go
KAFKA_DELIVERY_TIMEOUT_MS=1500 produce ccm-produce metrics < <(slowly)
until_true 10 child "$sending"
control down all
touch go
ended
like "$status $(cat err)" '^75 .*delivered [0-9]+ of 6000 records to metrics: .*timed out' \
	'all brokers away for longer than KAFKA_DELIVERY_TIMEOUT_MS are status 75'
control up all

until_true 20 [ -s away.left ]
like "$(cat away.status) $(cat away.err)" \
	'^75 ccm-produce: ERROR: no broker answered: 127.0.0.1:1: .*Connection refused.*; nothing was sent$' \
	'brokers that do not answer at the start are status 75'
is "$(tr -d ' ' <away.left)" 3 'and standard input is left as it was'
until_true 20 [ -s tls.status ]
like "$(cat tls.status) $(cat tls.err)" '^78 .*SSL_HANDSHAKE.*check KAFKA_SECURITY_PROTOCOL' \
	'TLS to a broker without it is status 78'
until_true 20 [ -s revoked.status ]
like "$(cat revoked.status) $(cat revoked.err)" \
	'^77 .*the broker refuses these credentials: .*Authentication failed: revoked' \
	'credentials that are refused in the middle of a send end it'
until_true 60 grep -q 'still trying' stuck.err
kill -TERM "$stuck"
wait "$stuck"
is "$? $(grep -c 'WARN.*no broker has acknowledged.*still trying' stuck.err)" '75 1' \
	'a send that stands still for no known reason is one warning'

# ---- the manual page --------------------------------------------------------

examples ccm-produce | head -n 1 | cut -f 1 >example
run bash example
like "$status $(cat err)" '^0 ccm-produce: 1 record to confluent-metrics in' \
	'the example of the manual page does what it says'

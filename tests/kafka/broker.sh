# shellcheck shell=bash
# A real Apache Kafka for a test: processes of its own on free ports of
# 127.0.0.1, ended with the test.
#
# A test that is good for any Kafka begins with use_brokers: that is the one
# which CCM_TEST_BOOTSTRAP names, reached by the KAFKA_* variables that the
# caller has set, or else a cluster of its own. A test that stops brokers, or
# wants their users and certificates, begins with start_brokers, and is skipped
# where CCM_TEST_BOOTSTRAP is set.
#
# make check-kafka installs Java, Maven, a Kerberos KDC and Python, and fetches
# Apache Kafka and kafka-python into build/kafka, once. BROKERS=3 is a cluster of
# three. With your own Kafka, topics ccm-test-... are made and deleted there:
#
#	export KAFKA_SECURITY_PROTOCOL=SASL_SSL KAFKA_SASL_MECHANISM=PLAIN
#	export KAFKA_SASL_USERNAME=KEY KAFKA_SASL_PASSWORD=SECRET
#	CCM_TEST_BOOTSTRAP=pkc-1.example.com:9092 make check-kafka
# shellcheck disable=SC2034 # used by those that source it

test_bootstrap=${CCM_TEST_BOOTSTRAP-}
declare -A test_settings=()
for name in "${!KAFKA_@}"; do test_settings[$name]=${!name}; done

# shellcheck source=tests/tap.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tap.sh"
trap 'end_brokers; finish' EXIT

# Where make has put the broker's jars and the Python client.
BROKER_DIR=${BROKER_DIR:-build/kafka}
[[ $BROKER_DIR = /* ]] || BROKER_DIR=$ROOT/$BROKER_DIR
[ -d "$BROKER_DIR/lib" ] || {
	echo "Bail out! make check-kafka fetches what this needs"
	exit 1
}
mkdir tmp
export TMPDIR=$WORK/tmp
prefix=ccm-test

# client COMMAND...: see client.py
client() {
	"$BROKER_DIR/venv/bin/python" "$ROOT/tests/kafka/client.py" "$@"
}

# records FROM TO: records with the values FROM to TO, of 170 bytes or so. Their
# time is now: an old record is a warning.
now=${EPOCHSECONDS}000
records() {
	seq -f '%.0f' "$1" "$2" | sed "s/.*/{\"fields\":{\"value\":&},\"name\":\"confluent_kafka_server_request_bytes\",\"tags\":{\"cluster_id\":\"lkc-a1b2c3\",\"principal\":\"sa-&\"},\"timestamp\":$now}/"
}

# on_topic TOPIC: the keyed lines that are there, sorted
on_topic() {
	client read "$1" | cut -f 3- | sort
}

# holds TOPIC WANTED NAME: the topic has every line of the sorted file WANTED,
# and nothing else; what is there more than once is counted and told.
holds() {
	local lost other
	on_topic "$1" >all
	uniq all >got
	lost=$(comm -23 "$2" got | tee "diff" | wc -l)
	other=$(comm -13 "$2" got | wc -l)
	is "$lost lost, $other that nobody sent" "0 lost, 0 that nobody sent" "$3"
	echo "# $(wc -l <got) records, $(($(wc -l <all) - $(wc -l <got))) more than once"
	: >"diff"
}

# ---- the JVM

# -XX:-UsePerfData: or each leaves a file in /tmp while it runs
java_options=(-XX:+UseSerialGC -XX:-UsePerfData "-Djava.io.tmpdir=$WORK/tmp"
	"-Dlog4j.configuration=file:$WORK/log4j.properties")
if [ -z "${BROKER_FAST-}" ]; then java_options+=(-XX:TieredStopAtLevel=1); fi

# java_run CLASS ARGUMENT...: a program that comes with the broker, or one of ours
java_run() {
	java -cp "$BROKER_DIR/classes:$BROKER_DIR/lib/*" "${java_options[@]}" "$@"
}

cat >log4j.properties <<'LOG'
log4j.rootLogger=WARN, stderr
log4j.appender.stderr=org.apache.log4j.ConsoleAppender
log4j.appender.stderr.Target=System.err
log4j.appender.stderr.layout=org.apache.log4j.PatternLayout
log4j.appender.stderr.layout.ConversionPattern=%d %p %m (%c)%n
LOG

# ---- certificates

# make_certificates: ca.pem; broker.pem for localhost and 127.0.0.1 (a key and
# its chain, as the broker wants it); client.pem with client.key; locked.key is
# that key under the password "open sesame"; stranger-ca.pem and stranger.pem,
# stranger.key, which the broker does not know.
make_certificates() {
	local ca
	for ca in ca stranger-ca; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
			-keyout $ca.key -out $ca.pem -subj "/CN=$ca" -days 2
	done 2>/dev/null
	issue ca broker /CN=broker 'subjectAltName=DNS:localhost,IP:127.0.0.1'
	issue ca client /CN=client
	issue stranger-ca stranger /CN=stranger
	cat broker.key broker.crt >broker.pem
	mv client.crt client.pem
	mv stranger.crt stranger.pem
	openssl pkcs8 -topk8 -in client.key -out locked.key -passout 'pass:open sesame'
}

# issue CA NAME SUBJECT [EXTENSION]: NAME.key and NAME.crt
issue() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
		-keyout "$2.key" -out "$2.csr" -subj "$3" 2>/dev/null
	openssl x509 -req -in "$2.csr" -CA "$1.pem" -CAkey "$1.key" -CAcreateserial \
		-days 2 -out "$2.crt" -extfile <(printf '%s\n' "${4:-basicConstraints=CA:FALSE}") \
		2>/dev/null
}

# ---- the cluster

declare -A broker_pid=()

# free_ports N: in the array ports; below those of outgoing connections, which
# another process may take at any time
free_ports() {
	mapfile -t ports < <(perl -MIO::Socket::INET -e 'my @held;
		while (@held < $ARGV[0]) {
			my $port = 10000 + int rand 20000;
			my $s = IO::Socket::INET->new(Listen => 1,
				LocalAddr => "127.0.0.1", LocalPort => $port) or next;
			push @held, $s;
			print "$port\n";
		}' "$1")
}

# Users of the SASL listeners: alice with this password, by PLAIN and by SCRAM.
broker_password=s3cret-kafka

# start_brokers [N]: N brokers, BROKERS of them (1) by default. Sets, and exports
# the first as KAFKA_BOOTSTRAP_SERVERS, the addresses of the listeners:
#	$plaintext       no questions asked; who comes here may do everything
#	$ssl             TLS, by ca.pem
#	$mtls            the same, and it asks for a certificate
#	$sasl_plaintext  PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
#	$sasl_ssl        the same over TLS
# and, where $keytab is set (kerberos.sh), GSSAPI at the latter two.
#
# Topics are not created by themselves. ACLs count, and who is not in one is
# allowed. The lines of $broker_settings are settings of the brokers besides.
# shellcheck disable=SC2120 # some pass N
start_brokers() {
	local i quorum='' listener
	[ -z "$test_bootstrap" ] ||
		skip_all_because "needs brokers of its own, CCM_TEST_BOOTSTRAP is set"
	brokers=${1:-${BROKERS:-1}}
	[ -e ca.pem ] || make_certificates
	free_ports $((brokers * 6))
	for ((i = 1; i <= brokers; i++)); do
		quorum+=${quorum:+,}$i@127.0.0.1:${ports[(i - 1) * 6]}
	done
	plaintext='' ssl='' mtls='' sasl_plaintext='' sasl_ssl=''
	for ((i = 1; i <= brokers; i++)); do
		mkdir -p "broker-$i"
		broker_properties "$i" "$quorum" "${ports[@]:(i - 1) * 6:6}" \
			>"broker-$i/server.properties"
		java_run kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAA \
			-c "broker-$i/server.properties" \
			--add-scram "SCRAM-SHA-256=[name=alice,password=$broker_password]" \
			--add-scram "SCRAM-SHA-512=[name=alice,password=$broker_password]" \
			>"broker-$i/format.log" 2>&1 || sed 's/^/# /' "broker-$i/format.log"
		listener=1
		for name in plaintext ssl mtls sasl_plaintext sasl_ssl; do
			printf -v "$name" '%s%s' "${!name:+${!name},}" \
				"localhost:${ports[(i - 1) * 6 + listener++]}"
		done
	done
	for ((i = 1; i <= brokers; i++)); do start_broker "$i"; done
	export KAFKA_BOOTSTRAP_SERVERS=$plaintext
	# There is no ::1 to try first.
	export KAFKA_SETTINGS='{"broker.address.family":"v4"}'
	until_true 60 brokers_are "$brokers" || {
		tail -n 20 broker-*/log | sed 's/^/# /'
		echo "Bail out! the brokers do not start"
		exit 1
	}
}

# broker_properties NUMBER QUORUM PORT...
broker_properties() {
	local id=$1 quorum=$2 replicas=$((brokers < 3 ? brokers : 3))
	shift 2
	cat <<-PROPERTIES
		process.roles=broker,controller
		node.id=$id
		controller.quorum.voters=$quorum
		controller.listener.names=CONTROLLER
		listeners=CONTROLLER://127.0.0.1:$1,PLAINTEXT://127.0.0.1:$2,SSL://127.0.0.1:$3,MTLS://127.0.0.1:$4,SASL_PLAINTEXT://127.0.0.1:$5,SASL_SSL://127.0.0.1:$6
		advertised.listeners=PLAINTEXT://localhost:$2,SSL://localhost:$3,MTLS://localhost:$4,SASL_PLAINTEXT://localhost:$5,SASL_SSL://localhost:$6
		listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,MTLS:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
		inter.broker.listener.name=PLAINTEXT
		log.dirs=$WORK/broker-$id/data
		metadata.log.dir=$WORK/broker-$id/metadata
		auto.create.topics.enable=false
		default.replication.factor=$replicas
		offsets.topic.replication.factor=$replicas
		offsets.topic.num.partitions=4
		transaction.state.log.replication.factor=$replicas
		transaction.state.log.num.partitions=4
		transaction.state.log.min.isr=$((replicas > 1 ? 2 : 1))
		group.initial.rebalance.delay.ms=0
		# A broker that is gone is missed after three seconds.
		broker.heartbeat.interval.ms=500
		broker.session.timeout.ms=3000
		authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
		super.users=User:ANONYMOUS
		allow.everyone.if.no.acl.found=true
		ssl.keystore.type=PEM
		ssl.keystore.location=$WORK/broker.pem
		ssl.truststore.type=PEM
		ssl.truststore.location=$WORK/ca.pem
		listener.name.mtls.ssl.client.auth=required
		${broker_settings-}
	PROPERTIES
	local listener mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512${keytab:+,GSSAPI}
	for listener in sasl_plaintext sasl_ssl; do
		cat <<-PROPERTIES
			listener.name.$listener.sasl.enabled.mechanisms=$mechanisms
			listener.name.$listener.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="$broker_password" ${plain_users-};
			listener.name.$listener.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
			listener.name.$listener.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
		PROPERTIES
		[ -z "${keytab-}" ] || cat <<-PROPERTIES
			listener.name.$listener.gssapi.sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true keyTab="$keytab" principal="kafka/localhost@TEST.LOCAL";
			sasl.kerberos.service.name=kafka
		PROPERTIES
	done
}

# start_broker NUMBER: also one that was ended; it dies with the test, whatever
# kills that
start_broker() {
	setpriv --pdeathsig KILL java -cp "$BROKER_DIR/lib/*" "${java_options[@]}" \
		${KRB5_CONFIG:+"-Djava.security.krb5.conf=$KRB5_CONFIG"} \
		-Xmx512m kafka.Kafka "broker-$1/server.properties" \
		>>"broker-$1/log" 2>&1 </dev/null &
	broker_pid[$1]=$!
}

# end_broker NUMBER [SIGNAL]: KILL by default; returns when it is gone
end_broker() {
	kill -s "${2:-KILL}" "${broker_pid[$1]}"
	wait "${broker_pid[$1]}" 2>/dev/null
	unset "broker_pid[$1]"
}

end_brokers() {
	local i
	for i in "${!broker_pid[@]}"; do end_broker "$i"; done
}

# brokers_are N: that many answer, each partition of which has a leader
brokers_are() {
	kcat -L -m 2 -b "$plaintext" -X broker.address.family=v4 >metadata 2>/dev/null || return 1
	[ "$(grep -c '^  broker ' metadata)" -eq "$1" ] &&
		! grep -q 'leader -1' metadata
}

# describe ADDRESSES TOPIC: what one of these brokers knows of it
describe() {
	kcat -L -m 5 -b "$1" -X broker.address.family=v4 -t "$2" 2>/dev/null
}

# leader TOPIC PARTITION: the number of the broker
leader() {
	describe "$plaintext" "$1" | sed -n "s/^    partition $2, leader \([0-9]*\),.*/\1/p"
}

# ---- what ccm-produce does not get through with

# Not too many at a time: some refusals have to be seen within some seconds.
refusals=()
few_refusals() {
	local name running=0
	for name in "${refusals[@]}"; do [ -s "$name.status" ] || ((++running)); done
	((running < 6))
}

sent=0
: >wanted

# delivers FACT NAME=VALUE...: a record of its own gets to $prefix-open with these
# settings; those that did are in the file wanted
delivers() {
	local fact=$1
	shift
	((++sent))
	records "$sent" "$sent" >one
	run env "$@" ccm-produce "$prefix-open" <one
	like "$status $(cat err)" \
		"^0 ccm-produce: 1 record to $prefix-open in [0-9.]+ s\$" "$fact"
	cat one >>wanted
}

# refuse NAME NAME=VALUE...: tries to send the three records of the file three to
# $prefix-kept with these settings, in the background
refuse() {
	local name=$1
	shift
	until_true 60 few_refusals
	refusals+=("$name")
	(
		env "$@" ccm-produce "$prefix-kept" 2>"$name.err"
		printf '%s %s\n' $? "$(wc -l)" >"$name.status"
	) <three &
}

# refused NAME STATUS REGEX FACT: it has ended with that status and one line, and
# not a record was read
refused() {
	until_true 60 [ -s "$1.status" ]
	like "$(cat "$1.status") $(wc -l <"$1.err") $(cat "$1.err")" \
		"^$2 3 1 ccm-produce: ERROR: $3; nothing was sent\$" "$4"
}

# ---- any Kafka

# use_brokers: exports KAFKA_BOOTSTRAP_SERVERS, and what else the caller has set
# where it is the caller's Kafka. Topics are then named $prefix-SOMETHING.
use_brokers() {
	local name
	if [ -z "$test_bootstrap" ]; then
		# shellcheck disable=SC2119 # as many as BROKERS says
		start_brokers
		return
	fi
	prefix=ccm-test-$$-$EPOCHSECONDS
	for name in "${!test_settings[@]}"; do
		export "$name=${test_settings[$name]}"
	done
	export KAFKA_BOOTSTRAP_SERVERS=$test_bootstrap
	trap 'delete_topics; finish' EXIT
}

own_topics=()

# make_topic NAME PARTITIONS [SETTING...]: gone after the test; its whole name is
# in $topic. How many brokers have it they decide: three, of three of ours. The
# records of tests are of 2025: a topic that forgets would lose them on the way.
make_topic() {
	topic=$prefix-$1
	client create "$topic" "$2" retention.ms=-1 "${@:3}"
	own_topics+=("$topic")
}

delete_topics() {
	[ ${#own_topics[@]} -eq 0 ] || client delete "${own_topics[@]}"
}

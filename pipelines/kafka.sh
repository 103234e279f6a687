# shellcheck shell=bash
# Kafka by way of kcat, for the ccm scripts. Needs ccm-lib.sh.
#
#	kafka_settings SIDE          KAFKA_* into kafka_conf and kafka_args
#	kafka_settings SIDE --masked prints them instead, without the secrets
#	check_topic NAME             it is a name that Kafka allows, or status 64
#	kcat_temporary_files         where what kcat says goes
#	run_kcat ARGUMENT...         a kcat with these settings
#	kcat_watch                   until it has ended, or was refused
#	kafka_ask TOPIC              whether a broker answers for the topic
#	kcat_end, kcat_unlink_files  for a script's EXIT trap
# shellcheck disable=SC2154 # $ccm_share and $ccm_private are set there

# ---- settings ---------------------------------------------------------------

# The variables that can be given as NAME_FILE.
kafka_secrets=(
	KAFKA_SETTINGS
	KAFKA_SASL_PASSWORD
	KAFKA_SASL_PLAIN_PASSWORD
	KAFKA_SASL_USERNAME
	KAFKA_SASL_PLAIN_USERNAME
	KAFKA_SSL_PASSWORD
)

# Each of them becomes what its variable, its file or its credential holds, or
# nothing.
read_kafka_secrets() {
	local values i
	# The last of them is the exit status: after the substitution has ended,
	# `wait` now and then returns 255 for it (bash 5.2).
	mapfile -d '' -t values < <("$ccm_private/ccm-settings" -n "$log_name" \
		-v "${kafka_secrets[@]}"; printf '%d\0' $?)
	((values[-1] == 0)) || exit "${values[-1]}"
	for i in "${!kafka_secrets[@]}"; do
		printf -v "${kafka_secrets[i]}" %s "${values[i]}"
	done
}

# text_fault NAME: true where the variable NAME is not one line of valid UTF-8;
# what is wrong is in $fault. jq replaces what is not UTF-8 without a word, which
# shows it.
text_fault() {
	local value=${!1-} back
	fault='has a newline'
	[[ $value != *$'\n'* ]] || return 0
	fault='is not valid UTF-8'
	[[ $value = *[$'\x80'-$'\xff']* ]] || return 1
	back=$(printf %s "$value" | jq -Rsj .)
	[ "$back" != "$value" ]
}

# What kafka-settings.jq reads, on stdout.
kafka_settings_input() {
	local name object='{}' fault
	if [ -n "$KAFKA_SETTINGS" ]; then
		object=$(printf %s "$KAFKA_SETTINGS" | ccm-json -n KAFKA_SETTINGS) ||
			die 78 "KAFKA_SETTINGS is not a JSON document"
	fi
	printf '%s\n' "$object"
	for name in "${!KAFKA_@}"; do
		case " ${kafka_secrets[*]/%/_FILE} KAFKA_SETTINGS " in
		*" $name "*) continue ;;
		esac
		if text_fault "$name"; then
			printf '%s!%s\n' "$name" "$fault"
		else
			printf '%s=%s\n' "$name" "${!name}"
		fi
	done
}

# kafka_settings producer|consumer [--masked]
#
# Turns KAFKA_SETTINGS and the other KAFKA_* variables into what kcat takes:
# $kafka_conf, the text of its configuration file, and the array kafka_args,
# its arguments. Status 78 where a setting is refused; each is named. Then it
# takes every secret out of the environment, so that no child has it but kcat,
# through a pipe:
#
#	kcat -F <(printf %s "$kafka_conf") "${kafka_args[@]}" ...	(run_kcat)
#
# With --masked it prints what is in force instead, a PROPERTY=VALUE a line in
# their order, and changes nothing.
kafka_settings() {
	local name line lines input property wrong=
	read_kafka_secrets
	input=$(kafka_settings_input) || exit
	# An error of jq's own would quote the value that it stumbled over.
	lines=$(printf '%s\n' "$input" | jq -Rnr --arg side "$1" \
		--arg transactional_id "${CCM_KAFKA_TRANSACTIONAL_ID:+\
$CCM_KAFKA_TRANSACTIONAL_ID-${CCM_INSTANCE:-default}}" \
		-f "$ccm_share/kafka-settings.jq" 2>/dev/null) ||
		die 70 "kafka-settings.jq does not understand the settings"
	kafka_conf=''
	kafka_args=()
	kafka_hidden=()
	mapfile -t lines < <(printf '%s\n' "$lines")
	for line in "${lines[@]}"; do
		property=${line#* }
		case $line in
		'set '*) kafka_conf+=$property$'\n' ;;
		'arg '*) kafka_args+=(-X "$property") ;;
		'warn '*) log_warn "${line#* }" ;;
		'error '*)
			log_error "${line#* }"
			wrong=1
			;;
		esac
		case ${property%%=*} in
		*password) kafka_hidden+=("${property#*=}") ;;
		esac
	done
	[ -z "$wrong" ] || exit 78
	if [ "${2-}" = --masked ]; then
		for line in "${lines[@]}"; do
			case $line in
			'set '*password=*) printf '%s=********\n' "${line%%=*}" ;;
			'set '* | 'arg '*) printf '%s\n' "$line" ;;
			esac
		done | cut -d ' ' -f 2- | sort
		return
	fi
	unset "${!KAFKA_@}" "${!CONFLUENT_METRICS_@}" KCAT_CONFIG KAFKACAT_CONFIG
	ulimit -c 0
}

# check_topic NAME: status 64 where Kafka has no such names.
check_topic() {
	[[ $1 =~ ^[A-Za-z0-9._-]{1,249}$ && $1 != . && $1 != .. ]] ||
		die 64 "\"$1\" is not a topic's name: that is 1 to 249 of\
 A-Z a-z 0-9 . _ -"
}

# ---- kcat -------------------------------------------------------------------
#
# kcat tells what happens to it on stderr, a line each, and with -E goes on
# whatever it was. Its stderr is a file that has no name any more, so that
# nothing is left of it even after SIGKILL, and a million lines about records
# are no shell's business: they are counted by grep when kcat has ended.

kcat_files=
kcat_pid=
kcat_refused_after=10
kcat_command=(kcat)
kafka_patience=10
kcat_end_with=TERM
kcat_asking=
refusal_guessed=

# kcat_temporary_files: descriptors of files that have no names: $kcat_out and
# $kcat_err, $kcat_life for reading from a pipe, and $kcat_data for both ends of
# another.
kcat_temporary_files() {
	local both
	if ! kcat_files=$(mktemp -d "${TMPDIR:-/tmp}/ccm.XXXXXX") ||
		! mkfifo "$kcat_files/life" "$kcat_files/data"; then
		die 73 "cannot make files in ${TMPDIR:-/tmp}"
	fi
	exec {kcat_out}>>"$kcat_files/out" {kcat_err}>>"$kcat_files/err"
	# Open for reading and writing at first: no end waits for the other then.
	# shellcheck disable=SC2034 # ccm-produce has a use for $kcat_data
	exec {both}<>"$kcat_files/life" {kcat_data}<>"$kcat_files/data"
	exec {kcat_life}<"/proc/self/fd/$both"
	exec {both}>&-
	kcat_unlink_files
}

# A script's EXIT trap calls it too.
kcat_unlink_files() {
	[ -z "$kcat_files" ] || rm -rf "$kcat_files"
	kcat_files=
}

# kcat_forget: the two files are empty again.
kcat_forget() {
	: >"/proc/self/fd/$kcat_out"
	: >"/proc/self/fd/$kcat_err"
	kcat_seen=0
}

# kcat_news [final]: $news is what kcat has said since the last call, without
# its lines about single records and ends of partitions, and about connections
# that it gives up at its own end; $progress is set where there were such. Half a
# line waits for the next call, unless this is the final one.
kcat_news() {
	local size from=$kcat_seen first=1 half secret LC_ALL=C
	news=
	progress=
	size=$(stat -L -c %s "/proc/self/fd/$kcat_err")
	if [ -z "${1-}" ]; then
		half=$(kcat_part $((size > 4096 ? size - 4096 : 0)) "$size"; printf .)
		half=${half##*$'\n'}
		((size -= ${#half} - 1))
	fi
	((size > from)) || return 0
	kcat_seen=$size
	# So much in so little time are deliveries. What matters is whether they
	# come still, and what was said last.
	if ((size - from > 1 << 18)) && ! log_shows DEBUG; then
		((from = size - (1 << 16)))
		first=2
		progress=1
	fi
	news=$(kcat_part "$from" "$size" | tail -n "+$first" |
		grep -av -e '^% Message delivered' -e '^% Delivery failed for message' \
			-e '^% Reached end of topic' -e 'Broker handle destroyed') || :
	((size - from <= ${#news} + 1)) || progress=1
	# librdkafka writes no password anywhere. This is for when it does.
	for secret in "${kafka_hidden[@]}"; do
		news=${news//"$secret"/********}
	done
	if [ -n "$news" ] && log_shows DEBUG; then
		printf '%s\n' "$news" | sed 's/^/kcat: /' |
			"$ccm_private/ccm-log" "$log_name" DEBUG
	fi
}

# kcat_part FROM TO: those bytes of what kcat has said.
kcat_part() {
	tail -c "+$(($1 + 1))" "/proc/self/fd/$kcat_err" | head -c $(($2 - $1))
}

# kcat_words: of what is in $news, the last line that matches the regular
# expression $1, without what librdkafka puts before it, in $words.
kcat_words() {
	[ -n "$news" ] || return 1
	words=$(printf '%s\n' "$news" | grep -aE "$1" | tail -n 1) || return 1
	[ -n "$words" ] || return 1
	case $words in
	%[0-9]*']: '*) words=${words#*']: '} ;;
	'% '*)
		words=${words#% }
		words=${words#ERROR: }
		words=${words#FATAL CLIENT ERROR: }
		;;
	esac
}

# kcat_brief: $words without what librdkafka adds for itself: the protocol before
# a broker's address and its number behind it, how long the connection had been
# in what state, numbers of errors, and what it says twice.
kcat_brief() {
	words=$(printf '%s\n' "$words" | sed -E '
		s/ \(after [0-9]+ ?ms.*\)$//
		s/: terminating$//
		s/(^| )[a-z_]+:\/\//\1/
		s/(:[0-9]+)\/(bootstrap|[0-9]+): /\1: /
		s/error:[0-9A-F]+:[^:]* routines:://
		s/: broker certificate could not be verified.*//
		s/ failed: (PEM|system) lib$/ cannot be read/
		s/^Local: Authentication failure: //
		s/SASL authentication error: //
		s/Authentication failed during authentication due to //
		s/(Failed to initialize SASL authentication: .*)?GSSAPI Error: //
		s/(Unspecified GSS failure|No credentials were supplied)[^(]*\((.*)\)$/\2/
		s/^GroupCoordinator: //
		s/: ([^:]+): \1\.?$/: \1/
		s/^(.*): (.*: \1)$/\2/')
}

# kcat_refusal: true where $news has something that waiting does not mend; then
# $refusal says it, and $refusal_status is 77 or 78.
kcat_refusal() {
	local settings='^% ERROR: (/dev/fd/|Failed to (create|set)|Invalid value|.*configuration property)'
	local tls='certificate verify failed|SSL alert number|wrong version number|SSL routines::(no |unsupported|unknown|tlsv|sslv)'
	local mechanism='Unsupported SASL mechanism|SASL Handshake|SaslHandshake|in current SASL state'
	local kerberos='GSSAPI|no mechanism available'
	local credentials='SASL authentication error|SASL authentication: |authentication fail'
	if kcat_words "$settings"; then
		refused_settings
	elif kcat_words "$tls"; then
		refused_tls
	elif kcat_words "$mechanism"; then
		refused_mechanism
	elif kcat_words "$kerberos"; then
		refused_kerberos || return 1
	elif kcat_words "$credentials" || kcat_words 'Authentication fail'; then
		kcat_brief
		refusal="the broker refuses these credentials: $words; check\
 KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"
		refusal_status=77
	elif kcat_words 'authorization failed'; then
		refused_right
	else
		refused_protocol
		return
	fi
	refusal_guessed=
}

refused_settings() {
	kcat_brief
	refusal="kcat does not take these settings: $words"
	refusal_status=78
	case $words in
	*ssl.ca.location*) refusal+='; check KAFKA_SSL_CAFILE' ;;
	*ssl.certificate.location*) refusal+='; check KAFKA_SSL_CERTFILE' ;;
	*ssl.key.location*)
		refusal+='; check KAFKA_SSL_KEYFILE and KAFKA_SSL_PASSWORD'
		;;
	esac
}

refused_tls() {
	kcat_brief
	refusal="no TLS with the broker: $words; check "
	refusal_status=78
	case $words in
	*'certificate verify failed'*)
		refusal+="KAFKA_SSL_CAFILE, and that the certificate has this host's\
 name (KAFKA_SSL_CHECK_HOSTNAME)"
		;;
	*' alert '*certificate* | *' alert unknown ca'*)
		refusal="the broker wants a client certificate that it trusts: $words;\
 check KAFKA_SSL_CERTFILE and KAFKA_SSL_KEYFILE"
		;;
	*) refusal+='KAFKA_SECURITY_PROTOCOL and KAFKA_SSL_CIPHERS' ;;
	esac
}

refused_mechanism() {
	kcat_brief
	refusal="the broker does not take this KAFKA_SASL_MECHANISM: $words"
	refusal_status=78
	case $words in
	*'in current SASL state'*)
		refusal="the broker at ${words%%: *} asks for no SASL; check\
 KAFKA_SECURITY_PROTOCOL"
		;;
	esac
}

# False where nobody can say, because no KDC answers.
refused_kerberos() {
	local news found=$words why
	news=$(cat "/proc/self/fd/$kcat_err")
	# Where it was kinit that failed, librdkafka says only that there is no
	# ticket.
	if [[ $found = *'No credentials'* || $found = *'Ticket expired'* ]] &&
		kcat_words 'kinit: '; then
		words=${words% while getting *}
		why=kinit
	else
		words=$found
		kcat_brief
		why=$words
	fi
	refusal_status=77
	case $why,$words in
	*'Cannot contact any KDC'*) return 1 ;;
	*'missing a GSSAPI'* | *'no mechanism available'*)
		words="Cyrus SASL has no GSSAPI module; install\
 libsasl2-modules-gssapi-mit"
		refusal_status=78
		;;
	*'not found in Kerberos database'*)
		words+="; check KAFKA_SERVICE_NAME, and the host name in\
 KAFKA_BOOTSTRAP_SERVERS"
		refusal_status=78
		;;
	*'kinit: not found'*)
		words='kinit is not installed (krb5-user)'
		refusal_status=78
		;;
	kinit,*)
		words+='; check sasl.kerberos.keytab and sasl.kerberos.principal'
		;;
	*'Ticket expired'*) words+='; get a new one with kinit' ;;
	*'No Kerberos credentials'*)
		words+="; get a ticket with kinit, or set sasl.kerberos.keytab and\
 sasl.kerberos.principal"
		;;
	*'invalid credentials'*)
		words+="; check KAFKA_SERVICE_NAME, the ticket (klist) and the broker's\
 own key"
		;;
	*) words+='; check the ticket (klist), krb5.conf and KAFKA_SERVICE_NAME' ;;
	esac
	refusal="Kerberos: $words"
}

refused_right() {
	kcat_brief
	refusal="this user lacks a right: $words"
	refusal_status=77
	case $words in
	*'Failed to produce message'*)
		# What a broker has said of earlier records, of one that is not sent.
		refusal="this user lacks the right to write to $topic: ${words#*bytes): }"
		;;
	*'idempotence PID'*)
		refusal+='; grant IdempotentWrite, or set KAFKA_ENABLE_IDEMPOTENCE=false'
		;;
	*'Transactional'*'uthorization failed'*)
		refusal+='; grant Describe and Write on the transactional id'
		;;
	*'Group auth'*) refusal+='; grant Read on the consumer group' ;;
	*'Fetch '*) refusal+='; grant Read on the topic' ;;
	*'to transaction'*) refusal+='; grant Write on the topic' ;;
	esac
}

# A broker that is being stopped, or a proxy that has none behind it, hangs up
# just like one that was spoken to in the wrong protocol. So this counts only
# for kafka_ask, where it has lasted for five seconds, and nothing else has
# failed since.
refused_protocol() {
	local wants
	[ -n "$kcat_asking" ] && kcat_words '[|]FAIL[|]' || return 1
	case $words in
	*'SSL listener?'*) wants='at once, like one that wants TLS' ;;
	*'might require SASL'*) wants='at once, like one that wants SASL' ;;
	*'unexpected eof'*SSL_HANDSHAKE* | *Disconnected*SSL_HANDSHAKE*)
		wants='in SSL_HANDSHAKE, like one that knows no TLS'
		;;
	*)
		[ -z "$refusal_guessed" ] || refusal=
		return 1
		;;
	esac
	kcat_brief
	refusal="the broker at ${words%%: *} hangs up $wants; check\
 KAFKA_SECURITY_PROTOCOL"
	refusal_status=78
	refusal_guessed=1
	kcat_refused_after=5
}

# kcat_end: ends the kcat that is running, if one is.
kcat_end() {
	[ -n "$kcat_pid" ] || return 0
	kill -s "$kcat_end_with" "$kcat_pid" 2>/dev/null || :
	end_children "$kcat_pid"
	kcat_pid=
}

# run_kcat ARGUMENT...: starts it with the settings that are in force; its pid
# is in $kcat_pid. It has the only end of a pipe: that it has ended is the end of
# file there, which read waits for better than wait does.
run_kcat() {
	local alive
	exec {alive}>"/proc/self/fd/$kcat_life"
	"${kcat_command[@]}" -F <(printf %s "$kafka_conf") "${kafka_args[@]}" "$@" \
		<&0 &
	kcat_pid=$!
	exec {alive}>&-
}

# kcat_watch: until the child $kcat_pid has ended; its status is then in
# $kcat_status. Ends it where it was refused (see kcat_refusal), and has not got
# further for $kcat_refused_after seconds. Calls kcat_said twice a second, with
# what is in $news, if anything.
kcat_watch() {
	local status refused_at=''
	kcat_status=
	kcat_seen=${kcat_seen:-0}
	refusal=
	refusal_status=
	while [ -z "$kcat_status" ]; do
		# No byte ever comes: that took half a second, or kcat has ended.
		status=0
		read -r -t 0.5 -u "$kcat_life" || status=$?
		if ((status <= 128)); then
			kcat_status=0
			# Bash would tell on stderr that a child was killed.
			wait "$kcat_pid" 2>/dev/null || kcat_status=$?
		fi
		kcat_news ${kcat_status:+final}
		[ -z "$progress" ] || refusal=
		[ -z "$news" ] || kcat_refusal || :
		kcat_said
		if [ -z "$refusal" ]; then refused_at=; else
			: "${refused_at:=$SECONDS}"
		fi
		if [ -z "$kcat_status" ] && [ -n "$refused_at" ] &&
			((SECONDS - refused_at >= kcat_refused_after)); then
			kcat_end
			kcat_status=143
		fi
	done
	kcat_pid=
}

# What follows kcat more closely has its own.
kcat_said() { :; }

# kafka_ask TOPIC: asks for the topic's metadata, for $kafka_patience seconds.
# Status 0, or 69 (no such topic), 75 (no answer), 77, 78; $answer says what it
# was.
# shellcheck disable=SC2034 # the caller reads $answer
#
# A broker makes a topic that it is asked for after it has answered, so one that
# is unknown is asked for again over five seconds.
kafka_ask() {
	local topic=$1 line tries
	for tries in 1 2 3 4 5 6; do
		kcat_forget
		run_kcat -L -m "$kafka_patience" -t "$topic" </dev/null 1>&"$kcat_out" 2>&"$kcat_err"
		# It has nothing to lose, and would not hear SIGTERM.
		kcat_asking=1 kcat_refused_after=2 kcat_end_with=KILL kcat_watch
		if [ "$kcat_status" -ne 0 ]; then
			# A guess has to have lasted until kcat_watch ended kcat.
			[ -z "$refusal_guessed" ] || [ "$kcat_status" -eq 143 ] || refusal=
			if [ -n "$refusal" ]; then
				answer=$refusal
				return "$refusal_status"
			fi
			news=$(cat "/proc/self/fd/$kcat_err")
			if kcat_words 'Cannot contact any KDC'; then
				kcat_brief
				answer="no Kerberos server has answered: ${words% while getting *}"
				return 75
			fi
			kcat_words '[|](FAIL|PROTOERR)[|]' || kcat_words '^% ERROR' ||
				words="kcat ended with status $kcat_status"
			kcat_brief
			answer="no broker has answered: $words"
			return 75
		fi
		line=$(grep -a '^  topic "' "/proc/self/fd/$kcat_out") || :
		case $line in
		*'authorization failed'*)
			answer="no right to see topic $topic: ${line#*partitions: }"
			return 77
			;;
		*'Unknown topic'* | '') ;;
		*) return 0 ;;
		esac
		[ "$tries" = 6 ] || sleep 1
	done
	answer="topic $topic does not exist, and the broker does not create it"
	return 69
}

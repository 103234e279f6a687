#!/usr/bin/env bash
# What all C programs have in common: -h and -V, usage errors, secrets.
. "$(dirname "$0")/../tap.sh"

programs=()
for program in "$B"/bin/* "$B"/lib/ccm/*; do
	[[ $(head -c 4 "$program") != $'\x7fELF' || $program = *.so ]] || programs+=("$program")
done
is "$((${#programs[@]} > 4))" 1 "there are programs to look at: ${#programs[@]}"

failed=
for program in "${programs[@]}"; do
	for option in -h -V; do
		GLOBAL_LOG_LEVEL=bogus run "$program" $option
		[[ $status = 0 && -s out && ! -s err ]] || failed+="${program##*/} $option; "
	done
done
is "$failed" "" "-h and -V work whatever GLOBAL_LOG_LEVEL says, in each program"
failed=
for program in "${programs[@]}"; do
	run "$program" '-~'
	[[ $status = 64 && $(<err) = "${program##*/}: ERROR: unknown option -~; -h shows the usage" ]] ||
		failed+="${program##*/}: $(<err); "
done
is "$failed" "" "an unknown option: exit 64, and an ERROR line of one wording"
failed=
for program in ccm-normalize ccm-key ccm-promfmt ccm-linefmt ccm-json "ccm-fetch check" "ccm-fetch query -m m -r kafka.id=lkc-1"; do
	# shellcheck disable=SC2086 # a program and its arguments
	run $program extra </dev/null
	[[ $status = 64 && $(<err) = "${program%% *}: ERROR: unexpected argument \"extra\"; -h shows the usage" ]] ||
		failed+="$program: $(<err); "
done
is "$failed" "" "an unexpected argument: the same"
failed=
for program in "ccm-normalize -r" "ccm-key -t" "ccm-promfmt -p" "ccm-linefmt -M" "ccm-json -n" "ccm-fetch query -m" "ccm-ship -b"; do
	# shellcheck disable=SC2086
	run $program </dev/null
	[[ $status = 64 && $(<err) = "${program%% *}: ERROR: option -${program##*-} needs an argument; -h shows the usage" ]] ||
		failed+="$program: $(<err); "
done
is "$failed" "" "an option without its argument: the same"
failed=
for program in ccm-normalize ccm-key ccm-promfmt ccm-linefmt ccm-json "ccm-fetch check" "ccm-ship . true" "ccm-env none true"; do
	# shellcheck disable=SC2086
	GLOBAL_LOG_LEVEL=bogus run $program </dev/null
	[[ $status = 78 && $(<err) = "${program%% *}: ERROR: GLOBAL_LOG_LEVEL is \"bogus\"; "* ]] ||
		failed+="$program: $(<err); "
done
is "$failed" "" "a log level that is none: exit 78, an ERROR line"

# ---- secrets -----------------------------------------------------------------

# protected COMMAND...: run by a user who may write core files, under its pid
protected() {
	local name="$1: no core file, and no other process of its user can read it"
	if [ "$(id -u)" != 0 ]; then
		skip "$name" "not root"
		return
	fi
	as_nobody true # copies the programs
	start env PATH="$WORK/programs/bin:$PATH" setpriv --reuid=65534 --regid=65534 --clear-groups "$@" </dev/null 2>/dev/null
	until_true 10 [ "/proc/$pid/exe" -ef "$WORK/programs/bin/$1" ]
	until_true 10 eval "[ \"\$(stat -c %U /proc/$pid/maps)\" = root ]"
	is "$(stat -c %U "/proc/$pid/environ" "/proc/$pid/mem" | uniq) $(grep -c '^Max core file size *0 *0 ' "/proc/$pid/limits")" \
		"root 1" "$name"
	kill "$pid"
}
chmod 755 .
ulimit -c unlimited 2>/dev/null
start "$ROOT/tests/raw-server.pl" 'pause(60)' >url
until_true 10 [ -s url ]
mkdir -m 777 spool rate
export CONFLUENT_METRICS_HOST CONFLUENT_METRICS_API_KEY=KEY CONFLUENT_METRICS_API_SECRET=s3cret-api
CONFLUENT_METRICS_HOST=$(<url)
protected ccm-fetch query -m m -r kafka.id=lkc-1
protected ccm-ship spool true
mkdir -m 777 state
protected ccm-hours -l state true
# A broker that never says anything.
export KAFKA_BOOTSTRAP_SERVERS=${CONFLUENT_METRICS_HOST#http://} KAFKA_SASL_PASSWORD=s3cret
KAFKA_BOOTSTRAP_SERVERS=${KAFKA_BOOTSTRAP_SERVERS%/}
protected ccm-produce topic

# below PID NAME: the pid of that child of it is in $child
below() {
	child=
	read -ra children 2>/dev/null <"/proc/$1/task/$1/children"
	for child in "${children[@]}"; do
		[ "$(cat "/proc/$child/comm")" = "$2" ] && return
	done
	return 1
}
if [ "$(id -u)" = 0 ]; then
	start env PATH="$WORK/programs/bin:$PATH" setpriv --reuid=65534 --regid=65534 --clear-groups ccm-produce topic </dev/null 2>/dev/null
	until_true 10 below "$pid" kcat
	below "$pid" kcat
	until_true 10 eval "[ \"\$(stat -c %U /proc/$child/maps)\" = root ]"
	is "$(stat -c %U "/proc/$child/environ" "/proc/$child/mem" | uniq) $(grep -c '^Max core file size *0 *0 ' "/proc/$child/limits")" \
		"root 1" "the kcat of ccm-produce: no core file, and no other process of its user can read it"
	is "$(tr '\0' '\n' <"/proc/$child/environ" | grep -c -e KAFKA_SASL -e s3cret)" 0 "... its environment, that it was started with, has no secret"
	kill -KILL "$pid"
	gone() { ! kill -0 "$1"; }
	until_true 10 gone "$child"
	ok $? "... and it ends with ccm-produce, whatever ends that"
else
	skip "the kcat of ccm-produce is protected" "not root"
fi

# shellcheck shell=bash
# What the ccm scripts share: diagnostics, settings, children.
#
# A script finds this file beside its own folder, and begins like this:
#
#	set -euo pipefail
#	here=$(readlink -f "$0")
#	here=${here%/*}
#	# shellcheck source=pipelines/ccm-lib.sh
#	. "$here/../share/ccm/ccm-lib.sh"
#	log_init ccm-produce
#
# Sourcing it puts the script's folder first in PATH, so that a pipeline runs
# the programs that it was installed with, and makes the locale C: bash then
# counts and carries bytes, whatever they are. Needs $here.
#
#	log_init NAME                GLOBAL_LOG_LEVEL is read and checked (78)
#	log_error|log_warn|log_info|log_debug MESSAGE
#	log_shows ERROR|WARN|INFO|DEBUG
#	die STATUS MESSAGE           the message, then exit STATUS
#	tell_shipper MESSAGE         to the ccm-ship that runs us, if one does
#	usage_error OPTION OPTARG    getopts said ? or :, status 64
#	print_version                -V: the version that ccm's programs have
#	value_or_file NAME           NAME_FILE's contents, or a credential's, into NAME
#	find_credential NAME         NAME_FILE, where a credential of systemd is NAME
#	check_text NAME              NAME is one line of UTF-8, or status 78
#	plural NUMBER WORD           "1 file", "2 files"
#	end_children PID...          SIGTERM, SIGKILL after five seconds, reaped

export LC_ALL=C
# shellcheck disable=SC2154 # $here is the script's
PATH=$here:$PATH
# shellcheck disable=SC2034 # where the other files of ours are
ccm_share=$here/../share/ccm

# ---- diagnostics: the same lines as lib/log.h writes ------------------------

declare -A log_rank=([ERROR]=0 [WARN]=1 [INFO]=2 [DEBUG]=3)
# sd-daemon(3): 3 is an error, 4 a warning, 6 information, 7 debug
declare -A log_priority=([ERROR]=3 [WARN]=4 [INFO]=6 [DEBUG]=7)
log_name=${0##*/}
log_level=INFO
log_to_journal=

log_init() {
	log_name=$1
	# JOURNAL_STREAM is the journal's device and inode, in decimal.
	if [ -n "${JOURNAL_STREAM:-}" ] &&
		[ "$(stat -L -c %d:%i /proc/self/fd/2)" = "$JOURNAL_STREAM" ]; then
		log_to_journal=1
	fi
	case ${GLOBAL_LOG_LEVEL:=INFO} in
	CRITICAL | FATAL | ERROR) log_level=ERROR ;;
	WARN | WARNING) log_level=WARN ;;
	INFO | DEBUG) log_level=$GLOBAL_LOG_LEVEL ;;
	*) die 78 "GLOBAL_LOG_LEVEL is \"$GLOBAL_LOG_LEVEL\"; it takes CRITICAL,\
 FATAL, ERROR, WARN, WARNING, INFO or DEBUG" ;;
	esac
}

log_shows() {
	((log_rank[$1] <= log_rank[$log_level]))
}

# log_line LEVEL TAG MESSAGE: one line, control characters written as \xNN.
log_line() {
	log_shows "$1" || return 0
	local message=$3 line='' i c
	if [[ $message = *[[:cntrl:]]* ]]; then
		for ((i = 0; i < ${#message}; i++)); do
			c=${message:i:1}
			[[ $c != [[:cntrl:]] ]] || printf -v c '\\x%02x' "'$c"
			line+=$c
		done
		message=$line
	fi
	printf '%s%s: %s%s\n' "${log_to_journal:+<${log_priority[$1]}>}" \
		"$log_name" "$2" "$message" >&2
}

log_error() { log_line ERROR 'ERROR: ' "$*"; }
log_warn() { log_line WARN 'WARN: ' "$*"; }
log_info() { log_line INFO '' "$*"; }
log_debug() { log_line DEBUG 'DEBUG: ' "$*"; }

# plural NUMBER WORD: "1 file", "2 files"
plural() {
	printf '%d %s' "$1" "$2"
	(($1 == 1)) || printf s
}

# tell_shipper MESSAGE: what we wait for, or why we fail, to the ccm-ship that
# runs us (CCM_SHIP_REASON in its manual): it tells who asks, and the log once,
# where we would do so at each try. False where there is none any more; the
# subshell is what a SIGPIPE then ends.
tell_shipper() {
	[ -n "${CCM_SHIP_REASON-}" ] || return 1
	local message=${*//[[:cntrl:]]/ }
	(printf '%s\n' "$message" >&"$CCM_SHIP_REASON") 2>/dev/null
}

# die STATUS MESSAGE: a status of <sysexits.h>. Inside $(...) it ends only that
# subshell, with its status.
die() {
	local status=$1
	shift
	tell_shipper "$*" || log_line ERROR '' "$*"
	exit "$status"
}

# usage_error "$option" "${OPTARG-}", after getopts with a leading colon.
usage_error() {
	if [ "$1" = : ]; then
		die 64 "option -$2 needs an argument; -h shows the usage"
	fi
	die 64 "unknown option -$2; -h shows the usage"
}

# The version is compiled into the programs; a script has the one of those that
# it runs.
print_version() {
	local version
	version=$(ccm-json -V) || die 70 "ccm-json does not tell its version"
	printf '%s %s\n' "$log_name" "${version##* }"
}

# ---- variables --------------------------------------------------------------

# find_credential NAME: where neither NAME nor NAME_FILE is given, and systemd has
# passed us a credential called NAME (LoadCredential= in systemd.exec(5)), its
# path becomes NAME_FILE. The encrypted ones of ccm's units are called NAME.cred.
# NAME_FILE is not exported by that: each program finds the credential itself.
find_credential() {
	local file=$1_FILE path=${CREDENTIALS_DIRECTORY-}/$1
	[[ ${CREDENTIALS_DIRECTORY-} = /* && -z ${!1-} && -z ${!file-} ]] || return 0
	if [ -e "$path" ] && [ -e "$path.cred" ]; then
		die 78 "$1: the credentials $1 and $1.cred are both there; one of them\
 has to go"
	elif [ -e "$path.cred" ]; then
		path+=.cred
	elif ! [ -e "$path" ]; then
		return 0
	fi
	printf -v "$file" %s "$path"
}

# value_or_file NAME: where NAME_FILE is given, or found as a credential, NAME
# becomes what that file holds, less one final newline. Status 78 where both are
# given, where the file cannot be read, and where it has a NUL byte, which no
# variable can hold. An empty variable is one that was not given; NAME is set
# afterwards, to nothing if need be.
value_or_file() {
	local name=$1 file=$1_FILE value=
	find_credential "$name"
	printf -v "$name" %s "${!name-}"
	[ -n "${!file-}" ] || return 0
	[ -z "${!name}" ] ||
		die 78 "$name and $file are both given; one of them has to go"
	file=${!file}
	if [ -d "$file" ] || ! [ -r "$file" ]; then
		die 78 "${name}_FILE: cannot read \"$file\""
	fi
	if IFS= read -r -d '' value <"$file"; then
		die 78 "${name}_FILE: \"$file\" has a NUL byte"
	fi
	printf -v "$name" %s "${value%$'\n'}"
}

# text_fault NAME: true where the variable NAME is not one line of valid UTF-8;
# what is wrong is in $fault. jq would replace what is not UTF-8 without a word,
# so it is jq that is asked.
text_fault() {
	local value=${!1-} back
	fault='has a newline'
	[[ $value != *$'\n'* ]] || return 0
	fault='is not valid UTF-8'
	[[ $value = *[$'\x80'-$'\xff']* ]] || return 1
	back=$(printf %s "$value" | jq -Rsj .)
	[ "$back" != "$value" ]
}

# check_text NAME: status 78 where it is not one line of valid UTF-8.
check_text() {
	! text_fault "$1" || die 78 "$1 $fault"
}

# ---- children ---------------------------------------------------------------
#
# A child that gets a signal between fork and exec runs the traps of its parent.
# A trap that ends other children or removes files begins with
#
#	[[ $BASHPID = "$$" ]] || return 0
#
# just like that: a function that asks the same was seen to say yes there.

# end_children PID...: a child of this shell that has ended already is passed
# over. Returns when all are reaped. Bash would tell on stderr which of them
# were killed.
end_children() {
	local pid tries=0
	for pid; do kill -TERM "$pid" || :; done
	for pid; do
		while kill -0 "$pid"; do
			if ((++tries > 50)); then
				kill -KILL "$pid" || :
				break
			fi
			sleep 0.1
		done
		wait "$pid" || :
	done
} 2>/dev/null

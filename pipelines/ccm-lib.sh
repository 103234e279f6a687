# shellcheck shell=bash
# What the ccm scripts share: diagnostics and children.
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
# counts and carries bytes, whatever they are. Needs $here, the folder of the
# programs.
#
#	log_init NAME                the name in messages; checks GLOBAL_LOG_LEVEL (78)
#	log_error|log_warn|log_info|log_debug MESSAGE
#	log_shows ERROR|WARN|INFO|DEBUG
#	die STATUS MESSAGE           the message, then exit STATUS
#	tell_shipper MESSAGE         to the ccm-ship that runs us, if one does
#	usage_error OPTION OPTARG    getopts returned ? or :, status 64
#	print_version                -V: the version that ccm's programs have
#	plural NUMBER WORD           "1 file", "2 files"
#	end_children PID...          SIGTERM, SIGKILL after five seconds, reaped

export LC_ALL=C
# shellcheck disable=SC2154 # $here is the script's
PATH=$here:$PATH
# shellcheck disable=SC2034 # where the other files of ours are
ccm_share=$here/../share/ccm
ccm_private=$here/../lib/ccm

# ---- diagnostics: ccm-log writes the lines ----------------------------------

log_name=${0##*/}

log_init() {
	log_name=$1
	"$ccm_private/ccm-log" "$1" || exit
}
log_shows() { "$ccm_private/ccm-log" -s "$log_name" "$1"; }
log_error() { "$ccm_private/ccm-log" "$log_name" ERROR "$*"; }
log_warn() { "$ccm_private/ccm-log" "$log_name" WARN "$*"; }
log_info() { "$ccm_private/ccm-log" "$log_name" INFO "$*"; }
log_debug() { "$ccm_private/ccm-log" "$log_name" DEBUG "$*"; }

# plural NUMBER WORD: "1 file", "2 files"
plural() {
	printf '%d %s' "$1" "$2"
	(($1 == 1)) || printf s
}

# tell_shipper MESSAGE: what we wait for, or why we fail, to the ccm-ship that
# runs us (CCM_SHIP_REASON in its manual). It shows that in its status, and logs
# it once, where we would at each attempt. False where there is none any more;
# the subshell is what a SIGPIPE then ends.
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
	tell_shipper "$*" || log_error "$*"
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
	version=$("$ccm_private/ccm-log" -V) || die 70 "cannot run ccm-log"
	printf '%s %s\n' "$log_name" "${version##* }"
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

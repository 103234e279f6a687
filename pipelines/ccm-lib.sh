# shellcheck shell=bash
# What the ccm scripts share: diagnostics, options, the version.
#
# A script finds this file beside its own folder, and begins like this:
#
#	set -euo pipefail
#	here=$(readlink -f "$0")
#	here=${here%/*}
#	# shellcheck source=pipelines/ccm-lib.sh
#	. "$here/../share/ccm/ccm-lib.sh"
#	log_init ccm-scrape
#
# Sourcing it puts the script's folder first in PATH, so that a pipeline runs
# the programs that it was installed with, and makes the locale C: bash then
# counts and carries bytes, whatever they are. Needs $here, the folder of the
# programs.
#
#	log_init NAME                the name in messages; checks GLOBAL_LOG_LEVEL (78)
#	log_error MESSAGE
#	die STATUS MESSAGE           the message, then exit STATUS
#	usage_error OPTION OPTARG    getopts returned ? or :, status 64
#	print_version                -V: the version that ccm's programs have

export LC_ALL=C
# shellcheck disable=SC2154 # $here is the script's
PATH=$here:$PATH
# shellcheck disable=SC2034 # where the other files of ours are
ccm_share=$here/../share/ccm
ccm_private=$here/../lib/ccm

# ---- diagnostics: ccm-log writes the lines ----------------------------------

log_name=${0##*/}

# It needs none of the secrets.
ccm_log() (
	unset "${!CONFLUENT_METRICS_@}" "${!KAFKA_@}" "${!SCHEMA_REGISTRY_@}" "${!CCM_EXPORT_@}"
	exec "$ccm_private/ccm-log" "$@"
)
log_init() {
	log_name=$1
	ccm_log "$1" || exit
}
log_error() { ccm_log "$log_name" ERROR "$*"; }

# die STATUS MESSAGE: a status of <sysexits.h>. Inside $(...) it ends only that
# subshell, with its status.
die() {
	local status=$1
	shift
	log_error "$*"
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

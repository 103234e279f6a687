# shellcheck shell=bash
# What ccm-scrape, ccm-scrape-hour and ccm-check share. Needs ccm-lib.sh.
#
#	hide_secrets                 for good, before the first child is started
#	show_cloud_secrets           in the subshell that becomes ccm-fetch
#	show_kafka_settings          in the subshell that becomes ccm-produce
#	queries WHAT HOUR PRESET...  queries.jq, with what ccm-settings writes on
#	                             standard input
# shellcheck disable=SC2154 # $ccm_share is set there

cloud_secrets=(CONFLUENT_METRICS_{API_KEY,API_SECRET,TOKEN}{,_FILE})
mapfile -t kafka_variables < <(echo KAFKA_SETTINGS && compgen -e KAFKA_)

# Children see no variable that they do not need.
hide_secrets() { export -n "${cloud_secrets[@]}" "${kafka_variables[@]}"; }

# shellcheck disable=SC2163 # they are names
show_cloud_secrets() { export "${cloud_secrets[@]}"; }
# shellcheck disable=SC2163
show_kafka_settings() { export "${kafka_variables[@]}"; }

# Status 74 where jq cannot write, 70 where it does not understand its input.
queries() {
	local status=0
	jq -n -r -c --slurpfile settings /dev/stdin --arg what "$1" \
		--arg hour "$2" -f "$ccm_share/queries.jq" "${@:3}" || status=$?
	case $status in
	2) return 74 ;;
	1 | 3 | 5) return 70 ;;
	*) return "$status" ;;
	esac
}

# shellcheck shell=bash
# What ccm-scrape is told by its environment: read, checked, shown.
#
#	read_configuration     all of it is checked, all that is wrong is told, and
#	                       $invalid is set where anything is
#	check_others           the same for what other programs read
#	print_settings         for -n: "# NAME=VALUE", the secrets masked
#	queries check|bodies   the presets' queries, by queries.jq
#	hide_secrets           for good, before the first child is started
#	show_cloud_secrets     in the subshell that becomes ccm-fetch
#	show_kafka_settings    in the subshell that becomes ccm-ship
#	now, hour_of, epoch_of_hour
#
# Needs ccm-lib.sh and kafka.sh, and of ccm-scrape $ships_elsewhere and
# $refused, the resources that the API has refused in this run.
# shellcheck disable=SC2034 # much of what is read here is used there

list_variables=(
	CONFLUENT_METRICS_CLUSTER_ID_LIST
	CONFLUENT_METRICS_COMPUTE_POOL_ID_LIST
	CONFLUENT_METRICS_CONNECTOR_ID_LIST
	CONFLUENT_METRICS_KSQL_ID_LIST
	CONFLUENT_METRICS_SCHEMA_REGISTRY_ID_LIST
)
cloud_secrets=(
	CONFLUENT_METRICS_API_KEY
	CONFLUENT_METRICS_API_SECRET
	CONFLUENT_METRICS_TOKEN
)
mapfile -t kafka_variables < <(compgen -e KAFKA_)

# ---- time -------------------------------------------------------------------

# epoch_of YEAR MONTH DAY HOUR MINUTE SECOND: seconds since 1970 in $epoch;
# false where there is no such time. Years that begin in March have their leap
# day at the end, which makes the sum of days so short.
epoch_of() {
	local y=$((10#$1)) m=$((10#$2)) d=$((10#$3)) back
	local seconds=$((10#$4 * 3600 + 10#$5 * 60 + 10#$6))
	((m >= 1 && m <= 12 && 10#$4 < 24 && 10#$5 < 60 && 10#$6 < 60)) || return 1
	((y -= m <= 2, m = (m + 9) % 12))
	((d += 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 - 719469))
	((epoch = d * 86400 + seconds))
	printf -v back '%(%Y-%m-%d)T' "$epoch"
	[ "$back" = "$1-$2-$3" ]
}

# epoch_of_hour 2025-09-02T00Z: in $epoch; false where that is no hour.
epoch_of_hour() {
	[[ $1 =~ ^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2})Z$ ]] &&
		epoch_of "${BASH_REMATCH[@]:1}" 00 00
}

# hour_of EPOCH: in $hour, the way hours are written in the state directory.
hour_of() {
	printf -v hour '%(%Y-%m-%dT%HZ)T' "$1"
}

# epoch_of_iso8601 TEXT: in $epoch. The zone has to be said.
epoch_of_iso8601() {
	local date='([0-9]{4})-([0-9]{2})-([0-9]{2})'
	local time='([0-9]{2}):([0-9]{2})(:([0-9]{2})([.,][0-9]+)?)?'
	local zone='(Z|([+-])([0-9]{2}):?([0-9]{2})?)'
	[[ $1 =~ ^${date}[T\ ]${time}${zone}$ ]] || return 1
	local -a part=("${BASH_REMATCH[@]}")
	epoch_of "${part[@]:1:5}" "${part[7]:-00}" || return 1
	[ "${part[9]}" != Z ] || return 0
	((epoch -= ${part[10]}1 * (10#${part[11]} * 3600 + 10#0${part[12]} * 60)))
}

now() {
	((now = EPOCHSECONDS + clock_offset))
}

# ---- configuration ----------------------------------------------------------

# What is wrong so far, and the first thing of it.
invalid=
complaint=

complain() {
	log_line ERROR '' "$*"
	: "${complaint:=$*}"
	invalid=1
}

# told_invalid TEXT: others have said it, with their names before each line.
told_invalid() {
	local line=${1%%$'\n'*}
	printf '%s\n' "$1" >&2
	line=${line#<[0-9]>}
	: "${complaint:=${line#*: }}"
	invalid=1
}

# read_setting NAME: NAME becomes its value, from NAME_FILE where that is given,
# or from a credential. The file is read once: it may be a pipe.
read_setting() {
	local file=$1_FILE value
	if ! (find_credential "$1"); then
		invalid=1
		return
	fi
	find_credential "$1"
	if [ -z "${!file-}" ]; then
		printf -v "$1" %s "${!1-}"
	elif value=$(value_or_file "$1" && printf '%s.' "${!1}"); then
		printf -v "$1" %s "${value%.}"
		# A child that reads the file must not see both.
		export -n "${1?}"
	else
		invalid=1
	fi
}

# split_list TEXT: its items in $items. Commas and newlines divide, blanks
# around an item and empty items count for nothing, repeated ones once.
split_list() {
	local - item IFS=$',\n'
	local -A seen=()
	set -f
	items=()
	for item in $1; do
		item=${item#"${item%%[![:space:]]*}"}
		item=${item%"${item##*[![:space:]]}"}
		if [ -n "$item" ] && [ -z "${seen[$item]-}" ]; then
			seen[$item]=1
			items+=("$item")
		fi
	done
}

# VARIABLE -> the ids of its list, a line each
declare -A ids=()

read_lists() {
	local variable item
	for variable in "${list_variables[@]}"; do
		read_setting "$variable"
		split_list "${!variable}"
		for item in "${items[@]}"; do
			# The API's ids are at most that long.
			if [[ $item = *[!!-~]* || $item = *[\"\\]* ]] || ((${#item} > 255)); then
				complain "$variable: \"$item\" is not an id"
			fi
		done
		ids[$variable]=$(
			IFS=$'\n'
			printf %s "${items[*]}"
		)
	done
}

read_credentials() {
	local key=CONFLUENT_METRICS_API_KEY secret=CONFLUENT_METRICS_API_SECRET
	local token=CONFLUENT_METRICS_TOKEN name
	for name in "$key" "$secret" "$token"; do
		read_setting "$name"
	done
	[ -n "$invalid" ] ||
		case "${!key:+key} ${!secret:+secret} ${!token:+token}" in
		'key secret ' | '  token') ;;
		'  ') complain "no credentials: neither $key and $secret nor $token is given" ;;
		'key  ') complain "$key is given, $secret is not" ;;
		' secret ') complain "$secret is given, $key is not" ;;
		*) complain "$token is given, and so is $key or $secret; one has to go" ;;
		esac
	without_credentials=$invalid
}

# number_setting NAME DEFAULT LEAST MOST: NAME is such a number, in digits.
number_setting() {
	local value=${!1-}
	: "${value:=$2}"
	if [[ $value =~ ^[0-9]{1,3}$ ]] && ((10#$value >= $3 && 10#$value <= $4)); then
		printf -v "$1" %d "$((10#$value))"
	else
		complain "$1 is \"$value\"; it takes a number from $3 to $4"
	fi
}

read_clock() {
	clock_offset=0
	[ -n "${CCM_NOW:=}" ] || return 0
	if epoch_of_iso8601 "$CCM_NOW"; then
		((clock_offset = epoch - EPOCHSECONDS))
	else
		complain "CCM_NOW is \"$CCM_NOW\"; it takes a time such as 2025-09-02T01:05:00Z"
	fi
}

# The presets that CCM_QUERIES names: their files in $presets.
choose_presets() {
	local item named=("$ccm_share"/queries/*.json)
	named=("${named[@]##*/}")
	presets=()
	split_list "${CCM_QUERIES:=kafka-cost}"
	((${#items[@]} > 0)) || complain "CCM_QUERIES names no preset"
	for item in "${items[@]}"; do
		if [[ $item = */* || $item = *.json ]]; then
			[[ $item = /* ]] || item=./${item#./}
			# shellcheck disable=SC2094 # it is only read
			if ! [ -f "$item" ] || ! [ -r "$item" ]; then
				complain "CCM_QUERIES: cannot read the preset $item"
			elif ccm-json -n "$item" <"$item" >/dev/null; then
				presets+=("$item")
			else
				invalid=1
			fi
		elif [[ " ${named[*]} " = *" $item.json "* ]]; then
			presets+=("$ccm_share/queries/$item.json")
		else
			complain "CCM_QUERIES: no preset is called \"$item\";" \
				"there are ${named[*]%.json}, and paths of your own"
		fi
	done
}

# queries check|bodies [HOUR]: see queries.jq. Resources refused in this run are
# left out of the rest of it.
queries() {
	local - variable id
	set -f
	for variable in "${list_variables[@]}"; do
		for id in ${ids[$variable]}; do
			[ -n "${refused[$id]-}" ] || printf '%s %s\n' "$variable" "$id"
		done
	done | jq -n -r -c --arg what "$1" --arg share "$ccm_share/queries/" \
		--arg hour "${2-}" --rawfile ids /dev/stdin \
		-f "$ccm_share/queries.jq" "${presets[@]}"
}

# What the presets need, and the metrics that they ask for ($metrics: a line
# each, "METRIC PRESET").
check_presets() {
	local checked kind what preset
	local -A told=()
	metrics=
	used_lists=()
	((${#presets[@]} > 0)) || return 0
	checked=$(queries check) || die 70 "queries.jq failed"
	while IFS=$'\t' read -r kind what preset; do
		case $kind in
		error) complain "$what" ;;
		metric) metrics+="$what $preset"$'\n' ;;
		needs)
			[ -z "${told[$what]-}" ] || continue
			told[$what]=1
			used_lists+=("$what")
			[ -n "${ids[$what]}" ] ||
				complain "$what is empty; the preset $preset needs it"
			;;
		esac
	done <<<"$checked"
}

# The directory that systemd gives, else the user's own.
choose_state() {
	if [ -n "${STATE_DIRECTORY-}" ]; then
		state=$STATE_DIRECTORY
	elif [[ ${XDG_STATE_HOME-} = /* ]]; then
		state=$XDG_STATE_HOME/ccm
	elif [ -n "${HOME-}" ]; then
		state=$HOME/.local/state/ccm
	else
		complain "STATE_DIRECTORY, XDG_STATE_HOME and HOME are all unset"
		return
	fi
	[[ $state = /* ]] || state=$PWD/$state
	# ccm-fetch looks for it too, for its rate file.
	export STATE_DIRECTORY=$state
}

read_configuration() {
	read_credentials
	read_lists
	number_setting MINUTE_TO_SCRAPE_AT 5 5 59
	# The API keeps seven days.
	number_setting CCM_BACKFILL_HOURS 168 1 168
	read_clock
	case ${CCM_RECORDS:=} in
	'') normalize_options=() ;;
	cost-control) normalize_options=(-s -t principal_id=principal_id) ;;
	*) complain "CCM_RECORDS is \"$CCM_RECORDS\"; it takes cost-control, or nothing" ;;
	esac
	: "${METRICS_TOPIC:=confluent-metrics}"
	(log_name="$log_name: METRICS_TOPIC" && check_topic "$METRICS_TOPIC") || invalid=1
	choose_state
	choose_presets
	check_presets
}

# What other programs take from the environment is checked by them. That takes
# time, so a run with nothing to do goes without.
check_others() {
	local said
	if [ -z "$without_credentials" ]; then
		said=$(show_cloud_secrets && ccm-fetch query </dev/null 2>&1)
		# It may also be that it cannot write its rate file, which is no such error.
		if [ $? -eq 78 ]; then told_invalid "$said"; fi
	fi
	[ -z "$ships_elsewhere" ] || return 0
	# What there is to warn of ccm-produce says.
	said=$( (log_level=ERROR && kafka_settings producer --masked >/dev/null) 2>&1) ||
		told_invalid "$said"
}

# ---- secrets ----------------------------------------------------------------

# What children do not need they do not see.
hide_secrets() {
	export -n "${cloud_secrets[@]}" "${kafka_variables[@]}"
}

# In the subshell that becomes ccm-fetch.
show_cloud_secrets() {
	local name
	for name in "${cloud_secrets[@]}"; do
		unset "${name}_FILE"
		export "${name?}"
	done
}

# In the subshell that becomes ccm-ship.
show_kafka_settings() {
	local name
	for name in "${kafka_variables[@]}"; do export "${name?}"; done
}

# ---- shown -----------------------------------------------------------------

# show NAME: its value; show NAME masked: that there is one.
show() {
	local value=${!1-}
	[ -z "${2-}" ] || value=${value:+********}
	printf '# %s=%s\n' "$1" "${value//[[:cntrl:]]/ }"
}

# What is in force, a line each. Status 78 where Kafka's settings are bad.
print_settings() {
	local name value
	: "${CONFLUENT_METRICS_HOST:=https://api.telemetry.confluent.cloud}"
	show CONFLUENT_METRICS_HOST
	show CONFLUENT_METRICS_API_KEY
	show CONFLUENT_METRICS_API_SECRET masked
	show CONFLUENT_METRICS_TOKEN masked
	for name in "${used_lists[@]}"; do
		printf '# %s=%s\n' "$name" "${ids[$name]//$'\n'/,}"
	done
	for name in CONFLUENT_METRICS_CAFILE CONFLUENT_METRICS_REQUESTS_PER_MINUTE \
		CONFLUENT_METRICS_INSECURE CONFLUENT_METRICS_TIMEOUT CCM_RATE_DIR \
		CCM_KAFKA_TRANSACTIONAL_ID CCM_INSTANCE; do
		[ -z "${!name-}" ] || show "$name"
	done
	for name in http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY \
		no_proxy NO_PROXY; do
		[ -n "${!name-}" ] || continue
		value=${!name}
		[[ $value != *@* ]] || value="********@${value##*@}"
		printf '# %s=%s\n' "$name" "$value"
	done
	for name in CCM_QUERIES CCM_RECORDS CCM_BACKFILL_HOURS MINUTE_TO_SCRAPE_AT \
		CCM_NOW METRICS_TOPIC GLOBAL_LOG_LEVEL STATE_DIRECTORY; do
		show "$name"
	done
	[ -n "$ships_elsewhere" ] ||
		(kafka_settings producer --masked) | sed 's/^/# /'
}

# shellcheck shell=bash
# Completion of ccm's programs for bash. What a program takes is read from its -h:
# options, what their arguments are (FILE, DIR, METRIC, ...), subcommands, operands.
#
# Metric names are those of $XDG_CACHE_HOME/ccm/descriptors.ndjson (~/.cache/ccm),
# where there is one: ccm-fetch(1) has the command that writes it. Otherwise they
# are those of the presets that ccm was installed with, as are types of resources.

# _ccm_presets KEY: the values of that key in the presets
_ccm_presets() {
	local program
	program=$(readlink -f "$(type -P "$_ccm_program")") || return
	sed -n "s/.*\"$1\": *\"\\([^\"]*\\)\".*/\\1/p" \
		"${program%/*}"/../share/ccm/queries/*.json 2>/dev/null | sort -u
}

# _ccm_descriptors FILTER: of jq, over the cached descriptors
_ccm_descriptors() {
	jq -r "$1" "${XDG_CACHE_HOME:-$HOME/.cache}/ccm/descriptors.ndjson" 2>/dev/null
}

# _ccm_argument WORD: what may stand for that word of -h, into COMPREPLY
_ccm_argument() {
	local values
	case $1 in
	FILE | PATH) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- "$cur") && return ;;
	DIR | SPOOL) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -d -- "$cur") && return ;;
	PROG | SEND) mapfile -t COMPREPLY < <(compgen -c -- "$cur") && return ;;
	METRIC*) values=$(_ccm_descriptors .name || _ccm_presets metric) ;;
	LABEL) values=$(_ccm_descriptors '"metric." + .labels[]?.key') ;;
	GRANULARITY) values='PT1M PT5M PT15M PT30M PT1H PT4H PT6H PT12H P1D ALL' ;;
	INTERVAL) values='now-1h|h/now|h now-6h|h/now|h now-1d|d/now|d' ;;
	TYPE.LABEL=*) compopt -o nospace && values=$(_ccm_presets resource | sed 's/$/=/') ;;
	TYPE) values=$(_ccm_presets resource | sed 's/\.[^.]*$//') ;;
	INSTANCE) values=$(cd /etc/ccm 2>/dev/null && printf '%s\n' ./*.env | sed -n 's|^\./\([^*].*\)\.env$|\1|p') ;;
	*) return ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$values" -- "$cur")
}

_ccm() {
	local _ccm_program=$1 cur=$2 help usage option word i operand=0 sub=
	local -A takes=()
	local -a operands=() subs=()
	COMPREPLY=()
	help=$("$_ccm_program" -h 2>/dev/null) || return

	while IFS= read -r word; do
		[[ $word =~ ^\ \ -([A-Za-z0-9])(,\ -([A-Za-z0-9]))?(\ ([A-Z][^ ]*))? ]] || continue
		[ -n "${takes[-${BASH_REMATCH[1]}]-}" ] || takes[-${BASH_REMATCH[1]}]=${BASH_REMATCH[5]}
		[ -z "${BASH_REMATCH[3]}" ] || takes[-${BASH_REMATCH[3]}]=
	done <<<"$help"
	# The lines of the usage. A word in small letters is a subcommand.
	usage=$(sed '1!{/^[^ ]/,$d}; s/^usage: /       /' <<<"$help")
	mapfile -t subs < <(sed -nE "s/^ +${_ccm_program##*/} ([a-z]+).*/\1/p" <<<"$usage" | sort -u)

	# What stands before the cursor: is it an option that takes what comes, and
	# how many operands are there? = is a word of its own.
	option=
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if ((operand == 0)) && [ -n "${takes[$word]-}" ]; then
			((++i < COMP_CWORD)) || option=$word
			while [ "${COMP_WORDS[i + 1]-}" = = ]; do ((i += 2)); done
		elif [[ $word = -* ]]; then
			continue
		elif ((${#subs[@]} > 0)) && [ -z "$sub" ]; then
			sub=$word
		else
			((++operand))
		fi
	done

	if [ -n "$option" ]; then
		_ccm_argument "${takes[$option]}"
	elif [[ $cur = -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "${!takes[*]}" -- "$cur")
	elif ((${#subs[@]} > 0)) && [ -z "$sub" ]; then
		mapfile -t COMPREPLY < <(compgen -W "${subs[*]}" -- "$cur")
	else
		# metrics|resources, or the operands without options and what is optional
		word=$(sed -n "s/^ *${_ccm_program##*/} ${sub:+$sub }//p" <<<"$usage" | head -n 1)
		if [[ $word =~ ^([a-z]+(\|[a-z]+)+) ]]; then
			((operand > 0)) || mapfile -t COMPREPLY < <(compgen -W "${BASH_REMATCH[1]//|/ }" -- "$cur")
			return
		fi
		mapfile -t operands < <(sed -E 's/\[-[^]]*\](\.\.\.)?//g; s/-[A-Za-z] [^ ]*//g; s/<.*//' <<<"$word" |
			tr -d '[]' | tr -s ' ' '\n' | grep '^[A-Z]')
		word=${operands[operand]-${operands[-1]-}}
		_ccm_argument "${word%...}"
	fi
}

complete -F _ccm ccm-avro ccm-check ccm-consume ccm-env ccm-export ccm-fetch ccm-hours ccm-ingest ccm-ingestd ccm-json ccm-key \
	ccm-linefmt ccm-normalize ccm-post ccm-produce ccm-promfmt ccm-scrape ccm-send ccm-serve \
	ccm-ship ccm-status

#!/usr/bin/env bash
# bash completion: what a shell that has it offers behind what is typed.
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

# completions WORD...: what is offered for the last of them, which may be empty
completions() {
	bash --norc -c '
		. "$0" || exit
		compopt() { :; } # bash itself calls the function then
		read -ra spec < <(complete -p "${1##*/}")
		for ((i = 0; i < ${#spec[@]}; i++)); do [ "${spec[i]}" != -F ] || function=${spec[i + 1]}; done
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		"$function" "$1" "${!#}" "${COMP_WORDS[COMP_CWORD - 1]}"
		printf "%s\n" "${COMPREPLY[@]}" | sort | paste -sd" "' "$B/share/ccm/completion.bash" "$@"
}
# offers LINE WANTED NAME: words of LINE by blanks; a blank at its end starts one
offers() {
	local -a words
	read -ra words <<<"$1"
	[[ $1 != *' ' ]] || words+=('')
	is "$(completions "${words[@]}" 2>&1)" "$2" "$3"
}

missing=
for program in "$B"/bin/*; do
	name=${program##*/}
	wanted=$("$name" -h | sed -nE 's/^  -(.)(, -(.))? .*/-\1 -\3/p' | tr ' ' '\n' | grep -x -- '-.' | sort -u | paste -sd' ')
	[ "$(completions "$name" -)" = "$wanted" ] || missing+="$name: $(completions "$name" - 2>&1); "
done
is "$missing" '' 'the options of each program'

offers 'ccm-fetch ' 'attributes check descriptors export query' 'the subcommands of ccm-fetch'
offers 'ccm-fetch descriptors ' 'metrics resources' '... what descriptors there are'
offers 'ccm-fetch descriptors m' 'metrics' '... with what was typed of it'
offers 'ccm-fetch query -G PT1' 'PT12H PT15M PT1H PT1M' 'a granularity'
offers 'ccm-fetch query -r kafka' 'kafka.id=' 'a type of resource'
offers 'ccm-fetch query -r kafka.id = lkc-1 -G A' 'ALL' 'options behind a resource, whose = is a word'
like "$(completions ccm-fetch query -m io.confluent.kafka.server/re)" \
	'^io.confluent.kafka.server/received_bytes .*/retained_bytes' 'metric names of the presets'
mkdir -p .cache/ccm
printf '%s\n' '{"name":"io.confluent.kafka.server/one","labels":[{"key":"topic"}]}' \
	'{"name":"io.confluent.kafka.server/two"}' >.cache/ccm/descriptors.ndjson
offers 'ccm-fetch query -m io.confluent.kafka.server/' \
	'io.confluent.kafka.server/one io.confluent.kafka.server/two' '... of cached descriptors, where there are any'
offers 'ccm-fetch query -m io.confluent.kafka.server/one -g ' metric.topic '... and their labels'
mkdir spool spool.two
touch spare.env
offers 'ccm-ship sp' 'spool spool.two' 'a directory'
offers 'ccm-ship -b 8M sp' 'spool spool.two' '... behind an option and its argument'
offers 'ccm-ship spool ccm-prod' ccm-produce 'a program'
offers 'ccm-env sp' 'spare.env spool spool.two' 'a file'
offers 'ccm-normalize -r spa' spare.env '... as the argument of an option'
offers 'ccm-produce ' '' 'nothing where nothing is known'

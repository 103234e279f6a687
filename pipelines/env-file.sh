# shellcheck shell=bash
# A file of variables, read as systemd reads an EnvironmentFile= (systemd.exec(5);
# the states are those of parse_env_file_internal() in its src/basic/env-file.c).
# Nothing in it is run: a shell would read many such files, and some otherwise.
#
#	read_env_file FILE CALLBACK	CALLBACK NAME VALUE for each, in the file's
#				order; what has no valid name is left out, as there.
#				False where the file cannot be read.
#
# - "#" and ";" begin a comment where a name could begin, and "\" at the end of
#   one continues it.
# - Blanks around a name and a value do not count.
# - A value, or a part of it, may stand in '' (nothing is special in there) or in
#   "" (where "\" counts before " \ ` $ and the end of a line only).
# - Elsewhere "\" makes any character a common one, and drops the end of a line.

# env_value: takes a value off the beginning of $rest, into $value.
env_value() {
	local blank=$' \t\n\r' part c kept=0
	value=
	while :; do
		# Before a value, and behind a quoted part.
		part=${rest%%[!$' \t']*}
		rest=${rest:${#part}}
		case $rest in
		'' | [$'\n\r']*)
			rest=${rest:1}
			return
			;;
		\'*)
			rest=${rest:1}
			part=${rest%%\'*}
			value+=$part
			rest=${rest:${#part}+1}
			kept=${#value}
			continue
			;;
		\"*)
			rest=${rest:1}
			while [[ $rest = *[\"\\]* ]]; do
				part=${rest%%[\"\\]*}
				value+=$part
				c=${rest:${#part}:2}
				if [[ $c = \"* ]]; then
					rest=${rest:${#part}+1}
					break
				fi
				rest=${rest:${#part}+2}
				case ${c:1} in
				[\"\\\`$]) value+=${c:1} ;;
				$'\n') ;;
				*) value+=$c ;;
				esac
			done
			kept=${#value}
			continue
			;;
		esac
		while :; do
			part=${rest%%[\\$'\n\r']*}
			value+=$part
			c=${rest:${#part}:2}
			case $c in
			\\*)
				rest=${rest:${#part}+2}
				[[ ${c:1} = [$'\n\r'] ]] || value+=${c:1}
				kept=${#value}
				;;
			*)
				rest=${rest:${#part}+1}
				while ((${#value} > kept)) && [[ $blank = *"${value: -1}"* ]]; do
					value=${value%?}
				done
				return
				;;
			esac
		done
	done
}

read_env_file() {
	local text rest value name
	[ -f "$1" ] && [ -r "$1" ] || return
	text=$(cat -- "$1" && printf .) || return
	rest=${text%.}
	while :; do
		rest=${rest#"${rest%%[!$' \t\n\r']*}"}
		[ -n "$rest" ] || return 0
		if [[ $rest = [\#\;]* ]]; then
			while [[ $rest = *[\\$'\n\r']* ]]; do
				name=${rest%%[\\$'\n\r']*}
				rest=${rest:${#name}}
				[[ $rest = \\* ]] || break
				rest=${rest:2}
			done
			[[ $rest = [$'\n\r']* ]] || rest=
			continue
		fi
		name=${rest%%[=$'\n\r']*}
		rest=${rest:${#name}}
		# A line without "=" says nothing.
		[[ $rest = =* ]] || continue
		rest=${rest:1}
		name=${name%"${name##*[!$' \t']}"}
		env_value
		[[ ! $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || "$2" "$name" "$value"
	done
}

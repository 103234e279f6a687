# shellcheck shell=bash
# The manual as tests read it, for those that source tap.sh.
#
#	examples PAGE    the commands of EXAMPLES in tools/PAGE.1, one a line: the
#	                 command, a tab, what the page says that it writes, with
#	                 "\n" for newlines; what is no command is left out
#	synopsis PAGE    its SYNOPSIS as -h shows it, one blank between words

examples() {
	awk '/^\.Sh/ { inside = $2 == "EXAMPLES" }
		!inside { next }
		/^\.Bd/ { text = 1; next }
		/^\.Ed/ { if (command != "") print command "\t" output
			text = 0; command = output = ""; more = 0; next }
		!text { next }
		{ gsub(/\\e/, "\\"); line = $0 }
		more { command = command " " line }
		!more && /^\$ / { if (command != "") print command "\t" output
			command = substr(line, 3); output = "" }
		!more && !/^\$ / { output = output line "\\n" }
		{ more = command ~ /[\\|]$/ && (more || /^\$ /)
			sub(/\\$/, "", command) }' "$ROOT/tools/$1.1"
}

synopsis() {
	# Bold is a letter, a backspace and the letter again.
	mandoc -Tascii -Owidth=1000 "$ROOT/tools/$1.1" | sed 's/.\x08//g' |
		sed -n '/^SYNOPSIS/,/^DESCRIPTION/{//d;p}' | as_words
}

# usage PROGRAM: the same of its -h
usage() {
	"$1" -h | sed '1!{/^[^ ]/,$d}; s/^usage: //' | as_words
}

as_words() { tr -s ' \t\n' ' ' | sed 's/^ //; s/ $//; s/ | /|/g'; }

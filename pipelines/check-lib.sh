# shellcheck shell=bash
# What the parts of ccm-check share. A part tests one thing, and writes verdicts,
# a line each with tabs between:
#
#	ok|WARN|FAIL|-	EXIT-STATUS	WHAT	TEXT
#	...	0	WHAT	what takes a while is being tested
#
# Its exit status says only whether the tests that build on it make sense. Needs
# ccm-lib.sh.
#
#	good|warn|skip|pending WHAT [TEXT]; bad STATUS WHAT TEXT
#	complaints STATUS WHAT     what a program has reported in $work/said
#	plural NUMBER WORD         "1 file", "2 files"
#	make_work                  $work is a directory of our own, removed at the end

verdict() {
	printf '%s\t%d\t%s\t%s\n' "$1" "$2" "$3" "${4//[[:cntrl:]]/ }"
}
good() { verdict ok 0 "$@"; }
skip() { verdict - 0 "$@"; }
bad() { verdict FAIL "$@"; }
pending() { verdict ... 0 "$1" ''; }

# A line each, without the program's name and the level.
complaints() {
	local line status=$1
	((status >= 64 && status <= 78)) || status=70
	[ -s "$work/said" ] || bad "$status" "$2" "ended with status $1"
	while IFS= read -r line; do
		bad "$status" "$2" "$line"
	done < <(sed -E 's/^ccm-[a-z-]+: (ERROR: )?//' "$work/said")
}

plural() {
	printf '%d %s' "$1" "$2"
	(($1 == 1)) || printf s
}

make_work() {
	umask 077
	work=$(mktemp -d "${TMPDIR:-/tmp}/ccm.XXXXXX") ||
		die 73 "cannot create files in ${TMPDIR:-/tmp}"
	trap '[[ $BASHPID != "$$" ]] || rm -rf "$work"' EXIT
	trap 'exit 75' INT TERM HUP PIPE
}

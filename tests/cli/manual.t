#!/usr/bin/env bash
# Each program has a manual page with the SYNOPSIS of its -h, and all its options.
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/man.sh
. "$ROOT/tests/man.sh"

for program in "$B"/bin/*; do
	name=${program##*/}
	is "$(synopsis "$name")" "$(usage "$name")" "$name: SYNOPSIS and -h are the same"
	missing=
	for option in $("$name" -h | sed -n 's/^  -\([A-Za-z0-9]\)\(, -V\)\? .*/\1/p'); do
		grep -qE "^\.It .*(Fl|,) $option( |\$)" "$ROOT/tools/$name.1" || missing+=" -$option"
	done
	is "$missing" '' "$name: its page has all options of -h"
done

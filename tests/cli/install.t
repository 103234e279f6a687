#!/usr/bin/env bash
# make install and make uninstall: the one takes back the other, and nothing but
# that.
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

# installing GOAL PREFIX [VARIABLE=VALUE]...: below $WORK/root. What is staged on the way is not the
# tree that other tests use.
installing() {
	local goal=$1 prefix=$2
	shift 2
	MAKEFLAGS='' make --no-print-directory -C "$ROOT" B="$B" STAGE="$WORK/stage" \
		LIST="$WORK/list" DESTDIR="$WORK/root" prefix="$prefix" "$@" "$goal" >out 2>err
	status=$?
}

tree() { (cd root && find . -printf '%y %m %p %l\n' | sort); }
files() { (cd root && find . ! -type d | sort); }

# ---- nothing there before

installing install /usr/local
is "$status" 0 'make install'
for path in "$B"/bin/*; do
	name=${path##*/}
	run env -i PATH=/usr/bin:/bin "root/usr/local/bin/$name" -V
	like "$status:$(<out)" "^0:$name [0-9.]+\$" "$name runs from where it was installed"
	[ -s "root/usr/local/share/man/man1/$name.1" ]
	ok $? "... and has a manual page there"
done
is "$(cd root/usr/local/lib/systemd/system && printf '%s\n' * | LC_ALL=C sort | paste -sd" ")" \
	"$(cd "$ROOT/systemd" && printf '%s\n' *.{service,socket,target} | LC_ALL=C sort | paste -sd" ")" 'every unit is installed'
is "$(grep -h -o '/[^ =]*/bin/ccm-[a-z]*' root/usr/local/lib/systemd/system/* | sort -u | paste -sd' ')" \
	"$(printf '/usr/local/bin/ccm-%s\n' avro consume export ingestd produce scrape send serve ship | paste -sd" ")" \
	'the units start the programs that were installed with them'
is "$(bash --norc -c '. root/usr/local/share/bash-completion/completions/ccm-fetch && complete -p ccm-ship')" \
	'complete -F _ccm ccm-ship' 'bash finds completions of the programs'
is "$(cd root/usr/local/share/bash-completion/completions && echo *)" "$(cd "$B/bin" && echo *)" '... each by its name'
[ -x root/usr/local/lib/systemd/system-generators/ccm-timer-generator ] &&
	[ -s root/usr/local/lib/sysusers.d/ccm.conf ] &&
	[ -s root/usr/local/lib/tmpfiles.d/ccm.conf ] &&
	[ -s root/usr/local/share/doc/ccm/examples/ccm.env ]
ok $? 'generator, users, directories and an example are installed'
is "$(cd root/usr/local/share/ccm && echo dashboards/* examples/*)" \
	"$(cd "$ROOT/pipelines" && echo dashboards/*.{json,yml} examples/*.{conf,yml})" \
	'dashboards, rules and the examples for Prometheus and DataKit are installed'
[ -s root/usr/local/share/man/man7/ccm-metrics.7 ]
ok $? '... and the page that describes the metrics'
is "$(find root -type d ! -perm 755)" '' 'every directory can be read by all'
is "$(find root -type f ! -perm 755 ! -perm 644)" '' '... and every file'
tree >first
installing install /usr/local
tree >second
diff first second >"diff"
ok $? 'a second install changes nothing'
installing uninstall /usr/local
is "$status:$(test -e root && echo there)" 0: 'uninstall leaves nothing, not even a directory'

# ---- beside what was there before

for prefix in /usr/local /opt/ccm; do
	mkdir -p "root$prefix"/{bin,share/man/man1,lib/systemd/system,share/ccm/queries}
	echo mine | tee "root$prefix/bin/mine" "root$prefix/share/ccm/queries/mine.json" \
		>"root$prefix/lib/systemd/system/ccm-mine.service"
	tree >before
	installing install "$prefix"
	is "$status" 0 "make install prefix=$prefix"
	run env -i PATH=/usr/bin:/bin "root$prefix/bin/ccm-scrape" -V
	is "$status" 0 '... runs from there'
	like "$(<"root$prefix/lib/systemd/system/ccm-scrape@.service")" \
		"ExecStart=$prefix/bin/ccm-scrape -S" '... by its unit too'
	installing uninstall "$prefix"
	tree >after
	diff before after >"diff"
	ok $? '... and uninstall leaves the tree as it was, empty directories too'
	installing uninstall "$prefix"
	tree >after
	diff before after >"diff"
	ok $? '... and a second one does nothing'
done

# What someone has put into a directory of ours keeps that directory.
rm -rf root
installing install /usr
echo mine >root/usr/share/ccm/mine
installing uninstall /usr
is "$(files)" ./usr/share/ccm/mine "a file beside ours is not removed with them"

# ---- directories of the user's choice

rm -rf root
installing install /usr bindir=/opt/x/bin mandir=/opt/x/man
run env -i PATH=/usr/bin:/bin "root/opt/x/bin/ccm-scrape" -V
is "$status $(cd root/usr && echo *)" '0 lib share' 'bindir: the programs are there, and run'
[ -s root/opt/x/man/man1/ccm-scrape.1 ] && [ -s root/opt/x/man/man7/ccm.7 ]
ok $? 'mandir: the manual is there'
like "$(<'root/usr/lib/systemd/system/ccm-scrape@.service')" \
	'ExecStart=/opt/x/bin/ccm-scrape -S' 'the units start the programs there'
installing uninstall /usr bindir=/opt/x/bin mandir=/opt/x/man
is "$(test -e root && echo there)" '' 'uninstall finds all of it'
installing install /usr bindir=/usr/programs
is "$status" 2 'a bindir that the programs would find nothing beside: refused'
like "$(<err)" 'bindir' '... by name'

# ---- what make does by itself

run env -i PATH="$PATH" HOME="$HOME" make -n -C "$ROOT" B="$WORK/none"
is "$status $(grep -c -e apt-get -e Werror out)" '0 0' \
	'make alone installs no package, and a warning is none but a warning'
run env -i PATH="$PATH" HOME="$HOME" make -n -C "$ROOT" B="$WORK/none" check
is "$status $(($(grep -c Werror out) > 0)) $(($(grep -c apt-get out) > 0))" '0 1 1' \
	'make check does, and it is an error there'
run env -i PATH="$PATH" make -s -C "$ROOT" help
like "$status $(<out)" '^0 .*make check-kafka' 'make help shows the goals'

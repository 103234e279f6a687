#!/bin/bash
# ccm-ship: what is sent, what stays, what is set aside, and that nothing that
# ends it, or the program that it runs, loses a file.
# shellcheck disable=SC2016 # programs in single quotes are for another shell
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/man.sh
. "$ROOT/tests/man.sh"

export CCM_SHIP_GRACE_SECONDS=1

# put DIR NAME TEXT: a file as a writer makes it, by rename
put() {
	mkdir -p "$1"
	printf '%b' "$3" >"$1/.writing" && mv "$1/.writing" "$1/$2"
}

# files DIR: the names that are its business, on one line
files() { (cd "$1" && find . -maxdepth 1 -type f ! -name '.*' -printf '%P\n' | sort | tr '\n' ' '); }
is_empty() { [ -z "$(files "$1")" ]; }
json() { jq -c "$2" "$1/.status"; }
state_is() { [ "$(jq -r .state "$1/.status")" = "$2" ]; }

# ended PID: waits for a background process; its exit status is in $status
ended() {
	wait "$1" 2>/dev/null
	status=$?
}

# A program that begins, says so in $1.begun, and waits for $1.go (30 s at
# most) before it copies its input to $1.sent.
cat >slow <<'END'
#!/bin/sh
touch "$1.begun"
n=0
until [ -e "$1.go" ] || [ $n -gt 600 ]; do sleep 0.05; n=$((n + 1)); done
cat >>"$1.sent"
END
# A program that sits there, and ends on SIGTERM with 0.
cat >hang <<'END'
#!/bin/sh
trap 'exit 0' TERM
touch "$1.begun"
n=0
while [ $n -lt 600 ]; do sleep 0.05; n=$((n + 1)); done
END
# One that ignores SIGTERM.
sed "s/'exit 0'/''/" hang >stubborn
chmod +x slow hang stubborn

# ---- two that take their time, looked at further below

# Fails twice with 75 and removes itself, so that it cannot be run then.
cat >flaky.1 <<'END'
#!/bin/sh
echo run >>flaky.runs
[ "$(wc -l <flaky.runs)" -lt 2 ] || rm flaky
exit 75
END
chmod +x flaky.1 && cp flaky.1 flaky
put flaky.spool 1 'late\n'
start ccm-ship flaky.spool ./flaky >flaky.out 2>flaky.err
flaky=$pid

put stubborn.spool 1 'x\n'
start ccm-ship -1 stubborn.spool ./stubborn stubborn >stubborn.out 2>stubborn.err
stubborn=$pid
until_true 10 test -e stubborn.begun
kill "$stubborn"

# ---- which files, and in what order

put s 10 'ten\n'
put s 9 'nine\n'
put s 'a b' 'blank\n'
put s Z 'zed\n'
put s .hidden 'no\n'
mkdir s/dir
put s/dir inside 'no\n'
ln -s ../slow s/link
mkfifo s/fifo
run ccm-ship -1 s cat
is "$status" 0 'with -1 it exits 0 when all is sent'
is "$(<out)" $'ten\nnine\nzed\nblank' 'files go in the order of their names'
is "$(files s)" '' 'what is sent is removed'
is "$(cat s/.hidden s/dir/inside; readlink s/link; find s/fifo)" \
	$'no\nno\n../slow\ns/fifo' \
	'dot files, directories, links and fifos are left alone'
is "$(<err)" '' 'success is silent'

put s 1 ''
put s 2 'x\n'
run ccm-ship -1 s sh -c 'echo "$CCM_SHIP_FILES"; cat'
is "$(<out):$(files s)" $'2\nx:' 'an empty file is removed and not sent'

put s 1 'one'
put s 2 'two\n'
put s 3 'three'
run ccm-ship -1 s cat
is "$(<out)" $'one\ntwo\nthree' 'joined files get the newline that they lack'
put s 1 'one'
run ccm-ship -1 s cat
is "$(od -c out | head -1)" '0000000   o   n   e' 'a single file goes as it is'
put s 1 'one\n'
run ccm-ship -1 s readlink /proc/self/fd/0
is "$(<out)" "$WORK/s/1" 'a single file is standard input itself'

for n in 1 2 3 4; do put s $n "$n$n$n\n"; done
put s 5 '0123456789\n'
put s 6 'x\n'
run ccm-ship -1 -b 9 s sh -c 'echo $CCM_SHIP_FILES'
is "$(<out)" $'1 2\n3 4\n5\n6' '-b joins whole files up to that size, or one'
for n in 1 2 3; do put s $n "$(printf '%01000d' 0)"; done
run ccm-ship -1 -b 2K s sh -c 'echo $CCM_SHIP_FILES'
is "$(<out)" $'1 2\n3' '-b takes K'

many=()
for n in {1000..1500}; do many+=("s/$(printf '%0255d' "$n")"); done
printf 'x\n' | tee "${many[@]}" >/dev/null
run ccm-ship -1 s sh -c 'wc -l; echo "$CCM_SHIP_FILES" | wc -l'
is "$(tr '\n' ' ' <out):$(files s)" '500 500 1 1 :' \
	'five hundred files go together, and fit the environment by any names'

# ---- failures, with -1

put s 1 'x\n'
put s 2 'y\n'
run ccm-ship -1 s sh -c 'echo run; exit 75'
is "$status:$(<out):$(files s)" '75:run:1 2 ' \
	'with -1 a failure keeps the files, is not repeated, and exits 75'
is "$(<err)" \
	'ccm-ship: WARN: sh exited with status 75; 2 files (4 bytes) kept in s' \
	'a failure is told in one line'
is "$(json s 'del(.since, .last_error_since, .lines)')" \
	'{"state":"stopped","backlog":{"files":2,"bytes":4,"oldest":"1"},"bad":0,"sent":{"files":0,"bytes":0},"last_error":"sh exited with status 75"}' \
	'.status tells backlog and error after the end'
run ccm-ship -1 s sh -c 'kill -9 $$'
is "$status:$(files s)" '75:1 2 ' 'a program ended by a signal is a failure'
like "$(<err)" 'ended by signal 9' 'and the signal is told'
run ccm-ship -1 s cat
is "$status:$(<out)" $'0:x\ny' 'the next run sends what was kept'
is "$(json s '[.sent, .last_error, .backlog]')" \
	'[{"files":2,"bytes":4},null,{"files":0,"bytes":0}]' \
	'.status counts what was sent, and forgets the error'

for n in 1 2 3 4; do put s $n "line $n\n"; done
run ccm-ship -1 s sh -c 'echo "run $CCM_SHIP_FILES" | tr "\n" " "
	grep -q "line 3" && exit 65; cat; exit 0'
is "$(tr '\n' ' ' <out | tr -s ' ')" 'run 1 2 3 4 run 1 run 2 run 3 run 4 ' \
	'exit 65 on joined files sends them again one by one'
is "$status:$(files s):$(cat s/bad/*)" '65::line 3' \
	'only the bad one is set aside, and -1 exits 65'
is "$(stat -c %a s/bad)" 750 'bad/ is not for others'
like "$(<err)" 'ERROR: 3: sh exited with status 65; set aside as s/bad/3' \
	'an error line names it'
is "$(json s '[.bad, .sent.files, .lines.set_aside]')" '[1,3,1]' '.status counts what is in bad/'
put s 3 'again\n'
run ccm-ship -1 s sh -c 'exit 65'
put s 3 'and again\n'
run ccm-ship -1 s sh -c 'exit 65'
is "$(files s/bad):$(cat s/bad/3.2 s/bad/3.3)" $'3 3.2 3.3 :again\nand again' \
	'a name that is taken in bad/ gets a number'
is "$(json s .lines.set_aside)" 3 '... and each line there is counted, over restarts'
echo '{"lines":{"sent":-1,"set_aside":"x"},"other":[{}]}' >s/.status
put s 4 'a\nb'
run ccm-ship -1 s cat
is "$(json s .lines)" '{"sent":2,"set_aside":0}' 'counts that are none begin anew; a last line may lack its newline'
long=$(printf '%0255d' 1)
touch "s/bad/$long"
put s "$long" 'x\n'
run ccm-ship -1 s sh -c 'exit 65'
is "$status:$(files s)" "75:$long " 'a file that cannot be set aside is kept'
like "$(<err)" 'WARN: sh exited .* 65, and 0+1 cannot be set aside: File name' \
	'and that is told'
rm s/0*

put s 1 'good\n'
put s 2 'bad\n'
put s 3 'good\n'
run ccm-ship -1 s sh -c 'grep -q bad && exit 65; [ $CCM_SHIP_FILES != 3 ]'
is "$status:$(files s)" '75:3 ' '75 comes before 65'
run ccm-ship -1 s cat

put s 1 'new\n'
run ccm-ship -1 s sh -c 'rm s/1; cat'
is "$status:$(<out)" '0:new' 'a file that the program removes itself is no error'

put s $'q"\n\xff\xc3\xa9\\' 'x\n'
run ccm-ship -1 s false
is "$(grep -o '"oldest":.*"},"bad"' s/.status)" '"oldest":"q\"\n\ufffdé\\"},"bad"' \
	'.status escapes any file name, and replaces what is not UTF-8'
rm s/q*

# ---- records that can never be delivered

# Appends the bad lines of its input to CCM_SHIP_REJECTS, and writes the others;
# ends as the file ends.with says.
cat >sieve <<'END'
#!/bin/sh
echo "$CCM_SHIP_REJECTS" >rejects.path
cat >in
[ -z "$CCM_SHIP_REJECTS" ] || grep bad in >>"$CCM_SHIP_REJECTS"
grep -v bad in
exit "$(cat ends.with)"
END
chmod +x sieve
echo 0 >ends.with

put r 1 'good\n'
run ccm-ship -1 r ./sieve
is "$status:$(<rejects.path):$(<out)" "0:$WORK/r/bad/1.rejected:good" \
	'PROG gets the absolute path of a file in bad/'
is "$(find r -mindepth 1 ! -name '.*')" '' 'where it appends nothing, no bad/ is left'
put r 2 'good\n'
put r 3 'bad 1\nfine'
run ccm-ship -1 r ./sieve
is "$(<out):$(files r):$(<r/bad/2.rejected)" $'good\nfine::bad 1' \
	'what it appends is kept under the name of the first file'
is "$status:$(json r '[.bad, .sent.files, .last_error]')" '65:[1,2,null]' \
	'... .status counts it, and -1 exits 65'
is "$(json r .lines)" '{"sent":3,"set_aside":1}' '... and the lines, those of earlier runs too'
like "$(stat -c %a r/bad)" '^750$' '... bad/ is not for others'
put r 2 'bad 2\n'
run ccm-ship -1 r ./sieve
is "$(<r/bad/2.rejected)" $'bad 1\nbad 2' '... a file of that name keeps what it has'
mv r/bad/2.rejected r/
run ccm-ship -1 r ./sieve
is "$(files r):$(<rejects.path):$(<r/bad/2.rejected)" ":$WORK/r/bad/2.rejected:bad 1
bad 2" 'moved back, it is sent again; what is refused again has the same name'
mv r/bad/2.rejected r/
sed -i s/bad/good/ r/2.rejected
run ccm-ship -1 r ./sieve
is "$status:$(<out):$(find r -mindepth 1 ! -name '.*')" $'0:good 1\ngood 2:' \
	'... and once nothing is, nothing is left'
for end in 75 65; do
	put r 4 'bad 4\n'
	echo $end >ends.with
	run ccm-ship -1 r ./sieve
	is "$(find r -name '*.rejected')" '' "a PROG that exits $end has appended nothing"
done
is "$(<r/bad/4)" 'bad 4' '... with 65 the whole file is set aside'
echo 'was there' >r/bad/5.rejected
put r 5 'bad 5\n'
echo 75 >ends.with
run ccm-ship -1 r ./sieve
is "$status:$(<r/bad/5.rejected)" '75:was there' '... and what was there stays'
cp sieve sieve.killed
sed -i 's/^exit.*/kill -9 $$/' sieve.killed
run ccm-ship -1 r ./sieve.killed
is "$status:$(<r/bad/5.rejected)" '75:was there' '... killed neither'
echo 0 >ends.with
(umask 077 && run ccm-ship -1 r ./sieve)
is "$(files r):$(<r/bad/5.rejected)" $':was there\nbad 5' 'until it exits 0'
rm -r r/bad
put r 6 'bad\n'
(umask 077 && run ccm-ship -1 r ./sieve)
is "$(stat -c %a r/bad)" 700 'bad/ heeds the umask'
rm -r r/bad
put r "${long:0:247}" 'x\n'
CCM_SHIP_REJECTS=$WORK/other run ccm-ship -1 r ./sieve
is "$status:$(<rejects.path)" 0: 'a name that would be too long: PROG gets no such file'
put r bad 'x\n'
run ccm-ship -1 r ./sieve
is "$status:$(<rejects.path):$(<out)" 0::x 'nor while bad is a file'
(
	mkdir r/bad
	cd r && put . 7 'bad\n' && echo 0 >ends.with
	run ccm-ship -1 . ../sieve
)
is "$(<r/bad/7.rejected)" bad 'DIR may be relative'

# What PROG appends is on disk before the file is removed from the queue.
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
	put r 8 'bad\n'
	rm -r r/bad
	strace -f -y -o trace -e trace=fsync,unlinkat ccm-ship -1 r ./sieve >/dev/null 2>&1
	is "$(grep -oE '(fsync\([0-9]+<[^>]*>|unlinkat\([0-9]+<[^>]*>, "8").* = 0' trace |
		sed "s|[0-9]*<$WORK/||; s/[>)].*//; s/\".*//" | tr '\n' ' ')" \
		'fsync(r/bad/8.rejected fsync(r/bad fsync(r unlinkat(r ' \
		'what it appended is on disk before the file is removed'
else
	skip 'what it appended is on disk before the file is removed' 'strace is not here'
fi

# ---- the program's surroundings

put s 1 'x\n'
(
	trap '' HUP PIPE USR1 TERM
	run env --ignore-signal=CHLD --block-signal=INT \
		ccm-ship -1 s grep -E 'Sig(Blk|Ign)' /proc/self/status
)
# glibc keeps 32 and 33 for itself
is "$(awk '{print $1 $2}' out | sed 's/[01]8\(.......\)$/00\1/')" \
	$'SigBlk:0000000000000000\nSigIgn:0000000000000000' \
	'it gets default signal dispositions and an empty mask'
put s 1 'x\n'
run ccm-ship -1 s find /proc/self/fd -printf '%l\n'
is "$(grep -c -e inotify -e "$WORK/s\$" out):$(grep -c "s/.lock\$" out)" 0:1 \
	'it gets the lock, not the descriptors of inotify and directory'
put s 1 'x\n'
run ccm-ship -1 s sh -c 'read -r _ _ _ _ group _ </proc/self/stat; [ $group = $$ ]'
is "$status" 0 'it is in a process group of its own'

# ---- the daemon

put d 1 'one\n'
start ccm-ship d sh -c 'cat >>d.log' 2>d.err
until_true 5 state_is d idle
is "$(<d.log):$(json d '[.sent.files, .backlog.files]')" 'one:[1,0]' \
	'the daemon sends what is there, and .status tells that it is idle'
like "$(json d .since)" '^"20[0-9-]{8}T[0-9:]{8}Z"$' '.status tells since when, in UTC'
put d 2 'two\n'
until_true 2 grep -q two d.log
ok $? 'a file that is renamed in wakes it within two seconds'
printf 'three\n' >d/3
until_true 2 is_empty d
is "$(sed 1,2d d.log)" three 'and so does one that is closed after writing'
until_true 5 state_is d idle
is "$(tr -d ' ' <"/proc/$pid/task/$pid/children")" '' 'it leaves no zombie'
read -ra stat <"/proc/$pid/stat"
is "$((stat[13] + stat[14] < 50))" 1 'it uses next to no processor time'
awk '/VmSize/ {sanitized = $2 > 1e9} /VmHWM/ {print sanitized || $2 < 10240}' \
	"/proc/$pid/status" >out
is "$(<out)" 1 'it uses less than 10 MiB'
kill -INT "$pid"
ended "$pid"
is "$status:$(json d .state)" '0:"stopped"' 'SIGINT ends an idle daemon with 0'

put gone 1 'x\n'
start ccm-ship gone cat >out 2>err
until_true 5 state_is gone idle
rm -r gone
ended "$pid"
is "$status" 74 'the directory removed under it ends it with 74'
like "$(<err)" 'gone' 'and it is told'
put moved 1 'x\n'
start ccm-ship moved cat >out 2>err
until_true 5 state_is moved idle
mv moved moved.away && mkdir moved
ended "$pid"
is "$status" 74 'the directory replaced by another ends it with 74'
start ccm-ship moved cat >out 2>err
until_true 5 state_is moved idle
rm moved/.lock
ended "$pid"
is "$status:$(<err)" \
	'74:ccm-ship: ERROR: moved/.lock was removed or replaced, alone or with its directory' \
	'the lock removed under it ends it with 74'

# ---- SIGTERM

put t 1 'one\n'
put t 2 'two\n'
CCM_SHIP_GRACE_SECONDS=30 start ccm-ship -b 1 t ./slow t 2>err
until_true 5 test -e t.begun
is "$(json t '[.state, .backlog]')" \
	'["sending",{"files":2,"bytes":8,"oldest":"1"}]' \
	'.status tells what is being sent'
kill "$pid"
until_true 5 grep -q 'waiting up to 30 s' err
ok $? 'SIGTERM waits for a program that is running'
touch t.go
ended "$pid"
is "$status:$(<t.sent):$(files t)" '0:one:2 ' \
	'its success within the grace is believed, and nothing new is started'
is "$(json t '[.state, .backlog.oldest, .last_error]')" '["stopped","2",null]' \
	'.status tells what is left'

rm -f t.begun t.go t.sent
put t 3 'three\n'
CCM_SHIP_GRACE_SECONDS=30 start ccm-ship -1 -b 1 t ./slow t 2>err
until_true 5 test -e t.begun
kill "$pid"
touch t.go
ended "$pid"
is "$status:$(files t)" '75:3 ' 'with -1, SIGTERM exits 75 where something is left'

start ccm-ship t ./hang hang 2>err
until_true 5 test -e hang.begun
hang=$(<"/proc/$pid/task/$pid/children")
kill "$pid"
ended "$pid"
is "$status:$(files t)" '0:3 ' \
	'a program that hangs is ended, and its exit 0 not believed'
is "$(test -d "/proc/${hang% }" && echo alive)" '' 'it is gone by then'
like "$(<err)" 'its grace was over; 1 file \(6 bytes\) kept in t' 'and that is told'

# ---- two at a time

put l 1 'one\n'
start ccm-ship l ./slow l 2>/dev/null
first=$pid
until_true 5 test -e l.begun
start ccm-ship l sh -c 'cat >>l.second' 2>second.err
second=$pid
until_true 5 grep -q "ccm-ship $first, or what .* holds the lock" second.err
ok $? 'a second ccm-ship waits, and tells for whom'
run timeout -s TERM 1 ccm-ship -1 l cat
is "$(<out)" '' 'so does one with -1'
start ccm-ship -1 l cat >out 2>err
until_true 5 grep -q 'holds the lock' err
kill "$pid"
ended "$pid"
is "$status:$(<out)" 75: 'SIGTERM ends its wait with 75'
kill -KILL "$first"
ended "$first"
start ccm-ship -1 l sh -c 'cat >>l.third' 2>err
third=$pid
until_true 5 grep -q "ccm-ship $first, or what it has started, holds" err
ok $? 'what a killed one started keeps the lock'
is "$(test -e l.second && echo sent):$(files l)" ':1 ' 'and nothing is sent meanwhile'
touch l.go
until_true 10 is_empty l
is "$(<l.sent):$(cat l.second l.third 2>/dev/null)" 'one:one' \
	'when it has ended, its file is sent again, by one of those that wait'
ended "$third"
is "$status" 0 '-1 exits 0 when another has done the work'
put l 2 'two\n'
until_true 10 grep -q two l.second
ok $? 'the other goes on'
kill "$second"
ended "$second"
rm -f l.begun l.go
put l 3 'three\n'
start ccm-ship l ./slow l 2>/dev/null
until_true 5 test -e l.begun
(
	until_true 5 grep -q 'holds the lock' once.err
	touch l.go
) &
ccm-ship -1 l touch l.ran 2>once.err
is "$?:$(test -e l.ran && echo ran)" 0: \
	'-1 that waits exits 0 once the directory is empty'
kill "$pid"
ended "$pid"

# ---- what cannot be

run ccm-ship
is "$status" 64 'no DIR is a usage error'
run ccm-ship s
is "$status" 64 'no PROG is a usage error'
run ccm-ship -x s cat
is "$status" 64 'an unknown option is a usage error'
for bytes in 0 -1 x 8MB 2000M 99999999999999999999 ''; do
	run ccm-ship -b "$bytes" s cat
	is "$status" 64 "-b '$bytes' is a usage error"
done
put s 1 'x\n'
run ccm-ship -1 s cat -n
is "$(tr -s ' ' <out)" $' 1\tx' "the program's options are its own"
run ccm-ship s no-such-program
is "$status:$(<err)" \
	'78:ccm-ship: ERROR: cannot run no-such-program: no such program' \
	'a program that is not there is 78'
run ccm-ship s ./no-such-program
is "$status" 78 'by its path too'
run ccm-ship s ./out
is "$status:$(<err)" '78:ccm-ship: ERROR: cannot run ./out: no such program' \
	'a file that is no program is 78'
run ccm-ship s "$WORK"
is "$status" 78 'a directory too'
run ccm-ship nowhere cat
is "$status" 78 'a directory that is missing is 78'
like "$(<err)" 'there is no directory nowhere; ccm-scrape makes .*mkdir' '... and the message says what makes it'
run ccm-ship out cat
is "$status" 78 'a file in its place too'
run ccm-ship -1 /proc/self cat
is "$status" 73 'a directory that cannot be written is 73'
CCM_SHIP_GRACE_SECONDS=soon run ccm-ship -1 s cat
is "$status" 78 'a grace that is no number is 78'
run ccm-ship -h
is "$status:$(head -1 out)" '0:usage: ccm-ship [-1] [-b BYTES] DIR PROG [ARG]...' \
	'-h shows the usage'
run ccm-ship -V
like "$status:$(<out)" '^0:ccm-ship [0-9.]+$' '-V shows the version'

# ---- disks and process 1 (in name spaces of their own, where allowed)

if unshare -rm true 2>/dev/null; then
	mkdir disk
	run unshare -rm sh -c 'mount -t tmpfs -o size=64k tmpfs disk &&
		echo x >disk/1 &&
		exec ccm-ship -1 disk sh -c "cat; mount --bind disk/1 disk/1"'
	is "$status:$(<out)" 74:x 'a file that is sent and cannot be removed is 74'
	like "$(<err)" 'cannot remove disk/1, which is sent: ' 'and told'
	run unshare -rm sh -c 'mount -t tmpfs -o size=64k tmpfs disk &&
		echo x >disk/1 && echo y >disk/2 &&
		cat /dev/zero >disk/.full; ccm-ship -1 -b 1 disk cat; ls disk'
	is "$(<out)" $'x\ny' 'a full disk is no reason not to send'
	is "$(grep -c 'cannot write to disk/.status: No space' err)" 1 'and told once'

	put p 1 'x\n'
	start unshare -rpf --kill-child "$(type -P ccm-ship)" p cat >out 2>err
	until_true 5 state_is p idle
	kill "$(tr -d ' ' <"/proc/$pid/task/$pid/children")"
	ended "$pid"
	is "$status" 0 'as process 1 it ends on SIGTERM'
else
	skip 'disks' 'unshare is not allowed here'
fi

# ---- the examples of the manual page

mkdir man stubs
printf '#!/bin/sh\nexec cat >/dev/null\n' >stubs/ccm-produce
chmod +x stubs/ccm-produce
examples ccm-ship >commands
(
	cd man || exit 1
	PATH=$WORK/stubs:$PATH
	while IFS=$'\t' read -r command _; do
		printf '$ %s\n' "$command"
		eval "$command"
	done <../commands
	wait
) >transcript 2>err
is "$(<transcript)" "$(while IFS=$'\t' read -r command output; do
	printf '$ %s\n%b' "$command" "$output"
done <commands)" 'the examples of the manual page do what it says'
is "$(($(wc -l <commands) > 9))" 1 'all of them'
run mandoc -Tlint -W warning "$ROOT/tools/ccm-ship.1"
is "$status $(cat out err)" '0 ' 'mandoc has no warning'

# ---- the two that took their time

ended "$stubborn"
is "$status:$(files stubborn.spool)" '75:1 ' \
	'a program that ignores SIGTERM is killed, and its file kept'

until_true 15 grep -q 'cannot run ./flaky' flaky.err
ok $? 'a program that has gone is a failure like others'
until_true 2 state_is flaky.spool waiting
is "$(json flaky.spool '[.state, .last_error, .backlog.files, (.next_try | fromdate) - (.since | fromdate) >= 0]')" \
	'["waiting","cannot run ./flaky: No such file or directory",1,true]' \
	'.status tells that it waits, why, and until when'
put flaky.spool 0 'early\n'
printf '#!/bin/sh\ncat >flaky.sent\n' >flaky.2 && chmod +x flaky.2 && mv flaky.2 flaky
until_true 90 is_empty flaky.spool
is "$(<flaky.sent)" $'early\nlate' 'it is tried again until it works'
until_true 2 state_is flaky.spool idle
is "$(json flaky.spool .last_error)" null '.status forgets the error then'
is "$(grep -c 'WARN.*status 75' flaky.err):$(grep -c 'WARN.*cannot run' flaky.err)" 1:1 \
	'each reason in a row is told once'
like "$(<flaky.err)" './flaky works again, failures before: [3-9]$' \
	'and then that it works again'
is "$(wc -l <flaky.runs)" 2 'a new file does not shorten the wait'
kill "$flaky"
ended "$flaky"

# ---- SIGKILL at random moments

for n in {100..299}; do put k "$n" "line $n\n"; done
kills=0 seen=()
for round in {1..20}; do
	ccm-ship -b $((round % 2 * 16 + 9)) k sh -c 'cat >>k.log; sleep 0.03' &
	pid=$!
	sleep "0.$((RANDOM % 3))$((RANDOM % 10))" # what is tested, not luck
	kill -KILL $pid && kills=$((kills + 1))
	ended $pid
	seen+=("$(files k | wc -w)")
done 2>/dev/null # bash would report each kill
echo "# files left after each SIGKILL: ${seen[*]}"
is "$kills" 20 'it is killed twenty times over a spool of 200 files'
run ccm-ship -1 k sh -c 'cat >>k.log'
is "$status:$(files k):$(find k -name '.*' | sort | tr '\n' ' ')" \
	'0::k/.lock k/.status ' 'what is left is sent by the next run'
is "$(sort -u k.log)" "$(printf 'line %d\n' {100..299})" \
	'every line has arrived at least once'
echo "# $(wc -l <k.log) lines for 200"

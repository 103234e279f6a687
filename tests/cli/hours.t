#!/bin/bash
# ccm-hours: which hours it runs PROG for, what it keeps of that, and what it
# leaves for the next run.
# shellcheck disable=SC2016 # scripts of PROG
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

export WORK CCM_NOW=2025-09-02T01:05:00Z
state=$WORK/state

# PROG: by default an hour with one record and good statistics, at the time that
# CCM_NOW says. does/HOUR, does/HOUR.owed or does/all is a script that runs in place of
# that; it calls `stats` with what is to differ, an expression of jq, and `record`.
mkdir does
cat >prog <<'END'
#!/bin/bash
hour=${CCM_HOUR:0:13}Z
[ -n "${API_MS-}" ] || API_MS=$(date -d "$CCM_NOW" +%s)000
record() { printf '{"hour":"%s","owed":%s}\n' "$hour" "$CCM_OWED" >>records.ndjson; }
# stats [JQ]
stats() {
	local good='{"bodies":1,"answered":1,"nodata":0,"owed":0,"refused":0,"points":1,"unreadable":0,"requests":1,"retries":0,"throttled":0,"seconds":0.04,"api_time":'$API_MS',"reachable":null,"statuses":[],"unauthorised":false,"refused_resources":[],"silent_resources":[],"refused_queries":[]}'
	if [ -n "${1-}" ]; then jq -c ". $1" <<<"$good"; else echo "$good"; fi >stats.json
}
owed() { printf '{"owed":"%s"}\n' "$hour" >>owed.ndjson; stats "| .owed = 1${1-}"; }
nothing() { stats "| .answered = 0 | .points = 0 | .api_time = null${1-}"; }
owing=
[ "$CCM_OWED" = 0 ] || owing=.owed
echo "$hour$owing" >>"$WORK/calls"
for script in "$WORK/does/$hour$owing" "$WORK/does/all"; do
	[ -e "$script" ] || continue
	. "$script"
	exit
done
record
stats
END
chmod +x prog

# run_at HH[:MM] [OPTION...]: a run of ccm-hours at that time
run_at() {
	[[ $1 = *:* ]] || set -- "$1:05" "${@:2}"
	: >calls
	API_MS=$(date -d "${API_NOW:-2025-09-02T$1:00Z}" +%s)000
	export API_MS
	CCM_NOW=2025-09-02T$1:00Z run ccm-hours "${@:2}" "$state" ./prog
}

fresh() {
	chmod -R u+w "$state" 2>/dev/null
	rm -rf "$state" does/*
}
on() { cat >"does/$1"; }
calls() { paste -sd ' ' calls; }
# names DIRECTORY: what is in it, sorted, without dot files
names() { (cd "$1" && shopt -s nullglob && set -- * && echo "$*"); }
hours() { names "$state/hours"; }
spool() { names "$state/spool"; }
last_run() { jq -c "$1" "$state/status/last-run.json"; }
due() { CCM_NOW=2025-09-02T$1:05:00Z ccm-hours -n "$state" | cut -f 1,2 | tr '\t' ' ' | paste -sd ,; }
# done_until HH: a state in which 00Z is the first hour, and all up to HH are done
done_until() {
	fresh
	run_at 01
	run_at "$1"
	rm -f "$state"/spool/*
}

# ended PID: it has, whether somebody has reaped it or not
ended() { ! grep -q '^State:	[^ZX]' "/proc/$1/status" 2>/dev/null; }

# ---- an hour

run_at 01
is "$status" 0 "the first run: status 0"
is "$(calls)" 2025-09-02T00Z "it does the last complete hour, and no other"
is "$(hours)" 2025-09-02T00Z "... which is done"
is "$(<"$state/spool/2025-09-02T00Z.001.ndjson")" '{"hour":"2025-09-02T00Z","owed":0}' \
	"... its records are in the spool"
is "$(ls "$state/hours/2025-09-02T00Z")" stats.json "... and nothing but its statistics stays"
is "$(<"$state/since")" 2025-09-02T00Z "... it is the first one that was wanted"
is "$(<err)" 'ccm-hours: hour 2025-09-02T00Z: 1 record, 1 request, 0.0 s' "... one line is logged"
is "$(last_run 'del(.time, .started, .totals.since)')" '{"exit":0,"hours":["2025-09-02T00Z"],"requests":1,"throttled":0,"refused_resources":[],"records":1,"rejected":0,"owed_bodies":0,"hours_lost":0,"hours_undone":0,"minute":5,"ships":false,"last_hour":"2025-09-02T00Z","totals":{"runs":1,"hours":1,"requests":1,"throttled":0,"records":1,"rejected":0}}' \
	"status/last-run.json"
is "$(find "$state" -perm /077)" '' "nothing in the state directory is readable by others"
run_at 01
is "$status $(calls) $(<err)" '0  ' "with nothing to do: status 0, nothing is run or logged"
is "$(last_run '[.totals.runs, .totals.hours, .exit]')" '[2,1,0]' "... and the run is counted"
run_at 02:04
is "$(calls)" '' "an hour is not complete before MINUTE"
run_at 02:04 -m 5 -f 2025-09-02T01
is "$status" 64 "... not for -f either"
like "$(<err)" 'the last hour that is complete is 2025-09-02T00Z' "... which says so"
run_at 04
is "$(calls)" '2025-09-02T01Z 2025-09-02T02Z 2025-09-02T03Z' "missed hours are done, oldest first"
like "$(<err)" '3 hours to be done, the oldest is 2025-09-02T01Z' "... and that is logged"
(umask 007 && rm -rf "$state" && run_at 01)
is "$(stat -c %A "$state/spool" "$state/spool/2025-09-02T00Z.001.ndjson" | paste -sd ' ')" \
	'drwxrwx--- -rw-rw----' "an umask that keeps others out decides for the group"

# PROG's surroundings
fresh
on all <<'END'
env | grep '^CCM_\(HOUR\|OWED\|RUN\)=' >"$WORK/environment"
{ pwd; readlink /proc/self/fd/0; ls -l /proc/self/fd | grep -c "$WORK/state/"; } >"$WORK/around"
ulimit -c >"$WORK/core"
touch extra; mkdir directory; echo x >directory/.x
record; stats
END
run_at 01
is "$(grep -v RUN environment | sort)" 'CCM_HOUR=2025-09-02T00:00:00Z
CCM_OWED=0' "PROG finds the hour in its environment"
like "$(<environment)" 'CCM_RUN=.' "... and a name of the run"
like "$(head -1 around)" "^$state/work/2025-09-02T00Z\." "... its directory is below work/"
is "$(sed -n 2p around)" /dev/null "... it has no input"
is "$(sed -n 3p around)" 0 "... and inherits no descriptor, such as the lock"
is "$(<core)" 0 "... nor may it write a core file"
is "$(ls "$state/hours/2025-09-02T00Z")" stats.json "what else PROG leaves is removed"

# ---- what PROG's end means

while IFS='~' read -r script wanted commits more text; do
	done_until 02
	printf '%s\n' "$script" >does/2025-09-02T02Z
	run_at 04
	is "$status" "$wanted" "$script: status $wanted"
	is "$(hours | grep -c T02Z)" "$commits" "... the hour is $( ((commits)) || echo not\ )done"
	is "$(hours | grep -c T03Z)" "$more" "... the next one is $( ((more)) || echo not\ )done"
	like "$(<err)" "$text" "... $text"
	is "$(ls -A "$state/work")" '' "... and work/ is empty"
done <<'END'
record; stats; exit 65~65~1~1~^
record; stats; exit 69~69~1~1~^
record; stats; exit 77~77~1~1~^
record; stats "| .statuses = [69]"~69~1~1~^
nothing "| .owed = 1"; exit 75~75~0~1~hour 2025-09-02T02Z: the API did not answer; retrying in the next run
nothing "| .refused = 1"; exit 69~69~0~1~the API refuses every query; the hour stays undone
nothing "| .refused = 1"; exit 77~77~0~1~the API refuses every query; the hour stays undone
nothing; exit 0~75~0~1~did not answer
nothing "| .reachable = false"; exit 75~75~0~0~did not answer
nothing "| .owed = 1 | .reachable = false | .unauthorised = true"; exit 77~77~0~0~the API refuses the key
stats "| .answered = 0 | .points = 0 | .nodata = 2 | .reachable = true"~0~0~1~no points yet
nothing "| .nodata = 2 | .reachable = false"~75~0~0~did not answer
record; stats; exit 64~78~0~0~prog exited with status 64
record; stats; exit 70~70~0~0~prog exited with status 70
record; stats; exit 71~71~0~0~prog exited with status 71
record; stats; exit 74~75~0~0~cannot write to the state directory .*prog exited with status 74
record; stats; exit 78~78~0~0~prog exited with status 78
record; stats; exit 1~70~0~0~prog exited with status 1
record; stats; kill -9 $$~75~0~0~prog was ended by signal 9
record~70~0~0~stats.json of prog is missing
record; exit 77~77~0~0~stats.json of prog is missing
record; echo '{"answered":1' >stats.json~70~0~0~stats.json of prog is no JSON
record; stats "| .answered = \"1\""~70~0~0~stats.json of prog has a wrong member "answered"
record; stats "| .answered = -1"~70~0~0~wrong member "answered"
record; stats "| .owed = 1"~70~0~0~queries are owed, and there is no owed.ndjson
stats; mkdir records.ndjson~0~1~1~: 0 records
END

# What PROG leaves running could write where nobody expects it.
done_until 02
on 2025-09-02T02Z <<'END'
record
stats
sleep 1000 &
echo $! >"$WORK/pid"
(exec sleep 1000) &
END
run_at 03
is "$status" 0 "PROG leaves processes behind: status 0"
ended "$(<pid)"
ok $? "... which end with it"

# ---- the directory of an hour

done_until 02
on 2025-09-02T02Z <<'END'
: >records.ndjson
stats '| .points = 0 | .api_time += 86400000' # by then it is not too late for points
END
API_NOW=2025-09-02T09:05:00Z run_at 09:05 -f 2025-09-02T02
is "$(spool)" '' "an hour without records is not handed over"
ok $((! $(hours | grep -c T02Z))) "... and done all the same"

done_until 02
touch "$state/spool/2025-09-02T02Z.004.ndjson"
run_at 03
is "$(hours | grep -o '[^ ]*T02Z[^ ]*')" 2025-09-02T02Z.5 \
	"a number that is in the spool is not used again"
mkdir -p "$state/spool/bad"
touch "$state/spool/bad/2025-09-02T03Z.002.ndjson.2" "$state/spool/bad/2025-09-02T03Z.001.ndjson"
run_at 04
is "$(spool)" '2025-09-02T02Z.004.ndjson 2025-09-02T02Z.005.ndjson 2025-09-02T03Z.003.ndjson bad' \
	"... nor one that is in spool/bad/"

done_until 01
on 2025-09-02T02Z <<'END'
ls "$WORK/state/spool" >"$WORK/meanwhile"
record; stats
END
run_at 04
is "$(<meanwhile)" '' "records enter the spool when all hours were queried"
is "$(spool | wc -w)" 3 "... all of them"
on 2025-09-02T05Z <<<'kill -9 $$'
run_at 06
like "$(spool)" 2025-09-02T04Z "... also where the run ends early"
rm -f does/2025-09-02T05Z
on 2025-09-02T06Z <<'END'
kill -9 "$(ps -o ppid= -p $$)"
echo $$ >"$WORK/pid"
exec sleep 1000
END
run_at 07
is "$status" 137 "killed in the middle of an hour"
is "$(spool | grep -c T05Z)" 0 "... an hour that is done waits in hours/"
until_true 10 eval 'ended $(<pid)'
ok $? "... PROG ends with ccm-hours"
rm does/*
run_at 07
is "$status $(calls)" '0 2025-09-02T06Z' "... the next run does the hour that is not done"
like "$(spool)" 'T05Z.001.ndjson 2025-09-02T06Z.001' "... and both are in the spool"
like "$(<err)" 'hour 2025-09-02T05Z: finishing what was interrupted' "... which is logged"
is "$(ls -A "$state/work")" '' "... what the killed one left in work/ is removed"

# ---- rejected values

done_until 02
on 2025-09-02T02Z <<'END'
record
echo '{"bad":1}' >rejected.ndjson
stats; exit 65
END
run_at 03
is "$status" 65 "a value that is no record: status 65"
is "$(cat "$state/rejected/2025-09-02T02Z.001.ndjson")" '{"bad":1}' "... it is kept in rejected/"
like "$(<err)" "ERROR: hour 2025-09-02T02Z: 1 value could not be read, kept in $state/rejected/2025-09-02T02Z.001.ndjson" \
	"... of which an error is logged"
is "$(last_run '[.rejected,.totals.rejected,.exit]')" '[1,1,65]' "... and counted"
run_at 04
is "$status" 0 "... once"
ok $((! $(find "$state/rejected" -type f | wc -l))) "... and it stays there"

# ---- what is owed

done_until 02
on 2025-09-02T02Z <<<'record; owed'
run_at 03
is "$status" 75 "an hour owes a query: status 75"
is "$(calls)" 2025-09-02T02Z "... which is not queried again in the same run"
is "$(grep -c 'WARN: hour 2025-09-02T02Z: 1 query was not answered; retrying in the next run' err)" 1 \
	"... a warning is logged"
is "$(last_run .owed_bodies)" 1 "... and counted"
is "$(CCM_NOW=2025-09-02T04:05:00Z ccm-hours -n "$state")" "2025-09-02T03Z	undone
2025-09-02T02Z	owed	$state/hours/2025-09-02T02Z/owed.ndjson" "-n lists what is due"
rm does/*
on 2025-09-02T02Z.owed <<'END'
cat >"$WORK/input"
record; stats
END
run_at 04
is "$status" 0 "... the next run: status 0"
is "$(calls)" '2025-09-02T03Z 2025-09-02T02Z.owed' "... undone hours come before what is owed"
is "$(<input)" '{"owed":"2025-09-02T02Z"}' "... PROG reads the list"
like "$(hours)" '2025-09-02T02Z 2025-09-02T02Z.2 ' "... what came is another directory of the hour"
is "$(cat "$state/spool/2025-09-02T02Z.002.ndjson")" '{"hour":"2025-09-02T02Z","owed":1}' \
	"... and another file of the spool"
run_at 04
is "$status $(calls)" '0 ' "... its list, which is empty, replaces the older one"

done_until 02
on all <<<'record; owed'
run_at 04
on all <<<'cat >/dev/null; nothing "| .owed = 1"; exit 75'
run_at 04
is "$(calls)" '2025-09-02T02Z.owed 2025-09-02T03Z.owed' "what is owed and not answered holds back no other"
is "$status $(hours | grep -c '\.2')" '75 0' "... and stays owed"
on all <<<'cat >/dev/null; nothing "| .refused = 1 | .reachable = true"; exit 69'
run_at 04
is "$status $(last_run .owed_bodies)" '69 0' "what was owed and is refused for good is owed no longer"
on all <<<'record; owed'
run_at 05
on all <<<'cat >/dev/null; nothing "| .owed = 1 | .reachable = false | .unauthorised = true"; exit 77'
run_at 05
is "$status $(last_run .owed_bodies)" '77 1' "... unless the key is refused"

# ---- time

done_until 02
export API_NOW=2025-09-02T03:05:00Z
run_at 08
is "$(calls)" '2025-09-02T02Z' "a clock that runs five hours ahead: no hour in the future is queried"
is "$(hours)" '2025-09-02T00Z 2025-09-02T01Z 2025-09-02T02Z' "... none is marked done"
is "$status" 75 "... status 75"
like "$(grep ERROR err)" 'the local clock \(2025-09-02T08:05:..Z\) is 18000 s ahead of the API.s' "... and an error"
is "$(last_run .clock_skew_seconds)" 18000 "... which the status has"
API_NOW=2025-09-02T04:05:00Z run_at 04
is "$status $(calls)" '0 2025-09-02T03Z' "... the next hour, when the clock is right: status 0"
is "$(last_run 'has("clock_skew_seconds")')" false "... and no skew"
API_NOW=2025-09-02T06:05:00Z run_at 05
is "$status" 75 "a clock that is behind: status 75"
is "$(last_run .clock_skew_seconds)" -3600 "... and the skew"
is "$(hours | grep -c T05Z)" 0 "... only what both clocks allow is done"

for now in 2026-09-02T03:05:00Z 2025-09-10T03:05:00Z; do
	done_until 02
	: >calls
	API_MS=1756785900000 CCM_NOW=$now run ccm-hours "$state" ./prog
	is "$status $(calls)" '75 2025-09-02T02Z 2025-09-02T03Z' "a clock that says $now: the hours of the API's time are done"
	is "$(<"$state/since") $(names "$state/status")" '2025-09-02T00Z last-run.json' \
		"... nothing is forgotten, and none is lost"
done
fresh
API_NOW=2025-09-02T03:05:00Z run_at 08
is "$(calls) $(hours)" '2025-09-02T07Z 2025-09-02T02Z 2025-09-02T02Z' \
	"a first run with a clock ahead does the last hour of the API's time"
is "$(<"$state/since")" 2025-09-02T02Z "... from which on hours are wanted"
unset API_NOW

done_until 02
API_NOW=2025-09-02T03:04:01Z run_at 03
is "$status $(calls)" '0 2025-09-02T02Z' "an API whose clock is 59 s behind: the hour is done"
API_NOW=2025-09-02T04:03:59Z run_at 04
is "$status $(hours | grep -c T03Z)" '75 0' "... 61 s behind: it is not"
like "$(<err)" 'WARN: hour 2025-09-02T03Z: not complete at 2025-09-02T04:03:59Z' "... which is logged"
is "$(last_run 'has("clock_skew_seconds")')" false "... and no skew"
run_at 04
is "$status" 0 "... the next run does it"

done_until 02
on all <<<'record; stats "| .api_time = null"'
run_at 05
is "$status $(hours | wc -w)" '0 5' "answers without a Date: the local clock counts"
is "$(grep -c 'WARN: the API.s answers have no valid Date; using the local clock' err)" 1 "... with one warning"

# The first run of all commits nothing.
fresh
on all <<<'nothing "| .owed = 1 | .reachable = false"; exit 75'
run_at 01
is "$status $(<"$state/status/first")" '75 2025-09-02T00Z' "a first run without an answer notes its hour"
is "$(ls "$state/since" 2>/dev/null)" '' "... and no since"
rm does/*
run_at 04
is "$(calls)" '2025-09-02T00Z 2025-09-02T01Z 2025-09-02T02Z 2025-09-02T03Z' "... the next one starts there"
is "$(<"$state/since") $(ls "$state/status")" '2025-09-02T00Z last-run.json' "... since replaces that note"
fresh
CCM_NOW=2025-09-02T01:05:00Z ccm-hours -x 'no key' "$state"
mkdir -p "$state"
CCM_NOW=2025-09-02T01:05:00Z ccm-hours -x 'no key' "$state"
run_at 04
is "$(calls)" '2025-09-02T03Z' "a run that was refused for its settings notes no hour"

# An hour without a point
done_until 02
on 2025-09-02T02Z <<<'stats "| .points = 0"'
run_at 03
is "$status $(hours | grep -c T02Z)" '0 0' "an hour without a point after one with some: status 0, not done"
like "$(<err)" '^ccm-hours: hour 2025-09-02T02Z: no points yet' "... which is logged at INFO"
run_at 08
is "$(hours | grep -c T02Z)" 0 "... five hours later neither"
is "$(calls | grep -o T02Z | wc -l)" 1 "... it is queried once in a run"
run_at 09
is "$status $(hours | grep -c T02Z)" '0 1' "... six hours after its end it is"
fresh
on all <<<'stats "| .points = 0"'
run_at 01
run_at 02
is "$status $(hours)" '0 2025-09-02T00Z 2025-09-02T01Z' "... at once where no hour of the last day had any"

# ---- the window

done_until 01
run_at 05 -b 2
is "$(hours)" '2025-09-02T03Z 2025-09-02T04Z' "-b 2: the last two hours are done, older ones forgotten"
is "$status" 0 "... status 0"
like "$(grep ERROR err)" 'hours lost: 2, from 2025-09-02T01Z to 2025-09-02T02Z, were never fetched' \
	"... those that were never done are an error"
is "$(<"$state/status/hours_lost") $(last_run '[.hours_lost,has("last_lost")]')" '2 [2,true]' "... and counted"
run_at 05 -b 2
is "$(<err)" '' "... once"
is "$(<"$state/since")" 2025-09-02T03Z "... since is the window's first hour"
on all <<<'nothing "| .owed = 1"; exit 75'
run_at 10 -b 2
is "$(<"$state/status/hours_lost") $(grep -c ERROR err)" '2 0' "without an answer nothing is lost"
on all <<<'record; owed'
run_at 10 -b 2
is "$(<"$state/status/hours_lost")" 5 "... with one it is"
rm does/*
run_at 12 -b 1
like "$(grep 'in part' err)" 'ERROR: hour lost in part: some queries of 2025-09-02T09Z were never answered' \
	"an hour that owes something and has left the window is lost in part"

# ---- one failed hour

done_until 01
on 2025-09-02T01Z <<<'nothing "| .owed = 1"; exit 75'
on 2025-09-02T02Z <<<'nothing "| .refused = 1"; exit 69'
on 2025-09-02T03Z <<<'nothing "| .owed = 1"; exit 75'
run_at 06
is "$(calls | grep -o 'T..Z' | paste -sd ' ')" 'T01Z T02Z T03Z T04Z T05Z' "failed hours hold back no other"
is "$(hours)" '2025-09-02T00Z 2025-09-02T04Z 2025-09-02T05Z' "... and each gets one attempt"
is "$status $(last_run .hours_undone)" '75 3' "... status 75"

# ---- garbage in the state directory

garbage=('' garbage 'PATH[$(touch evaluated)]' $'\xff\xfe' 2025-09-02T00Z2025 99999999999999999999999 '{"a":1' '[]' null)
for text in "${garbage[@]}"; do
	done_until 02
	printf '%s\n' "$text" | tee "$state/since" "$state/status/hours_lost" \
		"$state/status/first" >"$state/status/last-run.json"
	[ "$text" != 99999999999999999999999 ] || printf '\0' >>"$state/status/hours_lost"
	run_at 03
	is "$status $(calls)" '0 2025-09-02T02Z' "\"$text\" in each file: status 0, and the hour is done"
	is "$(grep -c 'set aside as' err)" 3 "... each is reported"
	is "$(<"$state/since") $(last_run .totals.runs)" '2025-09-02T00Z 1' "... and written again"
	run_at 03
	is "$status $(<err)" '0 ' "... once"
done
[ ! -e evaluated ]
ok $? "nothing of it was evaluated"
for file in since status/hours_lost status/last-run.json; do
	done_until 02
	rm -f "$state/$file"
	mkdir "$state/$file"
	run_at 03
	is "$status $(calls) $(grep -c "$file is no regular file; set aside as" err)" '0 2025-09-02T02Z 1' \
		"a directory called $file is set aside"
done
done_until 02
echo 2027-01-01T00Z >"$state/since"
run_at 03
is "$status $(calls)" '0 2025-09-02T02Z' "a since that is in the future is not used"
is "$(<"$state/since") $(<"$state/since.bad")" '2025-09-02T00Z 2027-01-01T00Z' "... but set aside"

done_until 02
on 2025-09-02T02Z <<<'record; owed; echo "{\"owed\":\"other\"}" >>owed.ndjson'
run_at 03
printf '%s\n' '{"owed":"2025-09-02T02Z"}' '{"owed":' 'garbage' '{"owed":"other"}' >"$state/hours/2025-09-02T02Z/owed.ndjson"
rm does/*
on 2025-09-02T02Z.owed <<<'cat >"$WORK/input"; record; stats'
run_at 04
is "$(<input)" '{"owed":"2025-09-02T02Z"}
{"owed":"other"}' "bad lines in a list of what is owed: PROG reads the good ones"
is "$(<"$state/hours/2025-09-02T02Z/owed.ndjson.bad")" '{"owed":
garbage' "... the others are set aside"
like "$(<err)" 'hours/2025-09-02T02Z/owed.ndjson: 2 bad lines; set aside as owed.ndjson.bad' "... which is logged"
is "$status" 65 "... status 65"
is "$(calls)" '2025-09-02T03Z 2025-09-02T02Z.owed' "... and no other hour is held back"

done_until 02
on all <<<'stats "| .points = 0"'
echo garbage >"$state/hours/2025-09-02T01Z/stats.json"
run_at 03
is "$status $(hours | grep -c T02Z)" '0 0' "garbage in an older stats.json: the one before it counts"
like "$(<err)" 'hours/2025-09-02T01Z/stats.json is no JSON.*set aside' "... and it is set aside"

# A since that is lost
done_until 02
rm "$state/since"
run_at 04
is "$(calls)" '2025-09-02T02Z 2025-09-02T03Z' "without since: hours are wanted from the oldest one done"
is "$(<"$state/since")" 2025-09-02T00Z "... and it is written again"
rm -r "$state/since" "$state/hours"
run_at 05 -b 3
is "$(calls)" '2025-09-02T02Z 2025-09-02T03Z 2025-09-02T04Z' "... without hours/ too: all of the window, since there were runs"
fresh
mkdir -p "$state/spool"
touch "$state/spool/2025-09-01T00Z.001.ndjson"
run_at 05 -b 2
is "$(calls)" '2025-09-02T03Z 2025-09-02T04Z' "... also where only the spool shows that there were some"

# ---- the state of version 0.1.0

fresh
cp -r "$ROOT/tests/cli/state-0.1.0" "$state"
cat "$state"/hours/*/records.ndjson "$state"/spool/*.ndjson "$state"/spool/bad/*.ndjson | sort >before
on all <<<'[ "$CCM_OWED" = 0 ] || cat >"$WORK/input"; record; stats'
run_at 10
is "$status" 65 "a state of version 0.1.0: status 65, for a rejected value"
is "$(calls)" '2025-09-02T08Z 2025-09-02T09Z 2025-09-02T07Z.owed' "... what is undone and owed is queried"
is "$(<input)" "$(<"$ROOT/tests/cli/state-0.1.0/hours/2025-09-02T07Z/owed.ndjson")" "... with its list"
is "$(spool)" '2025-09-02T05Z.002.ndjson 2025-09-02T06Z.001.ndjson 2025-09-02T07Z.001.ndjson 2025-09-02T07Z.002.ndjson 2025-09-02T08Z.001.ndjson 2025-09-02T09Z.001.ndjson bad' \
	"... what a kill left in hours/ is in the spool"
cat "$state"/spool/*.ndjson "$state"/spool/bad/*.ndjson | grep -v '"hour"' | sort | diff before - >"diff"
ok $? "... every record is there, once"
is "$(ls "$state/rejected")" 2025-09-02T04Z.001.ndjson "... the rejected value is in rejected/"
is "$(ls -A "$state/work")" '' "... the killed run's directory is gone"
is "$(<"$state/since") $(<"$state/status/hours_lost")" '2025-09-02T04Z 3' "... since and hours_lost are kept"
is "$(last_run '[.totals[]]')" '["2025-09-02T01:05:00Z",6,9,27,0,31,0]' "... and so are the totals"
run_at 10
is "$status $(calls)" '0 ' "... then nothing is left to do"

# ---- -f

done_until 03
run_at 03 -f 2025-09-02T01:00:00Z
is "$status $(calls)" '0 2025-09-02T01Z' "-f does that hour again, and no other"
like "$(hours)" '2025-09-02T01Z 2025-09-02T01Z.2 ' "... as another directory"
is "$(spool)" 2025-09-02T01Z.002.ndjson "... and another file"
fresh
run_at 12 -f 2025-09-02T03
is "$(hours) $(<"$state/since")" '2025-09-02T03Z 2025-09-02T11Z' "... of an hour before all: since is the last one"
run_at 12
is "$(calls)" 2025-09-02T11Z "... which the next run does"

# ---- -s

done_until 01
cat >send <<'END'
#!/bin/bash
echo "$*" >>"$WORK/sent"
flock -n "$WORK/state/lock" true || echo locked >>"$WORK/sent"
[ -e "$WORK/broken" ] && exit 77
rm "$2"/*.ndjson
END
chmod +x send
run_at 02 -s ./send
is "$status" 0 "-s: status 0"
is "$(<sent)" "-1 $state/spool" "... runs it over the spool, after the lock is released"
is "$(last_run '[.ships,.exit]')" '[true,0]' "... the status says so"
run_at 02 -s ./send
is "$(wc -l <sent)" 1 "... not where the spool is empty"
touch broken
run_at 03 -s ./send
is "$status $(last_run .exit)" '75 0' "... what is not sent: status 75, and the hours' status is theirs"
like "$(<err)" "WARN: 1 file not sent yet, kept in $state/spool" "... with a warning"
run_at 03 -s ./sendd
is "$status" 78 "... a program that is not there: status 78"
rm broken

# ---- -n

fresh
is "$(due 02)" '2025-09-02T01Z undone' "-n without a state directory: the last hour"
[ ! -e "$state" ]
ok $? "... and none is made"
done_until 02
find "$state" -printf '%p %T@ %s\n' | sort >before
is "$(due 04)" '2025-09-02T02Z undone,2025-09-02T03Z undone' "... with one: what is due"
find "$state" -printf '%p %T@ %s\n' | sort | diff before - >"diff"
ok $? "... and nothing is changed"
echo garbage >"$state/since"
due 04 >/dev/null 2>err
is "$(<"$state/since") $(grep -c 'WARN.*is no hour' err)" 'garbage 1' "... not even garbage"

# ---- -x

done_until 02
last_run .totals >before
CCM_NOW=2025-09-02T03:05:00Z run ccm-hours -x 'METRICS_TOPIC is missing' "$state"
is "$status $(<err)" '78 ' "-x: status 78, and no line"
is "$(last_run '[.exit,.last_error.message,.last_hour,.hours]')" '[78,"METRICS_TOPIC is missing","2025-09-02T01Z",[]]' \
	"... it is in status/last-run.json"
is "$(last_run '.totals | del(.runs)')" "$(jq -c 'del(.runs)' before)" "... the totals are kept"
ls "$state/status" >before
exec 8>>"$state/lock"
flock -n 8
run ccm-hours -x other "$state"
is "$status $(last_run .last_error.message)" '78 "METRICS_TOPIC is missing"' "... a run that is under way has the last word"
exec 8>&-

# ---- the lock

done_until 02
on 2025-09-02T02Z <<<'until [ -e "$WORK/go" ]; do sleep 0.1; done; record; stats'
unset API_MS
CCM_NOW=2025-09-02T03:05:00Z start ccm-hours "$state" ./prog 2>/dev/null
holder=$pid
until_true 10 compgen -G "$state/work/*"
SECONDS=0
run_at 03
is "$status" 75 "another run holds the lock: status 75"
like "$(<err)" "ERROR: another ccm-hours, process $holder, holds $state/lock" "... which is named"
((SECONDS >= 9 && SECONDS <= 13))
ok $? "... after ten seconds"
touch go
wait "$holder"
is "$?" 0 "... and goes on"

while IFS='~' read -r command wanted text; do
	done_until 02
	(cd "$state" && eval "$command")
	run_at 03
	is "$status" "$wanted" "$command: status $wanted"
	like "$(<err)" "^ccm-hours: ERROR: cannot write to the state directory $state: $text\$" "... $text"
	is "$(calls)" '' "... and nothing is queried"
done <<'END'
rm lock; mkdir lock~78~lock: Is a directory
rm lock; ln -s since lock~78~lock: Too many levels of symbolic links
rm -r work; touch work~78~work: Not a directory
rm -r spool; ln -s since spool~78~spool: Not a directory
END
done_until 02
# LeakSanitizer needs descriptors of its own.
(export ASAN_OPTIONS=detect_leaks=0 && ulimit -n 5 && run_at 03; echo "$status" >status)
is "$(<status)" 71 "too few descriptors: status 71"
like "$(<err)" 'Too many open files' "... which is the reason"
: >file
state=$WORK/file run_at 03
is "$status $(<err)" "78 ccm-hours: ERROR: cannot write to the state directory $WORK/file: Not a directory" "a file as DIR"

# ---- a full disk, and one that cannot be written

mkdir full
if mount -t tmpfs -o size=64k tmpfs full 2>/dev/null; then
	keep=$state
	state=$WORK/full
	rm -rf does/*
	run_at 01
	on all <<<'printf "%0999d\n" {1..10} >records.ndjson && stats || exit 74'
	run_at 12
	is "$status" 75 "a full disk: status 75"
	like "$(<err)" "ERROR: cannot write to the state directory $state: " "... and the state directory is named"
	done=$(hours | wc -w)
	((done > 1 && done < 12))
	ok $? "... some hours are done"
	is "$(find "$state/spool" -type f ! -size 10000c ! -name '*T00Z*')" '' "... with all of their records"
	is "$(spool | wc -w)" "$done" "... each of them"
	rm -f "$state"/spool/*
	mount -o remount,size=8m full
	run_at 12
	is "$status $(hours | wc -w)" '0 12' "... with space: status 0, and all hours are done"
	state=$keep
	umount full
else
	skip "a full disk" "mounting a tmpfs needs root"
fi

# ---- signals

for signal in TERM INT HUP; do
	done_until 02
	on 2025-09-02T03Z <<<'echo $$ >"$WORK/pid"; record; stats; sleep 1000 & wait'
	rm -f pid
	unset API_MS
	CCM_NOW=2025-09-02T05:05:00Z start env --default-signal=INT ccm-hours "$state" ./prog 2>err
	until_true 10 [ -s pid ]
	kill -"$signal" "$pid"
	wait "$pid"
	is "$?" 75 "SIG$signal: status 75"
	ended "$(<pid)"
	ok $? "... PROG is ended"
	is "$(hours | grep -o 'T0[2-4]Z' | paste -sd ' ') $(last_run .exit)" 'T02Z 75' "... nothing half is committed"
	is "$(spool)" 2025-09-02T02Z.001.ndjson "... what was done is in the spool"
	is "$(grep -c ERROR err)" 0 "... and no error is logged"
done

# ---- -l

done_until 02
unset API_MS
CCM_NOW=2025-09-02T03:04:58Z start ccm-hours -l "$state" ./prog 2>err
until_true 10 [ -d "$state/hours/2025-09-02T02Z" ]
ok $? "-l: runs when the hour is complete"
until_true 5 eval '[ "$(last_run .totals.runs)" = 4 ]'
ok $? "... after a run at once"
kill -TERM "$pid"
wait "$pid"
is "$?" 0 "... SIGTERM while it waits: status 0"
done_until 02
on 2025-09-02T02Z <<<'echo $$ >"$WORK/pid"; sleep 1000'
rm -f pid
unset API_MS
CCM_NOW=2025-09-02T03:05:58Z start ccm-hours -l "$state" ./prog 2>err
until_true 10 [ -s pid ]
kill -TERM "$pid"
wait "$pid"
is "$?" 75 "... while PROG runs: status 75"
ended "$(<pid)"
ok $? "... and PROG is ended"
rm -f pid does/*
on 2025-09-02T02Z <<<'echo $$ >"$WORK/pid"; sleep 1000'
unset API_MS
CCM_NOW=2025-09-02T03:05:58Z start ccm-hours -l "$state" ./prog 2>err
until_true 10 [ -s pid ]
kill -9 "$pid"
until_true 10 eval 'ended $(<pid)'
ok $? "... killed with SIGKILL: PROG ends too"
if unshare --pid --fork true 2>/dev/null; then
	done_until 02
	on 2025-09-02T02Z <<<'setsid sh -c "sleep 0.2" & record; stats'
	unset API_MS
CCM_NOW=2025-09-02T03:05:58Z start unshare --pid --fork --mount-proc ccm-hours -l "$state" ./prog 2>err
	until_true 10 [ -d "$state/hours/2025-09-02T02Z" ]
	inner=$(pgrep -P "$pid")
	until_true 10 eval '! pgrep -P "$inner" sleep && ! ps -o stat= --ppid "$inner" | grep Z'
	ok $? "... as PID 1 it reaps orphans"
	kill "$inner"
	wait "$pid" 2>/dev/null
else
	skip "... as PID 1 it reaps orphans" "a PID namespace needs root"
fi

# ---- usage

while IFS='~' read -r options text; do
	# shellcheck disable=SC2086 # several words
	run ccm-hours $options
	is "$status" 64 "ccm-hours $options: status 64"
	like "$(<err)" "$text" "... $text"
done <<'END'
~missing argument DIR
state~missing argument PROG
-m 4 state ./prog~-m is "4"; it takes a number from 5 to 59
-b 0 state ./prog~-b is "0"
-b 1e3 state ./prog~-b is "1e3"
-f 25 state ./prog~-f is "25"; it takes an hour
-l -n state~-l and -n cannot be combined
-l -f 2025-09-02T00 state ./prog~-l and -f cannot be combined
-x message state extra~unexpected argument "extra"
-q~unknown option -q
END
run ccm-hours "$state" ./progg
is "$status" 78 "a PROG that is not there: status 78"
CCM_NOW=yesterday run ccm-hours "$state" ./prog
is "$status" 78 "a CCM_NOW that is no time: status 78"

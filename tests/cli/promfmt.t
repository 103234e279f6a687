#!/usr/bin/env bash
# ccm-promfmt: records, client metrics and expositions to one exposition.
. "$(dirname "$0")/../tap.sh"

python=$ROOT/tests/exposition.py
seed=${SEED:-$RANDOM}

record() { printf '{"fields":{"value":%s},"name":"%s","tags":{%s},"timestamp":%s}\n' "$2" "$1" "${4-}" "${3-1756900800000}"; }
samples() { ccm-promfmt "$@" 2>err | grep -v '^#'; }

{
	record confluent_kafka_server_retained_bytes 721 1756900800000 '"cluster_id":"lkc-cl23j","topic":"test-topic"'
	cat <<<'{"app_id":"shop","name":"cpu usage","value":75.5,"timestamp":1756900800123,"tags":{"host":"a\"b\\c\nd"},"profileId":"p"}'
	record confluent_kafka_server_retained_bytes 12.0 1756900860 '"topic":"other","cluster_id":"lkc-cl23j"'
} >records
run ccm-promfmt <records
is "$status $(<out)" '0 # HELP confluent_kafka_server_retained_bytes confluent_kafka_server_retained_bytes
# TYPE confluent_kafka_server_retained_bytes gauge
confluent_kafka_server_retained_bytes{cluster_id="lkc-cl23j",topic="test-topic"} 721 1756900800000
confluent_kafka_server_retained_bytes{cluster_id="lkc-cl23j",topic="other"} 12 1756900860000
# HELP cpu_usage cpu usage
# TYPE cpu_usage gauge
cpu_usage{host="a\"b\\c\nd"} 75.5 1756900800123' "families together, names valid, values escaped, a time in seconds too"
run ccm-promfmt -o <records
is "$status $(<out)" '0 # TYPE confluent_kafka_server_retained_bytes gauge
# HELP confluent_kafka_server_retained_bytes confluent_kafka_server_retained_bytes
confluent_kafka_server_retained_bytes{cluster_id="lkc-cl23j",topic="test-topic"} 721 1756900800
confluent_kafka_server_retained_bytes{cluster_id="lkc-cl23j",topic="other"} 12 1756900860
# TYPE cpu_usage gauge
# HELP cpu_usage cpu usage
cpu_usage{host="a\"b\\c\nd"} 75.5 1756900800.123
# EOF' "-o: the same in OpenMetrics"
is "$(samples -T -p client_metric_ <records | tail -n 1)" 'client_metric_cpu_usage{host="a\"b\\c\nd"} 75.5' \
	"-T and -p: no timestamps, a prefix"
run ccm-promfmt </dev/null
is "$status $(wc -c <out)" "0 0" "no input is an empty exposition"
run ccm-promfmt -o </dev/null
is "$status $(<out)" "0 # EOF" "... and in OpenMetrics its end"

# ---- the newest sample of a series -------------------------------------------

is "$({ record m 1 1756900860000 '"a":"1"'; record m 2 1756900800000 '"a":"1"'; record m 3 1756900860000 '"a":"2","b":""'
	record m 4 1756900860000 '"b":"","a":"2"'; } | samples)" 'm{a="1"} 1 1756900860000
m{a="2",b=""} 4 1756900860000' "the greatest timestamp wins, of equal ones the later; the order of labels does not count"
is "$({ echo '{"name":"m","value":1,"tags":{}}'; record m 2; } | samples) $({ record m 2; echo '{"name":"m","value":1}'; } | samples)" \
	"m 1 m 1" "a sample without a time is from now"
is "$({ record m 1; record m 123456789012345678901234567890 1756900860000; record m 5 1756900920000; } | samples) $(<err)" \
	"m 5 1756900920000 " "restating a series is no news"
is "$({ record m 1; record m 123456789012345678901234567890 1756900860000; } | samples)" \
	"m 123456789012345678901234567890 1756900860000" "a value can become longer"

# ---- names -------------------------------------------------------------------

is "$(record 'grüße/9.x:y' 1 0 '"9a":"1","__b":"2","":"3","é":"4","c.d":"5"' | samples)" \
	'gr__e_9_x:y{_="3;4",_9a="1",_b="2",c_d="5"} 1' "names are made valid"
is "$(ccm-promfmt <<<'{"name":"a\u0000b","value":1,"tags":{"x":"y\u0000z"}}' | tr '\0' '@')" '# HELP a_b a b
# TYPE a_b gauge
a_b{x="y@z"} 1' "... a NUL in a name too; in a value it is a character like others"
is "$(record m 1 1 '"a.b":"2","a-b":"1","a_b":"3"' | samples)" 'm{a_b="1;2;3"} 1 1000' \
	"labels that become equal are joined with ;, sorted by what they were"
is "$({ record a.b 1 1756900860000; record a_b 2 1756900800000; record a-b 3 1756900800000; record a_b 4 1756900860000 '"x.y":"1"'
	record a_b 5 1756900860000 '"x_y":"1"'; } | samples) $(<err)" \
	'a_b 1 1756900860000
a_b{x_y="1"} 5 1756900860000 ccm-promfmt: WARN: 2 series became equal to others when their names were made valid; keeping the newest sample of each' \
	"series that become equal: the greatest timestamp wins, one WARN counts them"

# ---- expositions -------------------------------------------------------------

cat >first <<'TEXT'
# HELP h A histogram,\nof \\ two lines "
# TYPE h histogram
h_bucket{le="1",} 1.0 1756900800000
h_bucket{le="+Inf",} 2E0 1756900800000
h_sum 3.5 1756900800000
h_count 2 1756900800000
# TYPE jobs_total counter
jobs_total{q="a"} 7
odd{x="}\"	"} NaN
odd{x="z"} -Inf
# TYPE s summary
s{quantile="0.5"} +Inf
s_sum 7
s_count 1
# TYPE none gauge
# EOF
TEXT
cat >second <<'TEXT'
# HELP odd Odd values
odd{x="y"} -1
# TYPE h counter
h_bucket{le="1"} 5 1756900860000
jobs_total{q="b"} 8
# UNIT jobs_total total
h_bucket 9
TEXT
run ccm-promfmt -I prometheus < <(cat first second)
is "$status $(<out)" '0 # HELP h A histogram,\nof \\ two lines "
# TYPE h histogram
h_bucket{le="1"} 5 1756900860000
h_bucket{le="+Inf"} 2 1756900800000
h_sum 3.5 1756900800000
h_count 2 1756900800000
h_bucket 9
# HELP jobs_total jobs_total
# TYPE jobs_total counter
jobs_total{q="a"} 7
jobs_total{q="b"} 8
# HELP odd Odd values
# TYPE odd gauge
odd{x="}\"	"} NaN
odd{x="z"} -Inf
odd{x="y"} -1
# HELP s s
# TYPE s summary
s{quantile="0.5"} +Inf
s_sum 7
s_count 1' "families of two expositions are joined; HELP, TYPE, NaN and infinities stay"
run ccm-promfmt -I prometheus -o <first
is "$status $("$python" families openmetrics <out)" '0 ["h", "histogram", "A histogram,\nof \\ two lines \"", 4]
["jobs", "counter", "jobs_total", 1]
["odd", "gauge", "odd", 2]
["s", "summary", "s", 3]' "-o: the official parser finds the families, a counter by its OpenMetrics name"
is "$({ cat first; printf 'jobs 1\n'; } | ccm-promfmt -I prometheus -o | "$python" families openmetrics | grep jobs)" \
	'["jobs_total", "unknown", "jobs_total", 1]
["jobs", "gauge", "jobs", 1]' "... but where that name is taken, its type is unknown"

is "$(printf '%s\n' 'h_sum 1' '# TYPE h histogram' 'h_sum 2' 'h_count 3' | ccm-promfmt -I prometheus | grep -v HELP)" \
	'# TYPE h_sum gauge
h_sum 2
# TYPE h histogram
h_count 3' "a TYPE that comes behind the samples makes no second family of them"

# ---- hostile names, labels and values ----------------------------------------

"$python" records "$seed" 10000 >hostile
"$python" expected <hostile >wanted
for format in prometheus openmetrics; do
	option=-T
	[ $format = prometheus ] || option=-o
	ccm-promfmt $option <hostile >text 2>err
	"$python" parse $format <text >got
	if [ $option = -T ]; then sed -E 's/(null|[0-9]+)]$/null]/' wanted | sort >wanted.T; else cp wanted wanted.T; fi
	diff wanted.T got >different
	ok $? "$format: the official parser reads 10,000 hostile records as what went in (SEED=$seed)"
done
ccm-promfmt <hostile >text 2>err
promtool check metrics <text >advice 2>&1
like "$? $(grep -vcE " should be written in 'snake_case' not 'camelCase'\$| metric names should not contain ':'\$" advice)" \
	'^[03] 0$' "promtool takes it, but for advice on names"
is "$(grep -v '^#' text | sed 's/\(.*\)} .*/\1/; s/^\([^{]*\) .*/\1/' | sort | uniq -d | wc -l)" 0 "no series is there twice"
is "$(grep '^# TYPE' text | sort | uniq -d | wc -l)" 0 "no family is there twice"

# ---- from an export and back -------------------------------------------------

for format in prometheus openmetrics; do
	"$python" generate $format "$seed" 5000 >text
	"$python" parse $format <text | grep -Ev '"(nan|inf|-inf)"' | sed 's/null]$/T]/' | sort >wanted
	CCM_NOW=2001-09-09T01:46:40Z ccm-normalize -I $format -k -r bad <text 2>err | ccm-promfmt |
		"$python" parse prometheus | sed -E 's/10000[0-9]{8}]$/T]/' | sort >got
	diff wanted got >different
	ok $? "$format text -> ccm-normalize -k -> ccm-promfmt: the same finite samples (SEED=$seed)"
	"$python" parse $format <text >wanted
	ccm-promfmt -I prometheus <text | "$python" parse prometheus >got
	diff wanted got >different
	ok $? "$format text -> ccm-promfmt -I prometheus: the same samples, NaN and all"
	ccm-promfmt -I prometheus <text >once
	ccm-promfmt -I prometheus <once >twice
	cmp -s once twice
	ok $? "... and what it writes is what it makes of that"
done

# ---- bad lines ---------------------------------------------------------------

bad_line() { # INPUT MESSAGE, the line on standard input
	{ [ "$1" = records ] && record m 1 || echo 'm 1 1756900800000'; cat; } >in
	run ccm-promfmt -I "$1" <in
	is "$status $(tail -n 1 out) $(<err)" "65 m 1 1756900800000 ccm-promfmt: stdin:2: $2" "-I $1: $2"
}
bad_line records '"value" is missing' <<<'{"name":"m"}'
bad_line records '"value" is not a number' <<<'{"name":"m","value":"1"}'
bad_line records '"name" is missing' <<<'{"value":1}'
bad_line records 'not JSON: a value was expected at column 1' <<<x
bad_line records '"value" is out of range' < <(record m "$(printf '9%.0s' {1..400})")
bad_line prometheus 'invalid escape at column 6' <<<'m{a="\x"} 1'
bad_line prometheus 'NUL byte at column 2' < <(printf 'm\0\n')
run ccm-promfmt -r rejected < <(record m 1; echo bad)
is "$status $(<rejected) $(grep -c . out)" "0 bad 3" "-r keeps them"

# ---- -O ----------------------------------------------------------------------

run ccm-promfmt -T -O ccm.prom <records
is "$status $(wc -c <out) $(stat -c %a ccm.prom) $(echo .ccm*)" "0 0 $(printf %o $((0666 & ~$(umask)))) .ccm*" \
	"-O writes a file that others may read, and leaves no other"
ccm-promfmt -T <records | cmp -s - ccm.prom
ok $? "... with what would be on standard output"
cp ccm.prom before
run ccm-promfmt -O ccm.prom <records
is "$status $(<err)" "64 ccm-promfmt: ERROR: -O ccm.prom needs -T: the textfile collector drops a *.prom file that has timestamps" \
	"-O a .prom file without -T is refused"
run ccm-promfmt -O served.txt <records
is "$status $(grep -c 1756900800123 served.txt)" "0 1" "-O another file may have timestamps: for ccm-serve"
run ccm-promfmt -O missing/file <records
is "$status $(<err)" "73 ccm-promfmt: ERROR: cannot create a file beside missing/file: No such file or directory" \
	"-O: a directory that is not there"
mkdir directory
run ccm-promfmt -O directory <records
is "$status $(<err)" "73 ccm-promfmt: ERROR: directory is not a regular file; not replacing it" "-O: no file"
run ccm-promfmt -T -O ccm.prom < <(cat records; echo bad)
is "$status" 65 "-O: a bad line costs the status ..."
cmp -s ccm.prom before
ok $? "... and not the rest"

"$python" records "$seed" 20000 >many
run bash -c 'trap "" XFSZ; ulimit -f 64; exec ccm-promfmt -T -O ccm.prom' <many
is "$status $(head -n 1 err) $(echo .ccm*)" "74 ccm-promfmt: ERROR: cannot write ccm.prom: File too large .ccm*" \
	"-O: a file that cannot be written whole is an error"
cmp -s ccm.prom before
ok $? "... and the old one stays"
if run unshare -rm sh -c 'mkdir -p disk && mount -t tmpfs -o size=64k tmpfs disk && cp before disk/ccm.prom &&
	{ ccm-promfmt -T -O disk/ccm.prom <many; echo $?; cmp disk/ccm.prom before && ls -A disk; }' && [ "$status" != 1 ]; then
	is "$(paste -sd' ' out) $(head -n 1 err)" "74 ccm.prom ccm-promfmt: ERROR: cannot write disk/ccm.prom: No space left on device" \
		"-O on a full disk: the old file stays, and nothing else"
else
	skip "-O on a full disk" "mounting a tmpfs needs a namespace"
fi
run ccm-promfmt -O ccm.prom -T <"$WORK"
is "$status $(cmp ccm.prom before)" "74 " "-O: an input that cannot be read replaces nothing"

mkfifo fifo
start bash -c 'exec ccm-promfmt -T -O ccm.prom <fifo'
exec 7>fifo
cat many >&7
kill -9 "$pid"
exec 7>&-
wait "$pid" 2>/dev/null
cmp -s ccm.prom before
ok $? "-O: killed while it reads, it has replaced nothing"

# Who reads while it is replaced sees whole files.
ccm-promfmt -o -O served.txt <many 2>/dev/null
start bash -c 'for i in {1..20}; do ccm-promfmt -o -O served.txt <many 2>/dev/null; done'
whole=0 parts=0
while kill -0 "$pid" 2>/dev/null; do
	if [ "$(tail -n 1 served.txt)" = "# EOF" ]; then whole=$((whole + 1)); else parts=$((parts + 1)); fi
done
is "$parts" 0 "-O: who reads sees whole files: $whole"

run ccm-promfmt -T <records >/dev/full
ccm-promfmt <records >/dev/full 2>err
is "$? $(<err)" "74 ccm-promfmt: ERROR: cannot write to standard output: No space left on device" "a full standard output: 74"

# ---- memory ------------------------------------------------------------------

perl "$ROOT/tests/bench/export.pl" 100000 >export.txt
rm fifo && mkfifo fifo
start bash -c 'exec ccm-promfmt -I prometheus <fifo >/dev/null'
exec 7>fifo
cat export.txt export.txt export.txt >&7
# (Sanitizers take much more.)
peak=$(awk '/^VmSize/ { sanitized = $2 > 1e9 } /^VmHWM/ { print sanitized ? 1 : $2 }' "/proc/$pid/status")
exec 7>&-
wait "$pid"
is "$((peak > 0 && peak * 1024 < 100000 * 400))" 1 "100,000 series take under 400 bytes each, however many samples: $peak KiB"

for a in "-I xml" "-I openmetrics"; do
	# shellcheck disable=SC2086 # split on purpose
	run ccm-promfmt $a </dev/null
	is "$status $(<err)" "64 ccm-promfmt: ERROR: -I is \"${a#-I }\"; it takes records or prometheus" "$a"
done

#!/usr/bin/env bash
# ccm-serve: an exposition file over HTTP.
. "$(dirname "$0")/../tap.sh"

unset NOTIFY_SOCKET LISTEN_PID LISTEN_FDS

# serve ARGUMENT...: starts ccm-serve on a free port; its address is in $url
serve() {
	start ccm-serve -l 127.0.0.1:0 "$@" 2>log
	until_true 10 grep -q 'listening on' log
	url=http://$(sed -n 's/.*listening on //p' log)
}
# get PATH [OPTION]...: the body to out, the head to headers, the status in $code
get() {
	local path=$1
	shift
	code=$(curl -s -o out -D headers -w '%{http_code}' "$@" "$url$path")
}
header() { tr -d '\r' <headers | awk -v name="$1:" 'tolower($1) == name { $1 = ""; print substr($0, 2) }'; }

perl "$ROOT/tests/bench/export.pl" 1000 | ccm-promfmt -I prometheus >metrics
serve metrics
get /metrics
is "$code $(header content-type)" "200 text/plain; version=0.0.4; charset=utf-8" "GET /metrics: the Prometheus text format"
cmp -s out metrics
ok $? "... byte for byte"
like "$(header etag)" '^W/"[0-9a-f-]+"$' "... with an ETag"
etag=$(header etag)
get /metrics -H 'Accept-Encoding: gzip'
is "$code $(header content-encoding) $(header vary) $(header etag)" "200 gzip Accept-Encoding $etag" "packed for who takes that"
gzip -dc <out | cmp -s - metrics
ok $? "... it unpacks to the same"
for tags in "$etag" "${etag#W/}" "\"x\", $etag" '*'; do
	get /metrics -H "If-None-Match: $tags"
	is "$code $(header etag)" "304 $etag" "If-None-Match: $tags"
done
get /metrics -H 'If-None-Match: "x"'
is "$code" 200 "If-None-Match: another tag"
get /metrics -I
is "$code $(header content-length)" "200 $(stat -c %s metrics)" "HEAD"
get /
is "$code $(header content-type)" "404 application/problem+json" "another path"
get /metrics -X POST -d x
is "$code $(header allow)" "405 GET, HEAD" "another method"

# ---- the file changes --------------------------------------------------------

head -100 metrics | ccm-promfmt -I prometheus -o -O metrics
get /metrics -H 'Accept-Encoding: gzip' -H "If-None-Match: $etag"
is "$code $(header content-type)" "200 application/openmetrics-text; version=1.0.0; charset=utf-8" \
	"a file that took its place is served, OpenMetrics as what it is"
gzip -dc <out | cmp -s - metrics
ok $? "... packed anew"
touch -d '-301 seconds' metrics
get /metrics
like "$code $(header retry-after) $(<out)" '^503 60 .*metrics is 30[0-9] s old, of at most 300 s' "an old file: 503 that says so"
get /metrics -H "If-None-Match: *"
is "$code" 503 "... whatever the client has"
get /metrics
is "$(grep -c 'WARN: answering 503: metrics is' log)" 1 "... logged once"
touch metrics
get /metrics
is "$code $(grep -c 'serving metrics again' log)" "200 1" "a new one is served again"
rm metrics
get /metrics
like "$code $(<out)" '^503 .*cannot read metrics: No such file or directory' "no file: 503"
echo 'm 1' >metrics
get /metrics
is "$code $(<out)" "200 m 1" "... until there is one"
: >metrics
get /metrics
is "$code $(wc -c <out)" "200 0" "an empty exposition is one"
kill "$pid"
wait "$pid"
is $? 0 "SIGTERM: exit 0"

# Every answer is a whole file while it is being replaced.
perl "$ROOT/tests/bench/export.pl" 20000 >answer
ccm-promfmt -I prometheus -o -O metrics <answer
serve -a 60 metrics
start bash -c 'for i in {1..20}; do ccm-promfmt -I prometheus -o -O metrics <answer; done'
whole=0 parts=0
while kill -0 "$pid" 2>/dev/null; do
	get /metrics
	if [ "$code $(tail -n 1 out)" = "200 # EOF" ]; then whole=$((whole + 1)); else parts=$((parts + 1)); fi
done
is "$parts" 0 "who scrapes while the file is replaced gets whole files: $whole"
touch -d '-61 seconds' metrics
get /metrics
is "$code" 503 "-a"

# ---- a real Prometheus -------------------------------------------------------

ccm-promfmt -I prometheus -T -O metrics <answer
cat >prometheus.yml <<YAML
scrape_configs:
  - job_name: ccm
    scrape_interval: 1s
    static_configs: [{targets: ['${url#http://}']}]
YAML
start prometheus --config.file=prometheus.yml --storage.tsdb.path=data --web.listen-address=127.0.0.1:0 2>prometheus.log
server() { sed -n 's/.*Listening on.*address=\(127[^ ]*\).*/\1/p' prometheus.log | head -n 1; }
until_true 60 grep -q 'Listening on.*address=127' prometheus.log
query() { curl -s --data-urlencode "query=$1" "http://$(server)/api/v1/query" | jq -c '.data.result[0].value[1]'; }
known() { [ "$(query 'sum(scrape_samples_scraped{job="ccm"})')" = '"20000"' ]; }
until_true 60 known
ok $? "a real Prometheus scrapes all samples" || cp prometheus.log err
is "$(query 'count({__name__=~"confluent_.+"})')" '"20000"' "... and has as many series"
labels=$(grep -v '^#' metrics | sed -n 7p | sed 's/ .*//')
is "$(query "$labels")" "\"$(grep -F "$labels " metrics | sed 's/.* //')\"" "... with their values"

# ---- usage -------------------------------------------------------------------

run ccm-serve
is "$status $(<err)" "64 ccm-serve: ERROR: missing argument FILE; -h shows the usage" "no file"
run ccm-serve a b
is "$status $(<err)" '64 ccm-serve: ERROR: unexpected argument "b"; -h shows the usage' "two files"
for age in 0 x 1s 99999999999; do
	run ccm-serve -a "$age" metrics
	is "$status $(<err)" "64 ccm-serve: ERROR: -a is \"$age\"; it takes seconds from 1 to 31536000" "-a $age"
done
run ccm-serve -l "${url#http://}" metrics
is "$status" 73 "an address that is taken"

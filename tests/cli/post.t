#!/usr/bin/env bash
# ccm-post: one body, one POST, and an exit status that says what to do with
# the body.
# shellcheck disable=SC2119 # options are optional
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/http.sh
. "$ROOT/tests/http.sh"

# start_peer [OPTION...]: its URL is in $url, and nothing is stored
start_peer() {
	rm -f peer.url
	start "$SIM/sim-metrics" "$@" >peer.url
	until_true 10 test -s peer.url
	url=$(<peer.url)
}
stored() {
	http GET /sim/lines
	printf %s "$body"
}
log() {
	http GET /sim/log
	printf %s "$body"
}
fault() { http POST "/sim/fault?status=$1&times=${2-1}"; }
# post LINE [URL]: $status, and what is written in out and err
post() { run ccm-post "${2:-$url/v1/write/metric}" <<<"$1"; }

line='confluent,kafka_id=lkc-1,topic=a kafka_server_received_bytes=10 1756900800000000000'
authorization='' content_type=''
start_peer

# ---- peers

post "$line"
is "$status $(<out)$(<err)" "0 " "a body goes to DataKit"
is "$(log) $(stored)" "200 /v1/write/metric $line" "... in one request, as it is"
post "$line" "$url/write?db=metrics"
is "$status" 0 "... to InfluxDB 1.x and VictoriaMetrics"
post "$line" "$url/api/v2/write?org=o&bucket=b"
is "$status $(log | tail -n 1)" "0 204 /api/v2/write?org=o&bucket=b" "... to InfluxDB 2.x"
run ccm-post -n "$url/v1/write/metric" <<<"$line"
is "$status $(<out) $(stored | grep -c .)" "0 $line 3" "-n writes what DataKit has read, and stores nothing"
like "$(log | tail -n 1)" 'dry=1&echo=lp$' "... by its dry run"
run ccm-post -n "$url/write?db=x" <<<"$line"
is "$status" 64 "... which no other has"
before=$(log | grep -c .)
run ccm-post "$url/v1/write/metric" </dev/null
is "$status $(($(log | grep -c .) - before))" "0 0" "an empty body is not sent: DataKit would refuse it"
head -c 3000000 /dev/zero | tr '\0' x >long
run ccm-post "$url/write?db=x" < <(printf 'm,t=1 f=1 1\n#'; cat long; echo)
is "$status $(stored | wc -c)" "0 $(($(printf '%s\n%s\n%s\nm,t=1 f=1 1\n#' "$line" "$line" "$line" | wc -c) + 3000000))" "a body of megabytes goes whole"

# ---- what the answer means

for http in 400:65 404:65 413:65 422:65 401:77 403:77 408:75 429:75 500:75 503:75 301:75; do
	fault "${http%:*}"
	post "$line"
	is "$status" "${http#*:}" "HTTP ${http%:*} is ${http#*:}"
	like "$(<err)" "^ccm-post: ERROR: $url/v1/write/metric: HTTP ${http%:*}$" "... with one line that says so"
done
post 'confluent,kafka_id= x=1'
is "$status $(<err)" '65 ccm-post: ERROR: '"$url"'/v1/write/metric: HTTP 400: {"error":"missing tag value"}' \
	"what the peer says is shown"
for bad in 'm x=NaN' 'm,t=a\ x=1' 'm x=1i
m x=1' 'm x' 'm x=1 t'; do
	post "$bad" "$url/write?db=x"
	is "$status" 65 "a body with a bad line is refused: ${bad//$'\n'/ }"
done
before=$(stored | grep -c .)
fault 0
post "$line"
is "$status $(($(stored | grep -c .) - before))" "75 1" "an answer that is lost is 75, though the peer has the body"
post "$line" http://127.0.0.1:1/write
like "$status $(<err)" '^75 .*127.0.0.1:1/write: .*onnect' "a peer that is away is 75"
run ccm-post "$url/v1/write/metric" <&-
is "$status" 74 "a closed standard input is 74"

# ---- secrets and settings

for secret in "http://u:pass@127.0.0.1:1/w" "http://127.0.0.1:1/v1/write/metric?token=tkn_1" \
	"http://127.0.0.1:1/write?db=x&u=u&p=pass"; do
	post "$line" "$secret"
	is "$status $(grep -c 'tkn_1\|pass@\|=pass' err)" "64 0" "a secret on the command line is refused, and not shown"
	CCM_POST_URL=$secret run ccm-post <<<"$line"
	is "$status $(grep -c 'tkn_1\|pass' err)" "75 0" "... in CCM_POST_URL it is taken, and not shown"
done
start_peer -t s3cret
export CCM_POST_URL="$url/v1/write/metric?token=s3cret"
run ccm-post <<<"$line"
is "$status" 0 "DataKit's token is in the URL"
run ccm-post -n <<<"$line"
is "$status $(<out)" "0 $line" "... with -n too"
CCM_POST_URL="http://user:s3cret@${url#http://}/write?db=x" run ccm-post <<<"$line"
is "$status" 0 "InfluxDB's 1.x password too, as HTTP Basic"
CCM_POST_URL="$url/write?db=x&u=user&p=s3cret" run ccm-post <<<"$line"
is "$status" 0 "... or in the query"
unset CCM_POST_URL
export CCM_POST_TOKEN=s3cret
post "$line" "$url/api/v2/write?org=o&bucket=b"
is "$status" 0 "CCM_POST_TOKEN is InfluxDB's 2.x Token"
post "$line" "$url/write?db=x"
is "$status" 0 "... and a bearer token elsewhere"
unset CCM_POST_TOKEN
echo s3cret >token
CCM_POST_TOKEN_FILE=token post "$line" "$url/write?db=x"
is "$status" 0 "... which a file may hold"
post "$line" "$url/write?db=x"
is "$status" 77 "without it, the peer refuses"
CCM_POST_TOKEN=t post "$line" http://peer.example/write
is "$status $(grep -c 'CCM_POST_INSECURE' err)" "78 1" "plain http to another machine does not carry a secret"
post "$line" ftp://127.0.0.1/x
is "$status" 64 "another scheme is refused"
run ccm-post <<<"$line"
is "$status" 64 "no URL is refused"

# ---- under ccm-ship

mkdir spool
printf '%s\n' "$line" >spool/1
printf 'm x=NaN\n' >spool/2
printf '%s\n' "$line" >spool/3
export CCM_POST_URL="$url/v1/write/metric?token=s3cret"
run ccm-ship -1 spool ccm-post
is "$status $(find spool -type f ! -name '.*' | sort | tr '\n' ' ')" "65 spool/bad/2 " \
	"a body that is refused is set aside, and the others are sent"
like "$(<err)" 'HTTP 400: .*invalid number.*set aside' "... with the peer's reason"
printf '%s\n' "$line" >spool/1
before=$(stored | grep -c .)
fault 503 1
start ccm-ship spool ccm-post 2>ship.err
until_true 20 eval '! test -e spool/1'
is "$(($(stored | grep -c .) - before))" 1 "what failed for now is sent again, and stored once"

# ---- the page

while IFS= read -r command; do
	command=${command//http:\/\/127.0.0.1:9529/"$url"}
	command=${command//tkn_example/s3cret}
	CCM_POST_TOKEN=s3cret run bash -c "${command//http:\/\/127.0.0.1:8086/"$url"}"
	is "$status" 0 "ccm-post(1): $command"
done < <(sed -n '/^\.Sh EXAMPLES/,$ { s/^\$ //p }' "$ROOT/tools/ccm-post.1")

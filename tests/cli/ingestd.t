#!/usr/bin/env bash
# ccm-ingestd: what is accepted, what is refused and how, and that what is
# accepted is on disk.
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/ingestd.sh
. "$ROOT/tests/ingestd.sh"

# ---- a metric's way to the spool

start_ingestd
post shop "{\"metrics\":[$metric]}"
is "$code $(<out) $(header content-type)" \
	'202 {"status":"accepted","accepted":1} application/json' 'a batch of one metric is accepted'
line='{"app_id":"shop","name":"cpu_usage","value":75.5,"timestamp":1756900800000,"tags":{"host":"server1","environment":"production"},"profileId":"profile123","received":MS}'
is "$(spooled | sed 's/"received":[0-9]*/"received":MS/')" "$line" \
	'... and is a line of the spool by then, with its app first and the time of receipt last'
received=$(spooled | jq .received)
is "$((received > $(date +%s%3N) - 10000 && received <= $(date +%s%3N)))" 1 '... that time is now'
until_true 10 handed_over
ok $? 'a second later the file is handed over, though no other metric comes'
is "$(cd spool && echo ./*)" ./00000000000000000001.ndjson '... named by its number'
stat -c %a spool/*.ndjson >modes
is "$(<modes)" 640 '... and not for everybody to read'
rm spool/*.ndjson

post 'a.B_c~d-1' '{"metrics":[{"profileId":"","timestamp":1.0,"value":-1.50e1,"name":"é\u00e9\n\"/"}]}'
is "$code $(spooled | sed 's/,"received.*//')" \
	'202 {"app_id":"a.B_c~d-1","name":"éé\n\"/","value":-15,"timestamp":1,"tags":{},"profileId":""' \
	'fields come in any order, tags may be missing, and what is written is one form'
post 'sh%6Fp' "{\"metrics\":[$metric,$metric,$metric]}"
is "$code $(jq -c . out) $(spooled | grep -c '^{"app_id":"shop"')" \
	'202 {"status":"accepted","accepted":3} 3' 'a batch is counted, and the app id in the path is decoded'
post shop '{"metrics":[]}'
is "$code $(<out)" '202 {"status":"accepted","accepted":0}' 'an empty batch is accepted'
jq -cn --argjson m "$metric" '{metrics: [range(10000) | $m + {value: .}]}' | gzip -1 >batch.gz
post shop @batch.gz -H 'Content-Encoding: gzip'
is "$code $(<out)" '202 {"status":"accepted","accepted":10000}' 'a packed batch of 10,000 metrics is accepted'
is "$(curl -sS -o /dev/null -w '%{http_code} ' -H 'Content-Type: application/json' -d "{\"metrics\":[$metric]}" \
	-H 'Transfer-Encoding: chunked' -H 'Expect: 100-continue' "$url/api/v2/app/shop/metrics")" '202 ' \
	'a chunked body that waits for "100 Continue" is accepted'

# ---- what does not fit

# refused BODY STATUS POINTER DETAIL NAME
refused() {
	post shop "$1"
	is "$code $(header content-type) $(jq -rc '.status, .errors[0].pointer, .errors[0].detail' out | paste -sd' ')" \
		"$2 application/problem+json $2 $3 $4" "$5"
}
# with FILTER: the metric, changed by jq, in a batch behind a good one
with() { jq -cn --argjson m "$metric" "{metrics: [\$m, (\$m | $1)]}"; }
before=$(spooled | wc -l)
for field in name value timestamp profileId; do
	refused "$(with "del(.$field)")" 400 "/metrics/1/$field" 'the field is missing' "a metric without $field is refused"
done
refused "$(with '.value = "75.5"')" 400 /metrics/1/value 'a number was expected' 'a value that is a string is refused'
refused "$(with '.value = null')" 400 /metrics/1/value 'a number was expected' '... one that is null'
refused "$(with '.tags["a/b~c"] = 1')" 400 '/metrics/1/tags/a~1b~0c' 'a string was expected' '... a tag that is none, by its JSON Pointer'
refused "$(with '.tags = []')" 400 /metrics/1/tags 'an object of strings was expected' '... tags that are no object'
refused "$(with '.timestamp = 1.5')" 400 /metrics/1/timestamp 'an integer from 0 to 253402300799999 was expected' '... a timestamp with a fraction'
refused "$(with '.timestamp = -1')" 400 /metrics/1/timestamp 'an integer from 0 to 253402300799999 was expected' '... a negative one'
refused "$(with '.unit = "s"')" 400 /metrics/1/unit 'this field is unknown; a metric has name, value, timestamp, tags and profileId' '... a field that the schema has not, as it would be lost'
refused "$(with '.name = ""')" 400 /metrics/1/name 'the string is empty' '... an empty name'
refused "$(with '.name = "x" * 256')" 400 /metrics/1/name 'the string has 256 bytes; it may have 255' '... a name over 255 bytes'
refused "$(with '.tags.a = "x" * 1025')" 400 /metrics/1/tags/a 'the string has 1025 bytes; it may have 1024' '... a tag over 1,024 bytes'
refused "$(with '.tags = ([range(65) | {key: "t\(.)", value: ""}] | from_entries)')" 400 /metrics/1/tags 'there are over 64 tags' '... 65 tags'
refused "$(with '.name = "a\u0000b"')" 400 /metrics/1/name 'a string must not have a NUL' '... a NUL'
refused "{\"metrics\":[${metric/75.5/NaN}]}" 400 /metrics/0/value 'byte 41: a value was expected' '... NaN, as it is no JSON'
refused "{\"metrics\":[${metric/75.5/1e999}]}" 400 /metrics/0/value 'byte 41: number out of range' '... a number beyond a double'
refused "{\"metrics\":[${metric/75.5/$(printf '9%.0s' {1..400})}]}" 400 /metrics/0/value "the number is out of a double's range" '... one of 400 digits'
refused "{\"metrics\":[${metric/\"value\":75.5/\"value\":1,\"value\":2}]}" 400 /metrics/0 'byte 43: duplicate key' '... a key that comes twice'
refused '{"metrics":[' 400 /metrics/0 'byte 13: unexpected end' '... a body that is cut short'
refused '[]' 400 '' 'an object was expected' '... an array'
refused '{}' 400 /metrics 'the field is missing' '... an object without metrics'
refused "{\"metrics\":[],\"more\":1}" 400 /more 'this field is unknown; a batch has metrics' '... a batch with another field'
refused '' 400 '' 'byte 1: unexpected end' '... no body'
refused "$(printf '{"metrics":[{"name":"\xff"}]}')" 400 /metrics/0/name 'byte 22: invalid UTF-8' '... bytes that are not UTF-8'
refused "$(printf '[%.0s' {1..100})" 400 '' 'an object was expected' '... deep nesting'
refused "{\"metrics\":$(printf '[%.0s' {1..100})" 400 /metrics/0 'an object was expected' '... deep nesting where metrics are expected'
jq -cn --argjson m "$metric" '{metrics: [range(10001) | $m + {value: .}]}' | gzip -1 >batch.gz
post shop @batch.gz -H 'Content-Encoding: gzip'
is "$code $(jq -r '.errors[0].detail' out)" '413 there are over 10000 metrics' '... a batch of over 10,000 metrics'
is "$(spooled | wc -l)" "$before" 'nothing of a batch that was refused is in the spool'

# ---- other refusals

for id in 'a%2Fb' 'a%00' 'a b' '%' 'é' "$(printf 'a%.0s' {1..129})" ''; do
	post "${id// /%20}" "{\"metrics\":[$metric]}"
	is "$code" 404 "an app id \"${id:0:10}\" is 404"
done
get /nothing
is "$code $(jq -c . out)" '404 {"type":"about:blank","title":"Not Found","status":404,"detail":"there is nothing at this path"}' \
	'a path that is not there is 404, as problem+json'
get /api/v2/app/shop/metrics -X DELETE
is "$code $(header allow)" '405 GET, HEAD, POST, OPTIONS' 'a method that is not there is 405, with Allow'
get /livez -X POST
is "$code $(header allow)" '405 GET, HEAD, OPTIONS' '... on a route that is only read, too'
get /api/v2/app/shop/metrics -X OPTIONS
is "$code $(header allow)" '204 GET, HEAD, POST, OPTIONS' 'OPTIONS names them'
content_type=text/xml
post shop "{\"metrics\":[$metric]}"
is "$code $(header accept)" '415 application/json' 'a body that is not JSON by its Content-Type is 415'
content_type='Application/JSON; charset=utf-8'
post shop "{\"metrics\":[$metric]}"
content_type=application/json
is "$code" 202 '... in whatever case, and with parameters, it is accepted'
post shop x -H 'Content-Encoding: br'
is "$code $(header accept-encoding)" '415 gzip, identity' 'a coding that is not gzip is 415, with Accept-Encoding'
head -c 1048577 /dev/zero >large
post shop @large
is "$code" 413 'a body over 1 MiB is 413'
head -c 100000000 /dev/zero | gzip >bomb
post shop @bomb -H 'Content-Encoding: gzip'
is "$code $(jq -r .detail out)" '413 the unpacked body is too large' 'a gzip bomb is 413'
get /api/v2/app/shop/metrics -X POST -H 'Content-Length:'
is "$code" 411 'a POST without a length is 411'
is "$(curl -sS -o /dev/null -D head -w '%{http_code} %{size_download}' --head "$url/livez") $(header content-length)" '200 0 6' 'HEAD is GET without the body'
get /openapi.json --compressed
is "$code $(jq -r .openapi out)" '200 3.1.0' 'the API is described'
jq -c '.paths["/api/v2/app/{app_id}/metrics"].post.requestBody.content["application/json"].example' out >example
post shop @example
is "$code" 202 '... and the example of the description is accepted'
missing=
while read -r path; do
	curl -sS -o /dev/null -w '%{http_code}' "$url${path/\{app_id\}/shop}" | grep -q 200 || missing+=" $path"
done < <(jq -r '.paths | keys[]' "$ROOT/tools/ccm-ingestd/openapi.json")
is "$missing" '' '... and each of its paths is there'
get /readyz
is "$code $(<out)" '200 ready' 'it is ready'

# ---- retries

until_true 10 handed_over
rm -f spool/*
post shop "{\"metrics\":[$metric,$metric]}" -H 'Idempotency-Key: "key 1"'
is "$code $(spooled | wc -l)" '202 2' 'a batch with an Idempotency-Key is accepted'
for _ in 1 2; do
	post shop "{\"metrics\":[$metric,$metric]}" -H 'Idempotency-Key: "key 1"'
	is "$code $(jq -c . out) $(spooled | wc -l)" '202 {"status":"accepted","accepted":2} 2' '... its retry gets the same answer and adds nothing'
done
post shop "{\"metrics\":[$metric]}" -H 'Idempotency-Key: "key 1"'
is "$code $(spooled | wc -l)" '422 2' '... the same key with another body is 422'
post web "{\"metrics\":[$metric]}" -H 'Idempotency-Key: "key 1"'
is "$code $(spooled | wc -l)" '202 3' '... another app has keys of its own'
post shop '{"metrics":[1]}' -H 'Idempotency-Key: "key 2"'
is "$code" 400 'a batch that is refused'
post shop "{\"metrics\":[$metric]}" -H 'Idempotency-Key: "key 2"'
is "$code $(spooled | wc -l)" '202 4' '... does not use up its key'
post shop "{\"metrics\":[$metric]}" -H "Idempotency-Key: $(printf 'x%.0s' {1..256})"
is "$code" 400 'a key over 255 bytes is refused'
post shop "{\"metrics\":[$metric]}" -H 'Idempotency-Key: ""'
is "$code" 400 '... and an empty one'
stop_ingestd KILL
printf 'torn' >>spool/.keys
start_ingestd
post shop "{\"metrics\":[$metric,$metric]}" -H 'Idempotency-Key: "key 1"'
is "$code $(spooled | wc -l) $(($(stat -c %s spool/.keys) % 48))" '202 4 0' 'after a kill -9 keys are still known, and a torn record is cut off'
post shop "{\"metrics\":[$metric]}" -H 'Idempotency-Key: "key 3"'
post shop "{\"metrics\":[$metric]}" -H 'Idempotency-Key: "key 3"'
is "$code $(spooled | wc -l)" '202 5' '... and new ones are kept'

# ---- the end, and the beginning

stop_ingestd
is "$status $(grep -c -v -e listening -e stopping -e recovered ingestd.err)" '0 0' 'SIGTERM ends it with 0'
handed_over
ok $? '... and the spool is handed over'
until_true 10 handed_over
rm -f spool/*
start_ingestd -l "$WORK/socket"
is "$(curl -sS --unix-socket socket http://localhost/livez)" alive 'it listens on a Unix socket as well'
post shop "{\"metrics\":[$metric]}"
stop_ingestd KILL
find spool -name '*.open' -printf '%f\n' >open
is "$(<open)" .00000000000000000001.open 'kill -9 leaves the file open'
mkdir spool/bad && touch spool/bad/00000000000000000041.ndjson.2
printf '{"app_id":"shop","name":"cut' >>spool/.00000000000000000001.open
start_ingestd -l "$WORK/socket"
is "$(grep -c 'cut at byte .* where a line is cut short; it was not accepted' ingestd.err) $(spooled | wc -l) $(ls spool)" \
	$'1 1 00000000000000000001.ndjson\nbad' 'the next start cuts off the torn line, reports that, and hands the file over'
ok "$(curl -sS --unix-socket socket http://localhost/livez >/dev/null; echo $?)" '... and takes the place of the socket that was left'
post shop "{\"metrics\":[$metric]}"
find spool -name '*.open' -printf '%f\n' >open
is "$(<open)" .00000000000000000042.open 'a number is above all that were seen, in bad/ too'
run timeout 60 ccm-ingestd -l 127.0.0.1:0 -s spool
is "$status $(<err)" '75 ccm-ingestd: ERROR: spool: another ccm-ingestd has this spool' 'a second daemon on the same spool exits with 75'
kill -0 "$ingestd"
ok $? '... and the first one goes on'
stop_ingestd

# ---- settings

for setting in CCM_ACCEPT_STATUS=204 CCM_SPOOL_MAX=lots CCM_APP_LABEL=yes CCM_SERIES_TTL=-1; do
	run env "$setting" ccm-ingestd -l 127.0.0.1:0 -s spool
	like "$status:$(<err)" "^78:ccm-ingestd: ERROR: ${setting%=*} is \"${setting#*=}\"; it takes " "$setting is refused"
done
run ccm-ingestd -l 0.0.0.0:0 -s spool
like "$status:$(<err)" '^78:.*can be reached from other machines' 'it does not listen beyond this machine without being told so'
run ccm-ingestd -l nowhere -s spool
like "$status:$(<err)" '^73:.*cannot listen on "nowhere"' 'an address that is none is refused'
run ccm-ingestd -l 127.0.0.1:0 -s /proc/spool
like "$status:$(<err)" '^73:.*/proc/spool: cannot make the spool' 'a spool that cannot be made is refused'
CCM_ACCEPT_STATUS=200 start_ingestd
post shop "{\"metrics\":[$metric]}"
is "$code" 200 'CCM_ACCEPT_STATUS is the status of what is accepted'
stop_ingestd

# ---- no room

rm -rf spool
CCM_SPOOL_MAX=1K start_ingestd
codes=
for _ in {1..10}; do
	post shop "{\"metrics\":[$metric]}"
	codes+="$code "
done
like "$codes" '^(202 ){5,6}(503 )+$' 'at CCM_SPOOL_MAX nothing more is accepted'
is "$(header retry-after) $(jq -r .detail out)" '5 the spool is full (CCM_SPOOL_MAX)' '... and the client is told why, and to come back'
get /readyz
is "$code" 503 '... and it is not ready'
is "$(spooled | wc -l)" "$(grep -o 202 <<<"$codes" | wc -l)" '... what was accepted is there'
until_true 10 handed_over
rm spool/*.ndjson
again() { post shop "{\"metrics\":[$metric]}" && [ "$code" = 202 ]; }
until_true 10 again
ok $? 'when the shipper has made room, it goes on'
stop_ingestd
CCM_SPOOL_FREE_MIN=1000T start_ingestd
post shop "{\"metrics\":[$metric]}"
is "$code $(jq -r .detail out)" '503 the disk of the spool is nearly full' 'a disk with little room left is left alone'
stop_ingestd

# ---- a sync that fails

# named NAME: the metric, with another name
named() { echo "{\"metrics\":[${metric/cpu_usage/$1}]}"; }
if strace -o /dev/null -e inject=fdatasync:error=EIO true 2>/dev/null; then
	rm -rf spool
	: >ingestd.err
	start strace -D -o trace -e trace=fdatasync -e inject=fdatasync:error=EIO:when=2 ccm-ingestd -l 127.0.0.1:0 -s spool 2>ingestd.err
	ingestd=$pid
	until_true 20 grep -q 'listening on 127' ingestd.err
	url=http://$(sed -n 's/.*listening on //p' ingestd.err)
	post shop "$(named first)"
	codes=$code
	post shop "$(named second)"
	codes+=" $code $(jq -r .detail out)"
	post shop "$(named third)"
	is "$codes $code" '202 503 the spool cannot be written 202' 'after a sync that failed the answer is 503, and what follows is accepted'
	is "$(jq -r .name spool/00000000000000000001.ndjson | paste -sd' ')" first '... that file is closed at its last commit'
	until_true 10 handed_over
	is "$(jq -r .name spool/00000000000000000002.ndjson | paste -sd' ')" third '... and the next metrics are in another one'
	grep -q 'ERROR: spool: cannot sync: Input/output error; answering 503' ingestd.err
	ok $? '... which is logged'
	stop_ingestd
else
	skip 'after a sync that failed the answer is 503, and what follows is accepted' 'strace may not trace here'
fi

# ---- Swagger UI

# The files are looked for beside the program.
mkdir -p own/bin own/share/ccm/swagger-ui
cp "$B/bin/ccm-ingestd" own/bin/
PATH=$WORK/own/bin:$PATH start_ingestd
for path in '' /start.js /swagger-ui.css /swagger-ui-bundle.js; do
	get "/swagger-ui$path"
	like "$code $(header content-type) $(jq -r .detail out)" \
		'^404 application/problem\+json Swagger UI is not installed: put swagger-ui.css and swagger-ui-bundle.js of .* into share/ccm/swagger-ui' \
		"/swagger-ui$path without its files says how to get them"
done
echo 'body {}' >own/share/ccm/swagger-ui/swagger-ui.css
get /swagger-ui
is "$code" 404 '... so it does where one is missing'
head -c 1500000 /dev/urandom >own/share/ccm/swagger-ui/swagger-ui-bundle.js
get /swagger-ui
is "$code $(header content-type)" '200 text/html; charset=utf-8' 'with both it is a page'
like "$(header content-security-policy)" "^default-src 'none'; script-src 'self'; style-src 'self'; " \
	'... with a strict Content-Security-Policy'
is "$(grep -cE '//|<script>|style=' out)" 0 '... of no other host, and with nothing inline'
missing=
while read -r path; do
	curl -sS -o /dev/null -w '%{http_code}' "$url/$path" | grep -q 200 || missing+=" $path"
done < <(grep -oE '(src|href)="[^"]*"' out | cut -d'"' -f2)
is "$missing" '' '... and each file that it names is there'
get /swagger-ui/swagger-ui-bundle.js
is "$code $(header content-type) $(cmp out own/share/ccm/swagger-ui/swagger-ui-bundle.js)" '200 text/javascript; charset=utf-8 ' \
	'... as it is on the disk'
get /swagger-ui/start.js
like "$code $(<out)" '^200 SwaggerUIBundle\(\{url: "openapi.json"' '... and shows /openapi.json'
get /swagger-ui/../schemas/metric.avsc --path-as-is
is "$code" 404 'other files are not'
stop_ingestd

if [ "$(id -u)" = 0 ] && mkdir full && mount -t tmpfs -o size=64k tmpfs full 2>/dev/null; then
	rm -rf spool && ln -s full spool
	start_ingestd
	"$ROOT/tests/load-client.pl" 4 "$at" full.load &
	load=$!
	started+=("$load")
	until_true 20 test -s full.load.refused
	ok $? 'on a full disk the answer is an error'
	post shop "{\"metrics\":[$metric]}"
	is "$code $(header retry-after)" '503 5' '... 503, with Retry-After'
	kill "$load" && wait "$load"
	is "$(grep -c 'ERROR: spool: cannot ' ingestd.err)" 1 '... which is logged once'
	: >"$WORK/names"
	stop_ingestd
	spooled | jq -r 'select(.app_id == "load") | .name' | sort >names
	is "$(sort full.load.accepted | comm -23 - names | wc -l) $(sort full.load.refused | comm -12 - names | wc -l)" '0 0' \
		'... what was accepted is there, and what was refused is not'
	umount full
	rm spool
else
	skip 'on a full disk the answer is an error' 'mounting a tmpfs needs root'
fi

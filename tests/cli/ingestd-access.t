#!/usr/bin/env bash
# ccm-ingestd: tokens, apps, origins of pages, and the Host.
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/ingestd.sh
. "$ROOT/tests/ingestd.sh"

body="{\"metrics\":[$metric]}"
prom=/prometheus-metrics
shop=/api/v2/app/shop

# ---- without tokens, on loopback

CCM_HOSTS=metrics.example CCM_CORS_ORIGINS=https://shop.example CCM_APP_IDS=shop,web start_ingestd -m 127.0.0.1:0
management=http://$(sed -n 's/.*listening on \(.*\), to be read/\1/p' ingestd.err)
at=$(sed -n 's/.*listening on \(127[^,]*\)$/\1/p' ingestd.err)
url=http://$at
for host in localhost LOCALHOST:80 127.0.0.1 127.1.2.3:5000 '[::1]:5000' app.localhost metrics.example metrics.example:80; do
	get "$prom" -H "Host: $host"
	is "$code" 200 "Host: $host is good on loopback"
done
for host in evil.example localhost.evil.example 127.evil.example metrics.example.evil '[::2]' 192.0.2.1; do
	get "$prom" -H "Host: $host"
	is "$code $(jq -r .detail out)" '403 the Host is neither a loopback name nor in CCM_HOSTS' "Host: $host is refused"
done
post shop "$body" -H 'Host: evil.example'
is "$code" 403 '... a POST too, before its body is looked at'
post web "$body"
is "$code" 202 'an app of CCM_APP_IDS is accepted'
post other "$body"
is "$code $(jq -r .detail out)" '403 the app is not in CCM_APP_IDS' 'another is not'

post shop "$body" -H 'Origin: https://evil.example'
is "$code $(jq -r .detail out)" '403 the Origin is not in CCM_CORS_ORIGINS' 'a page from elsewhere is refused'
content_type=text/plain
post shop "$body" -H 'Origin: null'
is "$code" 403 '... one without an origin, too, with a body that needs no preflight'
get $shop/metrics -H 'Origin: https://evil.example'
is "$code $(header access-control-allow-origin)" '403 ' '... and may not read'
post shop "$body"
is "$code" 415 'text/plain is for pages'
post shop "$body" -H 'Origin: https://shop.example'
is "$code $(header access-control-allow-origin) $(header access-control-expose-headers) $(header vary)" \
	'202 https://shop.example Retry-After Origin' 'a page of CCM_CORS_ORIGINS may POST JSON as text/plain'
is "$(grep -c -i allow-origin head)" 1 '... with one line of each header'
content_type=application/json
post shop "$body" -H "Origin: $url"
is "$code" 202 'a page of ours may'
get $shop/metrics -X OPTIONS -H 'Origin: https://shop.example' -H 'Access-Control-Request-Method: POST' -H 'Access-Control-Request-Headers: content-type'
is "$code $(header access-control-allow-methods) $(header access-control-max-age) $(header access-control-allow-headers)" \
	'204 GET, HEAD, POST 600 Authorization, Content-Type, Content-Encoding, Idempotency-Key' 'a preflight is answered'
get $shop/metrics -X OPTIONS -H 'Origin: https://evil.example' -H 'Access-Control-Request-Method: POST'
is "$code" 403 '... not to others'
run curl -sS -o /dev/null -w '%{http_code} ' "$management$prom" "$management/livez" -o /dev/null
is "$(<out)" '200 200 ' '-m is an address to read'
run curl -sS -w '%{http_code}' -o /dev/null -d "$body" -H 'Content-Type: application/json' "$management$shop/metrics"
is "$(<out)" 403 '... and not to write'
stop_ingestd

rm -rf spool

# ---- tokens

# token NAME LINE: a new one, in the variable NAME and the file tokens
token() {
	ccm-ingestd -t "$2" >>tokens 2>err
	printf -v "$1" '%s' "$(sed -n 's/^token: //p' err)"
}
echo '# the tokens of the test' >tokens
writer='' reader='' both='' browser=''
token writer 'shop,web write rate=10'
token reader '* read'
token both 'shop read,write'
token browser 'shop write origin=https://shop.example'
like "$(tail -n 1 tokens)" '^[0-9a-f]{64} shop write origin=https://shop.example$' '-t makes a line for the file'
like "$writer" '^[0-9a-f]{64}$' '... and a token, which is not in it'
is "$(grep -c "$writer" tokens)" 0 '... but hashed'
is "$(printf %s "$writer" | sha256sum | cut -d' ' -f1)" "$(sed -n 2p tokens | cut -d' ' -f1)" '... by SHA-256'
GLOBAL_LOG_LEVEL=DEBUG CCM_TOKENS_FILE=tokens start_ingestd -c fifo
for path in $prom $shop/metrics $shop/health; do
	get "$path"
	is "$code $(header www-authenticate | head -n 1)" '401 Bearer realm="ccm"' "$path needs a token"
	get "$path" -H "Authorization: Bearer $reader"
	is "$code" 200 '... that may read'
	get "$path" -u "prometheus:$both"
	is "$code" "$([ "$path" = "$prom" ] && echo 403 || echo 200)" '... as the password of Basic, for its apps only'
	get "$path" -H "Authorization: Bearer $writer"
	is "$code $(jq -r .detail out)" '403 the token has no such right' '... not one that may write'
done
for path in /livez /readyz; do
	get "$path"
	is "$code" 200 "$path is open"
done
post shop "$body"
is "$code" 401 'a POST needs a token'
for wrong in "Bearer ${writer:0:63}" "Bearer ${writer}0" 'Bearer ' "Basic $writer" "Digest $writer" 'Basic OnBhc3M='; do
	post shop "$body" -H "Authorization: $wrong"
	is "$code" 401 "... a valid one: ${wrong:0:10}"
done
post shop "$body" -H "Authorization: Bearer $reader"
is "$code" 403 '... that may write'
post shop "$body" -H "Authorization: Bearer $writer"
is "$code" 202 'with it metrics are accepted'
post other "$body" -H "Authorization: Bearer $writer"
is "$code $(jq -r .detail out)" '403 the token is not for this app' '... for its apps'
post shop "$body" -H "Authorization: Bearer $both" -H 'Host: any.example'
is "$code" 202 'with tokens any Host is good'

post shop "{\"metrics\":[$(printf "$metric,%.0s" {1..29})$metric]}" -H "Authorization: Bearer $writer"
is "$code" 202 'a batch above the rate is accepted'
post web "$body" -H "Authorization: Bearer $writer"
like "$code $(header retry-after) $(jq -r .detail out)" "^429 [23] the token's metrics a second are used up\$" '... then the token has to wait'
is "$(spooled | grep -c '"app_id":"web"')" 0 '... and nothing is kept'
after() { post web "$body" -H "Authorization: Bearer $writer" && [ "$code" = 202 ]; }
until_true 10 after
ok $? '... for as long as it was said'

content_type=text/plain
curl -sS -o out -w '%{http_code}' -H 'Content-Type: text/plain' -H 'Origin: https://shop.example' \
	--data-binary "$body" "$url$shop/metrics?key=$browser" >code
is "$(<code)" 202 "a browser's key may be in the query, from its origin"
curl -sS -o out -w '%{http_code}' -H 'Content-Type: application/json' --data-binary "$body" "$url$shop/metrics?key=$browser" >code
is "$(<code)" 401 '... not from elsewhere'
content_type=application/json
post shop "$body" -H "Authorization: Bearer $browser"
is "$code $(jq -r .detail out)" '403 the token is not for this Origin' '... nor in a header without that origin'
post shop "$body" -H "Authorization: Bearer $both" -H 'Origin: https://shop.example'
is "$code $(header access-control-allow-origin)" '202 https://shop.example' 'the origin of a token is allowed as such'
is "$(grep -c -e "$browser" -e "$writer" ingestd.err)" 0 'no token is in the log'

# ---- another file

cp tokens old
echo 'nonsense' >>tokens
kill -HUP "$ingestd"
until_true 10 grep -q 'ERROR: tokens:6: ' ingestd.err
like "$(grep ERROR ingestd.err)" 'tokens:6: a line begins with the SHA-256 .*; the tokens stay as they were$' 'a file that is wrong is reported, by its line'
post shop "$body" -H "Authorization: Bearer $both"
is "$code" 202 '... and the old tokens stay'
grep -v -e 'read,write' old >tokens
kill -HUP "$ingestd"
until_true 10 grep -q 'tokens: 3 tokens' ingestd.err
post shop "$body" -H "Authorization: Bearer $both"
is "$code" 401 'SIGHUP reads the file again: a token that is gone is not valid'
stop_ingestd
for line in 'shop write' "$(printf '%064d' 0) a/b write" "$(printf '%064d' 0) shop" "$(printf '%064d' 0) shop write rate=0" \
	"$(printf '%064d' 0) shop read origin=https://a.example"; do
	echo "$line" >tokens
	CCM_TOKENS_FILE=tokens run ccm-ingestd -l 127.0.0.1:0 -s spool
	like "$status $(<err)" '^78 ccm-ingestd: ERROR: tokens:1: ' "a line \"${line: -30}\" is refused at the start"
done
run ccm-ingestd -t 'shop everything'
is "$status" 64 '-t refuses what would be no line'
cp old tokens
CCM_TOKENS_FILE=tokens start_ingestd -l '*:0'
until_true 10 grep -q 'listening on 0.0.0.0' ingestd.err
ok $? 'with tokens it listens for other machines'
stop_ingestd
CCM_OPEN=1 start_ingestd -l '*:0'
until_true 10 grep -q 'listening on 0.0.0.0' ingestd.err
ok $? '... and with CCM_OPEN=1'
stop_ingestd

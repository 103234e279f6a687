#!/usr/bin/env bash
# ccm-fetch against the simulated API: pages, refusals, faults, the rate limit.
. "$(dirname "$0")/../simulators.sh"

M=io.confluent.kafka.server
hour=(-i 2025-09-02T00:00:00Z/PT1H)
ids() { seq -s, -f "lkc-%04.0f" "$1" "$2"; } # FROM TO
query() { ccm-fetch query -s stats "${hour[@]}" "$@"; }
stat_of() { jq -c ".$1" stats; }
requests() { cloud GET log | grep -c .; }
# reset_cloud: no faults, nobody refused, an empty log
reset_cloud() {
	no_faults
	refuse_ids
	forget_requests
}

start_cloud -b TOKEN-1 -c 1000

# ---- points ------------------------------------------------------------------

run query -m $M/request_bytes -r kafka.id=lkc-0001 -g principal_id
is "$status $(head -1 out | sed 's/:[0-9.]*}$/:N}/')" \
	"0 {\"metric\":\"$M/request_bytes\",\"resource.kafka.id\":\"lkc-0001\",\"timestamp\":\"2025-09-02T00:00:00Z\",\"metric.principal_id\":\"sa-0001\",\"value\":N}" \
	"a point is the API's, with its metric, and the resource that the filter fixes"
sort out >flat
jq -c 'del(.metric)' flat >flat.api
printf '%s\n' '{"format":"GROUPED","aggregations":[{"metric":"'$M'/request_bytes"}],"filter":{"field":"resource.kafka.id","op":"EQ","value":"lkc-0001"},"granularity":"PT1H","group_by":["metric.principal_id"],"intervals":["2025-09-02T00:00:00Z/PT1H"]}' |
	ccm-fetch query | jq -cS . | sort >grouped
diff <(jq -cS . flat | sort) grouped >"diff"
ok $? "the GROUPED format gives the same points as FLAT"
run query -m $M/request_bytes -r kafka.id=lkc-0001,lkc-0002 -g principal_id
is "$status $(jq -r '."resource.kafka.id"' out | sort | uniq -c | tr -s ' \n' ' ')" "0  4 lkc-0001 4 lkc-0002 " \
	"several resources are one request, and each point tells whose it is"
is "$(requests)" 3 "so far there were three requests"
is "$(cloud GET log | tail -1 | jq -r .body | jq -c '[.group_by, .limit]')" \
	'[["resource.kafka.id","metric.principal_id"],1000]' "... grouped by the resource, with the largest pages"
forget_requests
run query -m $M/request_bytes -r kafka.id="$(ids 1 1000)" -g metric.principal_id
is "$status $(wc -l <out) $(sort -u out | wc -l) $(stat_of requests)" "0 4000 4000 4" "1,000 clusters of four principals take four requests"
run query -l 7 -m $M/request_bytes -r kafka.id="$(ids 1 5)" -g metric.principal_id
is "$status $(sort -u out | wc -l) $(stat_of requests)" "0 20 3" "-l: pages are as small as one likes, and all of them are fetched"
run query -m $M/request_bytes -m $M/response_bytes -m $M/retained_bytes -r kafka.id=lkc-0001 -g metric.nope
is "$status $(stat_of refused)" "69 3" "a label that the API does not know is refused for good, for each metric"
like "$(cat err)" "the API refused the query: HTTP 400" "... and told"
reset_cloud

bodies() { # METRIC...
	local m
	for m; do
		printf '{"aggregations":[{"metric":"%s/%s"}],"filter":{"op":"OR","filters":[%s]},"granularity":"PT1H","group_by":["resource.kafka.id"],"intervals":["2025-09-02T00:00:00Z/PT1H"]}\n' \
			$M "$m" "$(for i in 1 2 3 4; do printf '{"field":"resource.kafka.id","op":"EQ","value":"lkc-000%d"},' $i; done | sed 's/,$//')"
	done
}
bodies request_bytes response_bytes >two
run ccm-fetch query -s stats < <(head -1 two; echo nonsense; echo '{"a":1}'; tail -1 two)
is "$status $(wc -l <out) $(grep -c ^ccm-fetch:\ stdin err)" "65 8 2" "a bad body is told with its line, and stops nothing"
is "$(cloud GET log | head -1 | jq -r .body)" "$(head -1 two | sed 's/}$/,"limit":1000}/')" "a body is sent as it is, but for a missing limit"
reset_cloud

run ccm-fetch descriptors metrics
is "$status $(jq -r .name out | grep -c ^io.confluent)" "0 $(wc -l <out)" "descriptors metrics: one a line, all pages"
run ccm-fetch descriptors metrics -r compute_pool
is "$(grep -c flink out) $(grep -c kafka.server out)" "$(wc -l <out) 0" "descriptors metrics -r: of one type of resource"
run ccm-fetch descriptors resources
is "$(jq -r .type out | grep -cx kafka)" 1 "descriptors resources"
run ccm-fetch attributes -m $M/retained_bytes -g metric.topic -r kafka.id=lkc-0001 "${hour[@]}"
is "$status $(jq -r '."metric.topic"' out | wc -l)" "0 5" "attributes: the values of a label"

# ---- credentials -------------------------------------------------------------

forget_requests
is "$(ccm-fetch descriptors resources | wc -l) $(env -u CONFLUENT_METRICS_API_KEY -u CONFLUENT_METRICS_API_SECRET CONFLUENT_METRICS_TOKEN=TOKEN-1 ccm-fetch descriptors resources | wc -l)" \
	"7 7" "a key and its secret, or a token"
printf 'KEY\n' >key
printf s3cret-api >secret
is "$(env -u CONFLUENT_METRICS_API_KEY -u CONFLUENT_METRICS_API_SECRET CONFLUENT_METRICS_API_KEY_FILE=key CONFLUENT_METRICS_API_SECRET_FILE=secret ccm-fetch descriptors resources | wc -l)" 7 "both from files"
CONFLUENT_METRICS_API_SECRET=wrong-one run query -m $M/request_bytes -m $M/response_bytes -r kafka.id=lkc-0001,lkc-0002
is "$status $(grep -c 'HTTP 401' err) $(grep -c wrong-one err) $(stat_of requests)" "77 1 0 1" "a wrong secret: exit 77, told once with the key and not the secret, and not split"
like "$(cat err)" "refused key KEY: HTTP 401: Invalid credentials" "... and what the API said"
bad_config() { # NAME MESSAGE VARIABLE=VALUE...
	local name=$1 message=$2
	shift 2
	run env "$@" ccm-fetch descriptors resources
	is "$status $(grep -c "$message" err)" "78 1" "$name: exit 78"
}
bad_config "no key" "CONFLUENT_METRICS_API_KEY is not set" CONFLUENT_METRICS_API_KEY=
bad_config "no secret" "CONFLUENT_METRICS_API_SECRET is not set" CONFLUENT_METRICS_API_SECRET=
bad_config "a key and a token" "both given" CONFLUENT_METRICS_TOKEN=TOKEN-1
bad_config "a key and a file of one" "CONFLUENT_METRICS_API_KEY_FILE are both given" CONFLUENT_METRICS_API_KEY_FILE=key
bad_config "a file that is not there" "cannot read nope" CONFLUENT_METRICS_API_KEY= CONFLUENT_METRICS_API_KEY_FILE=nope
bad_config "a key with a colon" 'has a ":"' CONFLUENT_METRICS_API_KEY=a:b
bad_config "a secret with a newline" "control character" CONFLUENT_METRICS_API_SECRET=$'a\nb'
bad_config "plain http to elsewhere" "plain http" CONFLUENT_METRICS_HOST=http://api.example
bad_config "a host that is no URL" "it takes" CONFLUENT_METRICS_HOST=ftp://x
bad_config "a host with a password" "user name" CONFLUENT_METRICS_HOST=https://a:b@x
bad_config "a CA file that is not there" "CONFLUENT_METRICS_CAFILE" CONFLUENT_METRICS_CAFILE=nope
bad_config "requests that are no number" "CONFLUENT_METRICS_REQUESTS_PER_MINUTE" CONFLUENT_METRICS_REQUESTS_PER_MINUTE=many
bad_config "a log level that is none" "GLOBAL_LOG_LEVEL" GLOBAL_LOG_LEVEL=LOUD

# ---- one bad id --------------------------------------------------------------

reset_cloud
refuse_ids lkc-0037
run query -m $M/request_bytes -m $M/response_bytes -m $M/retained_bytes -r kafka.id="$(ids 1 64)" -g resource.kafka.id
is "$status $(wc -l <out) $(grep -c 'lkc-0037.*HTTP 403' err) $(stat_of "refused_resources|map(.id)")" "77 189 1 [\"lkc-0037\"]" \
	"one cluster of 64 is refused: it is named once, the others' values arrive, exit 77"
is "$(($(stat_of requests) <= 3 + 2 * 6 + 2))" 1 "... at the cost of 2 log2(64) + 2 requests at most ($(stat_of requests) in all)"
refuse_ids lkc-0001 lkc-0002 lkc-0003 lkc-0004
run query -m $M/request_bytes -r kafka.id="$(ids 1 4)" -g resource.kafka.id
is "$status $(wc -l <out) $(stat_of refused) $(stat_of 'refused_resources|length')" "77 0 1 4" "all are refused"
refuse_ids lkc-0002
run query -m $M/request_bytes -r kafka.id=lkc-0002 -m $M/response_bytes
is "$status $(stat_of requests) $(stat_of refused)" "77 1 2" "a cluster that is refused is not asked for again in a run"
# Its points do not tell the cluster: what is left has to be asked as a whole.
run ccm-fetch query -s stats < <(bodies request_bytes | sed 's/"resource.kafka.id"\],"int/"metric.type"],"int/')
is "$status $(jq -r '."metric.type"' out | sort | uniq -d | wc -l) $(wc -l <out | tr -d ' ')" \
	"77 0 $(printf '%s' "$(bodies request_bytes | sed 's/"resource.kafka.id"\],"int/"metric.type"],"int/; s/{"field":"resource.kafka.id","op":"EQ","value":"lkc-0002"},//')" | ccm-fetch query | tee whole | wc -l)" \
	"where points do not tell their cluster, the rest is asked as a whole"
diff <(sort out) <(sort whole) >"diff"
ok $? "... and its sums are those of the rest"

reset_cloud
run query -m $M/no_such_metric -r kafka.id="$(ids 1 64)"
is "$status $(($(stat_of requests) <= 9)) $(stat_of refused_resources)" "69 1 []" "a bad query is found to be bad by a few requests ($(stat_of requests)), and no cluster is blamed"

for mode in 400 404 drop; do
	start "$SIM/sim-cloud" -k KEY:s3cret-api -r 0 -n "$CCM_NOW" -c 16 -x $mode >other.url
	until_true 10 [ -s other.url ]
	first_url=$CONFLUENT_METRICS_HOST CONFLUENT_METRICS_HOST=$(<other.url)
	refuse_ids lkc-0001
	run query -m $M/request_bytes -m $M/response_bytes -r kafka.id="$(ids 1 16)" -g resource.kafka.id
	points=$(wc -l <out)
	case $mode in
	400) is "$status $points $(grep -c 'lkc-0001.*HTTP 403' err)" "77 30 1" "an unknown id that makes the API say 400 costs only itself" ;;
	404) is "$status $points $(grep -c 'WARN.*lkc-0001: no data points' err)" "0 30 1" "a 404 of the API is no data, for one of several" ;;
	drop) is "$status $points $(grep -c 'WARN.*lkc-0001: no data points' err) $(stat_of requests)" "0 30 1 2" "an id that the API leaves out is told in one line" ;;
	esac
	CONFLUENT_METRICS_HOST=$first_url
done

reset_cloud
for id in lkc-0001 lkc-0011; do
	reset_cloud
	fault '{"path":"query","match":"'$id'","times":-1,"fault":{"status":400}}'
	run query -m $M/request_bytes -m $M/response_bytes -r kafka.id="$(ids 1 16)" -g resource.kafka.id
	is "$status $(wc -l <out) $(stat_of "refused_resources|map(.id)")" "69 30 [\"$id\"]" "a cluster that gets the same 400 alone as the whole did, and no other: it is to blame ($id)"
done

# ---- faults: a query's points are there all, or not at all -------------------

reset_cloud
query -m $M/request_bytes -r kafka.id="$(ids 1 300)" -g principal_id -l 500 2>/dev/null | sort >all
survives() { # NAME FAULT: once, in the second of three pages
	reset_cloud
	fault '{"path":"query","after":1,"times":1,"fault":'"$2"'}'
	run query -m $M/request_bytes -r kafka.id="$(ids 1 300)" -g principal_id -l 500
	diff <(sort out) all >"diff"
	is "$? $status $(stat_of requests)" "0 0 ${3:-4}" "survived: $1"
}
survives "a 503" '{"status":503}'
survives "a 500 with a page" '{"status":500,"body":"<html>oops</html>"}'
survives "a 429 without headers" '{"status":429,"headers":{}}'
survives "a 429 with Retry-After" '{"retry_after":1}'
survives "a body that is cut" '"cut"'
survives "a body that is cut at once" '{"cut":1}'
survives "a connection that is reset" '"reset"'
survives "JSON that ends early" '"truncated_json"'
survives "HTML instead of JSON" '"html"'
survives "a page token that has expired" '"token_expired"' 6
is "$(stat_of points)" 1200 "... which begins the query anew"
survives "a 403 behind the first page" '{"status":403}' 5
survives "a 404 of the API behind the first page" '{"status":404}' 5
CONFLUENT_METRICS_TIMEOUT=1 survives "silence" '{"stall":60}'
CONFLUENT_METRICS_TIMEOUT=1 survives "silence in the middle of a body" '{"stall":60,"headers":true}'
reset_cloud
fault '{"path":"query","match":"response_bytes","times":-1,"fault":{"status":401}}'
run query -m $M/request_bytes -m $M/response_bytes -r kafka.id="$(ids 1 300)" -g principal_id -l 100
is "$status $(wc -l <out)" "77 0" "a 401 to one query leaves no half of another that was under way"
reset_cloud
fault '{"path":"query","fault":{"redirect":"'"$CONFLUENT_METRICS_HOST"'/v2/metrics/cloud/query","status":307}}'
run query -m $M/request_bytes -r kafka.id=lkc-0001
is "$status $(wc -l <out) $(stat_of requests)" "0 1 2" "a redirect is followed, and counted"
fault '{"path":"query","fault":{"redirect":"http://localhost:'"${CONFLUENT_METRICS_HOST##*:}"'/v2/metrics/cloud/query","status":301}}'
forget_requests
run query -m $M/request_bytes -r kafka.id=lkc-0001
is "$status $(cloud GET log | tail -1 | jq -c .credentials)" "77 false" "credentials do not follow to another host"

reset_cloud
fault '{"path":"query","match":"response_bytes","times":-1,"fault":{"status":503}}'
run query -m $M/request_bytes -m $M/response_bytes -r kafka.id="$(ids 1 3)" -g resource.kafka.id
is "$status $(wc -l <out) $(grep -c 'gave up after 5 attempts' err) $(stat_of requests)" "75 3 1 6" "five attempts, then exit 75; the other query is answered"
run query -e owed -m $M/request_bytes -m $M/response_bytes -r kafka.id="$(ids 1 3)" -g resource.kafka.id
is "$status $(wc -l <out) $(wc -l <owed) $(stat_of owed)" "0 3 1 1" "with -e it is owed, and that is success"
no_faults
run ccm-fetch query <owed
is "$status $(jq -r .metric out | sort | uniq -c | tr -s ' ')" "0  3 $M/response_bytes" "what is owed can be asked as it is"

reset_cloud
refuse_ids lkc-0004
fault '{"path":"query","match":"\"filter\":{\"field\":\"resource.kafka.id\",\"op\":\"EQ\",\"value\":\"lkc-0003\"","times":-1,"fault":{"status":503}}'
rm -f owed
run query -e owed -m $M/request_bytes -r kafka.id="$(ids 1 4)" -g resource.kafka.id
is "$status $(cat out owed | jq -r '."resource.kafka.id" // .filter.filters[].value' | tr '\n' ' ')" "0 lkc-0001 lkc-0002 lkc-0003 lkc-0004 " \
	"of a query that was split, what could be answered is, and only the rest is owed"

reset_cloud
fault '{"path":"query","times":-1,"fault":{"retry_after":600}}'
rm -f owed
run query -e owed -m $M/request_bytes -m $M/response_bytes -r kafka.id="$(ids 1 3)"
is "$status $(wc -l <owed) $(stat_of requests) $(requests)" "0 2 1 1" "a Retry-After of ten minutes is not slept through: all is owed at once"
run query -m $M/request_bytes -r kafka.id=lkc-0001
is "$status $(stat_of requests)" "75 0" "... and obeyed by other runs on the machine"
rm -rf "$CCM_RATE_DIR"
reset_cloud
fault '{"path":"query","fault":"html404"}'
run query -e owed2 -m $M/request_bytes -r kafka.id=lkc-0001
is "$status $(wc -l <owed2) $(stat_of answered)" "0 1 0" "a 404 that is not the API's is no answer: the query is owed"
fault '{"path":"query","fault":"html404"}'
run query -m $M/request_bytes -r kafka.id=lkc-0001
is "$status $(grep -c 'not from the Metrics API' err)" "69 1" "... and without -e exit 69"
reset_cloud
CONFLUENT_METRICS_HOST=http://127.0.0.1:1 run query -m $M/request_bytes -r kafka.id=lkc-0001
is "$status" 75 "nobody listens: exit 75"
query -m $M/request_bytes -r kafka.id=lkc-0001 >/dev/full 2>err
is "$? $(cat err)" "74 ccm-fetch: ERROR: cannot write to standard output: No space left on device" "a full disk is told, exit 74"

# ---- https -------------------------------------------------------------------

openssl req -x509 -newkey rsa:2048 -nodes -keyout tls.key -out tls.crt -days 2 \
	-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
start "$SIM/sim-cloud" -k KEY:s3cret-api -r 0 -n "$CCM_NOW" -C tls.crt -K tls.key >tls.url
until_true 10 [ -s tls.url ]
plain_url=$CONFLUENT_METRICS_HOST CONFLUENT_METRICS_HOST=$(<tls.url)
CONFLUENT_METRICS_CAFILE=tls.crt run query -m $M/request_bytes -r kafka.id=lkc-0001
is "$status $(wc -l <out)" "0 1" "https, with CONFLUENT_METRICS_CAFILE"
run query -m $M/request_bytes -r kafka.id=lkc-0001
is "$status $(grep -ci certificate err) $(stat_of requests)" "69 1 1" "a certificate that nobody vouches for is told at once"

# A proxy that does what CONNECT says and writes it to its log.
# shellcheck disable=SC2016 # the dollars are Perl's
start perl -MIO::Socket::INET -MIO::Select -e '
	$| = 1;
	my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1") or die;
	print $listener->sockport, "\n";
	while (my $client = $listener->accept) {
		my $line = <$client>;
		print STDERR $line;
		while (<$client>) { last if /^\r?\n$/ }
		my ($to) = $line =~ /^CONNECT (\S+)/ or next;
		my $server = IO::Socket::INET->new($to) or next;
		syswrite $client, "HTTP/1.1 200 OK\r\n\r\n";
		my $both = IO::Select->new($client, $server);
		RELAY: while (my @ready = $both->can_read(20)) {
			for my $from (@ready) {
				sysread($from, my $bytes, 65536) or last RELAY;
				syswrite $from == $client ? $server : $client, $bytes;
			}
		}
	}' >proxy.port 2>proxy.log
until_true 10 [ -s proxy.port ]
export CONFLUENT_METRICS_CAFILE=tls.crt CONFLUENT_METRICS_HOST=https://localhost:${CONFLUENT_METRICS_HOST##*:}
https_proxy=http://127.0.0.1:$(<proxy.port) run query -m $M/request_bytes -r kafka.id=lkc-0001
is "$status $(wc -l <out) $(tr -d '\r' <proxy.log)" "0 1 CONNECT ${CONFLUENT_METRICS_HOST#https://} HTTP/1.1" "https_proxy is used"
https_proxy=http://127.0.0.1:1 NO_PROXY=localhost run query -m $M/request_bytes -r kafka.id=lkc-0001
is "$status $(wc -l <out)" "0 1" "... and not for what NO_PROXY names"
unset CONFLUENT_METRICS_CAFILE
CONFLUENT_METRICS_HOST=$plain_url

# ---- large pages, and what one must not see ----------------------------------

run ccm-fetch query -m $M/request_bytes -r kafka.id="$(ids 1 250)" -g principal_id -G PT1M -i 2025-09-01T19:00:00Z/PT6H
is "$status $(wc -l <out) $(sort -u out | wc -l)" "0 360000 360000" "a page of 360,000 points"
GLOBAL_LOG_LEVEL=DEBUG run query -m $M/request_bytes -r kafka.id=lkc-0001
is "$(grep -c s3cret-api err)" 0 "the secret is in no message, at DEBUG neither"
fault '{"path":"query","fault":{"slow":2000}}'
query -m $M/request_bytes -r kafka.id=lkc-0001 >/dev/null 2>&1 &
until_true 5 grep -qa ccm-fetch /proc/$!/cmdline /proc/$!/task/*/children
is "$(grep -la '[s]3cret-api' /proc/[0-9]*/cmdline 2>/dev/null | while read -r f; do tr '\0' ' ' 2>/dev/null <"$f"; echo; done | grep -vc sim-cloud)" 0 "nor in an argument of a process"
wait $!

# ---- usage -------------------------------------------------------------------

for a in "" "nope" "query -m x -G PT2M" "query -m x -i yesterday" "query -m x -G PT1M -i now-7h/now" \
	"query -m x -r kafka" "query -m x -r kafka.id=" "query -m x -l 0" "query -m x -l 1001" "query -r kafka.id=x" \
	"query extra" "query -Z" "descriptors" "descriptors nope" "descriptors resources -r kafka" \
	"attributes -m x -g y" "attributes -m x -r kafka.id=x" "query -m"; do
	# shellcheck disable=SC2086 # split on purpose
	run ccm-fetch $a </dev/null
	is "$status $(wc -l <err)" "64 1" "ccm-fetch $a is refused"
done
like "$(ccm-fetch -h)" "^usage: ccm-fetch query" "-h prints the usage"
like "$(ccm-fetch query -h)" "^usage: ccm-fetch query" "... behind a command too"
like "$(ccm-fetch -V)" "^ccm-fetch [0-9]" "-V prints the version"
run ccm-fetch query </dev/null
is "$status $(wc -c <out)" "0 0" "no bodies, no points"

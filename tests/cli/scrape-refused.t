#!/usr/bin/env bash
# ccm-scrape where something refuses a query in the middle of an hour: a key that
# was revoked, or a proxy that is not the API. Nothing of that is final.
# shellcheck source=tests/simulators.sh
. "$(dirname "$0")/../simulators.sh"

start_kafka -b 1
start_cloud -c 6
export CONFLUENT_METRICS_CLUSTER_ID_LIST=lkc-0001,lkc-0002,lkc-0003,lkc-0004,lkc-0005,lkc-0006
ccm-scrape 2>err
is "$(hours)" 2025-09-02T00Z "there is a state"

hour=1
page='<html><body>Access denied by the company proxy</body></html>'
while IFS='|' read -r name fault wanted; do
	forget_topic
	printf -v hour %02d $((10#$hour))
	expect "$hour"
	fault "{\"match\":\"response_bytes\",\"times\":-1,\"fault\":$fault}"
	run ccm-scrape
	is "$status" "$wanted" "$name to the second query: status $wanted"
	no_faults
	run ccm-scrape
	is "$status" 0 "... the next run: status 0"
	as_wanted "... and all of $(wc -l <wanted) values are on the topic, once"
	hour=$((10#$hour + 1))
done <<END
401|{"status":401}|77
407|{"status":407,"body":"$page"}|77
413|{"status":413,"body":"$page"}|75
a proxy's 400|{"status":400,"body":"$page"}|75
a proxy's 403|{"status":403,"body":"$page"}|75
a page instead of an answer|"html"|75
a page with 404|"html404"|75
END

# ---- the same to what is owed

forget_topic
printf -v hour %02d $((10#$hour))
expect "$hour"
fault '{"match":"response_bytes","times":-1,"fault":{"status":503}}'
ccm-scrape 2>err
no_faults
fault "{\"times\":-1,\"fault\":{\"status\":403,\"body\":\"$page\"}}"
run ccm-scrape
is "$status" 75 "a proxy's 403 to what an hour owes: status 75"
is "$(last_run .owed_bodies)" 1 "... it stays owed"
no_faults
run ccm-scrape
is "$status" 0 "... and comes when the proxy is gone"
as_wanted "... once"

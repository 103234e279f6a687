#!/usr/bin/env bash
# The sample queries of the guide to Flink's and Kafka's metrics, as a user
# copies them: PT1M, an OR with one element, limit without groups, an interval
# with an offset of its time zone. They are sent as they are.
. "$(dirname "$0")/../simulators.sh"

# sample METRIC LABEL ID: the guide's body, over its lines
sample() {
	cat <<END
{
	"aggregations": [
		{
			"metric": "$1"
		}
	],
	"filter": {
		"op": "OR",
		"filters": [
			{
				"field": "$2",
				"op": "EQ",
				"value": "$3"
			}
		]
	},
	"granularity": "PT1M",
	"intervals": [
		"2024-07-15T13:02:00-05:00/2024-07-15T14:02:00-05:00"
	],
	"limit": 1000
}
END
}

# METRIC LABEL ID TAG, and the values of two minutes
pool=resource.compute_pool.id
cat >samples <<END
io.confluent.flink/compute_pool_utilization/current_cfus $pool lfcp-6zz708 compute_pool_id 4 5
io.confluent.flink/compute_pool_utilization/cfu_minutes_consumed $pool lfcp-6zz708 compute_pool_id 4.5 0.25
io.confluent.flink/compute_pool_utilization/cfu_limit $pool lfcp-6zz708 compute_pool_id 50 50
io.confluent.flink/num_records_in $pool lfcp-6zz708 compute_pool_id 1204 0
io.confluent.flink/num_records_out $pool lfcp-6zz708 compute_pool_id 17 3
io.confluent.flink/pending_records $pool lfcp-6zz708 compute_pool_id 0 9007199254740993
io.confluent.kafka.server/received_bytes resource.kafka.id lkc-100dq5 cluster_id 1048576 2
END
while read -r metric label id _ first second; do
	printf '{"metric":"%s","%s":"%s","timestamp":"2024-07-15T%s:00Z","value":%s}\n' \
		"$metric" "$label" "$id" 18:02 "$first" "$metric" "$label" "$id" 19:01 "$second" \
		"$metric" "$label" "$id" 18:01 77 "$metric" "$label" "$id" 19:02 77
done <samples | jq -s . >table.json
# jq of Debian 12 rounds what a double cannot hold.
sed -i 's/9007199254740992/9007199254740993/' table.json

export CCM_NOW=2024-07-15T19:30:00Z
start_cloud -w table.json
while read -r metric label id tag first second; do
	sample "$metric" "$label" "$id" | tr -d '\n' >body
	forget_requests
	run ccm-fetch query <body
	is "$status $(wc -l <out)" "0 2" "$metric: the sample query is answered"
	is "$(cloud GET log | jq -r .body)" "$(<body)" "... and was sent as it is"
	name=${metric#io.}
	name=${name//[.\/]/_}
	ccm-normalize <out >records
	is "$(<records)" \
		"{\"fields\":{\"value\":$first},\"name\":\"$name\",\"tags\":{\"$tag\":\"$id\"},\"timestamp\":1721066520000}
{\"fields\":{\"value\":$second},\"name\":\"$name\",\"tags\":{\"$tag\":\"$id\"},\"timestamp\":1721070060000}" \
		"... and comes out as records"
	run ccm-promfmt <records
	is "$status $(grep -v '^#' out)" "0 $name{$tag=\"$id\"} $second 1721070060000" \
		"... and as Prometheus text, the newest value"
done <samples

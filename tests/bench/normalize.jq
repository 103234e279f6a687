# ccm-normalize in jq. Input: a point; output: its record.
{ fields: { value },
  name: (.metric | ltrimstr("io.") | gsub("[./]"; "_")),
  tags: (to_entries
    | map(select(.key | IN("metric", "timestamp", "value") | not)
      | .key |= (if . == "resource.kafka.id" then "cluster_id"
          elif . == "metric.principal_id" then "principal"
          else sub("^(metric|resource)\\."; "") | gsub("\\."; "_") end))
    | from_entries),
  timestamp: (.timestamp | fromdateiso8601 * 1000) }

# ccm-key in jq (-rR). Input: a record's line; output: KEY, a tab, the line.
. as $line
| fromjson
| (.tags.topic // .tags.principal // .tags.principal_id
    // (.tags | to_entries | .[0].value)) as $tag
| ([.name, $tag] | map(values) | join(":") | gsub("[\u0000-\u001f]"; tojson[1:-1]))
  + "\t" + $line

"""Reads messages as ccm-consume gives them with fastavro, writes them again and
compares: fastavro-check.py SCHEMA < messages."""
import io
import json
import sys

import fastavro

schema = fastavro.parse_schema(json.load(open(sys.argv[1])))
source = sys.stdin.buffer
count = 0
while head := source.readline():
    _, _, _, key_len, value_len = map(int, head.split(b"\t"))
    source.read(key_len)
    value = source.read(value_len)
    metric = fastavro.schemaless_reader(io.BytesIO(value[5:]), schema, schema)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, metric)
    assert out.getvalue() == value[5:], metric
    count += 1
print(count, "messages")

#!/usr/bin/python3
"""Line protocol for the tests: what records have to become, and what an InfluxDB
has of them, in one form.

lineprotocol.py expected [MEASUREMENT] < records
lineprotocol.py influx < answer of SELECT * FROM /.*/ GROUP BY *, in nanoseconds
    Both write a line of JSON for each point, sorted: measurement, tags, field,
    value, nanoseconds (null: the time of writing). Without measurements that
    have a backslash: InfluxDB takes them, but does not show all of them.
"""
import json
import re
import sys

NOW_NS = 1760000000 * 10**9  # later than all times of the tests' records


def text(value, special="[,= ]"):
    # Of backslashes before a special character, the last one is a blank where
    # they are odd; at the end there is a blank behind them where they are not.
    value = re.sub(r"\\+(?=%s|$(?!\n))" % special, lambda m: m[0][:-1] + " " if len(m[0]) % 2 else m[0], value)
    value = re.sub(r"\\+$(?!\n)", lambda m: m[0] + " ", value)
    return value.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


def shown(name):
    # What InfluxDB takes for an escape when it shows a measurement or a field.
    return name.replace('\\"', '"').replace("\\=", "=")


def expected(prefix=None):
    points = {}
    for line in sys.stdin:
        record = json.loads(line)
        name = record["name"]
        field = "value"
        if prefix is not None:
            field = name[len(prefix) + 1:] if name.startswith(prefix + "_") and len(name) > len(prefix) + 1 else name
            name = prefix
        elif name.startswith("#"):
            continue
        tags = {text(k): text(v) for k, v in record["tags"].items() if k and v}
        if len(tags) < sum(1 for k, v in record["tags"].items() if k and v):
            continue
        value = record["fields"]["value"] if "fields" in record else record["value"]
        ns = record["timestamp"] * 10**6 if "timestamp" in record else None
        points[json.dumps([shown(text(name, "[, ]")), tags, shown(text(field)), ns], sort_keys=True)] = value
    for point, value in points.items():
        name, tags, field, ns = json.loads(point)
        yield [name, tags, field, float(value), ns]


def influx():
    for series in json.load(sys.stdin)["results"][0].get("series", []):
        # A point lacks the tags that it shows as empty.
        tags = {k: v for k, v in series.get("tags", {}).items() if v}
        for values in series["values"]:
            ns, *values = values
            for field, value in zip(series["columns"][1:], values):
                if value is not None:
                    yield [series["name"], tags, field, float(value), None if ns > NOW_NS else ns]


command, *arguments = sys.argv[1:]
sys.stdin.reconfigure(encoding="utf-8", newline="\n")
points = {"expected": expected, "influx": influx}[command](*arguments)
print("\n".join(sorted(json.dumps(point, sort_keys=True) for point in points if "\\" not in point[0])))

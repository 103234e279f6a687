#!/usr/bin/python3
"""Expositions for the tests: made at random, and read by the official parsers.

exposition.py generate prometheus|openmetrics SEED COUNT
    Writes COUNT samples, hostile label values and all; 0.0.4 with odd blanks.
exposition.py records SEED COUNT
    Writes COUNT records and client metrics with hostile names.
exposition.py parse prometheus|openmetrics
    Reads an exposition by prometheus_client; writes a line of JSON for each
    sample: name, labels, value, milliseconds (or null); sorted.
exposition.py families prometheus|openmetrics
    The same with a line for each family: name, type, HELP, number of samples.
exposition.py flatten
    Writes records in the form of parse.
exposition.py expected
    Writes in that form what an exposition of records has to hold: names valid,
    equal labels joined, the newest sample of a series.
"""
import json
import math
import random
import re
import sys

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client import parser as prometheus

PARSERS = {"prometheus": prometheus, "openmetrics": openmetrics}
HOSTILE = ['"', "\\", "\n", "}", "{", ",", "=", "#", " ", "\t", "\r", "\x01",
           "\x7f", "\x85", "\u2028", "é", "\U0001f41f", "\\n", '="', '",', '"} 1', "a", "Z", "_"]
MINUTE_MS = 1756900800000


def hostile(rng, most=8):
    return "".join(rng.choice(HOSTILE) for _ in range(rng.randrange(most)))


def escape(text, quotes=True):
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quotes else text


def number(rng):
    value = rng.choice([rng.randrange(-10, 10), rng.randrange(10**15), rng.random(),
                        rng.random() * 10.0 ** rng.randrange(-300, 300), 0.0])
    text = rng.choice([repr(value), repr(float(value)), "%e" % value, "%E" % value])
    return rng.choice(["NaN", "+Inf", "-Inf"]) if rng.random() < 0.05 else text


def generate(form, rng, count):
    strict = form == "openmetrics"
    blank = (lambda: " ") if strict else (lambda: rng.choice([" ", "  ", "\t", " \t "]))
    gap = (lambda: "") if strict else (lambda: rng.choice(["", "", " ", "\t"]))
    family = None
    for i in range(count):
        if family is None or rng.random() < 0.2:
            family = rng.choice(["", "a:", "_", "confluent_"]) + "m%d" % i
            series = 0
            help_line = "# HELP %s %s\n" % (family, escape("a" + hostile(rng), strict) + "b")
            type_line = "# TYPE %s gauge\n" % family
            sys.stdout.write(type_line + help_line if strict else help_line + type_line)
            if not strict and rng.random() < 0.2:
                sys.stdout.write(rng.choice(["\n", "# comment\n", "#\n"]))
        series += 1
        labels = {"series": str(series)}
        for _ in range(rng.randrange(4)):
            labels[rng.choice(["a", "B", "_c", "le", "d9"])] = hostile(rng)
        items = ["%s%s=%s\"%s\"%s" % (name, gap(), gap(), escape(value), gap()) for name, value in labels.items()]
        rng.shuffle(items)
        text = family + gap() + "{" + gap() + ("," + gap()).join(items)
        text += ("" if strict else rng.choice(["", ","])) + gap() + "}" + blank() + number(rng)
        if rng.random() < 0.8:
            ms = MINUTE_MS + rng.randrange(10**6)
            seconds = "%d.%03d" % (ms // 1000, ms % 1000)
            text += blank() + (seconds if strict else str(ms))
        sys.stdout.write(text + gap() + "\n")
    if strict:
        sys.stdout.write("# EOF\n")


def records(rng, count):
    for _ in range(count):
        name = rng.choice(["", "9", "_", "__", "confluent_", "io.x/"]) + hostile(rng) + str(rng.randrange(count))
        tags = {rng.choice(["", "_", "__", "7"]) + hostile(rng, 3): hostile(rng) for _ in range(rng.randrange(5))}
        value = json.loads(number(rng).replace("NaN", "1").replace("+Inf", "2").replace("-Inf", "3"))
        record = {"name": name, "tags": tags}
        record.update({"fields": {"value": value}} if rng.random() < 0.5 else {"value": value})
        if rng.random() < 0.9:
            record["timestamp"] = MINUTE_MS + rng.randrange(10**6)
        print(json.dumps(record, ensure_ascii=rng.random() < 0.5))


def line(name, labels, value, ms):
    value = float(value)
    return json.dumps([name, labels, value if math.isfinite(value) else str(value), ms], sort_keys=True)


def families(form):
    with open(0, encoding="utf-8", newline="\n") as stdin:
        yield from PARSERS[form].text_fd_to_metric_families(stdin)


def parse(form):
    for family in families(form):
        for s in family.samples:
            ms = None if s.timestamp is None else round(float(s.timestamp) * 1000)
            yield line(s.name, s.labels, s.value, ms)


def flatten():
    with open(0, encoding="utf-8", newline="\n") as stdin:
        for text in stdin:
            r = json.loads(text)
            yield line(r["name"], r["tags"], r["fields"]["value"], r["timestamp"])


def valid(name, forbidden):
    name = re.sub(forbidden, "_", name)
    return "_" + name if name == "" or name[0].isdigit() else name


def expected():
    newest = {}
    with open(0, encoding="utf-8", newline="\n") as stdin:
        for text in stdin:
            r = json.loads(text)
            labels = {}
            for name, value in sorted(r["tags"].items()):
                name = re.sub("^_+", "_", valid(name, "[^A-Za-z0-9_]"))
                labels[name] = labels[name] + ";" + value if name in labels else value
            series = valid(r["name"], "[^A-Za-z0-9_:]"), tuple(sorted(labels.items()))
            ms = r.get("timestamp", math.inf)
            if series not in newest or ms >= newest[series][1]:
                newest[series] = r["fields"]["value"] if "fields" in r else r["value"], ms
    for (name, labels), (value, ms) in newest.items():
        yield line(name, dict(labels), value, None if ms == math.inf else ms)


command, *arguments = sys.argv[1:]
sys.stdout.reconfigure(encoding="utf-8", newline="\n")
if command == "generate":
    generate(arguments[0], random.Random(arguments[1]), int(arguments[2]))
elif command == "records":
    records(random.Random(arguments[0]), int(arguments[1]))
elif command == "families":
    for f in families(arguments[0]):
        print(json.dumps([f.name, f.type, f.documentation, len(f.samples)]))
else:
    lines = {"parse": parse, "flatten": flatten, "expected": expected}[command](*arguments)
    print("\n".join(sorted(lines)))

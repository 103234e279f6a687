#!/usr/bin/python3
"""variants.py OUT FILE... - the tests of promtool, as other scrapes store them.

FILE has series with a value for each minute, as a scrape each minute stores
them without the API's timestamps. Into the directory OUT go, for each FILE,
tests of the same facts

  scrape-15, scrape-30, scrape-60
      without timestamps: each value is stored at every scrape of its minute;
  late-5, late-6
      with the API's timestamps: one value a minute, whatever the scrape
      interval is, and at the time of each check the last five or six minutes
      have not arrived. (A scrape every 15 s sees a minute five or six minutes
      later, and so does one every 60 s.) The series of ccm and of the node
      exporter have no timestamps and are not late.

Stdout has a line for each alert that is seen to fire and at a later check of
the same series not to fire, "VARIANT ALERT", and one for each label that it has
when it fires, "label ALERT LABEL".
"""

import json
import os
import re
import sys

import yaml

SCRAPES = {"scrape-15": 15, "scrape-30": 30, "scrape-60": 60}
LATE_MINUTES = {"late-5": 5, "late-6": 6}


def expand(notation):
    """promtool's notation of values to a list with one text for each value."""
    values = []
    for item in notation.split():
        parts = re.fullmatch(r"(_|stale|-?[\d.]+)(?:([+-][\d.]+)?x(\d+))?", item)
        if not parts:
            raise ValueError(f"not a value: {item}")
        first, step, times = parts.groups()
        if times is None:
            values.append(first)
        elif first == "_":
            values += ["_"] * int(times)
        else:  # the first one, and so many more
            values += [
                first if step is None else repr(float(first) + float(step) * i)
                for i in range(int(times) + 1)
            ]
    return values


def minutes(check):
    return int(re.fullmatch(r"(\d+)m", check["eval_time"]).group(1))


def has_timestamps(series):
    return series.startswith("confluent_") and not series.startswith("confluent_scrape_")


def with_values(test, change):
    """The block with the values of each series changed."""
    return {
        **test,
        "input_series": [
            {**s, "values": " ".join(change(s["series"], expand(s["values"])))}
            for s in test["input_series"]
        ],
    }


def stored_by_scrapes(test, seconds):
    """The block as a scrape each so many seconds stores it."""
    repeated = with_values(
        test, lambda _, values: [v for v in values for _ in range(60 // seconds)])
    return [{**repeated, "interval": f"{seconds}s"}]


def arriving_late(test, late):
    """A block for each check, in which the newest samples are not there yet."""
    return [
        {
            **with_values(test, lambda series, values, end=minutes(check) - late + 1:
                          values[:end] if has_timestamps(series) else values),
            "promql_expr_test": [check],
        }
        for check in test["promql_expr_test"]
    ]


def alert_of(sample):
    return re.search(r'alertname="(\w+)"', sample["labels"]).group(1)


def fired_and_resolved(test):
    fired = set()
    resolved = set()
    for check in sorted(test["promql_expr_test"], key=minutes):
        firing = {alert_of(sample) for sample in check.get("exp_samples", [])}
        resolved |= fired - firing
        fired |= firing
    return resolved


def variants_of(path):
    """The blocks as they are, and the whole file's content for each variant."""
    with open(path, encoding="utf-8") as file:
        # All of it as text, as promtool reads it: 0x30 is no number here.
        whole = yaml.load(file, yaml.BaseLoader)
    whole["rule_files"] = [
        os.path.abspath(os.path.join(os.path.dirname(path), rules))
        for rules in whole["rule_files"]
    ]
    for test in whole["tests"]:
        for check in test["promql_expr_test"]:
            for sample in check.get("exp_samples", []):
                sample["value"] = float(sample["value"])
    variants = {}
    for name, seconds in SCRAPES.items():
        variants[name] = [b for t in whole["tests"] for b in stored_by_scrapes(t, seconds)]
    for name, late in LATE_MINUTES.items():
        variants[name] = [b for t in whole["tests"] for b in arriving_late(t, late)]
    return whole["tests"], {n: {**whole, "tests": t} for n, t in variants.items()}


def main():
    out, *files = sys.argv[1:]
    for path in files:
        tests, variants = variants_of(path)
        base = os.path.basename(path).removesuffix(".yml")
        for name, content in variants.items():
            with open(f"{out}/{base}.{name}.json", "w", encoding="utf-8") as file:
                json.dump(content, file, indent=1)
            for test in tests:
                for alert in fired_and_resolved(test):
                    print(name, alert)
        for sample in (s for t in tests for c in t["promql_expr_test"]
                       for s in c.get("exp_samples", [])):
            for label in re.findall(r'(\w+)="', sample["labels"]):
                print("label", alert_of(sample), label)


main()

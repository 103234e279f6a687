"""queries.py URL VARIANT FILE... - the dashboards' queries, as Grafana sends
them, to the Prometheus at URL, which has what samples.py wrote for VARIANT.

Prints a line for each fact: 0 or 1 (wrong), a blank, what it is.
"""

import json
import sys
import urllib.parse
import urllib.request
from collections import defaultdict

import samples

RANGE = 3600


class Prometheus:
    def __init__(self, url, variant):
        self.url = url
        self.end = samples.end(variant)

    def get(self, path, **parameters):
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}") as answer:
            return json.load(answer)["data"]

    def now(self, expr):
        """{labels: value} at the end of the range."""
        result = self.get("query", query=expr, time=self.end)["result"]
        return {frozenset(s["metric"].items()): float(s["value"][1]) for s in result}

    def graph(self, expr):
        """[[value]] of a minute each. Grafana puts the points on whole minutes."""
        end = self.end // 60 * 60
        result = self.get("query_range", query=expr, start=end - RANGE, end=end, step=60)["result"]
        return [[float(v) for _, v in s["values"]] for s in result]


def filled_in(expr, names):
    """What Grafana sends: "All" is .* for each variable."""
    expr = expr.replace("$__interval", "1m").replace("$__range", f"{RANGE}s")
    for name in names:
        expr = expr.replace(f"${name}", ".*")
    assert "$" not in expr, expr
    return expr


def total(metric, *by):
    """What the API's own values of a metric add up to, by these labels."""
    sums = defaultdict(float)
    for labels, of in samples.metrics()[metric]:
        key = frozenset((name, labels[name]) for name in by)
        sums[key] += sum(of(minute) or 0 for minute in range(samples.MINUTES))
    return dict(sums)


def top_ten(sums):
    return dict(sorted(sums.items(), key=lambda item: -item[1])[:10])


KAFKA = "confluent_kafka_server_"
CFU_MINUTES = "confluent_flink_compute_pool_utilization_cfu_minutes_consumed"
DEAD_LETTERS = "confluent_kafka_connect_dead_letter_queue_records"
# What a panel with a total has to show.
TOTALS = {
    "Topics by bytes in": lambda: top_ten(total(KAFKA + "received_bytes", "kafka_id", "topic")),
    "Topics by bytes out": lambda: top_ten(total(KAFKA + "sent_bytes", "kafka_id", "topic")),
    "Principals by request bytes":
        lambda: top_ten(total(KAFKA + "request_bytes", "kafka_id", "principal_id")),
    "Principals by response bytes":
        lambda: top_ten(total(KAFKA + "response_bytes", "kafka_id", "principal_id")),
    "Dead letters in the last hour": lambda: total(DEAD_LETTERS),
    "Dead letters in the last hour by connector": lambda: total(DEAD_LETTERS, "connector_id"),
    "CFU minutes in the last hour": lambda: total(CFU_MINUTES),
    "CFU minutes in the last hour by pool": lambda: total(CFU_MINUTES, "compute_pool_id"),
    "Minutes of the last hour":
        lambda: {frozenset({("kafka_id", c)}): float(samples.MINUTES) for c in samples.CLUSTERS},
    "Retained without traffic": lambda: {frozenset({("kafka_id", "lkc-1"), ("topic", "idle")}): 123456.0},
}


def close(got, wanted, tolerance=0.02):
    return got.keys() == wanted.keys() and all(
        abs(got[key] - value) <= tolerance * value for key, value in wanted.items())


def fact(holds, text):
    print(0 if holds else 1, text)


def panel_facts(prometheus, panel, names):
    title = panel["title"]
    for target in panel["targets"]:
        what = f'{title}, {target["refId"]}'
        expr = filled_in(target["expr"], names)
        if panel["type"] == "timeseries":
            points = prometheus.graph(expr)
            # Not at the ends, where the hour begins or has not arrived.
            fact(max(map(len, points), default=0) >= 45, f"{what}: {len(points)} series")
        else:
            got = prometheus.now(expr)
            fact(len(got) > 0, f"{what}: {len(got)} series")
            if title in TOTALS:
                fact(close(got, TOTALS[title]()), f"{what}: what the API's values add up to")


def variable_facts(prometheus, variable):
    selector = variable["query"]["query"].removeprefix("label_values(").removesuffix(")")
    selector, _, label = selector.rpartition(", ")
    found = prometheus.get("series", start=prometheus.end - RANGE, end=prometheus.end,
                           **{"match[]": filled_in(selector, ["kafka_id", "compute_pool_id"])})
    fact(any(label in s for s in found), f'the variable {variable["name"]} has values')


def main():
    url, variant, *files = sys.argv[1:]
    prometheus = Prometheus(url, variant)
    seen = set()
    for name in files:
        with open(name, encoding="utf-8") as file:
            dashboard = json.load(file)
        variables = [v for v in dashboard["templating"]["list"] if v["type"] == "query"]
        names = [v["name"] for v in variables]
        for variable in variables:
            variable_facts(prometheus, variable)
        for panel in dashboard["panels"]:
            if panel["type"] != "row":
                panel_facts(prometheus, panel, names)
                seen.add(panel["title"])
    fact(TOTALS.keys() <= seen, "every total that is known is on a dashboard")
    # The rate of a graph, over the hour, is what the API's values add up to.
    rate = prometheus.graph('sum by (kafka_id) (avg_over_time('
                            'confluent_kafka_server_received_bytes{topic="topic-01"}[1m])) / 60')
    wanted = sum(v for key, v in total(KAFKA + "received_bytes", "kafka_id", "topic").items()
                 if ("topic", "topic-01") in key)
    got = sum(60 * sum(values) * samples.MINUTES / len(values) for values in rate)
    fact(abs(got - wanted) <= 0.02 * wanted, "a graph's rate, over the hour, is the API's total")


main()

"""An hour of the API's values, and how Prometheus stores them (for queries.py).

samples.py VARIANT writes that hour as OpenMetrics, for promtool's
create-blocks-from. VARIANT is "timestamps", the API's own, or the seconds
between two scrapes without them: 15, 30 or 60.
"""

import sys

BEGIN = 1756771200  # 2025-09-02T00:00:00Z
MINUTES = 60
# /export has the values of a minute five minutes after it.
DELAY = 300
# When in its minute the first scrape without timestamps is.
PHASE = 7

CLUSTERS = ["lkc-1", "lkc-2"]
TOPICS = [f"topic-{n:02}" for n in range(12)] + ["burst"]
PRINCIPALS = ["sa-1", "sa-2", "u-3", "sa-seldom"]
# These are there in some minutes only: the API leaves out what did not happen.
# The burst is large.
SELDOM = {"burst": (7, 8, 40), "sa-seldom": (3, 59)}
LARGE = {"burst": 50000}


def value(labels, minute):
    """Of a minute; None where the API has none. Known, uneven, positive."""
    for seldom, present in SELDOM.items():
        if seldom in labels.values() and minute not in present:
            return None
    seed = sum(map(ord, "".join(labels.values())))
    large = sum(LARGE.get(label, 0) for label in labels.values())
    return large + 1000 + seed * 7 % 900 + (seed + minute * 37) % 101


def with_labels(*names):
    """All combinations of values of these labels, as dictionaries."""
    values = {
        "kafka_id": CLUSTERS, "topic": TOPICS, "principal_id": PRINCIPALS,
        "type": ["Produce", "Fetch", "Metadata"],
        "consumer_group_id": ["billing", "search"],
        "connector_id": ["lcc-1", "lcc-2"], "ksql_id": ["lksqlc-1"],
        "query_id": ["CTAS_1", "CTAS_2"], "task_id": ["0_0", "0_1"],
        "schema_registry_id": ["lsrc-1"], "compute_pool_id": ["lfcp-1", "lfcp-2"],
        "flink_statement_name": ["join", "copy"], "table_name": ["orders", "clicks"],
        "status": ["RUNNING"],
    }
    combinations = [{}]
    for name in names:
        combinations = [{**c, name: v} for c in combinations for v in values[name]]
    return combinations


def metrics():
    """{name: [(labels, value of a minute)]} of what the API exports."""
    families = {}

    def family(prefix, names, *labels, of=value):
        for name in names.split():
            families[prefix + name] = [
                (each, lambda m, each=each: of(each, m)) for each in with_labels(*labels)]

    kafka = "confluent_kafka_server_"
    family(kafka, "received_bytes sent_bytes received_records sent_records retained_bytes",
           "kafka_id", "topic")
    family(kafka, "request_bytes response_bytes request_count", "kafka_id", "principal_id", "type")
    family(kafka, "active_connection_count successful_authentication_count",
           "kafka_id", "principal_id")
    family(kafka, "partition_count rest_produce_request_bytes", "kafka_id")
    family(kafka, "cluster_load_percent", "kafka_id", of=lambda _, m: m / 100)
    family(kafka, "consumer_lag_offsets", "kafka_id", "consumer_group_id", "topic")
    family(kafka, "hot_partition_ingress hot_partition_egress cluster_link_mirror_topic_offset_lag",
           "kafka_id", "topic")
    # Bytes that nobody writes or reads.
    families[kafka + "retained_bytes"].append(
        ({"kafka_id": "lkc-1", "topic": "idle"}, lambda _: 123456))

    connect = "confluent_kafka_connect_"
    family(connect, "sent_records sent_bytes received_records received_bytes", "connector_id")
    family(connect, "dead_letter_queue_records", "connector_id",
           of=lambda labels, m: 3 if labels["connector_id"] == "lcc-1" and m == 30 else 0)
    family(connect, "connector_status", "connector_id", "status", of=lambda *_: 1)
    ksql = "confluent_kafka_ksql_"
    family(ksql, "streaming_unit_count", "ksql_id", of=lambda *_: 4)
    family(ksql, "storage_utilization", "ksql_id", of=lambda _, m: m / 100)
    family(ksql, "query_saturation query_restarts", "ksql_id", "query_id", of=lambda _, m: m / 100)
    family(ksql, "task_stored_bytes", "ksql_id", "query_id", "task_id")
    family("confluent_kafka_schema_registry_", "schema_count", "schema_registry_id")

    flink = "confluent_flink_"
    pool = flink + "compute_pool_utilization_"
    family(pool, "current_cfus cfu_minutes_consumed", "compute_pool_id", of=lambda _, m: 1 + m % 7)
    family(pool, "cfu_limit", "compute_pool_id", of=lambda *_: 10)
    statement = ("compute_pool_id", "flink_statement_name", "table_name")
    family(flink, "num_records_in num_records_out pending_records num_late_records_in"
           " num_records_in_errors max_input_lateness_milliseconds"
           " statement_utilization_current_cfus", *statement)
    family(flink, "statement_status", "compute_pool_id", "flink_statement_name", "status",
           of=lambda *_: 1)
    # A minute behind the clock; one table has no watermark.
    family(flink, "current_input_watermark_milliseconds current_output_watermark_milliseconds",
           *statement, of=lambda labels, m: -9223372036854776000
           if labels["table_name"] == "clicks" else (BEGIN + 60 * (m - 1)) * 1000)
    return families


def own(at):
    """[(name with labels, value)] at a scrape: what the API says of the scrape,
    ccm's own figures and the node exporter's."""
    minutes = (at - BEGIN) // 60
    agent = '{ccm_instance="prod"}'
    return [
        ('confluent_scrape_resource_access_error{resource_type="resource.kafka.id",resource_id="lkc-9"}', 1),
        ('export_status{export_status="error",metric="io.confluent.kafka.server/x",resource="kafka"}', 1),
        ('ccm_export_newest_sample_timestamp_seconds{resource_type="kafka"}', at - DELAY),
        ("ccm_export_last_success_timestamp_seconds", at),
        ("ccm_export_requests_total", minutes),
        ("ccm_export_throttled_total", minutes // 10),
        ("ccm_export_samples_total", minutes * 1000),
        ("ccm_export_stale_samples_total", 0),
        ('ccm_export_resources{state="refused"}', 1),
        ("ccm_export_failed_metrics", 0),
        ("ccm_export_cut_families", 0),
        ('ccm_export_delivered_timestamp_seconds{target="kafka"}', at),
        ('ccm_export_dropped_files_total{target="kafka"}', 0),
        ("ccm_last_hour_published_timestamp_seconds" + agent, BEGIN),
        ("ccm_status" + agent, 0),
        ("ccm_requests_total" + agent, minutes),
        ("ccm_requests_throttled_total" + agent, 0),
        ("ccm_refused_resources" + agent, 2),
        ("ccm_records_total" + agent, minutes),
        *[(name + agent, 0) for name in (
            "ccm_spool_bytes", "ccm_spool_oldest_file_age_seconds", "ccm_owed_bodies",
            "ccm_scrapes_undone", "ccm_scrapes_lost_total", "ccm_spool_bad_files",
            "ccm_rejected_files")],
        ('node_textfile_mtime_seconds{file="/var/lib/prometheus/node-exporter/confluent.prom"}', at - 20),
    ]


def scrape_interval(variant):
    return 60 if variant == "timestamps" else int(variant)


def stored(variant, minute):
    """When Prometheus stores the value of a minute: times, in seconds."""
    begin = BEGIN + 60 * minute
    if variant == "timestamps":
        return [begin]
    return range(begin + DELAY + PHASE, begin + DELAY + PHASE + 60, int(variant))


def end(variant):
    """When the hour that the dashboards call the last one is this hour. It ends
    six minutes earlier, and is taken as it is stored."""
    return stored(variant, MINUTES - 1)[-1] // 60 * 60 + (1 if variant == "timestamps" else 61) + 360


def series(name, labels):
    return name + "{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}"


def main():
    variant = sys.argv[1]
    for name, family in metrics().items():
        print(f"# TYPE {name} gauge")
        for labels, of in family:
            for minute in range(MINUTES):
                if (sample := of(minute)) is not None:
                    for at in stored(variant, minute):
                        print(series(name, labels), repr(float(sample)), at)
    scrapes = range(BEGIN + PHASE, end(variant) + 1, scrape_interval(variant))
    for number, (name, _) in enumerate(own(BEGIN)):
        print(f"# TYPE {name.partition('{')[0]} unknown")
        for at in scrapes:
            print(name, own(at)[number][1], at)
    print("# EOF")


if __name__ == "__main__":
    main()

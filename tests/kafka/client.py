#!/usr/bin/env python3
"""A client of Kafka that is not librdkafka, for tests: kafka-python.

usage: client.py create TOPIC PARTITIONS [NAME=VALUE]...
       client.py config TOPIC NAME=VALUE...
       client.py delete TOPIC...
       client.py partitions TOPIC N    it has N of them from now on
       client.py purge TOPIC           deletes the records that are there
       client.py read TOPIC            what is committed there by now, a line each:
                                       PARTITION, number of headers, KEY, VALUE,
                                       with tabs between; no key is \\N
       client.py times TOPIC           the same records as lines CreateTime:MS (or
                                       LogAppendTime:MS), tab, VALUE
       client.py send TOPIC            the lines KEY, tab, VALUE of standard input
       client.py values TOPIC          under one key, the JSON strings (of bytes,
                                       \u0000 to \u00ff) or nulls that are the
                                       lines of standard input
       client.py count TOPIC...        how many records (ends less beginnings)
       client.py committed GROUP TOPIC PARTITION and offset, a line each
       client.py allow|deny USER OPERATION TOPIC     for example: deny alice WRITE t
                                       or group:NAME, transactional_id:ID,
                                       cluster:kafka-cluster
       client.py forget USER TOPIC     these two for that user
       client.py password MECHANISM USER < password  a SCRAM user (raw bytes)
       client.py passwords             SCRAM users: the lines MECHANISM, tab, USER,
                                       tab, PASSWORD of standard input

How to reach Kafka: the KAFKA_* variables that ccm takes, which have
kafka-python's names.
"""
import json
import os
import sys
import time

from kafka import (KafkaAdminClient, KafkaConsumer, KafkaProducer,
                   TopicPartition)
from kafka.admin import (ACL, ACLFilter, ACLOperation, ACLPermissionType,
                         ACLResourcePatternType, ConfigResource,
                         ConfigResourceType, NewTopic, OffsetSpec, ResourcePattern,
                         ResourcePatternFilter, ResourceType,
                         UserScramCredentialUpsertion)
from kafka.errors import (RetriableError, TopicAlreadyExistsError,
                          UnknownBrokerIdError)

ALIASES = {
    'sasl_username': 'sasl_plain_username',
    'sasl_password': 'sasl_plain_password',
    'service_name': 'sasl_kerberos_service_name',
}


def settings(of, **more):
    """What of the environment the class OF takes, by the types of its defaults."""
    found = {}
    for variable, text in os.environ.items():
        if not variable.startswith('KAFKA_') or not text:
            continue
        name = variable[len('KAFKA_'):].lower()
        name = ALIASES.get(name, name)
        if name not in of.DEFAULT_CONFIG:
            continue
        default = of.DEFAULT_CONFIG[name]
        if isinstance(default, bool):
            found[name] = text.lower() in ('true', '1')
        elif isinstance(default, int):
            found[name] = int(text)
        else:
            found[name] = text
    found.update(more)
    return of(**found)


def patiently(call, *words, **named):
    """What it returns; it asks any broker: one that is down, or has only just come
    and is not known to the others yet, is no reason to end."""
    for _ in range(20):
        try:
            return call(*words, **named)
        except (RetriableError, UnknownBrokerIdError) as error:
            failed = error
            time.sleep(0.5)
    raise failed


def admin(method, *words, **named):
    """KafkaAdminClient's METHOD."""
    return patiently(
        lambda: getattr(settings(KafkaAdminClient), method)(*words, **named))


def pairs(words):
    return dict(word.split('=', 1) for word in words)


def create(topic, partitions, *configs):
    try:
        admin('create_topics', [NewTopic(topic, int(partitions), -1,
                                         topic_configs=pairs(configs))],
              wait_for_metadata=True)
    except TopicAlreadyExistsError:
        pass  # by the try before this, whose answer did not arrive


def config(topic, *configs):
    admin('alter_configs', [ConfigResource(ConfigResourceType.TOPIC, topic,
                                           pairs(configs))])


def delete(*topics):
    admin('delete_topics', list(topics))


def partitions(topic, number):
    admin('create_partitions', {topic: int(number)})


def purge(topic):
    ends = settings(KafkaConsumer, group_id=None)
    admin('delete_records',
          patiently(ends.end_offsets, partitions_of(ends, topic)))


def partitions_of(consumer, topic):
    numbers = patiently(consumer.partitions_for_topic, topic) or ()
    return [TopicPartition(topic, number) for number in sorted(numbers)]


def committed_ends(partitions):
    """Where what is committed ends: consumers' end_offsets() of kafka-python asks
    like a broker that replicates, which sees open transactions too."""
    found = admin('list_partition_offsets',
                  dict.fromkeys(partitions, OffsetSpec.LATEST),
                  isolation_level='read_committed')
    return {partition: end.offset for partition, end in found.items()}


def committed_records(topic):
    """All that is committed there by now."""
    consumer = settings(KafkaConsumer, group_id=None, enable_auto_commit=False,
                        isolation_level='read_committed',
                        auto_offset_reset='none', max_poll_records=10000)
    partitions = partitions_of(consumer, topic)
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    # The ends are asked for again each time: a broker that was leader until just
    # now, and has not heard, answers with those it knew.
    while any(consumer.position(partition) < end for partition, end
              in committed_ends(partitions).items()):
        for records in consumer.poll(timeout_ms=1000).values():
            yield from records


def read(topic):
    out = sys.stdout.buffer
    for record in committed_records(topic):
        key = b'\\N' if record.key is None else record.key
        out.write(b'%d\t%d\t%s\t%s\n' % (
            record.partition, len(record.headers), key, record.value))
    out.flush()


def times(topic):
    kinds = {0: b'CreateTime', 1: b'LogAppendTime'}
    out = sys.stdout.buffer
    for record in committed_records(topic):
        out.write(b'%s:%d\t%s\n' % (kinds[record.timestamp_type],
                                    record.timestamp, record.value))
    out.flush()


def send(topic):
    producer = settings(KafkaProducer, acks='all')
    for line in sys.stdin.buffer:
        key, value = line.rstrip(b'\n').split(b'\t', 1)
        producer.send(topic, value, key)
    producer.flush()
    producer.close()


def values(topic):
    producer = settings(KafkaProducer, acks='all')
    for line in sys.stdin.buffer:
        value = json.loads(line)
        producer.send(topic, None if value is None else value.encode('latin-1'),
                      b'key')
    producer.flush()
    producer.close()


def count(*topics):
    consumer = settings(KafkaConsumer, group_id=None)
    total = 0
    for topic in topics:
        partitions = partitions_of(consumer, topic)
        total += sum(consumer.end_offsets(partitions).values())
        total -= sum(consumer.beginning_offsets(partitions).values())
    print(total)


def committed(group, topic):
    consumer = settings(KafkaConsumer, group_id=group, enable_auto_commit=False)
    for partition in partitions_of(consumer, topic):
        print(partition.partition, consumer.committed(partition))


def permit(permission, user, operation, resource):
    kind, _, name = resource.rpartition(':')
    admin('create_acls', [ACL(
        f'User:{user}', '*', ACLOperation[operation], permission,
        ResourcePattern(ResourceType[kind.upper() or 'TOPIC'], name))])


def forget(user, topic):
    admin('delete_acls', [ACLFilter(
        f'User:{user}', '*', ACLOperation.ANY, ACLPermissionType.ANY,
        ResourcePatternFilter(ResourceType.TOPIC, topic,
                              ACLResourcePatternType.LITERAL))])


def password(mechanism, user):
    admin('alter_user_scram_credentials', [UserScramCredentialUpsertion(
        user, mechanism, sys.stdin.buffer.read())])


def passwords():
    users = [line.rstrip(b'\n').split(b'\t', 2) for line in sys.stdin.buffer]
    admin('alter_user_scram_credentials', [
        UserScramCredentialUpsertion(user.decode(), mechanism.decode(), secret)
        for mechanism, user, secret in users])


def main():
    commands = {
        'create': create, 'config': config, 'delete': delete,
        'partitions': partitions, 'purge': purge, 'read': read, 'times': times,
        'send': send, 'values': values, 'count': count, 'committed': committed,
        'password': password, 'passwords': passwords, 'forget': forget,
        'allow': lambda *words: permit(ACLPermissionType.ALLOW, *words),
        'deny': lambda *words: permit(ACLPermissionType.DENY, *words),
    }
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])


main()

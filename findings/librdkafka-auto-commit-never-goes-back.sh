#!/usr/bin/env bash
# Expected: with enable.auto.commit a group's offset follows its consumer. One that seeks back, to read a stretch again, commits the lower
#           offset, as the Java client does, and its next life goes on from there.
# Happens:  librdkafka commits a stored offset only where it is above the last one that it has committed. After a seek back nothing is
#           committed until the old offset has been passed again, and neither callback nor log says so. A consumer that ends before that
#           leaves the old offset, and its next life skips what was still to be read again. An explicit commit of the same offset is taken.
# Matters:  who replays by seeking back needs explicit commits.
# Seen:     librdkafka 2.15.1 with its own mock broker, through confluent-kafka 2.15.1 for Python, 2026-11-28.
# Source:   librdkafka/src/rdkafka_partition.c, `rd_kafka_topic_partition_list_set_offsets`: "stored" is compared with "committed".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --target packages confluent-kafka==2.15.1
cat >seen.py <<'PY'
import time
from confluent_kafka import Consumer, Producer, TopicPartition

TOPIC = "numbers"
producer = Producer({"test.mock.num.brokers": 1})
[broker] = producer.list_topics(timeout=10).brokers.values()
for number in range(10):
    producer.produce(TOPIC, str(number), partition=0)
producer.flush(10)
consumer = Consumer({
    "bootstrap.servers": f"{broker.host}:{broker.port}",
    "group.id": "readers",
    "auto.offset.reset": "earliest",
    "enable.auto.commit": True,
    "auto.commit.interval.ms": 100,
})
consumer.subscribe([TOPIC])


def read(count):
    offsets = []
    while len(offsets) < count:
        message = consumer.poll(10)
        if message.partition() == 0:
            offsets.append(message.offset())
    return f"{offsets[0]} to {offsets[-1]}"


def committed():
    time.sleep(1)
    return consumer.committed([TopicPartition(TOPIC, 0)], timeout=10)[0].offset


print(f"reads {read(10)}; ten auto-commits later the group is at {committed()}")
consumer.seek(TopicPartition(TOPIC, 0, 2))
print(f"seeks to 2, reads {read(3)}; ten auto-commits later the group is at {committed()}")
consumer.commit(offsets=[TopicPartition(TOPIC, 0, 5)], asynchronous=False)
print(f"commits 5 itself; the group is at {committed()}")
PY
export PYTHONPATH=$folder/packages
versions=$(python3 -c 'import confluent_kafka as k; print("confluent-kafka", k.version()[0] if isinstance(k.version(), tuple) else k.version(), "librdkafka", k.libversion()[0])')
seen=$(python3 seen.py)
printf '%s\n%s\n' "$versions" "$seen"
[ "$seen" = "reads 0 to 9; ten auto-commits later the group is at 10
seeks to 2, reads 2 to 4; ten auto-commits later the group is at 10
commits 5 itself; the group is at 5" ] || { echo "CHANGED: offsets are committed otherwise"; exit 1; }

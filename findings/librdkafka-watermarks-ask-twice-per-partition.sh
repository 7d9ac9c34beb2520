#!/usr/bin/env bash
# Expected: the first and last offsets of a topic's partitions, for a lag or the size of a topic, take one request to each broker: ListOffsets
#           has a list of partitions. A call for one partition takes one request.
# Happens:  get_watermark_offsets (rd_kafka_query_watermark_offsets) takes one partition and sends two requests, one for each end, so 16
#           partitions are 32. offsets_for_times, which is documented for timestamps, also takes what the protocol has for the ends, -2 and
#           -1, and asks for all partitions of a broker in one request: two requests for 16 partitions.
# Matters:  a console that looked at the ends of six topics of 16 partitions every 20 s asked an idle broker more often than all consumers together.
# Seen:     librdkafka 2.15.1 with its own mock broker, through confluent-kafka 2.15.1 for Python, 2026-11-30.
# Source:   librdkafka/src/rdkafka.c, `rd_kafka_query_watermark_offsets` and `rd_kafka_offsets_for_times`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --target packages confluent-kafka==2.15.1
cat >seen.py <<'PY'
import logging
from confluent_kafka import Consumer, Producer, TopicPartition

TOPIC = "numbers"
PARTITIONS = range(4)
producer = Producer({"test.mock.num.brokers": 1})
[broker] = producer.list_topics(timeout=10).brokers.values()
for number in range(40):
    producer.produce(TOPIC, str(number), partition=number % len(PARTITIONS))
producer.flush(10)

requests = []


class Requests(logging.Handler):
    def emit(self, record):
        if "Sent ListOffsetsRequest" in record.getMessage():
            requests.append(record)


log = logging.getLogger("client")
log.setLevel(logging.DEBUG)
log.addHandler(Requests())
log.propagate = False
consumer = Consumer(
    {"bootstrap.servers": f"{broker.host}:{broker.port}", "group.id": "looks", "debug": "protocol"}, logger=log
)


def count(what, ask):
    consumer.poll(0.2)
    requests.clear()
    offsets = ask()
    consumer.poll(0.5)
    print(f"{what}: {offsets} in {len(requests)} request{'' if len(requests) == 1 else 's'}")


def at(time):
    places = [TopicPartition(TOPIC, partition, time) for partition in PARTITIONS]
    return [place.offset for place in consumer.offsets_for_times(places, timeout=10)]


count(
    "get_watermark_offsets of 4 partitions",
    lambda: [consumer.get_watermark_offsets(TopicPartition(TOPIC, one), timeout=10) for one in PARTITIONS],
)
count("offsets_for_times at -2", lambda: at(-2))
count("offsets_for_times at -1", lambda: at(-1))
consumer.close()
PY
export PYTHONPATH=$folder/packages
versions=$(python3 -c 'import confluent_kafka as k; print("confluent-kafka", k.version()[0] if isinstance(k.version(), tuple) else k.version(), "librdkafka", k.libversion()[0])')
seen=$(python3 seen.py)
printf '%s\n%s\n' "$versions" "$seen"
[ "$seen" = "get_watermark_offsets of 4 partitions: [(0, 10), (0, 10), (0, 10), (0, 10)] in 8 requests
offsets_for_times at -2: [0, 0, 0, 0] in 1 request
offsets_for_times at -1: [10, 10, 10, 10] in 1 request" ] || { echo "CHANGED: the ends of partitions take another number of requests"; exit 1; }

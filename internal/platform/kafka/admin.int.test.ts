// Topics, and reading a topic outside any group, against a real broker.

import { expect, test } from "bun:test";

import { FIELD_SEPARATOR, RECORD_SEPARATOR } from "../../kernel/ports.ts";
import { errorOf, freshTopic, sendBytes } from "../../testkit/kafka.ts";
import { kafkaBrokers } from "../../testkit/servers.ts";
import { openAdmin } from "./admin.ts";
import { openProducer } from "./producer.ts";
import { readTopic } from "./read-topic.ts";

const options = { brokers: kafkaBrokers(), clientId: "test" };

async function fill(topic: string, count: number): Promise<void> {
  await using producer = await openProducer(options);
  const records = Array.from({ length: count }, (_, i) =>
    [topic, `key-${i}`, "", String(i)].join(FIELD_SEPARATOR),
  );
  expect(await producer.produce(records.join(RECORD_SEPARATOR))).toEqual([]);
}

test("creates missing topics and does not change existing ones", async () => {
  await using admin = await openAdmin(options);
  const [old, fresh] = [await freshTopic(2), `test-${crypto.randomUUID()}`];
  const wanted = [old, fresh].map((topic) => ({
    topic,
    partitions: 5,
    replicationFactor: 1,
    config: { "retention.ms": "3600000" },
  }));
  expect(await admin.createTopics(wanted)).toEqual({ created: [fresh], existing: [old] });
  const [first, second] = await admin.describeTopics([old, fresh]);
  expect(first?.partitions).toHaveLength(2);
  expect(second?.partitions).toHaveLength(5);
  const { brokers } = await admin.describeCluster();
  expect(brokers.some(({ id }) => id === second?.partitions[0]?.leader)).toBe(true);
  await admin.deleteTopics([fresh]);
  expect(await errorOf(admin.describeTopics([`missing-${fresh}`]))).toMatchObject({
    code: "KAFKA_TOPIC_MISSING",
  });
});

test("reads a whole topic in batches and stops at the end it had", async () => {
  const topic = await freshTopic(3);
  await fill(topic, 250);
  const seen: unknown[] = [];
  for await (const batch of readTopic({ ...options, topic, batchSize: 40 })) {
    expect(batch.values.length).toBeLessThanOrEqual(40);
    expect(batch.raw(0).topic).toBe(topic);
    seen.push(...batch.values);
  }
  expect(seen.toSorted((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 250 }, (_, i) => i));
});

test("reads an empty topic, an undecodable message, and part of a topic", async () => {
  const topic = await freshTopic();
  for await (const batch of readTopic({ ...options, topic })) expect(batch).toBeUndefined();
  await sendBytes(topic, [{ value: Buffer.from("{") }, { value: Buffer.from("1") }]);
  for await (const batch of readTopic({ ...options, topic })) {
    expect(batch).toMatchObject({ values: [1], undecodable: [{ offset: 0 }] });
    break;
  }
  expect(await errorOf(readTopic({ ...options, topic: `missing-${topic}` }).next())).toMatchObject({
    code: "KAFKA_TOPIC_MISSING",
  });
});

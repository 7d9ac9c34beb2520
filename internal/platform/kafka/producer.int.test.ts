// The batch producer against a real broker: one result per batch that names exactly the failed records.

import { expect, test } from "bun:test";

import { FIELD_SEPARATOR, RECORD_SEPARATOR } from "../../kernel/ports.ts";
import { errorOf, freshTopic } from "../../testkit/kafka.ts";
import { kafkaBrokers } from "../../testkit/servers.ts";
import { openProducer, type ProducerOptions } from "./producer.ts";
import { readTopic } from "./read-topic.ts";

const open = (options: Partial<ProducerOptions> = {}) =>
  openProducer({ brokers: kafkaBrokers(), clientId: "test", ...options });

const record = (topic: string, key: string, value: unknown, type = "Test") =>
  [topic, key, type, JSON.stringify(value)].join(FIELD_SEPARATOR);

const batchOf = (records: readonly string[]) => records.join(RECORD_SEPARATOR);

async function valuesIn(topic: string): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const batch of readTopic({ brokers: kafkaBrokers(), clientId: "test", topic }))
    values.push(...batch.values);
  return values;
}

test("writes a batch to several topics in the order of its text", async () => {
  const [one, two] = [await freshTopic(), await freshTopic(4)];
  await using producer = await open();
  const records = Array.from({ length: 200 }, (_, i) =>
    record(i % 2 === 0 ? one : two, `key-${i % 7}`, { i }),
  );
  expect(await producer.produce(batchOf(records))).toEqual([]);
  expect(await valuesIn(one)).toEqual(Array.from({ length: 100 }, (_, i) => ({ i: 2 * i })));
  expect(await valuesIn(two)).toHaveLength(100);
});

/** The partition of each record, by value. */
async function partitionsIn(topic: string): Promise<Map<unknown, number>> {
  const partitions = new Map<unknown, number>();
  for await (const batch of readTopic({ brokers: kafkaBrokers(), clientId: "test", topic }))
    for (const [index, value] of batch.values.entries()) partitions.set(value, batch.raw(index).partition);
  return partitions;
}

test("keys from the same half second share a partition, and every group member soon gets its share", async () => {
  const topic = await freshTopic(16);
  await using producer = await open();
  const bornAt = (ms: number) => `01a22094-${ms.toString(16).padStart(4, "0")}-7000-8aeb-8ad3b5d13262`;
  const times = [0, 1, 511, ...Array.from({ length: 64 }, (_, n) => (n + 1) * 512)];
  expect(await producer.produce(batchOf(times.map((ms) => record(topic, bornAt(ms), ms))))).toEqual([]);
  const partitions = await partitionsIn(topic);
  const windows = times.slice(2).map((ms) => partitions.get(ms) ?? -1);
  expect([partitions.get(0), partitions.get(1)]).toEqual([windows[0], windows[0]]);
  expect(new Set(windows).size).toBe(16);
  // Each of four members has four neighbouring partitions, and none waits for more than six windows.
  const members = windows.map((partition) => Math.floor(partition / 4));
  for (let from = 0; from + 6 <= members.length; from += 1)
    expect(new Set(members.slice(from, from + 6)).size).toBe(4);
});

test("a key that is not a UUIDv7 gets the partition of Kafka's own partitioner", async () => {
  const topic = await freshTopic(16);
  await using producer = await open();
  const keys = ["21", "foobar", "a-little-bit-long-string"];
  expect(await producer.produce(batchOf(keys.map((key) => record(topic, key, key))))).toEqual([]);
  const partitions = await partitionsIn(topic);
  // murmur2 without the sign bit, modulo 16; the hashes are from Kafka's own UtilsTest.
  expect(partitions.get("21")).toBe((-973932308 & 0x7fffffff) % 16);
  expect(partitions.get("foobar")).toBe((-790332482 & 0x7fffffff) % 16);
  expect(partitions.get("a-little-bit-long-string")).toBe((-985981536 & 0x7fffffff) % 16);
});

test("an empty batch resolves at once", async () => {
  await using producer = await open();
  expect(await producer.produce("")).toEqual([]);
});

test("names the records that failed, by position and reason, and delivers the others", async () => {
  const topic = await freshTopic();
  await using producer = await open();
  const failures = await producer.produce(
    batchOf([
      record(topic, "k", "first"),
      record(topic, "k", "x".repeat(2_000_000)),
      record(`missing-${crypto.randomUUID()}`, "k", "nowhere"),
      record(topic, "k", "last"),
    ]),
  );
  expect(failures.toSorted((a, b) => a.index - b.index)).toEqual([
    { index: 1, code: "MSG_SIZE_TOO_LARGE", message: expect.any(String) },
    { index: 2, code: expect.stringMatching(/UNKNOWN_TOPIC/), message: expect.any(String) },
  ]);
  expect(await valuesIn(topic)).toEqual(["first", "last"]);
});

test("rejects malformed text before sending any of it", async () => {
  const topic = await freshTopic();
  await using producer = await open();
  const malformed = batchOf([record(topic, "k", 1), `${topic}${FIELD_SEPARATOR}k`]);
  expect(await errorOf(producer.produce(malformed))).toMatchObject({
    message: "record 1 has fewer than four fields",
  });
  expect(await valuesIn(topic)).toEqual([]);
});

test("waits for space in a full queue instead of failing, and keeps the order", async () => {
  const topic = await freshTopic();
  await using producer = await open({ settings: { "queue.buffering.max.messages": 50 } });
  const batch = (from: number) =>
    batchOf(Array.from({ length: 1_000 }, (_, i) => record(topic, "k", from + i)));
  const answers = await Promise.all([0, 1_000, 2_000].map((from) => producer.produce(batch(from))));
  expect(answers).toEqual([[], [], []]);
  expect(await valuesIn(topic)).toEqual(Array.from({ length: 3_000 }, (_, i) => i));
});

test("concurrent producers and batches do not mix up their results", async () => {
  const topic = await freshTopic(4);
  const producers = await Promise.all([open(), open(), open()]);
  const answers = await Promise.all(
    producers.flatMap((producer, p) =>
      Array.from({ length: 20 }, (_, b) => {
        const records = Array.from({ length: 50 }, (__, i) => record(topic, `key-${i}`, { p, b, i }));
        if (b === 7) records[p] = record(topic, "k", "x".repeat(2_000_000));
        return producer.produce(batchOf(records));
      }),
    ),
  );
  const failures = answers.map((answer) => answer.map(({ index }) => index));
  expect(failures).toEqual(
    producers.flatMap((_, p) => Array.from({ length: 20 }, (__, b) => (b === 7 ? [p] : []))),
  );
  await Promise.all(producers.map((producer) => producer.close()));
  expect(await valuesIn(topic)).toHaveLength(3 * 20 * 50 - 3);
});

test("close settles batches in flight and rejects later ones", async () => {
  const topic = await freshTopic();
  const producer = await open();
  const inFlight = producer.produce(batchOf(Array.from({ length: 1_000 }, (_, i) => record(topic, "k", i))));
  await producer.close();
  expect(await inFlight).toEqual([]);
  await producer.close();
  expect(await errorOf(producer.produce(record(topic, "k", "late")))).toMatchObject({
    code: "KAFKA_UNAVAILABLE",
  });
  expect(await valuesIn(topic)).toHaveLength(1_000);
});

test("close without a flush timeout settles every record as delivered or failed", async () => {
  const topic = await freshTopic();
  const producer = await open({ flushTimeoutMs: 0 });
  const batches = Array.from({ length: 20 }, () =>
    producer.produce(batchOf(Array.from({ length: 500 }, (_, i) => record(topic, "k", i)))),
  );
  await producer.close();
  const failures = (await Promise.all(batches)).flat();
  for (const { code } of failures) expect(code).toMatch(/^_PURGE_(QUEUE|INFLIGHT)$/);
  expect((await valuesIn(topic)).length).toBeGreaterThanOrEqual(20 * 500 - failures.length);
});

test("fails with KAFKA_UNAVAILABLE when no broker answers", async () => {
  const nobody = open({ brokers: "127.0.0.1:1", connectTimeoutMs: 1_000 });
  expect(await errorOf(nobody)).toMatchObject({ code: "KAFKA_UNAVAILABLE", canRetry: true });
});

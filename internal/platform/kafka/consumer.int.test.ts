// The batch consumer against a real broker: which messages it returns, which it drops, and that none is lost.

import { expect, test } from "bun:test";

import { FIELD_SEPARATOR, RECORD_SEPARATOR, type ConsumedBatch, type Consumer } from "../../kernel/ports.ts";
import { errorOf, freshTopic, sendBytes } from "../../testkit/kafka.ts";
import { kafkaBrokers } from "../../testkit/servers.ts";
import { waitUntil } from "../../stack/wait.ts";
import { openAdmin } from "./admin.ts";
import { GroupProgress } from "./group-progress.ts";
import { openConsumer, type ConsumerOptions } from "./consumer.ts";
import { openProducer } from "./producer.ts";
import { openReconnectingConsumer } from "./reconnecting-consumer.ts";

const SOON = { maxMessages: 1_000, waitMs: 10_000, lingerMs: 200 };
const NOTHING_MORE = { maxMessages: 1_000, waitMs: 1_000, lingerMs: 0 };

const utf8 = (bytes: Uint8Array | null | undefined) => (bytes ? new TextDecoder().decode(bytes) : undefined);
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

function optionsFor(topic: string, options: Partial<ConsumerOptions>): ConsumerOptions {
  const base = { brokers: kafkaBrokers(), clientId: "test", topics: [topic], types: [] };
  return { ...base, groupId: `group-${crypto.randomUUID()}`, ...options };
}

function open(topic: string, options: Partial<ConsumerOptions> = {}) {
  return openConsumer(optionsFor(topic, options));
}

async function send(topic: string, records: readonly { key?: string; type?: string; value: unknown }[]) {
  await using producer = await openProducer({ brokers: kafkaBrokers(), clientId: "test" });
  const lines = records.map(({ key = "", type = "", value }) =>
    [topic, key, type, JSON.stringify(value)].join(FIELD_SEPARATOR),
  );
  expect(await producer.produce(lines.join(RECORD_SEPARATOR))).toEqual([]);
}

async function next(consumer: Consumer): Promise<ConsumedBatch> {
  const batch = await consumer.poll(SOON);
  if (batch === null) throw new Error("no batch came");
  return batch;
}

/** The same, also of dropped messages alone, which end no poll early. On a busy machine it takes several polls to join the group. */
async function nextOfAny(consumer: Consumer): Promise<ConsumedBatch> {
  for (;;) {
    const batch = await consumer.poll({ ...SOON, waitMs: 3_000 });
    if (batch !== null) return batch;
  }
}

/** Polls until `count` values have arrived. */
async function take(consumer: Consumer, count: number): Promise<unknown[]> {
  const values: unknown[] = [];
  while (values.length < count) {
    const batch = await next(consumer);
    values.push(...batch.values);
    batch.done();
    batch.release();
  }
  return values;
}

/** Messages that another member has just processed may be delivered again. */
async function takeUntil(consumer: Consumer, value: string): Promise<void> {
  for (;;) if ((await take(consumer, 1)).includes(value)) return;
}

test("returns parsed values in order, with key, headers, position and bytes on request", async () => {
  const topic = await freshTopic();
  await send(topic, [
    { key: "saga-1", type: "Greeted", value: { text: "grüße, 世界 👋" } },
    { key: "saga-2", type: "Greeted", value: [1, 2, 3] },
    { key: "saga-3", type: "Greeted", value: null },
  ]);
  await using consumer = await open(topic);
  const batch = await next(consumer);
  expect(batch.values).toEqual([{ text: "grüße, 世界 👋" }, [1, 2, 3], null]);
  expect(batch.undecodable).toEqual([]);
  const second = batch.raw(1);
  expect(second).toMatchObject({ topic, partition: 0, offset: 1 });
  expect(batch.topic(1)).toBe(topic);
  expect(() => batch.topic(3)).toThrow("no such message in the batch");
  expect(Math.abs(second.timestampMs - Date.now())).toBeLessThan(60_000);
  expect(utf8(second.key)).toBe("saga-2");
  expect(utf8(second.value)).toBe("[1,2,3]");
  expect(second.headers.map(([name, value]) => [name, utf8(value)])).toEqual([["type", "Greeted"]]);
});

test("drops and counts the types of other roles, and keeps messages without a type", async () => {
  const topic = await freshTopic();
  const types = ["Mine", "Theirs", "Mine", "", "TheirsToo", "MineToo"];
  await send(
    topic,
    types.map((type, i) => ({ type, value: { i } })),
  );
  await using consumer = await open(topic, { types: ["Mine", "MineToo"] });
  const batch = await next(consumer);
  expect(batch.values).toEqual([{ i: 0 }, { i: 2 }, { i: 3 }, { i: 5 }]);
  expect(batch.skipped).toBe(2);
  expect(batch.raw(3).offset).toBe(5);
});

test("commits dropped messages, even if there are no others", async () => {
  const topic = await freshTopic();
  const groupId = `group-${crypto.randomUUID()}`;
  await send(topic, [
    { type: "Theirs", value: 0 },
    { type: "Theirs", value: 1 },
  ]);
  {
    await using consumer = await open(topic, { groupId, types: ["Mine"] });
    const batch = await nextOfAny(consumer);
    expect(batch).toMatchObject({ values: [], skipped: 2 });
    batch.done();
    batch.release();
  }
  await send(topic, [{ type: "Mine", value: 2 }]);
  await using successor = await open(topic, { groupId, types: ["Mine"] });
  expect(await next(successor)).toMatchObject({ values: [2], skipped: 0 });
});

test("returns messages that are not JSON as exact bytes, and the others as values", async () => {
  const topic = await freshTopic();
  const notUtf8 = Buffer.from([0x22, 0xc3, 0x28, 0x22]); // "\xc3(" in quotes: JSON only for a lenient decoder
  await sendBytes(topic, [
    { value: Buffer.from('{"ok":1}') },
    {
      value: Buffer.from("not json"),
      key: "k",
      headers: [
        ["type", Buffer.from("Odd")],
        ["x", notUtf8],
      ],
    },
    { value: notUtf8 },
    { value: null, key: "tombstone" },
    { value: Buffer.alloc(0) },
    { value: Buffer.from('{"ok":2}') },
  ]);
  await using consumer = await open(topic);
  const batch = await next(consumer);
  expect(batch.values).toEqual([{ ok: 1 }, { ok: 2 }]);
  expect(batch.raw(1).offset).toBe(5);
  const byOffset = batch.undecodable.toSorted((a, b) => a.offset - b.offset);
  expect(byOffset.map(({ offset }) => offset)).toEqual([1, 2, 3, 4]);
  const [text, bytes, tombstone, empty] = byOffset;
  expect(utf8(text?.value)).toBe("not json");
  expect(utf8(text?.key)).toBe("k");
  expect(text?.headers[1]?.[0]).toBe("x");
  expect(Buffer.from(text?.headers[1]?.[1] ?? [])).toEqual(notUtf8);
  expect(Buffer.from(bytes?.value ?? [])).toEqual(notUtf8);
  expect(tombstone?.value).toBeNull();
  expect(empty?.value?.length).toBe(0);
});

test("detects invalid UTF-8", async () => {
  const topic = await freshTopic();
  const good = ["7f", "c280", "dfbf", "e0a080", "ed9fbf", "ee8080", "efbfbf", "f0908080", "f48fbfbf"];
  const bad = [
    "80",
    "c0af",
    "c1bf",
    "c2",
    "e08080",
    "e282",
    "eda080",
    "f0808080",
    "f09080",
    "f4908080",
    "f5808080",
    "ff",
  ];
  // In the middle of a long string, to leave and re-enter the fast path over eight ASCII bytes.
  const quoted = (hex: string) => Buffer.from(`22${"61".repeat(11)}${hex}${"62".repeat(11)}22`, "hex");
  await sendBytes(
    topic,
    [...good, ...bad].map((hex) => ({ value: quoted(hex) })),
  );
  await using consumer = await open(topic);
  const batch = await next(consumer);
  expect(batch.values).toEqual(good.map((hex) => JSON.parse(quoted(hex).toString())));
  expect(batch.undecodable.map(({ value }) => Buffer.from(value ?? []))).toEqual(bad.map(quoted));
});

test("rejects messages that look like JSON only when joined", async () => {
  const topic = await freshTopic();
  const tricks = ["1,2", "[3", "4]", '{"a":"', '"}', '{"fine":true}', "5"];
  await sendBytes(
    topic,
    tricks.map((text) => ({ value: Buffer.from(text) })),
  );
  await using consumer = await open(topic);
  const batch = await next(consumer);
  expect(batch.values).toEqual([{ fine: true }, 5]);
  expect(batch.undecodable.map(({ value }) => utf8(value))).toEqual(tricks.slice(0, 5));
});

test("redelivers a batch that was released without done(), and continues after one with done()", async () => {
  const topic = await freshTopic(4);
  const groupId = `group-${crypto.randomUUID()}`;
  await send(
    topic,
    numbers(0, 100).map((i) => ({ key: `key-${i}`, value: i })),
  );
  {
    await using consumer = await open(topic, { groupId });
    const seen: unknown[] = [];
    const failed = await consumer.poll({ ...SOON, maxMessages: 30 });
    seen.push(...(failed?.values ?? []));
    // The number depends on how many of the four partitions answer within the linger.
    expect(seen.length).toBeWithin(1, 31);
    failed?.release();
    expect((await take(consumer, 100)).toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(0, 100));
    expect(await consumer.poll(NOTHING_MORE)).toBeNull();
  }
  await send(
    topic,
    numbers(100, 110).map((i) => ({ key: `key-${i}`, value: i })),
  );
  await using successor = await open(topic, { groupId });
  expect((await take(successor, 10)).toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(100, 110));
});

test("commits processed batches without a close, also a poll with only dropped messages", async () => {
  const topic = await freshTopic();
  const groupId = `group-${crypto.randomUUID()}`;
  await using consumer = await open(topic, { groupId, types: ["Mine"] });
  await using progress = await GroupProgress.open(
    { brokers: kafkaBrokers(), clientId: "test" },
    groupId,
    topic,
  );
  for (const [round, type] of ["Mine", "Theirs"].entries()) {
    await send(topic, [{ type, value: round }]);
    const batch = await nextOfAny(consumer);
    batch.done();
    batch.release();
    await waitUntil(`offset ${round + 1} is committed`, () => progress.hasPassed(new Map([[0, round + 1]])), {
      timeoutMs: 30_000,
    });
  }
});

test("keeps the order of a key over many small batches", async () => {
  const topic = await freshTopic(3);
  const keys = ["a", "b", "c", "d", "e"];
  await send(
    topic,
    numbers(0, 500).map((i) => ({ key: keys[i % keys.length] ?? "", value: i })),
  );
  await using consumer = await open(topic);
  const seen = numbers(0, keys.length).map((): number[] => []);
  for (let count = 0; count < 500;) {
    const batch = await consumer.poll({ maxMessages: 37, waitMs: 10_000, lingerMs: 5 });
    for (const value of batch?.values ?? []) seen[Number(value) % keys.length]?.push(Number(value));
    count += batch?.values.length ?? 0;
    batch?.done();
    batch?.release();
  }
  expect(seen).toEqual(keys.map((_, k) => numbers(0, 100).map((i) => i * keys.length + k)));
});

test("two members share a topic, and the second takes over when the first leaves", async () => {
  const topic = await freshTopic(4);
  const groupId = `group-${crypto.randomUUID()}`;
  await using second = await open(topic, { groupId });
  const first = await open(topic, { groupId });
  const seen: unknown[] = [];
  // A member joins a rebalance only while it polls. Both have partitions once both have received messages.
  const got = [0, 0];
  for (let i = 0; (got[0] === 0 || got[1] === 0) && i < 50; i++) {
    await send(
      topic,
      numbers(i * 8, i * 8 + 8).map((n) => ({ key: `key-${n}`, value: n })),
    );
    const batches = await Promise.all(
      [first, second].map((member) => member.poll({ ...SOON, waitMs: 500, lingerMs: 0 })),
    );
    for (const [member, batch] of batches.entries()) {
      got[member] = (got[member] ?? 0) + (batch?.values.length ?? 0);
      seen.push(...(batch?.values ?? []));
      batch?.done();
      batch?.release();
    }
  }
  expect(Math.min(...got)).toBeGreaterThan(0);
  await first.close();
  await send(
    topic,
    numbers(10_000, 10_040).map((n) => ({ key: `key-${n}`, value: n })),
  );
  const wanted = new Set(numbers(10_000, 10_040));
  while (wanted.size > 0) for (const value of await take(second, 1)) wanted.delete(Number(value));
});

test("a member with the instance id of a dead one gets its partitions at once, and fences the dead one", async () => {
  const topic = await freshTopic(4);
  const groupId = `group-${crypto.randomUUID()}`;
  // Longer than this test: the partitions must not move because of a session timeout.
  const member = { groupId, instanceId: "host-1", sessionTimeoutMs: 300_000 };
  await send(topic, [{ value: "before" }]);
  await using dead = await open(topic, member);
  expect(await take(dead, 1)).toEqual(["before"]);
  await send(topic, [{ value: "after" }]);
  await using nextLife = await open(topic, member);
  await takeUntil(nextLife, "after");
  expect(await errorOf(untilItFails(dead))).toMatchObject({ code: "KAFKA_FATAL", canRetry: false });
});

test("a fenced member rejoins", async () => {
  const topic = await freshTopic();
  const member = { groupId: `group-${crypto.randomUUID()}`, instanceId: "host-1", sessionTimeoutMs: 300_000 };
  await using first = await openReconnectingConsumer(optionsFor(topic, member));
  await send(topic, [{ value: "for the first" }]);
  expect(await take(first, 1)).toEqual(["for the first"]);
  await using second = await open(topic, member);
  await send(topic, [{ value: "for the second" }]);
  await takeUntil(second, "for the second");
  expect(await errorOf(untilItFails(first))).toMatchObject({
    code: "KAFKA_UNAVAILABLE",
    canRetry: true,
    message: expect.stringContaining("the same INSTANCE_ID"),
  });
  await send(topic, [{ value: "for the first again" }]);
  await takeUntil(first, "for the first again");
});

async function untilItFails(consumer: Consumer): Promise<never> {
  for (;;) (await consumer.poll(SOON))?.release();
}

test("fails with KAFKA_TOPIC_MISSING for a topic that does not exist", async () => {
  await using consumer = await open(`missing-${crypto.randomUUID()}`);
  expect(await errorOf(consumer.poll(SOON))).toMatchObject({ code: "KAFKA_TOPIC_MISSING", canRetry: true });
});

test("fails with KAFKA_UNAVAILABLE when no broker answers", async () => {
  const nobody = open("any", { brokers: "127.0.0.1:1", connectTimeoutMs: 1_000 });
  expect(await errorOf(nobody)).toMatchObject({ code: "KAFKA_UNAVAILABLE" });
});

test("a poll ends at once when its signal aborts, and so does every later one", async () => {
  await using consumer = await open(await freshTopic());
  const stop = new AbortController();
  const begun = performance.now();
  const poll = consumer.poll({ ...SOON, waitMs: 60_000, signal: stop.signal });
  stop.abort();
  expect(await poll).toBeNull();
  expect(await consumer.poll({ ...SOON, waitMs: 60_000, signal: stop.signal })).toBeNull();
  // Well below the minute that each would wait.
  expect(performance.now() - begun).toBeLessThan(30_000);
});

test("close ends a waiting poll at once and gives back an unreleased batch", async () => {
  const topic = await freshTopic();
  const groupId = `group-${crypto.randomUUID()}`;
  const consumer = await open(topic, { groupId });
  const started = performance.now();
  const poll = consumer.poll({ ...SOON, waitMs: 60_000 });
  await consumer.close();
  expect(await poll).toBeNull();
  // Well below the minute that the poll would wait.
  expect(performance.now() - started).toBeLessThan(30_000);
  expect(await errorOf(consumer.poll(SOON))).toMatchObject({ code: "KAFKA_UNAVAILABLE" });

  await send(topic, [{ value: "held" }]);
  const holder = await open(topic, { groupId });
  const held = await next(holder);
  await holder.close();
  expect(() => held.done()).toThrow("the consumer is closed");
  expect(() => held.raw(0)).toThrow("released");
  expect(() => held.topic(0)).toThrow("released");
  held.release();
  await using successor = await open(topic, { groupId });
  expect((await next(successor)).values).toEqual(["held"]);
});

test("a topic that is recreated under a running consumer is read from its beginning, with an event", async () => {
  const topic = await freshTopic(2);
  const groupId = `group-${crypto.randomUUID()}`;
  const told: string[] = [];
  const onEvent = ({ message }: { message: string }) => void told.push(message);
  await using consumer = await open(topic, { groupId, onEvent, topicCheckIntervalMs: 200 });
  await sendNumbers(topic, numbers(0, 50), [0, 1]);
  expect((await take(consumer, 50)).toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(0, 50));
  // A broker may not know a topic that was just created.
  const idIsKnown = async () => {
    expect(await consumer.poll({ maxMessages: 1, waitMs: 50, lingerMs: 0 })).toBeNull();
    return told.some((message) => message.includes("has the id"));
  };
  await waitUntil("the topic's id is known", idIsKnown, { timeoutMs: 30_000 });

  await using admin = await openAdmin({ brokers: kafkaBrokers(), clientId: "test" });
  await admin.deleteTopics([topic]);
  const again = { topic, partitions: 2, replicationFactor: 1 };
  const isMade = async () => (await admin.createTopics([again])).created.length === 1;
  await waitUntil("the topic is deleted and recreated", isMade, { timeoutMs: 20_000 });
  // More messages than before, so that the old position lies in the middle of the new topic.
  await sendNumbers(topic, numbers(1_000, 1_200), [0]);

  const seen = new Set<unknown>();
  // If the consumer polled while the new topic was empty, it restarted by itself; the event comes anyway.
  const tellings = () => told.filter((message) => message.includes("recreated"));
  const reads = async () => {
    const batch = await consumer.poll({ maxMessages: 1_000, waitMs: 500, lingerMs: 100 });
    for (const value of batch?.values ?? []) seen.add(value);
    batch?.done();
    batch?.release();
    return seen.size >= 200 && tellings().length > 0;
  };
  await waitUntil("every message of the new topic has arrived, with the event", reads, { timeoutMs: 30_000 });
  expect([...seen].toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(1_000, 1_200));
  expect(tellings()).toHaveLength(1);
  // The other partition, without new messages, must not keep its old position either.
  await using progress = await GroupProgress.open(
    { brokers: kafkaBrokers(), clientId: "test" },
    groupId,
    topic,
  );
  const isForgotten = async () => !(await progress.hasPassed(new Map([[1, 1]])));
  await waitUntil("the old position is forgotten", isForgotten, { timeoutMs: 30_000 });
});

function sendNumbers(topic: string, values: readonly number[], partitions: readonly number[]): Promise<void> {
  const place = (n: number) => partitions[n % partitions.length];
  return sendBytes(
    topic,
    values.map((n) => ({ value: Buffer.from(String(n)), partition: place(n) ?? 0 })),
  );
}

test("the lag has the partitions of which nothing was read since their assignment", async () => {
  // given a group that has committed its start in a topic of two partitions
  const topic = await freshTopic(2);
  const groupId = `group-${crypto.randomUUID()}`;
  await sendNumbers(topic, numbers(0, 60), [0, 1]);
  let done = 1;
  {
    await using before = await open(topic, { groupId });
    const first = await before.poll({ ...SOON, maxMessages: 4, lingerMs: 0 });
    done += first?.values.length ?? 0;
    first?.done();
    first?.release();
  }
  // when its next member reads one message, of one partition
  await using consumer = await open(topic, { groupId });
  const batch = await consumer.poll({ ...SOON, maxMessages: 1, lingerMs: 0 });
  expect(batch?.values).toHaveLength(1);
  // then all others count
  await waitUntil("the lag is complete", async () => (await consumer.lag())[0]?.messages === 60 - done, {
    timeoutMs: 20_000,
  });
});

test("the lag is what waits behind the last poll, and a group that has read everything has none", async () => {
  const topic = await freshTopic();
  await send(
    topic,
    numbers(0, 50).map((value) => ({ value })),
  );
  await using consumer = await open(topic);
  const first = await consumer.poll({ ...SOON, maxMessages: 10, lingerMs: 0 });
  expect(first?.values.length).toBeLessThanOrEqual(10);
  const read = first?.values.length ?? 0;
  expect(await consumer.lag()).toEqual([{ topic, messages: 50 - read }]);
  first?.done();
  first?.release();
  await take(consumer, 50 - read);
  expect(await consumer.lag()).toEqual([{ topic, messages: 0 }]);
  await consumer.close();
  expect(await consumer.lag()).toEqual([]);
});

// Publishing after the commit on a real outbox and a real broker, with the relay as a fallback.
import { afterAll, beforeAll, expect, test } from "bun:test";
import postgres from "postgres";
import type { Message } from "../../schemas/registry.ts";
import type { Topic } from "../../schemas/topics.ts";
import type { BatchProducer } from "../kernel/ports.ts";
import { openProducer } from "../platform/kafka/producer.ts";
import { readTopic } from "../platform/kafka/read-topic.ts";
import { Metrics } from "../platform/metrics.ts";
import { cloneDatabase, type TestDatabase } from "../testkit/database.ts";
import { freshTopic } from "../testkit/kafka.ts";
import { PlanWatch } from "../testkit/plans/watch.ts";
import { kafkaBrokers } from "../testkit/servers.ts";
import type { Envelope } from "./envelope.ts";
import { appendEnvelopes } from "./outbox.ts";
import { Publisher, PUBLISHER_GRACE_MS, publishing } from "./publisher.ts";
import { ANYTHING } from "../testkit/outbox-rule.ts";
import { Relay } from "./relay.ts";
import { publisherMetrics, relayMetrics } from "./telemetry.ts";

const SAGA = "0198c0de-0000-7000-8000-00000000000a";
const ignore = () => undefined;
const log = { info: ignore, warn: ignore, error: ignore };

let database: TestDatabase;
let producer: BatchProducer & AsyncDisposable;
beforeAll(async () => {
  database = await cloneDatabase("order");
  producer = await openProducer({ brokers: kafkaBrokers(), clientId: "test" });
});
afterAll(async () => {
  await producer[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

/** A publisher as a role has it; the producer stays open for the next test. */
function publisherWith(kafka: Pick<BatchProducer, "produce"> = producer): Publisher {
  const publisher = new Publisher({
    database: database.postgres,
    databaseName: "order",
    rule: ANYTHING,
    metrics: publisherMetrics(new Metrics()),
    log,
  });
  publisher.publishWith({ produce: (text) => kafka.produce(text), close: () => Promise.resolve() });
  return publisher;
}

function relay(
  graceMs: number,
  {
    kafka = producer,
    monotonic = () => performance.now(),
  }: { kafka?: BatchProducer; monotonic?: () => number } = {},
): Relay {
  return new Relay({
    database: database.postgres,
    databaseName: "order",
    rule: ANYTHING,
    producer: kafka,
    clock: { now: Date.now },
    metrics: relayMetrics(new Metrics()),
    log,
    graceMs,
    monotonic,
  });
}

/** One transaction that appends `n` messages. */
async function say(publisher: Publisher, topic: string, n: number): Promise<readonly Message[]> {
  const messages = Array.from({ length: n }, () => ({
    type: "OrderCreated",
    message_id: Bun.randomUUIDv7(),
    saga_id: SAGA,
  }));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the test reads nothing else of them
  const envelopes = messages.map((message) => ({ topic: topic as Topic, message }) as unknown as Envelope);
  await publishing(database.postgres, publisher).transaction(({ finish, ...transaction }) =>
    finish(appendEnvelopes(transaction, envelopes)),
  );
  return envelopes.map(({ message }) => message);
}

async function read(topic: string): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const batch of readTopic({ brokers: kafkaBrokers(), clientId: "test", topic }))
    values.push(...batch.values);
  return values;
}

async function unpublished(topic: string): Promise<number> {
  const [row] = await database.sql<
    [{ waiting: number }]
  >`select count(*) as waiting from outbox where topic = ${topic} and not published`;
  return row.waiting;
}

test("messages of a transaction reach Kafka without a relay, as the outbox has them, with key and type", async () => {
  const topic = await freshTopic();
  const publisher = publisherWith();
  const first = await say(publisher, topic, 3);
  const second = await say(publisher, topic, 2);
  await publisher[Symbol.asyncDispose]();
  expect(await read(topic)).toEqual([...first, ...second]);
  expect(await unpublished(topic)).toBe(0);
  for await (const batch of readTopic({ brokers: kafkaBrokers(), clientId: "test", topic })) {
    const { key, headers } = batch.raw(0);
    expect(String(key)).toBe(SAGA);
    expect(headers.map(([name, value]) => [name, String(value)])).toEqual([["type", "OrderCreated"]]);
  }
  const rows = await database.sql<{ payload: Message }[]>`
    select payload from outbox where topic = ${topic} order by event_id`;
  expect(rows.map(({ payload }) => payload)).toEqual([...first, ...second]);
});

test("the relay publishes the events of a dead process after the grace time, not before", async () => {
  const topic = await freshTopic();
  const net = relay(60_000);
  // A new relay begins with the whole backlog.
  while ((await net.runOnce()).processed > 0);
  const dying = publisherWith({ produce: () => new Promise(ignore) });
  const sent = await say(dying, topic, 2);
  expect(await net.runOnce()).toMatchObject({ processed: 0 });
  await database.sql`
    update outbox set created_at = created_at - interval '61 seconds' where topic = ${topic}`;
  expect(await net.runOnce()).toMatchObject({ processed: 2 });
  expect(await read(topic)).toEqual([...sent]);
  expect(await unpublished(topic)).toBe(0);
});

test("a woken relay takes everything written by then, however young, and leaves later events", async () => {
  const topic = await freshTopic();
  let ahead = 0;
  const net = relay(60_000, { monotonic: () => performance.now() + ahead });
  while ((await net.runOnce()).processed > 0);
  const dying = publisherWith({ produce: () => new Promise(ignore) });
  await say(dying, topic, 2);
  await database.sql`update outbox set created_at = created_at - interval '40 seconds' where topic = ${topic}`;
  expect(await net.runOnce()).toMatchObject({ processed: 0 });
  net.wake();
  ahead = 30_000;
  await say(dying, topic, 1);
  expect(await net.runOnce()).toMatchObject({ processed: 2 });
  expect(await unpublished(topic)).toBe(1);
  net.wake();
  expect(await net.runOnce()).toMatchObject({ processed: 1 });
  // It stays woken until it has scanned from the beginning, for which it uses a twentieth of its time: on a busy machine, seconds later.
  ahead += 600_000;
  await net.runOnce();
  await say(dying, topic, 1);
  expect(await net.runOnce()).toMatchObject({ processed: 0 });
});

test("the publisher does not wait for events that a relay has claimed: it marks the others, the relay marks its own", async () => {
  const topic = await freshTopic();
  const publisher = publisherWith();
  const held = Promise.withResolvers<undefined>();
  const begun = Promise.withResolvers<undefined>();
  const producing = {
    async produce(text: string) {
      begun.resolve(undefined);
      await held.promise;
      return producer.produce(text);
    },
    close: () => Promise.resolve(),
  };
  const silent = publisherWith({ produce: () => new Promise(ignore) });
  await say(silent, topic, 1);
  const net = relay(0, { kafka: producing });
  const claiming = net.runOnce();
  await begun.promise;
  await say(publisher, topic, 2);
  await publisher[Symbol.asyncDispose]();
  expect(await unpublished(topic)).toBe(1);
  held.resolve(undefined);
  await claiming;
  expect(await unpublished(topic)).toBe(0);
});

test("during a dump a relay does not scan the events that others have marked", async () => {
  const watch = new PlanWatch();
  await using watched = await watch.clone("order");
  let time = 0;
  const net = new Relay({
    database: watched.postgres,
    databaseName: "order",
    rule: ANYTHING,
    producer,
    clock: { now: Date.now },
    // Each claim takes 100 ms, so after a scan from the beginning the next one comes 2,000 ms later.
    monotonic: () => (time += 100),
    metrics: relayMetrics(new Metrics()),
    log,
    graceMs: PUBLISHER_GRACE_MS,
  });
  /** The blocks that the claim of one run reads. */
  const run = async () => {
    watch.plans = [];
    expect(await net.runOnce()).toMatchObject({ processed: 0 });
    return watch.plans.find(({ text }) => text.includes("skip locked"))?.plan["Shared Hit Blocks"] ?? 0;
  };
  const dump = postgres(watched.url, { max: 1, onnotice: ignore });
  await using _ = { [Symbol.asyncDispose]: () => dump.end() };
  await dump.begin("isolation level repeatable read", async (tx) => {
    await tx`select from outbox limit 1`;
    await watched.sql`
      insert into outbox (event_id, topic, partition_key, payload, headers)
      select uuidv7(interval '-1 hour'), 'topic', 'saga', '{}', '{}' from generate_series(1, 20000)`;
    await watched.sql`update outbox set published = true, published_at = now()`;
    const walk = await run();
    expect(walk).toBeGreaterThan(200);
    for (let claims = 0; claims < 3; claims += 1) expect(await run()).toBeLessThan(walk / 4);
  });
});

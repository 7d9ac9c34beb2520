// The relay on a real outbox and a real broker: every event reaches Kafka, with any number of relays, and when one of them dies.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import postgres from "postgres";
import type { OutboxRule } from "../../schemas/outbox-rules.ts";
import { type BatchProducer, FIELD_SEPARATOR, RECORD_SEPARATOR } from "../kernel/ports.ts";
import { openProducer } from "../platform/kafka/producer.ts";
import { readTopic } from "../platform/kafka/read-topic.ts";
import { Metrics } from "../platform/metrics.ts";
import { openPostgres } from "../platform/postgres.ts";
import { cloneDatabase, type TestDatabase } from "../testkit/database.ts";
import { freshTopic } from "../testkit/kafka.ts";
import { PlanWatch } from "../testkit/plans/watch.ts";
import { kafkaBrokers } from "../testkit/servers.ts";
import type { Database } from "./database.ts";
import { OUTBOX_CHANNEL } from "./outbox.ts";
import { ANYTHING } from "../testkit/outbox-rule.ts";
import { Relay } from "./relay.ts";
import { relayMetrics } from "./telemetry.ts";

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
afterEach(async () => {
  await database.sql`truncate outbox`;
});

const logged: string[] = [];
const note = (_fields: object, message: string) => void logged.push(message);

function relay(
  options: {
    producer?: BatchProducer;
    metrics?: Metrics;
    batchEvents?: number;
    now?: () => number;
    rule?: OutboxRule;
    database?: Database;
    graceMs?: number;
  } = {},
): Relay {
  return new Relay({
    database: options.database ?? database.postgres,
    databaseName: "order",
    rule: options.rule ?? ANYTHING,
    producer: options.producer ?? producer,
    clock: { now: options.now ?? Date.now },
    metrics: relayMetrics(options.metrics ?? new Metrics()),
    log: { info: note, warn: note, error: note },
    ...(options.batchEvents === undefined ? {} : { batchEvents: options.batchEvents }),
    ...(options.graceMs === undefined ? {} : { graceMs: options.graceMs }),
  });
}

/** Appends one event per body, in order, as a service's transaction does. */
async function append(topic: string, bodies: readonly object[]): Promise<string[]> {
  const rows = bodies.map((payload) => ({ event_id: Bun.randomUUIDv7(), payload }));
  await database.sql`
    insert into outbox (event_id, topic, partition_key, payload, headers)
    select event_id, ${topic}::text, 'saga-1', payload, '{"type": "Counted"}'
      from json_to_recordset(${JSON.stringify(rows)}::text::json) as event (event_id uuid, payload jsonb)`;
  return rows.map(({ event_id }) => event_id);
}

async function unpublished(): Promise<string[]> {
  const rows = await database.sql<
    { event_id: string }[]
  >`select event_id from outbox where not published order by event_id`;
  return rows.map((row) => row.event_id);
}

/** All bodies in the topic, in the order of the log. */
async function read(topic: string): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const batch of readTopic({ brokers: kafkaBrokers(), clientId: "test", topic }))
    values.push(...batch.values);
  return values;
}

/** Runs until this relay can claim no more events. */
async function drain(one: Relay): Promise<void> {
  while ((await one.runOnce()).processed > 0);
}

test("publishes in order, with key, type and body, and marks what Kafka has", async () => {
  const topic = await freshTopic();
  const bodies = [{ n: 1, text: "grüße \u001e\u001f 👋" }, { n: 2 }, { n: 3 }];
  await append(topic, bodies);
  expect(await relay().runOnce()).toMatchObject({ processed: 3 });
  expect(await unpublished()).toEqual([]);
  expect(await relay().runOnce()).toMatchObject({ processed: 0 });
  for await (const batch of readTopic({ brokers: kafkaBrokers(), clientId: "test", topic })) {
    expect(batch.values).toEqual(bodies);
    const { key, headers } = batch.raw(0);
    expect(String(key)).toBe("saga-1");
    expect(headers.map(([name, value]) => [name, String(value)])).toEqual([["type", "Counted"]]);
  }
});

test("published events stay in the outbox, so that they can be published again after Kafka loses them", async () => {
  const ids = await append(await freshTopic(), [{ n: 1 }, { n: 2 }]);
  await relay().runOnce();
  const kept = await database.sql`select event_id, payload, published from outbox order by event_id`;
  expect(kept).toMatchObject(
    ids.map((event_id, n) => ({ event_id, payload: { n: n + 1 }, published: true })),
  );
});

test("a relay with nothing to do asks without a transaction, and claims again as soon as something waits", async () => {
  const topic = await freshTopic();
  const { postgres: own } = database;
  let transactions = 0;
  const one = relay({
    database: {
      sql: own.sql,
      transaction: (work) => {
        transactions += 1;
        return own.transaction(work);
      },
      listen: (...args) => own.listen(...args),
      faultOf: (error) => own.faultOf(error),
    },
  });
  for (let runs = 0; runs < 5; runs += 1) expect(await one.runOnce()).toMatchObject({ processed: 0 });
  expect(transactions).toBe(1);
  await append(topic, [{ n: 1 }]);
  expect(await one.runOnce()).toMatchObject({ processed: 1 });
  expect(await read(topic)).toEqual([{ n: 1 }]);
  // After events it claims at once, until a claim finds nothing.
  await append(topic, [{ n: 2 }]);
  expect(await one.runOnce()).toMatchObject({ processed: 1 });
  expect(transactions).toBe(3);
});

test("an idle relay says that an event waits which it leaves to its writer, and that one is with another relay", async () => {
  const one = relay({ graceMs: 60_000 });
  await drain(one);
  expect(await one.runOnce()).toEqual({ processed: 0, hasMore: false, isBlocked: false });
  const [id = ""] = await append(await freshTopic(), [{ n: 1 }]);
  expect(await one.runOnce()).toEqual({ processed: 0, hasMore: false, isBlocked: true });
  await database.sql`update outbox set created_at = clock_timestamp() - interval '2 minutes' where event_id = ${id}`;
  await database.sql.begin(async (other) => {
    await other`select from outbox where event_id = ${id} for update`;
    expect(await one.runOnce()).toEqual({ processed: 0, hasMore: false, isBlocked: true });
  });
  expect(await one.runOnce()).toMatchObject({ processed: 1 });
});

test.each([
  { what: "gets no answer", ask: () => new Promise(() => undefined) },
  // Like the driver's, it is sent when it is awaited: a part of a statement is not.
  {
    what: "fails",
    ask: () => ({
      // oxlint-disable-next-line unicorn/no-thenable -- it stands for a statement of the driver
      then: (_: unknown, reject: (e: Error) => void) => reject(new Error("the connection is gone")),
    }),
  },
])("a relay whose question $what claims all the same", async ({ ask }) => {
  const topic = await freshTopic();
  const { postgres: own } = database;
  const one = relay({
    database: {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the relay calls it as a template tag only
      sql: ask as unknown as Database["sql"],
      transaction: (work) => own.transaction(work),
      listen: (...args) => own.listen(...args),
      faultOf: (error) => own.faultOf(error),
    },
  });
  expect(await one.runOnce()).toMatchObject({ processed: 0 });
  await append(topic, [{ n: 1 }]);
  expect(await one.runOnce()).toMatchObject({ processed: 1 });
});

test("several relays on one outbox share it: each event is published exactly once", async () => {
  const topic = await freshTopic();
  const count = 3_000;
  await append(
    topic,
    Array.from({ length: count }, (_, n) => ({ n })),
  );
  await Promise.all([1, 2, 3].map(() => drain(relay({ batchEvents: 100 }))));
  const values = await read(topic);
  expect(values).toHaveLength(count);
  expect(new Set(values.map((value) => JSON.stringify(value))).size).toBe(count);
  expect(await unpublished()).toEqual([]);
});

test("a relay that dies with a claim loses nothing and blocks nothing", async () => {
  const topic = await freshTopic();
  await append(topic, [{ n: 1 }, { n: 2 }]);
  await using dying = openPostgres({ url: database.url, poolSize: 2, applicationName: "dying relay" });
  // Its connection ends, as with its process, when Kafka has the events and before the outbox is marked.
  const dead = new Relay({
    database: dying,
    databaseName: "order",
    rule: ANYTHING,
    producer: {
      async produce(text) {
        const failures = await producer.produce(text);
        await database.sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'dying relay'`;
        return failures;
      },
      close: () => Promise.resolve(),
    },
    clock: { now: Date.now },
    metrics: relayMetrics(new Metrics()),
    log: { info: note, warn: note, error: note },
  });
  const outcome = await dead.runOnce().catch((error: unknown) => error);
  expect(outcome).toMatchObject({ code: "DATABASE_UNAVAILABLE" });
  expect(await unpublished()).toHaveLength(2);
  expect(await relay().runOnce()).toMatchObject({ processed: 2 });
  // At least once: the inbox of every consumer drops the second copy.
  expect(await read(topic)).toEqual([{ n: 1 }, { n: 2 }, { n: 1 }, { n: 2 }]);
});

test("an event that Kafka rejects stays, is logged, and delays no other", async () => {
  const topic = await freshTopic();
  const ids = await append(topic, [{ n: 1 }, { text: "x".repeat(2_000_000) }, { n: 3 }]);
  let time = Date.now();
  const metrics = new Metrics();
  const one = relay({ batchEvents: 1, metrics, now: () => time });
  await drain(one);
  expect(await unpublished()).toEqual(ids.slice(1, 2));
  expect(await read(topic)).toEqual([{ n: 1 }, { n: 3 }]);
  expect(logged).toContain("Kafka rejects an event; it stays unpublished and is retried later");
  expect((await metrics.expose()).text).toContain('code="MSG_SIZE_TOO_LARGE"');
  // It is retried later, and newer events are published beside it.
  time += 31_000;
  await append(topic, [{ n: 4 }]);
  await drain(one);
  expect(await read(topic)).toEqual([{ n: 1 }, { n: 3 }, { n: 4 }]);
  expect(await unpublished()).toHaveLength(1);
});

test("small events pass a topic whose limit is below the size of their batch", async () => {
  const topic = await freshTopic(1, { "max.message.bytes": "20000" });
  const bodies = Array.from({ length: 200 }, (_, n) => ({ n, text: "x".repeat(1_000) }));
  const ids = await append(topic, [...bodies, { text: "x".repeat(30_000) }]);
  expect(await relay().runOnce()).toMatchObject({ processed: 201 });
  // Only the event that is too large by itself stays.
  expect(await unpublished()).toEqual(ids.slice(-1));
  const published = await read(topic);
  expect(published).toHaveLength(200);
  expect(published).toEqual(expect.arrayContaining(bodies));
});

test("the transaction that appends wakes the relay", async () => {
  const woken = Promise.withResolvers<void>();
  const stop = await database.postgres.listen(OUTBOX_CHANNEL, () => woken.resolve());
  await database.sql`select pg_notify(${OUTBOX_CHANNEL}, '')`;
  await woken.promise;
  await stop();
});

test("the gauges show how much waits and since when", async () => {
  const topic = await freshTopic();
  await append(topic, [{ n: 1 }, { n: 2 }]);
  const metrics = new Metrics();
  await relay({ metrics, now: () => Date.now() + 60_000 }).measure();
  const { text } = await metrics.expose();
  expect(text).toContain('outbox_unpublished{database="order"} 2');
  expect(text).toMatch(/oldest_unpublished_seconds\{database="order"\} 6\d\./);
});

test("during a dump claims do not scan what was published since, and late events are found", async () => {
  const watch = new PlanWatch();
  await using watched = await watch.clone("order");
  let time = 0;
  const one = new Relay({
    database: watched.postgres,
    databaseName: "order",
    rule: ANYTHING,
    producer: { produce: () => Promise.resolve([]), close: () => Promise.resolve() },
    clock: { now: Date.now },
    monotonic: () => (time += 100),
    metrics: relayMetrics(new Metrics()),
    log: { info: note, warn: note, error: note },
  });
  const write = (count: number, ageMs: number) => watched.sql`
    insert into outbox (event_id, topic, partition_key, payload, headers)
    select uuidv7(${`-${ageMs} ms`}::interval), 'topic', 'saga', '{}', '{}' from generate_series(1, ${count})`;
  /** The blocks that the claim of one run reads, and how many events it published. */
  const run = async () => {
    watch.plans = [];
    const { processed } = await one.runOnce();
    const claim = watch.plans.find(({ text }) => text.includes("skip locked"));
    return { processed, blocks: claim?.plan["Shared Hit Blocks"] ?? 0 };
  };
  // given a dump, and thousands of events published since it began
  const dump = postgres(watched.url, { max: 1, onnotice: () => undefined });
  await using _ = { [Symbol.asyncDispose]: () => dump.end() };
  await dump.begin("isolation level repeatable read", async (tx) => {
    await tx`select from outbox limit 1`;
    await write(20_000, 3_600_000);
    while ((await run()).processed > 0);
    const walkLater = async () => {
      await write(1, 0);
      time += 60_000;
      return run();
    };
    await walkLater();
    const walk = await walkLater();
    expect(walk.processed).toBe(1);
    expect(walk.blocks).toBeGreaterThan(200);
    // when, then
    await write(1, 0);
    const claim = await run();
    expect(claim.processed).toBe(1);
    expect(claim.blocks).toBeLessThan(walk.blocks / 4);
    // A clock that is an hour behind, or a transaction that took an hour.
    await write(1, 3_600_000);
    expect(await run()).toMatchObject({ processed: 0 });
    time += 60_000;
    expect(await run()).toMatchObject({ processed: 1 });
  });
});

describe("events that this outbox may not send", () => {
  /** As of a database whose service has this one topic. */
  const ruleFor = (topic: string): OutboxRule => ({
    maySend: (to, type) => to === topic && type === "Counted",
    pairs: [[topic, "Counted"]],
  });

  async function forge(topic: string, type: string, key = "saga-1"): Promise<string> {
    const event_id = Bun.randomUUIDv7();
    await database.sql`
      insert into outbox (event_id, topic, partition_key, payload, headers)
      values (${event_id}, ${topic}, ${key}, '{"forged": true}', ${JSON.stringify({ type })}::text::jsonb)`;
    return event_id;
  }

  test("stay unpublished, however many, while all others go; they are counted, logged, and sent by a relay that knows them", async () => {
    const [own, other] = [await freshTopic(), await freshTopic()];
    const forged = [
      await forge(other, "Counted"),
      await forge(own, "PaymentSucceeded"),
      await forge(own, ""),
    ];
    await append(own, [{ n: 1 }]);
    // More than a batch: without the filter a relay would see nothing but these.
    for (let n = 0; n < 12; n += 1) forged.push(await forge(other, "Counted"));
    await append(own, [{ n: 2 }, { n: 3 }]);
    const metrics = new Metrics();
    const one = relay({ rule: ruleFor(own), batchEvents: 5, metrics });
    logged.length = 0;
    await drain(one);
    expect(await read(own)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(await read(other)).toEqual([]);
    expect(await unpublished()).toEqual(forged.toSorted());
    expect(logged.filter((line) => line.includes("may not send")).length).toBeGreaterThan(0);
    await one.measure();
    const text = (await metrics.expose()).text;
    expect(text).toMatch(/checkout_outbox_refused\{database="order"\} 15\n/);
    // They do not wait for Kafka.
    expect(text).toMatch(/checkout_outbox_unpublished\{database="order"\} 0\n/);
    expect(text).toMatch(/checkout_outbox_oldest_unpublished_seconds\{database="order"\} 0\n/);

    await append(own, [{ n: 4 }]);
    await drain(one);
    expect(await read(own)).toHaveLength(4);

    await database.sql`delete from outbox where event_id = any(${forged.slice(1)}::uuid[])`;
    await drain(relay());
    expect(await read(other)).toEqual([{ forged: true }]);
    const after = new Metrics();
    const third = relay({ rule: ruleFor(own), metrics: after });
    await third.runOnce();
    await third.measure();
    expect((await after.expose()).text).toMatch(/checkout_outbox_refused\{database="order"\} 0\n/);
  });

  test("the alert ends when the rows are gone", async () => {
    const [own, other] = [await freshTopic(), await freshTopic()];
    await forge(other, "Counted");
    const metrics = new Metrics();
    const one = new Relay({
      database: database.postgres,
      databaseName: "order",
      rule: ruleFor(own),
      producer,
      clock: { now: Date.now },
      metrics: relayMetrics(metrics),
      log: { info: note, warn: note, error: note },
      // Measures whenever it is asked.
      monotonic: () => 0,
    });
    await one.runOnce();
    await one.measure();
    expect((await metrics.expose()).text).toMatch(/checkout_outbox_refused\{database="order"\} 1\n/);
    await database.sql`truncate outbox`;
    await one.measure();
    expect((await metrics.expose()).text).toMatch(/checkout_outbox_refused\{database="order"\} 0\n/);
  });

  test("a key that holds whole records is one key", async () => {
    const [own, other] = [await freshTopic(), await freshTopic()];
    const smuggled = [other, "saga-2", "Counted", '{"smuggled": true}'].join(FIELD_SEPARATOR);
    const rest = ["Counted", "{}", ""].join(FIELD_SEPARATOR);
    await forge(own, "Counted", `saga-1${FIELD_SEPARATOR}${rest}${RECORD_SEPARATOR}${smuggled}`);
    await append(own, [{ n: 1 }]);
    await drain(relay({ rule: ruleFor(own) }));
    expect(await read(other)).toEqual([]);
    expect(await read(own)).toContainEqual({ n: 1 });
    expect(await read(own)).toContainEqual({ forged: true });
    expect(await unpublished()).toEqual([]);
  });
});

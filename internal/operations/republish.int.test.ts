// Rebuilds a wiped Kafka topic from the outbox, with messages that were handled and messages that were not.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { CancelOrder } from "../../schemas/commands.ts";
import { TOPICS } from "../../schemas/topics.ts";
import type { BatchProducer } from "../kernel/ports.ts";
import { OUTBOX_CHANNEL } from "../messaging/outbox.ts";
import { measureBacklog } from "../messaging/relay-store.ts";
import { Relay, RELAY_DELIVERY_TIMEOUT_MS } from "../messaging/relay.ts";
import { relayMetrics } from "../messaging/telemetry.ts";
import { openAdmin } from "../platform/kafka/admin.ts";
import { openReconnectingProducer } from "../platform/kafka/reconnecting-producer.ts";
import { readTopic } from "../platform/kafka/read-topic.ts";
import { waitUntil } from "../stack/wait.ts";
import { cancelOrder } from "../testkit/commands.ts";
import { CountingService } from "../testkit/counting-service.ts";
import { cloneDatabase, type TestDatabase } from "../testkit/database.ts";
import { kafkaBrokers } from "../testkit/servers.ts";
import { noLog, noMeter } from "../testkit/noop-telemetry.ts";
import {
  planRepublish,
  republish,
  type RepublishOptions,
  type RepublishProgress,
  stretchOf,
  type Times,
} from "./republish.ts";

const HOUR_MS = 60 * 60 * 1_000;
const KAFKA = { brokers: kafkaBrokers(), clientId: "test" };

let service: CountingService;
/** The sender's database, which also keeps the audit trail. */
let saga: TestDatabase;
/** The relay's producer; it stays open while Kafka is wiped. */
let producer: BatchProducer & AsyncDisposable;
beforeAll(async () => {
  [service, saga, producer] = await Promise.all([
    CountingService.create(),
    cloneDatabase("saga"),
    openReconnectingProducer({ ...KAFKA, deliveryTimeoutMs: RELAY_DELIVERY_TIMEOUT_MS }),
  ]);
});
beforeEach(async () => {
  await saga.sql`truncate outbox, operator_actions`;
});
afterAll(async () => {
  await producer[Symbol.asyncDispose]();
  await Promise.all([service[Symbol.asyncDispose](), saga[Symbol.asyncDispose]()]);
});

/** Writes commands to the outbox, as the sender's transaction does. */
async function say(commands: readonly CancelOrder[]): Promise<void> {
  await saga.sql`
    insert into outbox (event_id, topic, partition_key, payload, headers)
    select (payload ->> 'message_id')::uuid, ${service.topic}::text, payload ->> 'saga_id', payload, '{"type": "CancelOrder"}'
      from jsonb_array_elements(${JSON.stringify(commands)}::text::jsonb) payload`;
}

function openRelay(): Relay {
  return new Relay({
    database: saga.postgres,
    databaseName: "saga",
    producer,
    clock: { now: Date.now },
    metrics: relayMetrics(noMeter),
    log: noLog,
  });
}

/** Runs the relay until the outbox is empty. It continues after a failure: the producer may reconnect after the wipe. */
async function drain(): Promise<void> {
  const relay = openRelay();
  await waitUntil(
    "the outbox is published",
    async () => {
      await relay.runOnce();
      return (await measureBacklog(saga.sql, 1)).unpublished === 0;
    },
    { timeoutMs: 20_000 },
  );
}

async function wipeKafka(): Promise<void> {
  await using admin = await openAdmin(KAFKA);
  await admin.deleteTopics([service.topic]);
  const layout = { topic: service.topic, partitions: 1, replicationFactor: 1 };
  const isMade = async () => (await admin.createTopics([layout])).created.length === 1;
  await waitUntil("the topic is deleted and created again", isMade, { timeoutMs: 20_000 });
}

/** Every message in the topic: key, value and headers. */
async function inKafka(): Promise<readonly object[]> {
  const messages: object[] = [];
  for await (const batch of readTopic({ ...KAFKA, topic: service.topic }))
    for (const index of batch.values.keys()) {
      const { key, value, headers } = batch.raw(index);
      messages.push({ key: String(key), value: String(value), headers: headers.map(String) });
    }
  return messages;
}

const SINCE_AN_HOUR: Times = { since: Date.now() - HOUR_MS, until: null, publishedBefore: null };

async function options(
  overrides: Partial<RepublishOptions> = {},
  times: Partial<Times> = {},
): Promise<RepublishOptions> {
  const outboxes = new Map([["saga", saga.sql]] as const);
  return {
    outboxes,
    trail: saga.sql,
    stretch: await stretchOf(outboxes, saga.sql, { ...SINCE_AN_HOUR, ...times }),
    clock: { now: Date.now },
    newId: () => Bun.randomUUIDv7(),
    actor: "ada",
    reason: "lost both disks",
    signal: new AbortController().signal,
    onProgress: () => undefined,
    ...overrides,
  };
}

const commands = (count: number) => Array.from({ length: count }, () => cancelOrder(Bun.randomUUIDv7()));
const waiting = async () =>
  (
    await saga.sql<{ event_id: string }[]>`select event_id from outbox where not published order by event_id`
  ).map(({ event_id }) => event_id);
const idsOf = (said: readonly CancelOrder[]) => said.map(({ message_id }) => message_id);
/** Marks everything as published, as the relay does, but without a broker. Returns the ids. */
async function takeAll(): Promise<string[]> {
  const taken = await saga.sql<{ event_id: string }[]>`
    update outbox set published = true, published_at = clock_timestamp() where not published returning event_id`;
  return taken.map(({ event_id }) => event_id).toSorted();
}
const trail = () => saga.sql<{ outcome: string; detail: string }[]>`
  select action, subject, actor, reason, outcome, detail from operator_actions order by action_id`;

test("after Kafka is wiped, republishing restores every message byte for byte, and only unhandled ones take effect", async () => {
  // given three handled messages and two unread ones
  const [handled, lost] = [commands(3), commands(2)];
  // Redis is unreachable, so only the inbox detects duplicates.
  const alone = { redisUrl: "redis://127.0.0.1:1" };
  await say(handled);
  await drain();
  {
    await using before = await service.start(alone);
    await before.handle(3);
  }
  await say(lost);
  await drain();
  const had = await inKafka();
  expect(had).toHaveLength(5);
  await wipeKafka();
  expect(await inKafka()).toEqual([]);
  // when
  const report = await republish(await options());
  await drain();
  // then
  expect(report).toMatchObject({ outboxes: [{ database: "saga", events: 5 }], interrupted: false });
  expect(await inKafka()).toEqual(had);
  await using after = await service.start(alone);
  expect(await after.handle(5)).toEqual({ handled: 2, duplicates: 3, retriesScheduled: 0, deadLettered: 0 });
  expect(await service.counts()).toEqual(
    Object.fromEntries([...handled, ...lost].map(({ saga_id }) => [saga_id, 1])),
  );
});

test("a dry run only counts; a real run records actor, reason and detail in the audit trail", async () => {
  const said = commands(2);
  await say(said);
  await takeAll();
  expect(await planRepublish(await options())).toMatchObject([{ database: "saga", events: 2 }]);
  expect(await waiting()).toEqual([]);
  await republish(await options());
  expect(await waiting()).toEqual(idsOf(said));
  const act = { action: "outbox.republish", subject: "saga", actor: "ada", reason: "lost both disks" };
  expect(await trail()).toMatchObject([
    { ...act, outcome: "republished", detail: expect.stringMatching(/^2 events from /) },
  ]);
});

test("only published events inside the time range are published again; waiting events are not touched", async () => {
  const said = commands(2);
  const [first] = said;
  if (first === undefined) throw new Error("two were made");
  await say(said);
  await takeAll();
  const [third] = commands(1);
  if (third !== undefined) await say([third]);
  const written = Number.parseInt(first.message_id.replace("-", "").slice(0, 12), 16);
  const count = async (times: Partial<Times>) =>
    (await republish(await options({}, times))).outboxes.map(({ events }) => events);
  expect(await count({ since: written - HOUR_MS, until: written })).toEqual([0]);
  expect(await count({ since: written + HOUR_MS })).toEqual([0]);
  expect(await count({})).toEqual([2]);
  expect(await count({})).toEqual([0]);
  expect(await waiting()).toHaveLength(3);
});

test("an event that a fast clock dated tomorrow is also published again", async () => {
  const tomorrow = Bun.randomUUIDv7("hex", Date.now() + 24 * HOUR_MS);
  const [command] = commands(1);
  if (command === undefined) throw new Error("one was made");
  await say([{ ...command, message_id: tomorrow }]);
  await takeAll();
  await republish(await options());
  expect(await waiting()).toEqual([tomorrow]);
});

test("mails that the notification service may have forgotten are left out, because it would send them again", async () => {
  const ids = [22, 24].map((hours) => Bun.randomUUIDv7("hex", Date.now() - hours * HOUR_MS));
  await say(commands(2).map((command, index) => ({ ...command, message_id: ids[index] ?? "" })));
  await saga.sql`update outbox set topic = ${TOPICS.notifications}`;
  await takeAll();
  await republish(await options({}, { since: Date.now() - 48 * HOUR_MS }));
  expect(await waiting()).toEqual(ids.slice(0, 1));
});

test("at most the limit waits for the relay, oldest first; each batch wakes it, and a slow relay is reported", async () => {
  const said = commands(7);
  await say(said);
  await takeAll();
  const limits = { batch: 2, maxWaiting: 4, tellEveryMs: 100 };
  const seen: RepublishProgress[] = [];
  let notified = 0;
  const stop = await saga.postgres.listen(OUTBOX_CHANNEL, () => void notified++);
  const before = notified;
  const rounds: string[][] = [];
  const onProgress = (progress: RepublishProgress) => void seen.push(progress);
  const run = republish(await options({ limits, onProgress }));
  // Take nothing until the run reports that it waits.
  const isWaiting = () => seen.at(-1)?.isWaiting === true;
  await waitUntil("the run reports that it waits for the relay", isWaiting, { timeoutMs: 20_000 });
  const takesAll = async () => rounds.push(await takeAll()) > 0 && rounds.flat().length === said.length;
  await waitUntil("the relay has taken all", takesAll, { timeoutMs: 20_000 });
  await run;
  await waitUntil("the relay was woken", () => notified - before >= 4, { timeoutMs: 5_000 });
  await stop();
  expect(rounds[0]).toEqual(idsOf(said.slice(0, 4)));
  expect(rounds.flat()).toEqual(idsOf(said));
  expect(Math.max(...rounds.map(({ length }) => length))).toBe(4);
  expect(seen.at(-1)).toEqual({ database: "saga", events: 7, of: 7, isWaiting: false });
});

test("an interrupted run continues where it stopped and skips events that were published again meanwhile", async () => {
  const said = commands(5);
  await say(said);
  await takeAll();
  const stop = new AbortController();
  const first = await options({
    limits: { batch: 2, maxWaiting: 4, tellEveryMs: 5_000 },
    signal: stop.signal,
    onProgress: () => stop.abort(),
  });
  expect(await republish(first)).toMatchObject({ outboxes: [{ events: 2 }], interrupted: true });
  expect(await waiting()).toEqual(idsOf(said.slice(0, 2)));
  await takeAll();
  const rest = await options({}, { publishedBefore: first.stretch.publishedBefore });
  expect(await republish(rest)).toMatchObject({ outboxes: [{ events: 3 }], interrupted: false });
  expect(await waiting()).toEqual(idsOf(said.slice(2)));
  expect((await trail()).map(({ outcome }) => outcome)).toEqual(["interrupted", "republished"]);
});

test("the plan reports the oldest event in the outbox", async () => {
  expect(await planRepublish(await options())).toEqual([{ database: "saga", events: 0, oldest_at: null }]);
  const before = Date.now();
  await say(commands(2));
  const [{ oldest_at } = { oldest_at: null }] = await planRepublish(await options());
  expect(oldest_at).toBeWithin(before, Date.now() + 1);
});

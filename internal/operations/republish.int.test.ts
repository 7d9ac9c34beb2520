// Publishes an outbox again by a plan and its run, on a real Postgres and a real Kafka: rebuilds a wiped topic, with messages that were
// handled and messages that were not; stopped half-way, and continued after an executor was killed.
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
import { openPostgres } from "../platform/postgres.ts";
import { readTopic } from "../platform/kafka/read-topic.ts";
import { waitUntil } from "../stack/wait.ts";
import { cancelOrder } from "../testkit/commands.ts";
import { CountingService } from "../testkit/counting-service.ts";
import { cloneDatabase, type TestDatabase } from "../testkit/database.ts";
import { kafkaBrokers } from "../testkit/servers.ts";
import { ANYTHING } from "../testkit/outbox-rule.ts";
import { noLog, noMeter } from "../testkit/noop-telemetry.ts";
import { ADA, testContext, testExecutor } from "../testkit/bulk.ts";
import { errorOf } from "../testkit/kafka.ts";
import type { BulkContext } from "./bulk-context.ts";
import {
  createRepublishPlan,
  previewRepublish,
  type RepublishPreview,
  type RepublishRequest,
} from "./plan-republish.ts";
import { itemsOf, planOf, type RunView } from "./plans.ts";
import { followRun } from "./run-report.ts";
import { republishBatch } from "./run-republish.ts";
import { nextItems, takeRun } from "./run-store.ts";
import { startRun, stopRun } from "./runs.ts";

const HOUR_MS = 60 * 60 * 1_000;
/** How long the statements of a page may take here. */
const PAGE_MS = 300;
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
  await saga.sql`truncate outbox, operator_actions, operator_plans cascade`;
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
    rule: ANYTHING,
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

/** One database stands for all: only the saga's outbox is published again. */
function contextOf({ sql }: TestDatabase): BulkContext {
  return testContext({ saga: sql, inventory: sql, payment: sql, order: sql }, []);
}

function request(overrides: Partial<RepublishRequest> = {}): RepublishRequest {
  const times = { since: Date.now() - HOUR_MS, until: null, publishedBefore: null };
  return { databases: ["saga"], ratePerSecond: 10_000, ...times, ...overrides };
}

/** A plan and the start of its run. */
async function started(overrides: Partial<RepublishRequest> = {}): Promise<RunView> {
  const context = contextOf(saga);
  const { plan_id, totals } = await createRepublishPlan(context, ADA, request(overrides));
  return startRun(context, ADA, plan_id, { reason: "lost both disks", typedCount: totals.units });
}

/** Executes the run to its end. */
async function followed({ plan_id: planId }: RunView): Promise<RunView> {
  const { signal } = new AbortController();
  await using executor = testExecutor(contextOf(saga), { planId });
  return followRun({ saga: saga.sql, planId, executor, signal });
}

const republished = async (overrides: Partial<RepublishRequest> = {}) => followed(await started(overrides));

const commands = (count: number) => Array.from({ length: count }, () => cancelOrder(Bun.randomUUIDv7()));
const waiting = async () =>
  (
    await saga.sql<{ event_id: string }[]>`select event_id from outbox where not published order by event_id`
  ).map(({ event_id }) => event_id);
const idsOf = (sent: readonly CancelOrder[]) => sent.map(({ message_id }) => message_id);
/** Marks everything as published, as the relay does, but without a broker. Returns the ids. */
async function takeAll(): Promise<string[]> {
  const taken = await saga.sql<{ event_id: string }[]>`
    update outbox set published = true, published_at = clock_timestamp() where not published returning event_id`;
  return taken.map(({ event_id }) => event_id).toSorted();
}
const trail = () => saga.sql<{ outcome: string; detail: string }[]>`
  select action, subject, actor, reason, outcome, detail from operator_actions
   where action = 'outbox.republish' order by action_id`;

test("after Kafka is wiped, a run restores every message byte for byte, and only unhandled ones take effect", async () => {
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
  const run = await republished();
  await drain();
  // then
  expect(run).toMatchObject({ state: "done", units_done: 5 });
  expect(await inKafka()).toEqual(had);
  await using after = await service.start(alone);
  expect(await after.handle(5)).toEqual({ handled: 2, duplicates: 3, retriesScheduled: 0, deadLettered: 0 });
  expect(await service.counts()).toEqual(
    Object.fromEntries([...handled, ...lost].map(({ saga_id }) => [saga_id, 1])),
  );
});

test("a preview only counts; a run records actor, reason and detail in the audit trail", async () => {
  const sent = commands(2);
  await say(sent);
  await takeAll();
  expect(await previewRepublish(contextOf(saga), request())).toMatchObject({
    outboxes: [{ database: "saga", events: 2 }],
    totals: { units: 2 },
  });
  expect(await waiting()).toEqual([]);
  expect(await saga.sql`select from operator_plans`).toHaveLength(0);
  await republished();
  expect(await waiting()).toEqual(idsOf(sent));
  const act = { action: "outbox.republish", subject: "saga", actor: "ada", reason: "lost both disks" };
  expect(await trail()).toMatchObject([
    { ...act, outcome: "republished", detail: expect.stringMatching(/^2 events from /) },
  ]);
});

test("only published events inside the time range are published again; waiting events are not touched", async () => {
  const sent = commands(2);
  const [first] = sent;
  if (first === undefined) throw new Error("two were made");
  await say(sent);
  await takeAll();
  const [third] = commands(1);
  if (third !== undefined) await say([third]);
  const written = Number.parseInt(first.message_id.replace("-", "").slice(0, 12), 16);
  for (const nothing of [
    { since: written - HOUR_MS, until: written },
    { since: written + HOUR_MS, until: written + 2 * HOUR_MS },
  ])
    expect(await errorOf(started(nothing))).toMatchObject({ refusal: "nothing-open" });
  expect(await republished()).toMatchObject({ units_done: 2 });
  expect(await errorOf(started())).toMatchObject({ refusal: "nothing-open" });
  expect(await waiting()).toHaveLength(3);
});

test("an event that a fast clock dated tomorrow is also published again", async () => {
  const tomorrow = Bun.randomUUIDv7("hex", Date.now() + 24 * HOUR_MS);
  const [command] = commands(1);
  if (command === undefined) throw new Error("one was made");
  await say([{ ...command, message_id: tomorrow }]);
  await takeAll();
  await republished();
  expect(await waiting()).toEqual([tomorrow]);
});

test("mails that the notification service may have forgotten are left out, because it would send them again", async () => {
  const ids = [22, 24].map((hours) => Bun.randomUUIDv7("hex", Date.now() - hours * HOUR_MS));
  await say(commands(2).map((command, index) => ({ ...command, message_id: ids[index] ?? "" })));
  await saga.sql`update outbox set topic = ${TOPICS.notifications}`;
  await takeAll();
  await republished({ since: Date.now() - 48 * HOUR_MS });
  expect(await waiting()).toEqual(ids.slice(0, 1));
});

test("a mail that gets too old after the count is left out, and the run says so", async () => {
  const ids = [22, 24].map((hours) => Bun.randomUUIDv7("hex", Date.now() - hours * HOUR_MS));
  await say(commands(2).map((command, index) => ({ ...command, message_id: ids[index] ?? "" })));
  await saga.sql`update outbox set topic = ${TOPICS.notifications}`;
  await takeAll();
  await saga.sql`update outbox set published_at = now() - interval '3 hours'`;
  // As a dry run counted them two hours ago, when the second one was 22 hours old.
  const asked = { since: Date.now() - 48 * HOUR_MS, publishedBefore: Date.now() - 2 * HOUR_MS };
  expect((await previewRepublish(contextOf(saga), request(asked))).totals.units).toBe(2);
  const run = await republished(asked);
  expect(run).toMatchObject({ state: "done", units_done: 1 });
  expect(await waiting()).toEqual(ids.slice(0, 1));
  expect(await itemsOf({ saga: saga.sql }, run.plan_id)).toMatchObject([
    { outcome: "sent", detail: expect.stringMatching(/^1 counted: .* a mail that is too old by now$/) },
  ]);
});

test("oldest first, in growing batches that wake the relay; none while too much waits for it", async () => {
  const sent = commands(7);
  await say(sent);
  await takeAll();
  const { plan_id: planId } = await started();
  let notified = 0;
  const stop = await saga.postgres.listen(OUTBOX_CHANNEL, () => void notified++);
  const behind: string[] = [];
  const context = { ...contextOf(saga), onRelayBehind: (database: string) => void behind.push(database) };
  await using executor = testExecutor(context, { planId });
  expect(await executor.runOnce()).toEqual({ processed: 1, hasMore: true });
  expect(await waiting()).toEqual(idsOf(sent.slice(0, 1)));
  expect(await executor.runOnce()).toEqual({ processed: 1, hasMore: true });
  expect(await waiting()).toEqual(idsOf(sent.slice(0, 3)));
  await takeAll();
  await saga.sql`
    insert into outbox (event_id, topic, partition_key, payload, headers)
    select uuidv7(), ${service.topic}, n::text, '{}', '{}' from generate_series(1, 20000) n`;
  expect(await executor.runOnce()).toEqual({ processed: 0, hasMore: false, isBlocked: true });
  expect([behind, await waiting()]).toEqual([["saga"], expect.not.arrayContaining(idsOf(sent))]);
  await saga.sql`delete from outbox where not published`;
  const { signal } = new AbortController();
  const done = await followRun({ saga: saga.sql, planId, executor, signal });
  expect(done).toMatchObject({ state: "done", units_done: 7 });
  expect(await waiting()).toEqual(idsOf(sent.slice(3)));
  await waitUntil("each batch has woken the relay", () => notified >= 3, { timeoutMs: 20_000 });
  await stop();
});

test("stopped half-way: what was published again stays so, and the rest is a second run with the same limit of time", async () => {
  const sent = commands(5);
  await say(sent);
  await drain();
  const first = await started();
  const { plan_id: planId, selection } = first;
  {
    await using executor = testExecutor(contextOf(saga), { planId });
    for (let batches = 0; batches < 2; batches += 1) await executor.runOnce();
    await stopRun(contextOf(saga), ADA, planId, "the wrong database");
    expect((await executor.runOnce()).processed).toBe(0);
  }
  expect(await planOf({ saga: saga.sql }, planId)).toMatchObject({ state: "stopped", units_done: 3 });
  expect(await waiting()).toEqual(idsOf(sent.slice(0, 3)));
  await drain();
  const rest = await republished({ publishedBefore: Number(selection["published_before"]) });
  expect(rest).toMatchObject({ state: "done", units_done: 2, totals: { units: 2 } });
  expect(await waiting()).toEqual(idsOf(sent.slice(3)));
  await drain();
  expect(await timesInKafka(sent)).toEqual(sent.map(() => 2));
  expect(await trail()).toMatchObject([
    { outcome: "interrupted", detail: expect.stringMatching(/^3 of 5 events, from /) },
    { outcome: "republished", detail: expect.stringMatching(/^2 events from /) },
  ]);
});

test("an executor that is killed with a batch in flight is replaced when its lease ends, and nothing is published twice", async () => {
  const sent = commands(12);
  await say(sent);
  await drain();
  const run = await started();
  const { plan_id: planId } = run;
  const context = contextOf(saga);
  {
    await using dying = testExecutor(context, { planId, executor: "dying" });
    for (let batches = 0; batches < 2; batches += 1) await dying.runOnce();
  }
  expect(await waiting()).toEqual(idsOf(sent.slice(0, 3)));
  // What a process leaves that is killed when the third batch is in the outbox and not yet counted.
  const leased = await takeRun(saga.sql, { executor: "dying", leaseMs: 60_000, planId });
  const [item] = await nextItems(saga.sql, planId, 1);
  if (leased === undefined || item === undefined) throw new Error("the run is free, and has an item");
  await republishBatch({ ...context, run: leased, executor: "dying", item, size: 5 });
  expect(await waiting()).toEqual(idsOf(sent.slice(0, 8)));
  // The relay has sent them before somebody continues.
  await drain();
  await using next = testExecutor(context, { planId, executor: "next" });
  expect(await next.runOnce()).toEqual({ processed: 0, hasMore: false });
  await saga.sql`update operator_plans set lease_until = clock_timestamp()`;
  const { signal } = new AbortController();
  const done = await followRun({ saga: saga.sql, planId, executor: next, signal });
  expect(done).toMatchObject({ state: "done", counts: { sent: 1, failed: 0 } });
  expect(await waiting()).toEqual(idsOf(sent.slice(8)));
  await drain();
  expect(await timesInKafka(sent)).toEqual(sent.map(() => 2));
  expect(await trail()).toMatchObject([{ outcome: "republished" }]);
});

test("the preview reports the oldest event in the outbox", async () => {
  const outboxes = async () => (await previewRepublish(contextOf(saga), request())).outboxes;
  expect(await outboxes()).toEqual([{ database: "saga", events: 0, oldest_at: null }]);
  const before = Date.now();
  await say(commands(2));
  const [{ oldest_at } = { oldest_at: null }] = await outboxes();
  expect(oldest_at).toBeWithin(before, Date.now() + 1);
});

test("counting may take longer than the statements of a page", async () => {
  await say(commands(2));
  await takeAll();
  await using page = openPostgres({
    url: saga.url,
    poolSize: 2,
    applicationName: "page",
    timeouts: { statementMs: PAGE_MS, lockMs: 60_000 },
  });
  const context = testContext(
    { saga: saga.sql, inventory: page.sql, payment: saga.sql, order: saga.sql },
    [],
  );
  let counting: Promise<RepublishPreview> | undefined;
  await saga.sql.begin(async (tx) => {
    await tx`lock table outbox in access exclusive mode`;
    counting = previewRepublish(context, request({ databases: ["inventory"] }));
    let hasEnded = false;
    void counting.catch(() => (hasEnded = true));
    // The count waits for the lock, longer than a page waits for anything.
    const isLate = async () => {
      const late = await saga.sql`
        select from pg_stat_activity
         where application_name = 'page' and wait_event_type = 'Lock'
           and clock_timestamp() - query_start > ${3 * PAGE_MS} * interval '1 ms'`;
      return hasEnded || late.length > 0;
    };
    await waitUntil("the count is late", isLate, { timeoutMs: 20_000 });
  });
  expect(await counting).toMatchObject({ totals: { units: 2 } });
});

test("a plan of what was counted does not count again", async () => {
  await say(commands(2));
  await takeAll();
  const counted = await previewRepublish(contextOf(saga), request());
  await saga.sql`truncate outbox`;
  expect(await createRepublishPlan(contextOf(saga), ADA, request(), counted)).toMatchObject({
    totals: { units: 2 },
    selection: { published_before: counted.publishedBefore },
  });
});

/** How often each of these messages is in the topic. */
async function timesInKafka(sent: readonly CancelOrder[]): Promise<readonly number[]> {
  const times = new Map<unknown, number>();
  for await (const { values } of readTopic({ ...KAFKA, topic: service.topic }))
    for (const value of values) {
      const id: unknown = Reflect.get(Object(value), "message_id");
      times.set(id, (times.get(id) ?? 0) + 1);
    }
  return sent.map(({ message_id }) => times.get(message_id) ?? 0);
}

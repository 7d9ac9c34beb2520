// A saga database from the past, on a real Postgres: no deadline acts on it until it is up to date.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { TOPICS } from "../../schemas/topics.ts";
import { restoreBackup, takeBackup } from "../testkit/backup.ts";
import { deadLetterOf } from "../testkit/dead-letters.ts";
import { eventOf } from "../testkit/events.ts";
import { COMPLETING, HOLDING_PROVIDER, POLICY, START, TestOrchestrator } from "../testkit/orchestrator.ts";
import { findInInbox } from "../messaging/inbox.ts";
import { PastWatch } from "../messaging/past-watch.ts";
import { rebuildSagas } from "./rebuild-run.ts";

let orchestrator: TestOrchestrator;
/** What Kafka has, oldest first. */
let kafka: Map<string, unknown[]>;
let logged: string[];
let watch: PastWatch;
beforeAll(async () => {
  orchestrator = await TestOrchestrator.open();
});
beforeEach(async () => {
  await orchestrator.database.sql`truncate saga_state, saga_history, outbox, inbox, operator_actions`;
  orchestrator.now = START;
  kafka = new Map();
  logged = [];
  const note = (_: object, sentence: string) => void logged.push(sentence);
  watch = new PastWatch({
    sql: orchestrator.database.sql,
    database: "saga",
    withheld: "no deadline acts and no checkout is admitted",
    newestSent: () => Promise.resolve(newest()),
    now: () => Date.now(),
    log: { info: note, error: note },
  });
});
afterAll(() => orchestrator[Symbol.asyncDispose]());

/** The relay: publishes the outbox to Kafka. */
async function publish(): Promise<void> {
  const rows = await orchestrator.database.sql<{ topic: string; payload: unknown }[]>`
    update outbox set published = true, published_at = now() where not published returning topic, payload`;
  for (const { topic, payload } of rows) kafka.set(topic, [...(kafka.get(topic) ?? []), payload]);
}

const tell = (...events: readonly ReturnType<typeof eventOf>[]) => {
  for (const event of events) {
    const topic = topicOf(event.type);
    kafka.set(topic, [...(kafka.get(topic) ?? []), event]);
  }
  return orchestrator.handle(...events);
};

function topicOf(type: string) {
  if (type.startsWith("Order")) return TOPICS.orderEvents;
  return type.startsWith("Payment") ? TOPICS.paymentEvents : TOPICS.inventoryEvents;
}

function newest(): string[] {
  const sent = [...(kafka.get(TOPICS.commands) ?? []), ...(kafka.get(TOPICS.notifications) ?? [])];
  return sent.map((message) => String(Reflect.get(Object(message), "message_id")));
}

const sweep = () => orchestrator.sweep(undefined, () => watch.compared);

function rebuild() {
  return rebuildSagas({
    database: orchestrator.database.postgres,
    readTopic: (topic) => [{ values: kafka.get(topic) ?? [], raw: () => ({ timestampMs: Date.now() }) }],
    ordersOf: () => Promise.resolve([]),
    clock: { now: () => orchestrator.now },
    newId: () => Bun.randomUUIDv7(),
    policy: POLICY,
    actor: "ada",
    reason: "restored",
    dryRun: false,
  });
}

test("deadlines act on an up-to-date database, and not before it was compared", async () => {
  const id = await orchestrator.start();
  await publish();
  orchestrator.now = START + POLICY.forwardDeadlineMs;
  expect(await sweep()).toMatchObject({ processed: 0 });
  await watch.runOnce();
  expect([watch.rejection, logged]).toEqual([null, []]);
  expect(await sweep()).toMatchObject({ processed: 1 });
  expect((await orchestrator.saga(id)).position.kind).toBe("compensating");
});

test("a database from the past stops, logs it, and continues after a rebuild; completed sagas stay completed", async () => {
  // given two checkouts in progress at the backup, which have finished since, and one that began after it
  const [first, second] = [await orchestrator.start(), await orchestrator.start()];
  await publish();
  await watch.runOnce();
  await takeBackup(orchestrator.database.sql);
  const late = await orchestrator.start();
  await publish();
  for (const id of [first, late])
    for (const type of COMPLETING) {
      await tell(eventOf(type, id));
      await publish();
    }
  await tell(eventOf("InsufficientStock", second));
  await publish();
  const [request] = await orchestrator.database.sql<{ client_key: string }[]>`
    select client_key from saga_state where saga_id = ${late}`;
  // when
  await restoreBackup(orchestrator.database.sql);
  orchestrator.now = START + 10 * POLICY.forwardDeadlineMs;
  // then the earlier comparison is no longer valid, and no deadline acts
  expect(await sweep()).toMatchObject({ processed: 0 });
  await watch.runOnce();
  await watch.runOnce();
  expect(watch.rejection).toContain("checkoutctl saga rebuild");
  await expect(watch.ready()).rejects.toThrow("checkoutctl saga rebuild");
  expect(logged).toEqual([expect.stringContaining("no deadline acts and no checkout is admitted")]);
  expect(await sweep()).toMatchObject({ processed: 0 });
  expect(await orchestrator.messageTypes()).toEqual(["ReserveInventory", "ReserveInventory"]);
  // when
  const { sagas } = await rebuild();
  await watch.runOnce();
  // then
  expect(new Map(sagas.map(({ saga_id, from, to, says }) => [saga_id, [from, to, ...says]]))).toEqual(
    new Map([
      [first, ["STARTED", "COMPLETED"]],
      [second, ["STARTED", "COMPENSATED"]],
      [late, [null, "COMPLETED"]],
    ]),
  );
  expect(watch.rejection).toBeNull();
  expect(await sweep()).toMatchObject({ processed: 0 });
  const [after] = await orchestrator.database.sql`
    select client_key, email, total_cents from saga_state where saga_id = ${late}`;
  expect(after).toMatchObject({
    client_key: request?.client_key,
    email: "ada@example.com",
    total_cents: 1_000,
  });
  expect(await orchestrator.database.sql`select from outbox where not published`).toHaveLength(0);
});

test("messages that had not left when the database was lost are sent now, and open sagas get a new deadline", async () => {
  const id = await orchestrator.start();
  await publish();
  await takeBackup(orchestrator.database.sql);
  await tell(eventOf("InventoryReserved", id));
  await restoreBackup(orchestrator.database.sql);
  orchestrator.now = START + 10 * POLICY.forwardDeadlineMs;
  const { sagas } = await rebuild();
  expect(sagas).toMatchObject([{ saga_id: id, to: "INVENTORY_RESERVED", says: ["ChargePayment"] }]);
  expect((await orchestrator.saga(id)).deadline_at).toBe(orchestrator.now + POLICY.forwardDeadlineMs);
  expect(await orchestrator.messageTypes(id)).toEqual(["ReserveInventory", "ChargePayment"]);
});

test("events that came late for finished sagas, and parcels, are taken; a shopper is told of a parcel once", async () => {
  // given two finished checkouts at the backup, one of each table, and one that completes after it
  const [bought, failed, later] = [
    await orchestrator.start(),
    await orchestrator.start({ provider: HOLDING_PROVIDER }),
    await orchestrator.start(),
  ];
  await tell(...COMPLETING.map((type) => eventOf(type, bought)), eventOf("InsufficientStock", failed));
  await publish();
  await takeBackup(orchestrator.database.sql);
  await tell(...COMPLETING.map((type) => eventOf(type, later)));
  const [ignored, shipped, corrected, delivered, alsoShipped, refused, dead] = [
    eventOf("PaymentAuthorized", failed),
    eventOf("OrderShipped", bought),
    { ...eventOf("OrderShipped", bought), tracking: { carrier: "UPS", number: "1Z9" } },
    eventOf("OrderDelivered", bought),
    eventOf("OrderShipped", later),
    eventOf("OrderCancelRefused", bought),
    eventOf("PaymentFailed", failed),
  ];
  await tell(ignored, shipped);
  await publish();
  // The messages of these had not left when the database was lost.
  await tell(corrected, delivered, alsoShipped, refused);
  kafka.set(TOPICS.paymentEvents, [...(kafka.get(TOPICS.paymentEvents) ?? []), dead]);
  kafka.set(TOPICS.deadLetters, [
    deadLetterOf(dead, { service: "orchestrator", topic: TOPICS.paymentEvents }),
  ]);
  await restoreBackup(orchestrator.database.sql);
  // when
  const { missed_events, not_rebuilt } = await rebuild();
  // then
  const { sql } = orchestrator.database;
  const taken = await findInInbox(
    sql,
    [ignored, shipped, corrected, delivered, alsoShipped, refused, dead].map(({ message_id }) => message_id),
  );
  expect([missed_events, not_rebuilt, taken.size, taken.has(dead.message_id)]).toEqual([5, [], 6, false]);
  const mails = (await orchestrator.messages()).flatMap((one) =>
    one.type === "SendNotification" && one.template === "order_shipped"
      ? [`${one.saga_id} ${one.tracking?.carrier}`]
      : [],
  );
  expect(mails.toSorted()).toEqual([`${bought} DHL`, `${bought} UPS`, `${later} DHL`].toSorted());
  const lines = await sql<{ action_id: string }[]>`
    select action_id from operator_actions where action in ('order.ship', 'order.deliver') order by 1`;
  expect(lines.map(({ action_id }) => action_id)).toEqual(
    [shipped, corrected, delivered, alsoShipped].map(({ message_id }) => message_id),
  );
  // A second run has nothing to do.
  await publish();
  expect(await rebuild()).toMatchObject({ lost_messages: 0, sagas: [], missed_events: 0 });
});

// Each kind of id, against real databases.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { AppError } from "../kernel/errors.ts";
import { orderNumberOf } from "../kernel/order-number.ts";
import { seeded } from "../kernel/random.ts";
import { ConsistentFixture } from "../testkit/consistent-fixture.ts";
import { type FoundSagaRow, randomSaga, writeSagas } from "../testkit/found-sagas.ts";
import { chargePayment } from "../testkit/commands.ts";
import { deadLetterOf } from "../testkit/dead-letters.ts";
import type { DeadLetterBatches } from "./dead-letters.ts";
import { readOriginal } from "./replay-plan.ts";
import type { Hit } from "./find-anything-store.ts";
import { shortId } from "./short-id.ts";
import { auditIds } from "./audit-ids.ts";
import { findAnything } from "./find-anything.ts";
import type { OpenDatabases } from "./reach.ts";

let fixture: ConsistentFixture;
let databases: OpenDatabases;
let row: FoundSagaRow;
beforeAll(async () => {
  fixture = await ConsistentFixture.open();
  const { saga, inventory, payment, order } = fixture.asConsole;
  databases = { saga: () => saga, inventory: () => inventory, payment: () => payment, order: () => order };
  const other = randomSaga(seeded(1), Date.now(), [crypto.randomUUID()]);
  row = {
    ...randomSaga(seeded(2), Date.now(), [crypto.randomUUID()]),
    status: "COMPLETED",
    compensation_step: null,
    failure_code: null,
    total_cents: 100,
    isUnconfirmed: false,
    completed_at: Date.now(),
    skus: ["rare"],
    refund_id: Bun.randomUUIDv7(),
    order_id: Bun.randomUUIDv7(),
  };
  await writeSagas(fixture.databases, [other, row]);
});
afterAll(() => fixture[Symbol.asyncDispose]());

const found = async (text: string) => {
  const { hits, missing } = await findAnything(databases, text);
  expect(missing).toEqual([]);
  return hits;
};

test("finds each kind of id, and what it belongs to", async () => {
  const { saga_id } = row;
  const order_id = row.order_id ?? "";
  const refund_id = row.refund_id ?? "";
  const cancellation_id = Bun.randomUUIDv7();
  await fixture.insert("saga", "order_cancellations", {
    cancellation_id,
    saga_id,
    order_id,
    status: "CANCELLED",
    step: "release",
    created_at: new Date(),
    updated_at: new Date(),
    completed_at: new Date(),
  });
  const dead_letter_id = Bun.randomUUIDv7();
  await fixture.insert("saga", "operator_actions", {
    action_id: Bun.randomUUIDv7(),
    run_id: Bun.randomUUIDv7(),
    action: "dead-letter.discard",
    subject: dead_letter_id,
    saga_id,
    actor: "ada",
    reason: "spoilt",
    outcome: "discarded",
    at: new Date(),
    settled_at: new Date(),
  });
  const message_id = await fixture.say("payment", "payment-events", "PaymentSucceeded", saga_id);
  const old_message_id = Bun.randomUUIDv7();
  await fixture.insert("saga", "saga_history", {
    saga_id,
    from_status: "STARTED",
    to_status: "STARTED",
    step: "charge",
    message_id: old_message_id,
    message_type: "InventoryReserved",
    at: new Date(),
  });
  const [alert_id, plan_id] = [Bun.randomUUIDv7(), Bun.randomUUIDv7()];
  await fixture.insert("saga", "operator_plans", {
    plan_id,
    kind: "dead-letter.replay",
    selection: "{}",
    totals: "{}",
    state: "draft",
    created_by: "ada",
    expires_at: new Date(),
    rate_per_second: 20,
    max_error_rate: 0.1,
    wait_ms: 1_000,
  });
  await fixture.insert("payment", "payment_alerts", {
    alert_id,
    kind: "charge_without_payment",
    subject: "pi_lost",
    detail: "",
    opened_by: "webhook",
    opened_at: new Date(),
    last_seen_at: new Date(),
  });
  const cases: readonly [string, Hit][] = [
    [saga_id, { kind: "saga", id: saga_id, saga_id, what: "COMPLETED" }],
    [saga_id.toUpperCase(), { kind: "saga", id: saga_id, saga_id, what: "COMPLETED" }],
    [`https://shop.example/checkout/${saga_id}`, { kind: "saga", id: saga_id, saga_id, what: "COMPLETED" }],
    [row.user_id, { kind: "user", id: row.user_id, saga_id: null, what: "has sagas" }],
    [order_id, { kind: "order", id: order_id, saga_id, what: "CONFIRMED" }],
    [orderNumberOf(order_id), { kind: "order", id: order_id, saga_id, what: "CONFIRMED" }],
    [row.payment_id, { kind: "payment", id: row.payment_id, saga_id, what: "SUCCEEDED" }],
    [refund_id, { kind: "refund", id: refund_id, saga_id, what: "SUCCEEDED" }],
    [row.reservation_id, { kind: "reservation", id: row.reservation_id, saga_id, what: "CONFIRMED" }],
    [cancellation_id, { kind: "cancellation", id: cancellation_id, saga_id, what: "CANCELLED" }],
    [
      dead_letter_id,
      { kind: "dead_letter", id: dead_letter_id, saga_id, what: "dead-letter.discard by ada, discarded" },
    ],
    [message_id, { kind: "message", id: message_id, saga_id, what: "PaymentSucceeded, sent" }],
    [old_message_id, { kind: "message", id: old_message_id, saga_id, what: "InventoryReserved, handled" }],
    [row.provider_id, { kind: "charge", id: row.provider_id, saga_id, what: "SUCCEEDED" }],
    [row.provider_refund_id, { kind: "refund", id: row.provider_refund_id, saga_id, what: "SUCCEEDED" }],
    ["pi_lost", { kind: "payment_alert", id: alert_id, saga_id: null, what: "charge_without_payment, open" }],
    [
      shortId(alert_id),
      { kind: "payment_alert", id: alert_id, saga_id: null, what: "charge_without_payment, open" },
    ],
    [plan_id, { kind: "run", id: plan_id, saga_id: null, what: "dead-letter.replay, draft" }],
    [shortId(plan_id), { kind: "run", id: plan_id, saga_id: null, what: "dead-letter.replay, draft" }],
    ["rare", { kind: "product", id: "rare", saga_id: null, what: "rare, the thing" }],
    [row.client_key, { kind: "client_key", id: row.client_key, saga_id, what: "COMPLETED" }],
  ];
  for (const [text, hit] of cases) expect([text, ...(await found(text))]).toEqual([text, hit]);
  for (const text of [crypto.randomUUID(), "nothing", "two words", ""]) expect(await found(text)).toEqual([]);
});

test("places that do not answer are named, and the others are looked at", async () => {
  const refused = () => Promise.reject(new AppError("DATABASE_UNAVAILABLE", "it is away"));
  const away: () => DeadLetterBatches = async function* () {
    yield* [];
    throw new AppError("KAFKA_UNAVAILABLE", "Kafka is away");
  };
  const { hits, missing } = await findAnything({ ...databases, payment: refused }, row.saga_id, away);
  expect(hits.map(({ kind }) => kind)).toEqual(["saga"]);
  expect(missing).toEqual([
    { database: "payment", reason: "it is away" },
    { database: "dead letters", reason: "Kafka is away" },
  ]);
});

test("a dead letter that nobody has handled is found by its id, and by that of its message", async () => {
  const message = chargePayment(row.saga_id);
  const letter = deadLetterOf(message, { service: "payment" });
  // Too long for a readable copy: only its bytes know the id.
  const long = {
    ...deadLetterOf(chargePayment(row.saga_id), { service: "payment" }),
    original_command: null,
  };
  const messageOfLong = readOriginal(long).message_id ?? "";
  const topic = async function* () {
    yield { values: [{ is: "none" }, letter, long], undecodable: [] };
  };
  const idsOf = async (id: string) =>
    (await findAnything(databases, id, topic)).hits.map(({ kind, id: itsId }) => `${kind} ${itsId}`);
  const hit = [`dead_letter ${letter.dead_letter_id}`];
  expect(await idsOf(letter.dead_letter_id)).toEqual(hit);
  expect(await idsOf(message.message_id)).toEqual(hit);
  expect(await idsOf(messageOfLong)).toEqual([`dead_letter ${long.dead_letter_id}`]);
});

test("a topic of dead letters that takes too long to read is missing, and what the databases know is there", async () => {
  let batches = 0;
  const endless = async function* () {
    for (; batches < 1_000; batches += 1) yield { values: [], undecodable: [] };
  };
  const { hits, missing } = await findAnything(databases, row.saga_id, endless, { withinMs: -1 });
  expect(hits.length).toBeGreaterThan(0);
  expect(missing).toMatchObject([
    { database: "dead letters", reason: expect.stringContaining("were not read to their end") },
  ]);
  expect(batches).toBe(0);
});

test("dead letters that are read only on a miss are read once then, and not at all for a hit", async () => {
  const letter = deadLetterOf(chargePayment(row.saga_id), { service: "payment" });
  let reads = 0;
  const topic = async function* () {
    reads += 1;
    yield { values: [letter], undecodable: [] };
  };
  const opened: string[] = [];
  const counted = {
    ...databases,
    order: () => {
      opened.push("order");
      return databases.order();
    },
  };
  const searched = async (id: string) => {
    [reads, opened.length] = [0, 0];
    const { hits } = await findAnything(counted, id, topic, { onlyOnMiss: true });
    return { kinds: hits.map(({ kind }) => kind), reads, opened: opened.length };
  };
  const hit = await searched(row.saga_id);
  expect(hit).toMatchObject({ kinds: ["saga"], reads: 0 });
  const miss = await searched(letter.dead_letter_id);
  expect(miss).toEqual({ kinds: ["dead_letter"], reads: 1, opened: hit.opened });
});

test("the short form in which pages show ids finds what has it, and a dead letter if nothing else does", async () => {
  const { saga_id, user_id, payment_id } = row;
  for (const [kind, id] of [
    ["saga", saga_id],
    ["order", row.order_id ?? ""],
    ["payment", payment_id ?? ""],
    ["user", user_id],
  ] as const)
    expect((await found(shortId(id))).map((hit) => [hit.kind, hit.id])).toContainEqual([kind, id]);
  // Another id of the same millisecond.
  const twin = `${saga_id.slice(0, 13)}${saga_id.slice(13).replaceAll(/[0-9a-f]/g, "7")}`;
  expect((await found(shortId(twin))).map(({ id }) => id)).not.toContain(saga_id);

  const letter = deadLetterOf(chargePayment(saga_id), {
    service: "payment",
    error: "boom",
    failedAt: Date.now(),
  });
  const letters: () => DeadLetterBatches = async function* () {
    yield { values: [letter], undecodable: [] };
  };
  const dead = await findAnything(databases, shortId(letter.dead_letter_id), letters);
  expect(dead.hits.map(({ kind, id }) => [kind, id])).toEqual([["dead_letter", letter.dead_letter_id]]);
  const other = `${letter.dead_letter_id.slice(0, -1)}${letter.dead_letter_id.endsWith("0") ? "1" : "0"}`;
  expect((await findAnything(databases, shortId(other), letters)).hits).toEqual([]);
});

test("ids mean the lines of their sagas in the audit trail, and what has lines of its own only those", async () => {
  const { saga_id, payment_id, user_id } = row;
  const number = orderNumberOf(row.order_id ?? "");
  const letter = deadLetterOf(chargePayment(saga_id), { service: "payment" });
  let reads = 0;
  const letters: () => DeadLetterBatches = async function* () {
    reads += 1;
    yield { values: [letter], undecodable: [] };
  };
  const idsOf = (...texts: readonly string[]) => auditIds(databases, texts, letters);
  const several = await idsOf(number, payment_id ?? "", shortId(saga_id));
  expect([several.sagas, several.unknown, several.missing, reads]).toEqual([[saga_id], [], [], 0]);
  expect(several.subjects).toEqual(expect.arrayContaining([number, row.order_id, payment_id, saga_id]));
  expect(await idsOf(user_id)).toEqual({ subjects: [user_id], sagas: [], unknown: [], missing: [] });
  const short = shortId(letter.dead_letter_id);
  const dead = { subjects: [short, letter.dead_letter_id], sagas: [], unknown: [], missing: [] };
  expect(await idsOf(short)).toEqual(dead);
  // The outbox has its message under a key that is no saga's id.
  const lost = await fixture.say("payment", "checkout-dlq", "DeadLetter", "checkout-commands-3-4711");
  expect(await found(lost)).toEqual([{ kind: "message", id: lost, saga_id: null, what: "DeadLetter, sent" }]);
  expect(await idsOf(lost)).toEqual({ subjects: [lost], sagas: [], unknown: [], missing: [] });
  const stranger = crypto.randomUUID();
  const unknown = await idsOf(stranger, saga_id);
  expect([unknown.unknown, unknown.sagas, reads]).toEqual([[stranger], [saga_id], 1]);
});

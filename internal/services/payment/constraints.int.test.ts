// Violates the database's constraints on purpose: each row here would be wrong about money, and only a bug could write it.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cloneDatabase, type TestDatabase } from "../../testkit/database.ts";

const CHECK = "23514";
const FOREIGN_KEY = "23503";
const UNIQUE = "23505";

const SAGA = "01900000-0000-7000-8000-000000000001";
const PAYMENT = "01900000-0000-7000-8000-000000000002";

let database: TestDatabase;
beforeAll(async () => {
  database = await cloneDatabase("payment");
  await database.sql.unsafe(
    payment({
      payment_id: PAYMENT,
      saga_id: SAGA,
      status: "REFUND_PENDING",
      provider_txn_id: "pi_1",
      idempotency_key: "k",
    }),
  );
  await database.sql.unsafe(refund({ payment_id: PAYMENT }));
  await database.sql.unsafe(alert({ subject: "pi_open" }));
});
afterAll(() => database[Symbol.asyncDispose]());

const WRITTEN = { created_at: "now", updated_at: "now" };

type Row = Readonly<Record<string, string | number | null>>;

/** An insert with valid values except for `changes`. */
function insert(table: string, sound: Row, changes: Row): string {
  const row = { ...sound, ...changes };
  const text = (value: Row[string]) => (value === null ? "null" : `'${value}'`);
  return `insert into ${table} (${Object.keys(row).join(", ")}) values (${Object.values(row).map(text).join(", ")})`;
}

function payment(changes: Row): string {
  const id = Bun.randomUUIDv7();
  const sound = {
    payment_id: id,
    saga_id: id,
    amount_cents: 600,
    currency: "EUR",
    provider: "stripe",
    idempotency_key: `${id}:charge`,
    status: "SUCCEEDED",
    provider_txn_id: `pi_${id}`,
    ...WRITTEN,
  };
  return insert("payments", sound, changes);
}

function refund(changes: Row): string {
  const id = Bun.randomUUIDv7();
  const sound = {
    refund_id: id,
    payment_id: id,
    amount_cents: 600,
    idempotency_key: `${id}:refund`,
    status: "SUCCEEDED",
    provider_refund_id: `re_${id}`,
    ...WRITTEN,
  };
  return insert("refunds", sound, changes);
}

function alert(changes: Row): string {
  const sound = {
    alert_id: Bun.randomUUIDv7(),
    kind: "charged_twice",
    subject: "pi_2",
    detail: "twice",
    opened_by: "webhook",
    opened_at: "now",
    last_seen_at: "now",
  };
  return insert("payment_alerts", sound, changes);
}

test.each([
  ["a second payment of a saga", payment({ saga_id: SAGA }), UNIQUE],
  ["a second use of an idempotency key", payment({ idempotency_key: "k" }), UNIQUE],
  ["one charge of the provider for two payments", payment({ provider_txn_id: "pi_1" }), UNIQUE],
  ["an amount below zero", payment({ amount_cents: -1 }), CHECK],
  ["an invalid currency", payment({ currency: "euro" }), CHECK],
  ["a missing currency outside a tombstone", payment({ currency: null }), CHECK],
  ["a success without the provider's charge", payment({ provider_txn_id: null }), CHECK],
  ["a failure without a reason", payment({ status: "FAILED", provider_txn_id: null }), CHECK],
  ["a settled payment with a next attempt", payment({ next_attempt_at: "now" }), CHECK],
  ["an open payment without a next attempt", payment({ status: "PENDING", provider_txn_id: null }), CHECK],
  ["a negative number of attempts", payment({ attempts: -1 }), CHECK],
  [
    "held money without the provider's charge",
    payment({ status: "AUTHORIZED", provider_txn_id: null }),
    CHECK,
  ],
  [
    "held money that waits for its capture, with a next attempt",
    payment({ status: "AUTHORIZED", next_attempt_at: "now" }),
    CHECK,
  ],
  ["a capture without a next attempt", payment({ status: "CAPTURE_PENDING" }), CHECK],
  ["a void without a next attempt", payment({ status: "VOID_PENDING" }), CHECK],
  ["another way to capture", payment({ capture: "later" }), CHECK],
  ["a negative number of requests about held money", payment({ hold_attempts: -1 }), CHECK],
  ["an unknown status", payment({ status: "LOST" }), CHECK],
  ["a second refund of a payment", refund({ payment_id: PAYMENT }), UNIQUE],
  ["a refund without a payment", refund({}), FOREIGN_KEY],
  [
    "a completed refund without the provider's id",
    refund({ payment_id: PAYMENT, provider_refund_id: null }),
    CHECK,
  ],
  ["a pending refund without a next attempt", refund({ payment_id: PAYMENT, status: "PENDING" }), CHECK],
  ["a second open alert about the same subject", alert({ subject: "pi_open" }), UNIQUE],
  ["an alert of an unknown kind", alert({ kind: "odd" }), CHECK],
  ["an alert without a subject", alert({ subject: "" }), CHECK],
  ["an alert that was closed without a note", alert({ closed_at: "now", closed_by: "ada" }), CHECK],
  ["a close note without a person", alert({ closed_at: "now", close_note: "done" }), CHECK],
  ["an event without an id", "insert into webhook_events values ('', 'now')", CHECK],
  [
    "a second reconciliation row of a provider",
    "insert into reconciliation (provider, compared_until, due_at, lease_until) values ('stripe', 'now', 'now', 'now')",
    UNIQUE,
  ],
  [
    "a reconciliation row without a provider",
    "insert into reconciliation (provider, compared_until, due_at, lease_until) values ('', 'now', 'now', 'now')",
    CHECK,
  ],
  ["a hold without an id", "insert into looked_up_holds values ('paypal', '', 'now')", CHECK],
  ["the deletion of a payment with a refund", `delete from payments where saga_id = '${SAGA}'`, FOREIGN_KEY],
])("refused: %s", async (_, statement, code) => {
  const error: unknown = await database.sql.unsafe(statement).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code });
});

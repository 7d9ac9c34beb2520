// How fast sagas go: what is read for it.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { ConsistentFixture } from "../testkit/consistent-fixture.ts";
import { cloneDatabase, type TestDatabase } from "../testkit/database.ts";
import { alertsAtRisk, flowOfLastMinute, lastHour } from "./saga-rate-store.ts";

let empty: TestDatabase;
beforeAll(async () => {
  empty = await cloneDatabase("saga");
});
afterAll(() => empty[Symbol.asyncDispose]());

test("the flow of the last minute counts each transition of it once, and reads no more of the history than it needs", async () => {
  const { sql } = empty;
  const add = (count: number, age: string, type: string) => sql`
    insert into saga_history (saga_id, from_status, to_status, step, message_type, at)
    select gen_random_uuid(), 'STARTED', 'PENDING', 'reserve', ${type}, now() - ${age}::interval from generate_series(1, ${count}::integer)`;
  await add(40_000, "2 hours", "InventoryReserved");
  await add(3_000, "30 seconds", "InventoryReserved");
  await add(4_000, "10 seconds", "PaymentCompleted");
  await sql`analyze saga_history`;
  const { flows, read } = await sql.begin(async (tx) => {
    const found = await flowOfLastMinute(tx);
    const [row] = await tx<[{ count: number }]>`
      select (seq_tup_read + idx_tup_fetch)::float8 as count from pg_stat_xact_user_tables where relname = 'saga_history'`;
    return { flows: found, read: row.count };
  });
  const common = { from_status: "STARTED", to_status: "PENDING", step: "reserve" };
  expect(flows.toSorted((one, other) => one.count - other.count)).toEqual([
    { ...common, message_type: "InventoryReserved", count: 3_000 },
    { ...common, message_type: "PaymentCompleted", count: 4_000 },
  ]);
  expect(read).toBeGreaterThanOrEqual(7_000);
  expect(read).toBeLessThan(20_000);
});

test("the durations and counts of the last hour are of all that ended, also of one that took long", async () => {
  await using fixture = await ConsistentFixture.open();
  await fixture.reset();
  const { saga } = fixture.databases;
  await saga`update saga_state set created_at = now() - interval '20 minutes', completed_at = now() - interval '20 minutes' + interval '1 second'`;
  await saga`
    update saga_state set completed_at = created_at + interval '15 minutes' where saga_id = ${fixture.completed.saga_id}`;
  const { p99_ms, ...hour } = await lastHour(fixture.asConsole.saga);
  expect(hour).toMatchObject({ p50_ms: 1_000, completed: 1, compensated: 2 });
  // Between the second and the third of three.
  expect(Math.round(p99_ms ?? 0)).toBe(1_000 + 0.98 * (900_000 - 1_000));
  // The time of a shopper at the bank is not ours, but the checkout counts.
  await saga`update saga_state set waited_for_shopper = true where saga_id = ${fixture.completed.saga_id}`;
  expect(await lastHour(fixture.asConsole.saga)).toMatchObject({ ...hour, p50_ms: 1_000, p99_ms: 1_000 });
  await saga`update saga_state set waited_for_shopper = true`;
  expect(await lastHour(fixture.asConsole.saga)).toMatchObject({ ...hour, p50_ms: null, p99_ms: null });
});

test("a payment with two alerts is at risk once; both alerts count", async () => {
  await using fixture = await ConsistentFixture.open();
  await fixture.reset();
  const { payment } = fixture.databases;
  for (const [kind, saga_id] of [
    ["charged_twice", fixture.completed.saga_id],
    ["amount_differs", fixture.completed.saga_id],
    ["status_differs", fixture.refunded.saga_id],
    ["charge_without_payment", null],
    ["refund_differs", null],
  ] as const)
    await payment`
      insert into payment_alerts (alert_id, kind, subject, saga_id, detail, opened_by, opened_at, last_seen_at)
      values (uuidv7(), ${kind}, 'x', ${saga_id}, 'x', 'webhook', now(), now())`;
  const amount_cents = fixture.completed.total_cents + fixture.refunded.total_cents;
  expect(await alertsAtRisk(payment)).toMatchObject([
    { currency: "EUR", count: 3, amount_cents },
    { currency: null, count: 2, amount_cents: 0 },
  ]);
});

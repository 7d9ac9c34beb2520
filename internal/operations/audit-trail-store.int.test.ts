// The audit trail on a real database: what a range of times lists, and that nothing outside of it is read.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cloneDatabase, type TestDatabase } from "../testkit/database.ts";
import { cancelledBy } from "./cancellation-store.ts";
import { type AuditFilter, auditTrail, outcomeOf } from "./audit-trail-store.ts";

const ROWS = 40_000;
const MINUTE_MS = 60_000;
/** One row a minute from here on. */
const START = Date.parse("2026-01-01T00:00:00Z");
const ALL = { actor: null, action: null, ids: null, outcome: null, since: null, until: null };
/** A hundred rows in the middle. */
const RANGE = { since: START + 20_000 * MINUTE_MS, until: START + 20_100 * MINUTE_MS };

let saga: TestDatabase;
beforeAll(async () => {
  saga = await cloneDatabase("saga");
  await saga.sql`
    insert into operator_actions (action_id, run_id, action, subject, actor, reason, outcome, at, settled_at)
    select gen_random_uuid(), gen_random_uuid(), case n % 2 when 0 then 'run.pause' else 'run.start' end, 'x', 'bob', 'test', 'ok', at, at
      from (select n, ${START}::timestamptz + make_interval(mins => n) as at from generate_series(0, ${ROWS - 1}::integer) n) old`;
  await saga.sql`analyze operator_actions`;
});
afterAll(() => saga[Symbol.asyncDispose]());

test("a range begins with its first moment and ends before its last, newest first, page by page", async () => {
  const page = (after: { at: number; action_id: string } | null) =>
    auditTrail(saga.sql, { ...ALL, ...RANGE }, { limit: 60, after });
  const first = await page(null);
  const second = await page(first.at(-1) ?? null);
  const minutes = [...first, ...second].map(({ at }) => (at - START) / MINUTE_MS);
  expect(minutes).toEqual(Array.from({ length: 100 }, (_, index) => 20_099 - index));
  expect(await page(second.at(-1) ?? null)).toEqual([]);
  expect((await auditTrail(saga.sql, ALL, { limit: 1, after: null }))[0]?.at).toBe(
    START + (ROWS - 1) * MINUTE_MS,
  );
});

test("one act is listed without the others of its family", async () => {
  const filter = { ...ALL, ...RANGE, action: "run.pause" };
  const rows = await auditTrail(saga.sql, filter, { limit: 1_000, after: null });
  expect([rows.length, new Set(rows.map(({ action }) => action))]).toEqual([50, new Set(["run.pause"])]);
  const family = await auditTrail(saga.sql, { ...filter, action: "run." }, { limit: 1_000, after: null });
  expect(family.length).toBe(100);
});

test("nothing outside of the range is read, whatever the values that the plan was made for", async () => {
  const read = await saga.sql.begin(async (tx) => {
    await tx`set local plan_cache_mode = force_generic_plan`;
    // What this connection has read before may still be in the count.
    const count = async () => {
      const [row] = await tx<[{ count: number }]>`
        select (seq_tup_read + idx_tup_fetch)::float8 as count from pg_stat_xact_user_tables where relname = 'operator_actions'`;
      return row.count;
    };
    const before = await count();
    const filter = { ...ALL, ...RANGE, action: "saga.cancel" };
    expect(await auditTrail(tx, filter, { limit: 100, after: null })).toEqual([]);
    return (await count()) - before;
  });
  expect(read).toBeGreaterThanOrEqual(100);
  expect(read).toBeLessThan(1_000);
});

test("cancellations are one group, with what became of each by its own record", async () => {
  const at = START + 30_000 * MINUTE_MS + 500;
  const [order_id, cancellation_id] = [Bun.randomUUIDv7(), Bun.randomUUIDv7()];
  const sagas = [1, 2, 3].map(() => Bun.randomUUIDv7());
  await saga.sql`
    insert into operator_actions (action_id, run_id, action, subject, saga_id, actor, reason, outcome, detail, at, settled_at)
    values (gen_random_uuid(), gen_random_uuid(), 'order.cancel', ${order_id}, ${sagas[0] ?? ""}, 'sofia', 'asked twice', 'cancelling',
            ${`cancellation ${cancellation_id}`}, ${at}::timestamptz, ${at}::timestamptz),
           (gen_random_uuid(), gen_random_uuid(), 'saga.cancel', ${sagas[1] ?? ""}, ${sagas[1] ?? ""}, 'sofia', 'late', 'too late',
            'COMPLETED -> COMPLETED', ${at + 1}::timestamptz, ${at}::timestamptz),
           (gen_random_uuid(), gen_random_uuid(), 'saga.reveal', ${sagas[2] ?? ""}, ${sagas[2] ?? ""}, 'sofia', 'look', 'revealed',
            null, ${at + 2}::timestamptz, ${at}::timestamptz)`;
  const insert = (status: string) => saga.sql`
    insert into order_cancellations (cancellation_id, saga_id, order_id, status, step, order_status, deadline_at, created_at, updated_at, completed_at)
    values (${cancellation_id}, ${sagas[0] ?? ""}, ${order_id}, ${status}, ${status === "CANCELLED" ? "release" : "order"},
            ${status === "REFUSED" ? "SHIPPED" : null}, ${status === "CANCELLING" ? at : null}::timestamptz, ${at}::timestamptz,
            ${at}::timestamptz, ${status === "CANCELLING" ? null : at + 9_000}::timestamptz)`;
  const read = async (parts: Partial<AuditFilter>) => {
    const filter = { ...ALL, since: at - 10, until: at + 10, ...parts };
    const rows = await auditTrail(saga.sql, filter, { limit: 10, after: null });
    return rows.map((row) => [row.action, outcomeOf(row), row.ended_at, row.order_id]);
  };
  const tooLate = ["saga.cancel", "too late", null, null];
  const group = { action: "cancellations" };
  for (const saga_id of sagas) expect(await cancelledBy(saga.sql, saga_id)).toBeNull();
  // Its record is gone: then the line says what it knows.
  expect(await read(group)).toEqual([tooLate, ["order.cancel", "cancelling", null, order_id]]);
  const ends = [
    ["CANCELLING", "under way", null],
    ["REFUSED", "refused", at + 9_000],
    ["CANCELLED", "cancelled", at + 9_000],
  ] as const;
  for (const [status, outcome, ended] of ends) {
    await saga.sql`delete from order_cancellations`;
    await insert(status);
    expect(await read(group)).toEqual([tooLate, ["order.cancel", outcome, ended, order_id]]);
    for (const asked of ["under way", "refused", "cancelled"])
      expect([asked, (await read({ ...group, outcome: asked })).length]).toEqual([
        asked,
        outcome === asked ? 1 : 0,
      ]);
    expect(await cancelledBy(saga.sql, sagas[0] ?? "")).toEqual({
      what: "order",
      actor: "sofia",
      reason: "asked twice",
      at,
      state: outcome,
      ended_at: ended,
      order_status: outcome === "refused" ? "SHIPPED" : null,
    });
  }
  const ids = { subjects: [order_id], sagas: [sagas[2] ?? ""] };
  expect((await read({ ids })).map(([action]) => action)).toEqual(["saga.reveal", "order.cancel"]);
});

test("a cancelled checkout is found by what became of it, as the page says it", async () => {
  const at = START + 31_000 * MINUTE_MS + 500;
  const sagaId = Bun.randomUUIDv7();
  await saga.sql`
    insert into operator_actions (action_id, run_id, action, subject, saga_id, actor, reason, outcome, at, settled_at)
    values (gen_random_uuid(), gen_random_uuid(), 'saga.cancel', ${sagaId}, ${sagaId}, 'sofia', 'late', 'cancelling', ${at}::timestamptz,
            ${at}::timestamptz)`;
  const found = async (outcome: string | null) => {
    const rows = await auditTrail(
      saga.sql,
      { ...ALL, since: at, until: at + 1, outcome },
      { limit: 10, after: null },
    );
    return rows.map(outcomeOf);
  };
  const foundBy = async () => {
    const asked = ["cancelling", "under way", "cancelled", "refused", "in progress"];
    const counts = await Promise.all(asked.map(async (outcome) => (await found(outcome)).length));
    return asked.filter((_, index) => counts[index] === 1);
  };
  expect([await found(null), await foundBy()]).toEqual([["cancelling"], ["cancelling"]]);
  await saga.sql`
    insert into saga_state (saga_id, user_id, cart_items, status, current_step, table_version, currency, shipping_address, email, client_key,
           body_hash, deadline_at, created_at, updated_at)
    values (${sagaId}, gen_random_uuid(), '[]', 'STARTED', 'reserve', 1, 'EUR', '{}', 'ada@example.com', 'key', '', ${at}::timestamptz,
            ${at}::timestamptz, ${at}::timestamptz)`;
  expect([await found(null), await foundBy()]).toEqual([["under way"], ["cancelling", "under way"]]);
  await saga.sql`
    update saga_state set status = 'COMPENSATED', failure_code = 'CANCELLED', deadline_at = null, completed_at = ${at}::timestamptz where saga_id = ${sagaId}`;
  expect([await found(null), await foundBy()]).toEqual([["cancelled"], ["cancelling", "cancelled"]]);
});

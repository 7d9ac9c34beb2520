// The saga rows on a real Postgres: every position is read as it was written, and the table rejects invalid rows.
import { afterAll, beforeAll, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { Event } from "../../schemas/events.ts";
import { migrations } from "../../schemas/migrations.ts";
import { waitUntil } from "../stack/wait.ts";
import { eventOf } from "../testkit/events.ts";
import { checkout, POLICY, START, TestOrchestrator, HOLDING_PROVIDER } from "../testkit/orchestrator.ts";
import { startSaga } from "./saga.ts";
import type { Position, Saga } from "./state.ts";
import { readStatuses, statusOfSaga } from "./status-store.ts";
import type { StartSaga } from "../../schemas/http.ts";
import { type Table, TABLES } from "./steps.ts";
import { appendHistory, lockSagas, openTableVersions, saveSagas } from "./store.ts";
import { requireKnownVersions } from "./versions.ts";

const CHECK = "23514";
const UNIQUE = "23505";

let orchestrator: TestOrchestrator;
beforeAll(async () => {
  orchestrator = await TestOrchestrator.open();
});
afterAll(() => orchestrator[Symbol.asyncDispose]());

/** Codes and messages come from other services. */
const failure = fc.record({
  code: fc.string({ minLength: 1, unit: "grapheme" }),
  message: fc.string({ unit: "grapheme" }),
});
function positionOn(table: Table): fc.Arbitrary<Position> {
  const at = fc.constantFrom(...table.map(({ step }) => step));
  const undone = table.filter(({ undo }) => undo !== null).map(({ step }) => step);
  return fc.oneof(
    fc.record({ kind: fc.constant("forward" as const), at }),
    fc.record({
      kind: fc.constant("compensating" as const),
      at,
      undoing: fc.constantFrom(...undone),
      failure,
      resends: fc.nat(1_000),
    }),
    fc.record({ kind: fc.constant("completed" as const), at, order_id: fc.uuid({ version: 7 }) }),
    fc.record({ kind: fc.constant("compensated" as const), at, failure }),
  );
}
const time = fc.integer({ min: START, max: START + 10_000_000_000 });
const cents = fc.integer({ min: 0, max: 9_999_999_999 });
const progressOn = (table: Table) =>
  fc.record({
    position: positionOn(table),
    total_cents: cents,
    priced_items: fc.option(
      fc.array(fc.record({ sku_id: fc.string(), quantity: fc.nat(), unit_price_cents: cents }), {
        maxLength: 3,
      }),
    ),
    lines_short: fc.option(
      fc.array(
        fc.record({ sku_id: fc.string(), reason: fc.constantFrom("short", "unknown", "other_currency") }),
        { maxLength: 3 },
      ),
    ),
    payment_succeeded: fc.boolean(),
    card: fc.option(
      fc.record({ brand: fc.constantFrom("visa", "unknown"), last4: fc.stringMatching(/^[0-9]{4}$/) }),
    ),
    action_expires_at: fc.option(time),
    action_latest_at: fc.option(time),
    needs_operator: fc.boolean(),
    deadline: time,
    updated_at: time,
  });

test("the migration removes the payment provider's texts and keeps our own", async () => {
  await using own = await TestOrchestrator.open();
  const { sql } = own.database;
  await using intake = own.intake();
  const failures = {
    CARD_DECLINED: "No such PaymentMethod: 'pm_unknown'",
    PRICE_CHANGED: "expected 1, the price is 2",
  };
  for (const [code, message] of Object.entries(failures)) {
    const { saga_id } = await intake.start(checkout({ client_key: code }));
    await sql`
      update saga_state set status = 'COMPENSATED', failure_code = ${code}, failure_message = ${message},
             completed_at = now(), deadline_at = null where saga_id = ${saga_id}`;
  }
  const migration = migrations.saga.find(({ name }) => name === "0019_own_words");
  await sql.unsafe(migration?.sql ?? "");
  const rows = await sql`select failure_code as code, failure_message as message from saga_state order by 1`;
  expect([...rows]).toEqual([
    { code: "CARD_DECLINED", message: "refused by the payment provider" },
    { code: "PRICE_CHANGED", message: failures.PRICE_CHANGED },
  ]);
});

test.each([...TABLES])(
  "any saga of table %d is read as it was saved, and its status is the same from row and memory",
  async (version, table) => {
    const started = version === 1 ? {} : { provider: HOLDING_PROVIDER };
    await fc.assert(
      fc.asyncProperty(fc.array(progressOn(table), { minLength: 1, maxLength: 10 }), async (all) => {
        const saved = await save(all.map(advanced), started);
        for (const saga of saved) expect(await orchestrator.saga(saga.saga_id)).toEqual(saga);
        const shown = await readStatuses(
          orchestrator.database.sql,
          saved.map(({ saga_id }) => saga_id),
        );
        for (const saga of saved) expect(shown.get(saga.saga_id)).toEqual(statusOfSaga(saga));
      }),
      { numRuns: 60 },
    );
  },
);

function advanced({
  deadline,
  ...rest
}: ReturnType<typeof progressOn> extends fc.Arbitrary<infer T> ? T : never) {
  const isFinished = rest.position.kind === "completed" || rest.position.kind === "compensated";
  const end = { payment_method: null, deadline_at: null, completed_at: rest.updated_at };
  const open = { deadline_at: deadline, completed_at: null };
  return (saga: Saga): Saga => ({ ...saga, ...rest, ...(isFinished ? end : open) });
}

/** Starts one saga per change, applies the changes, and saves them with one statement. */
async function save(
  changes: readonly ((saga: Saga) => Saga)[],
  started: Partial<StartSaga> = {},
): Promise<readonly Saga[]> {
  const ids = await Promise.all(changes.map(() => orchestrator.start(started)));
  return orchestrator.database.postgres.transaction(async ({ tx, send, finish }) => {
    const [sagas] = await send([lockSagas(tx, ids)]);
    const pairs = sagas.map((before, i) => ({ before, after: changes[i]?.(before) ?? before }));
    await finish([saveSagas(tx, pairs)]);
    return pairs.map(({ after }) => after);
  });
}

test("prices that are saved once stay when later changes do not contain them", async () => {
  const priced_items = [{ sku_id: "tea", quantity: 2, unit_price_cents: 500 }];
  const [priced] = await save([(saga) => ({ ...saga, priced_items, total_cents: 1_000 })]);
  if (priced === undefined) throw new Error("one saga was saved");
  const after: Saga = { ...priced, position: { kind: "forward", at: "charge" } };
  await orchestrator.database.postgres.transaction(({ tx, finish }) =>
    finish([saveSagas(tx, [{ before: priced, after }])]),
  );
  expect(await orchestrator.saga(priced.saga_id)).toEqual(after);
});

test("that a saga has waited for its shopper stays when the wait is over", async () => {
  const waits = (ends: number | null) => (saga: Saga) => ({ ...saga, action_expires_at: ends });
  const [waited, other] = await save([waits(START + 60_000), waits(null)]);
  if (waited === undefined || other === undefined) throw new Error("two sagas were saved");
  const over = (before: Saga) => ({ before, after: { ...before, action_expires_at: null } });
  await orchestrator.database.postgres.transaction(({ tx, finish }) =>
    finish([saveSagas(tx, [over(waited), over(other)])]),
  );
  const ids = [waited.saga_id, other.saga_id];
  const rows = await orchestrator.database.sql<{ saga_id: string; waited: boolean }[]>`
    select saga_id, waited_for_shopper as waited from saga_state where saga_id = any(${ids}::uuid[])`;
  expect(new Map(rows.map((row) => [row.saga_id, row.waited]))).toEqual(
    new Map([
      [waited.saga_id, true],
      [other.saga_id, false],
    ]),
  );
});

test("a new saga is stored as the pure core made it", async () => {
  const request = checkout();
  const id = await orchestrator.start(request);
  expect(await orchestrator.saga(id)).toEqual(startSaga(id, request, START, POLICY).saga);
});

test("unknown ids are missing", async () => {
  const { sql } = orchestrator.database;
  expect(await readStatuses(sql, [Bun.randomUUIDv7()])).toEqual(new Map());
  await expect(orchestrator.saga(Bun.randomUUIDv7())).rejects.toThrow("no saga");
});

test.each([
  ["an unknown status", "status = 'LOST'", CHECK],
  ["an unknown step", "current_step = 'pay'", CHECK],
  [
    "the undo of a step that has none",
    "status = 'COMPENSATING', compensation_step = 'confirm', failure_code = 'X'",
    CHECK,
  ],
  ["finished without an end time", "status = 'COMPENSATED', failure_code = 'X', deadline_at = null", CHECK],
  ["finished with a deadline", "status = 'COMPENSATED', failure_code = 'X', completed_at = now()", CHECK],
  ["in progress without a deadline", "deadline_at = null", CHECK],
  ["compensating without a step", "status = 'COMPENSATING', failure_code = 'X'", CHECK],
  ["an undo while going forward", "compensation_step = 'reserve'", CHECK],
  ["compensated without a reason", "status = 'COMPENSATED', deadline_at = null, completed_at = now()", CHECK],
  [
    "completed without an order",
    "status = 'COMPLETED', deadline_at = null, completed_at = now(), total_cents = 1",
    CHECK,
  ],
  [
    "completed without a total",
    "status = 'COMPLETED', deadline_at = null, completed_at = now(), order_id = saga_id",
    CHECK,
  ],
  [
    "completed and failed",
    "status = 'COMPLETED', deadline_at = null, completed_at = now(), order_id = saga_id, total_cents = 1, failure_code = 'X'",
    CHECK,
  ],
  ["a total below zero", "total_cents = -1", CHECK],
  ["an invalid currency", "currency = 'euro'", CHECK],
  ["a negative number of resends", "resend_count = -1", CHECK],
])("refused: %s", async (_, change, code) => {
  const id = await orchestrator.start();
  const error: unknown = await orchestrator.database.sql
    .unsafe(`update saga_state set ${change} where saga_id = '${id}'`)
    .then(
      () => null,
      (reason: unknown) => reason,
    );
  expect(error).toMatchObject({ code });
});

test("refused: a second saga with the same client key", async () => {
  const { sql } = orchestrator.database;
  const [id, other] = [await orchestrator.start(), await orchestrator.start()];
  await expect(
    sql`update saga_state s set user_id = o.user_id, client_key = o.client_key
          from saga_state o where s.saga_id = ${id} and o.saga_id = ${other}`.then(() => null),
  ).rejects.toMatchObject({ code: UNIQUE });
});

test("a binary does not start while open sagas use a table that it does not know", async () => {
  const { sql } = orchestrator.database;
  expect(await openTableVersions(sql)).toEqual([1, 2]);
  const id = await orchestrator.start();
  await sql`update saga_state set table_version = 99 where saga_id = ${id}`;
  const versions = await openTableVersions(sql);
  expect(new Set(versions)).toEqual(new Set([1, 2, 99]));
  expect(() => requireKnownVersions(versions)).toThrow("version 99");
  await sql`
    update saga_state set status = 'COMPENSATED', failure_code = 'X', deadline_at = null, completed_at = now()
     where saga_id = ${id}`;
  requireKnownVersions(await openTableVersions(sql));
});

test("updates of a saga do not touch the indexes until it finishes", async () => {
  await using own = await TestOrchestrator.open();
  await using intake = own.intake({ lingerMs: 50 });
  const requests = Array.from({ length: 200 }, () => checkout());
  const sagas = (await Promise.all(requests.map((request) => intake.start(request)))).map(
    ({ saga_id }) => saga_id,
  );
  const batch = async (type: Event["type"]) => own.handle(...sagas.map((saga_id) => eventOf(type, saga_id)));
  // Postgres keeps an old row version while any transaction may still read it, so the page fills up. A transaction in another database
  // counts too: only when the oldest transaction of the server changes does Postgres compute again what it may remove.
  const nextXid = async () => {
    const [row] = await own.database.sql<{ xid: string }[]>`
      select pg_snapshot_xmax(pg_current_snapshot())::text as xid`;
    return row?.xid ?? "";
  };
  const nobodyReads = async (before: string) => {
    const [row] = await own.database.sql<{ is_read: boolean }[]>`
      select pg_snapshot_xmin(pg_current_snapshot()) < ${before}::xid8
             or exists (
               select from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid() and backend_xmin is not null
             ) as is_read`;
    return row?.is_read === false;
  };
  for (const type of ["InventoryReserved", "PaymentSucceeded", "ReservationConfirmed"] as const) {
    const before = await nextXid();
    await waitUntil("no other transaction reads", () => nobodyReads(before), { timeoutMs: 20_000 });
    await batch(type);
  }
  const updates = async () => {
    // The connection reports its work at once, not only after it has been idle.
    await own.database.postgres.transaction(({ tx, finish }) =>
      finish([tx`select pg_stat_force_next_flush()`]),
    );
    const [row] = await own.database.sql<{ all: number; hot: number }[]>`
      select n_tup_upd as all, n_tup_hot_upd as hot from pg_stat_user_tables where relname = 'saga_state'`;
    return row ?? { all: 0, hot: 0 };
  };
  await waitUntil("the updates are counted", async () => (await updates()).all === 3 * sagas.length, {
    timeoutMs: 20_000,
  });
  // Now and then a page has no room yet, because a transaction may still read the old versions.
  expect((await updates()).hot).toBeGreaterThan(2 * sagas.length);
});

test("a line of the timeline is unchanged, whatever its note contains", async () => {
  const lines = [null, "late\u001e, said the \u0007 bell", "'\"\\,{}"].map((note) => ({
    saga_id: Bun.randomUUIDv7(),
    from: "STARTED" as const,
    to: "COMPENSATING" as const,
    step: "reserve" as const,
    message_id: note === null ? null : Bun.randomUUIDv7(),
    message_type: "OperatorCancel",
    note,
  }));
  const { postgres, sql } = orchestrator.database;
  await postgres.transaction(({ tx, finish }) => finish([appendHistory(tx, lines, START)]));
  const kept = await sql`
    select saga_id, from_status as from, to_status as to, step, message_id, message_type, note from saga_history
     where saga_id = any(${lines.map(({ saga_id }) => saga_id)}::uuid[]) order by history_id`;
  const rung = { note: "late , said the \u0007 bell" };
  expect([...kept]).toEqual(lines.map((line, index) => (index === 1 ? { ...line, ...rung } : line)));
});

// How fast sagas go: what is read for it.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cloneDatabase, type TestDatabase } from "../testkit/database.ts";
import { flowOfLastMinute } from "./saga-rate-store.ts";

let saga: TestDatabase;
beforeAll(async () => {
  saga = await cloneDatabase("saga");
});
afterAll(() => saga[Symbol.asyncDispose]());

test("the flow of the last minute counts each transition of it once, and reads no more of the history than it needs", async () => {
  const { sql } = saga;
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

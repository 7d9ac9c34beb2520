// The fault is real: no other transaction can lock these rows, and they are free when it is over.
import { expect, test } from "bun:test";
import { reserveInventory } from "../testkit/commands.ts";
import { TestInventory } from "../testkit/inventory.ts";
import { TestOrchestrator } from "../testkit/orchestrator.ts";
import { waitFor } from "../paysim/test-provider.ts";
import type { TestDatabase } from "../testkit/database.ts";
import { holdRows } from "./row-lock.ts";

/** How many rows of the table could be locked at this moment. */
async function free({ sql }: TestDatabase, table: string): Promise<number> {
  return (await sql.unsafe(`select from ${table} for update skip locked`)).length;
}

test("locks the SKU that was reserved last, until it is released", async () => {
  await using inventory = await TestInventory.open({ apple: 5, pear: 5 });
  await inventory.handle(reserveInventory(Bun.randomUUIDv7(), [["pear", 1]]));
  const release = await holdRows(inventory.database.url, "postgres-inventory");
  const [row] = await inventory.database.sql`select sku_id from inventory for update skip locked`;
  expect([await free(inventory.database, "inventory"), row]).toMatchObject([1, { sku_id: "apple" }]);
  await release();
  await waitFor(async () => (await free(inventory.database, "inventory")) === 2);
});

test("locks open sagas", async () => {
  await using orchestrator = await TestOrchestrator.open();
  await orchestrator.start();
  const release = await holdRows(orchestrator.database.url, "postgres-saga");
  expect(await free(orchestrator.database, "saga_state")).toBe(0);
  await release();
  await waitFor(async () => (await free(orchestrator.database, "saga_state")) === 1);
});

test("locks nothing when no server answers", async () => {
  const release = await holdRows("postgres://nobody@127.0.0.1:1/nothing", "postgres-order");
  await release();
});

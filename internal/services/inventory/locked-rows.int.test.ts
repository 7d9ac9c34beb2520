// Another transaction has locked one SKU's row or one reservation: only what needs it waits. On a real Postgres.
import { expect, test } from "bun:test";
import { shopCurrencies } from "../../kernel/shop-currencies.ts";
import { serveHttp } from "../../platform/serve-http.ts";
import { confirmReservation, releaseInventory, reserveInventory } from "../../testkit/commands.ts";
import { HOLD_MS, TestInventory } from "../../testkit/inventory.ts";
import { holdRows, impatient } from "../../testkit/row-lock.ts";
import { catalogueApi } from "./catalogue-http.ts";
import { accessTo, AS_ADA } from "../../testkit/callers.ts";

const saga = () => Bun.randomUUIDv7();
const idsOf = (deliveries: readonly { readonly message: { readonly message_id: string } }[]) =>
  deliveries.map(({ message }) => message.message_id);
const open = () => TestInventory.open({ apple: 100, pear: 100 }, {}, impatient);
const holdStock = (inventory: TestInventory, sku_id: string) =>
  holdRows(inventory.database.url, `update inventory set name = 'new' where sku_id = '${sku_id}'`);

test("a batch leaves out exactly the messages of sagas that need a locked row", async () => {
  await using inventory = await open();
  const [apple, pear, both, live, lapsed, held] = [saga(), saga(), saga(), saga(), saga(), saga()];
  await inventory.handle(reserveInventory(lapsed, [["apple", 1]]));
  inventory.now += HOLD_MS;
  await inventory.sweep();
  await inventory.handle(reserveInventory(live, [["apple", 1]]), reserveInventory(held, [["pear", 1]]));
  await using stock = await holdStock(inventory, "apple");
  await using line = await holdRows(
    inventory.database.url,
    `select * from reservations where saga_id = '${held}' for update`,
  );
  const mixed = [
    ["pear", 1],
    ["apple", 1],
  ] as const;
  const commands = {
    wantsApple: reserveInventory(apple, [["apple", 1]]),
    releasesApple: releaseInventory(apple),
    wantsPear: reserveInventory(pear, [["pear", 1]]),
    wantsBoth: reserveInventory(both, mixed),
    // A confirm of a live hold needs no stock; a confirm of an expired hold takes it again.
    confirmsLive: confirmReservation(live),
    confirmsLapsed: confirmReservation(lapsed),
    releasesHeld: releaseInventory(held),
  };
  const effect = await inventory.handleFree(...Object.values(commands));
  const { wantsApple, releasesApple, wantsPear, wantsBoth, confirmsLive, confirmsLapsed, releasesHeld } =
    commands;
  expect(idsOf(effect.applied)).toEqual(idsOf([wantsPear, confirmsLive].map((message) => ({ message }))));
  expect(idsOf(effect.leftOut)).toEqual(
    idsOf(
      [wantsApple, releasesApple, wantsBoth, confirmsLapsed, releasesHeld].map((message) => ({ message })),
    ),
  );
  expect(new Set(effect.held.map(({ row }) => row))).toEqual(
    new Set(["inventory, SKU apple", `reservations, saga ${held}`]),
  );
  expect(await inventory.eventTypes(live)).toEqual(["InventoryReserved", "ReservationConfirmed"]);

  await Promise.all([stock.release(), line.release()]);
  const after = await inventory.handleFree(...Object.values(commands));
  expect([after.leftOut, after.held, after.fresh.size]).toEqual([[], [], 5]);
  expect(await inventory.leaks()).toEqual([]);
});

test("a batch whose messages all need the SKU changes nothing", async () => {
  await using inventory = await open();
  await using stock = await holdStock(inventory, "apple");
  const effect = await inventory.handleFree(reserveInventory(saga(), [["apple", 1]]));
  expect([effect.applied, effect.fresh.size, effect.leftOut.length]).toEqual([[], 0, 1]);
  await stock.release();
  expect(await inventory.database.sql`select from inbox`).toHaveLength(0);
});

test("the sweeper expires all other holds, also those behind more than one batch of locked ones", async () => {
  await using inventory = await open();
  for (let i = 0; i < 5; i += 1) await inventory.handle(reserveInventory(saga(), [["apple", 1]]));
  inventory.now += 1;
  const free = [saga(), saga()];
  for (const id of free) await inventory.handle(reserveInventory(id, [["pear", 1]]));
  inventory.now += HOLD_MS;
  await using stock = await holdStock(inventory, "apple");
  expect(await inventory.sweep(2)).toMatchObject({ processed: 2 });
  expect([await inventory.available("apple"), await inventory.available("pear")]).toEqual([95, 100]);
  expect(inventory.warnings).toEqual([expect.stringContaining("rows are locked")]);
  await stock.release();
  expect(await inventory.sweep()).toMatchObject({ processed: 5 });
  expect([await inventory.available("apple"), await inventory.leaks()]).toEqual([100, []]);
});

test("a restock of the SKU gets 503 within the lock timeout, logs the reason and adds nothing", async () => {
  await using inventory = await open();
  const logged: string[] = [];
  const log = { info: () => undefined, error: (_: object, message: string) => void logged.push(message) };
  const api = catalogueApi({
    access: accessTo("inventory"),
    database: inventory.database.postgres,
    log,
    currencies: shopCurrencies(""),
  });
  await using server = serveHttp(api, { hostname: "127.0.0.1", port: 0 });
  const item = { name: "fruit", unit_price_cents: 1, currency: "EUR", add_count: 5 };
  const restock = (...skus: readonly string[]) =>
    fetch(`http://127.0.0.1:${server.port}/catalogue`, {
      method: "PUT",
      headers: { "content-type": "application/json", ...AS_ADA },
      body: JSON.stringify({ items: skus.map((sku_id) => ({ sku_id, ...item })) }),
    });
  await using stock = await holdStock(inventory, "pear");
  const refused = await restock("apple", "pear");
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(logged).toEqual([expect.stringMatching(/waited \d+ ms for/)]);
  expect((await restock("apple")).status).toBe(200);
  await stock.release();
  expect((await restock("pear")).status).toBe(200);
  expect([await inventory.available("apple"), await inventory.available("pear")]).toEqual([105, 105]);
});

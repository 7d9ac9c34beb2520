// Inventory on a real Postgres: a batch writes what it decided, races never oversell and never deadlock.
import { expect, test } from "bun:test";
import { confirmReservation, releaseInventory, reserveInventory } from "../../testkit/commands.ts";
import { HOLD_MS, START, TestInventory } from "../../testkit/inventory.ts";
import { loadRows, saveRows } from "./store.ts";

const saga = () => Bun.randomUUIDv7();

test("a reservation goes through its statuses, and its stock follows", async () => {
  await using inventory = await TestInventory.open({ apple: 10, pear: 5 });
  const id = saga();
  const cart = [
    ["pear", 2],
    ["apple", 1],
    ["pear", 3],
  ] as const;
  const command = reserveInventory(id, cart);
  await inventory.handle(command);
  expect(await inventory.database.sql`select * from reservations order by line`).toMatchObject(
    cart.map(([sku_id, quantity], line) => ({
      reservation_id: command.message_id,
      saga_id: id,
      line,
      sku_id,
      quantity,
      unit_price_cents: 250,
      reserved_at: START,
      expires_at: START + HOLD_MS,
      status: "HELD",
    })),
  );
  expect([await inventory.available("apple"), await inventory.available("pear")]).toEqual([9, 0]);

  await inventory.handle(confirmReservation(id));
  expect(await inventory.statuses(id)).toEqual(["CONFIRMED", "CONFIRMED", "CONFIRMED"]);
  await inventory.handle(releaseInventory(id));
  expect(await inventory.statuses(id)).toEqual(["RELEASED", "RELEASED", "RELEASED"]);
  expect([await inventory.available("apple"), await inventory.available("pear")]).toEqual([10, 5]);
  expect(await inventory.eventTypes()).toEqual([
    "InventoryReserved",
    "ReservationConfirmed",
    "InventoryReleased",
  ]);
});

test("a whole life cycle in one batch, next to a tombstone, leaves the same rows", async () => {
  await using inventory = await TestInventory.open({ apple: 10 });
  const [whole, late] = [saga(), saga()];
  await inventory.handle(
    releaseInventory(late),
    reserveInventory(whole, [["apple", 4]]),
    confirmReservation(whole),
    releaseInventory(whole),
    reserveInventory(late, [["apple", 1]]),
  );
  expect(await inventory.eventTypes(whole)).toEqual([
    "InventoryReserved",
    "ReservationConfirmed",
    "InventoryReleased",
  ]);
  expect(await inventory.eventTypes(late)).toEqual(["InventoryReleased", "CommandRefused"]);
  expect([await inventory.statuses(whole), await inventory.statuses(late)]).toEqual([
    ["RELEASED"],
    ["RELEASED"],
  ]);

  await inventory.handle(reserveInventory(late, [["apple", 1]]), releaseInventory(late));
  expect((await inventory.eventTypes(late)).slice(2)).toEqual(["CommandRefused", "InventoryReleased"]);
  expect([await inventory.available("apple"), await inventory.leaks()]).toEqual([10, []]);
});

test("a message that comes twice has one effect and one reply", async () => {
  await using inventory = await TestInventory.open({ apple: 10 });
  const command = reserveInventory(saga(), [["apple", 1]]);
  expect((await inventory.handle(command)).size).toBe(1);
  expect((await inventory.handle(command)).size).toBe(0);
  expect([await inventory.available("apple"), await inventory.eventTypes()]).toEqual([
    9,
    ["InventoryReserved"],
  ]);
});

test("a hot SKU: one batch of 200 carts sells exactly the stock, in one row update", async () => {
  await using inventory = await TestInventory.open({ apple: 150 });
  const { sql } = inventory.database;
  await sql.unsafe(`
    create table updates_seen (rows integer);
    create function count_rows() returns trigger language plpgsql security definer as
      $$ begin insert into updates_seen select count(*) from changed; return null; end $$;
    create trigger seen after update on inventory referencing new table as changed
      for each statement execute function count_rows();`);
  await inventory.handle(...Array.from({ length: 200 }, () => reserveInventory(saga(), [["apple", 1]])));
  const types = await inventory.eventTypes();
  expect(types.filter((type) => type === "InventoryReserved").length).toBe(150);
  expect(types.filter((type) => type === "InsufficientStock").length).toBe(50);
  expect(await inventory.available("apple")).toBe(0);
  expect(await sql`select rows from updates_seen`).toEqual(expect.arrayContaining([{ rows: 1 }]));
  expect((await sql`select from updates_seen`).length).toBe(1);
});

test("racing replicas never oversell and never deadlock", async () => {
  await using inventory = await TestInventory.open({ apple: 60, pear: 60, plum: 60 });
  const carts = [
    ["apple", "pear", "plum"],
    ["plum", "pear", "apple"],
    ["pear", "apple", "plum"],
  ];
  const batches = Array.from({ length: 12 }, (_, batch) =>
    Array.from({ length: 10 }, (_unused, i) =>
      reserveInventory(
        saga(),
        (carts[(batch + i) % carts.length] ?? []).map((sku) => [sku, 1] as const),
      ),
    ),
  );
  await Promise.all(batches.map((batch) => inventory.handle(...batch)));
  const types = await inventory.eventTypes();
  expect(types.filter((type) => type === "InventoryReserved").length).toBe(60);
  expect(types.filter((type) => type === "InsufficientStock").length).toBe(60);
  expect([await inventory.available("apple"), await inventory.leaks()]).toEqual([0, []]);
  expect(inventory.faults).toEqual([]);
});

test("a racing reserve and release of one saga end with nothing held", async () => {
  await using inventory = await TestInventory.open({ apple: 100 });
  const sagas = Array.from({ length: 20 }, saga);
  await Promise.all(
    sagas.flatMap((id) => [
      inventory.handle(reserveInventory(id, [["apple", 1]])),
      inventory.handle(releaseInventory(id)),
    ]),
  );
  for (const id of sagas) {
    expect(await inventory.statuses(id)).toEqual(["RELEASED"]);
    expect((await inventory.eventTypes(id)).toSorted()).toBeOneOf([
      ["CommandRefused", "InventoryReleased"],
      ["InventoryReleased", "InventoryReserved"],
    ]);
  }
  expect([await inventory.available("apple"), await inventory.leaks()]).toEqual([100, []]);
  expect(inventory.faults.every((fault) => fault === "conflict")).toBe(true);
});

test("racing reserves of one saga make one reservation, and every reply names it", async () => {
  await using inventory = await TestInventory.open({ apple: 10 });
  const id = saga();
  await Promise.all(Array.from({ length: 4 }, () => inventory.handle(reserveInventory(id, [["apple", 2]]))));
  const reservations = (await inventory.events(id)).map((event) =>
    event.type === "InventoryReserved" ? event.reservation_id : event.type,
  );
  expect([reservations.length, new Set(reservations).size]).toEqual([4, 1]);
  expect(await inventory.available("apple")).toBe(8);
});

test("a confirm of a live hold does not wait for its hot SKU", async () => {
  await using inventory = await TestInventory.open({ apple: 10 });
  const id = saga();
  await inventory.handle(reserveInventory(id, [["apple", 1]]));
  await inventory.database.postgres.transaction(async ({ tx, send, finish }) => {
    await send([tx`select from inventory for update`]);
    await inventory.handle(confirmReservation(id));
    await finish([]);
  });
  expect(await inventory.statuses(id)).toEqual(["CONFIRMED"]);
});

test("an update of stock that is gone ends the transaction", async () => {
  await using inventory = await TestInventory.open({ apple: 5, pear: 5 });
  const { postgres } = inventory.database;
  const oversell: Promise<unknown> = postgres.transaction(async ({ tx, send, finish }) => {
    const [rows] = await send([loadRows(tx, { sagas: [], releasing: [], skus: ["apple", "pear"] })]);
    rows.deltas.set("apple", -6).set("pear", -1);
    await finish(saveRows(tx, rows, START));
  });
  const error: unknown = await oversell.catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "DATABASE_REFUSED", cause: { code: "23000" } });
  expect(postgres.faultOf(error)).toBe("other");
  expect([await inventory.available("apple"), await inventory.available("pear")]).toEqual([5, 5]);
});

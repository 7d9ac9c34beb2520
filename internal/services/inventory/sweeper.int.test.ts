// The sweeper on a real Postgres, alone and against concurrent commands for the same reservations.
import { expect, test } from "bun:test";
import { confirmReservation, releaseInventory, reserveInventory } from "../../testkit/commands.ts";
import { HOLD_MS, START, TestInventory } from "../../testkit/inventory.ts";

const saga = () => Bun.randomUUIDv7();

test("only expired holds expire, in bounded batches", async () => {
  await using inventory = await TestInventory.open({ apple: 10, pear: 10 });
  const [first, second, confirmed, young] = [saga(), saga(), saga(), saga()];
  await inventory.handle(
    reserveInventory(first, [
      ["apple", 1],
      ["pear", 2],
    ]),
    reserveInventory(second, [["apple", 1]]),
    reserveInventory(confirmed, [["apple", 1]]),
    confirmReservation(confirmed),
  );
  inventory.now = START + 1;
  await inventory.handle(reserveInventory(young, [["apple", 1]]));

  expect(await inventory.sweep()).toMatchObject({ processed: 0 });
  inventory.now = START + HOLD_MS;
  expect([await inventory.sweep(1), await inventory.sweep(1), await inventory.sweep(1)]).toEqual([
    { processed: 1, hasMore: true },
    { processed: 1, hasMore: true },
    { processed: 0, hasMore: false },
  ]);
  expect([await inventory.statuses(first), await inventory.statuses(second)]).toEqual([
    ["EXPIRED", "EXPIRED"],
    ["EXPIRED"],
  ]);
  expect([await inventory.statuses(confirmed), await inventory.statuses(young)]).toEqual([
    ["CONFIRMED"],
    ["HELD"],
  ]);
  expect([await inventory.available("apple"), await inventory.available("pear")]).toEqual([8, 10]);
  expect((await inventory.eventTypes()).filter((type) => type === "ReservationExpired").length).toBe(2);
  expect(await inventory.leaks()).toEqual([]);
});

test("a confirm takes the stock of an expired reservation again, or reports it lost", async () => {
  await using inventory = await TestInventory.open({ apple: 3 });
  const [lucky, late] = [saga(), saga()];
  await inventory.handle(reserveInventory(lucky, [["apple", 1]]), reserveInventory(late, [["apple", 2]]));
  inventory.now += HOLD_MS;
  await inventory.sweep();
  await inventory.handle(confirmReservation(lucky));
  await inventory.handle(reserveInventory(saga(), [["apple", 1]]), confirmReservation(late));
  expect((await inventory.eventTypes(lucky)).at(-1)).toBe("ReservationConfirmed");
  expect((await inventory.eventTypes(late)).at(-1)).toBe("ReservationLost");
  expect([await inventory.available("apple"), await inventory.leaks()]).toEqual([1, []]);
});

test("a reservation that another transaction has locked is skipped with all its lines", async () => {
  await using inventory = await TestInventory.open({ apple: 10, pear: 10 });
  const [busy, free] = [saga(), saga()];
  const cart = [
    ["apple", 1],
    ["pear", 1],
  ] as const;
  await inventory.handle(reserveInventory(busy, cart), reserveInventory(free, cart));
  inventory.now += HOLD_MS;
  await inventory.database.postgres.transaction(async ({ tx, send, finish }) => {
    await send([tx`select from reservations where saga_id = ${busy} and line = 0 for no key update`]);
    expect(await inventory.sweep()).toMatchObject({ processed: 1 });
    await finish([]);
  });
  expect([await inventory.statuses(busy), await inventory.statuses(free)]).toEqual([
    ["HELD", "HELD"],
    ["EXPIRED", "EXPIRED"],
  ]);
  expect(await inventory.sweep()).toMatchObject({ processed: 1 });
});

test("concurrent sweepers and releases give each unit back once", async () => {
  await using inventory = await TestInventory.open({ apple: 100, pear: 100 });
  const sagas = Array.from({ length: 50 }, saga);
  await inventory.handle(
    ...sagas.map((id, i) =>
      reserveInventory(
        id,
        i % 2 === 0
          ? [
              ["apple", 1],
              ["pear", 2],
            ]
          : [
              ["pear", 1],
              ["apple", 1],
            ],
      ),
    ),
  );
  inventory.now += HOLD_MS;
  await Promise.all([
    inventory.sweep(20),
    inventory.handle(...sagas.slice(0, 25).map(releaseInventory)),
    inventory.sweep(20),
    inventory.handle(...sagas.slice(25).map(releaseInventory)),
    inventory.sweep(20),
  ]);
  expect([await inventory.available("apple"), await inventory.available("pear")]).toEqual([100, 100]);
  const statuses = await Promise.all(sagas.map((id) => inventory.statuses(id)));
  expect(new Set(statuses.flat())).toEqual(new Set(["RELEASED"]));
  expect([inventory.faults, await inventory.leaks()]).toEqual([[], []]);
});

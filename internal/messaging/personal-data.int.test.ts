// Old rows lose their personal data, and no other rows do. On real databases.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { eraseOldSagas } from "../orchestrator/personal-data-store.ts";
import { eraseOldOrders } from "../services/order/personal-data-store.ts";
import { ERASED } from "../../schemas/fields.ts";
import { ConsistentFixture } from "../testkit/consistent-fixture.ts";
import { PersonalDataRetention } from "./personal-data.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;

let system: ConsistentFixture;
beforeAll(async () => {
  system = await ConsistentFixture.open();
});
beforeEach(() => system.reset());
afterAll(() => system[Symbol.asyncDispose]());

/** The retention as it would run this many days from now. */
function retentionIn(daysFromNow: number, days = 30) {
  const now = async () => Date.now() + daysFromNow * DAY_MS;
  const { saga, order } = system.databases;
  return {
    sagas: new PersonalDataRetention({ sql: saga, now, days, erase: eraseOldSagas }),
    orders: new PersonalDataRetention({ sql: order, now, days, erase: eraseOldOrders }),
  };
}

const erasedSagas = async () =>
  (await system.databases.saga`select from saga_state where email = ${ERASED.email}`).length;

test("sagas and orders keep their data for the configured days, then lose it once", async () => {
  const { saga, order } = system.databases;
  const card = { brand: "visa", last4: "4242" };
  await saga`update saga_state set card = ${saga.json(card)}`;
  await order`update orders set card = ${order.json(card)}`;
  await retentionIn(29).sagas.runOnce();
  expect(await erasedSagas()).toBe(0);

  const { sagas, orders } = retentionIn(31);
  expect(await sagas.runOnce()).toMatchObject({ processed: 3 });
  expect(await erasedSagas()).toBe(3);
  expect(await sagas.runOnce()).toMatchObject({ processed: 0 });
  await orders.runOnce();
  const addresses = [
    ...(await saga`select shipping_address from saga_state`),
    ...(await order`select shipping_address from orders where shipping_address is not null`),
  ].map((row) => row["shipping_address"]);
  expect(addresses.length).toBeGreaterThanOrEqual(4);
  const blank = { name: ERASED.line, line1: ERASED.line, city: "", postal_code: "", country: "DE" };
  for (const address of addresses) expect(address).toEqual(blank);
  const cards = [
    ...(await saga`select from saga_state where card is not null`),
    ...(await order`select from orders where card is not null`),
  ];
  expect(cards).toEqual([]);
});

test("a card that an older version left beside an erased address is erased", async () => {
  const { saga, order } = system.databases;
  const { sagas, orders } = retentionIn(31);
  await sagas.runOnce();
  await orders.runOnce();
  const card = { brand: "visa", last4: "4242" };
  await saga`update saga_state set card = ${saga.json(card)}`;
  await order`update orders set card = ${order.json(card)}`;
  const before = await order`select order_id, shipping_address from orders order by order_id`;

  const next = retentionIn(31);
  await next.sagas.runOnce();
  await next.orders.runOnce();
  expect(await saga`select from saga_state where card is not null`).toHaveLength(0);
  expect(await order`select from orders where card is not null`).toHaveLength(0);
  expect(await order`select order_id, shipping_address from orders order by order_id`).toEqual(before);
});

test("an open saga keeps its data at any age; 0 days keep everything", async () => {
  await retentionIn(1_000, 0).sagas.runOnce();
  expect(await erasedSagas()).toBe(0);
  await system.databases.saga`
    update saga_state set status = 'ORDER_CREATED', completed_at = null, deadline_at = now()
     where saga_id = ${system.completed.saga_id}`;
  await retentionIn(31).sagas.runOnce();
  expect(await erasedSagas()).toBe(2);
});

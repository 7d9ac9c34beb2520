// The order service on a real Postgres: a batch writes what it decided, and the table rejects rows that code must never write.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { OrderCommand } from "../../../schemas/commands.ts";
import type { Message } from "../../../schemas/registry.ts";
import { applyFree, applyOnce } from "../../messaging/inbox-transaction.ts";
import { cancelOrder, createOrder } from "../../testkit/commands.ts";
import { cloneDatabase, type TestDatabase } from "../../testkit/database.ts";
import { holdRows } from "../../testkit/row-lock.ts";
import { orderHandler } from "./handler.ts";

const T0 = Date.parse("2026-11-23T12:00:00.000Z");
const CHECK = "23514";
const UNIQUE = "23505";
const saga = () => Bun.randomUUIDv7();

let database: TestDatabase;
const alerts: string[] = [];
beforeAll(async () => {
  database = await cloneDatabase("order");
});
afterAll(() => database[Symbol.asyncDispose]());

/** Handles the commands as one batch. */
function handle(...commands: readonly OrderCommand[]): Promise<ReadonlySet<string>> {
  return applyOnce(context(), deliveriesOf(commands));
}

function context() {
  const policy = { blockedCountries: new Set(["AQ"]) };
  return {
    handler: orderHandler({ policy, alert: (what) => alerts.push(what) }),
    database: database.postgres,
    clock: { now: () => T0 },
    newId: () => Bun.randomUUIDv7(),
    random: Math.random,
  };
}

function deliveriesOf(commands: readonly OrderCommand[]) {
  return commands.map((message) => ({ message, value: message, raw: noRawMessage }));
}

function noRawMessage(): never {
  throw new Error("a test message has no Kafka record");
}

async function eventTypes(saga_id: string): Promise<readonly string[]> {
  const rows = await database.sql<{ payload: Message }[]>`
    select payload from outbox where partition_key = ${saga_id} order by event_id`;
  return rows.map(({ payload }) => payload.type);
}

const ordersOf = (saga_id: string) => database.sql`select * from orders where saga_id = ${saga_id}`;

test("an order is created once, and cancelled for good", async () => {
  const id = saga();
  const command = createOrder(id);
  const { user_id, items, total_cents, currency, shipping_address } = command;
  await handle(command);
  await handle(command, createOrder(id));
  const order = { order_id: command.message_id, user_id, items, total_cents, currency, shipping_address };
  expect([...(await ordersOf(id))]).toMatchObject([{ ...order, status: "CONFIRMED", created_at: T0 }]);
  await handle(cancelOrder(id));
  await handle(createOrder(id), cancelOrder(id));
  expect([...(await ordersOf(id))]).toMatchObject([{ ...order, status: "CANCELLED" }]);
  expect(await eventTypes(id)).toEqual([
    "OrderCreated",
    "OrderCreated",
    "OrderCancelled",
    "CommandRefused",
    "OrderCancelled",
  ]);
});

test("a batch holds orders, refusals and tombstones of many sagas", async () => {
  const [good, blocked, wrong, cancelled, turned] = [saga(), saga(), saga(), saga(), saga()];
  const shipping_address = { ...createOrder(blocked).shipping_address, country: "AQ" };
  await handle(
    createOrder(good),
    createOrder(blocked, { shipping_address }),
    createOrder(wrong, { total_cents: 1 }),
    cancelOrder(cancelled),
    createOrder(turned),
    cancelOrder(turned),
  );
  await handle(createOrder(cancelled));
  const types = await Promise.all([good, blocked, wrong, cancelled, turned].map(eventTypes));
  expect(types).toEqual([
    ["OrderCreated"],
    ["OrderFailed"],
    ["OrderFailed"],
    ["OrderCancelled", "CommandRefused"],
    ["OrderCreated", "OrderCancelled"],
  ]);
  const statuses = await database.sql<{ saga_id: string; status: string }[]>`
    select saga_id, status from orders where saga_id = any(${[good, blocked, wrong, cancelled, turned]}::uuid[])`;
  expect(Object.fromEntries(statuses.map(({ saga_id, status }) => [saga_id, status]))).toEqual({
    [good]: "CONFIRMED",
    [cancelled]: "CANCELLED",
    [turned]: "CANCELLED",
  });
});

test("a racing create and cancel of one saga leave it cancelled", async () => {
  const sagas = Array.from({ length: 20 }, saga);
  await Promise.all(sagas.flatMap((id) => [handle(createOrder(id)), handle(cancelOrder(id))]));
  for (const id of sagas) {
    expect([...(await ordersOf(id))]).toMatchObject([{ status: "CANCELLED" }]);
    expect((await eventTypes(id)).toSorted()).toBeOneOf([
      ["CommandRefused", "OrderCancelled"],
      ["OrderCancelled", "OrderCreated"],
    ]);
  }
});

test("a shipped order stays unchanged, the saga gets no reply and an operator is alerted", async () => {
  const id = saga();
  await handle(createOrder(id));
  await database.sql`update orders set status = 'SHIPPED' where saga_id = ${id}`;
  await handle(cancelOrder(id));
  expect([...(await ordersOf(id))]).toMatchObject([{ status: "SHIPPED" }]);
  expect([await eventTypes(id), alerts.length]).toEqual([["OrderCreated"], 1]);
});

test("a cancel waits for a concurrent shipment, and then sees the shipped order", async () => {
  const id = saga();
  await handle(createOrder(id));
  const cancelled = await database.postgres.transaction(async ({ tx, send, finish }) => {
    await send([tx`update orders set status = 'SHIPPED' where saga_id = ${id}`]);
    const cancelling = handle(cancelOrder(id));
    await somebodyWaitsForALock();
    await finish([]);
    return { cancelling };
  });
  await cancelled.cancelling;
  expect([...(await ordersOf(id))]).toMatchObject([{ status: "SHIPPED" }]);
  expect(await eventTypes(id)).toEqual(["OrderCreated"]);
});

async function somebodyWaitsForALock(): Promise<void> {
  for (;;) {
    const waiting = await database.sql`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    if (waiting.length > 0) return;
  }
}

const insert = (order: Readonly<Record<string, string>>) => {
  const row = {
    order_id: "gen_random_uuid()",
    saga_id: "gen_random_uuid()",
    user_id: "gen_random_uuid()",
    items: "'[]'",
    total_cents: "1",
    currency: "'EUR'",
    shipping_address: "'{}'",
    status: "'CONFIRMED'",
    created_at: "now()",
    updated_at: "now()",
    ...order,
  };
  return `insert into orders (${Object.keys(row).join(", ")}) values (${Object.values(row).join(", ")})`;
};
const twice = `'${saga()}'`;

test.each([
  ["two orders of one saga", `${insert({ saga_id: twice })}; ${insert({ saga_id: twice })}`, UNIQUE],
  ["a confirmed order without a user", insert({ user_id: "null" }), CHECK],
  ["a confirmed order without an address", insert({ shipping_address: "null" }), CHECK],
  ["a shipped order without a currency", insert({ currency: "null", status: "'SHIPPED'" }), CHECK],
  ["a negative total", insert({ total_cents: "-1" }), CHECK],
  ["an unknown status", insert({ status: "'LOST'" }), CHECK],
  ["a whole card number", insert({ card: `'{"brand": "visa", "last4": "4242424242424242"}'` }), CHECK],
  ["more of a card", insert({ card: `'{"brand": "visa", "last4": "4242", "exp_year": 2034}'` }), CHECK],
])("refused: %s", async (_, statement, code) => {
  const error: unknown = await database.sql.unsafe(statement).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code });
});

test("a batch leaves out only an order that another transaction has locked", async () => {
  const [held, free] = [saga(), saga()];
  await handle(createOrder(held), createOrder(free));
  await using row = await holdRows(database.url, `select * from orders where saga_id = '${held}' for update`);
  const effect = await applyFree(context(), deliveriesOf([cancelOrder(held), cancelOrder(free)]));
  expect(effect.applied.map(({ message }) => message.saga_id)).toEqual([free]);
  expect(effect.held).toEqual([{ saga_id: held, row: `orders, saga ${held}` }]);
  await row.release();
  expect([await eventTypes(free), await eventTypes(held)]).toEqual([
    ["OrderCreated", "OrderCancelled"],
    ["OrderCreated"],
  ]);
});

// `checkoutctl order rebuild` on real databases: an older copy of the order database, and Kafka that has dropped what it no longer keeps.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Event } from "../../schemas/events.ts";
import type { ShipOrder } from "../../schemas/http.ts";
import { applyOnce } from "../../internal/messaging/inbox-transaction.ts";
import type { OrderRebuildReport } from "../../internal/operations/order-rebuild.ts";
import { orderHandler } from "../../internal/services/order/handler.ts";
import { recordShipment } from "../../internal/services/order/ship.ts";
import type { ShipmentRequest } from "../../internal/services/order/shipment.ts";
import { restoreBackup, takeBackup } from "../../internal/testkit/backup.ts";
import { Checkoutctl, type Environment } from "../../internal/testkit/checkoutctl.ts";
import { createOrder } from "../../internal/testkit/commands.ts";
import { cloneDatabase, type TestDatabase } from "../../internal/testkit/database.ts";
import { noLog } from "../../internal/testkit/noop-telemetry.ts";
import { eventOf } from "../../internal/testkit/events.ts";
import { checkout, TestOrchestrator } from "../../internal/testkit/orchestrator.ts";

const newId = () => Bun.randomUUIDv7();
const WHO = { actor: "ada", reason: "packed" };
const DHL = { tracking: { carrier: "DHL", number: "JD0146" } };

let tool: Checkoutctl;
let orchestrator: TestOrchestrator;
let order: TestDatabase;
let env: Environment;
beforeAll(async () => {
  [tool, orchestrator, order] = await Promise.all([
    Checkoutctl.open(),
    TestOrchestrator.open(),
    cloneDatabase("order"),
  ]);
  orchestrator.now = Date.now();
  env = { ORDER_DATABASE_URL: order.url, SAGA_DATABASE_URL: orchestrator.database.url };
});
afterAll(async () => {
  await tool[Symbol.asyncDispose]();
  await orchestrator[Symbol.asyncDispose]();
  await order[Symbol.asyncDispose]();
});

interface Placed {
  readonly saga_id: string;
  readonly order_id: string;
}

const clock = { now: () => orchestrator.now };

/** A completed checkout and its order. */
async function placed(): Promise<Placed> {
  const saga_id = await orchestrator.start();
  await orchestrator.complete(saga_id);
  const saga = await orchestrator.saga(saga_id);
  if (saga.position.kind !== "completed") throw new Error("the saga is not completed");
  const { order_id } = saga.position;
  const items = saga.priced_items === null ? [] : [...saga.priced_items];
  const { user_id, currency, total_cents, shipping_address } = saga;
  const bought = { user_id, items, currency, shipping_address, total_cents: total_cents ?? 0 };
  const details = { ...bought, ...(saga.card === null ? {} : { card: saga.card }) };
  const message = { ...createOrder(saga_id), ...details, message_id: order_id };
  const raw = () => {
    throw new Error("a test message has no Kafka record");
  };
  const handler = orderHandler({ policy: { blockedCountries: new Set() }, alert: () => undefined });
  const context = { handler, database: order.postgres, clock, newId, random: Math.random };
  await applyOnce(context, [{ message, value: message, raw }]);
  return { saga_id, order_id };
}

/** Records it, and lets the orchestrator hear of it. */
async function record({ saga_id, order_id }: Placed, request: ShipmentRequest): Promise<void> {
  orchestrator.now += 1_000;
  await recordShipment({ database: order.postgres, clock, newId, log: noLog }, order_id, request);
  const [row] = await order.sql<{ payload: Event }[]>`
    select payload from outbox where partition_key = ${saga_id} order by event_id desc limit 1`;
  if (row !== undefined) await orchestrator.handle(row.payload);
}

const ship = (one: Placed, parcel: Partial<ShipOrder> = {}) =>
  record(one, { kind: "ship", ...WHO, ...parcel });
const deliver = (one: Placed) => record(one, { kind: "deliver", ...WHO });

/** Cancelled up to the refund, which is still open. */
async function cancel({ saga_id, order_id }: Placed): Promise<void> {
  orchestrator.now += 1_000;
  await orchestrator.cancelOrder(saga_id, { order_id, ...WHO });
  await order.sql`update orders set status = 'CANCELLED', updated_at = ${orchestrator.now}::timestamptz where order_id = ${order_id}`;
  await orchestrator.handle(eventOf("OrderCancelled", saga_id));
}

interface OrderRow {
  readonly order_id: string;
  readonly status: string;
  readonly tracking: unknown;
}

const table = async (): Promise<readonly OrderRow[]> => [
  ...(await order.sql<OrderRow[]>`select * from orders order by order_id`),
];
const messages = async () => {
  const [[own], [others]] = await Promise.all([
    order.sql<{ count: number }[]>`select count(*)::integer as count from outbox`,
    orchestrator.database.sql<{ count: number }[]>`select count(*)::integer as count from outbox`,
  ]);
  return [own?.count, others?.count];
};

const rebuild = ["order", "rebuild", "--since", "1h", "--reason", "its disk is gone"];

test("brings back what happened since the backup, from whatever source still has it, and says what none has", async () => {
  // given a backup, and then parcels, a delivery, a cancellation and a new order
  const [told, mailed, lost, plain, arrived, cancelled, untouched] = [
    await placed(),
    await placed(),
    await placed(),
    await placed(),
    await placed(),
    await placed(),
    await placed(),
  ];
  await takeBackup(order.sql);
  await ship(told, DHL);
  await ship(told, {
    tracking: { carrier: "UPS", number: "1Z9", url: "https://ups.example/1Z9" },
    correct: true,
  });
  await ship(mailed, DHL);
  await ship(lost, DHL);
  await ship(plain);
  await ship(arrived, DHL);
  await deliver(arrived);
  await cancel(cancelled);
  const late = await placed();
  await orchestrator.database.sql`update outbox set published = true, published_at = now()`;
  const before = await table();
  // Kafka has kept only the events about one order, and the saga's outbox has lost one mail.
  const kept = await order.sql`select * from outbox where partition_key = ${told.saga_id} order by event_id`;
  await restoreBackup(order.sql);
  for (const row of kept)
    await order.sql`
      insert into outbox (event_id, topic, partition_key, payload, headers, published, published_at)
      values (${row["event_id"]}, ${row["topic"]}, ${row["partition_key"]}, ${row["payload"]}, ${row["headers"]}, true, now())
          on conflict do nothing`;
  await orchestrator.database.sql`
    delete from outbox where partition_key = ${lost.saga_id} and payload ->> 'template' = 'order_shipped'`;
  const sent = await messages();

  // when it is only asked what it would do
  const dry = await tool.run([...rebuild, "--dry-run"], env);
  expect(dry.code).toBe(3);
  expect(dry.stdout).toContain("7 orders would be rebuilt");
  expect((await table()).find(({ order_id }) => order_id === told.order_id)?.status).toBe("CONFIRMED");

  // when
  const { code, stdout } = await tool.run([...rebuild, "--json"], env);
  // then all is as before, but for one number of a parcel
  const report: OrderRebuildReport = JSON.parse(stdout);
  expect(code).toBe(3);
  expect(report.open).toEqual([{ ...lost, what: expect.stringContaining("`order ship` with --correct") }]);
  const same = (rows: readonly OrderRow[]) =>
    rows.map((row) => (row.order_id === lost.order_id ? { ...row, tracking: null } : row));
  expect(await table()).toEqual(same(before));
  expect(report.orders.map(({ from, to }) => `${from ?? "lost"} ${to}`).toSorted()).toEqual([
    "CONFIRMED CANCELLED",
    "CONFIRMED DELIVERED",
    "CONFIRMED SHIPPED",
    "CONFIRMED SHIPPED",
    "CONFIRMED SHIPPED",
    "CONFIRMED SHIPPED",
    "lost CONFIRMED",
  ]);
  expect(report.orders.find(({ order_id }) => order_id === late.order_id)?.from).toBeNull();
  expect(report.orders.some(({ order_id }) => order_id === untouched.order_id)).toBe(false);
  // Nobody hears of it a second time.
  expect(await messages()).toEqual(sent);
  const trail = await orchestrator.database.sql<{ detail: string }[]>`
    select detail from operator_actions where action = 'order.rebuild' and actor = 'ada' and reason = 'its disk is gone'`;
  expect(trail).toHaveLength(7);

  // A second run changes nothing, and is content once the number is recorded again.
  const again = await tool.json<OrderRebuildReport>([...rebuild], env).catch(String);
  expect(again).toMatchObject({ orders: [], answered: 0, open: [{ order_id: lost.order_id }] });
  await ship(lost, { ...DHL, correct: true });
  const last = await tool.run(rebuild, env);
  expect([last.code, last.stdout]).toEqual([0, "0 orders rebuilt; 0 commands already had an answer\n"]);
  expect((await table()).find(({ order_id }) => order_id === lost.order_id)?.tracking).toEqual(DHL.tracking);
});

test("an order that somebody moves meanwhile stays as it is, and is named", async () => {
  const one = await placed();
  await takeBackup(order.sql);
  await ship(one, DHL);
  const kept = await order.sql`select * from outbox where partition_key = ${one.saga_id}`;
  expect(kept).toHaveLength(2);
  await restoreBackup(order.sql);
  // A trigger plays the other one: it changes the row between the look and the update.
  await order.sql.unsafe(`
    create function meddle() returns trigger language plpgsql as $$ begin return null; end $$;
    create trigger meddle before update on orders for each row execute function meddle()`);
  try {
    const { code, stdout } = await tool.run(rebuild, env);
    expect([code, stdout]).toEqual([
      3,
      expect.stringContaining(`order ${one.order_id} was changed by somebody else`),
    ]);
    expect(stdout).toContain("0 orders rebuilt");
  } finally {
    await order.sql.unsafe("drop trigger meddle on orders; drop function meddle()");
  }
  expect((await tool.run(rebuild, env)).stdout).toContain("1 order rebuilt");
});

test("names the shoppers whose erasure the backup does not know", async () => {
  const { user_id } = checkout();
  await orchestrator.database.sql`
    insert into operator_actions (action_id, run_id, action, subject, actor, reason, outcome, at, settled_at)
    values (uuidv7(), uuidv7(), 'shopper.erase', ${user_id}, 'ada', 'asked', 'erased', now(), now())`;
  const { stdout } = await tool.run(rebuild, env);
  expect(stdout).toContain(`shopper ${user_id} was erased since the backup`);
});

// Without faults each baseline completes a checkout and undoes a declined one. A comparison with a baseline that cannot do this would
// prove nothing.
import { afterAll, beforeAll, expect, test } from "bun:test";
import postgres, { type Sql } from "postgres";
import { TestProvider } from "../../internal/paysim/test-provider.ts";
import { kafkaBrokers, postgresUrl } from "../../internal/testkit/servers.ts";
import { cartOf, Refused, Shopper } from "../shopper.ts";
import { startOrchestrator } from "./dual-writes/orchestrator.ts";
import { startInventory, startOrder, startPayment } from "./dual-writes/services.ts";
import { type Running, startMonolith } from "./monolith.ts";

const STOCK = 5;
const PRICE_CENTS = 1_250;
const WAIT_MS = 30_000;

const held = new AsyncDisposableStack();
let provider: TestProvider;
beforeAll(() => void (provider = held.use(new TestProvider())));
afterAll(() => held.disposeAsync());

test("the monolith accepts an order, charges it once, and rolls back a declined one", async () => {
  await using database = await emptyDatabase();
  await using monolith = await startMonolith({
    port: 0,
    database: database.url,
    provider: provider.url,
    withKeys: true,
  });
  await stock(database.sql);
  const shopper = await shopperOf(monolith);
  // when
  const placed = await shopper.checkout(cartOf(["pen", "ink"], "pm_card_visa", "EUR"), "mono-1", 0);
  const again = await shopper.checkout(cartOf(["pen", "ink"], "pm_card_visa", "EUR"), "mono-1", 0);
  const declined = shopper.checkout(cartOf(["pen"], "pm_card_visa_chargeDeclined", "EUR"), "mono-2", 0);
  // then
  expect(await declined.catch((error: unknown) => error)).toBeInstanceOf(Refused);
  expect(again.saga_id).toBe(placed.saga_id);
  expect(await database.sql`select client_key, total_cents from orders`).toMatchObject([
    { client_key: "mono-1", total_cents: 2 * PRICE_CENTS },
  ]);
  expect(await available(database.sql)).toEqual({ ink: STOCK - 1, pen: STOCK - 1 });
  expect(chargesOf((metadata) => metadata["client_key"] === "mono-1")).toEqual([2 * PRICE_CENTS]);
});

test("the orchestrator with dual writes completes a checkout and releases the stock of a declined one", async () => {
  await using saga = await emptyDatabase();
  await using inventory = await emptyDatabase();
  await using payment = await emptyDatabase();
  await using order = await emptyDatabase();
  const bus = { brokers: kafkaBrokers(), prefix: `test-${crypto.randomUUID()}`, partitions: 1 };
  await using roles = new AsyncDisposableStack();
  const paying = { provider: provider.url, withKeys: true };
  for (const role of await Promise.all([
    startInventory({ database: inventory.url, bus }),
    startPayment({ database: payment.url, bus, ...paying }),
    startOrder({ database: order.url, bus }),
  ]))
    roles.use(role);
  const orchestrator = roles.use(await startOrchestrator({ port: 0, database: saga.url, bus }));
  await stock(inventory.sql);
  const shopper = await shopperOf(orchestrator);
  // when
  const placed = await shopper.checkout(cartOf(["pen", "ink"], "pm_card_visa", "EUR"), "dual-1", 0);
  const declined = await shopper.checkout(cartOf(["pen"], "pm_card_visa_chargeDeclined", "EUR"), "dual-2", 0);
  const soldOut = await shopper.checkout(cartOf(["air"], "pm_card_visa", "EUR"), "dual-3", 0);
  // then
  const rest = await untilFinished(saga.sql, 3);
  expect(rest[placed.saga_id]).toBe("COMPLETED");
  expect(rest[declined.saga_id]).toBe("COMPENSATED");
  expect(rest[soldOut.saga_id]).toBe("COMPENSATED");
  expect(await order.sql`select saga_id, total_cents from orders`).toMatchObject([
    { saga_id: placed.saga_id, total_cents: 2 * PRICE_CENTS },
  ]);
  expect(await available(inventory.sql)).toEqual({ ink: STOCK - 1, pen: STOCK - 1 });
  expect(chargesOf((metadata) => metadata["saga_id"] === placed.saga_id)).toEqual([2 * PRICE_CENTS]);
});

function shopperOf({ port }: Running): Promise<Shopper> {
  const gateway = `http://127.0.0.1:${port}`;
  return Shopper.signIn({ gateway, jwtSecret: "not checked by the baselines", userId: "shopper" });
}

async function stock(sql: Sql): Promise<void> {
  const rows = ["pen", "ink"].map((sku_id) => ({
    sku_id,
    unit_price_cents: PRICE_CENTS,
    available: STOCK,
  }));
  await sql`insert into products ${sql(rows)}`;
}

async function available(sql: Sql): Promise<Record<string, number>> {
  const rows = await sql<{ sku_id: string; available: number }[]>`select sku_id, available from products`;
  return Object.fromEntries(rows.map((row) => [row.sku_id, row.available]));
}

function chargesOf(isMeant: (metadata: Readonly<Record<string, string>>) => boolean): number[] {
  return provider
    .entries()
    .flatMap((entry) => (entry.kind === "charge" && isMeant(entry.metadata) ? [entry.amount_cents] : []));
}

async function untilFinished(sql: Sql, count: number): Promise<Record<string, string>> {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const rows = await sql<{ saga_id: string; status: string }[]>`
      select saga_id, status from sagas where completed_at is not null`;
    if (rows.length === count) return Object.fromEntries(rows.map((row) => [row.saga_id, row.status]));
    if (Date.now() > deadline) throw new Error(`${rows.length} of ${count} sagas are finished`);
    await Bun.sleep(20);
  }
}

async function emptyDatabase() {
  const name = `test_baseline_${crypto.randomUUID().replaceAll("-", "")}`;
  const admin = postgres(postgresUrl(), { max: 1 });
  await admin`create database ${admin(name)}`;
  const url = new URL(postgresUrl());
  url.pathname = `/${name}`;
  const sql = postgres(url.href, { max: 1 });
  return {
    url: url.href,
    sql,
    async [Symbol.asyncDispose]() {
      await sql.end();
      await admin`drop database ${admin(name)} with (force)`;
      await admin.end();
    },
  };
}

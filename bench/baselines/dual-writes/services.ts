// The three services of the orchestrator with dual writes. Each works in its own database, commits, and then publishes the result.
// None remembers handled commands, so a command that is redelivered after a crash is executed again.
import postgres, { type Sql } from "postgres";
import { cardCharger } from "../card-charger.ts";
import type { Running } from "../monolith.ts";
import { type BusOptions, type Line, type Message, openBus, type Topic } from "./bus.ts";

const POOL_SIZE = 20;

const INVENTORY_SCHEMA = `
  create table if not exists products (
    sku_id text primary key,
    unit_price_cents integer not null,
    available integer not null check (available >= 0)
  );
  create table if not exists reservations (
    reservation_id bigint primary key generated always as identity,
    saga_id uuid not null,
    sku_id text not null references products,
    quantity integer not null
  );
  create index if not exists reservations_saga on reservations (saga_id)`;

const PAYMENT_SCHEMA = `
  create table if not exists payments (
    payment_id bigint primary key generated always as identity,
    saga_id uuid not null,
    amount_cents integer not null,
    outcome text not null,
    created_at timestamptz not null default now()
  )`;

const ORDER_SCHEMA = `
  create table if not exists orders (
    order_id uuid primary key,
    saga_id uuid not null unique,
    items jsonb not null,
    total_cents integer not null,
    created_at timestamptz not null default now()
  )`;

export interface ServiceOptions {
  readonly database: string;
  readonly bus: Omit<BusOptions, "name">;
}

export function startInventory(options: ServiceOptions): Promise<Running> {
  return startService("inventory", INVENTORY_SCHEMA, options, async (sql, command) => {
    const { saga_id } = command;
    if (command.type === "ReserveStock") {
      const total_cents = await reserve(sql, saga_id, command.items);
      return total_cents === null
        ? { type: "OutOfStock", saga_id }
        : { type: "StockReserved", saga_id, total_cents };
    }
    if (command.type === "ReleaseStock") {
      await sql`
        with released as (delete from reservations where saga_id = ${saga_id} returning sku_id, quantity),
             sums as (select sku_id, sum(quantity)::integer as quantity from released group by sku_id)
        update products p set available = available + sums.quantity from sums where p.sku_id = sums.sku_id`;
      return { type: "StockReleased", saga_id };
    }
    throw new Error(`inventory got ${command.type}`);
  });
}

export function startPayment(
  options: ServiceOptions & { readonly provider: string; readonly withKeys: boolean },
): Promise<Running> {
  const charge = cardCharger(options.provider, options.withKeys);
  return startService("payment", PAYMENT_SCHEMA, options, async (sql, command) => {
    if (command.type !== "ChargeCard") throw new Error(`payment got ${command.type}`);
    const { saga_id, amount_cents: amountCents, currency, card } = command;
    const outcome = await charge({
      amountCents,
      currency,
      card,
      metadata: { saga_id },
      idempotencyKey: `${saga_id}-charge`,
    });
    await sql`
      insert into payments (saga_id, amount_cents, outcome) values (${saga_id}, ${amountCents}, ${outcome})`;
    return { type: outcome === "charged" ? "CardCharged" : "CardDeclined", saga_id };
  });
}

export function startOrder(options: ServiceOptions): Promise<Running> {
  return startService("order", ORDER_SCHEMA, options, async (sql, command) => {
    if (command.type !== "CreateOrder") throw new Error(`order got ${command.type}`);
    const { saga_id, items, total_cents } = command;
    await sql`
      insert into orders (order_id, saga_id, items, total_cents)
      values (${Bun.randomUUIDv7()}, ${saga_id}, ${sql.json(items)}, ${total_cents})
      on conflict (saga_id) do nothing`;
    return { type: "OrderCreated", saga_id };
  });
}

/** Replies to each command with the event that `work` returns after its commit. */
async function startService(
  name: Topic,
  schema: string,
  options: ServiceOptions,
  work: (sql: Sql, command: Message) => Promise<Message>,
): Promise<Running> {
  const sql = postgres(options.database, { max: POOL_SIZE, onnotice: () => {} });
  await sql.unsafe(schema);
  const bus = await openBus({ ...options.bus, name }, name, async (command, to) => {
    const event = await work(sql, command);
    await to.publish("events", event);
  });
  return {
    port: 0,
    async [Symbol.asyncDispose]() {
      await bus[Symbol.asyncDispose]();
      await sql.end();
    },
  };
}

/** Returns the total in cents. Null if a product is sold out; then nothing is reserved. */
async function reserve(sql: Sql, sagaId: string, items: readonly Line[]): Promise<number | null> {
  class SoldOut extends Error {}
  try {
    return await sql.begin(async (tx) => {
      let totalCents = 0;
      for (const { sku_id, quantity } of items.toSorted((a, b) => (a.sku_id < b.sku_id ? -1 : 1))) {
        const [product] = await tx<{ unit_price_cents: number }[]>`
          update products set available = available - ${quantity}
           where sku_id = ${sku_id} and available >= ${quantity} returning unit_price_cents`;
        if (product === undefined) throw new SoldOut();
        totalCents += product.unit_price_cents * quantity;
        await tx`
          insert into reservations (saga_id, sku_id, quantity) values (${sagaId}, ${sku_id}, ${quantity})`;
      }
      return totalCents;
    });
  } catch (error) {
    if (error instanceof SoldOut) return null;
    throw error;
  }
}

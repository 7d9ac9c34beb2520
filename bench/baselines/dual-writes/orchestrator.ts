// The orchestrator with dual writes: updates the saga's row, commits, and then publishes the next command. If it dies in between, the
// accepted checkout never continues, because the redelivered message finds a row that has already moved on.
import postgres, { type Sql } from "postgres";
import type { CheckoutRequest } from "../../../schemas/http.ts";
import { serveCheckouts } from "../checkout-api.ts";
import type { Running } from "../monolith.ts";
import { type Bus, type BusOptions, type Line, type Message, openBus } from "./bus.ts";

const POOL_SIZE = 20;

const SAGA_SCHEMA = `
  create table if not exists sagas (
    saga_id uuid primary key,
    client_key text not null unique,
    status text not null,
    items jsonb not null,
    currency text not null,
    card text not null,
    total_cents integer,
    created_at timestamptz not null default now(),
    completed_at timestamptz
  )`;

export interface OrchestratorOptions {
  readonly port: number;
  readonly database: string;
  readonly bus: Omit<BusOptions, "name">;
}

export async function startOrchestrator(options: OrchestratorOptions): Promise<Running> {
  const sql = postgres(options.database, { max: POOL_SIZE, onnotice: () => {} });
  await sql.unsafe(SAGA_SCHEMA);
  const bus = await openBus({ ...options.bus, name: "orchestrator" }, "events", (event, to) =>
    proceed(sql, to, event),
  );
  const server = serveCheckouts(options.port, (key, request) => accept(sql, bus, key, request));
  return {
    port: server.port ?? 0,
    async [Symbol.asyncDispose]() {
      await server.stop();
      await bus[Symbol.asyncDispose]();
      await sql.end();
    },
  };
}

async function accept(sql: Sql, bus: Bus, clientKey: string, request: CheckoutRequest) {
  const id = Bun.randomUUIDv7();
  const { items, currency, payment_method: card } = request;
  const { count } = await sql`
    insert into sagas (saga_id, client_key, status, items, currency, card)
    values (${id}, ${clientKey}, 'STARTED', ${sql.json(items)}, ${currency}, ${card})
    on conflict (client_key) do nothing`;
  if (count === 0) {
    const [existing] = await sql<{ id: string }[]>`
      select saga_id as id from sagas where client_key = ${clientKey}`;
    return existing ?? { id };
  }
  await bus.publish("inventory", { type: "ReserveStock", saga_id: id, items });
  return { id };
}

/** Ignores an event that does not fit the saga's status, because it is a repeat. */
async function proceed(sql: Sql, bus: Bus, event: Message): Promise<void> {
  const { saga_id } = event;
  switch (event.type) {
    case "StockReserved": {
      const [saga] = await sql<{ currency: string; card: string }[]>`
        update sagas set status = 'RESERVED', total_cents = ${event.total_cents}
         where saga_id = ${saga_id} and status = 'STARTED' returning currency, card`;
      if (saga === undefined) return;
      const { currency, card } = saga;
      const amount_cents = event.total_cents;
      return bus.publish("payment", { type: "ChargeCard", saga_id, amount_cents, currency, card });
    }
    case "CardCharged": {
      const [saga] = await sql<{ items: Line[]; total_cents: number }[]>`
        update sagas set status = 'CHARGED'
         where saga_id = ${saga_id} and status = 'RESERVED' returning items, total_cents`;
      if (saga === undefined) return;
      const { items, total_cents } = saga;
      return bus.publish("order", { type: "CreateOrder", saga_id, items, total_cents });
    }
    case "CardDeclined": {
      const { count } = await sql`
        update sagas set status = 'COMPENSATING' where saga_id = ${saga_id} and status = 'RESERVED'`;
      if (count > 0) await bus.publish("inventory", { type: "ReleaseStock", saga_id });
      return;
    }
    case "OrderCreated":
      return end(sql, saga_id, "CHARGED", "COMPLETED");
    case "OutOfStock":
      return end(sql, saga_id, "STARTED", "COMPENSATED");
    case "StockReleased":
      return end(sql, saga_id, "COMPENSATING", "COMPENSATED");
    default:
      throw new Error(`the orchestrator got the command ${event.type}`);
  }
}

async function end(sql: Sql, sagaId: string, from: string, to: string): Promise<void> {
  await sql`
    update sagas set status = ${to}, completed_at = now() where saga_id = ${sagaId} and status = ${from}`;
}

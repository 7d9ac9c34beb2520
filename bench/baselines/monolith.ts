// The naive monolith: one process, one database, and one transaction that reserves the stock, charges the card and writes the order.
// A rollback undoes everything except the charge, and the stock rows stay locked during the provider call.
import postgres, { type Sql, type TransactionSql } from "postgres";
import type { CheckoutRequest } from "../../schemas/http.ts";
import { cardCharger, type ChargeCard } from "./card-charger.ts";
import { type Refusal, serveCheckouts } from "./checkout-api.ts";

/** Each checkout uses a connection during the provider call. Postgres has 100. */
const POOL_SIZE = 50;
const UNIQUE_VIOLATION = "23505";

const MONOLITH_SCHEMA = `
  create table if not exists products (
    sku_id text primary key,
    unit_price_cents integer not null,
    available integer not null check (available >= 0)
  );
  create table if not exists orders (
    order_id uuid primary key,
    client_key text not null unique,
    email text not null,
    shipping_address jsonb not null,
    total_cents integer not null,
    -- Not now(), because that is the start of the transaction, before the charge.
    created_at timestamptz not null default clock_timestamp()
  );
  create table if not exists order_lines (
    order_id uuid not null references orders,
    sku_id text not null references products,
    quantity integer not null,
    primary key (order_id, sku_id)
  )`;

export interface MonolithOptions {
  readonly port: number;
  readonly database: string;
  readonly provider: string;
  readonly withKeys: boolean;
}

export interface Running extends AsyncDisposable {
  /** The HTTP port; 0 if it has none. */
  readonly port: number;
}

export async function startMonolith(options: MonolithOptions): Promise<Running> {
  const sql = postgres(options.database, { max: POOL_SIZE, onnotice: () => {} });
  await sql.unsafe(MONOLITH_SCHEMA);
  const charge = cardCharger(options.provider, options.withKeys);
  const server = serveCheckouts(options.port, (clientKey, request) => {
    const checkout = new Checkout(sql, charge, clientKey, request);
    return checkout.run();
  });
  return {
    port: server.port ?? 0,
    async [Symbol.asyncDispose]() {
      await server.stop();
      await sql.end();
    },
  };
}

/** Rolls the transaction back: nothing is reserved or ordered. */
class Refused extends Error {
  readonly reason: Refusal;

  constructor(reason: Refusal) {
    super(reason);
    this.reason = reason;
  }
}

class Checkout {
  readonly #sql: Sql;
  readonly #charge: ChargeCard;
  readonly #clientKey: string;
  readonly #request: CheckoutRequest;

  constructor(sql: Sql, charge: ChargeCard, clientKey: string, request: CheckoutRequest) {
    this.#sql = sql;
    this.#charge = charge;
    this.#clientKey = clientKey;
    this.#request = request;
  }

  /** A repeat with the same key returns the first order. */
  async run(): Promise<{ id: string } | Refusal> {
    const existing = await this.#findOrder();
    if (existing !== undefined) return existing;
    try {
      return await this.#sql.begin(async (tx) => {
        const totalCents = await this.#reserve(tx);
        await this.#pay(totalCents);
        return this.#writeOrder(tx, totalCents);
      });
    } catch (error) {
      if (error instanceof Refused) return error.reason;
      // The same checkout was sent twice at once, and the other request was faster.
      const winner = isUniqueViolation(error) ? await this.#findOrder() : undefined;
      if (winner !== undefined) return winner;
      throw error;
    }
  }

  async #findOrder(): Promise<{ id: string } | undefined> {
    const [order] = await this.#sql<{ id: string }[]>`
      select order_id as id from orders where client_key = ${this.#clientKey}`;
    return order;
  }

  async #reserve(tx: TransactionSql): Promise<number> {
    let totalCents = 0;
    // Always in the same order, so that two carts with the same products cannot deadlock.
    const items = this.#request.items.toSorted((a, b) => (a.sku_id < b.sku_id ? -1 : 1));
    for (const { sku_id, quantity } of items) {
      const [product] = await tx<{ unit_price_cents: number }[]>`
        update products set available = available - ${quantity}
         where sku_id = ${sku_id} and available >= ${quantity} returning unit_price_cents`;
      if (product === undefined) throw new Refused("OUT_OF_STOCK");
      totalCents += product.unit_price_cents * quantity;
    }
    return totalCents;
  }

  async #pay(totalCents: number): Promise<void> {
    const answer = await this.#charge({
      amountCents: totalCents,
      currency: this.#request.currency,
      card: this.#request.payment_method,
      metadata: { client_key: this.#clientKey },
      idempotencyKey: this.#clientKey,
    });
    if (answer === "declined") throw new Refused("CARD_DECLINED");
  }

  async #writeOrder(tx: TransactionSql, totalCents: number): Promise<{ id: string }> {
    const id = Bun.randomUUIDv7();
    const { email, shipping_address, items } = this.#request;
    await tx`
      insert into orders (order_id, client_key, email, shipping_address, total_cents)
      values (${id}, ${this.#clientKey}, ${email}, ${tx.json(shipping_address)}, ${totalCents})`;
    const lines = items.map(({ sku_id, quantity }) => ({ order_id: id, sku_id, quantity }));
    await tx`insert into order_lines ${tx(lines, "order_id", "sku_id", "quantity")}`;
    return { id };
  }
}

function isUniqueViolation(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.code === UNIQUE_VIOLATION;
}

// Years of business in a database, made by the server itself: finished rows, of which the oldest lie in day partitions of their own,
// as retention leaves them. Called by main.ts and history.int.test.ts.
import type { Sql } from "postgres";
import type { DatabaseName } from "../../../schemas/migrations.ts";
import { INBOX_RETENTION_MS, OUTBOX_RETENTION_MS } from "../../messaging/retention.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
const INBOX_DAYS = Math.floor(INBOX_RETENTION_MS / DAY_MS);
export const OUTBOX_DAYS = Math.floor(OUTBOX_RETENTION_MS / DAY_MS);
/** What is never purged is spread over so many. */
const KEPT_DAYS = 2 * 365;
/** An order takes so many messages out of the saga's outbox, into its inbox and lines of history, more or less. */
const MESSAGES_PER_ORDER = 5;
/** Of one insert: short enough to be onFilled of, long enough to be cheap. */
const CHUNK_ROWS = 500_000;

export interface Filled {
  readonly table: string;
  readonly rows: number;
}

/**
 * `rows` in each of the saga database's inbox, outbox and history, and a row per order for every fifth of them here and elsewhere.
 * `onFilled` hears of each table. The connection must be a superuser's: foreign keys are not checked.
 */
export async function fill(
  sql: Sql,
  database: DatabaseName,
  rows: number,
  onFilled: (filled: Filled) => void = () => {},
): Promise<void> {
  const orders = Math.ceil(rows / MESSAGES_PER_ORDER);
  const messages = database === "saga" ? rows : orders;
  await sql`select ensure_day_partitions('inbox', (now() at time zone 'utc')::date - ${INBOX_DAYS}::int, ${INBOX_DAYS}::int)`;
  await sql`select ensure_day_partitions('outbox', (now() at time zone 'utc')::date - ${OUTBOX_DAYS}::int, ${OUTBOX_DAYS}::int)`;
  for (const { table, insert, days, count } of [
    { table: "inbox", insert: INBOX, days: INBOX_DAYS, count: messages },
    { table: "outbox", insert: OUTBOX, days: OUTBOX_DAYS, count: messages },
    ...BUSINESS[database].map((each) => ({ ...each, days: KEPT_DAYS, count: orders })),
  ]) {
    for (let first = 1; first <= count; first += CHUNK_ROWS) {
      const last = Math.min(count, first + CHUNK_ROWS - 1);
      // Oldest first, as they came: `age` is how long ago, from `days` down to one.
      await sql.begin(async (tx) => {
        await tx`set local session_replication_role = replica`;
        await tx`set local synchronous_commit = off`;
        await tx.unsafe(
          `with old as (
             select n, make_interval(secs => -86400 * (${days} - (${days} - 1) * n::float8 / ${count})) as age
               from generate_series(${first}, ${last}) as n)
           ${insert}`,
        );
      });
    }
    onFilled({
      table: `${database}.${table}`,
      rows: table === "saga_history" ? count * MESSAGES_PER_ORDER : count,
    });
  }
}

const INBOX = `insert into inbox (message_id, received_at) select uuidv7(age), now() + age from old`;

/** As long as most messages are. */
const PAYLOAD = JSON.stringify({
  type: "ReserveInventory",
  message_id: Bun.randomUUIDv7(),
  saga_id: Bun.randomUUIDv7(),
  causation_id: Bun.randomUUIDv7(),
  occurred_at: new Date(0).toISOString(),
  items: [{ sku_id: "sku-of-usual-length", quantity: 1, unit_price_cents: 1_250 }],
  currency: "EUR",
  shipping_address: { name: "Ada", line1: "1 Street", city: "Town", postal_code: "10115", country: "DE" },
});
const OUTBOX = `
  insert into outbox (event_id, topic, partition_key, payload, headers, created_at, published, published_at)
  select uuidv7(age), 'checkout-commands', gen_random_uuid()::text, '${PAYLOAD}', '{"type": "ReserveInventory"}',
         now() + age, true, now() + age from old`;

interface Table {
  readonly table: string;
  /** One row per order, or several, from `old (n, age)`. */
  readonly insert: string;
}

const ADDRESS = `'{"name": "Ada", "line1": "1 Street", "city": "Town", "postal_code": "10115", "country": "DE"}'`;
const ITEMS = `'[{"sku_id": "old", "quantity": 1, "unit_price_cents": 1250}]'`;

const BUSINESS: Readonly<Record<DatabaseName, readonly Table[]>> = {
  saga: [
    {
      table: "saga_state",
      insert: `
        insert into saga_state (saga_id, user_id, cart_items, status, current_step, table_version, currency, priced_items,
               total_cents, order_id, shipping_address, email, client_key, body_hash, payment_succeeded,
               created_at, updated_at, completed_at)
        select uuidv7(age), gen_random_uuid(), ${ITEMS}, 'COMPLETED', 'order', 1, 'EUR', ${ITEMS}, 1250, gen_random_uuid(),
               ${ADDRESS}, 'a@example.com', gen_random_uuid()::text, repeat('0', 64), true,
               now() + age, now() + age, now() + age from old`,
    },
    {
      table: "saga_history",
      insert: `
        insert into saga_history (saga_id, from_status, to_status, step, message_id, message_type, at)
        select saga_id, 'STARTED', 'INVENTORY_RESERVED', 'charge', saga_id, 'InventoryReserved', now() + age
          from (select uuidv7(age) as saga_id, age from old) as saga, generate_series(1, ${MESSAGES_PER_ORDER})`,
    },
  ],
  inventory: [
    {
      table: "reservations",
      insert: `
        insert into reservations (reservation_id, saga_id, line, sku_id, quantity, unit_price_cents, reserved_at, expires_at, status)
        select uuidv7(age), uuidv7(age), 0, 'old', 1, 1250, now() + age, now() + age, 'CONFIRMED' from old`,
    },
  ],
  payment: [
    {
      table: "payments",
      insert: `
        insert into payments (payment_id, saga_id, amount_cents, currency, provider, provider_txn_id, idempotency_key, status,
               attempts, created_at, updated_at, reconciled_at)
        select id, id, 1250, 'EUR', 'stripe', 'pi_' || replace(gen_random_uuid()::text, '-', ''), 'charge_' || id, 'SUCCEEDED',
               1, now() + age, now() + age, now() from (select uuidv7(age) as id, age from old) as payment`,
    },
  ],
  order: [
    {
      table: "orders",
      insert: `
        insert into orders (order_id, saga_id, user_id, items, total_cents, currency, shipping_address, status, created_at, updated_at)
        select uuidv7(age), uuidv7(age), gen_random_uuid(), ${ITEMS}, 1250, 'EUR', ${ADDRESS}, 'CONFIRMED', now() + age, now() + age
          from old`,
    },
  ],
};

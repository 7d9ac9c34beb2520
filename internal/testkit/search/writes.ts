// What the indexes of the search cost a saga's writes: the same sagas with and without them, in turn. Called by main.ts.
import type { Sql } from "postgres";

/** Sagas of one run, and of one statement, as a busy orchestrator groups them. */
const SAGAS = 6_000;
const BATCH = 100;
/** Of 25 sagas two fail, as in the fill. */
const FAILED = "n % 25 < 2";

const SAGA_INDEXES = ["saga_state_failure", "saga_state_search_pages", "saga_history_message_pages"];
const INVENTORY_INDEXES = ["reservations_sku", "reservations_id_pages"];

export interface WriteCost {
  /** Per saga. */
  readonly cpuMs: number;
  readonly walBytes: number;
  readonly ms: number;
  /** Share of updates of saga_state that stayed within their page. */
  readonly hotShare: number;
}

export async function dropIndexes(saga: Sql, inventory: Sql): Promise<void> {
  for (const name of SAGA_INDEXES) await saga.unsafe(`drop index ${name}`);
  for (const name of INVENTORY_INDEXES) await inventory.unsafe(`drop index ${name}`);
}

export interface WriteOptions {
  readonly saga: Sql;
  readonly inventory: Sql;
  /**
   * When the pages of a saga are summarized. `after`: as autovacuum does, which comes once a minute. `before`: at once, so that each update
   * adds to a summary, the worst case.
   */
  readonly summarized: "before" | "after";
  /** The servers' CPU so far, in ms. */
  readonly cpu: () => number;
}

/** Writes the sagas of `run` as the services do: an insert, and three updates each. */
export async function writeSagas(
  { saga, inventory, summarized, cpu }: WriteOptions,
  run: number,
): Promise<WriteCost> {
  const before = await hotUpdates(saga);
  const wal = await walPosition(saga);
  const [cpuBefore, begun] = [cpu(), performance.now()];
  for (let first = run * SAGAS; first < (run + 1) * SAGAS; first += BATCH) {
    const numbers = `generate_series(${first}, ${first + BATCH - 1}) n`;
    await insert(saga, inventory, numbers);
    if (summarized === "before") await summarize(saga, inventory);
    await updates(saga, inventory, numbers);
  }
  await summarize(saga, inventory);
  const ms = (performance.now() - begun) / SAGAS;
  const cpuMs = (cpu() - cpuBefore) / SAGAS;
  const walBytes = ((await walPosition(saga)) - wal) / SAGAS;
  await saga`select pg_stat_force_next_flush()`;
  const after = await hotUpdates(saga);
  return { cpuMs, walBytes, ms, hotShare: (after.hot - before.hot) / (after.all - before.all) };
}

async function summarize(...databases: readonly Sql[]): Promise<void> {
  for (const sql of databases)
    await sql`
      select brin_summarize_new_values(oid::regclass) from pg_class
       where relname in ('saga_state_search_pages', 'saga_history_message_pages', 'reservations_id_pages')`;
}

async function insert(saga: Sql, inventory: Sql, numbers: string): Promise<void> {
  await saga.unsafe(
    `insert into saga_state (saga_id, user_id, cart_items, status, current_step, table_version, currency, shipping_address, email,
            client_key, body_hash, deadline_at, created_at, updated_at)
     select write_id('saga', n), md5('user' || n)::uuid, '[{"sku_id": "sku-1", "quantity": 1}]', 'STARTED', 'reserve', 1, 'EUR',
            '{"name": "Ada Lovelace", "line1": "1 Street", "city": "Town", "postal_code": "10115", "country": "DE"}',
            'ada.lovelace@example.com', md5('key' || n), repeat('0', 64), now() + interval '30 s', now(), now() from ${numbers}`,
  );
  await history(saga, numbers, "STARTED");
  await inventory.unsafe(
    `insert into reservations (reservation_id, saga_id, line, sku_id, quantity, unit_price_cents, reserved_at, expires_at, status)
     select write_id('reservation', n), write_id('saga', n), 0, 'sku-' || n % 1000, 1, 1, now(), now(), 'HELD' from ${numbers}`,
  );
}

async function updates(saga: Sql, inventory: Sql, numbers: string): Promise<void> {
  const set = (what: string, where: string) =>
    saga.unsafe(
      `update saga_state s set updated_at = now(), ${what} from ${numbers} where s.saga_id = write_id('saga', n) and ${where}`,
    );
  await set(
    `status = 'INVENTORY_RESERVED', current_step = 'charge', total_cents = 500 + n * 7919 % 20000,
     priced_items = '[{"sku_id": "sku-1", "quantity": 1, "unit_price_cents": 500}]'`,
    "true",
  );
  await history(saga, numbers, "INVENTORY_RESERVED");
  await set(
    "status = 'PAYMENT_CHARGED', current_step = 'confirm', payment_succeeded = true",
    `not (${FAILED})`,
  );
  await set("status = 'COMPENSATING', compensation_step = 'reserve', failure_code = 'CARD_DECLINED'", FAILED);
  await history(saga, numbers, "PAYMENT_CHARGED");
  await set(
    `status = 'COMPLETED', current_step = 'order', order_id = write_id('order', n), deadline_at = null, completed_at = now()`,
    `not (${FAILED})`,
  );
  await set(
    "status = 'COMPENSATED', compensation_step = null, deadline_at = null, completed_at = now()",
    FAILED,
  );
  await history(saga, numbers, "COMPLETED");
  await inventory.unsafe(
    `update reservations r set status = 'CONFIRMED' from ${numbers} where r.saga_id = write_id('saga', n)`,
  );
}

async function history(saga: Sql, numbers: string, status: string): Promise<void> {
  await saga.unsafe(
    `insert into saga_history (saga_id, from_status, to_status, step, message_id, message_type, at)
     select write_id('saga', n), 'STARTED', '${status}', 'charge', write_id('${status}', n), 'InventoryReserved', now() from ${numbers}`,
  );
}

/** Ids begin with the present time, as those of a running shop. */
export const WRITE_ID = `
  create or replace function write_id(kind text, n integer) returns uuid language sql immutable parallel safe
    return (lpad(to_hex(1795000000000 + n), 12, '0') || '7' || substr(md5(kind || n), 1, 3) || '8' || substr(md5(kind || n), 4, 15))::uuid`;

async function hotUpdates(sql: Sql): Promise<{ readonly all: number; readonly hot: number }> {
  const [row] = await sql<[{ all: number; hot: number }]>`
    select n_tup_upd::float8 as all, n_tup_hot_upd::float8 as hot from pg_stat_user_tables where relname = 'saga_state'`;
  return row;
}

async function walPosition(sql: Sql): Promise<number> {
  const [row] = await sql<
    [{ at: number }]
  >`select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::float8 as at`;
  return row.at;
}

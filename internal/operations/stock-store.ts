// The stock of one product, and the reservations made of it. Times are epoch ms. Called by the console.
import type { Sql } from "postgres";

export interface Stock {
  readonly sku_id: string;
  readonly name: string;
  readonly unit_price_cents: number;
  readonly currency: string;
  /** All pieces that were ever put on the shelf. */
  readonly stocked: number;
  readonly available: number;
  /** Reserved and not confirmed yet. */
  readonly held: number;
  readonly updated_at: number;
}

/** Confirmed pieces are what is neither available nor held: counting them would read every sale. */
export async function stockOf(sql: Sql, sku: string): Promise<Stock | undefined> {
  const [row] = await sql<Stock[]>`
    select i.sku_id, i.name, i.unit_price_cents::float8, i.currency, i.stocked_count::float8 as stocked,
           i.available_count::float8 as available,
           (select coalesce(sum(r.quantity), 0)::float8 from reservations r
             where r.sku_id = i.sku_id and r.status = 'HELD' and r.saga_id in (
                   select h.saga_id from reservations h where h.status = 'HELD' and h.line = 0)) as held,
           (extract(epoch from i.updated_at) * 1000)::float8 as updated_at
      from inventory i where i.sku_id = ${sku}`;
  return row;
}

export interface StockReservation {
  readonly saga_id: string;
  readonly reservation_id: string;
  readonly quantity: number;
  readonly status: string;
  readonly reserved_at: number;
  readonly expires_at: number;
}

/** Newest first, at most `limit`. */
export function reservationsOf(sql: Sql, sku: string, limit: number): Promise<StockReservation[]> {
  return sql<StockReservation[]>`
    select saga_id, reservation_id, quantity, status, (extract(epoch from reserved_at) * 1000)::float8 as reserved_at,
           (extract(epoch from expires_at) * 1000)::float8 as expires_at
      from reservations where sku_id = ${sku} order by saga_id desc limit ${limit}`;
}

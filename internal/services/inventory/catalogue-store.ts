// The catalogue's SQL on the inventory table: reads pages, adds deliveries. Called by catalogue-http.ts.
import type { PendingQuery, Sql } from "postgres";
import type { CatalogueItem, RestockRequest } from "../../../schemas/http.ts";
import type { Database, Tx } from "../../messaging/database.ts";
import { enterInbox } from "../../messaging/inbox.ts";

/** Up to `limit` items in SKU order, starting after `after`. */
export function listItems(sql: Sql, after: string, limit: number): PendingQuery<CatalogueItem[]> {
  return sql<CatalogueItem[]>`
    select sku_id, name, unit_price_cents, currency, available_count
      from inventory
     where sku_id > ${after}
     order by sku_id
     limit ${limit}`;
}

/** The existing items with these SKUs, in SKU order. */
export function findItems(sql: Sql, skus: readonly string[]): PendingQuery<CatalogueItem[]> {
  return sql<CatalogueItem[]>`
    select sku_id, name, unit_price_cents, currency, available_count
      from inventory
     where sku_id = any(${[...skus]}::text[])
     order by sku_id`;
}

/**
 * Adds a delivery to the stock. Its items must have different SKUs. A delivery with a `key` is added once: the inbox keeps the key as
 * long as it keeps command ids. A delivery without a key is added each time.
 */
export function restock(
  database: Database,
  items: RestockRequest["items"],
  key: string | null,
): Promise<void> {
  return database.transaction(async ({ tx, send, finish }) => {
    const [fresh] = key === null ? [null] : await send([enterInbox(tx, [key])]);
    await finish(fresh?.size === 0 ? [] : [addStock(tx, items)]);
  });
}

/** Locks stock in SKU order, as every transaction does. */
function addStock(tx: Tx, items: RestockRequest["items"]) {
  return tx`
    insert into inventory as shelf (sku_id, name, unit_price_cents, currency, stocked_count, available_count)
    select sku_id, name, unit_price_cents, currency, add_count, add_count
      from json_to_recordset(${JSON.stringify(items)}::text::json)
        as item (sku_id text, name text, unit_price_cents bigint, currency text, add_count bigint)
     order by sku_id
        on conflict (sku_id) do update
       set name = excluded.name,
           unit_price_cents = excluded.unit_price_cents,
           currency = excluded.currency,
           stocked_count = shelf.stocked_count + excluded.stocked_count,
           available_count = shelf.available_count + excluded.available_count,
           updated_at = now()`;
}

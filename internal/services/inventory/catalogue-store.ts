// The catalogue's SQL: reads pages, changes products and their stock. Called by catalogue-http.ts.
//
// Stock is in `inventory`, whose rows every reservation updates; texts are in `products`, which only the catalogue uses.
import type { PendingQuery, Sql } from "postgres";
import type { CatalogueChanges, CatalogueItem } from "../../../schemas/http.ts";
import { AppError } from "../../kernel/errors.ts";
import type { Database, Tx } from "../../messaging/database.ts";
import { enterInbox } from "../../messaging/inbox.ts";
import {
  noChanges,
  planRestock,
  type ProductText,
  type RestockItem,
  type RestockPlan,
  type ShelfChange,
  type StoredProduct,
} from "./catalogue-plan.ts";

type Nullable<Row> = { readonly [Field in keyof Row]: Exclude<Row[Field], undefined> | null };
type ProductRow = Pick<
  CatalogueItem,
  "sku_id" | "name" | "unit_price_cents" | "currency" | "available_count"
> &
  Nullable<
    Pick<CatalogueItem, "category" | "description" | "names" | "descriptions" | "categories" | "picture">
  > & {
    readonly stocked_count: number;
  };

// The limit in the two reads keeps the planner from joining the tables as wholes: with statistics of an empty `products` it did.

/** Up to `limit` products in SKU order, starting after `after`. */
export async function listProducts(sql: Sql, after: string, limit: number): Promise<StoredProduct[]> {
  const rows = await sql<ProductRow[]>`
    select sku_id, name, unit_price_cents, currency, available_count, stocked_count,
           category, description, names, descriptions, categories, picture
      from inventory
      left join lateral (
             select category, description, names, descriptions, categories, picture
               from products where products.sku_id = inventory.sku_id limit 1) as texts on true
     where sku_id > ${after}
     order by sku_id
     limit ${limit}`;
  return rows.map(productOf);
}

/** The existing items with these SKUs, in SKU order. */
export async function findItems(sql: Sql, skus: readonly string[]): Promise<CatalogueItem[]> {
  return (await findRows(sql, skus)).map((row) => productOf(row).item);
}

function findRows(sql: Sql, skus: readonly string[]): PendingQuery<ProductRow[]> {
  return sql<ProductRow[]>`
    select sku_id, name, unit_price_cents, currency, available_count, stocked_count,
           category, description, names, descriptions, categories, picture
      from inventory
      left join lateral (
             select category, description, names, descriptions, categories, picture
               from products where products.sku_id = inventory.sku_id limit 1) as texts on true
     where sku_id = any(${[...skus]}::text[])
     order by sku_id`;
}

export type Restocked = { readonly changes: CatalogueChanges } | { readonly faults: RestockPlan["faults"] };

/** What `restock` would change. Takes no locks. */
export async function preview(database: Database, items: readonly RestockItem[]): Promise<Restocked> {
  const { faults, changes } = await planOf(database, items);
  return faults.length > 0 ? { faults } : { changes };
}

async function planOf({ sql }: Database, items: readonly RestockItem[]): Promise<RestockPlan> {
  const rows = await findRows(
    sql,
    items.map(({ sku_id }) => sku_id),
  );
  return planRestock(items, new Map(rows.map((row) => [row.sku_id, productOf(row)])));
}

/**
 * Sets products and their stock, all or none. The items must have different SKUs. A restock with a `key` is done once: the inbox keeps
 * the key as long as it keeps command ids.
 *
 * The plan is made without locks, so stock may change in between. The statements therefore add to the counts as they are then, and the
 * table's checks refuse a total that is too small by then.
 */
export async function restock(
  database: Database,
  items: readonly RestockItem[],
  key: string | null,
): Promise<Restocked> {
  const plan = await planOf(database, items);
  const { faults, changes, adds, totals, texts } = plan;
  if (faults.length > 0) return { faults };
  if (key === null && adds.length + totals.length + texts.length === 0) return { changes };
  try {
    return await database.transaction(async ({ tx, send, finish }) => {
      const [fresh] = key === null ? [null] : await send([enterInbox(tx, [key])]);
      const isRepeated = fresh?.size === 0;
      await finish(isRepeated ? [] : statementsOf(tx, plan));
      return { changes: isRepeated ? noChanges(items) : changes };
    });
  } catch (error) {
    const again = isRefused(error) ? await planOf(database, items) : plan;
    if (again.faults.length > 0) return { faults: again.faults };
    throw error;
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof AppError && error.code === "DATABASE_REFUSED";
}

function statementsOf(tx: Tx, { adds, totals, texts }: RestockPlan) {
  return [
    // Each of the next two locks in SKU order by itself; together they would not.
    ...(adds.length > 0 && totals.length > 0 ? [lockStock(tx, [...adds, ...totals])] : []),
    ...(adds.length > 0 ? [putStock(tx, adds, { isTotal: false })] : []),
    ...(totals.length > 0 ? [putStock(tx, totals, { isTotal: true })] : []),
    ...(texts.length > 0 ? [saveTexts(tx, texts)] : []),
  ];
}

function lockStock(tx: Tx, changes: readonly ShelfChange[]) {
  const skus = JSON.stringify(changes.map(({ sku_id }) => sku_id));
  return tx`
    select sku_id from inventory
     where sku_id = any(array(select value from json_array_elements_text(${skus}::text::json)))
     order by sku_id for no key update`;
}

/**
 * Adds to the stock, or sets its total. Pieces that are sold or reserved stay so: what is available changes by as much as the total.
 * Locks stock in SKU order, as every transaction does.
 */
function putStock(tx: Tx, changes: readonly ShelfChange[], { isTotal }: { readonly isTotal: boolean }) {
  const stocked = isTotal ? tx`excluded.stocked_count` : tx`shelf.stocked_count + excluded.stocked_count`;
  return tx`
    insert into inventory as shelf (sku_id, name, unit_price_cents, currency, stocked_count, available_count)
    select sku_id, name, unit_price_cents, currency, stock, stock
      from json_to_recordset(${JSON.stringify(changes)}::text::json)
        as item (sku_id text, name text, unit_price_cents bigint, currency text, stock bigint)
     order by sku_id
        on conflict (sku_id) do update
       set name = excluded.name,
           unit_price_cents = excluded.unit_price_cents,
           currency = excluded.currency,
           stocked_count = ${stocked},
           available_count = shelf.available_count + ${stocked} - shelf.stocked_count,
           updated_at = now()`;
}

function saveTexts(tx: Tx, texts: readonly ProductText[]) {
  return tx`
    insert into products (sku_id, category, description, names, descriptions, categories, picture)
    select sku_id, category, description, names, descriptions, categories, picture
      from json_to_recordset(${JSON.stringify(texts)}::text::json)
        as item (sku_id text, category text, description text, names jsonb, descriptions jsonb,
                 categories jsonb, picture text)
     order by sku_id
        on conflict (sku_id) do update
       set category = excluded.category,
           description = excluded.description,
           names = excluded.names,
           descriptions = excluded.descriptions,
           categories = excluded.categories,
           picture = excluded.picture,
           updated_at = now()`;
}

function productOf(row: ProductRow): StoredProduct {
  const { sku_id, name, unit_price_cents, currency, available_count, stocked_count } = row;
  const { category, description, names, descriptions, categories, picture } = row;
  return {
    item: {
      sku_id,
      name,
      unit_price_cents,
      currency,
      available_count,
      ...(category !== null && { category }),
      ...(description !== null && { description }),
      ...(names !== null && { names }),
      ...(descriptions !== null && { descriptions }),
      ...(categories !== null && { categories }),
      ...(picture !== null && { picture }),
    },
    stocked_count,
  };
}

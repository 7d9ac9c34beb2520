// The orders of the sagas in one batch: read and locked, written back by set-based statements. Called by handler.ts.
//
// Orders are locked in saga order, so two transactions never deadlock. An order that does not exist yet cannot be locked: if two
// transactions insert one saga's order, the unique key rejects the second, and it runs again.
import type { PendingQuery } from "postgres";
import { assert } from "../../kernel/errors.ts";
import { timestampOf } from "../../kernel/timestamp.ts";
import type { Tx } from "../../messaging/database.ts";
import type { HeldRow } from "../../messaging/held-rows.ts";
import type { Order, OrderDetails } from "./decide.ts";

/** The working set of one transaction, by saga: the rows that were read, and the changes to them. */
export interface OrderRows {
  readonly orders: Map<string, Order>;
  /** Sagas whose order this transaction makes. */
  readonly made: Set<string>;
  /** Sagas whose stored order gets a new status. */
  readonly changed: Set<string>;
  /** What an operator must look at, reported after the commit. */
  readonly alerts: string[];
}

export async function loadRows(tx: Tx, sagas: readonly string[]): Promise<OrderRows> {
  const rows = await lockOrders(tx, sagas);
  return {
    orders: new Map(rows.map((row) => [row.saga_id, orderOf(row)])),
    made: new Set(),
    changed: new Set(),
    alerts: [],
  };
}

/** Adds a decision to the working set, so that the next decision in the batch sees it. */
export function applyOrder(rows: OrderRows, saga_id: string, order: Order | null): void {
  const before = rows.orders.get(saga_id);
  if (order === null || order === before) return;
  rows.orders.set(saga_id, order);
  if (before === undefined) rows.made.add(saga_id);
  else if (!rows.made.has(saga_id)) rows.changed.add(saga_id);
}

/** The statements that write the working set back; none if nothing changed. */
export function saveRows(tx: Tx, rows: OrderRows): readonly PromiseLike<unknown>[] {
  const made = [...rows.made].toSorted().map((saga_id) => orderIn(rows, saga_id));
  const changed = [...rows.changed].map((saga_id) => orderIn(rows, saga_id));
  return [
    ...(made.length > 0 ? [insertOrders(tx, made)] : []),
    ...(changed.length > 0 ? [setStatus(tx, changed)] : []),
  ];
}

/** The table's checks allow null user, currency and address only for a cancelled order. */
interface OrderRow {
  readonly order_id: string;
  readonly saga_id: string;
  readonly user_id: string | null;
  readonly items: OrderDetails["items"];
  readonly total_cents: number;
  readonly currency: string | null;
  readonly shipping_address: OrderDetails["shipping_address"] | null;
  readonly card: OrderDetails["card"];
  readonly status: Order["status"];
  readonly created_at: number;
  readonly updated_at: number;
}

function lockOrders(tx: Tx, sagas: readonly string[]): PendingQuery<OrderRow[]> {
  return tx<OrderRow[]>`
    select order_id, saga_id, user_id, items, total_cents, currency, shipping_address, card, status, created_at, updated_at
      from orders
     where saga_id = any(${[...sagas]}::uuid[])
     order by saga_id
       for no key update`;
}

/** Locks the free orders and returns those that another transaction has locked. Waits for none. */
export function heldOrders(tx: Tx, sagas: readonly string[]): PendingQuery<HeldRow[]> {
  return tx<HeldRow[]>`
    with free as materialized (
      select saga_id from orders where saga_id = any(${[...sagas]}::uuid[]) order by saga_id for no key update skip locked)
    select saga_id, 'orders, saga ' || saga_id as row
      from (select saga_id from orders where saga_id = any(${[...sagas]}::uuid[]) except select saga_id from free) held`;
}

function insertOrders(tx: Tx, orders: readonly Order[]) {
  return tx`
    insert into orders
      (order_id, saga_id, user_id, items, total_cents, currency, shipping_address, card, status, created_at, updated_at)
    select order_id, saga_id, user_id, items, total_cents, currency, shipping_address, card, status, created_at, updated_at
      from json_to_recordset(${JSON.stringify(orders.map(rowOf))}::text::json)
        as made (order_id uuid, saga_id uuid, user_id uuid, items jsonb, total_cents bigint, currency text,
                 shipping_address jsonb, card jsonb, status text, created_at timestamptz, updated_at timestamptz)`;
}

/** The array makes the planner look rows up by key, even while the statistics say that the table is small. */
function setStatus(tx: Tx, orders: readonly Order[]) {
  const changes = orders.map(({ saga_id, status, updated_at }) => ({
    saga_id,
    status,
    updated_at: timestampOf(updated_at),
  }));
  return tx`
    with change as materialized (
      select saga_id, status, updated_at
        from json_to_recordset(${JSON.stringify(changes)}::text::json)
          as change (saga_id uuid, status text, updated_at timestamptz))
    update orders o
       set status = change.status, updated_at = change.updated_at
      from change
     where o.saga_id = any(array(select saga_id from change))
       and o.saga_id = change.saga_id`;
}

function orderOf(row: OrderRow): Order {
  const { order_id, saga_id, status, created_at, updated_at } = row;
  const base = { order_id, saga_id, created_at, updated_at };
  const details = detailsOf(row);
  if (status === "CANCELLED") return { ...base, status, details };
  assert(details !== null, `order ${order_id} is ${status} without a user or an address`);
  return { ...base, status, details };
}

function detailsOf({
  user_id,
  items,
  total_cents,
  currency,
  shipping_address,
  card,
}: OrderRow): OrderDetails | null {
  if (user_id === null || currency === null || shipping_address === null) return null;
  return { user_id, items, total_cents, currency, shipping_address, card };
}

const TOMBSTONE = {
  user_id: null,
  items: [],
  total_cents: 0,
  currency: null,
  shipping_address: null,
  card: null,
};

function rowOf({ order_id, saga_id, status, details, created_at, updated_at }: Order) {
  return {
    order_id,
    saga_id,
    status,
    ...(details ?? TOMBSTONE),
    created_at: timestampOf(created_at),
    updated_at: timestampOf(updated_at),
  };
}

function orderIn(rows: OrderRows, saga_id: string): Order {
  const order = rows.orders.get(saga_id);
  assert(order !== undefined, `saga ${saga_id} is marked as changed but has no order`);
  return order;
}
